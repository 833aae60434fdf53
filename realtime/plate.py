"""The plate that a mark is written on: its words, its colours, and its pixels, drawn once per size.

Contrast follows WCAG 2.2 (success criterion 1.4.3): relative luminance of sRGB, at least 4.5:1 between the words and
the plate, here for the worst picture that can lie behind a plate that lets some of it through.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from mien.realtime.config import nearest
from mien.realtime.errors import ConfigError

#: What a plate can say.
Word = Literal["modified", "generated", "slate", "camera"]
Rgb = tuple[int, int, int]

#: Least contrast between words and plate (WCAG 2.2, level AA for text of any size).
MIN_CONTRAST: Final = 4.5

#: Words by language. The font that comes with Pillow has A to Z without accents; the marks of `_ACCENTS` are drawn.
#: "slate" never speaks of AI: a slate is not synthetic.
WORDS: Final[dict[str, dict[Word, str]]] = {
    "de": {"modified": "KI-BEARBEITET", "generated": "KI-GENERIERT", "slate": "PAUSE", "camera": "KAMERA"},
    "en": {"modified": "AI MODIFIED", "generated": "AI GENERATED", "slate": "PAUSED", "camera": "CAMERA"},
    "es": {"modified": "MODIFICADO CON IA", "generated": "GENERADO CON IA", "slate": "EN PAUSA", "camera": "CÁMARA"},
    "fr": {"modified": "MODIFIÉ PAR IA", "generated": "GÉNÉRÉ PAR IA", "slate": "EN PAUSE", "camera": "CAMÉRA"},
    "it": {"modified": "MODIFICATO CON IA", "generated": "GENERATO CON IA", "slate": "IN PAUSA", "camera": "TELECAMERA"},  # noqa: E501
    "nl": {"modified": "AI-BEWERKT", "generated": "AI-GEGENEREERD", "slate": "GEPAUZEERD", "camera": "CAMERA"},
    "pl": {"modified": "ZMIENIONE PRZEZ AI", "generated": "STWORZONE PRZEZ AI", "slate": "PAUZA", "camera": "KAMERA"},
    "pt": {"modified": "MODIFICADO POR IA", "generated": "GERADO POR IA", "slate": "EM PAUSA", "camera": "CÂMERA"},
}  # fmt: skip

#: Words for frames too narrow for whole ones (a thumbnail): better a legible "AI" than an illegible sentence.
SHORT_WORDS: Final[dict[str, str]] = {
    "de": "KI", "en": "AI", "es": "IA", "fr": "IA", "it": "IA", "nl": "AI", "pl": "AI", "pt": "IA",
}  # fmt: skip

# Enough pixels to know a plate by, and few enough to look at in every frame.
_WITNESSES: Final = 256
# Shape, in cap heights.
_PAD_Y, _PAD_X, _GAP, _ICON, _TRACKING, _STROKE = 0.62, 0.85, 0.5, 0.92, 0.055, 0.035
# A line of the words' colour around the plate, so that a dark one is seen before a dark picture: width and strength.
_RIM, _RIM_INK = 0.05, 0.3
# Combining marks (Unicode NFD) as lines above the letter, in cap heights: x from the letter's middle, y from its top.
_ACCENTS: Final[dict[str, tuple[tuple[float, float], ...]]] = {
    "\u0301": ((-0.07, 0.11), (0.11, 0.30)),
    "\u0302": ((-0.18, 0.11), (0.0, 0.29), (0.18, 0.11)),
}
_ACCENT_WIDTH = 0.12


def words(language: str, word: Word) -> str:
    """The words for `word`; raises `ConfigError` for a language that is not offered."""
    if language not in WORDS:
        raise ConfigError(
            f"badge language '{language}' is not offered.",
            hint=f"{nearest(language, list(WORDS))} Offered: {', '.join(WORDS)}.",
        )
    return WORDS[language][word]


def short_words(language: str, word: Word) -> str:
    """The shortest honest words for `word`: two or three letters for a thumbnail."""
    return {"camera": "CAM", "slate": "..."}.get(word) or SHORT_WORDS[language]


def luminance(colour: Rgb) -> float:
    """Relative luminance of an sRGB colour, 0..1 (WCAG 2.2)."""
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in (c / 255 for c in colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Rgb, other: Rgb) -> float:
    """Contrast ratio of two sRGB colours, 1..21 (WCAG 2.2)."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@dataclass(frozen=True, slots=True)
class PlateStyle:
    """Colours of a plate.

    Attributes:
        plate: sRGB of the plate.
        text: sRGB of the words.
        opacity: 0..1, how much of the plate is seen; the rest is the picture behind.

    """

    plate: Rgb
    text: Rgb
    opacity: float

    def __post_init__(self) -> None:
        if self.worst_contrast < MIN_CONTRAST:
            raise ConfigError(
                f"badge plate {self.plate} at opacity {self.opacity:.2f} gives its words a contrast of "
                f"{self.worst_contrast:.2f}:1 before the least favourable picture; at least {MIN_CONTRAST}:1 is needed."
            )

    @property
    def worst_contrast(self) -> float:
        """Contrast of the words with the plate before a black or a white picture, whichever is worse.

        Luminance is monotonic in each channel, so the extremes of the picture behind give the extremes of the plate.
        A text whose luminance lies between the two would meet its own colour: that counts as 1.
        """
        seen = [self._seen_before(behind) for behind in (0, 255)]
        text = luminance(self.text)
        if luminance(seen[0]) < text < luminance(seen[1]):
            return 1.0
        return min(contrast(self.text, colour) for colour in seen)

    def _seen_before(self, behind: int) -> Rgb:
        red, green, blue = (round(c * self.opacity + behind * (1 - self.opacity)) for c in self.plate)
        return red, green, blue


LIGHT: Final = PlateStyle((246, 246, 244), (22, 22, 26), 0.88)
DARK: Final = PlateStyle((20, 20, 24), (250, 250, 250), 0.82)


def plate_styles(plate: str) -> tuple[PlateStyle, PlateStyle]:
    """(for a dark picture, for a light picture) as the user's choice of plate says.

    Args:
        plate: "auto", "light", "dark" or a brand colour "#rrggbb". A brand colour gets black or white words,
            whichever is clearer, and only as much transparency as leaves them their contrast: black or white on an
            opaque plate always reaches sqrt(21) = 4.58:1.

    Raises:
        ConfigError: anything else.

    """
    if plate == "auto":
        return LIGHT, DARK
    if plate in ("light", "dark"):
        style = LIGHT if plate == "light" else DARK
        return style, style
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", plate):
        raise ConfigError(f"badge plate '{plate}' is not a plate.", hint="Use auto, light, dark or #rrggbb.")
    colour = (int(plate[1:3], 16), int(plate[3:5], 16), int(plate[5:7], 16))
    style = _brand_style(colour)
    return style, style


def _brand_style(colour: Rgb) -> PlateStyle:
    text: Rgb = max(((0, 0, 0), (255, 255, 255)), key=lambda candidate: contrast(candidate, colour))
    for opacity in (0.85, 0.9, 0.95):
        try:
            return PlateStyle(colour, text, opacity)
        except ConfigError:
            continue
    return PlateStyle(colour, text, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class Stencil:
    """Coverage of a plate and of what is written on it, without colours.

    Attributes:
        plate: (h, w) float32, 0..1.
        ink: (h, w) float32, 0..1: words and sign.
        cap_height_px: height of a capital letter.

    """

    plate: NDArray[np.float32]
    ink: NDArray[np.float32]
    cap_height_px: int


@dataclass(frozen=True, slots=True, eq=False)
class Raster:
    """A plate ready to be laid over pixels: ``out = colour + (pixels * keep >> 8)``.

    Attributes:
        colour: (h, w, 3) uint16 BGR, 0..255, already times its opacity.
        keep: (h, w, 3) uint16, 0..256: how much of the picture stays.
        witnesses: rows and columns of the pixels that hide most of the picture, by which a badge is known.
        bounds: (n, 3) int16 each, the least and the greatest level that can be there once it is laid.

    """

    colour: NDArray[np.uint16]
    keep: NDArray[np.uint16]
    witnesses: tuple[NDArray[np.intp], NDArray[np.intp]] = field(init=False)
    bounds: tuple[NDArray[np.int16], NDArray[np.int16]] = field(init=False)

    def __post_init__(self) -> None:
        kept = self.keep[..., 0]
        most = np.argsort(kept, axis=None, kind="stable")[:_WITNESSES]
        rows, columns = np.unravel_index(most, kept.shape)
        object.__setattr__(self, "witnesses", (rows, columns))
        least = self.colour[rows, columns].astype(np.int16)
        kept_most = (255 * self.keep[rows, columns] >> 8).astype(np.int16)
        object.__setattr__(self, "bounds", (least, least + kept_most))

    @property
    def size(self) -> tuple[int, int]:
        """(width, height), px."""
        return int(self.keep.shape[1]), int(self.keep.shape[0])


def stencil(text: str, word: Word, cap_height_px: int) -> Stencil:
    """Draw the pill, its sign and its words with capitals `cap_height_px` high; both sides come out even."""
    fine = 4 if cap_height_px < 64 else 2
    cap = cap_height_px * fine
    font = font_for_cap_height(cap)
    letters = unicodedata.normalize("NFD", text)
    width, height = (2 * fine * round(side / (2 * fine)) for side in (
        line_width(letters, font, cap, _TRACKING) + (2 * _PAD_X + _ICON + _GAP) * cap, (1 + 2 * _PAD_Y) * cap,
    ))  # fmt: skip
    plate, ink = Image.new("L", (width, height)), Image.new("L", (width, height))
    box, rim = (0, 0, width - 1, height - 1), max(fine, round(_RIM * cap))
    ImageDraw.Draw(plate).rounded_rectangle(box, (height - 1) / 2, fill=255)
    draw = ImageDraw.Draw(ink)
    draw.rounded_rectangle(box, (height - 1) / 2, outline=round(255 * _RIM_INK), width=rim)
    _draw_sign(draw, word, ((_PAD_X + _ICON / 2) * cap, height / 2), _ICON * cap / 2)
    _draw_words(draw, letters, font, cap, ((_PAD_X + _ICON + _GAP) * cap, (height + cap) / 2))
    return Stencil(_reduced(plate, fine), _reduced(ink, fine), cap_height_px)


def paint(shape: Stencil, style: PlateStyle) -> Raster:
    """Colour a stencil. The words are opaque, the plate has its style's opacity."""
    ink = shape.ink[..., None]
    plate = shape.plate[..., None] * style.opacity * (1 - ink)
    colour = plate * _bgr(style.plate) + ink * _bgr(style.text)
    keep = np.broadcast_to((1 - plate - ink) * 256, colour.shape)
    return Raster(np.rint(colour).astype(np.uint16), np.floor(np.clip(keep, 0, 256)).astype(np.uint16))


def _bgr(colour: Rgb) -> NDArray[np.float32]:
    return np.array(colour[::-1], np.float32)


def _reduced(mask: Image.Image, factor: int) -> NDArray[np.float32]:
    return np.asarray(mask.reduce(factor), np.float32) / np.float32(255)


def font_for_cap_height(cap_height_px: int) -> ImageFont.FreeTypeFont:
    """Pillow's own font with capitals that high: the same on every system, and it needs none to be installed."""
    probe = ImageFont.load_default(1000)
    if not isinstance(probe, ImageFont.FreeTypeFont):
        raise ConfigError("this Pillow was built without FreeType.", hint="Install Pillow's wheel from PyPI.")
    _, top, _, bottom = probe.getbbox("H", anchor="ls")
    font = ImageFont.load_default(cap_height_px * 1000 / (bottom - top))
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font


def line_width(letters: str, font: ImageFont.FreeTypeFont, cap_height_px: int, tracking: float) -> float:
    """Width of spaced letters, px; `tracking` is in cap heights, combining marks take no room."""
    bases = [letter for letter in letters if not unicodedata.combining(letter)]
    return sum(font.getlength(letter) for letter in bases) + tracking * cap_height_px * (len(bases) - 1)


def _draw_words(
    draw: ImageDraw.ImageDraw, letters: str, font: ImageFont.FreeTypeFont, cap: int, start: tuple[float, float]
) -> None:
    """Set spaced capitals on a baseline from `start`; a combining mark goes over the letter before it."""
    (x, baseline), middle = start, start[0]
    for letter in letters:
        if unicodedata.combining(letter):
            line = [(middle + dx * cap, baseline - (1 + dy) * cap) for dx, dy in _ACCENTS[letter]]
            draw.line(line, fill=255, width=max(1, round(_ACCENT_WIDTH * cap)), joint="curve")
            continue
        draw.text((x, baseline), letter, font=font, fill=255, anchor="ls", stroke_width=round(_STROKE * cap))
        middle = x + font.getlength(letter) / 2
        x += font.getlength(letter) + _TRACKING * cap


def _draw_sign(draw: ImageDraw.ImageDraw, word: Word, centre: tuple[float, float], radius: float) -> None:
    """A spark for what an engine made, two bars for a pause, a lens for the camera."""
    x, y = centre
    if word == "slate":
        for side in (-0.45, 0.45):
            left, right = x + (side - 0.2) * radius, x + (side + 0.2) * radius
            draw.rounded_rectangle((left, y - 0.85 * radius, right, y + 0.85 * radius), 0.15 * radius, fill=255)
        return
    if word == "camera":
        outer, inner = 0.95 * radius, 0.42 * radius
        draw.ellipse((x - outer, y - outer, x + outer, y + outer), outline=255, width=max(1, round(0.24 * radius)))
        draw.ellipse((x - inner, y - inner, x + inner, y + inner), fill=255)
        return
    angle = np.linspace(0, 2 * np.pi, 97)
    # An astroid: |x|^(2/3) + |y|^(2/3) = 1, a star of four thin points.
    points = np.stack([x + 1.1 * radius * np.cos(angle) ** 3, y + 1.1 * radius * np.sin(angle) ** 3], axis=1)
    draw.polygon([(float(px), float(py)) for px, py in points], fill=255)
