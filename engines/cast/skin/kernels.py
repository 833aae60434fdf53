"""Warp kernels that paint the texels of one person's atlas."""

# mypy: ignore-errors
# Kernels are Python in syntax only: Warp's own compiler types and checks them.

from __future__ import annotations

import warp as wp

wp.set_module_options({"enable_backward": False})

#: Voxels along an edge of the noise volume, and the mask that wraps an index.
_SIDE = wp.constant(64.0)
_WRAP = wp.constant(63)
_NEAR_M = wp.constant(0.02)


@wp.func
def smooth(low: float, high: float, x: float) -> float:
    """Hermite step from 0 at `low` to 1 at `high`."""
    t = wp.clamp((x - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


@wp.func
def noise(volume: wp.array(dtype=wp.vec4), p: wp.vec3) -> wp.vec4:
    """Trilinear sample of the repeating volume, laid out flat; one unit of `p` is one period."""
    x = p[0] * _SIDE
    y = p[1] * _SIDE
    z = p[2] * _SIDE
    fx = wp.floor(x)
    fy = wp.floor(y)
    fz = wp.floor(z)
    i0 = (int(fx) & _WRAP) << 12
    j0 = (int(fy) & _WRAP) << 6
    k0 = int(fz) & _WRAP
    i1 = (i0 + 4096) & 258048
    j1 = (j0 + 64) & 4032
    k1 = (k0 + 1) & _WRAP
    tx = x - fx
    ty = y - fy
    tz = z - fz
    near = 1.0 - tz
    a = volume[i0 + j0 + k0] * near + volume[i0 + j0 + k1] * tz
    b = volume[i0 + j1 + k0] * near + volume[i0 + j1 + k1] * tz
    c = volume[i1 + j0 + k0] * near + volume[i1 + j0 + k1] * tz
    d = volume[i1 + j1 + k0] * near + volume[i1 + j1 + k1] * tz
    return (a * (1.0 - ty) + b * ty) * (1.0 - tx) + (c * (1.0 - ty) + d * ty) * tx


@wp.kernel
def survey(
    face: wp.array2d(dtype=wp.int32),
    bary: wp.array2d(dtype=wp.vec2),
    corners: wp.array(dtype=wp.int32),
    points: wp.array(dtype=wp.vec3),
    at: wp.array2d(dtype=wp.vec3),
) -> None:
    """Where each texel lies on the body at rest, m."""
    y, x = wp.tid()
    which = face[y, x]
    if which >= 0:
        w = bary[y, x]
        a = points[corners[which * 3]]
        b = points[corners[which * 3 + 1]]
        c = points[corners[which * 3 + 2]]
        at[y, x] = c + (a - c) * w[0] + (b - c) * w[1]


@wp.kernel
def stamp(
    ends: wp.array(dtype=wp.vec4),
    shape: wp.array(dtype=wp.vec4),
    layer: wp.array2d(dtype=wp.int32),
    at: wp.array2d(dtype=wp.vec3),
    face: wp.array2d(dtype=wp.int32),
    zone: wp.array2d(dtype=wp.uint8),
    volume: wp.array(dtype=wp.vec4),
    layers: wp.array3d(dtype=wp.float32),
) -> None:
    """Draws one mark into its layer: the strongest of those that meet at a texel stays."""
    n = wp.tid()
    rows = at.shape[0]
    size = float(rows)
    x0 = wp.clamp(int(ends[n][0] * size), 1, rows - 2)
    y0 = wp.clamp(int(ends[n][1] * size), 1, rows - 2)
    x1 = wp.clamp(int(ends[n][2] * size), 1, rows - 2)
    y1 = wp.clamp(int(ends[n][3] * size), 1, rows - 2)
    if face[y0, x0] < 0 or face[y1, x1] < 0:
        return
    fx0 = ends[n][0] * size - 0.5
    fy0 = ends[n][1] * size - 0.5
    fx1 = ends[n][2] * size - 0.5
    fy1 = ends[n][3] * size - 0.5
    step_x = at[y0, x0 + 1] - at[y0, x0]
    step_y = at[y0 + 1, x0] - at[y0, x0]
    last_x = at[y1, x1 + 1] - at[y1, x1]
    last_y = at[y1 + 1, x1] - at[y1, x1]
    # Between texels the surface is taken as flat.
    start = at[y0, x0] + step_x * (fx0 - float(x0)) + step_y * (fy0 - float(y0))
    stop = at[y1, x1] + last_x * (fx1 - float(x1)) + last_y * (fy1 - float(y1))
    along = stop - start
    length = wp.length(along)
    if length > 0.03:
        return
    half = shape[n][0]
    soft = shape[n][3]
    pitch = wp.max(wp.min(wp.length(step_x), wp.length(step_y)), 1.0e-5)
    reach = wp.min(int(half * 2.4 / pitch) + 2, rows / 16)
    for y in range(wp.max(wp.min(y0, y1) - reach, 0), wp.min(wp.max(y0, y1) + reach + 1, rows)):
        for x in range(wp.max(wp.min(x0, x1) - reach, 0), wp.min(wp.max(x0, x1) + reach + 1, rows)):
            if face[y, x] >= 0 and (layer[n, 1] == 0 or int(zone[y, x]) == layer[n, 1]):
                offset = at[y, x] - start
                t = wp.clamp(wp.dot(offset, along) / wp.max(length * length, 1.0e-12), 0.0, 1.0)
                d = wp.length(offset - along * t) / half
                if d < 2.4:
                    power = shape[n][1] * (1.0 - t) + shape[n][2] * t
                    profile = wp.exp(-d * d)
                    if soft < 0.5:
                        ragged = noise(volume, at[y, x] * (0.09 / half))
                        profile = 1.0 - smooth(0.6, 1.2, d * (1.0 + 0.16 * ragged[1] + 0.1 * ragged[0]))
                    if profile > 0.004:
                        wp.atomic_max(layers, layer[n, 0], y, x, power * profile)


@wp.kernel
def relief(
    at: wp.array2d(dtype=wp.vec3),
    face: wp.array2d(dtype=wp.int32),
    height: wp.array2d(dtype=wp.float32),
    scale: float,
    steepest: float,
    out: wp.array2d(dtype=wp.vec4),
) -> None:
    """Gradient of a height over the surface from its neighbours in the atlas; w is left as it is."""
    y, x = wp.tid()
    if face[y, x] < 0:
        return
    last = at.shape[0] - 1
    xa = wp.max(x - 1, 0)
    xb = wp.min(x + 1, last)
    ya = wp.max(y - 1, 0)
    yb = wp.min(y + 1, last)
    if face[y, xa] < 0:
        xa = x
    if face[y, xb] < 0:
        xb = x
    if face[ya, x] < 0:
        ya = y
    if face[yb, x] < 0:
        yb = y
    du = at[y, xb] - at[y, xa]
    dv = at[yb, x] - at[ya, x]
    hu = (height[y, xb] - height[y, xa]) * scale
    hv = (height[yb, x] - height[ya, x]) * scale
    # Where the atlas is this coarse a slope would be noise.
    if wp.length(du) > _NEAR_M or wp.length(dv) > _NEAR_M:
        return
    e = wp.dot(du, du)
    f = wp.dot(du, dv)
    g = wp.dot(dv, dv)
    det = e * g - f * f
    if det < 1.0e-3 * e * g or e * g <= 0.0:
        return
    slope = du * ((g * hu - f * hv) / det) + dv * ((e * hv - f * hu) / det)
    steep = wp.length(slope)
    if steep > steepest:
        slope = slope * (steepest / steep)
    out[y, x] = wp.vec4(slope[0], slope[1], slope[2], out[y, x][3])
