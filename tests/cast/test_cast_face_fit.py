from __future__ import annotations

import numpy as np
import pytest

from mien.engines.cast.body.anatomy import Body, build_body
from mien.engines.cast.body.gaze import gaze_axes
from mien.engines.cast.body.lids import LidGuard, fit_lids
from mien.engines.cast.body.lips import LipGuard, fit_lips, seal_weights
from mien.engines.cast.recipe import Recipe

pytestmark = pytest.mark.cast

Fitted = tuple[Body, LidGuard, LipGuard]

SEEDS = (3, 5, 11, 42)
MARGIN = 11  # the row of the lids' grid whose ring touches the ball
EDGE = 12


@pytest.fixture(scope="module", params=SEEDS)
def fitted(request: pytest.FixtureRequest) -> Fitted:
    body, lids = fit_lids(build_body(Recipe(name="someone", seed=request.param)))
    body, lips = fit_lips(body)
    return body, lids, lips


def _posed(fitted: Fitted, actions: dict[str, float], gaze: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    body, lids, lips = fitted
    points = body.posed(seal_weights(body.actions, body.weights(actions))).copy()
    ahead = gaze_axes(gaze)[0]
    lids.settle(points, np.stack([ahead, ahead]))
    lips.settle(points)
    return points


def _both(name: str, weight: float) -> dict[str, float]:
    return {f"{name}Left": weight, f"{name}Right": weight}


def _heights(fitted: Fitted, points: np.ndarray) -> np.ndarray:
    """Over the balls, of all rings from the margin outwards, m."""
    body, lids, _ = fitted
    return np.stack(
        [
            np.linalg.norm(points[lids.index[k, MARGIN:]] - eye.centre, axis=-1) - eye.radius
            for k, eye in enumerate(body.eyes)
        ]
    )


@pytest.mark.parametrize("weight", [0.0, 0.15, 0.3, 0.5, 0.7, 0.85, 1.0])
@pytest.mark.parametrize("gaze", [(0.0, 0.0), (15.0, 8.0), (-15.0, -12.0)])
def test_no_lid_enters_the_ball_during_a_blink(fitted: Fitted, weight: float, gaze: tuple[float, float]) -> None:
    points = _posed(fitted, _both("eyeBlink", weight), gaze)
    assert _heights(fitted, points).min() > 0.0


def test_no_lid_enters_the_ball_in_any_mix_of_eye_actions(fitted: Fitted) -> None:
    body = fitted[0]
    names = [name for name in body.actions if name.startswith(("eye", "brow", "cheekSquint"))]
    rng = np.random.default_rng(7)
    for _ in range(25):
        chosen = rng.choice(names, 6, replace=False)
        points = _posed(fitted, {str(name): float(rng.random()) for name in chosen})
        assert _heights(fitted, points).min() > 0.0


def test_rings_behind_the_margin_stay_in_the_ball_so_that_no_gap_shows(fitted: Fitted) -> None:
    body, lids, _ = fitted
    for weight in (0.0, 0.5, 1.0):
        points = _posed(fitted, _both("eyeBlink", weight))
        for k, eye in enumerate(body.eyes):
            behind = np.linalg.norm(points[lids.index[k, MARGIN - 1]] - eye.centre, axis=-1)
            assert behind.max() < eye.radius


def _gaps(fitted: Fitted, points: np.ndarray) -> np.ndarray:
    """From each vertex of the upper lids' edges to the lower edge, m."""
    gaps = []
    for eye in fitted[0].eyes:
        lower = points[eye.lower].astype(np.float64)
        a, b = lower[:-1], lower[1:]
        for p in points[eye.upper]:
            t = np.clip(((p - a) * (b - a)).sum(1) / np.maximum(((b - a) ** 2).sum(1), 1e-12), 0, 1)
            gaps.append(np.linalg.norm(a + t[:, None] * (b - a) - p, axis=1).min())
    return np.array(gaps)


def test_a_full_blink_closes_the_whole_length_of_the_lids(fitted: Fitted) -> None:
    assert _gaps(fitted, _posed(fitted, _both("eyeBlink", 1.0))).max() < 0.0003
    # ... which half a blink must not.
    assert _gaps(fitted, _posed(fitted, _both("eyeBlink", 0.5))).max() > 0.002


def test_one_eye_blinks_alone(fitted: Fitted) -> None:
    body = fitted[0]
    points = _posed(fitted, {"eyeBlinkLeft": 1.0})
    right = body.eyes[1]
    assert np.abs(points[right.upper] - body.rest[right.upper]).max() < 0.0005


def test_eyes_at_rest_are_awake(fitted: Fitted) -> None:
    points = _posed(fitted, {})
    for eye in fitted[0].eyes:
        opening = points[eye.upper, 2].max() - points[eye.lower, 2].min()
        assert 0.007 < opening < 0.012
        # The lower lid touches the iris, the upper covers its rim and leaves the pupil free.
        assert -0.0068 < points[eye.lower, 2].min() - eye.centre[2] < -0.0048
        assert 0.0026 < points[eye.upper, 2].max() - eye.centre[2] < 0.0058


def test_widened_eyes_open_further_and_squinting_ones_less(fitted: Fitted) -> None:
    def opening(actions: dict[str, float]) -> float:
        eye = fitted[0].eyes[0]
        points = _posed(fitted, actions)
        return float(points[eye.upper, 2].max() - points[eye.lower, 2].min())

    rest = opening({})
    assert rest + 0.001 < opening({"eyeWideLeft": 1.0}) < rest + 0.004
    assert opening({"eyeSquintLeft": 1.0}) < rest - 0.001


def _lips(fitted: Fitted, points: np.ndarray) -> tuple[float, float]:
    """(largest gap, deepest crossing) of the lips, m, by interpolating the lower lip under each upper vertex."""
    lips = fitted[2]
    band = points[lips.index[9:13]].astype(np.float64)
    upper, lower = np.flatnonzero(lips.side > 0), np.flatnonzero(lips.side < 0)
    apart = []
    for row in band:
        low = row[lower][np.argsort(row[lower][:, 0])]
        apart.append(row[upper][:, 2] - np.interp(row[upper][:, 0], low[:, 0], low[:, 2]))
    inner = np.abs(band[0][upper][:, 0]) < 0.75 * np.abs(band[0][upper][:, 0]).max()
    apart_at = np.stack(apart)[:, inner]
    return float(apart_at.min(0).max()), float(-apart_at.min())


def test_lips_at_rest_are_closed_and_do_not_cross(fitted: Fitted) -> None:
    gap, crossing = _lips(fitted, _posed(fitted, {}))
    assert gap < 0.0003
    assert crossing < 0.0002


@pytest.mark.parametrize("weight", [0.25, 0.5, 0.75, 1.0])
def test_mouth_close_seals_the_open_jaw(fitted: Fitted, weight: float) -> None:
    gap, _ = _lips(fitted, _posed(fitted, {"jawOpen": weight, "mouthClose": weight}))
    assert gap < 0.0015
    assert _lips(fitted, _posed(fitted, {"jawOpen": weight}))[0] > 0.004 * weight


def test_mouth_close_does_nothing_to_a_closed_jaw(fitted: Fitted) -> None:
    body = fitted[0]
    np.testing.assert_array_equal(_posed(fitted, {"mouthClose": 1.0}), _posed(fitted, {}))
    weights = body.weights({"jawOpen": 0.5, "mouthClose": 0.3})
    assert seal_weights(body.actions, weights) is weights


@pytest.mark.parametrize(
    "actions",
    [
        _both("mouthSmile", 1.0), _both("mouthPress", 1.0), _both("mouthFrown", 1.0), {"mouthPucker": 1.0},
        {"mouthRollLower": 1.0, "mouthRollUpper": 1.0}, {"mouthShrugLower": 1.0}, {"mouthLeft": 1.0},
    ],
)  # fmt: skip
def test_actions_of_a_closed_mouth_keep_it_closed(fitted: Fitted, actions: dict[str, float]) -> None:
    lips = fitted[2]
    points = _posed(fitted, actions)
    assert lips.gap(points) < 0.0005
    assert _lips(fitted, points)[1] < 0.0006


def test_lips_never_pass_through_each_other(fitted: Fitted) -> None:
    body, _, lips = fitted
    names = [name for name in body.actions if name.startswith(("mouth", "jaw", "cheekPuff"))]
    rng = np.random.default_rng(11)
    for _ in range(25):
        chosen = rng.choice(names, 6, replace=False)
        actions = {str(name): float(rng.random()) for name in chosen}
        bare = body.posed(seal_weights(body.actions, body.weights(actions))).copy()
        lips.settle(bare)
        again = bare.copy()
        lips.settle(again)
        # A settled mouth has nothing left to settle.
        assert np.abs(again - bare).max() < 0.0003


def test_the_gap_tells_how_far_the_mouth_is_open(fitted: Fitted) -> None:
    lips = fitted[2]
    assert lips.gap(_posed(fitted, {})) < 0.0003
    assert 0.015 < lips.gap(_posed(fitted, {"jawOpen": 1.0})) < 0.05


def test_fitting_leaves_what_people_share_as_it_was() -> None:
    recipe = Recipe(name="someone", seed=5)
    before = build_body(recipe)
    deltas, rest = before.deltas.copy(), before.rest.copy()
    first, _ = fit_lips(fit_lids(before)[0])
    np.testing.assert_array_equal(before.deltas, deltas)
    np.testing.assert_array_equal(before.rest, rest)
    second, _ = fit_lips(fit_lids(build_body(recipe))[0])
    np.testing.assert_array_equal(first.rest, second.rest)
    np.testing.assert_array_equal(first.deltas, second.deltas)
    assert np.abs(first.rest - rest).max() < 0.006


@pytest.mark.parametrize("seed", range(0, 90, 3))
def test_a_jaw_opens_the_mouth_of_whoever_it_is(seed: int) -> None:
    """Closed lips lie at one height: which is the upper must not be read off them."""
    body, lips = fit_lips(build_body(Recipe(name="someone", seed=seed)))
    points = body.posed(body.weights({"jawOpen": 0.6})).copy()
    lips.settle(points)
    assert lips.gap(points) > 0.012
