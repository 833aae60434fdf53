"""The live enrolment: somebody does at once, before a camera, what was drawn by lot, and is whom the pictures show.

A pure state machine: fed with what was seen of each frame, it says what to ask, and ends in a `Proof` or in an
`EnrolmentError`. It has no camera and no clock, and keeps no picture and no embedding. What passes is evidence, not
proof: whoever renders a face live could follow the prompts, which is why a virtual camera, our own mark and a second
face are refused. Nothing here or anywhere in Mien makes a face that would pass.

The order: rest for a second (how this face rests), then each of the six actions in an order that a fresh nonce decides,
each after a pause at rest whose length the nonce decides too. An action counts if it comes after it was asked for, not
sooner than anybody could react, and within a few seconds. A wrong action costs a try, and is asked for again.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from mien.engines.consent.actions import PROMPTS, Blinks, Posture
from mien.engines.consent.canonical import canonical
from mien.engines.consent.errors import EnrolmentError
from mien.engines.consent.record import (
    ACTIONS,
    LEAST_ALIKE_EVER_MILLI,
    LEAST_ALIKE_MILLI,
    Action,
    Prompted,
    Proof,
)
from mien.engines.consent.replay import ReplayGuard
from mien.realtime.face import Face
from mien.realtime.frame import Floats

NONCE_BYTES: Final = 16
_SETTLE_MS: Final = 1000
#: How long somebody may take to settle, to follow a prompt, or to come back to rest.
_PATIENCE_MS: Final = 10_000
#: Nobody reacts to a text sooner; who is sooner knew it before.
_SOONEST_MS: Final = 150
_PAUSE_MS: Final = (400, 1200)
_MOST_MISTAKES: Final = 2
#: An action must be seen in so many frames in a row: landmarks slip.
_HELD_FRAMES: Final = 2
#: The face, or all pictures, may be away for so long.
_AWAY_MS: Final = 700
#: A second face is there after so many frames with it; it takes four frames without it to make one good.
_CROWD_FRAMES: Final = 3
_CROWD_FADES: Final = 0.25
#: Comparisons after which somebody else is refused at once.
_TELLING: Final = 6
#: At rest, straight enough into the camera, degrees.
_STRAIGHT_DEG: Final = 20.0

Phase = Literal["settle", "pause", "ask", "return", "done"]


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What was seen of one frame.

    Attributes:
        at_ms: since the first frame.
        faces: all of them, as the tracker gives them.
        small: see `mien.engines.consent.replay.small_grey`.
        similarity: cosine of SFace with the picture that is least alike, where this frame was compared.
        marked: whether the frame carries Mien's own watermark.

    """

    at_ms: int
    faces: tuple[Face, ...]
    small: Floats
    similarity: float | None = None
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """What to tell the person now: a prompt, or nothing; and whether it is over."""

    say: str
    done: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """A passed enrolment.

    Attributes:
        proof: for the record.
        transcript: canonical JSON of what was asked and seen when, whose SHA-256 the proof has.

    """

    proof: Proof
    transcript: bytes


class Enrolment:
    """Feed it every frame, say what it says, and take `result` when it is done. One thread.

    Args:
        nonce: 16 fresh random bytes.
        model: which network compares the faces, for the record.

    """

    def __init__(self, nonce: bytes, *, model: str) -> None:
        if len(nonce) != NONCE_BYTES:
            raise ValueError(f"a nonce has {NONCE_BYTES} bytes, not {len(nonce)}.")
        self._nonce, self._model = nonce, model
        self._lot = random.Random(nonce)
        self._wanted: list[Action] = list(ACTIONS)
        self._lot.shuffle(self._wanted)
        self._guard = ReplayGuard()
        self._phase: Phase = "settle"
        self._since_ms = 0
        self._last_ms: int | None = None
        self._face_ms = 0
        self._crowd = 0.0
        self._track: int | None = None
        self._calm: list[Posture] = []
        self._rest: Posture | None = None
        self._pause_ms = 0
        self._held = 0
        self._blinks = Blinks()
        self._mistakes = 0
        self._compared_now = 0
        self._alike: list[int] = []
        self._done: list[Prompted] = []
        self._asked_ms = 0
        self._events: list[dict[str, object]] = []

    def add(self, seen: Seen) -> Step:
        """Take the next frame.

        Raises:
            EnrolmentError: it failed, and why; nothing that it gave counts.

        """
        if self._phase == "done":
            return Step("", done=True)
        self._check_pictures(seen)
        face = self._only_face(seen)
        if face is None:
            return Step("")
        posture = Posture.of(face)
        if self._rest is None:
            return self._settle(posture, seen.at_ms)
        now = posture.since(self._rest)
        self._compare(now, seen)
        if self._phase == "ask":
            return self._asked(now, seen.at_ms)
        return self._rested(now, seen.at_ms)

    def wants_comparison(self, faces: Sequence[Face]) -> bool:
        """Whether a comparison of this frame would count: one face, turned to the camera."""
        return self._rest is not None and len(faces) == 1 and Posture.of(faces[0]).since(self._rest).frontal

    def result(self) -> Evidence:
        """The evidence; raises `EnrolmentError` before the end."""
        if self._phase != "done":
            raise EnrolmentError("The enrolment was not finished.", hint="Start again.")
        transcript = canonical({"format": 1, "nonce": self._nonce.hex(), "events": self._events})
        proof = Proof(
            method="live-challenge-1",
            nonce=self._nonce.hex(),
            prompts=tuple(self._done),
            transcript=hashlib.sha256(transcript).hexdigest(),
            model=self._model,
            compared=len(self._alike),
            similarity_min_milli=min(self._alike),
            similarity_median_milli=int(np.median(self._alike)),
        )
        return Evidence(proof, transcript)

    # -- what must hold in every frame

    def _check_pictures(self, seen: Seen) -> None:
        if self._last_ms is not None and seen.at_ms - self._last_ms > _AWAY_MS:
            raise EnrolmentError("The pictures stopped for a while.", hint="Close other programs, and start again.")
        self._last_ms = seen.at_ms
        if seen.marked:
            raise EnrolmentError(
                "The picture carries Mien's own mark: it shows a persona, not a person.",
                hint="Enrol before your own camera, with no persona worn.",
            )
        self._guard.add(seen.small, seen.at_ms)

    def _only_face(self, seen: Seen) -> Face | None:
        """The face, or None in a frame that is passed over."""
        self._crowd = self._crowd + 1 if len(seen.faces) > 1 else max(self._crowd - _CROWD_FADES, 0.0)
        if self._crowd >= _CROWD_FRAMES:
            raise EnrolmentError("There is a second face in the picture.", hint="Be alone before the camera.")
        if len(seen.faces) != 1:
            if self._rest is not None and seen.at_ms - self._face_ms > _AWAY_MS:
                raise EnrolmentError("The face left the picture.", hint="Stay in the picture from start to end.")
            if self._rest is None:
                self._check_patience(seen.at_ms, "There was no face in the picture.")
            return None
        face = seen.faces[0]
        self._face_ms = seen.at_ms
        if self._rest is not None and face.track_id != self._track:
            raise EnrolmentError("Another face took the place of the first.", hint="Stay in the picture, and alone.")
        self._track = face.track_id
        return face

    def _compare(self, now: Posture, seen: Seen) -> None:
        if seen.similarity is None or not now.frontal:
            return
        alike = round(seen.similarity * 1000)
        self._alike.append(alike)
        self._compared_now += 1
        self._note(seen.at_ms, "compared", alike)
        if len(self._alike) >= _TELLING:
            self._check_alike()

    def _check_alike(self) -> None:
        median, least = int(np.median(self._alike)), min(self._alike)
        if median < LEAST_ALIKE_MILLI or least < LEAST_ALIKE_EVER_MILLI:
            raise EnrolmentError(
                f"The camera shows somebody else than the pictures (SFace: {median / 1000:.2f} in the middle, "
                f"{least / 1000:.2f} at least; at least {LEAST_ALIKE_MILLI / 1000} and {LEAST_ALIKE_EVER_MILLI / 1000} "
                "are needed).",
                hint="Only the person shown can consent. If you are they: more light from the front, no glasses, or a "
                "picture of today.",
            )

    # -- one phase after the other

    def _settle(self, posture: Posture, at_ms: int) -> Step:
        self._check_patience(at_ms, "The face did not rest.")
        say = "" if self._calm else "Look at the camera with a relaxed face."
        if abs(posture.yaw) > _STRAIGHT_DEG or abs(posture.pitch) > _STRAIGHT_DEG:
            self._calm.clear()
            return Step(say)
        if not self._calm:
            self._asked_ms = at_ms
        self._calm.append(posture)
        if at_ms - self._asked_ms >= _SETTLE_MS:
            self._rest = Posture.middle(self._calm)
            self._pause(at_ms)
        return Step(say)

    def _pause(self, at_ms: int) -> None:
        self._enter("pause", at_ms)
        self._pause_ms = self._lot.randint(*_PAUSE_MS)
        self._asked_ms = at_ms

    def _rested(self, now: Posture, at_ms: int) -> Step:
        """Between two prompts: back to rest, then a pause."""
        self._check_patience(at_ms, "The face did not come back to rest.")
        if not now.resting:
            self._asked_ms = at_ms
            return Step("")
        if self._phase == "return":
            self._pause(at_ms)
            return Step("")
        if at_ms - self._asked_ms < self._pause_ms:
            return Step("")
        self._finish_comparing()
        if not self._wanted:
            self._check_alike()
            self._phase = "done"
            return Step("Done. You can look away.", done=True)
        self._enter("ask", at_ms)
        self._held, self._blinks = 0, Blinks()
        self._note(at_ms, "asked", self._wanted[0])
        return Step(PROMPTS[self._wanted[0]])

    def _asked(self, now: Posture, at_ms: int) -> Step:
        action = self._wanted[0]
        self._check_patience(at_ms, f"The prompt was not followed: {PROMPTS[action]}")
        self._blinks.add(now, at_ms)
        done = self._blinks.count >= 2 if action == "blink-twice" else now.does(action)
        wrong = [other for other in ACTIONS if other != action and now.does(other)]
        if not done and not wrong:
            self._held = 0
            return Step("")
        self._held += 1
        # The second blink is over when it is counted, and need not be held.
        blinked = done and action == "blink-twice"
        if self._held < _HELD_FRAMES and not blinked:
            return Step("")
        if done and at_ms - self._since_ms >= _SOONEST_MS:
            self._note(at_ms, "done", action)
            self._done.append(Prompted(action=action, asked_ms=self._since_ms, done_ms=at_ms))
            self._wanted.pop(0)
            self._enter("return", at_ms)
            return Step("")
        return self._mistake(action, "too soon" if done else wrong[0], at_ms)

    def _mistake(self, action: Action, instead: str, at_ms: int) -> Step:
        self._mistakes += 1
        self._note(at_ms, "mistake", instead)
        if self._mistakes > _MOST_MISTAKES:
            raise EnrolmentError(
                f"Something else was done than what was asked for, {self._mistakes} times (last: {instead}).",
                hint="Start again, and wait for each prompt.",
            )
        # Asked for again at another time: a recording cannot wait for it.
        self._wanted.append(self._wanted.pop(0))
        self._enter("return", at_ms)
        return Step(f"That was something else ({instead}). Come back to rest.")

    def _finish_comparing(self) -> None:
        """After each prompt: the face that followed it was the one in the pictures."""
        if self._done and not self._compared_now:
            raise EnrolmentError(
                "The face could not be compared with the pictures.",
                hint="Sit straight before the camera between prompts.",
            )
        self._compared_now = 0

    def _enter(self, phase: Phase, at_ms: int) -> None:
        self._phase, self._since_ms = phase, at_ms

    def _check_patience(self, at_ms: int, what: str) -> None:
        if at_ms - self._since_ms > _PATIENCE_MS:
            raise EnrolmentError(what, hint=f"Start again; each step has {_PATIENCE_MS // 1000} seconds.")

    def _note(self, at_ms: int, event: str, detail: object) -> None:
        self._events.append({"at_ms": at_ms, "event": event, "detail": detail})
