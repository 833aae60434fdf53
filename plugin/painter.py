"""Where frames are painted: on the processor, or on the GPU that was asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from mien.realtime.closing import closed_on_failure
from mien.realtime.cpu_painter import CpuPainter
from mien.realtime.occluder import OccluderModel
from mien.realtime.painter import Painter


def make_painter(
    device: Literal["auto", "cpu", "cuda"], *, occluders: Callable[[], OccluderModel] | None = None
) -> Painter:
    """Make the painter of a run.

    Args:
        device: "auto" is the processor: no figure from a GPU stands behind another choice yet.
        occluders: see `CpuPainter`.

    Raises:
        EngineError: "cuda" was asked for, and there is no NVIDIA GPU, or its driver refuses.
        MissingExtraError: no binding to CUDA's driver is installed.

    """
    if device != "cuda":
        return CpuPainter(occluders=occluders)
    from mien.engines.cuda.device import open_device
    from mien.engines.cuda.fatbin import read_fatbin
    from mien.engines.cuda.painter import CudaPainter

    opened = open_device()
    with closed_on_failure(opened):
        opened.load(read_fatbin())
    return CudaPainter(opened, occluders=occluders)
