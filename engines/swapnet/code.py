"""The expression code: what the tracker tells the network, and the half of the network's own code that has names.

A tracker trained on real faces reads any driver, so what it says crosses from rendered to real people for free; pixels
add what it misses. Everything is told relative to the driver at rest (`mien.realtime.neutral`), so that the shape of a
face is not taken for an expression.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from mien.realtime.aligner import head_roll
from mien.realtime.expression import neutral_of
from mien.realtime.face import BLENDSHAPE_NAMES, LANDMARK_COUNT, Face
from mien.realtime.frame import Floats
from mien.realtime.head import HeadFit, fit_of, to_head

#: The 51 actions that tracker and cast share.
ACTIONS: Final[tuple[str, ...]] = BLENDSHAPE_NAMES[1:]
#: Angles of the upright head and of the eyes in it, in units of `ANGLE_DEG`; positive as `HeadPose` and `Shot` count.
ANGLES: Final[tuple[str, ...]] = ("headYaw", "headPitch", "gazeYaw", "gazePitch")
#: The named half of the network's code.
NAMED: Final[tuple[str, ...]] = (*ACTIONS, *ANGLES)
NAMED_INDEX: Final[dict[str, int]] = {name: index for index, name in enumerate(NAMED)}
#: One unit of an angle: as much as an action at full strength.
ANGLE_DEG: Final = 30.0

_COUNT = len(ACTIONS)
#: Actions that the tracker's word is taken for, and how much more of each is painted than it says. Rendered brows come
#: down by little, and the tracker reads that as next to nothing, so that an encoder which learnt from them passes a
#: real scowl over: over a clip of one it varied by 0.06 where the tracker did by 0.17, and agreed with it by r = 0.29.
TOLD: Final[tuple[str, ...]] = ("browDownLeft", "browDownRight")
_TOLD_GAIN: Final = 2.0
#: Scores, scores over rest, head's yaw and pitch, landmarks' way from rest.
TRACKED_SIZE: Final = 2 * _COUNT + 2 + 3 * LANDMARK_COUNT
#: Landmarks move by millimetres: this many to the unit, cm.
_MOVED_CM = 0.5


def tracked_code(face: Face) -> Floats:
    """(`TRACKED_SIZE`,) float32: everything that the network is told of a tracked face besides its pixels.

    The 51 scores 0..1; the same less the person's resting ones; yaw and pitch of the head in units of `ANGLE_DEG`; the
    way of the 478 landmarks from rest in head space, in units of 5 mm. Roll, place and size are the alignment's matter.
    A face without a neutral is measured from a guess of it.
    """
    fit = fit_of(face)
    shape = to_head(face.landmarks, fit)
    neutral = neutral_of(face, shape)
    code = np.empty(TRACKED_SIZE, np.float32)
    code[:_COUNT] = face.blendshapes[1:]
    code[_COUNT : 2 * _COUNT] = face.blendshapes[1:] - neutral.blendshapes[1:]
    code[2 * _COUNT : 2 * _COUNT + 2] = upright_angles(fit) / np.float32(ANGLE_DEG)
    code[2 * _COUNT + 2 :] = ((shape - neutral.shape) * np.float32(1 / _MOVED_CM)).ravel()
    return code


def tell(named: Floats, tracked: Floats) -> None:
    """Set the `TOLD` names of a (`NAMED`,) code to what a (`TRACKED_SIZE`,) code says of them over rest, in place."""
    at = [NAMED_INDEX[name] for name in TOLD]
    named[at] = np.clip(_TOLD_GAIN * tracked[_COUNT : 2 * _COUNT][at], 0.0, 1.0)


def upright_angles(fit: HeadFit) -> Floats:
    """(2,) float32: yaw (to the person's left) and pitch (up) of a fitted head, degrees, once its roll is undone."""
    roll = head_roll(fit.rotation)
    cos, sin = np.cos(roll), np.sin(roll)
    upright = np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]]) @ fit.rotation
    # R = Ry(a) Rx(b) in picture axes (x right, y down, z away); the person's left is the picture's right.
    yaw, pitch = np.arctan2(upright[2, 0], upright[0, 0]), np.arctan2(upright[1, 2], upright[1, 1])
    return np.asarray(np.degrees([yaw, pitch]), np.float32)
