"""A person in front of a camera: everything of `mien.engines.cast` put together, and one frame drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray

from mien.engines.cast.body.landmarks import landmark_points
from mien.engines.cast.body.pose import neck_weights, rigid, turned
from mien.engines.cast.camera.light import Rig, direction
from mien.engines.cast.extra import check_device
from mien.engines.cast.frame import Picture, Shot, View
from mien.engines.cast.parts.piece import Piece
from mien.engines.cast.person import Person, build_person
from mien.engines.cast.recipe import Recipe
from mien.engines.cast.render.ambient import Ambient
from mien.engines.cast.render.buffers import Camera, Lights
from mien.engines.cast.render.device import Handle, vec3, vectors
from mien.engines.cast.render.eyes import EyeKit
from mien.engines.cast.render.figure import Figure, Posture, loose_detail
from mien.engines.cast.render.lamps import Caster, Quality, draw_all, lamp_map
from mien.engines.cast.render.maps import MapLevels
from mien.engines.cast.render.raster import draw_eye, to_camera
from mien.engines.cast.render.resolve import Scene, resolve
from mien.engines.cast.skin import crease_weights
from mien.realtime.errors import ConfigError

Floats = NDArray[np.float32]

#: What is drawn: skin, what is worn, what stands loose.
_Meshes = tuple[Caster, Caster, Caster]

_KEY_MAP_PX: dict[Quality, int] = {"fine": 448, "fast": 288}
_RIM_MAP_PX = 256
_CATCHLIGHTS = ("softbox", "window", "ring", "strip")
#: Landmarks of the two lips' inner middles.
_INNER_LIPS = (13, 14)
#: How far the lips part until the mouth is as light inside as it gets, m.
_MOUTH_OPEN_M = 0.016


class Actor:
    """One person, ready to be drawn again and again on one device.

    Args:
        recipe: who.
        device: Warp's name of it: "cpu" or "cuda:0".
        map_px: edge of the skin's maps.

    Raises:
        ConfigError: there is no such device.
        MissingExtraError: anny, Warp or torch is not installed.

    """

    def __init__(self, recipe: Recipe, *, device: str = "cpu", map_px: int = 1024) -> None:
        check_device(device)
        self.recipe, self._device = recipe, device
        self.person: Person = build_person(recipe, map_px=map_px)
        body = self.person.body
        self._neck = neck_weights(body)
        with wp.ScopedDevice(device):
            self._ambient = Ambient(body, self.person.hair)
            movers = (self.person.teeth, self.person.lashes)
            self._figure = Figure(body, MapLevels(self.person.skin), self.person.worn, movers)
            self._eyes = [EyeKit(eye, paint) for eye, paint in zip(body.eyes, self.person.eye_paint, strict=True)]

    def shoot(
        self, shot: Shot, view: View, rig: Rig, background: Floats | None = None, *, loose: Sequence[Piece] = (),
        quality: Quality = "fine",
    ) -> Picture:  # fmt: skip
        """Draw one frame.

        Args:
            shot: what the person does.
            view: the camera.
            rig: the light.
            background: (H, W, 3) float32 linear RGB; black by default.
            loose: objects in the world, before the person or anywhere.
            quality: "fast" lets the key alone throw shadows, and samples them less; for training.

        Raises:
            ConfigError: the background is not as large as the view, or an action is unknown or no finite number.

        """
        posture = self.posture(shot)
        size = (view.height, view.width, 3)
        if background is None:
            background = np.zeros(size, np.float32)
        if background.shape != size:
            raise ConfigError(f"The background has the shape {background.shape}; the view needs {size}.")
        with wp.ScopedDevice(self._device):
            scene, meshes = self._scene(shot, view, rig, posture, loose, quality)
            passes = _passes(scene, meshes, self._camera(view), background)
        return Picture(**passes, landmarks=self.landmarks(shot, view, posture), shot=shot, view=view, rig=rig)

    def posture(self, shot: Shot) -> Posture:
        """Where every vertex of the body is, and how the head stands."""
        body = self.person.body
        weights = self.person.weights(shot.actions)
        points = self.person.posed(weights, shot.gaze)
        turn, shift = rigid(body, shot.pose)
        sway = np.asarray(shot.pose.sway, np.float32)
        posed, gap = turned(points, self._neck, turn, shift, sway), self.person.lips.gap(points)
        lips = landmark_points(body, posed, shot.gaze, turn, shift)[list(_INNER_LIPS)].mean(0)
        return Posture(posed, weights, turn, shift, sway, gap, lips)

    def landmarks(self, shot: Shot, view: View, posture: Posture | None = None) -> Floats:
        """(478, 2) float32 px of MediaPipe's landmarks, exact: they are tied to the mesh."""
        posture = self.posture(shot) if posture is None else posture
        points = landmark_points(self.person.body, posture.points, shot.gaze, posture.turn, posture.shift)
        return view.project(points, self.person.body.brow_centre)

    def _scene(
        self, shot: Shot, view: View, rig: Rig, posture: Posture, loose: Sequence[Piece], quality: Quality
    ) -> tuple[Handle, _Meshes]:
        body, scene = self.person.body, Scene()
        scene.skin, scene.worn = self._figure.pose(
            posture,
            openness=self._ambient.at(posture.weights),
            crease=crease_weights(shot.actions),
            mouth_open=min(1.0, posture.lips_gap / _MOUTH_OPEN_M),
            texel_m=view.span / view.height,
        )
        scene.loose, loose_mesh = loose_detail(loose)
        scene.left, scene.right = (kit.at(shot.gaze, posture) for kit in self._eyes)
        meshes = (*self._figure.meshes(scene.skin, scene.worn), loose_mesh)
        centre = posture.turn @ body.brow_centre + posture.shift
        scene.key = lamp_map(direction(*rig.key), centre, rig.key_spread, _KEY_MAP_PX[quality], meshes, quality=quality)
        rim = (_RIM_MAP_PX, meshes) if quality == "fine" else (1, ())
        scene.rim = lamp_map(direction(*rig.rim), centre, rig.rim_spread, *rim, quality=quality)
        scene.lights = _lights(rig)
        skin_faces, worn_faces = self._figure.face_counts
        scene.eyes_from, scene.worn_from, scene.loose_from = skin_faces, skin_faces + 2, skin_faces + 2 + worn_faces
        scene.has_lenses = int(self._figure.has_lenses)
        return scene, meshes

    def _camera(self, view: View) -> Handle:
        origin, right, up, forward = view.axes(self.person.body.brow_centre)
        camera = Camera()
        camera.origin, camera.right, camera.up, camera.forward = vec3(origin), vec3(right), vec3(up), vec3(forward)
        camera.half = view.span / 2 / view.distance
        camera.width, camera.height, camera.samples = view.width, view.height, view.samples
        return camera


def _passes(scene: Handle, meshes: _Meshes, camera: Handle, background: Floats) -> dict[str, Any]:
    size = (camera.height, camera.width)
    keys, lenses = _visible(scene, meshes, camera)
    out = {
        "colour": wp.zeros(size, dtype=wp.vec3), "alpha": wp.zeros(size, dtype=float),
        "depth": wp.zeros(size, dtype=float), "normals": wp.zeros(size, dtype=wp.vec3),
        "labels": wp.zeros(size, dtype=wp.uint8), "occluder": wp.zeros(size, dtype=float),
    }  # fmt: skip
    wp.launch(resolve, size, inputs=[camera, scene, keys, lenses, vectors(background), *out.values()])
    return {name: values.numpy() for name, values in out.items()}


def _visible(scene: Handle, meshes: _Meshes, camera: Handle) -> tuple[Handle, Handle]:
    """The nearest surface of each sample, glass apart (numbered from 0); without glass both are the same."""
    size = (camera.height * camera.samples, camera.width * camera.samples)
    keys = wp.zeros(size, dtype=wp.uint64)
    for number, eye in enumerate((scene.left, scene.right)):
        _draw_eye(eye, scene.eyes_from + number, camera, keys)
    for mesh, first in zip(meshes, (0, scene.worn_from, scene.loose_from), strict=True):
        screen = wp.empty(len(mesh.points), dtype=wp.vec3)
        wp.launch(to_camera, len(mesh.points), inputs=[mesh.points, camera, screen])
        draw_all(mesh, screen, -1 if mesh.materials is None else 0, first, keys)
        if scene.has_lenses and first == scene.worn_from:
            lenses = wp.zeros(size, dtype=wp.uint64)
            draw_all(mesh, screen, 1, 0, lenses)
    return keys, lenses if scene.has_lenses else keys


def _draw_eye(eye: Handle, number: int, camera: Handle, keys: Handle) -> None:
    """Ask every sample of the square around the ball."""
    away = np.array(eye.centre) - np.array(camera.origin)
    depth = float(away @ np.array(camera.forward))
    scale = 0.5 * camera.height * camera.samples / (camera.half * depth)
    x = 0.5 * camera.width * camera.samples + float(away @ np.array(camera.right)) * scale
    y = 0.5 * camera.height * camera.samples - float(away @ np.array(camera.up)) * scale
    reach = int(np.ceil(eye.radius * scale * 1.1)) + 1
    wp.launch(draw_eye, (2 * reach, 2 * reach), inputs=[camera, eye, int(x) - reach, int(y) - reach, number, keys])


def _lights(rig: Rig) -> Handle:
    lights = Lights()
    for name in ("key", "fill", "rim"):
        setattr(lights, name, vec3(direction(*getattr(rig, name))))
        setattr(lights, f"{name}_colour", vec3(getattr(rig, f"{name}_colour")))
    lights.sky, lights.ground = vec3(rig.sky), vec3(rig.ground)
    lights.catchlight, lights.exposure = _CATCHLIGHTS.index(rig.catchlight), rig.exposure
    return lights
