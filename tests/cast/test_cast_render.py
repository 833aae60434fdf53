"""The renderer's passes against each other, and against themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest

from mien.engines.cast import Recipe, render_portrait
from mien.engines.cast.body.pose import HeadPose
from mien.engines.cast.camera.light import PORTRAIT
from mien.engines.cast.frame import Picture, Shot, View
from mien.engines.cast.parts.piece import Label

pytestmark = [pytest.mark.cast, pytest.mark.filterwarnings("default")]

SIZE = 160
VIEW = View(SIZE, SIZE, 2, span=0.3)
LOOKS = {
    3: Shot(),
    8: Shot(actions={"jawOpen": 0.6, "mouthSmileLeft": 0.5}, pose=HeadPose(yaw=18.0, pitch=6.0), gaze=(8.0, -4.0)),
    21: Shot(actions={"browInnerUp": 1.0, "eyeWideLeft": 0.8}, pose=HeadPose(yaw=-12.0, roll=9.0)),
}
#: CPU and CUDA round differently, so a sample at an edge may see the other surface: its pixel differs, few do.
DEVICE_SHARE_OFF = 0.02
DEVICE_TOLERANCE = 0.02


@pytest.fixture(scope="module")
def actors() -> Iterator[dict[int, object]]:
    pytest.importorskip("anny")
    pytest.importorskip("warp")
    from mien.engines.cast.studio import Actor

    return {seed: Actor(replace(Recipe("x", seed)), map_px=512) for seed in LOOKS}


@pytest.fixture(scope="module", params=LOOKS)
def picture(request: pytest.FixtureRequest, actors: dict[int, object]) -> Picture:
    return actors[request.param].shoot(LOOKS[request.param], VIEW, PORTRAIT)  # type: ignore[attr-defined]


def test_the_same_recipe_gives_the_same_bytes() -> None:
    pytest.importorskip("anny")
    first, again = (render_portrait(Recipe("x", 5, size=96)) for _ in range(2))
    assert first.shape == (96, 96, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert not np.array_equal(first, render_portrait(Recipe("x", 6, size=96)))


def test_depth_normals_and_labels_cover_what_alpha_covers(picture: Picture) -> None:
    covered = picture.alpha > 0
    assert np.array_equal(covered, picture.depth > 0)
    assert np.array_equal(covered, picture.labels != Label.BACKGROUND)
    np.testing.assert_allclose(np.linalg.norm(picture.normals[covered], axis=1), 1.0, atol=1e-3)
    assert not picture.normals[~covered].any()
    # A head at the camera's distance, less than half a metre deep.
    assert VIEW.distance - 0.25 < picture.depth[covered].min() < picture.depth[covered].max() < VIEW.distance + 0.3
    assert 0.02 < ((picture.alpha > 0) & (picture.alpha < 1)).sum() / covered.sum() < 0.3, "edges are anti-aliased"


def test_landmarks_lie_in_the_parts_that_they_name(picture: Picture) -> None:
    def near(landmarks: list[int], labels: list[Label], reach_px: int) -> np.ndarray:
        mask = np.isin(picture.labels, labels).astype(np.uint8)
        mask = cv2.dilate(mask, np.ones((2 * reach_px + 1, 2 * reach_px + 1), np.uint8))
        columns, rows = np.clip(picture.landmarks[landmarks].astype(int), 0, SIZE - 1).T
        return mask[rows, columns] > 0

    mouth = [Label.LIPS, Label.TEETH, Label.MOUTH, Label.TONGUE, Label.BEARD]
    lids = [Label.LEFT_EYE, Label.LASHES, Label.GLASSES]
    assert near([468], [Label.RIGHT_EYE, Label.GLASSES], 1).all(), "468 is the iris at the picture's left"
    assert near([473], [Label.LEFT_EYE, Label.GLASSES], 1).all()
    assert near([61, 291, 0, 17, 13, 14], mouth, 3).all()
    assert near([263, 362, 386, 374], lids, 3).all()
    assert near([4, 50, 280, 152], [Label.SKIN, Label.BEARD, Label.HEADSET, Label.GLASSES], 2).all()


def test_what_is_nearer_hides_what_is_behind(picture: Picture) -> None:
    nose, left, right = (picture.landmarks[k].astype(int) for k in (4, 234, 454))
    depth = picture.depth
    assert depth[nose[1], nose[0]] < min(depth[left[1], left[0]], depth[right[1], right[0]])
    eyes = np.isin(picture.labels, [Label.LEFT_EYE, Label.RIGHT_EYE])
    assert eyes.sum() > 20
    assert depth[eyes].min() > depth[nose[1], nose[0]]


def test_an_object_hides_exactly_what_its_mask_says(actors: dict[int, object]) -> None:
    from mien.engines.cast.parts.occluders import draw_occluder

    actor = actors[3]
    # Without lamps nothing throws a shadow, so only covered pixels may change.
    dark = replace(PORTRAIT, key_colour=(0, 0, 0), rim_colour=(0, 0, 0))
    thing = draw_occluder(np.random.default_rng(4), actor.person.body, kind="microphone")  # type: ignore[attr-defined]
    bare = actor.shoot(Shot(), VIEW, dark)  # type: ignore[attr-defined]
    with_it = actor.shoot(Shot(), VIEW, dark, loose=[thing])  # type: ignore[attr-defined]
    mask = with_it.occluder
    assert 0.005 < mask.mean() < 0.6
    assert not bare.occluder.any()
    np.testing.assert_array_equal(with_it.colour[mask == 0], bare.colour[mask == 0])
    assert (with_it.labels[mask == 1] == Label.OCCLUDER).all()
    assert not (with_it.labels[mask == 0] == Label.OCCLUDER).any()
    inside = (mask == 1) & (bare.alpha == 1)
    assert inside.sum() > 20
    assert (with_it.depth[inside] < bare.depth[inside]).all()
    assert (np.abs(with_it.colour - bare.colour).max(2) > 0.004)[inside].mean() > 0.9


def test_a_lamp_throws_a_shadow_where_it_does_not_reach(actors: dict[int, object]) -> None:
    only_key = replace(
        PORTRAIT, key=(-60.0, 10.0), key_colour=(2, 2, 2), key_spread=0.1, fill_colour=(0, 0, 0), rim_colour=(0, 0, 0),
        sky=(0, 0, 0), ground=(0, 0, 0),
    )  # fmt: skip
    seen = actors[3].shoot(Shot(), VIEW, only_key)  # type: ignore[attr-defined]
    bright = seen.colour.mean(2)
    skin = seen.labels == Label.SKIN
    columns = np.arange(SIZE)[None] + np.zeros((SIZE, 1))
    middle = seen.landmarks[4, 0]
    lit, unlit = bright[skin & (columns < middle - 12)].mean(), bright[skin & (columns > middle + 25)].mean()
    assert lit > 5 * unlit


def test_glass_changes_the_colour_and_nothing_else(actors: dict[int, object]) -> None:
    from mien.engines.cast.studio import Actor

    recipe = Recipe("x", 3).bare()
    plain = Actor(recipe, map_px=512).shoot(Shot(), VIEW, PORTRAIT)
    glasses = replace(recipe, look=replace(recipe.look, glasses="thin"))
    seen = Actor(glasses, map_px=512).shoot(Shot(), VIEW, PORTRAIT)
    assert (seen.labels == Label.GLASSES).sum() > 10
    through = np.isin(seen.labels, [Label.LEFT_EYE, Label.RIGHT_EYE])
    assert through.sum() > 20, "the eyes are seen through the lenses"
    np.testing.assert_allclose(seen.depth[through], plain.depth[through], atol=1e-4)
    assert np.abs(seen.colour - plain.colour)[through].mean() > 1e-4


@pytest.mark.parametrize("size", [(64, 64), (65, 97), (128, 72)])
def test_any_size_is_drawn(size: tuple[int, int], actors: dict[int, object]) -> None:
    height, width = size
    seen = actors[3].shoot(Shot(), View(width, height, 2), PORTRAIT)  # type: ignore[attr-defined]
    assert seen.colour.shape == (height, width, 3)
    assert np.isfinite(seen.colour).all()
    assert 0.0 <= seen.colour.min() <= seen.colour.max() <= 1.0
    assert 0.2 < seen.alpha.mean() < 0.9


def test_the_camera_sees_the_landmarks_where_the_picture_shows_them(actors: dict[int, object]) -> None:
    """Twice the size, twice the numbers; a camera from the left shows more of the person's left."""
    actor, shot = actors[8], LOOKS[8]
    small, large = (actor.landmarks(shot, replace(VIEW, width=n, height=n)) for n in (SIZE, 2 * SIZE))  # type: ignore[attr-defined]
    np.testing.assert_allclose(2 * small, large, rtol=1e-5)
    turned = actor.landmarks(Shot(), replace(VIEW, azimuth=25.0))  # type: ignore[attr-defined]
    nose, left, right = turned[4, 0], turned[454, 0], turned[234, 0]
    assert left - nose > 1.5 * (nose - right)


@pytest.mark.gpu
def test_cuda_draws_what_the_cpu_draws() -> None:
    from mien.engines.cast.studio import Actor

    recipe, shot = Recipe("x", 3), LOOKS[8]
    cpu, cuda = (Actor(recipe, device=name, map_px=512).shoot(shot, VIEW, PORTRAIT) for name in ("cpu", "cuda:0"))
    off = np.abs(cpu.colour - cuda.colour).max(2) > DEVICE_TOLERANCE
    assert off.mean() < DEVICE_SHARE_OFF
    np.testing.assert_allclose(cpu.landmarks, cuda.landmarks, atol=0.01)
