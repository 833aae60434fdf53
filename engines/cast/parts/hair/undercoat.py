"""The hair that is never seen: a dark skin below the strands, so that no scalp shines through."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.body.anatomy import SKIN
from mien.engines.cast.parts.hair.flow import outward
from mien.engines.cast.parts.hair.head import Head
from mien.engines.cast.parts.piece import Label, Material, Piece, solid
from mien.engines.cast.parts.scalp import ear_mask, hair_tone

Floats = NDArray[np.float32]


def undercoat(head: Head, *, from_deg: float = 4.0, height_m: float = 0.0012) -> Piece:
    """Just above the scalp, well behind the hairline, where its edge is covered by hair."""
    return core(head, _covered(head, from_deg) * height_m, shade=0.6)


def flat_undercoat(head: Head, *, from_deg: float = 8.0, shade: float = 1.0) -> Piece:
    """The same right on the scalp, below hair that lies flat or is very short."""
    return core(head, _covered(head, from_deg) * np.float32(0.00025), shade=shade, light=0.5)


def _covered(head: Head, from_deg: float) -> Floats:
    inside = np.clip((head.line.above(head.body.rest) - from_deg) / 4.0, 0.0, 1.0)
    return np.where(ear_mask(head.body) > 0.05, 0.0, inside).astype(np.float32)


def core(head: Head, height: Floats, *, shade: float = 0.45, light: float = 0.16) -> Piece:
    """A dark skin under voluminous hair: the scalp moved out by (V,) `height`, m; nothing where that is zero."""
    body = head.body
    faces = body.faces[body.parts == SKIN]
    faces = faces[(height[faces] > 0.0).all(1) & (body.rest[faces][:, :, 2].min(1) > body.brow_centre[2] - 0.08)]
    used, index = np.unique(faces, return_inverse=True)
    points = body.rest[used] + outward(body.rest[used], head.skull) * height[used][:, None]
    points = points.astype(np.float32)
    piece = solid(
        points, index.reshape(-1, 3).astype(np.int32), hair_tone(head.look) * shade, Material.FOAM, Label.HAIR
    )
    piece.openness[:] = light
    return piece
