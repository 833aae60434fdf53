"""A person's arrays as the ray caster wants them."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import warp as wp
from numpy.typing import NDArray

from mien.engines.cast.body.anatomy import Body
from mien.engines.cast.camera.light import Rig, direction
from mien.engines.cast.parts.strands import Ribbons
from mien.engines.cast.recipe import Recipe
from mien.engines.cast.render.buffers import DetailMesh
from mien.engines.cast.render.shading import Lights, Paint
from mien.engines.cast.skin.skin import hair_tone, lip_tone, skin_tone

Floats = NDArray[np.float32]
#: A Warp array, mesh or structure: none carries types that a checker can follow.
Handle: TypeAlias = Any


def light_input(rig: Rig) -> Handle:
    """Lamps as `shading.Lights`."""
    lights = Lights()
    for name in ("key", "fill", "rim"):
        setattr(lights, name, wp.vec3(*direction(*getattr(rig, name)).tolist()))
        setattr(lights, f"{name}_colour", wp.vec3(*getattr(rig, f"{name}_colour")))
    lights.sky, lights.ground = wp.vec3(*rig.sky), wp.vec3(*rig.ground)
    return lights


def paint_input(recipe: Recipe) -> Handle:
    """Colours as `shading.Paint`."""
    look, paint = recipe.look, Paint()
    paint.skin, paint.lips = wp.vec3(*skin_tone(look).tolist()), wp.vec3(*lip_tone(look).tolist())
    paint.hair, paint.stubble = wp.vec3(*hair_tone(look).tolist()), wp.vec3(*(skin_tone(look) * 0.3 + 0.02).tolist())
    paint.cloth, paint.iris = wp.vec3(*look.cloth_rgb), wp.vec3(*look.iris_rgb)
    paint.gloss = 1.0 + 0.5 * look.melanin
    paint.seed = recipe.seed % 100_000
    return paint


def skin_arrays(body: Body, paint: Floats, collar: Floats, masks: Floats) -> dict[str, Handle]:
    """What of `buffers.SkinMesh` is the same in each frame."""
    return {
        "rest": vec3(body.rest), "paint": wp.array(paint, dtype=wp.vec4), "collar": wp.array(collar, dtype=float),
        "uv": wp.array(body.uv, dtype=wp.vec2), "uv_index": wp.array(body.uv_faces.ravel(), dtype=int),
        "part": wp.array(body.parts, dtype=int), "masks": wp.array(masks, dtype=wp.vec3),
    }  # fmt: skip


def detail_input(mesh: Ribbons, tree: Handle, lit: Floats, shine: float) -> Handle:
    """A `buffers.DetailMesh`; `tree` must outlive it. lit is (N, 3): ambient, key, rim, each 0..1."""
    detail = DetailMesh()
    detail.mesh = tree.id
    detail.normals, detail.tangents = vec3(mesh.normals), vec3(mesh.tangents)
    detail.colours, detail.lit = vec3(mesh.colours), vec3(lit)
    detail.kind, detail.shine = wp.array(mesh.kind, dtype=int), shine
    return detail


def tree(points: Floats, faces: NDArray[np.int32]) -> Handle:
    """A mesh with its bounding-volume tree."""
    return wp.Mesh(points=vec3(points), indices=wp.array(faces.ravel(), dtype=int))


def vec3(values: Floats) -> Handle:
    """(N, 3) float32 as an array of Warp vectors."""
    return wp.array(np.ascontiguousarray(values, dtype=np.float32), dtype=wp.vec3)


def mat33(values: Floats) -> Handle:
    """A (3, 3) matrix."""
    return wp.mat33(*values.ravel().tolist())
