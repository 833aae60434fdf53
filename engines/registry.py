"""The one table of the kinds of engine. Nothing else in Mien branches on a kind's name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from mien.engines.consent.errors import ConsentMissingError
from mien.engines.formats import table
from mien.engines.formats.base import Format, Morph, Play, unsaid
from mien.engines.mesh.engine import MeshEngine
from mien.engines.mesh.engine import Quality as MeshQuality
from mien.engines.personas.pack import Mode, Networks, Persona
from mien.realtime.engine import Engine
from mien.realtime.errors import ConfigError, EngineError, MissingExtraError, ModelError

if TYPE_CHECKING:
    from mien.engines.swapnet.edit import CodeEdit

Device = Literal["auto", "cpu", "cuda"]
#: "auto" takes the kind that the pack is made for.
AUTO = "auto"
#: The kind that is ready at once, and that every persona of this version can be shown by.
INSTANT = "mesh"


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked of an engine's factory: how to show the persona, where, and why this kind was taken."""

    mode: Mode
    reason: str
    device: Device
    edit: Callable[[], CodeEdit] | None = None
    morph: Morph = unsaid
    frame_px: tuple[int, int] | None = None


#: Makes one engine; nothing is loaded before it is called.
_Rung = Callable[[], Engine]


@dataclass(frozen=True, slots=True)
class _Kind:
    rungs: Callable[[Persona, Order], Sequence[_Rung]]
    devices: tuple[Device, ...]


def make_engine(
    persona: Persona,
    *,
    kind: str = AUTO,
    mode: Mode = "swap",
    device: Device = "auto",
    edit: Callable[[], CodeEdit] | None = None,
    morph: Morph = unsaid,
) -> Engine:
    """Make the engine that shows `persona` best. Called off the live path; takes up to about a second.

    Args:
        persona: from `load_pack`.
        kind: "auto" or a name of `engine_kinds`.
        mode: "swap" puts the persona's face on the driver's head; "portrait" moves the persona's own picture.
        device: "auto" lets the kind choose; "cuda" where the kind has no CUDA is an error, never the CPU instead.
        edit: asked before each frame what to change in the expression; only a trained network can.
        morph: asked before each frame where between the driver, 0, and the persona, 1, of an imported model that can
            be in between; None is its format's.

    Raises:
        ConfigError: a kind or mode that does not exist (the nearest is named) or is not in this version.
        ConsentMissingError: a consented persona that did not come from `load_pack`.
        EngineError: the device cannot be had, the pack has no files for this kind, or the engine cannot start.

    """
    return _made(persona, kind, Order(mode, "", device, edit, morph), most=1)[0]


def make_ladder(
    persona: Persona,
    *,
    kind: str = AUTO,
    mode: Mode = "swap",
    device: Device = "auto",
    edit: Callable[[], CodeEdit] | None = None,
    morph: Morph = unsaid,
    reason: str | None = None,
    frame_px: tuple[int, int] | None = None,
) -> tuple[Engine, ...]:
    """Make all engines that may show `persona` in one run: the best first, each lighter than the one before.

    Args:
        persona: as `make_engine`'s, like all others; it raises the same.
        kind: see there.
        mode: see there.
        device: see there.
        edit: see there.
        morph: see there.
        reason: why this kind is taken, where the caller chose it and not the user.
        frame_px: (width, height) of the frames that come, so that what depends on it is prepared here and not at the
            first frame; None where it is not known.

    """
    return _made(persona, kind, Order(mode, reason or "", device, edit, morph, frame_px))


def engine_kinds() -> tuple[str, ...]:
    """The kinds of this version, without "auto"."""
    return tuple(_kinds())


def chosen_kind(persona: Persona, kind: str = AUTO, mode: Mode = "swap") -> str:
    """The kind that `make_engine` would make, if nothing that it needs is missing."""
    return _choose(persona, kind, mode)[0]


def _made(persona: Persona, kind: str, order: Order, *, most: int | None = None) -> tuple[Engine, ...]:
    if persona.kind == "consented" and persona.consent is None:
        # Decoded without `load_pack`, as a check does that only looks.
        raise ConsentMissingError(f"The consent to {persona.name!r} was never checked.", hint="Load it with load_pack.")
    chosen, why = _choose(persona, kind, order.mode)
    _check_word("mode", order.mode, ("swap", "portrait"))
    _check_word("device", device := order.device, (AUTO, "cpu", "cuda"))
    if chosen not in persona.engines:
        raise EngineError(
            f"The persona {persona.name!r} is made for the engine {persona.engines[0]!r}, not for {chosen!r}.",
            hint="Use `--engine auto`.",
        )
    known = _kinds()[chosen]
    if device != AUTO and device not in known.devices:
        raise EngineError(
            f"The engine {chosen!r} runs on {', '.join(known.devices)}; {device!r} was asked for.",
            hint="Leave the device at `auto`; Mien never takes another device than the one asked for.",
        )
    try:
        return _all(known.rungs(persona, replace(order, reason=order.reason or why))[:most])
    except (MissingExtraError, EngineError, ModelError) as error:
        if kind != AUTO or chosen == INSTANT or device != AUTO:
            raise
        # Not silently: the reason stands on the console and in every report.
        why = f"its trained network cannot run here: {error} {error.hint}".rstrip()
        return _all(_KINDS[INSTANT].rungs(persona, replace(order, reason=why))[:most])


def _all(rungs: Sequence[_Rung]) -> tuple[Engine, ...]:
    with ExitStack() as made:
        engines = []
        for rung in rungs:
            engines.append(rung())
            made.callback(engines[-1].close)
        made.pop_all()
    return tuple(engines)


def _choose(persona: Persona, kind: str, mode: str) -> tuple[str, str]:
    if kind == AUTO:
        kind, reason = persona.engines[0], f"the persona {persona.name} is made for it"
        if mode == "portrait" and kind != INSTANT:
            kind, reason = INSTANT, "portrait mode moves the persona's picture"
    else:
        reason = "it was asked for"
    _check_word("engine", kind, (AUTO, *_kinds()))
    return kind, reason


def _check_word(what: str, given: str, allowed: tuple[str, ...]) -> None:
    if given not in allowed:
        near = get_close_matches(given, allowed, 1, 0.4)
        hint = f"Did you mean {near[0]!r}?" if near else ""
        raise ConfigError(f"There is no {what} {given!r}; allowed are {', '.join(allowed)}.", hint=hint)


def _mesh(persona: Persona, order: Order) -> Sequence[_Rung]:
    made: list[MeshEngine] = []

    def make(quality: MeshQuality) -> Engine:
        engine = MeshEngine(
            persona.portrait,
            persona.landmarks,
            mode=order.mode,
            quality=quality,
            label=persona.label(order.mode),
            exclusion=persona.exclusion,
            reason=f"instant engine, one portrait: {order.reason}",
            # What is prepared of the portrait serves both rungs: half the time to load, and half the memory.
            painter=made[0].painter if made else None,
            frame_px=order.frame_px,
        )
        made.append(engine)
        return engine

    return partial(make, "full"), partial(make, "half")


def _swapnet(persona: Persona, order: Order) -> Sequence[_Rung]:
    # Imported here: a persona with a portrait alone needs no runtime.
    from mien.engines.swapnet.load import open_engine
    from mien.engines.swapnet.sizes import SIZES

    networks = persona.networks
    if networks is None or order.mode != "swap":
        raise EngineError(
            f"The trained network paints faces onto heads; {order.mode!r} mode is the instant engine's.",
            hint="Use `--engine mesh`, or `--mode swap`.",
        )
    if order.device == "cuda":
        return _swapnet_on_gpu(networks, order)
    best = next(size for size in _SIZES if size in networks.decoders)
    smaller = [size for size in networks.decoders if SIZES[size].size_px < SIZES[best].size_px]
    reason = f"trained network: {order.reason}"
    down = replace(order, reason="the step down: there is no smaller network")
    return (
        *(
            partial(open_engine, networks, size, reason=reason, device=order.device, edit=order.edit)
            for size in (best, *sorted(smaller, key=lambda each: -SIZES[each].size_px))
        ),
        # The whole portrait costs what a network does, so the step below the networks is its lighter half.
        _mesh(persona, down)[-1],
    )


def _model(form: Format, persona: Persona, order: Order) -> Sequence[_Rung]:
    model = persona.model
    if model is None or order.mode != "swap":
        raise EngineError(
            f"{form.title} paints faces onto heads; {order.mode!r} mode is the instant engine's.",
            hint="Use `--engine mesh`, or `--mode swap`.",
        )
    play = Play(f"imported model: {order.reason}", device=order.device, morph=order.morph)
    down = replace(order, reason="the step down: there is no smaller model")
    # On a GPU there is no portrait below: it would run on the processor, which nobody asked for.
    below = () if order.device == "cuda" else (_mesh(persona, down)[-1],)
    return (lambda: form.read(model.data, persona.name).open(play), *below)


def _swapnet_on_gpu(networks: Networks, order: Order) -> Sequence[_Rung]:
    """All of a frame on the GPU, by PyTorch. No portrait below the networks: it would run on the processor."""
    from mien.engines.swapnet.load_torch import open_torch_engine
    from mien.engines.swapnet.sizes import SIZES
    from mien.engines.swapnet.terms import SEEN_PX

    fitting = [size for size in networks.decoders if SIZES[size].size_px % SEEN_PX == 0]
    if not fitting:
        raise EngineError(
            f"On a GPU the network's square is a multiple of {SEEN_PX} px; the persona has "
            f"{', '.join(networks.decoders)} alone.",
            hint="Train another size (`mien train`), or leave the device at `auto`.",
        )
    return [
        partial(open_torch_engine, networks, size, reason=f"trained network: {order.reason}", edit=order.edit)
        for size in sorted(fitting, key=lambda each: -SIZES[each].size_px)
    ]


#: Of a decoder that there is: best first, as far as a CPU keeps up with it.
_SIZES = ("base", "small", "tiny", "large")
_KINDS: Mapping[str, _Kind] = MappingProxyType(
    {INSTANT: _Kind(_mesh, ("cpu",)), "swapnet": _Kind(_swapnet, ("cpu", "cuda"))}
)


def _kinds() -> Mapping[str, _Kind]:
    """Mien's own kinds, and one for each format of other people's models."""
    return {**_KINDS, **{form.name: _Kind(partial(_model, form), form.devices) for form in table.FORMATS}}
