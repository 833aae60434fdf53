"""Clips to measure signals on: bare ones and the same swapped, encoded alike. Written to a folder, never shipped."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from mien.engines.measure.final import frames_of, outputs
from mien.engines.verify.media import open_media
from mien.engines.verify.signals.sight import LEAST_SIGHTS, Sights, watch
from mien.realtime.clock import NS_PER_S
from mien.realtime.frame import Pixels
from mien.realtime.mark import Marker

#: Who stands in, clip by clip in turn. Two engines, no persona in common.
PERSONAS = {"mesh": ("viggo", "linh", "mateo"), "swapnet": ("amara",)}
BARE = "bare"
#: Conditions: CRF and scale, one after the other.
AS_WRITTEN, RECOMPRESSED = "as written", "recompressed"
_WRITTEN, _AGAIN = (20, 1.0), (28, 0.5)
#: Rendered people: seeds of nobody that ships.
SEEDS, _RENDER_S, _RENDER_PX = (401, 402, 403, 404), 6.0, 480


@dataclass(frozen=True, slots=True)
class Film:
    """One encoded clip: whose pictures, under which condition."""

    clip: str
    engine: str
    condition: str
    path: Path


def encode(pictures: Iterator[Pixels], path: Path, fps: float, crf: int, scale: float) -> None:
    """Write H.264 as the file sink does; until it is whole the file has another name."""
    part = path.with_name(f"part-{path.name}")
    with av.open(str(part), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        stream.pix_fmt, stream.options = "yuv420p", {"crf": str(crf), "preset": "fast", "bf": "0"}
        for picture in pictures:
            height, width = (round(side * scale / 2) * 2 for side in picture.shape[:2])
            small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA) if scale != 1 else picture
            if not stream.codec_context.is_open:
                stream.width, stream.height = width, height
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(small, np.uint8), format="bgr24")))
        container.mux(stream.encode(None))
    part.replace(path)


def films(clips: Sequence[Path], seconds: float, work: Path) -> Iterator[Film]:
    """Every clip, bare and by each engine, under each condition; those in `work` already are not made again."""
    for number, clip in enumerate(clips):
        fps = rate(clip)
        for engine in (BARE, *PERSONAS):
            written = work / f"{clip.stem}-{engine}-written.mp4"
            again = work / f"{clip.stem}-{engine}-again.mp4"
            if not written.exists():
                pictures = list(itertools.islice(frames_of(clip), round(seconds * fps)))
                if engine == BARE:
                    shown = _alike(pictures)
                else:
                    names = PERSONAS[engine]
                    shown = iter(outputs(pictures, names[number % len(names)], engine=engine))
                encode(shown, written, fps, *_WRITTEN)
            if not again.exists():
                encode(frames_of(written), again, fps, *_AGAIN)
            yield Film(clip.stem, engine, AS_WRITTEN, written)
            yield Film(clip.stem, engine, RECOMPRESSED, again)


def _alike(pictures: Sequence[Pixels]) -> Iterator[Pixels]:
    """Bare pictures with what our output has over them: else a signal would find the mark, and not the face.

    Nobody is shown these: they are measured, and stay in the working folder.
    """
    marker = Marker(pictures[0].shape[1], pictures[0].shape[0])
    for index, picture in enumerate(pictures):
        now = index * NS_PER_S // 30
        frame = marker.mark_persona(
            picture.copy(), label="modified", sequence=index, capture_ns=now, media_ns=now, now_ns=now
        )
        yield frame.pixels


def rate(clip: Path) -> float:
    """Pictures a second."""
    with av.open(str(clip)) as container:
        return float(container.streams.video[0].average_rate or 30)


def runs_of(path: Path) -> list[Sights]:
    """The runs of an encoded clip, exactly as the verifier sees them."""
    media = open_media(path)
    try:
        return [run for run in watch(media.looks()) if len(run) >= LEAST_SIGHTS]
    finally:
        media.close()


def auc(bare: Sequence[float], swapped: Sequence[float]) -> float:
    """Chance that a swapped face's number is greater than a bare one's, ties half; NaN where a side is empty."""
    one, other = np.asarray(swapped)[:, None], np.asarray(bare)[None]
    if not one.size or not other.size:
        return float("nan")
    return float(((one > other) + 0.5 * (one == other)).mean())


def rendered(work: Path, count: int) -> list[Path]:
    """Clips of `count` people who do not exist, through a webcam; `MissingExtraError` without the cast's packages."""
    # Imported here: only whoever renders has the cast's packages.
    from mien.engines.cast.clip import ClipPlan, film
    from mien.engines.cast.recipe import Recipe

    paths = []
    for seed in SEEDS[:count]:
        path = work / f"seed{seed}.mp4"
        if not path.exists():
            film(ClipPlan(Recipe(f"driver{seed}", seed), seconds=_RENDER_S, height=_RENDER_PX), path)
        paths.append(path)
    return paths
