"""Eyes: the paint of a ball, and the small wet parts between ball and lids."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.body.anatomy import Body, Eyeball
from mien.engines.cast.body.gaze import IRIS_RADIUS_M
from mien.engines.cast.body.lids import margin_rings
from mien.engines.cast.look import Look
from mien.engines.cast.parts.piece import Anchors, Label, Material, Piece, joined, solid

Floats = NDArray[np.float32]

#: Size of the iris's own polar picture: along the radius, and around.
_RADII, _TURNS = 96, 720
#: Blood vessels a side, and how far they reach from the corner towards the iris (1 touches it).
_VEINS = 9
_WHITE_YOUNG = np.array([0.63, 0.605, 0.58], np.float32)
_WHITE_OLD = np.array([0.58, 0.53, 0.45], np.float32)
_BLOOD = np.array([0.42, 0.10, 0.08], np.float32)
_CARUNCLE = (0.66, 0.40, 0.35)
_TEAR = (0.36, 0.21, 0.19)


def paint_eye(look: Look, seed: int, eye: Eyeball, size_px: int = 512) -> Floats:
    """The ball's albedo as seen along the gaze, azimuthal and equidistant.

    The middle of pixel (row i, column j) is the direction whose angle from the gaze is 90 degrees times
    hypot(x, y), with x = 2 (j + 0.5) / size - 1 towards the person's left and y = 1 - 2 (i + 0.5) / size up;
    beyond the circle hypot = 1 the border's colour goes on.

    Args:
        look: colours and age.
        seed: of the person.
        eye: left or right, told by which side of the face it lies on; its radius sets the iris's angle.
        size_px: height and width.

    Returns:
        (size_px, size_px, 3) float32 linear RGB.

    """
    nasal = -1.0 if eye.centre[0] > 0 else 1.0
    # Both irises of a person are nearly the same; the vessels of each white are its own.
    rng = np.random.default_rng((seed, 0x1415))
    own = np.random.default_rng((seed, 0x5C1E, int(nasal > 0)))
    at = ((2 * np.arange(size_px) + 1) / size_px - 1).astype(np.float32)
    x, y = np.meshgrid(at, -at)
    angle = np.hypot(x, y)
    iris_at = float(np.arcsin(IRIS_RADIUS_M / eye.radius)) / (np.pi / 2)
    white = _sclera(look, own, x, angle, iris_at, nasal)
    part = angle / np.float32(iris_at)
    polar = _iris(look, rng)
    turns = (np.arctan2(y, x * np.float32(nasal)) / (2 * np.pi) % 1.0 * _TURNS).astype(np.float32)
    wrapped = np.concatenate([polar, polar[:, :2]], axis=1)
    rows = np.clip(part * (_RADII - 1), 0, _RADII - 1).astype(np.float32)
    iris = cv2.remap(wrapped, turns, rows, cv2.INTER_LINEAR)
    # The cornea ends in a soft border, softer with age.
    edge = 0.045 + 0.03 * look.age
    mix = _step(1 - edge, 1 + edge, part)[..., None]
    return np.ascontiguousarray(iris * (1 - mix) + white * mix, np.float32)


def _iris(look: Look, rng: np.random.Generator) -> Floats:
    """(_RADII, _TURNS, 3): the iris unrolled, from the pupil's middle to the limbus."""
    u = np.linspace(0, 1, _RADII, dtype=np.float32)[:, None]
    base = np.asarray(look.iris_rgb, np.float32)
    dark = float(np.clip(1 - base.mean() / 0.14, 0, 1))
    fibres = _streaks(rng, (0.30, 0.004)) + 0.6 * _streaks(rng, (0.18, 0.0016))
    pupil = float(np.clip(rng.normal(0.31, 0.03), 0.24, 0.38))
    # The collarette: a jagged ring, inside which the pupil's own zone often has a warmer colour.
    collar = pupil + 0.19 + 0.035 * _around(rng, 5) + 0.02 * _around(rng, 22)
    inside = 1 - _step(-0.05, 0.05, u - collar)
    warm = float(rng.uniform(0.1, 0.75)) * (1 - 0.6 * dark)
    amber = np.array([0.21, 0.125, 0.035], np.float32) * (0.6 + 2.0 * base.mean())
    colour = base + (inside * warm)[..., None] * (amber - base)
    if rng.random() < 0.07:
        wedge = np.clip(np.cos(np.linspace(0, 2 * np.pi, _TURNS) - rng.uniform(0, 6.28)) - 0.86, 0, None) * 7
        colour = colour + np.clip(wedge, 0, 0.8)[None, :, None] * (amber - colour)
    relief = 1 + (0.42 - 0.12 * dark) * fibres + 0.35 * np.exp(-(((u - collar) / 0.045) ** 2))
    crypts = (
        np.clip(_streaks(rng, (0.09, 0.009)) - 1.15, 0, 1) * _step(0.0, 0.12, u - collar) * (1 - _step(0.7, 0.9, u))
    )
    furrows = sum(np.exp(-(((u - at - 0.012 * _around(rng, 4)) / 0.012) ** 2)) for at in (0.72, 0.81))
    relief = relief * (1 - 0.6 * crypts) * (1 - (0.10 + 0.12 * dark) * furrows)
    rim = _step(0.78, 0.99, u + 0.012 * fibres) * (0.82 - 0.25 * look.age)
    colour = colour * (np.clip(relief, 0.25, 2.2) * (1 - rim))[..., None]
    arcus = np.clip(look.age - 0.6, 0, 1) * np.exp(-(((u - 0.95) / 0.03) ** 2))
    colour = colour + (arcus * (1 - rim))[..., None] * np.array([0.35, 0.36, 0.36], np.float32)
    ruff = np.exp(-(((u - pupil - 0.012) / 0.014) ** 2))[..., None]
    colour = colour * (1 - 0.75 * ruff) + 0.75 * ruff * np.array([0.025, 0.013, 0.007], np.float32)
    hole = _step(pupil - 0.012, pupil + 0.012, u + 0.004 * _around(rng, 30))[..., None]
    return np.ascontiguousarray(colour * hole + 0.0025 * (1 - hole), np.float32)


def _sclera(look: Look, rng: np.random.Generator, x: Floats, angle: Floats, iris_at: float, nasal: float) -> Floats:
    """(S, S, 3): off-white, redder and veined towards the corners, where it is dry and rubbed."""
    tired = float(np.clip(0.35 + 0.3 * look.age + rng.normal(0.0, 0.18), 0.1, 1.0))
    white = _WHITE_YOUNG + (_WHITE_OLD - _WHITE_YOUNG) * np.float32(0.75 * look.age + 0.2 * look.melanin)
    side = np.abs(x) / np.float32(iris_at)
    corner = _step(1.3, 3.6, side) * np.where(x * nasal > 0, np.float32(1.0), np.float32(0.75))
    veins = _veins(rng, len(x), iris_at)
    # Blood behind a thin skin: it takes green and blue away.
    take = (0.20 * corner * (0.5 + tired) + 0.75 * veins * tired + 0.05 * _step(0.3, 0.9, angle))[..., None]
    return np.asarray(white * (1 - take * (1 - _BLOOD)), dtype=np.float32)


def _veins(rng: np.random.Generator, size: int, iris_at: float) -> Floats:
    """(S, S) 0..1: wandering vessels that enter at the corners, branch and thin out before the iris."""
    out = np.zeros((size, size), np.float32)
    for corner in (-1.0, 1.0):
        for _ in range(_VEINS):
            start = np.array([corner * rng.uniform(0.62, 0.85), rng.normal(0.0, 0.14)])
            length = 0.85 * (abs(start[0]) - iris_at) * rng.uniform(0.45, 1.05)
            _vein(out, rng, start, np.pi * (corner > 0) + rng.normal(0.0, 0.22), length, rng.uniform(0.3, 1.0))
    return np.asarray(np.clip(0.75 * out + 0.5 * cv2.GaussianBlur(out, (0, 0), size / 180), 0, 1), dtype=np.float32)


def _vein(
    out: Floats, rng: np.random.Generator, at: NDArray[np.float64], heading: float, length: float, strength: float
) -> None:
    steps = 14
    turns = heading + np.cumsum(rng.normal(0.0, 0.17, steps))
    path = at + np.cumsum(np.stack([np.cos(turns), np.sin(turns)], axis=1) * (length / steps), axis=0)
    pixels = ((np.stack([path[:, 0], -path[:, 1]], axis=1) * 0.5 + 0.5) * len(out) * 16).astype(np.int32)
    for index in range(steps - 1):
        faded = strength * (1 - index / steps) ** 0.8
        cv2.line(out, pixels[index].tolist(), pixels[index + 1].tolist(), float(faded), 1, cv2.LINE_AA, 4)
    if strength > 0.35 and length > 0.1:
        fork = int(rng.integers(3, 9))
        _vein(out, rng, path[fork], float(turns[fork] + rng.choice((-0.6, 0.6))), length * 0.5, strength * 0.55)


def build_eye_corners(body: Body) -> Piece:
    """The caruncle, the pink flesh at the inner corner, of both eyes: rigid with the head, on the ball."""
    return joined([_caruncle(body, eye) for eye in body.eyes])


def build_tear_lines(body: Body) -> Piece:
    """The film of tears along both lower lids: a narrow wet strip that follows the lid."""
    return joined([_tear_line(body, eye, rings) for eye, rings in zip(body.eyes, margin_rings(body), strict=True)])


def _caruncle(body: Body, eye: Eyeball) -> Piece:
    edge = body.rest[eye.upper[:4]].astype(np.float64), body.rest[eye.lower[:4]].astype(np.float64)
    corner = edge[0][0]
    inwards = 0.5 * (edge[0][3] + edge[1][3]) - corner
    inwards /= np.linalg.norm(inwards)
    out = corner + inwards * 0.0019 - eye.centre
    distance = np.linalg.norm(out)
    out /= distance
    up = np.cross(out, inwards)
    across = np.cross(up, out)
    latitude, longitude = np.meshgrid(np.linspace(0, np.pi, 9), np.linspace(0, 2 * np.pi, 17)[:-1], indexing="ij")
    ball = np.stack(
        [np.cos(latitude), np.sin(latitude) * np.cos(longitude), np.sin(latitude) * np.sin(longitude)], axis=-1
    )
    lumps = 1 + 0.08 * np.sin(5 * longitude + 1.0) * np.sin(latitude) + 0.06 * np.sin(4 * ball[..., 0] * 3)
    middle = eye.centre + out * (eye.radius - 0.0004)
    axes = np.stack([across * 0.0026, out * 0.0008, up * 0.0013])
    points = middle + (ball * lumps[..., None]) @ axes
    rows, columns = latitude.shape
    here, there = np.arange(columns), (np.arange(columns) + 1) % columns
    faces = []
    for row in range(rows - 1):
        a, b = row * columns + here, row * columns + there
        faces += [np.stack([a, b, a + columns], 1), np.stack([b, b + columns, a + columns], 1)]
    mesh = np.concatenate(faces).astype(np.int32)
    flat = points.reshape(-1, 3)
    # Counter-clockwise from outside on either side of the face.
    facing = np.cross(flat[mesh[:, 1]] - flat[mesh[:, 0]], flat[mesh[:, 2]] - flat[mesh[:, 0]])
    if float((facing * (flat[mesh[:, 0]] - middle)).sum()) < 0:
        mesh = mesh[:, ::-1]
    return solid(flat.astype(np.float32), mesh, _CARUNCLE, Material.FLESH, _label(eye))


def _tear_line(body: Body, eye: Eyeball, rings: tuple[NDArray[np.int32], NDArray[np.int32]]) -> Piece:
    inner, front = rings
    keep = slice(2, len(inner) - 1)
    corners = np.stack([inner[keep], front[keep], np.roll(inner, -1)[keep]], axis=1)
    at, lid = (body.rest[ring[keep]].astype(np.float64) for ring in (inner, front))
    raised = at + np.array([0.0, 0.0, 0.00035]) - eye.centre
    on_ball = eye.centre + raised * ((eye.radius + 0.00003) / np.linalg.norm(raised, axis=1))[:, None]
    on_lid = at + 0.35 * (lid - at) + np.array([0.0, 0.0, 0.00006])
    middle = 0.5 * (on_ball + on_lid) + np.array([0.0, 0.0, -0.00004])
    points = np.concatenate([on_lid, middle, on_ball])
    count = len(at)
    start = (np.arange(2)[:, None] * count + np.arange(count - 1)[None]).ravel()
    faces = np.concatenate(
        [
            np.stack([start, start + 1, start + count], 1),
            np.stack([start + 1, start + count + 1, start + count], 1),
        ]
    )
    faces = faces if at[-1, 0] > at[0, 0] else faces[:, ::-1]
    piece = solid(points.astype(np.float32), faces.astype(np.int32), _TEAR, Material.FLESH, _label(eye))
    bary = np.tile(np.array([[1.0, 0.0, 0.0]], np.float32), (3 * count, 1))
    anchors = Anchors(np.tile(corners, (3, 1)).astype(np.int32), bary)
    return replace(piece, anchors=anchors)


def _label(eye: Eyeball) -> Label:
    return Label.LEFT_EYE if eye.centre[0] > 0 else Label.RIGHT_EYE


def _streaks(rng: np.random.Generator, blur: tuple[float, float]) -> Floats:
    """(_RADII, _TURNS) noise of deviation 1, blurred along the radius and around by shares of the whole."""
    spectrum = np.fft.rfft2(rng.normal(size=(_RADII, _TURNS)))
    along = np.fft.fftfreq(_RADII)[:, None] * _RADII * blur[0]
    around = np.arange(_TURNS // 2 + 1)[None] * blur[1]
    made = np.fft.irfft2(spectrum * np.exp(-2 * np.pi**2 * (along**2 + around**2)), s=(_RADII, _TURNS))
    return np.asarray((made - made.mean()) / made.std(), dtype=np.float32)


def _around(rng: np.random.Generator, waves: int) -> Floats:
    """(1, _TURNS) a smooth closed curve of deviation about 1."""
    spectrum = np.zeros(_TURNS // 2 + 1, complex)
    spectrum[1 : waves + 1] = rng.normal(size=waves) + 1j * rng.normal(size=waves)
    made = np.fft.irfft(spectrum, _TURNS)
    return np.asarray(made / made.std(), dtype=np.float32)[None]


def _step(low: float, high: float, x: NDArray[np.floating]) -> Floats:
    t = np.clip((x - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)
