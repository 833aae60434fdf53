"""Does a change of the expression arrive, and nothing else with it? Judged in final frames, tracked afresh."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mien.engines.measure.final import outputs, retracked
from mien.engines.registry import AUTO
from mien.engines.swapnet.edit import GROUPS
from mien.realtime.face import BLENDSHAPE_INDEX, Face
from mien.realtime.frame import Pixels

#: Least rise of mouthSmile for ``smile=+0.3``, and greatest change of any other group, means over a clip.
LEAST_RISE, MOST_OTHER = 0.15, 0.1
#: Words of the edit that name one thing each.
SINGLE_GROUPS = tuple(name for name in GROUPS if name not in ("mouth", "all"))


class Change(NamedTuple):
    """How an edit moves one group of blendshapes over a clip: its mean change, and the mean of its absolute values."""

    mean: float
    absolute: float


def edit_effect(pictures: Sequence[Pixels], persona: str, edit: str, *, engine: str = AUTO) -> dict[str, Change]:
    """How each of `SINGLE_GROUPS` is changed by an edit, over the frames in which both faces are found.

    Raises:
        ValueError: no frame has both faces.

    """
    plain = list(retracked(outputs(pictures, persona, engine=engine)))
    changed = list(retracked(outputs(pictures, persona, engine=engine, edit=edit)))
    pairs = [(a, b) for a, b in zip(plain, changed, strict=True) if a is not None and b is not None]
    if not pairs:
        raise ValueError("no frame shows a face with and without the edit.")
    moved = {name: np.array([_score(b, name) - _score(a, name) for a, b in pairs]) for name in SINGLE_GROUPS}
    return {name: Change(float(each.mean()), float(np.abs(each).mean())) for name, each in moved.items()}


def _score(face: Face, group: str) -> float:
    return float(np.mean([face.blendshapes[BLENDSHAPE_INDEX[name]] for name in GROUPS[group]]))
