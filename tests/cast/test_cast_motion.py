from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from mien.engines.cast.motion.babble import babble
from mien.engines.cast.motion.blinks import Blink, draw_blinks, lids
from mien.engines.cast.motion.gaze import DOWN_DEG, SIDE_DEG, UP_DEG, Fixation, gaze_actions, look
from mien.engines.cast.motion.head import STIFFNESS, Gesture, move, nod
from mien.engines.cast.motion.manner import Manner, draw_manner, skewed
from mien.engines.cast.motion.performance import Performance, perform
from mien.engines.cast.motion.phonemes import PAUSE, Phoneme
from mien.engines.cast.motion.speech import Speech, delayed
from mien.engines.cast.motion.tracks import ACTIONS, settled
from mien.engines.cast.motion.visemes import SHAPES, mouth, shapes_of
from mien.realtime.errors import ConfigError

SECONDS, FPS = 15.0, 30


def _said(*symbols: str, length_s: float = 0.12, stress: int = 1) -> Speech:
    """Equal sounds one after the other from 0.5 s on, as loud as can be."""
    phonemes = [Phoneme(PAUSE, 0.0, 0.5, 0, 0.5)]
    for symbol in symbols:
        start = phonemes[-1].end_s
        phonemes.append(Phoneme(symbol, start, start + length_s, stress, start + 0.8 * length_s))
    end = phonemes[-1].end_s
    phonemes.append(Phoneme(PAUSE, end, end + 0.5, 0, end + 0.5))
    return Speech(np.ones(round((end + 0.5) * 8000), np.float32), 8000, tuple(phonemes))


@pytest.fixture(scope="module")
def shown() -> list[Performance]:
    return [perform(seed, SECONDS, FPS)[0] for seed in range(6)]


def test_a_performance_is_its_seeds() -> None:
    (first, said), (again, said_again), (other, _) = (perform(seed, SECONDS, FPS) for seed in (3, 3, 4))
    assert np.array_equal(first.yaw, again.yaw)
    assert np.array_equal(first.gaze, again.gaze)
    assert first.actions.keys() == again.actions.keys()
    assert all(np.array_equal(values, again.actions[name]) for name, values in first.actions.items())
    assert np.array_equal(said.samples, said_again.samples)
    assert not np.array_equal(first.yaw, other.yaw)


def test_every_action_is_known_and_within_its_range(shown: list[Performance]) -> None:
    for each in shown:
        assert set(each.actions) <= set(ACTIONS)
        for name, values in each.actions.items():
            assert values.shape == each.times.shape, name
            assert values.min() >= 0.0, name
            assert values.max() <= 1.0, name


def test_every_performance_has_the_whole_range(shown: list[Performance]) -> None:
    for each in shown:
        assert each.yaw.max() > 20
        assert each.yaw.min() < -20
        assert np.ptp(each.pitch) > 12
        assert np.ptp(each.roll) > 14
        assert each.actions["jawOpen"].max() > 0.45
        assert each.actions["jawOpen"].std() > 0.08
        assert min(each.actions["browInnerUp"].max(), each.actions["browOuterUpLeft"].max()) > 0.4
        assert np.ptp(each.gaze[:, 0]) > 28
        smiling = (each.actions["mouthSmileLeft"] > 0.5).astype(int)
        assert np.count_nonzero(np.diff(smiling) == 1) >= 2
        assert max(each.actions["mouthSmileLeft"].max(), each.actions["mouthSmileRight"].max()) > 0.7
        assert each.actions["eyeBlinkLeft"].max() > 0.9


def test_short_clips_and_bad_lengths() -> None:
    performance, speech = perform(2, 3.0, 25)
    assert performance.times.shape == (75,)
    assert speech.seconds == pytest.approx(3.0, abs=0.01)
    with pytest.raises(ConfigError, match="needs a length"):
        perform(1, None, 30)


def test_lips_shut_for_p_b_and_m_whatever_the_neighbours_want() -> None:
    times = np.arange(0, 2.0, 1 / 120)
    for symbol in ("p", "b", "m"):
        speech = _said("A:", symbol, "A:", "O:", symbol, "u:")
        tracks = mouth(speech, times, Manner(jaw=1.3, lips=1.3))
        for phoneme in (each for each in speech.phonemes if each.symbol == symbol):
            shut = (times >= phoneme.start_s) & (times <= phoneme.release_s)
            assert tracks["jawOpen"][shut].max() < 0.08
            assert np.allclose(tracks["mouthClose"][shut], tracks["jawOpen"][shut])
            assert tracks["mouthPressLeft"][shut].min() > 0.2
        assert tracks["jawOpen"].max() > 0.5
        assert np.all(tracks["mouthClose"] <= tracks["jawOpen"] + 1e-12)


def test_a_closure_is_seen_at_thirty_frames_a_second() -> None:
    for offset in np.linspace(0, 1 / 30, 7):
        times = np.arange(0.4 + offset, 1.2, 1 / 30)
        tracks = mouth(_said("A:", "p", "A:", length_s=0.055), times, Manner())
        between = (times > 0.5) & (times < 0.68)
        assert (tracks["jawOpen"] - tracks["mouthClose"])[between].min() < 0.01


def test_the_lower_lip_goes_under_the_teeth_for_f_and_the_lips_round_ahead_of_u() -> None:
    times = np.arange(0, 1.6, 1 / 120)
    tracks = mouth(_said("A:", "f", "A:"), times, Manner())
    middle = np.abs(times - 0.68).argmin()
    assert tracks["mouthRollLower"][middle] > 0.5
    assert tracks["mouthUpperUpLeft"][middle] > 0.2
    assert tracks["jawOpen"][middle] < 0.2
    # In "too" the lips are round in the t already, in "tea" they are not (Cohen and Massaro's point).
    during_t = (times > 0.53) & (times < 0.6)
    too, tea = (mouth(_said("t", vowel), times, Manner())["mouthPucker"][during_t].mean() for vowel in ("u:", "i:"))
    assert too > 0.25 > 10 * tea


def test_mumbling_and_articulating_differ_and_silence_rests() -> None:
    times = np.arange(0, 1.6, 1 / 60)
    speech = _said("A:", "u:", "E", "s")
    small, large = (mouth(speech, times, Manner(jaw=reach, lips=reach)) for reach in (0.6, 1.2))
    assert large["jawOpen"].max() > 1.6 * small["jawOpen"].max()
    assert large["mouthPucker"].max() > 1.6 * small["mouthPucker"].max()
    assert large["jawOpen"][0] < 0.05
    assert large["jawOpen"][-1] < 0.05


def test_shapes_name_known_actions_and_every_sound_has_some() -> None:
    for shape in SHAPES.values():
        assert set(shape.weights) <= set(ACTIONS)
    assert shapes_of("p") == ("p",)
    assert shapes_of("tS") == ("sh",)
    assert shapes_of("t#") == ("t",)
    assert shapes_of("aI3")[0] == "a"
    assert all(name in SHAPES for symbol in ("@", "3:", "!", "oU", "C") for name in shapes_of(symbol))


def test_blinks_come_and_go_as_peoples_do() -> None:
    blinks = [b for seed in range(40) for b in draw_blinks(np.random.default_rng(seed), 60.0, [])]
    per_minute = len(blinks) / 40
    assert 14 <= per_minute <= 28
    closing, opening = (np.array([getattr(b, key) for b in blinks]) for key in ("closing_s", "opening_s"))
    assert 0.08 < np.median(closing) < 0.1
    assert np.median(opening) > 1.7 * np.median(closing)
    depth = np.array([b.depth for b in blinks])
    assert 0.05 < np.mean(depth < 0.85) < 0.2
    assert np.mean(depth > 0.94) > 0.8
    gaps = np.array([b.start_s - a.end_s for a, b in pairwise(blinks) if b.start_s > a.end_s])
    assert 0.02 < np.mean(gaps < 0.13) < 0.1  # double blinks
    assert gaps.max() / np.median(gaps) > 2.5  # a long tail


def test_cues_call_blinks_and_a_shut_lid_is_always_seen() -> None:
    cues = [(float(when), 1.0) for when in range(3, 58, 5)]
    starts = np.array([b.start_s for b in draw_blinks(np.random.default_rng(1), 60.0, cues)])
    near = [np.abs(starts - when).min() < 1e-6 for when, _ in cues]
    assert np.mean(near) > 0.7
    for offset in np.linspace(0, 1 / 30, 11):
        times = np.arange(offset, 1.0, 1 / 30)
        assert lids((Blink(0.2, 0.09, 0.034, 0.19, 1.0),), times).max() > 0.97


def test_a_heavy_head_is_bounded_in_acceleration_and_arrives() -> None:
    times = np.arange(0, 6.0, 1 / 120)
    turn = 30.0
    motion = move(np.random.default_rng(0), times, [Gesture(1.0, 3.0, yaw=turn, rise_s=0.01)], liveliness=0.0)
    yaw = motion.angles[:, 0]
    speed = np.gradient(yaw, times)
    acceleration = np.gradient(speed, times)
    # A critically damped spring's greatest acceleration is w^2 times the step, its greatest speed w/e times it.
    assert np.abs(acceleration).max() <= turn * STIFFNESS["yaw"] ** 2
    assert np.abs(speed).max() <= turn * STIFFNESS["yaw"] / np.e * 1.01
    assert np.abs(yaw[(times > 2.5) & (times < 4.0)] - turn).max() < 0.5
    assert yaw.max() < turn + 0.1  # no overshoot
    assert np.abs(yaw[-1]) < 0.5


def test_performances_turn_heads_within_what_necks_do(shown: list[Performance]) -> None:
    for each in shown:
        angles = np.stack([each.yaw, each.pitch, each.roll], axis=1)
        assert np.abs(np.diff(angles, axis=0)).max() * FPS < 200
        assert np.abs(np.diff(angles, 2, axis=0)).max() * FPS**2 < 2000


def test_a_nod_goes_down_about_as_far_as_asked() -> None:
    times = np.arange(0, 3.0, 1 / 60)
    motion = move(np.random.default_rng(0), times, nod(1.0, 10.0), liveliness=0.0)
    assert -12.5 < motion.angles[:, 1].min() < -7.5


def test_the_eyes_stay_on_a_place_while_the_head_turns() -> None:
    times = np.arange(0, 2.0, 1 / 120)
    head = np.stack([12 * np.clip(times - 0.5, 0, 1), np.zeros_like(times)], axis=1)
    eyes = look(np.random.default_rng(0), times, [Fixation(0.0, 0.0, 0.0)], head)
    assert np.abs(eyes[:, 0] + 0.97 * head[:, 0])[times < 1.4].max() < 1.2


def test_saccades_follow_the_main_sequence_and_the_eyes_keep_their_limits() -> None:
    times = np.arange(0, 2.0, 1 / 1000)
    still = np.zeros((len(times), 2))
    lengths = []
    for size in (4.0, 12.0):
        eyes = look(np.random.default_rng(0), times, [Fixation(0, 0, 0), Fixation(1.0, size, 0)], still)[:, 0]
        inside = (times > 0.98) & (times < 1.2)
        t, moved = times[inside], eyes[inside] - eyes[inside][0]
        lengths.append(t[moved > 0.95 * size][0] - t[moved > 0.05 * size][0])
    assert lengths[1] > 1.2 * lengths[0]
    assert lengths[1] < 0.06
    far = look(np.random.default_rng(0), times, [Fixation(0, 60, 50), Fixation(1.0, -60, -50)], still)
    assert np.abs(far[:, 0]).max() <= SIDE_DEG
    assert far[:, 1].max() <= UP_DEG
    assert far[:, 1].min() >= -DOWN_DEG


def test_gaze_actions_fill_their_range_at_the_limits() -> None:
    left = gaze_actions(SIDE_DEG, 0.0)
    assert (left["eyeLookOutLeft"], left["eyeLookInRight"]) == (1.0, 1.0)
    assert left["eyeLookInLeft"] == left["eyeLookOutRight"] == 0.0
    assert gaze_actions(0.0, UP_DEG)["eyeLookUpLeft"] == 1.0
    assert gaze_actions(0.0, -DOWN_DEG)["eyeLookDownRight"] == 1.0


def test_contradictions_settle() -> None:
    face = {"jawLeft": 0.8, "jawRight": 0.3, "mouthClose": 0.9, "jawOpen": 0.2, "eyeBlinkLeft": 1.0, "eyeWideLeft": 0.7}
    out = settled({name: np.array(value) for name, value in face.items()})
    assert out["jawRight"] == 0.0
    assert out["jawLeft"] == 0.8
    assert out["mouthClose"] == 0.2
    assert out["eyeWideLeft"] == 0.0


def test_manners_differ_and_lean_to_one_side() -> None:
    manners = [draw_manner(np.random.default_rng(seed)) for seed in range(60)]
    assert np.std([each.jaw for each in manners]) > 0.08
    assert np.corrcoef([each.jaw for each in manners], [each.lips for each in manners])[0, 1] > 0.5
    smile = {"mouthSmileLeft": np.ones(3) * 0.5, "mouthSmileRight": np.ones(3) * 0.5, "eyeBlinkLeft": np.ones(3)}
    leaning = skewed(smile, Manner(skew=(0, 0, 0, 0, 0.1, 0)))
    assert leaning["mouthSmileLeft"][0] == pytest.approx(0.55)
    assert leaning["mouthSmileRight"][0] == pytest.approx(0.45)
    assert leaning["eyeBlinkLeft"][0] == 1.0


def test_babble_is_quiet_and_sounds_while_the_mouth_is_open() -> None:
    speech = babble(np.random.default_rng(0), 8.0)
    assert speech.seconds == pytest.approx(8.0, abs=0.01)
    assert 0.05 < float(np.abs(speech.samples).max()) <= 0.13
    vowels = [each for each in speech.phonemes if each.symbol == "A:"]
    pauses = [each for each in speech.phonemes if each.symbol == PAUSE and each.end_s - each.start_s > 0.2]
    loud, quiet = (
        speech.loudness(np.array([(each.start_s + each.end_s) / 2 for each in some])) for some in (vowels, pauses)
    )
    assert loud.min() > 5 * quiet.max()


def test_silence_put_in_moves_what_follows_and_only_that() -> None:
    speech = _said("A:", "p")
    later = delayed(speech, [(0.25, 1.0)])
    assert later.seconds == pytest.approx(speech.seconds + 1.0)
    assert later.phonemes[0].start_s == 0.0
    assert later.phonemes[0].end_s == pytest.approx(1.5)
    assert later.phonemes[1].start_s == pytest.approx(1.5)
    assert later.resampled(4000, 2.0).shape == (8000,)
    assert not later.samples[8000 // 4 + 1 : 8000].any()
