"""From the buffer of keys to a picture and its passes: each pixel shades what its samples see."""

# mypy: ignore-errors
# Kernels are Python in syntax only: Warp's own compiler types and checks them.
# ruff: noqa: UP018, RUF046 - a variable that changes in a loop must be declared by a call

from __future__ import annotations

import warp as wp

from mien.engines.cast.render.buffers import Camera, DetailMesh, Eye, Lamp, Lights, SkinMesh
from mien.engines.cast.render.raster import meet_ball, sample_ray
from mien.engines.cast.render.shading import (
    filmic,
    glossy,
    power5,
    shade_eye,
    shade_fibre,
    shade_hard,
    shade_matte,
    shade_skin,
    smooth,
)
from mien.engines.cast.render.shadow import hair_visibility, visibility

wp.set_module_options({"enable_backward": False})

#: Samples of a pixel that see the skin within this depth of each other share one shading, m.
_SHARED_DEPTH_M = wp.constant(0.004)
_SKIN_BIAS_M = wp.constant(0.0012)
_HAIR_BIAS_M = wp.constant(0.0035)


@wp.struct
class Hit:
    """What one ray meets: colour, normal in the world, depth, label."""

    colour: wp.vec3
    normal: wp.vec3
    label: int


@wp.func
def on_triangle(origin: wp.vec3, ray: wp.vec3, a: wp.vec3, b: wp.vec3, c: wp.vec3) -> wp.vec3:
    """Barycentric weights of the corners where a ray meets their plane, kept inside the triangle."""
    e = b - a
    f = c - a
    p = wp.cross(ray, f)
    det = wp.dot(e, p)
    if wp.abs(det) < 1.0e-14:
        return wp.vec3(1.0, 0.0, 0.0)
    s = (origin - a) / det
    v = wp.clamp(wp.dot(s, p), 0.0, 1.0)
    w = wp.clamp(wp.dot(ray, wp.cross(s, e)), 0.0, 1.0 - v)
    return wp.vec3(1.0 - v - w, v, w)


@wp.func
def mixed3(values: wp.array(dtype=wp.vec3), i: int, j: int, k: int, w: wp.vec3) -> wp.vec3:
    """A vertex attribute between three corners."""
    return values[i] * w[0] + values[j] * w[1] + values[k] * w[2]


@wp.func
def mixed1(values: wp.array(dtype=float), i: int, j: int, k: int, w: wp.vec3) -> float:
    """A vertex attribute between three corners."""
    return values[i] * w[0] + values[j] * w[1] + values[k] * w[2]


@wp.func
def texel3(map: wp.array2d(dtype=wp.vec3), i: int, j: int, fx: float, fy: float) -> wp.vec3:
    """Bilinear sample of three channels."""
    top = map[i, j] * (1.0 - fx) + map[i, j + 1] * fx
    return top * (1.0 - fy) + (map[i + 1, j] * (1.0 - fx) + map[i + 1, j + 1] * fx) * fy


@wp.func
def texel4(map: wp.array2d(dtype=wp.vec4), i: int, j: int, fx: float, fy: float) -> wp.vec4:
    """Bilinear sample of four channels."""
    top = map[i, j] * (1.0 - fx) + map[i, j + 1] * fx
    return top * (1.0 - fy) + (map[i + 1, j] * (1.0 - fx) + map[i + 1, j + 1] * fx) * fy


@wp.func
def see_skin(skin: SkinMesh, face: int, origin: wp.vec3, ray: wp.vec3, key: Lamp, rim: Lamp, lights: Lights) -> Hit:
    """Shade the body where a ray meets one of its faces."""
    hit = Hit()
    i = skin.faces[face * 3]
    j = skin.faces[face * 3 + 1]
    k = skin.faces[face * 3 + 2]
    w = on_triangle(origin, ray, skin.points[i], skin.points[j], skin.points[k])
    p = mixed3(skin.points, i, j, k, w)
    n = wp.normalize(mixed3(skin.normals, i, j, k, w))
    openness = mixed1(skin.openness, i, j, k, w)
    shadow = wp.vec2(visibility(key, p, n, _SKIN_BIAS_M), visibility(rim, p, n, _SKIN_BIAS_M))
    hit.normal = n
    part = skin.part[face]
    if part > 0:
        flat = wp.vec3(skin.part_albedo[part - 1, 0], skin.part_albedo[part - 1, 1], skin.part_albedo[part - 1, 2])
        dark = openness
        hit.label = 1
        if part < 3:
            # Inside the mouth light comes only through the lips; a tongue put out is as light as the skin.
            out = smooth(-0.004, 0.006, wp.dot(p - skin.lips, skin.ahead))
            dark = wp.max(openness * (0.12 + 0.88 * skin.mouth_open), 0.85 * out)
            hit.label = 11 - part
        lit = wp.vec3(dark, shadow[0] * (0.3 + 0.7 * dark), 0.0)
        hit.colour = shade_skin(n, n, -ray, flat, lit, 1.3, 0.35, 0.8, lights)
        return hit
    size = skin.albedo.shape[0]
    uv = (
        skin.uv[skin.uv_faces[face * 3]] * w[0]
        + skin.uv[skin.uv_faces[face * 3 + 1]] * w[1]
        + skin.uv[skin.uv_faces[face * 3 + 2]] * w[2]
    )
    x = wp.clamp(uv[0] * float(size) - 0.5, 0.0, float(size) - 1.001)
    y = wp.clamp(uv[1] * float(size) - 0.5, 0.0, float(size) - 1.001)
    ti = int(y)
    tj = int(x)
    fx = x - float(tj)
    fy = y - float(ti)
    albedo = texel3(skin.albedo, ti, tj, fx, fy)
    surface = texel4(skin.surface, ti, tj, fx, fy)
    finish = skin.finish[int(y + 0.5), int(x + 0.5)]
    crease = texel4(skin.creases, ti, tj, fx, fy)
    group = int(skin.creases[int(y + 0.5), int(x + 0.5)][3] + 0.5)
    slope = wp.vec3(surface[0], surface[1], surface[2])
    if group > 0:
        slope = slope + wp.vec3(crease[0], crease[1], crease[2]) * skin.crease[group - 1]
    fine = wp.normalize(n - skin.turn * slope)
    hit.label = int(skin.labels[int(y + 0.5), int(x + 0.5)])
    lit = wp.vec3(openness, shadow[0], shadow[1] * (0.3 + 0.7 * openness))
    hit.colour = shade_skin(n, fine, -ray, albedo, lit, surface[3], finish[0], finish[1], lights)
    return hit


@wp.func
def see_detail(
    detail: DetailMesh,
    face: int,
    origin: wp.vec3,
    ray: wp.vec3,
    key: Lamp,
    rim: Lamp,
    mouth_open: float,
    lights: Lights,
) -> Hit:
    """Shade a piece where a ray meets one of its faces."""
    hit = Hit()
    i = detail.faces[face * 3]
    j = detail.faces[face * 3 + 1]
    k = detail.faces[face * 3 + 2]
    w = on_triangle(origin, ray, detail.points[i], detail.points[j], detail.points[k])
    p = mixed3(detail.points, i, j, k, w)
    n = wp.normalize(mixed3(detail.normals, i, j, k, w))
    albedo = mixed3(detail.colours, i, j, k, w)
    openness = mixed1(detail.openness, i, j, k, w)
    material = detail.materials[face]
    hit.label = detail.labels[face]
    shadow = wp.vec2(1.0, 1.0)
    if material == 0:
        shadow = wp.vec2(hair_visibility(key, p, n, _HAIR_BIAS_M), hair_visibility(rim, p, n, _HAIR_BIAS_M))
    else:
        if wp.dot(n, ray) > 0.0:
            n = -n  # the far side of a thin sheet
        shadow = wp.vec2(visibility(key, p, n, _SKIN_BIAS_M), visibility(rim, p, n, _SKIN_BIAS_M))
    hit.normal = n
    lit = wp.vec3(openness, shadow[0] * (0.3 + 0.7 * openness), shadow[1] * (0.3 + 0.7 * openness))
    if material == 0:
        tangent = wp.normalize(mixed3(detail.tangents, i, j, k, w))
        shine = float(1.0)
        if hit.label != 11:
            shine = 0.35
        hit.colour = shade_fibre(tangent, n, -ray, albedo, lit, shine, lights)
        return hit
    if (material == 1 or material == 2) and hit.label != 3 and hit.label != 4:
        # Teeth and gums; wet parts of the eyes lie in the open.
        lit = lit * (0.15 + 0.85 * mouth_open)
    hit.colour = shade_solid(material, n, -ray, albedo, lit, lights)
    return hit


@wp.func
def shade_solid(material: int, n: wp.vec3, to_eye: wp.vec3, albedo: wp.vec3, lit: wp.vec3, lights: Lights) -> wp.vec3:
    """Whatever is no fibre, by `parts.piece.Material`."""
    if material == 1:
        return shade_skin(n, n, to_eye, albedo, lit, 1.2, 0.28, 0.55, lights)
    if material == 2:
        return shade_skin(n, n, to_eye, albedo, lit, 1.2, 0.4, 0.55, lights)
    if material == 7:
        return shade_skin(n, n, to_eye, albedo, lit, 0.9, 0.5, 1.0, lights)
    if material == 4:
        return shade_hard(n, to_eye, albedo, lit, 1.0, 0.32, lights)
    if material == 3:
        return shade_hard(n, to_eye, albedo, lit, 0.0, 0.38, lights)
    return shade_matte(n, albedo, lit, lights)


@wp.func
def see_eye(eye: Eye, origin: wp.vec3, ray: wp.vec3, key: Lamp, lights: Lights, label: int) -> Hit:
    """Shade an eyeball where a ray meets it."""
    hit = Hit()
    t = meet_ball(origin, ray, eye)
    p = origin + ray * t
    n = wp.normalize(p - eye.centre)
    lit = wp.vec3(1.0, visibility(key, p, n, _SKIN_BIAS_M), 0.0)
    hit.colour = shade_eye(eye, n, -ray, lit, lights)
    hit.normal = n
    hit.label = label
    return hit


@wp.func
def through_lens(
    detail: DetailMesh, face: int, behind: wp.vec3, origin: wp.vec3, ray: wp.vec3, lights: Lights
) -> wp.vec3:
    """What a thin lens does to the light behind it: a tint, and the room and lamps mirrored in its front."""
    i = detail.faces[face * 3]
    j = detail.faces[face * 3 + 1]
    k = detail.faces[face * 3 + 2]
    w = on_triangle(origin, ray, detail.points[i], detail.points[j], detail.points[k])
    n = wp.normalize(mixed3(detail.normals, i, j, k, w))
    if wp.dot(n, ray) > 0.0:
        n = -n
    tint = mixed3(detail.colours, i, j, k, w)
    mirror = n * (2.0 * wp.dot(n, -ray)) + ray
    room = lights.sky * (0.5 + 0.5 * mirror[2]) + lights.ground * (0.5 - 0.5 * mirror[2])
    fresnel = 0.03 + 0.5 * power5(1.0 - wp.max(wp.dot(n, -ray), 0.0))
    shine = lights.key_colour * (glossy(n, -ray, lights.key, 0.18, 0.05) * 0.5)
    return wp.cw_mul(behind, tint) * (1.0 - fresnel) + room * fresnel + shine


@wp.struct
class Scene:
    """All that one frame shows. Triangles are numbered skin, two eyes, worn pieces, loose objects."""

    skin: SkinMesh
    worn: DetailMesh
    loose: DetailMesh
    left: Eye
    right: Eye
    key: Lamp
    rim: Lamp
    lights: Lights
    eyes_from: int
    worn_from: int
    loose_from: int
    has_lenses: int


@wp.func
def see(scene: Scene, number: int, origin: wp.vec3, ray: wp.vec3) -> Hit:
    """Shade whatever triangle `number` belongs to."""
    if number < scene.eyes_from:
        return see_skin(scene.skin, number, origin, ray, scene.key, scene.rim, scene.lights)
    if number == scene.eyes_from:
        return see_eye(scene.left, origin, ray, scene.key, scene.lights, 3)
    if number < scene.worn_from:
        return see_eye(scene.right, origin, ray, scene.key, scene.lights, 4)
    if number < scene.loose_from:
        return see_detail(
            scene.worn, number - scene.worn_from, origin, ray, scene.key, scene.rim, scene.skin.mouth_open, scene.lights
        )
    return see_detail(scene.loose, number - scene.loose_from, origin, ray, scene.key, scene.rim, 1.0, scene.lights)


@wp.kernel
def resolve(
    camera: Camera,
    scene: Scene,
    keys: wp.array2d(dtype=wp.uint64),
    lenses: wp.array2d(dtype=wp.uint64),
    backdrop: wp.array2d(dtype=wp.vec3),
    colour: wp.array2d(dtype=wp.vec3),
    alpha: wp.array2d(dtype=float),
    depth: wp.array2d(dtype=float),
    normals: wp.array2d(dtype=wp.vec3),
    labels: wp.array2d(dtype=wp.uint8),
    occluder: wp.array2d(dtype=float),
) -> None:
    """One pixel: the mean of its samples, each tone mapped first. Depth, normal and label are its nearest sample's."""
    i, j = wp.tid()
    s = camera.samples
    total = wp.vec3(0.0, 0.0, 0.0)
    behind = filmic(backdrop[i, j])
    shared = wp.vec3(0.0, 0.0, 0.0)
    shared_depth = float(-1.0)
    shared_number = int(-1)
    covered = int(0)
    loose = int(0)
    nearest = wp.uint64(0)
    best = Hit()
    for k in range(s * s):
        y = i * s + k // s
        x = j * s + k % s
        key = keys[y, x]
        seen = behind
        if key > wp.uint64(0) or scene.has_lenses == 1:
            ray = sample_ray(camera, float(x) + 0.5, float(y) + 0.5)
            light = backdrop[i, j]
            if key > wp.uint64(0):
                covered = covered + 1
                number = int(wp.uint32(key & wp.uint64(4294967295))) - 1
                near = wp.cast(wp.uint32(key >> wp.uint64(32)), wp.float32)
                if number >= scene.loose_from:
                    loose = loose + 1
                on_skin = number < scene.eyes_from
                if number == shared_number or (on_skin and wp.abs(1.0 / near - shared_depth) < _SHARED_DEPTH_M):
                    light = shared
                else:
                    hit = see(scene, number, camera.origin, ray)
                    light = hit.colour * scene.lights.exposure
                    shared = light
                    shared_number = number
                    shared_depth = -1.0
                    if on_skin:
                        shared_depth = 1.0 / near
                    if key > nearest:
                        nearest = key
                        best = hit
            if scene.has_lenses == 1 and lenses[y, x] > key:
                face = int(wp.uint32(lenses[y, x] & wp.uint64(4294967295))) - 1
                light = through_lens(scene.worn, face, light, camera.origin, ray, scene.lights)
            seen = filmic(light)
        total = total + seen
    count = float(s * s)
    colour[i, j] = total / count
    alpha[i, j] = float(covered) / count
    occluder[i, j] = float(loose) / count
    if nearest > wp.uint64(0):
        depth[i, j] = 1.0 / wp.cast(wp.uint32(nearest >> wp.uint64(32)), wp.float32)
        n = best.normal
        normals[i, j] = wp.vec3(wp.dot(n, camera.right), wp.dot(n, camera.up), -wp.dot(n, camera.forward))
        labels[i, j] = wp.uint8(best.label)
