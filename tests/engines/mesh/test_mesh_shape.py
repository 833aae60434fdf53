from __future__ import annotations

import numpy as np
import pytest
from mesh_faces import face, place, portrait, rest, with_lids, with_mouth

from mien.engines.mesh.shape import PersonaShape, aperture
from mien.engines.mesh.topology import EYES, INNER_LIP_LOWER, INNER_LIP_UPPER
from mien.realtime.head import fit_head, to_head

UPPER, LOWER = list(INNER_LIP_UPPER), list(INNER_LIP_LOWER)


def _narrow() -> np.ndarray:
    shape = rest()
    shape[:, 0] *= 0.8
    return to_head(place(shape), fit_head(place(shape)))


def test_a_person_driving_his_own_portrait_stays_where_he_is() -> None:
    driver = face(rest(), rest(), yaw_deg=20, x=300)
    target = PersonaShape(portrait()[1]).target(driver)
    assert np.abs(target.points[:, :2] - driver.landmarks[:, :2]).max() < 0.7
    assert target.openness == pytest.approx((1, 1), abs=1e-3)
    assert np.abs(target.gaze).max() < 1e-3


@pytest.mark.parametrize("opened", [0.55, 1.0, 1.6])
def test_lids_shut_wholly_however_wide_the_driver_opens_his_eyes(opened: float) -> None:
    neutral = with_lids(rest(), opened)
    target = PersonaShape(portrait()[1]).target(face(with_lids(neutral, 0), neutral))
    assert target.openness == (0, 0)
    for eye in EYES:
        gap = np.linalg.norm(target.points[list(eye.upper)] - target.points[list(eye.lower)], axis=1)
        assert gap.max() < 0.01


def test_half_a_blink_is_half_a_blink_on_another_eye() -> None:
    narrow = with_lids(rest(), 0.6)
    half = PersonaShape(portrait()[1]).target(face(with_lids(narrow, 0.5), narrow))
    assert half.openness == pytest.approx((0.5, 0.5), abs=0.12)
    whole = PersonaShape(portrait()[1]).target(face(narrow, narrow))
    for eye in EYES:
        assert aperture(eye, half.points) < 0.65 * aperture(eye, whole.points)


def test_closed_lips_stay_closed_and_open_ones_open() -> None:
    persona = PersonaShape(place(with_mouth(rest(), 0.4)))  # a portrait with its mouth a little open
    closed = persona.target(face(rest(), rest(), scale=20))
    assert (closed.points[LOWER] - closed.points[UPPER])[:, 1].max() < 0.5
    opened = persona.target(face(with_mouth(rest(), 2.0), rest(), scale=20))
    assert (opened.points[LOWER] - opened.points[UPPER])[4, 1] == pytest.approx(2.0 * 20, rel=0.15)


def test_the_iris_follows_and_nothing_else_does() -> None:
    moved = rest()
    moved[468:, 0] += 0.4
    target = PersonaShape(portrait()[1]).target(face(moved, rest()))
    assert (target.gaze[:, 0] > 0.08).all()
    assert np.abs(target.gaze[:, 1]).max() < 0.01
    assert np.abs(target.points[:468, :2] - place(rest())[:468, :2]).max() < 0.7


def test_a_narrow_face_stays_narrow() -> None:
    wide = PersonaShape(place(rest())).target(face(rest(), rest()))
    narrow = PersonaShape(place(_narrow())).target(face(rest(), rest()))

    def width(points: np.ndarray) -> float:
        return float(np.linalg.norm(points[50] - points[280]))  # the cheeks

    own = float(np.linalg.norm(_narrow()[50] - _narrow()[280]) / np.linalg.norm(rest()[50] - rest()[280]))
    assert own < 0.97
    assert width(narrow.points) / width(wide.points) < 1 - 0.55 * (1 - own)


def test_without_a_neutral_the_first_frame_is_good_enough() -> None:
    target = PersonaShape(portrait()[1]).target(face(rest()))
    assert np.abs(target.points[:468, :2] - place(rest())[:468, :2]).max() < 1.5
