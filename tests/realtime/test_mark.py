"""Only the marker makes a frame that may leave; what it makes cannot be changed, and says the truth."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import Any

import numpy as np
import pytest

from mien.realtime.clock import NS_PER_S
from mien.realtime.config import BadgeSettings
from mien.realtime.errors import ConfigError
from mien.realtime.frame import FrameError, Pixels
from mien.realtime.mark import SHOW_ME_S, MarkedFrame, Marker, MarkError, ShowMe
from mien.realtime.picture import HostPicture
from mien.realtime.plate import Raster
from mien.realtime.watermark.embed import Embedder, pattern
from mien.realtime.watermark.session import MarkSession

SIZE = (320, 180)
TIMES: dict[str, int] = {"sequence": 7, "capture_ns": 11, "media_ns": 13}


def badge_px(picture: Pixels, ground: int = 90) -> int:
    """How many pixels the badge changed; the watermark alone changes none by more than one level."""
    return int((np.abs(picture.astype(int) - ground) > 1).any(axis=2).sum())


def apart_px(one: Pixels, other: Pixels) -> int:
    """How many pixels two badges make different; two watermarks are never more than two levels apart."""
    return int((np.abs(one.astype(int) - other) > 2).any(axis=2).sum())


def grey(value: int = 90) -> Pixels:
    return np.full((SIZE[1], SIZE[0], 3), value, np.uint8)


def persona(marker: Marker, now_ns: int = 0) -> MarkedFrame:
    return marker.mark_persona(grey(), label="modified", now_ns=now_ns, **TIMES)


class TestMarkedFrame:
    def test_is_not_made_by_hand(self) -> None:
        for key in (object(), None, "key"):
            with pytest.raises(MarkError, match="Marker alone"):
                MarkedFrame(grey(), "persona", 0, 0, 0, False, key)

    def test_replace_cannot_put_a_bare_picture_into_a_marked_frame(self) -> None:
        marked = persona(Marker(*SIZE))
        with pytest.raises((ValueError, TypeError)):
            dataclasses.replace(marked, pixels=grey())
        with pytest.raises((ValueError, TypeError)):
            dataclasses.replace(marked, kind="camera", key=object())

    def test_keeps_no_key_that_could_be_taken_from_it(self) -> None:
        marked = persona(Marker(*SIZE))
        names = [field.name for field in dataclasses.fields(marked)]
        assert names == ["pixels", "kind", "sequence", "capture_ns", "media_ns", "held", "alpha"]
        assert not hasattr(marked, "__dict__")
        assert not hasattr(marked, "key")

    def test_copies_are_itself(self) -> None:
        marked = persona(Marker(*SIZE))
        assert copy.copy(marked) is marked
        assert copy.deepcopy([marked])[0] is marked

    def test_is_not_pickled(self) -> None:
        with pytest.raises(MarkError, match="pickled"):
            pickle.dumps(persona(Marker(*SIZE)))

    def test_state_cannot_be_set(self) -> None:
        empty = object.__new__(MarkedFrame)
        with pytest.raises(MarkError):
            empty.__setstate__([grey(), "persona", 0, 0, 0, False])

    def test_has_no_subclasses(self) -> None:
        with pytest.raises(MarkError):
            type("Bare", (MarkedFrame,), {})

    def test_fields_are_frozen(self) -> None:
        marked: Any = persona(Marker(*SIZE))
        with pytest.raises(dataclasses.FrozenInstanceError):
            marked.pixels = grey()
        with pytest.raises(dataclasses.FrozenInstanceError):
            marked.kind = "camera"

    def test_pixels_are_read_only_and_stay_so(self) -> None:
        marked = persona(Marker(*SIZE))
        with pytest.raises(ValueError, match="read-only"):
            marked.pixels[0, 0] = 0
        with pytest.raises(ValueError, match="WRITEABLE"):
            marked.pixels.flags.writeable = True
        with pytest.raises(ValueError, match="WRITEABLE"):
            marked.pixels[2:4].flags.writeable = True
        assert isinstance(marked.pixels.base, memoryview)
        assert marked.pixels.base.readonly

    def test_says_what_it_is(self) -> None:
        marker = Marker(*SIZE)
        marked = marker.repeat(persona(marker), sequence=9, capture_ns=0, media_ns=0)
        assert repr(marked) == "MarkedFrame(persona, #9, 320x180, held)"


class TestPersona:
    def test_draws_into_the_callers_buffer_and_seals_it(self) -> None:
        pixels = grey()
        marked = Marker(*SIZE).mark_persona(pixels, label="modified", now_ns=0, **TIMES)
        assert np.shares_memory(marked.pixels, pixels)
        assert not pixels.flags.writeable
        assert (marked.kind, marked.sequence, marked.capture_ns, marked.media_ns) == ("persona", 7, 11, 13)
        assert not marked.held

    def test_every_label_changes_the_picture_and_they_differ(self) -> None:
        pictures = [
            Marker(*SIZE).mark_persona(grey(), label=label, now_ns=0, **TIMES).pixels
            for label in ("modified", "generated")
        ]
        for picture in pictures:
            assert badge_px(picture) > 500
        assert apart_px(*pictures) > 100

    @pytest.mark.parametrize("language", ["de", "en", "es", "fr", "it", "nl", "pl", "pt"])
    @pytest.mark.parametrize("plate", ["auto", "light", "dark", "#777777"])
    def test_no_setting_takes_the_badge_off(self, language: str, plate: str) -> None:
        marker = Marker(*SIZE, BadgeSettings(language=language, plate=plate, corner="bottom-left"))
        for now_s in (0, 20):
            marked = marker.mark_persona(grey(), label="modified", now_ns=now_s * NS_PER_S, **TIMES)
            assert badge_px(marked.pixels) > 500

    def test_a_buffer_that_is_read_only_is_refused(self) -> None:
        marker = Marker(*SIZE)
        marked = persona(marker)
        with pytest.raises(MarkError, match="read-only"):
            marker.mark_persona(marked.pixels, label="modified", now_ns=0, **TIMES)

    def test_another_size_is_refused(self) -> None:
        with pytest.raises(FrameError, match="320x180 px, got 322x180"):
            Marker(*SIZE).mark_persona(np.zeros((180, 322, 3), np.uint8), label="modified", now_ns=0, **TIMES)

    def test_is_repeated_as_held_without_a_copy(self) -> None:
        marker = Marker(*SIZE)
        first = persona(marker)
        again = marker.repeat(first, sequence=8, capture_ns=21, media_ns=23)
        assert np.shares_memory(first.pixels, again.pixels)
        assert again.held
        assert (again.kind, again.sequence, again.capture_ns, again.media_ns) == ("persona", 8, 21, 23)

    def test_announce_enlarges_the_badge_again(self) -> None:
        marker = Marker(*SIZE)

        def covered(now_s: float) -> int:
            marked = persona(marker, round(now_s * NS_PER_S))
            return badge_px(marked.pixels)

        large, calm = covered(0), covered(10.5)
        assert large > 1.5 * calm
        marker.announce()
        assert covered(11) == large
        assert covered(20.9) == large
        assert covered(21.1) == calm


class TestSlate:
    def test_is_marked_as_a_slate_and_made_once(self) -> None:
        marker, picture = Marker(*SIZE), grey(40)
        picture.flags.writeable = False
        first = marker.mark_slate(picture, now_ns=0, **TIMES)
        second = marker.mark_slate(picture, now_ns=1, **TIMES)
        assert first.kind == "slate"
        assert np.shares_memory(first.pixels, second.pixels)
        assert (picture == 40).all()
        assert badge_px(first.pixels, 40) > 100

    def test_never_carries_the_words_for_synthetic_frames(self) -> None:
        marker = Marker(*SIZE)
        slate = marker.mark_slate(grey(), now_ns=0, **TIMES)
        # Past the first ten seconds all plates have one height, so that only the words differ.
        for label in ("modified", "generated"):
            synthetic = Marker(*SIZE)
            synthetic.mark_persona(grey(), label=label, now_ns=0, **TIMES)
            calm = synthetic.mark_persona(grey(), label=label, now_ns=20 * NS_PER_S, **TIMES)
            assert apart_px(calm.pixels, slate.pixels) > 100

    def test_another_picture_is_marked_anew(self) -> None:
        marker = Marker(*SIZE)
        first = marker.mark_slate(grey(40), now_ns=0, **TIMES)
        second = marker.mark_slate(grey(200), now_ns=0, **TIMES)
        assert abs(int(first.pixels[100, 10, 0]) - 40) <= 1
        assert abs(int(second.pixels[100, 10, 0]) - 200) <= 1

    def test_is_not_held_as_a_persona(self) -> None:
        marker = Marker(*SIZE)
        slate = marker.mark_slate(grey(), now_ns=0, **TIMES)
        with pytest.raises(MarkError, match="slate"):
            marker.repeat(slate, **TIMES)


class TestCamera:
    def test_needs_a_permit(self) -> None:
        nobody: Any = None
        with pytest.raises(MarkError, match="show me"):
            Marker(*SIZE).mark_camera(grey(), nobody, now_ns=0, **TIMES)

    def test_a_permit_runs_out(self) -> None:
        marker, permit = Marker(*SIZE), ShowMe.held(5 * NS_PER_S)
        end_ns = round((5 + SHOW_ME_S) * NS_PER_S)
        pixels = grey()
        with pytest.raises(MarkError, match="show me"):
            marker.mark_camera(pixels, permit, now_ns=end_ns, **TIMES)
        assert (pixels == 90).all()
        marked = marker.mark_camera(pixels, permit, now_ns=end_ns - 1, **TIMES)
        assert marked.kind == "camera"
        assert (marked.pixels != 90).any()

    def test_says_camera_and_nothing_else(self) -> None:
        marker = Marker(*SIZE)
        camera = marker.mark_camera(grey(), ShowMe.held(0), now_ns=0, **TIMES)
        slate = Marker(*SIZE).mark_slate(grey(), now_ns=0, **TIMES)
        assert apart_px(camera.pixels, slate.pixels) > 100
        assert apart_px(camera.pixels, persona(Marker(*SIZE)).pixels) > 100

    def test_does_not_outlive_its_hold_in_a_repeat(self) -> None:
        marker = Marker(*SIZE)
        camera = marker.mark_camera(grey(), ShowMe.held(0), now_ns=0, **TIMES)
        with pytest.raises(MarkError, match="camera"):
            marker.repeat(camera, **TIMES)


class TestWatermark:
    """Which frames have one; whether it can be read is for the detector's tests."""

    SESSION = MarkSession(bytes(range(16)))

    def difference(self, picture: Pixels, ground: int) -> Any:
        """What was added to a flat ground, (H, W), outside the badge's quarter."""
        added = picture.astype(int) - ground
        assert (added == added[..., :1]).all(axis=2)[SIZE[1] // 2 :].all()
        return added[SIZE[1] // 2 :, :, 0]

    def test_a_persona_frame_has_its_sessions_pattern(self) -> None:
        marked = persona(Marker(*SIZE, session=self.SESSION))
        wanted = pattern(self.SESSION.payload("persona"), *SIZE)[SIZE[1] // 2 :]
        np.testing.assert_array_equal(self.difference(marked.pixels, 90), wanted)

    def test_it_lies_over_the_badge_too(self) -> None:
        one, other = (
            persona(Marker(*SIZE, session=session)).pixels for session in (self.SESSION, MarkSession(bytes(16)))
        )
        first, second = (
            pattern(session.payload("persona"), *SIZE) for session in (self.SESSION, MarkSession(bytes(16)))
        )
        # Two sessions differ by their patterns alone, badge or not, where neither black nor white was reached.
        inside = ((one > 1) & (one < 254)).all(axis=2)
        difference = one.astype(int) - other
        np.testing.assert_array_equal(difference[inside], np.repeat((first - second)[inside][:, None], 3, axis=1))

    def test_a_slate_says_that_it_is_one(self) -> None:
        slate = Marker(*SIZE, session=self.SESSION).mark_slate(grey(40), now_ns=0, **TIMES)
        wanted = pattern(self.SESSION.payload("slate"), *SIZE)[SIZE[1] // 2 :]
        np.testing.assert_array_equal(self.difference(slate.pixels, 40), wanted)

    def test_a_camera_frame_is_never_called_synthetic(self) -> None:
        camera = Marker(*SIZE, session=self.SESSION).mark_camera(grey(), ShowMe.held(0), now_ns=0, **TIMES)
        assert (self.difference(camera.pixels, 90) == 0).all()

    def test_every_marker_has_a_session_of_its_own(self) -> None:
        ids = {Marker(*SIZE).session.session for _ in range(20)}
        assert len(ids) == 20

    @pytest.mark.parametrize("session", [False, 0, "", object()])
    def test_nothing_else_is_taken_for_a_session(self, session: Any) -> None:
        with pytest.raises(MarkError, match="takes a MarkSession"):
            Marker(*SIZE, session=session)

    @pytest.mark.parametrize("size", [(16, 16), (17, 301), (853, 481), (16, 2048), (2048, 16)])
    def test_frames_of_every_size_are_marked(self, size: tuple[int, int]) -> None:
        marker = Marker(*size)
        pixels = np.full((size[1], size[0], 3), 128, np.uint8)
        marked = marker.mark_persona(pixels, label="modified", now_ns=0, **TIMES).pixels.astype(int) - 128
        small = np.abs(marked[..., 0]) == 1
        assert small.mean() > 0.05


def test_a_marker_refuses_sizes_that_no_frame_has() -> None:
    for size in ((15, 100), (100, 8193)):
        with pytest.raises(FrameError, match="16 to 8192"):
            Marker(*size)


def test_a_language_that_is_not_offered_is_named_with_those_that_are() -> None:
    with pytest.raises(ConfigError, match=r"'xx' is not offered.*Offered: de, en"):
        Marker(*SIZE, BadgeSettings(language="xx"))


def test_the_mark_keeps_to_the_corners_that_are_seen_in_every_kind_of_frame() -> None:
    marker = Marker(320, 180)
    ground = np.full((180, 320, 3), 110, np.uint8)
    at = {"sequence": 0, "capture_ns": 0, "media_ns": 0, "now_ns": 0}

    def lower(pixels: Pixels) -> bool:
        changed = (np.abs(pixels.astype(int) - ground) > 40).any(axis=2)
        assert changed.any()
        return not changed[:90].any()

    def frames() -> list[bool]:
        return [
            lower(marker.mark_persona(ground.copy(), label="modified", **at).pixels),
            lower(marker.mark_slate(ground, **at).pixels),
            lower(marker.mark_camera(ground.copy(), ShowMe.held(at["now_ns"]), **at).pixels),
        ]

    assert frames() == [False] * 3
    marker.keep_to({"bottom-left", "bottom-right"})
    assert frames() == [True] * 3
    marker.keep_to(())
    # Home again once its rest is over; a slate that was marked in the meantime is marked anew.
    at["now_ns"] = 10**11
    assert frames() == [False] * 3


class Elsewhere(HostPicture):
    """A picture that lies on a device, which leaves `lost` undone."""

    def __init__(self, lost: str = "") -> None:
        super().__init__(grey())
        self._lost = lost

    def lay(self, raster: Raster, x: int, y: int) -> None:
        if self._lost != "badge":
            super().lay(raster, x, y)

    def watermark(self, mark: Embedder) -> None:
        if self._lost != "watermark":
            super().watermark(mark)

    def finish(self) -> Pixels:
        return grey() if self._lost == "all" else super().finish()


def test_a_picture_that_lies_elsewhere_is_marked_as_one_of_this_computers_memory() -> None:
    session = MarkSession()
    there = Marker(*SIZE, session=session).mark_persona(Elsewhere(), label="modified", now_ns=0, **TIMES)
    assert np.array_equal(there.pixels, persona(Marker(*SIZE, session=session)).pixels)


@pytest.mark.parametrize("now_ns", [0, 60 * NS_PER_S])
def test_of_a_transparent_picture_the_badge_is_all_there(now_ns: int) -> None:
    picture = HostPicture(grey())
    picture.alpha = np.zeros(grey().shape[:2], np.uint8)
    marked = Marker(*SIZE).mark_persona(picture, label="modified", now_ns=now_ns, **TIMES)
    assert marked.alpha is not None
    # But for the watermark, which is one level.
    badge = (np.abs(marked.pixels.astype(int) - grey()) > 1).any(axis=2)
    assert badge.sum() > 200
    assert (marked.alpha[badge] == 255).all()
    assert (marked.alpha == 0).mean() > 0.7
    assert not marked.alpha.flags.writeable


def test_a_held_picture_is_as_transparent_as_it_was() -> None:
    marker, picture = Marker(*SIZE), HostPicture(grey())
    picture.alpha = np.full(grey().shape[:2], 90, np.uint8)
    marked = marker.mark_persona(picture, label="modified", now_ns=0, **TIMES)
    held = marker.repeat(marked, **TIMES)
    assert held.alpha is not None
    assert np.array_equal(held.alpha, marked.alpha)


@pytest.mark.parametrize(("wider", "kind"), [(1, np.uint8), (0, np.float32)])
def test_what_is_no_alpha_is_refused(wider: int, kind: Any) -> None:
    picture = HostPicture(grey())
    picture.alpha = np.zeros((SIZE[1], SIZE[0] + wider), kind)
    with pytest.raises(FrameError, match="alpha must be"):
        Marker(*SIZE).mark_persona(picture, label="modified", now_ns=0, **TIMES)


@pytest.mark.parametrize("plate", ["auto", "#3050a0"])
@pytest.mark.parametrize("lost", ["badge", "watermark", "all"])
def test_a_picture_that_comes_back_without_its_mark_does_not_leave(lost: str, plate: str) -> None:
    with pytest.raises(MarkError, match="without its mark"):
        Marker(*SIZE, BadgeSettings(plate=plate)).mark_persona(Elsewhere(lost), label="modified", now_ns=0, **TIMES)


def test_a_picture_of_another_size_is_not_marked() -> None:
    with pytest.raises(FrameError, match="640x360"):
        Marker(640, 360).mark_persona(Elsewhere(), label="modified", now_ns=0, **TIMES)
