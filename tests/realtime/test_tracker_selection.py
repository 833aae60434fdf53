from __future__ import annotations

import pytest
from tracker_faces import FRAME_NS, face

from mien.realtime.errors import ConfigError
from mien.realtime.face import Face
from mien.realtime.tracker.base import Selection
from mien.realtime.tracker.detection import Box, overlap
from mien.realtime.tracker.memory import LEFT_S, LOST_S, MAX_REMEMBERED
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


def test_largest_holds_while_its_face_is_missed_and_moves_on_in_the_end() -> None:
    scene = Scene("largest")
    guest = face(2, 900, 360)
    scene.show(face(1, 300, 360, 25), guest, frames=30)
    missed = scene.show(guest, frames=round(LOST_S * 30) - 2)
    assert ids(missed) == []
    assert missed.bystanders == (guest.box,)
    assert ids(scene.show(guest, frames=20)) == [2]


def test_largest_keeps_its_face_through_a_moment_of_blur() -> None:
    scene = Scene("largest")
    large, guest = face(1, 300, 360, 25), face(2, 900, 360)
    scene.show(large, guest, frames=30)
    for _ in range(40):
        assert ids(scene.show(guest)) == []
    assert ids(scene.show(large, guest)) == [1]


def test_largest_moves_on_soon_when_its_face_left_over_the_edge() -> None:
    scene = Scene("largest")
    guest = face(2, 900, 360)
    for i in range(31):
        scene.show(face(1, 400 - 10 * i, 360, 25), guest)
    assert ids(scene.show(guest)) == []
    assert ids(scene.show(guest, frames=round(LEFT_S * 30) + 20)) == [2]


def test_the_lock_does_not_settle_on_another_while_its_face_is_missed() -> None:
    scene = Scene()
    one, guest = face(1, 640, 360), face(2, 1000, 360)
    scene.show(one, guest, frames=5)
    for _ in range(60):
        assert ids(scene.show(guest)) == []
    assert ids(scene.show(one, guest)) == [1]


def test_a_lock_that_never_settled_ends_when_its_face_is_gone() -> None:
    scene = Scene()
    scene.show(face(1, 640, 360), frames=5)
    guest = face(2, 1000, 360)
    assert ids(scene.show(guest, frames=round(LOST_S * 30) - 10)) == []
    assert ids(scene.show(guest, frames=20)) == [2]


def test_a_lock_that_settled_never_ends_by_itself() -> None:
    scene = Scene()
    scene.show(face(1, 640, 360), frames=60)
    assert ids(scene.show(face(2, 1000, 360), frames=round(LOST_S * 30) + 60)) == []


def test_all_covers_who_was_swapped_and_is_missed_as_lost() -> None:
    scene = Scene("all")
    one, two = face(1, 300, 360), face(2, 900, 360)
    assert ids(scene.show(one, two, frames=10)) == [1, 2]
    missed = scene.show(one)
    assert ids(missed) == [1]
    assert missed.bystanders == ()
    assert len(missed.lost) == 1
    assert overlap(missed.lost[0], two.box) > 0.5
    late = scene.show(one, frames=round(LOST_S * 30) - 2)
    assert len(late.lost) == 1
    assert _contains(late.lost[0], two.box)
    assert scene.show(one, two).lost == ()


def test_a_lost_face_is_given_up_in_the_end() -> None:
    scene = Scene("all")
    one = face(1, 300, 360)
    scene.show(one, face(2, 900, 360), frames=10)
    assert scene.show(one, frames=round(LOST_S * 30) + 2).lost == ()


def test_a_cover_that_grows_with_age_stays_near_the_face() -> None:
    scene = Scene("all")
    one, two = face(1, 300, 360), face(2, 900, 360)
    scene.show(one, two, frames=10)
    x0, _, x1, _ = scene.show(one, frames=250).lost[0]
    assert x1 - x0 <= 2 * (two.box[2] - two.box[0]) + 1e-3


def test_who_was_swapped_once_is_lost_and_no_bystander_when_missed_later() -> None:
    scene = Scene("largest")
    one, two = face(1, 300, 360, 16), face(2, 900, 360, 15)
    scene.show(one, two, frames=30)
    assert ids(scene.show(one, face(2, 900, 360, 25), frames=30)) == [2]
    missed = scene.show(face(2, 900, 360, 25), frames=2)
    assert missed.bystanders == ()
    assert len(missed.lost) == 1


def test_a_lost_face_that_left_over_the_edge_is_not_covered_for_long() -> None:
    scene = Scene("all")
    one = face(1, 300, 360)
    for i in range(31):
        scene.show(one, face(2, 900 + 10 * i, 360))
    assert len(scene.show(one).lost) == 1
    assert scene.show(one, frames=round(LEFT_S * 30) + 1).lost == ()


def test_one_who_sits_still_at_the_edge_has_not_left() -> None:
    scene = Scene("all")
    one = face(1, 300, 360)
    scene.show(one, face(2, 1200, 360), frames=30)
    assert len(scene.show(one, frames=200).lost) == 1


def test_a_new_face_in_a_lost_ones_place_is_that_one_for_good() -> None:
    scene = Scene("all")
    one = face(1, 300, 360)
    scene.show(one, face(2, 900, 360), frames=10)
    scene.show(one, frames=3)
    assert scene.show(one, face(3, 905, 360)).lost == ()
    assert scene.show(one, face(3, 1150, 360)).lost == ()


def test_one_who_passes_before_a_lost_face_does_not_uncover_it() -> None:
    scene = Scene("all")
    one = face(1, 300, 360)
    scene.show(one, face(2, 900, 360), frames=10)
    scene.show(one, frames=3)
    for x in range(300, 1200, 20):
        scene.show(face(1, x, 360))
    assert len(scene.show(face(1, 300, 360)).lost) == 1


def test_relock_makes_lost_faces_bystanders() -> None:
    scene = Scene("all")
    one = face(1, 300, 360)
    scene.show(one, face(2, 900, 360), frames=10)
    scene.show(one, frames=3)
    scene.select.relock()
    after = scene.show(one)
    assert after.lost == ()
    assert len(after.bystanders) == 1


def test_a_bystander_who_cannot_be_read_stays_covered_for_seconds() -> None:
    scene = Scene()
    guest = face(2, 1000, 360)
    scene.show(face(1, 640, 360), guest, frames=60)
    for _ in range(85):
        chosen = scene.show(face(1, 640, 360))
        assert len(chosen.bystanders) == 1
        assert _contains(chosen.bystanders[0], guest.box)
    assert scene.show(face(1, 640, 360), frames=10).bystanders == ()


def test_minutes_without_a_face_and_a_crowd_leave_no_growth() -> None:
    scene = Scene()
    most = 0
    for i in range(1000):
        chosen = scene.show(face(1, 640, 360), face(10 + i, 100 + (i * 377) % 900, 360, 2))
        most = max(most, len(chosen.bystanders))
    assert 2 < most <= MAX_REMEMBERED + 1
    assert scene.show(frames=200).bystanders == ()
    assert scene.show(frames=200) == Selection((), ())
    assert scene.select.missing == ()


def _contains(outer: Box, inner: Box) -> bool:
    return outer[0] <= inner[0] and outer[1] <= inner[1] and outer[2] >= inner[2] and outer[3] >= inner[3]


@pytest.mark.parametrize("wrong", [{"policy": "first"}, {"bystander_memory_s": -1.0}, {"bystander_memory_s": 9.0}])
def test_settings_are_checked(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="must be"):
        FaceSelector(**wrong)  # type: ignore[arg-type]
