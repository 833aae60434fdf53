"""The wheel in a fresh environment, far from the checkout, runs the demo."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import av
import pytest
from wheel_builder import REPOSITORY, build_wheel

pytestmark = [pytest.mark.system, pytest.mark.slow]


def run(*command: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=cwd, env=environment(cwd), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}\n{done.stderr}"
    return done


def environment(folder: Path) -> dict[str, str]:
    # A PYTHONPATH or an active environment would let the checkout in.
    kept = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV", "PYTHONHOME")}
    return kept | {"MIEN_CONFIG_DIR": str(folder / "config"), "MIEN_DATA_DIR": str(folder / "data")}


def test_a_wheel_outside_the_checkout_runs_the_demo(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path / "dist")
    run(sys.executable, "-m", "venv", tmp_path / "env", cwd=tmp_path)
    python = tmp_path / "env" / ("Scripts" if os.name == "nt" else "bin") / "python"
    constraints = REPOSITORY / "constraints.txt"
    run(python, "-m", "pip", "install", "--quiet", "--constraint", constraints, f"{wheel}[live]", cwd=tmp_path)

    listed = json.loads(run(python, "-m", "pip", "list", "--format", "json", cwd=tmp_path).stdout)
    names = {entry["name"].lower() for entry in listed}
    assert names.isdisjoint({"torch", "anny", "warp-lang", "pyvirtualcam", "pytest", "ruff"})

    mien = python.with_name("mien")
    done = run(mien, "demo", "--json", "--out", tmp_path / "demo", cwd=tmp_path)
    document = json.loads(done.stdout)
    assert Path(document["video"]).is_file()
    assert Path(document["picture"]).stat().st_size > 10_000
    frames = document["convert"]["frames"]
    assert frames["in"] == frames["out"] > 100
    assert (frames["errors"], frames["camera"]) == (0, 0)
    with av.open(document["video"]) as container:
        assert sum(1 for _ in container.decode(video=0)) == frames["out"]
    assert document["live"]["commit"] == "installed"
