"""What the page records and keeps: marked frames in files that are signed as soon as they are whole."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, PngImagePlugin

from mien.plugin.shown import Moment, Shown
from mien.plugin.signing import Signing
from mien.realtime.errors import ConfigError, SinkError
from mien.realtime.mark import MarkedFrame
from mien.realtime.sink.file import COMMENT, FileSink
from mien.realtime.sink.group import SinkGroup
from mien.realtime.sink.runner import SinkRunner


@dataclass(frozen=True, slots=True)
class RecordingState:
    """How the newest recording stands.

    Attributes:
        on: whether it goes on.
        file: its name, without the folder; "" before the first.
        seconds: how long it has gone on, or went on.
        problem: what ended it, or why it is not signed.

    """

    on: bool = False
    file: str = ""
    seconds: float = 0.0
    problem: str = ""


class Recorder:
    """One recording at a time, and single pictures; any thread, all methods may take seconds but `state`.

    Args:
        sinks: of the run.
        make: gives the runner of a sink that writes a file.
        signing: signs what is whole; of its own, for what the run itself writes is signed at its end.
        shown: describes what is signed.
        on_event: told why something was not signed.

    """

    def __init__(
        self,
        sinks: SinkGroup,
        make: Callable[[FileSink], SinkRunner],
        *,
        signing: Signing,
        shown: Shown,
        on_event: Callable[[str], None],
    ) -> None:
        self._sinks = sinks
        self._make = make
        self._signing = signing
        self._shown = shown
        self._on_event = on_event
        self._begin = Moment()
        self._lock = threading.Lock()
        self._path: Path | None = None
        self._begin_s = 0.0
        self._ended = RecordingState()

    @property
    def state(self) -> RecordingState:
        """How the newest recording stands; at once."""
        path = self._path
        if path is None:
            return self._ended
        runner = self._sinks.find(_spec(path))
        dead = runner is not None and runner.stats.state == "dead"
        problem = runner.stats.last_error if runner is not None and dead else ""
        return RecordingState(not dead, path.name, round(time.monotonic() - self._begin_s, 1), problem)

    def start(self, path: Path) -> None:
        """Record to `path` from the next frame on; raises `SinkError` where that cannot be."""
        with self._lock:
            if self.state.on:
                raise ConfigError(f"{self.state.file} is being recorded.", hint="End it first.")
            self._finish()
            _make_folder(path)
            sink = FileSink(path, finished=self._signing.add)
            begin = self._shown.now()
            self._sinks.add(_spec(path), lambda: self._make(sink))
            self._path, self._begin, self._begin_s = path, begin, time.monotonic()

    def stop(self) -> RecordingState:
        """Finish the recording and sign it; nothing if there is none."""
        with self._lock:
            self._finish()
            return self._ended

    def snapshot(self, frame: MarkedFrame, path: Path) -> None:
        """Keep one marked frame as a PNG and sign it; raises `SinkError` where it cannot be kept."""
        said = PngImagePlugin.PngInfo()
        said.add_text("Comment", COMMENT)
        _make_folder(path)
        try:
            with path.open("xb") as file:
                try:
                    Image.fromarray(np.ascontiguousarray(frame.pixels[..., ::-1])).save(file, "PNG", pnginfo=said)
                except BaseException:
                    # Half a picture, unsigned, is no picture.
                    path.unlink(missing_ok=True)
                    raise
        except OSError as error:
            raise SinkError(f"{path.name} cannot be kept: {error.strerror or error}.") from error
        with self._lock:
            if note := self._signing.sign(path, self._shown.of(frame)):
                self._on_event(note)

    def close(self) -> None:
        """Sign what the end of the run has finished."""
        self.stop()

    def _finish(self) -> None:
        path, state = self._path, self.state
        if path is None:
            return
        self._sinks.remove(_spec(path))
        notes = self._signing.sign_all(lambda: self._shown.since(self._begin))
        for note in notes:
            self._on_event(note)
        self._ended = RecordingState(False, path.name, state.seconds, " ".join(filter(None, [state.problem, *notes])))
        self._path = None


def _spec(path: Path) -> str:
    return f"file:{path}"


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SinkError(
            f"the folder {path.parent} cannot be made: {error.strerror}.", hint="Name another: recordings in mien.toml."
        ) from error
