"""Hair that is drawn back: into a bun, or into a ponytail."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.parts.hair.envelope import Envelope
from mien.engines.cast.parts.hair.finish import Finish, finished, tinted
from mien.engines.cast.parts.hair.flow import Bend, Weave, flowed, tousled, waved, woven
from mien.engines.cast.parts.hair.head import Head, towards
from mien.engines.cast.parts.hair.roots import Roots, gathered, sow
from mien.engines.cast.parts.hair.short import edging
from mien.engines.cast.parts.hair.undercoat import flat_undercoat
from mien.engines.cast.parts.piece import Label, Material, Piece, solid, unit
from mien.engines.cast.parts.scalp import hair_tone

Floats = NDArray[np.float32]
#: What numpy makes of float32 and plain numbers is often float64; both are taken.
Reals = NDArray[np.float32] | NDArray[np.float64]


def tied(head: Head) -> list[Piece]:
    """Drawn into a coiled knot at the back of the head."""
    knot, way = _knot(head, float(head.rng.uniform(0.0, 42.0)), 0.019)
    radius = 0.031 * head.volume**0.5
    drawn = _drawn(head, knot - 0.014 * way, 10500)
    return [
        flat_undercoat(head),
        *drawn,
        *_bun(head, knot, way, radius),
        *_loose(head),
        edging(head, 650, 0.012),
    ]


def ponytail(head: Head) -> list[Piece]:
    """Drawn to a band behind the crown, and falling from there."""
    knot, way = _knot(head, float(head.rng.uniform(8.0, 34.0)), 0.010)
    drawn = _drawn(head, knot, 9500)
    return [flat_undercoat(head), *drawn, *_tail(head, knot, way), *_loose(head), edging(head, 650, 0.012)]


def _knot(head: Head, elevation_deg: float, height_m: float) -> tuple[Floats, Floats]:
    """A point above the back of the head, and the way out there."""
    angle = np.radians(elevation_deg)
    way = np.array([0.0, np.cos(angle), np.sin(angle)], np.float32)
    point = (head.skull.centre + 0.05 * way)[None]
    for _ in range(12):
        point = point + way * np.maximum(height_m - head.skull.gap(point)[0], 0.0)[:, None]
    return np.asarray(point[0], dtype=np.float32), way


def _drawn(head: Head, knot: Floats, count: int) -> list[Piece]:
    """Hair over the skull, smooth, all of it ending in the knot."""
    rng = head.rng
    roots = sow(head.body, head.line, count, rng)
    locks, members = gathered(roots, 900, rng)
    arc = _arc(head.skull, locks.points, knot)
    low = 0.0009 + 0.0035 * head.volume * rng.random(len(locks)) * head.edge(locks.points, 20.0)
    # Hair gathers on its way, so it lies higher the nearer it comes: those from afar lie on top.
    layer = low + 0.004 * np.clip(arc / 0.22, 0.0, 1.0)
    bend = Bend(lift=0.12, stiff=0.35, fall=(0.0, 0.0), hug=(0.5, 0.5), rise=0.5)
    comb = tousled(towards(knot), 0.05, rng)
    curves = flowed(locks, arc * 1.12, layer.astype(np.float32), head.skull, comb, bend, steps=18)
    curves = _ended(curves, knot)
    ends = np.where(rng.random(len(roots)) < 0.03, rng.uniform(0.4, 0.9, len(roots)), 1.0).astype(np.float32)
    weave = Weave(steps=9, clump=0.35, frizz_m=0.0007, stray=0.018, puff_m=0.0005)
    strands = woven(roots, curves, members, ends, head.skull, weave, rng)
    colours = tinted(head.look, members, rng)
    finish = Finish(depth_m=0.006, roll=0.3, root_m=0.010, root_dark=0.6, tip=0.7)
    return [finished(head.body, head.skull, strands, colours, head.look, finish, rng)]


def _loose(head: Head) -> list[Piece]:
    """Wisps that have come loose at the temples of some women, and hang to cheek or jaw."""
    rng = head.rng
    if rng.random() > 0.75 * (1.0 - head.look.gender):
        return []
    many = sow(head.body, head.line, 9000, rng)
    azimuth, above = np.degrees(np.abs(head.full.place(many.points)[0])), head.line.above(many.points)
    spots = many.only(
        (azimuth > 38.0) & (azimuth < 56.0) & (above < 7.0) & (many.points[:, 2] > head.body.brow_centre[2])
    )
    locks, members = gathered(spots, 8, rng)
    lengths = (rng.uniform(0.09, 0.17, len(locks)) * head.length).astype(np.float32)
    layer = rng.uniform(0.004, 0.010, len(locks)).astype(np.float32)
    bend = Bend(lift=0.55, stiff=0.7, fall=(0.9, 1.6), rise=0.2)
    comb = tousled(towards(head.full.centre + np.array([0.0, -0.03, -0.3], np.float32)), 0.1, rng)
    curves = flowed(locks, lengths, layer, head.full, comb, bend, steps=20)
    curves = waved(curves, head.full, 0.0035, 0.055, rng, round_=0.4)
    chosen = rng.random(len(spots)) < min(1.0, 110 / len(spots))
    weave = Weave(steps=14, clump=0.75, frizz_m=0.0022)
    ends = rng.uniform(0.7, 1.0, int(chosen.sum())).astype(np.float32)
    strands = woven(spots.only(chosen), curves, members[chosen], ends, head.full, weave, rng)
    finish = Finish(widths_m=(0.0005, 0.0009), depth_m=0.03, root_m=0.004)
    colours = tinted(head.look, members[chosen], rng)
    return [finished(head.body, head.full, strands, colours, head.look, finish, rng)]


def _arc(body: Envelope, points: Floats, knot: Floats) -> Floats:
    """(N,) float32: about the length of the way over the head to the knot, m."""
    a, b = points - body.centre, knot - body.centre
    cos = (a @ b) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b))
    mean = (np.linalg.norm(a, axis=1) + np.linalg.norm(b)) / 2
    return np.asarray(np.maximum(np.arccos(np.clip(cos, -1, 1)) * mean, 0.02), dtype=np.float32)


def _ended(curves: Floats, knot: Floats) -> Floats:
    """Curves that stay where they first came nearest to the knot."""
    distance = np.linalg.norm(curves - knot, axis=2)
    nearest = np.minimum(distance.argmin(1), curves.shape[1] - 1)
    share = nearest / (curves.shape[1] - 1)
    place = np.linspace(0.0, 1.0, curves.shape[1])[None] * share[:, None] * (curves.shape[1] - 1)
    low = np.minimum(place.astype(int), curves.shape[1] - 2)
    mix = (place - low)[:, :, None]
    rows = np.arange(len(curves))[:, None]
    return np.asarray(curves[rows, low] * (1 - mix) + curves[rows, low + 1] * mix, dtype=np.float32)


def _basis(way: Floats) -> tuple[Floats, Floats]:
    side = np.array([1.0, 0.0, 0.0], np.float32)
    return side, unit(np.cross(way, side))


def _bun(head: Head, knot: Floats, way: Floats, radius: float) -> list[Piece]:
    """A dark core, and two layers of locks wound round it."""
    rng, locks, each, steps = head.rng, 210, 11, 14
    side, up = _basis(way)
    tilt = rng.uniform(-0.75, 1.35, locks)
    turn0, sweep = rng.uniform(0, 2 * np.pi, locks), rng.uniform(1.3, 2.6, locks)
    t = np.linspace(0.0, 1.0, steps)[None]
    turn = turn0[:, None] + sweep[:, None] * t
    # Each lock climbs as it winds, which gives the knot its twist.
    climb = np.clip(tilt[:, None] + 0.55 * (t - 0.5), -0.9, 1.5)
    ball = _on_ball(way, side, up, climb, turn)
    deep = radius * rng.uniform(0.9, 1.03, locks)[:, None, None] * (1 + 0.05 * np.sin(5 * turn + 6 * climb))[:, :, None]
    squash = np.eye(3, dtype=np.float32) - 0.22 * np.outer(way, way)
    curves = knot + (ball * deep) @ squash
    members = np.repeat(np.arange(locks, dtype=np.int32), each)
    spread = rng.standard_normal((len(members), 1, 3)) * 0.0016
    frizz = rng.standard_normal((len(members), 1, 3)) * (t[..., None] ** 2) * 0.0012
    strands = (curves[members] + spread + frizz).astype(np.float32)
    strands = head.skull.lifted(strands.reshape(-1, 3), 0.0005).reshape(strands.shape)
    normals = np.repeat(ball, each, axis=0).astype(np.float32)
    colours = tinted(head.look, members, rng)
    finish = Finish(widths_m=(0.0009, 0.0014), roll=0.3, depth_m=0.006, root_m=0.001, tip=0.7)
    hair = finished(head.body, head.skull, strands, colours, head.look, finish, rng)
    height = np.linalg.norm((strands - knot), axis=2)
    open_ = np.clip(0.25 + 0.75 * (height / radius - 0.82) / 0.2, 0.15, 1.0)
    hair.openness[:] = np.repeat(open_.reshape(-1), 2)
    hair.normals[:] = unit(0.7 * np.repeat(normals.reshape(-1, 3), 2, axis=0) + 0.3 * hair.normals)
    return [_ball(head, knot, way, radius * 0.86, squash), hair]


def _on_ball(way: Floats, side: Floats, up: Floats, climb: Reals, turn: Reals) -> Floats:
    ring = side * np.cos(turn)[..., None] + up * np.sin(turn)[..., None]
    return np.asarray(way * np.sin(climb)[..., None] + ring * np.cos(climb)[..., None], dtype=np.float32)


def _ball(head: Head, knot: Floats, way: Floats, radius: float, squash: Floats) -> Piece:
    rows, columns = 12, 20
    climb, turn = np.meshgrid(np.linspace(-1.57, 1.57, rows), np.linspace(0, 2 * np.pi, columns), indexing="ij")
    side, up = _basis(way)
    points = (knot + (_on_ball(way, side, up, climb, turn) * radius) @ squash).reshape(-1, 3).astype(np.float32)
    points = head.skull.lifted(points, 0.0003)
    at = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)[None]).reshape(-1)
    faces = np.stack([at, at + 1, at + columns, at + 1, at + columns + 1, at + columns], axis=1).reshape(-1, 3)
    piece = solid(points, faces.astype(np.int32), hair_tone(head.look) * 0.4, Material.FOAM, Label.HAIR)
    piece.openness[:] = 0.15
    return piece


def _tail(head: Head, knot: Floats, way: Floats) -> list[Piece]:
    """The band, and locks that spring from it and fall behind the neck."""
    rng, count = head.rng, 110
    side, up = _basis(way)
    spot = rng.standard_normal((count, 2)) * 0.006
    points = (knot + spot[:, :1] * side + spot[:, 1:] * up + 0.004 * way).astype(np.float32)
    aim = unit((way + (spot[:, :1] * side + spot[:, 1:] * up) * 26.0).astype(np.float32))
    locks = Roots(points, aim, np.ones(count, np.float32))
    lengths = (0.27 * head.length * rng.uniform(0.75, 1.05, count)).astype(np.float32)
    layer = rng.uniform(0.006, 0.02, count).astype(np.float32)
    bend = Bend(lift=1.0, stiff=0.7, fall=(1.4, 1.8), rise=0.2)

    def fall(points: Floats, share: float) -> Floats:
        # Together in the middle, wider below than at the band.
        wish = knot + np.array([0.0, 0.03, 0.0], np.float32) - points
        wish[:, 2] = 0.0
        return np.asarray(wish * 5.0 * (1 - share), dtype=np.float32)

    curves = flowed(locks, lengths, layer, head.full, tousled(fall, 0.14, rng), bend, steps=26)
    wave = np.full(count, rng.uniform(0.001, 0.006), np.float32)
    curves = waved(curves, head.full, wave, 0.09, rng, round_=0.3)
    members = rng.integers(0, count, 3400).astype(np.int32)
    spread = rng.standard_normal((len(members), 3)).astype(np.float32) * 0.004
    roots = Roots(points[members] + spread, aim[members], np.ones(len(members), np.float32))
    ends = rng.uniform(0.72, 1.0, len(members)).astype(np.float32)
    weave = Weave(steps=13, clump=-0.5, frizz_m=0.0035, stray=0.04)
    strands = woven(roots, curves, members, ends, head.full, weave, rng)
    finish = Finish(widths_m=(0.0008, 0.0013), depth_m=0.010, root_m=0.004, roll=0.5)
    hair = finished(head.body, head.full, strands, tinted(head.look, members, rng), head.look, finish, rng)
    # Depth below the tail's own surface, not below the head's hair.
    middle = np.asarray(curves.mean(0), np.float32)
    place = np.linspace(0.0, 1.0, strands.shape[1]) * (len(middle) - 1)
    spine = np.stack([np.interp(place, np.arange(len(middle)), middle[:, axis]) for axis in range(3)], axis=1)
    reach = np.linalg.norm(strands - spine, axis=2) / (0.004 + 0.016 * np.linspace(0, 1, strands.shape[1]) ** 0.6)
    hair.openness[:] = np.repeat(np.clip(0.2 + 0.7 * reach, 0.2, 1.0).reshape(-1), 2)
    return [hair, _band(knot + 0.003 * way, way, 0.0125)]


def _band(centre: Floats, way: Floats, radius: float, thick: float = 0.0042) -> Piece:
    """The band that holds a tail: a torus."""
    rows, columns = 24, 10
    u, v = np.meshgrid(np.linspace(0, 2 * np.pi, rows), np.linspace(0, 2 * np.pi, columns), indexing="ij")
    side, up = _basis(way)
    ring = side * np.cos(u)[..., None] + up * np.sin(u)[..., None]
    points = centre + ring * (radius + thick * np.cos(v))[..., None] + way * (thick * np.sin(v))[..., None] * 1.4
    at = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)[None]).reshape(-1)
    faces = np.stack([at, at + columns, at + 1, at + 1, at + columns, at + columns + 1], axis=1).reshape(-1, 3)
    place = points.reshape(-1, 3).astype(np.float32)
    return solid(place, faces.astype(np.int32), (0.012, 0.012, 0.014), Material.FABRIC, Label.HAIR)
