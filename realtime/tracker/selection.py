"""Who becomes the persona, and who is covered."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from typing import Literal, Protocol

from mien.realtime.errors import ConfigError
from mien.realtime.face import Face
from mien.realtime.tracker.base import Selection
from mien.realtime.tracker.detection import Box, overlap

Policy = Literal["locked", "largest", "all"]

#: In this time after the first sight a clearly better face still takes the lock: cameras start dark or blurred.
SETTLE_S = 1.0
#: "Clearly": this much larger, weighed by place.
_BETTER = 1.5
#: `largest` moves on when another face was wider by this much for this long, or when its face is lost so long.
LARGER = 1.25
LARGER_FOR_S = 0.5
#: The box of a lost face grows by this part of its size on each side, at once and for each second: it may move.
_GROW = 0.1
_GROW_PER_S = 0.4
#: An old box that overlaps a face that is here by this much is that face, found again under another id.
_SAME_PLACE = 0.3


class FaceSelector:
    """Chooses among a frame's faces. Called on one thread; `relock` on any.

    `locked` keeps to one track id: the largest and most central face at the first sight. While it is away nobody
    is swapped and everybody else stays covered, however long: a guest does not become the persona by sitting down.
    The tracker gives a person who comes back the same id (see `identity`); whom it does not recognise, `relock`
    chooses. `largest` follows the widest face, with hysteresis. `all` swaps everybody.

    Args:
        policy: "locked", "largest" or "all".
        bystander_memory_s: how long a face that was lost is still covered where it was, 0 to 5 s.

    Raises:
        ConfigError: an argument out of its range.

    """

    def __init__(self, policy: Policy = "locked", *, bystander_memory_s: float = 0.5) -> None:
        if policy not in ("locked", "largest", "all"):
            raise ConfigError(f"faces must be locked, largest or all, got {policy!r}.")
        if not 0.0 <= bystander_memory_s <= 5.0:
            raise ConfigError(f"bystander_memory_s must be 0 to 5, got {bystander_memory_s}.")
        self._policy = policy
        self._chooser = _chooser(policy)
        self._memory = _Memory(bystander_memory_s)
        self._relock = threading.Event()

    def __call__(self, faces: tuple[Face, ...], media_ns: int, frame_size: tuple[int, int]) -> Selection:
        """Say who is swapped and who is covered at `media_ns` in a frame of (width, height) px."""
        if self._relock.is_set():
            self._relock.clear()
            self._chooser = _chooser(self._policy)
        swapped = self._chooser(faces, media_ns, frame_size) if faces else ()
        return Selection(swapped, self._memory(faces, swapped, media_ns))

    def relock(self) -> None:
        """Choose anew on the next frame that has a face."""
        self._relock.set()


class _Chooser(Protocol):
    def __call__(self, faces: tuple[Face, ...], media_ns: int, frame_size: tuple[int, int]) -> tuple[Face, ...]:
        """Choose among at least one face."""


def _chooser(policy: Policy) -> _Chooser:
    table: dict[str, type[_Locked] | type[_Largest] | type[_All]] = {
        "locked": _Locked,
        "largest": _Largest,
        "all": _All,
    }
    return table[policy]()


class _All:
    def __call__(self, faces: tuple[Face, ...], media_ns: int, frame_size: tuple[int, int]) -> tuple[Face, ...]:
        return faces


class _Locked:
    def __init__(self) -> None:
        self._id: int | None = None
        self._since_ns = 0

    def __call__(self, faces: tuple[Face, ...], media_ns: int, frame_size: tuple[int, int]) -> tuple[Face, ...]:
        scores = {face.track_id: _prominence(face, frame_size) for face in faces}
        best = max(scores, key=scores.__getitem__)
        if self._id is None:
            self._id, self._since_ns = best, media_ns
        elif media_ns - self._since_ns <= SETTLE_S * 1e9 and scores[best] > _BETTER * scores.get(self._id, 0.0):
            self._id = best
        return _with_id(faces, self._id)


class _Largest:
    def __init__(self) -> None:
        self._id: int | None = None
        self._rival: int | None = None
        self._rival_since_ns = 0

    def __call__(self, faces: tuple[Face, ...], media_ns: int, frame_size: tuple[int, int]) -> tuple[Face, ...]:
        widths = {face.track_id: _width(face.box) for face in faces}
        best = max(widths, key=widths.__getitem__)
        if self._id is None:
            self._id = best
        if widths[best] <= LARGER * widths.get(self._id, 0.0):
            best = self._id
        if best != self._rival:
            self._rival, self._rival_since_ns = best, media_ns
        if media_ns - self._rival_since_ns >= LARGER_FOR_S * 1e9:
            self._id = best
        return _with_id(faces, self._id)


@dataclass(frozen=True, slots=True)
class _Seen:
    box: Box
    media_ns: int
    swapped: bool


class _Memory:
    """The boxes to cover: every face that is not swapped, and for a moment every face that was lost."""

    def __init__(self, seconds: float) -> None:
        self._memory_ns = round(seconds * 1e9)
        self._seen: dict[int, _Seen] = {}

    def __call__(self, faces: tuple[Face, ...], swapped: tuple[Face, ...], media_ns: int) -> tuple[Box, ...]:
        ids = {face.track_id for face in swapped}
        self._seen = {k: seen for k, seen in self._seen.items() if media_ns - seen.media_ns <= self._memory_ns}
        self._seen |= {face.track_id: _Seen(face.box, media_ns, face.track_id in ids) for face in faces}
        here = {face.track_id: face.box for face in faces}
        covered = [box for track_id, box in here.items() if track_id not in ids]
        for track_id, seen in self._seen.items():
            # A swapped face that was lost is no bystander while nobody is swapped: then no picture of it leaves.
            lost = track_id not in here and (bool(swapped) or not seen.swapped)
            if lost and all(overlap(seen.box, box) < _SAME_PLACE for box in here.values()):
                covered.append(_grown(seen.box, (media_ns - seen.media_ns) / 1e9))
        return tuple(covered)


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


def _grown(box: Box, age_s: float) -> Box:
    x0, y0, x1, y1 = box
    share = _GROW + _GROW_PER_S * age_s
    dx, dy = (x1 - x0) * share, (y1 - y0) * share
    return x0 - dx, y0 - dy, x1 + dx, y1 + dy
