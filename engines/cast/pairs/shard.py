"""Shards: tar files of pairs in WebDataset's manner (`000123.driver.jpg`, `000123.json`), written whole or not at all.

Pictures are JPEG (quality 95, no chroma subsampling); masks and labels are PNG, so they come back exactly.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.engines.cast.pairs.record import Pair, Pixels
from mien.realtime.errors import SourceError

_PICTURES = ("driver", "persona")
_MASKS = ("driver_labels", "occluder", "persona_alpha", "persona_labels")
_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 4]
_NAMES = {*(f"{name}.jpg" for name in _PICTURES), *(f"{name}.png" for name in _MASKS), "json"}
#: A shard is a stranger's file once it has been passed on: nothing in it may be larger than this.
_MAX_MEMBER_BYTES = 16 * 2**20
_MAX_EDGE_PX = 2048


def write_shard(path: Path, pairs: Iterable[Pair]) -> None:
    """Write one shard; until all of it is there, the file has another name."""
    part = path.with_suffix(".part")
    with tarfile.open(part, "w") as tar:
        for index, pair in enumerate(pairs):
            for name, data in _members(pair):
                info = tarfile.TarInfo(f"{index:06d}.{name}")
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    part.replace(path)


def read_shard(path: Path) -> Iterator[Pair]:
    """The pairs of one shard, in order.

    Raises:
        SourceError: the file is no shard, is cut short, or holds something that no pair has.

    """
    try:
        with tarfile.open(path, "r:") as tar:
            group: dict[str, bytes] = {}
            current = ""
            for member in tar:
                key, _, name = member.name.partition(".")
                if not member.isfile() or member.size > _MAX_MEMBER_BYTES or name not in _NAMES:
                    raise SourceError(f"{path.name}: {member.name!r} is no part of a pair of at most 16 MB.")
                if key != current and group:
                    yield _pair(path, group)
                    group = {}
                current = key
                stream = tar.extractfile(member)
                group[name] = b"" if stream is None else stream.read()
            if group:
                yield _pair(path, group)
    except SourceError:
        raise
    except (tarfile.TarError, OSError) as error:
        raise SourceError(f"{path} is no shard of pairs, or is damaged: {error}.") from error


def read_pairs(folder: Path) -> Iterator[Pair]:
    """The pairs of all finished shards of a folder, in order.

    Raises:
        SourceError: there is none, or one cannot be read.

    """
    shards = sorted(folder.glob("pairs-*.tar"))
    if not shards:
        raise SourceError(
            f"{folder} holds no shards of pairs.", hint="Make some: mien cast pairs --out DIR --count 1000"
        )
    for shard in shards:
        yield from read_shard(shard)


def _members(pair: Pair) -> Iterator[tuple[str, bytes]]:
    for name in _PICTURES:
        yield f"{name}.jpg", _encoded(".jpg", getattr(pair, name), _JPEG)
    for name in _MASKS:
        yield f"{name}.png", _encoded(".png", getattr(pair, name), _PNG)
    facts = {name: value for name, value in asdict(pair).items() if name not in _PICTURES and name not in _MASKS}
    for name in ("driver_landmarks", "persona_landmarks"):
        facts[name] = np.round(facts[name], 2).tolist()
    yield "json", json.dumps(facts, separators=(",", ":")).encode()


def _encoded(kind: str, picture: Pixels, options: list[int]) -> bytes:
    done, data = cv2.imencode(kind, picture, options)
    if not done:
        raise OSError(f"OpenCV cannot encode a {kind} of {picture.shape}.")
    return data.tobytes()


def _pair(path: Path, group: dict[str, bytes]) -> Pair:
    try:
        facts: dict[str, Any] = json.loads(group["json"])
        pictures: dict[str, Any] = {name: _decoded(group[f"{name}.jpg"], cv2.IMREAD_COLOR) for name in _PICTURES}
        masks: dict[str, Any] = {name: _decoded(group[f"{name}.png"], cv2.IMREAD_GRAYSCALE) for name in _MASKS}
        if len({picture.shape[:2] for picture in (*pictures.values(), *masks.values())}) != 1:
            raise ValueError("its pictures are not of one size")
        for name in ("driver_landmarks", "persona_landmarks"):
            facts[name] = _numbers(facts[name], (478, 2)).astype(np.float32)
        facts["pose"], facts["gaze"] = tuple(_numbers(facts["pose"], (3,))), tuple(_numbers(facts["gaze"], (2,)))
        facts["actions"] = {str(name): float(value) for name, value in dict(facts["actions"]).items()}
        return Pair(**pictures, **masks, **facts)
    except (KeyError, ValueError, TypeError, RecursionError, OSError, cv2.error) as error:
        raise SourceError(f"{path.name} holds a pair that cannot be read: {error}.") from error


def _numbers(values: object, shape: tuple[int, ...]) -> NDArray[np.float64]:
    numbers = np.array(values, np.float64).reshape(shape)
    if not np.isfinite(numbers).all():
        raise ValueError("a number is not finite")
    return numbers


def _decoded(data: bytes, mode: int) -> NDArray[np.uint8]:
    # Pillow reads the size without decoding: a small file may unfold to gigabytes.
    with Image.open(io.BytesIO(data)) as header:
        if max(header.size) > _MAX_EDGE_PX:
            raise ValueError(f"a picture of {header.size} px is larger than {_MAX_EDGE_PX} px")
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), mode)
    if picture is None:
        raise ValueError("a picture is damaged")
    return np.asarray(picture, np.uint8)
