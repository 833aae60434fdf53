"""Did the driver's motion arrive: blendshapes and head pose of the output against the driver's, frame by frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mien.realtime.face import BLENDSHAPE_INDEX, Face
from mien.realtime.frame import Floats

#: Channels that a wearer notices first.
CHANNELS = ("jawOpen", "eyeBlinkLeft", "eyeBlinkRight", "mouthSmileLeft", "mouthSmileRight")
#: Subtler ones: brows, pucker, gaze.
SUBTLE_CHANNELS = (
    "browInnerUp", "browDownLeft", "browDownRight", "browOuterUpLeft", "browOuterUpRight", "mouthPucker",
    "eyeLookDownLeft", "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight",
    "eyeLookUpLeft", "eyeLookUpRight",
)  # fmt: skip
#: A channel whose driver varies less than this (standard deviation) says nothing and is left out.
LEAST_STD = 0.05


@dataclass(frozen=True, slots=True)
class ChannelMotion:
    """One blendshape over a clip.

    Attributes:
        name: ARKit's name.
        std: standard deviation of the driver's score.
        r: Pearson correlation of the output's score with the driver's; 0 where the output never moves.
        slope: of the regression of the output's score on the driver's; 1 keeps the amplitude.
        mae: mean absolute error.

    """

    name: str
    std: float
    r: float
    slope: float
    mae: float


@dataclass(frozen=True, slots=True)
class MotionReport:
    """A clip's motion.

    Attributes:
        channels: those whose driver moves.
        pose_deg: median angle between the heads' rotations, degrees; NaN without a common frame.
        frames: in which both faces were found.
        lost: in which the driver was found and the output was not.

    """

    channels: tuple[ChannelMotion, ...]
    pose_deg: float
    frames: int
    lost: int


def compare_motion(driver: Sequence[Face | None], output: Sequence[Face | None]) -> MotionReport:
    """Compare faces of the same frames, None where no face was found. Raises `ValueError` for unequal lengths."""
    if len(driver) != len(output):
        raise ValueError(f"driver has {len(driver)} frames and output {len(output)}; they must be the same frames.")
    pairs = [(a, b) for a, b in zip(driver, output, strict=True) if a is not None and b is not None]
    lost = sum(a is not None and b is None for a, b in zip(driver, output, strict=True))
    if not pairs:
        return MotionReport((), float("nan"), 0, lost)
    ours = np.stack([a.blendshapes for a, _ in pairs])
    theirs = np.stack([b.blendshapes for _, b in pairs])
    found = [_channel(name, ours, theirs) for name in (*CHANNELS, *SUBTLE_CHANNELS)]
    pose = float(np.median([rotation_deg(a.pose, b.pose) for a, b in pairs]))
    return MotionReport(tuple(c for c in found if c.std >= LEAST_STD), pose, len(pairs), lost)


def _channel(name: str, driver: Floats, output: Floats) -> ChannelMotion:
    a = driver[:, BLENDSHAPE_INDEX[name]].astype(np.float64)
    b = output[:, BLENDSHAPE_INDEX[name]].astype(np.float64)
    da, db = a - a.mean(), b - b.mean()
    variance, norm = float(da @ da), float(np.sqrt((da @ da) * (db @ db)))
    r = float(da @ db) / norm if norm > 1e-9 else 0.0
    slope = float(da @ db) / variance if variance > 1e-9 else 0.0
    return ChannelMotion(name, float(a.std()), r, slope, float(np.abs(a - b).mean()))


def rotation_deg(first: Floats, second: Floats) -> float:
    """Angle between the rotations of two (4, 4) poses, degrees."""
    relative = _rotation(first).T @ _rotation(second)
    return float(np.degrees(np.arccos(np.clip((np.trace(relative) - 1) / 2, -1, 1))))


def _rotation(pose: Floats) -> Floats:
    left, _, right = np.linalg.svd(pose[:3, :3].astype(np.float64))
    rotation: Floats = left @ right
    return rotation
