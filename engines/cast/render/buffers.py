"""What the kernels are given: a camera, lamps and the meshes of one frame, as Warp structures."""

# mypy: ignore-errors
# Kernels are Python in syntax only: Warp's own compiler types and checks them.

from __future__ import annotations

import warp as wp


@wp.struct
class Camera:
    """A pinhole camera: `half` is the tangent of half its vertical view; each pixel has samples^2 samples."""

    origin: wp.vec3
    forward: wp.vec3
    right: wp.vec3
    up: wp.vec3
    half: float
    width: int
    height: int
    samples: int


@wp.struct
class Lamp:
    """A distant lamp's view of the person: parallel rays along `forward`, a square map of `half` metres each way.

    spread is the tangent of the lamp's half angle; nearness falls from 1 to 0 along
    `forward`, and is 0 where nothing stands. search and taps are places on a unit disc: where a blocker is looked for,
    and where the penumbra is sampled.
    """

    centre: wp.vec3
    forward: wp.vec3
    right: wp.vec3
    up: wp.vec3
    half: float
    spread: float
    nearness: wp.array2d(dtype=float)
    search: wp.array(dtype=wp.vec2)
    taps: wp.array(dtype=wp.vec2)


@wp.struct
class SkinMesh:
    """The deforming body of one frame with its maps (see `mien.engines.cast.skin`), and what never changes about it.

    openness is each vertex's share of open sky; part is the kind of each face; crease are the weights of the four
    groups of expression wrinkles; turn carries directions of the rest space to the world; lips is the middle
    of the mouth and ahead the way that the face looks.
    """

    points: wp.array(dtype=wp.vec3)
    normals: wp.array(dtype=wp.vec3)
    openness: wp.array(dtype=float)
    faces: wp.array(dtype=int)
    part: wp.array(dtype=int)
    uv: wp.array(dtype=wp.vec2)
    uv_faces: wp.array(dtype=int)
    albedo: wp.array2d(dtype=wp.vec3)
    surface: wp.array2d(dtype=wp.vec4)
    finish: wp.array2d(dtype=wp.vec2)
    creases: wp.array2d(dtype=wp.vec4)
    labels: wp.array2d(dtype=wp.uint8)
    part_albedo: wp.mat33
    crease: wp.vec4
    turn: wp.mat33
    mouth_open: float
    lips: wp.vec3
    ahead: wp.vec3


@wp.struct
class DetailMesh:
    """Pieces (hair, teeth, glasses, an object): see `mien.engines.cast.parts.piece.Piece`."""

    points: wp.array(dtype=wp.vec3)
    normals: wp.array(dtype=wp.vec3)
    tangents: wp.array(dtype=wp.vec3)
    colours: wp.array(dtype=wp.vec3)
    openness: wp.array(dtype=float)
    faces: wp.array(dtype=int)
    materials: wp.array(dtype=int)
    labels: wp.array(dtype=int)


@wp.struct
class Eye:
    """One eyeball of this frame: where it is, where it looks, and the lids' edges over it.

    paint is its albedo, azimuthal around the gaze: the pupil in the middle, the border 90 degrees away. upper and lower
    hold the lids' height over the ball's middle at 16 places from the person's right to left, m.
    """

    centre: wp.vec3
    radius: float
    gaze: wp.vec3
    up: wp.vec3
    side: wp.vec3
    head_up: wp.vec3
    head_side: wp.vec3
    iris_angle: float
    paint: wp.array2d(dtype=wp.vec3)
    upper: wp.array(dtype=float)
    lower: wp.array(dtype=float)


@wp.struct
class Lights:
    """Three lamps and a dome; colours already hold the intensity. Directions point to the lamp."""

    key: wp.vec3
    key_colour: wp.vec3
    fill: wp.vec3
    fill_colour: wp.vec3
    rim: wp.vec3
    rim_colour: wp.vec3
    sky: wp.vec3
    ground: wp.vec3
    catchlight: int
    exposure: float
