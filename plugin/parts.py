"""The parts of a run, each opened and checked before the first thread starts; `mien.plugin.app` puts them together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import ExitStack
from typing import TYPE_CHECKING

from mien.engines.personas.pack import Persona
from mien.plugin.engine_switch import EngineSwitch
from mien.plugin.obs.errors import ObsError
from mien.plugin.obs.journal import Journal
from mien.plugin.painter import make_painter
from mien.realtime.background import BackgroundFilter
from mien.realtime.calibration import Calibration
from mien.realtime.compositor import Compositor
from mien.realtime.config import Background, BadgeSettings, LiveConfig
from mien.realtime.frame import Pixels
from mien.realtime.interrupts import held_back
from mien.realtime.mark import MarkedFrame, Marker
from mien.realtime.neutral import NeutralEstimator
from mien.realtime.occluder import OccluderModel
from mien.realtime.presence import Presence
from mien.realtime.segmenter import Segmenter, segmenter_path
from mien.realtime.sink.base import Sink
from mien.realtime.sink.runner import SinkRunner
from mien.realtime.slate import Slate
from mien.realtime.source.base import SourceInfo
from mien.realtime.tracker.finder import FaceFinder
from mien.realtime.tracker.mediapipe_tracker import MediaPipeTracker
from mien.realtime.tracker.model import landmarker_path
from mien.realtime.tracker.selection import FaceSelector
from mien.realtime.tracker.stage import TrackingStage
from mien.realtime.tracker.watch import BystanderWatch
from mien.realtime.watermark.session import MarkSession

if TYPE_CHECKING:
    from mien.plugin.obs.watch import ObsWatch


def open_compositor(
    config: LiveConfig,
    info: SourceInfo,
    switch: EngineSwitch,
    persona: Persona,
    *,
    session: MarkSession,
    now_ns: Callable[[], int],
    on_error: Callable[[str], None],
) -> tuple[Compositor, Marker]:
    """Open painter and engines, and what decides between them; closing the compositor closes both.

    Args:
        config: of the run.
        info: of its source.
        switch: opens the engines.
        persona: whom they show.
        session: of the watermark.
        now_ns: the run's clock.
        on_error: told of each frame that failed.

    Returns:
        The compositor, and the marker that it marks with.

    Raises:
        MienError: the slate, the background's model, the device or an engine cannot be had; nothing is left open.

    """
    # Before the engines, which only the compositor closes: a slate that cannot be read must not leave them open.
    marker = Marker(info.width, info.height, config.badge, session=session)
    slate = Slate(info.width, info.height, config.slate, language=config.badge.language)
    background = open_background(config.background)
    with ExitStack() as half:
        painter = make_painter(config.device, occluders=OccluderModel if config.occluders else None)
        half.callback(painter.close)
        # Each frame of a conversion deserves the best engine, so nothing stands in there.
        engines = switch.open(persona, wait=not info.live, frame_px=(info.width, info.height))
        half.pop_all()
    compositor = Compositor(
        engines,
        painter=painter,
        marker=marker,
        slate=slate,
        presence=Presence(config.loss),
        now_ns=now_ns,
        cover_bystanders=config.bystanders == "cover",
        colour=config.colour,
        background=background,
        on_error=on_error,
        retire=switch.retire,
    )
    return compositor, marker


def open_background(kind: Background) -> BackgroundFilter | None:
    """Open what changes the room behind the people, and fetch its model first if it is not there; None keeps it.

    Raises `ModelError` for a model that cannot be had.
    """
    if kind == "keep":
        return None
    with held_back():
        return BackgroundFilter(kind, Segmenter(segmenter_path()))


def open_tracking(config: LiveConfig) -> TrackingStage:
    """Open the tracker, and fetch its model first if it is not there."""
    model = landmarker_path()
    calibration = None if config.calibration is None else Calibration.load(config.calibration)
    with held_back():
        return TrackingStage(
            MediaPipeTracker(model),
            FaceSelector(config.faces),
            NeutralEstimator(None if calibration is None else calibration.neutral),
            calibration,
            BystanderWatch(FaceFinder(model)) if config.bystanders == "cover" else None,
        )


def make_virtual_camera(device: str | None, slate: MarkedFrame, *, died: Callable[[], bool]) -> Sink:
    """Make the sink of a virtual camera; opening it is the sink runner's.

    Args:
        device: its name; None for the first one.
        slate: of `standing_slate`.
        died: whether the live path ends by an error, so that the camera has to stay.

    """
    # Imported here: few runs have one.
    from mien.plugin.vcam.sink import VirtualCameraSink

    return VirtualCameraSink(device, slate=slate, died=died)


def standing_slate(slate: Pixels, badge: BadgeSettings, *, session: MarkSession, now_ns: int) -> MarkedFrame:
    """The slate that a virtual camera shows before the first frame and when the live path is gone.

    Args:
        slate: (H, W, 3) uint8 BGR, read-only.
        badge: how it is marked.
        session: of its watermark.
        now_ns: when it is marked.

    """
    # Marked by a marker of its own: the run's one would take its badge's look from this picture.
    marker = Marker(slate.shape[1], slate.shape[0], badge, session=session)
    return marker.mark_slate(slate, sequence=0, capture_ns=now_ns, media_ns=0, now_ns=now_ns)


def make_obs_watch(
    sinks: Iterable[SinkRunner],
    set_unseen: Callable[[Collection[str]], None],
    marker: Marker,
    on_event: Callable[[str], None],
) -> ObsWatch | None:
    """Where Mien is installed in OBS, make what sees whether the source that reads our stream is shown, and all of it.

    Returns:
        The watch, not started; None where there is nothing to watch.

    """
    try:
        journal = Journal.load()
    except ObsError as error:
        on_event(str(error))
        return None
    if journal is None:
        return None
    # Imported here: most runs have no OBS, and its client takes a third of a second.
    from mien.plugin.obs.watch import ObsWatch

    port = journal.port

    def read_there() -> list[SinkRunner]:
        names = [(runner, runner.name) for runner in sinks]
        return [runner for runner, name in names if name.startswith("nut:") and name.endswith(f":{port}")]

    return ObsWatch(
        journal,
        badge=lambda: marker.badge,
        is_read=lambda: all(runner.wanted for runner in read_there()),
        on_shown=lambda shown: set_unseen(() if shown else [runner.name for runner in read_there()]),
        on_corners=marker.keep_to,
        on_event=on_event,
    )
