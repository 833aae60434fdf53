"""What a model that was made elsewhere looks like: it is worn by people of the cast, who do not exist."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import cv2
import numpy as np

from mien.engines.consent.files import read_plain
from mien.engines.formats.base import ForeignModel, Play
from mien.engines.formats.table import format_of, is_model
from mien.engines.personas.library import SHIPPED_DIR
from mien.engines.personas.manifest import sha256
from mien.engines.personas.pack import Persona, load_pack
from mien.engines.personas.photo import read_photo
from mien.realtime.aligner import align, crop
from mien.realtime.blend import blend
from mien.realtime.colour import ColourMatcher
from mien.realtime.engine import Engine
from mien.realtime.errors import EngineError, ModelError, PersonaError
from mien.realtime.face import Face
from mien.realtime.frame import Pixels
from mien.realtime.painter import LEAST_PAINTED

#: A man and a woman: what a model makes depends on who wears it.
_WEARERS: Final = ("viggo", "amara")


def read_model(path: Path) -> bytes:
    """The bytes of a model's file. One that is too large is refused before it is read.

    Raises:
        ModelError: it is too large.
        PersonaError: it cannot be read, is no plain file, or of no known format.

    """
    most = format_of(path.name).most_bytes
    try:
        size = path.stat().st_size
        data = b"" if size > most else read_plain(path, most + 1)
    except OSError as error:
        raise PersonaError(f"The model {path} cannot be read ({error.strerror}).") from error
    if max(size, len(data)) > most:
        raise ModelError(f"The model {path.name} has {size} bytes; such a file may have {most}.")
    return data


def source_digest(path: Path) -> str:
    """The SHA-256 by which a consent names a model, or else a picture; raises as `read_model` and `read_photo`."""
    return sha256(read_model(path)) if is_model(path.name) else read_photo(path).digest


def renders(model: ForeignModel, name: str) -> tuple[Pixels, ...]:
    """What the model makes of the wearers' portraits, as much the persona as it can: (H, W, 3) uint8 BGR each.

    Takes some seconds.

    Args:
        model: that was read.
        name: of its file, for messages.

    Raises:
        EngineError: no runtime can run it.
        MissingExtraError: a package that it needs is not installed.
        ModelError: it gives no picture of a face.

    """
    engine = model.open(Play("to see what it renders", morph=lambda: 1.0))
    try:
        return tuple(_worn(engine, load_pack(SHIPPED_DIR / wearer)) for wearer in _WEARERS)
    except EngineError as error:
        raise ModelError(f"The model {name} cannot be used: {error}") from error
    finally:
        engine.close()


def _worn(engine: Engine, wearer: Persona) -> Pixels:
    picture = wearer.portrait.copy()
    face = Face(1, wearer.landmarks, wearer.blendshapes, np.eye(4, dtype=np.float32))
    alignment = align(face, engine.spec, picture.shape[1], picture.shape[0])
    patch = engine(face, crop(picture, alignment))
    x0, y0, x1, y1 = face.box
    area = abs(float(np.linalg.det(alignment.matrix[:, :2]))) * (x1 - x0) * (y1 - y0)
    painted = cv2.countNonZero(cv2.threshold(patch.mask, 127, 255, cv2.THRESH_BINARY)[1])
    if painted < LEAST_PAINTED * area:
        raise EngineError(f"it paints {painted / area:.0%} of a face; at least {LEAST_PAINTED:.0%} is needed.")
    blend(picture, face, patch, alignment, ColourMatcher(), None, 0)
    return picture
