"""Small faces in the background, which the landmark model does not see: found square by square, to be covered."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mien.realtime.frame import Frame
from mien.realtime.tracker.detection import Box, overlap
from mien.realtime.tracker.finder import Finder, Found
from mien.realtime.tracker.memory import BYSTANDER_S

#: Sides of the squares that are looked at, in the shorter side of the frame, each with the widest find taken from it,
#: in its side. The small ones find small faces, the large ones those that the small ones cut in two. Wider finds are
#: left to the landmark model (it sees faces from 14 % of the frame's width): they are mostly a chest or a chair.
SIDES = ((0.45, 0.5), (1.0, 0.27))
#: Squares of a size overlap by at least this part of their side: more than the width of the faces they are for.
_OVERLAP = 0.2
#: A face is covered at its first sight from this score up, else at the second.
SURE = 0.8
#: ... if that comes within so many rounds.
_ROUNDS_TO_CONFIRM = 2
#: A find that overlaps a face that is known by this much is that face.
_SAME = 0.2
#: A find of less than this part of the area of the face that it belongs to is a piece of it.
_CUT = 0.6
#: The box reaches this much further, in its sides, than the detector's: to hair and ears, and for a round's motion.
_REACH = 0.15
#: Most faces kept at a time.
_MOST = 32


class _Square(NamedTuple):
    x: int
    y: int
    side: int
    widest: float


@dataclass(slots=True, eq=False)
class _Kept:
    box: Box
    media_ns: int
    look: int
    confirmed: bool


class BystanderWatch:
    """Looks at one square of each frame in turn and remembers the faces there. Called on one thread.

    Measured at 1280x720 and 30 frames a second, where a round is 17 squares and takes 0.57 s, with one upright frontal
    face at twelve places: from 50 px (3.9 % of the width) found and sure in the first round everywhere, of 45 px at 10
    places in the first and at all in the second, of 40 px at 10 in the second, of 35 px at one. Until then they are
    bare. The six test clips gave no false box. A look takes 1.3 ms of one core, 1.7 ms where others work beside it.
    Tilted by 60 degrees a face scores 0.83, by 90 degrees 0.72 to 0.79, upside down 0.56 to 0.63, often missed.

    Args:
        finder: looks at a square, as `FaceFinder`.

    """

    def __init__(self, finder: Finder) -> None:
        self._finder = finder
        self._size = (0, 0)
        self._squares: list[_Square] = []
        self._looks = 0
        self._kept: list[_Kept] = []

    def known(self, media_ns: int, tracked: Sequence[Box]) -> tuple[Box, ...]:
        """Boxes, px, of the faces found so far that are none of the `tracked` ones; costs next to nothing."""
        self._kept = [kept for kept in self._kept if self._lasts(kept, media_ns, tracked)]
        return tuple(_wider(kept.box) for kept in self._kept if kept.confirmed)

    def look(self, frame: Frame, tracked: Sequence[Box]) -> None:
        """Look at the next square of `frame` for faces that are not `tracked`; raises what the finder raises.

        Apart from `known`, so that a frame need not wait for it: what is found counts from the next frame on.
        """
        if (frame.width, frame.height) != self._size:
            self._size, self._kept = (frame.width, frame.height), []
            self._squares = _squares(frame.width, frame.height)
        square = self._squares[self._looks % len(self._squares)]
        self._looks += 1
        x, y, side, widest = square
        for found in self._finder(frame.pixels[y : y + side, x : x + side]):
            box = found.box[0] + x, found.box[1] + y, found.box[2] + x, found.box[3] + y
            if box[2] - box[0] <= widest and not _is_one_of(box, tracked):
                self._keep(Found(box, found.score), frame.media_ns)
        # The oldest go first; what no longer lasts is dropped by `known`.
        self._kept = sorted(self._kept, key=lambda kept: kept.media_ns)[-_MOST:]

    def close(self) -> None:
        """Free the finder; idempotent."""
        self._finder.close()

    def _keep(self, found: Found, media_ns: int) -> None:
        known = max(self._kept, key=lambda kept: overlap(kept.box, found.box), default=None)
        if known is None or not (_is_one_of(found.box, (known.box,)) or _is_one_of(known.box, (found.box,))):
            self._kept.append(_Kept(found.box, media_ns, self._looks, found.score >= SURE))
            return
        # Two squares of a round that overlap there are one sight, not two.
        again = self._looks - known.look >= len(self._squares) // 2
        known.confirmed = known.confirmed or again or found.score >= SURE
        known.media_ns = media_ns
        # A square's edge may cut a face in two; half of it must not take the cover off the rest.
        if _area(found.box) > _CUT * _area(known.box):
            known.box = found.box
        if again:
            known.look = self._looks

    def _lasts(self, kept: _Kept, media_ns: int, tracked: Sequence[Box]) -> bool:
        if any(overlap(kept.box, box) > _SAME for box in tracked):
            return False
        if kept.confirmed:
            return media_ns - kept.media_ns <= BYSTANDER_S * 1e9
        return self._looks - kept.look <= _ROUNDS_TO_CONFIRM * len(self._squares)


def _squares(width: int, height: int) -> list[_Square]:
    shorter = min(width, height)
    squares = []
    for share, widest in SIDES:
        side = max(1, round(share * shorter))
        squares += [_Square(x, y, side, widest * side) for y in _starts(height, side) for x in _starts(width, side)]
    return squares


def _starts(length: int, side: int) -> list[int]:
    """Evenly spread starts of pieces of `side` that cover `length` and overlap by at least `_OVERLAP`."""
    if length <= side:
        return [0]
    count = math.ceil((length - side) / (side * (1 - _OVERLAP)) - 0.02) + 1
    return [round(i * (length - side) / (count - 1)) for i in range(count)]


def _is_one_of(box: Box, tracked: Sequence[Box]) -> bool:
    """Whether a find is a face that is tracked: it lies on it, or its middle does."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return any(overlap(box, one) > _SAME or (one[0] <= x <= one[2] and one[1] <= y <= one[3]) for one in tracked)


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _wider(box: Box) -> Box:
    x0, y0, x1, y1 = box
    dx, dy = (x1 - x0) * _REACH, (y1 - y0) * _REACH
    return x0 - dx, y0 - dy, x1 + dx, y1 + dy
