from __future__ import annotations

import numpy as np

from mien.engines.cast.camera.colour import LUMA, black_body, decoded, encoded
from mien.engines.cast.camera.light import (
    DESK,
    PORTRAIT,
    ambient,
    direction,
    frontal,
)
from mien.engines.cast.camera.rigs import draw_rig


def test_a_lamp_stands_where_its_angles_say() -> None:
    towards = direction(-24.0, 30.0)
    np.testing.assert_allclose(np.linalg.norm(towards), 1.0, atol=1e-6)
    assert towards[0] < 0.0, "a negative azimuth lies to the picture's left"
    assert towards[1] < 0.0, "the camera's side"
    np.testing.assert_allclose(towards[2], 0.5, atol=1e-6)
    np.testing.assert_allclose(direction(0.0, 90.0), [0.0, 0.0, 1.0], atol=1e-6)


def test_black_bodies_are_white_at_daylight_red_when_cold_and_blue_when_hot() -> None:
    # D65 has a correlated temperature of 6504 K and stands a little off the curve.
    np.testing.assert_allclose(black_body(6504.0), 1.0, atol=0.06)
    ratios = [float(rgb[0] / max(rgb[2], 1e-3)) for rgb in map(black_body, (1800, 2700, 4000, 6500, 10000, 20000))]
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[1] > 4.0
    assert ratios[-1] < 0.6
    for kelvin in (1667, 2200, 2222.5, 3999, 4001, 9000):
        assert abs(float(LUMA @ black_body(kelvin)) - 1.0) < 1e-5


def test_the_black_body_curve_has_no_step_where_its_splines_meet() -> None:
    for kelvin in (2222.0, 4000.0):
        np.testing.assert_allclose(black_body(kelvin - 0.5), black_body(kelvin + 0.5), atol=0.01)


def test_the_transfer_curve_and_its_inverse_meet() -> None:
    x = np.linspace(0, 1, 101, dtype=np.float32)
    np.testing.assert_allclose(encoded(decoded(x)), x, atol=1e-5)


def test_rigs_are_their_generators() -> None:
    assert draw_rig(np.random.default_rng(7)) == draw_rig(np.random.default_rng(7))
    assert draw_rig(np.random.default_rng(7)) != draw_rig(np.random.default_rng(8))


def test_rigs_cover_warm_and_cool_bright_and_dark_every_side_and_every_catchlight() -> None:
    rng = np.random.default_rng(0)
    rigs = [draw_rig(rng) for _ in range(400)]
    seen = np.array([frontal(rig) for rig in rigs])
    warmth = np.log2(seen[:, 0] / seen[:, 2])
    assert (warmth > 0.5).mean() > 0.1
    assert (warmth < -0.05).mean() > 0.05
    exposure = np.array([rig.exposure for rig in rigs])
    assert exposure.min() < 0.55
    assert exposure.max() > 1.25
    keys = np.array([rig.key for rig in rigs])
    assert min((keys[:, 0] > 20).mean(), (keys[:, 0] < -20).mean()) > 0.2
    assert min((keys[:, 1] > 45).mean(), (keys[:, 1] < 0).mean()) > 0.05
    assert {rig.catchlight for rig in rigs} == {"softbox", "window", "ring", "strip"}


def test_rigs_light_a_face_about_as_the_presets_do() -> None:
    rng = np.random.default_rng(1)
    level = np.array([float(LUMA @ frontal(draw_rig(rng))) for _ in range(100)])
    presets = [float(LUMA @ frontal(rig)) for rig in (DESK, PORTRAIT)]
    assert min(presets) * 0.8 < level.min()
    assert level.max() < max(presets) * 1.2


def test_the_room_takes_the_rigs_tint_and_exposure() -> None:
    np.testing.assert_allclose(ambient(DESK), 1.0, atol=0.1)
    rng = np.random.default_rng(2)
    rigs = [draw_rig(rng) for _ in range(100)]
    room = np.array([ambient(rig) for rig in rigs])
    face = np.array([frontal(rig) for rig in rigs])
    assert np.corrcoef(np.log(room[:, 0] / room[:, 2]), np.log(face[:, 0] / face[:, 2]))[0, 1] > 0.6
    assert np.corrcoef(room @ LUMA, [rig.exposure for rig in rigs])[0, 1] > 0.6
