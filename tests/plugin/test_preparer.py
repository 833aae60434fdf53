"""A run serves by another runtime while TensorRT compiles, and changes to it between two frames."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from tensorrt_machine import Machine, machine_with_tensorrt

from mien.plugin import Live, LiveConfig

pytest.importorskip("onnxruntime")
pytest.importorskip("openvino")

_LONG_S = 120.0


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Machine:
    return machine_with_tensorrt(monkeypatch, tmp_path)


class SlowClock:
    """The system's clock at a quarter of its speed: a machine that takes seconds for a frame still has time for it."""

    slowness = 4

    def now_ns(self) -> int:
        return time.monotonic_ns() // self.slowness

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        return stop.wait(max(seconds, 0.0) * self.slowness)


def config(**changes: Any) -> LiveConfig:
    # So few frames a second that a busy machine, too, keeps the engine that it has.
    base = {"source": "pattern", "persona": "mateo", "engine": "swapnet", "sinks": ("null",), "fps": 2.0}
    return LiveConfig.build({**base, **changes})


def soon(live: Live, what: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + _LONG_S
    while not what() and time.monotonic() < deadline:
        live.wait(0.05)
    return what()


def builds() -> list[psutil.Process]:
    return [child for child in psutil.Process().children(recursive=True) if is_build(child)]


def is_build(process: psutil.Process) -> bool:
    try:
        return any("tensorrt_builder" in word for word in process.cmdline())
    except psutil.Error:
        # It ended meanwhile.
        return False


def test_another_runtime_serves_and_the_change_comes_between_two_frames(machine: Machine) -> None:
    events: list[str] = []
    kinds: list[str] = []
    # The last picture may stay for 1.5 s before the slate comes: by this clock it is six.
    with Live(config(), clock=SlowClock(), on_event=events.append) as live:
        first = live.stats()["engine"]
        assert first["runtime"] == "openvino"
        deadline = time.monotonic() + _LONG_S
        for frame in live:
            kinds.append(frame.kind)
            if live.stats()["engine"]["runtime"] == "tensorrt" and kinds[-5:] == ["persona"] * 5:
                break
            assert time.monotonic() < deadline, events
        last = live.stats()
    assert last["engine"]["device"] == "cuda:0"
    assert last["last_error"] == ""
    assert "tensorrt with float16: the fastest that is installed" in last["engine"]["reason"]
    shown = kinds[kinds.index("persona") :]
    assert set(shown) == {"persona"}
    told = [event for event in events if "TensorRT" in event or event.startswith("engine: ")]
    assert told[:-1] == [
        text
        for network in ("the encoder", "the small decoder")
        for text in (
            f"TensorRT compiles {network}; another runtime serves meanwhile",
            *(f"TensorRT compiles {network}: {percent} %" for percent in (25, 50, 75)),
        )
    ]
    assert told[-1].startswith("engine: swapnet-small (")
    # The next run begins with it, and compiles nothing.
    events.clear()
    with Live(config(), on_event=events.append) as live:
        assert live.stats()["engine"]["runtime"] == "tensorrt"
    assert not any("compiles" in event for event in events)


def test_what_cannot_be_compiled_leaves_the_engine_and_says_why(machine: Machine) -> None:
    machine.be(fault="parser")
    events: list[str] = []
    with Live(config(), on_event=events.append) as live:
        assert soon(live, lambda: sum("it stays so: TensorRT did not compile" in each for each in events) == 2)
        assert live.stats()["engine"]["runtime"] == "openvino"


def test_the_end_of_a_run_ends_what_compiles(machine: Machine) -> None:
    machine.be(fault="endless")
    with Live(config()) as live:
        assert soon(live, lambda: bool(builds()))
    assert builds() == []
    assert machine.plans() == []
    assert machine.left_behind() == []


def test_another_persona_ends_what_compiles_for_the_one_before(machine: Machine) -> None:
    machine.be(fault="endless")
    with Live(config(engine="auto", persona="amara")) as live:
        assert live.wait_ready(_LONG_S)
        assert soon(live, lambda: bool(builds()))
        live.set_persona("viggo")
        assert soon(live, lambda: not builds())
        # It is worn from the next frame on.
        assert soon(live, lambda: live.stats()["engine"]["name"] == "mesh")


def test_a_conversion_waits_for_nothing(machine: Machine) -> None:
    events: list[str] = []
    with Live(config(pace=False), on_event=events.append) as live:
        assert next(iter(live)).kind
        assert live.stats()["engine"]["runtime"] == "openvino"
    assert not any("compiles" in event for event in events)
    assert builds() == []
