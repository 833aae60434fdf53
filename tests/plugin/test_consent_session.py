"""The whole enrolment, with the real tracker and SFace, before a camera that shows a rendered person."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from scripted_face import FPS, HEIGHT_PX, WIDTH_PX, Performer, key_pictures, noisy
from skimage.data import astronaut

from mien.engines.consent.errors import EnrolmentError
from mien.engines.consent.record import ACTIONS
from mien.engines.measure.identity import FaceIdentity, similarity
from mien.engines.personas.photo import read_photo
from mien.engines.personas.still import StillTracker
from mien.plugin.consent import session
from mien.realtime.devices import CameraDevice
from mien.realtime.errors import MissingExtraError, SourceError
from mien.realtime.frame import Frame, Pixels
from mien.realtime.source.base import SourceInfo
from mien.realtime.tracker.mediapipe_tracker import MediaPipeTracker
from mien.realtime.tracker.model import landmarker_path

Pictures = Iterator[tuple[int, Pixels]]


class Camera:
    """A `Source` that gives these pictures."""

    trouble = ""

    def __init__(self, pictures: Pictures) -> None:
        self.info = SourceInfo("camera:0", WIDTH_PX, HEIGHT_PX, FPS, live=True)
        self._pictures = enumerate(pictures)
        self.closed = False

    def read(self) -> Frame | None:
        at, (ms, pixels) = next(self._pictures, (0, (0, None)))
        return None if pixels is None else Frame(pixels, at, ms * 1_000_000, ms * 1_000_000)

    def close(self) -> None:
        self.closed = True


def unmarked(_pixels: Pixels) -> bool:
    return False


@pytest.fixture(scope="module")
def identity() -> FaceIdentity:
    return FaceIdentity()


@pytest.fixture(scope="module")
def portrait(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pictures") / "me.png"
    cv2.imwrite(str(path), cv2.resize(key_pictures()["portrait"], None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC))
    return path


@pytest.fixture
def enrol(identity: FaceIdentity, portrait: Path) -> Callable[..., session.Evidence]:
    def run(
        camera: Camera, *, also: Path | None = None, is_marked: session.IsMarked = unmarked,
        say: Callable[[str], None] = lambda _text: None,
    ) -> session.Evidence:  # fmt: skip
        chosen = [portrait] if also is None else [portrait, also]
        sources = [read_photo(each).digest for each in chosen]
        pictures = session.embed_pictures(chosen, sources, StillTracker(), identity)
        tracker = MediaPipeTracker(landmarker_path(), max_faces=2)
        try:
            return session.enrol(
                camera, tracker, identity, pictures, is_marked=is_marked, say=say, nonce=bytes(range(16))
            )
        finally:
            tracker.close()
            assert camera.closed

    return run


@pytest.mark.slow
def test_a_rendered_person_who_follows_the_prompts_passes(enrol: Callable[..., session.Evidence]) -> None:
    performer = Performer(wait_s=0.25)
    proof = enrol(Camera(performer.frames()), say=performer.hear).proof
    assert sorted(each.action for each in proof.prompts) == sorted(ACTIONS)
    assert proof.similarity_median_milli > 800
    assert proof.similarity_min_milli > 500
    assert proof.compared > 15


def stills(noise: bool) -> Pictures:
    """A photo before the camera; two pictures a second are enough to see that nothing happens."""
    rng, picture = np.random.default_rng(2), key_pictures()["rest"]
    for at in range(100):
        yield at * 500, noisy(picture.astype(np.float32), rng) if noise else picture


@pytest.mark.parametrize(("noise", "message"), [(True, "The prompt was not followed"), (False, "stands still")])
def test_a_still_photo_fails(enrol: Callable[..., session.Evidence], noise: bool, message: str) -> None:
    with pytest.raises(EnrolmentError, match=message):
        enrol(Camera(stills(noise)))


def test_a_looped_clip_fails(enrol: Callable[..., session.Evidence]) -> None:
    """A recording in which the first prompt is followed, again and again."""
    performer, rng = Performer(wait_s=0), np.random.default_rng(5)
    once = []
    for (_, pixels), at in zip(performer.frames(), range(round(2.4 * FPS)), strict=False):
        if at == FPS:
            performer.hear("Turn your head to your left, and back.")
        once.append(pixels)
    looped = ((round(at * 1000 / FPS), noisy(once[at % len(once)].astype(np.float32), rng)) for at in range(10 * FPS))
    with pytest.raises(EnrolmentError, match=r"was there before|Something else was done"):
        enrol(Camera(looped))


def test_the_wrong_person_fails_even_if_another_picture_is_theirs(
    enrol: Callable[..., session.Evidence], tmp_path: Path
) -> None:
    """A public-domain photograph of somebody else; rendered people look too much alike to SFace."""
    photo = np.ascontiguousarray(astronaut()[0:300, 60:390, ::-1])
    cv2.imwrite(str(tmp_path / "other.png"), cv2.resize(photo, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC))
    performer = Performer()
    with pytest.raises(EnrolmentError, match=r"somebody else than the pictures \(SFace: 0\.[0-3]"):
        enrol(Camera(performer.frames()), also=tmp_path / "other.png", say=performer.hear)


def test_a_clip_with_our_mark_fails_though_the_search_is_slow(enrol: Callable[..., session.Evidence]) -> None:
    performer, asked = Performer(), threading.Event()

    def finds_it(pixels: Pixels) -> bool:
        assert pixels.shape == (HEIGHT_PX, WIDTH_PX, 3)
        asked.set()
        return True

    with pytest.raises(EnrolmentError, match="carries Mien's own mark"):
        enrol(Camera(performer.frames()), say=performer.hear, is_marked=finds_it)
    assert asked.is_set()


def test_a_search_for_the_mark_that_fails_is_no_pass(enrol: Callable[..., session.Evidence]) -> None:
    def fails(_pixels: Pixels) -> bool:
        raise RuntimeError("no detector")

    performer = Performer()
    with pytest.raises(RuntimeError, match="no detector"):
        enrol(Camera(performer.frames()), say=performer.hear, is_marked=fails)


def test_a_camera_that_ends_records_nothing(enrol: Callable[..., session.Evidence]) -> None:
    with pytest.raises(SourceError, match="The camera ended before the enrolment did"):
        enrol(Camera(iter([(0, key_pictures()["rest"])])))


def test_a_picture_of_nobody_or_of_two_is_no_reference(identity: FaceIdentity, tmp_path: Path) -> None:
    face = key_pictures()["rest"]
    cv2.imwrite(str(tmp_path / "none.png"), np.full((240, 320, 3), 90, np.uint8))
    cv2.imwrite(str(tmp_path / "two.png"), np.hstack([face, face]))
    for name, count in (("none.png", 0), ("two.png", 2)):
        with pytest.raises(EnrolmentError, match=rf"{name} shows {count} faces; it must show one"):
            session.embed_pictures([tmp_path / name], [read_photo(tmp_path / name).digest], StillTracker(), identity)
    with pytest.raises(EnrolmentError, match=r"none\.png was changed just now"):
        session.embed_pictures([tmp_path / "none.png"], ["00" * 32], StillTracker(), identity)


def test_a_model_is_compared_by_what_it_renders(identity: FaceIdentity, tmp_path: Path) -> None:
    """On two people of the cast: it shows them as they are here, for its network changes nothing."""
    from dfm_files import KnownModel

    from mien.engines.personas.library import find
    from mien.engines.personas.manifest import sha256

    path = tmp_path / "copy.dfm"
    path.write_bytes(KnownModel(side_px=224).file)
    found = session.embed_pictures([path], [sha256(path.read_bytes())], StillTracker(), identity)
    for wearer, seen in zip(("viggo", "amara"), found, strict=True):
        persona = find(wearer)
        assert similarity(seen, identity.embed(persona.portrait, persona.landmarks)) > 0.8
    with pytest.raises(EnrolmentError, match=r"copy\.dfm was changed just now"):
        session.embed_pictures([path], ["00" * 32], StillTracker(), identity)


def test_a_virtual_camera_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    cameras = [CameraDevice(0, "HD Webcam", "/dev/video0", False), CameraDevice(7, "Studio Cam", "/dev/video7", True)]
    monkeypatch.setattr(session, "list_cameras", lambda: cameras)
    for selector in ("7", "Studio", "/dev/video7"):
        with pytest.raises(EnrolmentError, match="'Studio Cam' is a virtual camera: a program makes its pictures"):
            session.open_camera(selector)
    monkeypatch.setattr(session, "list_cameras", lambda: cameras[1:])
    with pytest.raises(SourceError, match="There is no camera but virtual ones"):
        session.open_camera("")


def test_without_the_detector_of_our_mark_nobody_is_enrolled(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(session, "import_module", missing)
    with pytest.raises(MissingExtraError, match="Enrolling needs the detector of Mien's own mark"):
        session.carries_own_mark()
