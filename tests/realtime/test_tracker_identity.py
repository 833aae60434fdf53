from __future__ import annotations

import numpy as np
import pytest
from tracker_faces import FRAME_NS, detection, noise, person

from mien.realtime.frame import Floats
from mien.realtime.head import fit_head
from mien.realtime.tracker.detection import Detection
from mien.realtime.tracker.identity import MAX_LOST, IdentityKeeper
from mien.realtime.tracker.signature import NEVER_CM, SAME_CM, STILL_SAME_CM, distance, signature

DRIVER, GUEST = person(1), person(2)
#: As unlike the driver as people mostly are, so that one frame is no proof; and nearer than any two in the clips.
OTHER = DRIVER + np.float32(0.7) * (GUEST - DRIVER)
TWIN = DRIVER + np.float32(0.3) * (GUEST - DRIVER)


class Scene:
    """Plays frames to one keeper."""

    def __init__(self) -> None:
        self.keeper = IdentityKeeper()
        self.now_ns = 0

    def show(self, *detections: Detection, frames: int = 1) -> list[int]:
        for _ in range(frames):
            ids = self.keeper(detections, self.now_ns)
            self.now_ns += FRAME_NS
        return ids

    def wait(self, seconds: float) -> None:
        self.show(frames=round(seconds * 30))


def unlike(one: Floats, other: Floats) -> float:
    signs = []
    for shape in (one, other):
        found = detection(shape, 0, 0)
        signs.append(signature(found.landmarks, found.blendshapes, fit_head(found.landmarks)))
    return distance(*signs)


def test_the_two_people_of_these_tests_are_as_unlike_as_real_ones() -> None:
    assert NEVER_CM < unlike(DRIVER, GUEST) < 0.3
    assert 0.15 < unlike(DRIVER, OTHER) < 0.18
    assert unlike(DRIVER, TWIN) < 0.08
    assert 0.08 < SAME_CM < STILL_SAME_CM < 0.15 < NEVER_CM


def test_a_signature_does_not_depend_on_place_size_and_a_mild_turn() -> None:
    signs = []
    for x, scale, yaw in ((100, 8, 0), (900, 30, 20)):
        found = detection(DRIVER, x, 300, scale, yaw)
        signs.append(signature(found.landmarks, found.blendshapes, fit_head(found.landmarks)))
    assert distance(*signs) < 0.01


def test_a_moving_face_keeps_its_id() -> None:
    scene = Scene()
    ids = {scene.show(detection(DRIVER, 300 + 20 * i, 300))[0] for i in range(30)}
    assert ids == {1}


def test_ids_follow_people_whatever_the_order_of_detections() -> None:
    scene = Scene()
    one, two = detection(DRIVER, 300, 300), detection(GUEST, 900, 300)
    assert scene.show(one, two, frames=5) == [1, 2]
    assert scene.show(two, one, frames=5) == [2, 1]


def test_a_short_loss_at_the_same_place_keeps_the_id_at_once() -> None:
    scene = Scene()
    scene.show(detection(DRIVER, 300, 300), frames=60)
    scene.wait(1.5)
    assert scene.show(detection(DRIVER, 380, 300)) == [1]
    assert scene.show(detection(DRIVER, 380, 300), frames=60) == [1]


def test_who_returns_elsewhere_after_minutes_is_recognised_by_shape() -> None:
    scene = Scene()
    scene.show(detection(DRIVER, 300, 300), frames=90)
    scene.wait(300)
    assert scene.show(detection(DRIVER, 1000, 400, scale=10)) == [2], "one frame is no proof"
    assert scene.show(detection(DRIVER, 1000, 400, scale=10), frames=15) == [1]


def test_a_guest_of_quite_another_shape_never_gets_the_name() -> None:
    scene = Scene()
    scene.show(detection(DRIVER, 300, 300), frames=90)
    scene.wait(1.0)
    assert scene.show(detection(GUEST, 300, 300)) == [2]


def test_a_guest_who_might_be_the_driver_loses_the_name_within_a_second() -> None:
    scene = Scene()
    scene.show(detection(DRIVER, 300, 300), frames=90)
    scene.wait(1.0)
    assert scene.show(detection(OTHER, 300, 300)) == [1], "one frame is no proof"
    assert scene.show(detection(OTHER, 300, 300), frames=25) == [2]
    assert scene.show(detection(OTHER, 300, 300), frames=300) == [2]
    scene.wait(30)
    assert scene.show(detection(DRIVER, 300, 300), frames=40) == [1]


def test_who_was_there_beside_a_lost_face_is_not_taken_for_it() -> None:
    scene = Scene()
    scene.show(detection(DRIVER, 300, 300), detection(TWIN, 900, 300), frames=90)
    assert scene.show(detection(TWIN, 900, 300), frames=300) == [2]
    assert scene.show(detection(DRIVER, 300, 300), detection(TWIN, 900, 300), frames=30) == [1, 2]


def test_shape_tells_two_faces_apart_that_move_far_between_two_frames() -> None:
    scene = Scene()
    scene.show(detection(DRIVER, 500, 300), detection(OTHER, 580, 300), frames=60)
    # Each is now nearer to the other's old place than to its own, as at few frames a second.
    assert scene.show(detection(DRIVER, 545, 300), detection(OTHER, 535, 300)) == [1, 2]


def test_a_guest_after_a_stalled_camera_gets_another_id() -> None:
    scene = Scene()
    scene.show(detection(DRIVER, 300, 300), frames=90)
    scene.now_ns += 1_000_000_000  # no frame at all, so no empty one either
    assert scene.show(detection(OTHER, 300, 300), frames=40) == [2]


@pytest.mark.parametrize("apart_s", [2.5, 9.0])
def test_on_a_machine_that_takes_seconds_a_frame_a_face_keeps_its_id(apart_s: float) -> None:
    scene = Scene()
    for i in range(30):
        # A streamer moves between two frames.
        assert scene.show(detection(DRIVER, 300 + 100 * (i % 2), 300)) == [1]
        scene.now_ns += round(apart_s * 1e9)
    # One whom such a machine misses twice is found as well, and a guest of quite another shape is nobody known.
    scene.show()
    scene.now_ns += round(apart_s * 1e9)
    assert scene.show(detection(DRIVER, 350, 300)) == [1]
    scene.now_ns += round(apart_s * 1e9)
    assert scene.show(detection(GUEST, 350, 300)) == [2]


def test_one_slow_frame_does_not_cost_the_name() -> None:
    scene = Scene()
    scene.show(detection(DRIVER, 300, 300), frames=60)
    scene.now_ns += 5_000_000_000
    assert scene.show(detection(DRIVER, 380, 300), frames=60) == [1]


def test_after_a_laptops_sleep_place_says_nothing() -> None:
    scene = Scene()
    scene.show(detection(DRIVER, 300, 300), frames=90)
    scene.now_ns += 60_000_000_000
    assert scene.show(detection(OTHER, 300, 300)) == [2]
    assert scene.show(detection(DRIVER, 300, 300), frames=40) == [1]


def test_a_hand_over_the_face_does_not_cost_the_name() -> None:
    scene = Scene()
    rng = np.random.default_rng(0)
    for _ in range(20):
        for _ in range(20):
            found = detection(DRIVER, 300, 300)
            shaky = Detection(found.landmarks + noise(rng, 0.5), found.blendshapes, found.pose)
            assert scene.show(shaky) == [1]
        scene.wait(0.3)


@pytest.mark.parametrize("hidden", [True, False], ids=["one-hides-the-other", "both-seen"])
def test_people_who_cross_keep_their_names(hidden: bool) -> None:
    scene = Scene()
    for i in range(61):
        away = 300 - 10 * i
        here = [detection(DRIVER, 640 - away, 300), detection(GUEST, 640 + away, 330)]
        ids = scene.show(*(here[:1] if hidden and abs(away) < 60 else here))
    ids = scene.show(detection(DRIVER, 940, 300), detection(GUEST, 340, 330), frames=60)
    assert ids == [1, 2]


def test_names_that_were_swapped_in_the_crowd_are_put_right_by_shape() -> None:
    scene = Scene()
    scene.show(detection(DRIVER, 500, 300), detection(OTHER, 900, 300), frames=60)
    # They meet, both are lost for a moment, and each comes out where the other went in.
    for x in range(0, 130, 10):
        scene.show(detection(DRIVER, 500 + x, 300), detection(OTHER, 900 - x, 300))
    scene.show(detection(DRIVER, 630, 300), detection(OTHER, 770, 300))
    scene.wait(0.4)
    assert scene.show(detection(OTHER, 650, 300), detection(DRIVER, 760, 300)) == [1, 2], "place speaks first"
    ids = scene.show(detection(OTHER, 640, 300), detection(DRIVER, 790, 300), frames=3)
    ids = scene.show(detection(OTHER, 600, 300), detection(DRIVER, 830, 300), frames=90)
    assert ids == [2, 1]


def test_a_cut_to_another_face_in_the_same_place_is_noticed() -> None:
    scene = Scene()
    scene.show(detection(DRIVER, 300, 300), frames=60)
    assert scene.show(detection(GUEST, 310, 300), frames=40) == [2]


def test_a_jump_to_a_face_that_might_be_another_is_checked() -> None:
    scene = Scene()
    scene.show(detection(DRIVER, 300, 300), frames=60)
    assert scene.show(detection(OTHER, 410, 300)) == [1]
    assert scene.show(detection(OTHER, 410, 300), frames=30) == [2]


def test_faces_that_touched_while_turned_away_are_checked() -> None:
    scene = Scene()
    scene.show(detection(DRIVER, 500, 300), detection(OTHER, 700, 300), frames=60)
    for way in (*range(0, 100, 10), 95):
        scene.show(detection(DRIVER, 500 + way, 300, yaw_deg=50), detection(OTHER, 700 - way, 300, yaw_deg=50))
    for way in range(0, 200, 10):
        scene.show(detection(OTHER, 595 - way, 300, yaw_deg=50), detection(DRIVER, 605 + way, 300, yaw_deg=50))
    ids = scene.show(detection(OTHER, 400, 300), detection(DRIVER, 800, 300), frames=90)
    assert ids == [2, 1]


def test_a_face_turned_away_is_neither_doubted_nor_learnt() -> None:
    scene = Scene()
    scene.show(detection(DRIVER, 300, 300), frames=60)
    for yaw in range(0, 70, 3):
        assert scene.show(detection(DRIVER, 300, 300, yaw_deg=yaw)) == [1]
    assert scene.show(detection(OTHER, 305, 300, yaw_deg=60), frames=600) == [1], "place alone speaks here"
    scene.wait(0.5)
    assert scene.show(detection(DRIVER, 300, 300), frames=60) == [1]


def test_an_id_is_never_given_to_somebody_else() -> None:
    scene = Scene()
    seen = set()
    for seed in range(10, 40):
        first, *_ = scene.show(detection(person(seed, 0.6), 300, 300))
        last, *_ = scene.show(detection(person(seed, 0.6), 300, 300), frames=30)
        assert first not in seen
        seen |= {first, last}
        scene.wait(3)


def test_minutes_without_a_face_leave_nothing_behind_and_passers_by_little() -> None:
    scene = Scene()
    scene.wait(600)
    assert scene.show() == []
    for seed in range(100):
        scene.show(detection(person(seed, 0.8), 300 + 10 * (seed % 7), 300), frames=2)
        scene.wait(2.5)
    assert len(scene.keeper._lost) <= MAX_LOST
    assert scene.keeper._live == []
