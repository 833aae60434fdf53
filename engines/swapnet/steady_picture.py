"""What 8-bit layers paint, standing still when the driver does: they round every frame anew, which is seen as flicker.

Of what they paint a running mean is shown. Its weight grows with how far the code is from that of the mean, as in
`mien.engines.swapnet.steady`.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from mien.engines.swapnet.steady import free_away, keep, named_away, weight_of
from mien.realtime.frame import Floats

#: Weight of a new picture of a code that is where the mean is. With it a face that stands still flickers less than the
#: portrait's, and a slow smile is late by two frames.
_AT_REST = 0.1


class SteadyPicture:
    """What is painted of each face, from frame to frame; for decoders with 8-bit layers."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Floats, Floats, dict[str, Floats]]] = {}

    def __call__(self, track_id: int, named: Floats, free: Floats, out: Mapping[str, Floats]) -> Mapping[str, Floats]:
        """What to show of `out`, which a decoder gave for the code; may be changed by the next call."""
        before = self._known.pop(track_id, None)
        weight = 1.0
        if before is not None:
            mean_named, mean_free, means = before
            away = np.maximum(named_away(mean_named, named).max(), free_away(mean_free, free))
            weight = float(weight_of(away, _AT_REST)[0])
        if weight < 1.0:
            for name, mean in means.items():
                cv2.accumulateWeighted(_flat(out[name]), _flat(mean), weight)
            named, free = mean_named + weight * (named - mean_named), mean_free + weight * (free - mean_free)
        else:
            means = {name: value.copy() for name, value in out.items()}
        keep(self._known, track_id, (named, free, means))
        return means


def _flat(values: Floats) -> Floats:
    """(1, H, W, C) as (H, W * C), the same memory: OpenCV adds up to three channels."""
    return values.reshape(values.shape[1], -1)
