"""Is Mien's watermark in this picture or video: blind, and with a stated bound on being wrong.

A mark counts as found only where its sync chips stand out, its CRC-24 holds, and its version and kind are known. What
is found says that this mark is present, not that the picture is authentic: marks can be copied, and subtracted.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mien.engines.verify.mark_search import search
from mien.engines.verify.mark_signal import Floats, Geometry, even_out, luma_of, residue
from mien.engines.verify.mark_windows import GATE, Backlog, Found, Places, Span
from mien.realtime.errors import MienError
from mien.realtime.watermark.coding import CRC_BITS
from mien.realtime.watermark.payload import KNOWN_SHARE, Payload

__all__ = ["GATE", "MarkDetectError", "MarkDetector", "MarkWindow", "Marked", "detect_still"]

#: Frames are summed over this time, seconds.
WINDOW_S: Final = 1.0
#: Windows without a mark that are summed and tried once more.
GROUP: Final = 3
#: Of faster videos frames are left out: more of the same second says little.
LOOKED_AT_FPS: Final = 30.0
#: Sides of a picture, px: OpenCV warps no larger ones.
MOST_SIDE_PX: Final = 16000
#: Results that are kept one by one; beyond, neighbours that say the same are joined.
MOST_WINDOWS: Final = 4096


class MarkDetectError(MienError, ValueError):
    """A frame or time that no picture or video has."""


@dataclass(frozen=True, slots=True)
class MarkWindow:
    """A stretch of the video that was looked at.

    Attributes:
        start_s: time of its first frame.
        end_s: time of its end.
        score: of the sync chips, standard deviations above chance.
        payload: what its mark says; None where none was found.
        mirrored: left and right of the marked picture are exchanged.
        flipped: top and bottom are; together they are half a turn.
        scale: of the marked picture, 1.0 where it fills the frame as it was made.

    """

    start_s: float
    end_s: float
    score: float
    payload: Payload | None
    mirrored: bool
    flipped: bool
    scale: float


@dataclass(frozen=True, slots=True)
class Marked:
    """Whether a mark was found, and which.

    Attributes:
        found: whether any window has a mark. False never means "real".
        score: the greatest of the windows; below 7 there is nothing but chance.
        false_positive_bound: probability, at most, that anything at all would be found in unmarked material of this
            length: every reading could pass CRC, version and kind by chance, and the sync score is not even counted.
        payload: the one found in most of the time; None without a mark.
        sessions: ids of all sessions found, in their order of appearance.
        since_s: start of the first window with a mark.
        coverage: part 0..1 of the time looked at in which a mark was found.
        windows: what was looked at, in order; neighbours that say the same are joined.

    """

    found: bool
    score: float
    false_positive_bound: float
    payload: Payload | None
    sessions: tuple[int, ...]
    since_s: float | None
    coverage: float
    windows: tuple[MarkWindow, ...]


class MarkDetector:
    """Looks for marks in a video, frame by frame, in bounded memory; used on one thread.

    Frames are summed over a second, and over three where one was not enough. A grid that was scaled, shifted or
    flipped is searched for when the known places give nothing: first after three seconds, then ever more seldom
    (at most every 96 s), since a search takes seconds. What was passed over meanwhile is kept, and read again once a
    place is known.

    Args:
        fps_hint: frames a second that `add` will bring; of more than 30 a second only some are looked at.

    """

    def __init__(self, *, fps_hint: float = 30.0) -> None:
        if not (math.isfinite(fps_hint) and fps_hint > 0):
            raise MarkDetectError(f"frames a second are a positive number, got {fps_hint}.")
        self._frame_s = 1.0 / fps_hint
        self._stride = max(1, round(fps_hint / LOOKED_AT_FPS))
        self._count = 0
        self._shape: tuple[int, ...] = ()
        self._total: Floats | None = None
        self._start_s = self._last_s = 0.0
        self._places = Places()
        self._group: list[Span] = []
        self._backlog = Backlog()
        self._windows: list[MarkWindow] = []

    def add(self, pixels: NDArray[np.uint8], time_s: float) -> None:
        """Look at one frame.

        Args:
            pixels: (H, W) uint8 luma or (H, W, 3) uint8 BGR; the size may change on the way.
            time_s: its time, seconds; one before the last begins a new stretch.

        Raises `MarkDetectError` for another shape or type, or a time that is not finite.

        """
        _check(pixels)
        if not math.isfinite(time_s):
            raise MarkDetectError(f"a frame's time is a number of seconds, got {time_s}.")
        if self._total is not None:
            if pixels.shape[:2] != self._shape or time_s < self._last_s:
                self._end_stretch()
            elif time_s >= self._start_s + WINDOW_S:
                self._close_window(min(time_s, self._last_s + WINDOW_S))
        if self._total is None:
            self._start_s, self._shape, self._count = time_s, pixels.shape[:2], 0
        self._last_s = time_s
        if self._count % self._stride == 0:
            seen = residue(luma_of(pixels))
            self._total = seen if self._total is None else np.add(self._total, seen, out=self._total)
        self._count += 1

    def finish(self) -> Marked:
        """End the video and say what was found. The detector is not used after."""
        self._end_stretch()
        return _summed_up(self._windows, self._places.trials)

    def _end_stretch(self) -> None:
        """What follows cannot be added to what was: another size, an earlier time, or nothing."""
        self._close_window(self._last_s + self._frame_s)
        self._close_group()
        if self._backlog.unsearched:
            self._search()
        for span in self._backlog.emptied():
            self._record(_unmarked(span))

    def _close_window(self, end_s: float) -> None:
        total, self._total = self._total, None
        if total is None:
            return
        found = self._places.read(even_out(total))
        if found.payload is None:
            self._group.append(Span(self._start_s, end_s, total, found.score))
            if len(self._group) == GROUP:
                self._close_group()
        else:
            self._close_group()
            self._record(_window(self._start_s, end_s, found))

    def _close_group(self) -> None:
        """Read up to three windows together; what gives nothing then waits for a search."""
        group, self._group = self._group, []
        if not group:
            return
        start_s, end_s = group[0].start_s, group[-1].end_s
        evened = even_out(np.sum([span.total for span in group], axis=0))
        # One window alone has been read already.
        found = self._places.read(evened) if len(group) > 1 else Found(None, group[0].score, Geometry())
        if found.payload is not None:
            self._record(_window(start_s, end_s, found))
            return
        dropped = self._backlog.push(Span(start_s, end_s, evened, found.score))
        if dropped is not None:
            self._record(_unmarked(dropped))
        if self._backlog.due:
            self._search()

    def _search(self) -> None:
        """Search the sum of what no search has seen, and read everything that waits in the place found."""
        total = self._backlog.begin_search()
        geometry = None if total is None else search(even_out(total))
        if geometry is None:
            return
        self._places.add(geometry)
        for span in self._backlog.emptied():
            found = self._places.read(span.total)
            if found.payload is None:
                self._backlog.put_back(dataclasses.replace(span, score=max(span.score, found.score)))
            else:
                self._record(_window(span.start_s, span.end_s, found))

    def _record(self, window: MarkWindow) -> None:
        self._windows.append(window)
        if len(self._windows) % MOST_WINDOWS == 0:
            self._windows = _joined(self._windows)


def detect_still(pixels: NDArray[np.uint8]) -> Marked:
    """Look for a mark in one picture: (H, W, 3) uint8 BGR or (H, W) uint8 luma.

    Takes a tenth of a second where the mark lies as it was made, and seconds where it must be searched for or is not
    there. Raises `MarkDetectError` for another shape or type.
    """
    detector = MarkDetector()
    detector.add(pixels, 0.0)
    return detector.finish()


def _check(pixels: NDArray[np.uint8]) -> None:
    shape = pixels.shape
    if pixels.dtype != np.uint8 or not (len(shape) == 2 or (len(shape) == 3 and shape[2] == 3)):
        raise MarkDetectError(f"a frame is (H, W) or (H, W, 3) uint8, got {pixels.dtype} of {shape}.")
    if not (min(shape[:2]) > 0 and max(shape[:2]) <= MOST_SIDE_PX):
        raise MarkDetectError(f"a frame has 1 to {MOST_SIDE_PX} px a side, got {shape[1]}x{shape[0]}.")


def _window(start_s: float, end_s: float, found: Found) -> MarkWindow:
    where = found.geometry
    return MarkWindow(start_s, end_s, found.score, found.payload, where.mirrored, where.flipped, where.scale)


def _unmarked(span: Span) -> MarkWindow:
    return MarkWindow(span.start_s, span.end_s, span.score, None, mirrored=False, flipped=False, scale=1.0)


def _joined(windows: Sequence[MarkWindow]) -> list[MarkWindow]:
    """Neighbours that say the same as one, in order of time, with the greatest of their scores."""
    joined: list[MarkWindow] = []
    for window in sorted(windows, key=lambda one: one.start_s):
        last = joined[-1] if joined else None
        if last is not None and _says_same(last, window):
            joined[-1] = dataclasses.replace(last, end_s=window.end_s, score=max(last.score, window.score))
        else:
            joined.append(window)
    return joined


def _says_same(first: MarkWindow, second: MarkWindow) -> bool:
    return (
        first.payload == second.payload
        and (first.mirrored, first.flipped, first.scale) == (second.mirrored, second.flipped, second.scale)
        and math.isclose(first.end_s, second.start_s, abs_tol=1e-6)
    )


def _summed_up(windows: Sequence[MarkWindow], trials: int) -> Marked:
    marked = sorted((window for window in windows if window.payload is not None), key=lambda one: one.start_s)
    looked_at_s = sum(window.end_s - window.start_s for window in windows)
    marked_s: dict[Payload, float] = {}
    for window in marked:
        if window.payload is not None:
            marked_s[window.payload] = marked_s.get(window.payload, 0.0) + window.end_s - window.start_s
    return Marked(
        found=bool(marked),
        score=max((window.score for window in windows), default=0.0),
        false_positive_bound=min(1.0, trials * KNOWN_SHARE / 2**CRC_BITS),
        payload=max(marked_s, key=lambda payload: marked_s[payload], default=None),
        sessions=tuple(dict.fromkeys(payload.session for payload in marked_s)),
        since_s=marked[0].start_s if marked else None,
        coverage=sum(marked_s.values()) / looked_at_s if looked_at_s > 0 else 0.0,
        windows=tuple(_joined(windows)),
    )
