"""The engines that are ready to be worn: those on air, and those that were worn or made ready lately.

Making them takes from a tenth of a second (a portrait) to seconds (a trained network), wearing them again nothing.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mien.engines.personas.pack import Mode, Persona
from mien.engines.registry import INSTANT, chosen_kind
from mien.realtime.compositor import close_engines
from mien.realtime.engine import Engine
from mien.realtime.worker import JOIN_TIMEOUT_S, Worker

Engines = tuple[Engine, ...]
#: What engines are made by, beside the persona: kind, mode, and why this kind where it was not the user's word.
Words = tuple[str, Mode, str | None]

#: What all of them together may take, MB, about. What is on air is kept whatever it takes.
ROOM_MB: Final = 400.0
#: A portrait with all that is prepared of it, MB: 5 to 10 in swap mode, 15 to 30 in portrait mode at 720p.
_PORTRAIT_MB: Final = 20.0
#: A network that is loaded, over its files: 240 MB for the first of 16 MB, 100 for the next; 50 for one of 10 MB.
_NETWORK_FACTOR: Final = 10.0


def weight_mb(persona: Persona, words: Words) -> float:
    """About what the engines of a persona take, MB."""
    kind, mode, _ = words
    networks, model = persona.networks, persona.model
    if chosen_kind(persona, kind, mode) == INSTANT:
        return _PORTRAIT_MB
    files = 0 if networks is None else len(networks.encoder) + sum(map(len, networks.decoders.values()))
    files += 0 if model is None else len(model.data)
    return _PORTRAIT_MB + _NETWORK_FACTOR * files / 1e6


@dataclass(eq=False)
class _Kept:
    persona: Persona
    words: Words
    engines: Engines
    weight_mb: float
    #: How often they were taken and not yet retired: who is worn, leaves and comes back between two frames has two.
    lent: int = 1
    dropped: bool = False


class Wardrobe:
    """Keeps engines until they are too many; the ones that were worn longest ago go first. Any thread.

    Args:
        room_mb: about what all may take.

    """

    def __init__(self, room_mb: float = ROOM_MB) -> None:
        self._room_mb = room_mb
        self._lock = threading.Lock()
        #: Those worn last are last.
        self._kept: list[_Kept] = []
        self._closers: list[Worker] = []
        self._closed = False

    def take(self, persona: Persona, words: Words) -> Engines | None:
        """The engines of this very persona, made by these words, to be worn; None if there are none. Retire them."""
        with self._lock:
            kept = self._find(persona, words)
            return None if kept is None else self._lend(kept)

    def put(self, persona: Persona, words: Words, engines: Engines) -> Engines:
        """Keep engines that were made just now; returns those to be worn, to be retired as those of `take`.

        What was loaded from the same place before, of a pack that has changed since, is dropped.
        """
        with self._lock:
            kept = self._find(persona, words)
            if kept is not None:
                # Another thread was faster.
                self._close_later([engines])
                return self._lend(kept)
            for old in self._kept:
                old.dropped |= old.persona.location == persona.location and old.persona is not persona
            self._kept.append(_Kept(persona, words, engines, weight_mb(persona, words)))
            self._tidy()
            return engines

    def retire(self, engines: Engines) -> None:
        """They are worn no longer. On the compositor's thread too: nothing is closed on it."""
        with self._lock:
            next(kept for kept in self._kept if kept.engines is engines).lent -= 1
            self._tidy()

    def persona_at(self, location: Path) -> Persona | None:
        """Whom engines are kept of that was loaded from here."""
        with self._lock:
            found = (kept.persona for kept in reversed(self._kept) if not kept.dropped)
            return next((persona for persona in found if persona.location == location), None)

    def drop(self, name: str) -> None:
        """Keep nothing of whom this names, by name or location: who is on air stays so until the next change."""
        with self._lock:
            for kept in self._kept:
                kept.dropped |= name in (kept.persona.name, str(kept.persona.location))
            self._tidy()

    def close(self, timeout_s: float = JOIN_TIMEOUT_S) -> None:
        """Close all, those that are worn as soon as they are retired."""
        with self._lock:
            self._closed = True
            self._tidy()
            closers = list(self._closers)
        for closer in closers:
            closer.join(timeout_s)

    def _find(self, persona: Persona, words: Words) -> _Kept | None:
        same = (kept for kept in self._kept if kept.persona is persona and kept.words == words)
        return next((kept for kept in same if not kept.dropped), None)

    def _lend(self, kept: _Kept) -> Engines:
        kept.lent += 1
        self._kept.remove(kept)
        self._kept.append(kept)
        return kept.engines

    def _tidy(self) -> None:
        """Let go of what may not be kept, and of the oldest until the rest has room. With the lock held."""
        room_mb = 0.0 if self._closed else self._room_mb
        taken_mb = sum(kept.weight_mb for kept in self._kept)
        gone = []
        for kept in self._kept:
            if not kept.lent and (kept.dropped or taken_mb > room_mb):
                taken_mb -= kept.weight_mb
                gone.append(kept)
        if gone:
            self._kept = [kept for kept in self._kept if kept not in gone]
            self._close_later([kept.engines for kept in gone])

    def _close_later(self, ladders: list[Engines]) -> None:
        def close(_: threading.Event) -> None:
            for engines in ladders:
                close_engines(engines)

        if self._closed:
            close(threading.Event())
            return
        # A network takes a frame's time to be freed, which is not the compositor's to wait.
        self._closers = [closer for closer in self._closers if closer.alive]
        closer = Worker("closer", close)
        self._closers.append(closer)
        closer.start()
