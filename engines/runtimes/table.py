"""The one table of the runtimes. Nothing else in Mien branches on a runtime's name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final, Literal

from mien.engines.runtimes.base import (
    DEFAULT_THREADS,
    Buffers,
    NetworkFile,
    Preparation,
    Runner,
    Wanted,
    check_options,
)
from mien.engines.runtimes.cpu import bfloat16_feature
from mien.engines.runtimes.openvino_runtime import plays_integers
from mien.engines.runtimes.packages import is_installed
from mien.engines.runtimes.rows import ONNXRUNTIME, OPENVINO, TABLE, Order, Row
from mien.engines.runtimes.verify import TOLERANCES, Tolerance, compare, sample_for
from mien.realtime.closing import closed_on_failure
from mien.realtime.errors import ConfigError, EngineError, MissingExtraError, ModelError
from mien.realtime.frame import Floats

if TYPE_CHECKING:
    from torch import nn

Device = Literal["auto", "cpu", "cuda"]
#: "auto" takes the first of the table that is installed, possible, and agrees with the reference.
AUTO: Final = "auto"


@dataclass(frozen=True, slots=True)
class Opened:
    """A runner, and why it is this one.

    Attributes:
        runner: ready to run.
        reason: one sentence for the console and every report.
        passed_over: a line for each runtime that stands before it in the table: what it lacks, or why it was refused.

    """

    runner: Runner
    reason: str
    passed_over: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class State:
    """Whether a runtime can be had on this machine.

    Attributes:
        name: to ask for it by.
        device: where it would run.
        problem: what is missing, with the command that helps; empty if nothing is.
        automatic: "auto" may take it.
        note: what a user should know of it.

    """

    name: str
    device: str
    problem: str
    automatic: bool
    note: str


def open_runner(
    network: NetworkFile,
    *,
    runtime: str = AUTO,
    device: Device = "auto",
    threads: int = DEFAULT_THREADS,
    precision: Wanted = "auto",
    module: Callable[[], nn.Module] | None = None,
    sample: Mapping[str, Floats] | None = None,
    tolerance: Tolerance | None = None,
) -> Opened:
    """Load a network with the best runtime of this machine, and compare it with a reference.

    Called off the live path; takes from half a second to a few seconds.

    Args:
        network: what to run.
        runtime: "auto" or a name of `runtime_names`. One that was named is taken, or it is an error.
        device: "cpu", "cuda", or "auto" for the GPU where TensorRT has compiled the network, or PyTorch has one and
            `module` is given, else the CPU.
        threads: on the CPU; 0 leaves the number to the runtime.
        precision: see `Wanted`.
        module: the same network for PyTorch (see `mien.engines.runtimes.torch_runtime.with_state`); without it
            PyTorch cannot be taken.
        sample: inputs to compare with, like those it will be given; default: uniform in 0..1, seeded.
        tolerance: default: that of the runner's precision in `mien.engines.runtimes.verify.TOLERANCES`.

    Raises:
        ConfigError: a runtime that does not exist (the nearest is named), is not for this device, or threads that
            are no number of them.
        MissingExtraError: the runtime that was named is not installed.
        EngineError: none can be had, or the one that was named cannot, or its outputs are not the network's.
        ModelError: the one that was named refuses the network.

    """
    check_options(threads, precision)
    # Through buffers, so that a sample of other names or shapes is the caller's error, not a runtime's.
    buffers = Buffers.zeros(network)
    buffers.fill(sample_for(network) if sample is None else sample)
    order = Order(network, threads, precision, module, buffers.inputs)
    if runtime != AUTO:
        return _open_named(_named(runtime, device, module is not None), order, tolerance)
    passed: dict[str, str] = {}
    refused: dict[str, str] = {}
    for row in TABLE:
        if not row.automatic or device not in (AUTO, row.device):
            continue
        problem = _problem(row, order)
        if not problem:
            try:
                opened = _opened(row, order, tolerance, _why(refused), refused)
                return replace(opened, passed_over=tuple(f"{title}: {why}" for title, why in passed.items()))
            except (EngineError, ModelError, MissingExtraError) as error:
                problem = refused[row.title] = error.message.rstrip(".")
        passed[row.title] = problem
    lines = "; ".join(f"{title}: {problem}" for title, problem in passed.items())
    hint = "Run `pip install openvino`." if OPENVINO.missing() else ""
    if device == "cuda":
        hint = "Leave the device at `auto`, or name a runtime; Mien never takes another device than the one asked for."
    raise EngineError(f"No runtime can run the network {network.name!r}. {lines}.", hint=hint)


def preparations(
    network: NetworkFile,
    *,
    device: Device = "auto",
    threads: int = DEFAULT_THREADS,
    precision: Wanted = "auto",
) -> tuple[Preparation, ...]:
    """What "auto" has to do here before it can take a runtime that stands further up in the table.

    Called off the live path: imports what it looks at.

    Raises:
        EngineError: what was prepared before cannot be looked at.

    """
    order = Order(network, threads, precision, None, sample_for(network))
    made = [prepare(order) for prepare in _prepared_by(device)]
    return tuple(each for each in made if each is not None)


def prepares(device: Device) -> bool:
    """Whether there is a runtime here that `preparations` could find work for; reads no network."""
    return bool(_prepared_by(device))


def runtime_names() -> tuple[str, ...]:
    """What can be asked for by name, besides "auto"."""
    return tuple(dict.fromkeys(row.name for row in TABLE))


def runtime_states() -> tuple[State, ...]:
    """What of the table can be had here, in its order. May import ONNX Runtime, and PyTorch beside an NVIDIA driver."""
    return tuple(State(row.name, row.device, row.missing(), row.automatic, row.note) for row in TABLE)


def _prepared_by(device: Device) -> list[Callable[[Order], Preparation | None]]:
    rows = (row for row in TABLE if row.automatic and device in (AUTO, row.device))
    return [row.prepare for row in rows if row.prepare is not None and not row.missing()]


def _named(runtime: str, device: Device, has_module: bool) -> Row:
    names = runtime_names()
    if runtime not in names:
        near = get_close_matches(runtime, names, 1, 0.4)
        raise ConfigError(
            f"There is no runtime {runtime!r}; allowed are {', '.join((AUTO, *names))}.",
            hint=f"Did you mean {near[0]!r}?" if near else "",
        )
    rows = [row for row in TABLE if row.name == runtime and device in (AUTO, row.device)]
    if not rows:
        raise ConfigError(
            f"The runtime {runtime!r} does not run on {device!r}.", hint="Leave the device or the runtime at `auto`."
        )
    # Only PyTorch has two rows; the GPU's comes first, and is left only where there is none.
    return next((row for row in rows if has_module and not row.missing()), rows[-1])


def _open_named(row: Row, order: Order, tolerance: Tolerance | None) -> Opened:
    problem = _problem(row, order)
    if problem:
        kind = EngineError if is_installed(row.package) else MissingExtraError
        raise kind(
            f"The runtime {row.title} was asked for and cannot be had: {problem}.",
            hint="Or leave the runtime at `auto`.",
        )
    return _opened(row, order, tolerance, "it was asked for", {})


def _opened(row: Row, order: Order, tolerance: Tolerance | None, why: str, refused: Mapping[str, str]) -> Opened:
    try:
        return _verified_one(row, order, tolerance, why, refused)
    except (EngineError, ModelError) as error:
        # In another precision it is still sooner than the runtimes below it.
        if row is not OPENVINO or order.precision != AUTO or not plays_integers(order.network, order.precision):
            raise
        why = f"{why}; its 8-bit layers were refused: {error.message.rstrip('.')}"
    return _verified_one(row, replace(order, network=replace(order.network, int8=b"")), tolerance, why, refused)


def _verified_one(row: Row, order: Order, tolerance: Tolerance | None, why: str, refused: Mapping[str, str]) -> Opened:
    runner = row.make(order)
    with closed_on_failure(runner):
        verdict = _verified(runner, row, order, tolerance, refused)
    reason = f"{row.title} with {runner.precision}: {why}{_processor(row, runner, order)}; {verdict}"
    return Opened(runner, reason, ())


def _verified(runner: Runner, row: Row, order: Order, tolerance: Tolerance | None, refused: Mapping[str, str]) -> str:
    reference = _reference(row, runner, order, refused)
    if reference is None:
        return "not verified, as there is no other runtime to compare it with"
    try:
        title = f"{reference.name} in {reference.precision}"
        expected = reference(order.sample)
        compared = compare(runner(order.sample), expected, tolerance or TOLERANCES[runner.precision])
    finally:
        reference.close()
    measured = ", ".join(each.text for each in compared)
    if not all(each.within for each in compared):
        raise EngineError(
            f"{row.title} with {runner.precision} does not give what {title} gives for the network "
            f"{order.network.name!r} ({measured}).",
            hint="Ask for another runtime"
            + (", or for the precision `float32`." if runner.precision in ("bfloat16", "int8") else "."),
        )
    return f"verified with {title} ({measured})"


def _reference(row: Row, runner: Runner, order: Order, refused: Mapping[str, str]) -> Runner | None:
    """Open another runtime in float32 on the CPU: ONNX Runtime, else OpenVINO; None where there is none."""
    for other in (ONNXRUNTIME, OPENVINO):
        # One that was refused is no judge, and a runner that is the reference itself proves nothing.
        same = other is row and (order.network.quantised or runner.precision not in ("bfloat16", "int8"))
        if other.missing() or other.title in refused or same:
            continue
        try:
            return other.make(Order(order.network, order.threads, "float32", None, order.sample))
        except (EngineError, ModelError, MissingExtraError):
            continue
    return None


def _problem(row: Row, order: Order) -> str:
    if row.package == "torch" and order.module is None:
        return "it does not read ONNX, and this network comes without a module of PyTorch"
    return row.missing()


def _why(refused: Mapping[str, str]) -> str:
    if not refused:
        return "the fastest that is installed"
    lines = "; ".join(f"{title} was refused: {problem}" for title, problem in refused.items())
    return f"the fastest that works here ({lines})"


def _processor(row: Row, runner: Runner, order: Order) -> str:
    if runner.precision == "int8" and not order.network.quantised:
        return "; this CPU computes 8-bit integers soonest" if order.precision == AUTO else "; 8 bits were asked for"
    if row.device == "cpu" and runner.precision == "bfloat16":
        return f"; this CPU has {bfloat16_feature() or 'bfloat16 instructions'}"
    # Only OpenVINO knows this on every system.
    if row is OPENVINO and runner.precision == "float32" and order.precision == AUTO:
        return "; this CPU has no bfloat16 instructions"
    return ""
