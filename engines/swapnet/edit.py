"""Changes to the expression on its way to the persona, within what the network was trained on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final

import numpy as np

from mien.engines.cast.motion.gaze import DOWN_DEG, SIDE_DEG, UP_DEG, gaze_actions
from mien.engines.swapnet.code import ACTIONS, ANGLE_DEG, ANGLES, NAMED, NAMED_INDEX
from mien.realtime.errors import ConfigError
from mien.realtime.frame import Floats


def _both(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}{side}" for name in names for side in ("Left", "Right"))


#: Words for what people mean; any name of `NAMED` may be used too.
GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "smile": _both("mouthSmile"),
    "frown": _both("mouthFrown"),
    "brows": ("browInnerUp", *_both("browOuterUp")),
    "scowl": _both("browDown"),
    "blink": _both("eyeBlink"),
    "wide": _both("eyeWide"),
    "squint": _both("eyeSquint"),
    "jaw": ("jawOpen",),
    "pucker": ("mouthPucker", "mouthFunnel"),
    "mouth": tuple(name for name in ACTIONS if name.startswith(("mouth", "jaw"))),
    "all": ACTIONS,
}
_GAZE = ("gazeYaw", "gazePitch")
#: Gain and offset that the sliders and options go to.
MOST_GAIN, MOST_OFFSET = 2.0, 0.5
#: Least and greatest angles of the trained range, units of `code.ANGLE_DEG`; the cast draws no gaze beyond.
_ANGLES: Final[dict[str, tuple[float, float]]] = {
    "headYaw": (-1.5, 1.5), "headPitch": (-1.5, 1.5), "gazeYaw": (-SIDE_DEG / ANGLE_DEG, SIDE_DEG / ANGLE_DEG),
    "gazePitch": (-DOWN_DEG / ANGLE_DEG, UP_DEG / ANGLE_DEG),
}  # fmt: skip
_LEAST = np.array([0.0] * len(ACTIONS) + [_ANGLES[name][0] for name in ANGLES], np.float32)
_MOST = np.array([1.0] * len(ACTIONS) + [_ANGLES[name][1] for name in ANGLES], np.float32)
_NUMBER = re.compile(r"^([+-]?\d+(?:\.\d+)?)(x?)$")


@dataclass(frozen=True, slots=True)
class CodeEdit:
    """What is done to the named half: times a gain, plus an offset, then kept within the trained range.

    Attributes:
        gains: by name of `NAMED`, 0..2.
        offsets: by name, -0.5..0.5.
        to_camera: the eyes look where the head's turn is undone: into the camera.

    """

    gains: Mapping[str, float] = field(default_factory=dict)
    offsets: Mapping[str, float] = field(default_factory=dict)
    to_camera: bool = False

    def __post_init__(self) -> None:
        for name in (*self.gains, *self.offsets):
            if name not in NAMED_INDEX:
                raise ConfigError(f"There is no expression {name!r}.")
        if any(not 0 <= value <= MOST_GAIN for value in self.gains.values()):
            raise ConfigError(f"A strength is 0x to {MOST_GAIN:g}x.")
        if any(not -MOST_OFFSET <= value <= MOST_OFFSET for value in self.offsets.values()):
            raise ConfigError(f"An offset is -{MOST_OFFSET:g} to +{MOST_OFFSET:g}.")

    def apply(self, named: Floats) -> Floats:
        """A (`NAMED`,) float32 code, changed and bounded; the network's own excess is bounded too."""
        out = named.copy()
        for name, gain in self.gains.items():
            out[NAMED_INDEX[name]] *= gain
        for name, offset in self.offsets.items():
            out[NAMED_INDEX[name]] += offset
        if self.to_camera:
            for gaze, head in zip(_GAZE, ("headYaw", "headPitch"), strict=True):
                out[NAMED_INDEX[gaze]] = np.clip(-out[NAMED_INDEX[head]], *_ANGLES[gaze])
            _look(out)
        clipped: Floats = np.clip(out, _LEAST, _MOST)
        return clipped

    def __bool__(self) -> bool:
        return bool(self.gains or self.offsets or self.to_camera)


def _look(named: Floats) -> None:
    """Set the eyeLook actions as they go with the gaze, in place."""
    for name, value in gaze_actions(*(float(named[NAMED_INDEX[each]]) * ANGLE_DEG for each in _GAZE)).items():
        named[NAMED_INDEX[name]] = value


def parse_edit(text: str) -> CodeEdit:
    """Read ``smile=+0.2,gaze=camera,brows=0.5x``: a signed number is added, a number with x multiplies.

    Raises:
        ConfigError: a part cannot be read, is out of range, or names nothing (the nearest word is named).

    """
    gains: dict[str, float] = {}
    offsets: dict[str, float] = {}
    to_camera = False
    for part in filter(None, (each.strip() for each in text.split(","))):
        word, _, value = (each.strip() for each in part.partition("="))
        if word == "gaze":
            if value != "camera":
                raise ConfigError(f"gaze is {value!r}; it can be `camera`.")
            to_camera = True
            continue
        names = GROUPS.get(word, (word,) if word in NAMED else ())
        if not names:
            near = get_close_matches(word, [*GROUPS, *NAMED], 1, 0.5)
            hint = f"Did you mean {near[0]!r}?" if near else f"Words: gaze, {', '.join(GROUPS)}; or ARKit's names."
            raise ConfigError(f"There is no expression {word!r}.", hint=hint)
        found = _NUMBER.match(value)
        if found is None or (not found[2] and found[1][0] not in "+-"):
            raise ConfigError(f"{part!r} cannot be read.", hint="Write smile=+0.2 to add, or brows=0.5x to multiply.")
        table = gains if found[2] else offsets
        table.update(dict.fromkeys(names, float(found[1])))
    return CodeEdit(gains, offsets, to_camera)
