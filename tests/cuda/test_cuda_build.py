"""The compiled kernels that ship, how they are made, and that every compiler takes the sources."""

from __future__ import annotations

import ctypes
import json
import re
import shutil
import site
import subprocess
import sys
from ctypes.util import find_library
from pathlib import Path

import pytest

from mien.engines.cuda import build as build_module
from mien.engines.cuda.fatbin import ARCHITECTURES, FATBIN, LANGUAGE_OPTIONS, NOTE, read_fatbin
from mien.engines.cuda.kernels import KERNELS, SOURCES
from mien.engines.cuda.unit import unit
from mien.realtime.errors import MissingExtraError, ModelError

#: What the wheel may spend on them.
MAX_FATBIN_BYTES = 2 * 10**6
#: Fatbinary's magic number, little-endian.
FATBIN_MAGIC = 0xBA55ED50

needs_nvcc = pytest.mark.skipif(shutil.which("nvcc") is None, reason="needs nvcc")


def test_what_ships_was_made_from_the_sources_beside_it() -> None:
    image = read_fatbin()
    assert int.from_bytes(image[:4], "little") == FATBIN_MAGIC
    assert len(image) < MAX_FATBIN_BYTES


def test_other_bytes_are_refused(tmp_path: Path) -> None:
    image = bytearray(FATBIN.read_bytes())
    image[len(image) // 2] ^= 1
    changed = tmp_path / "kernels.fatbin"
    changed.write_bytes(image)
    with pytest.raises(ModelError, match="not those that"):
        read_fatbin(changed)


def test_other_sources_are_refused(tmp_path: Path) -> None:
    note = json.loads(NOTE.read_text(encoding="utf-8"))
    other = tmp_path / "kernels.json"
    other.write_text(json.dumps({**note, "recipe_sha256": "0" * 64}), encoding="utf-8")
    with pytest.raises(ModelError, match="other sources") as caught:
        read_fatbin(FATBIN, other)
    assert "mien.engines.cuda.build" in caught.value.hint


@pytest.mark.parametrize("text", ["", "[]", "{}", "nonsense", '{"sha256": 3}'])
def test_a_note_that_tells_nothing_is_refused(tmp_path: Path, text: str) -> None:
    other = tmp_path / "kernels.json"
    other.write_text(text, encoding="utf-8")
    with pytest.raises(ModelError):
        read_fatbin(FATBIN, other)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        read_fatbin(tmp_path / "kernels.fatbin")


def test_without_nvcc_it_says_so_and_leaves_what_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingExtraError, match="no nvcc"):
        build_module.build(tmp_path / "kernels.fatbin", tmp_path / "kernels.json")
    assert list(tmp_path.iterdir()) == []


def test_a_source_that_differs_from_the_table_does_not_compile(tmp_path: Path) -> None:
    if shutil.which("g++") is None:
        pytest.skip("needs g++")
    shim = Path(__file__).with_name("cuda_shim.h")
    text = unit("output.cu")
    for name, content in (("right", text), ("wrong", text.replace("int chroma_pitch", "long long chroma_pitch", 1))):
        path = tmp_path / f"{name}.cpp"
        path.write_text(content, encoding="utf-8")
        command = ["g++", "-std=c++17", "-fsyntax-only", "-include", str(shim), str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode == 0) == (name == "right"), done.stderr
        if name == "wrong":
            assert "conflicting declaration" in done.stderr


@needs_nvcc
@pytest.mark.system
def test_the_same_compiler_gives_the_same_bytes(tmp_path: Path) -> None:
    note = json.loads(NOTE.read_text(encoding="utf-8"))
    if build_module.nvcc_version() != note["nvcc"]:
        pytest.skip(f"what ships was made with nvcc {note['nvcc']}")
    build_module.build(tmp_path / "kernels.fatbin", tmp_path / "kernels.json")
    assert (tmp_path / "kernels.fatbin").read_bytes() == FATBIN.read_bytes()
    assert json.loads((tmp_path / "kernels.json").read_text(encoding="utf-8")) == note


@needs_nvcc
@pytest.mark.system
@pytest.mark.parametrize("source", SOURCES)
def test_nvcc_compiles_it_for_every_architecture_from_75_to_120(source: str, tmp_path: Path) -> None:
    listed = subprocess.run(["nvcc", "--list-gpu-arch"], capture_output=True, text=True, check=True).stdout
    numbers = [int(number) for number in re.findall(r"compute_(\d+)", listed)]
    assert {75, 120, *ARCHITECTURES} <= set(numbers)
    (tmp_path / "one.cu").write_text(unit(source), encoding="utf-8")
    targets = [f"-gencode=arch=compute_{number},code=sm_{number}" for number in numbers]
    # 177: one source alone leaves some of the common part unused.
    strict = ("-Werror", "all-warnings", "-diag-suppress=177")
    command = ["nvcc", "--fatbin", *LANGUAGE_OPTIONS, *strict, *targets, "one.cu", "-o", "one.fatbin"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _nvrtc() -> ctypes.CDLL | None:
    folders = (Path(folder) for folder in {*site.getsitepackages(), *sys.path})
    found = [path for folder in folders for path in folder.glob("nvidia/*/lib/libnvrtc.so.*") if "alt" not in path.name]
    name = str(found[0]) if found else find_library("nvrtc")
    return None if name is None else ctypes.CDLL(name)


@pytest.mark.system
def test_nvrtc_compiles_all_in_one_text() -> None:
    nvrtc = _nvrtc()
    if nvrtc is None:
        pytest.skip("needs libnvrtc (the package nvidia-cuda-nvrtc)")
    program, size = ctypes.c_void_p(), ctypes.c_size_t()
    assert nvrtc.nvrtcCreateProgram(ctypes.byref(program), unit().encode(), b"kernels.cu", 0, None, None) == 0
    options = [option.encode() for option in (*LANGUAGE_OPTIONS, "--gpu-architecture=compute_75")]
    status = nvrtc.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
    nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value)
    nvrtc.nvrtcGetProgramLog(program, log)
    assert status == 0, log.value.decode()
    nvrtc.nvrtcGetPTXSize(program, ctypes.byref(size))
    ptx = ctypes.create_string_buffer(size.value)
    nvrtc.nvrtcGetPTX(program, ptx)
    assert set(re.findall(r"\.entry (\w+)", ptx.value.decode())) == set(KERNELS)
