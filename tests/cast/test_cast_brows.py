from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest

pytest.importorskip("anny")
pytest.importorskip("warp")

from mien.engines.cast.body.anatomy import Body, build_body
from mien.engines.cast.body.lids import fit_lids
from mien.engines.cast.look import Look
from mien.engines.cast.parts.beard import grow_beard
from mien.engines.cast.parts.brows import brow_shape, build_brows
from mien.engines.cast.parts.lashes import build_lashes
from mien.engines.cast.parts.piece import Label, Piece
from mien.engines.cast.parts.scalp import painted
from mien.engines.cast.recipe import Recipe

pytestmark = pytest.mark.cast

LOOK = Look(
    gender=0.9, age=0.3, weight=0.5, muscle=0.5, african=0.2, asian=0.3, melanin=0.4, redness=0.3,
    hair_style="crop", hair_melanin=0.6, iris_rgb=(0.1, 0.1, 0.1),
)  # fmt: skip
BEARDS = ("moustache", "goatee", "short", "full")


@dataclass(frozen=True)
class Frame:
    points: np.ndarray
    turn: np.ndarray
    shift: np.ndarray


def recipe(seed: int = 5, **changes: float | str) -> Recipe:
    return Recipe(name="someone", seed=seed, look=replace(LOOK, **changes))


@cache
def body() -> Body:
    return fit_lids(build_body(recipe()))[0]


def frames(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """The frame of each triangle as the renderer defines it: first edge, across, normal; in columns."""
    a, b, c = (points[corners[:, k]] for k in range(3))
    e = (b - a) / np.linalg.norm(b - a, axis=1, keepdims=True)
    n = np.cross(b - a, c - a)
    n /= np.linalg.norm(n, axis=1, keepdims=True)
    return np.stack([e, np.cross(n, e), n], axis=2)


def placed(piece: Piece, points: np.ndarray) -> np.ndarray:
    """Where an anchored piece's points stand on other vertices of the body."""
    anchors = piece.anchors
    assert anchors is not None

    def roots(vertices: np.ndarray) -> np.ndarray:
        return (vertices[anchors.corners] * anchors.bary[:, :, None]).sum(1)

    rest = body().rest
    local = np.einsum("nji,nj->ni", frames(rest, anchors.corners), piece.points - roots(rest))
    return roots(points) + np.einsum("nij,nj->ni", frames(points, anchors.corners), local)


def pieces() -> dict[str, Piece]:
    beards = {style: grow_beard(body(), recipe(beard=style)) for style in BEARDS}
    grown = {style: beard for style, beard in beards.items() if beard is not None}
    assert len(grown) == len(BEARDS)
    return {"brows": build_brows(body(), recipe()), **grown}


@pytest.mark.parametrize("name", ["brows", *BEARDS])
def test_anchors_lie_at_the_roots_and_give_the_resting_points_back(name: str) -> None:
    piece = pieces()[name]
    anchors = piece.anchors
    assert anchors is not None
    assert np.isfinite(piece.points).all()
    np.testing.assert_allclose(anchors.bary.sum(1), 1.0, atol=1e-5)
    assert anchors.bary.min() > -1e-5
    np.testing.assert_allclose(placed(piece, body().rest), piece.points, atol=1e-5)
    reach = np.linalg.norm(piece.points - (body().rest[anchors.corners] * anchors.bary[:, :, None]).sum(1), axis=1)
    assert reach.max() < 0.05
    first = np.r_[True, (anchors.bary[1:] != anchors.bary[:-1]).any(1)]
    assert reach[first].max() < 0.0008


def test_brows_rise_with_the_skin_and_a_beard_falls_with_the_jaw() -> None:
    brows, beard = build_brows(body(), recipe()), grow_beard(body(), recipe(beard="full"))
    assert beard is not None
    raised = body().posed(body().weights({"browInnerUp": 1.0, "browOuterUpLeft": 1.0, "browOuterUpRight": 1.0}))
    assert (placed(brows, raised) - brows.points)[:, 2].mean() > 0.002
    opened = body().posed(body().weights({"jawOpen": 1.0}))
    chin = np.abs(beard.points[:, 0]) < 0.015
    chin &= beard.points[:, 2] < np.percentile(beard.points[:, 2], 20)
    assert (placed(beard, opened) - beard.points)[chin, 2].mean() < -0.01


def test_brows_are_labelled_by_the_persons_own_sides_and_stand_above_the_eyes() -> None:
    brows = build_brows(body(), recipe())
    middle = brows.points[brows.faces].mean(1)
    left = brows.labels == Label.LEFT_BROW
    assert (middle[left, 0] > 0.0).all()
    assert (middle[~left, 0] < 0.0).all()
    assert (brows.labels[~left] == Label.RIGHT_BROW).all()
    assert abs(left.mean() - 0.5) < 0.06
    assert (brows.points[:, 2] - body().brow_centre[2]).min() > 0.008


def test_brows_vary_by_seed_weight_and_sex() -> None:
    assert brow_shape(LOOK, 1) != brow_shape(LOOK, 2)
    thin, thick = (brow_shape(replace(LOOK, brow_weight=weight), 1) for weight in (0.0, 1.0))
    assert thick.half_m > 1.6 * thin.half_m
    assert thick.hairs > 2 * thin.hairs
    woman, man = (brow_shape(replace(LOOK, gender=gender), 1) for gender in (0.0, 1.0))
    assert woman.arch_m > 1.5 * man.arch_m
    assert woman.height_m > man.height_m


@pytest.mark.parametrize("style", BEARDS)
def test_no_beard_hair_is_rooted_on_the_lips_or_near_an_eye(style: str) -> None:
    beard = grow_beard(body(), recipe(beard=style))
    assert beard is not None
    assert beard.anchors is not None
    assert painted(body(), "lips")[beard.anchors.corners].max() < 0.15
    assert (beard.points[:, 2] - body().brow_centre[2]).max() < -0.005
    assert (beard.labels == Label.BEARD).all()


def test_beards_cover_what_their_names_say() -> None:
    grown = pieces()
    low = {style: grown[style].points[:, 2].min() for style in BEARDS}
    wide = {style: np.abs(grown[style].points[:, 0]).max() for style in BEARDS}
    assert low["moustache"] > low["goatee"] + 0.02
    assert low["short"] > low["full"] + 0.004
    assert wide["moustache"] < 0.05
    assert wide["goatee"] < 0.05
    assert min(wide["short"], wide["full"]) > 0.055


def test_a_shaved_face_has_no_beard_and_strong_stubble_has_short_hairs() -> None:
    assert grow_beard(body(), recipe(stubble=0.2)) is None
    stubble = grow_beard(body(), recipe(stubble=0.9))
    assert stubble is not None
    strands = stubble.points.reshape(-1, 2, 2, 3).mean(2)
    lengths = np.linalg.norm(strands[:, 1] - strands[:, 0], axis=1)
    assert 0.0003 < np.median(lengths) < 0.002
    assert len(stubble.faces) > 2000


def test_the_same_seed_gives_the_same_hairs() -> None:
    for build in (build_brows, lambda *of: grow_beard(of[0], of[1]), lambda *of: build_lashes(of[0], of[1]).piece):
        first, again = build(body(), recipe(beard="short")), build(body(), recipe(beard="short"))
        np.testing.assert_array_equal(first.points, again.points)
        np.testing.assert_array_equal(first.colours, again.colours)


def test_lashes_keep_their_roots_on_a_closing_lid_and_point_out_of_the_eye() -> None:
    lashes = build_lashes(body(), recipe())
    assert (lashes.piece.labels == Label.LASHES).all()
    still = Frame(body().rest, np.eye(3, dtype=np.float32), np.zeros(3, np.float32))
    np.testing.assert_allclose(lashes.posed(still)[0], lashes.piece.points, atol=1e-6)

    closed = replace_points(still, body().posed(body().weights({"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0})))
    points, normals, tangents = lashes.posed(closed)
    assert np.isfinite(points).all()
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1.0, atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(tangents, axis=1), 1.0, atol=1e-4)
    first = 0
    for lid in lashes.lids:
        steps = points[first : first + 12 * len(lid.mix)].reshape(len(lid.mix), 6, 2, 3).mean(2)
        first += 12 * len(lid.mix)
        a, b = (closed.points[lid.ends[:, k]] for k in range(2))
        np.testing.assert_allclose(steps[:, 0], a + (b - a) * lid.mix[:, None], atol=1e-5)
        away = np.linalg.norm(steps - lid.eye.centre, axis=2)
        assert (away[:, -1] > away[:, 0] + 0.0005).all()
        drop = steps[:, 0, 2].mean() - lashes.piece.points[first - 12 * len(lid.mix) : first, 2].mean()
        assert drop < -0.003 if lid.upper else abs(drop) < 0.006
    assert first == len(points)


def replace_points(frame: Frame, points: np.ndarray) -> Frame:
    return Frame(points, frame.turn, frame.shift)


def test_lashes_turn_with_the_head() -> None:
    lashes = build_lashes(body(), recipe())
    turn = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], np.float32)
    shift = np.array([0.1, -0.2, 0.05], np.float32)
    points = lashes.posed(Frame(body().rest @ turn.T + shift, turn, shift))[0]
    np.testing.assert_allclose(points, lashes.piece.points @ turn.T + shift, atol=2e-5)


def test_heavier_lashes_are_more_and_longer() -> None:
    few, many = (build_lashes(body(), recipe(lash_weight=weight)) for weight in (0.0, 1.0))
    assert len(many.piece.points) > 1.3 * len(few.piece.points)
    assert many.lids[0].lengths.mean() > 1.2 * few.lids[0].lengths.mean()
