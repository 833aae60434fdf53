"""From a body at rest to one frame: normals, and pieces that follow the skull or the skin."""

# mypy: ignore-errors
# Kernels are Python in syntax only: Warp's own compiler types and checks them.

from __future__ import annotations

import warp as wp

wp.set_module_options({"enable_backward": False})


@wp.kernel
def normals_of(
    points: wp.array(dtype=wp.vec3),
    faces: wp.array(dtype=int),
    starts: wp.array(dtype=int),
    around: wp.array(dtype=int),
    out: wp.array(dtype=wp.vec3),
) -> None:
    """Area-weighted normal of one vertex from the faces around it."""
    v = wp.tid()
    total = wp.vec3(0.0, 0.0, 0.0)
    for k in range(starts[v], starts[v + 1]):
        f = around[k]
        a = points[faces[f * 3]]
        total = total + wp.cross(points[faces[f * 3 + 1]] - a, points[faces[f * 3 + 2]] - a)
    out[v] = wp.normalize(total)


@wp.kernel
def with_head(
    rest: wp.array(dtype=wp.vec3),
    normals: wp.array(dtype=wp.vec3),
    tangents: wp.array(dtype=wp.vec3),
    follow: wp.array(dtype=float),
    turn: wp.mat33,
    shift: wp.vec3,
    sway: wp.vec3,
    first: int,
    out: wp.array(dtype=wp.vec3),
    out_normals: wp.array(dtype=wp.vec3),
    out_tangents: wp.array(dtype=wp.vec3),
) -> None:
    """A point that turns with the head by its share."""
    i = wp.tid()
    f = follow[i]
    out[first + i] = (turn * rest[i] + shift) * f + (rest[i] + sway) * (1.0 - f)
    out_normals[first + i] = (turn * normals[i]) * f + normals[i] * (1.0 - f)
    out_tangents[first + i] = (turn * tangents[i]) * f + tangents[i] * (1.0 - f)


@wp.func
def frame_of(a: wp.vec3, b: wp.vec3, c: wp.vec3) -> wp.mat33:
    """Columns: along the first edge, across it in the plane, and the normal."""
    e = wp.normalize(b - a)
    n = wp.normalize(wp.cross(b - a, c - a))
    f = wp.cross(n, e)
    return wp.mat33(e[0], f[0], n[0], e[1], f[1], n[1], e[2], f[2], n[2])


@wp.kernel
def into_frames(
    skin: wp.array(dtype=wp.vec3),
    corners: wp.array(dtype=int),
    bary: wp.array(dtype=wp.vec3),
    points: wp.array(dtype=wp.vec3),
    normals: wp.array(dtype=wp.vec3),
    tangents: wp.array(dtype=wp.vec3),
) -> None:
    """Rewrites a piece's points and directions in the frames of their triangles at rest."""
    i = wp.tid()
    a = skin[corners[i * 3]]
    b = skin[corners[i * 3 + 1]]
    c = skin[corners[i * 3 + 2]]
    back = wp.transpose(frame_of(a, b, c))
    w = bary[i]
    points[i] = back * (points[i] - (a * w[0] + b * w[1] + c * w[2]))
    normals[i] = back * normals[i]
    tangents[i] = back * tangents[i]


@wp.kernel
def with_skin(
    skin: wp.array(dtype=wp.vec3),
    corners: wp.array(dtype=int),
    bary: wp.array(dtype=wp.vec3),
    points: wp.array(dtype=wp.vec3),
    normals: wp.array(dtype=wp.vec3),
    tangents: wp.array(dtype=wp.vec3),
    first: int,
    out: wp.array(dtype=wp.vec3),
    out_normals: wp.array(dtype=wp.vec3),
    out_tangents: wp.array(dtype=wp.vec3),
) -> None:
    """A point that follows its triangle of the skin."""
    i = wp.tid()
    a = skin[corners[i * 3]]
    b = skin[corners[i * 3 + 1]]
    c = skin[corners[i * 3 + 2]]
    frame = frame_of(a, b, c)
    w = bary[i]
    out[first + i] = a * w[0] + b * w[1] + c * w[2] + frame * points[i]
    out_normals[first + i] = frame * normals[i]
    out_tangents[first + i] = frame * tangents[i]
