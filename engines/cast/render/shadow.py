"""How much of a lamp reaches a point: soft shadows out of a lamp's map of nearness.

Percentage-closer soft shadows (Fernando, "Percentage-closer soft shadows", SIGGRAPH 2005 sketches): what blocks is
looked for first, and its distance says how wide the penumbra is.
"""

# mypy: ignore-errors
# Kernels are Python in syntax only: Warp's own compiler types and checks them.
# ruff: noqa: UP018 - a variable that changes in a loop must be declared by a call

from __future__ import annotations

import warp as wp

from mien.engines.cast.render.buffers import Lamp

#: How far a blocker may stand from what it shades and still be looked for at the lamp's full width, m.
_SEARCH_REACH_M = wp.constant(0.06)


@wp.func
def shadow_texel(map: wp.array2d(dtype=float), x: float, y: float, nearness: float) -> float:
    """1 where nothing is nearer to the lamp than `nearness`: four texels compared, then mixed."""
    size = map.shape[0]
    cx = wp.clamp(x - 0.5, 0.0, float(size) - 1.001)
    cy = wp.clamp(y - 0.5, 0.0, float(size) - 1.001)
    i = int(cy)
    j = int(cx)
    fx = cx - float(j)
    fy = cy - float(i)
    top = lit_at(map, i, j, nearness) * (1.0 - fx) + lit_at(map, i, j + 1, nearness) * fx
    bottom = lit_at(map, i + 1, j, nearness) * (1.0 - fx) + lit_at(map, i + 1, j + 1, nearness) * fx
    return top * (1.0 - fy) + bottom * fy


@wp.func
def lit_at(map: wp.array2d(dtype=float), i: int, j: int, nearness: float) -> float:
    """1 where texel (i, j) does not block."""
    if map[i, j] > nearness:
        return 0.0
    return 1.0


@wp.func
def visibility(lamp: Lamp, p: wp.vec3, n: wp.vec3, bias: float) -> float:
    """Share of a lamp that point `p` sees, 0..1; `bias` is how near a blocker is still the surface itself, m."""
    if lamp.nearness.shape[0] == 1:
        return 1.0  # a lamp that throws no shadows
    # A step along the normal keeps a surface from shading itself where light grazes it.
    q = p + n * bias - lamp.centre
    size = float(lamp.nearness.shape[0])
    texels = size / (2.0 * lamp.half)
    x = 0.5 * size + wp.dot(q, lamp.right) * texels
    y = 0.5 * size - wp.dot(q, lamp.up) * texels
    if x < 0.0 or y < 0.0 or x > size or y > size:
        return 1.0
    here = 0.5 - 0.5 * wp.dot(q, lamp.forward) / lamp.half + 0.5 * bias / lamp.half
    reach = lamp.spread * _SEARCH_REACH_M * texels
    blocker = float(0.0)
    blocked = float(0.0)
    for k in range(lamp.search.shape[0]):
        tap = lamp.search[k] * reach
        tx = wp.clamp(int(x + tap[0]), 0, lamp.nearness.shape[0] - 1)
        ty = wp.clamp(int(y + tap[1]), 0, lamp.nearness.shape[0] - 1)
        found = lamp.nearness[ty, tx]
        if found > here:
            blocker = blocker + found
            blocked = blocked + 1.0
    if blocked == 0.0:
        return 1.0
    distance = (blocker / blocked - here) * 2.0 * lamp.half
    width = wp.clamp(lamp.spread * distance * texels, 0.7, 2.0 * reach)
    total = float(0.0)
    for k in range(lamp.taps.shape[0]):
        tap = lamp.taps[k] * width
        total = total + shadow_texel(lamp.nearness, x + tap[0], y + tap[1], here)
    return total / float(lamp.taps.shape[0])


@wp.func
def hair_visibility(lamp: Lamp, p: wp.vec3, n: wp.vec3, bias: float) -> float:
    """The same for hair, coarser: four places half a strand's width apart, no search for what blocks."""
    if lamp.nearness.shape[0] == 1:
        return 1.0
    q = p + n * bias - lamp.centre
    size = float(lamp.nearness.shape[0])
    texels = size / (2.0 * lamp.half)
    x = 0.5 * size + wp.dot(q, lamp.right) * texels
    y = 0.5 * size - wp.dot(q, lamp.up) * texels
    if x < 0.0 or y < 0.0 or x > size or y > size:
        return 1.0
    here = 0.5 - 0.5 * wp.dot(q, lamp.forward) / lamp.half + 0.5 * bias / lamp.half
    total = float(0.0)
    for k in range(4):
        total = total + shadow_texel(lamp.nearness, x + 3.0 * float(k % 2) - 1.5, y + 3.0 * float(k // 2) - 1.5, here)
    return total * 0.25
