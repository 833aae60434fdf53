"""What an occluder must pass before the driver's own pixels are shown: it is no light, it is small, it spares the eyes.

Coloured light or a hard shadow deviates from the learned face as an object does, but the skin's texture stays under it:
the logarithm of each channel then moves by about a constant, and its differences from cell to cell stay what they were
(after T. Horprasert, D. Harwood and L. Davis 1999, who tell shadows from objects by brightness and colour apart).
An object has differences of its own. The test asks for proof of an object: without enough of the skin's texture to
compare, it is taken for light, and the persona is drawn.
"""

from __future__ import annotations

import math
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.realtime.frame import Floats
from mien.realtime.uv_grid import EYES, GRID_SIDE, UvGrid, uv_grid

#: A patch becomes an object when less than this of the skin's texture is found in it (see `skin_left`), 0..2,
MAX_SKIN_LEFT: Final = 0.25
#: ... and stays one up to this, so that it does not flicker.
STAY_SKIN_LEFT: Final = 0.4
#: How fast that is believed, seconds; at first a patch is skin, so an object is shown a moment later.
BELIEVE_S: Final = 0.25
#: More of the face's outline than this is never shown: an object that large is drawn over.
MAX_KEPT: Final = 0.2

# What a patch is taken for until it was seen, and where it cannot be told: skin.
_SKIN = 0.6
# Cells that are compared lie this far apart, and at least so many pairs are needed.
_LAG, _LEAST_PAIRS = 2, 6
# A patch is judged without its rim where so many cells remain.
_LEAST_INNER = 8
# Added to 8-bit values before the logarithm: below it there is more noise than texture.
_DARK = 8.0
# How far around an eye nothing is shown, of the eye's width.
_EYE_MARGIN = 0.35


class ObjectProof:
    """How much of the driver's skin is still seen in each patch, smoothed over time; one for each face."""

    def __init__(self) -> None:
        self._left = np.full(GRID_SIDE * GRID_SIDE, _SKIN, np.float32)
        self._objects = np.zeros(GRID_SIDE * GRID_SIDE, np.bool_)

    def reset(self) -> None:
        """Take everything for skin again."""
        self._left[:] = _SKIN
        self._objects[:] = False

    def objects(
        self, patches: NDArray[np.int32], seen: Floats, learned: Floats, visible: NDArray[np.bool_], passed_s: float
    ) -> NDArray[np.bool_]:
        """Tell which patches are objects.

        Args:
            patches: flattened grid; each patch's number, 0 for none.
            seen: (n, 3) float32 8-bit Lab of the cells in this frame, its light not taken out.
            learned: (n, 3) the same of the learned face.
            visible: (n,) cells that may be judged.
            passed_s: since the last frame.

        Returns:
            Flattened grid, True on the patches that are objects.

        """
        if not patches.any():
            self.reset()
            return np.zeros_like(self._objects)
        grid = uv_grid()
        new, old = _log_image(grid, seen), _log_image(grid, learned)
        judged = grid.image(visible).ravel() > 0
        share = 1.0 - math.exp(-passed_s / BELIEVE_S)
        left, objects = np.full_like(self._left, _SKIN), np.zeros_like(self._objects)
        for number in range(1, int(patches.max()) + 1):
            cells = patches == number
            if not cells.any():
                continue
            # One value for a patch, so that an object that moves on takes it along.
            before = float(self._left[cells].mean())
            now = skin_left(new, old, _inner((cells & judged).reshape(GRID_SIDE, GRID_SIDE)))
            left[cells] = before + (now - before) * share
            limit = STAY_SKIN_LEFT if self._objects[cells].mean() > 0.5 else MAX_SKIN_LEFT
            objects[cells] = before + (now - before) * share < limit
        self._left, self._objects = left, objects
        return objects


def _inner(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Leave out a patch's rim, where object and skin are mixed, unless it is all rim."""
    inner = cv2.erode(cells.astype(np.uint8), np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return inner > 0 if np.count_nonzero(inner) >= _LEAST_INNER else cells


def skin_left(new: Floats, old: Floats, cells: NDArray[np.bool_]) -> float:
    """Tell how much of the old texture is in the new one: near 2 for the same skin in another light, 0 for an object.

    Args:
        new: (48, 48, 3) float32 logarithms of the colours seen.
        old: (48, 48, 3) the same of the learned face.
        cells: (48, 48) the patch.

    Returns:
        Correlation plus slope (at most 1) of the differences between cells, of the channel with the most: light that
        blows out one channel leaves the texture in another.

    """
    ours, skins = [], []
    for here, there in (
        ((slice(None), slice(_LAG, None)), (slice(None), slice(None, -_LAG))),
        ((slice(_LAG, None), slice(None)), (slice(None, -_LAG), slice(None))),
    ):
        both = cells[here] & cells[there]
        ours.append((new[here] - new[there])[both])
        skins.append((old[here] - old[there])[both])
    our, skin = np.concatenate(ours), np.concatenate(skins)
    if len(our) < _LEAST_PAIRS:
        return _SKIN
    common, power, skin_power = (our * skin).sum(axis=0), (our * our).sum(axis=0), (skin * skin).sum(axis=0)
    correlation = common / np.sqrt(power * skin_power + 1e-9)
    slope = np.minimum(common / (skin_power + 1e-9), 1.0)
    return float((correlation + slope).max())


def bounded(mask: NDArray[np.uint8], landmarks: Floats) -> NDArray[np.uint8] | None:
    """Clear the eyes in `mask`; None when it would still show more than `MAX_KEPT` of the face.

    Args:
        mask: (h, w) uint8, 255 where the driver's pixel would stay.
        landmarks: (468, 3) px of the mask.

    """
    points = np.rint(landmarks[:, :2]).astype(np.int32)
    face = np.zeros_like(mask)
    cv2.fillConvexPoly(face, np.asarray(cv2.convexHull(points), np.int32), 1)
    shown = np.count_nonzero(face[mask > 127])
    if shown > MAX_KEPT * np.count_nonzero(face):
        return None
    mask = np.asarray(mask * (1 - _around_eyes(mask.shape, points)), np.uint8)
    return mask if mask.any() else None


def _around_eyes(shape: tuple[int, ...], points: NDArray[np.int32]) -> NDArray[np.uint8]:
    eyes = np.zeros(shape, np.uint8)
    for outline in EYES:
        eye = points[list(outline)]
        margin = _EYE_MARGIN * float(np.ptp(eye, axis=0).max())
        cv2.fillPoly(eyes, [eye], 1)
        cv2.polylines(eyes, [eye], True, 1, thickness=max(1, round(2 * margin)))
    return eyes


def _log_image(grid: UvGrid, lab: Floats) -> Floats:
    """(48, 48, 3) float32 logarithms of the BGR colours of (n, 3) cells in 8-bit Lab."""
    scaled = (lab - np.array([0, 128, 128], np.float32)) * np.array([100 / 255, 1, 1], np.float32)
    bgr = np.maximum(np.asarray(cv2.cvtColor(scaled[None], cv2.COLOR_LAB2BGR), np.float32)[0], 0.0) * 255
    image = np.zeros((GRID_SIDE * GRID_SIDE, 3), np.float32)
    image[grid.index] = np.log(bgr + _DARK)
    return image.reshape(GRID_SIDE, GRID_SIDE, 3)
