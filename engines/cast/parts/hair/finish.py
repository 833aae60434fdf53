"""From curves to a piece: ribbons, the colours of many hairs, and how much light comes down to each."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.body.anatomy import Body
from mien.engines.cast.body.pose import neck_weights_at
from mien.engines.cast.look import Look
from mien.engines.cast.parts.hair.envelope import Envelope, grid_of, sampled
from mien.engines.cast.parts.hair.flow import outward
from mien.engines.cast.parts.piece import Piece, unit
from mien.engines.cast.parts.scalp import pigment
from mien.engines.cast.parts.strands import ribbons

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

_LEAST_OPEN = 0.1
#: Half the width and height of the place before an eye that no hair may cross, m.
_EYE_HALF_M = (0.020, 0.0105)
#: Of all hairs of a head that is wholly grey, these are white.
_WHITE_SHARE = 0.92


@dataclass(frozen=True, slots=True)
class Finish:
    """How strands are drawn.

    Attributes:
        widths_m: least and greatest width at the root.
        tip: width at the tip as a share.
        roll: how far ribbons turn away from facing out; 0.3 smooth to 1 wild.
        depth_m: hair of this thickness lets a third of the light through.
        root_m: hair is darkened for so long from its root.
        root_dark: share of the light left right at the root.

    """

    widths_m: tuple[float, float] = (0.0006, 0.0011)
    tip: float = 0.3
    roll: float = 0.45
    depth_m: float = 0.007
    root_m: float = 0.012
    root_dark: float = 0.45


def finished(
    body: Body, around: Envelope, curves: Floats, colours: Floats, look: Look, finish: Finish, rng: np.random.Generator
) -> Piece:
    """Strands as one piece that follows head and shoulders.

    Args:
        body: at rest.
        around: its envelope.
        curves: (S, K, 3) float32.
        colours: (S, 3) float32, see `tinted`.
        look: how far tips are lighter than roots.
        finish: how they are drawn.
        rng: of widths and rolls.

    """
    seen = clear_of_eyes(body, curves)
    curves, colours = curves[seen], colours[seen]
    count, steps = curves.shape[:2]
    low, high = finish.widths_m
    widths = rng.uniform(low, high, (count,)).astype(np.float32)
    facing = unit(outward(curves, around) + finish.roll * rng.standard_normal((count, 1, 3)).astype(np.float32))
    piece = ribbons(curves, facing, widths, colours, tip=finish.tip)
    open_ = np.repeat(openness(curves, around, finish).reshape(-1), 2)
    along = np.tile(np.repeat(np.linspace(0.0, 1.0, steps, dtype=np.float32), 2), count)
    # Sun bleaches fair hair's tips; black hair hardly.
    fade = 0.16 + 0.3 * (1.0 - look.hair_melanin)
    shade = (1.0 - 0.6 * fade + fade * along)[:, None]
    return replace(
        piece,
        openness=open_.astype(np.float32),
        colours=np.clip(piece.colours * shade, 0.0, 0.9).astype(np.float32),
        follow=np.repeat(neck_weights_at(body, curves.reshape(-1, 3)), 2).astype(np.float32),
    )


def clear_of_eyes(body: Body, curves: Floats) -> NDArray[np.bool_]:
    """(S,) which strands leave both eyes' openings free, seen from the front."""
    clear = np.ones(len(curves), bool)
    for eye in body.eyes:
        at = np.abs(curves - eye.centre)
        before = (at[:, :, 0] < _EYE_HALF_M[0]) & (at[:, :, 2] < _EYE_HALF_M[1]) & (curves[:, :, 1] < eye.centre[1])
        clear &= ~before.any(1)
    return clear


def openness(curves: Floats, around: Envelope, finish: Finish) -> Floats:
    """(S, K) float32: light falls off with the depth below the hair's outer surface, and at the roots."""
    azimuth, height, radius = around.place(curves.reshape(-1, 3))
    surface = grid_of(azimuth, height, radius, 0.94)
    depth = np.maximum(sampled(surface, azimuth, height) - radius, 0.0).reshape(curves.shape[:2])
    steps = np.linalg.norm(np.diff(curves, axis=1), axis=2)
    along = np.concatenate([np.zeros((len(curves), 1)), np.cumsum(steps, axis=1)], axis=1)
    root = finish.root_dark + (1 - finish.root_dark) * np.minimum(along / finish.root_m, 1.0)
    light = _LEAST_OPEN + (1 - _LEAST_OPEN) * np.exp(-depth / finish.depth_m)
    return np.asarray(np.clip(light * root, 0.0, 1.0), dtype=np.float32)


def tinted(look: Look, members: Ints, rng: np.random.Generator) -> Floats:
    """(S, 3) float32 linear RGB: each lock and each hair a little different; grey is a mix of white hairs and plain."""
    tone = pigment(look)
    locks = int(members.max()) + 1
    shade = rng.lognormal(0.0, 0.14, locks)[members] * rng.lognormal(0.0, 0.16, len(members))
    # Fair hair has warm and ash strands; black hair is even.
    warm = 1.0 + 0.09 * (1.0 - look.hair_melanin) * rng.standard_normal(len(members))
    colours = tone[None] * shade[:, None] * np.stack([np.ones_like(warm), warm, warm**2], axis=1)
    white = rng.random(len(members)) < look.hair_grey * _WHITE_SHARE * rng.uniform(0.75, 1.2, locks)[members]
    # Thicker than hairs, ribbons must not be as far apart as white and brown hairs are: each stands for a few of both.
    greys = np.array([0.36, 0.355, 0.345]) * rng.uniform(0.8, 1.1, (len(members), 1))
    colours += (greys - colours) * np.where(white, 0.85, 0.45 * look.hair_grey)[:, None]
    return np.asarray(np.clip(colours, 0.004, 0.8), dtype=np.float32)
