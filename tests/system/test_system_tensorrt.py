"""What Mien uses of TensorRT exists in NVIDIA's own bindings: names and signatures, in the oldest and the newest.

What it uses is read from its sources, so that nothing has to be listed here. Two halves: the names are looked up in the
real module, and mypy follows the calls through a stub that the real module's signatures make.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from real_tensorrt import (
    STUBGEN,
    Bindings,
    UnavailableError,
    bindings,
    install,
    names_used,
    sources,
    write_stub,
)

pytestmark = [pytest.mark.system, pytest.mark.slow]

REPOSITORY = Path(__file__).parents[2]
RUNTIMES = REPOSITORY / "engines" / "runtimes"
OLDEST, NEWEST = "tensorrt_cu12_bindings==10.8.0.43", "tensorrt_cu13_bindings==11.4.0.106"

#: A word of the sources, and a misspelling of it: each must be found with both versions.
MISSPELLINGS = (
    ("trt.Builder(", "trt.Bulider("),
    (".STRONGLY_TYPED", ".STRONGLY_TYPE"),
    (".WORKSPACE", ".WORKSPACES"),
    ("Severity.INTERNAL_ERROR", "Severity.INTERNAL"),
    ("TensorIOMode.INPUT", "TensorIOMode.INPUTS"),
    ("trt.IProgressMonitor", "trt.IProgresMonitor"),
    ("parser.num_errors", "parser.nr_errors"),
    ("each.desc()", "each.description()"),
    ("config.progress_monitor =", "config.progress_monitr ="),
    ("ignore_mismatch=False", "ignore_mismatches=False"),
    ("build_serialized_network(definition, config)", "build_serialized_network(config, definition)"),
    ("set_memory_pool_limit(", "set_memory_pool_limits("),
    ("def step_complete(self, phase_name: str, step: int)", "def step_complete(self, phase_name: str, step: str)"),
    ("def log(self, severity: trt.ILogger.Severity, msg: str)", "def log(self, severity: trt.ILogger.Severity)"),
    ("if engine is None:", "if False:"),
    ("set_tensor_address(port.name, mirror.address)", "set_tensor_address(mirror.address, port.name)"),
    ("execute_async_v3(self._gpu.stream)", "execute_async_v2(self._gpu.stream)"),
    ("engine.num_io_tensors", "engine.num_bindings"),
)
#: What the oldest has and the newest has not.
GONE = ("config.progress_monitor = monitor", "config.set_flag(trt.BuilderFlag.FP16)")

_LOOK_UP = """
import json, sys, tensorrt
def there(name):
    found = tensorrt
    for part in name.split('.'):
        found = getattr(found, part, None)
    return found is not None
print(json.dumps([tensorrt.__version__, [name for name in json.loads(sys.argv[1]) if not there(name)]]))
"""
_INSTANCES = """
import io, contextlib, threading, tensorrt as trt
from mien.engines.runtimes.tensorrt_builder import Lines, Monitor
from mien.engines.runtimes.tensorrt_log import Log
log = Log()
log.log(trt.ILogger.Severity.ERROR, 'one\\n two')
log.log(trt.ILogger.Severity.INFO, 'nothing')
assert log.take() == 'one two' and log.take() == ''
told = io.StringIO()
with contextlib.redirect_stdout(told):
    monitor = Monitor(Lines(), threading.Event())
    monitor.phase_start('outer', None, 4)
    assert monitor.step_complete('outer', 0)
assert told.getvalue() == '{"phase": "outer", "share": 0.25}\\n', told.getvalue()
assert tuple(trt.Dims((1, 3, 8))) == (1, 3, 8)
for make in (trt.Builder, trt.Runtime):
    try:
        make(log)
    except TypeError:
        continue
    raise AssertionError(make)
"""


def available(folder: Path, requirement: str) -> Bindings:
    if not sys.platform.startswith("linux"):
        pytest.skip("the stand-ins for the libraries are made for Linux")
    try:
        return bindings(requirement, folder)
    except (UnavailableError, FileNotFoundError) as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"TensorRT's bindings cannot be had here: {error}")


@pytest.fixture(scope="module", params=[OLDEST, NEWEST], ids=["10.8", "11.4"])
def real(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bindings:
    return available(tmp_path_factory.mktemp("bindings"), request.param)


def missing_names(real: Bindings, texts: list[str]) -> list[str]:
    """The names in these sources that the real module lacks."""
    used = sorted(set().union(*map(names_used, texts)))
    assert len(used) >= 10, used
    done = subprocess.run(
        [sys.executable, "-c", _LOOK_UP, json.dumps(used)],
        env=real.environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    version, missing = json.loads(done.stdout)
    assert version == real.version
    return list(missing)


def test_every_name_exists(real: Bindings) -> None:
    assert missing_names(real, list(sources(RUNTIMES).values())) == []


def test_a_misspelt_name_is_found(real: Bindings) -> None:
    texts = sources(RUNTIMES)
    spelt = [pair for pair in MISSPELLINGS if re.search(r"(^|\b)trt\.|^\.[A-Z_]+$|Severity|IOMode", pair[0])]
    assert len(spelt) >= 6
    for right, wrong in spelt:
        changed = [text.replace(right, wrong) for text in texts.values()]
        if names_used("\n".join(changed)) != names_used("\n".join(texts.values())):
            assert missing_names(real, changed), wrong


def planted(texts: dict[str, str], folder: Path) -> dict[str, str]:
    """Modules with one misspelling each, written to `folder`: their paths, and what was misspelt."""
    found = {}
    for i, (right, wrong) in enumerate((*MISSPELLINGS, GONE)):
        holders = [name for name, text in texts.items() if right in text]
        assert holders, f"no source has {right!r} any more"
        path = folder / f"planted_{i}.py"
        path.write_text(texts[holders[0]].replace(right, wrong), encoding="utf-8")
        found[path.name] = wrong
    return found


def test_every_signature_is_the_real_one_and_a_misspelling_is_found(real: Bindings, tmp_path: Path) -> None:
    try:
        stubgen = install(STUBGEN, tmp_path / "stubgen")
    except UnavailableError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    stub = write_stub(real, stubgen, tmp_path)
    texts = sources(RUNTIMES)
    wrong = planted(texts, tmp_path)
    view = tmp_path / "view" / "mien"
    view.mkdir(parents=True)
    for top in ("realtime", "engines"):
        (view / top).symlink_to(REPOSITORY / top)
    config = tmp_path / "mypy.ini"
    config.write_text(
        f"[mypy]\nstrict = true\nmypy_path = {stub}:{view.parent}\nexplicit_package_bases = true\n"
        "namespace_packages = true\nwarn_unreachable = true\nfollow_imports = silent\n"
        "[mypy-torch.*,onnx.*]\nfollow_imports = skip\n"
    )
    ours = [view / "engines" / "runtimes" / name for name in texts]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", str(config), "--cache-dir", str(tmp_path / "cache"),
         *map(str, ours), *(str(tmp_path / name) for name in wrong)],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "error:" in done.stdout, done.stdout + done.stderr
    blamed = {Path(line.partition(":")[0]).name for line in done.stdout.splitlines() if " error: " in line}
    assert blamed.isdisjoint(texts), done.stdout
    unseen = {text for name, text in wrong.items() if name not in blamed}
    assert unseen == ({GONE[1]} if real.version.startswith("10.") else set()), done.stdout


def test_our_classes_work_on_the_real_ones(real: Bindings) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _INSTANCES],
        env=real.environment(*map(Path, filter(None, sys.path))), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_a_build_without_a_gpu_fails_with_a_line_that_says_so(real: Bindings, tmp_path: Path) -> None:
    for name in ("network", "timing"):
        (tmp_path / name).write_bytes(b"")
    done = subprocess.run(
        [sys.executable, "-m", "mien.engines.runtimes.tensorrt_builder",
         str(tmp_path / "network"), str(tmp_path / "plan"), str(tmp_path / "timing")],
        env=real.environment(*map(Path, filter(None, sys.path))), stdin=subprocess.PIPE, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    (line,) = done.stdout.splitlines()
    assert "nullptr" in json.loads(line)["error"]
    assert not (tmp_path / "plan").exists()
