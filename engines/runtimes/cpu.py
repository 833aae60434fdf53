"""What this processor computes bfloat16 and 8-bit integers with, where the system tells."""

from __future__ import annotations

import os
import platform
import re
from functools import cache
from pathlib import Path

_X86 = ("x86_64", "amd64")
_AMX = "AMX"
_ISA_WITHOUT_BFLOAT16 = re.compile(r"SSE41|AVX|AVX2|AVX2_VNNI|AVX512_CORE|AVX512_CORE_VNNI")
#: Flags of Linux's /proc/cpuinfo (x86 and ARM), best first, and what to call them.
_FEATURES = (("amx_bf16", _AMX), ("avx512_bf16", "AVX512-BF16"), ("bf16", "ARM's BF16"))


def bfloat16_feature() -> str:
    """Name of the bfloat16 instructions that are used ("AMX", "AVX512-BF16"); empty for none, or outside Linux."""
    return "" if bfloat16_switched_off() else feature_of(_cpuinfo())


def bfloat16_switched_off() -> bool:
    """Whether the user keeps oneDNN, by which OpenVINO and PyTorch compute, to older instructions.

    See oneDNN's "CPU Dispatcher Control": ONEDNN_MAX_CPU_ISA, or DNNL_MAX_CPU_ISA before.
    """
    named = (os.environ.get(f"{prefix}_MAX_CPU_ISA", "").upper() for prefix in ("ONEDNN", "DNNL"))
    return any(_ISA_WITHOUT_BFLOAT16.fullmatch(name) for name in named)


def prefers_integers() -> bool:
    """Whether 8-bit layers are computed sooner than any others: on x86 without AMX, whose bfloat16 tiles need none.

    Outside Linux no AMX is known of; it is in servers alone.
    """
    return platform.machine().lower() in _X86 and bfloat16_feature() != _AMX


@cache
def _cpuinfo() -> str:
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def feature_of(cpuinfo: str) -> str:
    """The same for the text of a /proc/cpuinfo."""
    found = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    flags = set(found.group(1).split()) if found else set()
    return next((name for flag, name in _FEATURES if flag in flags), "")
