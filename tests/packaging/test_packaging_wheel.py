"""The wheel holds the three packages whole, and nothing that would take another project's name."""

from __future__ import annotations

import subprocess
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from wheel_builder import REPOSITORY, build_wheel

PACKAGES = ("realtime", "engines", "plugin")
#: The personas, the clip, code and the page are at most 5 MB; trained networks at most 25.
MAX_WHEEL_BYTES = 30 * 10**6


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built as pip builds it."""
    return build_wheel(tmp_path_factory.mktemp("dist"))


def test_every_tracked_file_of_the_packages_is_in_it(wheel: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", *PACKAGES], cwd=REPOSITORY, capture_output=True, text=True, check=False
    ).stdout.split("\n")
    tracked = {
        f"mien/{name}" for name in listed if name and (REPOSITORY / name).is_file() and Path(name).name[0] != "."
    }
    if not tracked:
        pytest.skip("not a git checkout")
    with zipfile.ZipFile(wheel) as archive:
        assert sorted(tracked - set(archive.namelist())) == []


def test_it_owns_no_name_but_mien(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"mien"}


def test_it_is_small(wheel: Path) -> None:
    assert wheel.stat().st_size < MAX_WHEEL_BYTES


def test_its_metadata_keep_the_promises(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = [name for name in names if name.endswith(".dist-info/METADATA")]
        headers = Parser().parsestr(archive.read(metadata).decode("utf-8"))
    licences = [name for name in names if ".dist-info/licenses/" in name]
    assert {Path(name).name for name in licences} == {"LICENSE", "NOTICE"}
    requires = headers.get_all("Requires-Dist") or []
    # GPL-2.0, and hundreds of megabytes: neither may come with the product by itself.
    for heavy in ("pyvirtualcam", "torch", "anny", "warp-lang", "tensorrt"):
        extras = {line.split("extra ==")[-1].strip(" \"'") for line in requires if line.startswith(heavy)}
        assert extras <= {"virtualcam", "cast", "train", "tensorrt", "onnx-torch", "gpu"}
        assert extras
    assert headers["Requires-Python"] == ">=3.11,<3.14" or set(headers["Requires-Python"].split(",")) == {
        ">=3.11",
        "<3.14",
    }


def test_every_requirement_is_pinned_and_every_pin_is_inside_the_bounds() -> None:
    from packaging.requirements import Requirement

    pins: dict[str, str] = {}
    for line in (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, _, version = line.partition("==")
            assert version, f"{line} is no exact pin"
            pins[name.lower().replace("_", "-")] = version
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    for requirement in (Requirement(text) for group in groups for text in group):
        if requirement.name == "mien":
            continue
        name = requirement.name.lower().replace("_", "-")
        assert name in pins, f"{name} has no pin"
        assert requirement.specifier.contains(pins[name]), f"{name} {pins[name]} is outside {requirement.specifier}"
    assert pins["torch"] == "2.13.0"
