from __future__ import annotations

import numpy as np
import pytest
from tracker_faces import FRAME_NS, LOWER_LID, UPPER_LID, face, noise

from mien.realtime.calibration_recorder import PHASES, CalibrationRecorder, Step, eyelid_gap
from mien.realtime.errors import ConfigError
from mien.realtime.face import BLENDSHAPE_INDEX, BLENDSHAPE_NAMES, Face

REST = {"mouthSmileLeft": 0.2, "eyeBlinkLeft": 0.1, "eyeBlinkRight": 0.1}
#: What this user shows when asked; the eyes do not reach the model's full scale.
SHOWN = {
    "smile": {"mouthSmileLeft": 0.8, "mouthSmileRight": 0.7},
    "open mouth": {"jawOpen": 0.75},
    "raise brows": {"browInnerUp": 0.9, "browOuterUpLeft": 0.6, "browOuterUpRight": 0.6},
    "close eyes": {"eyeBlinkLeft": 0.6, "eyeBlinkRight": 0.55},
    "pucker": {"mouthPucker": 0.9},
}


def shown(phase: str, rng: np.random.Generator | None = None) -> Face:
    one = face(1, 640, 360, **{**REST, **SHOWN.get(phase, {})})
    landmarks = one.landmarks.copy()
    if phase == "close eyes":
        for upper, lower in ((UPPER_LID, LOWER_LID), ((386, 385, 387), (374, 380, 373))):
            landmarks[list(upper)] += 0.9 * (landmarks[list(lower)] - landmarks[list(upper)])
    scores = one.blendshapes
    if rng is not None:
        landmarks = landmarks + noise(rng, 0.3)
        scores = (scores + rng.normal(0, 0.01, scores.shape)).clip(0, 1).astype(np.float32)
    return Face(1, landmarks, scores, one.pose)


def play(recorder: CalibrationRecorder, skip: str = "", seconds: float = 60) -> tuple[Step, float]:
    """A user who does what he is told, but for `skip`; gives the last step and how long it took."""
    rng = np.random.default_rng(0)
    step = recorder.add(shown("rest", rng), 0)
    frames = 0
    while not step.done and frames < seconds * 30:
        frames += 1
        phase = PHASES[step.phase].name
        step = recorder.add(shown("rest" if phase == skip else phase, rng), frames * FRAME_NS)
    return step, frames / 30


def test_a_willing_user_is_done_in_under_twenty_seconds() -> None:
    recorder = CalibrationRecorder()
    step, seconds = play(recorder)
    assert step.done
    assert seconds == pytest.approx(sum(phase.seconds for phase in PHASES), abs=1)
    assert seconds < 20
    assert recorder.missed == ()

    user = recorder.result()
    assert user.neutral.blendshapes[BLENDSHAPE_INDEX["mouthSmileLeft"]] == pytest.approx(0.2, abs=0.02)
    assert user.reach["eyeBlinkLeft"] == pytest.approx(0.6, abs=0.05)
    assert user.reach["jawOpen"] == pytest.approx(0.75, abs=0.05)
    assert user.eyelid_closed < 0.5 * user.eyelid_open
    assert all(0.02 <= tuning.dead_zone <= 0.12 for tuning in user.groups.values())

    assert user.apply(shown("rest")).blendshapes.max() == 0.0
    closed = user.apply(shown("close eyes"))
    assert closed.blendshape("eyeBlinkLeft") > 0.9
    assert closed.blendshape("eyeBlinkRight") > 0.9


def test_an_expression_that_was_not_made_is_named_and_keeps_the_models_scale() -> None:
    recorder = CalibrationRecorder()
    play(recorder, skip="raise brows")
    assert recorder.missed == ("raise brows",)
    assert not any(name.startswith("brow") for name in recorder.result().reach)


def test_a_blink_while_resting_does_not_count_as_rest() -> None:
    recorder = CalibrationRecorder()
    for i in range(95):
        recorder.add(shown("close eyes" if i % 30 < 4 else "rest"), i * FRAME_NS)
    play(recorder)
    assert recorder.result().neutral.blendshapes[BLENDSHAPE_INDEX["eyeBlinkLeft"]] == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize(
    ("seen", "problem"),
    [
        (None, "exactly one face"),
        (face(1, 640, 360, yaw_deg=35), "Turn your head"),
        (face(1, 640, 360, jawOpen=0.8), "Close your mouth"),
    ],
    ids=["nobody", "turned", "talking"],
)
def test_a_bad_frame_does_not_count_and_says_why(seen: Face | None, problem: str) -> None:
    recorder = CalibrationRecorder()
    recorder.add(shown("rest"), 0)
    before = recorder.add(shown("rest"), FRAME_NS)
    for i in range(300):
        step = recorder.add(seen, (2 + i) * FRAME_NS)
        assert problem in step.problem
    assert (step.phase, step.left_s) == (0, before.left_s)
    assert step.prompt == PHASES[0].prompt
    assert recorder.add(shown("rest"), 303 * FRAME_NS).problem == ""


def test_a_gap_in_the_pictures_does_not_pass_for_looking() -> None:
    recorder = CalibrationRecorder()
    recorder.add(shown("rest"), 0)
    assert recorder.add(shown("rest"), 60 * 1_000_000_000).left_s == pytest.approx(2.9)


def test_a_result_before_the_end_says_where_it_stopped() -> None:
    recorder = CalibrationRecorder()
    assert recorder.missed == ()
    play(recorder, seconds=4)
    with pytest.raises(ConfigError, match="stopped at 'smile'"):
        recorder.result()


def test_more_frames_after_the_end_change_nothing() -> None:
    recorder = CalibrationRecorder()
    play(recorder)
    before = recorder.result()
    step = recorder.add(shown("smile"), 10**12)
    assert (step.done, step.prompt) == (True, "")
    assert np.array_equal(recorder.result().neutral.blendshapes, before.neutral.blendshapes)


def test_the_phases_name_channels_that_exist() -> None:
    assert all(name in BLENDSHAPE_NAMES for phase in PHASES for name in phase.channels)
    assert eyelid_gap(shown("close eyes").landmarks) < 0.3 * eyelid_gap(shown("rest").landmarks)
