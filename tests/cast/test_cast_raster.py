"""The kernels that decide what each sample sees, against a slow and plain rule."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = [pytest.mark.cast, pytest.mark.filterwarnings("default")]

WIDTH, HEIGHT = 48, 40


def _brute(screen: np.ndarray, faces: np.ndarray, *, cull: bool) -> np.ndarray:
    """Face + 1 of the nearest triangle at each sample's middle, 0 where there is none."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    best, nearness = np.zeros((HEIGHT, WIDTH), int), np.zeros((HEIGHT, WIDTH))
    for number, (a, b, c) in enumerate(screen[faces].astype(np.float64)):
        area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        if area == 0 or (cull and area > 0):
            continue
        u = ((b[0] - x) * (c[1] - y) - (b[1] - y) * (c[0] - x)) / area
        v = ((c[0] - x) * (a[1] - y) - (c[1] - y) * (a[0] - x)) / area
        near = a[2] * u + b[2] * v + c[2] * (1 - u - v)
        wins = (u >= 0) & (v >= 0) & (u + v <= 1) & (near > nearness)
        best[wins], nearness[wins] = number + 1, near[wins]
    return best


def _drawn(screen: np.ndarray, faces: np.ndarray, *, cull: bool) -> np.ndarray:
    wp = pytest.importorskip("warp")
    from mien.engines.cast.render.device import ints, vectors
    from mien.engines.cast.render.raster import draw

    keys = wp.zeros((HEIGHT, WIDTH), dtype=wp.uint64)
    flat = ints(faces)
    wp.launch(draw, len(faces), inputs=[vectors(screen), flat, flat, -1, 0, 0, int(cull), keys])
    return (keys.numpy() & np.uint64(0xFFFFFFFF)).astype(int)


@pytest.mark.parametrize("cull", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_triangles_cover_the_samples_whose_middles_they_hold(seed: int, cull: bool) -> None:
    rng = np.random.default_rng(seed)
    # Some reach over the border, some are slivers.
    screen = rng.uniform((-10, -10, 0.5), (WIDTH + 10, HEIGHT + 10, 2.0), (90, 3)).astype(np.float32)
    screen[::9] = screen[1::9] + np.float32(0.2)
    faces = np.arange(90, dtype=np.int32).reshape(30, 3)
    want, got = _brute(screen, faces, cull=cull), _drawn(screen, faces, cull=cull)
    # A sample exactly on an edge may fall to either side of rounding.
    assert (want != got).mean() < 0.003
    assert (want > 0).mean() > 0.2


def test_a_triangle_behind_the_camera_is_left_out() -> None:
    screen = np.array([[2, 2, 1], [40, 2, 1], [2, 30, 0]], np.float32)
    assert not _drawn(screen, np.array([[0, 1, 2]], np.int32), cull=False).any()


@pytest.mark.parametrize("end", [(44.0, 30.0), (8.0, 36.0), (40.0, 5.5), (5.5, 38.0)])
@pytest.mark.parametrize("width", [1.5, 5.0])
def test_a_fibre_covers_about_what_its_two_triangles_would(end: tuple[float, float], width: float) -> None:
    wp = pytest.importorskip("warp")
    from mien.engines.cast.render.device import floats, ints, vectors
    from mien.engines.cast.render.raster import draw_fibre

    start, stop = np.array([5.0, 4.0]), np.array(end)
    along = (stop - start) / np.linalg.norm(stop - start)
    side = np.array([-along[1], along[0]]) * width / 2
    flat = np.stack([start - side, start + side, stop - side, stop + side])
    screen = np.concatenate([flat, np.ones((4, 1))], 1).astype(np.float32)
    faces = np.array([[0, 1, 2], [1, 3, 2]], np.int32)
    keys = wp.zeros((HEIGHT, WIDTH), dtype=wp.uint64)
    wp.launch(draw_fibre, 1, inputs=[vectors(screen), ints(faces), floats(np.zeros(1)), 0, 1, keys])
    got = (keys.numpy() & np.uint64(0xFFFFFFFF)).astype(int)
    want = _brute(screen, faces, cull=False)
    # They part at the square ends alone.
    assert (((got > 0) != (want > 0)).sum()) <= 2 * width + 4
    assert set(np.unique(got)) <= {0, 1, 2}


def test_thin_strands_cover_as_much_as_they_should_by_whole_lines() -> None:
    wp = pytest.importorskip("warp")
    from mien.engines.cast.render.device import floats, ints, vectors
    from mien.engines.cast.render.raster import draw_fibre

    width = 0.25
    screen = np.array([[20, 0, 1], [20 + width, 0, 1], [20, HEIGHT, 1], [20 + width, HEIGHT, 1]], np.float32)
    faces = ints(np.array([[0, 1, 2], [1, 3, 2]]))
    drawn = []
    for luck in np.random.default_rng(3).random((200, 1)):
        keys = wp.zeros((HEIGHT, WIDTH), dtype=wp.uint64)
        wp.launch(draw_fibre, 1, inputs=[vectors(screen), faces, floats(luck), 0, 1, keys])
        drawn.append(int((keys.numpy() > 0).sum()))
    assert set(drawn) == {0, HEIGHT}, "a strand is drawn whole or not at all"
    assert abs(np.mean(drawn) - width * HEIGHT) < 0.08 * HEIGHT
