"""The start scripts and CI's own: readable by every shell, and honest where Python is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SHELL_SCRIPTS = ("start.sh", "start.command", ".ci/run", ".ci/system-packages")


@pytest.mark.parametrize("name", SHELL_SCRIPTS)
def test_shellcheck_finds_nothing(name: str) -> None:
    tool = shutil.which("shellcheck")
    if tool is None:
        pytest.skip("shellcheck is not installed")
    done = subprocess.run([tool, str(REPOSITORY / name)], capture_output=True, text=True, check=False)
    assert done.stdout == ""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no executable bit")
@pytest.mark.parametrize("name", SHELL_SCRIPTS)
def test_scripts_can_be_started(name: str) -> None:
    assert os.access(REPOSITORY / name, os.X_OK)


def test_windows_gets_its_own_line_ends() -> None:
    data = (REPOSITORY / "start.bat").read_bytes()
    assert data.count(b"\n") == data.count(b"\r\n") > 20


@pytest.mark.skipif(os.name == "nt", reason="a POSIX shell script")
def test_without_python_the_start_script_says_what_to_get(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("sh", "dirname", "uname", "cat", "cksum"):
        found = shutil.which(name)
        assert found is not None
        (tools / name).symlink_to(found)
    done = subprocess.run(
        [str(tools / "sh"), str(REPOSITORY / "start.sh")],
        env={"PATH": str(tools), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Mien needs Python 3.11, 3.12 or 3.13" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["bin"]
