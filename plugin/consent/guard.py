"""While a persona is shown: does its consent still hold? If not, the slate comes, and stays until another is chosen."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from mien.engines.consent.errors import ConsentError
from mien.engines.consent.gate import Gate
from mien.engines.personas.pack import Persona
from mien.realtime.worker import Worker

_EVERY_S: Final = 1.0


class ConsentGuard:
    """Holds the slate: the user's, and the one of a consent that has ended, which the user cannot take back.

    A thread of its own looks at the disk once a second, beside the live path; there is none while nobody's consent is
    needed.

    Args:
        gate: that let the persona in.
        set_slate: shows the slate or takes it back; must not call back.
        on_end: told what ended a consent, on the guard's thread.
        every_s: how often it looks.

    """

    def __init__(
        self,
        gate: Gate,
        set_slate: Callable[[bool], None],
        on_end: Callable[[str], None],
        *,
        every_s: float = _EVERY_S,
    ) -> None:
        self._gate = gate
        self._set_slate = set_slate
        self._on_end = on_end
        self._every_s = every_s
        #: One lock for all: a persona that is chosen just now must not get the slate of the one before it.
        self._lock = threading.Lock()
        self._shown: Persona | None = None
        self._asked, self._void = False, False
        self._worker = Worker("consent", self._run)
        self._started = False

    def shown(self, persona: Persona) -> str:
        """From here on it is this one that is shown; returns one sentence if its consent ends soon. Any thread."""
        with self._lock:
            self._shown = persona if persona.consent is not None else None
            self._void = False
            self._set_slate(self._asked)
            if self._shown is not None and not self._started:
                self._started = True
                self._worker.start()
        return "" if persona.consent is None else persona.consent.warning(self._gate.now())

    def ask_slate(self, on: bool) -> None:
        """The user's slate. Any thread."""
        with self._lock:
            self._asked = on
            self._set_slate(self._asked or self._void)

    def close(self) -> None:
        """Look no more."""
        self._worker.stop()

    def _run(self, stop: threading.Event) -> None:
        while not stop.wait(self._every_s):
            if (error := self._look()) is not None:
                # With no lock held: whoever listens may choose another persona.
                self._on_end(f"slate: {error} To go on, choose another persona.")

    def _look(self) -> ConsentError | None:
        with self._lock:
            if self._shown is None or self._shown.consent is None:
                return None
            try:
                self._gate.recheck(self._shown.consent, self._shown.location)
            except Exception as error:  # noqa: BLE001 - whatever hinders the look, nobody is shown unlooked at
                self._shown, self._void = None, True
                self._set_slate(True)
                return error if isinstance(error, ConsentError) else ConsentError(f"No look at the consent: {error!r}.")
            return None
