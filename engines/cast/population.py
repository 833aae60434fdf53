"""Who a seed gives: looks drawn so that a crowd has every adult age, both sexes and every skin tone evenly."""

from __future__ import annotations

from typing import TypedDict, TypeVar

import numpy as np

from mien.engines.cast.look import (
    BackdropStyle,
    BeardStyle,
    ClothStyle,
    GlassesStyle,
    HairStyle,
    HeadsetStyle,
    Look,
    Triple,
)

Choice = TypeVar("Choice", bound=str)

#: 2^64 over the golden ratio: multiples of it spread evenly over 0..1 (Weyl 1916), so that any run of seeds has each
#: skin tone as often as the others, not only in the long run.
_GOLDEN = 0x9E3779B97F4A7C15
_WORD = 1 << 64

_WOMEN: tuple[HairStyle, ...] = ("long", "wavy", "bob", "ponytail", "tied", "fringe", "swept", "crop", "buzz")
_WOMEN_OFTEN = (0.23, 0.17, 0.15, 0.12, 0.12, 0.10, 0.05, 0.05, 0.01)
_MEN: tuple[HairStyle, ...] = ("crop", "swept", "buzz", "fringe", "shaved", "wavy", "long", "tied", "ponytail")
_MEN_OFTEN = (0.31, 0.24, 0.13, 0.13, 0.08, 0.04, 0.03, 0.02, 0.02)
_COILY: tuple[HairStyle, ...] = ("coils", "afro", "tied", "ponytail", "buzz", "shaved")
_COILY_WOMEN_OFTEN = (0.38, 0.24, 0.18, 0.12, 0.06, 0.02)
_COILY_MEN_OFTEN = (0.36, 0.15, 0.05, 0.01, 0.29, 0.14)

#: Linear RGB of irises: dark brown, brown, amber, hazel, green, grey, blue.
_IRISES: tuple[Triple, ...] = (
    (0.045, 0.022, 0.012), (0.090, 0.045, 0.022), (0.170, 0.090, 0.030), (0.120, 0.090, 0.040),
    (0.095, 0.125, 0.065), (0.150, 0.175, 0.185), (0.095, 0.165, 0.260),
)  # fmt: skip
_IRISES_DARK = np.array([0.68, 0.27, 0.03, 0.02, 0.0, 0.0, 0.0])
_IRISES_FAIR = np.array([0.10, 0.25, 0.07, 0.14, 0.13, 0.10, 0.21])

_FRAMES: tuple[Triple, ...] = (
    (0.012, 0.012, 0.013), (0.030, 0.016, 0.010), (0.16, 0.070, 0.022), (0.30, 0.29, 0.28), (0.42, 0.29, 0.13),
    (0.022, 0.045, 0.11), (0.20, 0.024, 0.030), (0.50, 0.47, 0.44),
)  # fmt: skip
_SHELLS: tuple[Triple, ...] = (
    (0.018, 0.018, 0.020), (0.05, 0.05, 0.055), (0.62, 0.61, 0.59), (0.36, 0.020, 0.028), (0.020, 0.07, 0.24),
    (0.42, 0.16, 0.30), (0.05, 0.22, 0.15),
)  # fmt: skip
_SHADOWS: tuple[Triple, ...] = (
    (0.20, 0.105, 0.075), (0.10, 0.058, 0.046), (0.30, 0.15, 0.13), (0.10, 0.10, 0.12), (0.12, 0.07, 0.16),
    (0.07, 0.11, 0.17), (0.28, 0.19, 0.08), (0.06, 0.12, 0.09),
)  # fmt: skip
_LIPSTICKS: tuple[Triple, ...] = (
    (0.40, 0.035, 0.045), (0.30, 0.025, 0.055), (0.47, 0.16, 0.16), (0.52, 0.23, 0.20), (0.22, 0.04, 0.06),
    (0.50, 0.10, 0.19), (0.45, 0.11, 0.07), (0.15, 0.035, 0.055),
)  # fmt: skip


class _Pigments(TypedDict):
    hair_melanin: float
    hair_red: float
    hair_grey: float
    freckles: float


class _FacialHair(TypedDict):
    stubble: float
    beard: BeardStyle


class _MakeUp(TypedDict):
    lid_rgb: Triple
    lip_rgb: Triple
    eyeliner: float
    eyeshadow: float
    lipstick: float
    blush: float


class _Worn(TypedDict):
    glasses: GlassesStyle
    glasses_rgb: Triple
    headset: HeadsetStyle
    headset_rgb: Triple
    cloth: ClothStyle
    cloth_rgb: Triple


class _Behind(TypedDict):
    backdrop: BackdropStyle
    backdrop_rgb: Triple


def draw_look(seed: int) -> Look:
    """A look drawn from a seed: any adult, hair and colours that go together; always living skin."""
    rng = np.random.default_rng((seed, 0x10_0C))
    melanin = ((seed + 1) * _GOLDEN % _WORD) / _WORD
    african, asian = _shape(rng, melanin)
    gender = float(np.clip(rng.beta(0.22, 0.22), 0.0, 1.0))
    age = float(rng.uniform(0.0, 1.0))
    man = bool(rng.random() < gender)
    coily = float(np.clip(african * 1.3 - 0.15, 0.0, 0.97)) > rng.random()
    return Look(
        gender=gender,
        age=age,
        weight=float(rng.beta(3.0, 3.0)),
        muscle=float(rng.beta(4.0, 4.0)),
        african=african,
        asian=asian,
        asymmetry=float(rng.beta(2.5, 3.5)),
        melanin=melanin,
        undertone=float(rng.beta(3.0, 3.0)),
        redness=float(rng.beta(2.2, 3.2)),
        moles=float(rng.beta(1.1, 5.0)),
        lines=float(rng.beta(2.0, 4.0)),
        hair_style=_hair_style(rng, man=man, coily=coily),
        brow_weight=float(np.clip(rng.normal(0.42 + 0.2 * gender, 0.17), 0.0, 1.0)),
        lash_weight=float(np.clip(rng.normal(0.62 - 0.25 * gender, 0.15), 0.0, 1.0)),
        iris_rgb=_iris(rng, melanin),
        **_pigments(rng, melanin=melanin, age=age),
        **_facial_hair(rng, man=man, gender=gender),
        **_make_up(rng, man=man),
        **_worn(rng, age=age),
        **_behind(rng),
    )


def _pick(rng: np.random.Generator, options: tuple[Choice, ...], often: tuple[float, ...]) -> Choice:
    weights = np.asarray(often) / np.sum(often)
    return options[int(rng.choice(len(options), p=weights))]


def _near(rng: np.random.Generator, colour: Triple, spread: float) -> Triple:
    """A colour like another: brighter or darker, and a little off in hue."""
    changed = np.asarray(colour) * np.exp(rng.normal(0.0, spread) + rng.normal(0.0, spread * 0.4, 3))
    red, green, blue = (float(part) for part in np.clip(changed, 0.004, 0.95))
    return red, green, blue


def _shape(rng: np.random.Generator, melanin: float) -> tuple[float, float]:
    """Shares of two of MakeHuman's shapes: they lean with the skin's tone, and overlap as they do in people."""
    weights = (0.25 + 1.7 * melanin**1.5, 0.75 - 0.25 * melanin, 0.30 + 1.1 * (1 - melanin))
    african, asian, _ = rng.dirichlet(weights)
    return float(african), float(asian)


def _hair_style(rng: np.random.Generator, *, man: bool, coily: bool) -> HairStyle:
    if coily:
        return _pick(rng, _COILY, _COILY_MEN_OFTEN if man else _COILY_WOMEN_OFTEN)
    return _pick(rng, _MEN, _MEN_OFTEN) if man else _pick(rng, _WOMEN, _WOMEN_OFTEN)


def _iris(rng: np.random.Generator, melanin: float) -> Triple:
    fair = float(np.clip(1.15 - 2.6 * melanin, 0.0, 1.0))
    weights = _IRISES_DARK * (1 - fair) + _IRISES_FAIR * fair
    return _near(rng, _IRISES[int(rng.choice(len(_IRISES), p=weights / weights.sum()))], 0.16)


def _pigments(rng: np.random.Generator, *, melanin: float, age: float) -> _Pigments:
    """Colours of hair, and freckles: red hair and freckles go with fair skin, grey with age."""
    fair = float(np.clip(1.2 - 3.0 * melanin, 0.0, 1.0))
    red = float(rng.beta(2.0, 2.0)) if rng.random() < 0.03 + 0.13 * fair else float(rng.uniform(0.0, 0.12))
    dark = float(np.clip(rng.normal(0.92 - 0.5 * fair, 0.10 + 0.16 * fair), 0.0, 1.0))
    # Half of people are half grey at about fifty (age 0.5); some keep their colour, and some bleach or dye it.
    grey = float(np.clip((age - rng.normal(0.52, 0.17)) / 0.45 + 0.25, 0.0, 1.0))
    if rng.random() < 0.3:
        grey *= 0.1
    if rng.random() < 0.06:
        dark, grey = float(rng.uniform(0.0, 0.35)), 0.0
    # Freckles are common on fair skin, with red hair above all, and do occur on brown skin.
    likely = 0.08 + 0.40 * fair + (0.3 if red > 0.3 else 0.0)
    freckles = float(rng.beta(1.6, 2.2)) if rng.random() < likely else float(rng.uniform(0.0, 0.08))
    freckles *= 1.0 - 0.75 * melanin
    return {"hair_melanin": dark, "hair_red": red, "hair_grey": grey, "freckles": freckles}


def _facial_hair(rng: np.random.Generator, *, man: bool, gender: float) -> _FacialHair:
    if not man or gender < 0.35:
        return {"stubble": 0.0, "beard": "none"}
    styles: tuple[BeardStyle, ...] = ("none", "short", "full", "goatee", "moustache")
    beard = _pick(rng, styles, (0.56, 0.20, 0.10, 0.08, 0.06))
    stubble = float(rng.beta(1.3, 1.9)) if beard == "none" else float(rng.uniform(0.3, 0.9))
    return {"stubble": stubble, "beard": beard}


def _make_up(rng: np.random.Generator, *, man: bool) -> _MakeUp:
    # Those who use some seldom use all.
    used = (rng.random(4) < np.array([0.75, 0.6, 0.75, 0.6])) * float(rng.random() < (0.02 if man else 0.4))
    eyeliner, eyeshadow, lipstick, blush = (float(power) for power in rng.beta(1.8, 1.8, 4) * used)
    return {
        "lid_rgb": _near(rng, _SHADOWS[int(rng.integers(len(_SHADOWS)))], 0.2),
        "lip_rgb": _near(rng, _LIPSTICKS[int(rng.integers(len(_LIPSTICKS)))], 0.15),
        "eyeliner": eyeliner,
        "eyeshadow": eyeshadow,
        "lipstick": lipstick,
        "blush": blush,
    }


def _worn(rng: np.random.Generator, *, age: float) -> _Worn:
    glasses: GlassesStyle = "none"
    if rng.random() < 0.17 + 0.16 * age:
        frames: tuple[GlassesStyle, ...] = ("square", "round", "thin", "browline")
        glasses = _pick(rng, frames, (0.36, 0.26, 0.24, 0.14))
    headset: HeadsetStyle = "none"
    if rng.random() < 0.12:
        sets: tuple[HeadsetStyle, ...] = ("over_ear", "earbuds")
        headset = _pick(rng, sets, (0.7, 0.3))
    cloths: tuple[ClothStyle, ...] = ("crew", "vee", "high")
    return {
        "glasses": glasses,
        "glasses_rgb": _near(rng, _FRAMES[int(rng.integers(len(_FRAMES)))], 0.15),
        "headset": headset,
        "headset_rgb": _near(rng, _SHELLS[int(rng.integers(len(_SHELLS)))], 0.15),
        "cloth": _pick(rng, cloths, (0.58, 0.26, 0.16)),
        "cloth_rgb": _hue(rng, saturation=float(rng.beta(1.3, 1.9)), value=float(0.02 + 0.55 * rng.beta(1.2, 1.8))),
    }


def _behind(rng: np.random.Generator) -> _Behind:
    styles: tuple[BackdropStyle, ...] = ("room", "bokeh", "shelves", "plain", "gradient", "night")
    backdrop = _pick(rng, styles, (0.28, 0.18, 0.16, 0.14, 0.12, 0.12))
    colour = _hue(rng, saturation=float(0.5 * rng.beta(1.2, 2.0)), value=float(0.06 + 0.5 * rng.beta(1.6, 2.0)))
    return {"backdrop": backdrop, "backdrop_rgb": colour}


def _hue(rng: np.random.Generator, *, saturation: float, value: float) -> Triple:
    """A linear RGB colour of any hue."""
    ramp = np.abs((rng.random() * 6.0 + np.array([0.0, 4.0, 2.0])) % 6.0 - 3.0) - 1.0
    red, green, blue = (float(part) for part in value * (1.0 - saturation * (1.0 - np.clip(ramp, 0.0, 1.0))))
    return red, green, blue
