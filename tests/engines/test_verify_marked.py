"""The detector finds the mark after what happens to pictures on their way, and never where there is none."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

from marked_pictures import PAYLOAD, SLATE, has_only, look, marked, rendered
from mien.engines.measure.on_the_way import cropped, inset, jpeg, resized
from mien.engines.verify import mark_search
from mien.engines.verify import marked as module
from mien.engines.verify.marked import MarkDetectError, MarkDetector, detect_still
from mien.realtime.frame import Pixels
from mien.realtime.watermark.payload import KNOWN_SHARE


def _turned(picture: Pixels, flipped: bool, mirrored: bool) -> Pixels:
    return np.ascontiguousarray(picture[:: -1 if flipped else 1, :: -1 if mirrored else 1])


class TestStills:
    def test_as_it_was_made(self, still: Pixels) -> None:
        result = detect_still(still)
        assert has_only(result, PAYLOAD)
        (window,) = result.windows
        assert (window.mirrored, window.scale, window.payload) == (False, 1.0, PAYLOAD)
        assert (result.since_s, result.coverage) == (0.0, 1.0)

    def test_luma_alone_is_enough(self, still: Pixels) -> None:
        assert has_only(detect_still(cv2.cvtColor(still, cv2.COLOR_BGR2GRAY)), PAYLOAD)

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param(lambda picture: jpeg(picture, 50), id="jpeg-50"),
            pytest.param(lambda picture: resized(picture, 640, 360), id="half"),
            pytest.param(lambda picture: resized(picture, 1920, 1080), id="larger"),
            pytest.param(lambda picture: resized(resized(picture, 640, 360), 1280, 720), id="half-and-back"),
            pytest.param(lambda picture: np.ascontiguousarray(picture[:, 160:1120]), id="4:3-middle"),
            pytest.param(lambda picture: np.ascontiguousarray(picture[:, 437:843]), id="9:16-middle"),
            pytest.param(
                lambda picture: cv2.LUT(picture, (255 * (np.arange(256) / 255) ** 1.4).astype(np.uint8)), id="gamma"
            ),
            pytest.param(lambda picture: cv2.convertScaleAbs(picture, alpha=0.7, beta=20), id="fainter"),
        ],
    )
    def test_known_places_need_no_search(
        self, still: Pixels, change: Callable[[Pixels], Pixels], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "search", lambda evened: pytest.fail("searched"))
        assert has_only(detect_still(change(still)), PAYLOAD)

    def test_so_does_another_shape_between_bars(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "search", lambda evened: pytest.fail("searched"))
        square = marked(rendered(1, 720, 720), PAYLOAD)[0]
        assert has_only(detect_still(cv2.copyMakeBorder(square, 0, 0, 280, 280, cv2.BORDER_CONSTANT)), PAYLOAD)

    @pytest.mark.parametrize(("flipped", "mirrored"), [(False, True), (True, False), (True, True)])
    def test_flips_need_no_search(
        self, still: Pixels, flipped: bool, mirrored: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "search", lambda evened: pytest.fail("searched"))
        result = detect_still(_turned(still, flipped, mirrored))
        assert has_only(result, PAYLOAD)
        assert (result.windows[0].flipped, result.windows[0].mirrored) == (flipped, mirrored)

    @pytest.mark.parametrize(("flipped", "mirrored"), [(False, False), (False, True), (True, False), (True, True)])
    @pytest.mark.parametrize(
        ("change", "scale"),
        [
            pytest.param(lambda picture: cropped([picture], 0.1)[0], 1 / 0.9, id="crop-10"),
            pytest.param(lambda picture: cropped([picture], 0.4)[0], 1 / 0.6, id="crop-40"),
            pytest.param(lambda picture: inset([picture], 0.6)[0], 0.6, id="inset-60"),
            pytest.param(lambda picture: np.ascontiguousarray(picture[:, :640]), 1.0, id="left-half"),
        ],
    )
    def test_other_places_are_searched(
        self, still: Pixels, change: Callable[[Pixels], Pixels], scale: float, flipped: bool, mirrored: bool
    ) -> None:
        result = detect_still(_turned(change(still), flipped, mirrored))
        assert has_only(result, PAYLOAD)
        (window,) = result.windows
        assert window.scale == pytest.approx(scale, abs=0.004)
        assert (window.flipped, window.mirrored) == (flipped, mirrored)

    @pytest.mark.parametrize(
        "size", [(512, 512), (720, 1280), (853, 481), (64, 48), (97, 61), (1280, 160), (160, 1280), (4096, 64)]
    )
    def test_frames_of_every_shape(self, size: tuple[int, int]) -> None:
        width, height = size
        flat = np.full((height, width, 3), 120, np.uint8)
        for payload in (PAYLOAD, SLATE):
            assert has_only(detect_still(marked([flat], payload)[0]), payload)

    def test_the_smallest_frame_is_looked_at_all_the_same(self) -> None:
        # 64 chips cannot carry 288 code bits.
        tiny = marked([np.full((16, 16, 3), 120, np.uint8)], PAYLOAD)[0]
        assert not detect_still(tiny).found
        assert not detect_still(np.zeros((1, 1), np.uint8)).found

    @pytest.mark.parametrize("size", [(720, 1280), (720, 1560), (960, 720)])
    def test_between_bars_in_a_narrower_frame(self, still: Pixels, size: tuple[int, int]) -> None:
        # As a clip is put on telephones.
        width, height = size
        across = resized(still, width, round(width * 9 / 16))
        above = (height - len(across)) // 2
        barred = cv2.copyMakeBorder(across, above, height - len(across) - above, 0, 0, cv2.BORDER_CONSTANT)
        assert has_only(detect_still(barred), PAYLOAD)

    def test_of_two_marks_one_over_the_other_one_is_read(self) -> None:
        # A recording that is converted again: both are there, and neither hides that it is marked.
        twice = marked(marked(rendered(1, 1280, 720), PAYLOAD), SLATE)[0]
        result = detect_still(twice)
        assert result.found
        assert result.payload in (PAYLOAD, SLATE)


class TestUnmarked:
    def test_rendered_frames_have_no_mark(self, clip: list[Pixels]) -> None:
        result = look(clip)
        assert not result.found
        assert (result.payload, result.sessions, result.since_s, result.coverage) == (None, (), None, 0.0)
        assert result.score < module.GATE
        assert all(window.payload is None for window in result.windows)

    @pytest.mark.parametrize(
        "picture",
        [
            np.zeros((90, 160, 3), np.uint8),
            np.full((90, 160), 255, np.uint8),
            np.random.default_rng(1).integers(0, 256, (360, 640, 3), np.uint8),
            np.kron(np.indices((45, 80)).sum(0) % 2 * 255, np.ones((8, 8))).astype(np.uint8),
            np.tile(np.arange(256, dtype=np.uint8), (144, 1)),
        ],
        ids=["black", "white", "noise", "checks", "ramp"],
    )
    def test_neither_have_patterns(self, picture: Pixels) -> None:
        result = detect_still(picture)
        assert not result.found
        assert 0 < result.false_positive_bound < 1e-6

    def test_the_sync_chips_alone_are_no_mark(self) -> None:
        # Somebody's pattern with our sync and a code word of nothing: the gate opens, the CRC does not hold.
        from mien.realtime.watermark import layout

        chips = layout.SIGNS.copy()
        chips[layout.PAYLOAD] = np.random.default_rng(9).choice([-1, 1], layout.PAYLOAD.size)
        grid = cv2.resize(chips.reshape(90, 160), (1280, 720), interpolation=cv2.INTER_NEAREST)
        result = detect_still((120 + 3 * grid).astype(np.uint8))
        assert result.score > 50
        assert not result.found

    def test_a_payload_of_another_version_is_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        flat = np.full((180, 320, 3), 120, np.uint8)
        later = dataclasses.replace(PAYLOAD)
        monkeypatch.setattr(type(later), "to_int", lambda self: 2 << 60 | 77)
        other = marked([flat], later)[0]
        assert not detect_still(other).found

    def test_the_bound_is_of_all_readings(self, clip: list[Pixels]) -> None:
        # Two places for each second, for the pair of them, and three after a search that found nothing: at least 6.
        result = look(clip[:30] * 2)
        assert result.false_positive_bound >= 6 * KNOWN_SHARE / 2**24
        assert result.false_positive_bound < 1e-7


def test_a_ribbon_without_a_mark_takes_no_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mark_search, "_peaks", lambda evened, scale: pytest.fail("searched"))
    ribbon = np.random.default_rng(2).integers(0, 256, (80, 16000), np.uint8)
    assert not detect_still(ribbon).found


class TestTheDoor:
    @pytest.mark.parametrize(
        "wrong",
        [
            np.zeros((10, 10, 4), np.uint8),
            np.zeros((10, 10, 3), np.float32),
            np.zeros(10, np.uint8),
            np.zeros((0, 10), np.uint8),
            np.zeros((1, 16001), np.uint8),
        ],
    )
    def test_other_arrays_are_refused(self, wrong: Any) -> None:
        with pytest.raises(MarkDetectError, match="a frame"):
            detect_still(wrong)

    @pytest.mark.parametrize("time_s", [float("nan"), float("inf")])
    def test_times_are_numbers(self, time_s: float) -> None:
        with pytest.raises(MarkDetectError, match="number of seconds"):
            MarkDetector().add(np.zeros((90, 160), np.uint8), time_s)

    @pytest.mark.parametrize("fps", [0.0, -1.0, float("nan")])
    def test_rates_are_positive(self, fps: float) -> None:
        with pytest.raises(MarkDetectError, match="positive number"):
            MarkDetector(fps_hint=fps)

    def test_nothing_looked_at_is_nothing_found(self) -> None:
        result = MarkDetector().finish()
        assert not result.found
        assert (result.windows, result.coverage, result.false_positive_bound) == ((), 0.0, 0.0)
