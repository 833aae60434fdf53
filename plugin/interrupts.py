"""Ctrl-C and SIGTERM: at once while nothing is open, in order afterwards.

Nothing heavy is imported here: this module is there before anything else is loaded.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from mien.realtime.interrupts import handled, handled_by

#: Ctrl-C: 128 + SIGINT.
EXIT_INTERRUPTED = 130
#: SIGTERM: 128 + SIGTERM.
EXIT_TERMINATED = 143


def interruption(message: str) -> dict[str, object]:
    """The JSON document of a command that Ctrl-C ended before its own document was written."""
    return {"error": {"type": "Interrupted", "message": message, "hint": "", "exit_code": EXIT_INTERRUPTED}}


@contextmanager
def ending_at_once(*, json_wanted: bool) -> Iterator[None]:
    """Within the block Ctrl-C and SIGTERM end the process there and then, until `end_in_order` is called.

    For the time in which modules are loaded: nothing is open yet, and a library that is interrupted while it loads
    may turn the interrupt into an error of its own. The handlers before come back at the end. Main thread alone.

    Args:
        json_wanted: whether Ctrl-C has to leave a JSON document on stdout.

    """

    def leave(number: int, _frame: FrameType | None) -> None:
        # Written past Python's buffers: one of them may be in use at this very moment.
        os.write(2, b"stopped\n")
        if json_wanted and number == signal.SIGINT:
            os.write(1, (json.dumps(interruption("stopped"), indent=2) + "\n").encode())
        os._exit(128 + number)

    with handled_by(leave):
        yield


def end_in_order() -> None:
    """From now on Ctrl-C is `KeyboardInterrupt` and SIGTERM is `SystemExit`: files are finished, cameras released."""
    handlers = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: _terminate}
    for number in handled():
        signal.signal(number, handlers[number])


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(EXIT_TERMINATED)
