"""Packs made by hand, so that each test can spoil one thing of them."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tomli_w

from mien.engines.personas.landmarks import dump_landmarks
from mien.engines.personas.manifest import Manifest
from mien.engines.personas.picture import encode_png
from mien.engines.personas.trust import Trust
from mien.realtime.face import Face
from mien.realtime.frame import Pixels

SIDE_PX = 160
CONSENT = b"I, A. B., agree that my picture is used as a persona by C. D. Signed: A. B."
CAST = {"name": "pat", "seed": 7, "size": SIDE_PX, "version": 1}


def picture(side_px: int = SIDE_PX) -> Pixels:
    """A smooth picture that is nobody."""
    ramp = np.linspace(30, 220, side_px, dtype=np.float32)
    planes = [np.add.outer(ramp * a, ramp * b) for a, b in ((0.5, 0.4), (0.2, 0.7), (0.6, 0.1))]
    return np.ascontiguousarray(np.stack(planes, axis=2).astype(np.uint8))


def face(side_px: int = SIDE_PX) -> Face:
    """478 points in the middle of the picture, their eye corners apart."""
    rng = np.random.default_rng(5)
    landmarks = rng.uniform(0.3, 0.7, (478, 3)).astype(np.float32) * side_px
    landmarks[33, :2], landmarks[263, :2] = (0.3 * side_px, 0.4 * side_px), (0.7 * side_px, 0.4 * side_px)
    landmarks[234, :2], landmarks[454, :2] = (0.2 * side_px, 0.5 * side_px), (0.8 * side_px, 0.5 * side_px)
    return Face(1, landmarks, np.linspace(0, 1, 52, dtype=np.float32), np.eye(4, dtype=np.float32))


def finder(*found: Face) -> Any:
    """A tracker that sees these faces in every picture."""
    return lambda pixels: found


def files(kind: str = "consented") -> dict[str, bytes]:
    """The files of a good pack, without its manifest."""
    made = {
        "portrait.png": encode_png(picture()),
        "landmarks.json": dump_landmarks(face(), SIDE_PX, SIDE_PX),
    }
    return made if kind == "synthetic" else {**made, "consent.txt": CONSENT}


def table(kind: str = "consented", **changes: Any) -> dict[str, Any]:
    """A good manifest's table without [files]; `changes` replace keys, None removes them."""
    base: dict[str, Any] = {
        "format": 1,
        "name": "pat",
        "kind": kind,
        "engine": "mesh",
        "licence": "CC0-1.0",
        "description": "for tests",
        "mesh": {"portrait": "portrait.png", "landmarks": "landmarks.json"},
    }
    if kind == "synthetic":
        base["cast"] = dict(CAST)
    else:
        base["consent"] = {"file": "consent.txt", "sha256": hashlib.sha256(CONSENT).hexdigest()}
    return {key: value for key, value in {**base, **changes}.items() if value is not None}


def manifest(of: Mapping[str, Any], held: Mapping[str, bytes]) -> bytes:
    """persona.toml, with the hash and size of each of `held` unless the table has its own [files]."""
    entries = {name: {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)} for name, data in held.items()}
    return tomli_w.dumps({"files": entries, **of}).encode()


def write_folder(root: Path, held: Mapping[str, bytes], of: Mapping[str, Any] | None = None) -> Path:
    """A pack's folder; `of` is its table."""
    root.mkdir(parents=True, exist_ok=True)
    for name, data in {"persona.toml": manifest(table() if of is None else of, held), **held}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def write_zip(path: Path, held: Mapping[str, bytes], of: Mapping[str, Any] | None = None, *, top: str = "") -> Path:
    """A pack's zip; `top` puts all files in one folder."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {"persona.toml": manifest(table() if of is None else of, held), **held}.items():
            archive.writestr(top + name, data)
    return path


class TrustsAll(Trust):
    """For tests of what comes after trust."""

    def accepts(self, manifest: Manifest, digest: str) -> bool:
        return True


def enlarge(pixels: Pixels, factor: float) -> Pixels:
    """Scaled by `factor`."""
    return np.asarray(cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC), np.uint8)
