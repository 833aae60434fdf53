from __future__ import annotations

import pytest
from tracker_faces import FRAME_NS, face

from mien.realtime.errors import ConfigError
from mien.realtime.face import Face
from mien.realtime.tracker.base import Selection
from mien.realtime.tracker.detection import overlap
from mien.realtime.tracker.selection import FaceSelector, Policy

SIZE = (1280, 720)


class Scene:
    def __init__(self, policy: Policy = "locked", **kwargs: float) -> None:
        self.select = FaceSelector(policy, **kwargs)
        self.now_ns = 0

    def show(self, *faces: Face, frames: int = 1) -> Selection:
        for _ in range(frames):
            chosen = self.select(faces, self.now_ns, SIZE)
            self.now_ns += FRAME_NS
        return chosen


def ids(selection: Selection) -> list[int]:
    return [face.track_id for face in selection.swapped]


def test_locked_takes_the_largest_and_most_central_at_first_sight() -> None:
    middle, corner, far = face(1, 640, 360), face(2, 1150, 100, 16), face(3, 500, 360, 6)
    chosen = Scene().show(far, corner, middle)
    assert ids(chosen) == [1]
    assert set(chosen.bystanders) == {corner.box, far.box}


def test_locked_stays_with_a_face_that_a_larger_one_passes() -> None:
    scene = Scene()
    scene.show(face(1, 640, 360), frames=60)
    chosen = scene.show(face(1, 400, 360), face(2, 700, 360, 40), frames=60)
    assert ids(chosen) == [1]
    assert len(chosen.bystanders) == 1


def test_in_the_first_second_a_clearly_better_face_takes_the_lock() -> None:
    scene = Scene()
    assert ids(scene.show(face(1, 100, 100, 6))) == [1]
    assert ids(scene.show(face(1, 100, 100, 6), face(2, 640, 360))) == [2]
    scene.show(face(2, 640, 360), frames=60)
    assert ids(scene.show(face(2, 640, 360), face(3, 640, 360, 40))) == [2]


@pytest.mark.parametrize("seconds", [1, 60])
def test_while_the_locked_face_is_away_the_others_stay_covered(seconds: int) -> None:
    scene = Scene()
    scene.show(face(1, 640, 360), frames=60)
    guest = face(2, 640, 360, 20)
    chosen = scene.show(guest, frames=30 * seconds)
    assert ids(chosen) == []
    assert chosen.bystanders == (guest.box,)
    assert ids(scene.show(guest, face(1, 300, 360))) == [1]


def test_relock_takes_who_is_there() -> None:
    scene = Scene()
    scene.show(face(1, 640, 360), frames=60)
    scene.show(frames=30)
    scene.show(face(2, 640, 360), frames=60)
    scene.select.relock()
    assert ids(scene.show(face(2, 640, 360))) == [2]


def test_relock_on_an_empty_frame_waits_for_a_face() -> None:
    scene = Scene()
    scene.show(face(1, 640, 360), frames=60)
    scene.select.relock()
    assert ids(scene.show()) == []
    assert ids(scene.show(face(2, 640, 360))) == [2]


def test_a_lost_locked_face_is_no_bystander_of_its_own() -> None:
    scene = Scene()
    scene.show(face(1, 640, 360), frames=60)
    assert scene.show() == Selection((), ())


def test_a_lost_bystander_stays_covered_for_a_moment_and_a_little_wider() -> None:
    scene = Scene(bystander_memory_s=0.5)
    guest = face(2, 1000, 360)
    scene.show(face(1, 640, 360), guest, frames=60)
    covered = scene.show(face(1, 640, 360)).bystanders
    assert len(covered) == 1
    assert covered[0][0] < guest.box[0]
    assert covered[0][3] > guest.box[3]
    later = scene.show(face(1, 640, 360), frames=10).bystanders
    assert later[0][0] < covered[0][0]
    assert scene.show(face(1, 640, 360), frames=10).bystanders == ()


def test_a_bystander_found_again_under_another_id_is_covered_once() -> None:
    scene = Scene()
    scene.show(face(1, 640, 360), face(2, 1000, 360), frames=60)
    again = face(3, 1005, 360)
    assert scene.show(face(1, 640, 360), again).bystanders == (again.box,)


def test_largest_does_not_flip_between_equals() -> None:
    scene = Scene("largest")
    chosen = set()
    for i in range(120):
        wobble = 1.5 if i % 8 < 4 else -1.5
        chosen |= set(ids(scene.show(face(1, 300, 360, 15 + wobble), face(2, 900, 360, 15 - wobble))))
    assert len(chosen) == 1


def test_largest_moves_on_to_one_who_is_larger_for_a_while() -> None:
    scene = Scene("largest")
    scene.show(face(1, 300, 360), frames=30)
    assert ids(scene.show(face(1, 300, 360), face(2, 900, 360, 25))) == [1]
    assert ids(scene.show(face(1, 300, 360), face(2, 900, 360, 25), frames=20)) == [2]


def test_largest_moves_on_when_its_face_is_gone() -> None:
    scene = Scene("largest")
    scene.show(face(1, 300, 360, 25), face(2, 900, 360), frames=30)
    first = scene.show(face(2, 900, 360))
    assert ids(first) == []
    assert first.bystanders == (face(2, 900, 360).box,)
    assert ids(scene.show(face(2, 900, 360), frames=20)) == [2]


def test_all_swaps_everybody_and_covers_who_was_lost_a_moment_ago() -> None:
    scene = Scene("all")
    one, two = face(1, 300, 360), face(2, 900, 360)
    assert ids(scene.show(one, two, frames=10)) == [1, 2]
    lost = scene.show(one)
    assert ids(lost) == [1]
    assert len(lost.bystanders) == 1
    assert overlap(lost.bystanders[0], two.box) > 0.5


def test_minutes_without_a_face_and_a_crowd_leave_no_growth() -> None:
    scene = Scene()
    for i in range(3000):
        scene.show(face(1, 640, 360), face(10 + i, 100 + i % 900, 360))
    assert len(scene.select._memory._seen) < 25
    scene.show(frames=6000)
    assert scene.select._memory._seen == {}


@pytest.mark.parametrize("wrong", [{"policy": "first"}, {"bystander_memory_s": -1.0}, {"bystander_memory_s": 9.0}])
def test_settings_are_checked(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="must be"):
        FaceSelector(**wrong)  # type: ignore[arg-type]
