"""A live source that can be changed for another one between two frames."""

from __future__ import annotations

import threading
from dataclasses import replace

from mien.realtime.errors import SourceLostError
from mien.realtime.frame import Frame
from mien.realtime.source.base import Source, SourceInfo
from mien.realtime.source.fit import fit

#: The first frame of another source lies this long after the last one of the source before, ns.
_STEP_NS = 33_000_000


class AbsentSource:
    """No picture at all, and why: what runs while there is no camera, so that viewers see the slate.

    Args:
        info: size and rate of the frames that are to come.
        reason: one sentence for the page.

    """

    def __init__(self, info: SourceInfo, reason: str) -> None:
        self.info = replace(info, name="no picture", live=True, frame_count=None, audio_path=None, detail="")
        self.trouble = reason
        self._closed = threading.Event()

    def read(self) -> Frame | None:
        """Wait for `close`; then None."""
        self._closed.wait()
        return None

    def close(self) -> None:
        """End a waiting `read`; idempotent."""
        self._closed.set()


class ChangingSource:
    """Gives the frames of one source until `change` puts another in its place.

    Sinks were opened with one size, so frames of another are fitted into it. Sequence numbers and media times go on.

    Args:
        source: the first one, live; owned, like all that follow.
        size: (width, height) px of every frame; None for the first source's own.
        stay: a source that ends or is lost for good leaves an `AbsentSource`; otherwise it ends this one too.

    """

    def __init__(self, source: Source, *, size: tuple[int, int] | None = None, stay: bool = False) -> None:
        self._source = source
        self._size = size or (source.info.width, source.info.height)
        self._stay = stay
        self._lock = threading.Lock()
        self._closed = False
        self._sequence = -1
        self._media_ns = -_STEP_NS
        self._base: Source | None = None
        self._sequence_shift = 0
        self._media_shift_ns = 0

    @property
    def info(self) -> SourceInfo:
        """What is open now, with the size that all frames get."""
        return replace(self._source.info, width=self._size[0], height=self._size[1])

    @property
    def trouble(self) -> str:
        """What is wrong with the source now."""
        return self._source.trouble

    def change(self, source: Source) -> None:
        """Read from this one from the next frame on; the one before is closed. Any thread."""
        with self._lock:
            old, closed = self._source, self._closed
            if not closed:
                self._source = source
        # Outside the lock: it wakes a read, which looks at what there is now.
        (source if closed else old).close()

    def read(self) -> Frame | None:
        """The next frame; see `Source.read`."""
        while not self._closed:
            source = self._source
            try:
                frame, problem = source.read(), None
            except SourceLostError as error:
                frame, problem = None, error
            if source is not self._source:
                continue
            if frame is not None:
                return self._placed(source, frame)
            if self._closed or not self._stay:
                if problem is not None:
                    raise problem
                return None
            self._leave(source, str(problem or source.trouble) or f"'{source.info.name}' has ended.")
        return None

    def close(self) -> None:
        """Release the source; idempotent."""
        with self._lock:
            self._closed = True
            source = self._source
        source.close()

    def _leave(self, source: Source, reason: str) -> None:
        with self._lock:
            if self._source is source and not self._closed:
                self._source = AbsentSource(source.info, reason)
        source.close()

    def _placed(self, source: Source, frame: Frame) -> Frame:
        if source is not self._base:
            self._base = source
            self._sequence_shift = self._sequence + 1 - frame.sequence
            self._media_shift_ns = self._media_ns + _STEP_NS - frame.media_ns
        self._sequence = frame.sequence + self._sequence_shift
        self._media_ns = frame.media_ns + self._media_shift_ns
        return Frame(fit(frame.pixels, *self._size), self._sequence, frame.capture_ns, self._media_ns)
