"""How a synthetic person looks: every choice that is not geometry's own noise."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal, get_args, get_type_hints

from mien.realtime.errors import ConfigError

Triple = tuple[float, float, float]

HairStyle = Literal[
    "shaved", "buzz", "crop", "coils", "afro", "swept", "fringe", "bob", "long", "wavy", "tied", "ponytail"
]
BeardStyle = Literal["none", "moustache", "goatee", "short", "full"]
GlassesStyle = Literal["none", "round", "square", "thin", "browline"]
HeadsetStyle = Literal["none", "over_ear", "earbuds"]
ClothStyle = Literal["crew", "vee", "high"]
SkinMaterial = Literal["skin", "porcelain", "android"]
BackdropStyle = Literal["plain", "gradient", "bokeh", "room", "shelves", "night"]


@dataclass(frozen=True, slots=True)
class Look:
    """A person's appearance; every number is 0..1 unless its line says otherwise.

    Attributes:
        gender: 0 female to 1 male.
        age: 0 about 22 years to 1 about 80: adults only.
        weight: 0 lean to 1 heavy.
        muscle: 0 slight to 1 strong.
        african: share of MakeHuman's "african" shape (the three shares are normalised; european takes the rest).
        asian: share of its "asian" shape.
        asymmetry: how much the two sides of the face differ.
        melanin: 0 lightest to 1 darkest tone of the Monk Skin Tone scale.
        undertone: 0 cool (pink) to 1 warm (golden).
        redness: blood in cheeks, nose and ears.
        freckles: how many, on nose and cheeks.
        moles: how many, anywhere.
        lines: how deep the lines of expression are engraved (age adds its own).
        hair_style: see `HairStyle`; "fringe" falls over the brow.
        hair_melanin: 0 blond to 1 black.
        hair_red: share of red pigment.
        hair_grey: share of white hair.
        brow_weight: 0 sparse to 1 thick eyebrows.
        lash_weight: 0 short and few to 1 long and dense.
        stubble: shadow of a shaved beard.
        beard: see `BeardStyle`.
        eyeliner: strength.
        eyeshadow: strength, in the colour `lid_rgb`.
        lipstick: strength, in the colour `lip_rgb`.
        blush: strength.
        lid_rgb: linear RGB.
        lip_rgb: linear RGB.
        iris_rgb: linear RGB of the iris.
        glasses: see `GlassesStyle`.
        glasses_rgb: linear RGB of the frame.
        headset: see `HeadsetStyle`.
        headset_rgb: linear RGB.
        cloth: neckline of the shirt.
        cloth_rgb: linear RGB of the shirt.
        material: "skin", or a plainly artificial one: "porcelain" or "android".
        backdrop: what stands behind in a portrait.
        backdrop_rgb: linear RGB of it.

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
    iris_rgb: Triple
    asymmetry: float = 0.4
    undertone: float = 0.5
    freckles: float = 0.0
    moles: float = 0.1
    lines: float = 0.2
    hair_red: float = 0.0
    hair_grey: float = 0.0
    brow_weight: float = 0.5
    lash_weight: float = 0.5
    stubble: float = 0.0
    beard: BeardStyle = "none"
    eyeliner: float = 0.0
    eyeshadow: float = 0.0
    lipstick: float = 0.0
    blush: float = 0.0
    lid_rgb: Triple = (0.25, 0.12, 0.1)
    lip_rgb: Triple = (0.4, 0.05, 0.06)
    glasses: GlassesStyle = "none"
    glasses_rgb: Triple = (0.02, 0.02, 0.022)
    headset: HeadsetStyle = "none"
    headset_rgb: Triple = (0.03, 0.03, 0.035)
    cloth: ClothStyle = "crew"
    cloth_rgb: Triple = (0.1, 0.12, 0.16)
    material: SkinMaterial = "skin"
    backdrop: BackdropStyle = "room"
    backdrop_rgb: Triple = (0.22, 0.23, 0.24)

    def __post_init__(self) -> None:
        kinds = get_type_hints(type(self))
        for each in fields(self):
            _check(each.name, getattr(self, each.name), kinds[each.name])


def _check(name: str, value: object, kind: Any) -> None:  # noqa: ANN401 - a type hint
    if kind is float:
        if not isinstance(value, int | float) or not 0.0 <= value <= 1.0:
            raise ConfigError(f"look.{name} is {value!r}; it must be a number from 0 to 1.")
    elif kind == Triple:
        if not isinstance(value, tuple) or len(value) != 3 or not all(_unit(part) for part in value):
            raise ConfigError(f"look.{name} is {value!r}; it must be three numbers from 0 to 1.")
    elif value not in get_args(kind):
        raise ConfigError(f"look.{name} is {value!r}; it must be one of {', '.join(map(repr, get_args(kind)))}.")


def _unit(part: object) -> bool:
    return isinstance(part, int | float) and 0.0 <= part <= 1.0
