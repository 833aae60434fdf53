"""What may be changed while a run goes on, beside persona and expression: engine, source, sinks, looks, recording.

Each change is loaded and checked beside what runs, and takes its place between two frames; one that fails raises and
leaves everything as it was.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mien.engines.personas.pack import Mode
from mien.plugin.engine_switch import EngineSwitch
from mien.plugin.parts import open_background
from mien.plugin.recorder import Recorder, RecordingState
from mien.plugin.sources import Sources
from mien.realtime.calibration import Calibration
from mien.realtime.calibration_recorder import CalibrationRecorder, Step
from mien.realtime.compositor import Compositor
from mien.realtime.config import Background, BadgeSettings
from mien.realtime.errors import ConfigError, SourceError
from mien.realtime.mark import MarkedFrame
from mien.realtime.pipeline import Pipeline
from mien.realtime.sink.base import StandsBy
from mien.realtime.sink.file import FileSink
from mien.realtime.sink.group import SinkGroup
from mien.realtime.slate import Slate
from mien.realtime.tracker.stage import TrackingStage

#: The next frame that leaves is waited for this long, seconds.
_SNAPSHOT_S = 5.0


class Changes:
    """Made by `Live`; any thread. The arguments are the parts of the run."""

    def __init__(
        self,
        switch: EngineSwitch,
        compositor: Compositor,
        sources: Sources,
        sinks: SinkGroup,
        tracking: TrackingStage,
        recorder: Recorder,
        pipeline: Pipeline,
        on_event: Callable[[str], None],
        *,
        standing_slate: Callable[[], MarkedFrame],
    ) -> None:
        self._switch = switch
        self._compositor = compositor
        self._sources = sources
        self._sinks = sinks
        self._tracking = tracking
        self._recorder = recorder
        self._pipeline = pipeline
        self._on_event = on_event
        self._standing_slate = standing_slate

    def set_engine(self, kind: str, mode: Mode) -> None:
        """Show the persona by another kind of engine, or in another mode; see `LiveConfig.engine` and `mode`."""
        self._switch.set_engine(kind, mode)

    def set_source(self, spec: str) -> None:
        """Read from another source, fitted into the size that the run began with; raises `SourceError`."""
        for runner in self._sinks:
            if isinstance(runner.sink, FileSink) and self._pipeline.source_info.audio_path:
                raise ConfigError(f"{runner.name} takes its sound from the source, which has to stay.")
        info = self._sources.change(spec)
        self._pipeline.relock()
        self._on_event(f"source: {info.name}")

    @property
    def sinks(self) -> tuple[str, ...]:
        """The words of the sinks that run."""
        return self._sinks.specs

    def add_sink(self, spec: str) -> None:
        """Give the frames to one more sink; raises `MienError` if it cannot be opened."""
        self._sinks.add(spec)
        self._sources.sinks = self._sinks.specs
        self._on_event(f"sink: {spec}")

    def remove_sink(self, spec: str) -> None:
        """Finish a sink."""
        self._sinks.remove(spec)
        self._sources.sinks = self._sinks.specs
        self._on_event(f"sink ended: {spec}")

    def set_badge(self, badge: BadgeSettings) -> None:
        """Change where the badge sits, and its plate. There is none that is no badge."""
        self._compositor.set_badge(badge)
        self._renew_standing_slate()

    def set_colour(self, strength: float) -> None:
        """Let the persona take on this much of the driver's light and skin, 0..1."""
        self._compositor.set_colour(strength)

    def set_background(self, kind: Background) -> None:
        """Keep, blur or replace what is behind the people. Raises `ModelError` if its model cannot be had."""
        self._compositor.set_background(open_background(kind))

    def set_slate_picture(self, picture: Path | None, *, language: str) -> None:
        """Show this picture as the slate; None for the built-in one. Raises `ConfigError` for what cannot be read."""
        info = self._pipeline.source_info
        self._compositor.set_slate_picture(Slate(info.width, info.height, picture, language=language))
        self._renew_standing_slate()

    def _renew_standing_slate(self) -> None:
        for runner in self._sinks:
            if isinstance(runner.sink, StandsBy):
                runner.sink.stand_by(self._standing_slate())

    def set_calibration(self, path: Path | None) -> None:
        """Set expressions against the user's own rest and reach; None for the usual ones."""
        self._tracking.calibrate(None if path is None else Calibration.load(path))

    def record_calibration(self, done: Callable[[CalibrationRecorder], None] | None) -> None:
        """Gather a calibration from what runs and hand it to `done`, on the tracking thread; None cancels."""
        self._tracking.record(None if done is None else CalibrationRecorder(), done)

    @property
    def calibration_step(self) -> Step | None:
        """What the user is to do for the calibration; None while there is none."""
        return self._tracking.step

    def start_recording(self, path: Path) -> None:
        """Record the marked frames to a new file."""
        self._recorder.start(path)

    def stop_recording(self) -> RecordingState:
        """Finish the recording and sign it."""
        return self._recorder.stop()

    @property
    def recording(self) -> RecordingState:
        """How the newest recording stands."""
        return self._recorder.state

    def snapshot(self, path: Path) -> None:
        """Keep the next marked frame as a signed PNG; raises `MienError` if that cannot be."""
        box = self._pipeline.listen()
        try:
            frame = box.take(_SNAPSHOT_S)
        finally:
            self._pipeline.leave(box)
        if frame is None:
            raise SourceError("there is no picture to keep.")
        self._recorder.snapshot(frame, path)
