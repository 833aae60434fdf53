from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.engines.cast.camera.colour import decoded
from mien.engines.cast.camera.lens import bent, bent_points, smeared
from mien.engines.cast.camera.webcam import CLEAN, Webcam

PORTRAIT = Path(__file__).parents[2] / "engines/personas/shipped/viggo/portrait.jpg"
IDLE = Webcam()


def _face(size: int = 128) -> np.ndarray:
    picture = cv2.resize(cv2.imread(str(PORTRAIT)), (size, size), interpolation=cv2.INTER_AREA)
    return decoded(picture[:, :, ::-1].astype(np.float32) / 255)


def _grey(level: float, size: int = 96) -> np.ndarray:
    return np.full((size, size, 3), level, np.float32)


def _noise(webcam: Webcam, level: float) -> float:
    shot = webcam.shoot(_grey(level)).astype(np.float32)
    return float(shot.std(axis=(0, 1)).mean())


def _error(webcam: Webcam, picture: np.ndarray) -> float:
    return float(np.abs(webcam.shoot(picture).astype(np.float32) - IDLE.shoot(picture)).mean())


def test_a_webcam_that_does_nothing_only_encodes() -> None:
    shot = IDLE.shoot(_face())
    assert shot.shape == (128, 128, 3)
    assert shot.dtype == np.uint8
    wanted = cv2.resize(cv2.imread(str(PORTRAIT)), (128, 128), interpolation=cv2.INTER_AREA).astype(np.float32)
    assert np.abs(shot - wanted).mean() < 2.0
    assert np.abs(cv2.cvtColor(shot, cv2.COLOR_BGR2GRAY) - cv2.cvtColor(wanted, cv2.COLOR_BGR2GRAY)).max() < 4.0


@pytest.mark.parametrize("codec", ["raw", "mjpeg", "h264"])
def test_the_same_seed_and_time_give_the_same_frame_in_any_order(codec: str) -> None:
    face = _face()
    webcam = replace(Webcam.draw(np.random.default_rng(3)), codec=codec, gain_ev=2.0)
    first = webcam.shoot(face, 1.0)
    other = webcam.shoot(face, 2.0)
    assert np.array_equal(webcam.shoot(face, 1.0), first)
    assert not np.array_equal(first, other)
    assert not np.array_equal(replace(webcam, seed=webcam.seed + 1).shoot(face, 1.0), first)


def test_drawn_webcams_are_their_generators_and_give_pictures() -> None:
    assert Webcam.draw(np.random.default_rng(1)) == Webcam.draw(np.random.default_rng(1))
    rng, face = np.random.default_rng(2), _face(95)
    for _ in range(12):
        shot = Webcam.draw(rng).shoot(face, 0.3, (1.5, -0.5))
        assert shot.shape == (95, 95, 3)
        assert 8 < shot.mean() < 230


def test_drawn_webcams_cover_warm_and_cool_bright_and_dark_clean_and_noisy() -> None:
    rng, card = np.random.default_rng(0), _grey(0.3, 48)
    shots = [Webcam.draw(rng).shoot(card).astype(np.float32) for _ in range(150)]
    means = np.array([shot.mean(axis=(0, 1)) for shot in shots])
    warmth = np.log2(means[:, 2] / means[:, 0])
    assert min((warmth > 0.1).mean(), (warmth < -0.1).mean()) > 0.1
    assert means.mean(axis=1).min() < 110
    assert means.mean(axis=1).max() > 160
    noise = np.array([shot[8:-8, 8:-8].std(axis=(0, 1)).mean() for shot in shots])
    assert np.percentile(noise, 10) < 2.0
    assert np.percentile(noise, 97) > 4.5


def test_noise_grows_when_less_light_is_amplified() -> None:
    levels = [_noise(Webcam(gain_ev=gain), 0.2) for gain in (-2.0, 0.0, 2.0, 4.0)]
    assert levels == sorted(levels)
    assert levels[-1] > 3 * levels[0]


def test_noise_against_the_signal_grows_when_exposure_falls() -> None:
    shares = []
    for exposure in (1.0, 0.0, -1.0, -2.0):
        shot = decoded(Webcam(gain_ev=1.0, exposure_ev=exposure).shoot(_grey(0.2)).astype(np.float32) / 255)
        shares.append(float(shot.std(axis=(0, 1)).mean() / shot.mean()))
    assert shares == sorted(shares)
    assert shares[-1] > 2 * shares[0]


def test_coloured_noise_is_coarser_than_grey_noise() -> None:
    shot = Webcam(gain_ev=2.0, colour_noise=1.0, blotches=0.5, grain_px=0.4).shoot(_grey(0.3))
    grey, red, _ = cv2.split(cv2.cvtColor(shot, cv2.COLOR_BGR2YCrCb).astype(np.float32))

    def neighbours(channel: np.ndarray) -> float:
        return float(np.corrcoef(channel[:, :-1].ravel(), channel[:, 1:].ravel())[0, 1])

    assert neighbours(red) > neighbours(grey) + 0.2


def test_grain_changes_the_size_of_noise_and_not_its_strength() -> None:
    fine, coarse = (_noise(Webcam(gain_ev=1.0, colour_noise=0.0, grain_px=grain), 0.3) for grain in (0.3, 1.2))
    assert coarse == pytest.approx(fine, rel=0.12)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("quality", (95, 70, 40, 15)), ("crf", (15, 25, 35, 45)), ("soft_px", (0.3, 0.8, 1.5, 2.5)),
        ("scale", (0.9, 0.7, 0.5, 0.3)), ("vignette", (0.05, 0.2, 0.4, 0.6)), ("haze", (0.02, 0.06, 0.12, 0.2)),
        ("sharpen", (0.2, 0.6, 1.2, 2.0)), ("denoise", (0.1, 0.4, 0.7, 1.0)), ("fringe", (0.002, 0.005, 0.01, 0.02)),
    ],
)  # fmt: skip
def test_more_of_a_defect_is_further_from_the_clean_picture(field: str, values: tuple[float, ...]) -> None:
    codec = {"quality": "mjpeg", "crf": "h264"}.get(field, "raw")
    errors = [_error(replace(IDLE, codec=codec, **{field: value}), _face()) for value in values]
    assert errors == sorted(errors)
    assert errors[-1] > 1.5 * errors[0]


def test_white_balance_and_exposure_do_what_their_names_say() -> None:
    warm = Webcam(warmth=0.5).shoot(_grey(0.2)).mean(axis=(0, 1))
    assert warm[2] > warm[1] > warm[0]
    green = Webcam(tint=0.3).shoot(_grey(0.2)).mean(axis=(0, 1))
    assert green[1] > max(green[0], green[2])
    one, two = (decoded(Webcam(exposure_ev=ev).shoot(_grey(0.1)).astype(np.float32) / 255).mean() for ev in (0.0, 1.0))
    assert two == pytest.approx(2 * one, rel=0.07)


def test_automatic_exposure_lifts_the_dark_and_calms_the_bright_by_its_share() -> None:
    spans = []
    for share in (0.0, 0.4, 0.8):
        dark, bright = (Webcam(metering=share).shoot(_grey(level)).mean() for level in (0.05, 0.6))
        spans.append(bright - dark)
    assert spans == sorted(spans, reverse=True)
    assert spans[2] < 0.6 * spans[0]
    frames = [_grey(0.2)] * 2 + [_grey(0.05)] * 60
    shots = [frame.mean() for frame in Webcam(metering=0.8).film(frames)]
    # It follows within a second or two, not at once.
    assert shots[2] < shots[12] < shots[-1] < shots[0]
    assert shots[-1] - shots[2] > 20


def test_exposure_and_white_drift_slowly_and_never_further_than_they_say() -> None:
    webcam = Webcam(seed=4, exposure_drift_ev=0.2, white_drift=0.3)
    gains = np.log2([webcam.gains(t) for t in np.arange(0, 60, 1 / 30)])
    assert 0.1 < np.ptp(gains[:, 1]) < 0.6
    assert 0.1 < np.ptp(gains[:, 0] - gains[:, 2]) <= 0.6
    assert np.abs(np.diff(gains, axis=0)).max() < 0.02
    still = np.array([replace(webcam, exposure_drift_ev=0.0, white_drift=0.0).gains(t) for t in (0.0, 9.0)])
    np.testing.assert_allclose(still, 1.0, atol=1e-6)
    hunting = np.log2([Webcam(hunting_ev=0.5).gains(t)[1] for t in np.arange(0, 30, 1 / 30)])
    assert hunting.max() > 0.15
    assert hunting.min() < -0.05


def test_motion_smears_along_its_way_and_keeps_the_middle() -> None:
    dot = np.zeros((41, 41, 3), np.float32)
    dot[20, 20] = 1.0
    for field in ((10.0, 0.0), np.tile(np.array([10.0, 0.0], np.float32), (41, 41, 1))):
        streak = smeared(dot, field, 1.0)[:, :, 0]
        y, x = np.mgrid[0:41, 0:41]
        assert (streak * x).sum() / streak.sum() == pytest.approx(20.0, abs=0.05)
        assert np.sqrt((streak * (x - 20) ** 2).sum() / streak.sum()) == pytest.approx(10 / np.sqrt(12), rel=0.15)
        assert np.sqrt((streak * (y - 20) ** 2).sum() / streak.sum()) < 0.1
        assert streak.sum() == pytest.approx(1.0, rel=1e-3)
    assert np.array_equal(smeared(dot, (10.0, 0.0), 0.0), dot)


def _dots(points: np.ndarray, height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width] + 0.5
    dots = [np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * 1.6**2)) for px, py in points]
    return np.repeat(np.max(dots, axis=0)[:, :, None], 3, axis=2).astype(np.float32)


def _middle(picture: np.ndarray, near: np.ndarray) -> np.ndarray:
    left, top = np.round(near - 7).astype(int)
    patch = picture[top : top + 14, left : left + 14]
    weight = np.clip(patch - 0.05, 0, None)
    y, x = np.mgrid[0:14, 0:14] + 0.5
    return np.array([left + (weight * x).sum() / weight.sum(), top + (weight * y).sum() / weight.sum()])


@pytest.mark.parametrize(("barrel", "skew"), [(0.06, (0.0, 0.0)), (-0.03, (0.0, 0.0)), (0.05, (6.0, -4.0))])
def test_landmarks_go_exactly_where_the_lens_and_the_shutter_put_them(barrel: float, skew: tuple[float, float]) -> None:
    points = np.array([(20.0, 24.0), (130.5, 30.2), (75.0, 60.0), (33.3, 96.1), (128.4, 92.0)], np.float32)
    wanted = bent_points(points, 120, 160, barrel, skew)
    assert np.abs(wanted - points).max() > 0.8
    picture = bent(_dots(points, 120, 160), barrel, skew)[:, :, 0]
    found = np.array([_middle(picture, each) for each in wanted])
    np.testing.assert_allclose(found, wanted, atol=0.08)


def test_landmarks_stay_when_the_geometry_is_left_alone() -> None:
    points = np.array([(20.0, 24.0), (96.5, 30.2), (64.0, 64.0), (33.3, 96.1)], np.float32)
    rng, picture = np.random.default_rng(5), _dots(points, 128, 128) * 0.5
    for webcam in (CLEAN, *(replace(Webcam.draw(rng), gain_ev=-8.0, quality=92, crf=19) for _ in range(8))):
        assert webcam.where(points, 128, 128) is points
        shot = webcam.shoot(picture, 0.0, (2.0, 1.0))[:, :, 1].astype(np.float32) / 255
        found = np.array([_middle(shot - np.median(shot), each) for each in points])
        np.testing.assert_allclose(found, points, atol=0.2)


def test_bending_webcams_say_so() -> None:
    webcam = Webcam.draw(np.random.default_rng(6), bend=True)
    points = np.array([(10.0, 10.0), (118.0, 100.0)], np.float32)
    assert np.abs(webcam.where(points, 128, 128, (5.0, 3.0)) - points).max() > 0.05


@pytest.mark.parametrize("codec", ["mjpeg", "h264"])
def test_a_clip_has_a_frame_for_each_frame(codec: str) -> None:
    face = _face(94)
    webcam = replace(CLEAN, codec=codec, scale=0.9, crf=33)
    frames = list(webcam.film([face] * 6, fps=30.0))
    assert [frame.shape for frame in frames] == [(94, 94, 3)] * 6
    assert all(np.abs(frame.astype(np.float32) - IDLE.shoot(face)).mean() < 14 for frame in frames)
    again = list(webcam.film([face] * 6, fps=30.0))
    assert all(np.array_equal(a, b) for a, b in zip(frames, again, strict=True))
    if codec == "mjpeg":
        assert np.array_equal(frames[4], webcam.shoot(face, 4 / 30))


def test_the_clean_webcam_is_pleasant() -> None:
    face = _face(192)
    assert 0.5 < _error(CLEAN, face) < 5.0
    assert 0.3 < _noise(replace(CLEAN, vignette=0.0), 0.2) < 1.6
