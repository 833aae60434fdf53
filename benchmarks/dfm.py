"""What an imported DFM costs: the network alone by each runtime, and what the live path adds to tracker and network.

    python benchmarks/dfm.py [--threads 2] [--frames 90] [--json OUT]

The network has a DFM's ports and DeepFaceLab's building blocks at 224 px (strided convolutions, a dense bottleneck, two
decoders by depth-to-space), about 30 GFLOP, with random weights: what it paints is noise, what it costs is not. The
shipped clip is tracked, swapped, blended and marked in order, on one thread beside the runtime's, so that nothing
overlaps; p50 and p95 of all frames, ms. "added" is a frame's whole way through the compositor less its network's run,
so everything but tracker and network; "..." are its stages, "engine" less the network's run, and what they leave of it
is the frame's copy, the alignment and what is decided. The two ratios that are asked for: added <= 5 ms, and OpenVINO
in bfloat16 at least 4 times as fast as ONNX Runtime in float32, both on a quiet machine with AMX.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from rich.console import Console
from rich.table import Table

from mien.engines.formats.base import Play
from mien.engines.formats.dfm import OUTPUTS, DfmModel, read
from mien.engines.formats.dfm_engine import DfmEngine
from mien.engines.measure.final import frames_of, tracked
from mien.engines.runtimes.base import Runner
from mien.engines.runtimes.verify import sample_for
from mien.plugin.clip import driver_clip
from mien.plugin.machine import provenance
from mien.realtime.compositor import Compositor, Tracked
from mien.realtime.config import LossSettings
from mien.realtime.cpu_painter import CpuPainter
from mien.realtime.frame import Floats
from mien.realtime.mark import Marker
from mien.realtime.occluder import OccluderModel
from mien.realtime.presence import Presence
from mien.realtime.slate import Slate

SCHEMA = 1
SIDE_PX = 224
#: Channels of the encoder's levels, the bottleneck, and the channels of both decoders' levels.
ENCODER, BOTTLENECK, FACE, MASK = (64, 128, 256, 512), 256, (384, 208, 104), (96, 64, 32)
_WARM_UP_CALLS = 10


class Network:
    """A graph that grows node by node, and counts what it multiplies."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.gflop = 0.0
        self._random = np.random.default_rng(7)

    def add(self, kind: str, inputs: list[str], **attributes: Any) -> str:  # noqa: ANN401
        """Add an operator; gives its output."""
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def weight(self, *shape: int, scale: float) -> str:
        """Add random numbers; gives their name."""
        name = f"w{len(self.weights)}"
        values = (self._random.standard_normal(shape) * scale).astype(np.float32)
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def shape(self, *dims: int) -> str:
        """Add a shape; gives its name."""
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.array(dims, np.int64), name))
        return name

    def conv(
        self, x: str, given: int, made: int, side: int, *, kernel: int = 3, stride: int = 1, leaky: bool = True
    ) -> str:
        """Add a convolution to a picture of `side` px, and its activation."""
        self.gflop += 2e-9 * kernel**2 * given * made * (side // stride) ** 2
        weight = self.weight(made, given, kernel, kernel, scale=(2 / (given * kernel**2)) ** 0.5)
        x = self.add(
            "Conv",
            [x, weight],
            kernel_shape=[kernel] * 2,
            strides=[stride] * 2,
            pads=[(kernel - 1) // 2] * 2 + [kernel // 2] * 2,
        )
        return self.add("LeakyRelu", [x], alpha=0.1) if leaky else x

    def decoder(self, x: str, given: int, levels: tuple[int, ...], out: int, *, residual: bool) -> str:
        """Add levels of twice the size, and a picture of `out` channels at twice the last; gives it, NHWC."""
        side = SIDE_PX >> len(ENCODER)
        for channels in levels:
            x = self.add("DepthToSpace", [self.conv(x, given, 4 * channels, side)], blocksize=2)
            side, given = 2 * side, channels
            if residual:
                inner = self.conv(self.conv(x, channels, channels, side), channels, channels, side, leaky=False)
                x = self.add("LeakyRelu", [self.add("Add", [x, inner])], alpha=0.2)
        x = self.add("DepthToSpace", [self.conv(x, given, 4 * out, side, leaky=False)], blocksize=2)
        return self.add("Transpose", [self.add("Sigmoid", [x])], perm=[0, 2, 3, 1])


def dfm_shaped() -> tuple[DfmModel, float]:
    """The network, read as any DFM is, and its GFLOP."""
    net = Network()
    x, given, side = net.add("Transpose", ["in_face:0"], perm=[0, 3, 1, 2]), 3, SIDE_PX
    for channels in ENCODER:
        x = net.conv(x, given, channels, side, kernel=5, stride=2)
        given, side = channels, side // 2
    values = given * side**2
    x = net.add("Reshape", [x, net.shape(-1, values)])
    x = net.add("MatMul", [x, net.weight(values, BOTTLENECK, scale=values**-0.5)])
    x = net.add("MatMul", [x, net.weight(BOTTLENECK, BOTTLENECK * side**2, scale=BOTTLENECK**-0.5)])
    x = net.add("Reshape", [x, net.shape(-1, BOTTLENECK, side, side)])
    net.gflop += 2e-9 * BOTTLENECK * side**2 * (given + BOTTLENECK)
    made = {
        name: net.decoder(x, BOTTLENECK, FACE if channels == 3 else MASK, channels, residual=channels == 3)
        for name, channels in OUTPUTS.items()
    }
    net.nodes += [helper.make_node("Identity", [value], [name]) for name, value in made.items()]
    port = helper.make_tensor_value_info
    graph = helper.make_graph(
        net.nodes,
        "bench",
        [port("in_face:0", TensorProto.FLOAT, ["n", SIDE_PX, SIDE_PX, 3])],
        [port(name, TensorProto.FLOAT, ["n", SIDE_PX, SIDE_PX, channels]) for name, channels in OUTPUTS.items()],
        net.weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], ir_version=7)
    return read(model.SerializeToString(), "a DFM of random weights"), net.gflop


class Painting:
    """A runner whose masks are a face's, so that the blend has a face's work; its own runs are timed."""

    def __init__(self, network: Runner, mask: Floats) -> None:
        self._network, self._mask = network, mask
        self.name, self.device, self.precision = network.name, network.device, network.precision
        self.ms: list[float] = []

    def __call__(self, inputs: Mapping[str, Floats]) -> dict[str, Floats]:
        """As the runner's."""
        begin = time.perf_counter()
        out = self._network(inputs)
        self.ms.append((time.perf_counter() - begin) * 1e3)
        return out | {name: self._mask for name, channels in OUTPUTS.items() if channels == 1}

    def close(self) -> None:
        """As the runner's."""
        self._network.close()


def face_mask() -> Floats:
    """(1, S, S, 1) float32: an ellipse where a whole-face crop has its face."""
    row, column = np.mgrid[:SIDE_PX, :SIDE_PX] / SIDE_PX
    inside = ((column - 0.5) / 0.26) ** 2 + ((row - 0.53) / 0.33) ** 2 < 1
    mask: Floats = inside.astype(np.float32)[None, ..., None]
    return mask


def alone(model: DfmModel, play: Play, seconds: float) -> tuple[str, list[float]]:
    """What ran, and milliseconds of each call of the network."""
    engine = model.open(play)
    given = sample_for(model.network)
    run = engine._network
    for _ in range(3):
        run(given)
    spent, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        begin = time.perf_counter()
        run(given)
        spent.append((time.perf_counter() - begin) * 1e3)
    engine.close()
    return f"{engine.spec.runtime} {engine.spec.precision}", spent


def live(engine: DfmEngine, frames: int) -> dict[str, list[float]]:
    """Milliseconds of each frame: tracker, network, the whole compositor, what is added, and of it each stage."""
    painting = Painting(engine._network, face_mask())
    engine._network = painting
    pictures = list(islice(frames_of(driver_clip()), frames + _WARM_UP_CALLS))
    height, width = pictures[0].shape[:2]
    compositor = Compositor(
        [engine],
        painter=CpuPainter(occluders=OccluderModel),
        marker=Marker(width, height),
        slate=Slate(width, height),
        presence=Presence(LossSettings()),
        now_ns=time.monotonic_ns,
    )
    spent: dict[str, list[float]] = {"tracker": [], "network": [], "compositor": [], "added": []}
    begin = time.perf_counter()
    for frame, selection in tracked(pictures):
        seen = time.perf_counter()
        runs = len(painting.ms)
        composed = compositor(Tracked(frame, selection, False, {}), frame.media_ns)
        end = time.perf_counter()
        if len(painting.ms) > runs and frame.sequence >= _WARM_UP_CALLS:
            network, whole = painting.ms[-1], (end - seen) * 1e3
            spent["tracker"].append((seen - begin) * 1e3)
            spent["network"].append(network)
            spent["compositor"].append(whole)
            spent["added"].append(whole - network)
            for stage, ms in composed.stages_ms.items():
                spent.setdefault(f"... {stage}", []).append(ms - network * (stage == "engine"))
        begin = time.perf_counter()
    compositor.close()
    return spent


def figures(ms: list[float]) -> dict[str, float]:
    """p50 and p95."""
    return {"p50": round(float(np.percentile(ms, 50)), 2), "p95": round(float(np.percentile(ms, 95)), 2)}


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2, help="of each runtime")
    parser.add_argument("--frames", type=int, default=90)
    parser.add_argument("--seconds", type=float, default=5.0, help="for the network alone, each runtime, in each round")
    parser.add_argument("--rounds", type=int, default=3, help="in turn, so that a busy moment falls on both runtimes")
    parser.add_argument("--json", type=Path, help="file to write the numbers to")
    given = parser.parse_args()
    model, gflop = dfm_shaped()
    ways = {name: Play("measured", runtime=name, threads=given.threads) for name in ("openvino", "onnxruntime")}
    ran: dict[str, str] = {}
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(given.rounds):
        for name, play in ways.items():
            ran[name], calls = alone(model, play, given.seconds)
            spent[name] += calls
    path = {name: figures(ms) for name, ms in live(model.open(ways["openvino"]), given.frames).items()}
    network = {ran[name]: figures(ms) for name, ms in spent.items()}
    ratio = network[ran["onnxruntime"]]["p50"] / network[ran["openvino"]]["p50"]
    table = Table(f"{gflop:.1f} GFLOP at {SIDE_PX} px, {given.threads} threads", "p50 ms", "p95 ms", box=None)
    for name, row in {**{f"network alone, {each}": row for each, row in network.items()}, **path}.items():
        table.add_row(name, f"{row['p50']:.2f}", f"{row['p95']:.2f}")
    Console().print(table)
    Console().print(f"{ran['openvino']} is {ratio:.2f} times as fast as {ran['onnxruntime']} (asked with AMX: 4)")
    Console().print(f"added to tracker and network: {path['added']['p50']:.2f} ms (asked on a quiet machine: 5)")
    if given.json is not None:
        document = {
            "schema": SCHEMA,
            "question": "what does an imported DFM cost",
            **provenance(),
            "gflop": round(gflop, 2),
            "threads": given.threads,
            "network_ms": network,
            "ratio": round(ratio, 2),
            "path_ms": path,
        }
        given.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
