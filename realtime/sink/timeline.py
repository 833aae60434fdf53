"""Where each written frame lies in a recording, so that pictures never run backwards and sound stays beside them."""

from __future__ import annotations

from mien.realtime.mark import MarkedFrame

#: Least distance of two written frames, ns: players and muxers want times that rise.
MIN_STEP_NS = 1_000_000


class Timeline:
    """Gives every frame its time in the recording, ns from the first frame, strictly rising.

    A live recording without sound follows the capture times. One with sound, and every offline conversion, follows
    the source's own time line, so that sound of media time m lies at `m + offset_ns`, whatever was dropped, looped
    or begun late. A frame that brings no new media time (a hold, a slate while the source is away) is placed by
    the time that passed; when the source goes on, `offset_ns` grows by that pause, for pictures and sound alike.
    """

    def __init__(self, *, by_media: bool) -> None:
        self._by_media = by_media
        self._last: MarkedFrame | None = None
        self._last_ns = 0
        self.offset_ns = 0

    def place(self, frame: MarkedFrame) -> int:
        """Time of `frame` in the recording, ns. Call once for each frame that is written, in order."""
        if self._last is None:
            self.offset_ns = -self._own_ns(frame)
            place_ns = 0
        else:
            place_ns = self._after(self._last, frame)
        self._last, self._last_ns = frame, place_ns
        return place_ns

    def _after(self, last: MarkedFrame, frame: MarkedFrame) -> int:
        passed_ns = max(frame.capture_ns - last.capture_ns, MIN_STEP_NS)
        if self._own_ns(frame) <= self._own_ns(last):
            return self._last_ns + (passed_ns if self._by_media else MIN_STEP_NS)
        place_ns = self._own_ns(frame) + self.offset_ns
        if place_ns >= self._last_ns + MIN_STEP_NS:
            return place_ns
        if not self._by_media:
            return self._last_ns + MIN_STEP_NS
        step_ns = min(passed_ns, self._own_ns(frame) - self._own_ns(last))
        self.offset_ns += self._last_ns + max(step_ns, MIN_STEP_NS) - place_ns
        return self._last_ns + max(step_ns, MIN_STEP_NS)

    def _own_ns(self, frame: MarkedFrame) -> int:
        return frame.media_ns if self._by_media else frame.capture_ns
