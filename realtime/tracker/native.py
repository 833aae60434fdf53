"""What MediaPipe's native library needs around it: its chatter caught at the start, its end before the threads'."""

from __future__ import annotations

import importlib
import os
import re
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from mien.realtime.errors import MissingExtraError

# The log lines of a healthy start: information and warnings of the graph, the delegate, the log itself.
_NOISE = re.compile(rb"^(W\d{4} |I\d{4} |INFO: |WARNING: Logging before InitGoogle|WARNING: All log messages before)")


def mediapipe_tasks() -> Any:  # noqa: ANN401 - the library has no types
    """Give the module `mediapipe.tasks.python`, with `vision` in it; raises `MissingExtraError` without it."""
    try:
        importlib.import_module("mediapipe.tasks.python.vision")
        return importlib.import_module("mediapipe.tasks.python")
    except ImportError as error:
        raise MissingExtraError(
            f"mediapipe cannot be loaded ({error}).",
            hint="Install it with `pip install mediapipe`; on Linux it also needs libEGL and libGLESv2.",
        ) from error


def before_threads_end(close: Callable[[], object]) -> None:
    """Have `close` called at the interpreter's end, while MediaPipe's own thread still takes work.

    Its executor is shut down before `atexit` functions run, and closing after that prints a traceback. Only the hook
    that `concurrent.futures` itself uses comes earlier; the last registered is called first.
    """
    threading._register_atexit(close)  # type: ignore[attr-defined]


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Keep MediaPipe's start-up chatter off the console; every other line is written on after.

    Its C++ log ignores GLOG_minloglevel and its like before an initialisation that the Python API never does, so
    the descriptor itself is redirected for the moment of the start.
    """
    try:
        sys.stderr.flush()
        saved = os.dup(2)
    except (OSError, AttributeError):  # a windowed program has no stderr
        yield
        return
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            caught.seek(0)
            for line in caught:
                if not _NOISE.match(line):
                    os.write(2, line)
