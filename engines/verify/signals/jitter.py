"""Trembling of landmarks that no expression moves, after the head's own motion is taken out.

After Yang, Li and Lyu, "Exposing deep fakes using inconsistent head poses", ICASSP 2019, who compared the pose of the
inner face with that of the whole; here it is what one rigid head leaves over from picture to picture.
"""

from __future__ import annotations

import numpy as np

from mien.engines.verify.signals.sight import LEAST_SIGHTS, Sights
from mien.realtime.head import head_model, to_head

#: Bridge and ridge of the nose, inner and outer corners of the eyes, temples, forehead: bone lies under them.
RIGID = (168, 6, 197, 195, 5, 4, 133, 362, 33, 263, 127, 356, 10, 109, 338)
#: Variance of the middle of three independent values less the mean of its neighbours, over that of one.
_GAIN = 1.5


def landmark_jitter(sights: Sights) -> float:
    """Root mean square of what is left, thousandths of the face's width."""
    if len(sights) < LEAST_SIGHTS:
        return float("nan")
    width = float(np.ptp(head_model().landmarks[:468, 0]))
    shapes = np.stack([to_head(sight.landmarks, sight.fit)[list(RIGID), :2] for sight in sights])
    # Slow changes, of the head's turning and of expressions, are straight lines over three pictures.
    rough = shapes[1:-1] - (shapes[:-2] + shapes[2:]) / 2
    return float(1000 * np.sqrt((rough**2).mean() / _GAIN) / width)
