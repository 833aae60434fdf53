from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from live_parts import (
    FACE_BOX,
    HEIGHT,
    WIDTH,
    PaintEngine,
    driver_picture,
    face_in,
    shows_driver_face,
    shows_persona,
)

from mien.realtime import compositor as compositor_module
from mien.realtime import cpu_painter
from mien.realtime.clock import ManualClock
from mien.realtime.compositor import Compositor, Tracked
from mien.realtime.config import LossSettings
from mien.realtime.face import Face
from mien.realtime.frame import Crop, Frame, Patch, Pixels
from mien.realtime.mark import MarkedFrame, Marker
from mien.realtime.presence import Presence
from mien.realtime.slate import Slate
from mien.realtime.tracker.base import Selection

STEP_NS = 33_333_333


class Stage:
    """A compositor with its clock and a list of what went wrong."""

    def __init__(self, *engines: PaintEngine, cover_bystanders: bool = True) -> None:
        self.clock = ManualClock()
        self.errors: list[str] = []
        self.engines = engines or (PaintEngine(),)
        self.compositor = Compositor(
            self.engines,
            painter=cpu_painter.CpuPainter(),
            marker=Marker(WIDTH, HEIGHT),
            slate=Slate(WIDTH, HEIGHT, None),
            presence=Presence(LossSettings()),
            now_ns=self.clock.now_ns,
            cover_bystanders=cover_bystanders,
            on_error=self.errors.append,
        )
        self.sequence = 0

    def show(self, *, face: bool = True, other: bool = False, failed: bool = False) -> MarkedFrame:
        """One frame, a thirtieth of a second after the one before."""
        now_ns = self.clock.now_ns()
        frame = Frame(driver_picture(self.sequence), self.sequence, now_ns, now_ns)
        selection = Selection((face_in(),) if face else (), ((10.0, 10.0, 70.0, 90.0),) if other else ())
        composed = self.compositor(Tracked(frame, selection, failed, {"track": 1.0}), now_ns)
        self.sequence += 1
        self.clock.advance(STEP_NS / 1e9)
        return composed.marked

    def show_for(self, seconds: float, **how: Any) -> list[MarkedFrame]:
        """Frames for so many seconds."""
        return [self.show(**how) for _ in range(round(seconds * 30))]


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_a_face_becomes_the_persona_and_the_rest_of_the_picture_stays(stage: Stage) -> None:
    frame = stage.show()
    assert frame.kind == "persona"
    assert not frame.held
    assert shows_persona(frame)
    assert not shows_driver_face(frame)
    # But for the watermark, which is one level.
    assert np.abs(frame.pixels[200:, :60].astype(int) - driver_picture(0)[200:, :60]).max() == 1


def test_the_captured_frame_is_not_written_to(stage: Stage) -> None:
    pixels = driver_picture(3)
    frame = Frame(pixels, 3, 0, 0)
    stage.compositor(Tracked(frame, Selection((face_in(),), ((0.0, 0.0, 50.0, 50.0),)), False, {}), 0)
    assert (pixels == driver_picture(3)).all()


def test_bystanders_are_covered_unless_asked_otherwise(stage: Stage) -> None:
    frame = stage.show(other=True)
    # Pixelated noise is flat: neighbouring pixels of the middle hardly differ any more.
    before = np.abs(np.diff(driver_picture(0)[40:60, 30:50].astype(int), axis=1)).mean()
    after = np.abs(np.diff(frame.pixels[40:60, 30:50].astype(int), axis=1)).mean()
    assert after < 0.25 * before


def test_the_room_is_changed_behind_the_persona_and_behind_the_camera_alike(stage: Stage) -> None:
    def paint_left(pixels: Pixels, media_ns: int) -> None:
        pixels[:, :60] = (8, 247, 8)

    stage.compositor.set_background(paint_left)
    persona = stage.show()
    stage.compositor.show_me()
    camera = stage.show()
    assert (persona.kind, camera.kind) == ("persona", "camera")
    assert shows_persona(persona)
    for frame in (persona, camera):
        assert np.abs(frame.pixels[150:, :60].astype(int) - (8, 247, 8)).max() <= 1
    stage.compositor.show_me(False)
    stage.compositor.set_background(None)
    assert np.abs(stage.show().pixels[150:, :60].astype(int) - (8, 247, 8)).max() > 50


def test_only_the_persona_is_transparent_and_fades_in_from_all_there(stage: Stage) -> None:
    def all_but_a_corner(pixels: Pixels, media_ns: int) -> Any:
        alpha = np.full(pixels.shape[:2], 255, np.uint8)
        alpha[150:, :60] = 0
        return alpha

    stage.compositor.set_background(all_but_a_corner)
    stage.show_for(0.1)
    stage.compositor.set_slate(True)
    stage.show()
    stage.compositor.set_slate(False)
    shown = [frame.alpha for frame in stage.show_for(0.5)]
    corner = [int(alpha[200, 20]) for alpha in shown if alpha is not None]
    assert len(corner) == 15
    assert corner[0] > 150
    assert corner == sorted(corner, reverse=True)
    assert corner[-1] == 0
    held = stage.show(face=False)
    assert held.held
    assert np.array_equal(held.alpha, shown[-1])  # type: ignore[arg-type]
    stage.compositor.show_me()
    camera = stage.show()
    stage.compositor.set_slate(True)
    slate = stage.show()
    assert (camera.kind, camera.alpha, slate.kind, slate.alpha) == ("camera", None, "slate", None)


@pytest.mark.parametrize("asked", [False, True])
def test_a_room_that_cannot_be_hidden_is_not_shown(stage: Stage, asked: bool) -> None:
    def fail(pixels: Pixels, media_ns: int) -> None:
        raise RuntimeError("model crashed")

    stage.compositor.set_background(fail)
    if asked:
        stage.compositor.show_me()
    assert stage.show().kind == "slate"
    assert "model crashed" in stage.errors[0]


def test_a_lost_face_holds_the_last_persona_then_slates_then_fades_back(stage: Stage) -> None:
    stage.show_for(0.5)
    gone = stage.show_for(2.0, face=False)
    kinds = [(frame.kind, frame.held) for frame in gone]
    held = kinds.index(("slate", False))
    assert kinds[:held] == [("persona", True)] * held
    assert 43 <= held <= 46
    assert set(kinds[held:]) == {("slate", False)}
    assert not any(shows_driver_face(frame) for frame in gone)
    back = stage.show_for(0.4)
    assert {frame.kind for frame in back} == {"persona"}
    assert not shows_persona(back[0])
    assert shows_persona(back[7])


def test_with_another_face_there_the_hold_is_short(stage: Stage) -> None:
    stage.show_for(0.5)
    gone = stage.show_for(1.0, face=False, other=True)
    assert 13 <= sum(frame.held for frame in gone) <= 16
    assert gone[-1].kind == "slate"


FAULTS = ["align", "crop", "engine", "cover", "blend", "present", "mark", "shape"]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_any_step_never_shows_the_bare_frame(
    stage: Stage, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.show_for(0.2)
    with monkeypatch.context() as patch:
        _break(stage, fault, patch)
        broken = stage.show_for(2.0, other=True)
    assert len(stage.errors) == len(broken)
    assert all("frame 6" in text or ":" in text for text in stage.errors)
    assert not any(shows_driver_face(frame) for frame in broken)
    assert broken[0].held
    assert broken[-1].kind == "slate"
    assert stage.show_for(0.5)[-1].kind == "persona"


def _break(stage: Stage, fault: str, patch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **names: object) -> None:
        raise RuntimeError(f"{fault} failed")

    if fault == "engine":
        patch.setattr(stage.engines[0], "fail_on", lambda call: True)
    elif fault == "shape":
        patch.setattr(PaintEngine, "__call__", lambda self, face, crop: _small_patch())
    elif fault == "present":
        patch.setattr(Presence, "fade", fail)
    elif fault == "mark":
        patch.setattr(Marker, "mark_persona", fail)
    else:
        patch.setattr(compositor_module if fault == "align" else cpu_painter, fault, fail)


def _small_patch() -> Any:
    return Patch(np.zeros((20, 20, 3), np.uint8), np.zeros((20, 20), np.uint8))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda xy: xy * 1e6, "cannot be swapped"),
        (lambda xy: xy + 5000, "cannot be swapped"),
        (lambda xy: (xy - xy.mean(axis=0)) * 0.03 + xy.mean(axis=0), "cannot be swapped"),
        (lambda xy: xy * np.nan, ""),
    ],
)
def test_landmarks_that_miss_the_face_are_a_fault_not_a_persona(
    stage: Stage, change: Callable[[Any], Any], text: str
) -> None:
    stage.show_for(0.2)
    face = face_in()
    wrong = dataclasses.replace(face, landmarks=change(face.landmarks).astype(np.float32))
    frame = Frame(driver_picture(7), 7, stage.clock.now_ns(), stage.clock.now_ns())
    marked = stage.compositor(Tracked(frame, Selection((wrong,), ()), False, {}), stage.clock.now_ns()).marked
    assert marked.held
    assert not shows_driver_face(marked)
    assert text in stage.errors[-1]


def test_a_patch_that_paints_next_to_nothing_is_a_fault(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.show_for(0.2)
    whole = PaintEngine.__call__

    def corner(engine: PaintEngine, face: Face, crop: Crop) -> Patch:
        patch = whole(engine, face, crop)
        mask = np.zeros_like(patch.mask)
        mask[: mask.shape[0] // 4, : mask.shape[1] // 3] = 255
        return Patch(patch.pixels, mask, colour=False)

    monkeypatch.setattr(PaintEngine, "__call__", corner)
    marked = stage.show()
    assert marked.held
    assert "painted" in stage.errors[-1]


@pytest.mark.parametrize("covers", [False, True])
def test_paint_beyond_the_frames_edge_covers_no_face(monkeypatch: pytest.MonkeyPatch, covers: bool) -> None:
    """Half of the face is out of the frame; a patch that paints that half alone leaves the other one bare."""
    engine = PaintEngine()
    # A square of a fixed size shows what lies beyond the frame's edge too.
    engine.spec = dataclasses.replace(engine.spec, size_px=128)
    stage = Stage(engine)
    stage.show_for(0.2)
    whole = PaintEngine.__call__

    def half(engine: PaintEngine, face: Face, crop: Crop) -> Patch:
        patch = whole(engine, face, crop)
        mask = np.zeros_like(patch.mask)
        middle = mask.shape[1] // 2
        mask[:, middle if covers else 0 : None if covers else middle] = 255
        return Patch(patch.pixels, mask, colour=False)

    monkeypatch.setattr(PaintEngine, "__call__", half)
    frame = Frame(driver_picture(7), 7, stage.clock.now_ns(), stage.clock.now_ns())
    face = face_in((-50, 60, 50, 180))
    marked = stage.compositor(Tracked(frame, Selection((face,), ()), False, {}), stage.clock.now_ns()).marked
    assert marked.held is not covers
    assert covers or "painted" in stage.errors[-1]


def test_a_face_that_was_swapped_and_is_missed_is_covered_even_where_bystanders_are_shown() -> None:
    stage = Stage(cover_bystanders=False)
    other = (20.0, 60.0, 100.0, 160.0)
    frame = Frame(driver_picture(0), 0, 0, 0)
    marked = stage.compositor(Tracked(frame, Selection((face_in(),), (), (other,)), False, {}), 0).marked
    before, after = (
        np.abs(np.diff(p[100:120, 50:70].astype(int), axis=1)).mean() for p in (frame.pixels, marked.pixels)
    )
    assert after < 0.25 * before


def test_a_change_of_persona_while_held_shows_no_live_picture(stage: Stage) -> None:
    stage.show_for(0.2)
    stage.compositor.set_hold(True)
    stage.compositor.set_engines((PaintEngine((200, 40, 40)),))
    stage.compositor.show_me()
    assert {frame.kind for frame in stage.show_for(1.0)} == {"slate"}
    stage.compositor.show_me(False)
    stage.compositor.set_hold(False)
    assert shows_persona(stage.show_for(0.5)[-1], (200, 40, 40))


def test_a_frame_the_tracker_failed_on_is_held_not_shown(stage: Stage) -> None:
    stage.show_for(0.2)
    frame = stage.show(failed=True)
    assert frame.held
    assert not shows_driver_face(frame)


def test_before_any_persona_a_faulty_frame_is_the_slate(stage: Stage) -> None:
    assert stage.show(failed=True).kind == "slate"


def test_the_slate_and_the_hold_that_are_asked_for(stage: Stage) -> None:
    first = stage.show_for(0.2)[-1]
    stage.compositor.set_hold(True)
    held = stage.show_for(3.0)
    assert all(frame.held and np.array_equal(frame.pixels, first.pixels) for frame in held)
    stage.compositor.set_slate(True)
    assert stage.show().kind == "slate"
    stage.compositor.set_slate(False)
    stage.compositor.set_hold(False)
    assert stage.show_for(0.5)[-1].kind == "persona"


def test_show_me_shows_the_camera_under_its_plate_and_ends_by_itself(stage: Stage) -> None:
    stage.show_for(0.2)
    stage.compositor.show_me()
    frames = stage.show_for(2.0)
    kinds = [frame.kind for frame in frames]
    assert kinds[0] == "camera"
    assert shows_driver_face(frames[0])
    assert not np.array_equal(frames[0].pixels, driver_picture(6))
    assert kinds[-1] == "persona"
    assert kinds.index("persona") <= 31


def test_show_me_still_covers_other_people(stage: Stage) -> None:
    stage.compositor.show_me()
    frame = stage.show(other=True)
    assert np.abs(np.diff(frame.pixels[40:60, 30:50].astype(int), axis=1)).mean() < 20


def test_a_source_that_gives_nothing_is_held_then_slated(stage: Stage) -> None:
    stage.show_for(0.2)
    kinds = []
    for _ in range(20):
        stage.clock.advance(0.15)
        composed = stage.compositor.idle(6, stage.clock.now_ns(), 0)
        kinds.append((composed.marked.kind, composed.marked.held))
    assert kinds[0] == ("persona", True)
    assert kinds[-1] == ("slate", False)


def test_a_change_of_persona_happens_between_two_frames_and_closes_the_old(stage: Stage) -> None:
    stage.show()
    other = PaintEngine((200, 40, 40))
    stage.compositor.set_engines((other,))
    assert shows_persona(stage.show(), (200, 40, 40))
    assert stage.engines[0].closed == 1
    assert other.closed == 0
    stage.compositor.close()
    assert other.closed == 1


def test_after_a_change_the_old_persona_is_not_held(stage: Stage) -> None:
    stage.show()
    stage.compositor.set_engines((PaintEngine((200, 40, 40)),))
    assert stage.show(face=False).kind == "slate"


def test_better_engines_of_the_same_persona_end_no_hold_and_begin_on_their_best_rung() -> None:
    stage = Stage(PaintEngine(), PaintEngine((200, 40, 40), "light"))
    stage.compositor.set_rung(1)
    last = stage.show()
    better = (PaintEngine((90, 90, 220), "better"), PaintEngine((10, 220, 220), "lighter"))
    stage.compositor.set_engines(better, same_persona=True)
    held = stage.show(face=False)
    assert (held.kind, held.held) == ("persona", True)
    assert np.array_equal(held.pixels, last.pixels)
    assert shows_persona(stage.show(), (90, 90, 220))


def test_the_same_engines_of_another_persona_stay_on_the_rung_that_this_machine_keeps_up_with() -> None:
    stage = Stage(PaintEngine(), PaintEngine((200, 40, 40), "light"))
    stage.compositor.set_rung(1)
    stage.show()
    stage.compositor.set_engines((PaintEngine((90, 90, 220)), PaintEngine((10, 220, 220), "light")))
    assert shows_persona(stage.show(), (10, 220, 220))
    assert stage.compositor.rung == 1


def test_better_engines_that_follow_a_change_of_persona_before_its_first_frame_change_the_persona_too() -> None:
    stage = Stage()
    stage.show()
    stage.compositor.set_engines((PaintEngine((200, 40, 40)),))
    stage.compositor.set_engines((PaintEngine((90, 90, 220)),), same_persona=True)
    assert stage.show(face=False).kind == "slate"


def test_two_changes_in_a_row_close_the_one_that_was_never_used(stage: Stage) -> None:
    second, third = PaintEngine(), PaintEngine()
    stage.compositor.set_engines((second,))
    stage.compositor.set_engines((third,))
    stage.show()
    assert (stage.engines[0].closed, second.closed, third.closed) == (1, 1, 0)


def test_a_rung_is_used_from_the_next_frame_on() -> None:
    stage = Stage(PaintEngine(), PaintEngine((200, 40, 40), "light"))
    stage.show()
    stage.compositor.set_rung(1)
    assert shows_persona(stage.show(), (200, 40, 40))
    assert stage.compositor.engine.spec.name == "light"


def test_every_face_is_swapped_where_the_policy_names_several() -> None:
    stage = Stage()
    boxes = [(20.0, 60.0, 100.0, 160.0), (180.0, 60.0, 260.0, 160.0)]
    faces = tuple(face_in(box, index + 1) for index, box in enumerate(boxes))
    frame = Frame(driver_picture(0), 0, 0, 0)
    marked = stage.compositor(Tracked(frame, Selection(faces, ()), False, {}), 0).marked
    assert not any(shows_driver_face(marked, box) for box in boxes)


def test_the_face_box_of_the_tests_is_inside_the_frame() -> None:
    assert FACE_BOX[2] < WIDTH
    assert FACE_BOX[3] < HEIGHT
