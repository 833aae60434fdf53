"""Keeps a microphone, a mug, hair or a sleeve in front of the face, where the driver's own picture gives it away.

No segmentation network ships with the tracker (its bundle holds a detector, landmarks and blendshapes), so this is a
background model, in the face's own coordinates. The canonical face's UV square is a grid of 48x48 cells; each cell
follows the skin through expression and pose, by the landmarks. Per cell a mean and a variance of CIE Lab are learned
over seconds, and each frame's light (a gain, and a gradient over the face in each channel) is fitted robustly and
taken out. What then deviates strongly, in a coherent patch, for several frames, in a colour that is not this driver's
skin, and where the skin's own texture is gone (`occluder_limits`), is an occluder. This is the adaptive background of
C. Stauffer and E. Grimson (1999) with one Gaussian a cell.

What it can do: objects clearly darker, lighter or of another colour than the face, of more than about a thirtieth of
its area, that come after the first 1.5 seconds.

What it cannot do: bare hands and arms (skin on skin), anything before the eyes (nothing is ever kept there) or in the
mouth alone, an object of strong grain, what was there from the start (it is learned as face), thin things (a headset's
wire), what covers more than a fifth of the face, and what makes the tracker lose the face. Its edge is only as fine as
a hundredth of the face, and a dark object may take a dark nostril or brow beside it along. Where it is in doubt nothing
is kept, and the persona is drawn over the object: the driver's bare skin must not show through by mistake, so the
skin's colours are never kept, nor is its texture in whatever light.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.realtime.blend_terms import scale_of
from mien.realtime.clock import NS_PER_S
from mien.realtime.face import SKIN_LANDMARK_COUNT, Face
from mien.realtime.frame import Alignment, Floats, Pixels
from mien.realtime.occluder_limits import ObjectProof, bounded
from mien.realtime.uv_grid import GRID_SIDE, uv_grid

#: Nothing is kept until the face was seen this long, seconds.
LEARN_S: Final = 1.5
#: How fast the model follows slow change, seconds.
FOLLOW_S: Final = 3.0
#: An occluder must be seen this long before it is kept, seconds.
CONFIRM_S: Final = 0.1
#: After this long unseen, the face is learned afresh, seconds.
GAP_S: Final = 5.0
#: When more than this part of the visible face deviates, it is not an occluder but another light: nothing is kept.
MAX_PART: Final = 0.4
#: ... and when that lasts this long, seconds, the face is learned afresh.
RELEARN_S: Final = 1.0

# Squared deviations, in variances: an outlier; what may join a patch of outliers; what is learned slowly.
_OUTLIER, _NEAR_OUTLIER, _ODD = 16.0, 8.0, 9.0
# Noise that no cell falls below, in 8-bit Lab: light changes more than colour.
_FLOOR = np.array([9.0, 4.0, 4.0], np.float32)
# Part of a cell's neighbourhood that must deviate too, and least size of a patch in cells (of about 1,150).
_COHERENT, _LEAST_CELLS = 0.6, 12
# Cells turned further away than this (the normal's z) are not judged: the background creeps in at the outline.
_FACING = 0.2
# Skin's own range around the model's mean: in standard deviations, with a floor in 8-bit Lab for each channel.
_SKIN_SPREAD, _SKIN_FLOOR = 3.0, np.array([40.0, 9.0, 9.0], np.float32)
# How many earlier skins are remembered.
_SKINS = 4
# The picture is shrunk so that the face is about this large before it is sampled, px.
_FACE_PX = 100
# How far an occluder is followed beyond its cells, in px of that size.
_REACH_PX = 14
_ROUNDS = 2


class OccluderModel:
    """One driver's face, learned; called once a frame, in order, on one thread.

    About 0.5 ms a frame, and 1.5 ms when something stands out.
    """

    def __init__(self) -> None:
        self._mean: Floats | None = None
        self._variance = np.empty(0, np.float32)
        # Of the mean, once it was asked for.
        self._skin: Floats | None = None
        self._age_s = 0.0
        self._strange_s = 0.0
        self._seen_s = np.zeros(GRID_SIDE * GRID_SIDE, np.float32)
        self._proof = ObjectProof()
        self._media_ns = 0
        # Median and tolerance of skins learned before, (2, 3) each: what is learned afresh may be what covered the
        # face, and the skin that then comes back must not be taken for an occluder.
        self._skins: deque[Floats] = deque(maxlen=_SKINS)

    def reset(self) -> None:
        """Forget the face."""
        self._mean = None
        self._skins.clear()

    def update_and_mask(
        self, frame_roi: Pixels, face: Face, alignment: Alignment, media_ns: int
    ) -> NDArray[np.uint8] | None:
        """Learn from this frame and tell what stands before the face.

        Args:
            frame_roi: (h, w, 3) uint8 BGR, the driver, in the frame of `alignment`.
            face: the driver's face, landmarks in frame px.
            alignment: takes frame px to `frame_roi`.
            media_ns: the frame's time; a step back or a gap of `GAP_S` starts afresh.

        Returns:
            (h, w) uint8, 255 where the driver's pixel is to stay, soft at its edge; None for nothing.

        """
        landmarks = _in_crop(face, alignment)
        small, factor = _shrunk(frame_roi, landmarks)
        points = uv_grid().points(landmarks[:, :2])
        spots = (points + 0.5) / factor - 0.5
        visible = (uv_grid().facing(landmarks) > _FACING) & _inside(spots, small.shape)
        colours = _lab_at(small, spots)
        passed_s = self._pass(media_ns)
        if self._mean is None:
            self._begin(colours)
            return None
        deviation, relit = self._compare(colours, visible)
        flagged = _coherent(deviation, visible)
        self._learn(relit, deviation, visible, flagged, passed_s)
        if not self._trusted(flagged, visible, passed_s):
            return None
        if not flagged.any():
            self._seen_s[:] = 0.0
            self._proof.reset()
            return None
        # Under the fitted light or without it: an object over most of the face passes for the light, and the rest,
        # which is the driver's bare skin, for an object.
        strange = flagged & ~self._like_skin(relit) & ~self._like_skin(colours)
        kept = self._confirmed(strange, colours, visible, passed_s)
        if not kept.any():
            return None
        lab = np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2LAB), np.uint8)
        drawn = _drawn(lab, spots, kept, visible & ~flagged, (frame_roi.shape[1], frame_roi.shape[0]))
        mask = bounded(drawn, landmarks)
        if mask is None:
            # Confirmed anew when it has shrunk, so that it does not flicker at the limit.
            self._seen_s[:] = 0.0
        return mask

    def _pass(self, media_ns: int) -> float:
        passed_s = (media_ns - self._media_ns) / NS_PER_S
        self._media_ns = media_ns
        if not 0.0 <= passed_s <= GAP_S:
            self._start_afresh()
            return 0.0
        return passed_s

    def _begin(self, colours: Floats) -> None:
        self._mean, self._skin = colours.copy(), None
        self._variance = np.full_like(colours, 25.0)
        self._age_s = self._strange_s = 0.0
        self._seen_s[:] = 0.0
        self._proof.reset()

    def _compare(self, colours: Floats, visible: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        """Squared deviation of each cell, in variances, and its colours under the model's own light."""
        assert self._mean is not None
        # Columns: 1, x, y and the model's own lightness, for a gain.
        lightness = (self._mean[:, :1] - self._mean[:, :1].mean()) / np.float32(64)
        base = np.concatenate([uv_grid().plane, lightness], axis=1)
        spread = 1.0 / (self._variance + _FLOOR**2)
        change = colours - self._mean
        weight = visible.astype(np.float32)
        ridge = np.eye(base.shape[1], dtype=np.float32)
        deviation, light = np.zeros(len(colours), np.float32), np.zeros_like(colours)
        for _ in range(_ROUNDS):
            weighted = base * weight[:, None]
            light = base @ np.linalg.solve(weighted.T @ base + ridge, weighted.T @ change)
            deviation = np.einsum("nc,nc->n", (change - light) ** 2, spread)
            # Geman and McClure's weight: what lies far off has no say in the light.
            weight = visible / (1.0 + deviation / 4.0) ** 2
        return deviation, np.asarray(colours - light, np.float32)

    def _learn(
        self, relit: Floats, deviation: Floats, visible: NDArray[np.bool_], flagged: NDArray[np.bool_], passed_s: float
    ) -> None:
        assert self._mean is not None
        self._age_s += passed_s
        share = 1.0 - math.exp(-passed_s / min(FOLLOW_S, max(self._age_s, 0.05)))
        rate = np.where(deviation > _ODD, 0.15, 1.0)
        if flagged.any():
            # An occluder's edge is no outlier by itself: learned, it would eat its way inwards.
            beside = uv_grid().grown(flagged, 7) & (deviation > _NEAR_OUTLIER / 2)
            # What deviates but has the skin's colour (a mark of glasses taken off) is learned, if slowly.
            rate[beside & ~(flagged & self._like_skin(relit))] = 0.0
        rate = (rate * visible * share).astype(np.float32)[:, None]
        self._mean += (relit - self._mean) * rate
        self._variance += ((relit - self._mean) ** 2 - self._variance) * rate
        self._skin = None

    def _trusted(self, flagged: NDArray[np.bool_], visible: NDArray[np.bool_], passed_s: float) -> bool:
        part = float(flagged.sum()) / max(float(visible.sum()), 1.0)
        self._strange_s = self._strange_s + passed_s if part > MAX_PART else 0.0
        if self._strange_s > RELEARN_S:
            self._start_afresh()
        return part <= MAX_PART and self._age_s >= LEARN_S

    def _start_afresh(self) -> None:
        if self._mean is not None and self._age_s >= LEARN_S:
            self._skins.append(self._own_skin())
        self._mean = self._skin = None

    def _like_skin(self, relit: Floats) -> NDArray[np.bool_]:
        near = [(np.abs(relit - middle) < reach).all(axis=1) for middle, reach in (*self._skins, self._own_skin())]
        return np.asarray(np.any(near, axis=0), np.bool_)

    def _own_skin(self) -> Floats:
        if self._skin is None:
            assert self._mean is not None
            self._skin = _skin_of(self._mean)
        return self._skin

    def _confirmed(
        self, flagged: NDArray[np.bool_], colours: Floats, visible: NDArray[np.bool_], passed_s: float
    ) -> NDArray[np.bool_]:
        """Patches large enough that are objects, where they or their neighbours were flagged for `CONFIRM_S`."""
        assert self._mean is not None
        grid = uv_grid()
        patches = grid.patches(grid.closed(flagged), _LEAST_CELLS)
        objects = self._proof.objects(patches, colours, self._mean, visible, passed_s)
        # Time counts around each cell, so that an object that moves stays confirmed.
        around = cv2.dilate(self._seen_s.reshape(GRID_SIDE, GRID_SIDE), np.ones((5, 5), np.uint8)).ravel()
        self._seen_s = np.where(patches > 0, np.minimum(around + np.float32(passed_s), 1.0), 0.0).astype(np.float32)
        return grid.cells((self._seen_s >= CONFIRM_S) & objects)


def _skin_of(mean: Floats) -> Floats:
    """(2, 3) float32: median colour of the cells, and how far from it still counts as the same skin."""
    middle = np.median(mean, axis=0)
    spread = 1.5 * np.median(np.abs(mean - middle), axis=0)
    return np.asarray([middle, np.maximum(_SKIN_SPREAD * spread, _SKIN_FLOOR)], np.float32)


def _in_crop(face: Face, alignment: Alignment) -> Floats:
    """(468, 3) landmarks in the crop's px; z in the same scale."""
    skin = face.landmarks[:SKIN_LANDMARK_COUNT]
    placed = skin * np.float32(scale_of(alignment.matrix))
    placed[:, :2] = alignment.apply(skin[:, :2])
    return placed


def _shrunk(roi: Pixels, landmarks: Floats) -> tuple[Pixels, float]:
    """The crop, smoothed, with the face at about `_FACE_PX`, and how much smaller it is."""
    size = float(max(np.ptp(landmarks[:, 0]), np.ptp(landmarks[:, 1])))
    factor = max(1, int(size // _FACE_PX))
    if factor > 1:
        shape = (max(1, roi.shape[1] // factor), max(1, roi.shape[0] // factor))
        roi = np.asarray(cv2.resize(roi, shape, interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(cv2.blur(roi, (3, 3)), np.uint8), float(factor)


def _inside(spots: Floats, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    x, y = spots.T
    return np.asarray((x >= 0) & (y >= 0) & (x <= shape[1] - 1) & (y <= shape[0] - 1), np.bool_)


def _colours_at(picture: Pixels, spots: Floats) -> Pixels:
    """(1, n, 3) uint8 at (n, 2) places."""
    x, y = spots[None, :, 0], spots[None, :, 1]
    return np.asarray(cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _lab_at(bgr: Pixels, spots: Floats) -> Floats:
    """(n, 3) float32 8-bit Lab at (n, 2) places; they are far fewer than the picture's pixels."""
    return np.asarray(cv2.cvtColor(_colours_at(bgr, spots), cv2.COLOR_BGR2LAB)[0], np.float32)


def _coherent(deviation: Floats, visible: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Cells that deviate together with most of their visible neighbours."""
    grid, odd = uv_grid(), (deviation > _OUTLIER) & visible
    if not odd.any():
        return odd
    outliers = cv2.blur(grid.image(odd), (5, 5))
    judged = cv2.blur(grid.image(visible), (5, 5))
    part = grid.values(np.asarray(outliers / np.maximum(judged, 0.2), np.float32))
    return np.asarray((part > _COHERENT) & visible & (deviation > _NEAR_OUTLIER), np.bool_)


def _drawn(
    lab: Pixels, spots: Floats, kept: NDArray[np.bool_], skin: NDArray[np.bool_], size: tuple[int, int]
) -> NDArray[np.uint8]:
    """Turn cells into a mask of the crop: their patch, cut to the pixels that look like it rather than like the face.

    It reaches over the patch, to lips and outline where there are no cells, as far as the same colour is connected.
    """
    height, width = lab.shape[:2]
    patch = np.zeros((height, width), np.uint8)
    x, y = np.clip(np.rint(spots[kept]).astype(int), 0, [width - 1, height - 1]).T
    patch[y, x] = 255
    patch = np.asarray(cv2.morphologyEx(patch, cv2.MORPH_CLOSE, _disc(7)), np.uint8)
    around = cv2.dilate(patch, _disc(2 * _REACH_PX + 1)) > 0
    occluder, face = (np.asarray(_colours_at(lab, spots[where])[0], np.float32) for where in (kept, skin))
    picture = lab.astype(np.float32)
    to_occluder = (((picture - occluder.mean(axis=0)) / (occluder.std(axis=0) + _FLOOR)) ** 2).sum(axis=2)
    to_face = (((picture - np.median(face, axis=0)) / (face.std(axis=0) + _FLOOR)) ** 2).sum(axis=2)
    alike = around & (to_occluder < to_face) & ((to_occluder < _ODD) | (patch > 0))
    wanted = cv2.medianBlur(np.where(alike, np.uint8(255), np.uint8(0)), 3)
    _, labels = cv2.connectedComponents(wanted)
    joined = np.unique(labels[(patch > 0) & (wanted > 0)])
    wanted = np.where(np.isin(labels, joined), wanted, np.uint8(0))
    return np.asarray(cv2.resize(cv2.blur(wanted, (3, 3)), size, interpolation=cv2.INTER_LINEAR), np.uint8)


def _disc(side: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)
