"""From the pictures of one file to its signals, or to the reason why there are none."""

from __future__ import annotations

from mien.engines.verify.looks import Look
from mien.engines.verify.signals.sight import LEAST_SIGHTS, Sights, Watcher
from mien.engines.verify.signals.table import Signals, measure, shown_signals, summarise, unmeasured
from mien.realtime.errors import EngineError, MissingExtraError, ModelError


class Observer:
    """Measures the signals of a file's pictures; what stops it is told by `finish`, and stops nothing else.

    Args:
        reason: why nothing is to be measured; empty to measure.

    """

    def __init__(self, reason: str = "") -> None:
        self._reason = reason
        self._runs: list[dict[str, float]] = []
        self._signals = shown_signals()
        self._watcher: Watcher | None = None
        if not reason:
            try:
                self._watcher = Watcher(self._measure)
            except (ModelError, MissingExtraError) as error:
                self._reason = str(error)

    def add(self, look: Look) -> None:
        """Look at one picture, if it is its turn."""
        if self._watcher is None or self._reason:
            return
        try:
            self._watcher.add(look)
        except EngineError as error:
            self._reason = str(error)

    def finish(self) -> Signals:
        """What all pictures say together."""
        if self._watcher is None or self._reason:
            return unmeasured(self._reason)
        self._watcher.finish()
        if not self._runs:
            return unmeasured(
                f"no face was followed for a second (a face was seen in {self._watcher.seen} of the "
                f"{self._watcher.tracked} pictures that were looked at for one)"
            )
        return summarise(self._runs, self._watcher.seen)

    def close(self) -> None:
        """Free the tracker; idempotent."""
        if self._watcher is not None:
            self._watcher.close()

    def _measure(self, sights: Sights) -> None:
        if len(sights) >= LEAST_SIGHTS:
            self._runs.append(measure(sights, self._signals))
