"""What the mark detector remembers: places where grids were found, and stretches that wait for a search."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from mien.engines.verify.mark_signal import FLIPS, Floats, Geometry, Reading, read
from mien.realtime.watermark.coding import decode
from mien.realtime.watermark.payload import Payload, PayloadError

#: Sync score from which a place is decoded: what can be decoded scores 9 and more, chance once in 10^12.
GATE: Final = 7.0
# How far a faint mark is read beside its place: working px, and share of its scale.
_BESIDE_PX, _BESIDE_SCALE = 0.5, 0.002
# Places that were found; a video that is cut from more of them has them found again.
_MOST_PLACES: Final = 3
# Stretches of 3 s that are kept for a later search (37 MB of 640x360; fewer of ribbons, which take more), and the most
# that pass between two searches.
_MOST_WAITING: Final = 40
_MOST_WAITING_BYTES: Final = 64 * 2**20
_MOST_BETWEEN: Final = 32

_AS_MADE: Final = tuple(Geometry(mirrored=mirrored, flipped=flipped) for flipped, mirrored in FLIPS)


@dataclass(frozen=True, slots=True)
class Found:
    """The best reading of a stretch.

    Attributes:
        payload: None where no mark was found.
        score: of the sync chips.
        geometry: where the mark lies, or where the score was best.

    """

    payload: Payload | None
    score: float
    geometry: Geometry


class Places:
    """Where marks may lie: as they were made, in each flip of that, and where a search found them."""

    def __init__(self) -> None:
        self._searched: deque[Geometry] = deque(maxlen=_MOST_PLACES)
        #: Readings so far whose decoding could have held by chance.
        self.trials = 0

    def read(self, evened: Floats) -> Found:
        """Read a stretch (as `even_out` gives it) in every known place until one holds, then around the best."""
        best = self._read(evened, (*self._searched, *_AS_MADE))
        if best.payload is not None or best.score < GATE:
            return best
        # Something is there. Where it is faint, a hair's breadth aside another few chips fall right.
        found = self._read(evened, best.geometry.beside(_BESIDE_SCALE, _BESIDE_PX))
        return found if found.payload is not None else best

    def _read(self, evened: Floats, places: Iterable[Geometry]) -> Found:
        best = Found(None, 0.0, Geometry())
        for geometry in places:
            reading = read(evened, geometry)
            self.trials += 1
            payload = payload_of(reading)
            if payload is not None:
                return Found(payload, reading.score, geometry)
            if reading.score > best.score:
                best = Found(None, reading.score, geometry)
        return best

    def add(self, geometry: Geometry) -> None:
        """Try this place first from now on."""
        self._searched.appendleft(geometry)


def payload_of(reading: Reading) -> Payload | None:
    """What a reading says, if its sync chips stand out, its CRC holds, and its version and kind are known."""
    if reading.score < GATE:
        return None
    decoded = decode(reading.soft)
    if not decoded.valid[0]:
        return None
    try:
        return Payload.from_int(int(decoded.payload[0]))
    except PayloadError:
        return None


@dataclass(frozen=True, slots=True, eq=False)
class Span:
    """A stretch without a mark so far.

    Attributes:
        start_s: time of its first frame.
        end_s: its end.
        total: sum of its residues, or that evened out; one shape in a backlog.
        score: of the sync chips at the best known place.

    """

    start_s: float
    end_s: float
    total: Floats
    score: float


class Backlog:
    """Stretches that gave nothing in the known places, and when to search them for another."""

    def __init__(self) -> None:
        self._waiting: deque[Span] = deque()
        self._sum: Floats | None = None
        self._summed = 0
        self._between = 1

    @property
    def unsearched(self) -> bool:
        """Whether anything came since the last search."""
        return self._sum is not None

    @property
    def due(self) -> bool:
        """Whether it is time for a search: each one waits twice as long as the one before."""
        return self._summed >= self._between

    def push(self, span: Span) -> Span | None:
        """Keep a stretch; the oldest comes back where there are too many."""
        self._sum = span.total.copy() if self._sum is None else np.add(self._sum, span.total, out=self._sum)
        self._summed += 1
        self._waiting.append(span)
        most = min(_MOST_WAITING, max(1, _MOST_WAITING_BYTES // span.total.nbytes))
        return self._waiting.popleft() if len(self._waiting) > most else None

    def begin_search(self) -> Floats | None:
        """The sum of what no search has seen; None where there is nothing."""
        total, self._sum = self._sum, None
        self._summed, self._between = 0, min(2 * self._between, _MOST_BETWEEN)
        return total

    def emptied(self) -> list[Span]:
        """Everything that waits, which then waits no more."""
        waiting, self._waiting = list(self._waiting), deque()
        return waiting

    def waiting(self) -> tuple[Span, ...]:
        """What is kept, the oldest first."""
        return tuple(self._waiting)

    def put_back(self, span: Span) -> None:
        """Keep a stretch that has been searched already."""
        self._waiting.append(span)
