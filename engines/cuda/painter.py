"""The painter whose frames lie on a GPU: one upload, every step as a kernel, one download.

While one frame is painted the next one is copied already (`mien.engines.cuda.uploads`).

It computes what `mien.realtime.cpu_painter` does, step by step, and `tests/cuda` holds it to that. What stands before a
face (`mien.realtime.occluder`) is still found on the processor, from a crop of its own, and its mask is uploaded.
Imports neither OpenCV nor anything that does, for GPU hosts that have NumPy and torch alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Final

import numpy as np

from mien.engines.cuda.device import Device
from mien.engines.cuda.engine import DeviceEngine
from mien.engines.cuda.kernels import KERNELS
from mien.engines.cuda.laps import Laps
from mien.engines.cuda.memory import Kept, PinnedPictures, Scratch
from mien.engines.cuda.painting import CudaPainting
from mien.engines.cuda.uploads import Uploads
from mien.realtime.engine import Engine
from mien.realtime.frame import Frame
from mien.realtime.per_track import PerTrack

if TYPE_CHECKING:
    from mien.realtime.occluder import OccluderModel

#: Of a face's smoothed statistics: its float32 and, from byte 64 on, the int64 of their time.
COLOUR_STATE_BYTES: Final = 72


class CudaPainter:
    """`mien.realtime.painter.Painter` on a device.

    Args:
        device: with its kernels loaded; closed with the painter.
        occluders: one model for each track is made by this factory; None keeps none in front of the face.

    """

    def __init__(self, device: Device, *, occluders: Callable[[], OccluderModel] | None = None) -> None:
        self.hardware = device
        self.kept = Kept(device)
        self.scratch = Scratch(device)
        self.uploads = Uploads(device)
        #: Where the frame under way is painted.
        self.picture = 0
        self.occluders = None if occluders is None else PerTrack(occluders)
        self.colours = PerTrack(self._new_colours, self._free_colours)
        #: The engine of the newest swap, and the same where it works on the device.
        self._engine: Engine | None = None
        self._on_device: DeviceEngine | None = None
        self._size = (0, 0)
        self._pictures: PinnedPictures | None = None
        self._under_way = False
        self._closed = False

    @property
    def device(self) -> str:
        """See `Painter`."""
        return f"{self.hardware.name}, by {self.hardware.binding}"

    def expect(self, frame: Frame) -> None:
        """See `Painter`."""
        self.uploads.expect(frame)

    def begin(self, frame: Frame, stages_ms: dict[str, float]) -> CudaPainting:
        """See `Painter`."""
        if self._under_way:
            # The frame before failed half-way; its memory may still be in use.
            self.hardware.synchronize()
        self._under_way = True
        self.scratch.reset()
        pictures = self._sized(frame.height, frame.width)
        return CudaPainting(self, frame, pictures, Laps(self.hardware, stages_ms))

    def ended(self) -> None:
        """The frame under way is downloaded, and nothing uses its memory any more."""
        self._under_way = False

    def on_device(self, engine: Engine) -> DeviceEngine | None:
        """The engine, if it works where the frame lies. Looked at once, for it takes 30 us, and not for each frame."""
        if engine is not self._engine:
            self._engine, self._on_device = engine, engine if isinstance(engine, DeviceEngine) else None
        return self._on_device

    def new_engines(self) -> None:
        """See `Painter`."""
        self.colours.clear()
        self._engine = self._on_device = None

    def forget_all_but(self, track_ids: Collection[int]) -> None:
        """See `Painter`."""
        self.colours.forget_all_but(track_ids)
        if self.occluders is not None:
            self.occluders.forget_all_but(track_ids)

    def close(self) -> None:
        """See `Painter`."""
        if self._closed:
            return
        self._closed = True
        self.hardware.synchronize()
        self.colours.clear()
        self.uploads.close()
        self._free_picture()
        self.scratch.close()
        self.kept.close()
        self._pictures = None
        self.hardware.close()

    def run(self, kernel: str, **values: int | float) -> None:
        """Queue a kernel of the table; see `Kernel.launch`."""
        self.hardware.launch(KERNELS[kernel].launch(**values))

    def _new_colours(self) -> int:
        """Where a new face's smoothed statistics lie: 13 float32, and an int64 from byte 64 on."""
        address = self.hardware.alloc(COLOUR_STATE_BYTES)
        self.hardware.upload(address, np.zeros(COLOUR_STATE_BYTES, np.uint8))
        self.hardware.synchronize()
        return address

    def _free_colours(self, address: int) -> None:
        # The frame under way may still use it.
        self.hardware.synchronize()
        self.hardware.free(address)

    def _free_picture(self) -> None:
        if self.picture:
            address, self.picture = self.picture, 0
            self.hardware.free(address)

    def _sized(self, height: int, width: int) -> PinnedPictures:
        if self._pictures is None or self._size != (height, width):
            self._pictures = None
            self._free_picture()
            self.uploads.resize((height, width, 3))
            self.picture = self.hardware.alloc(height * width * 3)
            self._size = (height, width)
            self._pictures = PinnedPictures(self.hardware, (height, width, 3))
        return self._pictures
