from __future__ import annotations

import base64

import numpy as np
import pytest
from swapnet_parts import at_rest, face, still_marks

from mien.engines.swapnet.bending import bent, spread
from mien.engines.swapnet.code import NAMED, NAMED_INDEX
from mien.engines.swapnet.likeness import Likeness, moves_of
from mien.engines.swapnet.marks import Marks, fit_marks, kept_landmarks
from mien.engines.swapnet.terms import MARGIN
from mien.realtime.aligner import head_square
from mien.realtime.errors import ModelError
from mien.realtime.face import Face
from mien.realtime.head import fit_head

SIZE = 256
NOTHING = np.zeros(len(NAMED), np.float32)


def turned(yaw: float, pitch: float, jaw: float) -> np.ndarray:
    """(478, 2) landmarks in the square of a face whose chin falls with the jaw."""
    given = face(yaw=yaw, pitch=pitch)
    points = head_square(fit_head(given.landmarks), SIZE, MARGIN).apply(given.landmarks[:, :2])
    points[152, 1] += 20 * jaw
    return points.astype(np.float32)


def code(yaw: float, pitch: float, jaw: float) -> np.ndarray:
    named = NOTHING.copy()
    for name, value in (("headYaw", yaw / 30), ("headPitch", pitch / 30), ("jawOpen", jaw)):
        named[NAMED_INDEX[name]] = value
    return named


@pytest.fixture(scope="module")
def marks() -> Marks:
    rng = np.random.default_rng(0)
    asked = [(*rng.uniform(-25, 25, 2), rng.random()) for _ in range(300)]
    return fit_marks(np.array([code(*each) for each in asked]), np.array([turned(*each) for each in asked]), SIZE)


def test_a_code_says_where_landmarks_lie_also_for_heads_that_no_sample_showed(marks: Marks) -> None:
    for asked in ((12.0, -7.0, 0.6), (-20.0, 10.0, 0.0)):
        error = np.linalg.norm(marks.at(code(*asked), SIZE) - turned(*asked)[kept_landmarks()], axis=1)
        assert np.median(error) < 0.5
        assert error.max() < 3


def test_marks_scale_with_the_square_and_move(marks: Marks) -> None:
    asked = code(5, 5, 0.3)
    # Pixels of the larger square are halves of the smaller one's.
    assert np.allclose(2 * marks.at(asked, 128) + 0.5, marks.at(asked, 256), atol=1e-3)
    by = np.full((len(kept_landmarks()), 2), 0.1, np.float32)
    assert np.allclose(marks.moved(by).at(asked, 256) - marks.at(asked, 256), 25.6, atol=1e-3)


def test_marks_are_text_and_back_and_a_stranger_s_text_is_refused(marks: Marks) -> None:
    again = Marks.from_note(marks.to_note(), "base")
    assert np.abs(again.at(code(9, 3, 0.5), SIZE) - marks.at(code(9, 3, 0.5), SIZE)).max() < 0.5
    endless = base64.b64encode(np.full(len(base64.b64decode(marks.to_note())) // 2, np.inf, "<f2").tobytes()).decode()
    for note in ("no base64!", "AAAA", endless):
        with pytest.raises(ModelError, match="'base' cannot be read"):
            Marks.from_note(note, "base")


def picture() -> np.ndarray:
    """A grid, so that whatever moves shows."""
    out = np.zeros((SIZE, SIZE), np.uint8)
    out[::16], out[:, ::16] = 255, 255
    return out


def test_a_face_that_lies_right_already_is_left_as_it_is() -> None:
    given = face(neutral=at_rest())
    square = head_square(fit_head(given.landmarks), SIZE, MARGIN)
    places = spread(Likeness(still_marks(), SIZE).moves(given, square, NOTHING, NOTHING), SIZE)
    assert np.abs(places[0] - np.arange(SIZE)).max() < 0.05
    assert np.abs(bent(picture(), places).astype(int) - picture()).max() < 20


def test_a_longer_face_is_painted_longer_and_its_chin_where_the_driver_s_is(marks: Marks) -> None:
    """The driver's chin lies lower at rest, so the persona's is bent down to it; what is far from it stays."""
    kept = kept_landmarks()
    chin = int(np.flatnonzero(kept == 152)[0])
    rest = at_rest().shape.copy()
    given = face()
    square = head_square(fit_head(given.landmarks), SIZE, MARGIN)
    landmarks = given.landmarks.copy()
    # All around the chin, as smooth as faces are.
    lower = np.exp(-np.square(rest[:, :2] - rest[152, :2]).sum(1) / 8)[:, None] * np.array([0, 0.8, 0])
    long = Face(1, landmarks + (12 * lower).astype(np.float32), given.blendshapes, given.pose,
                type(at_rest())((rest + lower).astype(np.float32), at_rest().blendshapes))  # fmt: skip
    own = marks.at(NOTHING, SIZE)[chin]
    right, down = spread(Likeness(marks, SIZE).moves(long, square, NOTHING, NOTHING), SIZE)
    there = np.rint(square.apply(long.landmarks[152:153, :2])[0]).astype(int)
    assert there[1] - own[1] > 8
    assert abs(down[there[1], there[0]] - own[1]) < 3
    assert abs(right[there[1], there[0]] - own[0]) < 3
    assert abs(down[70, 128] - 70) < 2


def test_an_edit_is_not_bent_away() -> None:
    painted = still_marks().at(NOTHING, SIZE)
    shown = painted + np.float32([0, 10])
    _, kept_edit = spread(moves_of(painted, painted, shown, SIZE), SIZE)
    assert np.abs(kept_edit - np.arange(SIZE)[:, None]).max() < 0.05


def test_a_jaw_that_is_edited_open_is_painted_open_on_a_driver_whose_mouth_is_shut(marks: Marks) -> None:
    given = face(neutral=at_rest())
    square = head_square(fit_head(given.landmarks), SIZE, MARGIN)
    opened, rows = code(0, 0, 0.8), np.arange(SIZE)[:, None]
    _, edited = spread(Likeness(marks, SIZE).moves(given, square, NOTHING, opened), SIZE)
    assert np.abs(edited - rows).max() < 1
    # The other way round the driver's mouth would hang, and the persona's be painted shut.
    _, other = spread(Likeness(marks, SIZE).moves(given, square, opened, NOTHING), SIZE)
    assert np.abs(other - rows).max() > 4


def test_landmarks_that_are_lost_tear_nothing() -> None:
    painted = still_marks().at(NOTHING, SIZE)
    right, down = spread(moves_of(painted + 5000, painted, painted, SIZE), SIZE)
    assert np.abs(right - np.arange(SIZE)).max() <= 0.12 * SIZE + 0.01
    assert np.isfinite(down).all()
