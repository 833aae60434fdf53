"""`python -m mien.engines.runtimes.tensorrt_builder`: compiles one network, in a process of its own.

A process of its own, because a build takes minutes and gigabytes, cannot be interrupted from another thread at every
point, and must not take a live run with it when it crashes. `mien.engines.runtimes.tensorrt_build` starts it and reads
its lines: each is a JSON object with "phase" and "share" (0..1 of it), or "error". The end of its
standard input, by which the parent cancels, also comes when the parent dies.

One code path for TensorRT 10.8 to 11: the network is strongly typed, which is the only kind that 11 knows.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import tensorrt as trt

from mien.engines.runtimes.tensorrt_log import Log

#: Exit statuses.
BUILT, FAILED, CANCELLED = 0, 1, 3
#: TensorRT's memory beside the weights, bytes. Games and encoders share the GPU with the build.
_WORKSPACE_BYTES = 2**30
#: A build that was cancelled and comes to no next step is ended the hard way after this time, seconds.
_GRACE_S = 10.0


class BuildError(Exception):
    """TensorRT does not take the network; the text says why."""


class Lines:
    """The lines for the parent; from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def tell(self, **line: object) -> None:
        """Write one line."""
        with self._lock:
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()


@dataclass(slots=True)
class _Phase:
    parent: str | None
    steps: int
    done: float = 0.0


class Monitor(trt.IProgressMonitor):
    """Tells how far the build is, and ends it when asked. TensorRT calls it from several threads.

    Args:
        lines: where to.
        stop: set to end the build at its next step.

    """

    def __init__(self, lines: Lines, stop: threading.Event) -> None:
        super().__init__()
        self._lines = lines
        self._stop = stop
        self._lock = threading.Lock()
        self._phases: dict[str, _Phase] = {}

    @property
    def ended(self) -> bool:
        """Whether it was asked to end the build."""
        return self._stop.is_set()

    def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
        """Note a phase, which lies in one step of its parent."""
        with self._lock:
            self._phases[phase_name] = _Phase(parent_phase, max(num_steps, 1))

    def step_complete(self, phase_name: str, step: int) -> bool:
        """Tell the share of the outermost phase; False ends the build."""
        with self._lock:
            name, phase = phase_name, self._phases.get(phase_name)
            if phase is not None:
                phase.done = min(step + 1, phase.steps)
            inner = 0.0
            while phase is not None:
                share = min((phase.done + inner) / phase.steps, 1.0)
                parent = None if phase.parent is None else self._phases.get(phase.parent)
                if parent is None:
                    self._lines.tell(phase=name, share=round(share, 4))
                else:
                    name = str(phase.parent)
                phase, inner = parent, share
        return not self.ended

    def phase_finish(self, phase_name: str) -> None:
        """Forget a phase, which may end before its last step."""
        with self._lock:
            self._phases.pop(phase_name, None)


def build(network: bytes, timing: bytes, monitor: Monitor, log: Log) -> tuple[bytes, bytes] | None:
    """Compile a network.

    Args:
        network: ONNX, in the types it is to be computed in.
        timing: what an earlier build measured; may be empty.
        monitor: told of each step.
        log: gets TensorRT's messages.

    Returns:
        The plan, and what this build measured; None if the monitor ended it.

    Raises:
        BuildError: the parser refuses the network, or the builder fails.

    """
    builder = trt.Builder(log)
    definition = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(definition, log)
    if not parser.parse(network):
        found = [parser.get_error(i) for i in range(parser.num_errors)]
        told = "; ".join(f"{' '.join(each.desc().split())} (node {each.node()})" for each in found)
        raise BuildError(f"its parser says: {told or log.take() or 'nothing'}")
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, _WORKSPACE_BYTES)
    config.progress_monitor = monitor
    cache = config.create_timing_cache(timing)
    # Of another GPU or version it is refused, and this build measures for itself.
    if not config.set_timing_cache(cache, ignore_mismatch=False):
        cache = config.create_timing_cache(b"")
        config.set_timing_cache(cache, ignore_mismatch=False)
    plan = builder.build_serialized_network(definition, config)
    if plan is None:
        if monitor.ended:
            return None
        raise BuildError(f"its builder says: {log.take() or 'nothing'}")
    return bytes(plan), bytes(cache.serialize())


def main(arguments: list[str]) -> int:
    """Compile the network of the first path into the second; the third has and gets the timings.

    Returns:
        An exit status.

    """
    network, plan, timing = (Path(each) for each in arguments)
    lines, stop = Lines(), threading.Event()
    threading.Thread(target=_watch, args=(stop,), daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(10)
    try:
        made = build(network.read_bytes(), timing.read_bytes(), Monitor(lines, stop), Log())
    except (BuildError, TypeError, MemoryError) as error:
        # TypeError is the bindings' word for a null pointer: no CUDA device, or no memory.
        lines.tell(error=str(error))
        return FAILED
    if made is None:
        return CANCELLED
    plan.write_bytes(made[0])
    timing.write_bytes(made[1])
    return BUILT


def _watch(stop: threading.Event) -> None:
    """Wait for the end of the standard input."""
    # Not by `sys.stdin`, whose lock this thread would still hold when the interpreter ends.
    while os.read(0, 1):
        pass
    stop.set()
    # A daemon thread's timer: it ends with the process when the build heeds the monitor.
    threading.Event().wait(_GRACE_S)
    os._exit(CANCELLED)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
