from __future__ import annotations

import asyncio

import numpy as np
import pytest
import simplejpeg
from control_page import HEIGHT, WIDTH, Page, Path, desk_of, frame, page_at, until

from mien.plugin.control import hub
from mien.plugin.control.hub import HEADER_BYTES, MAX_SIDE_PX, MIN_SIDE_PX, encode
from mien.plugin.control.preview import PreviewSink
from mien.realtime.clock import MonotonicClock
from mien.realtime.errors import SinkError
from mien.realtime.sink.base import StreamFormat
from mien.realtime.sink.open import open_sink
from mien.realtime.sink.runner import SinkRunner

STREAM = StreamFormat(WIDTH, HEIGHT, 30.0)
#: JPEG at quality 80 of a flat grey.
LEVEL_TOLERANCE = 3


def level_of(packet: bytes) -> int:
    return int(simplejpeg.decode_jpeg(packet[HEADER_BYTES:], colorspace="BGR")[HEIGHT - 8, 8, 0])


def test_a_page_gets_the_newest_frame_and_the_next_only_after_its_ack() -> None:
    sink = PreviewSink(desk_of(Path()), port=0)
    sink.open(STREAM)

    async def watch() -> None:
        assert sink.url is not None
        async with page_at(sink.url) as page:
            await page.say(type="ack", channel="after")
            await until(lambda: _waits(sink))
            sink.write(frame(40, 7))
            first = await page.picture()
            assert first[:4] == bytes((0, 0, 0, 0))
            assert int.from_bytes(first[4:8], "little") == 7
            assert level_of(first) == pytest.approx(40, abs=LEVEL_TOLERANCE)
            for number in range(8, 20):
                sink.write(frame(100, number))
            assert not _waits(sink)
            await page.say(type="ack", channel="after")
            await until(lambda: _waits(sink))
            sink.write(frame(200, 20))
            second = await page.picture()
            assert int.from_bytes(second[4:8], "little") == 20
            assert level_of(second) == pytest.approx(200, abs=LEVEL_TOLERANCE)

    asyncio.run(watch())
    sink.close()


def _waits(sink: PreviewSink) -> bool:
    server = sink._server
    return server is not None and server._hub is not None and bool(server._hub._waiting)


def test_nothing_is_encoded_while_nobody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pixels: object, side_px: int) -> bytes:
        raise AssertionError("encoded for nobody")

    monkeypatch.setattr(hub, "encode", refuse)
    sink = PreviewSink(desk_of(Path()), port=0)
    sink.open(STREAM)

    async def watch() -> None:
        assert sink.url is not None
        async with page_at(sink.url) as page:
            await page.hear("status")
            sink.write(frame(40))

    sink.write(frame(40))
    asyncio.run(watch())
    sink.close()


def test_the_camera_is_wanted_while_a_page_is_open() -> None:
    sink = PreviewSink(desk_of(Path()), port=0)
    assert not sink.wanted
    assert sink.url is None
    sink.open(STREAM)
    assert not sink.wanted

    async def watch() -> None:
        assert sink.url is not None
        async with page_at(sink.url) as page:
            await page.hear("status")
            assert sink.wanted
        await until(lambda: not sink.wanted)

    asyncio.run(watch())
    sink.close()
    sink.close()
    assert sink.url is None
    with pytest.raises(SinkError, match="preview is not open"):
        sink.write(frame(1))


def test_it_runs_behind_a_mailbox_like_every_sink() -> None:
    made = PreviewSink(desk_of(Path()), port=0)
    runner = SinkRunner(open_sink("preview", preview=lambda: made), STREAM, MonotonicClock())
    runner.start()
    for number in range(5):
        runner.offer(frame(60, number))
    assert runner.close()
    assert runner.stats.state == "closed"
    assert runner.stats.written >= 1


def test_large_pictures_are_sent_smaller_and_small_ones_as_they_are() -> None:
    large = np.zeros((2160, 3840, 3), np.uint8)
    assert simplejpeg.decode_jpeg_header(encode(large))[:2] == (720, MAX_SIDE_PX)
    upright = np.zeros((1920, 1080, 3), np.uint8)
    assert simplejpeg.decode_jpeg_header(encode(upright))[:2] == (MAX_SIDE_PX, 720)
    assert simplejpeg.decode_jpeg_header(encode(np.zeros((49, 65, 3), np.uint8)))[:2] == (49, 65)
    assert simplejpeg.decode_jpeg_header(encode(large, 864))[:2] == (486, 864)
    # Smaller the watermark would be lost, and larger nobody needs it.
    assert simplejpeg.decode_jpeg_header(encode(large, 64))[:2] == (MIN_SIDE_PX * 9 // 16, MIN_SIDE_PX)
    assert simplejpeg.decode_jpeg_header(encode(large, 3840))[:2] == (720, MAX_SIDE_PX)


def test_a_picture_comes_as_large_as_the_page_shows_it_and_as_the_largest_of_two_needs() -> None:
    sink = PreviewSink(desk_of(Path()), port=0)
    sink.open(StreamFormat(1280, 720, 30.0))

    async def width(page: Page) -> int:
        return int(simplejpeg.decode_jpeg_header((await page.picture())[HEADER_BYTES:])[1])

    async def watch() -> None:
        assert sink.url is not None
        async with page_at(sink.url) as page, page_at(sink.url) as other:
            await page.say(type="ack", channel="after", side=864)
            await until(lambda: _waits(sink))
            sink.write(frame(40, width=1280, height=720))
            assert await width(page) == 864
            # As long as nothing else is said it stays so.
            await page.say(type="ack", channel="after")
            await until(lambda: _waits(sink))
            sink.write(frame(40, width=1280, height=720))
            assert await width(page) == 864
            await page.say(type="ack", channel="after", side=700)
            await other.say(type="ack", channel="after", side=960)
            await until(lambda: sink._server is not None and len(sink._server._hub._waiting) == 2)  # type: ignore[union-attr]
            sink.write(frame(40, width=1280, height=720))
            assert [await width(page), await width(other)] == [960, 960]

    asyncio.run(watch())
    sink.close()
