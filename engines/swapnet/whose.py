"""Whether footage shows the person whose consent lies in the pack."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mien.engines.measure.identity import FaceIdentity, similarity
from mien.engines.swapnet.samples import persona_place, read_persona
from mien.realtime.errors import SourceError
from mien.realtime.frame import Floats, Pixels

#: Cosine of SFace from which footage is taken to show the portrait's person. OpenCV Zoo's threshold on photographs of
#: two people is 0.363; a portrait and its own person's frames come to 0.6 and more. Rendered people look more alike to
#: SFace than real ones (0.33 to 0.62 among those that ship), so this stops a mix-up and proves nobody's identity.
LEAST_ALIKE = 0.45
_LOOKED_AT = 15


def likeness(folder: Path, name: str, portrait: Pixels, landmarks: Floats, identity: FaceIdentity) -> float:
    """Median SFace similarity of an extraction's first shard to a portrait, -1..1.

    Args:
        folder: of the extraction.
        name: of the persona.
        portrait: (H, W, 3) uint8 BGR.
        landmarks: (478, 3) float32, px of it.
        identity: SFace.

    """
    shard = read_persona(persona_place(folder, name, 0))
    own = identity.embed(portrait, landmarks)
    chosen = np.linspace(0, len(shard.landmarks) - 1, min(_LOOKED_AT, len(shard.landmarks))).round().astype(int)
    found = [similarity(own, identity.embed(shard.pixels.at(int(k)), shard.landmarks[k])) for k in chosen]
    return float(np.median(found))


def check_likeness(alike: float, name: str) -> None:
    """Raise `SourceError` where footage does not show the portrait's person."""
    if alike < LEAST_ALIKE:
        raise SourceError(
            f"The footage shows somebody else than the portrait of {name!r} (SFace: {alike:.2f}, at least "
            f"{LEAST_ALIKE} is one person).",
            hint="Consent is one person's: make a persona of their own for whoever is in the footage.",
        )
