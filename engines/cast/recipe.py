"""What a synthetic person is made from: a seed, and the choices that the seed did not make.

A recipe is small, plain and complete: the same recipe gives the same picture. It is what a persona pack stores in
its ``[cast]`` table, and what lets anyone check that a "synthetic" portrait was rendered and not photographed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, cast

from mien.engines.cast.look import Look
from mien.engines.cast.population import draw_look
from mien.realtime.errors import ConfigError

#: Raised whenever a change of the renderer changes its pictures; a recipe of another version is refused.
RENDERER_VERSION = 2
SMALLEST_SIZE_PX = 64
LARGEST_SIZE_PX = 2048


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that a portrait depends on.

    Attributes:
        name: what people call the persona.
        seed: of every random choice (face shape, strands, skin texture, and the look unless given).
        size: height and width of the portrait, px.
        look: appearance; drawn from the seed if not given.
        version: of the renderer that made it.

    """

    name: str
    seed: int
    size: int = 768
    look: Look = field(default=None)  # type: ignore[assignment]  # drawn from the seed below
    version: int = RENDERER_VERSION

    def __post_init__(self) -> None:
        if not self.name or not isinstance(self.name, str):
            raise ConfigError("A cast recipe needs a name.")
        if type(self.seed) is not int or self.seed < 0:
            raise ConfigError(f"A cast recipe's seed is {self.seed!r}; it must be a whole number, 0 or more.")
        if type(self.size) is not int or not SMALLEST_SIZE_PX <= self.size <= LARGEST_SIZE_PX:
            raise ConfigError(
                f"A cast recipe's size is {self.size!r} px; it must be {SMALLEST_SIZE_PX} to {LARGEST_SIZE_PX}."
            )
        if self.version != RENDERER_VERSION:
            raise ConfigError(
                f"This recipe was made by version {self.version} of the cast; this one is {RENDERER_VERSION}.",
                hint="Render the persona again: mien cast new --name NAME --seed SEED.",
            )
        if cast("Look | None", self.look) is None:
            object.__setattr__(self, "look", draw_look(self.seed))  # frozen, so through the back door

    def at_size(self, size: int) -> Recipe:
        """The same person in another size, px."""
        return replace(self, size=size)

    def bare(self) -> Recipe:
        """The same person with nothing on the head or face that could hide it."""
        return replace(self, look=replace(self.look, hair_style="shaved", beard="none", glasses="none", headset="none"))

    def to_dict(self) -> dict[str, Any]:
        """Plain strings, numbers, lists and one nested table: fit for TOML and JSON."""
        table = asdict(self)
        table["look"] = {k: list(v) if isinstance(v, tuple) else v for k, v in table["look"].items()}
        return table

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> Recipe:
        """The reverse of `to_dict`; an unknown key is an error.

        Raises:
            ConfigError: a key is unknown, missing or out of its range.

        """
        _check_keys(table, cls, "recipe", optional=("size", "look", "version"))
        values = dict(table)
        if values.get("look") is not None:
            if not isinstance(values["look"], Mapping):
                raise ConfigError(f"The cast's look is {values['look']!r}; it must be a table.")
            look: dict[str, Any] = dict(values["look"])
            _check_keys(look, Look, "look")
            values["look"] = Look(**{k: tuple(v) if isinstance(v, list) else v for k, v in look.items()})  # type: ignore[arg-type]
        return cls(**values)


def _check_keys(
    table: Mapping[str, Any], kind: type[Recipe | Look], label: str, *, optional: tuple[str, ...] = ()
) -> None:
    known = {each.name for each in fields(kind)}
    if unknown := sorted(set(table) - known):
        raise ConfigError(f"Unknown key {unknown[0]!r} in the cast's {label}; known are {sorted(known)}.")
    if missing := sorted(known - set(table) - set(optional)):
        raise ConfigError(f"The cast's {label} lacks the key {missing[0]!r}.")
