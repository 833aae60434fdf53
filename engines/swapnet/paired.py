"""The paired road: the cast films drivers, and a persona doing the same, as aligned training samples.

A driver is seen as in the live path: through a webcam, by the tracker, measured from its own resting face. The persona
answers with the same actions, head and gaze, upright, in the middle, in its portrait's light: what is left to learn is
expression and view, and the blend brings the driver's light.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.body.landmarks import landmark_points
from mien.engines.cast.body.pose import HeadPose
from mien.engines.cast.camera.light import DESK, PORTRAIT
from mien.engines.cast.camera.rigs import draw_rig
from mien.engines.cast.camera.webcam import Webcam
from mien.engines.cast.frame import Picture, Shot, View
from mien.engines.cast.pairs.film import draw_behind, draw_object, draw_shot, draw_view
from mien.engines.cast.parts.piece import Label
from mien.engines.cast.portrait import to_bgr
from mien.engines.cast.recipe import Recipe
from mien.engines.cast.studio import Actor
from mien.engines.cast.workers import worker_pool
from mien.engines.measure.cast import rendered_rotation
from mien.engines.swapnet.code import ACTIONS, ANGLE_DEG, NAMED, tracked_code, upright_angles
from mien.engines.swapnet.engine import MARGIN
from mien.engines.swapnet.samples import (
    BEYOND_CM,
    DRIVER_PX,
    PERSONA_PX,
    STORED_MARGIN,
    DriverShard,
    PersonaShard,
    Pictures,
    drivers_place,
    persona_place,
    read_drivers,
    write_shard,
)
from mien.realtime.aligner import align, crop, head_square
from mien.realtime.engine import EngineSpec
from mien.realtime.errors import ConfigError
from mien.realtime.face import Face, Neutral
from mien.realtime.head import HeadFit, fit_head, to_head
from mien.realtime.tracker.detection import Detection
from mien.realtime.tracker.landmarker import Landmarker
from mien.realtime.tracker.model import landmarker_path

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]

_STORED_SPEC = EngineSpec("samples", "cast", "cpu", "training", size_px=DRIVER_PX, margin=STORED_MARGIN)
_PICTURE_PX = 192
_SALT, _DRIVER_SEEDS = 0x57A9, 2**31
_PLAN_FILE = "samples.json"
#: What counts as the face of a persona, and what lies before the face of a driver.
_FACE = (Label.SKIN, Label.LIPS, Label.LEFT_EYE, Label.RIGHT_EYE, Label.LEFT_BROW, Label.RIGHT_BROW, Label.LASHES,
         Label.TEETH, Label.TONGUE, Label.MOUTH, Label.BEARD, Label.GLASSES)  # fmt: skip
_FRONT = (Label.HAIR, Label.HEADSET)
_STILL_NS = 33_000_000


@dataclass(frozen=True, slots=True)
class FilmPlan:
    """What a folder of samples holds; kept beside the shards, so that two plans are never mixed.

    Attributes:
        seed: of everything; driver d of shard s depends on (seed, s, d) alone.
        per_shard: samples in a shard, less those that the tracker did not find.
        per_driver: samples of one driver, in a row.
        objects: share of pictures with an object before the face.

    """

    seed: int = 1
    per_shard: int = 256
    per_driver: int = 16
    objects: float = 0.15

    def __post_init__(self) -> None:
        if not 1 <= self.per_driver <= self.per_shard <= 4096 or not 0 <= self.objects <= 1:
            raise ConfigError("per_driver must be 1 to per_shard, per_shard at most 4096, objects a share from 0 to 1.")


class Eye:
    """The tracker, to whom each picture is the first one, seen twice: the second time from its own face."""

    def __init__(self) -> None:
        self._landmarker = Landmarker(landmarker_path(), max_faces=2)
        self._shown = 0

    def __call__(self, pixels: Pixels) -> Detection | None:
        """The one face of (H, W, 3) BGR pixels; None for none or several."""
        found: list[Detection] = []
        for picture in (np.full_like(pixels, 128), pixels, pixels):
            self._shown += 1
            found = self._landmarker(picture, self._shown * _STILL_NS)
        return found[0] if len(found) == 1 else None


def film_drivers(plan: FilmPlan, shard: int, eye: Eye) -> DriverShard:
    """Render, shoot and track one shard of drivers; it depends on the plan and the shard's number alone."""
    pixels: list[Pixels] = []
    front: list[Pixels] = []
    tracked: list[Floats] = []
    named: list[Floats] = []
    person: list[int] = []
    for first in range(0, plan.per_shard, plan.per_driver):
        rng = np.random.default_rng((plan.seed, _SALT, shard, first // plan.per_driver))
        seed = int(rng.integers(_DRIVER_SEEDS))
        driver = Actor(Recipe("driver", seed), map_px=512)
        rest = _at_rest(driver, eye)
        for _ in range(min(plan.per_driver, plan.per_shard - first)):
            picture, shot_pixels = _shoot(driver, plan, rng)
            found = eye(shot_pixels)
            if found is None or rest is None:
                continue
            face = Face(1, found.landmarks, found.blendshapes, found.pose, rest)
            alignment = align(face, _STORED_SPEC, _PICTURE_PX, _PICTURE_PX)
            pixels.append(crop(shot_pixels, alignment).pixels.copy())
            before = np.maximum(picture.occluder, np.isin(picture.labels, _FRONT).astype(np.float32))
            size = (DRIVER_PX, DRIVER_PX)
            front.append(np.asarray(cv2.warpAffine((before * 255).astype(np.uint8), alignment.matrix, size), np.uint8))
            tracked.append(tracked_code(face))
            named.append(_named(picture))
            person.append(seed)
    wide = len(NAMED)
    return DriverShard(
        Pictures.encode(pixels), Pictures.encode(front), np.array(tracked, np.float32),
        np.array(named, np.float32).reshape(-1, wide), np.array(person, np.int64),
    )  # fmt: skip


def film_persona(actor: Actor, named: Floats) -> PersonaShard:
    """Render a persona's answers to (N, `NAMED`) codes."""
    pictures = [shoot_persona(actor, code) for code in named]
    return PersonaShard(
        Pictures.encode([to_bgr(picture.colour) for picture in pictures]),
        Pictures.encode([face_mask(picture) for picture in pictures]),
        np.array([picture.landmarks for picture in pictures], np.float32).reshape(-1, 478, 2),
    )


def shoot_persona(actor: Actor, named: Floats, *, size_px: int = PERSONA_PX) -> Picture:
    """The persona under a (`NAMED`,) code, framed as the network's square."""
    yaw, pitch, gaze_yaw, gaze_pitch = (float(x) for x in named[len(ACTIONS) :] * np.float32(ANGLE_DEG))
    actions = {name: float(value) for name, value in zip(ACTIONS, named, strict=False) if value > 0}
    shot = Shot(actions, HeadPose(yaw=yaw, pitch=pitch), (gaze_yaw, gaze_pitch))
    view = _framed(actor, shot, size_px)
    return actor.shoot(shot, view, PORTRAIT, np.full((size_px, size_px, 3), 0.18, np.float32), quality="fast")


def face_mask(picture: Picture) -> Pixels:
    """(S, S) uint8, 255 on the face: inside the landmarks' hull, a little widened, and not under hair or a headset."""
    size = picture.labels.shape[0]
    hull = cv2.convexHull(picture.landmarks[:468].astype(np.int32))
    inside = np.zeros(picture.labels.shape, np.uint8)
    cv2.fillConvexPoly(inside, hull, 255)
    reach = max(1, round(BEYOND_CM * size / (MARGIN * 17.66)))
    inside = np.asarray(cv2.dilate(inside, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1,) * 2)))
    face = np.isin(picture.labels, _FACE).astype(np.uint8) * np.uint8(255)
    # Single hairs and lashes leave no holes.
    face = np.asarray(cv2.morphologyEx(face, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)), np.uint8)
    return np.asarray(cv2.GaussianBlur(cv2.min(inside, face), (0, 0), size / 256), np.uint8)


def _framed(actor: Actor, shot: Shot, size_px: int) -> View:
    """The frontal camera that sees the head just as `head_square` would cut it out."""
    body, posture = actor.person.body, actor.posture(shot)
    points = landmark_points(body, posture.points, shot.gaze, posture.turn, posture.shift)
    view = View(size_px, size_px, span=0.25, distance=0.8, aim=(0.0, 0.0, -0.03))
    for _ in range(3):
        fit = fit_head(seen_landmarks(view, points, body.brow_centre))
        square = head_square(fit, size_px, MARGIN)
        scale = float(np.linalg.norm(square.matrix[:, 0]))
        metres = view.span / size_px
        centre = np.linalg.solve(square.matrix[:, :2], np.full(2, (size_px - 1) / 2) - square.matrix[:, 2])
        right, down = (centre - (size_px - 1) / 2) * metres
        aim = (view.aim[0] + float(right), view.aim[1], view.aim[2] - float(down))
        view = View(size_px, size_px, span=view.span / scale, distance=view.distance, aim=aim)
    return view


def seen_landmarks(view: View, points: Floats, eyes: Floats) -> Floats:
    """(N, 3) float32: (N, 3) points of the world as the tracker gives landmarks: px, z away from the camera in px."""
    origin, _, _, forward = view.axes(eyes)
    depth = (points - origin) @ forward
    z = (depth - depth.mean()) * view.height / view.span
    # The renderer's pixel centres are at halves, the aligner's at whole numbers.
    return np.column_stack([view.project(points, eyes) - np.float32(0.5), z]).astype(np.float32)


def _without_hair(recipe: Recipe) -> Recipe:
    """The persona whose brow is free: hair stays the driver's, as a swap of faces leaves it."""
    return replace(recipe, look=replace(recipe.look, hair_style="shaved", headset="none"))


def _at_rest(driver: Actor, eye: Eye) -> Neutral | None:
    """As calibration takes it: a frontal look at a resting face, in daylight."""
    view = View(_PICTURE_PX, _PICTURE_PX, span=0.30)
    picture = driver.shoot(Shot(), view, DESK, np.full((_PICTURE_PX, _PICTURE_PX, 3), 0.18, np.float32))
    found = eye(to_bgr(picture.colour))
    if found is None:
        return None
    shape = to_head(found.landmarks, fit_head(found.landmarks))
    return Neutral(shape.astype(np.float32), found.blendshapes.astype(np.float32))


def _shoot(driver: Actor, plan: FilmPlan, rng: np.random.Generator) -> tuple[Picture, Pixels]:
    shot, view, rig = draw_shot(rng), draw_view(rng, _PICTURE_PX), draw_rig(rng)
    behind, webcam = draw_behind(rng, _PICTURE_PX, rig), Webcam.draw(rng)
    loose = (draw_object(driver, shot, rng),) if rng.random() < plan.objects else ()
    picture = driver.shoot(shot, view, rig, behind, loose=loose, quality="fast")
    return picture, webcam.shoot(picture.colour)


def _named(picture: Picture) -> Floats:
    """(`NAMED`,) float32: what the picture shows, the head's angles along the line of sight."""
    shot = picture.shot
    rotation = rendered_rotation(picture.view, shot.pose, picture.landmarks).astype(np.float32)
    angles = upright_angles(HeadFit(rotation, 1.0, np.zeros(3, np.float32)))
    actions = [shot.actions.get(name, 0.0) for name in ACTIONS]
    return np.array([*actions, *(angles / ANGLE_DEG), *(np.array(shot.gaze) / ANGLE_DEG)], np.float32)


def film(
    folder: Path,
    plan: FilmPlan,
    personas: dict[str, Recipe],
    shards: int,
    *,
    workers: int = 1,
    on_shard: Callable[[int, int], None] | None = None,
) -> None:
    """Film the drivers' and the personas' shards of a folder that are not there yet.

    Args:
        folder: made if missing.
        plan: what to film.
        personas: who answers, by the names of their files.
        shards: how many of each.
        workers: processes; each needs about 2 GB.
        on_shard: called with files done and files in all, at the start and after each.

    Raises:
        ConfigError: the folder holds samples of another plan or of another person under one of those names.
        EngineError: a worker died.

    """
    folder.mkdir(parents=True, exist_ok=True)
    _check_plan(folder, plan, personas)
    left = [shard for shard in range(shards) if any(not place.exists() for place in _places(folder, personas, shard))]
    tell = on_shard or (lambda _done, _total: None)
    tell(shards - len(left), shards)
    for done, _ in enumerate(_filmed(folder, plan, personas, left, workers), shards - len(left) + 1):
        tell(done, shards)


def _places(folder: Path, personas: dict[str, Recipe], shard: int) -> list[Path]:
    return [drivers_place(folder, shard), *(persona_place(folder, name, shard) for name in personas)]


def _check_plan(folder: Path, plan: FilmPlan, personas: dict[str, Recipe]) -> None:
    place = folder / _PLAN_FILE
    known: dict[str, Any] = {"plan": asdict(plan), "personas": {}}
    if place.exists():
        try:
            known = json.loads(place.read_text(encoding="utf-8"))
            known_plan, known_people = dict(known["plan"]), dict(known["personas"])
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"{place} is damaged: {error}.", hint="Choose another folder.") from error
        if known_plan != asdict(plan):
            raise ConfigError(f"{folder} holds samples of another plan: {known_plan}.", hint="Choose another folder.")
        for name, recipe in personas.items():
            if known_people.get(name, recipe.to_dict()) != recipe.to_dict():
                raise ConfigError(f"{folder} holds samples of another {name!r}.", hint="Choose another folder.")
    known["personas"] |= {name: recipe.to_dict() for name, recipe in personas.items()}
    place.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")


def _filmed(folder: Path, plan: FilmPlan, personas: dict[str, Recipe], left: list[int], workers: int) -> Iterator[None]:
    if workers <= 1:
        studio = _Studio(folder, plan, personas)
        for shard in left:
            studio.film(shard)
            yield
        return
    with worker_pool(workers, _start, (folder, plan, personas)) as pool:
        yield from pool.map(_work, left)


class _Studio:
    """One worker: personas are built once, drivers come and go."""

    def __init__(self, folder: Path, plan: FilmPlan, personas: dict[str, Recipe]) -> None:
        self._folder, self._plan = folder, plan
        self._personas = {name: Actor(_without_hair(recipe), map_px=1024) for name, recipe in personas.items()}
        self._eye = Eye()

    def film(self, shard: int) -> None:
        place = drivers_place(self._folder, shard)
        if not place.exists():
            write_shard(place, film_drivers(self._plan, shard, self._eye))
        named = read_drivers(place).named
        for name, actor in self._personas.items():
            answer = persona_place(self._folder, name, shard)
            if not answer.exists():
                write_shard(answer, film_persona(actor, named))


_studio: _Studio | None = None


def _start(folder: Path, plan: FilmPlan, personas: dict[str, Recipe]) -> None:
    global _studio  # the one place where a pool's worker can keep what it built
    _studio = _Studio(folder, plan, personas)


def _work(shard: int) -> None:
    if _studio is None:
        raise RuntimeError("the studio's worker was not started")
    _studio.film(shard)
