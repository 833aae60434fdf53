from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
from av.video.reformatter import Colorspace

from mien.realtime.source.decode import BgrConverter, guess_matrix, orient

ONE = 65536


def yuv_red(width: int, height: int, matrix: int, full_range: bool) -> av.VideoFrame:
    """Pure red as BT.601 or BT.709 (ITU-R, colour difference formulas), limited or full range."""
    kr, kb = (0.2126, 0.0722) if matrix == 1 else (0.299, 0.114)
    luma, cb, cr = kr, -kr / (2 * (1 - kb)), 0.5
    low, span, chroma = (0, 255, 255) if full_range else (16, 219, 224)
    values = (low + span * luma, 128 + chroma * cb, min(128 + chroma * cr, 255))
    frame = av.VideoFrame(width, height, "yuv444p")
    for plane, value in zip(frame.planes, values, strict=True):
        plane.update(bytes([round(value)]) * plane.buffer_size)
    frame.color_range = 2 if full_range else 1
    return frame


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize(("tag", "matrix"), [(1, 1), (5, 5), (6, 5)])
def test_named_matrix_and_range_are_heeded(tag: int, matrix: int, full_range: bool) -> None:
    frame = yuv_red(64, 64, matrix, full_range)
    frame.colorspace = tag
    np.testing.assert_allclose(BgrConverter()(frame)[30, 30], (0, 0, 255), atol=3)


@pytest.mark.parametrize(("size", "matrix"), [((1280, 720), 1), ((640, 480), 5)])
def test_an_unnamed_matrix_is_guessed_by_size(size: tuple[int, int], matrix: int) -> None:
    frame = yuv_red(*size, matrix, full_range=False)
    frame.colorspace = 2
    np.testing.assert_allclose(BgrConverter()(frame)[30, 30], (0, 0, 255), atol=3)


def test_guess_matrix_changes_above_standard_definition() -> None:
    assert guess_matrix(720, 576) is Colorspace.ITU601
    assert guess_matrix(720, 577) is Colorspace.ITU709
    assert guess_matrix(1280, 400) is Colorspace.ITU709


def test_rgb_pictures_need_no_matrix() -> None:
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:] = (10, 200, 90)
    frame = av.VideoFrame.from_ndarray(picture, "rgb24")
    assert BgrConverter()(frame)[5, 5].tolist() == [90, 200, 10]


@pytest.mark.parametrize("width", [321, 322, 338, 481])
def test_odd_widths_come_out_contiguous(width: int) -> None:
    frame = av.VideoFrame.from_ndarray(np.full((51, width, 3), 7, np.uint8), "rgb24").reformat(format="yuv444p")
    pixels = BgrConverter()(frame)
    assert pixels.shape == (51, width, 3)
    assert pixels.flags.c_contiguous


def test_pixels_that_are_not_square_are_stretched() -> None:
    frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 7, np.uint8), "rgb24")
    assert BgrConverter()(frame, aspect=float(Fraction(4, 3))).shape == (48, 85, 3)


# A display matrix takes (p, q) to (a p + c q, b p + d q): FFmpeg, libavutil/display.h.
@pytest.mark.parametrize(
    ("abcd", "expected"),
    [
        ((1, 0, 0, 1), [[1, 2, 3], [4, 5, 6]]),
        ((-1, 0, 0, -1), [[6, 5, 4], [3, 2, 1]]),
        ((-1, 0, 0, 1), [[3, 2, 1], [6, 5, 4]]),
        ((1, 0, 0, -1), [[4, 5, 6], [1, 2, 3]]),
        ((0, 1, -1, 0), [[4, 1], [5, 2], [6, 3]]),
        ((0, -1, 1, 0), [[3, 6], [2, 5], [1, 4]]),
        ((0, 1, 1, 0), [[1, 4], [2, 5], [3, 6]]),
        ((0, -1, -1, 0), [[6, 3], [5, 2], [4, 1]]),
    ],
)
def test_orient_follows_the_matrix(abcd: tuple[int, int, int, int], expected: list[list[int]]) -> None:
    a, b, c, d = (value * ONE for value in abcd)
    pixels = np.repeat(np.array([[1, 2, 3], [4, 5, 6]], np.uint8)[:, :, None], 3, axis=2)
    assert orient(pixels, (a, b, 0, c, d, 0, 0, 0, 1 << 30))[:, :, 0].tolist() == expected


def test_no_matrix_leaves_the_picture_alone() -> None:
    pixels = np.zeros((2, 3, 3), np.uint8)
    assert orient(pixels, None) is pixels
