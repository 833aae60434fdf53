"""Hair that hangs: bob, long and wavy. It grows long through gravity, and is then cut as a hairdresser would."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.parts.hair.finish import Finish, finished, tinted
from mien.engines.cast.parts.hair.flow import Bend, Comb, Guard, Weave, cut, flowed, tousled, waved, woven
from mien.engines.cast.parts.hair.head import Head, parted
from mien.engines.cast.parts.hair.roots import gathered, nearest_of, sow
from mien.engines.cast.parts.hair.short import edging
from mien.engines.cast.parts.hair.undercoat import flat_undercoat
from mien.engines.cast.parts.piece import Piece

Floats = NDArray[np.float32]

#: The face is kept free: least azimuth in degrees over the height above the eyes, m.
_FACE_HEIGHT_M = np.array([-0.32, -0.2, -0.15, -0.11, -0.07, -0.02, 0.01, 0.03, 0.05, 0.075])
_FACE_DEG = np.array([24.0, 34.0, 44.0, 52.0, 54.0, 53.0, 48.0, 40.0, 24.0, 0.0])


@dataclass(frozen=True, slots=True)
class _Hang:
    strands: int
    locks: int
    steps: int
    reach_m: float
    bottom_m: float
    wave_m: float
    wave_length_m: float
    round_: float
    clump: float
    layer_m: tuple[float, float]
    ragged: float
    early: float = 1.5
    widths_m: tuple[float, float] = (0.0007, 0.0012)


_BOB = _Hang(13500, 700, 10, 0.30, -0.125, 0.0015, 0.09, 0.3, 0.45, (0.002, 0.010), 0.10)
_LONG = _Hang(10500, 600, 12, 0.48, -0.265, 0.004, 0.14, 0.3, 0.5, (0.002, 0.010), 0.24)
_WAVY = _Hang(5500, 300, 23, 0.54, -0.25, 0.011, 0.075, 0.4, 0.6, (0.002, 0.013), 0.26, 1.12, (0.0009, 0.0015))


def bob(head: Head) -> list[Piece]:
    """To the chin."""
    return _hung(head, _BOB)


def long(head: Head) -> list[Piece]:
    """Straight, to the chest."""
    return _hung(head, _LONG)


def wavy(head: Head) -> list[Piece]:
    """In waves, to the chest."""
    return _hung(head, _WAVY)


def _hung(head: Head, hang: _Hang) -> list[Piece]:
    rng = head.rng
    roots = sow(head.body, head.line, hang.strands, rng)
    locks, members = gathered(roots, hang.locks, rng)
    members = _kept_apart(head, roots.points, locks.points, members)
    low, high = hang.layer_m
    layer = (low + (high - low) * rng.random(len(locks)) ** 1.3) * head.volume
    layer = layer * (0.45 + 0.55 * head.edge(locks.points, 16.0))
    lengths = np.full(len(locks), hang.reach_m, np.float32)
    bend = Bend(lift=0.2, stiff=0.6, fall=(0.2, 1.6), hug=(0.3, 0.02), rise=0.12)
    comb = tousled(_draped(head, parted(head)), 0.12, rng)
    guard = _face_guard(head, len(locks), rng)
    curves = flowed(locks, lengths, layer.astype(np.float32), head.full, comb, bend, steps=40, guard=guard)
    size = hang.wave_m * head.volume * rng.uniform(0.6, 1.3, len(locks))
    curves = waved(
        curves, head.full, size.astype(np.float32), hang.wave_length_m * head.length, rng, round_=hang.round_
    )
    bottom = head.body.brow_centre[2] + hang.bottom_m * head.length
    ends = cut(curves, lambda points: _bottom(head, points, bottom))[members]
    ends = ends * (1.0 - hang.ragged * rng.random(len(locks))[members] * rng.random(len(roots))).astype(np.float32)
    weave = Weave(steps=hang.steps, clump=hang.clump, frizz_m=0.0022, stray=0.03, puff_m=0.0016, early=hang.early)
    strands = woven(roots, curves, members, ends, head.full, weave, rng)
    finish = Finish(widths_m=hang.widths_m, depth_m=0.008, root_m=0.02, root_dark=0.5, roll=0.35)
    colours = tinted(head.look, members, rng)
    hair = finished(head.body, head.full, strands, colours, head.look, finish, rng)
    return [flat_undercoat(head), hair, edging(head, 450, 0.012)]


def _bottom(head: Head, points: Floats, bottom: float) -> Floats:
    """Height above the cut, which is a little longer behind."""
    back = np.clip((points[:, 1] - head.skull.centre[1]) / 0.1, -1.0, 1.0)
    return np.asarray(points[:, 2] - bottom + 0.012 * back, dtype=np.float32)


def _kept_apart(head: Head, points: Floats, locks: Floats, members: NDArray[np.int32]) -> NDArray[np.int32]:
    """Strands whose lock lies on the other side of the parting go to the nearest lock of their own side."""
    # Hairs next to the parting cross it a little, so that no bare line is left.
    crossed = points + np.array([0.003, 0.0, 0.0], np.float32) * head.rng.standard_normal((len(points), 1)).astype(
        np.float32
    )
    side, lock_side = head.side(crossed), head.side(locks)
    out = members.copy()
    for each in (-1.0, 1.0):
        wrong = np.flatnonzero((side == each) & (lock_side[members] != each))
        own = np.flatnonzero(lock_side == each)
        if wrong.size and own.size:
            out[wrong] = own[nearest_of(points[wrong], locks[own])]
    return out


def _draped(head: Head, comb: Comb) -> Comb:
    """Below the chin hair slides past the shoulder: to the chest if it hangs in front, else to the back."""
    chin = head.body.brow_centre[2] - 0.12

    def draped(points: Floats, t: float) -> Floats:
        azimuth = head.full.place(points)[0]
        low = np.clip((chin + 0.05 - points[:, 2]) / 0.07, 0.0, 1.0)
        # Around the neck: what hangs before the ear goes to the front, the rest behind the shoulder.
        turn = np.where(np.abs(azimuth) < np.radians(78.0), -0.35, 0.9) * np.sign(azimuth) * low
        way = np.stack([np.cos(azimuth) * turn, np.sin(azimuth) * turn, np.zeros_like(turn)], axis=1)
        return comb(points, t) + way.astype(np.float32)

    return draped


def _face_guard(head: Head, count: int, rng: np.random.Generator) -> Guard:
    """Moves hair that hangs before the face to its side; each lock stops at its own place."""
    extra = np.radians(rng.uniform(-3.0, 10.0, count) ** 1.0).astype(np.float32)
    eyes = head.body.brow_centre[2]

    def guard(points: Floats) -> Floats:
        azimuth = head.full.place(points)[0]
        least = np.radians(np.interp(points[:, 2] - eyes, _FACE_HEIGHT_M, _FACE_DEG))
        bare = np.clip(-head.line.above(points) / 4.0, 0.0, 1.0)
        least = np.where(least > 0.0, least + extra, 0.0) * bare
        side = np.where(azimuth >= 0.0, 1.0, -1.0)
        away = np.where(np.abs(azimuth) < least, side * (0.5 * np.abs(azimuth) + 0.5 * least), azimuth)
        return head.full.turned(points, away.astype(np.float32))

    return guard
