"""Warp kernels that give each texel of living skin its colour, relief and shine."""

# mypy: ignore-errors
# Kernels are Python in syntax only: Warp's own compiler types and checks them.

from __future__ import annotations

import warp as wp

from mien.engines.cast.skin.cloth import collar
from mien.engines.cast.skin.kernels import noise, smooth
from mien.engines.cast.skin.tint import Tint, absorb, corner_blend, mixed

wp.set_module_options({"enable_backward": False})

#: So far under a shirt nobody sees the skin.
_HIDDEN_M = wp.constant(0.004)


@wp.func
def lip_relief(volume: wp.array(dtype=wp.vec4), plain: wp.vec2, shift: wp.vec3) -> float:
    """Height of the lips' creases, mean about 0: they run across the lips, along u."""
    wave = noise(volume, wp.vec3(plain[1] * 26.0, plain[0] * 5.0, 0.3) + shift)
    cells = noise(volume, wp.vec3(plain[1] * 62.0, plain[0] * 15.0, 0.7) + shift)
    return 0.45 * wave[1] * 0.5 + 1.1 * (smooth(0.0, 0.35, cells[3]) - 0.62)


@wp.kernel
def colour(
    face: wp.array2d(dtype=wp.int32),
    bary: wp.array2d(dtype=wp.vec2),
    at: wp.array2d(dtype=wp.vec3),
    corners: wp.array(dtype=wp.int32),
    body_corners: wp.array(dtype=wp.int32),
    first: wp.array(dtype=wp.vec4),
    second: wp.array(dtype=wp.vec4),
    scalp: wp.array(dtype=wp.float32),
    masks: wp.array2d(dtype=wp.vec3),
    layers: wp.array3d(dtype=wp.float32),
    volume: wp.array(dtype=wp.vec4),
    tint: Tint,
    albedo: wp.array2d(dtype=wp.vec3),
    pores: wp.array2d(dtype=wp.vec4),
) -> None:
    """Colour of living skin: dyes of melanin, blood and bile, spots, lips, make-up, beard shadow, scalp.

    The noise of the pores is left in `pores`, where `texture` finds it.
    """
    y, x = wp.tid()
    which = face[y, x]
    if which < 0:
        return
    p = at[y, x]
    if collar(p, tint.collar_style, tint.collar_drop) > _HIDDEN_M:
        return
    w = bary[y, x]
    zone = corner_blend(first, corners, which, w)
    ways = corner_blend(second, corners, which, w)
    q = tint.turn * p
    broad = noise(volume, q * 5.5 + tint.shift)
    fine = noise(volume, q * 34.0 + tint.shift)
    cells = noise(volume, q * 78.0 + tint.shift)
    pores[y, x] = cells
    dark = 1.0 + tint.melanin
    melanin = 0.06 * broad[0] * dark + 0.045 * fine[0] * dark + 0.035 * fine[1] + 0.03 * cells[1]
    melanin = melanin + 1.5 * layers[0, y, x] + 0.22 * zone[2] * dark + 0.20 * zone[1] * tint.melanin
    blood = zone[0] * (0.20 + 0.75 * tint.redness) * (1.0 + 0.14 * broad[1] + 0.16 * fine[0] + 0.10 * cells[1])
    blood = blood + 0.3 * masks[y, x][2] + 0.035 * broad[1] + 0.045 * fine[1] + 0.22 * zone[2] + layers[2, y, x]
    blood = blood - 0.10 * zone[1]
    # Between pores skin is a little paler.
    pore = wp.exp(-cells[2] * cells[2] * 9.0) * ways[0]
    # Optical depths add up, so one exponential takes them all.
    depth = wp.vec3(0.34, 0.62, 0.95) * (melanin + 0.13 * pore)
    depth = depth + wp.vec3(0.10, 0.62, 0.52) * (blood * (1.0 - 0.45 * tint.melanin))
    depth = depth + wp.vec3(0.0, 0.03, 0.22) * (0.45 * zone[1] * (1.0 - 0.6 * tint.melanin))
    depth = depth + wp.vec3(0.42, 0.20, 0.06) * ((layers[6, y, x] + 0.22 * zone[2]) * (1.0 - 0.8 * tint.melanin))
    # Grooves lie in their own shadow.
    depth = depth + wp.vec3(0.5, 0.8, 0.9) * wp.min(layers[3, y, x] * 400.0, 0.36)
    if tint.blush > 0.0:
        apple = smooth(0.12, 0.62, zone[0]) * smooth(0.8, 1.4, wp.abs(p[0]) / tint.mouth[0])
        apple = apple * (1.0 - wp.min(ways[3], 1.0)) * (1.0 - masks[y, x][2])
        depth = depth + wp.vec3(0.0, 0.75, 0.55) * (0.5 * tint.blush * apple)
    c = absorb(tint.skin, depth, 1.0)
    mole = layers[1, y, x]
    c = mixed(c, wp.cw_mul(tint.skin, wp.vec3(0.34, 0.22, 0.17)), mole)
    grown = zone[3] * tint.stubble
    if grown > 0.01:
        dots = noise(volume, q * 104.0 + tint.shift)
        hairs = wp.exp(-dots[2] * dots[2] * 13.0)
        c = mixed(c, tint.beard, wp.clamp(grown * (0.34 + 0.10 * broad[0] + 0.75 * hairs), 0.0, 0.85))
    crown = scalp[body_corners[which * 3 + 2]]
    crown = crown + (scalp[body_corners[which * 3]] - crown) * w[0]
    crown = crown + (scalp[body_corners[which * 3 + 1]] - scalp[body_corners[which * 3 + 2]]) * w[1]
    if crown > 0.0:
        dots = noise(volume, q * 88.0 + tint.shift)
        hairs = wp.exp(-dots[2] * dots[2] * 10.0)
        cover = wp.clamp(crown * tint.scalp * (0.62 + 0.6 * hairs + 0.12 * broad[0]), 0.0, 0.96)
        c = mixed(c, tint.hair, cover)
    albedo[y, x] = wp.vec3(wp.clamp(c[0], 0.004, 0.93), wp.clamp(c[1], 0.003, 0.93), wp.clamp(c[2], 0.003, 0.93))


@wp.kernel
def lips_and_lids(
    face: wp.array2d(dtype=wp.int32),
    at: wp.array2d(dtype=wp.vec3),
    plain: wp.array2d(dtype=wp.vec2),
    masks: wp.array2d(dtype=wp.vec3),
    layers: wp.array3d(dtype=wp.float32),
    volume: wp.array(dtype=wp.vec4),
    tint: Tint,
    albedo: wp.array2d(dtype=wp.vec3),
) -> None:
    """Lips with their soft border, lipstick, eyeshadow and eyeliner over the painted skin."""
    y, x = wp.tid()
    if face[y, x] < 0:
        return
    m = masks[y, x]
    line = layers[5, y, x]
    if m[0] < 0.01 and m[1] < 0.004 and line < 0.004:
        return
    c = albedo[y, x]
    p = at[y, x]
    if m[0] >= 0.01:
        uv = plain[y, x]
        bumps = lip_relief(volume, uv, tint.shift)
        ragged = noise(volume, p * 60.0 + tint.shift)
        share = smooth(0.18, 0.80, m[0] + 0.06 * ragged[1])
        flesh = tint.lips * (1.0 + 0.10 * bumps + 0.05 * ragged[0])
        # Lips pale towards their border, where the mask is half.
        rim = smooth(0.95, 0.5, m[0])
        flesh = mixed(flesh, tint.skin, 0.25 * rim)
        c = mixed(c, flesh, 0.92 * share)
        stick = smooth(0.42, 0.62, m[0] + 0.03 * ragged[1]) * tint.lipstick_strength
        c = mixed(c, tint.lipstick * (1.0 + 0.07 * bumps), 0.88 * stick)
    if tint.eyeshadow > 0.0:
        dust = noise(volume, p * 90.0 + tint.shift)
        # Only above the lid's edge: in these coordinates up is towards smaller u.
        upper = smooth(0.842, 0.8375, plain[y, x][0])
        c = mixed(
            c, tint.lid, wp.clamp(smooth(0.02, 0.5, m[1]) * upper * tint.eyeshadow * (0.62 + 0.06 * dust[1]), 0.0, 0.9)
        )
    liner = wp.clamp(line * tint.eyeliner, 0.0, 1.0)
    c = mixed(c, wp.vec3(0.012, 0.010, 0.010), 0.95 * liner)
    # The roots of the lashes darken the edge of every lid.
    c = mixed(c, wp.cw_mul(c, wp.vec3(0.42, 0.30, 0.30)), tint.lid_edge * wp.min(line, 1.0) * (1.0 - liner))
    albedo[y, x] = c


@wp.kernel
def texture(
    face: wp.array2d(dtype=wp.int32),
    bary: wp.array2d(dtype=wp.vec2),
    at: wp.array2d(dtype=wp.vec3),
    plain: wp.array2d(dtype=wp.vec2),
    corners: wp.array(dtype=wp.int32),
    first: wp.array(dtype=wp.vec4),
    second: wp.array(dtype=wp.vec4),
    masks: wp.array2d(dtype=wp.vec3),
    layers: wp.array3d(dtype=wp.float32),
    volume: wp.array(dtype=wp.vec4),
    tint: Tint,
    height: wp.array2d(dtype=wp.float32),
    surface: wp.array2d(dtype=wp.vec4),
    rough: wp.array2d(dtype=wp.float32),
) -> None:
    """Height of pores, lines and grooves, m, and how the skin shines."""
    y, x = wp.tid()
    which = face[y, x]
    if which < 0:
        return
    p = at[y, x]
    if collar(p, tint.collar_style, tint.collar_drop) > _HIDDEN_M:
        return
    w = bary[y, x]
    zone = corner_blend(first, corners, which, w)
    ways = corner_blend(second, corners, which, w)
    q = tint.turn * p
    cells = surface[y, x]
    wide = noise(volume, q * 40.0 + tint.shift)
    pore = wp.exp(-cells[2] * cells[2] * 9.0)
    mesh = smooth(0.0, 0.30, cells[3])
    lips = smooth(0.25, 0.75, masks[y, x][0])
    calm = 1.0 - 0.75 * wp.min(ways[3], 1.0)
    h = -0.000075 * pore * (0.14 + ways[0]) + 0.000018 * mesh * (1.0 + 0.7 * tint.age) + 0.000005 * cells[1]
    h = (h + 0.000016 * (1.0 + 0.8 * tint.age) * wide[1]) * calm
    # With age the skin between the lines turns into crepe.
    h = h + 0.000085 * tint.age * tint.age * (smooth(0.0, 0.35, wide[3]) - 0.6) * calm
    if lips > 0.0:
        h = h * (1.0 - lips) + lips * 0.00013 * (1.0 + tint.age) * lip_relief(volume, plain[y, x], tint.shift)
    h = h - layers[3, y, x] + 0.00022 * layers[1, y, x] + 0.00008 * wp.min(layers[2, y, x], 1.0)
    height[y, x] = h
    beard = zone[3] * tint.stubble
    gloss = (0.82 + 0.25 * ways[1] + 0.15 * wide[0] - 0.35 * pore * ways[0]) * (1.0 - 0.35 * beard)
    gloss = gloss * (1.0 - lips) + lips * (1.8 + 0.5 * tint.lipstick_strength)
    gloss = gloss * (1.0 - 0.5 * tint.eyeshadow * masks[y, x][1])
    surface[y, x] = wp.vec4(0.0, 0.0, 0.0, wp.clamp(gloss, 0.0, 3.0))
    dull = 0.56 - 0.06 * ways[1] - 0.03 * wide[0] + 0.05 * tint.age + 0.06 * beard - 0.03 * tint.melanin
    rough[y, x] = wp.clamp(dull * (1.0 - lips) + lips * (0.40 - 0.06 * tint.lipstick_strength), 0.15, 0.9)
