"""Whole frames on the GPU, upload to download: how long, at what cost; on a host with NumPy and torch alone.

    python benchmarks/gpu_latency.py --case out/gpu-day/case.npz --out "$OUT/latency.json"

For each frame's size, network and number of faces: p50, p95 and p99 of the wall time, the stages' medians by CUDA
events, device memory, clocks and power, energy a frame; once more while another process keeps the GPU busy, and once
more with the network compiled by `torch.compile`, with the seconds that either takes to start. With `--rehearse` the
kernels run by g++ and the network on the CPU, two small frames each: that the script works.
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
from typing import Any

import numpy as np
import torch

from mien.engines.cuda.device import open_device
from mien.engines.cuda.fatbin import read_fatbin
from mien.engines.cuda.host_case import engine_of, enlarged, marks_for
from mien.engines.cuda.painter import CudaPainter
from mien.engines.cuda.recorded_case import Case, read_case
from mien.realtime.blend_terms import STRENGTH

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
    for width, height, network, faces, loaded, compiled in plan(given.rehearse):
        if time.monotonic() > until_s:
            report["left_out"] = "time ran out"
            break
        with load() if loaded else contextlib.nullcontext():
            row = measure(case, (width, height), network, faces, rehearse=given.rehearse, compiled=compiled)
        report["measured"].append({"gpu_busy_with_another": loaded, **row})
        print(json.dumps(report["measured"][-1]), flush=True)
        # After each row: what was measured is there however the call ends.
        given.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def plan(rehearse: bool) -> Iterator[tuple[int, int, str, int, bool, bool]]:
    """(width, height, network, faces, under load, compiled), what matters most first."""
    if rehearse:
        yield 320, 180, "small", 1, False, False
        return
    yield 1920, 1080, "base", 1, False, False
    yield 1920, 1080, "base", 1, True, False
    yield 1920, 1080, "base", 1, False, True
    for faces in FACES:
        for network in NETWORKS:
            for width, height in SIZES:
                if (width, height, network, faces) != (1920, 1080, "base", 1):
                    yield width, height, network, faces, False, False
    for network in NETWORKS:
        if network != "base":
            yield 1920, 1080, network, 1, False, True


def measure(
    case: Case, size: tuple[int, int], network: str, faces: int, *, rehearse: bool, compiled: bool
) -> dict[str, Any]:
    """One row of the report."""
    width, height = size
    if not rehearse:
        torch.cuda.reset_peak_memory_stats()
    painter = CudaPainter(rehearsed() if rehearse else opened())
    begin = time.perf_counter()
    engine = engine_of(
        case, network, "cpu" if rehearse else "cuda:0", "float32" if rehearse else "bfloat16", compiled=compiled
    )
    start_s = time.perf_counter() - begin
    frame, placed = enlarged(case.moments[0], engine, width, height, faces)
    plate, pattern = marks_for(width, height)
    walls, stages, power = [], [], []
    for index in range(2 if rehearse else WARM_UPS + FRAMES):
        spent: dict[str, float] = {}
        begin = time.perf_counter()
        painting = painter.begin(frame, spent)
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
        "width": width, "height": height, "network": network, "faces": faces, "precision": engine.spec.precision,
        "compiled": compiled, "start_s": round(start_s, 2), "frames": len(walls),
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
