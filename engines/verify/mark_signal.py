"""From pictures to soft code bits: take the picture away, lay the grid on what is left, and read its chips."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.realtime.watermark import layout

Floats = NDArray[np.float32]

#: Side of a chip in the working picture, px, where the frame is as it was embedded.
CHIP_PX: Final = 4
# Sides of the squares that a place is compared with, working px: two chips for the high-pass and the local energy,
# eight for the energy of a sum of many frames. Boxes cost a sixth of Gaussians and read as well.
_DETAIL_PX, _ENERGY_PX, _SUM_ENERGY_PX = 9, 9, 33
# Energy of a flat area, levels: below it a residue is coding noise, and must not be blown up.
_FLAT: Final = 0.6
_CLIP: Final = 2.5

#: (flipped, mirrored) of `Geometry`, the likeliest first.
FLIPS: Final = ((False, False), (False, True), (True, False), (True, True))


@dataclass(frozen=True, slots=True)
class Geometry:
    """How the marked picture lies in the one that is looked at.

    Attributes:
        scale: of its chips, 1.0 where they are as `layout.chip_px` says for this size.
        x: of the grid's centre from the picture's, working px to the right, once both flips are undone.
        y: the same, downward.
        mirrored: left and right are exchanged.
        flipped: top and bottom are exchanged; together they are half a turn.

    """

    scale: float = 1.0
    x: float = 0.0
    y: float = 0.0
    mirrored: bool = False
    flipped: bool = False

    def undone(self, picture: Floats) -> Floats:
        """(H, W) `picture` with both flips taken back."""
        return picture[:: -1 if self.flipped else 1, :: -1 if self.mirrored else 1]

    def beside(self, scale_step: float, shift_step: float) -> Iterator[Geometry]:
        """The same a step smaller, to the left or higher, and a step larger, to the right or lower: six of them."""
        for sign in (-1, 1):
            yield replace(self, scale=self.scale + sign * scale_step)
            yield replace(self, x=self.x + sign * shift_step)
            yield replace(self, y=self.y + sign * shift_step)


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What a grid gives.

    Attributes:
        score: how surely the sync chips are there: standard deviations above chance.
        soft: (288,) float32 code bits, positive for +1.

    """

    score: float
    soft: Floats


def luma_of(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W) uint8 of a luma plane or of (H, W, 3) BGR."""
    return pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)  # type: ignore[return-value]


def at_working_size(luma: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W) uint8 luma at the size where a chip has `CHIP_PX`, if the frame has the size it was embedded in."""
    height, width = luma.shape
    factor = CHIP_PX / layout.chip_px(width, height)
    size = max(8, round(width * factor)), max(8, round(height * factor))
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return cv2.resize(luma, size, interpolation=how)  # type: ignore[return-value]


def residue(luma: NDArray[np.uint8]) -> Floats:
    """What is left of (H, W) uint8 luma without its picture: working size, float32, each place weighted by its quiet.

    A place is divided twice by its local energy: once to make places equal, once more since a busy one knows less.
    """
    detail = at_working_size(luma).astype(np.float32)
    detail -= cv2.blur(detail, (_DETAIL_PX, _DETAIL_PX))
    energy = _energy(detail, _ENERGY_PX) + np.float32(_FLAT)
    detail /= energy
    np.clip(detail, -_CLIP, _CLIP, out=detail)
    detail /= energy
    return detail


def even_out(total: Floats) -> Floats:
    """A sum of residues with the same energy everywhere: edges that stay in all frames must not outweigh the rest."""
    detail = total - cv2.blur(total, (_DETAIL_PX, _DETAIL_PX))
    floor = 1e-3 * float(np.abs(detail).max()) + 1e-9
    detail /= _energy(detail, _SUM_ENERGY_PX) + np.float32(floor)
    return np.clip(detail, -3.0, 3.0)  # type: ignore[no-any-return]


def read(evened: Floats, geometry: Geometry) -> Reading:
    """Read the chips of `evened`, as `even_out` gave it, in this geometry."""
    grid, seen = _chip_means(geometry.undone(evened), geometry)
    sync = (grid.ravel() * layout.SIGNS)[layout.SYNC]
    sync = sync[seen.ravel()[layout.SYNC]]
    spread = float(sync.std()) if sync.size else 0.0
    score = float(sync.mean()) * sync.size**0.5 / spread if spread > 0 else 0.0
    chips = (grid.ravel() * layout.SIGNS)[layout.PAYLOAD]
    soft = np.bincount(layout.CODE_BIT, chips, minlength=layout.CODE_BITS).astype(np.float32)
    return Reading(score, soft)


def _chip_means(evened: Floats, geometry: Geometry) -> tuple[Floats, NDArray[np.bool_]]:
    """(90, 160) mean of each chip and whether it is in the picture."""
    height, width = evened.shape
    chip = CHIP_PX * geometry.scale
    columns, rows = layout.COLUMNS, layout.ROWS
    if (geometry.scale, geometry.x, geometry.y) == (1.0, 0.0, 0.0):
        # As embedded: where the grid repeats, its repetitions are summed.
        columns *= max(1, 2 * int(np.ceil((width / chip / columns - 1) / 2)) + 1)
        rows *= max(1, 2 * int(np.ceil((height / chip / rows - 1) / 2)) + 1)
    step = chip / CHIP_PX
    # Sample i lies at its middle, (i + 0.5) * step from the grid's edge; pixel j at j + 0.5.
    left = width / 2 + geometry.x - columns * chip / 2 + 0.5 * step - 0.5
    top = height / 2 + geometry.y - rows * chip / 2 + 0.5 * step - 0.5
    placed = np.array([[step, 0, left], [0, step, top]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    samples = cv2.warpAffine(evened, placed, (columns * CHIP_PX, rows * CHIP_PX), flags=flags, borderValue=0.0)
    means = cv2.resize(samples, (columns, rows), interpolation=cv2.INTER_AREA)
    grid = means.reshape(-1, layout.ROWS, columns).sum(0).reshape(layout.ROWS, -1, layout.COLUMNS).sum(1)
    return grid, grid != 0


def _energy(detail: Floats, reach: int) -> Floats:
    energy = cv2.blur(detail * detail, (reach, reach))
    # A running sum of floats may end a little below zero.
    return np.sqrt(np.maximum(energy, 0.0, out=energy))
