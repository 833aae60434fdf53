"""Who is shown, by which engines and with which edit: what a run begins with, and its changes while it runs.

A trained network takes up to a second to load. A live run does not wait for it: the persona's portrait is worn until
the network is ready, and the change comes between two frames. So it is with what takes minutes: a network that TensorRT
compiles is played by another runtime until it is ready.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from mien.engines.credentials.manifest import ShownPersona, shown_persona
from mien.engines.personas.library import find
from mien.engines.personas.pack import Mode, Persona
from mien.engines.registry import AUTO, INSTANT, chosen_kind, make_ladder
from mien.engines.swapnet.edit import parse_edit
from mien.plugin.preparer import Preparer
from mien.realtime.compositor import Compositor
from mien.realtime.config import LiveConfig
from mien.realtime.engine import Engine, EngineSpec
from mien.realtime.errors import EngineError
from mien.realtime.worker import Worker

#: A network that is still loading when the run ends is waited for, seconds: native code cannot be interrupted.
_LOADER_CLOSE_S = 30.0


class EngineSwitch:
    """Makes the engines of a run; `open`, then `start`, then changes from any thread, then `close`.

    Args:
        config: of the run.
        on_event: told one sentence of each change.
        on_persona: told whom it shows after each change; gives a sentence to tell, or nothing.

    """

    def __init__(
        self,
        config: LiveConfig,
        on_event: Callable[[str], None],
        *,
        on_persona: Callable[[Persona], str] = lambda _persona: "",
    ) -> None:
        self._config = config
        self._on_event = on_event
        self._on_persona = on_persona
        #: One change of persona at a time, however long it loads.
        self._choosing = threading.Lock()
        #: Held for moments: a slider of the page must not wait for a network.
        self._lock = threading.Lock()
        self._closed = False
        self._compositor: Compositor | None = None
        self._awaited: Persona | None = None
        self._first: Persona | None = None
        #: Set once the engines that were asked for run from the next frame on, or it is known that they cannot.
        self.ready = threading.Event()
        self._loader = Worker("loader", self._load, on_end=self.ready.set)
        self._preparer = Preparer(self._show_prepared, self._tell)
        #: Whether the run is live: a conversion waits for nothing that may come later.
        self._live = False
        self._kind: str = config.engine
        self._mode: Mode = config.mode
        self._edit = parse_edit(config.edit)
        #: Of the best engine that is shown, or is about to be.
        self._spec: EngineSpec | None = None
        #: Name of the persona that is shown.
        self.persona = config.persona
        self._location = config.persona
        #: The edit as the user wrote it.
        self.edit = config.edit
        #: Whom the run has shown, in order; one who comes back comes twice.
        self.shown: list[ShownPersona] = []
        #: Whether every engine that could be shown generates the whole frame.
        self.generated = True
        #: Milliseconds that the last change of persona took, from the call to the ready engines; 0 before any.
        self.switch_ms = 0.0

    def open(self, persona: Persona, *, wait: bool) -> tuple[Engine, ...]:
        """Give the engines that the run begins with, best first.

        Args:
            persona: whom it shows first.
            wait: load what is asked for before the first frame, and let nothing stand in for it.

        Raises:
            MienError: the engine cannot be used, or cannot edit and has to.

        """
        config = self._config
        self._live = not wait
        self._first = persona
        self.persona, self._location = persona.name, str(persona.location)
        self.shown.append(shown_persona(persona))
        # On a GPU nothing stands in: the portrait would run on the processor, which nobody asked for.
        wait = wait or config.device == "cuda"
        if wait or config.engine != AUTO or chosen_kind(persona, config.engine, config.mode) == INSTANT:
            engines = self._ladder(persona)
            self._spec = engines[0].spec
            if self._edit:
                _check_edits(self._spec)
            self.ready.set()
            return engines
        self._awaited = persona
        return self._portrait(persona, "it stands in while the trained network loads")

    def start(self, compositor: Compositor) -> None:
        """Change the engines of this compositor from here on, and begin to load what `open` did not wait for."""
        self._compositor = compositor
        if self._awaited is not None:
            self._loader.start()
        elif self._first is not None:
            self._prepare(self._first)

    def close(self) -> None:
        """Change nothing any more; waits for a network that is being loaded."""
        with self._lock:
            self._closed = True
        self._loader.stop(_LOADER_CLOSE_S)
        self._preparer.close()

    def set_persona(self, name: str) -> None:
        """See `Live.set_persona`."""
        with self._choosing:
            begin = time.perf_counter()
            persona = find(name)
            engines = self._ladder(persona)
            with self._lock:
                rests = self._change(engines, same_persona=False)
                # From here on nobody waits for the first persona's network.
                self._awaited = None
                self.persona, self._location = persona.name, str(persona.location)
                self.shown.append(shown_persona(persona))
                self.switch_ms = (time.perf_counter() - begin) * 1e3
            warning = self._on_persona(persona)
        self._tell(f"persona: {persona.name}", rests, warning)
        self._prepare(persona)

    def set_engine(self, kind: str, mode: Mode) -> None:
        """See `Live.set_engine`."""
        with self._choosing:
            before = self._kind, self._mode
            self._kind, self._mode = kind, mode
            try:
                persona = find(self._location)
                engines = self._ladder(persona)
                with self._lock:
                    rests = self._change(engines, same_persona=True)
                    self._awaited = None
            except BaseException:
                self._kind, self._mode = before
                raise
        self._tell(f"engine: {engines[0].spec.name} ({engines[0].spec.reason})", rests)
        self._prepare(persona)

    def set_edit(self, changes: str) -> None:
        """See `Live.set_edit`."""
        edit = parse_edit(changes)
        with self._lock:
            # While the network loads its edit can be chosen: it is there from the network's first picture on.
            if edit and self._awaited is None and self._spec is not None:
                _check_edits(self._spec)
            self._edit, self.edit = edit, changes

    def _load(self, stop: threading.Event) -> None:
        persona = self._awaited
        if persona is None:
            return
        try:
            engines = self._ladder(persona)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the network, the portrait goes on
            engines = self._portrait(persona, f"its trained network cannot run here: {error}")
        with self._lock:
            wanted = self._awaited is persona and not self._closed
            rests = self._change(engines, same_persona=True) if wanted else ""
            if wanted:
                self._awaited = None
        if wanted:
            self._tell(f"engine: {engines[0].spec.name} ({engines[0].spec.reason})", rests)
            self._prepare(persona)
        else:
            _close(engines)

    def _prepare(self, persona: Persona) -> None:
        # A device that was asked for has its runtime: what is compiled for another would not be used.
        compiles = (
            self._live and self._config.device == AUTO and chosen_kind(persona, self._kind, self._mode) != INSTANT
        )
        if compiles:
            self._preparer.begin(persona)
        else:
            self._preparer.end()

    def _show_prepared(self, persona: Persona) -> None:
        """Load the engines of whom is shown once more, and show them by what is there now."""
        asked = self._kind, self._mode
        try:
            engines = self._ladder(persona)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, the engine that runs goes on
            self._tell(f"what was prepared for {persona.name} cannot be used: {error}")
            return
        with self._lock:
            # Another engine may have been asked for meanwhile.
            wanted = self.persona == persona.name and asked == (self._kind, self._mode) and not self._closed
            rests = self._change(engines, same_persona=True) if wanted else ""
        if wanted:
            self._tell(f"engine: {engines[0].spec.name} ({engines[0].spec.reason})", rests)
        else:
            _close(engines)

    def _change(self, engines: tuple[Engine, ...], *, same_persona: bool) -> str:
        """Show these from the next frame on; returns what is to be told of the edit. With the lock held."""
        if self._compositor is None or self._closed:
            _close(engines)
            raise EngineError("the run has ended, or has not begun.")
        self._compositor.set_engines(engines, same_persona=same_persona)
        self._spec = engines[0].spec
        if self._edit and not self._spec.edits:
            return f"the edit rests: the engine {self._spec.name!r} cannot edit an expression"
        return ""

    def _tell(self, *texts: str) -> None:
        # With no lock held: whoever listens may call back.
        for text in filter(None, texts):
            self._on_event(text)

    def _ladder(self, persona: Persona) -> tuple[Engine, ...]:
        config = self._config
        return self._noted(
            make_ladder(
                persona,
                kind=self._kind,
                mode=self._mode,
                device=config.device,
                edit=lambda: self._edit,
                morph=config.morph,
            )
        )

    def _portrait(self, persona: Persona, reason: str) -> tuple[Engine, ...]:
        return self._noted(make_ladder(persona, kind=INSTANT, mode=self._mode, reason=reason))

    def _noted(self, engines: tuple[Engine, ...]) -> tuple[Engine, ...]:
        if any(engine.spec.label != "generated" for engine in engines):
            self.generated = False
        return engines


def _close(engines: tuple[Engine, ...]) -> None:
    for engine in engines:
        engine.close()


def _check_edits(spec: EngineSpec) -> None:
    if not spec.edits:
        raise EngineError(
            f"The engine {spec.name!r} cannot edit an expression; a trained network can.",
            hint="Choose a trained persona (`mien persona list`), or leave --edit out.",
        )
