"""DFM: an ONNX file that DeepFaceLab exports ("export as dfm") and DeepFaceLive plays; one trained face.

The contract, as tf2onnx writes it in DeepFaceLab and as DeepFaceLive reads it: `in_face:0` is (N, R, R, 3) float32,
BGR, 0..1, and R stands in the file; `morph_value:0` is (1,) float32, 0..1, in models that can be anywhere between the
driver and the persona (AMP). The outputs stand in the order of `OUTPUTS`, which DeepFaceLive relies on: the mask of the
driver's face, the persona, and the mask of the persona's face. All lie about 0..1. N is open; it becomes 1 here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from mien.engines.formats.base import Play
from mien.engines.formats.dfm_engine import DfmEngine
from mien.engines.formats.table import MAX_MODEL_BYTES
from mien.engines.formats.whole_face import whole_face
from mien.engines.runtimes.base import NetworkFile
from mien.engines.runtimes.graph import MAX_VALUES, parse_graph
from mien.engines.runtimes.onnx_module import onnx_module
from mien.engines.runtimes.packages import require
from mien.engines.runtimes.table import open_runner
from mien.realtime.engine import EngineSpec
from mien.realtime.errors import ConfigError, ModelError

IN_FACE: Final = "in_face:0"
MORPH: Final = "morph_value:0"
DRIVER_MASK, FACE, MASK = "out_face_mask:0", "out_celeb_face:0", "out_celeb_face_mask:0"
#: Names and channels, in the file's order.
OUTPUTS: Final = {DRIVER_MASK: 1, FACE: 3, MASK: 1}
#: R, px: below the first no face is left, above the second none was ever trained.
SIDES_PX: Final = (64, 1024)
#: Versions of ONNX: DeepFaceLab writes 12 and 13, other trainers up to 17; before 11 padding is another operator.
OPSETS: Final = (11, 21)
#: The largest models have about a thousand operators.
MOST_NODES: Final = 8192
#: Of DeepFaceLive.
DEFAULT_MORPH: Final = 0.75
#: Weights below this size may say how shapes change, and so are needed to follow them.
_SMALL_VALUES: Final = 4096


@dataclass(frozen=True, slots=True)
class DfmModel:
    """A DFM that was checked, its batch fixed at 1.

    Attributes:
        network: with the contract's ports.
        side_px: R.
        morphs: it has a morph value.

    """

    network: NetworkFile = field(repr=False)
    side_px: int
    morphs: bool

    @property
    def summary(self) -> str:
        """See `mien.engines.formats.base.ForeignModel`."""
        return f"DFM, {self.side_px} px{', with a morph value' if self.morphs else ''}"

    @property
    def networks(self) -> tuple[NetworkFile, ...]:
        """See `mien.engines.formats.base.ForeignModel`."""
        return (self.network,)

    def open(self, play: Play) -> DfmEngine:
        """See `mien.engines.formats.base.ForeignModel`. Raises `ConfigError` for a morph outside 0..1 as well."""
        said = play.morph()
        if said is not None and not 0 <= said <= 1:
            raise ConfigError(f"The morph value must be 0 to 1, got {said}.")
        rests = "" if self.morphs or said is None else f"the model has no morph value, so {said:g} rests"
        opened = open_runner(
            self.network,
            runtime=play.runtime,
            device=play.device,
            threads=play.threads,
            precision=play.precision,
            module=onnx_module(self.network),
        )
        runner = opened.runner
        spec = EngineSpec(
            name=f"dfm-{self.side_px}",
            runtime=runner.name,
            device=runner.device,
            precision=runner.precision,
            reason="; ".join(filter(None, (play.reason, rests, opened.reason))),
            size_px=self.side_px,
            template=whole_face(),
            morph=DEFAULT_MORPH if self.morphs else None,
        )
        return DfmEngine(runner, spec, play.morph)


def read(data: bytes, name: str) -> DfmModel:
    """See `mien.engines.formats.base.FormatModule`."""
    model = parse_graph(data, name, most_bytes=MAX_MODEL_BYTES)
    onnx = require("onnx", "Reading a model")
    _check_kind(model, name)
    weights = {each.name for each in model.graph.initializer}
    inputs = [each for each in model.graph.input if each.name not in weights]
    _check_names("inputs", [each.name for each in inputs], ((IN_FACE,), (IN_FACE, MORPH)), name)
    _check_names("outputs", [each.name for each in model.graph.output], (tuple(OUTPUTS),), name)
    side = _side(inputs[0], name)
    wanted = {IN_FACE: (1, side, side, 3), MORPH: (1,)}
    wanted |= {output: (1, side, side, channels) for output, channels in OUTPUTS.items()}
    for port in (*inputs, *model.graph.output):
        _fix(onnx, port, wanted[port.name], name)
    # Shapes of before, with an open batch, and imports that nothing uses.
    del model.graph.value_info[:]
    for each in [each for each in model.opset_import if each.domain]:
        model.opset_import.remove(each)
    _check_sizes(onnx, model, name)
    fixed, morphs = model.SerializeToString(), len(inputs) == 2
    # As large as the file, and parsed again where the rest is checked.
    del model, inputs, port
    return DfmModel(NetworkFile(fixed, name, MAX_MODEL_BYTES), side, morphs)


def _check_kind(model: Any, name: str) -> None:  # noqa: ANN401 - an onnx.ModelProto
    versions = [each.version for each in model.opset_import if each.domain in ("", "ai.onnx")]
    if len(versions) != 1 or not OPSETS[0] <= versions[0] <= OPSETS[1]:
        given = ", ".join(map(str, versions)) or "none"
        raise ModelError(
            f"The model {name!r} is written in version {given} of ONNX's operators; a DFM has {OPSETS[0]} to "
            f"{OPSETS[1]}.",
            hint="Export it again with DeepFaceLab's `export as dfm`.",
        )
    if len(model.graph.node) > MOST_NODES:
        raise ModelError(f"The model {name!r} has {len(model.graph.node)} operators; allowed are {MOST_NODES}.")


def _check_names(what: str, given: list[str], allowed: tuple[tuple[str, ...], ...], name: str) -> None:
    if tuple(given) not in allowed:
        raise ModelError(
            f"The model {name!r} is no DFM: its {what} are {', '.join(given) or 'none'}; a DFM has, in this order, "
            f"{' or '.join(', '.join(each) for each in allowed)}.",
            hint="Import the file that DeepFaceLab's `export as dfm` wrote.",
        )


def _side(port: Any, name: str) -> int:  # noqa: ANN401 - an onnx.ValueInfoProto
    dims = _dims(port)
    side = dims[1] if len(dims) == 4 else None
    if side is None or dims[2] != side or not SIDES_PX[0] <= side <= SIDES_PX[1]:
        raise ModelError(
            f"The model {name!r} is no DFM: {IN_FACE} is {_spelt(port)}; it must be (N, R, R, 3) with a fixed R of "
            f"{SIDES_PX[0]} to {SIDES_PX[1]} px."
        )
    return side


def _fix(onnx: Any, port: Any, shape: tuple[int, ...], name: str) -> None:  # noqa: ANN401
    """Give a port its whole shape; what the file says of it must not be another."""
    dims = _dims(port)
    if len(dims) != len(shape) or any(have not in (None, want) for have, want in zip(dims, shape, strict=True)):
        raise ModelError(f"The model {name!r} is no DFM: {port.name} is {_spelt(port)}; it must be {shape}.")
    if port.type.tensor_type.elem_type != onnx.TensorProto.FLOAT:
        raise ModelError(f"The model {name!r} is no DFM: {port.name} is not float32.")
    del port.type.tensor_type.shape.dim[:]
    for each in shape:
        port.type.tensor_type.shape.dim.add().dim_value = each


def _dims(port: Any) -> list[int | None]:  # noqa: ANN401
    """The dimensions of a port, None for an open one."""
    dims = port.type.tensor_type.shape.dim
    return [each.dim_value if each.HasField("dim_value") and each.dim_value > 0 else None for each in dims]


def _spelt(port: Any) -> str:  # noqa: ANN401
    return f"({', '.join('?' if each is None else str(each) for each in _dims(port))})"


def _check_sizes(onnx: Any, model: Any, name: str) -> None:  # noqa: ANN401
    """Refuse a small file that would fill the memory: every value whose size can be known is looked at.

    The shapes are followed in a copy without the large weights, of which only the shapes matter.
    """
    skeleton = onnx.ModelProto(ir_version=model.ir_version, opset_import=model.opset_import)
    skeleton.graph.name = "sizes"
    skeleton.graph.node.extend(model.graph.node)
    skeleton.graph.input.extend(model.graph.input)
    listed = {each.name for each in model.graph.input}
    for each in model.graph.initializer:
        if _count(each.dims) <= _SMALL_VALUES:
            skeleton.graph.initializer.append(each)
        elif each.name not in listed:
            skeleton.graph.input.append(onnx.helper.make_tensor_value_info(each.name, each.data_type, each.dims))
    try:
        found = onnx.shape_inference.infer_shapes(skeleton, data_prop=True)
    except (onnx.shape_inference.InferenceError, ValueError, RuntimeError) as error:
        raise ModelError(f"The model {name!r} is not valid ONNX: {str(error).strip().splitlines()[0]}") from error
    for value, values in _known_sizes(found.graph):
        if values > MAX_VALUES:
            raise ModelError(f"The model {name!r} would make {values} values in {value!r}; allowed are {MAX_VALUES}.")


def _known_sizes(graph: Any) -> Iterator[tuple[str, int]]:  # noqa: ANN401
    for each in (*graph.value_info, *graph.output):
        dims = _dims(each)
        if None not in dims:
            yield each.name, _count(dims)


def _count(dims: Any) -> int:  # noqa: ANN401
    values = 1
    for each in dims:
        values *= each
    return values
