from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from mien.engines.measure.final import frames_of, outputs
from mien.engines.measure.stillness import LEAST_BLINK, MOST_JITTER_PX, blink_depths, jitter_px, noisy
from mien.plugin.clip import driver_clip

CLIPS = Path(__file__).parents[3] / "shared" / "clips"


def clips() -> list[object]:
    missing = pytest.mark.skipif(not CLIPS.is_dir(), reason="the private driver clips are not beside this checkout")
    return ["shipped", pytest.param("s18.mp4", marks=[pytest.mark.clips, missing])]


@pytest.mark.parametrize("name", clips())
def test_stillness_stays_still_in_what_leaves(name: str) -> None:
    path = driver_clip() if name == "shipped" else CLIPS / name
    still = noisy(next(frames_of(path)), count=60)
    jitter = jitter_px(outputs(still, "amara")[30:])
    assert jitter <= MOST_JITTER_PX
    assert jitter < jitter_px(still[30:])


def test_a_fast_blink_keeps_its_depth() -> None:
    frames = list(islice(frames_of(driver_clip()), 150))
    depths = blink_depths(frames, outputs(frames, "amara"))
    assert depths
    assert min(depths) >= LEAST_BLINK
    # What is frozen does not blink: the measure can fail.
    assert max(blink_depths(frames, [frames[0]] * len(frames))) < LEAST_BLINK
