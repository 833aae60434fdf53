"""Short hair: buzz, crop, swept back, and a fringe over the brow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.parts.hair.finish import Finish, finished, tinted
from mien.engines.cast.parts.hair.flow import Bend, Weave, cut, flowed, tousled, woven
from mien.engines.cast.parts.hair.head import Head, from_crown, swept_back
from mien.engines.cast.parts.hair.roots import gathered, sow, sow_edge
from mien.engines.cast.parts.hair.undercoat import flat_undercoat, undercoat
from mien.engines.cast.parts.piece import Piece

Floats = NDArray[np.float32]


def buzz(head: Head) -> list[Piece]:
    """Two to five millimetres, shorter at the sides."""
    rng = head.rng
    roots = sow(head.body, head.line, 42000, rng)
    top = 0.0055 * head.length * (0.55 + 0.45 * head.rise(roots.points))
    lengths = (top * rng.uniform(0.6, 1.1, len(roots))).astype(np.float32)
    comb = tousled(from_crown(head, forward=0.3), 0.3, rng)
    flat = np.zeros_like(lengths)
    curves = flowed(roots, lengths, flat, head.skull, comb, Bend(lift=0.32, stiff=0.6, fall=(0.1, 0.2)), steps=3)
    colours = tinted(head.look, (np.arange(len(roots)) % 900).astype(np.int32), rng)
    finish = Finish(widths_m=(0.0008, 0.0012), tip=0.5, roll=0.6, depth_m=0.02, root_m=0.004, root_dark=0.7)
    hair = finished(head.body, head.skull, curves, colours, head.look, finish, rng)
    # Scalp shows through, so what lies below is paler than the hair.
    return [flat_undercoat(head, from_deg=4.5, shade=1.7), hair]


def crop(head: Head) -> list[Piece]:
    """Short sides, a longer top that falls forward in tufts."""
    rng = head.rng
    roots = sow(head.body, head.line, 16500, rng)
    locks, members = gathered(roots, 1500, rng)
    top, edge = head.rise(locks.points), head.edge(locks.points, 10.0)
    lengths = (0.008 + 0.026 * top**1.5) * head.length * rng.uniform(0.8, 1.2, len(locks))
    layer = (0.0012 + 0.0085 * top**1.3 * (0.45 + 0.55 * edge)) * head.volume * rng.uniform(0.5, 1.3, len(locks))
    bend = Bend(lift=0.35, stiff=0.55, fall=(0.1, 0.5), hug=(0.4, 0.4), rise=0.55)
    comb = from_crown(head, forward=0.55, sideways=0.3)
    curves = flowed(locks, lengths, layer, head.skull, tousled(comb, 0.3, rng), bend, steps=12)
    ends = rng.uniform(0.72, 1.0, len(roots)).astype(np.float32)
    weave = Weave(steps=7, clump=0.6, frizz_m=0.0011, stray=0.03)
    strands = woven(roots, curves, members, ends, head.skull, weave, rng)
    finish = Finish(widths_m=(0.0006, 0.0010), tip=0.3, roll=0.5, depth_m=0.006, root_m=0.009, root_dark=0.5)
    colours = tinted(head.look, members, rng)
    hair = finished(head.body, head.skull, strands, colours, head.look, finish, rng)
    return [undercoat(head), hair, edging(head, 400)]


def swept(head: Head) -> list[Piece]:
    """Combed back from the forehead, with height in front."""
    rng = head.rng
    roots = sow(head.body, head.line, 15000, rng)
    locks, members = gathered(roots, 1300, rng)
    top, front = head.rise(locks.points), head.front(locks.points)
    lengths = (0.016 + (0.05 + 0.028 * front) * top**1.3) * head.length * rng.uniform(0.85, 1.12, len(locks))
    high = 0.0016 + (0.008 + 0.013 * front) * top**1.6
    layer = high * head.volume * rng.uniform(0.35, 1.15, len(locks))
    bend = Bend(lift=0.5, stiff=0.5, fall=(0.0, 0.25), hug=(0.35, 0.4), rise=0.4)
    curves = flowed(locks, lengths, layer, head.skull, tousled(swept_back(head), 0.16, rng), bend, steps=16)
    ends = rng.uniform(0.75, 1.0, len(roots)).astype(np.float32)
    weave = Weave(steps=9, clump=0.55, frizz_m=0.0012, stray=0.03, puff_m=0.0012)
    strands = woven(roots, curves, members, ends, head.skull, weave, rng)
    colours = tinted(head.look, members, rng)
    finish = Finish(depth_m=0.007, roll=0.4)
    hair = finished(head.body, head.skull, strands, colours, head.look, finish, rng)
    return [undercoat(head), hair, edging(head, 500)]


def fringe(head: Head) -> list[Piece]:
    """Falls from the crown: in front to the brows, at the sides over the ears' tops, behind to the nape."""
    rng = head.rng
    roots = sow(head.body, head.line, 12200, rng)
    locks, members = gathered(roots, 1100, rng)
    layer = (0.0016 + 0.0085 * head.rise(locks.points)) * head.volume * rng.uniform(0.3, 1.2, len(locks))
    bend = Bend(lift=0.22, stiff=0.55, fall=(0.15, 0.8), hug=(0.4, 0.25), rise=0.3)
    comb = tousled(from_crown(head, forward=0.5, sideways=0.45), 0.2, rng)
    # Men wear the sides short under it.
    short = (head.look.gender > 0.5) & (head.rise(locks.points) < 0.42) & (head.front(locks.points) < 0.9)
    lengths = np.where(short, 0.006 + 0.04 * head.rise(locks.points), 0.26).astype(np.float32)
    curves = flowed(locks, lengths, layer, head.full, comb, bend, steps=34)
    low = head.body.brow_centre[2]
    over_brow = low + rng.uniform(0.017, 0.025)

    def left(points: Floats) -> Floats:
        azimuth = np.degrees(np.abs(head.full.place(points)[0]))
        # Women wear it to the jaw at the sides, men to the top of the ear.
        long = (1.0 - head.look.gender) * 0.115
        drop = np.interp(azimuth, [0, 34, 50, 62, 100, 140, 180], [0, 0, 0.006, 0.016, 0.024, 0.055, 0.06])
        drop = drop + long * np.clip((azimuth - 44.0) / 12.0, 0.0, 1.0)
        return np.asarray(points[:, 2] - over_brow + drop, dtype=np.float32)

    ragged = (1.0 - 0.16 * rng.random(len(locks)))[members] * rng.uniform(0.88, 1.0, len(roots))
    ends = (cut(curves, left)[members] * ragged).astype(np.float32)
    weave = Weave(steps=11, clump=0.62, frizz_m=0.0014, stray=0.025, puff_m=0.001, early=1.35)
    strands = woven(roots, curves, members, ends, head.full, weave, rng)
    colours = tinted(head.look, members, rng)
    return [undercoat(head), finished(head.body, head.full, strands, colours, head.look, Finish(depth_m=0.006), rng)]


def edging(head: Head, count: int, length_m: float = 0.009) -> Piece:
    """The fine short hairs along the hairline."""
    rng = head.rng
    roots = sow_edge(head.body, head.line, count, rng)
    lengths = (length_m * rng.uniform(0.4, 1.2, len(roots))).astype(np.float32)
    bend = Bend(lift=0.25, stiff=0.7, fall=(0.0, 0.4), hug=(0.4, 0.4), rise=0.5)
    layer = rng.uniform(0.0004, 0.0016, len(roots)).astype(np.float32)
    comb = tousled(swept_back(head), 0.7, rng)
    curves = flowed(roots, lengths, layer, head.skull, comb, bend, steps=5)
    finish = Finish(widths_m=(0.0002, 0.0004), tip=0.2, roll=0.6, depth_m=0.03, root_m=0.002, root_dark=0.8)
    colours = tinted(head.look, np.arange(len(roots), dtype=np.int32) % 300, rng) * 1.15
    return finished(head.body, head.skull, curves, colours.astype(np.float32), head.look, finish, rng)
