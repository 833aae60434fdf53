"""Speech by espeak-ng: the phonemes' times against the sound itself."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from mien.engines.cast.motion import speech as module
from mien.engines.cast.motion.performance import perform
from mien.engines.cast.motion.phonemes import PAUSE
from mien.engines.cast.motion.speech import Speech, Voice, draw_voice, require_espeak, speak
from mien.realtime.errors import ConfigError, MissingExtraError

SCRIPT = "My puppy bit Peter's apple. Sue sees five ships; a fat judge chews maple."


def _needs_espeak() -> None:
    try:
        require_espeak()
    except MissingExtraError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def said() -> Speech:
    _needs_espeak()
    return speak(SCRIPT)


def _pieces(said: Speech, *symbols: str) -> list[np.ndarray]:
    """The inner part of each such sound, its borders left out."""
    out = []
    for each in said.phonemes:
        if each.symbol in symbols:
            margin = 0.2 * (each.end_s - each.start_s)
            low, high = (round(t * said.rate_hz) for t in (each.start_s + margin, each.end_s - margin))
            out.append(said.samples[low:high])
    assert out
    return out


def _level(piece: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(piece, dtype=np.float64))))


def _high_share(piece: np.ndarray, rate_hz: int) -> float:
    """Share of the energy above 3 kHz."""
    power = np.abs(np.fft.rfft(piece * np.hanning(len(piece)))) ** 2
    return float(power[np.fft.rfftfreq(len(piece), 1 / rate_hz) > 3000].sum() / power.sum())


def test_times_run_without_gaps_to_the_end(said: Speech) -> None:
    assert said.phonemes[0].start_s == 0.0
    for before, after in zip(said.phonemes[:-1], said.phonemes[1:], strict=True):
        assert before.end_s == pytest.approx(after.start_s)
        assert before.start_s < before.release_s <= before.end_s
    assert said.phonemes[-1].end_s == pytest.approx(said.seconds)
    assert said.samples.dtype == np.float32
    assert {"p", "V", "i", "b", "s", "u:", "tS"} <= {each.symbol for each in said.phonemes}


def test_hisses_hiss_and_vowels_do_not(said: Speech) -> None:
    hisses = [_high_share(piece, said.rate_hz) for piece in _pieces(said, "s", "S")]
    vowels = [_high_share(piece, said.rate_hz) for piece in _pieces(said, "u:", "V", "aI", "E")]
    assert min(hisses) > 0.5
    assert max(vowels) < 0.2


def test_pauses_are_silent_and_stressed_vowels_loud(said: Speech) -> None:
    loudest = np.median([_level(piece) for piece in _pieces(said, "aI", "V", "i:", "u:")])
    # A sound rings on for some hundredth of a second into a pause.
    rests = [piece[len(piece) // 2 :] for piece in _pieces(said, PAUSE)]
    assert max(map(_level, rests)) < 0.03 * loudest


def test_the_closure_of_a_voiceless_stop_is_quiet_and_its_burst_comes_at_the_release(said: Speech) -> None:
    loudest = float(np.abs(said.samples).max())
    stops = [each for each in said.phonemes if each.symbol == "p"]
    assert len(stops) >= 5
    for each in stops:
        assert each.release_s - each.start_s >= 0.03
        inside = said.samples[round((each.release_s - 0.025) * said.rate_hz) : round(each.release_s * said.rate_hz)]
        assert float(np.abs(inside).max()) < 0.12 * loudest
    bursts = [
        _level(said.samples[round(t * said.rate_hz) : round((t + 0.02) * said.rate_hz)])
        / (_level(said.samples[round((t - 0.02) * said.rate_hz) : round((t - 0.004) * said.rate_hz)]) + 1e-6)
        for t in (each.release_s for each in stops)
    ]
    assert np.median(bursts) > 3


def test_the_same_text_gives_the_same_sound(said: Speech) -> None:
    again = speak(SCRIPT)
    assert np.array_equal(said.samples, again.samples)
    assert said.phonemes == again.phonemes


def test_women_and_men_and_ages_sound_different() -> None:
    _needs_espeak()

    def pitch_hz(voice: Voice) -> float:
        found = speak("Oh no, oh my, all you.", voice)
        frames = [found.samples[k : k + 1024] for k in range(0, len(found.samples) - 1024, 512)]
        frames = [each - each.mean() for each in frames if each.std() > 0.05]
        lags = [
            int(np.correlate(each, each, "full")[1023 + found.rate_hz // 350 : 1023 + found.rate_hz // 65].argmax())
            for each in frames
        ]
        return found.rate_hz / (float(np.median(lags)) + found.rate_hz // 350)

    assert pitch_hz(Voice(variant="f3")) > 1.5 * pitch_hz(Voice(variant="m3"))
    drawn = [draw_voice(np.random.default_rng(k), gender=1.0, age=age) for age in (0.0, 1.0) for k in range(20)]
    assert all(each.variant.startswith("m") for each in drawn)
    assert np.mean([v.words_per_minute for v in drawn[:20]]) > np.mean([v.words_per_minute for v in drawn[20:]]) + 15
    assert speak("Hello there.", Voice(words_per_minute=220)).seconds < speak("Hello there.").seconds


def test_a_script_is_performed_with_its_sound() -> None:
    _needs_espeak()
    script = "Hello, I am nobody. Papa made a big pumpkin pie. Bye now!"
    performance, speech = perform(4, 13.0, 30, script=script)
    assert len(performance.times) == 390
    assert speech.seconds == pytest.approx(13.0, abs=0.01)
    for each in speech.phonemes:
        if each.symbol == "p":
            inside = (performance.times >= each.start_s) & (performance.times <= each.release_s)
            gap = performance.actions["jawOpen"] - performance.actions["mouthClose"]
            assert np.all(gap[inside] < 0.03)
    free, _ = perform(4, None, 30, script=script)
    assert 3.0 < free.times[-1] < 10.0
    with pytest.raises(ConfigError, match=r"takes \d+\.\d s and the clip is 1\.0 s"):
        perform(4, 1.0, 30, script=script)


def test_what_cannot_be_said_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="nothing to say"):
        speak("  ")
    with pytest.raises(ConfigError, match="no espeak name"):
        Voice(language="../x")
    with pytest.raises(ConfigError, match="words_per_minute is 20"):
        Voice(words_per_minute=20)
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    monkeypatch.setattr(module, "find_library", lambda name: None)
    with pytest.raises(MissingExtraError, match="pip install espeakng-loader"):
        speak("Hello.")


def test_a_voice_that_is_not_there_is_told() -> None:
    _needs_espeak()
    with pytest.raises(ConfigError, match=r"no voice 'zz\+f3'"):
        speak("Hello.", Voice(language="zz"))
