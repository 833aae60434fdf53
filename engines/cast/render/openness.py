"""How open each point is to the light of the room: rays on the body itself, and maps of the hair from many sides."""

# mypy: ignore-errors
# Kernels are Python in syntax only: Warp's own compiler types and checks them.
# ruff: noqa: UP018 - a variable that changes in a loop must be declared by a call

from __future__ import annotations

import warp as wp

from mien.engines.cast.render.buffers import Lamp
from mien.engines.cast.render.shadow import shadow_texel

wp.set_module_options({"enable_backward": False})


@wp.kernel
def open_sky(
    mesh: wp.uint64,
    points: wp.array(dtype=wp.vec3),
    normals: wp.array(dtype=wp.vec3),
    directions: wp.array(dtype=wp.vec3),
    reach: float,
    lift: float,
    out: wp.array(dtype=float),
) -> None:
    """Share of the directions, given around +z, that leave a vertex freely around its normal."""
    v = wp.tid()
    n = normals[v]
    helper = wp.vec3(0.0, 0.0, 1.0)
    if wp.abs(n[2]) > 0.9:
        helper = wp.vec3(1.0, 0.0, 0.0)
    side = wp.normalize(wp.cross(helper, n))
    up = wp.cross(n, side)
    p = points[v] + n * lift
    free = float(0.0)
    for k in range(directions.shape[0]):
        d = directions[k]
        hit = wp.mesh_query_ray(mesh, p, side * d[0] + up * d[1] + n * d[2], reach)
        if not hit.result:
            free = free + 1.0
    out[v] = free / float(directions.shape[0])


@wp.kernel
def add_sky(
    lamp: Lamp,
    points: wp.array(dtype=wp.vec3),
    normals: wp.array(dtype=wp.vec3),
    lift: float,
    free: wp.array(dtype=float),
    total: wp.array(dtype=float),
) -> None:
    """Adds what one direction of the sky gives to each vertex, weighted by its cosine."""
    v = wp.tid()
    n = normals[v]
    cosine = wp.max(-wp.dot(n, lamp.forward), 0.0)
    if cosine > 0.0:
        q = points[v] + n * lift - lamp.centre
        size = float(lamp.nearness.shape[0])
        x = (0.5 + 0.5 * wp.dot(q, lamp.right) / lamp.half) * size
        y = (0.5 - 0.5 * wp.dot(q, lamp.up) / lamp.half) * size
        here = 0.5 - 0.5 * wp.dot(q, lamp.forward) / lamp.half + 0.5 * lift / lamp.half
        free[v] = free[v] + cosine * shadow_texel(lamp.nearness, x, y, here)
        total[v] = total[v] + cosine
