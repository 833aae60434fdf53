"""What the page may ask of a running live path; `mien.plugin.app.Live` is one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, Protocol

from mien.plugin.recorder import RecordingState
from mien.realtime.calibration_recorder import CalibrationRecorder, Step
from mien.realtime.config import Background, BadgeSettings
from mien.realtime.frame import Pixels

#: How often the page says that a button is still held, seconds.
PULSE_S = 0.2


class LiveChanges(Protocol):
    """See `mien.plugin.changes.Changes`. Each may take as long as loading does; one call at a time, on any thread."""

    @property
    def sinks(self) -> tuple[str, ...]:
        """The words of the sinks that run."""

    @property
    def recording(self) -> RecordingState:
        """How the newest recording stands; at once."""

    @property
    def calibration_step(self) -> Step | None:
        """What the user is to do for the calibration; at once."""

    def set_engine(self, kind: str, mode: Literal["swap", "portrait"]) -> None:
        """Show the persona by another engine or in another mode."""

    def set_source(self, spec: str) -> None:
        """Read from another source."""

    def add_sink(self, spec: str) -> None:
        """Give the frames to one more sink."""

    def remove_sink(self, spec: str) -> None:
        """Finish a sink."""

    def set_badge(self, badge: BadgeSettings) -> None:
        """Change where the badge sits, and its plate."""

    def set_colour(self, strength: float) -> None:
        """Take on this much of the driver's light and skin."""

    def set_background(self, kind: Background) -> None:
        """Keep, blur or replace what is behind the people."""

    def set_slate_picture(self, picture: Path | None, *, language: str) -> None:
        """Show another slate."""

    def set_calibration(self, path: Path | None) -> None:
        """Set expressions against another rest and reach."""

    def record_calibration(self, done: Callable[[CalibrationRecorder], None] | None) -> None:
        """Gather a calibration, or cancel."""

    def start_recording(self, path: Path) -> None:
        """Record to a new file."""

    def stop_recording(self) -> RecordingState:
        """Finish the recording and sign it."""

    def snapshot(self, path: Path) -> None:
        """Keep a marked frame."""


class LiveControls(Protocol):
    """The live path as the page sees it.

    All but `set_persona` and `changes` return at once; those are called on another thread than the server's, one call
    at a time. What they raise is a `MienError`, and nothing has changed then.
    """

    @property
    def changes(self) -> LiveChanges:
        """What else may be changed."""

    def stats(self) -> dict[str, Any]:
        """Numbers for the page, once a second for each page that is open; plain data."""

    def before(self) -> Pixels | None:
        """The newest unprocessed picture, for the held "before" of the page alone; None when there is none."""

    def set_slate(self, on: bool) -> None:
        """Show the slate until it is taken back."""

    def set_hold(self, on: bool) -> None:
        """Freeze the last persona frame until it is taken back."""

    def show_me(self, held: bool) -> None:
        """Show the camera, under its plate.

        Called with True every `PULSE_S` or so while the button is down (after it was held for a second), and with
        False the moment it is released, or its page is gone. Should True stop coming, the camera must go by itself.
        """

    def relock(self) -> None:
        """Swap whoever is most prominent in the picture now, from the next frame on."""

    def set_edit(self, changes: str) -> None:
        """Change the persona's expression."""

    def set_morph(self, morph: float | None) -> None:
        """Show an imported model nearer to the driver or to the persona."""

    def set_persona(self, name: str) -> None:
        """Load, check and change to a persona."""

    def prepare_persona(self, name: str) -> None:
        """Have a persona ready that may be chosen next."""
