"""The paired road: the cast films drivers, and a persona doing the same, as aligned training samples.

A driver is seen as in the live path: through a webcam, by the tracker, measured from its own resting face. The persona
answers with the same actions, head and gaze, upright, in the middle, in its portrait's light: what is left to learn is
expression and view, and the blend brings the driver's light.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.body.landmarks import landmark_points
from mien.engines.cast.body.pose import HeadPose
from mien.engines.cast.camera.light import DESK, PORTRAIT, Rig
from mien.engines.cast.camera.rigs import draw_rig
from mien.engines.cast.camera.webcam import Webcam
from mien.engines.cast.frame import Picture, Shot, View
from mien.engines.cast.pairs.film import draw_behind, draw_object, draw_shot, draw_view
from mien.engines.cast.parts.piece import Label
from mien.engines.cast.portrait import to_bgr
from mien.engines.cast.recipe import Recipe
from mien.engines.cast.render.lamps import Quality
from mien.engines.cast.studio import Actor
from mien.engines.measure.cast import rendered_rotation
from mien.engines.swapnet.code import ACTIONS, ANGLE_DEG, upright_angles
from mien.engines.swapnet.samples import softened, wide_hull
from mien.engines.swapnet.terms import MARGIN, PERSONA_PX
from mien.realtime.aligner import head_square
from mien.realtime.face import Face, Neutral
from mien.realtime.head import HeadFit, fit_head, to_head
from mien.realtime.tracker.detection import Detection
from mien.realtime.tracker.landmarker import Landmarker
from mien.realtime.tracker.model import landmarker_path

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]

#: Side of a driver's frame, px.
PICTURE_PX = 192
#: What counts as the face of a persona (the chin's underside has the neck's label), and what lies before a driver's.
_FACE = (Label.SKIN, Label.LIPS, Label.LEFT_EYE, Label.RIGHT_EYE, Label.LEFT_BROW, Label.RIGHT_BROW, Label.LASHES,
         Label.TEETH, Label.TONGUE, Label.MOUTH, Label.BEARD, Label.GLASSES, Label.NECK)  # fmt: skip
_FRONT = (Label.HAIR, Label.HEADSET)
_STILL_NS = 33_000_000
#: A persona is rendered so many times finer than it is stored.
_FINER = 2
#: From the camera to a persona that is rendered for training, m: about as far as a webcam on a monitor.
PERSONA_DISTANCE_M = 0.8


@dataclass(frozen=True, slots=True, eq=False)
class Take:
    """A driver's frame.

    Attributes:
        pixels: (S, S, 3) uint8 BGR.
        face: as tracked, with the driver's neutral.
        front: (S, S) uint8, 255 where hair, a headset or an object is before the face.
        named: (`NAMED`,) float32, the truth.

    """

    pixels: Pixels
    face: Face
    front: Pixels
    named: Floats


class Reply(NamedTuple):
    """A persona's render of a driver's code.

    Attributes:
        pixels: (`PERSONA_PX`, `PERSONA_PX`, 3) uint8 BGR.
        mask: (`PERSONA_PX`, `PERSONA_PX`) uint8, 255 on its face.
        landmarks: (478, 2) float32 px; the middle of the first pixel is (0, 0).

    """

    pixels: Pixels
    mask: Pixels
    landmarks: Floats


class Eye:
    """The tracker, to whom each picture is the first one, seen twice: the second time from its own face."""

    def __init__(self) -> None:
        self._landmarker = Landmarker(landmarker_path(), max_faces=2)
        self._shown = 0

    def __call__(self, pixels: Pixels) -> Detection | None:
        """The one face of (H, W, 3) BGR pixels; None for none or several."""
        found: list[Detection] = []
        for picture in (np.full_like(pixels, 128), pixels, pixels):
            self._shown += 1
            found = self._landmarker(picture, self._shown * _STILL_NS)
        return found[0] if len(found) == 1 else None


def shoot_persona(
    actor: Actor, named: Floats, quality: Quality = "fast", distance: float = PERSONA_DISTANCE_M
) -> Reply:
    """The persona under a (`NAMED`,) code, framed as the network's square.

    `quality` is `Actor.shoot`'s, and `distance` the camera's, m: a nearer one sees a longer nose and a narrower face.

    Rendered at twice the size and averaged: else brows, lashes and highlights are jagged, and a network cannot learn
    steps that jump with every pixel that the head moves.
    """
    yaw, pitch, gaze_yaw, gaze_pitch = (float(x) for x in named[len(ACTIONS) :] * np.float32(ANGLE_DEG))
    actions = {name: float(value) for name, value in zip(ACTIONS, named, strict=False) if value > 0}
    shot = Shot(actions, HeadPose(yaw=yaw, pitch=pitch), (gaze_yaw, gaze_pitch))
    side = _FINER * PERSONA_PX
    behind = np.full((side, side, 3), 0.18, np.float32)
    picture = actor.shoot(shot, _framed(actor, shot, side, distance), PORTRAIT, behind, quality=quality)
    size = (PERSONA_PX, PERSONA_PX)
    return Reply(
        np.asarray(cv2.resize(to_bgr(picture.colour), size, interpolation=cv2.INTER_AREA), np.uint8),
        np.asarray(cv2.resize(_face_mask(picture), size, interpolation=cv2.INTER_AREA), np.uint8),
        # The renderer's pixel centres are at halves, the crop's at whole numbers.
        (picture.landmarks / _FINER - 0.5).astype(np.float32),
    )


def _face_mask(picture: Picture) -> Pixels:
    """(S, S) uint8, 255 on the face: inside the landmarks' hull, a little widened, and not under hair or a headset."""
    inside = wide_hull(picture.landmarks, picture.labels.shape[0])
    face = np.isin(picture.labels, _FACE).astype(np.uint8) * np.uint8(255)
    # Single hairs and lashes leave no holes.
    hole = np.ones((4 * _FINER + 1, 4 * _FINER + 1), np.uint8)
    face = np.asarray(cv2.morphologyEx(face, cv2.MORPH_CLOSE, hole), np.uint8)
    return softened(np.asarray(cv2.min(inside, face), np.uint8))


def _framed(actor: Actor, shot: Shot, size_px: int, distance: float) -> View:
    """The frontal camera that sees the head just as `head_square` would cut it out."""
    body, posture = actor.person.body, actor.posture(shot)
    points = landmark_points(body, posture.points, shot.gaze, posture.turn, posture.shift)
    view = View(size_px, size_px, span=0.25, distance=distance, aim=(0.0, 0.0, -0.03))
    for _ in range(3):
        fit = fit_head(seen_landmarks(view, points, body.brow_centre))
        square = head_square(fit, size_px, MARGIN)
        scale = float(np.linalg.norm(square.matrix[:, 0]))
        metres = view.span / size_px
        centre = np.linalg.solve(square.matrix[:, :2], np.full(2, (size_px - 1) / 2) - square.matrix[:, 2])
        right, down = (centre - (size_px - 1) / 2) * metres
        aim = (view.aim[0] + float(right), view.aim[1], view.aim[2] - float(down))
        view = View(size_px, size_px, span=view.span / scale, distance=view.distance, aim=aim)
    return view


def seen_landmarks(view: View, points: Floats, eyes: Floats) -> Floats:
    """(N, 3) float32: (N, 3) points of the world as the tracker gives landmarks: px, z away from the camera in px."""
    origin, _, _, forward = view.axes(eyes)
    depth = (points - origin) @ forward
    z = (depth - depth.mean()) * view.height / view.span
    # The renderer's pixel centres are at halves, the aligner's at whole numbers.
    return np.column_stack([view.project(points, eyes) - np.float32(0.5), z]).astype(np.float32)


def without_hair(recipe: Recipe) -> Recipe:
    """The persona whose brow is free: hair stays the driver's, as a swap of faces leaves it."""
    return replace(recipe, look=replace(recipe.look, hair_style="shaved", headset="none"))


def resting(driver: Actor, eye: Eye) -> Neutral | None:
    """As calibration takes it: a frontal look at a resting face, in daylight; None where the tracker finds none."""
    view = View(PICTURE_PX, PICTURE_PX, span=0.30)
    picture = driver.shoot(Shot(), view, DESK, np.full((PICTURE_PX, PICTURE_PX, 3), 0.18, np.float32))
    found = eye(to_bgr(picture.colour))
    if found is None:
        return None
    shape = to_head(found.landmarks, fit_head(found.landmarks))
    return Neutral(shape.astype(np.float32), found.blendshapes.astype(np.float32))


def shoot_driver(
    driver: Actor,
    rest: Neutral | None,
    rng: np.random.Generator,
    eye: Eye,
    *,
    size_px: int = PICTURE_PX,
    objects: float = 0.0,
    rig: Rig | None = None,
    webcam: bool = True,
) -> Take | None:
    """One random code, view, light, room and camera; None where the tracker does not find exactly one face.

    Args:
        driver: who.
        rest: their `resting`; None gives None.
        rng: all choices; the same for the same state, whatever `rig` and `webcam` are.
        eye: the tracker.
        size_px: side of the frame.
        objects: share of frames with an object before the face.
        rig: the light, instead of the drawn one.
        webcam: shoot through the drawn webcam, or leave the picture as it was rendered.

    """
    shot, view, drawn = draw_shot(rng), draw_view(rng, size_px), draw_rig(rng)
    behind, camera = draw_behind(rng, size_px, drawn if rig is None else rig), Webcam.draw(rng)
    loose = (draw_object(driver, shot, rng),) if rng.random() < objects else ()
    picture = driver.shoot(shot, view, drawn if rig is None else rig, behind, loose=loose, quality="fast")
    pixels = camera.shoot(picture.colour) if webcam else to_bgr(picture.colour)
    found = eye(pixels)
    if found is None or rest is None:
        return None
    face = Face(1, found.landmarks, found.blendshapes, found.pose, rest)
    front = np.maximum(picture.occluder, np.isin(picture.labels, _FRONT).astype(np.float32))
    return Take(pixels, face, (front * 255).astype(np.uint8), _named(picture))


def _named(picture: Picture) -> Floats:
    """(`NAMED`,) float32: what the picture shows, the head's angles along the line of sight."""
    shot = picture.shot
    rotation = rendered_rotation(picture.view, shot.pose, picture.landmarks).astype(np.float32)
    angles = upright_angles(HeadFit(rotation, 1.0, np.zeros(3, np.float32)))
    actions = [shot.actions.get(name, 0.0) for name in ACTIONS]
    return np.array([*actions, *(angles / ANGLE_DEG), *(np.array(shot.gaze) / ANGLE_DEG)], np.float32)
