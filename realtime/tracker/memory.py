"""Faces that were here a moment ago and are not seen now: where they are covered, and for how long."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mien.realtime.face import Face
from mien.realtime.tracker.detection import Box, overlap

#: A face that was swapped and is missed stays covered for this long, seconds. Whoever asked to be swapped must not
#: be bare; the tracker misses a face that lies on its side, is blurred or hidden for seconds at a time. Beyond it a
#: guess of where somebody is says nothing more.
LOST_S = 10.0
#: A bystander that is not found any more stays covered for this long, seconds: one who hangs his head, turns upside
#: down or is half hidden cannot be read for seconds, and is there all the same.
BYSTANDER_S = 3.0
#: A face that went out over the frame's edge stays covered for this long, seconds: it may be half in the picture.
LEFT_S = 0.5
#: Lost faces remembered at once; the longest lost is forgotten first. Each costs a cover.
MAX_REMEMBERED = 32
#: The box of a lost face grows by this part of its size on each side: at once, for each second, and at most.
_GROW = 0.1
_GROW_PER_S = 0.4
_GROW_MOST = 0.5
#: An old box that overlaps a face that is here by this much is that face, found again under another id.
_SAME_PLACE = 0.3
#: A face leaves when its box, moved on for this long, reaches over an edge that it moves to, ...
_AHEAD_S = 0.25
#: ... faster than this, in widths of its box a second: whoever sits still at the edge does not leave.
_LEAVING = 0.3
#: Weight of the newest step in the running mean of a face's velocity.
_NEWEST = 0.4


@dataclass(frozen=True, slots=True)
class _Seen:
    """The last sight of a face.

    Attributes:
        box: where, px.
        media_ns: when.
        since_ns: since when without a gap.
        velocity: of the box's middle, px a second.
        swapped: whether it ever was.
        left: whether it was about to go out over the frame's edge.

    """

    box: Box
    media_ns: int
    since_ns: int
    velocity: tuple[float, float] = (0.0, 0.0)
    swapped: bool = False
    left: bool = False


class FaceMemory:
    """Remembers each face for a time after its last sight. Called on one thread: `see`, then `mark`, each frame.

    A lost face is forgotten when it is found again under its id, when a face that appeared after it was lost takes
    its place, or when its time is over: `LEFT_S` for one that left over the edge, else `LOST_S` for one that ever
    was swapped and `seconds` for any other. While a face that was here before passes in front of it, it rests.

    Args:
        seconds: how long a face that never was swapped is remembered.

    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._here: dict[int, _Seen] = {}
        self._lost: dict[int, _Seen] = {}
        self._now_ns = 0

    def see(self, faces: tuple[Face, ...], media_ns: int, frame_size: tuple[int, int]) -> frozenset[int]:
        """Take in a frame's faces; give the ids of all that are missing but not gone."""
        before = self._here
        self._here = {
            face.track_id: _look(face.box, before.get(face.track_id), self._lost.get(face.track_id), media_ns)
            for face in faces
        }
        for track_id in before.keys() - self._here.keys():
            self._lost[track_id] = replace(before[track_id], left=_leaves(before[track_id], frame_size))
        self._now_ns = media_ns
        remembered = [entry for entry in self._lost.items() if self._is_missing(*entry)]
        self._lost = dict(sorted(remembered, key=lambda entry: entry[1].media_ns)[-MAX_REMEMBERED:])
        return frozenset(self._lost)

    def mark(self, swapped: frozenset[int]) -> None:
        """Note which of the faces of this frame are swapped."""
        for track_id in swapped & self._here.keys():
            self._here[track_id] = replace(self._here[track_id], swapped=True)

    def forgive(self) -> None:
        """Forget who was swapped: from now on they are bystanders like others."""
        self._here = {key: replace(seen, swapped=False) for key, seen in self._here.items()}
        self._lost = {key: replace(seen, swapped=False) for key, seen in self._lost.items()}

    def boxes(self, *, swapped: bool) -> tuple[Box, ...]:
        """Where those are now, about, who are missing and ever were `swapped`, or never."""
        return tuple(
            _grown(seen.box, (self._now_ns - seen.media_ns) / 1e9)
            for seen in self._lost.values()
            if seen.swapped is swapped
            and not any(overlap(seen.box, one.box) >= _SAME_PLACE for one in self._here.values())
        )

    def _is_missing(self, track_id: int, seen: _Seen) -> bool:
        seconds = LOST_S if seen.swapped else self._seconds
        if seen.left:
            seconds = min(seconds, LEFT_S)
        if track_id in self._here or self._now_ns - seen.media_ns > seconds * 1e9:
            return False
        return not any(
            one.since_ns > seen.media_ns and overlap(seen.box, one.box) >= _SAME_PLACE for one in self._here.values()
        )


def _look(box: Box, before: _Seen | None, lost: _Seen | None, media_ns: int) -> _Seen:
    if before is None:
        return _Seen(box, media_ns, media_ns, swapped=lost is not None and lost.swapped)
    seconds = max((media_ns - before.media_ns) / 1e9, 1e-3)
    old, new, velocity = _middle(before.box), _middle(box), before.velocity
    steps = tuple(was + _NEWEST * ((b - a) / seconds - was) for a, b, was in zip(old, new, velocity, strict=True))
    return replace(before, box=box, media_ns=media_ns, velocity=(steps[0], steps[1]))


def _leaves(seen: _Seen, frame_size: tuple[int, int]) -> bool:
    x0, y0, x1, y1 = seen.box
    (dx, dy), (width, height) = seen.velocity, frame_size
    least = _LEAVING * (x1 - x0)
    return (
        (dx < -least and x0 + dx * _AHEAD_S < 0)
        or (dx > least and x1 + dx * _AHEAD_S > width)
        or (dy < -least and y0 + dy * _AHEAD_S < 0)
        or (dy > least and y1 + dy * _AHEAD_S > height)
    )


def _middle(box: Box) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def _grown(box: Box, age_s: float) -> Box:
    x0, y0, x1, y1 = box
    share = min(_GROW + _GROW_PER_S * age_s, _GROW_MOST)
    dx, dy = (x1 - x0) * share, (y1 - y0) * share
    return x0 - dx, y0 - dy, x1 + dx, y1 + dy
