"""Locks of hair that flow over the head, and the strands that gather around them.

A few hundred to a few thousand locks are integrated through a field of directions with gravity and collision; many
strands then follow the lock nearest to their root and close in on it towards the tip. This is the guide-and-clump
scheme of film hair (Choe and Ko 2005, "A statistical wisp model", sections 3 and 4; Yuksel et al. 2009, section 2).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.parts.hair.envelope import Envelope
from mien.engines.cast.parts.hair.roots import Roots
from mien.engines.cast.parts.piece import unit

Floats = NDArray[np.float32]
#: What numpy makes of float32 and plain numbers is often float64; both are taken.
Reals = NDArray[np.float32] | NDArray[np.float64]
Ints = NDArray[np.int32]

#: Given (L, 3) points and how far along their length they are (0..1): (L, 3) the way that the comb pulls there.
Comb = Callable[[Floats, float], Floats]
#: Moves (L, 3) points out of places where no hair may hang.
Guard = Callable[[Floats], Floats]

_DOWN = np.array([0.0, 0.0, -1.0], np.float32)


@dataclass(frozen=True, slots=True)
class Bend:
    """How a lock answers to comb, gravity and skin.

    Attributes:
        lift: 0 lies flat at the root to 1 stands straight up.
        stiff: share of its way that it keeps at each step.
        fall: weight of gravity against the comb at root and tip.
        hug: share of its height above its layer that it gives up at each step: above the ears, and below them.
        rise: share of the length after which it has reached its layer.

    """

    lift: float
    stiff: float
    fall: tuple[float, float]
    hug: tuple[float, float] = (0.0, 0.0)
    rise: float = 0.25


def flowed(
    roots: Roots, lengths: Reals, layer: Reals, body: Envelope, comb: Comb, bend: Bend, *,
    steps: int, guard: Guard | None = None,
) -> Floats:  # fmt: skip
    """(L, steps, 3) float32: one curve a root.

    Args:
        roots: of the locks.
        lengths: (L,) m.
        layer: (L,) m, the height above the skin that each lock keeps.
        body: what they must not enter.
        comb: field of directions.
        bend: how they answer.
        steps: points of a curve.
        guard: keeps them out of the face.

    """
    curves = np.empty((len(roots), steps, 3), np.float32)
    curves[:, 0] = at = roots.points
    stride = (lengths / (steps - 1))[:, None].astype(np.float32)
    layer = layer.astype(np.float32)
    way = unit(bend.lift * roots.normals + (1 - bend.lift) * comb(at, 0.0))
    out = roots.normals
    for step in range(1, steps):
        t = step / (steps - 1)
        fall = bend.fall[0] + (bend.fall[1] - bend.fall[0]) * t
        wish = unit(comb(at, t) + fall * _DOWN)
        if bend.hug[0] > 0.0:
            # Combed hair runs along the head, not away from it.
            wish = wish - out * np.maximum((wish * out).sum(1, keepdims=True), 0.0)
        way = unit(bend.stiff * way + (1 - bend.stiff) * wish)
        moved = at + way * stride
        if guard is not None:
            moved = guard(moved)
        distance, out = body.gap(moved)
        height = layer * np.minimum(t / bend.rise, 1.0) * (2 - np.minimum(t / bend.rise, 1.0))
        above = np.clip((moved[:, 2] - body.centre[2] + 0.09) / 0.07, 0.0, 1.0)
        hug = bend.hug[1] + (bend.hug[0] - bend.hug[1]) * above
        shift = np.maximum(height - distance, 0.0) - hug * np.maximum(distance - height, 0.0)
        moved = moved + out * np.clip(shift, -0.01, 0.02)[:, None]
        way = unit(moved - at)
        # Pushed points are drawn back to the stride, so that a collision does not lengthen the hair.
        at = at + way * np.minimum(np.linalg.norm(moved - at, axis=1, keepdims=True), stride * 1.4)
        curves[:, step] = at
    return curves


def tousled(comb: Comb, share: float, rng: np.random.Generator) -> Comb:
    """A comb whose way wanders: each lock leans its own way all along, more towards the tip."""
    state = rng.bit_generator.random_raw()

    def wandering(points: Floats, t: float) -> Floats:
        lean = np.random.default_rng(state).standard_normal(points.shape).astype(np.float32)
        return comb(points, t) + share * (0.6 + 0.4 * t) * lean

    return wandering


def waved(
    curves: Floats, body: Envelope, size: Floats | float, length_m: float, rng: np.random.Generator, *, round_: float
) -> Floats:
    """Curves with waves across their way, growing from the root; neighbours share most of the phase.

    Args:
        curves: (L, K, 3) float32.
        body: gives the way out.
        size: amplitude, m, one or (L,).
        length_m: of a wave.
        rng: of the phases.
        round_: 0 waves sideways only, 1 coils.

    """
    tangent = unit(np.gradient(curves, axis=1).astype(np.float32))
    out = outward(curves, body)
    side = unit(np.cross(tangent, out))
    out = np.cross(side, tangent)
    steps = np.linalg.norm(np.diff(curves, axis=1), axis=2)
    along = np.concatenate([np.zeros((len(curves), 1)), np.cumsum(steps, axis=1)], axis=1)
    root = curves[:, 0] - body.centre
    shared = 2.2 * np.sin(root @ np.array([31.0, 17.0, 23.0])) + 1.6 * np.sin(root @ np.array([-14.0, 43.0, 29.0]))
    period = length_m * rng.uniform(0.95, 1.06, len(curves))
    phase = 2 * np.pi * along / period[:, None] + (shared + rng.normal(0.0, 0.35, len(curves)))[:, None]
    swell = np.broadcast_to(np.asarray(size, np.float32), (len(curves),))[:, None] * np.minimum(
        (along / 0.11) ** 1.5, 1.0
    )
    moved = side * (swell * np.sin(phase))[:, :, None] + out * (round_ * swell * (1 + np.cos(phase)))[:, :, None]
    return np.asarray(curves + moved - moved[:, :1], dtype=np.float32)


def outward(curves: Floats, body: Envelope) -> Floats:
    """(..., 3) float32 unit: away from the body's axis at each point."""
    offset = curves - body.centre
    below = np.minimum(offset[..., 2:], 0.0)
    flat = np.concatenate([offset[..., :1], offset[..., 1:2] + 0.12 * below, np.maximum(offset[..., 2:], 0.0)], -1)
    return unit(flat)


@dataclass(frozen=True, slots=True)
class Weave:
    """How strands gather around their lock.

    Attributes:
        steps: points of a strand.
        clump: share of its distance to the lock that a strand gives up by its tip.
        frizz_m: how far single hairs stray by their tips.
        stray: share of hairs that fly away.
        puff_m: how far a lock's hairs lie apart in depth.
        early: 1 spaces the points evenly; more puts them nearer to the root, where long hair bends round the skull.

    """

    steps: int
    clump: float
    frizz_m: float
    stray: float = 0.03
    puff_m: float = 0.001
    early: float = 1.0


def woven(
    roots: Roots, curves: Floats, members: Ints, ends: Floats, body: Envelope, weave: Weave, rng: np.random.Generator
) -> Floats:
    """(S, steps, 3) float32: strands around locks.

    Args:
        roots: of the strands.
        curves: (L, K, 3) float32, the locks.
        members: (S,) int32, each strand's lock.
        ends: (S,) float32, share of the lock's length at which the strand ends.
        body: gives the way out, and pushes back what has gone in.
        weave: how they gather.
        rng: of the strays.

    """
    count, last = len(roots), curves.shape[1] - 1
    t = np.linspace(0.0, 1.0, weave.steps, dtype=np.float32) ** np.float32(weave.early)
    place = np.clip(t[None] * ends[:, None], 0.0, 1.0) * last
    low = np.minimum(place.astype(np.int32), last - 1)
    mix = (place - low)[:, :, None].astype(np.float32)
    flat = curves.reshape(-1, 3)
    index = members[:, None] * (last + 1) + low
    base = flat[index] * (1 - mix) + flat[index + 1] * mix
    offset = roots.points - curves[members, 0]
    out = outward(base, body)
    close = 1.0 - weave.clump * (rng.uniform(0.7, 1.15, count)[:, None] * _eased(t / 0.7)[None])
    strands = base + offset[:, None] * close[:, :, None].astype(np.float32)
    depth = (weave.puff_m * rng.standard_normal(count).astype(np.float32))[:, None] * np.sin(np.pi * 0.75 * t)[None]
    flying = np.where(rng.random(count) < weave.stray, rng.uniform(2.0, 6.0, count), 1.0)
    lean = rng.standard_normal((count, 2, 3)).astype(np.float32) * (weave.frizz_m * flying)[:, None, None]
    sway = lean[:, :1] * (t**1.5)[None, :, None] + 0.5 * lean[:, 1:] * np.sin(np.pi * 1.7 * t)[None, :, None]
    strands += out * depth[:, :, None] + sway
    strands[:, 0] = roots.points
    free = strands[:, 1:].reshape(-1, 3)
    least = np.minimum(0.0005 + 0.001 * np.tile(t[1:], count), 0.0012).astype(np.float32)
    strands[:, 1:] = body.lifted(free, least).reshape(count, weave.steps - 1, 3)
    return np.asarray(strands, dtype=np.float32)


def cut(curves: Floats, ends_at: Callable[[Floats], Floats]) -> Floats:
    """(L,) float32 0..1: the share of each length at which `ends_at` (below zero: cut away) first falls to zero."""
    lead = ends_at(curves.reshape(-1, 3)).reshape(curves.shape[:2])
    gone = lead < 0.0
    gone[:, 0] = False
    first = np.where(gone.any(1), gone.argmax(1), curves.shape[1] - 1)
    before, after = (np.take_along_axis(lead, (first - back)[:, None], 1)[:, 0] for back in (1, 0))
    part = np.clip(before / np.maximum(before - after, 1e-9), 0.0, 1.0)
    share = np.where(gone.any(1), first - 1 + part, first) / (curves.shape[1] - 1)
    return np.asarray(share, dtype=np.float32)


def _eased(t: Floats) -> Floats:
    clipped = np.clip(t, 0.0, 1.0)
    return np.asarray(clipped * clipped * (3 - 2 * clipped), dtype=np.float32)
