"""What every runtime is given and gives: a checked network, fixed buffers, and a runner."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal, Protocol, get_args

import numpy as np

from mien.engines.runtimes.graph import MAX_BYTES, Port, read_graph
from mien.engines.runtimes.integer_weights import with_weights
from mien.realtime.errors import ConfigError, EngineError, ModelError
from mien.realtime.frame import Floats

#: Number format of a runner's arithmetic. "int8" is that of a network whose layers are quantised; "float16" has float32
#: where float16 is not enough (see `mien.engines.runtimes.mixed`).
Precision = Literal["bfloat16", "float16", "float32", "int8"]
#: What may be asked for: "auto" is 8-bit layers where there are any and the processor computes them sooner, then
#: bfloat16 where it has instructions for it, else float32. Only OpenVINO takes the 8-bit layers beside a network.
Wanted = Literal["auto", "bfloat16", "float32", "int8"]
Shapes = Mapping[str, tuple[int, ...]]
#: Told what is being done, and how much of it is done, 0..1.
Told = Callable[[str, float], None]

#: The live path shares a laptop's cores with the tracker: where there are two, the other one is the tracker's. A second
#: thread, which has to wait for that core, made the network no faster there, and cost a fifth more of the processor.
DEFAULT_THREADS: Final = 2 if (os.cpu_count() or 1) > 2 else 1
_MOST_THREADS: Final = 256


class Runner(Protocol):
    """A network that is loaded and ready to run.

    Called by an engine, on one thread at a time, once for each frame (batch 1, fixed shapes).

    Attributes:
        name: "openvino", "onnxruntime", "torch" or "tensorrt".
        device: "cpu", "cuda:0", or the name of another accelerator ("directml", "coreml").
        precision: see `Precision`.

    """

    name: str
    device: str
    precision: Precision

    def __call__(self, inputs: Mapping[str, Floats]) -> dict[str, Floats]:
        """Run the network once.

        The values are the runner's own buffers, which THE NEXT CALL OVERWRITES: copy what must last longer. The
        given arrays are copied, and may be changed afterwards.

        Args:
            inputs: float32, exactly the network's names and shapes; any strides.

        Returns:
            The outputs by name, float32, C-contiguous.

        Raises:
            EngineError: another name, shape or type, or the runtime failed, or the runner is closed.

        """

    def close(self) -> None:
        """Free the network and its buffers; idempotent. Outputs that were given out stay valid."""


class Preparation(Protocol):
    """What a runtime has to do once for a network before it can run it, and what takes too long to wait for.

    Attributes:
        title: a sentence of what it does ("TensorRT compiles the encoder").

    """

    title: str

    def run(self, told: Told, stop: threading.Event) -> bool:
        """Do it, off the live path; returns whether it is done: not when `stop` was set.

        Raises:
            EngineError: it cannot be done, or the runtime was found not to compute what the network says.
            MissingExtraError: a package is not installed.
            ModelError: the runtime does not run this network.

        """


@dataclass(frozen=True, slots=True)
class NetworkFile:
    """A network as ONNX, checked when this is made (see `mien.engines.runtimes.graph.read_graph`).

    Attributes:
        onnx: the file's bytes. Their hash is the caller's to check: this comes from a pack, never from a stranger's
            path.
        name: for messages ("decoder of Amara").
        most_bytes: greatest size of the file.
        int8: the same network with 8-bit layers, as `integer_weights.without_weights` gives it, for processors that
            compute it sooner; empty where there is none. It is read by who plays it: see `integers`.
        inputs: names and shapes, in the file's order.
        outputs: the same of the outputs.
        quantised: it has 8-bit integer layers (see `mien.engines.runtimes.int8`).
        notes: texts by name that lie beside the network, unchecked.

    Raises `ModelError` for a file that is not acceptable, `MissingExtraError` without the package that reads ONNX.

    """

    onnx: bytes = field(repr=False)
    name: str
    most_bytes: int = field(default=MAX_BYTES, repr=False)
    int8: bytes = field(default=b"", repr=False)
    inputs: tuple[Port, ...] = field(init=False)
    outputs: tuple[Port, ...] = field(init=False)
    quantised: bool = field(init=False)
    notes: Mapping[str, str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        graph = read_graph(self.onnx, self.name, most_bytes=self.most_bytes)
        object.__setattr__(self, "inputs", graph.inputs)
        object.__setattr__(self, "outputs", graph.outputs)
        object.__setattr__(self, "quantised", graph.quantised)
        object.__setattr__(self, "notes", graph.notes)

    def integers(self) -> NetworkFile:
        """The network with 8-bit layers that lies beside this one.

        Raises:
            ModelError: there is none, it has no such layers, or other ports.

        """
        if not self.int8:
            raise ModelError(f"The network {self.name!r} comes without 8-bit layers.", hint="mien persona quantise")
        made = NetworkFile(with_weights(self.int8, self.onnx, self.name), self.name, self.most_bytes)
        if not made.quantised:
            raise ModelError(f"What should be the network {self.name!r} with 8-bit layers has none.")
        ports = ({port.name: port.shape for port in each} for each in (self.inputs, self.outputs))
        made.check(inputs=next(ports), outputs=next(ports))
        return made

    def check(self, *, inputs: Shapes, outputs: Shapes) -> None:
        """See that the network is of the expected kind: these names with these shapes, no more and no fewer.

        Raises:
            ModelError: naming what was expected and what the file has.

        """
        for kind, wanted, found in (("inputs", inputs, self.inputs), ("outputs", outputs, self.outputs)):
            given = {port.name: port.shape for port in found}
            if given != dict(wanted):
                raise ModelError(
                    f"The network {self.name!r} does not fit: expected the {kind} {_listed(wanted)}; "
                    f"found {_listed(given)}.",
                    hint="It was made for another engine or size, or by another version of Mien.",
                )


class Buffers:
    """The fixed memory that a runner reads its inputs from and writes its outputs to.

    Args:
        name: of the network, for messages.
        inputs: C-contiguous float32 by name.
        outputs: the same of the outputs.

    """

    def __init__(self, name: str, inputs: Mapping[str, Floats], outputs: Mapping[str, Floats]) -> None:
        self._name = name
        self.inputs: Mapping[str, Floats] = MappingProxyType(dict(inputs))
        self.outputs: Mapping[str, Floats] = MappingProxyType(dict(outputs))

    @classmethod
    def zeros(cls, network: NetworkFile) -> Buffers:
        """Buffers of NumPy's own memory for a network's ports."""
        return cls(
            network.name,
            {port.name: np.zeros(port.shape, np.float32) for port in network.inputs},
            {port.name: np.zeros(port.shape, np.float32) for port in network.outputs},
        )

    def fill(self, given: Mapping[str, Floats]) -> None:
        """Copy one call's inputs in.

        Raises:
            EngineError: names, shapes or types that are not the network's.

        """
        if given.keys() != self.inputs.keys():
            raise EngineError(
                f"The network {self._name!r} takes {', '.join(self.inputs)}; got {', '.join(given) or 'nothing'}."
            )
        for name, buffer in self.inputs.items():
            value = given[name]
            if value.shape != buffer.shape or value.dtype != np.float32:
                raise EngineError(
                    f"The input {name!r} of the network {self._name!r} must be {buffer.shape} float32, "
                    f"got {value.shape} {value.dtype}."
                )
            np.copyto(buffer, value)


def open_buffers(buffers: Buffers | None, runtime: str) -> Buffers:
    """The buffers of a runner that is not closed.

    Raises:
        EngineError: it is.

    """
    if buffers is None:
        raise EngineError(f"The {runtime} runner is closed.", hint="Open the network again.")
    return buffers


def check_options(threads: int, precision: str) -> None:
    """See that a number of threads is one (0 leaves it to the runtime), and that a precision is one of `Wanted`.

    Raises:
        ConfigError: threads are not within 0..256, or there is no such precision to ask for.

    """
    if precision not in get_args(Wanted):
        raise ConfigError(f"There is no precision {precision!r}; allowed are {', '.join(get_args(Wanted))}.")
    if not 0 <= threads <= _MOST_THREADS:
        raise ConfigError(
            f"threads must be 0..{_MOST_THREADS}, got {threads}.", hint="0 leaves the number to the runtime."
        )


def first_line(error: BaseException) -> str:
    """The first line of a runtime's message that says something; OpenVINO begins with a source location."""
    lines = [line.strip() for line in str(error).splitlines()]
    telling = [line for line in lines if line and not line.startswith("Exception from ")]
    return next(iter(telling or lines), "") or type(error).__name__


def _listed(shapes: Mapping[str, Iterable[int]]) -> str:
    return ", ".join(f"{name} {tuple(shape)}" for name, shape in shapes.items()) or "none"
