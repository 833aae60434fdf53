"""The day on a GPU host, rehearsed: what it imports, and that its figures come out, without a GPU."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from swapnet_parts import toy_shards
from two_painters import face_at, picture

from mien.engines.cuda.recorded_case import SIZES, Case, Moment, Pattern, Plate, read_case, write_case
from mien.engines.personas.library import find
from mien.engines.swapnet.load import read_halves
from mien.engines.swapnet.marks import MARKS_NOTE
from mien.realtime.aligner import head_square
from mien.realtime.head import fit_head

ROOT = Path(__file__).parents[2]
#: What a GPU host does not have.
ABSENT = (
    "cv2", "mediapipe", "av", "PIL", "pydantic", "onnx", "onnxscript", "onnxruntime", "openvino", "typer", "rich",
    "aiohttp", "simplejpeg", "platformdirs", "cryptography", "psutil",
)  # fmt: skip
RUN_WITHOUT = f"""
import runpy, sys
sys.modules.update(dict.fromkeys({ABSENT}))
script, *sys.argv[1:] = sys.argv[1:]
sys.argv[0] = script
sys.path.insert(0, {str(ROOT / "benchmarks")!r})
runpy.run_path(script, run_name="__main__")
"""


@pytest.fixture(scope="module")
def parcel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made-up samples of ellipses, packed."""
    from mien.engines.swapnet.network import Encoder
    from mien.engines.swapnet.packed import write_parcel
    from mien.engines.swapnet.plan import TrainPlan
    from mien.engines.swapnet.run import split

    folder = tmp_path_factory.mktemp("parcel")
    toy_shards(folder, ("a",))
    plan = TrainPlan(("a",), size="tiny", steps=60, batch=2, freeze=True)
    write_parcel(
        folder / "train.npz", plan, Encoder(plan.encoder).state_dict(), *split(folder, ["a"]), most_bytes=10**8
    )
    return folder / "train.npz"


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recorded case with a made-up face: what is recorded of the shipped clip takes a tracker and a minute."""
    from mien.engines.swapnet.export import read_weights

    networks = find("amara").networks
    assert networks is not None
    halves = {size: read_halves(networks, size) for size in SIZES}
    weights = {size: {k: v.numpy() for k, v in read_weights(networks.decoders[size]).items()} for size in SIZES}
    frame, face = picture(0, 320, 180), face_at(160, 90, 100)
    squares = {size: head_square(fit_head(face.landmarks), halves[size].size_px, 1.3) for size in SIZES}
    path = tmp_path_factory.mktemp("case") / "case.npz"
    written = Case(
        moments=(Moment(frame, face, squares, dict.fromkeys(SIZES, frame)),),
        plate=Plate(np.full((20, 60, 3), 9, np.uint16), np.full((20, 60, 3), 128, np.uint16)), corner=(4, 6),
        pattern=Pattern(np.ones((180, 320), np.int8)),
        encoder={k: v.numpy() for k, v in read_weights(networks.encoder).items()}, decoders=weights,
        textures={size: halves[size].texture for size in SIZES},
        marks={size: halves[size].decoder.notes[MARKS_NOTE] for size in SIZES}, free=halves["base"].free,
    )  # fmt: skip
    write_case(path, written)
    return path


def without(*argv: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        (sys.executable, "-c", RUN_WITHOUT, *argv), capture_output=True, text=True, check=False, env=environment
    )


def test_a_case_comes_back_as_it_was_written(case: Path) -> None:
    again = read_case(case)
    (moment,) = again.moments
    assert np.array_equal(moment.pixels, picture(0, 320, 180))
    assert np.array_equal(moment.face.landmarks, face_at(160, 90, 100).landmarks)
    assert {size: moment.alignments[size].width for size in SIZES} == {"small": 128, "base": 256}
    assert again.plate.size == (60, 20)
    assert case.stat().st_size < 40e6


def test_the_latency_script_runs_on_a_host_with_numpy_and_torch_alone(case: Path, tmp_path: Path) -> None:
    out = tmp_path / "latency.json"
    done = without(str(ROOT / "benchmarks/gpu_latency.py"), "--case", str(case), "--out", str(out), "--rehearse")
    assert done.returncode == 0, done.stderr
    rows = json.loads(out.read_text())["measured"]
    assert [row["copied_ahead"] for row in rows] == [False, True]
    for row in rows:
        assert row["wall_ms"]["p50"] > 0
        assert row["stages_ms"].keys() >= {"upload", "crop", "engine", "blend", "badge", "download"}


def test_a_decoder_is_trained_on_a_host_with_numpy_and_torch_alone(parcel: Path, tmp_path: Path) -> None:
    out, script = tmp_path / "results", str(ROOT / "benchmarks/gpu_train.py")
    options = ("--parcel", str(parcel), "--work", str(tmp_path / "work"), "--out", str(out), "--device", "cpu")
    done = without(script, "train", *options, "--seconds", "0", "--validate-every", "20")
    assert done.returncode == 0, done.stderr
    first = json.loads(done.stdout.splitlines()[-1])
    assert (first["over"], first["pieces"]) == (False, 1)
    assert 1 <= first["step"] < 60
    done = without(script, "train", *options, "--validate-every", "20")
    assert done.returncode == 0, done.stderr
    assert f"from step {first['step']}" in done.stdout
    assert json.loads(done.stdout.splitlines()[-1]) == {"over": True, "step": 60, "steps": 60, "pieces": 1}
    # What comes back is all that comes back, and small enough.
    (piece,) = out.iterdir()
    assert piece.stat().st_size <= 16 * 2**20


def test_the_gpu_tests_need_nothing_that_a_gpu_host_lacks() -> None:
    modules = "painter", "host_case", "recorded_case", "fatbin", "device", "pycuda_device", "cuda_core_device"
    script = "import sys; sys.modules.update(dict.fromkeys({!r})); {}".format(
        ABSENT, "; ".join(f"import mien.engines.cuda.{name}" for name in modules)
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run((sys.executable, "-c", script), capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr


def test_its_commands_are_short_enough_and_say_how_they_are_used() -> None:
    done = subprocess.run(
        ("bash", str(ROOT / "benchmarks/gpu_day.sh"), "nonsense"), capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    for step in ("build", "tests", "latency", "train", "rehearse"):
        assert f"gpu_day.sh {step}" in done.stdout


@pytest.mark.system
def test_the_day_is_rehearsed_in_an_environment_of_numpy_and_torch(case: Path, parcel: Path, tmp_path: Path) -> None:
    """As on the host, up to the first call of CUDA: a file of the tree that needs more shows up here."""
    bare, day = tmp_path / "bare", tmp_path / "day"
    subprocess.run((sys.executable, "-m", "venv", str(bare)), check=True)
    python = str(bare / "bin" / "python")
    constraints = str(ROOT / "constraints.txt")
    pip = (python, "-m", "pip", "install", "--quiet", "--constraint", constraints, "numpy", "torch", "pytest")
    done = subprocess.run(pip, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    day.mkdir()
    (day / "case.npz").write_bytes(case.read_bytes())
    (day / "train.npz").write_bytes(parcel.read_bytes())
    wheel = (python, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(day / "wheels"), "safetensors")
    done = subprocess.run(wheel, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    places = {"DAY": str(day), "SITE": str(tmp_path / "site"), "PYTHON": python, "HOME": str(tmp_path)}
    environment = {"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1", **places}
    done = subprocess.run(
        ("bash", str(ROOT / "benchmarks/gpu_day.sh"), "rehearse"),
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "as far as the missing GPU" in done.stdout or "there is a GPU here" in done.stdout
    assert json.loads(done.stdout.splitlines()[-1])["pieces"] == 1
