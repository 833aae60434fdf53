from __future__ import annotations

import numpy as np
import pytest

from mien.realtime.blend import blend
from mien.realtime.colour import ColourMatcher
from mien.realtime.face import Face
from mien.realtime.frame import Alignment, FrameError, Patch

WINDOW = Alignment.window(40, 40, 200, 200)


def _face() -> Face:
    landmarks = np.zeros((478, 3), np.float32)
    landmarks[:, 0] = np.linspace(60, 220, 478)
    landmarks[:, 1] = np.linspace(60, 220, 478)[::-1]
    return Face(1, landmarks, np.zeros(52, np.float32), np.eye(4, dtype=np.float32))


def _patch(lit: np.ndarray | None) -> Patch:
    rng = np.random.default_rng(0)
    pixels = np.clip(rng.normal((60, 80, 110), 6, (200, 200, 3)), 0, 255).astype(np.uint8)
    pixels[90:110, 80:120] = (20, 15, 45)  # the mouth's inside
    mask = np.zeros((200, 200), np.uint8)
    mask[10:190, 10:190] = 255
    return Patch(pixels, mask, lit=lit)


def _mouth(lit: np.ndarray | None) -> np.ndarray:
    rng = np.random.default_rng(1)
    frame = np.clip(rng.normal((150, 175, 215), 6, (300, 300, 3)), 0, 255).astype(np.uint8)
    blend(frame, _face(), _patch(lit), WINDOW, ColourMatcher(), None, 0)
    return frame[135:145, 130:150].reshape(-1, 3).mean(axis=0)


def test_what_is_lit_already_is_not_matched_again() -> None:
    lit = np.zeros((200, 200), np.uint8)
    lit[90:110, 80:120] = 255
    assert _mouth(lit) == pytest.approx((20, 15, 45), abs=1)
    assert (_mouth(None) > (60, 60, 80)).all()  # a dark mouth would turn grey on a fairer driver


def test_it_has_the_patchs_size() -> None:
    with pytest.raises(FrameError, match=r"patch lit must be uint8 \(200, 200\)"):
        _patch(np.zeros((10, 10), np.uint8))
