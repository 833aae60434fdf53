"""What the ray caster is given: a camera and the meshes of one frame, as Warp structures."""

# mypy: ignore-errors
# Kernels are Python in syntax only: Warp's own compiler types and checks them.

from __future__ import annotations

import warp as wp


@wp.struct
class Camera:
    """A pinhole camera; `half` is the tangent of half its vertical view."""

    origin: wp.vec3
    forward: wp.vec3
    right: wp.vec3
    up: wp.vec3
    half: float
    width: int
    height: int
    samples: int


@wp.struct
class SkinMesh:
    """The deforming mesh of one frame, and what never changes about it.

    paint is (redness, scalp, stubble, lash line), each 0..1; collar is the signed distance below the shirt's edge, m;
    masks is (lips, eyelids, -) in texture space; part is the kind of each face.
    """

    mesh: wp.uint64
    normals: wp.array(dtype=wp.vec3)
    rest: wp.array(dtype=wp.vec3)
    lit: wp.array(dtype=wp.vec3)
    paint: wp.array(dtype=wp.vec4)
    collar: wp.array(dtype=float)
    uv: wp.array(dtype=wp.vec2)
    uv_index: wp.array(dtype=int)
    part: wp.array(dtype=int)
    masks: wp.array2d(dtype=wp.vec3)


@wp.struct
class DetailMesh:
    """Hairs, lashes, brows and teeth; kind is 0 for a hair and 1 for a tooth or gum."""

    mesh: wp.uint64
    normals: wp.array(dtype=wp.vec3)
    tangents: wp.array(dtype=wp.vec3)
    colours: wp.array(dtype=wp.vec3)
    lit: wp.array(dtype=wp.vec3)
    kind: wp.array(dtype=int)
    shine: float
