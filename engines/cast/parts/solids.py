"""Builders of smooth closed meshes: sweeps along curves, surfaces of revolution, rounded boxes, superellipsoids.

A mesh is a pair (points, faces): (N, 3) float32 in metres and (F, 3) int32, counter-clockwise seen from outside.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.engines.cast.parts.piece import Label, Material, Piece, solid, unit, vertex_normals

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Mesh = tuple[Floats, Ints]


def outline(a: float, b: float, *, power: float = 2.0, count: int = 16) -> Floats:
    """(count, 2) float32 counter-clockwise superellipse |x/a|^p + |y/b|^p = 1, evenly spaced along its length.

    Args:
        a: half-width, m.
        b: half-height, m.
        power: 2 is an ellipse; more is nearer to a rectangle with round corners.
        count: of points.

    """
    angle = np.linspace(0.0, 2 * np.pi, count * 24 + 1)
    cos, sin = np.cos(angle), np.sin(angle)
    curve = np.stack([a * np.sign(cos) * np.abs(cos) ** (2 / power), b * np.sign(sin) * np.abs(sin) ** (2 / power)], 1)
    return resampled(curve, count + 1)[:-1]


def resampled(curve: ArrayLike, count: int) -> Floats:
    """(count, D) float32 points at even steps of length along a polyline (K, D)."""
    points = np.asarray(curve, np.float64)
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    at = np.linspace(0.0, along[-1], count)
    return np.stack([np.interp(at, along, points[:, c]) for c in range(points.shape[1])], 1).astype(np.float32)


def smooth_curve(knots: ArrayLike, count: int) -> Floats:
    """(count, 3) float32 at even steps along a centripetal Catmull-Rom curve through (K, 3) knots.

    Yuksel, Schaefer, Keyser, "Parameterization and applications of Catmull-Rom curves", 2011: no loops, no cusps.
    """
    points = np.asarray(knots, np.float64)
    points = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    times = np.concatenate([[0.0], np.cumsum(np.sqrt(np.linalg.norm(np.diff(points, axis=0), axis=1)))])
    pieces = []
    for k in range(1, len(points) - 2):
        t = np.linspace(times[k], times[k + 1], 24)[:, None]
        layer = [points[k + j] for j in range(-1, 3)]
        for width in (1, 2, 3):  # de Boor's pyramid: widths beyond 1 share the middle interval's ends
            layer = [_blend(layer[j], layer[j + 1], times, k, j, width, t) for j in range(4 - width)]
        pieces.append(layer[0])
    return resampled(np.concatenate(pieces), count)


def _blend(
    first: NDArray[np.float64], second: NDArray[np.float64], times: NDArray[np.float64], k: int, j: int, width: int,
    t: NDArray[np.float64],
) -> NDArray[np.float64]:  # fmt: skip
    low, high = {1: (k - 1 + j, k + j), 2: (k - 1 + j, k + 1 + j), 3: (k, k + 1)}[width]
    share = (t - times[low]) / (times[high] - times[low])
    return np.asarray(first * (1 - share) + second * share, dtype=np.float64)


def frames(path: Floats, up: ArrayLike) -> tuple[Floats, Floats]:
    """Two (K, 3) unit axes across an open path, turned along with it as little as can be.

    Wang et al., "Computation of rotation minimizing frames", ACM TOG 2008, in its projection form.

    Args:
        path: (K, 3), m.
        up: (3,) where the second axis points at the start.

    """
    tangents = unit(np.gradient(path, axis=0))
    ups = np.empty_like(path)
    last = np.asarray(up, np.float32)
    for k, tangent in enumerate(tangents):
        last = last - tangent * float(last @ tangent)
        last = last / max(float(np.linalg.norm(last)), 1e-9)
        ups[k] = last
    return unit(np.cross(tangents, ups)), ups


def sweep(
    path: Floats, side: Floats, up: Floats, profile: Floats, *, scale: ArrayLike = 1.0, closed: bool = False,
    round_m: float = 0.0,
) -> Mesh:  # fmt: skip
    """A closed profile drawn along a path.

    Args:
        path: (K, 3), m; not repeated at the end where closed.
        side: (K, 3) the profile's first axis at each step.
        up: (K, 3) its second.
        profile: (M, 2), m.
        scale: (K, 2), (K, 1) or one number, of the profile at each step.
        closed: the path is a ring; otherwise its ends are capped.
        round_m: how far a capped end is domed.

    """
    sizes = np.broadcast_to(np.asarray(scale, np.float32), (len(path), 2)).copy()
    if not closed and round_m > 0.0:
        path, side, up, sizes = _domed(path, side, up, sizes, round_m)
    rings = (
        path[:, None]
        + side[:, None] * profile[None, :, :1] * sizes[:, None, :1]
        + up[:, None] * profile[None, :, 1:] * sizes[:, None, 1:]
    )
    steps, around = rings.shape[:2]
    points = rings.reshape(-1, 3)
    faces = tube_faces(steps, around, closed=closed)
    if not closed:
        points = np.concatenate([points, path[:1], path[-1:]])
        ring = np.arange(around)
        after = (ring + 1) % around
        first = np.stack([np.full(around, len(points) - 2), after, ring], 1)
        base = (steps - 1) * around
        last = np.stack([np.full(around, len(points) - 1), base + ring, base + after], 1)
        faces = np.concatenate([faces, first, last])
    return outward(points, faces)


def tube(path: Floats, radius: ArrayLike, *, around: int = 14, up: ArrayLike = (0.013, 0.31, 0.95)) -> Mesh:
    """A round tube with domed ends along an open path; `radius` is one number or (K,), m."""
    side, ups = frames(path, up)
    radii = np.broadcast_to(np.asarray(radius, np.float32), (len(path),))
    return sweep(
        path, side, ups, outline(1.0, 1.0, count=around), scale=radii[:, None], round_m=float(min(radii[0], radii[-1]))
    )


def lathe(profile: ArrayLike, *, count: int = 48) -> Mesh:
    """A surface of revolution about z.

    Args:
        profile: (K, 2) radius and height, m; the ends that lie on the axis become poles, others stay open.
        count: of points around.

    """
    curve = np.asarray(profile, np.float32)
    angle = np.linspace(0.0, 2 * np.pi, count, endpoint=False, dtype=np.float32)
    radius = np.maximum(curve[:, 0], 1e-6)
    rings = np.stack([
        radius[:, None] * np.cos(angle), radius[:, None] * np.sin(angle), np.repeat(curve[:, 1:], count, axis=1)
    ], axis=2)  # fmt: skip
    points = rings.reshape(-1, 3)
    faces = tube_faces(len(curve), count)
    # A pole's ring is one point: its twins are merged, and the triangles that collapse are dropped.
    index = np.arange(len(points))
    for row in (0, len(curve) - 1):
        if curve[row, 0] < 1e-6:
            index[row * count : (row + 1) * count] = row * count
    return outward(*compact(points, index[faces]))


def ball(size: ArrayLike, *, power: float = 2.0, count: int = 32) -> Mesh:
    """A superellipsoid with half-axes `size` (3,), m; `power` above 2 is nearer to a box."""
    half = outline(1.0, 1.0, power=power, count=2 * count)
    start = int(np.argmin(half[:, 1]))
    arc = np.roll(half, -start, axis=0)[: count + 1]
    arc[[0, -1], 0] = 0.0
    points, faces = lathe(np.abs(arc) * [1, 0] + arc * [0, 1], count=count)
    around = np.arctan2(points[:, 1], points[:, 0])
    stretch = (np.abs(np.cos(around)) ** power + np.abs(np.sin(around)) ** power) ** (-1.0 / power)
    points = points * np.stack([stretch, stretch, np.ones_like(stretch)], 1) * np.asarray(size, np.float32)
    return points.astype(np.float32), faces


def rounded_box(size: ArrayLike, radius: float, *, steps: int = 5, spans: int = 6) -> Mesh:
    """A box with half-axes `size` (3,) whose edges are round, m.

    `steps` points go round an edge's quarter, `spans` across each flat side.
    """
    half = np.asarray(size, np.float64)
    bend = np.tan(np.linspace(-np.pi / 4, 0.0, steps, endpoint=False))
    meshes = []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            meshes.append(_box_side(half, radius, bend, spans, axis, sign))
    return outward(*welded(*merged(meshes)))


def _box_side(
    half: NDArray[np.float64], radius: float, bend: NDArray[np.float64], spans: int, axis: int, sign: float
) -> Mesh:
    others = [k for k in range(3) if k != axis]
    grids = []
    for k in others:
        flat = np.linspace(-1.0, 1.0, spans) * (half[k] - radius)
        core = np.concatenate([np.full(len(bend), flat[0]), flat, np.full(len(bend), flat[-1])])
        lean = np.concatenate([bend, np.zeros(spans), -bend[::-1]])
        grids.append((core, lean))
    (core_u, lean_u), (core_v, lean_v) = grids
    core = np.empty((len(core_u), len(core_v), 3))
    lean = np.empty_like(core)
    core[..., axis], lean[..., axis] = sign * (half[axis] - radius), sign
    core[..., others[0]], lean[..., others[0]] = core_u[:, None], lean_u[:, None]
    core[..., others[1]], lean[..., others[1]] = core_v[None], lean_v[None]
    points = core + radius * lean / np.linalg.norm(lean, axis=-1, keepdims=True)
    faces = grid_faces(len(core_u), len(core_v))
    flip = (sign < 0) != (axis == 1)
    return points.reshape(-1, 3).astype(np.float32), faces[:, ::-1] if flip else faces


def grid_faces(rows: int, columns: int) -> Ints:
    """(2 (rows-1) (columns-1), 3) int32 triangles of a grid of points stored row by row."""
    start = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)[None]).ravel()
    quads = np.stack([start, start + columns, start + 1, start + 1, start + columns, start + columns + 1], 1)
    return quads.reshape(-1, 3).astype(np.int32)


def tube_faces(rings: int, around: int, *, closed: bool = False) -> Ints:
    """Triangles between rings of points; closed, the last ring joins the first."""
    ring = np.arange(rings if closed else rings - 1)
    column = np.arange(around)
    a = (ring[:, None] * around + column[None]).ravel()
    b = (ring[:, None] * around + (column[None] + 1) % around).ravel()
    c = (((ring[:, None] + 1) % rings) * around + column[None]).ravel()
    d = (((ring[:, None] + 1) % rings) * around + (column[None] + 1) % around).ravel()
    return np.stack([a, b, c, b, d, c], 1).reshape(-1, 3).astype(np.int32)


def merged(meshes: list[Mesh]) -> Mesh:
    """Several meshes as one, none of their points shared."""
    offsets = np.cumsum([0] + [len(points) for points, _ in meshes[:-1]])
    faces = [faces + offset for (_, faces), offset in zip(meshes, offsets, strict=True)]
    return np.concatenate([points for points, _ in meshes]), np.concatenate(faces).astype(np.int32)


def welded(points: Floats, faces: Ints, *, nearer_m: float = 1e-6) -> Mesh:
    """Points that lie together become one."""
    keys = np.round(points / nearer_m).astype(np.int64)
    _, first, index = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    return compact(points[first], index.reshape(-1)[faces])


def compact(points: Floats, faces: ArrayLike) -> Mesh:
    """Without triangles of two corners, and without points that no triangle uses."""
    corners = np.asarray(faces)
    a, b, c = corners.T
    corners = corners[(a != b) & (b != c) & (c != a)]
    used, index = np.unique(corners, return_inverse=True)
    return np.ascontiguousarray(points[used], np.float32), index.reshape(-1, 3).astype(np.int32)


def outward(points: Floats, faces: Ints) -> Mesh:
    """The same mesh, turned inside out if its signed volume is negative."""
    corners = points[faces] - points.mean(0)
    volume = float(np.einsum("ij,ij->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])))
    turned = faces if volume >= 0.0 else faces[:, ::-1]
    return np.ascontiguousarray(points, np.float32), np.ascontiguousarray(turned, np.int32)


def placed(mesh: Mesh, at: ArrayLike, axis: ArrayLike = (0, 0, 1), up: ArrayLike = (0, 1, 0.02)) -> Mesh:
    """A mesh moved to `at`, its z along `axis` and its y as near as can be to `up`."""
    points, faces = mesh
    z = unit(np.asarray(axis, np.float32))
    y = np.asarray(up, np.float32)
    y = unit(y - z * float(y @ z))
    turn = np.stack([np.cross(y, z), y, z])
    return (points @ turn + np.asarray(at, np.float32)).astype(np.float32), faces


def mirrored(mesh: Mesh, middle_x: float) -> Mesh:
    """The mesh on the other side of the plane x = middle_x, m."""
    points, faces = mesh
    other = points.copy()
    other[:, 0] = 2 * middle_x - other[:, 0]
    return other, np.ascontiguousarray(faces[:, ::-1])


def grained(mesh: Mesh, height_m: float, seed: int) -> tuple[Mesh, Floats]:
    """A mesh roughened point by point, as open foam is; with (N,) float32 shares of light in its pores.

    Args:
        mesh: finely divided.
        height_m: spread of the points along their normals.
        seed: of the grain.

    """
    points, faces = mesh
    rng = np.random.default_rng((seed, 0xF0A))
    lift = rng.normal(0.0, 1.0, len(points)).astype(np.float32)
    rough = points + vertex_normals(points, faces) * (lift * height_m)[:, None]
    return (rough.astype(np.float32), faces), np.clip(1.0 + 0.3 * lift, 0.35, 1.8).astype(np.float32)


def made(mesh: Mesh, colour: ArrayLike, material: Material, label: Label) -> Piece:
    """A mesh as a `Piece` of one material; `colour` is (3,) or (N, 3) linear RGB."""
    return solid(*mesh, np.asarray(colour, np.float32), material, label)


def _domed(
    path: Floats, side: Floats, up: Floats, sizes: Floats, round_m: float
) -> tuple[Floats, Floats, Floats, Floats]:
    angle = np.linspace(np.pi / 2, 0.0, 6)[1:-1]  # from the tip, where the profile has no size, to the first ring
    first, last = unit(path[0] - path[1]), unit(path[-1] - path[-2])
    lead, shrink = np.sin(angle)[:, None] * round_m, np.cos(angle)[:, None]
    # The very tip keeps a hair of size, so that the cap's fan has a ring to start from.
    shrink = np.concatenate([[[0.02]], shrink]).astype(np.float32)
    lead = np.concatenate([[[round_m]], lead]).astype(np.float32)
    count = len(lead)
    return (
        np.concatenate([path[:1] + first * lead, path, (path[-1:] + last * lead)[::-1]]),
        np.concatenate([np.repeat(side[:1], count, 0), side, np.repeat(side[-1:], count, 0)]),
        np.concatenate([np.repeat(up[:1], count, 0), up, np.repeat(up[-1:], count, 0)]),
        np.concatenate([sizes[:1] * shrink, sizes, (sizes[-1:] * shrink)[::-1]]),
    )
