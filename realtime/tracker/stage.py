"""The tracking thread's work on one frame: find the faces, choose among them, and set each against its rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mien.realtime.face import Face
from mien.realtime.frame import Frame
from mien.realtime.neutral import NeutralEstimator
from mien.realtime.tracker.base import Selection, Tracker
from mien.realtime.tracker.detection import Box
from mien.realtime.tracker.selection import FaceSelector

if TYPE_CHECKING:
    from mien.realtime.calibration import Calibration
    from mien.realtime.calibration_recorder import CalibrationRecorder, Step
    from mien.realtime.tracker.watch import BystanderWatch

#: A source that starts again at zero (a camera that came back) goes on this long after its last frame, ns.
_RESTART_STEP_NS = 33_000_000


class TrackingStage:
    """Called by the pipeline on its tracking thread, once for each frame; owns its tracker.

    Args:
        tracker: finds the faces.
        selector: chooses who is swapped.
        neutral: learns each swapped face at rest.
        calibration: the user's own rest, range and dead zone, or None.
        watch: finds small faces in the background, to be covered; None where bystanders are shown. Owned.

    """

    def __init__(
        self,
        tracker: Tracker,
        selector: FaceSelector,
        neutral: NeutralEstimator,
        calibration: Calibration | None = None,
        watch: BystanderWatch | None = None,
    ) -> None:
        self._tracker = tracker
        self._selector = selector
        self._neutral = neutral
        self._calibration = calibration
        self._watch = watch
        self._unlooked: tuple[Frame, tuple[Box, ...]] | None = None
        self._recorder: CalibrationRecorder | None = None
        self._on_recorded: Callable[[CalibrationRecorder], None] | None = None
        self._step: tuple[CalibrationRecorder, Step] | None = None
        self._known: frozenset[int] = frozenset()
        self._shift_ns = 0
        self._last_ns = -1

    def __call__(self, frame: Frame) -> Selection:
        """Say who is who in `frame`; the swapped faces carry their neutral and calibrated blendshapes.

        Raises whatever the tracker raises (`EngineError`); the frame must then be treated as unread.
        """
        media_ns = self._media_ns(frame)
        frame = replace(frame, media_ns=media_ns)
        faces = self._tracker(frame)
        self._record(faces, media_ns)
        chosen = self._selector(faces, media_ns, (frame.width, frame.height))
        self._forget_strangers(chosen.swapped)
        bystanders = chosen.bystanders
        if self._watch is not None:
            # One who was swapped and is missed is not somebody else: the short hold beside others is not for him.
            self._unlooked = frame, (*(face.box for face in faces), *self._selector.missing)
            bystanders += self._watch.known(media_ns, self._unlooked[1])
        return Selection(tuple(self._ready(face, media_ns) for face in chosen.swapped), bystanders, chosen.lost)

    def look(self) -> None:
        """Look for small faces in the frame of the last call, once that was handed on: two milliseconds less to wait.

        Raises whatever the watch raises (`EngineError`); what is covered so far stays covered.
        """
        unlooked, self._unlooked = self._unlooked, None
        if self._watch is not None and unlooked is not None:
            self._watch.look(*unlooked)

    def record(
        self, recorder: CalibrationRecorder | None, on_recorded: Callable[[CalibrationRecorder], None] | None = None
    ) -> None:
        """Let a calibration see the faces of the frames that come, or None: no longer. Any thread.

        Args:
            recorder: new.
            on_recorded: told, on the tracking thread, when it has seen all.

        """
        self._on_recorded, self._recorder = on_recorded, recorder

    @property
    def step(self) -> Step | None:
        """What the user is to do for the calibration that is recorded, or was; None for none. Any thread."""
        # A step of the recorder before may still be on its way when another takes its place.
        step = self._step
        return step[1] if step is not None and step[0] is self._recorder else None

    def calibrate(self, calibration: Calibration | None) -> None:
        """Straighten faces by another calibration from the next frame on; None for none. Any thread."""
        self._calibration = calibration
        self._neutral = NeutralEstimator(None if calibration is None else calibration.neutral)

    def relock(self) -> None:
        """Choose the face to swap anew on the next frame; any thread."""
        self._selector.relock()

    def close(self) -> None:
        """Close the tracker and the watch; idempotent."""
        self._tracker.close()
        if self._watch is not None:
            self._watch.close()

    def _record(self, faces: Sequence[Face], media_ns: int) -> None:
        recorder, done, before = self._recorder, self._on_recorded, self.step
        if recorder is None or (before is not None and before.done):
            return
        step = recorder.add(faces[0] if len(faces) == 1 else None, media_ns)
        self._step = recorder, step
        if step.done and done is not None:
            done(recorder)

    def _media_ns(self, frame: Frame) -> int:
        """Keep time strictly increasing when a source was opened again and counts from zero."""
        if frame.media_ns + self._shift_ns <= self._last_ns:
            self._shift_ns = self._last_ns + _RESTART_STEP_NS - frame.media_ns
        self._last_ns = frame.media_ns + self._shift_ns
        return self._last_ns

    def _ready(self, face: Face, media_ns: int) -> Face:
        # Neutral first: it is learnt from what the tracker measured, not from what a calibration made of it.
        face = self._neutral.update(face, media_ns)
        return face if self._calibration is None else self._calibration.apply(face)

    def _forget_strangers(self, swapped: tuple[Face, ...]) -> None:
        """Drop the rest of faces that are swapped no longer, once others are; one who looks away keeps his."""
        present = frozenset(face.track_id for face in swapped)
        if not present:
            return
        for track_id in self._known - present:
            self._neutral.forget(track_id)
        self._known = present
