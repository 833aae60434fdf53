"""What light does on skin, eyes, teeth, hair and cloth: Warp functions called by `render`.

Colours are linear RGB; directions are unit vectors, `to_eye` and the lights' pointing away from the surface.
"""

# mypy: ignore-errors
# Kernels are Python in syntax only: Warp's own compiler types and checks them.

from __future__ import annotations

import warp as wp


@wp.struct
class Lights:
    """Three lamps and a dome; colours already hold the intensity."""

    key: wp.vec3
    key_colour: wp.vec3
    fill: wp.vec3
    fill_colour: wp.vec3
    rim: wp.vec3
    rim_colour: wp.vec3
    sky: wp.vec3
    ground: wp.vec3


@wp.struct
class Paint:
    """One person's colours."""

    skin: wp.vec3
    lips: wp.vec3
    hair: wp.vec3
    stubble: wp.vec3
    cloth: wp.vec3
    iris: wp.vec3
    gloss: float
    seed: int


@wp.struct
class Eye:
    """One eyeball of this frame: where it is and where it looks."""

    centre: wp.vec3
    radius: float
    gaze: wp.vec3
    up: wp.vec3


@wp.func
def fractal(seed: int, p: wp.vec3, frequency: float) -> float:
    """Two octaves of gradient noise, about -1..1."""
    state = wp.rand_init(seed)
    return wp.noise(state, p * frequency) + 0.5 * wp.noise(state, p * (frequency * 2.3))


@wp.func
def smooth(low: float, high: float, x: float) -> float:
    """Hermite step from 0 at `low` to 1 at `high`."""
    t = wp.clamp((x - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


@wp.func
def power3(base: float, exponents: wp.vec3) -> wp.vec3:
    """One base raised to three exponents."""
    return wp.vec3(wp.pow(base, exponents[0]), wp.pow(base, exponents[1]), wp.pow(base, exponents[2]))


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
def glossy(n: wp.vec3, to_eye: wp.vec3, light: wp.vec3, roughness: float, f0: float) -> float:
    """GGX microfacet highlight times the cosine (Walter et al. 2007), with Schlick's Fresnel term."""
    h = wp.normalize(light + to_eye)
    nh = wp.max(wp.dot(n, h), 0.0)
    nl = wp.max(wp.dot(n, light), 0.0)
    nv = wp.max(wp.dot(n, to_eye), 0.05)
    a2 = roughness * roughness * roughness * roughness
    base = nh * nh * (a2 - 1.0) + 1.0
    spread = a2 / (3.14159 * base * base)
    fresnel = f0 + (1.0 - f0) * wp.pow(1.0 - wp.max(wp.dot(to_eye, h), 0.0), 5.0)
    k = roughness * roughness * 0.5
    visibility = 1.0 / ((nl * (1.0 - k) + k) * (nv * (1.0 - k) + k))
    return 0.25 * spread * fresnel * visibility * nl


@wp.func
def dome(n: wp.vec3, lights: Lights) -> wp.vec3:
    """Light of the room arriving around a normal."""
    t = 0.5 + 0.5 * n[2]
    return lights.sky * t + lights.ground * (1.0 - t)


@wp.func
def shade_skin(n: wp.vec3, to_eye: wp.vec3, albedo: wp.vec3, lit: wp.vec3, gloss: float, lights: Lights) -> wp.vec3:
    """Skin under all lamps; `lit` is (ambient openness, key visibility, rim visibility), each 0..1."""
    wrap = wp.vec3(0.42, 0.2, 0.12)
    # A penumbra on skin is redder than its light: red travels furthest under the surface.
    bleed = wp.vec3(0.62, 0.92, 1.0)
    key = wp.cw_mul(wrapped(wp.dot(n, lights.key), wrap), power3(wp.max(lit[1], 0.001), bleed))
    fill = wrapped(wp.dot(n, lights.fill), wrap) * (0.35 + 0.65 * lit[0])
    rim = wp.cw_mul(wrapped(wp.dot(n, lights.rim), wrap), power3(wp.max(lit[2], 0.001), bleed))
    # Light bounces between close skin surfaces, so creases keep colour (Jimenez et al. 2016).
    ambient = power3(wp.max(lit[0], 0.001), wp.vec3(0.72, 0.98, 1.06))
    light = wp.cw_mul(key, lights.key_colour) + wp.cw_mul(fill, lights.fill_colour)
    light = light + wp.cw_mul(rim, lights.rim_colour) + wp.cw_mul(ambient, dome(n, lights))
    colour = wp.cw_mul(albedo, light)
    spec = glossy(n, to_eye, lights.key, 0.52, 0.028) * 0.75 + glossy(n, to_eye, lights.key, 0.33, 0.028) * 0.25
    colour = colour + lights.key_colour * (spec * gloss * lit[1])
    colour = colour + lights.rim_colour * (glossy(n, to_eye, lights.rim, 0.5, 0.028) * gloss * lit[2] * 0.7)
    return colour + lights.fill_colour * (glossy(n, to_eye, lights.fill, 0.5, 0.028) * gloss * lit[0])


@wp.func
def shade_matte(n: wp.vec3, albedo: wp.vec3, lit: wp.vec3, lights: Lights) -> wp.vec3:
    """Cloth: Lambert under all lamps."""
    key = wp.max(wp.dot(n, lights.key), 0.0) * lit[1]
    fill = wp.max(wp.dot(n, lights.fill), 0.0) * lit[0]
    rim = wp.max(wp.dot(n, lights.rim), 0.0) * lit[2]
    light = lights.key_colour * key + lights.fill_colour * fill + lights.rim_colour * rim + dome(n, lights) * lit[0]
    return wp.cw_mul(albedo, light)


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
def iris_colour(eye: Eye, n: wp.vec3, paint: Paint, iris_angle: float) -> wp.vec4:
    """Albedo of the ball at outward direction `n`, and in w how much cornea lies over it (0 on the white)."""
    angle = wp.acos(wp.clamp(wp.dot(n, eye.gaze), -1.0, 1.0))
    u = angle / iris_angle
    side = wp.normalize(wp.cross(eye.gaze, eye.up))
    flat = n - eye.gaze * wp.dot(n, eye.gaze)
    polar = wp.atan2(wp.dot(flat, eye.up), wp.dot(flat, side))
    state = wp.rand_init(paint.seed + 7)
    # Sampled on a circle so that the fibres meet where the angle wraps.
    ring = wp.vec3(wp.cos(polar) * 9.0, wp.sin(polar) * 9.0, u * 1.3)
    fibres = wp.noise(state, ring) + 0.6 * wp.noise(state, ring * 2.4)
    collar = wp.exp(-(u - 0.5) * (u - 0.5) * 40.0)
    iris = paint.iris * (1.0 + 0.55 * fibres + 0.55 * collar)
    iris = iris * (1.0 - 0.82 * smooth(0.74, 1.0, u))
    iris = iris * smooth(0.33, 0.41, u) + wp.vec3(0.004, 0.004, 0.004)
    veins = wp.noise(state, n * 14.0) * smooth(1.4, 3.0, u)
    white = wp.vec3(0.56, 0.53, 0.505) - wp.vec3(0.02, 0.09, 0.09) * wp.max(veins, 0.0)
    white = wp.cw_mul(white, wp.vec3(1.0, 1.0, 1.0) - wp.vec3(0.08, 0.2, 0.22) * smooth(1.7, 3.2, u))
    mix = smooth(0.92, 1.1, u)
    colour = iris * (1.0 - mix) + white * mix
    return wp.vec4(colour[0], colour[1], colour[2], 1.0 - smooth(0.95, 1.25, u))


@wp.func
def softbox(direction: wp.vec3, lamp: wp.vec3, cosine: float) -> float:
    """1 where a mirror direction meets a round lamp, with a soft edge."""
    return smooth(cosine - 0.012, cosine + 0.004, wp.dot(direction, lamp))


@wp.func
def shade_eye(eye: Eye, n: wp.vec3, to_eye: wp.vec3, lit: wp.vec3, paint: Paint, lights: Lights) -> wp.vec3:
    """The eyeball: shaded white, iris lit as a shallow bowl, wet highlights on a bulging cornea."""
    iris_angle = wp.asin(wp.min(0.00625 / eye.radius, 0.9))
    painted = iris_colour(eye, n, paint, iris_angle)
    albedo = wp.vec3(painted[0], painted[1], painted[2])
    cornea = painted[3]
    bowl = wp.normalize(n * (1.0 - 1.5 * cornea) + eye.gaze * (1.6 * cornea))
    bulge = wp.normalize(n * (1.0 + 0.9 * cornea) - eye.gaze * (0.9 * cornea))
    wrap = wp.vec3(0.5, 0.4, 0.35)
    light = wp.cw_mul(wrapped(wp.dot(bowl, lights.key), wrap), lights.key_colour) * lit[1]
    light = light + wp.cw_mul(wrapped(wp.dot(bowl, lights.fill), wrap), lights.fill_colour) * lit[0]
    light = light + dome(n, lights) * lit[0]
    mirror = bulge * (2.0 * wp.dot(bulge, to_eye)) - to_eye
    fresnel = 0.025 + 0.6 * wp.pow(1.0 - wp.max(wp.dot(bulge, to_eye), 0.0), 5.0)
    shine = lights.key_colour * (softbox(mirror, lights.key, 0.955) * 0.36 * lit[1])
    shine = shine + lights.fill_colour * (softbox(mirror, lights.fill, 0.965) * 0.16 * lit[0])
    return wp.cw_mul(albedo, light) + shine + dome(mirror, lights) * (fresnel * lit[0])


@wp.func
def filmic(c: wp.vec3) -> wp.vec3:
    """Linear light to display-linear 0..1: Narkowicz's fit of the ACES curve, softened per channel."""
    x = wp.max(c * 0.5, wp.vec3(0.0, 0.0, 0.0))
    a = wp.cw_mul(x, x * 2.51 + wp.vec3(0.03, 0.03, 0.03))
    b = wp.cw_mul(x, x * 2.43 + wp.vec3(0.59, 0.59, 0.59)) + wp.vec3(0.14, 0.14, 0.14)
    return wp.vec3(wp.min(a[0] / b[0], 1.0), wp.min(a[1] / b[1], 1.0), wp.min(a[2] / b[2], 1.0))
