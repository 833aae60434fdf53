"""Glasses, headsets and the objects before a face: fitted, whole, repeatable, and where they should be."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

pytest.importorskip("anny")
pytest.importorskip("warp")

from mien.engines.cast.body.anatomy import SKIN, Body, build_body
from mien.engines.cast.body.nearest import NearestPoint
from mien.engines.cast.look import Look
from mien.engines.cast.parts import solids
from mien.engines.cast.parts.clearance import ear
from mien.engines.cast.parts.glasses import build_glasses
from mien.engines.cast.parts.headset import build_headset
from mien.engines.cast.parts.occluders import KINDS, Path, draw_occluder, plan_occluder
from mien.engines.cast.parts.occluders.hand import FIST, OPEN, SCENES
from mien.engines.cast.parts.occluders.place import face_spots
from mien.engines.cast.parts.occluders.rig import Gesture, hand_rig
from mien.engines.cast.parts.piece import Label, Material, Piece, vertex_normals
from mien.engines.cast.recipe import Recipe
from mien.realtime.errors import ConfigError

pytestmark = pytest.mark.cast

STYLES = ("round", "square", "thin", "browline")
SEEDS = range(6)


@lru_cache(maxsize=8)
def person(seed: int) -> tuple[Body, Look]:
    recipe = Recipe(name="x", seed=seed)
    return build_body(recipe), recipe.look


@lru_cache(maxsize=24)
def worn(seed: int, style: str) -> Piece:
    body, look = person(seed)
    piece = build_glasses(body, replace(look, glasses=style), seed)
    assert piece is not None
    return piece


def depth_in_skin(body: Body, points: np.ndarray) -> np.ndarray:
    """How deep each point lies under the skin, m; negative outside."""
    faces = body.faces[body.parts == SKIN]
    face, bary = NearestPoint(body.rest, faces)(np.ascontiguousarray(points))
    normals = vertex_normals(body.rest, body.faces)
    foot = (body.rest[faces[face]] * bary[:, :, None]).sum(1)
    out = (normals[faces[face]] * bary[:, :, None]).sum(1)
    return -((points - foot) * out).sum(1)


def edge_uses(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    edges = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    return np.unique(edges, axis=0, return_counts=True)


@pytest.mark.parametrize("style", STYLES)
def test_glasses_keep_out_of_the_eyes_and_the_skin(style: str) -> None:
    for seed in SEEDS:
        body, _ = person(seed)
        piece = worn(seed, style)
        for eye in body.eyes:
            away = np.linalg.norm(piece.points - eye.centre, axis=1)
            assert away.min() > eye.radius + 0.006, (seed, style)
        # Behind the ear's front an arm lies between ear and skull, where the ear's own root is.
        at = piece.points[piece.points[:, 1] < min(ear(body, side).top[1] for side in (1.0, -1.0)) - 0.004]
        assert depth_in_skin(body, at).max() < 0.0015, (seed, style)


@pytest.mark.parametrize("style", STYLES)
def test_glasses_rest_on_the_nose_and_reach_the_ears(style: str) -> None:
    for seed in (0, 3):
        body, _ = person(seed)
        piece = worn(seed, style)
        nose = piece.points[np.abs(piece.points[:, 0] - body.brow_centre[0]) < 0.014]
        assert depth_in_skin(body, nose).max() > -0.0012, "nothing touches the nose: they would float"
        for side in (1.0, -1.0):
            top = ear(body, side).top
            assert np.linalg.norm(piece.points - top, axis=1).min() < 0.007
            assert side * (piece.points[:, 0] - body.brow_centre[0]).max() < 0.12


@pytest.mark.parametrize("style", STYLES)
def test_glasses_are_symmetric_but_for_the_face_they_are_fitted_to(style: str) -> None:
    body, _ = person(2)
    piece = worn(2, style)
    other = piece.points * np.array([-1, 1, 1], np.float32) + np.array([2 * body.brow_centre[0], 0, 0], np.float32)
    front = piece.points[:, 1] < body.brow_centre[1]
    nearest = [np.linalg.norm(piece.points - point, axis=1).min() for point in other[front][::23]]
    assert max(nearest) < 0.003


@pytest.mark.parametrize("style", STYLES)
def test_lenses_are_two_sheets_of_glass_before_the_pupils(style: str) -> None:
    body, _ = person(1)
    piece = worn(1, style)
    assert set(np.unique(piece.labels)) == {int(Label.GLASSES)}
    assert len(piece.faces) <= 20_000
    glass = piece.faces[piece.materials == Material.LENS]
    for eye in body.eyes:
        corners = piece.points[glass][:, :, [0, 2]] - eye.centre[[0, 2]]
        turn = [corners[:, k, 0] * corners[:, k - 2, 1] - corners[:, k, 1] * corners[:, k - 2, 0] for k in range(3)]
        over = np.all(np.stack(turn) > 0, axis=0) | np.all(np.stack(turn) < 0, axis=0)
        assert over.sum() == 1, "one layer of glass stands before each pupil"
        assert piece.points[glass[over]][:, :, 1].max() < eye.centre[1] - eye.radius - 0.006
    corners = piece.points[glass]
    facing = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert (facing[:, 1] < 0).mean() > 0.5


def test_no_glasses_and_no_headset_are_none() -> None:
    body, look = person(0)
    assert build_glasses(body, replace(look, glasses="none"), 0) is None
    assert build_headset(body, replace(look, headset="none"), 0) is None


def test_a_headset_covers_both_ears_and_clears_the_skull() -> None:
    for seed in (0, 4):
        body, look = person(seed)
        piece = build_headset(body, replace(look, headset="over_ear", hair_style="crop"), seed)
        assert piece is not None
        assert set(np.unique(piece.labels)) == {int(Label.HEADSET)}
        for side in (1.0, -1.0):
            spot = ear(body, side)
            out = side * (piece.points[:, 0] - body.brow_centre[0])
            near = np.hypot(*(piece.points[:, 1:] - spot.centre[1:]).T) < 0.02
            lobe = body.rest[np.linalg.norm(body.rest - spot.centre, axis=1) < 0.035]
            assert out[near].max() > (side * (lobe[:, 0] - body.brow_centre[0])).max(), "the ear sticks out of its cup"
        top = body.rest[:, 2].max()
        over = piece.points[np.abs(piece.points[:, 0] - body.brow_centre[0]) < 0.01]
        over = over[over[:, 2] > body.brow_centre[2]]
        assert 0.006 < over[:, 2].min() - top < 0.03


def test_earbuds_sit_in_the_ears() -> None:
    body, look = person(5)
    piece = build_headset(body, replace(look, headset="earbuds"), 5)
    assert piece is not None
    for side in (1.0, -1.0):
        spot = ear(body, side)
        mine = piece.points[side * (piece.points[:, 0] - body.brow_centre[0]) > 0]
        assert np.linalg.norm(mine - spot.canal, axis=1).min() < 0.004
        assert np.linalg.norm(mine - spot.canal, axis=1).max() < 0.05


def test_worn_things_are_repeatable_and_differ_by_seed() -> None:
    body, look = person(0)
    look = replace(look, headset="over_ear", glasses="square")
    for build in (build_glasses, build_headset):
        first, again, other = build(body, look, 1), build(body, look, 1), build(body, look, 2)
        assert first is not None
        assert again is not None
        assert other is not None
        np.testing.assert_array_equal(first.points, again.points)
        assert first.points.shape != other.points.shape or not np.allclose(first.points, other.points)


def test_solids_are_closed_and_face_outwards() -> None:
    shapes = {
        "box": (solids.rounded_box((1, 2, 3), 0.2), 48.0),
        "ball": (solids.ball((1.0, 1.0, 2.0)), 8 * np.pi / 3),
        "lathe": (solids.lathe([[0, 0], [1, 0], [1, 1], [0, 1]], count=64), np.pi),
        "tube": (solids.tube(np.array([[0, 0, 0], [0, 0, 1], [0, 0, 2]], np.float32), 0.2, around=48), 0.28),
    }
    for name, ((points, faces), volume) in shapes.items():
        assert set(edge_uses(faces)[1]) == {2}, name
        corners = points[faces].astype(np.float64)
        found = np.einsum("ij,ij->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6
        assert found == pytest.approx(volume, rel=0.04), name


def test_a_smooth_curve_passes_its_knots_without_overshoot() -> None:
    knots = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [3, 1, 0]], np.float32)
    path = solids.smooth_curve(knots, 200)
    for knot in knots:
        assert np.linalg.norm(path - knot, axis=1).min() < 0.02
    assert path[:, 0].max() <= 3.01
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    assert steps.std() < 0.05 * steps.mean()


def test_a_hand_has_five_fingers_and_is_open_only_at_the_elbow() -> None:
    rig = hand_rig(male=True)
    fine = rig.subdivision(rig.posed(OPEN))
    edges, uses = edge_uses(rig.subdivision.faces)
    assert set(uses) <= {1, 2}
    assert fine[edges[uses == 1]][:, :, 1].max() < -0.15, "a hole in the hand"
    tips = [rig.posed(OPEN)[rig.finger == k] for k in range(5)]
    reach = [float(np.linalg.norm(tip, axis=1).max()) for tip in tips]
    assert all(0.10 < each < 0.24 for each in reach)
    assert int(np.argmax(reach)) == 2, "the middle finger is the longest"
    assert tips[0][:, 0].max() > tips[4][:, 0].max(), "the thumb is on its side"
    assert rig.nails.max() > 0.5


def test_fingers_bend_into_the_palm_and_close_until_they_touch() -> None:
    rig = hand_rig(male=False)
    still, fist = rig.posed(OPEN), rig.posed(FIST)
    for finger in range(1, 5):
        mine = rig.finger == finger
        tip = np.flatnonzero(mine)[still[mine][:, 1].argmax()]
        assert fist[tip, 1] < still[tip, 1] - 0.05
        # Curled fingers end before the palm, not behind the hand.
        assert fist[tip, 2] > still[:, 2].min() + 0.01

    def board(points: np.ndarray) -> np.ndarray:
        return np.asarray(0.045 - points[:, 2], dtype=np.float32)

    gesture = rig.closed(OPEN, FIST, board)
    posed = rig.posed(gesture)
    for finger in range(1, 5):
        room = float(board(posed[rig.finger == finger]).min())
        assert -0.0011 <= room < 0.012


def test_a_gesture_bends_only_its_finger() -> None:
    rig = hand_rig(male=True)
    bend = [(0.0, 0.0, 0.0)] * 5
    rest = rig.posed(Gesture(bend=tuple(bend)))
    np.testing.assert_allclose(rest, rig.points, atol=1e-5)
    bend[1] = (1.0, 0.5, 0.5)
    moved = np.linalg.norm(rig.posed(Gesture(bend=tuple(bend))) - rest, axis=1)
    assert moved[rig.finger == 1].max() > 0.04
    assert moved[(rig.finger == 3) | (rig.finger == 4) | (rig.finger == 0)].max() < 0.012


CASES = [
    *(("hand", scene) for scene in SCENES), ("microphone", "foam"), ("microphone", "broadcast"), ("microphone", "wire"),
    ("cup", None), ("controller", "phone"), ("controller", "pad"), ("strand", None),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "variant"), CASES)
def test_an_occluder_stands_before_the_face_and_covers_some_of_it(kind: str, variant: str | None) -> None:
    for seed in (0, 1, 2):
        body, _ = person(seed)
        spots = face_spots(body)
        piece = plan_occluder(np.random.default_rng(seed), body, kind=kind, variant=variant).at()
        assert set(np.unique(piece.labels)) == {int(Label.OCCLUDER)}
        assert np.isfinite(piece.points).all()
        np.testing.assert_allclose(np.linalg.norm(piece.normals, axis=1), 1.0, atol=1e-3)
        room = spots.room(piece.points)
        over = np.abs(piece.points[:, 0] - spots.eyes[0]) < 0.065
        over &= (piece.points[:, 2] > spots.chin[2]) & (piece.points[:, 2] < spots.eyes[2] + 0.06)
        if kind == "controller" or variant == "chin":  # held low: they come up to the chin
            over = np.abs(piece.points[:, 0] - spots.eyes[0]) < 0.065
            over &= piece.points[:, 2] > spots.chin[2] - 0.035
        assert over.any(), "nothing of it is before the face"
        assert room[over].max() > 0.002
        assert room[over].min() > -0.006, "it is inside the head"


def test_the_same_state_gives_the_same_object_and_others_differ() -> None:
    body, _ = person(3)
    for kind in KINDS:
        first = draw_occluder(np.random.default_rng(9), body, kind=kind)
        again = draw_occluder(np.random.default_rng(9), body, kind=kind)
        other = draw_occluder(np.random.default_rng(10), body, kind=kind)
        np.testing.assert_array_equal(first.points, again.points)
        np.testing.assert_array_equal(first.colours, again.colours)
        assert first.points.shape != other.points.shape or not np.allclose(first.points, other.points)
    seen = {plan_occluder(np.random.default_rng(seed), body).kind.split(":")[0] for seed in range(24)}
    assert seen == set(KINDS)


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(ConfigError, match="'umbrella'"):
        plan_occluder(np.random.default_rng(0), person(0)[0], kind="umbrella")


def test_a_path_is_smooth_still_in_the_middle_and_gone_at_both_ends() -> None:
    path = Path(away=(0.1, 0.0, -0.4), stay_s=1.0, move_s=0.5, drift_m=0.001, phase=1.0, swing_rad=0.3)
    np.testing.assert_allclose(path.shift(0.0), 0.0, atol=1e-7)
    assert path.swing(0.0) == 0.0
    assert path.absence(-2.0) == path.absence(2.0) == 1.0
    times = np.arange(-1.5, 1.5, 1 / 240)
    shifts = np.stack([path.shift(float(t)) for t in times])
    step = np.linalg.norm(np.diff(shifts, axis=0), axis=1)
    assert step.max() < 0.42 * 1.9 / 0.5 / 240 + 2e-4
    assert np.linalg.norm(np.diff(shifts, 2, axis=0), axis=1).max() < 2e-4
    assert np.linalg.norm(shifts[0] - [0.1, 0.0, -0.4]) < 0.004


def test_a_hand_on_the_face_goes_with_the_head_and_a_microphone_does_not() -> None:
    body, _ = person(1)
    turn = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]], np.float32)
    head = (turn, np.array([0.01, 0.0, 0.0], np.float32))
    for kind, variant, goes in (("hand", "cheek", True), ("microphone", "foam", False)):
        plan = plan_occluder(np.random.default_rng(4), body, kind=kind, variant=variant)
        still, moved = plan.at(), plan.at(head=head)
        expected = still.points @ turn.T + head[1] if goes else still.points
        np.testing.assert_allclose(moved.points, expected, atol=1e-5)
