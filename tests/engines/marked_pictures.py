"""Marked pictures and what happens to them on their way: codecs, scaling, cropping. All of it is rendered content."""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction

import av
import cv2
import numpy as np

from mien.engines.verify.marked import MarkDetector, Marked
from mien.plugin.clip import driver_clip
from mien.realtime.frame import Pixels
from mien.realtime.watermark.embed import Embedder
from mien.realtime.watermark.payload import Payload

FPS = 30


def rendered(count: int, width: int = 640, height: int = 360) -> list[Pixels]:
    """Frames of the shipped clip, at this size; a size of another shape shows their middle."""
    pictures = []
    with av.open(str(driver_clip())) as container:
        for frame, _ in zip(container.decode(video=0), range(count), strict=False):
            pictures.append(covering(frame.to_ndarray(format="bgr24"), width, height))
    return pictures


def covering(picture: Pixels, width: int, height: int) -> Pixels:
    """The middle of a picture, at this size."""
    scale = max(width / picture.shape[1], height / picture.shape[0])
    size = (max(width, round(picture.shape[1] * scale)), max(height, round(picture.shape[0] * scale)))
    scaled = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    x, y = (size[0] - width) // 2, (size[1] - height) // 2
    return np.ascontiguousarray(scaled[y : y + height, x : x + width])


def marked(pictures: Sequence[Pixels], payload: Payload) -> list[Pixels]:
    """Copies with the mark."""
    height, width = pictures[0].shape[:2]
    embed = Embedder(payload, width, height)
    copies = [picture.copy() for picture in pictures]
    for copy in copies:
        embed(copy)
    return copies


#: As live encoders are set: quick.
_QUICK = {"libx264": {"preset": "veryfast"}, "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"}}


def through_video(
    pictures: Sequence[Pixels], *, crf: int | None = None, bit_rate: int | None = None, codec: str = "libx264"
) -> list[Pixels]:
    """What a player shows after a codec."""
    buffer = io.BytesIO()
    height, width = pictures[0].shape[:2]
    with av.open(buffer, "w", format="matroska") as container:
        stream = container.add_stream(codec, rate=FPS)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = _QUICK[codec] | ({} if crf is None else {"crf": str(crf)})
        if bit_rate is not None:
            stream.bit_rate = bit_rate
        for index, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    buffer.seek(0)
    with av.open(buffer) as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]


def through_jpeg(picture: Pixels, quality: int) -> Pixels:
    """What a viewer shows of a JPEG."""
    data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(data, cv2.IMREAD_COLOR)


def scaled(picture: Pixels, width: int, height: int) -> Pixels:
    """At another size, as a player scales."""
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)


def cropped(picture: Pixels, part: float) -> Pixels:
    """Without `part` of each side's length, not around its middle, and back at its size."""
    height, width = picture.shape[:2]
    x, y = round(width * part), round(height * part)
    left, top = x // 3, y * 2 // 3
    return scaled(np.ascontiguousarray(picture[top : height - y + top, left : width - x + left]), width, height)


def inset(picture: Pixels, part: float) -> Pixels:
    """A picture in a picture: small, off the middle, on a ground with edges of its own."""
    height, width = picture.shape[:2]
    ground = np.random.default_rng(5).integers(60, 200, (height // 40, width // 40, 3), np.uint8)
    ground = cv2.resize(ground, (width, height), interpolation=cv2.INTER_NEAREST)
    w, h = round(width * part), round(height * part)
    x, y = (width - w) // 5, (height - h) * 3 // 4
    ground[y : y + h, x : x + w] = scaled(picture, w, h)
    return ground


def look(pictures: Sequence[Pixels], *, fps: float = FPS, start_s: float = 0.0) -> Marked:
    """What the detector says of a video."""
    detector = MarkDetector(fps_hint=fps)
    for index, picture in enumerate(pictures):
        detector.add(picture, start_s + index / fps)
    return detector.finish()


def has_only(result: Marked, payload: Payload) -> bool:
    """Whether this mark was found, and no other."""
    return result.found and result.payload == payload and result.sessions == (payload.session,)
