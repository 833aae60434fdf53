"""Questions to a mesh: how open each vertex is to light, and which point of a surface is nearest."""

# mypy: ignore-errors
# Kernels are Python in syntax only: Warp's own compiler types and checks them.
# ruff: noqa: UP018, SIM108 - a variable that changes in a loop must be declared by a call, and has one branch a line

from __future__ import annotations

import warp as wp


@wp.kernel
def bake(
    skin: wp.uint64,
    hair: wp.uint64,
    use_hair: int,
    head: wp.mat33,
    shift: wp.vec3,
    points: wp.array(dtype=wp.vec3),
    normals: wp.array(dtype=wp.vec3),
    directions: wp.array(dtype=wp.vec3),
    local: int,
    reach: float,
    lift: float,
    out: wp.array(dtype=float),
) -> None:
    """Share of directions that leave a vertex freely; `local` ones are relative to the normal (its z axis)."""
    v = wp.tid()
    n = normals[v]
    helper = wp.vec3(0.0, 0.0, 1.0)
    if wp.abs(n[2]) > 0.9:
        helper = wp.vec3(1.0, 0.0, 0.0)
    side = wp.normalize(wp.cross(helper, n))
    up = wp.cross(n, side)
    p = points[v] + n * lift
    to_head = wp.transpose(head)
    free = float(0.0)
    for k in range(directions.shape[0]):
        d = directions[k]
        if local == 1:
            d = side * d[0] + up * d[1] + n * d[2]
        else:
            # Keeps a grazing ray off its own facet; the shading's cosine already darkens that side.
            d = wp.normalize(d + n * wp.max(0.12 - wp.dot(n, d), 0.0))
        hit = wp.mesh_query_ray(skin, p, d, reach)
        open_way = float(1.0)
        if hit.result:
            open_way = 0.0
        elif use_hair == 1:
            strand = wp.mesh_query_ray(hair, to_head * (p - shift), to_head * d, reach)
            if strand.result:
                open_way = 0.35
        free = free + open_way
    out[v] = free / float(directions.shape[0])


@wp.kernel
def find_nearest(
    mesh: wp.uint64, points: wp.array(dtype=wp.vec3), face: wp.array(dtype=int), bary: wp.array(dtype=wp.vec3)
) -> None:
    """Face and barycentric weights of the nearest point of a mesh."""
    i = wp.tid()
    found = wp.mesh_query_point_no_sign(mesh, points[i], 1.0)
    face[i] = found.face
    bary[i] = wp.vec3(found.u, found.v, 1.0 - found.u - found.v)
