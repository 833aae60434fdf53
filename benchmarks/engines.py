"""What one face costs in each engine, each size and each runtime that is installed, without the rest of the live path.

    python benchmarks/engines.py [--persona amara] [--threads 1] [--isa AVX2] [--json OUT]

The shipped clip is tracked once; then every engine swaps the same faces in turn, several times over, so that a busy
moment of the machine falls on all of them. p50 and p95 of all its calls, ms; of a network also its halves alone:
encoder, decoder. --isa AVX2 or AVX512_CORE switches newer instructions off in OpenVINO (oneDNN's ONEDNN_MAX_CPU_ISA),
which then computes in float32; ONNX Runtime has no such switch, and is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from mien.engines.measure.final import frames_of, tracked
from mien.engines.personas.library import find
from mien.engines.personas.pack import Persona
from mien.engines.registry import INSTANT, make_ladder
from mien.engines.runtimes.base import DEFAULT_THREADS
from mien.engines.runtimes.table import runtime_states
from mien.engines.swapnet.engine import SwapNetEngine
from mien.engines.swapnet.load import open_engine
from mien.plugin.clip import driver_clip
from mien.plugin.machine import provenance
from mien.realtime.aligner import align, crop
from mien.realtime.engine import Engine
from mien.realtime.face import Face
from mien.realtime.frame import Frame

SCHEMA = 1
#: Read by oneDNN when it is loaded.
_ISA_VARIABLE = "ONEDNN_MAX_CPU_ISA"
_WARM_UP_CALLS = 10

Faces = list[tuple[Frame, Face]]


class Timed:
    """One half of a network, its calls timed."""

    def __init__(self, network: Any) -> None:  # noqa: ANN401 - a Network of mien.engines.swapnet.engine
        self._network = network
        self.ms: list[float] = []

    def __call__(self, inputs: Any) -> Any:  # noqa: ANN401
        """As the network's."""
        begin = time.perf_counter()
        out = self._network(inputs)
        self.ms.append((time.perf_counter() - begin) * 1e3)
        return out

    def close(self) -> None:
        """As the network's."""
        self._network.close()


def engines(persona: Persona, runtimes: list[str], threads: int) -> Iterator[tuple[str, Engine]]:
    """Every engine of a persona with a name for its row."""
    for rung in make_ladder(persona, kind=INSTANT):
        yield rung.spec.name, rung
    if persona.networks is None:
        return
    networks = replace(persona.networks, int8={})
    for size in persona.networks.decoders:
        if size in persona.networks.int8 and "openvino" not in runtimes:
            print(f"without {size}'s 8-bit layers: OpenVINO alone plays them, and cannot be had here")
        elif size in persona.networks.int8:
            made = open_engine(
                persona.networks, size, reason="measured", runtime="openvino", threads=threads, precision="int8"
            )
            yield f"{made.spec.name}, openvino int8", made
        for runtime in runtimes:
            made = open_engine(networks, size, reason="measured", runtime=runtime, threads=threads)
            yield f"{made.spec.name}, {runtime} {made.spec.precision}", made


def measure(engine: Engine, faces: Faces) -> list[float]:
    """Milliseconds of each call."""
    spent = []
    for frame, face in faces:
        seen = crop(frame.pixels, align(face, engine.spec, frame.width, frame.height))
        begin = time.perf_counter()
        engine(face, seen)
        spent.append((time.perf_counter() - begin) * 1e3)
    return spent


def figures(ms: list[float]) -> dict[str, float]:
    """p50 and p95."""
    return {"p50": round(float(np.percentile(ms, 50)), 2), "p95": round(float(np.percentile(ms, 95)), 2)}


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--persona", default="amara")
    parser.add_argument("--threads", type=int, default=DEFAULT_THREADS, help="of each runtime")
    parser.add_argument("--frames", type=int, default=90)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--isa", help="newest instructions that OpenVINO may use")
    parser.add_argument("--json", type=Path, help="file to write the numbers to")
    given = parser.parse_args()
    if given.isa:
        os.environ[_ISA_VARIABLE] = given.isa
    runtimes = [state.name for state in runtime_states() if state.automatic and not state.problem]
    # PyTorch needs the network's own code, which a pack does not carry.
    runtimes = [name for name in runtimes if name in (("openvino",) if given.isa else ("openvino", "onnxruntime"))]
    faces = [
        (frame, who.swapped[0]) for frame, who in islice(tracked(frames_of(driver_clip())), given.frames) if who.swapped
    ]
    rows = dict(engines(find(given.persona), runtimes, given.threads))
    halves: dict[str, dict[str, Timed]] = {}
    for name, engine in rows.items():
        if isinstance(engine, SwapNetEngine):
            halves[name] = {"encoder": Timed(engine._encoder), "decoder": Timed(engine._decoder)}
            engine._encoder, engine._decoder = halves[name]["encoder"], halves[name]["decoder"]
    spent: dict[str, list[float]] = {name: [] for name in rows}
    for engine in rows.values():
        measure(engine, faces[:_WARM_UP_CALLS])
    for timed in (half for pair in halves.values() for half in pair.values()):
        timed.ms.clear()
    for _ in range(given.repeats):
        for name, engine in rows.items():
            spent[name] += measure(engine, faces)
    result: dict[str, dict[str, Any]] = {}
    table = Table("engine", "p50 ms", "p95 ms", "encoder p50", "decoder p50", box=None)
    for name, engine in rows.items():
        engine.close()
        result[name] = figures(spent[name]) | {half: figures(timed.ms) for half, timed in halves.get(name, {}).items()}
        parts = [f"{result[name][half]['p50']:.2f}" if name in halves else "" for half in ("encoder", "decoder")]
        table.add_row(name, f"{result[name]['p50']:.2f}", f"{result[name]['p95']:.2f}", *parts)
    Console().print(table)
    if given.json is not None:
        document = {
            "schema": SCHEMA,
            "question": "what does one face cost in each engine",
            **provenance(),
            "persona": given.persona,
            "threads": given.threads,
            "isa": given.isa,
            "calls": len(faces) * given.repeats,
            "engines_ms": result,
        }
        given.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
