"""Steps on masks and small pictures that a frame's painting is made of, and how maps go to kernels."""

from __future__ import annotations

import math
from typing import Protocol

from mien.engines.cuda.memory import Scratch
from mien.realtime.affine import Map
from mien.realtime.blend_terms import ERODE, FEATHER, edge_factor


class Run(Protocol):
    """Queues a kernel of `mien.engines.cuda.kernels` with its arguments by name."""

    def __call__(self, kernel: str, **values: int | float) -> None:
        """See `mien.engines.cuda.kernel.Kernel.launch`."""


class Steps:
    """Each queues kernels and gives the address of what they make, which lasts as long as the scratch memory."""

    def __init__(self, run: Run, scratch: Scratch) -> None:
        self._run, self._scratch = run, scratch

    def shrink(
        self, source: int, pitch: int, size: tuple[int, int], few: tuple[int, int], channels: int
    ) -> tuple[int, int, tuple[int, int]]:
        """Area means of (height, width) as `few` rows and columns: address, pitch, `few`."""
        out = self._scratch.take(few[0] * few[1] * channels)
        self._run(
            "area_shrink", source=source, pitch=pitch, source_width=size[1], source_height=size[0], out=out,
            out_pitch=few[1] * channels, width=few[1], height=few[0], channels=channels,
        )  # fmt: skip
        return out, few[1] * channels, few

    def multiply(self, mask: int, other: int, out: int, size: tuple[int, int], *, inverted: int) -> None:
        """Multiply a mask of (height, width) by another, or by 255 less the other where `inverted` is 1."""
        self._run(
            "mask_multiply", mask=mask, pitch=size[1], other=other, other_pitch=size[1], inverted=inverted, out=out,
            out_pitch=size[1], width=size[1], height=size[0],
        )  # fmt: skip

    def feathered(self, mask: int, size: tuple[int, int], face_size_px: float) -> int:
        """As `mien.realtime.blend.erode_feather`."""
        (height, width), factor = size, edge_factor(face_size_px)
        small, pitch, (rows, columns) = mask, width, size
        if factor > 1:
            few = (max(1, height // factor), max(1, width // factor))
            small, pitch, (rows, columns) = self.shrink(mask, width, size, few, 1)
        erode_px = ERODE * face_size_px / factor
        feather_px = max(FEATHER * face_size_px / factor, 1e-3)
        # One byte holds a distance; it ends far below that: masks are shrunk until a face has 240 px at most.
        reach = min(math.ceil(erode_px + feather_px), 254)
        outside, distance, ramp = (self._scratch.take(rows * columns) for _ in range(3))
        out = self._scratch.take(height * width)
        there = {"width": columns, "height": rows}
        self._run("mask_outside", mask=small, pitch=pitch, outside=outside, **there)
        self._run("mask_row_distance", outside=outside, distance=distance, reach=reach, **there)
        self._run(
            "mask_ramp", distance=distance, ramp=ramp, reach=reach, erode_px=erode_px, feather_px=feather_px, **there
        )
        self._run(
            "mask_feather", mask=mask, pitch=width, ramp=ramp, ramp_width=columns, ramp_height=rows, out=out,
            out_pitch=width, width=width, height=height,
        )  # fmt: skip
        return out


def affine(matrix: Map) -> dict[str, float]:
    """The six numbers of a map by the names of the kernels' arguments."""
    return {f"m{row}{column}": float(matrix[row, column]) for row in range(2) for column in range(3)}
