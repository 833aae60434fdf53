"""Tightly curled hair: short coils and a large afro."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.parts.hair.finish import Finish, finished, tinted
from mien.engines.cast.parts.hair.flow import outward
from mien.engines.cast.parts.hair.head import Head
from mien.engines.cast.parts.hair.roots import Roots, gathered, sow
from mien.engines.cast.parts.hair.short import edging
from mien.engines.cast.parts.hair.undercoat import core, undercoat
from mien.engines.cast.parts.piece import Piece, unit

Floats = NDArray[np.float32]
#: What numpy makes of float32 and plain numbers is often float64; both are taken.
Reals = NDArray[np.float32] | NDArray[np.float64]
Ints = NDArray[np.int32]


def coils(head: Head) -> list[Piece]:
    """One to three centimetres of tight coils, shorter at the sides."""
    rng = head.rng
    roots = sow(head.body, head.line, 12000, rng)
    locks, members = gathered(roots, 2300, rng)
    top, edge = head.rise(locks.points), head.edge(locks.points, 12.0)
    height = (0.005 + 0.017 * top) * (0.4 + 0.6 * edge) * head.length * rng.uniform(0.75, 1.25, len(locks))
    radius = rng.uniform(0.0016, 0.0030, len(locks)) * (0.6 + 0.4 * edge)
    turns = 0.9 + height / 0.0085
    curves = _helices(head, roots, locks, members, np.zeros(len(locks)), height, radius, turns, steps=11)
    finish = Finish(widths_m=(0.0006, 0.0010), tip=0.6, roll=0.8, depth_m=0.006, root_m=0.006, root_dark=0.35)
    colours = tinted(head.look, members, rng)
    hair = finished(head.body, head.skull, curves, colours, head.look, finish, rng)
    return [undercoat(head), hair, edging(head, 500, 0.006)]


def afro(head: Head) -> list[Piece]:
    """A cloud of coils around a dark core, which stands for the hair that is never seen."""
    rng = head.rng
    roots = sow(head.body, head.line, 9600, rng)
    locks, members = gathered(roots, 2400, rng)
    full = _cloud(head, locks.points)
    reach = full * rng.uniform(0.86, 1.06, len(locks))
    start = np.where(rng.random(len(locks)) < 0.35, 0.0, 0.42) * full
    radius = rng.uniform(0.0026, 0.0048, len(locks))
    turns = 1.0 + (reach - start) / 0.012
    curves = _helices(head, roots, locks, members, start, reach, radius, turns, steps=13)
    finish = Finish(widths_m=(0.0008, 0.0013), tip=0.5, roll=0.9, depth_m=0.010, root_m=0.012, root_dark=0.5)
    colours = tinted(head.look, members, rng)
    hair = finished(head.body, head.skull, curves, colours, head.look, finish, rng)
    return [core(head, np.maximum(0.6 * _cloud(head, head.body.rest) - 0.002, 0.0)), hair, edging(head, 500, 0.008)]


def _cloud(head: Head, points: Floats) -> Floats:
    """(N,) float32: height of an afro's outer surface above the scalp, m."""
    above = np.clip(head.line.above(points) / 20.0, 0.0, 1.0)
    round_ = above * (2 - above)
    size = 0.058 * head.volume * head.length
    behind = np.clip((points[:, 1] - head.skull.centre[1]) / 0.08, 0.0, 1.0)
    low = np.clip((head.skull.centre[2] - points[:, 2]) / 0.07, 0.0, 1.0)
    return np.asarray(size * round_ * (0.82 + 0.18 * head.rise(points) - 0.35 * low * behind), dtype=np.float32)


def _helices(
    head: Head, roots: Roots, locks: Roots, members: Ints, start: Reals, reach: Reals, radius: Reals,
    turns: Reals, *, steps: int,
) -> Floats:  # fmt: skip
    """(S, steps, 3) float32: coils that stand out of the skin; hairs of one lock wind together."""
    rng, count = head.rng, len(locks)
    axis = unit(locks.normals + 0.5 * outward(locks.points, head.skull) + 0.28 * _noise(rng, count))
    helper = unit(np.cross(axis, _noise(rng, count)))
    other = np.cross(axis, helper)
    t = np.linspace(0.0, 1.0, steps, dtype=np.float32)[None]
    own = rng.normal(0.0, 0.35, len(roots))
    spin = rng.choice((-1.0, 1.0), count)
    phase = rng.uniform(0, 2 * np.pi, count)[members] + own
    angle = phase[:, None] + (spin * turns)[members][:, None] * 2 * np.pi * t
    along = (
        start[members][:, None] + (reach - start)[members][:, None] * t * rng.uniform(0.75, 1.06, len(roots))[:, None]
    )
    ring = np.where(start[members][:, None] > 0, 1.0, np.minimum(3 * t, 1.0)) * radius[members][:, None]
    # Coils droop a little with their length.
    sag = -0.35 * along**2 / 0.06
    offset = roots.points - locks.points[members]
    spread = 1.0 + along[:, :, None] / 0.11
    curves = (
        locks.points[members][:, None]
        + offset[:, None] * spread * (1 - 0.35 * t[:, :, None])
        + axis[members][:, None] * along[:, :, None]
        + helper[members][:, None] * (np.cos(angle) * ring)[:, :, None]
        + other[members][:, None] * (np.sin(angle) * ring)[:, :, None]
    )
    curves[:, :, 2] += sag
    flat = head.skull.lifted(curves[:, 1:].reshape(-1, 3).astype(np.float32), 0.0006)
    curves[:, 1:] = flat.reshape(len(roots), steps - 1, 3)
    return np.asarray(curves, dtype=np.float32)


def _noise(rng: np.random.Generator, count: int) -> Floats:
    return rng.standard_normal((count, 3)).astype(np.float32)
