"""cuda.core's device, over a double of the packages: a driver that answers only where its context is current."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from copies_ahead import AHEAD, copy_ahead

from mien.engines.cuda.cuda_core_device import CudaCoreDevice
from mien.engines.cuda.device import Device
from mien.engines.cuda.kernels import KERNELS
from mien.realtime.errors import EngineError

FADE = KERNELS["fade"].launch(picture=1, pitch=3, other=1, other_pitch=3, width=1, height=1, share=0.5)


class Driver:
    """What both packages ask of CUDA. A context is current in the threads that made it so, as the real one is."""

    def __init__(self) -> None:
        self.threads: set[int] = set()
        self.launched: list[str] = []
        self.memory = iter(range(1 << 20, 1 << 30, 1 << 10))
        self.handles = iter((7, 8))
        self.asked: list[tuple[str, int]] = []

    def made_current(self) -> None:
        self.threads.add(threading.get_ident())

    def raised(self) -> None:
        if threading.get_ident() not in self.threads:
            raise RuntimeError("CUDA_ERROR_INVALID_CONTEXT")

    def answered(self, *values: object) -> tuple[object, ...]:
        current = threading.get_ident() in self.threads
        return (SimpleNamespace(name="SUCCESS" if current else "CUDA_ERROR_INVALID_CONTEXT"), *values)

    def copied(self, _to: int, _from: int, _size: int, stream: int) -> tuple[object, ...]:
        self.asked.append(("copy", stream))
        return self.answered()


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Driver:
    made = Driver()

    def launch(_stream: object, _config: object, kernel: str, *_arguments: object) -> None:
        made.raised()
        made.launched.append(kernel)

    gpu = SimpleNamespace(
        name="A GPU", arch="89", set_current=made.made_current, create_stream=lambda options: Stream(made)
    )
    calls: dict[str, Any] = {
        name: (lambda *_arguments: made.answered())
        for name in ("cuMemFree", "cuMemFreeHost", "cuMemcpyDtoHAsync", "cuMemcpyDtoDAsync")
    }
    modules = {
        "cuda": {},
        "cuda.core": {
            "Device": lambda _ordinal: gpu, "StreamOptions": dict, "EventOptions": dict, "LaunchConfig": dict,
            "launch": launch,
            "ObjectCode": SimpleNamespace(from_fatbin=lambda _image: SimpleNamespace(get_kernel=lambda name: name)),
        },
        "cuda.bindings": {},
        "cuda.bindings.driver": calls | {
            "cuMemAlloc": lambda _size: made.answered(next(made.memory)),
            "cuMemcpyHtoDAsync": made.copied,
            "CUresult": SimpleNamespace(CUDA_SUCCESS=Success()),
        },
    }  # fmt: skip
    for name, held in modules.items():
        module = ModuleType(name)
        vars(module).update(held, __path__=[])
        monkeypatch.setitem(sys.modules, name, module)
    return made


class Stream:
    """One of the two, with the events on it."""

    def __init__(self, driver: Driver) -> None:
        self._driver, self.handle = driver, next(driver.handles)
        self.sync = self.close = driver.raised

    def record(self, options: object) -> SimpleNamespace:
        self._driver.raised()
        return SimpleNamespace(stream=self.handle, sync=lambda: self._asked("waited for", self.handle))

    def wait(self, event: SimpleNamespace) -> None:
        self._asked(f"{self.handle} follows", event.stream)

    def _asked(self, what: str, stream: int) -> None:
        self._driver.raised()
        self._driver.asked.append((what, stream))


class Success:
    """Equal to an answer that says so."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return getattr(other, "name", "") == "SUCCESS"


def frame(device: Device) -> None:
    """What a painter asks of a device for a frame."""
    device.mark()
    address = device.alloc(64)
    device.upload(address, np.zeros(64, np.uint8))
    device.copy(address, address, 64)
    device.launch(FADE)
    device.download(np.empty(64, np.uint8), address)
    device.synchronize()
    device.free(address)


def test_frames_are_painted_in_another_thread_than_the_one_that_opened_the_gpu(driver: Driver) -> None:
    device = CudaCoreDevice()
    device.load(b"image")
    frame(device)
    with ThreadPoolExecutor(1) as painting:
        painting.submit(frame, device).result()
        painting.submit(frame, device).result()
    assert driver.launched == ["fade"] * 3
    device.close()
    assert device.name == "A GPU, sm_89"


def test_a_copy_ahead_is_on_a_stream_of_its_own_which_the_other_follows(driver: Driver) -> None:
    device = CudaCoreDevice()
    copy_ahead(device)
    assert driver.asked == AHEAD
    device.close()


def test_what_the_driver_refuses_is_an_error_of_ours(driver: Driver) -> None:
    device = CudaCoreDevice()
    driver.threads.clear()
    with pytest.raises(EngineError, match="CUDA_ERROR_INVALID_CONTEXT"):
        device.alloc(64)
    with pytest.raises(EngineError, match="CUDA cannot finish: CUDA_ERROR_INVALID_CONTEXT"):
        device.synchronize()
