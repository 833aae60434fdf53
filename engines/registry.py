"""The one table of the kinds of engine. Nothing else in Mien branches on a kind's name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from mien.engines.mesh.engine import MeshEngine
from mien.engines.personas.pack import Mode, Persona
from mien.realtime.engine import Engine
from mien.realtime.errors import ConfigError, EngineError, MissingExtraError

if TYPE_CHECKING:
    from mien.engines.swapnet.edit import CodeEdit

Quality = Literal["full", "half"]
Device = Literal["auto", "cpu", "cuda"]
#: "auto" takes the kind that the pack is made for.
AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked of an engine's factory: how to show the persona, how finely, and why this kind was taken."""

    mode: Mode
    quality: Quality
    reason: str
    device: Device
    edit: Callable[[], CodeEdit] | None = None


@dataclass(frozen=True, slots=True)
class _Kind:
    make: Callable[[Persona, Order], Engine]
    devices: tuple[Device, ...]


def make_engine(
    persona: Persona,
    *,
    kind: str = AUTO,
    mode: Mode = "swap",
    quality: Quality = "full",
    device: Device = "auto",
    edit: Callable[[], CodeEdit] | None = None,
) -> Engine:
    """Make the engine that shows `persona`. Called off the live path; takes up to about a second.

    Args:
        persona: from `load_pack`.
        kind: "auto" or a name of `engine_kinds`.
        mode: "swap" puts the persona's face on the driver's head; "portrait" moves the persona's own picture.
        quality: "half" is the step down under load.
        device: "auto" lets the kind choose; "cuda" where the kind has no CUDA is an error, never the CPU instead.
        edit: asked before each frame what to change in the expression; only a trained network can.

    Raises:
        ConfigError: a kind, mode or quality that does not exist (the nearest is named) or is not in this version.
        EngineError: the device cannot be had, the pack has no files for this kind, or the engine cannot start.

    """
    chosen, reason = _choose(persona, kind, mode)
    _check_word("mode", mode, ("swap", "portrait"))
    _check_word("quality", quality, ("full", "half"))
    _check_word("device", device, (AUTO, "cpu", "cuda"))
    if chosen not in persona.engines:
        raise EngineError(
            f"The persona {persona.name!r} is made for the engine {persona.engines[0]!r}, not for {chosen!r}.",
            hint="Use `--engine auto`.",
        )
    known = _KINDS[chosen]
    if device != AUTO and device not in known.devices:
        raise EngineError(
            f"The engine {chosen!r} runs on {', '.join(known.devices)}; {device!r} was asked for.",
            hint="Leave the device at `auto`; Mien never takes another device than the one asked for.",
        )
    try:
        return known.make(persona, Order(mode, quality, reason, device, edit))
    except MissingExtraError as error:
        if kind != AUTO or chosen == "mesh" or device != AUTO:
            raise
        # Not silently: the reason stands on the console and in every report.
        why = f"its trained network cannot run here: {error} {error.hint}".rstrip()
        return _KINDS["mesh"].make(persona, Order(mode, quality, why, device, edit))


def engine_kinds() -> tuple[str, ...]:
    """The kinds of this version, without "auto"."""
    return tuple(_KINDS)


def _choose(persona: Persona, kind: str, mode: str) -> tuple[str, str]:
    if kind == AUTO:
        kind, reason = persona.engines[0], f"the persona {persona.name} is made for it"
        if mode == "portrait" and kind != "mesh":
            kind, reason = "mesh", "portrait mode moves the persona's picture"
    else:
        reason = "it was asked for"
    _check_word("engine", kind, (AUTO, *_KINDS))
    return kind, reason


def _check_word(what: str, given: str, allowed: tuple[str, ...]) -> None:
    if given not in allowed:
        near = get_close_matches(given, allowed, 1, 0.4)
        hint = f"Did you mean {near[0]!r}?" if near else ""
        raise ConfigError(f"There is no {what} {given!r}; allowed are {', '.join(allowed)}.", hint=hint)


def _mesh(persona: Persona, order: Order) -> Engine:
    return MeshEngine(
        persona.portrait,
        persona.landmarks,
        mode=order.mode,
        quality=order.quality,
        label=persona.label(order.mode),
        exclusion=persona.exclusion,
        reason=f"instant engine, one portrait: {order.reason}",
    )


def _swapnet(persona: Persona, order: Order) -> Engine:
    # Imported here: a persona with a portrait alone needs no runtime.
    from mien.engines.swapnet.load import open_engine
    from mien.engines.swapnet.sizes import SIZES

    if persona.networks is None or order.mode != "swap":
        raise EngineError(
            f"The trained network paints faces onto heads; {order.mode!r} mode is the instant engine's.",
            hint="Use `--engine mesh`, or `--mode swap`.",
        )
    size = next(size for size in _SIZES if size in persona.networks.decoders)
    if order.quality == "half":
        smaller = [each for each in persona.networks.decoders if SIZES[each].size_px < SIZES[size].size_px]
        if not smaller:
            return _mesh(persona, replace(order, quality="full", reason="the step down: there is no smaller network"))
        size = max(smaller, key=lambda each: SIZES[each].size_px)
    return open_engine(
        persona.networks, size, reason=f"trained network: {order.reason}", device=order.device, edit=order.edit
    )


#: Of a decoder that there is: best first, as far as a CPU keeps up with it.
_SIZES = ("base", "small", "tiny", "large")
_KINDS: Mapping[str, _Kind] = MappingProxyType({"mesh": _Kind(_mesh, ("cpu",)), "swapnet": _Kind(_swapnet, ("cpu",))})
