"""What compression does: MJPEG and H.264, through the real encoders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

FPS = 30


def jpeg(picture: Pixels, quality: int) -> Pixels:
    """(H, W, 3) uint8 BGR through MJPEG with 4:2:0 chroma; quality 1..100."""
    ok, data = cv2.imencode(
        ".jpg", picture,
        [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420],
    )  # fmt: skip
    if not ok:
        raise ValueError(f"OpenCV could not encode a picture of shape {picture.shape} as JPEG.")
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)


def h264_still(picture: Pixels, crf: int, step_px: tuple[float, float] = (1.0, 0.0)) -> Pixels:
    """(H, W, 3) uint8 BGR as the second frame of an H.264 stream: predicted from one that is `step_px` behind.

    Args:
        picture: the frame.
        crf: x264's constant rate factor, 0..51; more is worse.
        step_px: motion since the frame before.

    """
    height, width = picture.shape[:2]
    back = np.array([[1.0, 0.0, -step_px[0]], [0.0, 1.0, -step_px[1]]])
    before = cv2.warpAffine(picture, back, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return list(h264([np.asarray(before, dtype=np.uint8), picture], crf))[-1]


def h264(pictures: Iterable[Pixels], crf: int) -> Iterator[Pixels]:
    """Frames, (H, W, 3) uint8 BGR of one size, through an H.264 stream without look-ahead: one in, one out."""
    encoder, decoder = None, av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    rows = columns = 0
    for index, picture in enumerate(pictures):
        rows, columns = picture.shape[:2]
        # 4:2:0 needs even sides; the border that is added is cut off again.
        even = cv2.copyMakeBorder(picture, 0, rows % 2, 0, columns % 2, cv2.BORDER_REPLICATE)
        if encoder is None:
            encoder = _encoder(even.shape[0], even.shape[1], crf)
        frame = av.VideoFrame.from_ndarray(np.asarray(even, dtype=np.uint8), format="bgr24")
        frame.pts = index
        for packet in encoder.encode(frame):
            yield from (_cut(each.to_ndarray(format="bgr24"), rows, columns) for each in decoder.decode(packet))
    # Without look-ahead the encoder keeps nothing back; the decoder may.
    yield from (_cut(each.to_ndarray(format="bgr24"), rows, columns) for each in decoder.decode(None))


def _encoder(height: int, width: int, crf: int) -> av.VideoCodecContext:
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.framerate, encoder.time_base = Fraction(FPS, 1), Fraction(1, FPS)
    # One thread: x264's choices depend on how many there are, and the same seed must give the same frame.
    encoder.options = {"crf": str(crf), "preset": "superfast", "tune": "zerolatency", "threads": "1"}
    return encoder


def _cut(picture: NDArray[np.generic], height: int, width: int) -> Pixels:
    return np.ascontiguousarray(picture[:height, :width], dtype=np.uint8)
