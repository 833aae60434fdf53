"""What is kept of one frame that left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mien.realtime.clock import NS_PER_MS
from mien.realtime.frame import Kind


@dataclass(frozen=True, slots=True)
class FrameRecord:
    """One frame that left.

    Attributes:
        sequence: of the captured frame.
        kind: what it was marked as.
        held: whether an earlier persona picture stood in.
        capture_ns: when it was captured, before decoding.
        done_ns: when it was handed over to the sinks.
        stages_ms: busy time of each stage, ms ("decode", "track", "engine", "blend", "mark"); empty for a
            stand-in that was made while the source gave nothing.

    """

    sequence: int
    kind: Kind
    held: bool
    capture_ns: int
    done_ns: int
    stages_ms: Mapping[str, float] = field(default_factory=dict)

    @property
    def latency_ms(self) -> float:
        """Capture to hand-over, ms."""
        return (self.done_ns - self.capture_ns) / NS_PER_MS
