"""What is known of one user's face: how it rests and how far it goes, so that rest is rest and a blink closes.

`Calibration.apply` straightens the user's blendshapes; landmarks stay as they were measured, and an engine that works
on landmarks takes `neutral` and the eyelids' range from here. `calibration_recorder` makes one before a camera.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from mien.realtime.errors import ConfigError
from mien.realtime.face import BLENDSHAPE_INDEX, BLENDSHAPE_NAMES, LANDMARK_COUNT, Face, Neutral
from mien.realtime.frame import Floats, FrameError

VERSION: Final = 1
MAX_FILE_BYTES: Final = 256 * 1024
#: Groups of channels that share a gain and a dead zone, by the beginning of the channel's name. Gaze is in none:
#: where a user looks at rest is not an expression.
GROUPS: Final = MappingProxyType(
    {
        "brows": ("brow",),
        "eyes": ("eyeBlink", "eyeSquint", "eyeWide"),
        "mouth": ("mouth",),
        "jaw": ("jaw",),
        "cheeks": ("cheek", "noseSneer"),
    }
)
#: Least way from rest to full reach, so that a channel is never amplified more than about threefold.
MIN_WAY: Final = 0.3
MAX_GAIN: Final = 3.0
MAX_DEAD_ZONE: Final = 0.3


@dataclass(frozen=True, slots=True)
class GroupTuning:
    """How a group of channels answers: `gain` 0 to 3, `dead_zone` 0 to 0.3 of the score above rest."""

    gain: float = 1.0
    dead_zone: float = 0.04

    def __post_init__(self) -> None:
        if not 0.0 <= self.gain <= MAX_GAIN:
            raise ConfigError(f"calibration: gain must be 0 to {MAX_GAIN}, got {self.gain}.")
        if not 0.0 <= self.dead_zone <= MAX_DEAD_ZONE:
            raise ConfigError(f"calibration: dead_zone must be 0 to {MAX_DEAD_ZONE}, got {self.dead_zone}.")


@dataclass(frozen=True, eq=False)
class Calibration:
    """One user's rest and range.

    Attributes:
        neutral: the face at rest.
        reach: the score of each channel at the user's fullest expression, 0..1 (98th percentile); a channel that is
            missing keeps the model's own full scale.
        eyelid_open: gap between the lids over the eye's width at rest, mean of both eyes.
        eyelid_closed: the same with the eyes closed.
        groups: a tuning for each of `GROUPS`; missing ones are the default.

    """

    neutral: Neutral
    reach: dict[str, float]
    eyelid_open: float
    eyelid_closed: float
    groups: dict[str, GroupTuning] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, score in self.reach.items():
            if name not in BLENDSHAPE_INDEX or _group_of(name) is None:
                raise ConfigError(f"calibration: reach has no channel {name!r}.")
            if not 0.0 <= score <= 1.0:
                raise ConfigError(f"calibration: reach of {name} must be 0 to 1, got {score}.")
        for name in self.groups:
            if name not in GROUPS:
                raise ConfigError(f"calibration: unknown group {name!r}. Known: {', '.join(GROUPS)}.")
        if not 0.0 <= self.eyelid_closed < self.eyelid_open <= 2.0:
            raise ConfigError(
                "calibration: eyelid_closed must be below eyelid_open, both 0 to 2; "
                f"got {self.eyelid_closed} and {self.eyelid_open}."
            )

    def apply(self, face: Face) -> Face:
        """Give `face` with straightened blendshapes and the calibrated neutral; its landmarks are untouched.

        Each channel rises evenly from 0, at the user's rest plus the dead zone, to its group's gain at the user's
        full reach: never falls as the score rises, never jumps.
        """
        return replace(face, blendshapes=self._straighten(face.blendshapes), neutral=self._rest)

    @cached_property
    def _rest(self) -> Neutral:
        # At rest by the straightened numbers too: an engine that subtracts it must not subtract it twice.
        return replace(self.neutral, blendshapes=self._straighten(self.neutral.blendshapes))

    def _straighten(self, scores: Floats) -> Floats:
        begin, slope = self._lines
        straight: Floats = np.clip((scores - begin) * slope, np.float32(0.0), np.float32(1.0))
        return straight

    @cached_property
    def _lines(self) -> tuple[Floats, Floats]:
        """(52,) where each channel begins, and how steeply it rises."""
        begin = np.zeros(len(BLENDSHAPE_NAMES), np.float32)
        slope = np.ones(len(BLENDSHAPE_NAMES), np.float32)
        for index, name in enumerate(BLENDSHAPE_NAMES):
            group = _group_of(name)
            if group is None:
                continue
            tuning = self.groups.get(group, GroupTuning())
            begin[index] = min(float(self.neutral.blendshapes[index]) + tuning.dead_zone, 1.0 - MIN_WAY)
            slope[index] = tuning.gain / max(self.reach.get(name, 1.0) - float(begin[index]), MIN_WAY)
        return begin, slope

    def save(self, path: Path) -> None:
        """Write the file, readable by its owner alone: it describes a face. Raises `ConfigError` when it cannot."""
        document = {
            "version": VERSION,
            "neutral": {
                "shape": self.neutral.shape.astype(float).round(4).tolist(),
                "blendshapes": _by_name(self.neutral.blendshapes),
            },
            "reach": {name: round(score, 4) for name, score in self.reach.items()},
            "eyelid_open": round(self.eyelid_open, 4),
            "eyelid_closed": round(self.eyelid_closed, 4),
            "groups": {
                name: {"gain": tuning.gain, "dead_zone": tuning.dead_zone} for name, tuning in self.groups.items()
            },
        }
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # mkstemp gives the owner alone access; the rename leaves an older file whole if the disk is full.
            handle, part = tempfile.mkstemp(dir=path.parent, prefix=".calibration-")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(document, file)
            Path(part).replace(path)
        except OSError as error:
            raise ConfigError(
                f"the calibration cannot be written to {path} ({error.strerror}).", hint="Choose another folder."
            ) from error

    @classmethod
    def load(cls, path: Path) -> Calibration:
        """Read and check a file of `save`; raises `ConfigError` that names what is wrong in it."""
        document = _read(path)
        try:
            return _parse(document)
        except (ConfigError, FrameError, KeyError, TypeError, ValueError) as error:
            what = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
            raise ConfigError(f"{path.name}: {what}", hint="Run `mien calibrate` to make a new one.") from error


def _read(path: Path) -> dict[str, Any]:
    hint = "Run `mien calibrate` to make a new one."
    try:
        # To open a pipe would wait for ever, and a device has no end.
        if path.exists() and not path.is_file():
            raise ConfigError(f"the calibration {path} is not a regular file.", hint=hint)
        with path.open("rb") as file:
            text = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"the calibration {path} cannot be read ({error.strerror}).", hint=hint) from error
    if len(text) > MAX_FILE_BYTES:
        raise ConfigError(f"{path.name}: larger than {MAX_FILE_BYTES} bytes.", hint=hint)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path.name}: is not JSON ({error}).", hint=hint) from error
    if not isinstance(document, dict) or document.get("version") != VERSION:
        got = document.get("version") if isinstance(document, dict) else None
        raise ConfigError(f"{path.name}: is version {got!r}, this program reads version {VERSION}.", hint=hint)
    return document


def _parse(document: dict[str, Any]) -> Calibration:
    unknown = set(document) - {"version", "neutral", "reach", "eyelid_open", "eyelid_closed", "groups"}
    if unknown:
        raise ConfigError(f"unknown key {min(unknown)!r}.")
    shape = np.array(document["neutral"]["shape"], np.float32)
    if shape.shape != (LANDMARK_COUNT, 3) or not np.isfinite(shape).all() or np.abs(shape).max() > 100.0:
        raise ConfigError(f"neutral.shape must be {LANDMARK_COUNT} finite points in head space, got {shape.shape}.")
    resting = document["neutral"]["blendshapes"]
    scores = np.array([_number(resting, name) for name in BLENDSHAPE_NAMES], np.float32)
    if scores.min() < 0.0 or scores.max() > 1.0:
        raise ConfigError("neutral.blendshapes must be 0 to 1.")
    return Calibration(
        neutral=Neutral(shape, scores),
        reach={name: _number(document["reach"], name) for name in document["reach"]},
        eyelid_open=_number(document, "eyelid_open"),
        eyelid_closed=_number(document, "eyelid_closed"),
        groups={
            name: GroupTuning(gain=_number(group, "gain"), dead_zone=_number(group, "dead_zone"))
            for name, group in document["groups"].items()
        },
    )


def _number(table: dict[str, Any], key: str) -> float:
    value = table[key]
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise ConfigError(f"{key} must be a number, got {value!r}.")
    return float(value)


def _group_of(channel: str) -> str | None:
    return next((name for name, starts in GROUPS.items() if channel.startswith(starts)), None)


def _by_name(scores: Floats) -> dict[str, float]:
    return {name: round(float(score), 4) for name, score in zip(BLENDSHAPE_NAMES, scores, strict=True)}
