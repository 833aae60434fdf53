"""Three threads and two mailboxes: capture, track, compose.

Live, each mailbox keeps the newest value alone, so that tracking frame N+1 overlaps swapping frame N and nothing
queues. Offline (`lossless`) the same threads wait for each other and every frame comes out, in order.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from mien.realtime.clock import NS_PER_MS, NS_PER_S, Clock
from mien.realtime.compositor import Composed, Compositor, Tracked
from mien.realtime.errors import SourceError, SourceLostError
from mien.realtime.frame import Frame
from mien.realtime.governor import Governor
from mien.realtime.mailbox import Mailbox
from mien.realtime.mark import MarkedFrame
from mien.realtime.sink.runner import SinkRunner
from mien.realtime.source.base import Source, SourceInfo
from mien.realtime.stats import FrameRecord, RunStats
from mien.realtime.tracker.base import Selection
from mien.realtime.tracker.stage import TrackingStage
from mien.realtime.worker import Worker

log = logging.getLogger(__name__)

#: Without a frame for this long the compositor is asked for a stand-in, so that sinks and their clients never freeze.
IDLE_S = 0.15
#: Nobody read for this long: the camera is released.
RELEASE_AFTER_S = 10.0
#: How often a released source looks whether somebody reads again, seconds.
_WAKE_S = 0.1
#: Wait between attempts to open a released source that another program holds, seconds.
_REOPEN_S = 2.0
_NOBODY = Selection(swapped=(), bystanders=())


@dataclass(frozen=True, slots=True)
class Stages:
    """What the pipeline runs; made and checked by the composition root.

    Attributes:
        open_source: opens the source again after it was released; the first one is `source`.
        source: opened already, so that its errors come before any thread.
        tracking: tracker, ids, policy, calibration.
        compositor: crop, engine, blend, mark.
        sinks: each with its own thread; started already. Asked anew for each frame, so that they may come and go.
        governor: moves the compositor along its ladder; None offline.

    """

    source: Source
    open_source: Callable[[], Source]
    tracking: TrackingStage
    compositor: Compositor
    sinks: Iterable[SinkRunner]
    governor: Governor | None


class Pipeline:
    """Runs the stages until the source ends or `stop` is called."""

    def __init__(
        self,
        stages: Stages,
        *,
        clock: Clock,
        lossless: bool,
        on_event: Callable[[str], None] = log.info,
    ) -> None:
        self._stages = stages
        self._clock = clock
        self._lossless = lossless
        self._on_event = on_event
        self._captured: Mailbox[tuple[Frame, float]] = Mailbox()
        self._tracked: Mailbox[Tracked] = Mailbox()
        self._listeners: list[Mailbox[MarkedFrame]] = []
        self._listeners_lock = threading.Lock()
        self._ended = False
        self._source = stages.source
        self._governed = stages.compositor.engines
        self._frames_in = 0
        self._frames_tracked = 0
        self._released = False
        self._unseen: frozenset[str] = frozenset()
        self._resting = False
        #: Judged by the tracker's thread, and by the compositor's while no frame comes.
        self._rest_lock = threading.Lock()
        self._trouble = ""
        self._last_frame: Frame | None = None
        self.stats = RunStats()
        self._workers = (
            Worker("capture", self._capture, on_end=self._captured.close),
            Worker("track", self._track, on_end=self._tracked.close),
            Worker("compose", self._compose, on_end=self._end_listeners),
        )

    # -- life

    def start(self) -> None:
        """Start the three threads."""
        for worker in reversed(self._workers):
            worker.start()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the end of the source; True when all is done. Raises what ended a stage, if something did."""
        done = self._workers[-1].join(timeout_s)
        if done:
            self.check()
        return done

    def check(self) -> None:
        """Raise the exception that ended a stage, if one did."""
        for worker in self._workers:
            worker.check()

    def stop(self) -> None:
        """End the threads, newest stage first to be told; idempotent. Sinks and stages are the owner's to close."""
        for worker in self._workers:
            worker.stop_event.set()
        self._source.close()
        self._captured.close()
        self._tracked.close()
        for worker in self._workers:
            if not worker.stop():
                log.warning("thread %s did not end in time and is left behind", worker.name)

    def relock(self) -> None:
        """Choose the face to swap anew on the next frame; any thread."""
        self._stages.tracking.relock()

    def set_unseen(self, names: Collection[str]) -> None:
        """Name the sinks whose pictures nobody sees now, though they take them; any thread.

        While no other sink is wanted, nothing is tracked or swapped, and they get the last persona frame, held. The
        camera stays open: whoever is shown again is there with the next frame.
        """
        self._unseen = frozenset(names)

    # -- what others read

    @property
    def resting(self) -> bool:
        """Whether nothing is tracked because nobody sees the pictures."""
        return self._resting

    @property
    def source_info(self) -> SourceInfo:
        """What was opened."""
        return self._source.info

    @property
    def source(self) -> Source:
        """The source that runs now."""
        return self._source

    @property
    def released(self) -> bool:
        """Whether the source is closed because nobody reads."""
        return self._released

    @property
    def trouble(self) -> str:
        """What is wrong with the source now; empty while all is well."""
        return self._trouble

    @property
    def last_frame(self) -> Frame | None:
        """The newest captured frame, for the page's held "before" alone; never for a sink."""
        return self._last_frame

    @property
    def frames(self) -> dict[str, int]:
        """Frames in, tracked, and lost in mailboxes, beside the counts of `RunStats`."""
        dropped = self._captured.dropped + self._tracked.dropped
        return {"in": self._frames_in, "dropped": dropped, **self.stats.counts}

    def listen(self) -> Mailbox[MarkedFrame]:
        """A mailbox that gets every new marked frame, the newest first; closed at the end."""
        box: Mailbox[MarkedFrame] = Mailbox()
        with self._listeners_lock:
            if self._ended:
                box.close()
            else:
                self._listeners.append(box)
        return box

    def leave(self, box: Mailbox[MarkedFrame]) -> None:
        """Stop feeding a mailbox of `listen`."""
        with self._listeners_lock:
            if box in self._listeners:
                self._listeners.remove(box)

    # -- the three threads

    def _capture(self, stop: threading.Event) -> None:
        unread_since_ns: int | None = None
        while not stop.is_set():
            if not self._lossless and self._source.info.live:
                unread_since_ns = self._note_readers(unread_since_ns)
                if unread_since_ns is not None and self._seconds_since(unread_since_ns) > RELEASE_AFTER_S:
                    self._sleep_until_read(stop)
                    unread_since_ns = None
                    continue
            try:
                frame = self._source.read()
            except SourceLostError as error:
                self._on_event(f"source lost: {error}")
                return
            if frame is None:
                self._note_trouble(self._source.trouble)
                return
            if self._trouble:
                self._trouble = ""
                self._on_event("the source gives frames again")
            decode_ms = (self._clock.now_ns() - frame.capture_ns) / NS_PER_MS
            self._frames_in += 1
            self._last_frame = frame
            if self._lossless:
                self._captured.put_wait((frame, decode_ms))
            else:
                self._captured.put((frame, decode_ms))

    def _track(self, stop: threading.Event) -> None:
        while not stop.is_set():
            taken = self._captured.take()
            if taken is None:
                return
            if self._rest():
                continue
            frame, decode_ms = taken
            # While it is tracked, and the one before is painted, a GPU copies it.
            self._stages.compositor.expect(frame)
            tracked = self._track_one(frame, decode_ms)
            if self._lossless:
                self._tracked.put_wait(tracked)
            else:
                self._tracked.put(tracked)
            self._look()

    def _look(self) -> None:
        try:
            self._stages.tracking.look()
        except Exception as error:  # noqa: BLE001 - the frame is on its way; the next one is looked at again
            self.stats.error(f"watch for bystanders: {type(error).__name__}: {error}")

    def _track_one(self, frame: Frame, decode_ms: float) -> Tracked:
        begin = time.perf_counter()
        try:
            selection, failed = self._stages.tracking(frame), False
        except Exception as error:  # noqa: BLE001 - an unread frame k must end in a hold or a slate, not in the end
            self.stats.error(f"frame {frame.sequence}: tracker: {type(error).__name__}: {error}")
            selection, failed = _NOBODY, True
        track_ms = (time.perf_counter() - begin) * 1e3
        return Tracked(frame, selection, failed, {"decode": decode_ms, "track": track_ms})

    def _compose(self, stop: threading.Event) -> None:
        last_sequence, last_media_ns = 0, 0
        while not stop.is_set():
            tracked = self._tracked.take(None if self._lossless else IDLE_S)
            if tracked is not None:
                frame = tracked.frame
                last_sequence, last_media_ns = frame.sequence, frame.media_ns
                begin = time.perf_counter()
                # Offline a file's own time line counts: how fast the machine converts must not change the picture.
                composed = self._stages.compositor(tracked, frame.media_ns if self._lossless else frame.capture_ns)
                compose_ms = (time.perf_counter() - begin) * 1e3
                self._hand_over(composed)
                self._govern(composed.stages_ms, compose_ms)
            elif self._tracked.closed:
                return
            elif not self._released:
                # Nobody would see a stand-in while the source is released.
                self._note_trouble(self._source.trouble)
                # A source that was lost meanwhile must not leave a held picture on air for good.
                self._rest()
                now_ns = self._clock.now_ns()
                self._hand_over(self._stages.compositor.idle(last_sequence, now_ns, last_media_ns))

    # -- helpers

    def _hand_over(self, composed: Composed) -> None:
        marked = composed.marked
        for runner in self._stages.sinks:
            runner.offer(marked)
        done_ns = self._clock.now_ns()
        with self._listeners_lock:
            for box in self._listeners:
                box.put(marked)
        self.stats.add(
            FrameRecord(marked.sequence, marked.kind, marked.held, marked.capture_ns, done_ns, composed.stages_ms)
        )

    def _govern(self, stages_ms: dict[str, float], compose_ms: float) -> None:
        governor, engines = self._stages.governor, self._stages.compositor.engines
        if governor is None:
            return
        if engines is not self._governed:
            self._governed = engines
            governor.restart(len(engines), self._stages.compositor.rung)
        engine_ms = stages_ms.get("engine", 0.0)
        move = governor.observe(stages_ms["track"], compose_ms, engine_ms, self._clock.now_ns())
        if move is not None:
            self._stages.compositor.set_rung(move.to)
            self._on_event(f"{move.reason}: now {self._stages.compositor.engine.spec.name}")

    def _rest(self) -> bool:
        with self._rest_lock:
            wanted = [runner.name for runner in self._stages.sinks if runner.wanted]
            resting = bool(wanted) and not self._lossless and not self._listeners and self._unseen.issuperset(wanted)
            changed, self._resting = resting != self._resting, resting
            if changed:
                self._stages.compositor.set_rest(resting)
        if changed:
            self._on_event("nobody sees the picture: it rests" if resting else "the picture is seen again")
        return resting

    def _note_readers(self, unread_since_ns: int | None) -> int | None:
        if self._listeners or any(runner.wanted for runner in self._stages.sinks):
            return None
        return self._clock.now_ns() if unread_since_ns is None else unread_since_ns

    def _sleep_until_read(self, stop: threading.Event) -> None:
        self._released = True
        self._last_frame = None
        self._source.close()
        self._on_event("nobody reads: the camera is released until somebody does")
        while self._note_readers(0) is not None:
            if self._clock.wait(stop, _WAKE_S):
                return
        while not stop.is_set():
            try:
                self._source = self._stages.open_source()
            except SourceError as error:
                # Another program may have taken the camera in the meantime; it may give it back.
                self._note_trouble(f"somebody reads, but the source cannot be opened: {error}")
                self._clock.wait(stop, _REOPEN_S)
            else:
                self._released = False
                self._on_event("somebody reads: the camera is open again")
                return

    def _note_trouble(self, trouble: str) -> None:
        if trouble and trouble != self._trouble:
            self._trouble = trouble
            self._on_event(trouble)

    def _seconds_since(self, then_ns: int) -> float:
        return (self._clock.now_ns() - then_ns) / NS_PER_S

    def _end_listeners(self) -> None:
        with self._listeners_lock:
            self._ended = True
            for box in self._listeners:
                box.close()
