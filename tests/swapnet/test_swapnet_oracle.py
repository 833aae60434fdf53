from __future__ import annotations

import numpy as np
import pytest
from swapnet_parts import at_rest, face

pytest.importorskip("anny")
pytest.importorskip("warp")

from mien.engines.cast.motion.gaze import DOWN_DEG, SIDE_DEG
from mien.engines.measure.oracle import as_rendered, told
from mien.engines.personas.library import find
from mien.engines.swapnet.code import ANGLE_DEG, NAMED_INDEX
from mien.realtime.errors import PersonaError
from mien.realtime.face import BLENDSHAPE_INDEX, Neutral

pytestmark = pytest.mark.cast


def scores(**given: float) -> np.ndarray:
    values = np.zeros(52, np.float32)
    for name, value in given.items():
        values[BLENDSHAPE_INDEX[name]] = value
    return values


def read(**given: float) -> dict[str, float]:
    """What the oracle is told of a driver whose jaw hangs by 0.2 at rest."""
    rest = Neutral(at_rest().shape, scores(jawOpen=0.2))
    named = told(face(scores=scores(jawOpen=0.2) + scores(**given), neutral=rest, yaw=15.0))
    return {name: float(named[index]) for name, index in NAMED_INDEX.items()}


def test_the_oracle_is_told_expression_from_rest_and_the_head() -> None:
    named = read(jawOpen=0.5, mouthSmileLeft=0.4)
    assert named["jawOpen"] == pytest.approx(0.5, abs=1e-5)
    assert named["mouthSmileLeft"] == pytest.approx(0.4, abs=1e-5)
    assert named["mouthSmileRight"] == 0
    assert named["headYaw"] * ANGLE_DEG == pytest.approx(15.0, abs=0.2)


def test_eyes_that_look_aside_and_down_are_angles_to_the_person_s_left_and_down() -> None:
    left = read(eyeLookOutLeft=0.5, eyeLookInRight=0.5)
    assert left["gazeYaw"] * ANGLE_DEG == pytest.approx(0.5 * SIDE_DEG)
    right = read(eyeLookInLeft=0.5, eyeLookOutRight=0.5, eyeLookDownLeft=0.4, eyeLookDownRight=0.2)
    assert right["gazeYaw"] * ANGLE_DEG == pytest.approx(-0.5 * SIDE_DEG)
    assert right["gazePitch"] * ANGLE_DEG == pytest.approx(-0.3 * DOWN_DEG)


def test_who_was_not_rendered_has_no_oracle() -> None:
    amara = find("amara")
    object.__setattr__(amara, "manifest", amara.manifest.model_copy(update={"cast": None}))
    with pytest.raises(PersonaError, match="not rendered by the cast"):
        as_rendered(amara)
