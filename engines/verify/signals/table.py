"""The one table of signals, and what bare and swapped faces gave (made by benchmarks/detection.py and detector.py)."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

import numpy as np

from mien.engines.verify.signals.blinks import blink_depth, blink_duration, blink_rate
from mien.engines.verify.signals.boundary import boundary_noise, boundary_seam
from mien.engines.verify.signals.compression import blockiness
from mien.engines.verify.signals.frequency import frequency_slope
from mien.engines.verify.signals.jitter import landmark_jitter
from mien.engines.verify.signals.learned import learned_score
from mien.engines.verify.signals.numbers import median_known
from mien.engines.verify.signals.sight import Sights

#: A signal that separates swapped faces from bare ones less well than this, in its worst condition, is not shown.
LEAST_AUC = 0.6


@dataclass(frozen=True, slots=True)
class Signal:
    """One number of a run of sights.

    Attributes:
        name: in JSON.
        title: for people.
        unit: of the number.
        measure: gives it; NaN where a run says nothing.
        digits: after the point, when shown.

    """

    name: str
    title: str
    unit: str
    measure: Callable[[Sights], float]
    digits: int = 2


#: Those whose every step can be read.
PLAIN = (
    Signal("blink_rate", "Blinks", "a minute", blink_rate, 0),
    Signal("blink_depth", "Depth of the blinks", "of a shut eye", blink_depth),
    Signal("blink_duration", "Duration of the blinks", "s", blink_duration),
    Signal("boundary_noise", "Noise inside the face's outline over outside", "dB", boundary_noise),
    Signal("boundary_seam", "Fine detail on the face's outline over beside it", "dB", boundary_seam),
    Signal("frequency_slope", "Fall of the face's spectrum less its surroundings'", "exponent", frequency_slope),
    Signal("landmark_jitter", "Trembling of the rigid face", "thousandths of its width", landmark_jitter),
    Signal("blockiness", "Block edges in the face over outside", "dB", blockiness),
)
#: The one that was learnt; its row is in `detector.json`, made by benchmarks/detector.py.
LEARNED = Signal("learned_detector", "Learned detector's score", "of 1, no probability", learned_score)
SIGNALS = (*PLAIN, LEARNED)


@dataclass(frozen=True, slots=True)
class Reference:
    """What a signal gave on bare and swapped faces.

    Attributes:
        low: 5th percentile of bare faces.
        high: 95th percentile of bare faces.
        auc: least area under the ROC curve of all conditions, on an engine that the direction was not chosen on.

    """

    low: float
    high: float
    auc: float


@dataclass(frozen=True, slots=True)
class Reading:
    """A signal of one file.

    Attributes:
        name: see `Signal`.
        title: see `Signal`.
        unit: see `Signal`.
        value: the median of the file's runs; None where none of them says anything.
        digits: see `Signal`.
        low: see `Reference`.
        high: see `Reference`.
        auc: see `Reference`.

    """

    name: str
    title: str
    unit: str
    value: float | None
    digits: int
    low: float
    high: float
    auc: float


@dataclass(frozen=True, slots=True)
class Signals:
    """The third answer: numbers, and no verdict.

    Attributes:
        state: whether there are any.
        reason: why nothing was measured; empty where something was.
        readings: those signals whose measured AUC is 0.6 or more.
        left_out: names of those whose AUC is less.
        runs: how often a face was followed for a second or more.
        pictures: in which a face was seen.

    """

    state: Literal["measured", "not measured"]
    reason: str = ""
    readings: tuple[Reading, ...] = ()
    left_out: tuple[str, ...] = ()
    runs: int = 0
    pictures: int = 0


@cache
def reference() -> dict[str, Any]:
    """All of `reference.json`: "signals" by name, the learned one's too, and the conditions of the measurement."""
    data, learned = (_read(name) for name in ("reference.json", "detector.json"))
    data["signals"][LEARNED.name] = learned["row"]
    return data


def _read(name: str) -> dict[str, Any]:
    text = resources.files("mien.engines.verify.signals").joinpath(name).read_text(encoding="utf-8")
    data: dict[str, Any] = json.loads(text)
    return data


def reference_of(name: str) -> Reference:
    """What `reference.json` says of one signal."""
    row = reference()["signals"][name]
    return Reference(float(row["low"]), float(row["high"]), float(row["auc"]))


def measure(sights: Sights, signals: Sequence[Signal]) -> dict[str, float]:
    """These signals of one run."""
    return {signal.name: signal.measure(sights) for signal in signals}


def summarise(runs: Sequence[dict[str, float]], pictures: int) -> Signals:
    """What a file's runs, one or more, say together.

    Args:
        runs: what `measure` gave for each, of `shown_signals`.
        pictures: in which a face was seen.

    """
    shown = shown_signals()
    readings = tuple(_reading(signal, [run[signal.name] for run in runs]) for signal in shown)
    left_out = tuple(signal.name for signal in SIGNALS if signal not in shown)
    return Signals("measured", "", readings, left_out, len(runs), pictures)


def unmeasured(reason: str) -> Signals:
    """No numbers, and why."""
    return Signals("not measured", reason)


def shown_signals() -> tuple[Signal, ...]:
    """Those that separate well enough."""
    return tuple(signal for signal in SIGNALS if reference_of(signal.name).auc >= LEAST_AUC)


def _reading(signal: Signal, values: Sequence[float]) -> Reading:
    value, row = median_known(values), reference_of(signal.name)
    known = value if np.isfinite(value) else None
    return Reading(signal.name, signal.title, signal.unit, known, signal.digits, row.low, row.high, row.auc)
