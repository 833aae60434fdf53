"""A file becomes a file: the live stages in the same order, every frame, nothing dropped, the sound kept."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mien.plugin.app import Live
from mien.realtime.config import LiveConfig
from mien.realtime.errors import ConfigError, SourceError

#: How often a conversion tells its progress and looks whether it is to stop, seconds.
_PROGRESS_S = 0.1


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
        pipeline, runner = live._pipeline, next(iter(live._sinks))
    runner.check()
    # Counted once all threads have ended: after a stop, frames that were on their way are in the file too.
    frames, damage = pipeline.frames, pipeline.trouble
    if progress is not None:
        progress(frames["out"], frames["out"])
    seconds = time.perf_counter() - begin
    fps = frames["out"] / seconds if seconds > 0 else 0.0
    return ConvertReport(Path(output), frames, seconds, fps, audio, damage, live.unsigned)
