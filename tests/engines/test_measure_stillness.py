from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from mien.engines.measure.final import frames_of, outputs, retracked
from mien.engines.measure.stillness import (
    LEAST_BLINK,
    MARK_JITTER_PX,
    MOST_JITTER_PX,
    blink_depths,
    flicker,
    jitter_px,
    noisy,
)
from mien.plugin.clip import driver_clip
from mien.realtime.frame import Pixels
from mien.realtime.watermark.session import MarkSession

CLIPS = Path(__file__).parents[3] / "shared" / "clips"


def clips() -> list[object]:
    missing = pytest.mark.skipif(not CLIPS.is_dir(), reason="the private driver clips are not beside this checkout")
    return ["shipped", pytest.param("s18.mp4", marks=[pytest.mark.clips, missing])]


@pytest.mark.parametrize("name", clips())
def test_stillness_stays_still_in_what_leaves(name: str) -> None:
    path = driver_clip() if name == "shipped" else CLIPS / name
    still = noisy(next(frames_of(path)), count=45)
    face = next(filter(None, retracked(still)))
    # The same mark on both, so that it favours neither.
    mesh, network = (
        outputs(still, "amara", engine=engine, session=MarkSession(b"the still drivers"[:16]))[15:]
        for engine in ("mesh", "swapnet")
    )
    jitter = jitter_px(mesh)
    assert jitter <= MOST_JITTER_PX + MARK_JITTER_PX
    assert jitter < jitter_px(still[15:])
    assert 0.1 < flicker(network, face.landmarks) <= flicker(mesh, face.landmarks)


@pytest.fixture(scope="module")
def blinking() -> list[Pixels]:
    """The clip's first two blinks, and a second before them."""
    return list(islice(frames_of(driver_clip()), 20, 115))


@pytest.mark.parametrize("engine", ["mesh", "swapnet"])
def test_a_fast_blink_keeps_its_depth(blinking: list[Pixels], engine: str) -> None:
    depths = blink_depths(blinking, outputs(blinking, "amara", engine=engine))
    assert len(depths) == 2
    assert min(depths) >= LEAST_BLINK


def test_what_is_frozen_does_not_blink(blinking: list[Pixels]) -> None:
    first = blinking[:45]
    assert max(blink_depths(first, [first[0]] * len(first))) < LEAST_BLINK
