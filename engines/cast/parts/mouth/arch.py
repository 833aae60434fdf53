"""The curve that a row of teeth stands on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Arch:
    """A parabola seen from above, y = origin_y + bend x^2; its middle is the front of the middle incisors.

    Attributes:
        origin: (3,) float64, m: the middle of the cutting edge.
        bend: 1/m (dental arches lie between 20 and 45: AlHarbi et al., "Mathematical analyses of dental arch
            curvature in normal occlusion", Angle Orthodontist 2008).
        up: 1 for the upper row, whose roots are above; -1 for the lower.

    """

    origin: Doubles
    bend: float
    up: float

    def at(self, along: Doubles, outwards: Doubles, rise: Doubles) -> Doubles:
        """(..., 3) points, m.

        Args:
            along: (...) arc length from the midline, positive to the person's left, m.
            outwards: (...) distance before the curve, m.
            rise: (...) height over the cutting edge towards the roots, m.

        """
        x, normal = self.place(along)
        flat = np.stack([x, self.bend * x**2, np.zeros_like(x)], axis=-1) + normal * outwards[..., None]
        return np.asarray(self.origin + flat + np.array([0.0, 0.0, self.up]) * rise[..., None])

    def place(self, along: Doubles) -> tuple[Doubles, Doubles]:
        """X (...) and outward unit normals (..., 3) at arc lengths."""
        table = np.linspace(-0.05, 0.05, 801)
        steps = np.hypot(np.diff(table), np.diff(self.bend * table**2))
        length = np.r_[0.0, np.cumsum(steps)]
        x = np.interp(along, length - length[400], table)
        normal = np.stack([2 * self.bend * x, -np.ones_like(x), np.zeros_like(x)], axis=-1)
        return x, normal / np.linalg.norm(normal, axis=-1, keepdims=True)

    def depth(self, points: Floats) -> tuple[Floats, Floats]:
        """How far (..., 3) points lie behind the curve's front, m (...), and the outward normals there (..., 3)."""
        at = points - self.origin.astype(np.float32)
        slope = np.float32(2 * self.bend) * at[..., 0]
        length = np.sqrt(1 + slope * slope)
        behind = (at[..., 1] - np.float32(self.bend) * at[..., 0] ** 2) / length
        normal = np.stack([slope / length, -1 / length, np.zeros_like(slope)], axis=-1)
        return behind, normal

    def height(self, points: Floats) -> Floats:
        """How far (..., 3) points lie from the cutting edge towards the roots, m (...)."""
        return np.asarray((points[..., 2] - np.float32(self.origin[2])) * np.float32(self.up))
