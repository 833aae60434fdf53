"""The newest frame records, in memory that is taken once: a run of days uses what its first second used."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mien.realtime.frame import Kind
from mien.realtime.frame_record import FrameRecord

_KINDS: tuple[Kind, ...] = ("persona", "slate", "camera")
#: Columns for stages at the start; more are added when a run has more.
_STAGES = 12


class RecordRing:
    """Keeps the newest `size` records as rows of numbers. Not thread-safe; `RunStats` holds the lock.

    As objects 36,000 records are 40 MB that a soak sees growing for ten minutes; as rows they are 5 MB at once.
    """

    def __init__(self, size: int) -> None:
        # Filled, not empty: untouched pages would count as growth later.
        self._whole: NDArray[np.int64] = np.full((size, 5), -1, np.int64)
        self._stages_ms: NDArray[np.float64] = np.full((size, _STAGES), np.nan, np.float64)
        self._names: list[str] = []
        self._count = 0

    def add(self, record: FrameRecord) -> None:
        """Keep `record`; the oldest goes when the ring is full."""
        row = self._count % len(self._whole)
        self._whole[row] = (
            record.sequence,
            _KINDS.index(record.kind),
            record.held,
            record.capture_ns,
            record.done_ns,
        )
        self._stages_ms[row] = np.nan
        for name, value in record.stages_ms.items():
            # First the column: it may widen the table.
            column = self._column(name)
            self._stages_ms[row, column] = value
        self._count += 1

    def copy(self) -> RecordRing:
        """Give a ring of the same records, in about a millisecond, to be read while this one goes on."""
        twin = RecordRing.__new__(RecordRing)
        twin._whole, twin._stages_ms = self._whole.copy(), self._stages_ms.copy()
        twin._names, twin._count = list(self._names), self._count
        return twin

    def newest(self, *, since_ns: int | None = None) -> list[FrameRecord]:
        """Records handed over at `since_ns` or later (all, without it), oldest first."""
        size = len(self._whole)
        kept = min(self._count, size)
        rows: list[FrameRecord] = []
        for index in range(self._count - 1, self._count - 1 - kept, -1):
            record = self._record(index % size)
            if since_ns is not None and record.done_ns < since_ns:
                break
            rows.append(record)
        rows.reverse()
        return rows

    def _record(self, row: int) -> FrameRecord:
        sequence, kind, held, capture_ns, done_ns = self._whole[row].tolist()
        stages = {
            name: value
            for name, value in zip(self._names, self._stages_ms[row].tolist(), strict=False)
            if value == value  # not NaN: the stage ran
        }
        return FrameRecord(sequence, _KINDS[kind], bool(held), capture_ns, done_ns, stages)

    def _column(self, name: str) -> int:
        if name not in self._names:
            if len(self._names) == self._stages_ms.shape[1]:
                more = np.full_like(self._stages_ms, np.nan)
                self._stages_ms = np.hstack([self._stages_ms, more])
            self._names.append(name)
        return self._names.index(name)
