from __future__ import annotations

import numpy as np
import pytest

from mien.engines.swapnet.code import NAMED, NAMED_INDEX
from mien.engines.swapnet.edit import CodeEdit, parse_edit
from mien.realtime.errors import ConfigError


def code(**values: float) -> np.ndarray:
    out = np.zeros(len(NAMED), np.float32)
    for name, value in values.items():
        out[NAMED_INDEX[name]] = value
    return out


def test_a_word_moves_its_group_and_nothing_else() -> None:
    edit = parse_edit("smile=+0.2, brows=0.5x")
    before = code(mouthSmileLeft=0.3, browInnerUp=0.6, jawOpen=0.4)
    after = edit.apply(before)
    assert after[NAMED_INDEX["mouthSmileLeft"]] == pytest.approx(0.5)
    assert after[NAMED_INDEX["mouthSmileRight"]] == pytest.approx(0.2)
    assert after[NAMED_INDEX["browInnerUp"]] == pytest.approx(0.3)
    assert after[NAMED_INDEX["jawOpen"]] == pytest.approx(0.4)
    assert before[NAMED_INDEX["mouthSmileLeft"]] == pytest.approx(0.3)


def test_what_comes_out_stays_in_the_trained_range() -> None:
    after = parse_edit("smile=+0.5,jaw=2x").apply(code(mouthSmileLeft=0.9, jawOpen=0.8, browInnerUp=-0.2, headYaw=3.0))
    assert after[NAMED_INDEX["mouthSmileLeft"]] == 1
    assert after[NAMED_INDEX["jawOpen"]] == 1
    assert after[NAMED_INDEX["browInnerUp"]] == 0
    assert after[NAMED_INDEX["headYaw"]] == pytest.approx(1.5)


def test_eyes_that_look_into_the_camera_undo_the_heads_turn() -> None:
    after = parse_edit("gaze=camera").apply(code(headYaw=0.5, headPitch=-0.2, gazeYaw=0.3, eyeLookInLeft=0.4))
    assert after[NAMED_INDEX["gazeYaw"]] == pytest.approx(-0.5)
    assert after[NAMED_INDEX["gazePitch"]] == pytest.approx(0.2)
    # The actions follow the eyes, as they do in all that was rendered.
    assert after[NAMED_INDEX["eyeLookInLeft"]] == after[NAMED_INDEX["eyeLookOutRight"]] == pytest.approx(15 / 19)
    assert after[NAMED_INDEX["eyeLookOutLeft"]] == 0
    assert after[NAMED_INDEX["eyeLookUpLeft"]] == pytest.approx(0.6)
    far = parse_edit("gaze=camera").apply(code(headYaw=1.2))
    assert far[NAMED_INDEX["gazeYaw"]] == pytest.approx(-19 / 30)


def test_no_edit_changes_nothing_within_the_range() -> None:
    given = code(jawOpen=0.4, headYaw=-0.3)
    assert np.array_equal(CodeEdit().apply(given), given)
    assert not CodeEdit()
    assert parse_edit("jawOpen=+0.1")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("simle=+0.2", "smile"), ("smile=0.2", "Write smile"), ("smile=+0.9", "offset"), ("smile=3x", "strength"),
        ("gaze=left", "camera"), ("smile", "cannot be read"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_edit(text)
    assert said in f"{error.value} {error.value.hint}"
