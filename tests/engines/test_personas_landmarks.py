from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from persona_packs import SIDE_PX, face

from mien.engines.personas.landmarks import dump_landmarks, parse_landmarks
from mien.realtime.errors import PersonaError

SIZE = (SIDE_PX, SIDE_PX)


def _spoilt(**changes: Any) -> bytes:
    return json.dumps({**json.loads(dump_landmarks(face(), *SIZE)), **changes}).encode()


def _points(index: int, point: list[float]) -> list[list[float]]:
    points: list[list[float]] = json.loads(dump_landmarks(face(), *SIZE))["landmarks"]
    points[index] = point
    return points


def test_a_face_comes_back_as_it_was_written() -> None:
    tracked = parse_landmarks(dump_landmarks(face(), *SIZE), "landmarks.json", SIZE)
    assert tracked.landmarks.dtype == tracked.blendshapes.dtype == np.float32
    assert np.abs(tracked.landmarks - face().landmarks).max() < 6e-4
    assert np.abs(tracked.blendshapes - face().blendshapes).max() < 1e-5


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"{", "the file is wrong"),
        (b"[" * 100_000, "the file is wrong"),
        (_spoilt(version=2), "version is wrong"),
        (_spoilt(more=1), "more is wrong"),
        (_spoilt(landmarks=[[0, 0, 0]] * 477), "landmarks is wrong"),
        (_spoilt(landmarks=_points(3, [1.0, 2.0])), "landmarks.3.2 is wrong"),
        (_spoilt(landmarks=_points(3, [1.0, float("nan"), 2.0])), "landmarks.3.1 is wrong"),
        (_spoilt(landmarks=_points(3, [float("inf"), 1.0, 2.0])), "landmarks.3.0 is wrong"),
        (_spoilt(landmarks=_points(3, [5000.0, 1.0, 2.0])), "far outside the portrait of 160x160 px"),
        (_spoilt(landmarks=_points(3, [50.0, 1.0, 2000.0])), "deeper than the portrait is wide"),
        (_spoilt(landmarks=[[80.0, 80.0, 0.0]] * 478), "the eyes lie less than 16 px apart"),
        (_spoilt(width=161), "was tracked on 161x160 px; the portrait has 160x160 px"),
        (_spoilt(blendshapes={"jawOpen": 0.1}), "exactly MediaPipe's 52 names"),
        (_spoilt(blendshapes={"jawOpen": 1.5}), "blendshapes.jawOpen is wrong"),
    ],
)
def test_a_spoilt_file_is_refused_with_its_reason(data: bytes, message: str) -> None:
    with pytest.raises(PersonaError, match=message.replace(".", r"\.")):
        parse_landmarks(data, "landmarks.json", SIZE)
