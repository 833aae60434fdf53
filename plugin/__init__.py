"""What people touch: the Python API, the command line, the control page.

The Python API is four names::

    from mien.plugin import Live, LiveConfig, convert, verify

    with Live(LiveConfig(source="camera", persona="amara", sinks=())) as live:
        for frame in live:
            show(frame.pixels)  # (H, W, 3) uint8 BGR, already marked
    print(verify("clip.mp4").marked.found)
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mien.engines.verify.report import Report
    from mien.engines.verify.verify import verify, verify_camera
    from mien.plugin.app import Live
    from mien.plugin.conversion import ConvertReport, convert
    from mien.realtime.config import LiveConfig

__all__ = ["ConvertReport", "Live", "LiveConfig", "Report", "convert", "verify", "verify_camera"]

# Read by NumPy when it is imported. Its BLAS would share even a product of small matrices out to a second thread, which
# then waits for the next one by spinning, on the core that the tracker needs.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

_ELSEWHERE = {
    "ConvertReport": "mien.plugin.conversion",
    "convert": "mien.plugin.conversion",
    "LiveConfig": "mien.realtime.config",
    "Report": "mien.engines.verify.report",
    "verify": "mien.engines.verify.verify",
    "verify_camera": "mien.engines.verify.verify",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any of `__all__`
    # Loaded when it is asked for: the live path takes a second, and the command line's help must not wait for it.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_ELSEWHERE.get(name, "mien.plugin.app")), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
