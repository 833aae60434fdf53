"""Renders pairs: a new driver every few pictures, one persona throughout, each under a light and a code of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.body.pose import HeadPose, rigid
from mien.engines.cast.camera.backdrop import Backdrop, draw_backdrop
from mien.engines.cast.camera.light import Rig, ambient
from mien.engines.cast.camera.rigs import draw_rig
from mien.engines.cast.camera.webcam import Webcam
from mien.engines.cast.frame import Picture, Shot, View
from mien.engines.cast.motion.codes import draw_code
from mien.engines.cast.pairs.record import Pair
from mien.engines.cast.parts.occluders import Owner, draw_occluder
from mien.engines.cast.parts.piece import Piece
from mien.engines.cast.parts.scalp import hair_tone
from mien.engines.cast.portrait import to_bgr
from mien.engines.cast.recipe import Recipe
from mien.engines.cast.skin.tones import skin_tone
from mien.engines.cast.studio import Actor

if TYPE_CHECKING:
    from mien.engines.cast.pairs.make import PairsPlan

Floats = NDArray[np.float32]

#: How often an arm before the face has a sleeve, and how long before or after its stay an object is met, s.
_SLEEVES = 0.7
_AROUND_S = 0.35
_DRIVER_SEEDS = 2**31
_SALT = 0x9A125
#: Metres from top to bottom: from the face alone to head and shoulders.
_SPAN_M = (0.25, 0.36)


class PairFilm:
    """The studio of one worker: the persona is built once, drivers come and go."""

    def __init__(self, plan: PairsPlan, device: str) -> None:
        self._plan, self._device = plan, device
        self._persona = Actor(plan.persona, device=device, map_px=_map_px(plan.size))

    def pairs(self, shard: int) -> Iterator[Pair]:
        """The pairs of one shard; they depend on the plan and the shard's number alone."""
        plan = self._plan
        for first in range(0, plan.pairs_in(shard), plan.per_driver):
            rng = np.random.default_rng((plan.seed, _SALT, shard, first // plan.per_driver))
            seed = int(rng.integers(_DRIVER_SEEDS))
            driver = Actor(Recipe("driver", seed), device=self._device, map_px=_map_px(plan.size))
            for _ in range(min(plan.per_driver, plan.pairs_in(shard) - first)):
                yield self._pair(driver, seed, rng)

    def _pair(self, driver: Actor, seed: int, rng: np.random.Generator) -> Pair:
        size = self._plan.size
        shot, view, rig = draw_shot(rng), draw_view(rng, size), draw_rig(rng)
        behind, webcam = draw_behind(rng, size, rig), Webcam.draw(rng)
        loose: tuple[Piece, ...] = ()
        if rng.random() < self._plan.objects:
            loose = (draw_object(driver, shot, rng),)
        seen = driver.shoot(shot, view, rig, behind, loose=loose, quality="fast")
        ground = np.full((size, size, 3), 0.18, np.float32)
        answer = self._persona.shoot(shot, view, rig, ground, quality="fast")
        return Pair(
            driver=webcam.shoot(seen.colour),
            driver_labels=seen.labels,
            occluder=_as_bytes(seen.occluder),
            persona=to_bgr(answer.colour),
            persona_alpha=_as_bytes(answer.alpha),
            persona_labels=answer.labels,
            driver_landmarks=seen.landmarks,
            persona_landmarks=answer.landmarks,
            actions={name: round(value, 4) for name, value in shot.actions.items() if value > 0},
            pose=(shot.pose.yaw, shot.pose.pitch, shot.pose.roll),
            gaze=shot.gaze,
            driver_seed=seed,
            about=_about(seen, rig, loose),
        )


def draw_object(driver: Actor, shot: Shot, rng: np.random.Generator) -> Piece:
    """Something before the driver's face, at some moment of its way there and back."""
    look, body = driver.recipe.look, driver.person.body
    owner = Owner(
        skin_rgb=_triple(skin_tone(look)), hair_rgb=_triple(hair_tone(look)),
        sleeve_rgb=look.cloth_rgb if rng.random() < _SLEEVES else None,
    )  # fmt: skip
    time_s = float(rng.normal(0.0, _AROUND_S))
    return draw_occluder(rng, body, time_s=time_s, owner=owner, head=rigid(body, shot.pose))


def _triple(colour: Floats) -> tuple[float, float, float]:
    return (float(colour[0]), float(colour[1]), float(colour[2]))


def draw_shot(rng: np.random.Generator) -> Shot:
    """A random expression, pose and gaze."""
    actions, (yaw, pitch, roll), gaze = draw_code(rng)
    return Shot(actions=actions, pose=HeadPose(yaw=yaw, pitch=pitch, roll=roll), gaze=gaze)


def draw_view(rng: np.random.Generator, size: int) -> View:
    """A random square framing: nearer or further, the face a little off the middle, the camera above or below."""
    span = float(rng.uniform(*_SPAN_M))
    # Bounded: what the picture's edge cuts off, no tracker reads and no swap needs.
    aside, up = np.clip(rng.normal(0.0, (0.014, 0.012)), -0.03, 0.03)
    aim = (float(aside), 0.0, -0.035 + float(up))
    return View(
        size, size, 2, span=span, aim=aim, distance=float(rng.uniform(0.55, 1.4)),
        elevation=float(np.clip(rng.normal(0, 7), -18, 18)),
    )  # fmt: skip


def draw_behind(rng: np.random.Generator, size: int, rig: Rig) -> Floats:
    """A random room in the rig's light: (size, size, 3) float32 linear RGB."""
    chosen = draw_backdrop(rng)
    room = Backdrop(size, size, chosen.style, chosen.colour, chosen.seed, blur=chosen.blur, tint=ambient(rig))
    return room.at(float(rng.uniform(0.0, 12.0)))


def _about(seen: Picture, rig: Rig, loose: tuple[Piece, ...]) -> dict[str, object]:
    return {"view": asdict(seen.view), "rig": asdict(rig), "objects": len(loose)}


def _as_bytes(share: Floats) -> NDArray[np.uint8]:
    return np.asarray(np.clip(share * 255.0 + 0.5, 0, 255), np.uint8)


def _map_px(size: int) -> int:
    """Skin maps no finer than the pictures can show."""
    return 512 if size <= 256 else 1024
