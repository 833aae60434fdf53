from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from mien.engines.verify.mark_signal import CHIP_PX, FLIPS, Floats, Geometry, read
from mien.engines.verify.mark_windows import GATE, Places, payload_of
from mien.realtime.watermark import layout
from mien.realtime.watermark.coding import encode
from mien.realtime.watermark.session import MarkSession

PAYLOAD = MarkSession(b"detector's tests").payload("persona")
#: As much noise as a reading outlives about every other time; see the test.
FAINT = 29.0


def noisy(noise: float, count: int) -> Iterator[Floats]:
    """Evened-out sums in which the mark lies as it was made, under white noise."""
    chips = np.kron(layout.chips(encode(PAYLOAD.to_int())), np.ones((CHIP_PX, CHIP_PX))).astype(np.float32)
    for seed in range(count):
        rng = np.random.default_rng(seed)
        yield chips + rng.normal(0.0, noise, chips.shape).astype(np.float32)


def test_a_faint_mark_is_read_beside_its_place_too() -> None:
    straight = beside = 0
    for evened in noisy(FAINT, 40):
        places = Places()
        alone = payload_of(read(evened, Geometry()))
        found = places.read(evened)
        assert found.payload in {None, PAYLOAD}
        if alone is not None:
            assert (found.payload, places.trials) == (PAYLOAD, 1)
            straight += 1
        elif found.payload is not None:
            assert places.trials > len(FLIPS)
            beside += 1
    assert 5 <= straight <= 35
    assert beside >= 1


@pytest.mark.parametrize("noise", [100.0, 1e4])
def test_where_nothing_stands_out_nothing_more_is_tried(noise: float) -> None:
    for evened in noisy(noise, 5):
        places = Places()
        found = places.read(evened)
        assert found.payload is None
        assert found.score < GATE
        # As it was made, and in each flip of that.
        assert places.trials == len(FLIPS)
