"""Prepares what a faster runtime needs while another serves, and says when it is there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

from mien.engines.personas.pack import Persona
from mien.engines.preparations import persona_preparations
from mien.engines.runtimes.base import Preparation
from mien.realtime.worker import Worker

#: A process that compiles is killed within this time, seconds.
_CLOSE_S = 10.0


class Preparer:
    """One persona's preparations at a time, on a thread of their own.

    Args:
        prepared: called on that thread when something was prepared for a persona.
        tell: told one sentence of each beginning and each failure.

    """

    def __init__(self, prepared: Callable[[Persona], None], tell: Callable[[str], None]) -> None:
        self._prepared = prepared
        self._tell = tell
        self._lock = threading.Lock()
        self._worker: Worker | None = None
        self._closed = False

    def begin(self, persona: Persona) -> None:
        """Prepare for this persona; what was being prepared for another ends."""
        self.end()
        with self._lock:
            if not self._closed:
                self._worker = Worker("preparer", partial(self._run, persona))
                self._worker.start()

    def end(self) -> None:
        """End what is being prepared; does not wait for it."""
        with self._lock:
            if self._worker is not None:
                self._worker.stop_event.set()

    def close(self) -> None:
        """End it; waits for a process that compiles to be gone."""
        with self._lock:
            self._closed = True
            worker = self._worker
        if worker is not None:
            worker.stop(_CLOSE_S)

    def _run(self, persona: Persona, stop: threading.Event) -> None:
        try:
            jobs = persona_preparations(persona)
        except Exception as error:  # noqa: BLE001 - the engine that runs goes on without it
            self._tell(f"nothing can be prepared for {persona.name}: {error}")
            return
        if any([self._done(job, stop) for job in jobs]) and not stop.is_set():
            self._prepared(persona)

    def _done(self, job: Preparation, stop: threading.Event) -> bool:
        if stop.is_set():
            return False
        self._tell(f"{job.title}; another runtime serves meanwhile")
        quarters = 0

        def told(_phase: str, share: float) -> None:
            nonlocal quarters
            if 4 * share >= quarters + 1 and share < 1:
                quarters = int(4 * share)
                self._tell(f"{job.title}: {25 * quarters} %")

        try:
            return job.run(told, stop)
        except Exception as error:  # noqa: BLE001 - as above
            self._tell(f"it stays so: {error}")
            return False
