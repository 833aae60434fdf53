"""The host side speaks to the real bindings: every name that it uses is in them. No GPU and no driver is needed."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from mien.engines.cuda.unit import FOLDER

pytestmark = pytest.mark.system

#: What our attributes hold, by the module that holds them: "" is the binding's module itself.
HELD = {
    "cuda_core_device": {
        "_core": "", "_device": "Device", "_stream": "Stream", "_ahead": "Stream", "mark": "Event",
        "module": "ObjectCode",
    },
    "pycuda_device": {
        "_cuda": "", "_context": "Context", "_stream": "Stream", "_ahead": "Stream", "event": "Event",
        "_module": "Module",
    },
}  # fmt: skip
LOOK = """
import cuda.core, inspect, json, sys
from cuda.bindings import driver
core, used = json.loads(sys.argv[1]), json.loads(sys.argv[2])
missing = [name for name in used if not hasattr(driver, name)]
for holder, name in core:
    if not hasattr(getattr(cuda.core, holder) if holder else cuda.core, name):
        missing.append(f"{holder}.{name}")
cuda.core.LaunchConfig(grid=(2, 3, 1), block=(32, 8, 1))
cuda.core.StreamOptions(nonblocking=True)
cuda.core.EventOptions(timing_enabled=True)
print(json.dumps(missing))
"""


def used(module: str, source: str = "") -> set[tuple[str, str]]:
    """(holder, name) of every attribute that our module takes of what the binding gave it."""
    tree, found = ast.parse(source or (FOLDER / f"{module}.py").read_text("utf-8")), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            of = node.value
            name = of.attr if isinstance(of, ast.Attribute) else of.id if isinstance(of, ast.Name) else ""
            if name in HELD[module]:
                found.add((HELD[module][name], node.attr))
    return found


def drivers() -> list[str]:
    source = (FOLDER / "cuda_core_device.py").read_text("utf-8")
    of = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute))
    return sorted({node.attr for node in of if isinstance(node.value, ast.Attribute) and node.value.attr == "_driver"})


def fetched(*command: str) -> None:
    done = subprocess.run(
        (sys.executable, "-m", "pip", *command), capture_output=True, text=True, check=False, timeout=600
    )
    if done.returncode:
        problem = f"the bindings cannot be had here: {done.stderr.strip()[-300:]}"
        pytest.fail(problem) if os.environ.get("CI") else pytest.skip(problem)


@pytest.fixture(scope="module")
def cuda_core(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cuda-core")
    fetched(
        "install", "--quiet", "--no-deps", "--target", str(folder), "cuda-core>=1.2", "cuda-bindings>=13,<14",
        "cuda-pathfinder>=1.4",
    )  # fmt: skip
    return folder


def look(folder: Path, core: set[tuple[str, str]], driver: list[str]) -> list[str]:
    arguments = (json.dumps(sorted(core)), json.dumps(driver))
    environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{os.pathsep.join(sys.path)}"}
    done = subprocess.run(
        (sys.executable, "-c", LOOK, *arguments), capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    missing: list[str] = json.loads(done.stdout)
    return missing


def test_every_name_of_cuda_core_is_there(cuda_core: Path) -> None:
    names = used("cuda_core_device")
    assert {("", "launch"), ("Stream", "sync"), ("Stream", "wait"), ("Event", "sync")} <= names
    assert "cuMemcpyHtoDAsync" in drivers()
    assert look(cuda_core, names, drivers()) == []


def test_a_misspelt_name_would_be_found(cuda_core: Path) -> None:
    source = (FOLDER / "cuda_core_device.py").read_text("utf-8").replace("_stream.sync(", "_stream.synchronise(")
    names = used("cuda_core_device", source)
    assert look(cuda_core, names, ["cuMemAlocHost"]) == ["cuMemAlocHost", "Stream.synchronise"]


def test_every_name_of_pycuda_is_in_its_sources(tmp_path: Path) -> None:
    fetched("download", "--quiet", "--no-deps", "--no-binary", "pycuda", "--dest", str(tmp_path), "pycuda>=2026.1")
    with tarfile.open(next(tmp_path.glob("pycuda-*.tar.gz"))) as archive:
        archive.extractall(tmp_path, filter="data")
    (root,) = (path for path in tmp_path.iterdir() if path.is_dir())
    text = "\n".join((root / name).read_text("utf-8") for name in ("src/wrapper/wrap_cudadrv.cpp", "pycuda/driver.py"))
    names = used("pycuda_device")
    assert {("", "pagelocked_empty"), ("Context", "push"), ("Stream", "wait_for_event")} <= names
    assert [name for _, name in names if not re.search(rf'["( ]{name}["(),]', text)] == []
