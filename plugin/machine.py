"""What a number was measured on: enough to judge it, nothing that names a person or a computer."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import psutil
from pydantic import BaseModel, ConfigDict

#: Instruction sets that change how fast networks and pictures run, in the names of Linux's /proc/cpuinfo.
ISA_OF_INTEREST = (
    "sse4_2",
    "avx",
    "f16c",
    "fma",
    "avx2",
    "avx_vnni",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "avx512_fp16",
    "amx_tile",
    "amx_int8",
    "amx_bf16",
    "asimd",
    "asimddp",
    "i8mm",
    "bf16",
    "sve",
)
#: Distributions whose version can change a result.
PACKAGES = (
    "mien",
    "numpy",
    "mediapipe",
    "opencv-contrib-python",
    "av",
    "simplejpeg",
    "aiohttp",
    "pydantic",
    "c2pa-python",
    "cryptography",
    "pyvirtualcam",
    "onnxruntime",
    "openvino",
    "torch",
    "anny",
    "warp-lang",
)
#: A tool of the system that does not answer in this time is treated as absent, seconds.
_TOOL_TIMEOUT_S = 10.0
# PF_* of IsProcessorFeaturePresent (winnt.h).
_WINDOWS_FEATURES = {"sse4_2": 38, "avx": 39, "avx2": 40, "avx512f": 41}


class Machine(BaseModel):
    """The computer of a report. No host name, no user name, no serial number.

    Attributes:
        system: kernel and its release ("Linux 6.1.0").
        cpu: model name, or the architecture where the system does not tell.
        isa: instruction sets out of `ISA_OF_INTEREST` that this process may use.
        cores: physical cores.
        threads: logical cores.
        memory_gb: main memory, GB (1e9 bytes).
        power_plan: scaling governor, Windows power scheme or macOS low-power mode; "unknown" where hidden.
        gpus: names of NVIDIA devices; none is used by this version's engines.

    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    system: str
    cpu: str
    isa: tuple[str, ...]
    cores: int
    threads: int
    memory_gb: float
    power_plan: str
    gpus: tuple[str, ...]


def describe_machine() -> Machine:
    """Read this computer's description."""
    return Machine(
        system=f"{platform.system()} {platform.release()}",
        cpu=_cpu(),
        isa=_isa(),
        cores=psutil.cpu_count(logical=False) or psutil.cpu_count() or 1,
        threads=psutil.cpu_count() or 1,
        memory_gb=round(psutil.virtual_memory().total / 1e9, 1),
        power_plan=_power_plan(),
        gpus=nvidia_gpus(),
    )


def provenance() -> dict[str, Any]:
    """What every report says of its origin, plain values: "machine", "commit" and "versions"."""
    return {"machine": describe_machine().model_dump(mode="json"), "commit": commit(), "versions": versions()}


def versions() -> dict[str, str]:
    """Python's version and those of the installed packages that can change a result."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def commit() -> str:
    """Hash of the checkout that this code runs from, with "-dirty" for changed files; "installed" without one."""
    folder = Path(__file__).parent
    # A virtual environment may lie inside somebody else's repository: only one that tracks this file counts.
    if not run_tool("git", "-C", str(folder), "ls-files", "--error-unmatch", Path(__file__).name):
        return "installed"
    head = run_tool("git", "-C", str(folder), "rev-parse", "HEAD").strip()
    changed = run_tool("git", "-C", str(folder), "status", "--porcelain", "--untracked-files=no").strip()
    return f"{head}-dirty" if changed else head


def nvidia_gpus() -> tuple[str, ...]:
    """Names of the NVIDIA devices that the driver lists; empty without a driver."""
    text = run_tool("nvidia-smi", "--query-gpu=name", "--format=csv,noheader")
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def run_tool(*command: str) -> str:
    """What a tool of the system prints, or an empty string when it is not there, fails or does not answer."""
    path = shutil.which(command[0])
    if path is None:
        return ""
    try:
        done = subprocess.run(
            [path, *command[1:]],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TOOL_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def _cpu() -> str:
    if platform.system() == "Linux":
        found = re.search(r"^model name\s*:\s*(.+)$", _read("/proc/cpuinfo"), re.MULTILINE)
        if found:
            return found.group(1).strip()
    elif platform.system() == "Darwin":
        name = run_tool("sysctl", "-n", "machdep.cpu.brand_string").strip()
        if name:
            return name
    elif platform.system() == "Windows":
        return os.environ.get("PROCESSOR_IDENTIFIER", platform.machine())
    return platform.processor() or platform.machine()


def _isa() -> tuple[str, ...]:
    flags: set[str] = set()
    if platform.system() == "Linux":
        for line in re.findall(r"^(?:flags|Features)\s*:\s*(.+)$", _read("/proc/cpuinfo"), re.MULTILINE)[:1]:
            flags = set(line.split())
    elif platform.system() == "Darwin":
        text = run_tool("sysctl", "-n", "machdep.cpu.features", "machdep.cpu.leaf7_features").lower()
        flags = set(text.replace("avx1.0", "avx").replace("sse4.2", "sse4_2").split())
        if platform.machine() == "arm64":
            flags.add("asimd")
    elif platform.system() == "Windows":
        import ctypes

        # Only Windows' ctypes has `windll`.
        present = getattr(ctypes, "windll").kernel32.IsProcessorFeaturePresent  # noqa: B009
        flags = {name for name, code in _WINDOWS_FEATURES.items() if present(code)}
    return tuple(name for name in ISA_OF_INTEREST if name in flags)


def _power_plan() -> str:
    if platform.system() == "Linux":
        return _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").strip() or "unknown"
    if platform.system() == "Windows":
        found = re.search(r"\((.+)\)\s*$", run_tool("powercfg", "/getactivescheme"))
        return found.group(1) if found else "unknown"
    if platform.system() == "Darwin":
        found = re.search(r"lowpowermode\s+(\d)", run_tool("pmset", "-g"))
        return {"0": "normal", "1": "low power"}.get(found.group(1), "unknown") if found else "unknown"
    return "unknown"


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
