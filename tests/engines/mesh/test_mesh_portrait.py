from __future__ import annotations

import numpy as np
import pytest
from mesh_faces import INNER_LIP, driver_crop, face, portrait, rest, with_lids, with_mouth

from mien.engines.mesh.engine import MeshEngine
from mien.engines.mesh.layout import Layout
from mien.engines.mesh.portrait import PortraitPainter, _frame_edge, _Stage

GREEN = (0, 255, 0)


def _engine() -> MeshEngine:
    picture, landmarks = portrait(400, wide_cm=36)
    picture[::20] = (60, 60, 160)  # lines that show any movement of the background
    picture[:, ::20] = (60, 60, 160)
    return MeshEngine(picture, landmarks, mode="portrait", label="generated")


def _stage(engine: MeshEngine) -> _Stage:
    assert isinstance(engine.painter, PortraitPainter)
    return engine.painter.lay_out((400, 400))


@pytest.mark.parametrize("size", [(640, 360), (360, 640), (400, 400)])
def test_the_whole_frame_is_the_personas(size: tuple[int, int]) -> None:
    driver = face(with_mouth(rest(), 2.0), rest(), x=size[0] / 2, y=size[1] / 2)
    patch = _engine()(driver, driver_crop(GREEN, *size))
    assert patch.pixels.shape == (size[1], size[0], 3)
    assert patch.mask.min() == 255
    assert not patch.colour
    b, g, r = (patch.pixels[..., k].astype(int) for k in range(3))
    assert not ((g > r + 40) & (g > b + 40)).any()  # no pixel of the driver, not even in the mouth


def test_the_head_turns_and_the_frames_edge_stays() -> None:
    engine, crop = _engine(), driver_crop(GREEN)
    still = engine(face(rest(), rest()), crop).pixels.astype(int)
    turned = engine(face(rest(), rest(), yaw_deg=25), crop).pixels.astype(int)
    change = np.abs(still - turned).max(axis=2)
    assert change[150:250, 150:250].mean() > 5
    stage = _stage(engine)
    map_x, map_y = stage.maps(stage.shape.target(face(rest(), rest(), yaw_deg=25), stage.place))
    y, x = np.mgrid[0:400, 0:400]
    moved = np.hypot(map_x - x, map_y - y)
    assert moved[150:250, 150:250].max() > 8
    assert max(moved[0].max(), moved[-1].max(), moved[:, 0].max(), moved[:, -1].max()) < 6


@pytest.mark.parametrize("where", [{"yaw_deg": 40.0}, {"yaw_deg": -40.0, "x": 330.0}, {"pitch_deg": 30.0, "y": 80.0}])
def test_nothing_tears(where: dict[str, float]) -> None:
    stage_engine = _engine()
    driver = face(rest(), rest(), **where)
    stage_engine(driver, driver_crop(GREEN))
    stage = _stage(stage_engine)
    map_x, map_y = stage.maps(stage.shape.target(driver, stage.place))
    steps = np.hypot(np.diff(map_x, axis=1)[:-1], np.diff(map_y, axis=1)[:-1])
    assert np.percentile(steps, 99.5) < 6
    assert steps.max() < 40


def test_it_blinks_and_speaks() -> None:
    engine, crop = _engine(), driver_crop(GREEN)
    still = engine(face(rest(), rest()), crop).pixels.astype(int)
    shut = engine(face(with_lids(rest(), 0), rest()), crop).pixels.astype(int)
    speaks = engine(face(with_mouth(rest(), 1.5), rest()), crop).pixels.astype(int)
    landmarks = portrait(400, wide_cm=36)[1]
    eye_x, eye_y = landmarks[[33, 133], :2].mean(axis=0).astype(int)
    assert still[eye_y, eye_x + 9].min() < 130 or still[eye_y, eye_x].min() < 130  # an iris is there
    assert shut[eye_y - 2 : eye_y + 3, eye_x - 8 : eye_x + 9].reshape(-1, 3).min(axis=1).mean() > 60
    lip_x, lip_y = landmarks[INNER_LIP, :2].mean(axis=0).astype(int)
    below = slice(lip_y + 2, lip_y + 22)
    assert np.abs(speaks[below, lip_x] - still[below, lip_x]).mean() > 10


def test_the_frames_edge_is_anchored_on_all_four_sides() -> None:
    points = _frame_edge((100, 50))
    assert points.min(axis=0) == pytest.approx((-10, -5))
    assert points.max(axis=0) == pytest.approx((110, 55))
    assert len(points) == 44


def test_it_is_laid_out_for_the_frames_to_come_before_the_first_one(monkeypatch: pytest.MonkeyPatch) -> None:
    picture, landmarks = portrait(400, wide_cm=36)
    whole = MeshEngine(picture, landmarks, mode="portrait", frame_px=(1600, 900), max_side_px=800)
    half = MeshEngine(
        picture,
        landmarks,
        mode="portrait",
        quality="half",
        frame_px=(1600, 900),
        max_side_px=800,
        painter=whole.painter,
    )
    assert half.painter is whole.painter

    def late(*_: object) -> Layout:
        raise AssertionError("laid out on the live path")

    driver, crop = face(rest(), rest(), x=800, y=450), driver_crop(GREEN, 1600, 900)
    alone = MeshEngine(picture, landmarks, mode="portrait", max_side_px=800)(driver, crop)
    monkeypatch.setattr(Layout, "fit", late)
    assert (whole(driver, crop).pixels == alone.pixels).all()
    assert half(driver, crop).pixels.shape == (900, 1600, 3)
    with pytest.raises(AssertionError, match="laid out on the live path"):
        MeshEngine(picture, landmarks, mode="portrait")(driver, crop)
