"""Faces, toy samples and filmed ones for the network's tests."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np

from mien.engines.personas.library import find
from mien.engines.personas.pack import Networks
from mien.engines.swapnet.code import NAMED, NAMED_INDEX, TRACKED_SIZE
from mien.engines.swapnet.marks import Marks, fit_marks, kept_landmarks
from mien.engines.swapnet.samples import (
    DRIVER_PX,
    PERSONA_PX,
    DriverShard,
    PersonaShard,
    Pictures,
    write_shard,
)
from mien.engines.swapnet.terms import MARGIN
from mien.realtime.aligner import head_square
from mien.realtime.face import Face, Neutral
from mien.realtime.head import fit_head, head_model


def face(
    *, yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0, scale: float = 12.0, scores: np.ndarray | None = None,
    neutral: Neutral | None = None, middle: tuple[float, float] = (320.0, 240.0),
) -> Face:  # fmt: skip
    """The canonical face turned by degrees, as `HeadPose` counts them, in a picture of 640x480 px."""
    a, b, c = (math.radians(x) for x in (yaw, -pitch, roll))
    about_y = np.array([[math.cos(a), 0, -math.sin(a)], [0, 1, 0], [math.sin(a), 0, math.cos(a)]])
    about_x = np.array([[1, 0, 0], [0, math.cos(b), -math.sin(b)], [0, math.sin(b), math.cos(b)]])
    about_z = np.array([[math.cos(c), -math.sin(c), 0], [math.sin(c), math.cos(c), 0], [0, 0, 1]])
    points = head_model().landmarks @ (about_z @ about_y @ about_x).T * scale + (*middle, 0)
    scores = np.zeros(52, np.float32) if scores is None else scores
    return Face(1, points.astype(np.float32), scores, np.eye(4, dtype=np.float32), neutral)


def at_rest() -> Neutral:
    """The canonical face's neutral."""
    return Neutral(head_model().landmarks.astype(np.float32), np.zeros(52, np.float32))


def amaras_networks() -> Networks:
    """Those that ship."""
    found = find("amara").networks
    assert found is not None
    return found


def still_marks() -> Marks:
    """Of a persona whose landmarks lie where the canonical face's do, whatever its code: it fits `face()`."""
    given = face()
    square = head_square(fit_head(given.landmarks), 256, MARGIN).apply(given.landmarks[:, :2])
    weights = np.zeros_like(fit_marks(np.zeros((1, len(NAMED)), np.float32), square[None], 256)._weights)
    weights[0] = (square[kept_landmarks()] + 0.5) / 256
    return Marks(weights)


def toy_shards(
    folder: Path, personas: tuple[str, ...], shards: int = 2, count: int = 24, seed: int = 0, *, known: bool = True
) -> None:
    """Ellipses with a mouth that opens with jawOpen and a head that is moved by headYaw: quick to make and to learn.

    Not `known`, they are as recordings are: nobody can say their code.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(shards):
        rng = np.random.default_rng((seed, number))
        named = np.zeros((count, len(NAMED)), np.float32)
        named[:, NAMED_INDEX["jawOpen"]] = rng.random(count)
        named[:, NAMED_INDEX["headYaw"]] = rng.uniform(-1, 1, count)
        tracked = rng.normal(0, 0.01, (count, TRACKED_SIZE)).astype(np.float32)
        tracked[:, : len(NAMED)] += named
        drivers = [_toy(each, DRIVER_PX, (90, 120, 200)) for each in named]
        front = [np.zeros((DRIVER_PX, DRIVER_PX), np.uint8) for _ in named]
        people = np.full(count, number, np.int64)
        code = named if known else np.full_like(named, np.nan)
        shard = DriverShard(Pictures.encode(drivers), Pictures.encode(front), tracked, code, people)
        write_shard(folder / f"drivers-{number:05d}.safetensors", shard)
        for k, name in enumerate(personas):
            pictures = [_toy(code, PERSONA_PX, ((40, 160, 90), (200, 90, 60))[k % 2]) for code in named]
            masks = [np.where(each.max(axis=2) > 30, 255, 0).astype(np.uint8) for each in pictures]
            marks = np.repeat(_marks()[None], count, axis=0)
            write_shard(
                folder / f"{name}-{number:05d}.safetensors",
                PersonaShard(Pictures.encode(pictures), Pictures.encode(masks), marks),
            )


def _toy(code: np.ndarray, size: int, colour: tuple[int, int, int]) -> np.ndarray:
    out = np.full((size, size, 3), 10, np.uint8)
    x = size // 2 + int(code[NAMED_INDEX["headYaw"]] * size / 10)
    cv2.ellipse(out, (x, size // 2), (size // 4, size // 3), 0, 0, 360, colour, -1, cv2.LINE_AA)
    height = 2 + int(code[NAMED_INDEX["jawOpen"]] * size / 8)
    cv2.ellipse(out, (x, 2 * size // 3), (size // 10, height), 0, 0, 360, (15, 15, 60), -1, cv2.LINE_AA)
    return out


def _marks() -> np.ndarray:
    shape = head_model().landmarks[:, :2]
    return ((shape - shape.mean(0)) * PERSONA_PX / 26 + PERSONA_PX / 2).astype(np.float32)
