"""What people touch: the Python API, the command line, the control page.

The Python API is three names::

    from mien.plugin import Live, LiveConfig, convert

    with Live(LiveConfig(source="camera", persona="amara", sinks=())) as live:
        for frame in live:
            show(frame.pixels)  # (H, W, 3) uint8 BGR, already marked
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mien.plugin.app import ConvertReport, Live, convert
    from mien.realtime.config import LiveConfig

__all__ = ["ConvertReport", "Live", "LiveConfig", "convert"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any of `__all__`
    # Loaded when it is asked for: the live path takes a second, and the command line's help must not wait for it.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "mien.realtime.config" if name == "LiveConfig" else "mien.plugin.app"
    return getattr(importlib.import_module(module), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
