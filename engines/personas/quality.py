"""Whether a portrait can become a persona. Every limit has its reason; every failure says what to change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.engines.personas.regions import CHEEKS, FACE_OVAL, polygon_mask
from mien.realtime.face import Face
from mien.realtime.frame import Floats, Pixels

#: Ear to ear, px. At 720p a streamer's face is 180 to 300 px wide; a smaller portrait would be enlarged.
MIN_FACE_WIDTH_PX = 200.0
#: The mesh shows what the portrait shows: a cheek that is foreshortened here smears when the driver turns away.
MAX_YAW_DEG = 15.0
#: The landmarker gives an upright head a pitch of about +4 degrees (six drivers: -5 to +10).
PITCH_RANGE_DEG = (-15.0, 20.0)
MAX_ROLL_DEG = 15.0
#: Variance of the Laplacian over that of the grey values, face scaled to 160 px. Six drivers' video: 0.0095 (soft
#: webcam), else 0.03 to 0.14; after a Gaussian blur of 2 px at 220 px: 0.004 to 0.016.
MIN_SHARPNESS = 0.015
_SHARPNESS_WIDTH_PX = 160.0
#: Six drivers with open eyes score up to 0.36, closed ones 0.6 and more.
MAX_BLINK = 0.5
#: Mean of one eye's look inwards and the other's outwards; the persona's gaze starts from the portrait's. Drivers who
#: look into the camera score up to 0.25, a plain glance aside 0.5 to 0.85.
MAX_GAZE_ASIDE = 0.45
MAX_GAZE_UP = 0.6
MAX_GAZE_DOWN = 0.75
#: Inner lips' distance over the outer eye corners'. Closed mouths: up to 0.03; a smile that shows teeth: 0.1.
MAX_LIP_GAP = 0.06
MAX_JAW_OPEN = 0.25
#: Mean of both mouthSmile scores that a portrait may keep: the driver's own smile is added to it.
MAX_SMILE = 0.3
#: Other mouth shapes, by their score; resting drivers reach 0.5 for the pucker.
_MAX_MOUTH_SHAPES = {
    "mouthPucker": 0.75,
    "mouthFunnel": 0.5,
    "cheekPuff": 0.5,
    "mouthFrownLeft": 0.6,
    "mouthFrownRight": 0.6,
}
#: Median lightness (CIE L*) of the cheeks. Very dark skin in good light reads 25 and more.
LIGHTNESS_RANGE = (18.0, 92.0)
#: Difference of the two cheeks' median L*; side light of 20 is plainly baked into the persona.
MAX_SIDE_DIFFERENCE = 18.0
#: Share of the face's pixels that may be pure white or black.
MAX_CLIPPED = 0.06


@dataclass(frozen=True, slots=True)
class Measures:
    """What was read off a portrait; degrees, px and scores as the limits above.

    Attributes:
        face_width_px: ear to ear.
        yaw_deg: to the side.
        pitch_deg: up or down.
        roll_deg: tilted towards a shoulder.
        sharpness: normalised variance of the Laplacian.
        blink: greater of the two eyeBlink scores.
        lip_gap: inner lips' distance over the eye corners'.
        jaw_open: the score.
        smile: mean of both mouthSmile scores.
        lightness: median CIE L* of the cheeks.
        side_difference: of the two cheeks' median L*.
        clipped: share of pixels at either end.

    """

    face_width_px: float
    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    sharpness: float
    blink: float
    lip_gap: float
    jaw_open: float
    smile: float
    lightness: float
    side_difference: float
    clipped: float


def measure(portrait: Pixels, face: Face) -> Measures:
    """Read the measures of a face of (H, W, 3) uint8 BGR `portrait`."""
    xy = face.landmarks[:, :2]
    yaw, pitch, roll = angles_deg(face.pose)
    eyes = max(float(np.linalg.norm(xy[33] - xy[263])), 1e-3)
    sides = [float(np.median(_lightness(portrait)[polygon_mask(portrait, xy[list(points)]) > 0])) for points in CHEEKS]
    inside = portrait[polygon_mask(portrait, xy[list(FACE_OVAL)]) > 0]
    clipped = float((inside.min(axis=1) >= 250).mean() + (inside.max(axis=1) <= 5).mean()) if len(inside) else 1.0
    return Measures(
        face_width_px=_width(xy),
        yaw_deg=yaw,
        pitch_deg=pitch,
        roll_deg=roll,
        sharpness=sharpness(portrait, xy),
        blink=max(face.blendshape("eyeBlinkLeft"), face.blendshape("eyeBlinkRight")),
        lip_gap=float(np.linalg.norm(xy[13] - xy[14])) / eyes,
        jaw_open=face.blendshape("jawOpen"),
        smile=smile(face),
        lightness=min(sides),
        side_difference=abs(sides[0] - sides[1]),
        clipped=clipped,
    )


def problems(portrait: Pixels, face: Face) -> tuple[str, ...]:
    """Every reason why this face cannot be a persona, each with what to change; the smile apart (see `create`)."""
    measures = measure(portrait, face)
    return (*_geometry(portrait, face, measures), *_expression(face, measures), *_light(measures))


def smile(face: Face) -> float:
    """Mean of both mouthSmile scores, 0..1."""
    return (face.blendshape("mouthSmileLeft") + face.blendshape("mouthSmileRight")) / 2


def angles_deg(pose: Floats) -> tuple[float, float, float]:
    """(yaw, pitch, roll) in degrees of a (4, 4) facial transformation; zero looks straight into the camera."""
    rotation = pose[:3, :3] / max(float(np.linalg.norm(pose[:3, 0])), 1e-6)
    yaw = np.arctan2(rotation[0, 2], rotation[2, 2])
    pitch = np.arcsin(np.clip(-rotation[1, 2], -1.0, 1.0))
    roll = np.arctan2(rotation[1, 0], rotation[1, 1])
    return float(np.degrees(yaw)), float(np.degrees(pitch)), float(np.degrees(roll))


def sharpness(portrait: Pixels, xy: Floats) -> float:
    """Variance of the Laplacian over the variance of the grey values, with the face scaled to 160 px.

    After Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy" (ICPR 2000), section 2; the division
    makes it independent of contrast, the scaling of the picture's size, so that an enlarged small face reads as soft.
    """
    height, width = portrait.shape[:2]
    x0, y0 = np.clip(np.floor(xy.min(axis=0)), 0, (width - 2, height - 2)).astype(int)
    x1, y1 = np.clip(np.ceil(xy.max(axis=0)), (x0 + 2, y0 + 2), (width, height)).astype(int)
    scale = _SHARPNESS_WIDTH_PX / max(_width(xy), 1.0)
    size = (max(8, round((x1 - x0) * scale)), max(8, round((y1 - y0) * scale)))
    shrink = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    grey = cv2.cvtColor(cv2.resize(portrait[y0:y1, x0:x1], size, interpolation=shrink), cv2.COLOR_BGR2GRAY)
    values = grey.astype(np.float32)
    return float(cv2.Laplacian(values, cv2.CV_32F).var() / max(float(values.var()), 1.0))


def _geometry(portrait: Pixels, face: Face, measures: Measures) -> Iterator[str]:
    height, width = portrait.shape[:2]
    x0, y0, x1, y1 = face.box
    if x0 < 0 or y0 < 0 or x1 > width or y1 > height:
        yield "the face is cut off by the picture's edge: leave room around the whole head."
    if measures.face_width_px < MIN_FACE_WIDTH_PX:
        yield (
            f"the face is too small ({measures.face_width_px:.0f} px wide, at least {MIN_FACE_WIDTH_PX:.0f}): take the "
            "picture from nearer, or use a larger original (not an enlarged one), cropped to head and shoulders."
        )
    if measures.sharpness < MIN_SHARPNESS:
        yield (
            f"the face is blurred (sharpness {measures.sharpness:.4f}, at least {MIN_SHARPNESS} is needed): "
            "use a picture in focus, with more light and a still head."
        )
    low, high = PITCH_RANGE_DEG
    if abs(measures.yaw_deg) > MAX_YAW_DEG:
        yield (
            f"the head is turned {abs(measures.yaw_deg):.0f} degrees to the side (at most {MAX_YAW_DEG:.0f}): "
            "look straight into the camera."
        )
    if not low <= measures.pitch_deg <= high:
        yield f"the head is tilted up or down by {abs(measures.pitch_deg):.0f} degrees: hold the camera at eye level."
    if abs(measures.roll_deg) > MAX_ROLL_DEG:
        yield (
            f"the head leans {abs(measures.roll_deg):.0f} degrees to a shoulder (at most {MAX_ROLL_DEG:.0f}): "
            "hold it upright, or turn the picture."
        )


def _expression(face: Face, measures: Measures) -> Iterator[str]:
    if measures.blink > MAX_BLINK:
        yield f"an eye is closed (blink {measures.blink:.2f}, at most {MAX_BLINK}): both eyes must be open."
    if measures.lip_gap > MAX_LIP_GAP or measures.jaw_open > MAX_JAW_OPEN:
        yield (
            f"the mouth is open or shows teeth (gap {measures.lip_gap:.2f} of the eyes' distance, at most "
            f"{MAX_LIP_GAP}): use a picture with the lips closed."
        )
    if _looks_away(face):
        yield "the eyes look away: look straight into the camera."
    for name, limit in _MAX_MOUTH_SHAPES.items():
        if (score := face.blendshape(name)) > limit:
            yield f"the face is not neutral ({name} {score:.2f}, at most {limit}): relax the mouth and the cheeks."


def _looks_away(face: Face) -> bool:
    def mean(first: str, second: str) -> float:
        return (face.blendshape(f"eyeLook{first}") + face.blendshape(f"eyeLook{second}")) / 2

    aside = max(mean("InLeft", "OutRight"), mean("InRight", "OutLeft"))
    up, down = mean("UpLeft", "UpRight"), mean("DownLeft", "DownRight")
    return aside > MAX_GAZE_ASIDE or up > MAX_GAZE_UP or down > MAX_GAZE_DOWN


def _light(measures: Measures) -> Iterator[str]:
    low, high = LIGHTNESS_RANGE
    if measures.lightness < low:
        yield f"the face is too dark (L* {measures.lightness:.0f}, at least {low:.0f}): put a light in front of it."
    if measures.lightness > high or measures.clipped > MAX_CLIPPED:
        yield "the face is over- or under-exposed, parts of it are pure white or black: use softer light."
    if measures.side_difference > MAX_SIDE_DIFFERENCE:
        yield (
            f"one side of the face is much brighter than the other (by {measures.side_difference:.0f} L*, at most "
            f"{MAX_SIDE_DIFFERENCE:.0f}): use even light from the front."
        )


def _width(xy: Floats) -> float:
    return float(np.linalg.norm(xy[454] - xy[234]))


def _lightness(portrait: Pixels) -> NDArray[np.float32]:
    lab = cv2.cvtColor(portrait, cv2.COLOR_BGR2LAB)
    return (lab[:, :, 0].astype(np.float32) * np.float32(100 / 255)).astype(np.float32)
