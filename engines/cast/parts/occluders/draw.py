"""Which object comes before a face."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.body.anatomy import Body
from mien.engines.cast.parts.occluders.controller import controller_occluder
from mien.engines.cast.parts.occluders.cup import cup_occluder
from mien.engines.cast.parts.occluders.hand import hand_occluder
from mien.engines.cast.parts.occluders.microphone import microphone_occluder
from mien.engines.cast.parts.occluders.place import Occluder, face_spots
from mien.engines.cast.parts.occluders.strand import strand_occluder
from mien.engines.cast.parts.piece import Piece
from mien.realtime.errors import ConfigError

Floats = NDArray[np.float32]
Triple = tuple[float, float, float]
Kind = Literal["microphone", "hand", "cup", "controller", "strand"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Owner:
    """The person before whom it stands: colours of what is theirs, linear RGB.

    Attributes:
        skin_rgb: of the hand.
        hair_rgb: of the loose lock.
        sleeve_rgb: of the sleeve; None is a bare arm.

    """

    skin_rgb: Triple = (0.42, 0.245, 0.165)
    hair_rgb: Triple = (0.075, 0.04, 0.022)
    sleeve_rgb: Triple | None = (0.1, 0.12, 0.16)


def plan_occluder(
    rng: np.random.Generator,
    body: Body,
    *,
    kind: Kind | None = None,
    owner: Owner | None = None,
    variant: str | None = None,
) -> Occluder:
    """An object and its way past the face; build it once, then ask it for each picture of a clip.

    Args:
        rng: of every choice.
        body: before whose resting face it stands.
        kind: one of `KINDS`; drawn if not given.
        owner: colours of the person's own skin, hair and sleeve.
        variant: a microphone's, controller's or hand's own kind; drawn if not given.

    Raises:
        ConfigError: there is no such kind.

    """
    name: str = kind if kind is not None else str(rng.choice(KINDS))
    if name not in KINDS:
        raise ConfigError(f"There is no occluder {name!r}; it must be one of {', '.join(KINDS)}.")
    person = owner or Owner()
    spots = face_spots(body)
    skin, hair = np.array(person.skin_rgb, np.float32), np.array(person.hair_rgb, np.float32)
    sleeve = None if person.sleeve_rgb is None else np.array(person.sleeve_rgb, np.float32)
    if name == "microphone":
        return microphone_occluder(rng, spots, kind=variant)
    if name == "hand":
        return hand_occluder(rng, spots, skin, sleeve, scene=variant)
    if name == "cup":
        return cup_occluder(rng, spots, skin, sleeve)
    if name == "controller":
        return controller_occluder(rng, spots, skin, sleeve, kind=variant)
    return strand_occluder(rng, spots, hair)


def draw_occluder(
    rng: np.random.Generator, body: Body, *, time_s: float = 0.0, kind: Kind | None = None, owner: Owner | None = None,
    head: tuple[Floats, Floats] | None = None,
) -> Piece:  # fmt: skip
    """The same in one step: the object at one time, in world space, every face of it labelled OCCLUDER.

    Args:
        rng: of every choice; the same state gives the same object at any time.
        body: before whose face it stands.
        time_s: 0 is the middle of its stay before the face.
        kind: one of `KINDS`; drawn if not given.
        owner: colours of the person's own skin, hair and sleeve.
        head: the head's turn and shift (`body.pose.rigid`); what touches the head goes with it.

    """
    return plan_occluder(rng, body, kind=kind, owner=owner).at(time_s, head=head)
