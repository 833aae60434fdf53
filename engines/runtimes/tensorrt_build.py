"""Has a network compiled by TensorRT in a process of its own: progress, cancel, and nothing half done left behind."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Final

from mien.engines.runtimes.base import Told
from mien.realtime.errors import EngineError

_MODULE: Final = "mien.engines.runtimes.tensorrt_builder"
#: How often it is looked whether the build is to end, seconds.
_LOOK_S: Final = 0.1
#: Time for a build to end by itself, seconds; then it is killed.
_GRACE_S: Final = 5.0
_CANCELLED: Final = 3
_WINDOWS_FLAGS: Final = getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0) | getattr(
    subprocess, "CREATE_NEW_PROCESS_GROUP", 0
)
#: So much of what the process wrote elsewhere is told, characters.
_TOLD: Final = 400


def compile_network(
    network: bytes, timing: bytes, folder: Path, *, name: str, told: Told, stop: threading.Event
) -> tuple[bytes, bytes] | None:
    """Compile a network; takes from ten seconds to minutes.

    Args:
        network: ONNX, in the types it is to be computed in.
        timing: what an earlier build gave; may be empty.
        folder: for this build alone; the caller deletes it.
        name: of the network, for messages.
        told: gets the phase and how much of it is done.
        stop: set it to end the build.

    Returns:
        The plan, and the timings for the next build; None if it was stopped.

    Raises:
        EngineError: TensorRT refuses the network, or its process ended before it was done.

    """
    source, plan, timings = folder / "network.onnx", folder / "plan", folder / "timing"
    source.write_bytes(network)
    timings.write_bytes(timing)
    with (folder / "errors").open("w+b") as errors:
        build = subprocess.Popen(
            # -P: no module is taken from the folder in which Mien was started.
            [sys.executable, "-P", "-m", _MODULE, str(source), str(plan), str(timings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            # A Ctrl-C is this process's to handle. Elsewhere than on Windows the build lowers its own priority.
            start_new_session=True,
            creationflags=_WINDOWS_FLAGS,
        )
        try:
            problem = _follow(build, told, stop)
        finally:
            _end(build)
        errors.seek(0)
        elsewhere = errors.read().decode(errors="replace").strip()[-_TOLD:]
    if stop.is_set() or build.returncode == _CANCELLED:
        return None
    if problem or build.returncode != 0:
        how = problem or f"its process ended with status {build.returncode}{f': {elsewhere}' if elsewhere else ''}"
        raise EngineError(f"TensorRT did not compile the network {name!r}: {how}.")
    return plan.read_bytes(), timings.read_bytes()


def _follow(build: subprocess.Popen[bytes], told: Told, stop: threading.Event) -> str:
    """Pass on what a build tells until it ends or is to end; returns what went wrong, if it says so."""
    assert build.stdout is not None
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(build.stdout, lines), name="mien-build", daemon=True).start()
    problem = ""
    while not stop.is_set():
        try:
            line = lines.get(timeout=_LOOK_S)
        except queue.Empty:
            continue
        if not line:
            break
        said = _parsed(line)
        problem = str(said.get("error", problem))
        share = said.get("share")
        if isinstance(share, float | int):
            told(str(said.get("phase")), float(share))
    return problem


def _read(stream: IO[bytes], lines: queue.SimpleQueue[bytes]) -> None:
    with stream:
        for line in stream:
            lines.put(line)
    # The end.
    lines.put(b"")


def _parsed(line: bytes) -> dict[str, object]:
    """The object in a line; libraries that write to the same stream are passed over."""
    try:
        said = json.loads(line)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _end(build: subprocess.Popen[bytes]) -> None:
    """See that a build is over: asked to, then killed."""
    assert build.stdin is not None
    build.stdin.close()
    try:
        build.wait(_GRACE_S)
    except subprocess.TimeoutExpired:
        build.kill()
        build.wait()
