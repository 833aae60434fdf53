from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pytest

from mien.realtime.errors import MissingExtraError
from mien.realtime.tracker.finder import FaceFinder
from mien.realtime.tracker.landmarker import Landmarker
from mien.realtime.tracker.model import landmarker_path
from mien.realtime.tracker.native import mediapipe_tasks


@pytest.mark.parametrize(
    "first_use",
    [
        lambda: Landmarker(landmarker_path(), max_faces=2),
        lambda: FaceFinder(landmarker_path())(np.zeros((128, 128, 3), np.uint8)),
    ],
)
def test_without_mediapipe_the_error_says_what_to_install(
    first_use: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Loaded, so that nothing of it is left half loaded afterwards.
    mediapipe_tasks()
    monkeypatch.setitem(sys.modules, "mediapipe.tasks.python.vision", None)
    with pytest.raises(MissingExtraError, match="mediapipe cannot be loaded") as caught:
        first_use()
    assert "pip install mediapipe" in caught.value.hint
