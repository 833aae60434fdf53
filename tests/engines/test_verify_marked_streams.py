"""The detector on videos: what survives codecs, what is said of time, and what hours of it cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from marked_pictures import PAYLOAD, SLATE, has_only, look, marked
from mien.engines.measure.on_the_way import coded, cropped, mirrored, resized
from mien.engines.verify import marked as module
from mien.engines.verify.marked import MarkDetector
from mien.realtime.frame import Pixels


class TestStreams:
    @pytest.mark.parametrize(
        "change",
        [
            pytest.param(lambda frames: coded(frames, crf=23), id="crf-23"),
            pytest.param(lambda frames: coded(frames, crf=28), id="crf-28"),
            pytest.param(lambda frames: coded(frames, bit_rate=400_000), id="400-kbit"),
            pytest.param(lambda frames: coded(frames, bit_rate=400_000, codec="libvpx-vp9"), id="vp9"),
        ],
    )
    def test_a_second_is_enough_at_360_lines(
        self, marked_clip: list[Pixels], change: Callable[[list[Pixels]], list[Pixels]]
    ) -> None:
        result = look(change(marked_clip))
        assert has_only(result, PAYLOAD)
        assert result.coverage == pytest.approx(1.0)

    def test_half_of_the_frames_are_enough(self, marked_clip: list[Pixels]) -> None:
        assert has_only(look(coded(marked_clip[::2], crf=28), fps=15), PAYLOAD)

    def test_a_cropped_and_mirrored_video_is_found_from_its_start(self, marked_clip: list[Pixels]) -> None:
        changed = mirrored(cropped(marked_clip))
        result = look(coded(changed, crf=23))
        assert has_only(result, PAYLOAD)
        assert result.since_s == 0.0
        assert result.coverage == pytest.approx(1.0)
        assert all(window.mirrored for window in result.windows)

    def test_it_says_since_when_and_how_much(self, clip: list[Pixels], marked_clip: list[Pixels]) -> None:
        # Two seconds without, one with, one of another session's slate.
        slate = marked([np.full_like(clip[0], 60)], SLATE)
        result = look(clip[:30] + clip[15:45] + marked_clip[:30] + slate * 30, start_s=10.0)
        assert result.since_s == pytest.approx(12.0, abs=0.05)
        assert result.coverage == pytest.approx(0.5, abs=0.02)
        assert result.sessions == (PAYLOAD.session, SLATE.session)
        assert [window.payload for window in result.windows] == [None, PAYLOAD, SLATE]
        assert result.windows[0].start_s == 10.0
        assert result.windows[-1].end_s == pytest.approx(14.0)
        ends = [window.end_s for window in result.windows[:-1]]
        assert ends == pytest.approx([window.start_s for window in result.windows[1:]])

    def test_three_seconds_are_tried_where_one_gives_nothing(
        self, clip: list[Pixels], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Noise that one second leaves above the mark, and three do not.
        rng = np.random.default_rng(3)
        frames = marked([np.full((180, 320, 3), 110, np.uint8)], PAYLOAD) * 18

        def noisy(picture: Pixels) -> Pixels:
            return np.clip(picture + rng.normal(0, 24, picture.shape[:2])[..., None], 0, 255).astype(np.uint8)

        monkeypatch.setattr(module, "search", lambda evened: None)
        pictures = [noisy(picture) for picture in frames]
        assert not look(pictures[:6], fps=6).found
        result = look(pictures, fps=6)
        assert has_only(result, PAYLOAD)
        assert [(window.start_s, window.end_s) for window in result.windows] == [(0.0, pytest.approx(3.0))]

    def test_a_change_of_size_begins_anew(self, marked_clip: list[Pixels]) -> None:
        result = look(marked_clip[:20] + [resized(picture, 512, 288) for picture in marked_clip[20:40]])
        assert has_only(result, PAYLOAD)
        assert result.coverage == pytest.approx(1.0)

    def test_times_that_go_back_begin_anew(self, marked_clip: list[Pixels]) -> None:
        detector = MarkDetector()
        for time_s in (5.0, 5.1, 1.0, 1.1):
            detector.add(marked_clip[0], time_s)
        result = detector.finish()
        assert has_only(result, PAYLOAD)
        assert result.since_s == 1.0

    def test_a_gap_is_not_counted_as_looked_at(self, marked_clip: list[Pixels]) -> None:
        detector = MarkDetector()
        for time_s in (0.0, 0.5, 100.0, 100.5):
            detector.add(marked_clip[0], time_s)
        windows = detector.finish().windows
        assert [window.start_s for window in windows] == [0.0, 100.0]
        assert sum(window.end_s - window.start_s for window in windows) < 4

    def test_fast_videos_are_looked_at_in_part(
        self, marked_clip: list[Pixels], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        looked: list[int] = []
        real = module.residue
        monkeypatch.setattr(module, "residue", lambda luma: looked.append(1) or real(luma))
        assert has_only(look((marked_clip * 3)[:120], fps=120), PAYLOAD)
        assert len(looked) == 30


class TestHours:
    def test_memory_is_bounded_and_searches_grow_rare(self, monkeypatch: pytest.MonkeyPatch) -> None:
        searches: list[int] = []
        monkeypatch.setattr(module, "search", lambda evened: searches.append(1))
        monkeypatch.setattr(module, "MOST_WINDOWS", 50)
        detector = MarkDetector(fps_hint=1)
        picture = np.random.default_rng(1).integers(0, 256, (36, 64), np.uint8)
        for second in range(1200):
            detector.add(picture, float(second))
        assert len(detector._windows) <= 51
        assert len(detector._backlog.waiting()) <= 41
        # After 3, 9, 21, 45, 93 s, then every 96 s.
        assert len(searches) == 5 + (1200 - 93) // 96
        result = detector.finish()
        assert [(window.start_s, window.end_s) for window in result.windows] == [(0.0, 1200.0)]

    def test_a_place_found_late_is_read_in_what_was_passed_over(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # The search succeeds at its fourth time, after 45 s; the mark was there all along, at a place nobody knew.
        flat = np.full((180, 320, 3), 110, np.uint8)
        moved = np.ascontiguousarray(np.roll(marked([flat], PAYLOAD)[0], 7, axis=1))
        real, tries = module.search, []

        def search(evened: Any) -> Any:
            tries.append(1)
            return real(evened) if len(tries) == 4 else None

        monkeypatch.setattr(module, "search", search)
        result = look([moved] * 60, fps=1)
        assert has_only(result, PAYLOAD)
        assert (result.since_s, result.coverage) == (0.0, 1.0)
        assert len(tries) == 4
