"""Whole frames on the GPU, upload to download: how long, at what cost; on a host with NumPy and torch alone.

    python benchmarks/gpu_latency.py --case out/gpu-day/case.npz --out "$OUT/latency.json"

For each frame's size, network and number of faces: p50, p95 and p99 of the wall time, the stages' medians by CUDA
events, device memory, clocks and power, energy a frame; once more while another process keeps the GPU busy, once more
with each frame copied ahead while the one before is painted, as the live path does, and once more with the network
compiled by `torch.compile`, with the seconds that either takes to start. With `--rehearse` the kernels run by g++ and
the network on the CPU, two small frames each: that the script works.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from mien.engines.cuda.device import open_device
from mien.engines.cuda.fatbin import read_fatbin
from mien.engines.cuda.host_case import engine_of, enlarged, marks_for
from mien.engines.cuda.painter import CudaPainter
from mien.engines.cuda.recorded_case import Case, read_case
from mien.realtime.blend_terms import STRENGTH
from mien.realtime.frame import Frame

SIZES = ((640, 480), (1280, 720), (1920, 1080), (3840, 2160))
NETWORKS = ("small", "base", "large")
FACES = (1, 2, 3, 4)
WARM_UPS, FRAMES = 30, 300
_LOAD = """
import torch
a = torch.randn(4096, 4096, device="cuda")
print("busy", flush=True)
while True:
    a @ a
    torch.cuda.synchronize()
"""
_ASKED = "clocks.sm,clocks.mem,power.draw,memory.used,temperature.gpu"


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=480.0, help="stop before the next measurement after this")
    parser.add_argument("--rehearse", action="store_true")
    given = parser.parse_args()
    case, until_s = read_case(given.case), time.monotonic() + given.seconds
    report: dict[str, Any] = {"host": host(), "rehearsal": given.rehearse, "measured": []}
    for asked_for in plan(given.rehearse):
        if time.monotonic() > until_s:
            report["left_out"] = "time ran out"
            break
        with load() if asked_for.gpu_busy_with_another else contextlib.nullcontext():
            row = measure(case, asked_for, rehearse=given.rehearse)
        report["measured"].append(asked_for._asdict() | row)
        print(json.dumps(report["measured"][-1]), flush=True)
        # After each row: what was measured is there however the call ends.
        given.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


class Asked(NamedTuple):
    """What one row is of."""

    width: int
    height: int
    network: str
    faces: int = 1
    gpu_busy_with_another: bool = False
    copied_ahead: bool = False
    compiled: bool = False


def plan(rehearse: bool) -> Iterator[Asked]:
    """What matters most first."""
    if rehearse:
        yield Asked(320, 180, "small")
        yield Asked(320, 180, "small", copied_ahead=True)
        return
    first = Asked(1920, 1080, "base")
    yield first
    yield first._replace(gpu_busy_with_another=True)
    yield first._replace(copied_ahead=True)
    yield first._replace(compiled=True)
    for faces in FACES:
        for network in NETWORKS:
            for width, height in SIZES:
                if (row := Asked(width, height, network, faces)) != first:
                    yield row
    yield Asked(3840, 2160, "base", copied_ahead=True)
    for network in NETWORKS:
        if network != first.network:
            yield first._replace(network=network, compiled=True)


def measure(case: Case, asked_for: Asked, *, rehearse: bool) -> dict[str, Any]:
    """One row of the report."""
    width, height, network, compiled = asked_for.width, asked_for.height, asked_for.network, asked_for.compiled
    if not rehearse:
        torch.cuda.reset_peak_memory_stats()
    painter = CudaPainter(rehearsed() if rehearse else opened())
    begin = time.perf_counter()
    engine = engine_of(
        case, network, "cpu" if rehearse else "cuda:0", "float32" if rehearse else "bfloat16", compiled=compiled
    )
    start_s = time.perf_counter() - begin
    picture, placed = enlarged(case.moments[0], engine, width, height, asked_for.faces)
    plate, pattern = marks_for(width, height)
    walls, stages, power = [], [], []
    count = 2 if rehearse else WARM_UPS + FRAMES
    frames = [Frame(picture.pixels, index, index, index) for index in range(count + 1)]
    for index in range(count):
        spent: dict[str, float] = {}
        begin = time.perf_counter()
        painting = painter.begin(frames[index], spent)
        if asked_for.copied_ahead:
            painter.expect(frames[index + 1])
        for face, alignment in placed:
            painting.swap(face, alignment, engine, strength=STRENGTH)
        painting.lightness(16, 16, 16 + plate.size[0], 16 + plate.size[1])
        painting.lay(plate, 16, 16)
        painting.watermark(pattern)
        painting.finish()
        wall_ms = (time.perf_counter() - begin) * 1e3
        if rehearse or index >= WARM_UPS:
            walls.append(wall_ms)
            stages.append(spent)
            if index % 100 == 0:
                power.append(asked())
    engine.close()
    painter.close()
    return {
        "precision": engine.spec.precision, "start_s": round(start_s, 2), "frames": len(walls),
        "wall_ms": {f"p{part}": round(float(np.percentile(walls, part)), 4) for part in (50, 95, 99)},
        "stages_ms": {name: round(statistics.median(each.get(name, 0.0) for each in stages), 4) for name in stages[0]},
        "gpu": power[-1] if power else {}, "mj_a_frame": energy(power, walls),
        "torch_mb": 0 if rehearse else torch.cuda.max_memory_allocated() // 2**20,
    }  # fmt: skip


def energy(power: list[dict[str, float]], walls: list[float]) -> float | None:
    """Millijoules a frame, frame after frame: the whole card's mean draw times the mean wall time."""
    draws = [each["power.draw"] for each in power if "power.draw" in each]
    return round(statistics.mean(draws) * statistics.mean(walls), 2) if draws else None


def opened() -> Any:  # noqa: ANN401 - a device of either binding
    """The first GPU with the kernels."""
    device = open_device()
    device.load(read_fatbin())
    return device


def rehearsed() -> Any:  # noqa: ANN401 - the tests' double
    """The kernels on the CPU."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "cuda"))
    from emulated_device import EmulatedDevice  # type: ignore[import-not-found]

    return EmulatedDevice(late=False)


@contextlib.contextmanager
def load() -> Iterator[None]:
    """Another process that multiplies matrices on the same GPU without a pause, as a game would draw."""
    with subprocess.Popen((sys.executable, "-c", _LOAD), stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        try:
            if not other.stdout.readline():
                raise SystemExit("the process that keeps the GPU busy has ended: see what it says above.")
            yield
        finally:
            other.kill()


def asked() -> dict[str, float]:
    """What `nvidia-smi` says of clocks (MHz), power (W), memory (MiB) and temperature (C)."""
    if shutil.which("nvidia-smi") is None:
        return {}
    command = ("nvidia-smi", f"--query-gpu={_ASKED}", "--format=csv,noheader,nounits", "--id=0")
    line = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    found = {}
    for name, value in zip(_ASKED.split(","), line.split(","), strict=True):
        with contextlib.suppress(ValueError):
            found[name] = float(value)
    return found


def host() -> dict[str, Any]:
    """What ran it."""
    return {
        "python": sys.version.split()[0], "torch": torch.__version__, "cuda": torch.version.cuda,
        "gpu": torch.cuda.get_device_name(0) if torch.cuda.is_available() else None,
        "tensorrt_importable": importlib.util.find_spec("tensorrt") is not None,
        "pycuda": importlib.util.find_spec("pycuda") is not None,
    }  # fmt: skip


if __name__ == "__main__":
    main()
