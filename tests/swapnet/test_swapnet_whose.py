from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.engines.measure import FaceIdentity
from mien.engines.personas.library import Library
from mien.engines.personas.pack import Persona
from mien.engines.swapnet.samples import PERSONA_PX, PersonaShard, Pictures, persona_place, write_shard
from mien.engines.swapnet.terms import MARGIN
from mien.engines.swapnet.whose import check_likeness, likeness
from mien.realtime.aligner import head_square
from mien.realtime.errors import SourceError
from mien.realtime.head import fit_head


def footage_of(persona: Persona, folder: Path) -> None:
    """A shard with a persona's own portrait, a little brighter each time, as an extraction under the name "me"."""
    square = head_square(fit_head(persona.landmarks), PERSONA_PX, MARGIN)
    seen = cv2.warpAffine(persona.portrait, square.matrix, (PERSONA_PX, PERSONA_PX), flags=cv2.INTER_AREA)
    pictures = [np.clip(seen * gain, 0, 255).astype(np.uint8) for gain in (0.8, 0.9, 1.0, 1.1)]
    marks = np.repeat(square.apply(persona.landmarks[:, :2])[None], 4, axis=0)
    masks = [np.full((PERSONA_PX, PERSONA_PX), 255, np.uint8)] * 4
    write_shard(persona_place(folder, "me", 0), PersonaShard(Pictures.encode(pictures), Pictures.encode(masks), marks))


@pytest.mark.parametrize(("shown", "same"), [("mateo", True), ("linh", False)])
def test_footage_of_somebody_else_is_refused(tmp_path: Path, shown: str, same: bool) -> None:
    library = Library()
    portrait = library.find("mateo")
    footage_of(library.find(shown), tmp_path)
    alike = likeness(tmp_path, "me", portrait.portrait, portrait.landmarks, FaceIdentity())
    if same:
        assert alike > 0.8
        check_likeness(alike, "me")
    else:
        with pytest.raises(SourceError, match="somebody else"):
            check_likeness(alike, "me")
