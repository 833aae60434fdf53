"""An engine whose picture never leaves the GPU: it reads the crop and gives its patch by address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from mien.realtime.engine import Engine
from mien.realtime.face import Face
from mien.realtime.frame import Alignment


@dataclass(frozen=True, slots=True)
class DevicePatch:
    """`mien.realtime.frame.Patch` by address; valid until the engine's next call.

    Attributes:
        pixels: of (S, S, 3) uint8 BGR.
        mask: of (S, S) uint8.
        lit: of (S, S) uint8; 0 for none.
        colour: see `Patch`.

    """

    pixels: int
    mask: int
    lit: int = 0
    colour: bool = True


@runtime_checkable
class DeviceEngine(Engine, Protocol):
    """An `mien.realtime.engine.Engine` that can do its work where the frame lies. Its spec has a `size_px`.

    Called by `mien.engines.cuda.painter.CudaPainter`, which writes the crop to `crop_address` before.
    """

    @property
    def crop_address(self) -> int:
        """Where the (S, S, 3) uint8 BGR crop is wanted; constant for the engine's life."""

    def paint(self, face: Face, alignment: Alignment, stream: int) -> DevicePatch:
        """Queue the patch for `face` on `stream`, after what was queued there. Raises as an engine does."""

    def check(self) -> None:
        """Raise `EngineError` for what went wrong with the last patch; called when the stream is through."""
