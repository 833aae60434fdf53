"""The CUDA painter paints what the reference paints, within a level or two, and nothing of it leaves unmarked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from weakref import ref

import numpy as np
import pytest
from emulated_device import EmulatedDevice
from two_painters import HEIGHT, WIDTH, OvalEngine, TwoShows, face_at, picture

from mien.engines.cuda.engine import DevicePatch
from mien.engines.cuda.painter import CudaPainter
from mien.engines.verify.marked import detect_still
from mien.realtime.engine import Engine
from mien.realtime.errors import EngineError
from mien.realtime.face import Face
from mien.realtime.frame import Alignment, Crop, Frame
from mien.realtime.mark import MarkedFrame
from mien.realtime.watermark.session import MarkSession

#: Levels of 255 that a pixel may differ by: one in the crop, which an engine passes on, and one in the blend. OpenCV
#: warps in steps of 1/32 px and measures a mask's edge by a 5x5 chamfer; the kernels do both exactly.
MOST, MEAN = 2, 0.15

Boxes = tuple[tuple[float, float, float, float], ...]


@dataclass(frozen=True)
class Scene:
    faces: tuple[Face, ...]
    make: Callable[[], Engine] = OvalEngine
    bystanders: Boxes = ()
    size: tuple[int, int] = (WIDTH, HEIGHT)


SCENES = {
    "upright": Scene((face_at(240, 135, 150),)),
    "rotated": Scene((face_at(240, 135, 150, 33),)),
    "off the upper left": Scene((face_at(60, 60, 150, -20),)),
    "off the lower right": Scene((face_at(440, 230, 150, 15),)),
    "smaller than its crop": Scene((face_at(240, 135, 40),)),
    "much larger than its crop": Scene((face_at(240, 135, 260),), lambda: OvalEngine(64)),
    "at the frame's resolution": Scene((face_at(240, 135, 150, 10),), lambda: OvalEngine(None)),
    "without colour": Scene((face_at(240, 135, 150),), lambda: OvalEngine(colour=False)),
    "without lit spots": Scene((face_at(240, 135, 150),), lambda: OvalEngine(lit=False)),
    "two faces that overlap": Scene((face_at(180, 135, 110), face_at(250, 120, 130, 12, 2))),
    "bystanders": Scene((face_at(140, 135, 110),), bystanders=((300, 60, 380, 160), (400, -20, 470, 50))),
    "odd sides": Scene((face_at(140, 95, 110, 5),), size=(333, 201), bystanders=((250, 60, 310, 130),)),
}  # fmt: skip


@pytest.fixture
def shows() -> Iterator[Callable[..., TwoShows]]:
    made: list[TwoShows] = []

    def make(*args: Any, **how: Any) -> TwoShows:
        made.append(TwoShows(*args, **how))
        return made[-1]

    yield make
    for each in made:
        each.close()


def assert_alike(reference: MarkedFrame, other: MarkedFrame) -> None:
    assert (reference.kind, reference.held) == (other.kind, other.held)
    apart = np.abs(reference.pixels.astype(int) - other.pixels)
    assert apart.max() <= MOST
    assert apart.mean() <= MEAN


@pytest.mark.parametrize("name", SCENES)
def test_whole_frames_are_the_references(shows: Callable[..., TwoShows], name: str) -> None:
    scene = SCENES[name]
    both = shows(scene.make, size=scene.size)
    for _ in range(2):
        # The second frame's colours hang on the first one's.
        reference, other = both.show(*scene.faces, bystanders=scene.bystanders)
        assert both.errors == []
        assert reference.kind == "persona"
        assert_alike(reference, other)
    # Something was painted: the proof is not that of two untouched frames.
    assert np.abs(other.pixels.astype(int) - picture(1, *scene.size)).mean() > 1


def test_a_face_that_comes_back_fades_in_alike(shows: Callable[..., TwoShows]) -> None:
    both = shows()
    face = face_at(240, 135, 110)
    both.show(face)
    assert any(both.show()[0].kind == "slate" for _ in range(100))
    for _ in range(3):
        reference, other = both.show(face)
        assert_alike(reference, other)
    assert "fade" in both.device.launched


def test_a_frame_goes_up_once_and_comes_down_once(shows: Callable[..., TwoShows]) -> None:
    both = shows()
    both.show(face_at(240, 135, 110))
    both.device.transfers.clear()
    both.show(face_at(240, 135, 110), bystanders=((300, 60, 380, 160),))
    whole = [way for way, size in both.device.transfers if size >= WIDTH * HEIGHT]
    assert whole == ["upload", "download"]


def test_its_stages_are_timed_and_its_device_is_named(shows: Callable[..., TwoShows]) -> None:
    both = shows()
    both.show(face_at(240, 135, 110))
    stages = both.composed[1].stages_ms
    assert stages.keys() >= {"upload", "engine", "blend", "badge", "download", "mark"}
    assert all(spent >= 0 for spent in stages.values())
    assert both.compositors[1].device == "g++, sm_0, by emulator"


def test_every_frame_that_was_painted_carries_the_watermark(shows: Callable[..., TwoShows]) -> None:
    both = shows(size=(640, 360))
    found = detect_still(both.show(face_at(240, 135, 110))[1].pixels)
    assert found.payload == MarkSession(bytes(16)).payload("persona")


@pytest.mark.parametrize("lost", ["sprite", "watermark"])
def test_a_mark_that_the_device_did_not_make_lets_no_frame_out(shows: Callable[..., TwoShows], lost: str) -> None:
    both = shows()
    face = face_at(240, 135, 110)
    both.device.skip = frozenset({lost})
    assert [each.kind for each in both.show(face)] == ["persona", "slate"]
    assert "without its mark" in both.errors[-1]
    both.device.skip = frozenset()
    assert both.show(face)[1].kind == "persona"


class Faulty(OvalEngine):
    """Paints next to nothing, or raises, while it is told to."""

    fault = ""

    def __call__(self, face: Face, crop: Crop) -> Any:
        patch = super().__call__(face, crop)
        if self.fault == "raise":
            raise RuntimeError("network out of memory")
        if self.fault == "bare":
            patch.mask[20:] = 0
        return patch


@pytest.mark.parametrize("fault", ["raise", "bare"])
def test_a_fault_holds_the_last_persona_and_the_next_frame_is_whole_again(
    shows: Callable[..., TwoShows], fault: str
) -> None:
    both = shows(Faulty)
    face = face_at(240, 135, 110)
    before = both.show(face)
    for compositor in both.compositors:
        compositor.engine.fault = fault
    held = both.show(face, bystanders=((300, 60, 380, 160),))
    assert len(both.errors) == 2
    for first, then in zip(before, held, strict=True):
        assert then.held
        assert np.array_equal(first.pixels, then.pixels)
    for compositor in both.compositors:
        compositor.engine.fault = ""
    assert_alike(*both.show(face))


def test_frames_like_those_before_allocate_nothing_and_the_end_frees_everything(
    shows: Callable[..., TwoShows],
) -> None:
    both = shows()
    faces = [face_at(140, 135, 110), face_at(330, 120, 130, 12, 2)]
    for _ in range(3):
        both.show(*faces)
    live = both.device.live
    for _ in range(3):
        both.show(*faces)
    assert both.device.live == live
    both.compositors[1].close()
    both.compositors[1].close()
    assert (both.device.live, both.device.closed) == (0, 1)


def test_a_picture_that_is_looked_at_is_not_painted_over(shows: Callable[..., TwoShows]) -> None:
    both = shows()
    first = both.show(face_at(240, 135, 110))[1]
    kept = first.pixels.copy()
    for _ in range(4):
        both.show(face_at(200, 135, 110))
    assert np.array_equal(first.pixels, kept)


def test_new_engines_forget_the_colours_of_those_before(shows: Callable[..., TwoShows]) -> None:
    both = shows()
    both.show(face_at(240, 135, 110))
    for compositor in both.compositors:
        compositor.set_engines((OvalEngine(),), same_persona=True)
    assert_alike(*both.show(face_at(240, 135, 110)))


def test_many_passers_by_are_forgotten() -> None:
    painter = CudaPainter(EmulatedDevice())
    addresses = {painter.colours.of(track) for track in range(30)}
    assert len(addresses) == 30
    painter.forget_all_but({29})
    live = painter.hardware.live  # type: ignore[attr-defined]
    assert live <= 8
    assert painter.colours.of(29) in addresses
    painter.close()


def test_passers_by_are_forgotten_while_a_frame_is_under_way(shows: Callable[..., TwoShows]) -> None:
    both = shows()
    for track in range(1, 13):
        assert_alike(*both.show(face_at(160, 90, 60, 0, track)))
    assert both.errors == []


class OnDevice(OvalEngine):
    """The same double, told by address where its crop lies and where its patch is; its memory is the device's."""

    def __init__(self) -> None:
        super().__init__(128)
        self._crop = np.zeros((128, 128, 3), np.uint8)
        self.fault: EngineError | None = None

    def __call__(self, face: Face, crop: Crop) -> Any:
        raise AssertionError("the crop is on the device")

    @property
    def crop_address(self) -> int:
        return self._crop.ctypes.data

    def paint(self, face: Face, alignment: Alignment, stream: int) -> DevicePatch:
        self._patch = patch = super().__call__(face, Crop(self._crop, alignment))
        assert patch.lit is not None
        return DevicePatch(*(np.ascontiguousarray(each).ctypes.data for each in (patch.pixels, patch.mask, patch.lit)))

    def check(self) -> None:
        if self.fault is not None:
            raise self.fault


@pytest.mark.parametrize("height_px", [60, 150])
def test_an_engine_on_the_device_gets_the_references_crop_and_nothing_of_it_is_copied(height_px: float) -> None:
    face = face_at(240, 135, height_px, 20)
    both = TwoShows(late=False)
    both.compositors[1].set_engines((OnDevice(),))
    both.show(face)
    both.device.transfers.clear()
    reference, other = both.show(face)
    assert both.errors == []
    assert_alike(reference, other)
    # The frame both ways, the lightness behind the badge, the count of what was painted.
    assert sorted(size for _, size in both.device.transfers) == [4, 4, WIDTH * HEIGHT * 3, WIDTH * HEIGHT * 3]
    both.close()


def test_what_an_engine_on_the_device_finds_out_late_is_a_fault_too() -> None:
    both = TwoShows(late=False)
    engine = OnDevice()
    both.compositors[1].set_engines((engine,))
    engine.fault = EngineError("the decoder gave numbers that are not finite.")
    assert both.show(face_at(240, 135, 150))[1].kind == "slate"
    assert "not finite" in both.errors[-1]
    both.close()


def test_each_engine_in_turn_is_asked_where_it_works() -> None:
    painter = CudaPainter(EmulatedDevice())
    there, elsewhere = OnDevice(), OvalEngine()
    for engine, found in ((there, there), (there, there), (elsewhere, None), (there, there)):
        assert painter.on_device(engine) is found
    gone = ref(there)
    painter.new_engines()
    del there, engine, found
    # Nothing holds on to an engine that is closed.
    assert gone() is None
    painter.close()


def test_a_picture_on_a_device_is_not_retouched_and_no_room_is_shown_for_hidden() -> None:
    painter = CudaPainter(EmulatedDevice())
    painting = painter.begin(Frame(picture(3), 0, 0, 0), {})
    assert painting.alpha is None
    with pytest.raises(EngineError, match="not retouched"):
        painting.retouch(lambda pixels, media_ns: None)
    painting.finish()
    painter.close()


def test_the_captured_frame_is_not_written_to() -> None:
    painter = CudaPainter(EmulatedDevice())
    frame = Frame(picture(3), 0, 0, 0)
    painting = painter.begin(frame, {})
    painting.cover([(100.0, 50.0, 200.0, 150.0)])
    out = painting.finish()
    assert np.array_equal(frame.pixels, picture(3))
    assert not np.array_equal(out, frame.pixels)
    painter.close()
