from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import get_args

import numpy as np
import pytest

pytest.importorskip("anny")
pytest.importorskip("warp")

from mien.engines.cast.body.anatomy import SKIN, Body, build_body
from mien.engines.cast.body.lids import fit_lids
from mien.engines.cast.body.nearest import NearestPoint
from mien.engines.cast.look import HairStyle, Look
from mien.engines.cast.parts.hair import grow_hair
from mien.engines.cast.parts.hair.envelope import envelope
from mien.engines.cast.parts.hair.roots import nearest_of
from mien.engines.cast.parts.piece import Label, Material, Piece, joined, vertex_normals
from mien.engines.cast.parts.scalp import ear_mask, hair_tone, hairline, scalp
from mien.engines.cast.recipe import Recipe

pytestmark = pytest.mark.cast

GROWN = tuple(style for style in get_args(HairStyle) if style != "shaved")
LOOK = Look(
    gender=0.2, age=0.3, weight=0.5, muscle=0.5, african=0.2, asian=0.3, melanin=0.4, redness=0.3,
    hair_style="long", hair_melanin=0.6, iris_rgb=(0.1, 0.1, 0.1),
)  # fmt: skip


def recipe(style: str = "long", seed: int = 5, **changes: float) -> Recipe:
    return Recipe(name="someone", seed=seed, look=replace(LOOK, hair_style=style, **changes))


@cache
def body_of(seed: int = 5, gender: float = 0.2) -> Body:
    return fit_lids(build_body(recipe(seed=seed, gender=gender)))[0]


@cache
def hair_of(style: str) -> Piece:
    return joined(grow_hair(body_of(), recipe(style)))


def depth_in_skin(body: Body, points: np.ndarray) -> np.ndarray:
    """How far points lie below the skin, m; negative outside."""
    faces = body.faces[body.parts == SKIN]
    face, bary = NearestPoint(body.rest, faces)(points.astype(np.float32))
    corners = faces[face]
    near = (body.rest[corners] * bary[:, :, None]).sum(1)
    normal = (vertex_normals(body.rest, body.faces)[corners] * bary[:, :, None]).sum(1)
    return -((points - near) * normal).sum(1)


@pytest.mark.parametrize("style", GROWN)
def test_a_style_is_whole_and_within_its_budget(style: str) -> None:
    hair = hair_of(style)
    for values in (hair.points, hair.normals, hair.tangents, hair.colours, hair.openness, hair.follow):
        assert np.isfinite(values).all()
    assert 60_000 < len(hair.faces) < 265_000 if style != "buzz" else len(hair.faces) < 265_000
    assert hair.faces.min() == 0
    assert hair.faces.max() < len(hair.points)
    assert (hair.labels == Label.HAIR).all()
    assert (hair.colours >= 0.0).all()
    assert (hair.colours <= 0.9).all()
    assert (hair.openness >= 0.0).all()
    assert (hair.openness <= 1.0).all()


@pytest.mark.parametrize("style", GROWN)
def test_no_hair_enters_the_skull(style: str) -> None:
    body, hair = body_of(), hair_of(style)
    skull = hair.points[hair.points[:, 2] > body.brow_centre[2] + 0.03][::5]
    assert len(skull) > 1000
    assert depth_in_skin(body, skull).max() < 0.001


@pytest.mark.parametrize("style", GROWN)
def test_no_hair_hangs_before_an_eye(style: str) -> None:
    body, hair = body_of(), hair_of(style)
    for eye in body.eyes:
        at = hair.points - eye.centre
        before = (np.abs(at[:, 0]) < 0.016) & (np.abs(at[:, 2]) < 0.008) & (at[:, 1] < 0.0)
        assert not before.any()


@pytest.mark.parametrize("style", ["crop", "afro", "tied"])
def test_the_same_seed_grows_the_same_hair_and_another_seed_another(style: str) -> None:
    first, again, other = (joined(grow_hair(body_of(), recipe(style, seed))) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.points, again.points)
    np.testing.assert_array_equal(first.colours, again.colours)
    assert first.points.shape != other.points.shape or np.abs(first.points - other.points).max() > 0.001


def test_a_shaved_head_has_no_strands_but_its_scalp_still_has_a_hairline() -> None:
    body = body_of()
    assert grow_hair(body, recipe("shaved")) == []
    grown = scalp(body, LOOK, ear_mask(body), 5)
    top = body.rest[:, 2] > body.rest[:, 2].max() - 0.01
    face = (body.rest[:, 1] < body.brow_centre[1]) & (body.rest[:, 2] < body.brow_centre[2] + 0.03)
    assert grown[top & (np.abs(body.rest[:, 0]) < 0.03)].min() > 0.95
    assert grown[face].max() == 0.0
    assert ((grown > 0.1) & (grown < 0.9)).sum() > 50


def test_a_fringe_ends_at_the_brows_and_a_crop_does_not_reach_them() -> None:
    body = body_of()

    def lowest(style: str) -> float:
        at = hair_of(style).points - body.brow_centre
        return float(np.percentile(at[(np.abs(at[:, 0]) < 0.03) & (at[:, 1] < 0.0), 2], 0.5))

    assert 0.010 < lowest("fringe") < 0.03
    assert lowest("crop") > 0.035


def test_long_hair_stays_with_the_chest_below_the_chin_and_with_the_skull_above() -> None:
    body, hair = body_of(), hair_of("long")
    height = hair.points[:, 2] - body.brow_centre[2]
    assert height.min() < -0.2
    assert hair.follow[height > 0.0].min() > 0.99
    assert hair.follow[height < -0.22].max() < 0.35


def test_light_falls_off_below_the_outer_hairs_and_at_the_roots() -> None:
    hair = grow_hair(body_of(), recipe("afro"))[1]
    strands = hair.openness.reshape(-1, 13, 2).mean(2)
    assert strands[:, -1].mean() > strands[:, 0].mean() + 0.2


def test_fibres_are_strips_whose_points_follow_one_another() -> None:
    for style in GROWN:
        for piece in grow_hair(body_of(), recipe(style)) if style == "tied" else [hair_of(style)]:
            fibres = piece.faces[piece.materials == Material.FIBRE]
            assert len(fibres) % 2 == 0
            assert (fibres[::2, 1] == fibres[::2, 0] + 1).all()
            assert (fibres[1::2, 0] == fibres[::2, 1]).all()


def test_grey_hair_is_a_mix() -> None:
    def spread(grey: float) -> np.ndarray:
        look = replace(LOOK, hair_style="swept", hair_melanin=0.8, hair_grey=grey)
        return joined(grow_hair(body_of(), Recipe(name="x", seed=5, look=look))).colours.mean(1)

    dark, mixed = spread(0.0), spread(0.5)
    assert mixed.std() > 2 * dark.std()
    assert mixed.mean() > 2 * dark.mean()


def test_a_mans_hairline_recedes_with_age() -> None:
    body = body_of()
    fronts = []
    for age in (0.0, 0.9):
        line = hairline(body, replace(LOOK, gender=1.0, age=age), 5)
        fronts.append(line.elevation[np.abs(np.abs(line.azimuth) - 28) < 4].mean())
    assert fronts[1] > fronts[0] + 1.0


def test_red_and_fair_hair_differ_from_black() -> None:
    black, fair, red = (hair_tone(replace(LOOK, hair_melanin=m, hair_red=r)) for m, r in ((1, 0), (0, 0), (0.3, 1)))
    assert fair.sum() > 10 * black.sum()
    assert red[0] / red[2] > 1.5 * fair[0] / fair[2]


def test_the_envelope_measures_distance_and_pushes_out() -> None:
    body = body_of()
    around = envelope(body, ears=False)
    skull = body.rest[(body.rest[:, 2] > body.brow_centre[2] + 0.05)]
    outside = around.centre + (skull - around.centre) * 1.1
    expected = np.linalg.norm(outside - skull, axis=1)
    distance, way = around.gap(outside)
    assert np.abs(distance - expected).max() < 0.0025
    assert (way * (skull - around.centre)).sum(1).min() > 0.0
    inside = around.centre + (skull - around.centre) * 0.95
    assert around.gap(around.lifted(inside, 0.002))[0].min() > 0.0012


def test_nearest_of_agrees_with_the_plain_search() -> None:
    rng = np.random.default_rng(0)
    points, targets = rng.random((3000, 3), np.float32), rng.random((50, 3), np.float32)
    plain = np.linalg.norm(points[:, None] - targets[None], axis=2).argmin(1)
    np.testing.assert_array_equal(nearest_of(points, targets), plain)
