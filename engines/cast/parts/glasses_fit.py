"""How a frame of spectacles sits on one face: as near as brows, lashes, cheeks and nose allow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.body.anatomy import Body
from mien.engines.cast.parts.clearance import Relief, front_relief
from mien.engines.cast.parts.piece import Label, Material, Piece
from mien.engines.cast.parts.solids import Mesh, made, outline

Floats = NDArray[np.float32]

_RIM_STEPS = 84
#: The front leans (its lower edge nearer to the cheeks) and curves about the face.
_LEAN = float(np.tan(np.radians(9.0)))
_FACE_FORM_RADIUS_M = 0.22
_CLEAR_SKIN_M = 0.0017
_CLEAR_EYE_M = 0.0105


@dataclass(frozen=True, slots=True)
class FrameModel:
    """One kind of frame; lengths in m.

    Attributes:
        width: half a lens.
        height: half a lens.
        power: of the lens's superellipse.
        drop: how far the lens's middle hangs below the pupil.
        sweep: how far a lens's outer upper corner is drawn up and out, 0..1.
        cut: how far the inner lower corner is cut away for the nose.
        rim: half the rim's width seen from the front, at the top.
        rim_low: the same at the bottom.
        depth: half the rim's thickness.
        metal: the rim is metal.
        bar: a bar of plastic runs along its upper half.
        arm: half the height of a temple at its hinge; less than 2 mm is wire with a tip.
        rivets: show on the front where the hinges are.

    """

    width: float
    height: float
    power: float
    drop: float
    sweep: float
    cut: float
    rim: float
    rim_low: float
    depth: float
    metal: bool
    bar: bool
    arm: float
    rivets: bool


MODELS = {
    "round": FrameModel(0.0222, 0.0207, 2.0, 0.0040, 0.0, 0.0, 0.0017, 0.0015, 0.0016, False, False, 0.0028, False),
    "square": FrameModel(0.0256, 0.0182, 4.6, 0.0042, 0.5, 0.0052, 0.0027, 0.0019, 0.0019, False, False, 0.0042, True),
    "thin": FrameModel(0.0248, 0.0172, 2.7, 0.0036, 0.15, 0.0022, 0.00062, 0.00062, 0.0008, True, False, 0.0011, False),
    "browline": FrameModel(0.0250, 0.0188, 2.8, 0.0042, 0.35, 0.0030, 0.0007, 0.0007, 0.0008, True, True, 0.0028, True),
}


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """Where a frame sits on one face: a front with coordinates u (to the left), v (up) and w (forward), m."""

    model: FrameModel
    body: Body
    front: Relief
    resting: Relief
    origin: Floats
    half_bridge: float
    scale: float
    pad_rgb: Floats

    def at(self, u: Floats, v: Floats, w: Floats | float) -> Floats:
        """(..., 3) points of the front in the body's space."""
        back = u**2 / (2 * _FACE_FORM_RADIUS_M) - v * _LEAN
        return np.asarray(self.origin + np.stack([u, back - w, v], -1), dtype=np.float32)

    @property
    def lens_u(self) -> float:
        """How far a lens's middle stands from the frame's, m."""
        return self.half_bridge + self.model.width * self.scale

    def edge(self, *, grow: float = 0.0) -> Floats:
        """(K, 2) float32 the left lens's edge, `grow` m further out; from its outer end over the top."""
        return _lens_edge(self.model, self.scale, grow) + np.array([self.lens_u, 0.0], np.float32)


def fitted_frame(body: Body, model: FrameModel, size: float, pad_rgb: Floats) -> Fit:
    """The frame as near to the face as it may come, its bridge as narrow as the nose allows."""
    front, resting = front_relief(body), front_relief(body, lifted=False)
    eyes = body.brow_centre
    half_pupils = float(body.eyes[0].centre[0] - body.eyes[1].centre[0]) / 2
    scale = size * half_pupils / 0.0325
    cornea = float(eyes[1]) - max(eye.radius for eye in body.eyes)
    best: Fit | None = None
    for half_bridge in np.arange(0.0072, 0.0125, 0.0007) * scale:
        fit = Fit(model, body, front, resting, _origin(eyes, eyes[1], model), float(half_bridge), scale, pad_rgb)
        depth = min(_nearest(fit), cornea - _CLEAR_EYE_M - model.depth)
        fit = Fit(model, body, front, resting, _origin(eyes, depth, model), float(half_bridge), scale, pad_rgb)
        if best is None or fit.origin[1] > best.origin[1] + 0.0004:
            best = fit
    assert best is not None
    return best


def plain(mesh: Mesh, colour: Floats, material: Material) -> Piece:
    """A part of a pair of glasses."""
    return made(mesh, colour, material, Label.GLASSES)


def _lens_edge(model: FrameModel, scale: float, grow: float) -> Floats:
    """(K, 2) about the lens's own middle, counter-clockwise for the left lens."""
    power = model.power
    edge = outline(model.width * scale, model.height * scale, power=power, count=_RIM_STEPS).astype(np.float64)
    u, v = edge[:, 0] / model.width / scale, edge[:, 1] / model.height / scale
    # The lower half narrows towards the nose, the outer upper corner is drawn out.
    edge[:, 0] += model.sweep * 0.0022 * scale * v * np.clip(np.abs(u), 0, 1) * np.sign(u)
    edge[:, 0] += model.cut * scale * np.clip(-u, 0, 1) * np.clip(0.25 - v, 0, 1.2) ** 1.3
    edge[:, 1] += model.sweep * 0.0016 * scale * u * (v > 0) * np.abs(v)
    if grow:
        after, before = np.roll(edge, -1, 0), np.roll(edge, 1, 0)
        along = after - before
        normal = np.stack([along[:, 1], -along[:, 0]], 1) / np.linalg.norm(along, axis=1, keepdims=True)
        edge = edge + normal * grow
    return edge.astype(np.float32)


def _origin(eyes: Floats, depth: float, model: FrameModel) -> Floats:
    return np.array([eyes[0], depth, eyes[2] - model.drop], np.float32)


def _nearest(fit: Fit) -> float:
    """The greatest y of the front's origin at which the whole rim is clear of the skin, m."""
    model = fit.model
    room = []
    for grow in (-0.5 * model.rim, model.rim, 2 * model.rim):
        edge = fit.edge(grow=grow)
        for side in (1.0, -1.0):
            points = fit.at(side * edge[:, 0], edge[:, 1], -model.depth)
            # The pads and the saddle stand between rim and nose there, so the rim itself may come near.
            clear = np.where(np.abs(edge[:, 0]) < 0.014, 0.0012, _CLEAR_SKIN_M)
            room.append((-fit.front(points[:, 0], points[:, 2]) - clear - points[:, 1]).min())
    return float(fit.origin[1] + min(room))
