"""Who becomes the persona, and who is covered."""

from __future__ import annotations

import math
import threading
from typing import Literal, NamedTuple, Protocol

from mien.realtime.errors import ConfigError
from mien.realtime.face import Face
from mien.realtime.tracker.base import Selection
from mien.realtime.tracker.detection import Box
from mien.realtime.tracker.memory import BYSTANDER_S, FaceMemory

Policy = Literal["locked", "largest", "all"]

#: In this time after the first sight a clearly better face still takes the lock: cameras start dark or blurred.
SETTLE_S = 1.0
#: "Clearly": this much larger, weighed by place.
_BETTER = 1.5
#: `largest` moves on when another face was wider by this much for this long, or when its face is gone so long.
LARGER = 1.25
LARGER_FOR_S = 0.5


class FaceSelector:
    """Chooses among a frame's faces. Called on one thread; `relock` on any.

    `locked` keeps to one track id: the largest and most central face at the first sight. While it is away nobody
    is swapped and everybody else stays covered, however long: a guest does not become the persona by sitting down.
    The tracker gives a person who comes back the same id (see `identity`); whom it does not recognise, `relock`
    chooses. `largest` follows the widest face, with hysteresis; while that one is missed nobody is swapped, because
    it may still be in the picture, until it left over the edge or was away for `memory.LOST_S`. `all` swaps everybody.
    Under each, who was swapped and is missed is covered as `lost` while anybody is swapped (else no picture of the
    camera leaves).

    Args:
        policy: "locked", "largest" or "all".
        bystander_memory_s: how long a face that was lost is still covered where it was, 0 to 5 s.

    Raises:
        ConfigError: an argument out of its range.

    """

    def __init__(self, policy: Policy = "locked", *, bystander_memory_s: float = BYSTANDER_S) -> None:
        if policy not in ("locked", "largest", "all"):
            raise ConfigError(f"faces must be locked, largest or all, got {policy!r}.")
        if not 0.0 <= bystander_memory_s <= 5.0:
            raise ConfigError(f"bystander_memory_s must be 0 to 5, got {bystander_memory_s}.")
        self._policy = policy
        self._chooser = _chooser(policy)
        self._memory = FaceMemory(bystander_memory_s)
        self._relock = threading.Event()

    def __call__(self, faces: tuple[Face, ...], media_ns: int, frame_size: tuple[int, int]) -> Selection:
        """Say who is swapped and who is covered at `media_ns` in a frame of (width, height) px."""
        if self._relock.is_set():
            self._relock.clear()
            self._chooser = _chooser(self._policy)
            self._memory.forgive()
        missing = self._memory.see(faces, media_ns, frame_size)
        swapped = self._chooser(_Scene(faces, missing, media_ns, frame_size)) if faces else ()
        ids = frozenset(face.track_id for face in swapped)
        self._memory.mark(ids)
        others = tuple(face.box for face in faces if face.track_id not in ids)
        lost = self._memory.boxes(swapped=True) if swapped else ()
        return Selection(swapped, others + self._memory.boxes(swapped=False), lost)

    @property
    def missing(self) -> tuple[Box, ...]:
        """Where those are, about, who were swapped and are not seen now; also while nobody is swapped."""
        return self._memory.boxes(swapped=True)

    def relock(self) -> None:
        """Choose anew on the next frame that has a face."""
        self._relock.set()


class _Scene(NamedTuple):
    """What a choice is made from: the faces here, at least one, and the ids of those who may still be there."""

    faces: tuple[Face, ...]
    missing: frozenset[int]
    media_ns: int
    frame_size: tuple[int, int]


class _Chooser(Protocol):
    def __call__(self, scene: _Scene) -> tuple[Face, ...]:
        """Choose among at least one face."""


def _chooser(policy: Policy) -> _Chooser:
    table: dict[str, type[_Locked] | type[_Largest] | type[_All]] = {
        "locked": _Locked,
        "largest": _Largest,
        "all": _All,
    }
    return table[policy]()


class _All:
    def __call__(self, scene: _Scene) -> tuple[Face, ...]:
        return scene.faces


class _Locked:
    def __init__(self) -> None:
        self._id: int | None = None
        self._since_ns = 0
        self._seen_ns = 0

    def __call__(self, scene: _Scene) -> tuple[Face, ...]:
        scores = {face.track_id: _prominence(face, scene.frame_size) for face in scene.faces}
        best = max(scores, key=scores.__getitem__)
        if self._id is None or self._never_settled(scores, scene):
            self._id, self._since_ns = best, scene.media_ns
        elif scene.media_ns - self._since_ns <= SETTLE_S * 1e9 and scores[best] > _BETTER * scores.get(
            self._id, math.inf
        ):
            self._id = best
        if self._id in scores:
            self._seen_ns = scene.media_ns
        return _with_id(scene.faces, self._id)

    def _never_settled(self, scores: dict[int, float], scene: _Scene) -> bool:
        """Whether the lock fell on somebody who was gone again within the settling time: that was no choice.

        One who is only missed keeps it: he may be in the picture, bare, while another is swapped.
        """
        gone = self._id not in scores and self._id not in scene.missing
        return gone and self._seen_ns - self._since_ns <= SETTLE_S * 1e9


class _Largest:
    def __init__(self) -> None:
        self._id: int | None = None
        self._rival: int | None = None
        self._rival_since_ns = 0

    def __call__(self, scene: _Scene) -> tuple[Face, ...]:
        widths = {face.track_id: _width(face.box) for face in scene.faces}
        best = max(widths, key=widths.__getitem__)
        if self._id is None:
            self._id = best
        if self._id in scene.missing or widths[best] <= LARGER * widths.get(self._id, 0.0):
            best = self._id
        if best != self._rival:
            self._rival, self._rival_since_ns = best, scene.media_ns
        if scene.media_ns - self._rival_since_ns >= LARGER_FOR_S * 1e9:
            self._id = best
        return _with_id(scene.faces, self._id)


def _with_id(faces: tuple[Face, ...], track_id: int) -> tuple[Face, ...]:
    return tuple(face for face in faces if face.track_id == track_id)


def _width(box: Box) -> float:
    return box[2] - box[0]


def _prominence(face: Face, frame_size: tuple[int, int]) -> float:
    """Width, px, halved towards the frame's corners: who sits in the middle is meant."""
    x0, y0, x1, y1 = face.box
    width, height = frame_size
    away = math.hypot((x0 + x1) / width - 1, (y0 + y1) / height - 1) / math.sqrt(2)
    return (x1 - x0) * (1 - 0.5 * min(away, 1.0))
