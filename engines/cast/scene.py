"""A person in front of a camera: geometry of each frame handed to the ray caster."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import warp as wp
from numpy.typing import NDArray

from mien.engines.cast.body.anatomy import Eyeball, build_body
from mien.engines.cast.body.pose import HeadPose, neck_weights, rigid, turned
from mien.engines.cast.body.queries import bake
from mien.engines.cast.camera.light import Rig, backdrop, direction, dome_directions, lamp_directions
from mien.engines.cast.parts.brows import build_brows, build_lashes, merged
from mien.engines.cast.parts.hair import grow_hair
from mien.engines.cast.parts.mouth import build_teeth
from mien.engines.cast.parts.strands import Ribbons, joined, vertex_normals
from mien.engines.cast.recipe import Recipe
from mien.engines.cast.render.buffers import Camera, SkinMesh
from mien.engines.cast.render.render import draw
from mien.engines.cast.render.shading import Eye
from mien.engines.cast.render.upload import (
    Handle,
    detail_input,
    light_input,
    mat33,
    paint_input,
    skin_arrays,
    tree,
    vec3,
)
from mien.engines.cast.skin.skin import brow_tone, build_skin

Floats = NDArray[np.float32]

_DOME_RAYS = 48
_KEY_RAYS = 16
_RIM_RAYS = 6
#: The poses at which ambient light is baked; between them it is blended.
_BAKED: dict[str, dict[str, float]] = {
    "rest": {},
    "jaw": {"jawOpen": 1.0},
    "lids": {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0},
}


@dataclass(frozen=True, slots=True)
class Shot:
    """What one frame shows.

    Attributes:
        actions: ARKit's names to weights.
        pose: of the head.
        gaze: (yaw, pitch) of the eyes in the head, degrees; positive to the person's left and up.

    """

    actions: dict[str, float] = field(default_factory=dict)
    pose: HeadPose = field(default_factory=HeadPose)
    gaze: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class View:
    """Camera of a picture: size in px, rays per pixel edge, metres seen from top to bottom, distance, aim.

    `aim` is the point in the picture's middle relative to the middle between the eyes, m.
    """

    width: int
    height: int
    samples: int = 3
    span: float = 0.385
    distance: float = 1.35
    aim: tuple[float, float, float] = (0.0, 0.0, -0.034)


class Actor:
    """One person, ready to be drawn again and again on one device."""

    def __init__(self, recipe: Recipe, rig: Rig, *, device: str = "cpu") -> None:
        self.recipe, self.rig = recipe, rig
        self._device = device
        with wp.ScopedDevice(device):
            self.body = build_body(recipe)
            self._skin = build_skin(self.body, recipe.look)
            self._brows = build_brows(self.body, recipe)
            self._lashes = build_lashes(self.body, recipe)
            self._teeth = build_teeth(self.body, np.random.default_rng((recipe.seed, 0x7E)))
            self._neck = neck_weights(self.body)
            self._lights, self._paint = light_input(rig), paint_input(recipe)
            self._static = skin_arrays(self.body, self._skin.paint, self._skin.collar, self._skin.masks)
            self._indices: Handle = wp.array(self.body.faces.ravel(), dtype=int)
            hair = grow_hair(self.body, self._skin.paint[:, 1], recipe)
            self._hair_mesh = tree(hair.points, hair.faces)
            self._openness = self._bake_openness()
            self._hair_shade = self._bake_hair_shade()
            self._hair = self._finish_hair(hair)

    def draw(self, shot: Shot, view: View, background: Floats | None = None) -> Floats:
        """(height, width, 3) float32 display-linear RGB 0..1.

        Args:
            shot: what the person does.
            view: the camera.
            background: (height, width, 3) float32 linear RGB; a blurred room by default.

        """
        if background is None:
            background = backdrop(view.height, view.width, self.recipe.look.backdrop_rgb, self.recipe.seed)
        with wp.ScopedDevice(self._device):
            turn, shift = rigid(self.body, shot.pose)
            weights = self.body.weights(shot.actions)
            points = self._points(shot)
            normals = vertex_normals(points, self.body.faces)
            mesh = wp.Mesh(points=vec3(points), indices=self._indices)
            skin = self._skin_input(mesh, points, normals, weights, turn, shift)
            live, live_mesh = self._live_input(mesh, points, normals, weights, turn, shift)
            left, right = (_eye(eye, shot, turn, shift) for eye in self.body.eyes)
            out: Handle = wp.zeros((view.height, view.width), dtype=wp.vec3)
            behind: Handle = wp.array(np.ascontiguousarray(background), dtype=wp.vec3)
            wp.launch(
                draw, dim=(view.height, view.width),
                inputs=[self._camera(view), skin, live, self._hair, mat33(turn), wp.vec3(*shift.tolist()),
                        left, right, self._paint, self._lights, behind, out],
            )  # fmt: skip
            del live_mesh  # had to outlive the launch: the kernel holds only its id
            return np.asarray(out.numpy(), dtype=np.float32)

    def _points(self, shot: Shot) -> Floats:
        turn, shift = rigid(self.body, shot.pose)
        sway = np.asarray(shot.pose.sway, np.float32)
        return turned(self.body.posed(self.body.weights(shot.actions)), self._neck, turn, shift, sway)

    def _skin_input(
        self, mesh: Handle, points: Floats, normals: Floats, weights: Floats, turn: Floats, shift: Floats
    ) -> Handle:
        skin = SkinMesh()
        for name, value in self._static.items():
            setattr(skin, name, value)
        skin.mesh = mesh.id
        skin.normals = vec3(normals)
        key, rim = self._lamps(mesh, points, normals, turn, shift)
        skin.lit = vec3(np.stack([self._blend_openness(weights), key, rim], axis=1))
        return skin

    def _live_input(
        self,
        mesh: Handle,
        points: Floats,
        normals: Floats,
        weights: Floats,
        turn: Floats,
        shift: Floats,
    ) -> tuple[Handle, Handle]:
        look = self.recipe.look
        brows = self._brows.posed(points, normals)
        dark = brow_tone(look) * 0.35
        lashes = [
            each.posed(points, turn @ eye.centre + shift, turn @ np.array([0, 0, 1], np.float32), dark)
            for eye, each in self._lashes
        ]
        hairs = merged(brows, lashes)
        place = self._teeth.posed(weights) @ turn.T + shift
        rest = self._teeth.mesh
        teeth = Ribbons(
            points=place.astype(np.float32), normals=(rest.normals @ turn.T).astype(np.float32),
            tangents=rest.tangents, colours=rest.colours, depth=rest.depth, faces=rest.faces, kind=rest.kind,
        )  # fmt: skip
        lit_teeth = self._teeth_light(mesh, teeth, turn, shift)
        lit_hairs = np.tile(np.array([[0.75, 0.8, 0.2]], np.float32), (len(hairs.points), 1))
        both = joined([hairs, teeth])
        live_mesh = tree(both.points, both.faces)
        return detail_input(both, live_mesh, np.concatenate([lit_hairs, lit_teeth]), 0.35), live_mesh

    def _teeth_light(self, mesh: Handle, teeth: Ribbons, turn: Floats, shift: Floats) -> Floats:
        sky = self._bake(mesh, teeth.points, teeth.normals, dome_directions(24), True, 0.06, turn, shift, hair=False)
        lamp = lamp_directions(direction(*self.rig.key), 0.6, 8)
        key = self._bake(mesh, teeth.points, teeth.normals, lamp, False, 0.06, turn, shift, hair=False)
        return np.stack([sky**1.1, key * (0.4 + 0.6 * sky), np.zeros_like(sky)], axis=1)

    def _lamps(
        self, mesh: Handle, points: Floats, normals: Floats, turn: Floats, shift: Floats
    ) -> tuple[Floats, Floats]:
        key = lamp_directions(direction(*self.rig.key), self.rig.key_spread, _KEY_RAYS)
        rim = lamp_directions(direction(*self.rig.rim), 0.35, _RIM_RAYS)
        lit = [self._bake(mesh, points, normals, lamp, False, 0.4, turn, shift, hair=False) for lamp in (key, rim)]
        return lit[0] * self._hair_shade[0], lit[1] * self._hair_shade[1]

    def _bake_hair_shade(self) -> tuple[Floats, Floats]:
        """How much of key and rim the hair lets through to each vertex, with the head upright.

        Rays through hair are the dearest there are, and its shadow on the brow hardly moves as the head turns.
        """
        turn, shift = rigid(self.body, HeadPose())
        normals = vertex_normals(self.body.rest, self.body.faces)
        mesh = wp.Mesh(points=vec3(self.body.rest), indices=self._indices)
        shades = []
        for lamp, spread, count in ((self.rig.key, self.rig.key_spread, _KEY_RAYS), (self.rig.rim, 0.35, _RIM_RAYS)):
            rays = lamp_directions(direction(*lamp), spread, count)
            bare = self._bake(mesh, self.body.rest, normals, rays, False, 0.4, turn, shift, hair=False)
            haired = self._bake(mesh, self.body.rest, normals, rays, False, 0.4, turn, shift)
            shades.append(np.asarray(np.where(bare > 0.01, haired / np.maximum(bare, 0.01), 1.0), np.float32))
        return shades[0], shades[1]

    def _bake(
        self, mesh: Handle, points: Floats, normals: Floats, directions: Floats, local: bool, reach: float,
        turn: Floats, shift: Floats, *, hair: bool = True,
    ) -> Floats:  # fmt: skip
        out: Handle = wp.zeros(len(points), dtype=float)
        wp.launch(
            bake, len(points),
            inputs=[mesh.id, self._hair_mesh.id, int(hair), mat33(turn), wp.vec3(*shift.tolist()), vec3(points),
                    vec3(normals), vec3(directions), int(local), reach, 0.0022, out],
        )  # fmt: skip
        return np.asarray(out.numpy(), dtype=np.float32)

    def _bake_openness(self) -> dict[str, Floats]:
        turn, shift = rigid(self.body, HeadPose())
        baked = {}
        for name, actions in _BAKED.items():
            points = self._points(Shot(actions=dict(actions)))
            normals = vertex_normals(points, self.body.faces)
            mesh = wp.Mesh(points=vec3(points), indices=self._indices)
            baked[name] = self._bake(mesh, points, normals, dome_directions(_DOME_RAYS), True, 0.12, turn, shift)
        return baked

    def _blend_openness(self, weights: Floats) -> Floats:
        value = dict(zip(self.body.actions, weights.tolist(), strict=True))
        rest = self._openness["rest"]
        jaw = min(1.0, value["jawOpen"]) * (self._openness["jaw"] - rest)
        lids = np.clip((value["eyeBlinkLeft"] + value["eyeBlinkRight"]) / 2, 0, 1) * (self._openness["lids"] - rest)
        return np.asarray(np.clip(rest + jaw + lids, 0.0, 1.0), dtype=np.float32)

    def _finish_hair(self, hair: Ribbons) -> Handle:
        """Light in the hair is baked once, with the head upright: its strands do not move in the head."""
        turn, shift = rigid(self.body, HeadPose())
        mesh = wp.Mesh(points=vec3(self.body.rest), indices=self._indices)
        lamps = [
            self._bake(
                mesh, hair.points, hair.normals, lamp_directions(direction(*lamp), 0.4, 6), False, 0.3, turn, shift,
                hair=False,
            )
            for lamp in (self.rig.key, self.rig.rim)
        ]  # fmt: skip
        # Depth in the hair stands for its self-shadowing: rays through thousands of crossing ribbons cost minutes.
        return detail_input(
            hair, self._hair_mesh, hair.depth[:, None] * np.stack([np.ones_like(lamps[0]), *lamps], 1), 1.0
        )

    def _camera(self, view: View) -> Handle:
        target = self.body.brow_centre + np.asarray(view.aim, np.float32)
        camera = Camera()
        camera.origin = wp.vec3(*(target + np.array([0.0, -view.distance, 0.0])).tolist())
        camera.forward, camera.right, camera.up = wp.vec3(0.0, 1.0, 0.0), wp.vec3(1.0, 0.0, 0.0), wp.vec3(0.0, 0.0, 1.0)
        camera.half = view.span / 2 / view.distance
        camera.width, camera.height, camera.samples = view.width, view.height, view.samples
        return camera


def gaze_actions(yaw_deg: float, pitch_deg: float) -> dict[str, float]:
    """The eyeLook* weights (both eyes) for a gaze: MakeHuman's actions turn the ball 19 degrees out, 10 up, 14 down."""
    out, up, down = yaw_deg / 19.0, pitch_deg / 10.0, -pitch_deg / 14.0
    return {
        "eyeLookOutLeft": max(0.0, out), "eyeLookInRight": max(0.0, out),
        "eyeLookInLeft": max(0.0, -out), "eyeLookOutRight": max(0.0, -out),
        "eyeLookUpLeft": max(0.0, up), "eyeLookUpRight": max(0.0, up),
        "eyeLookDownLeft": max(0.0, down), "eyeLookDownRight": max(0.0, down),
    }  # fmt: skip


def _eye(eye: Eyeball, shot: Shot, turn: Floats, shift: Floats) -> Handle:
    yaw, pitch = np.radians(shot.gaze)
    gaze = np.array([np.sin(yaw) * np.cos(pitch), -np.cos(yaw) * np.cos(pitch), np.sin(pitch)])
    out = Eye()
    out.centre = wp.vec3(*(turn @ eye.centre + shift).tolist())
    out.radius = eye.radius
    out.gaze = wp.vec3(*(turn @ gaze).tolist())
    out.up = wp.vec3(*(turn @ np.array([0.0, np.sin(pitch), np.cos(pitch)])).tolist())
    return out
