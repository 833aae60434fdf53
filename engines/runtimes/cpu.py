"""What this processor computes in bfloat16 with, where the system tells."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

#: Flags of Linux's /proc/cpuinfo (x86 and ARM), best first, and what to call them.
_FEATURES = (("amx_bf16", "AMX"), ("avx512_bf16", "AVX512-BF16"), ("bf16", "ARM's BF16"))


@cache
def bfloat16_feature() -> str:
    """Name of the processor's bfloat16 instructions ("AMX", "AVX512-BF16"); empty for none, or outside Linux."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return feature_of(text)


def feature_of(cpuinfo: str) -> str:
    """The same for the text of a /proc/cpuinfo."""
    found = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    flags = set(found.group(1).split()) if found else set()
    return next((name for flag, name in _FEATURES if flag in flags), "")
