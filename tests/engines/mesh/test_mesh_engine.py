from __future__ import annotations

import cv2
import numpy as np
import pytest
from mesh_faces import INNER_LIP, SKIN, driver_crop, face, place, polygon_mask, portrait, rest, with_lids, with_mouth

from mien.engines.mesh.engine import MeshEngine
from mien.engines.mesh.topology import OUTER_LIP
from mien.realtime.errors import EngineError
from mien.realtime.frame import Alignment, Crop, Patch

GREEN = (0, 255, 0)


def _greenish(pixels: np.ndarray) -> np.ndarray:
    b, g, r = (pixels[..., k].astype(int) for k in range(3))
    return (g > r + 40) & (g > b + 40)


def _swap(**options: object) -> MeshEngine:
    return MeshEngine(*portrait(), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("yaw_deg", [0, 20, -40])
@pytest.mark.parametrize("open_cm", [0.0, 2.0])
def test_no_skin_of_the_driver_is_inside_the_mask(yaw_deg: float, open_cm: float) -> None:
    driver = face(with_mouth(rest(), open_cm), rest(), yaw_deg=yaw_deg)
    patch = _swap()(driver, driver_crop(GREEN))
    inside = (patch.mask > 127) & ~polygon_mask(driver.landmarks[INNER_LIP, :2], (400, 400), grow=6)
    assert inside.sum() > 10_000
    assert _greenish(patch.pixels)[inside].mean() < 0.01


def test_the_inside_of_an_open_mouth_is_the_drivers() -> None:
    driver = face(with_mouth(rest(), 2.0), rest())
    patch = _swap()(driver, driver_crop(GREEN))
    assert patch.lit is not None
    x, y = driver.landmarks[INNER_LIP, :2].mean(axis=0).astype(int)
    assert _greenish(patch.pixels)[y, x]
    assert patch.mask[y, x] == 255
    assert patch.lit[y, x] == 255  # it has the driver's light: not matched again
    closed = _swap()(face(rest(), rest()), driver_crop(GREEN))
    assert not _greenish(closed.pixels)[closed.mask > 127].any()


def test_an_open_mouth_shows_none_of_the_drivers_lips() -> None:
    driver = face(with_mouth(rest(), 2.0), rest())
    picture = driver_crop((60, 60, 60)).pixels.copy()
    ring = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillPoly(ring, [np.rint(driver.landmarks[list(OUTER_LIP), :2]).astype(np.int32)], 255)
    cv2.fillPoly(ring, [np.rint(driver.landmarks[INNER_LIP, :2]).astype(np.int32)], 0)
    picture[ring > 0] = GREEN
    patch = _swap()(driver, Crop(picture, Alignment.window(0, 0, 400, 400)))
    assert _greenish(patch.pixels)[patch.mask > 127].sum() < 40


def _whiteness(patch: Patch, landmarks: np.ndarray) -> float:
    eye = polygon_mask(landmarks[[33, 160, 158, 133, 153, 144], :2], (400, 400))
    return float((patch.pixels[eye].min(axis=1) > 170).mean())


def test_a_blink_covers_the_eye_with_lid() -> None:
    engine, crop = _swap(), driver_crop(SKIN)
    where = place(rest())
    opened = _whiteness(engine(face(rest(), rest()), crop), where)
    shut = _whiteness(engine(face(with_lids(rest(), 0), rest()), crop), where)
    assert opened > 0.2
    assert shut < 0.01


@pytest.mark.parametrize(("side", "sign"), [("right", 1), ("left", -1)])
def test_the_iris_goes_where_the_driver_looks(side: str, sign: int) -> None:
    engine, crop, moved = _swap(), driver_crop(SKIN), rest()
    moved[468:, 0] += sign * 0.35
    centres = []
    for shape in (rest(), moved):
        pixels = engine(face(shape, rest()), crop).pixels.astype(int)
        eye = polygon_mask(place(rest())[[33, 160, 158, 133, 153, 144], :2], (400, 400))
        blue = eye & (pixels[..., 0] > pixels[..., 2] + 30)
        centres.append(np.flatnonzero(blue.any(axis=0)).mean())
    assert sign * (centres[1] - centres[0]) > 3, side


def test_the_same_input_gives_the_same_patch() -> None:
    engine, driver = _swap(), face(with_mouth(rest(), 1.0), rest(), yaw_deg=15)
    first = engine(driver, driver_crop(SKIN))
    engine(face(with_lids(rest(), 0), rest(), x=230, yaw_deg=-30), driver_crop(GREEN))
    second = engine(driver, driver_crop(SKIN))
    assert np.array_equal(first.pixels, second.pixels)
    assert np.array_equal(first.mask, second.mask)


def test_a_window_gives_what_the_whole_frame_gives() -> None:
    driver, engine = face(rest(), rest(), x=320, y=300), _swap()
    whole = engine(driver, driver_crop(SKIN, 640, 600))
    part = Crop(np.full((400, 380, 3), SKIN, np.uint8), Alignment.window(130, 110, 380, 400))
    cut = engine(driver, part)
    seen = cut.mask > 0
    assert seen.any()
    assert np.array_equal(cut.mask, whole.mask[110:510, 130:510])
    assert np.abs(cut.pixels[seen].astype(int) - whole.pixels[110:510, 130:510][seen].astype(int)).max() <= 2


@pytest.mark.parametrize("options", [{"quality": "half"}, {"max_side_px": 200}])
def test_a_smaller_working_size_gives_a_patch_of_the_crops_size(options: dict[str, object]) -> None:
    driver, crop = face(rest(), rest()), driver_crop(SKIN)
    full, small = _swap()(driver, crop), _swap(**options)(driver, crop)
    assert small.pixels.shape == full.pixels.shape
    assert small.lit is not None
    both = (full.mask > 250) & (small.mask > 250)
    assert both.sum() > 0.9 * (full.mask > 250).sum()
    assert np.abs(full.pixels[both].astype(int) - small.pixels[both].astype(int)).mean() < 4


@pytest.mark.parametrize("x", [-300, 900, -20])
def test_a_face_at_or_over_the_edge_is_no_error(x: float) -> None:
    patch = _swap()(face(rest(), rest(), x=x), driver_crop(SKIN))
    assert patch.pixels.shape == (400, 400, 3)
    assert (patch.mask.max() == 255) == (x == -20)


def test_hair_over_the_portraits_brow_is_left_out() -> None:
    picture, landmarks = portrait()
    hidden = np.zeros(picture.shape[:2], np.uint8)
    hidden[: int(landmarks[168, 1])] = 255
    patch = MeshEngine(picture, landmarks, exclusion=hidden)(face(rest(), rest()), driver_crop(SKIN))
    points = place(rest())[:, :2].astype(int)
    assert patch.mask[points[9, 1] - 10, points[9, 0]] < 30
    assert patch.mask[points[2, 1], points[2, 0]] == 255


def test_specs_say_what_runs() -> None:
    swap, half = _swap(reason="asked for"), _swap(quality="half")
    assert (swap.spec.name, half.spec.name) == ("mesh", "mesh-half")
    assert (swap.spec.size_px, swap.spec.coverage, swap.spec.label) == (None, "face", "modified")
    assert swap.spec.reason == "asked for"
    drawn = _swap(mode="portrait", label="generated")
    assert (drawn.spec.coverage, drawn.spec.label) == ("frame", "generated")
    drawn.close()
    drawn.close()


def test_what_cannot_be_a_persona_is_refused() -> None:
    picture, landmarks = portrait()
    with pytest.raises(EngineError, match=r"must be \(478, 3\) float32 and finite, got \(468, 3\)"):
        MeshEngine(picture, landmarks[:468])
    with pytest.raises(EngineError, match="outside its") as caught:
        MeshEngine(picture, landmarks + 1000)
    assert "this very picture" in str(caught.value)
    with pytest.raises(EngineError, match='"swap" or "portrait"'):
        MeshEngine(picture, landmarks, mode="cartoon")  # type: ignore[arg-type]
    with pytest.raises(EngineError, match='"generated" needs mode "portrait"'):
        MeshEngine(picture, landmarks, label="generated")
    with pytest.raises(EngineError, match="exclusion must be"):
        MeshEngine(picture, landmarks, exclusion=np.zeros((3, 3), np.uint8))
