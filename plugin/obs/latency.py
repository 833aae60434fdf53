"""How old a picture is inside OBS, from its hand-over to the sink: by numbered cards and GetSourceScreenshot."""

from __future__ import annotations

import asyncio
import base64
import binascii
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from mien.plugin.obs.cards import marked_cards, read_number
from mien.plugin.obs.client import Data, ObsClient
from mien.plugin.obs.errors import ObsError
from mien.plugin.obs.install import SOURCE_KIND, source_settings
from mien.plugin.obs.journal import Journal, SourceMade
from mien.plugin.obs.places import current_collection
from mien.plugin.obs.undo import take_out
from mien.realtime.clock import NS_PER_MS, NS_PER_S, MonotonicClock
from mien.realtime.frame import Pixels
from mien.realtime.mark import MarkedFrame
from mien.realtime.sink.base import StreamFormat
from mien.realtime.sink.nut import NutSink
from mien.realtime.worker import Worker

#: Name of the source that reads the cards; it is there during the measurement alone, hidden.
CARDS_SOURCE: Final = "Mien calibration"
#: Different cards; more than a second of them, so that an age of up to a second cannot be mistaken.
CARDS: Final = 40
#: The cards' way settles for this long first, seconds: OBS has just connected.
SETTLE_S: Final = 2.0
#: Within this time the first card must be seen, seconds.
_FIRST_S: Final = 20.0
#: Between two screenshots, seconds; no divisor of a frame's length, so that all phases are met.
_PAUSE_S: Final = 0.057
_LEAST_SAMPLES: Final = 5


@dataclass(frozen=True, slots=True)
class Ages:
    """Ages of pictures in OBS, from the call of the sink's `write`.

    Attributes:
        at_s: when each screenshot was asked for, seconds from the first.
        request_ms: age when the screenshot was asked for; may be below zero, as OBS may take a newer picture.
        reply_ms: age when the screenshot had come.

    """

    at_s: tuple[float, ...]
    request_ms: tuple[float, ...]
    reply_ms: tuple[float, ...]

    @property
    def request_median_ms(self) -> float:
        """Median age when asked."""
        return float(np.median(self.request_ms))

    @property
    def reply_median_ms(self) -> float:
        """Median age at the reply."""
        return float(np.median(self.reply_ms))

    @property
    def estimate_ms(self) -> float:
        """The age at which OBS drew the picture lies between the two; their middle."""
        return (self.request_median_ms + self.reply_median_ms) / 2

    @property
    def drift_ms_per_minute(self) -> float:
        """How much older pictures become by the minute: medians of the last and of the first third, at the reply.

        Medians, for a busy machine makes single pictures older by any amount.
        """
        third = len(self.at_s) // 3
        if third < 1 or self.at_s[-1] - self.at_s[0] < 1.0:
            return 0.0
        first, last = slice(0, third), slice(-third, None)
        passed_s = float(np.mean(self.at_s[last]) - np.mean(self.at_s[first]))
        return float(np.median(self.reply_ms[last]) - np.median(self.reply_ms[first])) * 60.0 / passed_s


async def measure_ages(obs: ObsClient, journal: Journal, *, size: tuple[int, int], fps: float, seconds: float) -> Ages:
    """Send cards by a NUT sink of their own into a hidden source of their own, and look how old they come out.

    What is on air goes on meanwhile, and shows none of it.

    Args:
        obs: connected.
        journal: gets the source, in case this process ends before the source is taken away.
        size: (width, height) px of the stream.
        fps: of the stream.
        seconds: how long to look.

    Raises `ObsError` when OBS shows no card.

    """
    cards = marked_cards(*size, CARDS)
    with _sender(cards, StreamFormat(*size, fps)) as (port, sent_ns):
        made = SourceMade(collection=await current_collection(obs), name=CARDS_SOURCE)
        if made in journal.changes:
            await _remove(obs, journal, made)
        journal.add(made)
        scene = (await obs.call("GetCurrentProgramScene"))["currentProgramSceneName"]
        await obs.call(
            "CreateInput", sceneName=scene, inputName=CARDS_SOURCE, inputKind=SOURCE_KIND,
            inputSettings=source_settings(port), sceneItemEnabled=False,
        )  # fmt: skip
        try:
            return await _look(obs, sent_ns, seconds)
        finally:
            await _remove(obs, journal, made)


async def screenshot(obs: ObsClient, source: str, *, width: int | None = None, kind: str = "jpg") -> Pixels:
    """(H, W, 3) uint8 BGR of a source or scene as OBS has it now; raises `ObsError` for none that can be read.

    Args:
        obs: connected.
        source: name of a source or scene.
        width: px of the picture asked for; None for the source's own.
        kind: image format: "jpg" or "png".

    """
    asked: Data = {"sourceName": source, "imageFormat": kind}
    if width is not None:
        asked["imageWidth"] = width
    data = str((await obs.call("GetSourceScreenshot", **asked))["imageData"])
    try:
        raw = np.frombuffer(base64.b64decode(data.partition(",")[2]), np.uint8)
        picture = cv2.imdecode(raw, cv2.IMREAD_COLOR)
    except (binascii.Error, cv2.error) as error:
        raise ObsError(f"OBS's screenshot of '{source}' cannot be read.") from error
    if picture is None:
        raise ObsError(f"OBS's screenshot of '{source}' cannot be read.")
    return np.asarray(picture, np.uint8)


async def _look(obs: ObsClient, sent_ns: list[int], seconds: float) -> Ages:
    rows: list[tuple[float, float, float]] = []
    begin_ns: int | None = None
    give_up_ns = time.monotonic_ns() + round(_FIRST_S * NS_PER_S)
    while True:
        asked_ns = time.monotonic_ns()
        number = await _number_in(obs)
        came_ns = time.monotonic_ns()
        if number is not None and begin_ns is None:
            begin_ns = came_ns + round(SETTLE_S * NS_PER_S)
        if begin_ns is None and came_ns > give_up_ns:
            raise ObsError("OBS showed none of the cards.", hint="Is a media source of OBS able to play at all?")
        if begin_ns is not None and asked_ns >= begin_ns:
            if number is not None:
                sent = sent_ns[number]
                rows.append((
                    (asked_ns - begin_ns) / NS_PER_S, (asked_ns - sent) / NS_PER_MS, (came_ns - sent) / NS_PER_MS
                ))  # fmt: skip
            if asked_ns - begin_ns > seconds * NS_PER_S:
                break
        await asyncio.sleep(_PAUSE_S)
    if len(rows) < _LEAST_SAMPLES:
        raise ObsError(f"only {len(rows)} cards could be read in OBS.", hint="Measure for longer: --seconds 20")
    at, request, reply = zip(*rows, strict=True)
    return Ages(at, request, reply)


async def _number_in(obs: ObsClient) -> int | None:
    try:
        number = read_number(await screenshot(obs, CARDS_SOURCE, width=320))
    except ObsError:
        # No picture yet.
        return None
    return number if number is not None and number < CARDS else None


async def _remove(obs: ObsClient, journal: Journal, made: SourceMade) -> None:
    await take_out(obs, made.name)
    journal.remove(made)


@contextmanager
def _sender(cards: list[MarkedFrame], stream: StreamFormat) -> Iterator[tuple[int, list[int]]]:
    """Send the cards in turn; gives the port, and for each number when it was handed over last, monotonic ns."""
    sink, clock = NutSink("127.0.0.1", 0), MonotonicClock()
    sent_ns = [0] * len(cards)
    sink.open(stream)

    def send(stop: threading.Event) -> None:
        begin_ns, count = clock.now_ns(), 0
        while not stop.is_set():
            # A card keeps the time that it was made at; OBS goes by when a picture comes, not by its time stamp.
            sent_ns[count % len(cards)] = clock.now_ns()
            sink.write(cards[count % len(cards)])
            count += 1
            clock.wait(stop, (begin_ns + count * NS_PER_S / stream.fps - clock.now_ns()) / NS_PER_S)

    worker = Worker("obs-cards", send)
    worker.start()
    try:
        yield sink.port, sent_ns
    finally:
        worker.stop()
        sink.close()
