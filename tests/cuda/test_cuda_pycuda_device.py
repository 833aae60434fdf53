"""pycuda's device, over a double of the package that frees nothing in another thread, as the real one does not."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from copies_ahead import AHEAD, copy_ahead

from mien.engines.cuda.device import Device
from mien.engines.cuda.laps import Laps
from mien.engines.cuda.pycuda_device import PycudaDevice
from mien.realtime.errors import EngineError


class Driver:
    """What is asked of pycuda: contexts that are current in a thread, and events that live."""

    def __init__(self) -> None:
        self.current = threading.local()
        self.opened_by = threading.get_ident()
        self.events = 0
        self.handles = iter((7, 8))
        self.asked: list[tuple[str, int]] = []

    def copied(self, _address: int, _values: np.ndarray, stream: Stream) -> None:
        assert self.depth()
        self.asked.append(("copy", stream.handle))

    def depth(self, change: int = 0) -> int:
        self.current.depth = getattr(self.current, "depth", 0) + change
        return int(self.current.depth)


class Stream:
    """One of the two."""

    def __init__(self, driver: Driver) -> None:
        self._driver, self.handle = driver, next(driver.handles)

    def synchronize(self) -> None:
        """Nothing is late here."""

    def wait_for_event(self, event: Any) -> None:
        self._driver.asked.append((f"{self.handle} follows", event.stream))


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Driver:
    made = Driver()

    class RefusedError(Exception):
        pass

    class Event:
        def __init__(self) -> None:
            made.events += 1

        def __del__(self) -> None:
            if made.depth() or threading.get_ident() == made.opened_by:
                made.events -= 1

        def record(self, stream: Stream) -> Event:
            if not made.depth():
                raise RefusedError("invalid device context")
            self.stream = stream.handle
            return self

        def synchronize(self) -> None:
            made.asked.append(("waited for", self.stream))

        def time_since(self, _other: Event) -> float:
            return 0.5

    context = SimpleNamespace(push=lambda: made.depth(1), detach=lambda: None)
    gpu = SimpleNamespace(
        compute_capability=lambda: (8, 9), name=lambda: "A GPU", retain_primary_context=lambda: context
    )
    module = ModuleType("pycuda.driver")
    vars(module).update(
        init=lambda: None, Device=lambda _ordinal: gpu, Error=RefusedError, Event=Event,
        Stream=lambda _flags: Stream(made), memcpy_htod_async=made.copied,
        Context=SimpleNamespace(pop=lambda: made.depth(-1)),
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, "pycuda", ModuleType("pycuda"))
    monkeypatch.setitem(sys.modules, "pycuda.driver", module)
    return made


def timed(device: Device) -> dict[str, float]:
    """A frame's stages."""
    stages: dict[str, float] = {}
    laps = Laps(device, stages)
    for stage in ("upload", "engine", "download"):
        laps.end(stage)
    device.synchronize()
    laps.tell()
    return stages


def test_hours_of_frames_in_a_thread_of_their_own_leave_no_events_behind(driver: Driver) -> None:
    device = PycudaDevice()
    with ThreadPoolExecutor(1) as painting:
        for _ in range(50):
            assert painting.submit(timed, device).result() == {"upload": 0.5, "engine": 0.5, "download": 0.5}
        assert painting.submit(driver.depth).result() == 0
    assert driver.events <= 8
    device.close()
    assert driver.events == 0


def test_a_copy_ahead_is_on_a_stream_of_its_own_which_the_other_follows(driver: Driver) -> None:
    device = PycudaDevice()
    copy_ahead(device)
    assert driver.asked == AHEAD
    device.close()


def test_what_the_driver_refuses_is_an_error_of_ours(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    device = PycudaDevice()
    monkeypatch.setattr(driver, "depth", lambda _change=0: 0)
    with pytest.raises(EngineError, match="CUDA cannot mark the time: invalid device context"):
        device.mark()
