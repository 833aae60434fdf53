"""Finding a grid that was scaled, shifted or flipped: by its sync chips, over all places at once."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.engines.verify.mark_signal import CHIP_PX, FLIPS, Floats, Geometry, read
from mien.realtime.watermark import layout

#: Scales that are searched: an inset of 40 % of the picture to a crop of 47 % of it.
LEAST_SCALE: Final = 0.4
MOST_SCALE: Final = 2.1
# Of a landscape video in a frame of 9:20, the narrowest that telephones have.
_LEAST_BARRED: Final = 0.24
# A step of 0.8 % puts the outermost chips of the grid a third of a chip beside their place at worst.
_STEP: Final = 1.008
#: A peak of the correlation counts from here, standard deviations over all places. The greatest of a search of unmarked
#: clips was 5.9; what can be decoded gives 8 and more even halfway between two scales. Whether it is a mark is for the
#: CRC to say.
PEAK: Final = 6.5
# A peak that needs no comparison with other scales.
_CLEAR: Final = 16.0
# Px of a chip while searching.
_COARSE: Final = 2
#: Greatest working picture that is searched, px: four times a usual one. Ribbons of 40:1 and more are read as they were
#: made only, since a search of one would take minutes.
MOST_PX: Final = 1_000_000


def search(evened: Floats) -> Geometry | None:
    """Where the grid lies in `evened`, as `even_out` gave it; None where no place stands out.

    Looks at the sync chips alone, so that what the payload says stays independent of the choice.
    """
    if evened.size > MOST_PX:
        return None
    best, geometry = PEAK, None
    for scale in _scales(evened.shape):
        for peak, found in _peaks(evened, scale):
            if peak > best:
                best, geometry = peak, found
        if best > _CLEAR:
            break
    return None if geometry is None else refine(evened, geometry)


def refine(evened: Floats, geometry: Geometry) -> Geometry:
    """The geometry near `geometry` in which the sync chips are read best."""
    best, score = geometry, read(evened, geometry).score
    # From a coarse step of the search to a tenth of a chip at the edge of the grid.
    for scale_step, shift_step in ((0.004, 1.0), (0.002, 0.5), (0.001, 0.25)):
        improved = True
        while improved:
            improved = False
            for change in best.beside(scale_step, shift_step):
                tried = read(evened, change).score
                if tried > score:
                    best, score, improved = change, tried, True
    return best


def _scales(shape: tuple[int, ...]) -> list[float]:
    """Every scale once, the unscaled first, then the others by their distance.

    A landscape video between bars, in a frame that is upright, is smaller than any inset: down to its scale too.
    """
    across, along = shape[1] / layout.COLUMNS, shape[0] / layout.ROWS
    least = max(min(LEAST_SCALE, 0.95 * min(across, along) / max(across, along)), _LEAST_BARRED)
    steps = range(round(np.log(least) / np.log(_STEP)), round(np.log(MOST_SCALE) / np.log(_STEP)) + 1)
    return [float(_STEP**step) for step in sorted(steps, key=abs)]


def _peaks(evened: Floats, scale: float) -> Iterator[tuple[float, Geometry]]:
    """The highest peak at this scale, in each flip."""
    factor = _COARSE / (CHIP_PX * scale)
    height, width = (max(8, round(side * factor)) for side in evened.shape)
    picture = cv2.resize(evened, (width, height), interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)
    tall, wide = layout.ROWS * _COARSE, layout.COLUMNS * _COARSE
    size = cv2.getOptimalDFTSize(max(height, tall)), cv2.getOptimalDFTSize(max(width, wide))
    spectrum = np.fft.rfft2(picture, size)
    for flipped, mirrored in FLIPS:
        correlation = np.fft.irfft2(spectrum * _wanted(size, flipped, mirrored), size)
        at = int(correlation.argmax())
        peak = float(correlation.flat[at]) / float(correlation.std() + 1e-12)
        row, column = divmod(at, size[1])
        y = _nearest(row + tall / 2, size[0], height) - height / 2
        x = _nearest(column + wide / 2, size[1], width) - width / 2
        x, y = (-x if mirrored else x) / factor, (-y if flipped else y) / factor
        yield peak, Geometry(scale, x, y, mirrored, flipped)


def _nearest(centre: float, period: int, length: int) -> float:
    """The place of a centre that is known but for a period: the one nearest to the picture's middle."""
    return (centre - length / 2 + period / 2) % period - period / 2 + length / 2


# All crops have one size; of insets, neighbours share theirs.
@functools.lru_cache(maxsize=2 * len(FLIPS))
def _wanted(size: tuple[int, int], flipped: bool, mirrored: bool) -> NDArray[np.complex64]:
    """Conjugate spectrum of the sync chips at this size of the transform."""
    template = np.kron(layout.sync_chips(), np.ones((_COARSE, _COARSE), np.float32)).astype(np.float32)
    template = Geometry(mirrored=mirrored, flipped=flipped).undone(template)
    return np.fft.rfft2(template, size).conj().astype(np.complex64)
