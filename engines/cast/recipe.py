"""What a synthetic person is made from: a seed, and the choices that the seed did not make.

A recipe is small, plain and complete: the same recipe gives the same picture. It is what a persona pack stores in
its ``[cast]`` table, and what lets anyone check that a "synthetic" portrait was rendered and not photographed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, cast, get_args

import numpy as np

from mien.realtime.errors import ConfigError

#: Raised whenever a change of the renderer changes its pictures; a recipe of another version is refused.
RENDERER_VERSION = 1
SMALLEST_SIZE_PX = 64
LARGEST_SIZE_PX = 2048

HairStyle = Literal["crop", "coils", "swept", "tied"]
_UNIT_FIELDS = (
    "gender",
    "age",
    "weight",
    "muscle",
    "melanin",
    "african",
    "asian",
    "hair_grey",
    "brow_weight",
    "stubble",
)


@dataclass(frozen=True, slots=True)
class Look:
    """A person's appearance; every number is 0..1 unless its line says otherwise.

    Attributes:
        gender: 0 female to 1 male.
        age: 0 about 25 years to 1 about 75: adults only.
        weight: 0 lean to 1 heavy.
        muscle: 0 slight to 1 strong.
        african: share of MakeHuman's "african" shape (the three shares are normalised; european takes the rest).
        asian: share of its "asian" shape.
        melanin: 0 very fair to 1 very dark skin.
        redness: blood in cheeks, nose and ears.
        hair_style: crop (short, forward), coils (cropped, tightly curled), swept (short, back), tied (drawn back).
        hair_melanin: 0 blond to 1 black.
        hair_grey: share of white hair.
        brow_weight: 0 sparse to 1 thick eyebrows.
        stubble: shadow of a shaved beard.
        iris_rgb: linear RGB of the iris.
        cloth_rgb: linear RGB of the shirt.
        backdrop_rgb: linear RGB of the room behind.

    """

    gender: float
    age: float
    weight: float
    muscle: float
    african: float
    asian: float
    melanin: float
    redness: float
    hair_style: HairStyle
    hair_melanin: float
    hair_grey: float
    brow_weight: float
    stubble: float
    iris_rgb: tuple[float, float, float]
    cloth_rgb: tuple[float, float, float]
    backdrop_rgb: tuple[float, float, float]

    def __post_init__(self) -> None:
        for name in _UNIT_FIELDS:
            value = getattr(self, name)
            if not isinstance(value, int | float) or not 0.0 <= value <= 1.0:
                raise ConfigError(f"look.{name} is {value!r}; it must be a number from 0 to 1.")
        if self.hair_style not in get_args(HairStyle):
            raise ConfigError(f"look.hair_style is {self.hair_style!r}; it must be one of {get_args(HairStyle)}.")
        for name in ("iris_rgb", "cloth_rgb", "backdrop_rgb"):
            value = getattr(self, name)
            if len(value) != 3 or not all(0.0 <= part <= 1.0 for part in value):
                raise ConfigError(f"look.{name} is {value!r}; it must be three numbers from 0 to 1.")

    @classmethod
    def draw(cls, seed: int) -> Look:
        """A look drawn from a seed: any adult, hair and colours that go together."""
        rng = np.random.default_rng((seed, 0x10_0C))
        african, asian, european = (float(share) for share in rng.dirichlet((0.6, 0.6, 0.6)))
        gender = float(np.clip(rng.choice((0.12, 0.88)) + rng.normal(0.0, 0.08), 0.0, 1.0))
        age = float(rng.uniform(0.0, 0.9))
        melanin = 0.85 * african + 0.4 * asian + 0.18 * european + rng.normal(0.0, 0.07)
        styles: tuple[HairStyle, ...] = (
            ("coils",) if african > 0.5 else (("crop", "swept") if gender > 0.5 else ("tied", "swept"))
        )
        irises = ((0.10, 0.05, 0.025), (0.06, 0.03, 0.018), (0.10, 0.17, 0.24), (0.11, 0.15, 0.08))
        return cls(
            gender=gender,
            age=age,
            weight=float(rng.uniform(0.35, 0.65)),
            muscle=float(rng.uniform(0.4, 0.6)),
            african=african,
            asian=asian,
            melanin=float(np.clip(melanin, 0.0, 1.0)),
            redness=float(rng.uniform(0.2, 0.6)),
            hair_style=styles[int(rng.integers(len(styles)))],
            hair_melanin=float(np.clip(0.35 + 0.65 * melanin + rng.normal(0.0, 0.2), 0.1, 1.0)),
            hair_grey=float(np.clip((age - 0.45) * 1.6, 0.0, 0.9)),
            brow_weight=float(np.clip(0.35 + 0.35 * gender + rng.normal(0.0, 0.1), 0.1, 1.0)),
            stubble=float(rng.uniform(0.1, 0.6)) if gender > 0.5 else 0.0,
            iris_rgb=irises[int(rng.integers(2 if melanin > 0.35 else 4))],
            cloth_rgb=_triple(rng.uniform(0.03, 0.4, 3)),
            backdrop_rgb=_triple(rng.uniform(0.12, 0.3, 3)),
        )


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
        if not self.name:
            raise ConfigError("A cast recipe needs a name.")
        if not isinstance(self.seed, int) or self.seed < 0:
            raise ConfigError(f"A cast recipe's seed is {self.seed!r}; it must be a whole number, 0 or more.")
        if not SMALLEST_SIZE_PX <= self.size <= LARGEST_SIZE_PX:
            raise ConfigError(
                f"A cast recipe's size is {self.size} px; it must be {SMALLEST_SIZE_PX} to {LARGEST_SIZE_PX}."
            )
        if self.version != RENDERER_VERSION:
            raise ConfigError(
                f"This recipe was made by version {self.version} of the cast; this one is {RENDERER_VERSION}.",
                hint="Render the persona again with `python -m mien.engines.cast portrait`.",
            )
        if cast("Look | None", self.look) is None:
            object.__setattr__(self, "look", Look.draw(self.seed))  # frozen, so through the back door

    def at_size(self, size: int) -> Recipe:
        """The same person in another size, px."""
        return replace(self, size=size)

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


def _triple(values: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[float, float, float]:
    return (round(float(values[0]), 4), round(float(values[1]), 4), round(float(values[2]), 4))
