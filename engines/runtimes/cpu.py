"""What this processor computes bfloat16 and 8-bit integers with, where the system tells."""

from __future__ import annotations

import os
import platform
import re
from functools import cache
from pathlib import Path

_X86 = ("x86_64", "amd64")
_AMX = "AMX"
#: What oneDNN may be kept to, by its own names: what has no bfloat16, and what has it, but not AMX's. AVX2_VNNI_2 has
#: bfloat16 of its own, which no processor with AVX512-BF16 can do.
_WITHOUT_BFLOAT16 = ("sse41", "avx", "avx2", "avx2_vnni", "avx2_vnni_2", "avx512_core", "avx512_core_vnni")
_WITHOUT_AMX = ("avx512_core_bf16", "avx512_core_fp16", "avx10_1_512", "avx10_2_512")
#: Flags of Linux's /proc/cpuinfo (x86 and ARM), best first, and what to call them.
_FEATURES = (("amx_bf16", _AMX), ("avx512_bf16", "AVX512-BF16"), ("bf16", "ARM's BF16"))


def bfloat16_feature() -> str:
    """Name of the bfloat16 instructions that are used ("AMX", "AVX512-BF16"); empty for none, or outside Linux."""
    if bfloat16_switched_off():
        return ""
    return feature_of(_cpuinfo(), amx=_newest_allowed() not in _WITHOUT_AMX)


def bfloat16_switched_off() -> bool:
    """Whether the user keeps oneDNN, by which OpenVINO and PyTorch compute, to older instructions."""
    return _newest_allowed() in _WITHOUT_BFLOAT16


def prefers_integers() -> bool:
    """Whether 8-bit layers are computed sooner than any others: on x86 without AMX, whose bfloat16 tiles need none.

    Outside Linux no AMX is known of; it is in servers alone.
    """
    return platform.machine().lower() in _X86 and bfloat16_feature() != _AMX


def _newest_allowed() -> str:
    """The newest instructions that oneDNN may use, as its "CPU Dispatcher Control" names them; empty for all there are.

    It asks for its older name only where the newer one says nothing, and takes a word that it does not know for all.
    """
    return (os.environ.get("ONEDNN_MAX_CPU_ISA") or os.environ.get("DNNL_MAX_CPU_ISA", "")).lower()


@cache
def _cpuinfo() -> str:
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def feature_of(cpuinfo: str, *, amx: bool = True) -> str:
    """The same for the text of a /proc/cpuinfo; without `amx` as if the processor had none."""
    found = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    flags = set(found.group(1).split()) if found else set()
    return next((name for flag, name in _FEATURES if flag in flags and (amx or name != _AMX)), "")
