"""cuda.core's device, over a double of the packages: a driver that answers only where its context is current."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

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

    def made_current(self) -> None:
        self.threads.add(threading.get_ident())

    def raised(self) -> None:
        if threading.get_ident() not in self.threads:
            raise RuntimeError("CUDA_ERROR_INVALID_CONTEXT")

    def answered(self, *values: object) -> tuple[object, ...]:
        current = threading.get_ident() in self.threads
        return (SimpleNamespace(name="SUCCESS" if current else "CUDA_ERROR_INVALID_CONTEXT"), *values)


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Driver:
    made = Driver()

    def launch(_stream: object, _config: object, kernel: str, *_arguments: object) -> None:
        made.raised()
        made.launched.append(kernel)

    stream = SimpleNamespace(handle=7, record=lambda options: made.raised(), sync=made.raised, close=made.raised)
    gpu = SimpleNamespace(name="A GPU", arch="89", set_current=made.made_current, create_stream=lambda options: stream)
    calls: dict[str, Any] = {
        name: (lambda *_arguments: made.answered())
        for name in ("cuMemFree", "cuMemFreeHost", "cuMemcpyHtoDAsync", "cuMemcpyDtoHAsync", "cuMemcpyDtoDAsync")
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
            "CUresult": SimpleNamespace(CUDA_SUCCESS=Success()),
        },
    }  # fmt: skip
    for name, held in modules.items():
        module = ModuleType(name)
        vars(module).update(held, __path__=[])
        monkeypatch.setitem(sys.modules, name, module)
    return made


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


def test_what_the_driver_refuses_is_an_error_of_ours(driver: Driver) -> None:
    device = CudaCoreDevice()
    driver.threads.clear()
    with pytest.raises(EngineError, match="CUDA_ERROR_INVALID_CONTEXT"):
        device.alloc(64)
    with pytest.raises(EngineError, match="CUDA cannot finish: CUDA_ERROR_INVALID_CONTEXT"):
        device.synchronize()
