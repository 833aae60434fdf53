"""Portrait mode: the still portrait itself moves; hair, shoulders and background follow softly."""

from __future__ import annotations

import cv2
import numpy as np

from mien.engines.mesh.features import draw_eye, outline_mask
from mien.engines.mesh.inside import draw_inside
from mien.engines.mesh.layout import Layout
from mien.engines.mesh.raster import draw_map
from mien.engines.mesh.shape import PersonaShape, Target
from mien.engines.mesh.texture import close_lids, take_eye
from mien.engines.mesh.topology import EYES, OVAL, topology, with_skirt
from mien.realtime.face import Face
from mien.realtime.frame import Floats, Patch, Pixels
from mien.realtime.head import HeadFit, from_head

#: Share of the driver's turn that a portrait makes, and the most it may turn, rad. A still picture has no side view.
_TURN, _MOST_TURN = 0.85, 0.42
#: Share of the driver's distance from the frame's middle that the head makes, and its bound, cm of head space.
_SHIFT, _MOST_SHIFT_CM = 0.5, np.array([4.0, 2.0], np.float32)
#: Cells across the frame of the field that moves what is around the face.
_FIELD_COLUMNS = 64
#: The head's own hair and neck: a ring this much larger than the face, that follows this share of its movement at the
#: top and at the bottom.
_RING, _RING_TOP, _RING_BOTTOM = 1.55, 0.8, 0.2
#: Cells of the face's coarse map.
_CELLS = 110
#: Sizes of frames that are kept prepared: a run has one, and half of it.
_MOST_STAGES = 2


class PortraitPainter:
    """Moves a portrait. Pure; what depends on the frame's size is prepared once for each, and kept.

    Args:
        portrait: (H, W, 3) uint8 BGR.
        landmarks: (478, 3) float32 of the portrait, px.

    """

    def __init__(self, portrait: Pixels, landmarks: Floats) -> None:
        self._portrait = close_lids(portrait, landmarks)
        self._landmarks = landmarks
        self._eyes = tuple(take_eye(portrait, landmarks, eye) for eye in EYES)
        #: By (width, height): of the frames, and of their halves.
        self._stages: dict[tuple[int, int], _Stage] = {}

    def lay_out(self, size: tuple[int, int]) -> _Stage:
        """Prepare for frames of (width, height) px, unless that was done; takes ten times as long as a frame."""
        stage = self._stages.get(size)
        if stage is None:
            if len(self._stages) == _MOST_STAGES:
                del self._stages[next(iter(self._stages))]
            stage = self._stages[size] = _Stage(Layout.fit(self._portrait, self._landmarks, size))
        return stage

    def paint(self, face: Face, landmarks: Floats, crop: Pixels) -> Patch:
        """Give the whole frame's patch for a driver whose (478, 3) `landmarks` are in the frame's px."""
        stage = self.lay_out((crop.shape[1], crop.shape[0]))
        moved = Face(face.track_id, landmarks, face.blendshapes, face.pose, face.neutral)
        target = stage.shape.target(moved, stage.place)
        map_x, map_y = stage.maps(target)
        warped = cv2.remap(stage.layout.pixels, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        canvas = np.asarray(warped, np.uint8)
        lit = np.zeros(canvas.shape[:2], np.uint8)
        for eye, texture in zip(EYES, self._eyes, strict=True):
            draw_eye(canvas, lit, target.points[:, :2], eye, texture, target, 1.0)
        draw_inside(canvas, target.points[:, :2], target, stage.light)
        return Patch(canvas, np.full(canvas.shape[:2], 255, np.uint8), colour=False)


class _Stage:
    """A portrait laid out for one size of frame, and how it moves there."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.size = (layout.pixels.shape[1], layout.pixels.shape[0])
        self.shape = PersonaShape(layout.landmarks, on_driver=False)
        cheeks = layout.landmarks[[50, 280, 9, 200], :2].astype(int)
        x, y = np.clip(cheeks, 0, np.array(self.size) - 1).T
        self.light = float(np.clip(layout.pixels[y, x].mean() / 150, 0.5, 1.1))
        columns = _FIELD_COLUMNS
        rows = max(2, round(columns * self.size[1] / self.size[0]))
        self._cells = (columns, rows)
        grid_x = (np.arange(columns, dtype=np.float32) + 0.5) * self.size[0] / columns - 0.5
        grid_y = (np.arange(rows, dtype=np.float32) + 0.5) * self.size[1] / rows - 0.5
        self._grid = np.stack(np.meshgrid(grid_x, grid_y), axis=-1).reshape(-1, 2).astype(np.float32)
        self._anchors = _frame_edge(self.size)
        self._ring = self._ring_in_head_space()
        self._ring_rest = from_head(self._ring, self.shape.fit)[:, :2]

    def place(self, driver: HeadFit) -> HeadFit:
        """Where the portrait's head goes for a driver's."""
        turn, _ = cv2.Rodrigues(driver.rotation.astype(np.float64))
        turn = turn.ravel() * _TURN
        angle = float(np.linalg.norm(turn))
        # tanh: no sudden stop at the bound.
        turn *= _MOST_TURN * np.tanh(angle / _MOST_TURN) / max(angle, 1e-9)
        own = self.shape.fit
        middle = np.array(self.size, np.float32) / 2
        away = (driver.translation[:2] - middle) / np.float32(driver.scale) * np.float32(_SHIFT)
        shift = _MOST_SHIFT_CM * np.tanh(away / _MOST_SHIFT_CM) * np.float32(own.scale)
        rotation = cv2.Rodrigues(turn)[0].astype(np.float32)
        translation = own.translation + np.array([shift[0], shift[1], 0], np.float32)
        return HeadFit(rotation, own.scale, translation.astype(np.float32))

    def maps(self, target: Target) -> tuple[Floats, Floats]:
        """Where each pixel of the frame is read in the layout: two (H, W) float32."""
        columns, rows = self._cells
        field = self._grid + self._around(target)
        map_x, map_y = (_enlarged(field[:, axis].reshape(rows, columns), self.size) for axis in (0, 1))
        self._lay_face(map_x, map_y, target)
        return map_x, map_y

    def _lay_face(self, map_x: Floats, map_y: Floats, target: Target) -> None:
        """Put the face's own map over the field's, in place, with a seam that both agree on."""
        points = target.points
        low = np.maximum(np.floor(points[:468, :2].min(axis=0)).astype(int) - 4, 0)
        high = np.minimum(np.ceil(points[:468, :2].max(axis=0)).astype(int) + 5, self.size)
        if (high - low < 8).any():
            return
        size = (int(high[0] - low[0]), int(high[1] - low[1]))
        local = points - np.array([low[0], low[1], 0], np.float32)
        face_px = float(np.ptp(points[:468, 0]))
        step = max(2, round(face_px / _CELLS))
        texture = with_skirt(self.layout.landmarks[:, :2])
        face_x, face_y = draw_map(with_skirt(local), texture, topology().triangles, size, step)
        hull = cv2.convexHull(local[:468, :2].astype(np.float32))[:, 0]
        middle = hull.mean(axis=0)
        mask = outline_mask(size, middle + (hull - middle) * 0.97, 0.012 * face_px).astype(np.float32) * np.float32(
            1 / 255
        )
        for whole, part in ((map_x, face_x), (map_y, face_y)):
            region = whole[low[1] : high[1], low[0] : high[0]]
            region += (part - region) * mask

    def _around(self, target: Target) -> Floats:
        """(cells, 2) float32 px: how far back each cell of the field is read.

        Interpolates, by radial functions of the distance itself (biharmonic in space; Carr et al., "Reconstruction and
        representation of 3D objects with radial basis functions", SIGGRAPH 2001), from the face's silhouette, a ring
        of hair and neck, and the frame's edge, which stays.
        """
        hull = cv2.convexHull(target.points[:468, :2].astype(np.float32), returnPoints=False)[::2, 0]
        ring = from_head(self._ring, target.fit)[:, :2]
        below = (self._ring[:, 1] - self.shape.shape[6, 1]) / (self.shape.shape[152, 1] - self.shape.shape[6, 1])
        follow = np.clip(_RING_TOP - below * (_RING_TOP - _RING_BOTTOM) * 0.75, _RING_BOTTOM, _RING_TOP)[:, None]
        ring_now = self._ring_rest + (ring - self._ring_rest) * follow
        now = np.concatenate([target.points[hull, :2], ring_now, self._anchors]).astype(np.float64)
        was = np.concatenate([self.layout.landmarks[hull, :2], self._ring_rest, self._anchors])
        distance = np.linalg.norm(now[:, None] - now[None], axis=2)
        count = len(now)
        system = np.zeros((count + 1, count + 1))
        system[:count, :count] = distance + np.eye(count) * 1e-3
        system[count, :count] = system[:count, count] = 1
        weights = np.linalg.solve(system, np.concatenate([was - now, np.zeros((1, 2))])).astype(np.float32)
        squared = (self._grid**2).sum(axis=1)[:, None] + (now**2).sum(axis=1)[None]
        squared = squared - 2 * self._grid @ now.T.astype(np.float32)
        kernel = np.sqrt(np.maximum(squared, 0)).astype(np.float32)
        moved: Floats = kernel @ weights[:count] + weights[count]
        return moved

    def _ring_in_head_space(self) -> Floats:
        outline = self.shape.shape[list(OVAL)[::2]]
        middle = outline.mean(axis=0)
        ring: Floats = middle + (outline - middle) * np.array([_RING, _RING, 1.0], np.float32)
        return ring


def _enlarged(field: Floats, size: tuple[int, int]) -> Floats:
    return np.asarray(cv2.resize(field, size, interpolation=cv2.INTER_CUBIC), np.float32)


def _frame_edge(size: tuple[int, int]) -> Floats:
    """Points a tenth outside the frame's edge, px; twelve a side are enough to hold it."""
    share = np.linspace(-0.1, 1.1, 12, dtype=np.float32)
    low, high = np.full(12, -0.1, np.float32), np.full(12, 1.1, np.float32)
    edge = np.concatenate(
        [np.stack(pair, axis=1) for pair in ((share, low), (share, high), (low, share), (high, share))]
    )
    points: Floats = (edge * np.array(size, np.float32)).astype(np.float32)
    return np.unique(points, axis=0)
