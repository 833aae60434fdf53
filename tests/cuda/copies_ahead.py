"""What both bindings are asked for a copy ahead."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np

from mien.engines.cuda.device import Device

#: Of `copy_ahead`, with the handle of each stream: 7 is the one of all else, 8 the one of copies ahead.
AHEAD: Final = [("copy", 8), ("7 follows", 8), ("waited for", 8), ("copy", 7)]


def copy_ahead(device: Device) -> None:
    """A copy by a thread of its own, waited for both ways, then one as ever."""
    with ThreadPoolExecutor(1) as uploading:
        mark = uploading.submit(device.upload_ahead, 64, np.zeros(4, np.uint8)).result()
    device.follow(mark)
    device.wait(mark)
    device.upload(64, np.zeros(4, np.uint8))
