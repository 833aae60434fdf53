from __future__ import annotations

import math

import numpy as np
import pytest

from mien.engines.cast.body.pose import HeadPose
from mien.engines.cast.frame import View
from mien.engines.measure.cast import (
    ERRORS,
    MAIN,
    MEDIAPIPE_HALF_TANGENT,
    SHARED,
    equal_error_rate,
    even_chi_square,
    hidden,
    in_order,
    ita_class,
    ita_deg,
    judge_crowd,
    judge_sweeps,
    matrix_rotation,
    rendered_rotation,
    response,
    skin_lab,
    slope_per_thousand,
    steady_rate,
    turn_deg,
    yaw_pitch_roll,
)
from mien.realtime.head import fit_head, head_model

MIDDLE = np.full((478, 2), 128, np.float32)


def _projected(view: View, pose: HeadPose) -> np.ndarray:
    """The canonical face under a pose in perspective: (478, 3) px, with depth along the ray, as from a cut-out face."""
    face = head_model().landmarks.astype(np.float64)
    world = np.stack([face[:, 0], face[:, 2], -face[:, 1]], 1) * 0.01 @ pose.matrix().T
    origin = view.axes(np.zeros(3, np.float32))[0]
    flat = view.project(world.astype(np.float32), np.zeros(3, np.float32))
    depth = np.linalg.norm(world - origin, axis=1)
    scale = view.height * view.distance / view.span / depth.mean()
    return np.column_stack([flat, (depth - depth.mean()) * scale]).astype(np.float32)


def test_a_response_has_correlation_and_slope() -> None:
    weights = np.linspace(0, 1, 6)
    found = response(weights, 0.1 + 0.4 * weights)
    assert (found.r, found.slope) == pytest.approx((1, 0.4))
    assert response(weights, np.full(6, 0.3)) == response(np.zeros(6), weights) != found
    assert response(weights, 1 - weights).r == pytest.approx(-1)


@pytest.mark.parametrize("pose", [HeadPose(), HeadPose(25, 10, -8), HeadPose(-35, -20, 15)])
@pytest.mark.parametrize("view", [View(256, 256, aim=(0.0, 0.0, 0.0)), View(256, 256, elevation=15.0, azimuth=10.0)])
def test_a_rendered_rotation_is_what_a_perfect_tracker_fits(pose: HeadPose, view: View) -> None:
    points = _projected(view, pose)
    fitted = fit_head(points).rotation.astype(np.float64)
    assert turn_deg(rendered_rotation(view, pose, points[:, :2]), fitted) < 2.5


def test_a_head_beside_the_middle_is_seen_from_its_side() -> None:
    view = View(256, 256, span=0.3, distance=0.5, aim=(0.08, 0.0, 0.06))
    points = _projected(view, HeadPose())
    fitted = fit_head(points).rotation.astype(np.float64)
    seen = rendered_rotation(view, HeadPose(), points[:, :2])
    assert turn_deg(seen, fitted) < 4 < 9 < turn_deg(np.eye(3), fitted)


def test_mediapipes_matrix_is_read_along_its_own_line_of_sight() -> None:
    pose = np.eye(4, dtype=np.float32)
    assert turn_deg(matrix_rotation(pose, MIDDLE, (256, 256)), np.eye(3)) == pytest.approx(0, abs=1e-4)
    at_edge = MIDDLE + np.array([128, 0], np.float32)
    angle = turn_deg(matrix_rotation(pose, at_edge, (256, 256)), np.eye(3))
    assert angle == pytest.approx(math.degrees(math.atan(MEDIAPIPE_HALF_TANGENT)), abs=1e-4)


def test_matrix_and_rendered_rotation_share_their_axes() -> None:
    turned = HeadPose(yaw=30)
    a = math.radians(30)
    pose = np.eye(4, dtype=np.float32)
    # The person's left is the picture's right, towards which MediaPipe's y rotation turns the nose.
    pose[:3, :3] = [[math.cos(a), 0, math.sin(a)], [0, 1, 0], [-math.sin(a), 0, math.cos(a)]]
    seen = rendered_rotation(View(256, 256), turned, MIDDLE)
    assert turn_deg(seen, matrix_rotation(pose, MIDDLE, (256, 256))) == pytest.approx(0, abs=0.1)


def test_angles_of_a_rotation_are_those_of_the_head() -> None:
    pose = HeadPose(yaw=31, pitch=-12, roll=9)
    seen = rendered_rotation(View(256, 256), pose, MIDDLE)
    assert yaw_pitch_roll(seen) == pytest.approx((31, -12, 9), abs=1e-3)


def test_the_equal_error_rate_is_where_both_errors_meet() -> None:
    assert equal_error_rate(np.array([0.8, 0.9]), np.array([0.1, 0.2]))[0] == 0
    assert equal_error_rate(np.array([0.1, 0.2]), np.array([0.8, 0.9]))[0] == 1
    rng = np.random.default_rng(0)
    rate, threshold = equal_error_rate(rng.normal(2, 1, 4000), rng.normal(0, 1, 40000))
    assert rate == pytest.approx(0.1587, abs=0.01)  # the tail of a normal beyond one standard deviation
    assert threshold == pytest.approx(1, abs=0.1)


def test_chi_square_agrees_with_published_tables() -> None:
    assert even_chi_square([400] * 10) == (0, 1)
    for bins, value in ((10, 16.919), (11, 18.307), (2, 3.841), (3, 5.991)):
        # Counts of which one is above and one below the rest reach any value: 2 d^2 / e.
        expected = 1e6
        off = math.sqrt(value * expected / 2)
        counts = [expected + off, expected - off, *([expected] * (bins - 2))]
        assert even_chi_square(counts)[1] == pytest.approx(0.05, abs=1e-4)  # type: ignore[arg-type]


def test_hidden_parts_are_grey_and_the_rest_is_as_it_was() -> None:
    pixels = np.full((2, 2, 3), 7, np.uint8)
    out = hidden(pixels, np.array([[0, 1], [11, 1]], np.uint8), (0, 11))
    assert out[:, 0].tolist() == [[128] * 3] * 2
    assert (out[:, 1] == 7).all()
    assert (pixels == 7).all()


def test_skin_colour_is_the_median_in_lab() -> None:
    pixels = np.full((4, 4, 3), 255, np.uint8)
    pixels[0] = 0
    lightness, a, b = skin_lab(pixels, np.ones((4, 4), bool))
    assert (lightness, a, b) == pytest.approx((100, 0, 0), abs=0.1)
    assert math.isnan(skin_lab(pixels, np.zeros((4, 4), bool))[0])


def test_typology_angle_orders_skins() -> None:
    assert ita_deg(70, 20) == pytest.approx(45)
    assert [ita_class(ita_deg(light, 18.0)) for light in (80, 70, 60, 55, 45, 30)] == [
        "very light", "light", "intermediate", "tan", "brown", "dark",
    ]  # fmt: skip


def test_growth_is_per_thousand_steps() -> None:
    assert slope_per_thousand([10 + 0.002 * k for k in range(300)]) == pytest.approx(2)
    assert slope_per_thousand([5.0]) == 0


def test_the_rate_leaves_out_each_workers_first_shard() -> None:
    assert steady_rate([9.0, 10.0, 18.0, 20.0], 32, 2) == pytest.approx(6.4)
    with pytest.raises(ValueError, match="nothing after the first"):
        steady_rate([9.0, 10.0], 32, 2)


def _seen(picture: int, jaw: float, score: float, error: float, turned: float) -> dict[str, object]:
    scores = np.zeros(51)
    scores[SHARED.index("jawOpen")] = score
    return {"picture": picture, "person": 1, "found": 1, "neutral_found": 1, "actions": {"jawOpen": jaw},
            "scores": scores, "clean_scores": scores, "rest_scores": np.zeros(51), "turned_deg": turned,
            "axes": (turned, 1.0, 0.0),
            "tracked_axes": (0.8 * turned, 3.0, 0.0)} | dict.fromkeys(ERRORS, error)  # fmt: skip


def test_a_crowd_is_judged_on_the_faces_that_were_found() -> None:
    rows = [_seen(k, k / 4, 0.1 + k / 8, float(k), 12.0 * k) for k in range(4)]
    lost = {"picture": 4, "person": 7, "found": 2, "neutral_found": 0, "actions": {"jawOpen": 1.0}}
    judged = judge_crowd([*rows, lost])
    assert judged["found"] == pytest.approx(0.8)
    assert [miss["picture"] for miss in judged["misses"]] == [4]
    assert judged["neutral_misses"] == [7]
    assert judged["channels"]["jawOpen"] == pytest.approx({"r": 1.0, "slope": 0.5})
    assert judged["main_r"]["clean, raw"] == pytest.approx(1 / len(MAIN))
    assert judged["pose_deg"]["median"] == pytest.approx(1.5)
    assert {name: row["pictures"] for name, row in judged["pose_by_turn"].items()} == {
        "0 to 10 deg": 1, "10 to 20 deg": 1, "20 to 30 deg": 1, "30 to 40 deg": 1,
    }  # fmt: skip
    assert judged["axes"]["yaw"]["slope"] == pytest.approx(0.8)
    assert judged["axes"]["pitch"]["error_median"] == pytest.approx(2)
    assert judged["farthest"][0]["picture"] == 3


def test_a_crowd_that_was_never_found_has_no_numbers() -> None:
    judged = judge_crowd([{"picture": 0, "person": 1, "found": 0, "neutral_found": 0, "actions": {}}])
    assert (judged["found"], judged["channels"], set(judged["main_r"].values())) == (0, {}, {0.0})


def test_expressions_are_read_from_each_persons_rest_where_that_is_known() -> None:
    """One of two people has a jaw that hangs; and one picture's webcam showed nothing of the jaw."""
    rows = [_seen(k, k % 4 / 4, 0.1 + k % 4 / 8 + 0.5 * (k > 3), 1.0, 0.0) for k in range(8)]
    for row in rows[4:]:
        row["rest_scores"] = np.full(51, 0.5)
    rows[2]["scores"] = np.zeros(51)
    unknown = _seen(8, 0.9, 0.0, 1.0, 0.0) | {"rest_scores": np.full(51, np.nan), "clean_scores": np.full(51, np.nan)}
    main_r = judge_crowd([*rows, unknown])["main_r"]
    assert main_r["clean, from rest"] == pytest.approx(1 / len(MAIN))
    assert main_r["clean, raw"] < 0.8 / len(MAIN)
    assert 0 < main_r["webcam, from rest"] < main_r["clean, from rest"]


def test_sweeps_tell_who_responds_and_who_follows_badly() -> None:
    still = {name: np.zeros(6) for name in SHARED}
    lost = np.array([0.0, 0.1, 0.2, 0.3, 0.4, np.nan])
    people = [
        still | {"jawOpen": np.linspace(0, 1, 6), "mouthLeft": np.array([0, 0, 0, 0, 0, 1.0]), "eyeWideLeft": lost},
        still | {"jawOpen": np.linspace(0, 0.5, 6), "mouthLeft": np.array([0.0, 1, 0, 0, 0, 0])},
    ]
    judged = judge_sweeps(people)
    assert judged["responding"] == ["eyeWideLeft", "jawOpen", "mouthLeft"]
    assert judged["channels"]["jawOpen"]["slope"] == pytest.approx(0.75)
    assert judged["channels"]["eyeWideLeft"]["slopes"] == pytest.approx([0.5, 0.0])
    assert len(judged["not_responding"]) == 48
    assert judged["below"] == ["eyeWideLeft", "mouthLeft"]
    assert judged["lost"] == 1


def test_results_come_in_the_order_of_the_tasks() -> None:
    assert list(in_order(str, [3, 1, 2], 1)) == ["3", "1", "2"]
