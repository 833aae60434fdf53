"""Which surface each sample sees: triangles drawn into a buffer of keys. Runs on the CPU or a CUDA device.

A key holds the nearness (its 32 float bits, which order as the numbers do) above the number of the triangle, so the
largest key is the nearest surface and the order of the triangles does not matter: the picture is the same each time.
"""

# mypy: ignore-errors
# Kernels are Python in syntax only: Warp's own compiler types and checks them.

from __future__ import annotations

import warp as wp

from mien.engines.cast.render.buffers import Camera, Eye, Lamp

wp.set_module_options({"enable_backward": False})

LENS = wp.constant(6)


@wp.kernel
def to_camera(points: wp.array(dtype=wp.vec3), camera: Camera, out: wp.array(dtype=wp.vec3)) -> None:
    """(x, y) in samples from the top left, and 1 / depth; 0 behind the camera."""
    i = wp.tid()
    d = points[i] - camera.origin
    z = wp.dot(d, camera.forward)
    if z < 0.05:
        out[i] = wp.vec3(0.0, 0.0, 0.0)
        return
    scale = 0.5 * float(camera.height * camera.samples) / (camera.half * z)
    x = 0.5 * float(camera.width * camera.samples) + wp.dot(d, camera.right) * scale
    y = 0.5 * float(camera.height * camera.samples) - wp.dot(d, camera.up) * scale
    out[i] = wp.vec3(x, y, 1.0 / z)


@wp.kernel
def to_lamp(points: wp.array(dtype=wp.vec3), lamp: Lamp, out: wp.array(dtype=wp.vec3)) -> None:
    """(x, y) in texels of the lamp's map, and its nearness."""
    i = wp.tid()
    d = points[i] - lamp.centre
    size = float(lamp.nearness.shape[0])
    x = (0.5 + 0.5 * wp.dot(d, lamp.right) / lamp.half) * size
    y = (0.5 - 0.5 * wp.dot(d, lamp.up) / lamp.half) * size
    out[i] = wp.vec3(x, y, wp.clamp(0.5 - 0.5 * wp.dot(d, lamp.forward) / lamp.half, 1.0e-4, 1.0))


@wp.func
def narrowed(span: wp.vec2, start: float, slope: float) -> wp.vec2:
    """The part of an interval in which start + slope * x is not negative; reversed where there is none."""
    if slope > 0.0:
        return wp.vec2(wp.max(span[0], -start / slope), span[1])
    if slope < 0.0:
        return wp.vec2(span[0], wp.min(span[1], -start / slope))
    if start < 0.0:
        return wp.vec2(1.0, -1.0)
    return span


@wp.kernel
def draw(
    screen: wp.array(dtype=wp.vec3),
    faces: wp.array(dtype=int),
    materials: wp.array(dtype=int),
    lenses: int,
    skip: int,
    first: int,
    cull: int,
    keys: wp.array2d(dtype=wp.uint64),
) -> None:
    """One triangle. skip: how many of the first are fibres', and left to `draw_fibre`.

    lenses: 1 draws only glass, 0 all but glass, -1 skin, which has no materials. cull: 1 leaves out what faces away.
    """
    t = skip + wp.tid()
    if lenses >= 0:
        glass = materials[t] == LENS
        if glass != (lenses == 1):
            return
    a = screen[faces[t * 3]]
    b = screen[faces[t * 3 + 1]]
    c = screen[faces[t * 3 + 2]]
    area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    # y points down on the screen, so what is counter-clockwise in space is clockwise here.
    if area == 0.0 or (cull == 1 and area > 0.0):
        return
    if wp.min(wp.min(a[2], b[2]), c[2]) <= 0.0:
        return
    x0 = wp.max(int(wp.ceil(wp.min(wp.min(a[0], b[0]), c[0]) - 0.5)), 0)
    x1 = wp.min(int(wp.floor(wp.max(wp.max(a[0], b[0]), c[0]) - 0.5)), keys.shape[1] - 1)
    y0 = wp.max(int(wp.ceil(wp.min(wp.min(a[1], b[1]), c[1]) - 0.5)), 0)
    y1 = wp.min(int(wp.floor(wp.max(wp.max(a[1], b[1]), c[1]) - 0.5)), keys.shape[0] - 1)
    inverse = 1.0 / area
    # Each weight is linear along a row, so where all three are positive is an interval: thin slanting hairs fill their
    # boxes so badly that testing every sample of a box took ten times as long.
    du = (b[1] - c[1]) * inverse
    dv = (c[1] - a[1]) * inverse
    for y in range(y0, y1 + 1):
        py = float(y) + 0.5
        u0 = (b[0] * (c[1] - py) - (b[1] - py) * c[0]) * inverse
        v0 = (c[0] * (a[1] - py) - (c[1] - py) * a[0]) * inverse
        span = narrowed(wp.vec2(float(x0) + 0.5, float(x1) + 0.5), u0, du)
        span = narrowed(span, v0, dv)
        span = narrowed(span, 1.0 - u0 - v0, -du - dv)
        for x in range(int(wp.ceil(span[0] - 0.5)), int(wp.floor(span[1] - 0.5)) + 1):
            px = float(x) + 0.5
            u = u0 + du * px
            v = v0 + dv * px
            near = a[2] * u + b[2] * v + c[2] * (1.0 - u - v)
            key = (wp.uint64(wp.cast(near, wp.uint32)) << wp.uint64(32)) | wp.uint64(first + t + 1)
            wp.atomic_max(keys, y, x, key)


@wp.kernel
def draw_fibre(
    screen: wp.array(dtype=wp.vec3),
    faces: wp.array(dtype=int),
    luck: wp.array(dtype=float),
    first: int,
    stride: int,
    keys: wp.array2d(dtype=wp.uint64),
) -> None:
    """One step of a ribbon, two triangles, as a line that knows its width; every `stride`-th step is drawn.

    Walking along the line's steeper axis asks for two sums a row; as triangles, hair took most of a picture's time.
    Where strands are thinner than a sample only the lucky ones are drawn, a whole sample wide: as many samples are
    covered, but by lines and not by specks. `luck` is 0..1, one number a strand.
    """
    q = wp.tid() * stride
    a = screen[faces[q * 6]]
    b = screen[faces[q * 6 + 1]]
    c = screen[faces[q * 6 + 2]]
    d = screen[faces[q * 6 + 4]]
    if wp.min(wp.min(a[2], b[2]), wp.min(c[2], d[2])) <= 0.0:
        return
    x0 = 0.5 * (a[0] + b[0])
    y0 = 0.5 * (a[1] + b[1])
    dx = 0.5 * (c[0] + d[0]) - x0
    dy = 0.5 * (c[1] + d[1]) - y0
    steep = wp.abs(dy) >= wp.abs(dx)
    # `m` runs along the line, `o` across it.
    m0 = x0
    dm = dx
    o0 = y0
    do = dy
    length = keys.shape[1]
    breadth = keys.shape[0]
    if steep:
        m0 = y0
        dm = dy
        o0 = x0
        do = dx
        length = keys.shape[0]
        breadth = keys.shape[1]
    widest = wp.max(wp.abs((b[0] - a[0]) * dy - (b[1] - a[1]) * dx), wp.abs((d[0] - c[0]) * dy - (d[1] - c[1]) * dx))
    if dm == 0.0 or luck[q] * wp.abs(dm) > widest:
        return
    low = wp.max(int(wp.ceil(wp.min(m0, m0 + dm) - 0.5)), 0)
    high = wp.min(int(wp.floor(wp.max(m0, m0 + dm) - 0.5)), length - 1)
    for m in range(low, high + 1):
        along = (float(m) + 0.5 - m0) / dm
        side = (b - a) * (1.0 - along) + (d - c) * along
        # How wide the slanting strip is in this row.
        signed = (side[0] * dy - side[1] * dx) / dm
        if wp.abs(signed) < 1.0:
            if luck[q] > wp.abs(signed):
                continue
            signed = wp.sign(signed)
        if not steep:
            signed = -signed
        from_o = o0 + do * along - 0.5 * signed
        near_left = a[2] + (c[2] - a[2]) * along
        near_right = b[2] + (d[2] - b[2]) * along
        half = 0.5 * wp.abs(signed)
        first_o = wp.max(int(wp.ceil(o0 + do * along - half - 0.5)), 0)
        last_o = wp.min(int(wp.floor(o0 + do * along + half - 0.5)), breadth - 1)
        for o in range(first_o, last_o + 1):
            across = wp.clamp((float(o) + 0.5 - from_o) / (signed + 1.0e-9), 0.0, 1.0)
            near = near_left + (near_right - near_left) * across
            face = first + q * 2
            if along + across >= 1.0:
                face = face + 1
            put(keys, m, o, steep, near, face)


@wp.func
def put(keys: wp.array2d(dtype=wp.uint64), m: int, o: int, steep: bool, near: float, face: int) -> None:
    """Offer a surface to the sample at row m and column o, or the other way round."""
    key = (wp.uint64(wp.cast(near, wp.uint32)) << wp.uint64(32)) | wp.uint64(face + 1)
    if steep:
        wp.atomic_max(keys, m, o, key)
    else:
        wp.atomic_max(keys, o, m, key)


@wp.kernel
def draw_eye(camera: Camera, eye: Eye, x0: int, y0: int, number: int, keys: wp.array2d(dtype=wp.uint64)) -> None:
    """One sample of an eyeball's square: the ball is exact, not a mesh."""
    i, j = wp.tid()
    y = y0 + i
    x = x0 + j
    if x < 0 or y < 0 or x >= keys.shape[1] or y >= keys.shape[0]:
        return
    ray = sample_ray(camera, float(x) + 0.5, float(y) + 0.5)
    t = meet_ball(camera.origin, ray, eye)
    if t > 0.0:
        z = t * wp.dot(ray, camera.forward)
        key = (wp.uint64(wp.cast(1.0 / z, wp.uint32)) << wp.uint64(32)) | wp.uint64(number + 1)
        wp.atomic_max(keys, y, x, key)


@wp.kernel
def to_nearness(keys: wp.array2d(dtype=wp.uint64), out: wp.array2d(dtype=float)) -> None:
    """The nearness of each key."""
    i, j = wp.tid()
    out[i, j] = wp.cast(wp.uint32(keys[i, j] >> wp.uint64(32)), wp.float32)


@wp.func
def sample_ray(camera: Camera, x: float, y: float) -> wp.vec3:
    """Unit direction through a place on the screen, in samples from the top left."""
    scale = 2.0 * camera.half / float(camera.height * camera.samples)
    sx = (x - 0.5 * float(camera.width * camera.samples)) * scale
    sy = (0.5 * float(camera.height * camera.samples) - y) * scale
    return wp.normalize(camera.forward + camera.right * sx + camera.up * sy)


@wp.func
def meet_ball(origin: wp.vec3, ray: wp.vec3, eye: Eye) -> float:
    """Distance along the ray to the eyeball; negative if it misses."""
    offset = origin - eye.centre
    b = wp.dot(offset, ray)
    inside = b * b - wp.dot(offset, offset) + eye.radius * eye.radius
    if inside < 0.0:
        return -1.0
    return -b - wp.sqrt(inside)
