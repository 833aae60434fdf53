"""One square texture for a person's skin and shirt: where each triangle lies in it, and what each texel shows."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.body.anatomy import SKIN, Body, data_folder, read_picture
from mien.engines.cast.parts.piece import Label
from mien.engines.cast.skin.zones import crease_zone, on_neck

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

#: MakeHuman's head island (u, and 1 - v) and where it goes: the face is stretched at the cost of the skull.
_HEAD_U = np.array([0.636, 0.770, 0.9985])
_HEAD_U_TO = np.array([0.302, 0.435, 0.999])
_HEAD_V = np.array([0.178, 0.395, 0.635, 0.855])
_HEAD_V_TO = np.array([0.001, 0.168, 0.832, 0.999])
#: The torso and sleeves lie turned by 90 degrees in a strip on the left, their collar at its right.
_TORSO_U = np.array([0.112, 0.250, 0.512, 0.645])
_TORSO_U_TO = np.array([0.001, 0.140, 0.860, 0.999])
_TORSO_V = np.array([0.600, 0.825, 0.980])
_TORSO_V_TO = np.array([0.001, 0.065, 0.297])
#: Texels past the edge of an island that carry on its colours, so that filtering finds no seam.
PADDING_PX = 4


@dataclass(frozen=True, slots=True, eq=False)
class Texels:
    """What each texel of an atlas shows; the same for every person of one topology.

    Attributes:
        face: (R, R) int32, face of the body; -1 where nothing is.
        bary: (R, R, 2) float32, weights of the face's first two corners; the third has the rest.
        plain_uv: (R, R, 2) float32, MakeHuman's own coordinates (v up).
        masks: (R, R, 3) float32 0..1: lips, eyelids, ears.
        labels: (R, R) uint8, of `Label`, as if no shirt were worn.
        zone: (R, R) uint8, which group of expression lines may be engraved here (`zones.crease_zone`).

    """

    face: Ints
    bary: Floats
    plain_uv: Floats
    masks: Floats
    labels: NDArray[np.uint8]
    zone: NDArray[np.uint8]


def atlas_uv(body: Body) -> Floats:
    """(T, 2) float32 coordinates for `body.uv_faces`: u right, v DOWN, 0..1. Only SKIN faces have a place."""
    u, v = body.uv[:, 0].astype(np.float64), 1.0 - body.uv[:, 1].astype(np.float64)
    head = np.stack([np.interp(u, _HEAD_U, _HEAD_U_TO), np.interp(v, _HEAD_V, _HEAD_V_TO)], 1)
    torso = np.stack([np.interp(1.0 - v, _TORSO_V, _TORSO_V_TO), np.interp(u, _TORSO_U, _TORSO_U_TO)], 1)
    return np.where(_on_torso(body)[:, None], torso, head).astype(np.float32)


def plain_to_atlas(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 2) atlas coordinates of places on the head given in MakeHuman's coordinates (v up)."""
    return np.stack(
        [np.interp(points[:, 0], _HEAD_U, _HEAD_U_TO), np.interp(1.0 - points[:, 1], _HEAD_V, _HEAD_V_TO)], 1
    )


def texels(body: Body, size_px: int) -> Texels:
    """The texels of a body's atlas; kept, since people share their topology."""
    digest = hashlib.blake2b(body.uv_faces.tobytes() + body.parts.tobytes(), digest_size=16).digest()
    key = (digest, size_px)
    found = _KEPT.get(key)
    if found is None:
        found = _rasterised(body, size_px)
        while len(_KEPT) >= _KEPT_MOST:
            _KEPT.pop(next(iter(_KEPT)))
        _KEPT[key] = found
    return found


#: A body of another height is cropped at another face, so a few topologies may occur.
_KEPT: dict[tuple[bytes, int], Texels] = {}
_KEPT_MOST = 3


def _on_torso(body: Body) -> NDArray[np.bool_]:
    """(T,) bool: the sleeve ends at u 0.6406, the head begins at 0.6412."""
    return np.asarray((body.uv[:, 1] > 0.6) & (body.uv[:, 0] < 0.6409), dtype=bool)


def _rasterised(body: Body, size_px: int) -> Texels:
    import warp as wp

    from mien.engines.cast.skin import raster

    corners = np.ascontiguousarray(atlas_uv(body)[body.uv_faces].reshape(-1, 2))
    shown = np.flatnonzero(body.parts == SKIN).astype(np.int32)
    face = wp.full((size_px, size_px), -1, dtype=wp.int32, device="cpu")
    grown: Any = wp.empty_like(face)
    bary: Any = wp.zeros((size_px, size_px), dtype=wp.vec2, device="cpu")
    at: Any = wp.array(corners, dtype=wp.vec2, device="cpu")
    wp.launch(raster.fill, dim=len(shown), inputs=[wp.array(shown, device="cpu"), at], outputs=[face], device="cpu")
    inputs = [face, at, PADDING_PX]
    wp.launch(raster.grow, dim=(size_px, size_px), inputs=inputs, outputs=[grown, bary], device="cpu")
    faces, weights = grown.numpy(), bary.numpy()
    plain = body.uv[body.uv_faces[np.maximum(faces, 0)]]
    first, second, last = plain[:, :, 0], plain[:, :, 1], plain[:, :, 2]
    plain = last + (first - last) * weights[:, :, :1] + (second - last) * weights[:, :, 1:]
    masks = cv2.remap(_masks(), plain[:, :, 0] * 2048 - 0.5, (1 - plain[:, :, 1]) * 2048 - 0.5, cv2.INTER_LINEAR)
    masks[faces < 0] = 0.0
    on_torso = _on_torso(body)[body.uv_faces[:, 0]][np.maximum(faces, 0)]
    labels = np.full(faces.shape, int(Label.SKIN), np.uint8)
    labels[on_torso | on_neck(plain)] = int(Label.NECK)
    labels[masks[:, :, 2] > 0.5] = int(Label.EARS)
    labels[masks[:, :, 0] > 0.5] = int(Label.LIPS)
    labels[faces < 0] = int(Label.BACKGROUND)
    return Texels(
        face=faces,
        bary=weights,
        plain_uv=np.ascontiguousarray(plain, np.float32),
        masks=np.ascontiguousarray(masks, np.float32),
        labels=labels,
        zone=np.where(on_torso, 0, crease_zone(plain)).astype(np.uint8),
    )


@lru_cache(maxsize=1)
def _masks() -> Floats:
    """(2048, 2048, 3) float32 in MakeHuman's coordinates: lips, eyelids, ears; painted by MakeHuman's team, CC0."""
    folder = data_folder() / "mpfb2" / "textures"
    layers = [read_picture(folder / f"mpfb_{name}.jpg", cv2.IMREAD_GRAYSCALE) for name in ("lips", "eyelids", "ears")]
    blurred = [cv2.GaussianBlur(layer, (0, 0), sigma) for layer, sigma in zip(layers, (1.6, 5.0, 3.0), strict=True)]
    return np.ascontiguousarray(np.stack(blurred, axis=-1).astype(np.float32) / 255.0)
