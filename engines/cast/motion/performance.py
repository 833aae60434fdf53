"""A performance: what a person's face, head and eyes do over time, written from a seed and, if given, a script."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mien.engines.cast.motion.babble import babble
from mien.engines.cast.motion.blinks import draw_blinks, lids
from mien.engines.cast.motion.emotion import MICRO, Mood, feel, tremor
from mien.engines.cast.motion.gaze import Fixation, draw_fixations, look, shifts
from mien.engines.cast.motion.head import Gesture, beat, move, nod
from mien.engines.cast.motion.manner import Manner, draw_manner, skewed
from mien.engines.cast.motion.phonemes import PAUSE
from mien.engines.cast.motion.speech import Speech, Voice, delayed, draw_voice, speak
from mien.engines.cast.motion.tracks import Floats, Tracks, add, settled
from mien.engines.cast.motion.visemes import mouth
from mien.realtime.errors import ConfigError

#: Silence before and after the speech.
_LEAD_S, _REST_S = 0.5, 0.7
#: Clips as long as this show the whole range of the face and the head.
_WHOLE_RANGE_S = 12.0
#: A pause as long as this ends a phrase.
_PHRASE_GAP_S = 0.16
_LONGEST_GAP_S = 1.6


@dataclass(frozen=True, slots=True, eq=False)
class Performance:
    """Sampled motion.

    Attributes:
        times: (N,) s.
        actions: names to (N,) weights 0..1; without the eyeLook* ones, which follow from `gaze`.
        yaw, pitch, roll: (N,) degrees of the head (see `pose.HeadPose`).
        gaze: (N, 2) degrees of the eyes in the head, yaw and pitch.
        sway: (N, 3) m.

    """

    times: Floats
    actions: Tracks
    yaw: Floats
    pitch: Floats
    roll: Floats
    gaze: Floats
    sway: Floats


@dataclass(slots=True)
class _Plan:
    """What happens when: filled step by step, then played."""

    moods: list[Mood] = field(default_factory=list)
    gestures: list[Gesture] = field(default_factory=list)
    looks: list[Fixation] = field(default_factory=list)


def perform(
    seed: int, seconds: float | None, fps: int, *, script: str | None = None, voice: Voice | None = None,
    gender: float = 0.0, age: float = 0.3, manner: Manner | None = None,
) -> tuple[Performance, Speech]:  # fmt: skip
    """Talk, smile, blink, look and turn for a while; the same arguments give the same numbers.

    A clip of 12 s or more has the whole range in it: a look to each side, nods, tilts, two smiles (the second laughs),
    raised and lowered brows.

    Args:
        seed: of every choice.
        seconds: how long; None for as long as the script takes.
        fps: samples a second.
        script: what is said, by espeak-ng; without one the person babbles.
        voice: espeak's; drawn for `gender` and `age` (as in `Look`) if not given.
        gender: 0 female to 1 male.
        age: 0 young to 1 old.
        manner: how this person moves; drawn from the seed if not given.

    Returns:
        The motion, and the sound, which is at least as long.

    Raises:
        ConfigError: the script takes longer than `seconds`, neither is given, or not one frame fits.
        MissingExtraError: there is a script and no espeak-ng.

    """
    rng = np.random.default_rng((seed, 0x307))
    manner = manner or draw_manner(np.random.default_rng((seed, 0x3A2)))
    speech = _speech(rng, seconds, script, voice or draw_voice(rng, gender=gender, age=age), gender)
    seconds = speech.seconds if seconds is None else seconds
    if seconds * fps < 1:
        raise ConfigError(f"A performance of {seconds} s at {fps} fps has no frame.")
    times = np.arange(round(seconds * fps)) / fps
    phrases = _phrases(speech)
    plan = _whole_range(rng, seconds, phrases) if seconds >= _WHOLE_RANGE_S else _some(rng, seconds)
    _accompany(rng, plan, speech, seconds)
    head = move(rng, times, [_scaled(each, manner.head) for each in plan.gestures], liveliness=manner.head)
    fixations = draw_fixations(rng, seconds, phrases, plan.looks)
    cues = [(when, float(np.clip(size / 45.0, 0.0, 0.7))) for when, size in shifts(fixations)]
    cues += [(end + 0.08, 0.4) for _, end in phrases]
    blink = lids(draw_blinks(rng, seconds, cues, rate=manner.blink), times)
    actions = skewed(_face(rng, times, speech, plan, manner), manner)
    add(actions, {"eyeBlinkLeft": blink, "eyeBlinkRight": blink * (1.0 - 0.02 * rng.random())})
    performance = Performance(
        times=times, actions=settled(actions), yaw=head.angles[:, 0], pitch=head.angles[:, 1], roll=head.angles[:, 2],
        gaze=look(rng, times, fixations, head.angles[:, :2]), sway=head.sway,
    )  # fmt: skip
    return performance, speech


def _speech(rng: np.random.Generator, seconds: float | None, script: str | None, voice: Voice, gender: float) -> Speech:
    if script is None:
        if seconds is None:
            raise ConfigError("A performance without a script needs a length in seconds.")
        inner = babble(rng, max(0.5, seconds - _LEAD_S), pitch_hz=185.0 - 70.0 * gender)
        return delayed(inner, [(0.0, _LEAD_S)])
    speech = delayed(speak(script, voice), [(0.0, _LEAD_S)])
    if seconds is None:
        return delayed(speech, [(speech.seconds, _REST_S)])
    said = speech.phonemes[-1].start_s if speech.phonemes[-1].symbol == PAUSE else speech.seconds
    spare = seconds - _REST_S - said
    if spare < -_REST_S:
        raise ConfigError(
            f"The script takes {said:.1f} s and the clip is {seconds:.1f} s.", hint="Make it longer, or say less."
        )
    # What is left over goes into the pauses between sentences, as far as it sounds natural.
    pauses = [each for each in speech.phonemes[1:-1] if each.symbol == PAUSE and each.end_s - each.start_s > 0.2]
    if pauses and spare > 0:
        share = min(_LONGEST_GAP_S, spare / len(pauses))
        speech = delayed(speech, [((each.start_s + each.end_s) / 2, share * rng.uniform(0.6, 1.0)) for each in pauses])
    return delayed(speech, [(speech.seconds, max(0.0, seconds - speech.seconds))])


def _phrases(speech: Speech) -> list[tuple[float, float]]:
    """(start, end) of what is said between pauses."""
    out: list[tuple[float, float]] = []
    for each in speech.phonemes:
        if each.symbol == PAUSE:
            continue
        if out and each.start_s - out[-1][1] < _PHRASE_GAP_S:
            out[-1] = (out[-1][0], each.end_s)
        else:
            out.append((each.start_s, each.end_s))
    return out


def _whole_range(rng: np.random.Generator, seconds: float, phrases: list[tuple[float, float]]) -> _Plan:
    """Everything once; smiles and the laugh move into a pause nearby, so that speech does not swallow them."""

    def at(share: float) -> float:
        return seconds * (share + float(rng.uniform(-0.012, 0.012)))

    def in_pause(share: float) -> float:
        ends = [end for _, end in phrases if abs(end / seconds - share) < 0.07]
        return min(ends, key=lambda end: abs(end - share * seconds)) - 0.25 if ends else at(share)

    side = float(rng.choice((-1.0, 1.0)))
    plan = _Plan()
    plan.moods += [
        Mood("interest", at(0.13), 0.25, 0.5, 0.6, 1.4), Mood("smile", in_pause(0.29), 0.45, 1.0, 0.9, 1.2),
        Mood("thinking", at(0.43), 0.35, 0.5, 0.5, 0.8), Mood("surprise", at(0.62), 0.18, 0.35, 0.6, 0.85),
        Mood("laugh", in_pause(0.80), 0.35, 0.9, 1.0, 1.0),
    ]  # fmt: skip
    first, second = at(0.365), at(0.50)
    first_s, second_s = 0.075 * seconds, 0.065 * seconds
    glance, rest = at(0.055), at(0.925)
    plan.gestures += [
        Gesture(first, first_s, yaw=27.0 * side, pitch=-2.0, rise_s=0.3),
        Gesture(second, second_s, yaw=-27.0 * side, roll=-2.0 * side, rise_s=0.35),
        *nod(at(0.66), 11.0), Gesture(at(0.725), 0.6, pitch=9.0, rise_s=0.25),
        Gesture(at(0.21), 0.9, roll=12.0 * side, rise_s=0.3), Gesture(at(0.87), 0.9, roll=-11.0 * side, rise_s=0.3),
    ]  # fmt: skip
    # On the first look the eyes lead and go along; on the second they stay near the camera, by the reflex.
    plan.looks += [
        Fixation(glance, 16.5 * side, 1.0, 0.6), Fixation(glance + 0.6, -16.5 * side, -1.0, 0.6),
        Fixation(first - 0.1, 36.0 * side, -3.0, first_s + 0.3), Fixation(second + 0.1, -10.0 * side, 0.0, second_s),
        Fixation(rest, 2.0, 9.0, 0.55), Fixation(rest + 0.55, 0.0, -12.0, 0.5),
    ]  # fmt: skip
    return plan


def _some(rng: np.random.Generator, seconds: float) -> _Plan:
    """A short clip: one mood, and a turn or a tilt."""
    plan = _Plan()
    start = float(rng.uniform(0.15, 0.5)) * seconds
    plan.moods.append(Mood(str(rng.choice(("smile", "joy", "interest", "surprise", "thinking"))), start))
    yaw, pitch, roll = (float(x) for x in rng.normal(0.0, (12.0, 5.0, 5.0)))
    plan.gestures.append(Gesture(float(rng.uniform(0.1, 0.6)) * seconds, 0.8, yaw, pitch, roll, 0.25))
    return plan


def _accompany(rng: np.random.Generator, plan: _Plan, speech: Speech, seconds: float) -> None:
    """Nods and brows on stressed syllables, micro-expressions between."""
    last = -1.0
    for each in speech.phonemes:
        if each.stress == 2 and each.start_s - last > 0.45 and rng.random() < 0.6:
            last = each.start_s
            strength = float(rng.uniform(0.4, 1.2))
            plan.gestures.append(beat(rng, each.start_s, strength))
            if rng.random() < 0.35:
                plan.moods.append(Mood("interest", each.start_s - 0.12, 0.16, 0.08, 0.3, 0.55 * strength))
    now = float(rng.exponential(3.0))
    while now < seconds - 0.6:
        length = float(rng.uniform(0.08, 0.2))
        plan.moods.append(Mood(str(rng.choice(MICRO)), now, length, 0.05, length, float(rng.uniform(0.15, 0.4))))
        now += 1.0 + float(rng.exponential(3.5))


def _face(rng: np.random.Generator, times: Floats, speech: Speech, plan: _Plan, manner: Manner) -> Tracks:
    talk = mouth(speech, times, manner)
    mood = feel(rng, times, plan.moods, strength=manner.face)
    sealed = np.clip(talk.get("mouthPressLeft", np.zeros_like(times)) / 0.26, 0.0, 1.0)
    # A laugh does not open lips that a closure shuts, and pursed lips do not smile.
    for name in ("jawOpen", "mouthUpperUpLeft", "mouthUpperUpRight", "mouthLowerDownLeft", "mouthLowerDownRight"):
        if name in mood:
            mood[name] = mood[name] * (1.0 - 0.9 * sealed)
    out: Tracks = {}
    for part in (talk, mood, tremor(rng, times)):
        add(out, part)
    if "mouthClose" in talk:
        out["mouthClose"] = out["jawOpen"] * sealed
    return out


def _scaled(gesture: Gesture, by: float) -> Gesture:
    """Only small gestures vary with the manner: the whole range must stay whole."""
    if max(abs(gesture.yaw), abs(gesture.pitch), abs(gesture.roll)) > 8.0:
        return gesture
    return Gesture(
        gesture.start_s, gesture.hold_s, gesture.yaw * by, gesture.pitch * by, gesture.roll * by, gesture.rise_s
    )
