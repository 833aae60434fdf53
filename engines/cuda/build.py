"""Compile the kernels for every GPU generation into the file that ships: `python -m mien.engines.cuda.build`."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from mien.engines.cuda.fatbin import ARCHITECTURES, FATBIN, LANGUAGE_OPTIONS, NOTE, recipe_sha256
from mien.engines.cuda.unit import unit
from mien.realtime.errors import MienError, MissingExtraError, ModelError


def build(fatbin: Path = FATBIN, note: Path = NOTE) -> None:
    """Compile with nvcc, and write the result and its note; the same nvcc gives the same bytes.

    Raises:
        MissingExtraError: there is no nvcc.
        ModelError: it refuses the sources; with its own words.

    """
    nvcc = _nvcc()
    with tempfile.TemporaryDirectory() as folder:
        # Run where the source lies, so that no path of this machine can get into the file.
        Path(folder, "kernels.cu").write_text(unit(), encoding="utf-8")
        command = [nvcc, "--fatbin", *LANGUAGE_OPTIONS, "--compress-mode=size", *_targets(), "kernels.cu", "-o", "out"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ModelError(f"nvcc refused the kernels: {done.stderr.strip()}")
        image = Path(folder, "out").read_bytes()
    told = {
        "recipe_sha256": recipe_sha256(),
        "sha256": hashlib.sha256(image).hexdigest(),
        "nvcc": nvcc_version(nvcc),
        "architectures": list(ARCHITECTURES),
    }
    fatbin.write_bytes(image)
    note.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


def nvcc_version(nvcc: str = "nvcc") -> str:
    """Such as "13.0.88"."""
    told = subprocess.run([nvcc, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"\bV(\d+(?:\.\d+)+)", told)
    return found.group(1) if found else ""


def _nvcc() -> str:
    found = shutil.which("nvcc")
    if found is None:
        raise MissingExtraError(
            "There is no nvcc, which compiles the CUDA kernels.",
            hint="Install NVIDIA's CUDA toolkit 13, its bin folder in PATH; only who changes a kernel needs it.",
        )
    return found


def _targets() -> list[str]:
    """Machine code for each architecture, and the oldest one's PTX, which drivers compile for GPUs that are newer."""
    oldest = f"-gencode=arch=compute_{ARCHITECTURES[0]},code=compute_{ARCHITECTURES[0]}"
    return [*(f"-gencode=arch=compute_{number},code=sm_{number}" for number in ARCHITECTURES), oldest]


def main() -> int:
    """Build, and say what came of it; the exit status."""
    try:
        build()
    except MienError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    sys.stdout.write(f"{FATBIN}: {FATBIN.stat().st_size:,} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
