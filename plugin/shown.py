"""What a stretch of a run showed, for the content credentials of a file that holds it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from mien.engines.credentials.manifest import Description
from mien.plugin.engine_switch import EngineSwitch
from mien.realtime.mark import MarkedFrame
from mien.realtime.watermark.payload import MarkKind
from mien.realtime.watermark.session import MarkSession


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a run stood: its counts of frames, and how many personas were chosen before the one that is shown."""

    frames: Mapping[str, int] = field(default_factory=dict)
    personas: int = 0


class Shown:
    """Describes files of one run.

    Args:
        switch: knows who was shown.
        session: of the watermarks.
        frames: gives the run's counts of frames so far.

    """

    def __init__(self, switch: EngineSwitch, session: MarkSession, frames: Callable[[], Mapping[str, int]]) -> None:
        self._switch = switch
        self._session = session
        self._frames = frames

    def now(self) -> Moment:
        """The present moment, as the beginning of a stretch."""
        return Moment(dict(self._frames()), max(len(self._switch.shown) - 1, 0))

    def since(self, begin: Moment) -> Description:
        """Everything from `begin` until now; of an empty `Moment`, the whole run."""
        frames = {name: count - begin.frames.get(name, 0) for name, count in self._frames().items()}
        camera, slate = frames["camera"] > 0, frames["slate"] > 0
        if frames["out"] == frames["camera"] + frames["slate"]:
            # Nobody was worn, whoever was chosen.
            return Description(
                watermark=self._payload("slate") if slate else None,
                source_type="composite" if camera else "algorithmicMedia",
            )
        wholly = self._switch.generated and not camera
        return Description(
            personas=tuple(dict.fromkeys(self._switch.shown[begin.personas :])),
            watermark=self._payload("persona"),
            source_type="trainedAlgorithmicMedia" if wholly else "compositeWithTrainedAlgorithmicMedia",
        )

    def of(self, frame: MarkedFrame) -> Description:
        """One picture."""
        counts = {"out": 1, "camera": int(frame.kind == "camera"), "slate": int(frame.kind == "slate")}
        return Shown(self._switch, self._session, lambda: counts).since(Moment(personas=self.now().personas))

    def _payload(self, kind: MarkKind) -> str:
        return f"{self._session.payload(kind).to_int():016x}"
