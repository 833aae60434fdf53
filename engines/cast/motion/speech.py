"""Text to sound and phonemes with exact times, by espeak-ng (GPL-3.0, optional, run in a process of its own)."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from ctypes.util import find_library
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

import numpy as np

from mien.engines.cast.motion.phonemes import Phoneme, Samples, timed
from mien.engines.cast.motion.tracks import Floats
from mien.realtime.errors import ConfigError, EngineError, MissingExtraError

_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True, eq=False)
class Speech:
    """Sound and what is said in it.

    Attributes:
        samples: (N,) float32 mono, -1..1.
        rate_hz: of the samples.
        phonemes: in order, without gaps between the first and the last.

    """

    samples: Samples
    rate_hz: int
    phonemes: tuple[Phoneme, ...]

    @property
    def seconds(self) -> float:
        """How long the sound is."""
        return len(self.samples) / self.rate_hz

    def resampled(self, rate_hz: int, seconds: float) -> Samples:
        """(round(seconds * rate_hz),) float32: the sound at another rate, cut or padded with silence; linear.

        Linear interpolation folds back what lies above half the rate; upwards, as a clip's sound goes, only its
        images remain, some 30 dB down and above 11 kHz.
        """
        at = np.arange(round(seconds * rate_hz)) * (self.rate_hz / rate_hz)
        sound = np.interp(at, np.arange(len(self.samples)), self.samples, right=0.0)
        return np.asarray(sound, dtype=np.float32)

    def loudness(self, times: Floats) -> Floats:
        """(N,) root mean square in a window of 40 ms at each time, over the loudest; 0 outside of the sound."""
        power = np.concatenate([[0.0], np.cumsum(self.samples.astype(np.float64) ** 2)])
        half = 0.02
        low, high = (np.clip((times + side) * self.rate_hz, 0, len(power) - 1).astype(int) for side in (-half, half))
        level = np.sqrt(np.maximum(power[high] - power[low], 0.0) / (2 * half * self.rate_hz))
        grid = np.sqrt(np.maximum(np.diff(power[:: max(1, round(2 * half * self.rate_hz))]), 0.0))
        loudest = float(grid.max(initial=0.0)) / np.sqrt(2 * half * self.rate_hz)
        return np.asarray(np.clip(level / max(loudest, 1e-9), 0.0, 1.0))


@dataclass(frozen=True, slots=True)
class Voice:
    """How espeak-ng sounds.

    Attributes:
        language: espeak's name, "en-us", "de", "fr", ...
        variant: of the throat: f1 to f5 women, m1 to m8 men; empty for the plain one.
        pitch: 0..99, 50 is the variant's own.
        spread: of the pitch, 0 monotone to 99.
        words_per_minute: 80..450.

    """

    language: str = "en-us"
    variant: str = "f3"
    pitch: int = 50
    spread: int = 50
    words_per_minute: int = 165

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z]{2,3}(-[a-z0-9-]+)?", self.language) or not re.fullmatch(r"[\w]*", self.variant):
            raise ConfigError(
                f"The voice {self.language!r} with variant {self.variant!r} is no espeak name.",
                hint="Take a language such as en-us and a variant such as f3 or m3.",
            )
        for name, low, high in (("pitch", 0, 99), ("spread", 0, 99), ("words_per_minute", 80, 450)):
            if not low <= getattr(self, name) <= high:
                raise ConfigError(f"A voice's {name} is {getattr(self, name)}; it must be {low} to {high}.")


def draw_voice(rng: np.random.Generator, *, gender: float, age: float) -> Voice:
    """A voice for someone; gender 0 female to 1 male, age 0 young to 1 old, as in `Look`: the old are lower, slower."""
    variants = ("m1", "m2", "m3", "m4", "m7") if gender > 0.5 else ("f1", "f2", "f3", "f4", "f5")
    middle = 46.0 if gender > 0.5 else 52.0
    return Voice(
        variant=variants[int(rng.integers(len(variants)))],
        pitch=int(np.clip(middle - 14.0 * age + rng.normal(0.0, 6.0), 15, 80)),
        spread=int(np.clip(rng.normal(52.0, 12.0), 20, 90)),
        words_per_minute=int(np.clip(172.0 - 28.0 * age + rng.normal(0.0, 9.0), 120, 200)),
    )


def require_espeak() -> tuple[str, str | None]:
    """The library's path, and its data's folder if that is not the library's own default.

    Raises:
        MissingExtraError: neither the package espeakng-loader nor the system's library is there.

    """
    try:
        loader = import_module("espeakng_loader")
    except ModuleNotFoundError as error:
        system = find_library("espeak-ng")
        if system is not None:
            return system, None
        raise MissingExtraError(
            "Speaking a text needs espeak-ng, which is not installed.",
            hint="Install it: pip install espeakng-loader (or, on Debian and Ubuntu, apt install libespeak-ng1).",
        ) from error
    return str(loader.get_library_path()), str(loader.get_data_path())


def speak(text: str, voice: Voice | None = None) -> Speech:
    """Say a text; the same text, voice and library give the same samples.

    Raises:
        ConfigError: the text is empty, or there is no such voice.
        MissingExtraError: espeak-ng is not installed.
        EngineError: it failed.

    """
    if not text.strip():
        raise ConfigError("There is nothing to say: the text is empty.")
    voice = voice or Voice()
    library, data = require_espeak()
    request = {
        "library": library, "data": data, "text": text, "pitch": voice.pitch, "spread": voice.spread,
        "voice": f"{voice.language}+{voice.variant}" if voice.variant else voice.language,
        "rate": voice.words_per_minute,
    }  # fmt: skip
    child = str(Path(__file__).with_name("espeak_child.py"))
    try:
        done = subprocess.run(
            [sys.executable, "-I", child], input=json.dumps(request).encode(), capture_output=True, timeout=_TIMEOUT_S,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise EngineError(f"espeak-ng did not speak {len(text)} letters within {_TIMEOUT_S:.0f} s.") from error
    if done.returncode != 0:
        reason = done.stderr.decode("utf-8", "replace").strip().splitlines() or [f"it ended with {done.returncode}"]
        if done.returncode == 2:
            raise ConfigError(f"espeak-ng cannot do this: {reason[-1]}.", hint="See `espeak-ng --voices`.")
        raise EngineError(f"espeak-ng failed: {reason[-1]}.", hint="Reinstall it: pip install -U espeakng-loader.")
    head, sound = done.stdout.split(b"\n", 1)
    told = json.loads(head)
    samples = (np.frombuffer(sound, "<i2") / 32768.0).astype(np.float32)
    if not told["phonemes"]:
        raise ConfigError(f"There is nothing to say in {text[:40]!r}.")
    phonemes = timed([(int(at), str(name)) for at, name in told["phonemes"]], samples, told["rate_hz"])
    return Speech(samples, told["rate_hz"], phonemes)


def delayed(speech: Speech, gaps: list[tuple[float, float]]) -> Speech:
    """The same with silence put in: (when, how long), s of the speech as it is; what lies there or after moves."""
    pieces: list[Samples] = []
    last = 0
    for when, length in sorted(gaps):
        sample = round(when * speech.rate_hz)
        pieces += [speech.samples[last:sample], np.zeros(round(length * speech.rate_hz), np.float32)]
        last = sample
    samples = np.concatenate([*pieces, speech.samples[last:]])

    def later(time_s: float) -> float:
        return time_s + sum(length for when, length in gaps if when <= time_s)

    phonemes = tuple(
        replace(each, start_s=later(each.start_s), end_s=later(each.end_s), release_s=later(each.release_s))
        for each in speech.phonemes
    )
    return Speech(samples, speech.rate_hz, phonemes)
