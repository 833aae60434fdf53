"""Names that last: which detection of this frame is which face of the frames before.

From frame to frame place decides, with shape as the judge between faces that are near each other. Three doubts are
settled by shape over some frames: whether a face that appears where one was lost is the same (or somebody who
stepped in), whether faces that met have changed places, and whether a new face is somebody who was here before.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mien.realtime.frame import Floats
from mien.realtime.head import fit_head
from mien.realtime.tracker.detection import Box, Detection, overlap
from mien.realtime.tracker.signature import (
    LEAST_FACING,
    NEVER_CM,
    SAME_CM,
    STILL_SAME_CM,
    distance,
    signature,
)

#: A lost face is found again by its place for this long, seconds.
PLACE_MEMORY_S = 2.0
#: ... and by its shape for this long, seconds: a break.
SHAPE_MEMORY_S = 3600.0
#: Who was away is known from frames alone: one that comes late, on a machine that takes seconds for each, counts as
#: this much of that time, seconds, or every face would be a new one each time. ...
_LATE_S = 1.0
#: ... After this time without any frame, seconds, nobody knows who sat down meanwhile: it counts in full.
_STALL_S = 10.0
#: Lost faces remembered; the longest lost is forgotten first, so that passers-by do not fill the memory.
MAX_LOST = 32
#: How far, in widths of its box, a face may be from its last place: at once, for each second, and at most.
_REACH = (0.5, 2.0, 2.0)
#: Greatest change of size, natural logarithm, at once and for each second.
_ZOOM = (0.3, 0.7)
#: A face that was away, or a source that gave no frame, for longer than this may come back as somebody else.
_BLINK_S = 0.15
#: A jump further than this, in widths, in one frame puts a face in doubt.
_JUMP = 0.4
#: What a shape at `SAME_CM` from its track's costs in a match, and what having been lost does, in widths.
_SHAPE_COST = 0.3
_LOST_COST = 0.5
#: Boxes that overlap by this much put both faces in doubt.
_MEET = 0.15
#: Good frames after which shape may speak, and after which a doubt is settled.
_EARLY_FRAMES = 10
_SETTLED_FRAMES = 20
#: Frames over which the lasting signature is a running mean.
_LASTING_FRAMES = 300


@dataclass(slots=True, eq=False)
class _Mean:
    """A running mean of signatures: plain over the first `most` frames, then exponential."""

    most: int
    count: int = 0
    value: Floats = field(default_factory=lambda: np.zeros(0, np.float32))

    def add(self, one: Floats) -> None:
        self.count = min(self.count + 1, self.most)
        self.value = one if self.value.size == 0 else self.value + (one - self.value) / np.float32(self.count)


@dataclass(slots=True, eq=False)
class _Track:
    track_id: int
    box: Box
    last_ns: int
    born_ns: int
    lasting: _Mean = field(default_factory=lambda: _Mean(_LASTING_FRAMES))
    #: What was seen since a doubt arose; None while there is none.
    doubt: _Mean | None = None

    @property
    def known(self) -> bool:
        return self.lasting.count >= _EARLY_FRAMES

    def raise_doubt(self) -> None:
        """Stop learning and gather afresh; no use for a face that is hardly known itself."""
        if self.lasting.count >= _SETTLED_FRAMES:
            self.doubt = _Mean(_LASTING_FRAMES)

    def unlike(self, seen: _Seen) -> float:
        """Distance from the lasting signature, cm; 0 where nothing can be said."""
        if not self.known or seen.signature is None:
            return 0.0
        return distance(self.lasting.value, seen.signature)

    def see(self, seen: _Seen, now_ns: int) -> None:
        self.box, self.last_ns = seen.box, now_ns
        if seen.signature is not None:
            (self.lasting if self.doubt is None else self.doubt).add(seen.signature)


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    box: Box
    #: None where the face is turned too far for its shape to count.
    signature: Floats | None


class IdentityKeeper:
    """Gives each detection the id of its person. Called on one thread, once for each frame, in time's order.

    Ids are positive, count up, and are never given to somebody else; a person who is recognised gets the old one
    back, after about a third of a second under a new one. Memory is bounded.
    """

    def __init__(self) -> None:
        self._next_id = 1
        self._media_ns = self._now_ns = 0
        self._live: list[_Track] = []
        self._lost: list[_Track] = []

    def __call__(self, detections: Sequence[Detection], media_ns: int) -> list[int]:
        """Ids in the order of `detections`; `media_ns` never decreases."""
        now_ns = self._own_time(media_ns)
        seen = [_look(found) for found in detections]
        pairs = self._pair(seen, now_ns)
        tracks = [self._take(pairs.get(i), one, now_ns) for i, one in enumerate(seen)]
        self._lost += [track for track in self._live if track not in tracks]
        self._lost = [track for track in self._lost if now_ns - track.last_ns <= SHAPE_MEMORY_S * 1e9]
        self._live = tracks
        self._doubt_those_who_meet()
        for place, track in enumerate(tracks):
            self._settle(place, track)
        self._lost = sorted(self._lost, key=lambda track: track.last_ns)[-MAX_LOST:]
        return [track.track_id for track in self._live]

    def _own_time(self, media_ns: int) -> int:
        """The time of this frame, in which one that came late took no longer than `_LATE_S`."""
        step_ns, self._media_ns = media_ns - self._media_ns, media_ns
        self._now_ns += round(_LATE_S * 1e9) if _LATE_S * 1e9 < step_ns <= _STALL_S * 1e9 else step_ns
        return self._now_ns

    def _pair(self, seen: list[_Seen], now_ns: int) -> dict[int, _Track]:
        """Match by ascending cost: for a handful of faces as good as the Hungarian method."""
        costs = [
            (cost, i, track)
            for i, one in enumerate(seen)
            for track in (*self._live, *self._lost)
            if (cost := _cost(track, one, now_ns, lost=track in self._lost)) is not None
        ]
        pairs: dict[int, _Track] = {}
        for _, i, track in sorted(costs, key=lambda entry: entry[0]):
            if i not in pairs and track not in pairs.values():
                pairs[i] = track
        return pairs

    def _take(self, track: _Track | None, one: _Seen, now_ns: int) -> _Track:
        if track is None:
            track = self._new(one.box, now_ns)
        elif now_ns - track.last_ns > _BLINK_S * 1e9 or _shift(track.box, one.box) > _JUMP:
            track.raise_doubt()
        elif track.doubt is None and track.unlike(one) > NEVER_CM:
            # A cut in a film, or the model's eye moved on to somebody who leant across.
            track.raise_doubt()
        if track in self._lost:
            self._lost.remove(track)
        track.see(one, now_ns)
        return track

    def _new(self, box: Box, now_ns: int) -> _Track:
        track = _Track(self._next_id, box, now_ns, now_ns)
        self._next_id += 1
        return track

    def _doubt_those_who_meet(self) -> None:
        for i, one in enumerate(self._live):
            if any(overlap(one.box, other.box) > _MEET for other in self._live[:i] + self._live[i + 1 :]):
                one.raise_doubt()

    def _settle(self, place: int, track: _Track) -> None:
        if track.doubt is not None and track.doubt.count >= _SETTLED_FRAMES:
            if distance(track.lasting.value, track.doubt.value) <= STILL_SAME_CM:
                track.doubt = None
            else:
                # Somebody else stands where this one was: the name stays with whom it belonged to.
                stranger = self._new(track.box, track.last_ns)
                stranger.lasting, track.doubt = track.doubt, None
                self._lost.append(track)
                self._live[place] = track = stranger
        if track.doubt is None and track.known:
            self._recognise(place, track)

    def _recognise(self, place: int, track: _Track) -> None:
        """Give a face its old name if its shape is that of somebody who was lost before it came."""
        known = [
            (distance(old.lasting.value, track.lasting.value), old)
            for old in self._lost
            if old.known and old.last_ns <= track.born_ns
        ]
        nearest = min(known, key=lambda entry: entry[0], default=None)
        if nearest is not None and nearest[0] <= SAME_CM:
            old = nearest[1]
            self._lost.remove(old)
            old.box, old.last_ns, old.doubt = track.box, track.last_ns, None
            self._live[place] = old


def _look(found: Detection) -> _Seen:
    fit = fit_head(found.landmarks)
    facing = float(fit.rotation[2, 2])
    return _Seen(found.box, signature(found.landmarks, found.blendshapes, fit) if facing >= LEAST_FACING else None)


def _cost(track: _Track, one: _Seen, now_ns: int, *, lost: bool) -> float | None:
    """How little a detection fits a track, or None where it cannot be it."""
    gap_s = (now_ns - track.last_ns) / 1e9
    if gap_s > PLACE_MEMORY_S:
        return None
    near, per_second, most = _REACH
    reach = min(near + per_second * gap_s, most)
    away = _shift(track.box, one.box)
    zoom = abs(math.log(_width(one.box) / _width(track.box)))
    if away > reach or zoom > _ZOOM[0] + _ZOOM[1] * gap_s:
        return None
    unlike = track.unlike(one)
    if gap_s > _BLINK_S and unlike > NEVER_CM:
        return None
    # Shape decides only between faces that are within a part of a width; a lost face yields to one that was here.
    return away + zoom + _SHAPE_COST * unlike / SAME_CM + (_LOST_COST if lost else 0.0)


def _width(box: Box) -> float:
    return max(box[2] - box[0], 1e-3)


def _shift(one: Box, other: Box) -> float:
    """Distance of two boxes' centres in widths of the larger."""
    dx = (one[0] + one[2] - other[0] - other[2]) / 2
    dy = (one[1] + one[3] - other[1] - other[3]) / 2
    return math.hypot(dx, dy) / max(_width(one), _width(other))
