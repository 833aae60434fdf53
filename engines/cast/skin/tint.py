"""What the painting kernels share: one person's colours, and how colours mix."""

# mypy: ignore-errors
# Kernels are Python in syntax only: Warp's own compiler types and checks them.

from __future__ import annotations

import warp as wp

wp.set_module_options({"enable_backward": False})


@wp.struct
class Tint:
    """One person's numbers; colours are linear RGB."""

    skin: wp.vec3
    lips: wp.vec3
    hair: wp.vec3
    beard: wp.vec3
    lid: wp.vec3
    lipstick: wp.vec3
    cloth: wp.vec3
    shift: wp.vec3
    turn: wp.mat33
    melanin: float
    redness: float
    age: float
    stubble: float
    scalp: float
    eyeshadow: float
    lipstick_strength: float
    eyeliner: float
    blush: float
    lid_edge: float
    collar_style: int
    collar_drop: float
    frame: wp.vec3
    mouth: wp.vec3


@wp.func
def absorb(colour: wp.vec3, by: wp.vec3, amount: float) -> wp.vec3:
    """Beer and Lambert: what a dye of optical depth `by` leaves of a colour."""
    return wp.vec3(
        colour[0] * wp.exp(-by[0] * amount), colour[1] * wp.exp(-by[1] * amount), colour[2] * wp.exp(-by[2] * amount)
    )


@wp.func
def mixed(a: wp.vec3, b: wp.vec3, share: float) -> wp.vec3:
    """From `a` at 0 to `b` at 1."""
    return a + (b - a) * share


@wp.func
def corner_blend(fields: wp.array(dtype=wp.vec4), corners: wp.array(dtype=wp.int32), which: int, w: wp.vec2) -> wp.vec4:
    """A field of the corners of a face, in between."""
    c = fields[corners[which * 3 + 2]]
    return c + (fields[corners[which * 3]] - c) * w[0] + (fields[corners[which * 3 + 1]] - c) * w[1]
