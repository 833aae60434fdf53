"""Truth about time: what happened to every frame, kept for the console, the page and the bench's report."""

from __future__ import annotations

import threading
from typing import Literal

from mien.realtime.clock import NS_PER_S
from mien.realtime.frame import Kind
from mien.realtime.frame_record import FrameRecord
from mien.realtime.record_ring import RecordRing

__all__ = ["KEPT_RECORDS", "RECENT_S", "FrameRecord", "RunStats", "percentile"]

#: Records kept: ten minutes at 60 fps. Older ones fall out, so that a stream of days does not grow.
KEPT_RECORDS = 36_000
#: Span of the live numbers, seconds.
RECENT_S = 5.0


class RunStats:
    """Counts and records of one run. Written by the compose thread, read by any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._records = RecordRing(KEPT_RECORDS)
        self._counts = {"out": 0, "held": 0, "slate": 0, "camera": 0, "errors": 0}
        self._last_error = ""
        #: What the newest frame was marked as; "" before the first.
        self.shown: Kind | Literal[""] = ""

    def add(self, record: FrameRecord) -> None:
        """Note a frame that left."""
        with self._lock:
            self._records.add(record)
            self.shown = record.kind
            self._counts["out"] += 1
            if record.held:
                self._counts["held"] += 1
            elif record.kind != "persona":
                self._counts[record.kind] += 1

    def error(self, text: str) -> None:
        """Note a frame that failed in a stage; `text` is kept for the console and the page."""
        with self._lock:
            self._counts["errors"] += 1
            self._last_error = text

    @property
    def counts(self) -> dict[str, int]:
        """Frames out, held, slate, camera, and errors, so far."""
        with self._lock:
            return dict(self._counts)

    @property
    def last_error(self) -> str:
        """The newest stage failure, or an empty string."""
        return self._last_error

    def records(self) -> list[FrameRecord]:
        """The newest records (`KEPT_RECORDS` at most), oldest first; a copy."""
        # Reading a full ring takes a quarter of a second, in which the compose thread must not wait.
        with self._lock:
            records = self._records.copy()
        return records.newest()

    def recent(self, now_ns: int) -> dict[str, float]:
        """Frame rate and latency of the last seconds: keys `fps`, `latency_p50_ms`, `latency_p95_ms`."""
        with self._lock:
            rows = self._records.newest(since_ns=now_ns - round(RECENT_S * NS_PER_S))
        if len(rows) < 2:
            return {"fps": 0.0, "latency_p50_ms": 0.0, "latency_p95_ms": 0.0}
        span_s = (rows[-1].done_ns - rows[0].done_ns) / NS_PER_S
        # A stand-in for a silent source answers to no captured frame: it would only flatter the figures.
        latencies = sorted(record.latency_ms for record in rows if record.stages_ms) or [0.0]
        return {
            "fps": (len(rows) - 1) / span_s if span_s > 0 else 0.0,
            "latency_p50_ms": percentile(latencies, 50),
            "latency_p95_ms": percentile(latencies, 95),
        }


def percentile(ordered: list[float], percent: float) -> float:
    """The nearest-rank percentile of an ordered, non-empty list."""
    rank = max(0, min(len(ordered) - 1, round(percent / 100 * (len(ordered) - 1))))
    return ordered[rank]
