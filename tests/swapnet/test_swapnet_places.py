from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from mien.engines.mesh.raster import draw_cells
from mien.engines.swapnet.code import NAMED
from mien.engines.swapnet.dataset import wet_map
from mien.engines.swapnet.network import Decoder
from mien.engines.swapnet.places import Floats, canonical_places, places_of
from mien.engines.swapnet.sizes import Size
from mien.realtime.head import head_model

SIZE_PX = 128


def face(turn_deg: float = 0.0, shift_px: float = 0.0) -> Floats:
    """(478, 2) landmarks of the canonical face in the square; the last ten, which no lookup uses, lie in its middle."""
    half = (SIZE_PX - 1) / 2
    turn = cv2.getRotationMatrix2D((0, 0), turn_deg, 1.0)[:, :2].astype(np.float32)
    marks = (canonical_places() @ turn.T + 1) * half + np.float32(shift_px)
    return np.concatenate([marks, np.full((10, 2), half, np.float32)]).astype(np.float32)


def looked_up(places: Floats) -> Floats:
    """(2, S/2, S/2) float32: right and down of the texture's middle, half sides."""
    line = (2 * np.arange(SIZE_PX // 2) + 0.5) * 2 / (SIZE_PX - 1) - 1
    right, down = np.meshgrid(line, line)
    return np.stack([places[0] + right, places[1] + down]).astype(np.float32)


def test_canonical_places_lie_in_the_square() -> None:
    places = canonical_places()
    assert places.shape == (468, 2)
    assert 0.5 < float(np.abs(places).max()) < 0.9


def test_the_canonical_face_lies_at_its_own_place_and_a_shifted_one_beside_it() -> None:
    still = places_of(face(), SIZE_PX, np.zeros((SIZE_PX, SIZE_PX), np.uint8))
    known = still[2] > 0
    assert 0.2 < known.mean() < 0.7
    assert np.abs(still[:2, known]).max() < 1e-4
    aside = places_of(face(shift_px=5), SIZE_PX, np.zeros((SIZE_PX, SIZE_PX), np.uint8))
    assert aside[:2, aside[2] > 0] == pytest.approx(-5 * 2 / (SIZE_PX - 1), abs=1e-3)


def test_a_landmark_of_a_turned_face_is_looked_up_at_its_own_place() -> None:
    marks = face(turn_deg=12)
    found = looked_up(places_of(marks, SIZE_PX, np.zeros((SIZE_PX, SIZE_PX), np.uint8)))
    for index in (4, 50, 280, 105, 334):
        x, y = ((marks[index] - 0.5) / 2).astype(np.float32)
        at = cv2.remap(found.transpose(1, 2, 0), np.float32([[x]]), np.float32([[y]]), cv2.INTER_LINEAR)[0, 0]
        assert at == pytest.approx(canonical_places()[index], abs=0.01)


def test_where_the_nose_hides_a_cheek_the_nose_is_looked_up() -> None:
    head = head_model().landmarks[:468]
    yaw = np.radians(35)
    turned = head @ np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]], np.float32)
    flat = turned[:, :2] - turned[:, :2].mean(0)
    marks = flat * np.float32(SIZE_PX / 26) + SIZE_PX / 2
    given = np.concatenate([marks, np.zeros((10, 2), np.float32)]).astype(np.float32)
    found = places_of(given, SIZE_PX, np.zeros((SIZE_PX, SIZE_PX), np.uint8))
    side = SIZE_PX // 2
    points = np.column_stack([(marks + 0.5) / 2 - 0.5, turned[:, 2]]).astype(np.float32)
    true, owner = draw_cells(points, canonical_places(), head_model().triangles, (side, side))
    line = (2 * np.arange(side) + 0.5) * 2 / (SIZE_PX - 1) - 1
    off = np.abs(np.stack([true[0] - line, true[1] - line[:, None]]) - found[:2])[:, owner >= 0]
    assert (off.max(0) < 0.02).mean() > 0.999


def test_eyes_and_mouth_have_no_place_of_their_own() -> None:
    marks = face()
    wet = wet_map(marks, SIZE_PX)
    known = places_of(marks, SIZE_PX, wet)[2] > 0
    eye = marks[[33, 133, 159, 145]].mean(0) / 2
    assert not known[int(eye[1]), int(eye[0])]
    brow = marks[105] / 2
    assert known[int(brow[1]), int(brow[0])]


def test_a_texture_is_learnt_from_the_pixels_that_show_it_however_wrong_the_lookup() -> None:
    torch.manual_seed(0)
    decoder = Decoder(Size(32, (4, 4), 64), 4)
    with torch.no_grad():
        decoder.where.bias[:2] = 0.3  # all lookups are off by it
        decoder.where.bias[2] = 8.0
    places = torch.zeros(1, 3, 16, 16)
    places[:, 2, 4:12, 4:12] = 1
    painted = decoder(torch.zeros(1, len(NAMED)), torch.zeros(1, 4), places)
    painted.pixels[..., 14:18, 14:18].sum().backward()
    touched = decoder.texture.grad.abs().sum(0).nonzero()
    assert int(touched.min()) >= 26
    assert int(touched.max()) <= 38
    assert float(painted.moved.detach().mean()) == pytest.approx(0.3)
