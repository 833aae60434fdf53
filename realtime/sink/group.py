"""The sinks of a run, which may come and go while it runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from mien.realtime.closing import closed_on_failure
from mien.realtime.errors import ConfigError
from mien.realtime.sink.runner import SinkRunner
from mien.realtime.worker import JOIN_TIMEOUT_S


class SinkGroup:
    """Runners by the words that named them. Iterating, on any thread, gives those that are there at that moment.

    Args:
        make: gives the runner of a sink's words, not started; raises `MienError` for what cannot be one.
        close_s: how long each may take to finish, seconds.

    """

    def __init__(self, make: Callable[[str], SinkRunner], *, close_s: float = JOIN_TIMEOUT_S) -> None:
        self._make = make
        self._close_s = close_s
        #: Changed as a whole: whoever iterates has the one before.
        self._runners: tuple[tuple[str, SinkRunner], ...] = ()
        self._lock = threading.Lock()
        self._closed = False

    def __iter__(self) -> Iterator[SinkRunner]:
        return iter([runner for _, runner in self._runners])

    @property
    def specs(self) -> tuple[str, ...]:
        """The words of those that are there and not dead."""
        return tuple(spec for spec, runner in self._runners if runner.stats.state != "dead")

    def find(self, spec: str) -> SinkRunner | None:
        """The runner of these words."""
        return next((runner for known, runner in self._runners if known == spec), None)

    def add(self, spec: str, make: Callable[[], SinkRunner] | None = None) -> SinkRunner:
        """Open one more; a dead one of the same words gives way.

        Args:
            spec: its words.
            make: gives its runner; None for the group's own way.

        Raises `MienError`, and changes nothing, if it cannot be opened or is there already.

        """
        with self._lock:
            if self._closed:
                raise ConfigError("the run has ended.")
            if spec in self.specs:
                raise ConfigError(f"the sink '{spec}' is there already.")
            runner = self._make(spec) if make is None else make()
            # A start that was interrupted may have left a thread that opens the sink.
            with closed_on_failure(runner):
                runner.start()
            dead = self.find(spec)
            self._runners = (*(pair for pair in self._runners if pair[0] != spec), (spec, runner))
        if dead is not None:
            dead.close(self._close_s)
        return runner

    def remove(self, spec: str) -> None:
        """Finish one and let it go; nothing if it is not there."""
        with self._lock:
            runner = self.find(spec)
            self._runners = tuple(pair for pair in self._runners if pair[0] != spec)
        if runner is not None:
            runner.close(self._close_s)

    def close(self) -> None:
        """Finish all, the newest first; idempotent. They stay to be asked what became of them."""
        with self._lock:
            self._closed = True
        for _, runner in reversed(self._runners):
            runner.close(self._close_s)
