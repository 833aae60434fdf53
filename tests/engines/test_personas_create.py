from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from persona_packs import consent_record, enlarge, finder, know_tool, picture
from PIL import Image
from skimage.data import astronaut

from mien.engines.consent.errors import (
    ConsentDamagedError,
    ConsentFilesError,
    ConsentForeignError,
    ConsentMissingError,
)
from mien.engines.personas.create import Created, create
from mien.engines.personas.pack import load_pack
from mien.engines.personas.picture import decode_bgr, encode_png
from mien.engines.personas.still import StillTracker
from mien.realtime.errors import PersonaError
from mien.realtime.face import BLENDSHAPE_INDEX, Face
from mien.realtime.frame import Pixels

#: The photograph's face, enlarged so that its 90 px become 270.
FACTOR = 3.0


@pytest.fixture(scope="module")
def tracker() -> StillTracker:
    return StillTracker()


@pytest.fixture(scope="module")
def photo() -> Pixels:
    return enlarge(np.ascontiguousarray(astronaut()[30:250, 120:330, ::-1]), FACTOR)


@pytest.fixture(scope="module")
def smiling(tracker: StillTracker, photo: Pixels) -> Face:
    (found,) = tracker(photo)
    return found


@pytest.fixture(scope="module")
def resting(smiling: Face) -> Face:
    """The same face as a tracker would see it at rest: lips together, no smile."""
    landmarks = smiling.landmarks.copy()
    landmarks[14] = landmarks[13] + (0, 1, 0)
    return _scored(replace(smiling, landmarks=landmarks), mouthSmileLeft=0.02, mouthSmileRight=0.02)


@pytest.fixture
def agree(tmp_path: Path) -> Callable[..., Path]:
    """Record a consent to personas of these pictures."""

    def run(*pictures: Path, name: str = "pat") -> Path:
        know_tool()
        path = tmp_path / "consent.json"
        sources = tuple(hashlib.sha256(each.read_bytes()).hexdigest() for each in pictures)
        path.write_bytes(consent_record(name, sources or ("00" * 32,)))
        return path

    return run


@pytest.fixture
def make(tmp_path: Path, agree: Callable[..., Path]) -> Callable[..., Created]:
    def run(pixels: Pixels, find: Any, **options: Any) -> Created:
        path = tmp_path / "photo.png"
        path.write_bytes(encode_png(pixels))
        return create(path, agree(path), "pat", out=tmp_path / "pat", tracker=find, **options)

    return run


def _scored(face: Face, **scores: float) -> Face:
    blendshapes = face.blendshapes.copy()
    for name, value in scores.items():
        blendshapes[BLENDSHAPE_INDEX[name]] = value
    return replace(face, blendshapes=blendshapes)


def _turned(face: Face, yaw_deg: float = 0.0, pitch_deg: float = 0.0) -> Face:
    rotation, _ = cv2.Rodrigues(np.radians([pitch_deg, yaw_deg, 0.0]))
    pose = np.eye(4, dtype=np.float32)
    pose[:3, :3] = rotation
    return replace(face, pose=pose)


def test_a_portrait_makes_a_consented_pack_with_the_record_in_it(
    make: Callable[..., Created], photo: Pixels, resting: Face
) -> None:
    created = make(photo, finder(resting))
    persona = load_pack(created.path)
    assert (persona.kind, persona.name, persona.digest) == ("consented", "pat", created.digest)
    assert np.array_equal(persona.portrait, photo)
    assert np.allclose(persona.landmarks, resting.landmarks, atol=6e-4)
    assert (created.path / "consent.json").read_bytes() == (created.path.parent / "consent.json").read_bytes()
    assert persona.consent is not None
    assert persona.consent.record.persona == "pat"
    assert persona.manifest.cast is None


def test_the_hair_over_the_brow_becomes_a_mask(make: Callable[..., Created], photo: Pixels, resting: Face) -> None:
    created = make(photo, finder(resting))
    mask = load_pack(created.path).exclusion
    assert mask is not None
    assert any("of the forehead; it is masked out" in note for note in created.notes)
    fringe, brow_centre, cheek = resting.landmarks[[67, 9, 117], :2].round().astype(int)
    assert mask[fringe[1], fringe[0]] > 128
    assert mask[cheek[1], cheek[0]] == 0
    assert mask[brow_centre[1] + 10, brow_centre[0]] == 0


def test_nothing_of_the_photo_s_file_but_its_pixels_goes_into_the_pack(
    tmp_path: Path, agree: Callable[..., Path], photo: Pixels, resting: Face
) -> None:
    exif = Image.Exif()
    exif[0x010E] = "home address"
    Image.fromarray(photo[:, :, ::-1].copy()).save(tmp_path / "a.png", exif=exif)
    create(tmp_path / "a.png", agree(tmp_path / "a.png"), "pat", out=tmp_path / "pat", tracker=finder(resting))
    held = b"".join(path.read_bytes() for path in (tmp_path / "pat").iterdir())
    assert b"home address" not in held
    assert b"signed.txt" not in held


def test_a_picture_that_lies_on_its_side_is_set_upright(
    tmp_path: Path, agree: Callable[..., Path], photo: Pixels, resting: Face
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees to the right to see it upright
    lying = np.ascontiguousarray(np.rot90(photo[:, :, ::-1]))
    Image.fromarray(lying).save(tmp_path / "a.png", exif=exif)
    create(tmp_path / "a.png", agree(tmp_path / "a.png"), "pat", out=tmp_path / "pat", tracker=finder(resting))
    assert np.array_equal(decode_bgr((tmp_path / "pat" / "portrait.png").read_bytes(), "portrait"), photo)


def test_a_transparent_background_is_filled_and_a_transparent_face_refused(
    tmp_path: Path, agree: Callable[..., Path], photo: Pixels, resting: Face
) -> None:
    alpha = np.full(photo.shape[:2], 255, np.uint8)
    alpha[:50, :50] = 0
    Image.fromarray(np.dstack([photo[:, :, ::-1], alpha])).save(tmp_path / "a.png")
    create(tmp_path / "a.png", agree(tmp_path / "a.png"), "pat", out=tmp_path / "pat", tracker=finder(resting))
    assert (load_pack(tmp_path / "pat").portrait[:50, :50] == 128).all()
    Image.fromarray(np.dstack([photo[:, :, ::-1], alpha // 2])).save(tmp_path / "b.png")
    with pytest.raises(PersonaError, match="the face is partly transparent: fill it"):
        create(tmp_path / "b.png", agree(tmp_path / "b.png"), "pat", out=tmp_path / "b", tracker=finder(resting))


def test_a_large_photo_is_stored_smaller(
    tmp_path: Path, agree: Callable[..., Path], photo: Pixels, resting: Face
) -> None:
    seen: list[tuple[int, ...]] = []

    def find(pixels: Pixels) -> tuple[Face, ...]:
        seen.append(pixels.shape)
        scale = np.float32(pixels.shape[0] / photo.shape[0])
        return (replace(resting, landmarks=resting.landmarks * scale),)

    (tmp_path / "a.png").write_bytes(encode_png(enlarge(photo, 2.5)))
    create(tmp_path / "a.png", agree(tmp_path / "a.png"), "pat", out=tmp_path / "pat", tracker=find)
    assert seen == [(1536, 1466, 3)]


def test_a_portrait_without_a_face_says_what_to_use(make: Callable[..., Created], tracker: StillTracker) -> None:
    with pytest.raises(PersonaError, match=r"photo\.png: no face was found\. Use a picture of one face from the front"):
        make(picture(600), tracker)


def test_two_faces_are_refused(make: Callable[..., Created], tracker: StillTracker, photo: Pixels) -> None:
    with pytest.raises(PersonaError, match=r"2 faces were found; a persona has one\. Crop the picture to one person"):
        make(np.ascontiguousarray(np.hstack([photo, photo])), tracker)


def test_a_smile_that_shows_teeth_is_refused(
    make: Callable[..., Created], tracker: StillTracker, photo: Pixels
) -> None:
    with pytest.raises(PersonaError, match=r"the mouth is open or shows teeth .* use a picture with the lips closed"):
        make(photo, tracker)


def test_a_blurred_face_is_refused_also_by_enlarging(
    make: Callable[..., Created], photo: Pixels, resting: Face
) -> None:
    message = r"the face is blurred .* use a picture in focus"
    with pytest.raises(PersonaError, match=message):
        make(np.asarray(cv2.GaussianBlur(photo, (0, 0), 3.0), np.uint8), finder(resting))
    with pytest.raises(PersonaError, match=message):
        make(enlarge(enlarge(photo, 1 / 9), 9.0)[: photo.shape[0], : photo.shape[1]], finder(resting))


def test_a_small_face_is_refused(make: Callable[..., Created], photo: Pixels, resting: Face) -> None:
    small = replace(resting, landmarks=resting.landmarks * np.float32(0.5))
    with pytest.raises(
        PersonaError, match=r"the face is too small \(13\d px wide, at least 200\): take the picture from"
    ):
        make(enlarge(photo, 0.5), finder(small))


def test_a_head_that_leans_is_refused(make: Callable[..., Created], tracker: StillTracker, photo: Pixels) -> None:
    height, width = photo.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 28, 1.0)
    leaning = np.asarray(cv2.warpAffine(photo, turn, (width, height), borderMode=cv2.BORDER_REPLICATE), np.uint8)
    with pytest.raises(
        PersonaError, match=r"the head leans (2|3)\d degrees to a shoulder \(at most 15\): hold it upright"
    ):
        make(leaning, tracker)


def test_a_turned_head_is_refused(make: Callable[..., Created], photo: Pixels, resting: Face) -> None:
    with pytest.raises(
        PersonaError, match=r"turned 25 degrees to the side \(at most 15\): look straight into the camera"
    ):
        make(photo, finder(_turned(resting, yaw_deg=-25)))
    with pytest.raises(PersonaError, match="tilted up or down by 30 degrees: hold the camera at eye level"):
        make(photo, finder(_turned(resting, pitch_deg=30)))


def test_closed_eyes_are_refused(make: Callable[..., Created], photo: Pixels, resting: Face) -> None:
    with pytest.raises(PersonaError, match=r"an eye is closed \(blink 0\.80, at most 0\.5\): both eyes must be open"):
        make(photo, finder(_scored(resting, eyeBlinkLeft=0.8)))


@pytest.mark.parametrize(
    "scores", [{"eyeLookInLeft": 0.8, "eyeLookOutRight": 0.7}, {"eyeLookUpLeft": 0.7, "eyeLookUpRight": 0.7}]
)
def test_eyes_that_look_away_are_refused(
    make: Callable[..., Created], photo: Pixels, resting: Face, scores: dict[str, float]
) -> None:
    with pytest.raises(PersonaError, match="the eyes look away: look straight into the camera"):
        make(photo, finder(_scored(resting, **scores)))


def test_a_grimace_is_refused(make: Callable[..., Created], photo: Pixels, resting: Face) -> None:
    with pytest.raises(PersonaError, match=r"not neutral \(mouthPucker 0\.95, at most 0\.75\): relax the mouth"):
        make(photo, finder(_scored(resting, mouthPucker=0.95)))


def test_a_face_at_the_edge_is_refused(make: Callable[..., Created], photo: Pixels, resting: Face) -> None:
    top = int(resting.box[1]) + 60
    cut = replace(resting, landmarks=resting.landmarks - np.array([0, top, 0], np.float32))
    with pytest.raises(PersonaError, match="cut off by the picture's edge: leave room around the whole head"):
        make(np.ascontiguousarray(photo[top:]), finder(cut))


def test_bad_light_is_refused(make: Callable[..., Created], photo: Pixels, resting: Face) -> None:
    with pytest.raises(PersonaError, match=r"the face is too dark .* put a light in front of it"):
        make((photo * 0.15).astype(np.uint8), finder(resting))
    ramp = np.linspace(1.1, 0.2, photo.shape[1], dtype=np.float32)[None, :, None]
    with pytest.raises(PersonaError, match=r"one side of the face is much brighter .* use even light from the front"):
        make((photo * ramp).clip(0, 255).astype(np.uint8), finder(resting))
    with pytest.raises(PersonaError, match="pure white or black: use softer light"):
        make((photo * 2.2).clip(0, 255).astype(np.uint8), finder(resting))


def test_a_forehead_under_hair_is_refused(make: Callable[..., Created], photo: Pixels, resting: Face) -> None:
    covered = photo.copy()
    x0, y0, x1, _ = (int(value) for value in resting.box)
    brow = int(resting.landmarks[9, 1])
    covered[y0 - 20 : brow, x0:x1] = (20, 30, 40)
    with pytest.raises(PersonaError, match=r"hair or a hat covers \d+% of the forehead: comb it back"):
        make(covered, finder(resting))


def test_all_reasons_are_listed_together(make: Callable[..., Created], photo: Pixels, resting: Face) -> None:
    bad = _scored(_turned(resting, yaw_deg=25), eyeBlinkLeft=0.8, jawOpen=0.6)
    with pytest.raises(
        PersonaError, match=r"for 3 reasons:\n  - the head is turned.*\n  - an eye is.*\n  - the mouth is"
    ):
        make(photo, finder(bad))


def test_a_smile_is_taken_out_and_the_rest_tracked_again(
    make: Callable[..., Created], photo: Pixels, resting: Face
) -> None:
    changed = np.asarray(cv2.flip(photo, 1), np.uint8)
    found = iter([_scored(resting, mouthSmileLeft=0.5, mouthSmileRight=0.5), resting])
    created = make(photo, lambda pixels: (next(found),), neutralise=lambda image, marks, scores: (changed, marks))
    assert np.array_equal(load_pack(created.path).portrait, changed)
    assert created.notes[0] == "The portrait smiled (0.50); the smile was taken out (0.02 is left)."


def test_a_smile_that_stays_is_refused(make: Callable[..., Created], photo: Pixels, resting: Face) -> None:
    stays = _scored(resting, mouthSmileLeft=0.6, mouthSmileRight=0.6)
    with pytest.raises(PersonaError, match=r"still does after the smile was taken out \(0\.60, .* would smile twice"):
        make(photo, finder(stays), neutralise=lambda image, marks, scores: (image, marks))


def test_the_instant_engine_takes_the_smile_out_by_default(
    make: Callable[..., Created], photo: Pixels, resting: Face
) -> None:
    found = iter([_scored(resting, mouthSmileLeft=0.5, mouthSmileRight=0.5), resting])
    created = make(photo, lambda pixels: (next(found),))
    assert not np.array_equal(load_pack(created.path).portrait, photo)


def test_a_statement_is_no_record(tmp_path: Path, photo: Pixels, resting: Face) -> None:
    (tmp_path / "photo.png").write_bytes(encode_png(photo))
    (tmp_path / "signed.txt").write_text("I, A. B., agree that my picture is used as a persona by C. D. Signed: A. B.")
    with pytest.raises(ConsentDamagedError, match=r"The consent record consent\.json cannot be read"):
        create(tmp_path / "photo.png", tmp_path / "signed.txt", "pat", out=tmp_path / "pat", tracker=finder(resting))
    assert not (tmp_path / "pat").exists()


def test_a_consent_to_another_picture_or_persona_is_refused(
    tmp_path: Path, agree: Callable[..., Path], photo: Pixels, resting: Face
) -> None:
    (tmp_path / "mine.png").write_bytes(encode_png(photo))
    (tmp_path / "other.png").write_bytes(encode_png(photo[::-1]))
    out, find = tmp_path / "pat", finder(resting)
    with pytest.raises(ConsentFilesError, match=r"The file mine\.png is not one that the consent to 'pat' names"):
        create(tmp_path / "mine.png", agree(tmp_path / "other.png"), "pat", out=out, tracker=find)
    with pytest.raises(ConsentForeignError, match="The consent is to the persona 'ann', not to 'pat'"):
        create(tmp_path / "mine.png", agree(tmp_path / "mine.png", name="ann"), "pat", out=out, tracker=find)
    assert not out.exists()


def test_a_missing_consent_and_a_missing_portrait_are_named(
    tmp_path: Path, agree: Callable[..., Path], resting: Face
) -> None:
    with pytest.raises(
        ConsentMissingError, match=r"The consent record .*none\.json cannot be read .* `mien consent rec"
    ):
        create(tmp_path / "p.png", tmp_path / "none.json", "pat", out=tmp_path / "pat", tracker=finder(resting))
    with pytest.raises(PersonaError, match=r"The portrait .*p\.png cannot be read"):
        create(tmp_path / "p.png", agree(), "pat", out=tmp_path / "pat", tracker=finder(resting))
    (tmp_path / "p.png").write_bytes(b"not a picture")
    with pytest.raises(PersonaError, match=r"p\.png is not a readable picture; allowed are PNG and JPEG and WEBP"):
        create(tmp_path / "p.png", agree(), "pat", out=tmp_path / "pat", tracker=finder(resting))


@pytest.mark.parametrize("name", ["", "Pat", "../pat", "con", "a" * 41, "-pat"])
def test_a_name_that_no_folder_may_have_is_refused(tmp_path: Path, name: str, resting: Face) -> None:
    with pytest.raises(PersonaError, match="cannot be a persona's name; use 1 to 40 lower-case letters"):
        create(tmp_path / "p.png", tmp_path / "consent.json", name, out=tmp_path / "pat", tracker=finder(resting))
