"""Who is shown, by which engines and with which edit: what a run begins with, and its changes while it runs.

A trained network takes seconds to load. A live run does not wait for it: the persona's portrait is worn until the
network is ready, and the change comes between two frames. So it is with what takes minutes: a network that TensorRT
compiles is played by another runtime until it is ready. Whoever was worn lately is worn again at once.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial

from mien.engines.credentials.manifest import ShownPersona, shown_persona
from mien.engines.personas.library import find
from mien.engines.personas.pack import Mode, Persona
from mien.engines.registry import AUTO, INSTANT, chosen_kind, make_ladder
from mien.engines.swapnet.edit import parse_edit
from mien.plugin.preparer import Preparer
from mien.plugin.wardrobe import Engines, Wardrobe, Words
from mien.realtime.compositor import Compositor
from mien.realtime.config import LiveConfig
from mien.realtime.engine import EngineSpec
from mien.realtime.errors import EngineError, MienError
from mien.realtime.mailbox import Mailbox
from mien.realtime.worker import Worker

log = logging.getLogger(__name__)

_STANDS_IN = "it stands in while the trained network loads"
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
        self._wardrobe = Wardrobe()
        #: Whose network is being loaded, and by which words; the portrait stands in.
        self._awaited: tuple[Persona, Words] | None = None
        #: Set while the engines that were asked for run from the next frame on, or it is known that they cannot.
        self.ready = threading.Event()
        #: What is to be loaded beside the live path; a network that is awaited is never replaced by less.
        self._wishes: Mailbox[Callable[[], None]] = Mailbox()
        self._loader = Worker("loader", self._load_wishes, on_end=self.ready.set)
        self._preparer = Preparer(self._show_prepared, self._tell)
        #: Whether the run is live: a conversion waits for nothing that may come later.
        self._live = False
        self._frame_px: tuple[int, int] | None = None
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
        #: Where between driver and persona, as the user said it; None leaves it to the model's format.
        self.morph = config.morph
        #: Whom the run has shown, in order; one who comes back comes twice.
        self.shown: list[ShownPersona] = []
        #: Whether every engine that could be shown generates the whole frame.
        self.generated = True
        #: Milliseconds that the last change of persona took, from the call to the ready engines; 0 before any.
        self.switch_ms = 0.0

    def open(self, persona: Persona, *, wait: bool, frame_px: tuple[int, int] | None = None) -> Engines:
        """Give the engines that the run begins with, best first; to be given to `retire`, as all that follow.

        Args:
            persona: whom it shows first.
            wait: load what is asked for before the first frame, and let nothing stand in for it.
            frame_px: (width, height) of the run's frames.

        Raises:
            MienError: the engine cannot be used, or cannot edit and has to.

        """
        self._live = not wait
        self._frame_px = frame_px
        self.persona, self._location = persona.name, str(persona.location)
        self.shown.append(shown_persona(persona))
        engines, self._awaited = self._first(persona)
        self._note(engines)
        if self._awaited is None:
            self._spec = engines[0].spec
            if self._edit:
                _check_edits(self._spec)
            self.ready.set()
        return engines

    def start(self, compositor: Compositor, persona: Persona) -> None:
        """Change the engines of this compositor from here on, and begin to load what `open` did not wait for."""
        self._compositor = compositor
        self._loader.start()
        self._go_on(persona, self._awaited)

    def retire(self, engines: Engines) -> None:
        """These engines are shown no longer: once for each time that they were given."""
        self._wardrobe.retire(engines)

    def close(self) -> None:
        """Change nothing any more; waits for a network that is being loaded. Engines on air close when retired."""
        with self._lock:
            self._closed = True
        self._wishes.close()
        self._loader.stop(_LOADER_CLOSE_S)
        self._preparer.close()
        self._wardrobe.close()

    def set_persona(self, name: str) -> None:
        """See `Live.set_persona`."""
        with self._choosing:
            begin = time.perf_counter()
            persona = self._find(name)
            engines, awaited = self._first(persona)
            with self._lock:
                rests = self._change(engines, awaited, same_persona=False)
                self.persona, self._location = persona.name, str(persona.location)
                self.shown.append(shown_persona(persona))
                self.switch_ms = (time.perf_counter() - begin) * 1e3
            warning = self._on_persona(persona)
        self._tell(f"persona: {persona.name}", rests, warning)
        self._go_on(persona, awaited)

    def set_engine(self, kind: str, mode: Mode) -> None:
        """See `Live.set_engine`."""
        with self._choosing:
            before = self._kind, self._mode
            self._kind, self._mode = kind, mode
            try:
                persona = self._find(self._location)
                engines, awaited = self._first(persona)
                with self._lock:
                    rests = self._change(engines, awaited, same_persona=True)
            except BaseException:
                self._kind, self._mode = before
                raise
        self._tell(f"engine: {engines[0].spec.name} ({engines[0].spec.reason})", rests)
        self._go_on(persona, awaited)

    def prepare_persona(self, name: str) -> None:
        """See `Live.prepare_persona`."""
        with self._lock:
            if self._awaited is None:
                self._wishes.put(partial(self._make_ready, name))

    def set_edit(self, changes: str) -> None:
        """See `Live.set_edit`."""
        edit = parse_edit(changes)
        with self._lock:
            # While the network loads its edit can be chosen: it is there from the network's first picture on.
            if edit and self._awaited is None and self._spec is not None:
                _check_edits(self._spec)
            self._edit, self.edit = edit, changes

    def set_morph(self, morph: float | None) -> None:
        """See `Live.set_morph`."""
        with self._lock:
            if morph is not None and self._awaited is None and self._spec is not None and self._spec.morph is None:
                raise EngineError(
                    f"The engine {self._spec.name!r} is nowhere between you and the persona; an imported AMP model is.",
                    hint="Choose such a persona (`mien persona list`).",
                )
            self.morph = morph

    def _find(self, name: str) -> Persona:
        try:
            return find(name, known=self._wardrobe.persona_at)
        except MienError:
            # Gone, changed, or a consent that has ended: nothing of it stays in memory but what is on air.
            self._wardrobe.drop(name)
            raise

    def _first(self, persona: Persona) -> tuple[Engines, tuple[Persona, Words] | None]:
        """The engines that a change begins with, to be retired, and what they stand in for, if they do."""
        words = self._kind, self._mode, None
        if not self._stands_in(persona):
            return self._ladder(persona, words), None
        ready = self._wardrobe.take(persona, words)
        if ready is not None:
            return ready, None
        return self._ladder(persona, (INSTANT, self._mode, _STANDS_IN)), (persona, words)

    def _stands_in(self, persona: Persona) -> bool:
        """Whether the portrait may stand in for what is asked for."""
        # On a GPU nothing does: the portrait would run on the processor, which nobody asked for.
        allowed = self._live and self._config.device != "cuda" and self._kind == AUTO
        return allowed and chosen_kind(persona, self._kind, self._mode) != INSTANT

    def _go_on(self, persona: Persona, awaited: tuple[Persona, Words] | None) -> None:
        """Load and prepare what follows a change."""
        if awaited is None:
            self._prepare(persona)
        else:
            self._preparer.end()
            self._wishes.put(partial(self._load, awaited))

    def _load_wishes(self, stop: threading.Event) -> None:
        while not stop.is_set() and (wish := self._wishes.take()) is not None:
            wish()

    def _make_ready(self, name: str) -> None:
        # One at a time with the changes: who is chosen while being made ready is waited for, not made twice.
        with self._choosing:
            try:
                persona = self._find(name)
                stands_in = self._stands_in(persona)
                if stands_in or chosen_kind(persona, self._kind, self._mode) == INSTANT:
                    words = (INSTANT, self._mode, _STANDS_IN) if stands_in else (self._kind, self._mode, None)
                    self.retire(self._ladder(persona, words))
            except Exception as error:  # noqa: BLE001 - nobody has chosen it yet; who does is told
                log.info("%s is not made ready: %s", name, error)

    def _load(self, awaited: tuple[Persona, Words]) -> None:
        if self._awaited is not awaited:
            return
        persona, words = awaited
        try:
            engines = self._ladder(persona, words)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the network, the portrait goes on
            engines = self._ladder(persona, (INSTANT, words[1], f"its trained network cannot run here: {error}"))
        if self._show_later(engines, lambda: self._awaited is awaited):
            self._prepare(persona)

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
        self._wardrobe.drop(str(persona.location))
        try:
            engines = self._ladder(persona, (*asked, None))
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, the engine that runs goes on
            self._tell(f"what was prepared for {persona.name} cannot be used: {error}")
            return
        # Another engine may have been asked for meanwhile.
        self._show_later(engines, lambda: self.persona == persona.name and asked == (self._kind, self._mode))

    def _show_later(self, engines: Engines, wanted: Callable[[], bool]) -> bool:
        """Show whom is shown by these, which took a while, if they are still wanted; whether they were."""
        with self._lock:
            shown = wanted() and not self._closed
            rests = self._change(engines, None, same_persona=True) if shown else ""
        if shown:
            self._tell(f"engine: {engines[0].spec.name} ({engines[0].spec.reason})", rests)
        else:
            self.retire(engines)
        return shown

    def _change(self, engines: Engines, awaited: tuple[Persona, Words] | None, *, same_persona: bool) -> str:
        """Show these from the next frame on; returns what is to be told of the edit. With the lock held."""
        if self._compositor is None or self._closed:
            self.retire(engines)
            raise EngineError("the run has ended, or has not begun.")
        self._note(engines)
        self._compositor.set_engines(engines, same_persona=same_persona)
        self._spec = engines[0].spec
        self._awaited = awaited
        if awaited is not None:
            self.ready.clear()
            return ""
        self.ready.set()
        if self._edit and not self._spec.edits:
            return f"the edit rests: the engine {self._spec.name!r} cannot edit an expression"
        return ""

    def _tell(self, *texts: str) -> None:
        # With no lock held: whoever listens may call back.
        for text in filter(None, texts):
            self._on_event(text)

    def _ladder(self, persona: Persona, words: Words) -> Engines:
        """The engines that these words mean, ready or made now; to be retired."""
        ready = self._wardrobe.take(persona, words)
        if ready is not None:
            return ready
        (kind, mode, reason), config = words, self._config
        engines = make_ladder(
            persona,
            kind=kind,
            mode=mode,
            # What stands in runs where it can.
            device=config.device if reason is None else "auto",
            edit=lambda: self._edit,
            morph=lambda: self.morph,
            reason=reason,
            frame_px=self._frame_px,
        )
        return self._wardrobe.put(persona, words, engines)

    def _note(self, engines: Engines) -> None:
        if any(engine.spec.label != "generated" for engine in engines):
            self.generated = False


def _check_edits(spec: EngineSpec) -> None:
    if not spec.edits:
        raise EngineError(
            f"The engine {spec.name!r} cannot edit an expression; a trained network can.",
            hint="Choose a trained persona (`mien persona list`), or leave --edit out.",
        )
