"""What light does on skin, eyes, teeth, hair, cloth and things: Warp functions called by `resolve`.

Colours are linear RGB; directions are unit vectors, `to_eye` and the lights' pointing away from the surface. `lit` is
(openness to the dome, visibility of the key, visibility of the rim), each 0..1.
"""

# mypy: ignore-errors
# Kernels are Python in syntax only: Warp's own compiler types and checks them.

from __future__ import annotations

import warp as wp

from mien.engines.cast.render.buffers import Eye, Lights


@wp.func
def smooth(low: float, high: float, x: float) -> float:
    """Hermite step from 0 at `low` to 1 at `high`."""
    t = wp.clamp((x - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


@wp.func
def power3(base: float, exponents: wp.vec3) -> wp.vec3:
    """One base, above 0, raised to three exponents."""
    log = wp.log(base)
    return wp.vec3(wp.exp(log * exponents[0]), wp.exp(log * exponents[1]), wp.exp(log * exponents[2]))


@wp.func
def wrapped(cosine: float, wrap: wp.vec3) -> wp.vec3:
    """Diffuse falloff that reaches past the terminator, further in red: cheap subsurface scattering.

    After Green, "Real-time approximations to subsurface scattering", GPU Gems 2004; normalised to conserve energy.
    """
    r = wp.max((cosine + wrap[0]) / (1.0 + wrap[0]), 0.0) / (1.0 + wrap[0])
    g = wp.max((cosine + wrap[1]) / (1.0 + wrap[1]), 0.0) / (1.0 + wrap[1])
    b = wp.max((cosine + wrap[2]) / (1.0 + wrap[2]), 0.0) / (1.0 + wrap[2])
    return wp.vec3(r, g, b)


@wp.func
def power5(x: float) -> float:
    """The fifth power, of Schlick's approximation."""
    return x * x * x * x * x


@wp.func
def glossy(n: wp.vec3, to_eye: wp.vec3, light: wp.vec3, roughness: float, f0: float) -> float:
    """GGX microfacet highlight times the cosine (Walter et al. 2007), with Schlick's Fresnel term."""
    h = wp.normalize(light + to_eye)
    nh = wp.max(wp.dot(n, h), 0.0)
    nl = wp.max(wp.dot(n, light), 0.0)
    nv = wp.max(wp.dot(n, to_eye), 0.05)
    a2 = roughness * roughness * roughness * roughness
    base = nh * nh * (a2 - 1.0) + 1.0
    spread = a2 / (3.14159 * base * base)
    fresnel = f0 + (1.0 - f0) * power5(1.0 - wp.max(wp.dot(to_eye, h), 0.0))
    k = roughness * roughness * 0.5
    visibility = 1.0 / ((nl * (1.0 - k) + k) * (nv * (1.0 - k) + k))
    return 0.25 * spread * fresnel * visibility * nl


@wp.func
def dome(n: wp.vec3, lights: Lights) -> wp.vec3:
    """Light of the room arriving around a normal."""
    t = 0.5 + 0.5 * n[2]
    return lights.sky * t + lights.ground * (1.0 - t)


@wp.func
def shade_skin(
    n: wp.vec3, fine: wp.vec3, to_eye: wp.vec3, albedo: wp.vec3, lit: wp.vec3, gloss: float, rough: float,
    scatter: float, lights: Lights,
) -> wp.vec3:  # fmt: skip
    """Skin under all lamps: `n` is the smooth normal that the inside sees, `fine` the one with its relief."""
    wrap = wp.vec3(0.42, 0.2, 0.12) * scatter
    # A penumbra on skin is redder than its light: red travels furthest under the surface.
    bleed = wp.vec3(1.0 - 0.38 * scatter, 1.0 - 0.08 * scatter, 1.0)
    # Scattering blurs the relief as well, so the diffuse light sees only half of it.
    soft = wp.normalize(n + fine)
    key = wp.cw_mul(wrapped(wp.dot(soft, lights.key), wrap), power3(wp.max(lit[1], 0.001), bleed))
    fill = wrapped(wp.dot(soft, lights.fill), wrap) * (0.35 + 0.65 * lit[0])
    rim = wp.cw_mul(wrapped(wp.dot(soft, lights.rim), wrap), power3(wp.max(lit[2], 0.001), bleed))
    # Light bounces between close skin surfaces, so creases keep colour (Jimenez et al. 2016).
    ambient = power3(wp.max(lit[0], 0.001), wp.vec3(1.0 - 0.28 * scatter, 0.98, 1.06))
    light = wp.cw_mul(key, lights.key_colour) + wp.cw_mul(fill, lights.fill_colour)
    light = light + wp.cw_mul(rim, lights.rim_colour) + wp.cw_mul(ambient, dome(soft, lights))
    colour = wp.cw_mul(albedo, light)
    spec = glossy(fine, to_eye, lights.key, rough, 0.028) * 0.75
    spec = spec + glossy(fine, to_eye, lights.key, rough * 0.63, 0.028) * 0.25
    colour = colour + lights.key_colour * (spec * gloss * lit[1])
    colour = colour + lights.rim_colour * (glossy(fine, to_eye, lights.rim, rough, 0.028) * gloss * lit[2] * 0.7)
    return colour + lights.fill_colour * (glossy(fine, to_eye, lights.fill, rough, 0.028) * gloss * lit[0])


@wp.func
def shade_matte(n: wp.vec3, albedo: wp.vec3, lit: wp.vec3, lights: Lights) -> wp.vec3:
    """Cloth, foam: Lambert under all lamps."""
    key = wp.max(wp.dot(n, lights.key), 0.0) * lit[1]
    fill = wp.max(wp.dot(n, lights.fill), 0.0) * lit[0]
    rim = wp.max(wp.dot(n, lights.rim), 0.0) * lit[2]
    light = lights.key_colour * key + lights.fill_colour * fill + lights.rim_colour * rim + dome(n, lights) * lit[0]
    return wp.cw_mul(albedo, light)


@wp.func
def shade_hard(
    n: wp.vec3, to_eye: wp.vec3, albedo: wp.vec3, lit: wp.vec3, metal: float, rough: float, lights: Lights
) -> wp.vec3:
    """Plastic (metal 0) or metal (1): a highlight of the lamp's or of the metal's colour, and the room's reflection."""
    matte = shade_matte(n, albedo * (1.0 - metal), lit, lights)
    tint = wp.vec3(0.04, 0.04, 0.04) * (1.0 - metal) + albedo * metal
    spec = lights.key_colour * (glossy(n, to_eye, lights.key, rough, 1.0) * lit[1])
    spec = spec + lights.fill_colour * (glossy(n, to_eye, lights.fill, rough, 1.0) * lit[0])
    spec = spec + lights.rim_colour * (glossy(n, to_eye, lights.rim, rough, 1.0) * lit[2])
    mirror = n * (2.0 * wp.dot(n, to_eye)) - to_eye
    grazing = power5(1.0 - wp.max(wp.dot(n, to_eye), 0.0)) * (1.0 - rough)
    room = dome(mirror, lights) * lit[0]
    return matte + wp.cw_mul(tint + wp.vec3(1.0, 1.0, 1.0) * (0.5 * grazing), spec * 0.9 + room)


@wp.func
def shade_fibre(
    tangent: wp.vec3, n: wp.vec3, to_eye: wp.vec3, albedo: wp.vec3, lit: wp.vec3, shine: float, lights: Lights
) -> wp.vec3:
    """A hair (Kajiya and Kay 1989), two shifted highlights: a white one and one of the hair's own colour."""
    tl = wp.dot(tangent, lights.key)
    diffuse = wp.sqrt(wp.max(1.0 - tl * tl, 0.0)) * (0.35 + 0.65 * wp.max(wp.dot(n, lights.key), 0.0)) * lit[1]
    h = wp.normalize(lights.key + to_eye)
    th = wp.dot(tangent, h)
    first = wp.pow(wp.max(1.0 - (th + 0.08) * (th + 0.08), 0.0), 90.0)
    second = wp.pow(wp.max(1.0 - (th - 0.14) * (th - 0.14), 0.0), 24.0)
    rim_t = wp.dot(tangent, lights.rim)
    rim = wp.sqrt(wp.max(1.0 - rim_t * rim_t, 0.0)) * wp.max(wp.dot(n, lights.rim) * 0.7 + 0.3, 0.0) * lit[2]
    fill = (0.5 + 0.5 * wp.max(wp.dot(n, lights.fill), 0.0)) * 0.6 * lit[0]
    light = lights.key_colour * diffuse + lights.fill_colour * fill + lights.rim_colour * rim + dome(n, lights) * lit[0]
    colour = wp.cw_mul(albedo, light)
    colour = colour + lights.key_colour * (first * 0.035 * shine * lit[1])
    return colour + wp.cw_mul(albedo, lights.key_colour) * (second * 0.55 * shine * lit[1])


@wp.func
def eye_albedo(eye: Eye, n: wp.vec3, to_eye: wp.vec3, cornea: float) -> wp.vec3:
    """The painted ball at outward direction `n`; the iris lies below the cornea, so it shifts as one looks aside."""
    aside = to_eye - eye.gaze * wp.dot(to_eye, eye.gaze)
    seen = wp.normalize(n - aside * (0.10 * cornea))
    angle = wp.acos(wp.clamp(wp.dot(seen, eye.gaze), -1.0, 1.0))
    flat = seen - eye.gaze * wp.dot(seen, eye.gaze)
    length = wp.max(wp.length(flat), 1.0e-6)
    reach = wp.min(angle / 1.5708, 0.999) / length
    size = eye.paint.shape[0]
    x = wp.clamp((0.5 + 0.5 * wp.dot(flat, eye.side) * reach) * float(size) - 0.5, 0.0, float(size) - 1.001)
    y = wp.clamp((0.5 - 0.5 * wp.dot(flat, eye.up) * reach) * float(size) - 0.5, 0.0, float(size) - 1.001)
    i = int(y)
    j = int(x)
    fx = x - float(j)
    fy = y - float(i)
    top = eye.paint[i, j] * (1.0 - fx) + eye.paint[i, j + 1] * fx
    bottom = eye.paint[i + 1, j] * (1.0 - fx) + eye.paint[i + 1, j + 1] * fx
    return top * (1.0 - fy) + bottom * fy


@wp.func
def lid_openness(eye: Eye, n: wp.vec3) -> float:
    """How open the ball is between its lids, which shade it: 0 under a lid's edge to 1 in the middle."""
    place = (0.5 + 0.5 * wp.dot(n, eye.head_side) * 1.05) * 15.0
    k = int(wp.clamp(place, 0.0, 14.0))
    f = wp.clamp(place - float(k), 0.0, 1.0)
    height = wp.dot(n, eye.head_up) * eye.radius
    upper = eye.upper[k] * (1.0 - f) + eye.upper[k + 1] * f
    lower = eye.lower[k] * (1.0 - f) + eye.lower[k + 1] * f
    above = smooth(-0.0008, 0.0055, upper - height)
    below = smooth(-0.0008, 0.0025, height - lower)
    return (0.22 + 0.78 * above) * (0.45 + 0.55 * below)


@wp.func
def softbox(direction: wp.vec3, lamp: wp.vec3, cosine: float, shape: int) -> float:
    """1 where a mirror direction meets a lamp: 0 a round softbox, 1 a window of four panes, 2 a ring, 3 a strip."""
    near = wp.dot(direction, lamp)
    round = smooth(cosine - 0.012, cosine + 0.004, near)
    if shape == 0:
        return round
    side = wp.normalize(wp.cross(lamp, wp.vec3(0.0, 0.0, 1.0)))
    up = wp.cross(side, lamp)
    x = wp.abs(wp.dot(direction, side))
    y = wp.abs(wp.dot(direction, up))
    size = wp.sqrt(1.0 - cosine * cosine)
    if near < 0.0:
        return 0.0
    if shape == 1:
        pane = smooth(size * 1.05, size * 0.95, x) * smooth(size * 1.25, size * 1.15, y)
        return pane * smooth(size * 0.04, size * 0.1, x) * smooth(size * 0.04, size * 0.1, y)
    if shape == 2:
        return round * (1.0 - smooth(cosine + (1.0 - cosine) * 0.45, cosine + (1.0 - cosine) * 0.6, near))
    return smooth(size * 0.34, size * 0.26, y) * smooth(size * 1.7, size * 1.5, x)


@wp.func
def shade_eye(eye: Eye, n: wp.vec3, to_eye: wp.vec3, lit: wp.vec3, lights: Lights) -> wp.vec3:
    """The eyeball: shaded white, iris lit as a shallow bowl, wet highlights on a bulging cornea."""
    angle = wp.acos(wp.clamp(wp.dot(n, eye.gaze), -1.0, 1.0)) / eye.iris_angle
    cornea = 1.0 - smooth(0.95, 1.25, angle)
    albedo = eye_albedo(eye, n, to_eye, cornea)
    opening = lid_openness(eye, n) * lit[0]
    bowl = wp.normalize(n * (1.0 - 1.5 * cornea) + eye.gaze * (1.6 * cornea))
    bulge = wp.normalize(n * (1.0 + 0.9 * cornea) - eye.gaze * (0.9 * cornea))
    wrap = wp.vec3(0.5, 0.4, 0.35)
    light = wp.cw_mul(wrapped(wp.dot(bowl, lights.key), wrap), lights.key_colour) * (lit[1] * (0.3 + 0.7 * opening))
    light = light + wp.cw_mul(wrapped(wp.dot(bowl, lights.fill), wrap), lights.fill_colour) * opening
    light = light + dome(n, lights) * opening
    mirror = bulge * (2.0 * wp.dot(bulge, to_eye)) - to_eye
    fresnel = 0.025 + 0.6 * power5(1.0 - wp.max(wp.dot(bulge, to_eye), 0.0))
    shine = lights.key_colour * (softbox(mirror, lights.key, 0.955, lights.catchlight) * 0.5 * lit[1])
    shine = shine + lights.fill_colour * (softbox(mirror, lights.fill, 0.965, 0) * 0.16 * opening)
    # The tear film gathers along the lower lid and catches the light there.
    height = wp.dot(n, eye.head_up) * eye.radius
    return wp.cw_mul(albedo, light) + shine + dome(mirror, lights) * (fresnel * opening) * smooth(-1.0, 1.0, height)


@wp.func
def filmic(c: wp.vec3) -> wp.vec3:
    """Linear light to display-linear 0..1: Narkowicz's fit of the ACES curve, softened per channel."""
    x = wp.max(c * 0.5, wp.vec3(0.0, 0.0, 0.0))
    a = wp.cw_mul(x, x * 2.51 + wp.vec3(0.03, 0.03, 0.03))
    b = wp.cw_mul(x, x * 2.43 + wp.vec3(0.59, 0.59, 0.59)) + wp.vec3(0.14, 0.14, 0.14)
    return wp.vec3(wp.min(a[0] / b[0], 1.0), wp.min(a[1] / b[1], 1.0), wp.min(a[2] / b[2], 1.0))
