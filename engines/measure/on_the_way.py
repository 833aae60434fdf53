"""What happens to a video between a streamer and a viewer: codecs, scaling, cropping, other players."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Literal

import av
import cv2
import numpy as np
from av.video.stream import VideoStream

from mien.realtime.frame import Pixels

Video = list[Pixels]
Codec = Literal["libx264", "libvpx-vp9"]

#: As live encoders are set: quick.
_QUICK: dict[Codec, dict[str, str]] = {
    "libx264": {"preset": "veryfast"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
}


def coded(
    video: Sequence[Pixels],
    *,
    crf: int | None = None,
    bit_rate: int | None = None,
    codec: Codec = "libx264",
    fps: int = 30,
) -> Video:
    """What a player shows after a codec.

    Args:
        video: (H, W, 3) uint8 BGR each; an odd row or column is left out.
        crf: constant quality; or else
        bit_rate: bits a second.
        codec: FFmpeg's name.
        fps: frames a second.

    """
    buffer = io.BytesIO()
    height, width = (side & ~1 for side in video[0].shape[:2])
    with av.open(buffer, "w", format="matroska") as container:
        stream = container.add_stream(
            codec, rate=fps, options=_QUICK[codec] | ({} if crf is None else {"crf": str(crf)})
        )
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        if bit_rate is not None:
            stream.bit_rate = bit_rate
        for index, picture in enumerate(video):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture[:height, :width]), format="bgr24")
            frame.pts, frame.time_base = index, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    buffer.seek(0)
    with av.open(buffer, "r") as played:
        return [np.asarray(frame.to_ndarray(format="bgr24"), np.uint8) for frame in played.decode(video=0)]


def resized(picture: Pixels, width: int, height: int, how: int = cv2.INTER_AREA) -> Pixels:
    """At another size."""
    return cv2.resize(picture, (width, height), interpolation=how)  # type: ignore[return-value]


def covering(picture: Pixels, width: int, height: int) -> Pixels:
    """The middle of a picture, at this size and shape."""
    scale = max(width / picture.shape[1], height / picture.shape[0])
    wide, tall = round(picture.shape[1] * scale), round(picture.shape[0] * scale)
    whole = resized(picture, wide, tall, cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    x, y = (wide - width) // 2, (tall - height) // 2
    return np.ascontiguousarray(whole[y : y + height, x : x + width])


def lines(video: Iterable[Pixels], height: int) -> Video:
    """At this height, its shape kept."""
    return [resized(picture, round(picture.shape[1] * height / picture.shape[0] / 2) * 2, height) for picture in video]


def mirrored(video: Iterable[Pixels]) -> Video:
    """Left and right exchanged."""
    return [np.ascontiguousarray(picture[:, ::-1]) for picture in video]


def turned(video: Iterable[Pixels]) -> Video:
    """On its head: left and right, and top and bottom, exchanged."""
    return [np.ascontiguousarray(picture[::-1, ::-1]) for picture in video]


def cropped(video: Iterable[Pixels], part: float = 0.1) -> Video:
    """Without this part of each side's length, taken off unevenly, and back at its size."""
    made = []
    for picture in video:
        height, width = picture.shape[:2]
        left, top = round(width * part / 3), round(height * part * 2 / 3)
        inner = picture[top : top + round((1 - part) * height), left : left + round((1 - part) * width)]
        made.append(resized(inner, width, height, cv2.INTER_LINEAR))
    return made


def inset(video: Iterable[Pixels], part: float = 0.6) -> Video:
    """At this part of its size, off the middle, over another picture."""
    made = []
    for picture in video:
        height, width = picture.shape[:2]
        ground = np.asarray(cv2.GaussianBlur(picture[::-1].copy(), (0, 0), 6.0), np.uint8)
        small = resized(picture, round(part * width), round(part * height))
        y, x = (height - small.shape[0]) * 3 // 4, (width - small.shape[1]) // 5
        ground[y : y + small.shape[0], x : x + small.shape[1]] = small
        made.append(ground)
    return made


def gamma(video: Iterable[Pixels], exponent: float = 1.3) -> Video:
    """Darker (or, below 1, lighter), as some players show it."""
    table = (255 * (np.arange(256) / 255) ** exponent).astype(np.uint8)
    return [table[picture] for picture in video]


def jpeg(picture: Pixels, quality: int) -> Pixels:
    """A still of this quality, 1 to 100."""
    data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def screenshot(picture: Pixels) -> Pixels:
    """A player at 80 % in the middle of a light page, without loss, at the picture's size."""
    height, width = picture.shape[:2]
    page = np.full((round(1.25 * height), round(1.25 * width), 3), 235, np.uint8)
    page[height // 8 : height // 8 + height, width // 8 : width // 8 + width] = picture
    return resized(page, width, height)
