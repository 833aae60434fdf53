"""The Warp kernel that lays a shirt over the skin."""

# mypy: ignore-errors
# Kernels are Python in syntax only: Warp's own compiler types and checks them.
# ruff: noqa: UP018 - a variable that changes later must be declared by a call

from __future__ import annotations

import warp as wp

from mien.engines.cast.skin.kernels import noise, smooth
from mien.engines.cast.skin.tint import Tint, mixed

wp.set_module_options({"enable_backward": False})


@wp.func
def collar(at: wp.vec3, style: int, drop: float) -> float:
    """Metres below the edge of the shirt; negative on bare skin. `at` is measured from between the eyes.

    A shirt hangs lower by `drop` metres on those whose chin would otherwise lie in it.
    """
    p = at + wp.vec3(0.0, 0.0, drop)
    if p[2] > -0.085:
        return -1.0
    # A ring on a plane through the pit of the throat and the base of the nape. Outside the ring's radius the shirt
    # lies on the shoulders, whatever their height.
    edge = -0.176 + 0.45 * (p[1] - 0.045)
    ring = float(0.088)
    if style == 2:
        edge = edge + 0.030
        ring = 0.076
    plane = edge - p[2]
    y = 0.9 * (p[1] - 0.075)
    outside = wp.sqrt(p[0] * p[0] + y * y) - ring
    if p[2] > -0.125:
        outside = -0.1
    # A smooth union, so that the band keeps its width where the two meet.
    below = wp.max(plane, outside) + 0.012 * wp.log(1.0 + wp.exp(-wp.abs(plane - outside) / 0.012))
    if style == 1:
        cut = vee(p)[0]
        below = wp.min(below, cut) - 0.010 * wp.log(1.0 + wp.exp(-wp.abs(below - cut) / 0.010))
    return below


@wp.func
def vee(p: wp.vec3) -> wp.vec2:
    """Metres outside the two lines of a vee on the chest, its point rounded; and metres along them."""
    side = wp.sqrt(p[0] * p[0] + 1.6e-5)
    across = 0.66 * (-0.250 - p[2]) + 0.75 * side
    return wp.vec2(across + 0.8 * wp.max(p[1] - 0.055, 0.0), 0.66 * side + 0.75 * p[2])


@wp.kernel
def dress(
    at: wp.array2d(dtype=wp.vec3),
    face: wp.array2d(dtype=wp.int32),
    volume: wp.array(dtype=wp.vec4),
    tint: Tint,
    albedo: wp.array2d(dtype=wp.vec3),
    height: wp.array2d(dtype=wp.float32),
    surface: wp.array2d(dtype=wp.vec4),
    rough: wp.array2d(dtype=wp.float32),
    scatter: wp.array2d(dtype=wp.float32),
    labels: wp.array2d(dtype=wp.uint8),
) -> None:
    """Cloth wherever the shirt covers, and its shadow on the skin beside it."""
    y, x = wp.tid()
    if face[y, x] < 0:
        return
    p = at[y, x]
    below = collar(p, tint.collar_style, tint.collar_drop)
    if below < -0.02:
        return
    last = at.shape[0] - 1
    pitch = wp.length(at[wp.min(y + 1, last), x] - at[wp.max(y - 1, 0), x]) * 0.5
    pitch = wp.clamp(wp.max(pitch, wp.length(at[y, wp.min(x + 1, last)] - at[y, wp.max(x - 1, 0)]) * 0.5), 0.0, 0.003)
    bare = albedo[y, x] * (1.0 - 0.5 * wp.exp(wp.min(below, 0.0) * 260.0))
    if below <= -pitch:
        albedo[y, x] = bare
        return
    broad = noise(volume, p * 4.0 + tint.shift)
    fine = noise(volume, p * 28.0 + tint.shift)
    # Knit: columns of stitches around the body, rows down it; finer than the texels it fades.
    around = wp.atan2(p[0], 0.1 - p[1]) * 0.15
    knit = wp.sin(around * 2400.0 + 1.6 * wp.sin(p[2] * 1900.0)) * wp.sin(p[2] * 1900.0 * 0.5)
    knit = knit * smooth(0.0011, 0.0006, pitch)
    band_m = float(0.0165)
    if tint.collar_style == 2:
        band_m = 0.042
    band = 1.0 - smooth(band_m - 0.0005, band_m + 0.0005, below)
    ribs = wp.sin(wp.atan2(p[0], 0.075 - p[1]) * 130.0)
    if tint.collar_style == 1:
        cut = vee(p)
        if cut[0] < below + 0.004:
            ribs = wp.sin(cut[1] * 1900.0)
    off = (below - band_m) / wp.max(0.0011, 0.9 * pitch)
    seam = wp.exp(-off * off)
    off = (below - band_m - 0.004) / 0.0007
    stitch = wp.exp(-off * off) * smooth(-0.4, 0.4, wp.sin((p[0] + p[1] - p[2]) * 2600.0)) * 0.6
    hem = wp.exp(-below * below / 6.0e-6)
    shade = 1.0 + 0.035 * broad[0] + 0.045 * fine[1] + 0.05 * knit * (1.0 - band) + 0.07 * ribs * band
    shade = shade * (1.0 - 0.42 * seam) * (1.0 - 0.25 * stitch)
    # The edge passes through its texels, so that it has no steps.
    worn = tint.cloth * wp.clamp(shade, 0.3, 1.4)
    albedo[y, x] = mixed(bare, worn, smooth(-pitch, pitch, below))
    if below < 0.0:
        return
    folds = 0.0007 * broad[0] * (1.0 - band)
    height[y, x] = folds + 0.00006 * fine[1] + 0.00012 * knit * (1.0 - band) + 0.00022 * ribs * band
    height[y, x] = height[y, x] + 0.0012 * band - 0.0009 * seam - 0.0003 * stitch - 0.0012 * hem
    surface[y, x] = wp.vec4(0.0, 0.0, 0.0, 0.0)
    rough[y, x] = 0.88
    scatter[y, x] = 0.0
    labels[y, x] = wp.uint8(15)
