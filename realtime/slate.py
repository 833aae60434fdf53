"""The slate: what viewers see when there is no persona picture. It never says why."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps, UnidentifiedImageError

from mien.realtime.config import nearest
from mien.realtime.errors import ConfigError
from mien.realtime.frame import MAX_SIDE_PX, Pixels
from mien.realtime.plate import font_for_cap_height, line_width

#: The words of the built-in slate by language; chosen so that the built-in font, which has no accents, can write them.
WORDS: Final[dict[str, str]] = {
    "de": "Gleich geht es weiter",
    "en": "Back in a moment",
    "es": "Volvemos enseguida",
    "fr": "De retour dans un instant",
    "it": "Torniamo subito",
    "nl": "Zo weer terug",
    "pl": "Zaraz wracamy",
    "pt": "Voltamos num instante",
}

#: Limits for the user's own picture, which is untrusted: its file, and its size before it is decoded (a camera's
#: 6000x4000 px pass).
MAX_FILE_BYTES: Final = 32 * 2**20
MAX_PIXELS: Final = 24_000_000
FORMATS: Final = ("PNG", "JPEG", "WEBP")

# sRGB: the ground from top to bottom, a warm light from the upper left, the words, and the quiet second tone.
_TOP, _BOTTOM, _GLOW = (24, 25, 34), (15, 15, 20), (104, 70, 92)
_INK, _QUIET = (240, 237, 232), (150, 146, 156)


class Slate:
    """A still picture of the frame's size, made once.

    Args:
        width: px.
        height: px.
        picture: the user's own picture (PNG, JPEG or WebP, at most 32 MiB, 24 megapixels and 8192 px a side), cut
            to fill the frame; None for the built-in card.
        language: of the built-in card's words.

    Raises:
        ConfigError: the picture is missing, no regular file, too large, damaged or of another format; the language
            is not offered.

    """

    def __init__(self, width: int, height: int, picture: Path | None = None, *, language: str = "en") -> None:
        if picture is not None:
            image = _load(picture, width, height)
        elif language not in WORDS:
            raise ConfigError(f"slate language '{language}' is not offered.", hint=nearest(language, list(WORDS)))
        else:
            image = _card(width, height, WORDS[language])
        self._pixels: Pixels = np.ascontiguousarray(np.asarray(image)[..., ::-1])
        self._pixels.flags.writeable = False

    def picture(self) -> Pixels:
        """(H, W, 3) uint8 BGR, read-only; the same array every time."""
        return self._pixels


def _load(path: Path, width: int, height: int) -> Image.Image:
    """Decode the user's picture and cut it to fill width x height; raises `ConfigError`."""
    hint = "Use a PNG, JPEG or WebP of at most 32 MiB, 24 megapixels and 8192 px a side, or leave the setting out."
    try:
        # To open a pipe would wait for ever, and a device has no end.
        if path.exists() and not path.is_file():
            raise ConfigError(f"slate picture {path.name} cannot be read: it is not a regular file.", hint=hint)
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ConfigError(f"slate picture {path.name} has {path.stat().st_size / 2**20:.0f} MiB.", hint=hint)
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as image:
                if max(image.size) > MAX_SIDE_PX or image.width * image.height > MAX_PIXELS:
                    raise ConfigError(f"slate picture {path.name} is {image.width}x{image.height} px.", hint=hint)
                upright = _decoded(image, width, height)
    # What Pillow raises for files that are damaged or made to harm: SyntaxError and ValueError among them.
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        if isinstance(error, ConfigError):
            raise
        # Pillow's and the system's own words hold the whole path, which is nobody else's business.
        reason = "it is none of these" if isinstance(error, UnidentifiedImageError) else _words_of(error)
        raise ConfigError(f"slate picture {path.name} cannot be read: {reason}.", hint=hint) from error
    ground = Image.new("RGBA", upright.size, (*_BOTTOM, 255))
    ground.alpha_composite(upright)
    return ImageOps.fit(ground.convert("RGB"), (width, height), Image.Resampling.LANCZOS)


def _decoded(image: Image.Image, width: int, height: int) -> Image.Image:
    """Turn the picture upright as RGBA; far larger than width x height, it is shrunk on the way to save memory."""
    # A JPEG is decoded at a half, quarter or eighth; upright or not, for its turn is not yet known.
    image.draft(None, (max(width, height), max(width, height)))
    ImageOps.exif_transpose(image, in_place=True)
    if image.mode not in ("L", "RGB", "RGBA"):
        image = image.convert("RGBA")
    factor = max(1, min(image.width // width, image.height // height))
    return image.reduce(factor).convert("RGBA") if factor > 1 else image.convert("RGBA")


def _words_of(error: Exception) -> str:
    return str((isinstance(error, OSError) and error.strerror) or error).rstrip(".")


def _card(width: int, height: int, words: str) -> Image.Image:
    """Draw the built-in card: a dark ground, the sign, the words, the wordmark below."""
    image = Image.fromarray(_ground(width, height))
    short = min(width, height)
    if short < 64:
        return image
    cap = _fitting_cap(words, round(short * 0.05), width * 0.84)
    centre_y = height * 0.47
    _paint(image, _sign(image.size, (width / 2, centre_y - short * 0.13), short * 0.075), _INK)
    _paint(image, _line(image.size, words, cap, centre_y + short * 0.09, 0.02), _INK)
    _paint(image, _line(image.size, "mien", round(short * 0.026), height - short * 0.085, 0.42), _QUIET)
    return image


def _ground(width: int, height: int) -> NDArray[np.uint8]:
    """Two tones and a soft light; dithered by half a step, so that video encoders make no bands of it."""
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    x = np.linspace(0, 1, width, dtype=np.float32)[None, :, None]
    tone = np.array(_TOP, np.float32) * (1 - y) + np.array(_BOTTOM, np.float32) * y
    aspect = width / height
    distance = ((x - 0.3) * max(aspect, 1)) ** 2 + ((y - 0.12) / min(aspect, 1)) ** 2
    tone = tone + np.exp(-distance / 0.32) * 0.42 * (np.array(_GLOW, np.float32) - tone)
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (height, width, 1)).astype(np.float32)
    return np.rint(np.clip(tone + noise, 0, 255)).astype(np.uint8)


def _fitting_cap(words: str, cap: int, room: float) -> int:
    while cap > 4 and line_width(words, font_for_cap_height(cap), cap, 0.02) > room:
        cap -= 1
    return cap


def _line(size: tuple[int, int], words: str, cap: int, baseline: float, tracking: float) -> Image.Image:
    """Coverage of one centred line of spaced words."""
    mask, font = Image.new("L", size), font_for_cap_height(cap)
    draw = ImageDraw.Draw(mask)
    x = (size[0] - line_width(words, font, cap, tracking)) / 2
    for letter in words:
        draw.text((x, baseline), letter, font=font, fill=255, anchor="ls")
        x += font.getlength(letter) + tracking * cap
    return mask


def _sign(size: tuple[int, int], centre: tuple[float, float], radius: float) -> Image.Image:
    """Coverage of the sign: a face's oval, and the same oval turned away behind it."""
    fine = 4
    side = 2 * int(2 * radius)
    tile = Image.new("L", (side * fine, side * fine))
    draw = ImageDraw.Draw(tile)
    middle, r, pen = side * fine / 2, radius * fine, max(1, round(0.085 * radius * fine))

    def oval(dx: float) -> tuple[float, float, float, float]:
        return middle + (dx - 0.74) * r, middle - r, middle + (dx + 0.74) * r, middle + r

    draw.ellipse(oval(0.42), outline=150, width=pen)
    draw.ellipse(oval(-0.42), fill=0)
    draw.ellipse(oval(-0.42), outline=255, width=pen)
    mask = Image.new("L", size)
    mask.paste(tile.reduce(fine), (round(centre[0]) - side // 2, round(centre[1]) - side // 2))
    return mask


def _paint(image: Image.Image, coverage: Image.Image, colour: tuple[int, int, int]) -> None:
    image.paste(Image.new("RGB", image.size, colour), (0, 0), coverage)
