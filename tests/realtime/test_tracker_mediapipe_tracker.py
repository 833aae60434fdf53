from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from tracker_faces import frame, paste, picture

from mien.realtime.errors import EngineError
from mien.realtime.face import Face
from mien.realtime.frame import Pixels
from mien.realtime.neutral import NeutralEstimator
from mien.realtime.tracker.base import Selection
from mien.realtime.tracker.mediapipe_tracker import MediaPipeTracker
from mien.realtime.tracker.model import landmarker_path
from mien.realtime.tracker.selection import FaceSelector
from mien.realtime.tracker.stage import TrackingStage


@pytest.fixture
def tracker() -> Iterator[MediaPipeTracker]:
    tracker = MediaPipeTracker(landmarker_path())
    yield tracker
    tracker.close()


def play(tracker: MediaPipeTracker, frames: list[Pixels]) -> list[tuple[Face, ...]]:
    return [tracker(frame(pixels, i)) for i, pixels in enumerate(frames)]


def narrow(pixels: Pixels, share: float = 0.8) -> Pixels:
    """Somebody else: the same photograph, squeezed, so that another face comes of it."""
    height, width = pixels.shape[:2]
    squeezed = cv2.resize(pixels, (int(width * share), height), interpolation=cv2.INTER_AREA)
    out = np.full_like(pixels, 110)
    left = (width - squeezed.shape[1]) // 2
    out[:, left : left + squeezed.shape[1]] = squeezed
    return out


def test_one_id_and_a_steady_place_for_one_face(tracker: MediaPipeTracker) -> None:
    found = play(tracker, [picture(640, 480, face_px=150)] * 10)
    assert [len(faces) for faces in found] == [1] * 10
    assert {faces[0].track_id for faces in found} == {1}
    assert np.allclose(found[-1][0].landmarks, found[-2][0].landmarks, atol=0.1)


def test_the_smoothing_can_be_left_out() -> None:
    raw = MediaPipeTracker(landmarker_path(), smoothing=None)
    moving = [picture(640, 480, face_px=150, x=300 + 8 * i) for i in range(10)]
    first = play(raw, moving)
    raw.close()
    steady = MediaPipeTracker(landmarker_path())
    second = play(steady, moving)
    steady.close()
    assert not np.array_equal(first[-1][0].landmarks, second[-1][0].landmarks)
    assert np.allclose(first[-1][0].landmarks, second[-1][0].landmarks, atol=4), "no lag to speak of at 240 px/s"


def test_a_face_that_leaves_the_picture_is_gone_and_comes_back_itself(tracker: MediaPipeTracker) -> None:
    out = [picture(640, 480, face_px=150, x=320 + 40 * i) for i in range(12)]
    found = play(tracker, [*out, *[np.full((480, 640, 3), 110, np.uint8)] * 10, *out[::-1]])
    assert found[12:22] == [()] * 10
    assert len(found[-1]) == 1
    assert {faces[0].track_id for faces in found if faces} == {1}
    inside = [faces[0] for faces in found[:12] if faces]
    assert all(np.isfinite(face.landmarks).all() for face in inside)


def test_minutes_without_a_face_leave_nothing(tracker: MediaPipeTracker) -> None:
    blank = np.full((120, 160, 3), 110, np.uint8)
    assert play(tracker, [blank] * 200) == [()] * 200


def test_a_poster_and_a_second_person_do_not_take_the_drivers_place(tracker: MediaPipeTracker) -> None:
    """A poster hangs left; the driver leaves; a guest sits down on his chair; the driver comes back beside."""
    run = TrackingStage(tracker, FaceSelector("locked"), NeutralEstimator())
    guest_scene = narrow(picture(960, 540, face_px=190))[:, 300:660]
    index = 0

    def show(*, driver_x: int | None = None, guest: bool = False, frames: int = 1) -> Selection:
        nonlocal index
        pixels = np.full((540, 960, 3), 110, np.uint8)
        if guest:
            pixels[:, 400:760] = guest_scene
        if driver_x is not None:
            paste(pixels, 190, driver_x, 270)
        paste(pixels, 140, 150, 160)
        for _ in range(frames):
            chosen = run(frame(pixels, index))
            index += 1
        return chosen

    first = show(driver_x=580, frames=40)
    assert len(first.swapped) == 1
    assert first.swapped[0].box[0] > 400
    assert len(first.bystanders) == 1
    driver = first.swapped[0].track_id

    gone = show(frames=20)
    assert gone.swapped == ()
    assert len(gone.bystanders) == 1, "the poster is still covered"

    guest = show(guest=True, frames=40)
    assert guest.swapped == (), "a guest on the chair is not the driver"
    assert len(guest.bystanders) == 2

    show(frames=30)
    back = show(driver_x=580, frames=40)
    assert [face.track_id for face in back.swapped] == [driver]


def test_a_closed_tracker_says_so(tracker: MediaPipeTracker) -> None:
    tracker.close()
    tracker.close()
    with pytest.raises(EngineError, match="closed"):
        tracker(frame(picture(640, 480, face_px=150), 0))
