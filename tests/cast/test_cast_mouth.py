from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest
import warp as wp

from mien.engines.cast.body.anatomy import TONGUE, build_body
from mien.engines.cast.body.lids import fit_lids
from mien.engines.cast.body.lips import fit_lips, seal_weights
from mien.engines.cast.parts.eye import build_eye_corners, build_tear_lines, paint_eye
from mien.engines.cast.parts.mouth import build_teeth, fit_tongue
from mien.engines.cast.parts.piece import Label
from mien.engines.cast.recipe import Recipe
from mien.engines.cast.render.figure import Posture

pytestmark = pytest.mark.cast

SEEDS = (3, 5, 11, 42)
CODES = 40
#: Teeth that could come through the lips: those in front, m from the midline.
FRONT_M = 0.019
#: A head that stays where it is: no shift, no sway, and lips of which only the light in the mouth would ask.
_NOWHERE = (np.zeros(3, np.float32), np.zeros(3, np.float32), 0.0, np.zeros(3, np.float32))


@wp.kernel
def _first_hit(
    mesh: wp.uint64,
    origins: wp.array(dtype=wp.vec3),
    ways: wp.array(dtype=wp.vec3),
    reach: float,
    distance: wp.array(dtype=float),
    side: wp.array(dtype=float),
) -> None:
    i = wp.tid()
    hit = wp.mesh_query_ray(mesh, origins[i], ways[i], reach)
    distance[i] = -1.0
    if hit.result:
        distance[i] = hit.t
        side[i] = wp.dot(hit.normal, ways[i])


class _Mouth:
    def __init__(self, seed: int) -> None:
        self.recipe = Recipe(name="someone", seed=seed)
        body, _ = fit_lids(build_body(self.recipe))
        self.body, self.lips = fit_lips(body)
        self.teeth = build_teeth(self.body, self.lips, self.recipe.look, seed)
        self.body = fit_tongue(self.body, self.teeth)

    def pose(self, actions: dict[str, float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The body's points, the teeth's, and the teeth's normals."""
        weights = seal_weights(self.body.actions, self.body.weights(actions))
        points = self.body.posed(weights).copy()
        self.lips.settle(points)
        self.teeth.clear(points, weights, self.lips)
        still = Posture(points, weights, np.eye(3, dtype=np.float32), *_NOWHERE)
        teeth, normals, _ = self.teeth.posed(still)
        return points, teeth, normals

    def front(self) -> np.ndarray:
        """Points on the outer side of the front teeth's crowns."""
        crowns = np.unique(self.teeth.piece.faces[self.teeth.piece.labels == Label.TEETH])
        rest, normals = self.teeth.piece.points[crowns], self.teeth.piece.normals[crowns]
        return crowns[(np.abs(rest[:, 0]) < FRONT_M) & (normals[:, 1] < -0.6)]

    def seen_from(self, points: np.ndarray, origins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Along the outward normals of the arch: distance to the skin (-1 none), and from which side it is met."""
        _, ways = self.teeth.upper.depth(origins)
        faces = self.body.faces[self.body.parts != TONGUE]
        mesh = wp.Mesh(wp.array(points, dtype=wp.vec3), wp.array(faces.ravel(), dtype=int))
        distance, side = wp.zeros(len(origins), dtype=float), wp.zeros(len(origins), dtype=float)
        rays = [wp.array(np.ascontiguousarray(each, np.float32), dtype=wp.vec3) for each in (origins, ways)]
        wp.launch(_first_hit, len(origins), inputs=[mesh.id, *rays, 0.05, distance, side], device="cpu")
        return distance.numpy(), side.numpy()


@pytest.fixture(scope="module", params=SEEDS)
def mouth(request: pytest.FixtureRequest) -> _Mouth:
    return _Mouth(request.param)


def _codes(mouth: _Mouth, rng: np.random.Generator, *, shut: bool) -> Iterator[dict[str, float]]:
    parting = {"jawOpen", "mouthFunnel", "tongueOut", "mouthClose", "jawForward"}
    names = [
        name
        for name in mouth.body.actions
        if name.startswith(("mouth", "jaw", "cheek", "nose"))
        and not (shut and (name in parting or name.startswith(("mouthUpperUp", "mouthLowerDown", "noseSneer"))))
    ]
    for _ in range(CODES):
        chosen = rng.choice(names, int(rng.integers(1, 6)), replace=False)
        yield {str(name): float(rng.random()) for name in chosen}


def test_no_tooth_shows_through_a_shut_mouth(mouth: _Mouth) -> None:
    front = mouth.front()
    assert len(front) > 200
    for actions in [{}, *_codes(mouth, np.random.default_rng(1), shut=True)]:
        points, teeth, _ = mouth.pose(actions)
        distance, side = mouth.seen_from(points, teeth[front] + np.array([0, 0.0005, 0], np.float32))
        # A ray in a thousand slips through the line in which the lips touch.
        assert (distance <= 0).sum() <= 2, actions
        # The inner side of the lip comes first, so the tooth does not stand in the lip.
        assert (side <= 0).all(), actions


def test_no_tooth_stands_in_a_lip_of_a_speaking_mouth(mouth: _Mouth) -> None:
    front = mouth.front()
    for actions in _codes(mouth, np.random.default_rng(2), shut=False):
        points, teeth, _ = mouth.pose(actions)
        distance, side = mouth.seen_from(points, teeth[front] + np.array([0, 0.0005, 0], np.float32))
        assert not ((distance > 0) & (side > 0)).any(), actions


def test_the_lower_row_goes_with_the_jaw_and_the_upper_stays(mouth: _Mouth) -> None:
    teeth = mouth.teeth
    _, shut, _ = mouth.pose({})
    _, wide, normals = mouth.pose({"jawOpen": 1.0})
    np.testing.assert_allclose(wide[: teeth.lower_from], shut[: teeth.lower_from], atol=1e-6)
    moved = wide[teeth.lower_from :] - shut[teeth.lower_from :]
    assert moved[:, 2].max() < -0.01
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1.0, atol=1e-4)


def test_the_tongue_lies_behind_the_lower_teeth_and_comes_out_between_the_rows(mouth: _Mouth) -> None:
    tongue = np.unique(mouth.body.faces[mouth.body.parts == TONGUE])
    points, _, _ = mouth.pose({})
    depth, _ = mouth.teeth.lower.depth(points[tongue])
    assert depth.min() > 0.004
    points, teeth, _ = mouth.pose({"tongueOut": 1.0})
    depth, _ = mouth.teeth.upper.depth(points[tongue])
    out = points[tongue][depth < 0.0]
    assert len(out) > 20
    # Where the rows stand, the tongue passes below the upper edges and above the lower ones.
    near = points[tongue][np.abs(depth - 0.002) < 0.004]
    middle = np.abs(near[:, 0]) < 0.006
    lower = teeth[mouth.teeth.lower_from :]
    edge = lower[np.abs(lower[:, 0]) < 0.004, 2].max()
    assert near[middle, 2].max() < mouth.teeth.upper.origin[2] + 0.001
    assert near[middle, 2].min() > edge - 0.001


def test_crowns_are_closed_skins_that_face_outwards(mouth: _Mouth) -> None:
    piece = mouth.teeth.piece
    crowns = piece.faces[piece.labels == Label.TEETH]
    a, b, c = (piece.points[crowns[:, k]].astype(np.float64) for k in range(3))
    front = mouth.front()
    facing = np.cross(b - a, c - a)
    outer = np.isin(crowns, front).all(1)
    assert outer.sum() > 200
    assert (facing[outer, 1] < 0).mean() > 0.98


def test_teeth_differ_between_people_and_agree_for_one() -> None:
    one, again, other = _Mouth(3), _Mouth(3), _Mouth(5)
    np.testing.assert_array_equal(one.teeth.piece.points, again.teeth.piece.points)
    assert np.abs(one.teeth.piece.colours - other.teeth.piece.colours).max() > 0.02
    shape = [m.teeth.piece.points - m.teeth.upper.origin for m in (one, other)]
    assert np.abs(shape[0] - shape[1]).max() > 0.0003


def test_posing_teeth_is_quick(mouth: _Mouth) -> None:
    weights = mouth.body.weights({"jawOpen": 0.5})
    still = Posture(mouth.body.rest, weights, np.eye(3, dtype=np.float32), *_NOWHERE)
    spent = []
    for _ in range(20):
        start = time.perf_counter()
        mouth.teeth.posed(still)
        spent.append(time.perf_counter() - start)
    # Half a millisecond on a quiet machine.
    assert min(spent) < 0.002


def test_the_paint_has_a_dark_pupil_an_iris_of_its_colour_and_a_light_white(mouth: _Mouth) -> None:
    eye, look = mouth.body.eyes[0], mouth.recipe.look
    paint = paint_eye(look, 3, eye, 256)
    assert paint.shape == (256, 256, 3)
    assert paint.dtype == np.float32
    assert paint.min() >= 0.0
    assert paint.max() <= 1.0
    assert paint[126:130, 126:130].max() < 0.01
    at = (2 * np.arange(256) + 1) / 256 - 1
    angle = np.hypot(*np.meshgrid(at, at)) * 90
    iris = np.degrees(np.arcsin(0.00585 / eye.radius))
    ring = paint[(angle > 0.55 * iris) & (angle < 0.8 * iris)].mean(0)
    colour = np.asarray(look.iris_rgb)
    assert np.abs(ring / ring.sum() - colour / colour.sum()).max() < 0.12
    white = paint[(angle > 1.2 * iris) & (angle < 2 * iris)]
    assert white.mean() > 3 * ring.mean()
    assert white.mean() > 0.4
    np.testing.assert_array_equal(paint, paint_eye(look, 3, eye, 256))
    assert np.abs(paint - paint_eye(look, 3, mouth.body.eyes[1], 256)).max() > 0.01


def test_the_small_wet_parts_lie_on_the_balls(mouth: _Mouth) -> None:
    body = mouth.body
    for piece in (build_eye_corners(body), build_tear_lines(body)):
        left = piece.points[:, 0] > 0
        for side, eye in zip((left, ~left), body.eyes, strict=True):
            over = np.linalg.norm(piece.points[side] - eye.centre, axis=1) - eye.radius
            assert over.max() < 0.0024
            assert over.max() > 0.0
    line = build_tear_lines(body)
    assert line.anchors is not None
    assert len(line.anchors.corners) == len(line.points)
    assert (line.normals[:, 1] < 0).mean() > 0.9
