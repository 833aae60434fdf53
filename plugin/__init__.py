"""What people touch: the Python API, the command line, the control page.

The Python API is three names::

    from mien.plugin import Live, LiveConfig, convert

    with Live(LiveConfig(source="camera", persona="amara", sinks=())) as live:
        for frame in live:
            show(frame.pixels)  # (H, W, 3) uint8 BGR, already marked
"""

from __future__ import annotations

from mien.plugin.app import ConvertReport, Live, convert
from mien.realtime.config import LiveConfig

__all__ = ["ConvertReport", "Live", "LiveConfig", "convert"]
