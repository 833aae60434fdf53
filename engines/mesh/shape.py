"""Whose face goes where: the persona's own proportions, moved by the driver's expression, on the driver's head."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mien.engines.mesh.topology import (
    EYES,
    INNER_LIP_CORNERS,
    INNER_LIP_LOWER,
    INNER_LIP_UPPER,
    MOUTH_CORNERS,
    EyeMarks,
    topology,
)
from mien.realtime.expression import neutral_of
from mien.realtime.face import Face
from mien.realtime.frame import Floats
from mien.realtime.head import HeadFit, fit_head, from_head, to_head

#: Mean gap between the landmarks of two shut lids over the eye's width. MediaPipe keeps its pairs this far apart on
#: real closed eyes (0.046 to 0.063 on six drivers), so at this gap the persona's lids are drawn shut.
SHUT_APERTURE = 0.062
#: Most that an eye may open, against its portrait.
_WIDEST = 1.5
#: Share of the way on which the persona's outline is drawn to the driver's, so that the patch meets the head it is
#: on: at 1 a narrow face would be stretched to the driver's width, at 0 its jaw would end inside the driver's cheek.
_OUTLINE_TO_DRIVER = 0.55
#: How much of the difference between the persona's proportions and the driver's is shown, across, down and in depth.
#: At 1 the tracker reads smiles and jaws of some personas at 0.6 or 1.5 of their strength and the head tipped by up to
#: 4 degrees (heights and depths read as pitch). A narrow face is still seen as narrow.
_OWN_PROPORTIONS = np.array([0.7, 0.55, 0.5], np.float32)
#: Bounds of how much larger or smaller a movement may get on the persona.
_GAIN_BOUNDS = (0.75, 1.35)
#: How much further jaw and lips open than the driver's. The tracker reads a warped portrait's mouth as less open than
#: it is drawn (jawOpen came back at 0.55 to 0.7 of the driver's on three clips without this, at 0.6 to 0.8 with it).
_JAW_GAIN, _LIP_GAIN = 1.15, 1.1
_NOSE_BASE, _CHIN = 2, 152


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """Where the persona's face is to be drawn.

    Attributes:
        points: (478, 3) float32, px.
        fit: the head they are on.
        bite: (3,) float32, px: where the lips meet at rest, fixed to the skull, as upper teeth are.
        openness: how far each eye (right, left) is open, 0 = shut, 1 = as in the portrait.
        gaze: (2, 2) float32, how far each iris is from its place in the portrait, in eye widths (right, down).

    """

    points: Floats
    fit: HeadFit
    bite: Floats
    openness: tuple[float, float]
    gaze: Floats


class PersonaShape:
    """The persona's resting face in head space.

    Args:
        landmarks: (478, 3) float32, of the portrait, px.
        on_driver: whether it is put on the driver's head, where it must meet his outline, or keeps its own.

    """

    def __init__(self, landmarks: Floats, *, on_driver: bool = True) -> None:
        self.fit = fit_head(landmarks)
        self.shape = to_head(landmarks, self.fit)
        self._own = _OWN_PROPORTIONS if on_driver else np.ones(3, np.float32)
        self._outline = np.float32(_OUTLINE_TO_DRIVER if on_driver else 0.0)

    def target(self, face: Face, place: Callable[[HeadFit], HeadFit] | None = None) -> Target:
        """Place the persona for one frame's driver: on his head, or where `place` puts it."""
        fit = fit_head(face.landmarks)
        now = to_head(face.landmarks, fit)
        rest = neutral_of(face, now).shape
        base = rest + self._own * (self.shape - rest)
        moved = base + _gains(base, rest) * (now - rest)
        right, left = (_lids(moved, base, eye, now, rest) for eye in EYES)
        gaze = np.stack([_gaze(eye, now, rest) for eye in EYES])
        _lips(moved, base, now, rest)
        near = topology().near_outline[:, None] * self._outline
        moved[:468] += near * (now[:468] - moved[:468])
        if place is not None:
            fit = place(fit)
        bite = base[list(INNER_LIP_CORNERS)].mean(axis=0, keepdims=True)
        bite[:, 2] = base[list(INNER_LIP_UPPER), 2].mean()
        return Target(from_head(moved, fit), fit, from_head(bite, fit)[0], (right, left), gaze)


def _gains(base: Floats, rest: Floats) -> Floats:
    """(478, 3) float32: scale movements of the mouth and jaw by the size of the persona's against the driver's."""
    width = _ratio(base, rest, *MOUTH_CORNERS)
    height = _ratio(base, rest, _NOSE_BASE, _CHIN)
    gains = np.ones((478, 3), np.float32)
    gains[base[:, 1] > base[_NOSE_BASE, 1]] = (width, height * _JAW_GAIN, height)
    return gains


def _lids(moved: Floats, base: Floats, eye: EyeMarks, now: Floats, rest: Floats) -> float:
    """Set the upper lid's edge in `moved`; give how far the eye is open against its rest."""
    openness = _openness(eye, now, rest)
    upper, lower = list(eye.upper), list(eye.lower)
    # The lids meet at the lower one, which rises a little; the driver's own lower lid shows how much.
    moved[upper] = moved[lower] + (base[upper] - base[lower]) * np.float32(openness)
    return openness


def _lips(moved: Floats, base: Floats, now: Floats, rest: Floats) -> None:
    """Open the persona's lips by as much as the driver's open, and close them where his are closed."""
    upper, lower = list(INNER_LIP_UPPER), list(INNER_LIP_LOWER)
    wide = _LIP_GAIN * _ratio(base, rest, *MOUTH_CORNERS)
    gap = np.maximum((now[lower] - now[upper])[:, 1] - _SHUT_LIPS_CM, 0) * np.float32(wide)
    half = ((moved[lower] - moved[upper])[:, 1] - gap)[:, None] / 2 * np.array([0, 1, 0], np.float32)
    moved[upper] += half
    moved[lower] -= half


def _ratio(base: Floats, rest: Floats, first: int, second: int) -> float:
    """The persona's distance between two landmarks over the driver's, bounded."""
    return float(np.clip(_span(base, first, second) / max(_span(rest, first, second), 1e-3), *_GAIN_BOUNDS))


#: Gap that MediaPipe leaves between closed lips, cm (0.003 to 0.007 of the mouth's width on six drivers).
_SHUT_LIPS_CM = 0.03


def aperture(eye: EyeMarks, shape: Floats) -> float:
    """Mean gap between the lids over the eye's width, from (478, 3) landmarks in any space."""
    gap = np.linalg.norm(shape[list(eye.upper)] - shape[list(eye.lower)], axis=1).mean()
    return float(gap / max(_span(shape, eye.outer, eye.inner), 1e-6))


def _openness(eye: EyeMarks, now: Floats, rest: Floats) -> float:
    """0 = shut, 1 = as at rest; a ratio, so that a narrow eye and a wide one both shut wholly."""
    at_rest = max(aperture(eye, rest), 2 * SHUT_APERTURE)
    ratio = (aperture(eye, now) - SHUT_APERTURE) / (at_rest - SHUT_APERTURE)
    return float(np.clip(ratio, 0.0, _WIDEST))


def _gaze(eye: EyeMarks, now: Floats, rest: Floats) -> Floats:
    """(2,) float32: the iris's movement from rest in eye widths."""

    def place(shape: Floats) -> Floats:
        middle = (shape[eye.outer] + shape[eye.inner]) / 2
        offset: Floats = (shape[eye.iris] - middle)[:2] / np.float32(_span(shape, eye.outer, eye.inner))
        return offset

    return place(now) - place(rest)


def _span(shape: Floats, first: int, second: int) -> float:
    return float(np.linalg.norm(shape[first] - shape[second]))
