from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.engines.mesh.topology import EYES
from mien.engines.verify.looks import Look
from mien.engines.verify.signals import table
from mien.engines.verify.signals.blinks import blink_depth, blink_duration, blink_rate, find_blinks
from mien.engines.verify.signals.boundary import boundary_noise, boundary_seam, noise_level
from mien.engines.verify.signals.compression import blockiness
from mien.engines.verify.signals.frequency import frequency_slope, spectrum_slope
from mien.engines.verify.signals.jitter import landmark_jitter
from mien.engines.verify.signals.observer import Observer
from mien.engines.verify.signals.sight import LEAST_SIGHTS, RATE_HZ, Sight, watch
from mien.engines.verify.signals.table import PLAIN, SIGNALS, measure, summarise
from mien.realtime.frame import Floats, Pixels
from mien.realtime.head import HeadFit, from_head, head_model
from mien.realtime.source.image import load_image

PORTRAIT = Path(__file__).parents[2] / "engines" / "personas" / "shipped" / "viggo" / "portrait.jpg"
SIDE = 512


def face(turn: float = 0.0, x: float = SIDE / 2, y: float = SIDE / 2, shape: Floats | None = None) -> Floats:
    """(478, 3) landmarks of the canonical face, 20 px a cm, turned by `turn` radians about the vertical."""
    cos, sin = np.cos(turn), np.sin(turn)
    rotation = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]], np.float32)
    fit = HeadFit(rotation, 16.0, np.array([x, y, 0], np.float32))
    return from_head(head_model().landmarks if shape is None else shape, fit)


def over_time(landmarks: Sequence[Floats]) -> list[Sight]:
    return [Sight(index / RATE_HZ, points) for index, points in enumerate(landmarks)]


def still(luma: Floats) -> list[Sight]:
    """One sight of the face in the middle of `luma`."""
    return [Sight(0.0, face(), np.clip(np.round(luma), 0, 255).astype(np.uint8))]


def inside() -> np.ndarray:
    return still(np.zeros((SIDE, SIDE), np.float32))[0].depth > 0


def blinking(depths: Sequence[float]) -> list[Floats]:
    """Lids that fall by these parts of the way, one picture after the other."""
    shapes = []
    for depth in depths:
        shape = head_model().landmarks.copy()
        for eye in EYES:
            upper, lower = list(eye.upper), list(eye.lower)
            width = float(np.linalg.norm(shape[eye.outer] - shape[eye.inner]))
            # Open a little wide, and shut at the gap that the tracker gives shut eyes.
            open_gap, shut_gap = 0.30 * width, 0.062 * width
            shape[upper] = shape[lower] - np.array([0, open_gap + depth * (shut_gap - open_gap), 0], np.float32)
        shapes.append(face(shape=shape))
    return shapes


def test_scripted_blinks_are_counted_with_their_depth_and_duration() -> None:
    script = np.zeros(75)
    for start in (10, 35, 60):
        script[start : start + 4] = (0.5, 1.0, 1.0, 0.5)
    sights = over_time(blinking(script))
    assert blink_rate(sights) == pytest.approx(3 * 60 / (74 / RATE_HZ))
    assert blink_depth(sights) == pytest.approx(1.0, abs=0.02)
    # Half shut at the first and the last of four pictures.
    assert blink_duration(sights) == pytest.approx(3 / RATE_HZ, abs=0.02)


def test_half_blinks_are_shallow_and_long_closures_are_none() -> None:
    shallow = np.zeros(75)
    shallow[30:33] = (0.3, 0.6, 0.3)
    assert blink_depth(over_time(blinking(shallow))) == pytest.approx(0.6, abs=0.03)
    closed = np.zeros(75)
    closed[20:40] = 1.0
    assert blink_rate(over_time(blinking(closed))) == 0.0
    assert np.isnan(blink_depth(over_time(blinking(closed))))


def test_a_blink_that_the_end_cuts_off_is_none() -> None:
    times = np.arange(20, dtype=np.float32) / 15
    opened = np.ones(20, np.float32)
    opened[:3] = opened[-2:] = 0.0
    assert find_blinks(opened, times) == []
    opened[10] = 0.2
    assert [round(blink.depth, 3) for blink in find_blinks(opened, times)] == [0.8]


def test_a_short_run_says_nothing_over_time() -> None:
    few = over_time(blinking(np.zeros(LEAST_SIGHTS - 1)))
    assert np.isnan(blink_rate(few))
    assert np.isnan(landmark_jitter(few))


def test_planted_jitter_comes_back_and_a_turning_head_is_none() -> None:
    rng = np.random.default_rng(2)
    turning = [face(0.4 * np.sin(index / 20), x=200 + index) for index in range(75)]
    assert landmark_jitter(over_time(turning)) < 0.1
    width_px = float(np.ptp(face()[:468, 0]))
    for sigma_px in (0.5, 1.5):
        shaken = [points + rng.normal(0, sigma_px, points.shape).astype(np.float32) for points in turning]
        # The rigid fit takes a part of the planted noise with it.
        assert landmark_jitter(over_time(shaken)) == pytest.approx(1000 * sigma_px / width_px, rel=0.25)


def noise(sigma: float, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).normal(128, sigma, (SIDE, SIDE)).astype(np.float32)


def test_planted_noise_levels_come_back_in_decibels() -> None:
    assert boundary_noise(still(noise(4))) == pytest.approx(0.0, abs=0.5)
    smoother = np.where(inside(), noise(2), noise(4, 1))
    assert boundary_noise(still(smoother)) == pytest.approx(-6.0, abs=0.8)
    rougher = np.where(inside(), noise(8), noise(4, 1))
    assert boundary_noise(still(rougher)) == pytest.approx(6.0, abs=0.8)


def test_the_noise_of_a_flat_picture_is_its_standard_deviation() -> None:
    # The smoothest fifth of the cells lies a little below the mean.
    level = noise_level(noise(5), np.ones((SIDE, SIDE), np.float32))
    assert level == pytest.approx(5, rel=0.15)
    assert np.isnan(noise_level(noise(5), np.zeros((SIDE, SIDE), np.float32)))


def test_a_planted_boundary_is_seen_as_a_seam() -> None:
    assert boundary_seam(still(noise(4))) == pytest.approx(0.0, abs=1.0)
    stepped = noise(4) + np.where(inside(), 80, 0)
    assert boundary_seam(still(stepped)) > 6
    feathered = noise(4) + cv2.GaussianBlur(np.where(inside(), 80, 0).astype(np.float32), (0, 0), 12)
    assert boundary_seam(still(feathered)) < 1.5


def coloured(exponent: float, seed: int) -> Floats:
    """Noise whose power falls as frequency ** exponent."""
    rng = np.random.default_rng(seed)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(SIDE), np.fft.fftfreq(SIDE)))
    frequency[0, 0] = 1
    shaped = np.fft.ifft2(np.fft.fft2(rng.normal(size=(SIDE, SIDE))) * frequency ** (exponent / 2)).real
    return (128 + 30 * shaped / shaped.std()).astype(np.float32)


@pytest.mark.parametrize("exponent", [0.0, -1.0, -2.0])
def test_the_slope_of_a_spectrum_is_its_exponent(exponent: float) -> None:
    assert spectrum_slope(coloured(exponent, 3)) == pytest.approx(exponent, abs=0.15)


def test_a_smoother_face_has_a_spectrum_that_falls_faster() -> None:
    assert frequency_slope(still(coloured(-1, 3))) == pytest.approx(0.0, abs=0.3)
    mixed = np.where(inside(), coloured(-2, 4), coloured(-1, 5))
    assert frequency_slope(still(mixed)) == pytest.approx(-1.0, abs=0.35)


def blocked(luma: Floats, share: float) -> Floats:
    means = cv2.resize(
        cv2.resize(luma, (SIDE // 8, SIDE // 8), interpolation=cv2.INTER_AREA), (SIDE, SIDE), interpolation=0
    )
    return np.asarray((1 - share) * luma + share * means, np.float32)


def test_blocks_in_the_face_alone_are_seen_and_those_everywhere_are_not() -> None:
    scene = coloured(-1, 6)
    assert blockiness(still(scene)) == pytest.approx(0.0, abs=0.3)
    assert blockiness(still(blocked(scene, 0.8))) == pytest.approx(0.0, abs=0.5)
    assert blockiness(still(np.where(inside(), blocked(scene, 0.8), scene))) > 2
    assert blockiness(still(np.where(inside(), scene, blocked(scene, 0.8)))) < -2


def test_blocks_are_counted_from_the_pictures_corner_not_from_the_crops() -> None:
    scene = coloured(-1, 6)
    mixed = np.round(np.where(inside(), blocked(scene, 0.8), scene)).clip(0, 255).astype(np.uint8)
    cut = [Sight(0.0, face(), mixed[5:, 3:], (3, 5))]
    assert blockiness(cut) > 2


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.name)
def test_a_face_at_the_pictures_edge_or_without_pixels_gives_a_number_or_nothing(signal: table.Signal) -> None:
    luma = np.full((40, 40), 128, np.uint8)
    for sights in (
        [Sight(0.0, face())],
        [Sight(0.0, face(x=-80.0), luma)],
        [Sight(0.0, face(x=5000.0), luma)],
        [Sight(0.0, face(), np.zeros((SIDE, SIDE), np.uint8))],
    ):
        assert isinstance(signal.measure(sights), float)


def moving(pictures: int, step_s: float, picture: Callable[[int], Pixels]) -> list[Look]:
    return [Look(picture(index), index * step_s, int(index * step_s // 5)) for index in range(pictures)]


def test_a_face_is_followed_at_a_bounded_rate_and_a_cut_begins_a_new_run() -> None:
    portrait = cv2.resize(load_image(PORTRAIT), (384, 384), interpolation=cv2.INTER_AREA).astype(np.uint8)
    empty = np.full_like(portrait, 90)
    looks = moving(48, 1 / 60, lambda index: empty if 20 <= index < 28 else portrait)
    runs = watch(iter(looks))
    assert len(runs) == 2
    # Sixty pictures a second are looked at fifteen times a second.
    assert sum(len(run) for run in runs) <= 48 / 4 + 1
    assert runs[0][0].luma is not None
    assert runs[0][1].luma is None
    assert runs[0][0].aligned is not None
    assert runs[0][0].aligned.shape == (64, 64)


def test_a_still_face_in_time_gives_every_number_or_the_reason_why_none() -> None:
    portrait = cv2.resize(load_image(PORTRAIT), (384, 384), interpolation=cv2.INTER_AREA).astype(np.uint8)
    observer = Observer()
    for look in moving(20, 1 / 15, lambda _: portrait):
        observer.add(look)
    found = observer.finish()
    observer.close()
    assert (found.state, found.runs, found.reason) == ("measured", 1, "")
    assert {reading.name for reading in found.readings} | set(found.left_out) == {signal.name for signal in SIGNALS}

    nobody = Observer()
    for look in moving(20, 1 / 15, lambda _: np.full((64, 64, 3), 90, np.uint8)):
        nobody.add(look)
    none = nobody.finish()
    nobody.close()
    assert none.state == "not measured"
    assert "in 0 of the 20 pictures" in none.reason


def test_a_missing_model_is_a_reason_and_no_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("mien.engines.verify.signals.sight.landmarker_path", lambda: tmp_path / "none.task")
    observer = Observer()
    observer.add(Look(np.zeros((64, 64, 3), np.uint8), 0.0, 0))
    assert "no landmark model" in observer.finish().reason


def test_a_tracker_that_fails_on_the_way_is_a_reason_and_no_end() -> None:
    observer = Observer()
    observer.close()
    for index in range(2):
        observer.add(Look(np.zeros((64, 64, 3), np.uint8), index / 10, 0))
    assert "the tracker is closed" in observer.finish().reason


def test_what_separates_badly_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {signal.name: {"low": 0.0, "high": 1.0, "auc": 0.59} for signal in SIGNALS}
    rows["blink_rate"]["auc"] = 0.6
    monkeypatch.setattr(table, "reference", lambda: {"signals": rows})
    run = {signal.name: 0.5 for signal in SIGNALS}
    found = summarise([run, {**run, "blink_rate": 0.7}, {**run, "blink_rate": float("nan")}], 30)
    assert [(reading.name, reading.value, reading.auc) for reading in found.readings] == [
        ("blink_rate", pytest.approx(0.6), 0.6)
    ]
    assert len(found.left_out) == len(SIGNALS) - 1


def test_the_shipped_reference_has_every_signal_and_its_conditions() -> None:
    data = table.reference()
    assert set(data["signals"]) == {signal.name for signal in SIGNALS}
    for row in data["signals"].values():
        assert row["low"] <= row["high"]
        assert 0.0 <= row["auc"] <= 1.0
        # The worst of the conditions, each on an engine that the direction was not chosen on.
        assert row["auc"] == min(row["aucs"].values())
        assert len(row["aucs"]) == 4
    assert len(json.dumps(data)) < 20_000


def test_measuring_gives_what_was_asked_for() -> None:
    assert set(measure(still(noise(4)), PLAIN)) == {signal.name for signal in PLAIN}
