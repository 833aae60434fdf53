"""A trained network as ONNX: static shapes, batch 1, weights kept in half precision, checked against torch."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from mien.engines.swapnet.code import NAMED, TRACKED_SIZE
from mien.engines.swapnet.graphs import DecoderGraph, EncoderGraph
from mien.engines.swapnet.marks import MARKS_NOTE, Marks
from mien.engines.swapnet.network import Decoder, Encoder
from mien.engines.swapnet.terms import LEAST_HALVED, SEEN_PX
from mien.engines.swapnet.texture import TEXTURE_NOTE, read_texture, write_texture
from mien.realtime.errors import MissingExtraError, ModelError

if TYPE_CHECKING:
    import onnx

OPSET: Final = 18
#: Greatest difference from torch in float32: of codes and places relative to their spread, of pictures in 0..255.
_MOST_OFF: Final = 0.001
_MOST_OFF_LEVELS: Final = 0.1
_HALF = "_half"
_NO_NOTES: Final[Mapping[str, str]] = MappingProxyType({})


def export_encoder(encoder: Encoder) -> bytes:
    """ONNX of an encoder: inputs ``pixels`` and ``tracked``, outputs ``named``, ``free`` and ``front``.

    Raises:
        MissingExtraError: onnx or onnxscript is not installed.
        ModelError: what was exported does not answer as torch does.

    """
    inputs = (torch.rand(1, 3, SEEN_PX, SEEN_PX), 0.3 * torch.randn(1, TRACKED_SIZE))
    graph = EncoderGraph(encoder.cpu().eval())
    return _export(graph, inputs, ["pixels", "tracked"], ["named", "free", "front"])


def export_decoder(decoder: Decoder, marks: Marks) -> bytes:
    """ONNX of a decoder: inputs ``named`` and ``free``, outputs ``painted`` and ``where``; texture and marks are notes.

    Raises:
        MissingExtraError: onnx or onnxscript is not installed.
        ModelError: what was exported does not answer as torch does.

    """
    inputs = (0.3 * torch.rand(1, len(NAMED)), 0.5 * torch.randn(1, decoder.free_size))
    texture = write_texture(decoder.texture.detach().cpu().float().numpy())
    graph = DecoderGraph(decoder.cpu().eval())
    return _export(
        graph, inputs, ["named", "free"], ["painted", "where"], {TEXTURE_NOTE: texture, MARKS_NOTE: marks.to_note()}
    )


def read_weights(data: bytes) -> dict[str, Tensor]:
    """The weights of an exported network by their names in torch, float32; the reverse of an export.

    Raises:
        MissingExtraError: onnx is not installed.
        ModelError: the bytes are no network of Mien's.

    """
    library = _onnx(script=False)
    try:
        model = library.load_model_from_string(data)
        found = {each.name: library.numpy_helper.to_array(each) for each in model.graph.initializer}
    except Exception as error:  # protobuf and onnx have no common error
        raise ModelError(f"This is no ONNX network: {error}.") from error
    out = {}
    for name, array in found.items():
        head, _, rest = name.removesuffix(_HALF).partition(".")
        if head in ("encoder", "decoder") and rest:
            out[rest] = torch.from_numpy(np.array(array, np.float32))
    if not out:
        raise ModelError("This ONNX network has none of a swap network's weights.")
    for note in model.metadata_props:
        if note.key == TEXTURE_NOTE:
            levels = read_texture(note.value, "the network to start from")
            out["texture"] = torch.from_numpy(np.ascontiguousarray(levels[..., ::-1].transpose(2, 0, 1)) / 255)
    return out


def _export(
    graph: nn.Module,
    inputs: tuple[Tensor, ...],
    given: list[str],
    made: list[str],
    notes: Mapping[str, str] = _NO_NOTES,
) -> bytes:
    library = _onnx()
    # Half precision is what will be shipped, so it is what the check must see.
    for each in graph.parameters():
        if each.numel() >= LEAST_HALVED:
            each.data = each.data.half().float()
    # The exporter warns of every operation that only torchvision has.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            graph, inputs, input_names=given, output_names=made, opset_version=OPSET, dynamo=True, verbose=False,
            optimize=True,
        )  # fmt: skip
    if program is None:
        raise ModelError("torch exported nothing.")
    buffer = io.BytesIO()
    model = _halved(library, program.model_proto)
    for key, text in notes.items():
        model.metadata_props.add(key=key, value=text)
    library.save_model(model, buffer)
    data = buffer.getvalue()
    _check(graph, inputs, given, data)
    return data


def _halved(library: Any, model: onnx.ModelProto) -> onnx.ModelProto:  # noqa: ANN401 - a module
    """The same with its larger weights in half precision, each behind a Cast that runtimes fold away."""
    graph = model.graph
    casts = []
    for weight in graph.initializer:
        array = library.numpy_helper.to_array(weight)
        if array.dtype != np.float32 or array.size < LEAST_HALVED:
            continue
        name = weight.name
        weight.CopyFrom(library.numpy_helper.from_array(array.astype(np.float16), name + _HALF))
        casts.append(library.helper.make_node("Cast", [name + _HALF], [name], to=library.TensorProto.FLOAT))
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend([*casts, *nodes])
    # Shapes that torch noted for initializers would name them with their old type.
    kept = [each for each in graph.value_info if not any(each.name == cast.output[0] for cast in casts)]
    del graph.value_info[:]
    graph.value_info.extend(kept)
    del model.metadata_props[:]
    for node in graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    library.checker.check_model(model)
    return model


def _check(graph: nn.Module, inputs: tuple[Tensor, ...], given: list[str], data: bytes) -> None:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    answer = session.run(None, {name: each.numpy() for name, each in zip(given, inputs, strict=True)})
    with torch.no_grad():
        expected = graph(*inputs)
    for one, other in zip(answer, expected if isinstance(expected, tuple) else (expected,), strict=True):
        truth = other.numpy()
        most = (
            _MOST_OFF_LEVELS if truth.ndim == 4 and truth.shape[-1] == 5 else _MOST_OFF * max(1.0, float(truth.std()))
        )
        off = float(np.abs(one - truth).max())
        if not off <= most:
            raise ModelError(f"The exported network differs from torch by {off:.4f}; at most {most:.4f} is allowed.")


def _onnx(*, script: bool = True) -> Any:  # noqa: ANN401 - a module that is not always installed
    try:
        import onnx
        import onnx.checker
        import onnx.helper
        import onnx.numpy_helper

        if script:
            import onnxscript  # noqa: F401 - torch's exporter needs it and says so less clearly
    except ImportError as error:
        raise MissingExtraError(
            f"A network's file needs onnx to be read, and onnxscript to be written ({error}).",
            hint="Install them: pip install onnx onnxscript onnxruntime",
        ) from error
    return onnx
