from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tracker_faces import ZEROS, face, frame, person

from mien.realtime.calibration import Calibration
from mien.realtime.calibration_recorder import PHASES, CalibrationRecorder
from mien.realtime.errors import EngineError
from mien.realtime.face import BLENDSHAPE_INDEX, Face, Neutral
from mien.realtime.frame import Frame, Pixels
from mien.realtime.neutral import NeutralEstimator
from mien.realtime.tracker.detection import Box, overlap
from mien.realtime.tracker.finder import Found
from mien.realtime.tracker.selection import FaceSelector
from mien.realtime.tracker.stage import TrackingStage
from mien.realtime.tracker.watch import BystanderWatch

BLANK = np.zeros((720, 1280, 3), np.uint8)


class Model:
    """Stands for the landmark model: gives the faces that the test put there."""

    def __init__(self) -> None:
        self.faces: tuple[Face, ...] = ()
        self.times: list[int] = []
        self.closed = 0
        self.broken = False

    def __call__(self, frame: Frame) -> tuple[Face, ...]:
        self.times.append(frame.media_ns)
        if self.broken:
            raise EngineError("MediaPipe failed on a frame.")
        return self.faces

    def close(self) -> None:
        self.closed += 1


def stage(model: Model, calibration: Calibration | None = None) -> TrackingStage:
    stored = None if calibration is None else calibration.neutral
    return TrackingStage(model, FaceSelector("locked"), NeutralEstimator(stored), calibration)


def test_the_swapped_face_carries_its_rest_and_the_others_are_boxes() -> None:
    model = Model()
    model.faces = (face(1, 640, 360), face(2, 1100, 360, 10))
    chosen = stage(model)(frame(BLANK, 0))

    assert [one.track_id for one in chosen.swapped] == [1]
    assert chosen.swapped[0].neutral is not None
    assert chosen.bystanders == (model.faces[1].box,)


def test_a_calibration_is_applied_after_the_rest_was_learnt() -> None:
    rest = ZEROS.copy()
    rest[BLENDSHAPE_INDEX["mouthSmileLeft"]] = 0.3
    calibration = Calibration(Neutral(person(0), rest), {"eyeBlinkLeft": 0.6}, 0.3, 0.05)
    model = Model()
    model.faces = (face(1, 640, 360, mouthSmileLeft=0.3, eyeBlinkLeft=0.6),)

    (swapped,) = stage(model, calibration)(frame(BLANK, 0)).swapped

    assert swapped.blendshape("mouthSmileLeft") == 0.0
    assert swapped.blendshape("eyeBlinkLeft") == pytest.approx(1.0)
    assert swapped.neutral is not None
    assert swapped.neutral.blendshapes[BLENDSHAPE_INDEX["mouthSmileLeft"]] == 0.0
    assert np.array_equal(swapped.landmarks, model.faces[0].landmarks)


def test_a_calibration_is_recorded_from_the_frames_that_come_and_used_from_the_next_on() -> None:
    model, done = Model(), []
    run = stage(model)
    rest = {"mouthSmileLeft": 0.3, "eyeBlinkLeft": 0.1, "eyeBlinkRight": 0.1}
    model.faces = (face(1, 640, 360, **rest),)
    run.record(CalibrationRecorder(PHASES[:1]), done.append)
    number = 0
    while not done:
        run(frame(BLANK, number))
        number += 1
        assert number < 200
    assert run.step is not None
    assert run.step.done
    assert number == pytest.approx(PHASES[0].seconds * 30, abs=3)
    (swapped,) = run(frame(BLANK, number)).swapped
    assert swapped.blendshape("mouthSmileLeft") == pytest.approx(0.3)

    run.calibrate(Calibration(Neutral(person(0), model.faces[0].blendshapes), {}, 0.3, 0.05))
    (swapped,) = run(frame(BLANK, number + 1)).swapped
    assert swapped.blendshape("mouthSmileLeft") == 0.0
    assert len(done) == 1


def test_a_calibration_that_is_cancelled_sees_no_more_and_several_faces_are_asked_away() -> None:
    model, done = Model(), []
    run = stage(model)
    model.faces = (face(1, 640, 360), face(2, 1100, 360, 10))
    run.record(CalibrationRecorder(PHASES[:1]), done.append)
    run(frame(BLANK, 0))
    assert run.step is not None
    assert "exactly one face" in run.step.problem
    run.record(None)
    assert run.step is None
    model.faces = model.faces[:1]
    for number in range(1, 120):
        run(frame(BLANK, number))
    assert run.step is None
    assert done == []


def test_time_goes_on_when_a_source_starts_again_at_zero() -> None:
    model = Model()
    run = stage(model)
    for index in (0, 1, 2, 0, 1, 2, 0):
        run(frame(BLANK, index))
    assert model.times == sorted(set(model.times))
    steps = np.diff(model.times)
    assert steps.max() < 40_000_000


def test_a_failing_model_is_not_hidden_and_the_next_frame_works() -> None:
    model = Model()
    run = stage(model)
    model.broken = True
    with pytest.raises(EngineError):
        run(frame(BLANK, 0))
    model.broken, model.faces = False, (face(1, 640, 360),)
    assert len(run(frame(BLANK, 1)).swapped) == 1


def test_relock_and_close_reach_their_parts() -> None:
    model = Model()
    run = stage(model)
    model.faces = (face(1, 640, 360),)
    for index in range(60):
        run(frame(BLANK, index))
    model.faces = (face(2, 640, 360),)
    assert run(frame(BLANK, 61)).swapped == ()
    run.relock()
    assert [one.track_id for one in run(frame(BLANK, 62)).swapped] == [2]
    run.close()
    assert model.closed == 1


def test_the_rest_of_a_face_survives_its_absence_but_not_its_replacement() -> None:
    model = Model()
    run = stage(model)
    calm = face(1, 640, 360)
    model.faces = (calm,)
    for index in range(60):
        run(frame(BLANK, index))
    learnt = run(frame(BLANK, 60)).swapped[0].neutral
    model.faces = ()
    run(frame(BLANK, 61))
    grin = replace(calm, blendshapes=face(1, 0, 0, mouthSmileLeft=0.9, mouthSmileRight=0.9).blendshapes)
    model.faces = (grin,)
    back = run(frame(BLANK, 62)).swapped[0].neutral
    assert learnt is not None
    assert back is not None
    assert np.allclose(learnt.shape, back.shape, atol=0.01)

    model.faces = (replace(grin, track_id=2),)
    run.relock()
    run(frame(BLANK, 63))
    model.faces = (grin,)
    run.relock()
    fresh = run(frame(BLANK, 64)).swapped[0].neutral
    assert fresh is not None
    assert not np.allclose(learnt.shape, fresh.shape, atol=0.01)


class Finder:
    """Stands for the face detector: finds what the test put there, in px of the frame, in each of its squares."""

    def __init__(self, *boxes: Box) -> None:
        self.boxes = boxes
        self.closed = 0

    def __call__(self, pixels: Pixels) -> list[Found]:
        # A view's place in the frame, from its address.
        offset = pixels.__array_interface__["data"][0] - BLANK.__array_interface__["data"][0]
        top, left = divmod(offset // 3, BLANK.shape[1])
        side = pixels.shape[0]
        here = [(x0 - left, y0 - top, x1 - left, y1 - top) for x0, y0, x1, y1 in self.boxes]
        return [Found(box, 0.9) for box in here if min(box) >= 0 and max(box) <= side]

    def close(self) -> None:
        self.closed += 1


def watching(model: Model, finder: Finder) -> TrackingStage:
    return TrackingStage(model, FaceSelector("locked"), NeutralEstimator(), None, BystanderWatch(finder))


def test_a_small_face_in_the_background_becomes_a_bystander() -> None:
    model, finder = Model(), Finder((1000.0, 100.0, 1060.0, 160.0))
    model.faces = (face(1, 400, 360),)
    run = watching(model, finder)
    for index in range(20):
        chosen = run(frame(BLANK, index))
        run.look()
    assert [one.track_id for one in chosen.swapped] == [1]
    assert len(chosen.bystanders) == 1
    assert overlap(chosen.bystanders[0], finder.boxes[0]) > 0.5
    run.close()
    assert (model.closed, finder.closed) == (1, 1)


def test_a_swapped_face_that_is_missed_is_no_bystander_of_the_watch() -> None:
    model, finder = Model(), Finder((600.0, 320.0, 680.0, 400.0))
    model.faces = (face(1, 640, 360),)
    run = watching(model, finder)
    for index in range(40):
        assert run(frame(BLANK, index)).bystanders == ()
        run.look()
    model.faces = ()
    for index in range(40, 80):
        assert run(frame(BLANK, index)).bystanders == ()
        run.look()


def test_who_was_swapped_and_is_missed_is_handed_on_as_lost() -> None:
    model = Model()
    one, two = face(1, 300, 360), face(2, 900, 360)
    model.faces = (one, two)
    run = TrackingStage(model, FaceSelector("all"), NeutralEstimator())
    run(frame(BLANK, 0))
    model.faces = (one,)
    assert len(run(frame(BLANK, 1)).lost) == 1
