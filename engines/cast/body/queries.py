"""A question to a mesh: which point of a surface is nearest."""

# mypy: ignore-errors
# Kernels are Python in syntax only: Warp's own compiler types and checks them.

from __future__ import annotations

import warp as wp


@wp.kernel
def find_nearest(
    mesh: wp.uint64, points: wp.array(dtype=wp.vec3), face: wp.array(dtype=int), bary: wp.array(dtype=wp.vec3)
) -> None:
    """Face and barycentric weights of the nearest point of a mesh."""
    i = wp.tid()
    found = wp.mesh_query_point_no_sign(mesh, points[i], 1.0)
    face[i] = found.face
    bary[i] = wp.vec3(found.u, found.v, 1.0 - found.u - found.v)
