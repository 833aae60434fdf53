"""Lines of a face: those that age has engraved, and those that an expression folds.

Control points are places on MakeHuman's head in its own coordinates: (u towards the chin, distance from the mirror
line), measured on the template once; the mesh carries them to every face.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.look import Look
from mien.engines.cast.skin.marks import CREASE, GROOVE, Marks, line, merged
from mien.engines.cast.skin.zones import MIRROR_V

Floats = NDArray[np.float32]
Path = tuple[tuple[float, float], ...]

_FOREHEAD = (0.7805, 0.7885, 0.7965, 0.8045, 0.8115)
_FROWN: tuple[Path, ...] = (((0.816, 0.0075), (0.824, 0.0068), (0.832, 0.0085)), ((0.819, 0.0115), (0.828, 0.0105)))
_CROW: tuple[Path, ...] = (
    ((0.8348, 0.0545), (0.8312, 0.0610), (0.8275, 0.0665)),
    ((0.8365, 0.0540), (0.8345, 0.062), (0.832, 0.0705)),
    ((0.8395, 0.0540), (0.8415, 0.062), (0.843, 0.0705)),
    ((0.8425, 0.0525), (0.8475, 0.059), (0.8525, 0.0655)),
)
_FOLD: Path = ((0.8705, 0.0208), (0.8775, 0.0238), (0.8880, 0.0275), (0.9000, 0.0298), (0.9105, 0.0292))
_MARIONETTE: Path = ((0.9125, 0.0225), (0.921, 0.0245), (0.932, 0.0250))
_UNDER_EYE: tuple[Path, ...] = (
    ((0.8465, 0.0195), (0.8525, 0.0265), (0.8545, 0.036), (0.8515, 0.0455)),
    ((0.8485, 0.027), (0.8502, 0.035), (0.8480, 0.0445)),
)
_CHEEK_ARCS: tuple[Path, ...] = (
    ((0.885, 0.0370), (0.899, 0.0400), (0.914, 0.0385)),
    ((0.890, 0.0455), (0.908, 0.0465)),
)
_BUNNY: tuple[Path, ...] = (
    ((0.8385, 0.0030), (0.8405, 0.0085), (0.8445, 0.0125)),
    ((0.8435, 0.0035), (0.8460, 0.0090), (0.8505, 0.0135)),
    ((0.8490, 0.0060), (0.8520, 0.0105), (0.8560, 0.0145)),
)
_NECK: tuple[Path, ...] = (
    ((0.972, 0.0), (0.969, 0.035), (0.955, 0.075), (0.935, 0.11)),
    ((0.984, 0.0), (0.982, 0.03), (0.970, 0.07), (0.952, 0.105)),
)


def lines(look: Look, seed: int) -> Marks:
    """Grooves that stay when the face rests; the strength is their depth in m."""
    rng = np.random.default_rng((seed, 0xC2EA))
    worn = float(np.clip(0.95 * look.age**1.5 + 0.55 * look.lines * (0.35 + look.age), 0.0, 1.3))
    parts: list[Marks] = []

    def engrave(path: Path, depth_mm: float, width_mm: float, *, taper: float = 0.3) -> None:
        depth_m = depth_mm * 1e-3 * worn * float(rng.uniform(0.6, 1.25))
        for side in (-1.0, 1.0):
            placed = _placed(path, side, rng)
            parts.append(line(placed, width_m=width_mm * 1e-3, strength=depth_m, layer=GROOVE, taper=taper, steps=20))

    for at in _FOREHEAD:
        parts.append(_forehead(at, rng, 0.60e-3 * worn * float(rng.uniform(0.3, 1.3)), GROOVE, 0))
    engrave(_FROWN[0], 0.6, 1.0)
    for path in _CROW:
        engrave(path, 0.48, 0.75)
    engrave(_FOLD, 0.70, 2.2, taper=0.45)
    engrave(_FOLD, 0.60, 1.0, taper=0.45)
    engrave(_MARIONETTE, 0.60, 1.5, taper=0.45)
    for path in _UNDER_EYE:
        engrave(path, 0.46, 0.9, taper=0.4)
    for path in _NECK:
        engrave(path, 0.9, 1.6, taper=0.2)
    for _ in range(int(10 * max(0.0, worn - 0.35))):
        across = float(rng.uniform(0.002, 0.022))
        top = 0.8955 - 0.25 * max(0.0, across - 0.012)
        engrave(((top - 0.0065, across * 1.1), (top - 0.001, across)), 0.22, 0.5, taper=0.4)
    return merged(parts)


def expression_lines(look: Look, seed: int) -> Marks:
    """Grooves of a full expression, by group (see `crease_weights`); the strength is their depth in m."""
    rng = np.random.default_rng((seed, 0xC2EB))
    power = 0.45 + 0.55 * min(1.0, 0.7 * look.age + 0.5 * look.lines)
    parts = [_forehead(at, rng, 0.55e-3 * power * float(rng.uniform(0.7, 1.1)), CREASE, 1) for at in _FOREHEAD]
    for group, paths, depth_mm, width_mm in (
        (2, _FROWN, 0.65, 1.1),
        (3, (*_CROW, _UNDER_EYE[0]), 0.50, 0.85),
        (3, (_FOLD,), 1.4, 2.4),
        (3, _CHEEK_ARCS, 0.40, 1.6),
        (4, _BUNNY, 0.50, 0.9),
    ):
        for path in paths:
            for side in (-1.0, 1.0):
                depth_m = depth_mm * 1e-3 * power * float(rng.uniform(0.75, 1.15))
                placed = _placed(path, side, rng)
                parts.append(
                    line(placed, width_m=width_mm * 1e-3, strength=depth_m, layer=CREASE, group=group, taper=0.35)
                )
    return merged(parts)


def crease_weights(actions: Mapping[str, float]) -> Floats:
    """(4,) float32 0..1: how strongly an expression folds forehead, frown, eye corners with cheeks, and nose.

    Args:
        actions: ARKit's names; a name that is missing counts as 0.

    """

    def most(*names: str) -> float:
        return max(actions.get(name, 0.0) for name in names)

    def mean(name: str) -> float:
        return 0.5 * (actions.get(f"{name}Left", 0.0) + actions.get(f"{name}Right", 0.0))

    raised = most("browInnerUp", "browOuterUpLeft", "browOuterUpRight") - 0.5 * mean("browDown")
    smiled = max(mean("mouthSmile"), mean("cheekSquint"), 0.6 * mean("eyeSquint"))
    weights = [raised, mean("browDown"), smiled, max(mean("noseSneer"), 0.25 * mean("browDown"))]
    return np.clip(weights, 0.0, 1.0).astype(np.float32)


def _placed(path: Path, side: float, rng: np.random.Generator) -> NDArray[np.float64]:
    points = np.array(path) + rng.normal(0.0, 0.0005, (len(path), 2))
    return np.stack([points[:, 0], MIRROR_V + side * points[:, 1]], axis=1)


def _forehead(at: float, rng: np.random.Generator, depth_m: float, layer: int, group: int) -> Marks:
    """One line across the forehead, broken and wavy as they are, lower at its middle."""
    reach = rng.uniform(0.028, 0.047, 2)
    side = np.linspace(-reach[0], reach[1], 9)
    wave = 0.0011 * np.cos(side / 0.047 * np.pi) + rng.normal(0.0, 0.0005, 9)
    path = np.stack([at + wave, MIRROR_V + side], axis=1)
    return line(path, width_m=1.1e-3, strength=depth_m, layer=layer, group=group, taper=0.3, steps=40)
