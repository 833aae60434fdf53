from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import av
import cv2
import pytest

from mien.plugin.cli import main
from mien.plugin.clip import driver_clip

pytest.importorskip("torch")


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        main(["train", *arguments])
    output = capsys.readouterr()
    return int(ended.value.code or 0), output.out + output.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("linh",), "Say what to learn from"),
        (("linh", "--paired", "--footage", "x.mp4"), "Say what to learn from"),
        (("linh", "--paired", "--driver", "x.mp4"), "--driver goes with --footage"),
        (("linh", "--paired"), "not among your own personas"),
        (("nobody", "--paired"), "no persona"),
        (("linh", "--paired", "--out", "OUT", "--variational"), "--encoder new"),
        (("linh", "--paired", "--out", "OUT", "--encoder", "new", "--device", "cuda:9"), "no device 'cuda:9'"),
        (("linh", "--footage", "x.mp4", "--out", "OUT"), "consent"),
        (("linh", "--paired", "--out", "OUT", "--from", "opal"), "opal has no base network to begin with"),
        (("linh", "--paired", "--out", "OUT", "--from", "nobody"), "no persona"),
    ],
)
def test_what_cannot_be_is_said_before_any_work(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    given = [str(tmp_path / "out") if each == "OUT" else each for each in arguments]
    code, text = call(capsys, *given, "--work", str(tmp_path / "work"))
    assert code != 0
    assert code != 70
    assert said in text
    assert not (tmp_path / "work").exists()


@pytest.mark.cast
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_persona_is_filmed_trained_packed_and_played(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """As a user does: stopped by the clock, gone on with, and worn."""
    from mien.engines.personas.pack import load_pack
    from mien.engines.registry import make_engine

    pack = tmp_path / "pack"
    run = (
        "opal", "--paired", "--samples", "32", "--per-shard", "16", "--jobs", "1", "--size", "tiny",
        "--encoder", "new", "--steps", "4", "--batch", "4", "--work", str(tmp_path / "work"), "--out", str(pack),
        "--json",
    )  # fmt: skip
    code, text = call(capsys, *run, "--minutes", "0")
    assert code == 0
    assert json.JSONDecoder().raw_decode(text)[0]["over"] is False
    code, text = call(capsys, *run)
    assert code == 0
    document = json.JSONDecoder().raw_decode(text)[0]
    assert document["over"] is True
    assert document["score"]["psnr"] > 5
    folder = Path(document["folder"])
    assert list((folder / "previews").glob("*.png"))
    assert list((folder / "curves").iterdir())
    persona = load_pack(pack)
    engine = make_engine(persona)
    assert engine.spec.name == "swapnet-tiny"
    engine.close()
    record = json.loads((pack / "training.json").read_text())["tiny"]
    assert record["steps"] == 4
    assert str(tmp_path) not in record["command"]
    # Another face begins with what this one learnt, and tells so; not where it would need another encoder than is kept.
    further = ["viggo", *run[1:-1], "--from", str(pack), "--rate", "1e-4", "--json"]
    further[further.index("--out") + 1] = str(tmp_path / "further")
    shipped = [each for each in further if each not in ("--encoder", "new")]
    code, text = call(capsys, *shipped)
    assert "belongs to another encoder" in text
    assert code != 0
    code, text = call(capsys, *further)
    assert code == 0
    assert Path(json.JSONDecoder().raw_decode(text)[0]["folder"]) != folder
    again = json.loads((tmp_path / "further" / "training.json").read_text())["tiny"]
    assert again["began_with"] == record
    assert "began_with" not in record
    _learns_elsewhere(capsys, tmp_path)


def _learns_elsewhere(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A run that has begun is carried to another host, learns there, and ends here in a pack."""
    from mien.engines.personas.pack import load_pack

    work, pack = tmp_path / "work", tmp_path / "from-elsewhere"
    run = (
        "viggo", "--paired", "--samples", "32", "--per-shard", "16", "--size", "tiny", "--steps", "6", "--batch", "4",
        "--work", str(work), "--out", str(pack), "--json",
    )  # fmt: skip
    code, text = call(capsys, *run, "--minutes", "0")
    assert code == 0, text
    folder = json.JSONDecoder().raw_decode(text)[0]["folder"]

    def elsewhere(*arguments: str) -> str:
        script = str(Path(__file__).parents[2] / "benchmarks" / "gpu_train.py")
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(
            (sys.executable, script, *arguments), capture_output=True, text=True, check=False, env=environment
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    there, pieces = str(tmp_path / "there"), str(tmp_path / "pieces")
    elsewhere("pack", "--run", folder, "--samples", str(work / "samples"), "--out", there)
    said = elsewhere("train", "--parcel", f"{there}/train.npz", "--work", there, "--out", pieces, "--device", "cpu")
    assert json.loads(said.splitlines()[-1])["over"] is True
    assert "step 6" in elsewhere("unpack", "--run", folder, "--pieces", pieces)
    code, text = call(capsys, *run)
    assert code == 0, text
    assert "going on from step 6" in text
    assert json.loads((pack / "training.json").read_text())["tiny"]["steps"] == 6
    assert load_pack(pack).networks is not None


def run(command: str, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), *arguments])
    output = capsys.readouterr()
    assert not ended.value.code, output.out + output.err
    return output.out + output.err


@pytest.mark.system
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_figure_is_recorded_and_trained_beside_its_driver_and_worn(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The whole footage road at its smallest: the shipped clip shows the persona, and drives it."""
    from mien.engines.personas.pack import SHIPPED_ENCODERS, load_pack
    from mien.engines.registry import make_engine

    with av.open(str(driver_clip())) as container:
        first = next(container.decode(video=0)).to_ndarray(format="bgr24")
    portrait, statement = tmp_path / "portrait.png", tmp_path / "statement.txt"
    cv2.imwrite(str(portrait), cv2.resize(first[:, 280:1000], (960, 960), interpolation=cv2.INTER_CUBIC))
    statement.write_text("A render of our own.\n")
    record, start, pack = (str(tmp_path / name) for name in ("consent.json", "start", "pack"))
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    signed = ("--statement", str(statement), "--holder", "its makers", "--basis", "own-work")
    run("consent figure --name fig", capsys, "--portrait", str(portrait), *signed, "--key", str(tmp_path / "key"),
        "--out", record)  # fmt: skip
    run("persona create --name fig", capsys, "--portrait", str(portrait), "--consent", record, "--out", start)
    clip = str(driver_clip())
    words = (start, "--footage", clip, "--driver", clip, "--work", str(tmp_path / "work"), "--out", pack)
    text = run("train --size tiny --steps 3 --batch 2", capsys, *words, "--json")
    assert "likeness to the portrait" in text
    document = json.JSONDecoder().raw_decode(text[text.index("{") :])[0]
    assert document["over"] is True
    persona = load_pack(Path(pack))
    assert persona.kind == "consented"
    assert persona.networks is not None
    assert set(persona.networks.decoders) == {"tiny"}
    # The driver's recordings taught the encoder on, and their decoder is nobody's.
    assert persona.networks.encoder not in [place.read_bytes() for place in SHIPPED_ENCODERS.glob("*.onnx")]
    assert not list(Path(pack).glob("*driver*"))
    engine = make_engine(persona)
    assert engine.spec.name == "swapnet-tiny"
    engine.close()
