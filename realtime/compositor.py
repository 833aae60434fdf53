"""The third worker: a tracked frame goes in, a marked frame comes out.

The compositor is the only place that decides what is shown: the persona, the last picture of it, the slate, or the
camera while it is asked for. A painter (`mien.realtime.painter`) carries it out, on a processor or on a GPU. Whatever
fails, what leaves is the last persona frame or the slate, never the camera (design promise 1).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mien.realtime.aligner import align
from mien.realtime.blend_terms import STRENGTH
from mien.realtime.bystanders import cover
from mien.realtime.config import BadgeSettings
from mien.realtime.cpu_painter import add_stage
from mien.realtime.engine import Engine
from mien.realtime.face import Face
from mien.realtime.frame import Frame
from mien.realtime.mark import MarkedFrame, Marker, ShowMe
from mien.realtime.painter import Painter, Retouch
from mien.realtime.presence import Absence, Presence
from mien.realtime.slate import Slate
from mien.realtime.tracker.base import Selection

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tracked:
    """A frame and who is on it; what the tracking stage hands to the compositor.

    Attributes:
        frame: as captured.
        selection: who is swapped and who is covered.
        failed: the tracking stage could not read this frame, so nothing is known of who is on it.
        stages_ms: time spent so far, by stage.

    """

    frame: Frame
    selection: Selection
    failed: bool
    stages_ms: dict[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Composed:
    """What the compositor gives back: the frame that may leave, and where the time went, ms by stage."""

    marked: MarkedFrame
    stages_ms: dict[str, float]


@dataclass(frozen=True, slots=True)
class _Moment:
    """When a frame was captured, and the time that holds, fades and the badge count in."""

    sequence: int
    capture_ns: int
    media_ns: int
    now_ns: int


def close_engines(engines: Sequence[Engine]) -> None:
    """Close them all."""
    for engine in engines:
        engine.close()


class Compositor:
    """Called on one thread, once for each tracked frame, in order; never raises for a bad frame.

    Args:
        engines: rungs of one persona, best first; the governor moves between them.
        painter: carries out what is decided; closed with the engines.
        marker: makes the only frames that may leave.
        slate: picture for when there is no persona.
        presence: hold, slate, fade.
        now_ns: clock that a hold of "show me" runs out by.
        cover_bystanders: pixelate everybody else.
        colour: 0..1, how much of the driver's light and skin the persona takes on.
        background: changes what is behind the people, in the persona's frames and the camera's; None leaves it.
        on_error: told of each failed frame, with one sentence.
        retire: given each ladder that is shown no longer, between two frames: once for each time that it came in here.
            Default: closes its engines.

    """

    def __init__(
        self,
        engines: Sequence[Engine],
        *,
        painter: Painter,
        marker: Marker,
        slate: Slate,
        presence: Presence,
        now_ns: Callable[[], int],
        cover_bystanders: bool = True,
        colour: float = STRENGTH,
        background: Retouch | None = None,
        on_error: Callable[[str], None] = log.warning,
        retire: Callable[[tuple[Engine, ...]], None] = close_engines,
    ) -> None:
        self._engines = tuple(engines)
        self._retired: list[tuple[Engine, ...]] = []
        self._retire = retire
        self._lock = threading.Lock()
        self._pending: tuple[Engine, ...] | None = None
        self._pending_same = False
        self._rung = 0
        self._painter = painter
        self._marker = marker
        self._slate = slate
        self._presence = presence
        self._now_ns = now_ns
        self._cover_bystanders = cover_bystanders
        self._on_error = on_error
        self._colour = colour
        self._background = background
        #: When the engines that are shown took over, ns: the next frame to leave is their first.
        self.changed_ns = 0
        self._last: MarkedFrame | None = None
        self._show_me: ShowMe | None = None
        self._slate_asked = False
        self._hold_asked = False
        self._resting = False
        #: The frame before was painted, so the next one will be too.
        self._paints = False

    # -- controls, from any thread

    def set_engines(self, engines: Sequence[Engine], *, same_persona: bool = False) -> None:
        """Change the engines between two frames. The new ones must be ready; the old ones are retired after.

        Args:
            engines: rungs of one persona, best first. The first one is used; where they are the same as before, of
                another persona, the rung that this machine keeps up with stays.
            same_persona: they show whom the old ones showed, so a held picture may stay and nothing is announced.

        """
        with self._lock:
            if self._pending is not None:
                self._retired.append(self._pending)
                same_persona = same_persona and self._pending_same
            self._pending, self._pending_same = tuple(engines), same_persona

    def set_rung(self, rung: int) -> None:
        """Use another engine of the ladder from the next frame on; 0 is the best."""
        self._rung = rung

    def set_badge(self, badge: BadgeSettings) -> None:
        """Change how the mark looks; see `Marker.set_badge`."""
        self._marker.set_badge(badge)

    def set_slate_picture(self, slate: Slate) -> None:
        """Show another slate from now on; it must be of the frame's size."""
        self._slate = slate

    def set_colour(self, strength: float) -> None:
        """Take on this much of the driver's light and skin, 0..1, from the next frame on."""
        self._colour = strength

    def set_background(self, background: Retouch | None) -> None:
        """Change what is behind the people from the next frame on; None leaves it as it is."""
        self._background = background

    def set_slate(self, on: bool) -> None:
        """Show the slate until it is taken back."""
        self._slate_asked = on

    def set_hold(self, on: bool) -> None:
        """Freeze the last persona frame until it is taken back."""
        self._hold_asked = on

    def set_rest(self, on: bool) -> None:
        """Freeze the last persona frame while nobody sees it; beside `set_hold`, which is the user's."""
        self._resting = on

    def show_me(self, held: bool = True) -> None:
        """Show the camera, with its plate, for a moment; to be renewed while the button is held, and taken back."""
        self._show_me = ShowMe.held(self._now_ns()) if held else None

    @property
    def engines(self) -> tuple[Engine, ...]:
        """All rungs, best first."""
        return self._engines

    @property
    def rung(self) -> int:
        """Which of the engines is used; 0 is the best."""
        return self._rung

    @property
    def engine(self) -> Engine:
        """The engine of the current rung."""
        return self._engines[min(self._rung, len(self._engines) - 1)]

    @property
    def slate(self) -> Slate:
        """The slate that is shown from now on."""
        return self._slate

    @property
    def device(self) -> str:
        """Where frames are painted."""
        return self._painter.device

    # -- the frame

    def expect(self, frame: Frame) -> None:
        """Let the painter get ready for a frame that is about to be tracked; any thread.

        While no persona is shown (the slate, a hold, the camera, nobody there), nothing is done.
        """
        if self._paints:
            self._painter.expect(frame)

    def __call__(self, tracked: Tracked, now_ns: int) -> Composed:
        """Give the frame to show for `tracked`; `now_ns` is the time that holds and fades are counted in."""
        self._change_engines()
        moment = _Moment(tracked.frame.sequence, tracked.frame.capture_ns, tracked.frame.media_ns, now_ns)
        stages = dict(tracked.stages_ms)
        marked = self._asked_for(moment) or self._tried(tracked, moment, stages)
        if marked is None:
            marked = self._stand_in(moment, other_face=bool(tracked.selection.bystanders or tracked.selection.lost))
        self._paints = marked.kind == "persona" and not marked.held
        return Composed(marked, stages)

    def idle(self, sequence: int, capture_ns: int, media_ns: int) -> Composed:
        """Give the frame to show while the source gives none: the last persona frame, then the slate."""
        self._change_engines()
        moment = _Moment(sequence, capture_ns, media_ns, capture_ns)
        return Composed(self._asked_for(moment) or self._stand_in(moment, other_face=False), {})

    def close(self) -> None:
        """Retire the engines and close the painter; the compositor is not called after."""
        self._change_engines()
        self._retire(self._engines)
        self._painter.close()

    def _asked_for(self, moment: _Moment) -> MarkedFrame | None:
        """The slate or the hold that the user asked for, or the hold of a picture that nobody sees."""
        if self._slate_asked:
            self._presence.to_slate()
            return self._mark_slate(moment)
        if self._hold_asked or self._resting:
            # Nothing to hold (a change of persona forgets the picture): a live picture must not slip in instead.
            return self._mark_slate(moment) if self._last is None else self._repeat(self._last, moment)
        return None

    def _tried(self, tracked: Tracked, moment: _Moment, stages: dict[str, float]) -> MarkedFrame | None:
        """The camera while it is asked for, else the persona; None when neither can be made of this frame."""
        if tracked.failed:
            return None
        try:
            permit = self._show_me
            if permit is not None and permit.valid(self._now_ns()):
                return self._camera(tracked, permit)
            if tracked.selection.swapped:
                self._last = self._persona(tracked, moment, stages)
                return self._last
        except Exception as error:  # noqa: BLE001 - a failure of frame k must end in a hold or a slate, not in frame k
            self._on_error(f"frame {moment.sequence}: {type(error).__name__}: {error}")
        return None

    def _change_engines(self) -> None:
        with self._lock:
            pending, self._pending = self._pending, None
            retired, self._retired = self._retired, []
            same_persona = self._pending_same
        if pending is not None:
            retired.append(self._engines)
            alike = [each.spec.name for each in pending] == [each.spec.name for each in self._engines]
            self._engines, self._rung = pending, self._rung if alike else 0
            self.changed_ns = self._now_ns()
            self._painter.new_engines()
            if not same_persona:
                # The picture of the persona before must not come back in a hold.
                self._last = None
                self._marker.announce()
        for engines in retired:
            self._retire(engines)

    def _camera(self, tracked: Tracked, permit: ShowMe) -> MarkedFrame:
        frame = tracked.frame
        picture = frame.pixels.copy()
        if self._cover_bystanders:
            cover(picture, tracked.selection.bystanders)
        if self._background is not None:
            # Who hides the room means it then as well; a camera's frame is never transparent.
            self._background(picture, frame.media_ns)
        return self._marker.mark_camera(
            picture,
            permit,
            sequence=frame.sequence,
            capture_ns=frame.capture_ns,
            media_ns=frame.media_ns,
            now_ns=self._now_ns(),
        )

    def _persona(self, tracked: Tracked, moment: _Moment, stages: dict[str, float]) -> MarkedFrame:
        frame, faces = tracked.frame, tracked.selection.swapped
        engine = self.engine
        painting = self._painter.begin(frame, stages)
        if engine.spec.coverage == "face":
            painting.cover(self._to_cover(tracked.selection))
        # The greatest face last, so that where two overlap the nearer one lies on top.
        for face in sorted(faces, key=_area):
            alignment = align(face, engine.spec, frame.width, frame.height)
            painting.swap(face, alignment, engine, strength=self._colour)
        if self._background is not None:
            # Last: whose picture it is by now, and in portrait mode all of it is the persona's.
            painting.retouch(self._background)
        share = self._presence.fade(moment.now_ns)
        if share < 1.0:
            painting.fade(self._slate.picture(), share)
        self._painter.forget_all_but({face.track_id for face in faces})
        begin = time.perf_counter()
        marked = self._marker.mark_persona(
            painting,
            label=engine.spec.label,
            sequence=moment.sequence,
            capture_ns=moment.capture_ns,
            media_ns=moment.media_ns,
            now_ns=moment.now_ns,
            keep_clear=tuple(face.box for face in faces),
        )
        add_stage(stages, "mark", begin)
        self._presence.present(moment.now_ns)
        return marked

    def _to_cover(self, selection: Selection) -> tuple[tuple[float, float, float, float], ...]:
        return selection.lost + selection.bystanders if self._cover_bystanders else selection.lost

    def _stand_in(self, moment: _Moment, *, other_face: bool) -> MarkedFrame:
        absence = self._presence.absent(moment.now_ns, other_face=other_face)
        if absence is Absence.HOLD and self._last is not None:
            return self._repeat(self._last, moment)
        return self._mark_slate(moment)

    def _repeat(self, last: MarkedFrame, moment: _Moment) -> MarkedFrame:
        return self._marker.repeat(
            last, sequence=moment.sequence, capture_ns=moment.capture_ns, media_ns=moment.media_ns
        )

    def _mark_slate(self, moment: _Moment) -> MarkedFrame:
        return self._marker.mark_slate(
            self._slate.picture(),
            sequence=moment.sequence,
            capture_ns=moment.capture_ns,
            media_ns=moment.media_ns,
            now_ns=moment.now_ns,
        )


def _area(face: Face) -> float:
    x0, y0, x1, y1 = face.box
    return (x1 - x0) * (y1 - y0)
