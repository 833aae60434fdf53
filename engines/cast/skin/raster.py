"""Warp kernels that lay triangles into a texture."""

# mypy: ignore-errors
# Kernels are Python in syntax only: Warp's own compiler types and checks them.
# ruff: noqa: UP018, RUF046 - a variable that changes in a loop must be declared by a call

from __future__ import annotations

import warp as wp

wp.set_module_options({"enable_backward": False})


@wp.func
def weights(corners: wp.array(dtype=wp.vec2), face: int, p: wp.vec2) -> wp.vec3:
    """Barycentric weights of a point in a face of the texture; outside the face some are negative."""
    a = corners[face * 3]
    b = corners[face * 3 + 1]
    c = corners[face * 3 + 2]
    area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    if wp.abs(area) < 1.0e-14:
        return wp.vec3(-1.0e6, -1.0e6, -1.0e6)
    first = ((b[0] - p[0]) * (c[1] - p[1]) - (b[1] - p[1]) * (c[0] - p[0])) / area
    second = ((c[0] - p[0]) * (a[1] - p[1]) - (c[1] - p[1]) * (a[0] - p[0])) / area
    return wp.vec3(first, second, 1.0 - first - second)


@wp.kernel
def fill(shown: wp.array(dtype=wp.int32), corners: wp.array(dtype=wp.vec2), face: wp.array2d(dtype=wp.int32)) -> None:
    """One triangle: claims the texels whose centres it holds; where two touch, the later face wins everywhere."""
    which = shown[wp.tid()]
    size = float(face.shape[0])
    a = corners[which * 3] * size
    b = corners[which * 3 + 1] * size
    c = corners[which * 3 + 2] * size
    low_x = wp.max(int(wp.floor(wp.min(a[0], wp.min(b[0], c[0])) - 0.5)), 0)
    low_y = wp.max(int(wp.floor(wp.min(a[1], wp.min(b[1], c[1])) - 0.5)), 0)
    high_x = wp.min(int(wp.ceil(wp.max(a[0], wp.max(b[0], c[0])))), face.shape[1] - 1)
    high_y = wp.min(int(wp.ceil(wp.max(a[1], wp.max(b[1], c[1])))), face.shape[0] - 1)
    for y in range(low_y, high_y + 1):
        for x in range(low_x, high_x + 1):
            w = weights(corners, which, wp.vec2((float(x) + 0.5) / size, (float(y) + 0.5) / size))
            if wp.min(w[0], wp.min(w[1], w[2])) >= -1.0e-4:
                wp.atomic_max(face, y, x, which)


@wp.kernel
def grow(
    face: wp.array2d(dtype=wp.int32),
    corners: wp.array(dtype=wp.vec2),
    reach: int,
    grown: wp.array2d(dtype=wp.int32),
    bary: wp.array2d(dtype=wp.vec2),
) -> None:
    """One texel: its face, or the nearest within `reach`, carried on past its edge; and the weights there."""
    y, x = wp.tid()
    which = int(face[y, x])
    if which < 0:
        nearest = int(1000000)
        for dy in range(-reach, reach + 1):
            for dx in range(-reach, reach + 1):
                i = wp.clamp(y + dy, 0, face.shape[0] - 1)
                j = wp.clamp(x + dx, 0, face.shape[1] - 1)
                if face[i, j] >= 0 and dy * dy + dx * dx < nearest:
                    nearest = dy * dy + dx * dx
                    which = face[i, j]
    grown[y, x] = which
    if which >= 0:
        size = float(face.shape[0])
        w = weights(corners, which, wp.vec2((float(x) + 0.5) / size, (float(y) + 0.5) / size))
        bary[y, x] = wp.vec2(w[0], w[1])
