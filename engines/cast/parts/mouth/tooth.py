"""The shape and shade of one tooth, and of the gum around a row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.parts.mouth.arch import Arch, Doubles

Ints = NDArray[np.int32]

_AROUND, _LEVELS = 14, 9
_COLUMNS = 61
_GUM_HEIGHT_M = 0.007


@dataclass(frozen=True, slots=True)
class Kind:
    """Mean size of a crown, mm (Nelson, Wheeler's Dental Anatomy, tables 1-1 to 1-11), and its form.

    Attributes:
        width: along the arch.
        height: from the cutting edge to the gum.
        thickness: across, at the gum.
        edge: thickness of the cutting edge or chewing face as a share of `thickness`.
        point: how far the middle of the edge stands out, a share of the width: a canine's tip, a molar's cusps.

    """

    width: float
    height: float
    thickness: float
    edge: float
    point: float


UPPER = (
    Kind(8.5, 10.5, 7.0, 0.24, 0.0), Kind(6.6, 9.0, 6.0, 0.24, 0.03), Kind(7.5, 10.0, 8.0, 0.26, 0.14),
    Kind(7.0, 8.5, 9.0, 0.72, 0.06), Kind(6.8, 8.0, 9.0, 0.74, 0.05), Kind(10.0, 7.5, 11.0, 0.8, 0.02),
)  # fmt: skip
LOWER = (
    Kind(5.2, 9.0, 6.0, 0.22, 0.0), Kind(5.7, 9.4, 6.3, 0.22, 0.01), Kind(6.9, 10.5, 7.6, 0.25, 0.12),
    Kind(7.0, 8.5, 7.6, 0.7, 0.06), Kind(7.1, 8.0, 8.0, 0.74, 0.04), Kind(10.8, 7.5, 10.3, 0.8, 0.02),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stand:
    """Where one tooth stands in its row: m, radians."""

    along: float
    width: float
    height: float
    out: float
    twist: float
    lean: float


def tooth(arch: Arch, kind: Kind, stand: Stand, enamel: Doubles) -> tuple[Doubles, Ints, Doubles, Doubles]:
    """One crown as a closed skin.

    Args:
        arch: of the row.
        kind: which tooth.
        stand: its place.
        enamel: (3,) linear RGB of its body.

    Returns:
        points (N, 3) m, faces (F, 3), colours (N, 3) linear RGB, openness (N,) 0..1.

    """
    level = np.linspace(0.0, 1.0, _LEVELS)[:, None] ** 1.25
    angle = np.linspace(0.0, 2 * np.pi, _AROUND, endpoint=False)[None, :]
    side, front = np.cos(angle), np.sin(angle)
    # A rounded rectangle: teeth touch with flat sides.
    side, front = np.sign(side) * np.abs(side) ** 0.55, np.sign(front) * np.abs(front) ** 0.7
    round_off = 1 - 0.16 * np.clip(1 - level * 7, 0, 1) ** 2
    half = 0.5 * stand.width * (1.0 - 0.14 * level**2) * round_off
    thick = kind.thickness * 1e-3 * (kind.edge + (1 - kind.edge) * (1 - (1 - level) ** 1.7)) * round_off
    belly = 0.0007 * np.sin(np.pi * np.clip(level * 1.05, 0, 1)) - 0.0009 * level**3
    u = side * half
    # The labial face stays near the arch; what grows with the thickness lies behind it.
    out = 0.5 * thick * (front - 1) + belly * (front > 0) + stand.out - stand.twist * u + 0.0 * level
    tip = kind.point * stand.width * (1 - np.abs(side) ** 1.5) * np.clip(1 - level * 4, 0, 1)
    rise = stand.height * level + stand.lean * u - tip + 0.0004 * side**2 * np.clip(1 - level * 5, 0, 1)
    points = arch.at(stand.along + u, out, rise)
    cap = points[0].mean(0, keepdims=True) + np.array([[0.0, 0.0, arch.up * 0.0004]])
    shade = _shade(level, side, front, enamel, biting=kind.edge < 0.5)
    openness = np.clip(0.75 + 0.25 * front - 0.45 * np.abs(side) ** 8, 0.2, 1.0) + 0.0 * level
    colours = np.concatenate([shade.reshape(-1, 3), shade[0].mean(0, keepdims=True) * 0.85])
    faces = _tube_faces()
    return (
        np.concatenate([points.reshape(-1, 3), cap]),
        faces if arch.up < 0 else faces[:, ::-1],
        colours,
        np.r_[openness.ravel(), 0.7],
    )


def _shade(level: Doubles, side: Doubles, front: Doubles, enamel: Doubles, *, biting: bool) -> Doubles:
    """(L, N, 3): a warmer neck, a cooler and darker rim where an incisor's edge lets light through, dim gaps."""
    neck = (0.16 * level**2)[..., None] * np.array([0.5, 1.0, 1.9])
    colour = enamel * (1.0 - neck) + 0.0 * (side + front)[..., None]
    if biting:
        rim = (np.clip(1 - level / 0.2, 0, 1) * 0.6 + 0.0 * side)[..., None]
        colour = colour * (1 - rim) + rim * np.array([0.46, 0.48, 0.49]) * enamel.mean() / 0.66
    return np.asarray(colour * (1.0 - 0.30 * np.abs(side) ** 8)[..., None])


def _tube_faces() -> Ints:
    rows = np.arange(_LEVELS - 1)[:, None] * _AROUND
    here, there = np.arange(_AROUND)[None, :], (np.arange(_AROUND)[None, :] + 1) % _AROUND
    a, b, c, d = (each.ravel() for each in (rows + here, rows + there, rows + _AROUND + here, rows + _AROUND + there))
    cap = np.full(_AROUND, _LEVELS * _AROUND)
    top = np.stack([cap, there.ravel(), here.ravel()], axis=1)
    return np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1), top]).astype(np.int32)


def gum(
    arch: Arch, kinds: tuple[Kind, ...], stands: list[Stand], flesh: Doubles
) -> tuple[Doubles, Ints, Doubles, Doubles]:
    """The gum of a whole row: scalloped before and behind the teeth, which stand in it. Returns as `tooth`."""
    end = max(stand.along + stand.width / 2 for stand in stands)
    along = np.linspace(-end, end, _COLUMNS)
    centres = np.array([stand.along for stand in stands])
    nearest = np.abs(along[:, None] - centres[None]).argmin(1)
    widths = np.array([stand.width for stand in stands])[nearest]
    heights = np.array([stand.height for stand in stands])[nearest]
    thickness = np.array([kinds[index % len(kinds)].thickness for index in range(len(stands))])[nearest] * 1e-3
    off = np.clip(np.abs(along - centres[nearest]) / (0.5 * widths), 0, 1)
    # Between two teeth the gum reaches further down than over a crown's middle.
    margin = _blurred(heights) * (0.90 - 0.20 * off**2.2)
    thick = _blurred(thickness)
    far = margin + _GUM_HEIGHT_M
    half = 0.5 * (margin + far)
    bulge = 0.0004 * (1 - off**2)
    profile = [
        (-0.0008 + 0.0 * off, far), (0.0008 + bulge, half), (0.0007 + bulge, margin + 0.0012),
        (-0.0004 + 0.0 * off, margin), (-thick + 0.0006, margin + 0.0004), (-thick - 0.0008, half), (-thick, far),
    ]  # fmt: skip
    rows = [arch.at(along, np.asarray(out), np.asarray(rise)) for out, rise in profile]
    points = np.stack(rows)
    dip = np.array([0.8, 1.0, 1.06, 1.0, 0.9, 0.8, 0.6])[:, None]
    colours = flesh * (dip * (1 - 0.10 * off))[..., None]
    start = (np.arange(len(profile) - 1)[:, None] * _COLUMNS + np.arange(_COLUMNS - 1)[None]).ravel()
    quads = np.stack([start, start + 1, start + _COLUMNS, start + 1, start + _COLUMNS + 1, start + _COLUMNS], axis=1)
    faces = quads.reshape(-1, 3).astype(np.int32)
    openness = np.array([0.5, 0.8, 0.95, 0.7, 0.6, 0.5, 0.4])[:, None] + 0.0 * off
    return points.reshape(-1, 3), faces[:, ::-1] if arch.up < 0 else faces, colours.reshape(-1, 3), openness.ravel()


def _blurred(values: Doubles) -> Doubles:
    padded = np.pad(values, 2, mode="edge")
    return np.convolve(padded, np.array([1, 2, 3, 2, 1]) / 9, mode="valid")
