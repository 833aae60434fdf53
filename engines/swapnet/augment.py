"""How much training changes samples, so that a network of rendered people reads real ones; `shake` changes pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mien.engines.swapnet.code import ACTIONS

Floats = NDArray[np.float32]

_COUNT: Final = len(ACTIONS)


@dataclass(frozen=True, slots=True)
class Augment:
    """How strongly; all shares 0..1.

    Attributes:
        turn_deg, scale, shift: standard deviations of how the crop is misplaced, scale and shift relative to its side.
        colour: standard deviation of each channel's gain, stops; and of gamma.
        soft: share of pictures that are blurred or loose resolution.
        hide: share that get a patch before the face.
        no_pixels: share of which only the tracker's code is left.
        score, moved, rest: standard deviations of noise on scores, on landmarks' ways (units of 5 mm), and of an error
            of the resting face, which shifts both alike.
        turned, reach: of noise on the head's angles (units of 30 degrees), and on how far landmarks move as a whole.

    """

    turn_deg: float = 2.5
    scale: float = 0.03
    shift: float = 0.015
    colour: float = 0.3
    soft: float = 0.35
    hide: float = 0.15
    no_pixels: float = 0.15
    score: float = 0.02
    moved: float = 0.06
    rest: float = 0.04
    turned: float = 0.05
    reach: float = 0.05

    def tracked(self, rng: np.random.Generator, tracked: Floats) -> Floats:
        """A (`TRACKED_SIZE`,) code with the errors of a tracker and of a badly known rest."""
        out = tracked.copy()
        noise = rng.normal(0, self.score, _COUNT) * (0.3 + tracked[:_COUNT])
        out[:_COUNT] += noise
        out[_COUNT : 2 * _COUNT] += noise + rng.normal(0, self.rest, _COUNT) * (rng.random(_COUNT) < 0.3)
        out[2 * _COUNT : 2 * _COUNT + 2] += rng.normal(0, self.turned, 2)
        moved = out[2 * _COUNT + 2 :]
        # The tracker's errors are smooth over the face: a few random directions, and a little of each landmark's own.
        moved += rng.normal(0, self.moved, moved.shape)
        moved += np.tile(rng.normal(0, 2 * self.moved, 3), len(moved) // 3)
        moved *= 1 + rng.normal(0, self.reach)
        return out
