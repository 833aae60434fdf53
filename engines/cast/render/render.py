"""The ray caster: the Warp kernel that shades pixels. Runs on the CPU or a CUDA device."""

# mypy: ignore-errors
# Kernels are Python in syntax only: Warp's own compiler types and checks them.
# ruff: noqa: UP018, RUF046 - a variable that changes in a loop must be declared by a call

from __future__ import annotations

import warp as wp

from mien.engines.cast.render.buffers import Camera, DetailMesh, SkinMesh
from mien.engines.cast.render.shading import (
    Eye,
    Lights,
    Paint,
    filmic,
    fractal,
    shade_eye,
    shade_fibre,
    shade_matte,
    shade_skin,
    smooth,
)

_FAR = 10.0


@wp.func
def texel(masks: wp.array2d(dtype=wp.vec3), uv: wp.vec2) -> wp.vec3:
    """Bilinear sample; v points up."""
    rows = masks.shape[0]
    columns = masks.shape[1]
    x = wp.clamp(uv[0] * float(columns) - 0.5, 0.0, float(columns) - 1.001)
    y = wp.clamp((1.0 - uv[1]) * float(rows) - 0.5, 0.0, float(rows) - 1.001)
    i = int(y)
    j = int(x)
    fx = x - float(j)
    fy = y - float(i)
    top = masks[i, j] * (1.0 - fx) + masks[i, j + 1] * fx
    bottom = masks[i + 1, j] * (1.0 - fx) + masks[i + 1, j + 1] * fx
    return top * (1.0 - fy) + bottom * fy


@wp.func
def skin_albedo(rest: wp.vec3, masks: wp.vec3, paint: wp.vec4, colours: Paint) -> wp.vec3:
    """Tone with mottling, blood, lips, lids, beard shadow and the scalp under the hair."""
    mottle = 1.0 + 0.07 * fractal(colours.seed, rest, 70.0) + 0.085 * fractal(colours.seed + 1, rest, 420.0)
    albedo = colours.skin * mottle
    # A few small pigment spots.
    spot = smooth(0.52, 0.75, wp.noise(wp.rand_init(colours.seed + 9), rest * 260.0))
    albedo = wp.cw_mul(albedo, wp.vec3(1.0, 1.0, 1.0) - wp.vec3(0.16, 0.24, 0.26) * spot)
    red = paint[0] * (1.0 + 0.35 * fractal(colours.seed + 2, rest, 120.0))
    albedo = wp.cw_mul(albedo, wp.vec3(1.0 + 0.1 * red, 1.0 - 0.26 * red, 1.0 - 0.24 * red))
    albedo = wp.cw_mul(albedo, wp.vec3(1.0, 1.0, 1.0) - wp.vec3(0.10, 0.16, 0.14) * masks[1])
    creases = 1.0 + 0.12 * wp.noise(
        wp.rand_init(colours.seed + 3), wp.vec3(rest[0] * 1600.0, rest[1] * 300.0, rest[2] * 300.0)
    )
    lips = smooth(0.15, 0.85, masks[0])
    albedo = albedo * (1.0 - lips) + colours.lips * (lips * creases)
    grain = 0.75 + 0.5 * wp.noise(wp.rand_init(colours.seed + 4), rest * 1500.0)
    beard = wp.clamp(paint[2] * grain, 0.0, 1.0) * (1.0 - lips)
    albedo = albedo * (1.0 - 0.55 * beard) + colours.stubble * (0.55 * beard)
    under = wp.clamp(paint[1], 0.0, 1.0)
    albedo = albedo * (1.0 - 0.93 * under) + colours.hair * (0.8 * under)
    return albedo * (1.0 - 0.85 * paint[3])


@wp.func
def shade_hit(
    skin: SkinMesh, face: int, a: float, b: float, to_eye: wp.vec3, colours: Paint, lights: Lights
) -> wp.vec3:
    """Colour of the deforming mesh at one barycentric point."""
    c = 1.0 - a - b
    i = wp.mesh_get_index(skin.mesh, face * 3 + 0)
    j = wp.mesh_get_index(skin.mesh, face * 3 + 1)
    k = wp.mesh_get_index(skin.mesh, face * 3 + 2)
    n = wp.normalize(skin.normals[i] * a + skin.normals[j] * b + skin.normals[k] * c)
    rest = skin.rest[i] * a + skin.rest[j] * b + skin.rest[k] * c
    lit = skin.lit[i] * a + skin.lit[j] * b + skin.lit[k] * c
    paint = skin.paint[i] * a + skin.paint[j] * b + skin.paint[k] * c
    collar = skin.collar[i] * a + skin.collar[j] * b + skin.collar[k] * c
    part = skin.part[face]
    if part == 1:
        return shade_skin(n, to_eye, wp.vec3(0.24, 0.05, 0.05), lit * 0.8, 0.5, lights)
    if part == 2:
        return shade_skin(n, to_eye, wp.vec3(0.36, 0.12, 0.11), lit, 0.9, lights)
    if part == 3:
        rim = colours.skin * 0.5 + wp.vec3(0.16, 0.07, 0.06)
        return shade_skin(n, to_eye, rim * (1.0 - 0.5 * paint[3]), lit, 1.6, lights)
    if collar > 0.0:
        weave = 1.0 + 0.10 * wp.noise(wp.rand_init(colours.seed + 5), rest * 900.0)
        weave = weave + 0.05 * fractal(colours.seed + 6, rest, 45.0)
        # The ribbed band of a crew neck, with the shadow of its seam.
        rib = 1.0 - 0.07 * (0.5 + 0.5 * wp.sin(wp.atan2(rest[0], rest[1]) * 260.0))
        band = 1.0 - smooth(0.0135, 0.0145, collar)
        seam = 1.0 - 0.4 * wp.exp(-(collar - 0.0145) * (collar - 0.0145) * 1.2e6)
        return shade_matte(n, colours.cloth * (weave * (1.0 - band + band * rib) * seam), lit, lights)
    masks = texel(
        skin.masks,
        skin.uv[skin.uv_index[face * 3]] * a
        + skin.uv[skin.uv_index[face * 3 + 1]] * b
        + skin.uv[skin.uv_index[face * 3 + 2]] * c,
    )
    albedo = skin_albedo(rest, masks, paint, colours)
    state = wp.rand_init(colours.seed + 8)
    fine = rest * 1100.0
    bump = wp.vec3(
        wp.noise(state, fine),
        wp.noise(state, fine + wp.vec3(9.0, 5.0, 2.0)),
        wp.noise(state, fine + wp.vec3(3.0, 7.0, 8.0)),
    )
    bumped = wp.normalize(n + bump * (0.085 * (1.0 - 0.6 * masks[0])))
    gloss = colours.gloss * (1.0 + 1.5 * masks[0] - 0.5 * paint[2]) * (1.0 - 0.95 * paint[1])
    shaded = shade_skin(bumped, to_eye, albedo, lit, gloss, lights)
    # Under the shirt's edge the skin lies in its shadow.
    return shaded * (1.0 - 0.45 * wp.exp(collar * 220.0))


@wp.func
def shade_detail(
    detail: DetailMesh, face: int, a: float, b: float, to_eye: wp.vec3, turn: wp.mat33, lights: Lights
) -> wp.vec3:
    """Colour of a hair or tooth; `turn` takes its stored directions to the world."""
    c = 1.0 - a - b
    i = wp.mesh_get_index(detail.mesh, face * 3 + 0)
    j = wp.mesh_get_index(detail.mesh, face * 3 + 1)
    k = wp.mesh_get_index(detail.mesh, face * 3 + 2)
    n = turn * wp.normalize(detail.normals[i] * a + detail.normals[j] * b + detail.normals[k] * c)
    albedo = detail.colours[i] * a + detail.colours[j] * b + detail.colours[k] * c
    lit = detail.lit[i] * a + detail.lit[j] * b + detail.lit[k] * c
    if detail.kind[face] == 1:
        return shade_skin(n, to_eye, albedo, lit, 1.3, lights)
    tangent = turn * wp.normalize(detail.tangents[i] * a + detail.tangents[j] * b + detail.tangents[k] * c)
    return shade_fibre(tangent, n, to_eye, albedo, lit, detail.shine, lights)


@wp.func
def meet_sphere(origin: wp.vec3, direction: wp.vec3, eye: Eye) -> float:
    """Distance along the ray to the ball, or a great one if it misses."""
    offset = origin - eye.centre
    b = wp.dot(offset, direction)
    disc = b * b - wp.dot(offset, offset) + eye.radius * eye.radius
    if disc < 0.0:
        return 1.0e6
    return -b - wp.sqrt(disc)


@wp.func
def eye_light(skin: wp.uint64, p: wp.vec3, n: wp.vec3, lights: Lights) -> wp.vec3:
    """How open the ball is to the dome and the key between its lids: (ambient, key, rim)."""
    open_sky = float(0.0)
    side = wp.normalize(wp.cross(n, wp.vec3(0.0, 0.0, 1.0)))
    up = wp.cross(side, n)
    for k in range(7):
        angle = float(k) * 0.8976
        tilt = 0.8
        if k == 6:
            tilt = 0.0
        d = wp.normalize(n + (side * wp.cos(angle) + up * wp.sin(angle)) * tilt)
        hit = wp.mesh_query_ray(skin, p + n * 0.0004, d, 0.012)
        reach = float(0.012)
        if hit.result:
            reach = hit.t
        open_sky = open_sky + reach / 0.012
    key = float(0.0)
    key_side = wp.normalize(wp.cross(lights.key, wp.vec3(0.0, 0.0, 1.0)))
    key_up = wp.cross(key_side, lights.key)
    for k in range(4):
        angle = float(k) * 1.5708 + 0.6
        d = wp.normalize(lights.key + (key_side * wp.cos(angle) + key_up * wp.sin(angle)) * 0.25)
        hit = wp.mesh_query_ray(skin, p + n * 0.0004, d, 0.2)
        if not hit.result:
            key = key + 0.25
    ambient = open_sky / 7.0
    return wp.vec3(ambient * ambient, key * ambient, 0.0)


@wp.func
def trace(
    origin: wp.vec3,
    ray: wp.vec3,
    skin: SkinMesh,
    live: DetailMesh,
    hair: DetailMesh,
    head: wp.mat33,
    shift: wp.vec3,
    left: Eye,
    right: Eye,
    paint: Paint,
    lights: Lights,
    behind: wp.vec3,
) -> wp.vec3:
    """Linear colour along one ray; the hair is still in head space, so the ray goes there."""
    identity = wp.mat33(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
    to_head = wp.transpose(head)
    best = float(_FAR)
    colour = behind
    on_skin = wp.mesh_query_ray(skin.mesh, origin, ray, best)
    if on_skin.result:
        best = on_skin.t
    eye_left = meet_sphere(origin, ray, left)
    eye_right = meet_sphere(origin, ray, right)
    eye_at = wp.min(eye_left, eye_right)
    in_eye = eye_at < best
    if in_eye:
        best = eye_at
    on_live = wp.mesh_query_ray(live.mesh, origin, ray, best)
    if on_live.result:
        best = on_live.t
    on_hair = wp.mesh_query_ray(hair.mesh, to_head * (origin - shift), to_head * ray, best)
    if on_hair.result:
        return shade_detail(hair, on_hair.face, on_hair.u, on_hair.v, -ray, head, lights)
    if on_live.result:
        return shade_detail(live, on_live.face, on_live.u, on_live.v, -ray, identity, lights)
    if in_eye:
        p = origin + ray * eye_at
        eye = left
        if eye_right < eye_left:
            eye = right
        n = wp.normalize(p - eye.centre)
        return shade_eye(eye, n, -ray, eye_light(skin.mesh, p, n, lights), paint, lights)
    if on_skin.result:
        colour = shade_hit(skin, on_skin.face, on_skin.u, on_skin.v, -ray, paint, lights)
    return colour


@wp.kernel
def draw(
    camera: Camera,
    skin: SkinMesh,
    live: DetailMesh,
    hair: DetailMesh,
    head: wp.mat33,
    shift: wp.vec3,
    left: Eye,
    right: Eye,
    paint: Paint,
    lights: Lights,
    backdrop: wp.array2d(dtype=wp.vec3),
    out: wp.array2d(dtype=wp.vec3),
) -> None:
    """One pixel: the mean of samples^2 rays on a grid, each tone mapped before it is averaged."""
    i, j = wp.tid()
    total = wp.vec3(0.0, 0.0, 0.0)
    first = wp.vec3(0.0, 0.0, 0.0)
    count = camera.samples
    done = int(0)
    flat = int(0)
    aspect = float(camera.width) / float(camera.height)
    for s in range(count * count):
        # Along the diagonal first: where its two ends agree, the pixel needs no more rays.
        k = s
        if count == 2:
            if s == 1:
                k = 3
            elif s > 1:
                k = s - 1
        if flat == 1:
            continue
        dx = (float(k % count) + 0.5) / float(count)
        dy = (float(k // count) + 0.5) / float(count)
        x = ((float(j) + dx) / float(camera.width) * 2.0 - 1.0) * aspect * camera.half
        y = (1.0 - (float(i) + dy) / float(camera.height) * 2.0) * camera.half
        ray = wp.normalize(camera.forward + camera.right * x + camera.up * y)
        colour = filmic(
            trace(camera.origin, ray, skin, live, hair, head, shift, left, right, paint, lights, backdrop[i, j])
        )
        total = total + colour
        done = done + 1
        if s == 0:
            first = colour
        if s == 1 and count == 2 and wp.length(colour - first) < 0.02:
            flat = 1
    out[i, j] = total / float(done)
