"""The process that compiles: it ends when it is asked to, is killed or its parent is, and leaves nothing."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

pytest.importorskip("onnxruntime")

from runtimes_networks import network
from tensorrt_machine import Machine, machine_with_tensorrt

from mien.engines.runtimes import tensorrt_build
from mien.engines.runtimes.tensorrt_plans import PlanCache
from mien.realtime.errors import EngineError

_LONG_S = 60.0


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Machine:
    network()
    return machine_with_tensorrt(monkeypatch, tmp_path)


def pid_in(phase: str) -> int:
    found = re.search(r"in process (\d+)$", phase)
    assert found is not None
    return int(found.group(1))


def stopped_at_the_first_step(machine: Machine) -> int:
    """Build, and cancel as soon as it tells anything; returns the process's id."""
    stop = threading.Event()
    pids: list[int] = []

    def told(phase: str, _share: float) -> None:
        pids.append(pid_in(phase))
        stop.set()

    assert not machine.preparation(network()).run(told, stop)
    return pids[0]


def test_a_build_that_is_cancelled_ends_by_itself_and_leaves_nothing(machine: Machine) -> None:
    machine.be(fault="endless")
    assert not psutil.pid_exists(stopped_at_the_first_step(machine))
    assert machine.plans() == []
    assert machine.left_behind() == []


def test_a_build_that_does_not_heed_is_killed(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensorrt_build, "_GRACE_S", 0.2)
    machine.be(fault="endless,deaf")
    assert not psutil.pid_exists(stopped_at_the_first_step(machine))
    assert machine.left_behind() == []


def test_a_build_that_is_stopped_before_it_begins(machine: Machine) -> None:
    stop = threading.Event()
    stop.set()
    assert not machine.preparation(network()).run(lambda _phase, _share: None, stop)
    assert machine.plans() == []


def test_a_build_that_is_killed_says_so_and_the_next_succeeds(machine: Machine) -> None:
    machine.be(fault="endless")
    with pytest.raises(EngineError, match=r"did not compile the network 'tiny': its process ended with status -9"):
        machine.preparation(network()).run(
            lambda phase, _share: os.kill(pid_in(phase), signal.SIGKILL), threading.Event()
        )
    assert machine.plans() == []
    assert machine.left_behind() == []
    machine.be(fault="")
    assert machine.prepare(network())


def test_nothing_is_run_that_lies_in_the_folder_where_mien_was_started(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    (downloads / "json.py").write_text("raise SystemExit('a stranger's module was run')", encoding="utf-8")
    monkeypatch.chdir(downloads)
    assert machine.prepare(network())


def test_ctrl_c_in_the_middle_ends_the_build_and_leaves_nothing(machine: Machine) -> None:
    machine.be(fault="endless")
    pids: list[int] = []

    def told(phase: str, _share: float) -> None:
        pids.append(pid_in(phase))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        machine.preparation(network()).run(told, threading.Event())
    assert not psutil.pid_exists(pids[0])
    assert machine.plans() == []
    assert machine.left_behind() == []


def test_the_monitor_ends_a_build_at_its_next_step(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    from mien.engines.runtimes.tensorrt_builder import Lines, Monitor

    stop = threading.Event()
    monitor = Monitor(Lines(), stop)
    monitor.phase_start("whole", None, 2)
    monitor.phase_start("part", "whole", 0)
    assert monitor.step_complete("part", 0)
    stop.set()
    assert not monitor.step_complete("part", 1)
    monitor.phase_finish("part")
    monitor.phase_finish("part")
    assert not monitor.step_complete("unheard of", 3)
    lines = capsys.readouterr().out.splitlines()
    assert lines == ['{"phase": "whole", "share": 0.5}'] * 2


def test_the_end_of_its_input_ends_it_in_order(machine: Machine, tmp_path: Path) -> None:
    machine.be(fault="endless")
    source, plan, timing = (tmp_path / name for name in ("network", "plan", "timing"))
    source.write_bytes(network().onnx)
    timing.write_bytes(b"")
    command = [sys.executable, "-m", "mien.engines.runtimes.tensorrt_builder", *map(str, (source, plan, timing))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as build:
        assert build.stdout is not None
        assert build.stdout.readline()
        build.communicate(timeout=_LONG_S)
    assert build.returncode == 3
    assert not plan.exists()


_PARENT = """
import sys, threading
from pathlib import Path
from mien.engines.runtimes.tensorrt_build import compile_network
from mien.engines.runtimes.tensorrt_plans import PlanCache
with PlanCache().workshop() as folder:
    told = lambda phase, share: print(phase, flush=True)
    compile_network(Path(sys.argv[1]).read_bytes(), b"", folder, name="tiny", told=told, stop=threading.Event())
"""


def test_when_the_parent_is_killed_the_build_ends_and_the_next_cleans_up(machine: Machine, tmp_path: Path) -> None:
    machine.be(fault="endless")
    source = tmp_path / "tiny.onnx"
    source.write_bytes(network().onnx)
    with subprocess.Popen([sys.executable, "-c", _PARENT, str(source)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(pid_in(parent.stdout.readline().strip()))
        parent.kill()
    child.wait(_LONG_S)
    (left,) = machine.left_behind()
    assert left.startswith(f".building-{parent.pid}-")
    machine.be(fault="")
    assert machine.prepare(network())
    assert machine.left_behind() == []


def test_a_build_of_another_running_process_is_left_alone(machine: Machine) -> None:
    with PlanCache().workshop() as folder:
        assert machine.prepare(network())
        assert folder.is_dir()
    assert not folder.exists()
