"""A person's skin maps: complete, repeatable, without seams, and each look to be seen in them."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mien.engines.cast.look import Look
from mien.engines.cast.parts.piece import Label

pytest.importorskip("anny")
pytest.importorskip("warp")

from mien.engines.cast.body.anatomy import SKIN, Body, build_body
from mien.engines.cast.recipe import Recipe
from mien.engines.cast.skin import Skin, build_skin, crease_weights
from mien.engines.cast.skin.atlas import atlas_uv, plain_to_atlas, texels
from mien.engines.cast.skin.tones import MONK_SWATCHES, linear, lip_tone, monk_tone, skin_tone
from mien.engines.cast.skin.zones import MIRROR_V

pytestmark = pytest.mark.cast

SIZE = 512
PLAIN = Look(
    gender=0.1, age=0.1, weight=0.5, muscle=0.5, african=0.2, asian=0.2, melanin=0.2, redness=0.4, hair_style="crop",
    hair_melanin=0.4, iris_rgb=(0.1, 0.1, 0.1), moles=0.0, lines=0.1,
)  # fmt: skip


@pytest.fixture(scope="module")
def body() -> Body:
    return build_body(Recipe(name="test", seed=3, look=PLAIN))


@pytest.fixture(scope="module")
def skin(body: Body) -> Skin:
    return build_skin(body, PLAIN, 3, SIZE)


def _patch(values: np.ndarray, u: float, side: float, half: int = 14) -> np.ndarray:
    """Texels around a place of the face: u towards the chin, distance from the mirror line."""
    x, y = (plain_to_atlas(np.array([[u, MIRROR_V + side]]))[0] * values.shape[0]).astype(int)
    return values[y - half : y + half, x - half : x + half]


def _contrast(values: np.ndarray) -> float:
    """Of spots, not of zones."""
    return float((values - cv2.GaussianBlur(values, (0, 0), 5.0)).std())


def test_maps_have_their_shapes_and_ranges(body: Body, skin: Skin) -> None:
    assert skin.uv.shape == body.uv.shape
    assert skin.albedo.shape == (SIZE, SIZE, 3)
    assert skin.surface.shape == skin.creases.shape == (SIZE, SIZE, 4)
    assert skin.part_albedo.shape == (3, 3)
    for values in (skin.albedo, skin.surface, skin.rough, skin.creases, skin.scatter, skin.uv, skin.part_albedo):
        assert values.dtype == np.float32
        assert np.isfinite(values).all()
    assert skin.albedo.min() >= 0.0
    assert skin.albedo.max() <= 1.0
    assert skin.rough.min() >= 0.15
    assert skin.rough.max() <= 0.9
    assert skin.scatter.min() >= 0.0
    assert skin.scatter.max() <= 1.0
    assert set(np.unique(skin.creases[..., 3])) == {0.0, 1.0, 2.0, 3.0, 4.0}
    assert np.abs(skin.surface[..., :3]).max() < 1.0


def test_the_same_seed_gives_the_same_maps(body: Body, skin: Skin) -> None:
    again = build_skin(body, PLAIN, 3, SIZE)
    other = build_skin(body, PLAIN, 4, SIZE)
    for name in ("albedo", "surface", "rough", "creases", "scatter", "labels"):
        assert np.array_equal(getattr(skin, name), getattr(again, name)), name
    assert not np.array_equal(skin.albedo, other.albedo)


def test_islands_do_not_overlap(body: Body) -> None:
    corners = atlas_uv(body)[body.uv_faces[body.parts == SKIN]].astype(np.float64)
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = 0.5 * np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()
    # Triangles that lie over one another would have more area than the texels that they cover.
    plan = texels(body, SIZE)
    inside = (np.minimum(plan.bary.min(2), 1 - plan.bary.sum(2)) >= 0) & (plan.face >= 0)
    assert abs(area - inside.mean()) < 0.01
    assert corners.min() >= 0.0
    assert corners.max() <= 1.0


def test_the_face_has_half_a_millimetre_a_texel_at_1024_px(body: Body) -> None:
    shown = body.parts == SKIN
    corners, points = atlas_uv(body)[body.uv_faces[shown]] * 1024, body.rest[body.faces[shown]] - body.brow_centre
    flat = np.abs(np.linalg.det(corners[:, 1:] - corners[:, :1]))
    solid = np.linalg.norm(np.cross(points[:, 1] - points[:, 0], points[:, 2] - points[:, 0]), axis=1)
    middle = points.mean(1)
    face = (middle[:, 1] < 0.04) & (middle[:, 2] > -0.11) & (middle[:, 2] < 0.05) & (np.abs(middle[:, 0]) < 0.06)
    pitch_mm = np.sqrt(solid[face] / flat[face]) * 1000
    assert np.average(pitch_mm, weights=solid[face]) < 0.5


def test_labels_lie_where_their_parts_are(body: Body, skin: Skin) -> None:
    present = {Label(value) for value in np.unique(skin.labels)}
    assert present == {Label.BACKGROUND, Label.SKIN, Label.LIPS, Label.EARS, Label.NECK, Label.CLOTH}
    plan = texels(body, SIZE)
    corners = body.rest[body.faces[np.maximum(plan.face, 0)]] - body.brow_centre
    weights = np.concatenate([plan.bary, 1 - plan.bary.sum(2, keepdims=True)], 2)
    at = (corners * weights[..., None]).sum(2)
    lips = at[skin.labels == Label.LIPS]
    assert np.abs(lips[:, 0]).max() < 0.04
    assert lips[:, 2].max() < -0.04
    assert lips[:, 2].min() > -0.11
    mouth = body.rest[np.unique(body.faces[body.parts == 1])] - body.brow_centre
    assert np.linalg.norm(lips.mean(0) - mouth[mouth[:, 1].argmin()]) < 0.02
    ears = at[skin.labels == Label.EARS]
    assert np.abs(ears[:, 0]).min() > 0.045
    assert at[skin.labels == Label.CLOTH][:, 2].max() < -0.1
    assert at[skin.labels == Label.NECK][:, 2].max() < 0.0


def _at_edges(body: Body, skin: Skin) -> tuple[np.ndarray, np.ndarray]:
    """Albedo at the vertices that have two places in the atlas, read at both."""
    shown = body.parts == SKIN
    pairs = np.unique(np.stack([body.faces[shown].ravel(), body.uv_faces[shown].ravel()], 1), axis=0)
    order = np.flatnonzero(np.diff(pairs[:, 0]) == 0)
    places = (skin.uv[pairs[:, 1]] * SIZE).astype(int).clip(0, SIZE - 1)
    colours = skin.albedo[places[:, 1], places[:, 0]]
    return colours[order], colours[order + 1]


def test_no_seam_shows_between_islands(body: Body, skin: Skin) -> None:
    one, other = _at_edges(body, skin)
    assert len(one) > 200
    off = np.abs(np.log(one) - np.log(other))
    assert np.median(off) < 0.06
    # Both sides have the same mean: no step between head and torso.
    assert np.abs(one.mean(0) - other.mean(0)).max() < 0.01


def test_freckles_are_spots_on_nose_and_cheeks(body: Body, skin: Skin) -> None:
    freckled = build_skin(body, replace(PLAIN, freckles=0.9), 3, SIZE)
    for u, side in ((0.862, 0.036), (0.862, -0.036)):
        plain, spotted = (_patch(np.log(each.albedo[..., 2]), u, side) for each in (skin, freckled))
        assert np.percentile(plain - spotted, 98) > 0.25
        assert _contrast(spotted) > 1.4 * _contrast(plain)
        assert spotted.mean() < plain.mean()


def test_age_engraves(body: Body, skin: Skin) -> None:
    old = build_skin(body, replace(PLAIN, age=0.9, lines=0.6), 3, SIZE)
    for u, side in ((0.796, 0.0), (0.838, 0.06), (0.885, 0.027)):
        young_energy, old_energy = ((_patch(each.surface[..., :3], u, side) ** 2).sum(2).mean() for each in (skin, old))
        assert old_energy > 1.5 * young_energy


def test_make_up_and_stubble_go_where_they_belong(body: Body, skin: Skin) -> None:
    painted = build_skin(body, replace(PLAIN, lipstick=1.0, lip_rgb=(0.3, 0.01, 0.02)), 3, SIZE)
    lips, cheek = skin.labels == Label.LIPS, (slice(200, 240), slice(320, 360))
    assert painted.albedo[lips][:, 1].mean() < 0.6 * skin.albedo[lips][:, 1].mean()
    assert np.array_equal(painted.albedo[cheek], skin.albedo[cheek])
    shaved = build_skin(body, replace(PLAIN, stubble=0.9), 3, SIZE)
    chin, brow = ((0.94, 0.0), (0.80, 0.0))
    assert _patch(shaved.albedo, *chin).mean() < 0.9 * _patch(skin.albedo, *chin).mean()
    assert np.array_equal(_patch(shaved.albedo, *brow), _patch(skin.albedo, *brow))


@pytest.mark.parametrize("material", ["porcelain", "android"])
def test_an_artificial_skin_is_plainly_artificial(body: Body, skin: Skin, material: str) -> None:
    made = build_skin(body, replace(PLAIN, material=material, hair_style="shaved"), 3, SIZE)  # type: ignore[arg-type]
    bare = (skin.labels == Label.SKIN) & (made.labels == Label.SKIN)
    # No blood: nearly grey where skin is red.
    spread = np.ptp(made.albedo[bare], axis=1) / made.albedo[bare].max(1)
    assert np.median(spread) < 0.2
    assert np.median(np.ptp(skin.albedo[bare], axis=1) / skin.albedo[bare].max(1)) > 0.3
    assert made.scatter[bare].max() <= 0.31
    assert not made.creases[..., :3].any()
    assert np.isfinite(made.surface).all()


@pytest.mark.parametrize("material", ["porcelain", "android"])
def test_no_glaze_gleams_through_a_parting(body: Body, material: str) -> None:
    look = replace(PLAIN, material=material, hair_melanin=0.9, melanin=0.0)  # type: ignore[arg-type]
    worn, bare = (build_skin(body, replace(look, hair_style=style), 3, 256) for style in ("bob", "shaved"))
    assert _patch(worn.albedo, 0.735, 0.03, 3).mean() < 0.08
    forehead = [_patch(each.albedo, 0.80, 0.0, 4) for each in (worn, bare)]
    assert np.array_equal(forehead[0], forehead[1])


def test_the_neckline_follows_the_look(body: Body) -> None:
    made = {cloth: build_skin(body, replace(PLAIN, cloth=cloth), 3, 256) for cloth in ("vee", "crew", "high")}
    worn = {cloth: each.labels == Label.CLOTH for cloth, each in made.items()}
    assert worn["vee"].sum() < worn["crew"].sum() < worn["high"].sum()
    assert not (worn["crew"] & ~worn["high"]).any()
    for cloth, each in made.items():
        assert (each.scatter[worn[cloth]] == 0).all()
        assert (each.surface[worn[cloth], 3] == 0).all()


def test_expressions_drive_their_lines() -> None:
    assert crease_weights({}).tolist() == [0.0, 0.0, 0.0, 0.0]
    assert crease_weights({"browInnerUp": 0.8})[0] == pytest.approx(0.8)
    assert crease_weights({"browDownLeft": 1.0, "browDownRight": 1.0})[1] == pytest.approx(1.0)
    assert crease_weights({"mouthSmileLeft": 1.0, "mouthSmileRight": 1.0}).argmax() == 2
    assert crease_weights({"noseSneerLeft": 1.0, "noseSneerRight": 1.0}).argmax() == 3


def test_tones_run_from_light_to_dark_along_the_swatches() -> None:
    tones = np.stack([skin_tone(replace(PLAIN, melanin=(step + 0.5) / 10)) for step in range(10)])
    luma = tones @ np.array([0.2126, 0.7152, 0.0722])
    assert (np.diff(luma) < 0).all()
    swatches = np.stack([linear(code) for code in MONK_SWATCHES])
    assert np.corrcoef(np.log(luma), np.log(swatches.mean(1)))[0, 1] > 0.98
    # Skin is redder than blue at every tone.
    assert (tones[:, 0] > tones[:, 1]).all()
    assert (tones[:, 1] > tones[:, 2]).all()
    assert [monk_tone(value) for value in (0.0, 0.0999, 0.1, 0.95, 1.0)] == [1, 1, 2, 10, 10]


def test_lips_have_more_blood_than_the_skin() -> None:
    for melanin in (0.05, 0.5, 0.95):
        look = replace(PLAIN, melanin=melanin)
        skin, lips = skin_tone(look), lip_tone(look)
        assert lips[0] / lips[1] > skin[0] / skin[1]
