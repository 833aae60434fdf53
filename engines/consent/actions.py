"""What a face does, in the few numbers that a live enrolment asks about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from mien.engines.consent.record import Action
from mien.engines.swapnet.code import upright_angles
from mien.realtime.face import Face
from mien.realtime.head import fit_head

#: From here on an action was made: degrees, or blendshape above the person's own rest. A glance or a smirk is less.
_TURN_DEG: Final = 15.0
_LOOK_UP_DEG: Final = 9.0
_SMILE: Final = 0.35
_OPEN: Final = 0.3
_CLOSED: Final = 0.35
#: And so far at most from rest.
_REST_DEG: Final = 8.0
_REST: Final = 0.2
#: Facing the camera well enough to be compared with a portrait, degrees from rest.
_FRONTAL_DEG: Final = 12.0
#: Two lids that stay down longer are not blinking.
_BLINK_MS: Final = 1000

PROMPTS: Final[dict[Action, str]] = {
    "turn-left": "Turn your head to your left, and back.",
    "turn-right": "Turn your head to your right, and back.",
    "look-up": "Lift your chin, and come back.",
    "blink-twice": "Blink twice.",
    "smile": "Smile, and relax.",
    "open-mouth": "Open your mouth, and close it.",
}


@dataclass(frozen=True, slots=True)
class Posture:
    """A face's yaw (to the person's left) and pitch (up), degrees, and three scores, 0..1."""

    yaw: float
    pitch: float
    closed: float
    smile: float
    jaw: float

    @classmethod
    def of(cls, face: Face) -> Posture:
        """Measure a face; raises `FrameError` where its landmarks are none."""
        yaw, pitch = upright_angles(fit_head(face.landmarks))
        return cls(
            float(yaw),
            float(pitch),
            # The lesser of the two: a wink is no blink.
            min(face.blendshape("eyeBlinkLeft"), face.blendshape("eyeBlinkRight")),
            (face.blendshape("mouthSmileLeft") + face.blendshape("mouthSmileRight")) / 2,
            face.blendshape("jawOpen"),
        )

    @classmethod
    def middle(cls, seen: Sequence[Posture]) -> Posture:
        """The median of several."""
        rows = np.array([(one.yaw, one.pitch, one.closed, one.smile, one.jaw) for one in seen])
        return cls(*(float(value) for value in np.median(rows, axis=0)))

    def since(self, rest: Posture) -> Posture:
        """What it is apart from rest."""
        return Posture(
            self.yaw - rest.yaw,
            self.pitch - rest.pitch,
            self.closed - rest.closed,
            self.smile - rest.smile,
            self.jaw - rest.jaw,
        )

    @property
    def frontal(self) -> bool:
        """Whether the head is where it rests, of a posture since rest."""
        return abs(self.yaw) < _FRONTAL_DEG and abs(self.pitch) < _FRONTAL_DEG

    @property
    def resting(self) -> bool:
        """Whether nothing is being done, of a posture since rest."""
        still = abs(self.yaw) < _REST_DEG and abs(self.pitch) < _REST_DEG
        return still and max(self.smile, self.jaw, self.closed) < _REST

    def does(self, action: Action) -> bool:
        """Whether an action is at its height, of a posture since rest. "blink-twice" is `Blinks`' to count."""
        return {
            "turn-left": self.yaw > _TURN_DEG,
            "turn-right": self.yaw < -_TURN_DEG,
            "look-up": self.pitch > _LOOK_UP_DEG,
            "smile": self.smile > _SMILE,
            "open-mouth": self.jaw > _OPEN,
        }.get(action, False)


class Blinks:
    """Counts lids that close and open again."""

    def __init__(self) -> None:
        self.count = 0
        self._closed_ms: int | None = None

    def add(self, posture: Posture, at_ms: int) -> None:
        """Take the next posture since rest."""
        if posture.closed > _CLOSED:
            self._closed_ms = at_ms if self._closed_ms is None else self._closed_ms
        elif posture.closed < _REST and self._closed_ms is not None:
            self.count += at_ms - self._closed_ms <= _BLINK_MS
            self._closed_ms = None
