"""The ladder under real load: processes that burn every core beside a run."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from mien.plugin import Live, LiveConfig

#: Burners for each core: the run is left about a fifth of the machine.
BURNERS_A_CORE = 4


@contextmanager
def burners() -> Iterator[None]:
    count = BURNERS_A_CORE * (os.cpu_count() or 1)
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()


def wait_for_engine(live: Live, name: str, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if live.stats()["engine"]["name"] == name:
            return True
        live.wait(0.1)
    return False


def busy_ms() -> float:
    """What the slower stage takes on this machine, as it is now: median ms a frame."""
    with Live(LiveConfig(source="pattern", persona="viggo", sinks=("null",))) as live:
        live.wait(2.5)
        records = live.records()[10:]
    times = sorted(
        max(
            sum(ms for stage, ms in record.stages_ms.items() if stage not in ("decode", "track")),
            record.stages_ms.get("track", 0.0),
        )
        for record in records
    )
    return times[len(times) // 2]


@pytest.mark.slow
def test_with_every_core_burning_the_engine_steps_down_and_climbs_back() -> None:
    # A rate at which the quiet machine has room, whatever machine it is; burning takes most of that room away.
    fps = min(max(1000.0 / (2.2 * busy_ms()), 1.0), 60.0)
    events: list[str] = []
    config = LiveConfig(source="pattern", persona="viggo", sinks=("null",), fps=fps)
    with Live(config, on_event=events.append) as live:
        best = live.stats()["engine"]["name"]
        with burners():
            assert wait_for_engine(live, "mesh-half", 45.0), "it did not step down"
        assert wait_for_engine(live, best, 90.0), "it did not climb back"
        frames = live.stats()["frames"]
    assert frames["errors"] == 0
    assert any("too slow" in event for event in events)
    assert any("room again" in event for event in events)
