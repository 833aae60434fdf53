"""The composition root and the Python API: a checked configuration becomes a running pipeline.

Everything that a run needs is opened and checked here before the first thread starts, so that a missing camera, a
changed persona or a busy port is an error at the door and not a black picture later.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from mien.engines.personas.library import find, list_personas
from mien.engines.personas.trust import Trust
from mien.plugin.changes import Changes
from mien.plugin.consent.guard import ConsentGuard
from mien.plugin.engine_switch import EngineSwitch
from mien.plugin.parts import make_obs_watch, make_virtual_camera, open_compositor, open_tracking, standing_slate
from mien.plugin.recorder import Recorder
from mien.plugin.sessions import SessionStoreError, remember
from mien.plugin.shown import Moment, Shown
from mien.plugin.signing import Signing
from mien.plugin.sources import Sources
from mien.realtime.clock import Clock, MonotonicClock
from mien.realtime.config import LiveConfig
from mien.realtime.errors import EngineError
from mien.realtime.frame import Pixels
from mien.realtime.governor import Governor
from mien.realtime.mark import MarkedFrame
from mien.realtime.pipeline import Pipeline, Stages
from mien.realtime.sink.base import Sink, StreamFormat
from mien.realtime.sink.group import SinkGroup
from mien.realtime.sink.open import open_sink
from mien.realtime.sink.runner import SinkRunner
from mien.realtime.stats import FrameRecord
from mien.realtime.watermark.session import MarkSession
from mien.realtime.worker import JOIN_TIMEOUT_S

if TYPE_CHECKING:
    from mien.plugin.control.preview import PreviewSink
    from mien.plugin.obs.watch import ObsWatch

log = logging.getLogger(__name__)

Event = Callable[[str], None]

#: A conversion waits this long for its file to be finished, seconds.
LOSSLESS_CLOSE_S = 120.0
#: A captured picture older than this is no "before" any more, ns.
_FRESH_NS = 2_000_000_000


class Live:
    """A running live path.

    Opening builds and checks everything and raises `MienError` for what is wrong; leaving the block stops the
    threads, finishes the files and releases the camera, also after half a start::

        with Live(LiveConfig(source="driver.mp4", sinks=("file:out.mp4",))) as live:
            live.wait()

    Iterating gives the newest `MarkedFrame` each time and ends with the source. Sinks run whether or not anybody
    iterates. All methods may be called from any thread, inside the block; a `Live` runs once.
    """

    def __init__(
        self,
        config: LiveConfig,
        *,
        clock: Clock | None = None,
        on_event: Event = log.info,
        stay: bool = False,
        remember: Callable[[dict[str, Any]], object] | None = None,
    ) -> None:
        """Prepare a run; nothing is opened yet.

        Args:
            config: what to run.
            clock: for tests.
            on_event: told one sentence of each change.
            stay: a source that cannot be opened, or that ends, leaves the slate until another is chosen; otherwise
                it is an error, or the end.
            remember: told the settings that the page changes, to be kept for next time.

        """
        self._config = config
        self._stay = stay
        self._remember = remember
        self._clock = clock or MonotonicClock()
        self._on_event = on_event
        self._stack = ExitStack()
        self._guard = ConsentGuard(Trust().gate, lambda on: self._compositor.set_slate(on), self._tell_consent_ended)
        self._switch = EngineSwitch(config, on_event, on_persona=self._guard.shown)
        self._preview: PreviewSink | None = None
        self._obs: ObsWatch | None = None
        self._session = MarkSession()
        self._signing: Signing | None = None
        self._shown = Shown(self._switch, self._session, lambda: self._pipeline.frames)
        self._entered = self._died = False
        #: Seconds from `__enter__` to the running threads.
        self.startup_s = 0.0

    def __enter__(self) -> Self:
        if self._entered:
            raise EngineError("this Live was opened already.", hint="Make a new one for another run.")
        self._entered = True
        begin = time.perf_counter()
        with ExitStack() as stack:
            self._start(stack)
            self._stack = stack.pop_all()
        self.startup_s = time.perf_counter() - begin
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Then the virtual camera stays, and shows the slate until somebody runs Mien again.
        self._died = kind is not None and issubclass(kind, Exception)
        self._stack.close()

    def __iter__(self) -> Iterator[MarkedFrame]:
        box = self._pipeline.listen()
        try:
            while (frame := box.take()) is not None:
                yield frame
        finally:
            self._pipeline.leave(box)
        self._pipeline.check()

    # -- what runs

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the end of the source; True when it has ended. Raises what ended a stage, if something did."""
        return self._pipeline.wait(timeout_s)

    def wait_ready(self, timeout_s: float | None = None) -> bool:
        """Wait until the engine that was asked for is loaded: it runs from the next frame on, or why not is said.

        Until then the persona's portrait stands in for its network. A measurement waits for this.
        """
        return self._switch.ready.wait(timeout_s)

    def records(self) -> list[FrameRecord]:
        """What happened to the newest frames, oldest first (`mien.realtime.stats.KEPT_RECORDS` at most)."""
        return self._pipeline.stats.records()

    def stats(self) -> dict[str, Any]:
        """The numbers of the console and the page, plain data; see docs/python-api.md for the keys."""
        spec = self._compositor.engine.spec
        info = self._pipeline.source_info
        return {
            "frames": self._pipeline.frames,
            "shown": self._pipeline.stats.shown,
            **self._pipeline.stats.recent(self._clock.now_ns()),
            "engine": {
                "name": spec.name,
                "runtime": spec.runtime,
                "device": spec.device,
                "precision": spec.precision,
                "reason": spec.reason,
                "edits": spec.edits,
                "morph": spec.morph,
                "painter": self._compositor.device,
            },
            "persona": self._switch.persona,
            "edit": self._switch.edit,
            "morph": self._switch.morph,
            "source": {
                "name": info.name,
                "width": info.width,
                "height": info.height,
                "fps": info.fps,
                "detail": info.detail,
                "state": self._source_state(),
                "trouble": self._pipeline.trouble,
            },
            "sinks": [dataclasses.asdict(runner.stats) | {"wanted": runner.wanted} for runner in self._sinks],
            "last_error": self._pipeline.stats.last_error,
            "resting": self._pipeline.resting,
            "obs": None if self._obs is None else self._obs.state,
            "preview_url": self.preview_url,
        }

    @property
    def persona_switch_ms(self) -> float:
        """Milliseconds that the last change of persona took, from the call to the ready engines; 0 before any."""
        return self._switch.switch_ms

    @property
    def changed_ns(self) -> int:
        """When the engines that are shown took over, ns of the run's clock; 0 before any change.

        The first frame that is handed over later is the first of theirs.
        """
        return self._compositor.changed_ns

    @property
    def session_id(self) -> int:
        """The random id in this run's watermarks; new for each `Live`, and opened by `mien.plugin.sessions` alone."""
        return self._session.session

    @property
    def unsigned(self) -> str:
        """Why recordings carry no signature; empty when they do, and before the end of the run."""
        return "" if self._signing is None else " ".join(self._signing.notes)

    @property
    def preview_url(self) -> str | None:
        """The page's address with its token, if the page is one of the sinks."""
        return self._preview.url if self._preview is not None else None

    # -- controls

    @property
    def changes(self) -> Changes:
        """What else may be changed while it runs: engine, source, sinks, badge, recording."""
        return self._changes

    def personas(self) -> list[str]:
        """Names that `set_persona` takes."""
        return [persona.name for persona in list_personas() if persona.state == "ready"]

    def set_persona(self, name: str) -> None:
        """Load and check another persona beside the running one, then change between two frames.

        Its portrait stands in where a trained network has still to be loaded; `wait_ready` waits for that.
        Raises `PersonaError` and leaves the running one alone if the pack cannot be used. Where a consent ended while
        its persona was shown, another persona takes the slate away.
        """
        self._switch.set_persona(name)

    def prepare_persona(self, name: str) -> None:
        """Have a persona ready before it is chosen: `set_persona` then takes effect with the next frame.

        Returns at once, and raises nothing: what is wrong with it, the change says. Whoever was worn lately is ready.
        """
        self._switch.prepare_persona(name)

    def set_edit(self, changes: str) -> None:
        """Change the persona's expression from the next frame on; see `LiveConfig.edit`. An empty text ends it.

        Raises `ConfigError` for what cannot be read, and `EngineError` where the running engine cannot edit.
        """
        self._switch.set_edit(changes)

    def set_morph(self, morph: float | None) -> None:
        """Show an imported AMP model between the driver, 0, and the persona, 1, from the next frame on; None: as it is.

        Raises `ConfigError` for a number outside, and `EngineError` where the running engine is nowhere in between.
        """
        self._switch.set_morph(LiveConfig.build({"morph": morph}, where="morph").morph)

    def set_slate(self, on: bool) -> None:
        """Show the slate until it is taken back; that of a consent which has ended stays."""
        self._guard.ask_slate(on)

    def set_hold(self, on: bool) -> None:
        """Freeze the last persona frame until it is taken back."""
        self._compositor.set_hold(on)

    def show_me(self, held: bool = True) -> None:
        """Show the camera under its plate for a second; renew while the button is held, call with False at its end."""
        self._compositor.show_me(held)

    def relock(self) -> None:
        """Swap whoever is most prominent in the picture now: for a streamer whom the lock did not know again."""
        self._pipeline.relock()

    def before(self) -> Pixels | None:
        """The newest captured picture, (H, W, 3) uint8 BGR, for the page's held "before"; None while there is none."""
        frame = self._pipeline.last_frame
        if frame is None or self._clock.now_ns() - frame.capture_ns > _FRESH_NS:
            return None
        return frame.pixels

    # -- start

    def _start(self, stack: ExitStack) -> None:
        config, clock = self._config, self._clock
        self._signing = Signing(config.credentials)
        # Registered first, so that it runs last: the camera is free and every thread has ended.
        stack.callback(self._sign)
        signed_last = stack.enter_context(ExitStack())
        persona = find(config.persona)
        sources = Sources(config, clock, stay=self._stay)
        source = sources.open()
        stack.callback(source.close)
        info = source.info
        lossless = not info.live
        self._compositor, self._marker = open_compositor(
            config, info, self._switch, persona, session=self._session, now_ns=clock.now_ns, on_error=self._note_error
        )
        stack.callback(self._compositor.close)
        stack.callback(self._switch.close)
        governor = None if lossless else Governor(len(self._compositor.engines), 1000.0 / info.fps)
        self._switch.start(self._compositor, persona)
        tracking = open_tracking(config)
        stack.callback(tracking.close)
        stream = StreamFormat(info.width, info.height, info.fps, info.audio_path, live=not lossless)
        # A conversion's encoder may have seconds of pictures to finish; a live one has to end within a second.
        self._sinks = SinkGroup(
            lambda spec: self._runner(self._open_sink(spec), stream),
            close_s=LOSSLESS_CLOSE_S if lossless else JOIN_TIMEOUT_S,
        )
        stack.callback(self._sinks.close)
        recorder = Recorder(
            self._sinks,
            # The sound of a file belongs to the whole of it, not to what the page records of it.
            lambda sink: self._runner(sink, replace(stream, audio_path=None)),
            signing=Signing(config.credentials),
            shown=self._shown,
            on_event=self._on_event,
        )
        signed_last.callback(recorder.close)
        self._pipeline = Pipeline(
            Stages(source, sources.open, tracking, self._compositor, self._sinks, governor),
            clock=clock,
            lossless=lossless,
            on_event=self._on_event,
        )
        self._changes = Changes(
            self._switch,
            self._compositor,
            sources,
            self._sinks,
            tracking,
            recorder,
            self._pipeline,
            self._on_event,
            standing_slate=self._standing_slate,
        )
        for spec in config.sinks:
            self._sinks.add(spec)
        stack.callback(self._pipeline.stop)
        self._remember_session()
        stack.callback(self._guard.close)
        if warning := self._guard.shown(persona):
            self._on_event(warning)
        self._pipeline.start()
        if not lossless:
            self._watch_obs(stack)

    def _sign(self) -> None:
        if self._signing is not None:
            for note in self._signing.sign_all(lambda: self._shown.since(Moment())):
                self._on_event(note)

    def _runner(self, sink: Sink, stream: StreamFormat) -> SinkRunner:
        return SinkRunner(sink, stream, self._clock, on_event=self._on_event)

    def _remember_session(self) -> None:
        try:
            remember(self._session, datetime.now(UTC))
        except SessionStoreError as error:
            # The frames are marked either way; only their owner will not be told later that they are theirs.
            self._on_event(str(error))

    def _watch_obs(self, stack: ExitStack) -> None:
        self._obs = make_obs_watch(self._sinks, self._pipeline.set_unseen, self._marker, self._on_event)
        if self._obs is not None:
            stack.callback(self._obs.close)
            self._obs.start()

    def _open_sink(self, spec: str) -> Sink:
        assert self._signing is not None
        return open_sink(
            spec,
            overwrite=self._config.overwrite,
            preview=self._make_preview,
            virtual_camera=self._make_virtual_camera,
            finished=self._signing.add,
        )

    def _make_preview(self) -> Sink:
        # Imported here: the server's library is not needed for a conversion, and takes a third of a second.
        from mien.plugin.control.desk import Desk
        from mien.plugin.control.preview import PreviewSink

        desk = Desk(self, self._config, remember=self._remember)
        self._preview = PreviewSink(desk, port=self._config.preview_port, on_event=self._on_event)
        return self._preview

    def _make_virtual_camera(self, device: str | None) -> Sink:
        return make_virtual_camera(device, self._standing_slate(), died=lambda: self._died)

    def _standing_slate(self) -> MarkedFrame:
        return standing_slate(
            self._compositor.slate.picture(), self._marker.badge, session=self._session, now_ns=self._clock.now_ns()
        )

    def _source_state(self) -> str:
        if self._pipeline.released:
            return "released"
        return "lost" if self._pipeline.trouble else "running"

    def _tell_consent_ended(self, text: str) -> None:
        self._note_error(text)
        self._on_event(text)

    def _note_error(self, text: str) -> None:
        self._pipeline.stats.error(text)
        log.warning("%s", text)
