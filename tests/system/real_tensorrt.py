"""NVIDIA's own Python bindings of TensorRT, made importable without its libraries and without a GPU.

The bindings lie on PyPI; the libraries behind them are gigabytes that need a GPU. So empty libraries stand in for
those: gcc makes one for each name that the bindings' ELF header asks for, and the few functions that they miss return
null pointers. Names, enumerations, docstrings and base classes are then all the real ones. pybind11-stubgen writes what
they say of their signatures as a stub for mypy. Nothing of it is kept.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

STUBGEN = "pybind11-stubgen==3.0.0"
MODULE = "tensorrt_bindings.tensorrt"
#: The same module under the name that the package `tensorrt` gives it.
SHIM = "import sys\n\nimport tensorrt_bindings\n\nsys.modules[__name__] = tensorrt_bindings\n"


class UnavailableError(Exception):
    """Something is not on this machine, and cannot be had from a package index; the text says what."""


@dataclass(frozen=True)
class Bindings:
    """One version: folders for PYTHONPATH and LD_LIBRARY_PATH."""

    version: str
    python: tuple[Path, ...]
    libraries: Path

    def environment(self, *more: Path) -> dict[str, str]:
        paths = [str(path) for path in (*self.python, *more)]
        return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "LD_LIBRARY_PATH": str(self.libraries)}


def run(*command: str | Path, text: str | None = None, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [str(each) for each in command], input=text, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise UnavailableError(f"{command[0]} failed: {done.stderr.strip()[-600:]}")
    return done.stdout


def install(requirement: str, folder: Path) -> Path:
    run(
        sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
        "--target", folder, requirement,
    )  # fmt: skip
    return folder


def bindings(requirement: str, folder: Path) -> Bindings:
    """Install the bindings of one version and make them importable."""
    package, _, version = requirement.partition("==")
    real = install(requirement, folder / package)
    (shared,) = real.rglob("tensorrt*.so")
    libraries = folder / f"{package}-libraries"
    libraries.mkdir()
    needed = re.findall(r"\(NEEDED\).*\[(libnv.+?)\]", run("readelf", "-d", shared))
    undefined = re.findall(r"^\s+U (\w+)$", run("nm", "-D", "--undefined-only", shared), re.MULTILINE)
    # Those of Python and of the C library's loader are there in the process.
    missing = [name for name in undefined if not re.match(r"_?Py|dl\w+$", name)]
    for i, library in enumerate(needed):
        source = "".join(f"void *{name}(void) {{ return 0; }}\n" for name in missing) if i == 0 else "\n"
        run("gcc", "-shared", "-fPIC", "-xc", "-", f"-Wl,-soname,{library}", "-o", libraries / library, text=source)
    shim = folder / f"{package}-shim"
    shim.mkdir()
    (shim / "tensorrt.py").write_text(SHIM)
    return Bindings(version, (shim, real), libraries)


def write_stub(found: Bindings, stubgen: Path, folder: Path) -> Path:
    """`tensorrt.pyi` with what the bindings say of themselves; returns its folder."""
    raw = folder / f"raw-{found.version}"
    run(
        sys.executable, "-m", "pybind11_stubgen", MODULE, "-o", raw, "--ignore-all-errors",
        "--enum-class-locations", f".*:{MODULE}", environment=found.environment(stubgen),
    )  # fmt: skip
    text = (raw / "tensorrt_bindings" / "tensorrt.pyi").read_text(encoding="utf-8")
    out = folder / f"stub-{found.version}"
    out.mkdir()
    (out / "tensorrt.pyi").write_text(mended(text), encoding="utf-8")
    return out


def mended(text: str) -> str:
    """A generated stub without what pybind11 cannot say or says wrong."""
    text = text.replace(f"{MODULE}.", "")
    # A parameter called `in`, and one without a default after one that has it.
    text = re.sub(r"\bin: ", "in_: ", text)
    text = re.sub(r"(= None, \w+: [\w.]+)(?=[,)])", r"\1 = ...", text)
    # TensorRT has a data type of this name, which hides Python's.
    text = re.sub(r"(?<![\w.])bool\b(?!: DataType)", "builtins.bool", text)
    # A C++ class whose Python name is another.
    text = re.sub(r"(def get_error\(.*\) -> )\.\.\.:", r"\1ParserError:", text)
    # Null pointers arrive as None, and numbers that TensorRT hands to Python are plain ones.
    nullable = "build_serialized_network|deserialize_cuda_engine|create_execution_context"
    text = re.sub(rf"(def (?:{nullable})\(.*\) -> \w+):", r"\1 | None:", text)
    tree = ast.parse(text)
    for node in tree.body:
        if not isinstance(node, ast.ClassDef):
            continue
        if node.name == "IProgressMonitor":
            body = ast.unparse(node).replace("typing.SupportsInt", "int")
            node.body = _class(body.replace("parent_phase: str", "parent_phase: str | None")).body
        # Protocols of C that have no annotations.
        if node.name == "IHostMemory":
            node.body += _class("class _:\n def __buffer__(self, flags: int, /) -> memoryview: ...").body
        if node.name == "Dims":
            node.body += _class("class _:\n def __iter__(self) -> collections.abc.Iterator[int]: ...").body
    return "# mypy: ignore-errors\nimport builtins\n" + ast.unparse(tree) + "\n__version__: str\n"


def _class(text: str) -> ast.ClassDef:
    (node,) = ast.parse(text).body
    assert isinstance(node, ast.ClassDef)
    return node


def sources(folder: Path) -> dict[str, str]:
    """The modules below `folder` that import TensorRT, by their paths within it."""
    found = {}
    for path in sorted(folder.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if any(
            isinstance(node, ast.Import) and any(each.name == "tensorrt" for each in node.names)
            for node in ast.walk(ast.parse(text))
        ):
            found[str(path.relative_to(folder))] = text
    return found


def names_used(text: str) -> set[str]:
    """Every dotted name that a module takes from `trt`: classes, enumerations and their members."""
    spelt = {ast.unparse(node) for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute)}
    return {name.removeprefix("trt.") for name in spelt if re.fullmatch(r"trt(\.\w+)+", name)}
