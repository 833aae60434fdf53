"""Warp kernels of the two plainly artificial skins: glazed porcelain mended with gold, and a polymer android."""

# mypy: ignore-errors
# Kernels are Python in syntax only: Warp's own compiler types and checks them.

from __future__ import annotations

import warp as wp

from mien.engines.cast.skin.kernels import noise, smooth
from mien.engines.cast.skin.tint import Tint, absorb, corner_blend, mixed

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
    volume: wp.array(dtype=wp.vec4),
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
    c = mixed(wp.vec3(0.76, 0.745, 0.71), tint.skin, 0.12) * (1.0 + 0.012 * broad[0])
    rouge = smooth(0.12, 0.85, zone[0]) * (0.8 + 0.10 * brush[0]) * (1.0 - smooth(0.3, 0.6, m[2]))
    c = absorb(c, wp.vec3(0.04, 0.62, 0.46), rouge * (0.7 + 0.5 * tint.redness))
    web = 1.0 - smooth(0.012, 0.045, crackle[3])
    c = absorb(c, wp.vec3(0.30, 0.40, 0.52), web * (0.50 + 0.15 * broad[1]))
    lips = smooth(0.46, 0.56, m[0] + 0.015 * brush[0])
    c = mixed(c, tint.lipstick * (1.0 + 0.06 * brush[1]), 0.94 * lips)
    upper = smooth(0.842, 0.8375, plain[y, x][0])
    c = mixed(c, tint.lid, 0.55 * smooth(0.05, 0.6, m[1]) * upper * (0.4 + 0.6 * tint.eyeshadow))
    c = mixed(c, wp.vec3(0.015, 0.012, 0.016), 0.96 * smooth(0.35, 0.6, layers[5, y, x]))
    gold = smooth(0.28, 0.42, layers[3, y, x])
    c = mixed(c, wp.vec3(0.78, 0.50, 0.14) * (1.0 + 0.08 * brush[1]), gold)
    albedo[y, x] = c
    height[y, x] = 0.00030 * layers[3, y, x] - 0.000020 * web + 0.00002 * broad[0]
    gloss = 1.5 - 0.3 * web + 2.6 * gold
    surface[y, x] = wp.vec4(0.0, 0.0, 0.0, gloss)
    rough[y, x] = 0.20 + 0.02 * broad[1] + 0.10 * gold
    scatter[y, x] = 0.3 * (1.0 - gold)


@wp.func
def plate(p: wp.vec3, frame: wp.vec3) -> float:
    """Metres outside the edge of an android's face plate (negative inside), about; its outline is a rounded shield."""
    x = wp.abs(p[0]) / (0.90 * frame[0])
    z = (p[2] - 0.5 * (frame[1] + frame[2])) / (0.5 * (frame[2] - frame[1]))
    # Narrower towards the chin.
    x = x * (1.0 + 0.22 * smooth(-0.1, -1.0, z))
    round_ = wp.pow(wp.pow(x, 2.6) + wp.pow(wp.abs(z), 2.6), 1.0 / 2.6)
    behind = 0.9 * (p[1] - 0.085)
    return wp.max((round_ - 1.0) * frame[0], behind)


@wp.func
def band(x: float, half: float) -> float:
    """1 within `half` of 0, with an edge of half a millimetre."""
    return 1.0 - smooth(half - 0.00025, half + 0.00025, wp.abs(x))


@wp.kernel
def android(
    face: wp.array2d(dtype=wp.int32),
    at: wp.array2d(dtype=wp.vec3),
    masks: wp.array2d(dtype=wp.vec3),
    layers: wp.array3d(dtype=wp.float32),
    volume: wp.array(dtype=wp.vec4),
    tint: Tint,
    albedo: wp.array2d(dtype=wp.vec3),
    height: wp.array2d(dtype=wp.float32),
    surface: wp.array2d(dtype=wp.vec4),
    rough: wp.array2d(dtype=wp.float32),
    scatter: wp.array2d(dtype=wp.float32),
) -> None:
    """Matte polymer: a pale face plate in a dark shell, gaps between panels, strips of light, a ribbed neck.

    All edges are cuts of smooth surfaces through the head, so they are smooth on every face.
    """
    y, x = wp.tid()
    if face[y, x] < 0:
        return
    p = at[y, x]
    m = masks[y, x]
    frame = tint.frame
    grain = noise(volume, p * 70.0 + tint.shift)
    bright = mixed(wp.vec3(0.62, 0.63, 0.64), wp.vec3(0.090, 0.096, 0.108), smooth(0.1, 0.9, tint.melanin))
    bright = mixed(bright, tint.skin, 0.18)
    shell = mixed(bright * 0.22, wp.vec3(0.030, 0.033, 0.038), 0.6)
    edge = plate(p, frame)
    side = wp.abs(p[0])
    outside = smooth(-0.0003, 0.0003, edge)
    c = mixed(bright, shell, outside)
    gap = band(edge, 0.0007)
    # From under the corners of the mouth to the chin, as a puppet's jaw is cut.
    below = tint.mouth[2] - 0.006 - p[2]
    jaw = side - tint.mouth[0] * 1.02 + 0.10 * below
    gap = wp.max(gap, band(jaw, 0.0006) * smooth(0.0, 0.0008, below) * (1.0 - outside))
    # From the plate's edge along the cheek bone towards the nose.
    bone = p[2] - 0.36 * frame[1] - 0.20 * (side - 0.5 * frame[0]) * (1.0 + 6.0 * side)
    gap = wp.max(gap, band(bone, 0.0006) * smooth(0.60, 0.61, side / frame[0]) * (1.0 - outside))
    ring = wp.length(wp.vec2(p[0], p[2] - 0.62 * frame[2]))
    lamp = band(ring - 0.0058, 0.0007) + band(ring, 0.0013)
    if p[1] > 0.05:
        lamp = 0.0
    strip = band(edge + 0.0055, 0.0010) * smooth(0.22, 0.225, p[2] / frame[1]) * smooth(0.66, 0.655, p[2] / frame[1])
    lamp = wp.clamp(lamp + strip * (1.0 - outside) * smooth(0.0, 0.001, 0.075 - p[1]), 0.0, 1.0)
    lips = smooth(0.45, 0.58, m[0])
    c = mixed(c, mixed(bright * 0.42, tint.lipstick, 0.12 + 0.4 * tint.lipstick_strength), lips)
    c = mixed(c, wp.vec3(0.010, 0.011, 0.013), gap)
    c = mixed(c, wp.vec3(0.02, 0.02, 0.022), smooth(0.3, 0.6, layers[5, y, x]))
    c = mixed(c, wp.vec3(0.06, 0.90, 0.93), lamp)
    neck = smooth(0.004, 0.010, frame[1] - 0.012 - p[2] + 0.35 * (p[1] - 0.02)) * outside
    ribs = wp.sin((p[2] - 0.25 * p[1]) * 700.0)
    c = c * (1.0 - 0.35 * neck * smooth(0.1, -0.9, ribs))
    albedo[y, x] = c * (1.0 + 0.012 * grain[1])
    height[y, x] = 0.0004 * neck * ribs - 0.0006 * gap - 0.0002 * lamp - 0.0007 * outside + 0.000004 * grain[1]
    surface[y, x] = wp.vec4(0.0, 0.0, 0.0, (1.0 + 0.5 * lips) * (1.0 - 0.9 * gap))
    rough[y, x] = 0.46 - 0.12 * lips - 0.08 * outside + 0.02 * grain[0]
    scatter[y, x] = 0.05


@wp.kernel
def roots(
    face: wp.array2d(dtype=wp.int32),
    bary: wp.array2d(dtype=wp.vec2),
    corners: wp.array(dtype=wp.int32),
    scalp: wp.array(dtype=wp.float32),
    tint: Tint,
    albedo: wp.array2d(dtype=wp.vec3),
) -> None:
    """A wig's cap in the hair's colour, so that no glaze or polymer gleams through its parting."""
    y, x = wp.tid()
    which = face[y, x]
    if which < 0:
        return
    w = bary[y, x]
    last = scalp[corners[which * 3 + 2]]
    cover = last + (scalp[corners[which * 3]] - last) * w[0] + (scalp[corners[which * 3 + 1]] - last) * w[1]
    albedo[y, x] = mixed(albedo[y, x], tint.hair, 0.92 * wp.clamp(cover, 0.0, 1.0))
