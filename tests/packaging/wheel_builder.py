"""Builds the wheel from a copy, because setuptools leaves a build folder whose old files would join the next wheel."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
_SOURCES = ("realtime", "engines", "plugin", "pyproject.toml", "setup.py", "README.md", "LICENSE", "NOTICE")


def build_wheel(folder: Path) -> Path:
    """Build into `folder`, as pip builds for a user, and return the wheel."""
    copy = folder / "source"
    copy.mkdir(parents=True)
    for name in _SOURCES:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, copy / name)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("mien-*.whl")
    return built
