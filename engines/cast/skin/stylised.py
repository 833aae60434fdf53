"""Warp kernels of the two plainly artificial skins: glazed porcelain mended with gold, and a polymer android."""

# mypy: ignore-errors
# Kernels are Python in syntax only: Warp's own compiler types and checks them.

from __future__ import annotations

import warp as wp

from mien.engines.cast.skin.kernels import noise, smooth
from mien.engines.cast.skin.paint import Tint, absorb, corner_blend, mixed

wp.set_module_options({"enable_backward": False})


@wp.kernel
def porcelain(
    face: wp.array2d(dtype=wp.int32),
    bary: wp.array2d(dtype=wp.vec2),
    at: wp.array2d(dtype=wp.vec3),
    plain: wp.array2d(dtype=wp.vec2),
    corners: wp.array(dtype=wp.int32),
    first: wp.array(dtype=wp.vec4),
    masks: wp.array2d(dtype=wp.vec3),
    layers: wp.array3d(dtype=wp.float32),
    volume: wp.array3d(dtype=wp.vec4),
    tint: Tint,
    albedo: wp.array2d(dtype=wp.vec3),
    height: wp.array2d(dtype=wp.float32),
    surface: wp.array2d(dtype=wp.vec4),
    rough: wp.array2d(dtype=wp.float32),
    scatter: wp.array2d(dtype=wp.float32),
) -> None:
    """White glaze, painted cheeks, lips and lids, a web of fine crackle, and seams of gold where it once broke."""
    y, x = wp.tid()
    which = face[y, x]
    if which < 0:
        return
    p = at[y, x]
    q = tint.turn * p
    m = masks[y, x]
    zone = corner_blend(first, corners, which, bary[y, x])
    broad = noise(volume, q * 4.0 + tint.shift)
    brush = noise(volume, q * 30.0 + tint.shift)
    crackle = noise(volume, (q + wp.vec3(broad[1], broad[0], -broad[1]) * 0.0012) * 7.0 + tint.shift)
    c = mixed(wp.vec3(0.80, 0.785, 0.755), tint.skin, 0.12) * (1.0 + 0.012 * broad[0])
    rouge = smooth(0.12, 0.85, zone[0]) * (0.8 + 0.10 * brush[0]) * (1.0 - smooth(0.3, 0.6, m[2]))
    c = absorb(c, wp.vec3(0.04, 0.62, 0.46), rouge * (0.7 + 0.5 * tint.redness))
    web = 1.0 - smooth(0.006, 0.028, crackle[3])
    c = absorb(c, wp.vec3(0.30, 0.40, 0.52), web * (0.50 + 0.15 * broad[1]))
    lips = smooth(0.46, 0.56, m[0] + 0.015 * brush[0])
    c = mixed(c, tint.lipstick * (1.0 + 0.06 * brush[1]), 0.94 * lips)
    upper = smooth(0.842, 0.8375, plain[y, x][0])
    c = mixed(c, tint.lid, 0.55 * smooth(0.05, 0.6, m[1]) * upper * (0.4 + 0.6 * tint.eyeshadow))
    c = mixed(c, wp.vec3(0.015, 0.012, 0.016), 0.96 * smooth(0.35, 0.6, layers[5, y, x]))
    gold = smooth(0.28, 0.42, layers[3, y, x])
    c = mixed(c, wp.vec3(0.78, 0.50, 0.14) * (1.0 + 0.08 * brush[1]), gold)
    albedo[y, x] = c
    height[y, x] = 0.00030 * layers[3, y, x] - 0.000020 * web + 0.00005 * broad[0]
    gloss = 1.5 - 0.3 * web + 2.6 * gold
    surface[y, x] = wp.vec4(0.0, 0.0, 0.0, gloss)
    rough[y, x] = 0.20 + 0.02 * broad[1] + 0.10 * gold
    scatter[y, x] = 0.3 * (1.0 - gold)


@wp.kernel
def android(
    face: wp.array2d(dtype=wp.int32),
    at: wp.array2d(dtype=wp.vec3),
    masks: wp.array2d(dtype=wp.vec3),
    layers: wp.array3d(dtype=wp.float32),
    volume: wp.array3d(dtype=wp.vec4),
    tint: Tint,
    albedo: wp.array2d(dtype=wp.vec3),
    height: wp.array2d(dtype=wp.float32),
    surface: wp.array2d(dtype=wp.vec4),
    rough: wp.array2d(dtype=wp.float32),
    scatter: wp.array2d(dtype=wp.float32),
) -> None:
    """Matte polymer in panels: dark gaps between them, a few strips of light, lips and ears of another batch."""
    y, x = wp.tid()
    if face[y, x] < 0:
        return
    p = at[y, x]
    m = masks[y, x]
    grain = noise(volume, p * 70.0 + tint.shift)
    c = mixed(wp.vec3(0.60, 0.61, 0.63), wp.vec3(0.050, 0.054, 0.062), smooth(0.1, 0.9, tint.melanin))
    c = mixed(c, tint.skin, 0.15) * (1.0 + 0.012 * grain[1])
    lips = smooth(0.45, 0.58, m[0])
    other = mixed(c * 0.55, tint.lipstick, 0.35 * tint.lipstick_strength)
    c = mixed(c, other, lips)
    c = mixed(c, c * 0.5, smooth(0.45, 0.6, m[2]))
    gap = smooth(0.30, 0.55, layers[3, y, x])
    c = mixed(c, wp.vec3(0.010, 0.011, 0.013), gap)
    c = mixed(c, wp.vec3(0.02, 0.02, 0.022), smooth(0.3, 0.6, layers[5, y, x]))
    light = smooth(0.35, 0.60, layers[6, y, x])
    c = mixed(c, wp.vec3(0.10, 0.93, 0.93), light)
    albedo[y, x] = c
    height[y, x] = -0.00055 * layers[3, y, x] - 0.00015 * layers[6, y, x] + 0.000004 * grain[1]
    surface[y, x] = wp.vec4(0.0, 0.0, 0.0, (1.0 + 0.5 * lips) * (1.0 - 0.9 * gap))
    rough[y, x] = 0.46 - 0.12 * lips + 0.02 * grain[0]
    scatter[y, x] = 0.05
