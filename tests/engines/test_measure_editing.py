from __future__ import annotations

from itertools import islice

from mien.engines.measure.editing import LEAST_RISE, MOST_OTHER, edit_effect
from mien.engines.measure.final import frames_of
from mien.plugin.clip import driver_clip


def test_a_smile_is_added_and_nothing_else() -> None:
    effect = edit_effect(list(islice(frames_of(driver_clip()), 0, None, 10)), "amara", "smile=+0.3", engine="swapnet")
    assert effect.pop("smile").mean >= LEAST_RISE
    assert max(abs(change.mean) for change in effect.values()) < MOST_OTHER
