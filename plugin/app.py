"""The composition root and the Python API: a checked configuration becomes a running pipeline.

Everything that a run needs is opened and checked here before the first thread starts, so that a missing camera, a
changed persona or a busy port is an error at the door and not a black picture later.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from mien.engines.credentials.manifest import Description
from mien.engines.personas.library import find, list_personas
from mien.engines.personas.trust import Trust
from mien.plugin.consent.guard import ConsentGuard
from mien.plugin.engine_switch import EngineSwitch
from mien.plugin.interrupts import held_back
from mien.plugin.sessions import SessionStoreError, remember
from mien.plugin.signing import Signing
from mien.realtime.calibration import Calibration
from mien.realtime.clock import Clock, MonotonicClock
from mien.realtime.compositor import CpuCompositor
from mien.realtime.config import LiveConfig
from mien.realtime.errors import ConfigError, EngineError, SourceError
from mien.realtime.frame import Pixels
from mien.realtime.governor import Governor
from mien.realtime.mark import MarkedFrame, Marker
from mien.realtime.neutral import NeutralEstimator
from mien.realtime.occluder import OccluderModel
from mien.realtime.pipeline import Pipeline, Stages
from mien.realtime.presence import Presence
from mien.realtime.sink.base import Sink, StreamFormat
from mien.realtime.sink.open import open_sink
from mien.realtime.sink.runner import SinkRunner
from mien.realtime.slate import Slate
from mien.realtime.source.base import Source
from mien.realtime.source.open import open_source
from mien.realtime.stats import FrameRecord
from mien.realtime.tracker.finder import FaceFinder
from mien.realtime.tracker.mediapipe_tracker import MediaPipeTracker
from mien.realtime.tracker.model import landmarker_path
from mien.realtime.tracker.selection import FaceSelector
from mien.realtime.tracker.stage import TrackingStage
from mien.realtime.tracker.watch import BystanderWatch
from mien.realtime.watermark.payload import MarkKind
from mien.realtime.watermark.session import MarkSession
from mien.realtime.worker import JOIN_TIMEOUT_S

if TYPE_CHECKING:
    from mien.plugin.control.preview import PreviewSink

log = logging.getLogger(__name__)

Event = Callable[[str], None]

#: The card label that Mien's instructions give the Linux loopback device: never a source, it would show itself.
_OWN_DEVICES = frozenset({"Mien"})
#: Devices of others that the virtual camera writes into; a source as long as it does not.
_WRITTEN_DEVICES = frozenset({"OBS Virtual Camera", "Unity Video Capture"})
#: A conversion waits this long for its file to be finished, seconds.
LOSSLESS_CLOSE_S = 120.0
#: How often a conversion tells its progress and looks whether it is to stop, seconds.
_PROGRESS_S = 0.1


class Live:
    """A running live path.

    Opening builds and checks everything and raises `MienError` for what is wrong; leaving the block stops the
    threads, finishes the files and releases the camera, also after half a start::

        with Live(LiveConfig(source="driver.mp4", sinks=("file:out.mp4",))) as live:
            live.wait()

    Iterating gives the newest `MarkedFrame` each time and ends with the source. Sinks run whether or not anybody
    iterates. All methods may be called from any thread, inside the block; a `Live` runs once.
    """

    def __init__(self, config: LiveConfig, *, clock: Clock | None = None, on_event: Event = log.info) -> None:
        self._config = config
        self._clock = clock or MonotonicClock()
        self._on_event = on_event
        self._stack = ExitStack()
        self._guard = ConsentGuard(Trust().gate, lambda on: self._compositor.set_slate(on), self._tell_consent_ended)
        self._switch = EngineSwitch(config, on_event, on_persona=self._guard.shown)
        self._preview: PreviewSink | None = None
        self._session = MarkSession()
        self._signing: Signing | None = None
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
            **self._pipeline.stats.recent(self._clock.now_ns()),
            "engine": {
                "name": spec.name,
                "runtime": spec.runtime,
                "device": spec.device,
                "precision": spec.precision,
                "reason": spec.reason,
                "edits": spec.edits,
            },
            "persona": self._switch.persona,
            "edit": self._switch.edit,
            "source": {
                "name": info.name,
                "width": info.width,
                "height": info.height,
                "fps": info.fps,
                "detail": info.detail,
                "state": self._source_state(),
                "trouble": self._pipeline.trouble,
            },
            "sinks": [dataclasses.asdict(runner.stats) | {"wanted": runner.wanted} for runner in self._runners],
            "last_error": self._pipeline.stats.last_error,
            "preview_url": self.preview_url,
        }

    @property
    def persona_switch_ms(self) -> float:
        """Milliseconds that the last change of persona took, from the call to the ready engines; 0 before any."""
        return self._switch.switch_ms

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

    def personas(self) -> list[str]:
        """Names that `set_persona` takes."""
        return [persona.name for persona in list_personas() if persona.state == "ready"]

    def set_persona(self, name: str) -> None:
        """Load and check another persona beside the running one, then change between two frames.

        Raises `PersonaError` and leaves the running one alone if the pack cannot be used. Where a consent ended while
        its persona was shown, another persona takes the slate away.
        """
        self._switch.set_persona(name)

    def set_edit(self, changes: str) -> None:
        """Change the persona's expression from the next frame on; see `LiveConfig.edit`. An empty text ends it.

        Raises `ConfigError` for what cannot be read, and `EngineError` where the running engine cannot edit.
        """
        self._switch.set_edit(changes)

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
        """The newest captured picture, (H, W, 3) uint8 BGR, for the page's held "before"; None before the first."""
        frame = self._pipeline.last_frame
        return None if frame is None else frame.pixels

    # -- start

    def _start(self, stack: ExitStack) -> None:
        config = self._config
        self._signing = Signing(config.credentials)
        # Registered first, so that it runs last: the camera is free and every thread has ended.
        stack.callback(self._sign)
        persona = find(config.persona)
        source = self._open_source()
        stack.callback(source.close)
        info = source.info
        lossless = not info.live
        # Before the engines, which only the compositor closes: a slate that cannot be read must not leave them open.
        marker = Marker(info.width, info.height, config.badge, session=self._session)
        slate = Slate(info.width, info.height, config.slate, language=config.badge.language)
        # Each frame of a conversion deserves the best engine, so nothing stands in there.
        engines = self._switch.open(persona, wait=lossless)
        self._compositor = CpuCompositor(
            engines,
            marker=marker,
            slate=slate,
            presence=Presence(config.loss),
            now_ns=self._clock.now_ns,
            occluders=OccluderModel if config.occluders else None,
            cover_bystanders=config.bystanders == "cover",
            on_error=self._note_error,
        )
        stack.callback(self._compositor.close)
        stack.callback(self._switch.close)
        self._switch.start(self._compositor)
        model = landmarker_path()
        with held_back():
            tracking = _tracking(config, model)
        stack.callback(tracking.close)
        stream = StreamFormat(info.width, info.height, info.fps, info.audio_path, live=not lossless)
        self._runners = [
            SinkRunner(
                open_sink(
                    spec,
                    overwrite=config.overwrite,
                    preview=self._make_preview,
                    virtual_camera=lambda device: self._make_virtual_camera(device, slate),
                    finished=self._signing.add,
                ),
                stream,
                self._clock,
                on_event=self._on_event,
            )
            for spec in config.sinks
        ]
        governor = None if lossless else Governor(len(engines), 1000.0 / info.fps)
        self._pipeline = Pipeline(
            Stages(source, self._open_source, tracking, self._compositor, self._runners, governor),
            clock=self._clock,
            lossless=lossless,
            on_event=self._on_event,
        )
        for runner in self._runners:
            # A conversion's encoder may have seconds of pictures to finish; a live one has to end within a second.
            stack.callback(runner.close, LOSSLESS_CLOSE_S if lossless else JOIN_TIMEOUT_S)
            runner.start()
        stack.callback(self._pipeline.stop)
        self._remember_session()
        stack.callback(self._guard.close)
        if warning := self._guard.shown(persona):
            self._on_event(warning)
        self._pipeline.start()

    def _sign(self) -> None:
        if self._signing is not None:
            for note in self._signing.sign_all(self._described):
                self._on_event(note)

    def _described(self) -> Description:
        """Give what the recordings of this run show, for their manifests."""
        frames = self._pipeline.frames
        camera, slate = frames["camera"] > 0, frames["slate"] > 0
        if frames["out"] == frames["camera"] + frames["slate"]:
            # Nobody was worn, whoever was chosen.
            return Description(
                watermark=self._payload("slate") if slate else None,
                source_type="composite" if camera else "algorithmicMedia",
            )
        wholly = self._switch.generated and not camera
        return Description(
            personas=tuple(self._switch.shown),
            watermark=self._payload("persona"),
            source_type="trainedAlgorithmicMedia" if wholly else "compositeWithTrainedAlgorithmicMedia",
        )

    def _payload(self, kind: MarkKind) -> str:
        return f"{self._session.payload(kind).to_int():016x}"

    def _open_source(self) -> Source:
        config = self._config
        return open_source(
            config.source,
            width=config.width,
            height=config.height,
            fps=config.fps,
            pace=config.pace,
            loop=config.loop,
            clock=self._clock,
            own_devices=_own_devices(config.sinks),
        )

    def _remember_session(self) -> None:
        try:
            remember(self._session, datetime.now(UTC))
        except SessionStoreError as error:
            # The frames are marked either way; only their owner will not be told later that they are theirs.
            self._on_event(str(error))

    def _make_preview(self) -> Sink:
        # Imported here: the server's library is not needed for a conversion, and takes a third of a second.
        from mien.plugin.control.preview import PreviewSink

        self._preview = PreviewSink(self, port=self._config.preview_port)
        return self._preview

    def _make_virtual_camera(self, device: str | None, slate: Slate) -> Sink:
        from mien.plugin.vcam.sink import VirtualCameraSink

        picture, now_ns = slate.picture(), self._clock.now_ns()
        # Marked by a marker of its own: the run's one would take its badge's look from this picture.
        marker = Marker(picture.shape[1], picture.shape[0], self._config.badge, session=self._session)
        still = marker.mark_slate(picture, sequence=0, capture_ns=now_ns, media_ns=0, now_ns=now_ns)
        return VirtualCameraSink(device, slate=still, died=lambda: self._died)

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


def _own_devices(sinks: tuple[str, ...]) -> frozenset[str]:
    """Names and paths of the cameras that a run with these sinks writes, and so must not read."""
    cameras = [spec.partition(":")[2] for spec in sinks if spec.partition(":")[0] == "virtualcam"]
    return _OWN_DEVICES | (_WRITTEN_DEVICES if cameras else frozenset()) | frozenset(filter(None, cameras))


def _tracking(config: LiveConfig, model: Path) -> TrackingStage:
    calibration = None if config.calibration is None else Calibration.load(config.calibration)
    return TrackingStage(
        MediaPipeTracker(model),
        FaceSelector(config.faces),
        NeutralEstimator(None if calibration is None else calibration.neutral),
        calibration,
        BystanderWatch(FaceFinder(model)) if config.bystanders == "cover" else None,
    )


@dataclass(frozen=True, slots=True)
class ConvertReport:
    """What a conversion did.

    Attributes:
        output: the file written.
        frames: counts: in, out, held, slate, errors.
        seconds: wall time.
        fps: frames out a second.
        audio: whether sound was carried over.
        damage: what was wrong with the input, or nothing.
        unsigned: why the file carries no signature, or nothing.

    """

    output: Path
    frames: dict[str, int]
    seconds: float
    fps: float
    audio: bool
    damage: str
    unsigned: str = ""


def convert(
    source: Path,
    output: Path,
    config: LiveConfig | None = None,
    *,
    progress: Callable[[int, int | None], None] | None = None,
    stop: threading.Event | None = None,
) -> ConvertReport:
    """Convert a file: the live stages in the same order, every frame, nothing dropped, the sound kept.

    Args:
        source: video to read.
        output: file to write (.mp4, .mkv, .mov); refused if it exists unless `config.overwrite`.
        config: persona, engine, badge and the rest; its source, sinks and pace are not looked at.
        progress: told (frames done, frames in all or None) once the conversion has begun, and then about ten times a
            second.
        stop: set it to end early; what was converted so far is finished and kept.

    Raises:
        MienError: whatever is wrong with the input, the persona or the output.

    """
    if not Path(source).exists():
        raise SourceError(f"there is no file '{source}'.", hint="Check the path.")
    if Path(output).exists() and Path(source).resolve() == Path(output).resolve():
        raise ConfigError("input and output are the same file.", hint="Give the output another name.")
    settings = (config or LiveConfig()).model_copy(
        update={"source": str(source), "sinks": (f"file:{output}",), "pace": False, "loop": False}
    )
    begin = time.perf_counter()
    with Live(settings) as live:
        total = live._pipeline.source_info.frame_count
        audio = live._pipeline.source_info.audio_path is not None
        if progress is not None:
            # From here on there is something to keep.
            progress(0, total)
        while not live.wait(_PROGRESS_S):
            if progress is not None:
                progress(live._pipeline.frames["out"], total)
            if stop is not None and stop.is_set():
                break
        pipeline, runner = live._pipeline, live._runners[0]
    runner.check()
    # Counted once all threads have ended: after a stop, frames that were on their way are in the file too.
    frames, damage = pipeline.frames, pipeline.trouble
    if progress is not None:
        progress(frames["out"], frames["out"])
    seconds = time.perf_counter() - begin
    fps = frames["out"] / seconds if seconds > 0 else 0.0
    return ConvertReport(Path(output), frames, seconds, fps, audio, damage, live.unsigned)
