"""A user's portrait file, set upright, in sRGB, without transparency and without metadata."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps

from mien.engines.personas.container import MAX_FILE_BYTES
from mien.engines.personas.manifest import sha256
from mien.engines.personas.picture import open_picture, to_array
from mien.realtime.errors import PersonaError
from mien.realtime.frame import Pixels

#: Greater side of a stored portrait, px: enough for a face of 600 px with shoulders, 2 to 3 MB as PNG.
MAX_STORED_SIDE_PX = 1536
_FORMATS = ("PNG", "JPEG", "WEBP")
#: What a transparent background becomes: mid grey, which colours no edge.
_BACKDROP = (128, 128, 128)


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """A portrait ready to be tracked.

    Attributes:
        pixels: (H, W, 3) uint8 BGR, at most 1536 px a side.
        alpha: (H, W) uint8, 0 = was transparent; None if nothing was.
        digest: SHA-256 of the file, by which a consent names it.

    """

    pixels: Pixels
    alpha: NDArray[np.uint8] | None
    digest: str


def read_photo(path: Path) -> Photo:
    """Read a PNG, JPEG or WebP portrait.

    Raises:
        PersonaError: it cannot be read, is no such picture, or is too large.

    """
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise PersonaError(f"The portrait {path} cannot be read ({error.strerror}).") from error
    if len(data) > MAX_FILE_BYTES:
        raise PersonaError(f"{path.name} has more than {MAX_FILE_BYTES} bytes.", hint="Use a smaller picture.")
    picture = open_picture(data, path.name, _FORMATS)
    try:
        upright = ImageOps.exif_transpose(picture)
    except (OSError, ValueError, SyntaxError) as error:
        raise PersonaError(f"{path.name} is damaged or cut off ({error}).") from error
    upright = _to_srgb(upright)
    upright.thumbnail((MAX_STORED_SIDE_PX, MAX_STORED_SIDE_PX), Image.Resampling.LANCZOS)
    alpha = _alpha(upright, path.name)
    if alpha is not None:
        backdrop = Image.new("RGBA", upright.size, (*_BACKDROP, 255))
        upright = Image.alpha_composite(backdrop, upright.convert("RGBA"))
    return Photo(np.ascontiguousarray(to_array(upright, "RGB", path.name)[:, :, ::-1]), alpha, sha256(data))


def _alpha(picture: Image.Image, name: str) -> NDArray[np.uint8] | None:
    if not picture.has_transparency_data:
        return None
    alpha = to_array(picture, "RGBA", name)[:, :, 3]
    return alpha if bool((alpha < 255).any()) else None


def _to_srgb(picture: Image.Image) -> Image.Image:
    """Phones write Display P3; read as sRGB, every face would be pale."""
    profile = picture.info.get("icc_profile")
    if not profile or picture.mode not in ("RGB", "RGBA", "CMYK"):
        return picture
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = "RGBA" if picture.mode == "RGBA" else "RGB"
        converted = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode=mode)
    except (ImageCms.PyCMSError, OSError, ValueError):
        # A damaged profile is common and harmless: the numbers are then taken as sRGB, as a browser does.
        return picture
    return converted or picture
