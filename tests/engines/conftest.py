"""Marked and unmarked pictures that the detector's tests share; rendered once, and written to by nobody."""

from __future__ import annotations

import pytest

from marked_pictures import PAYLOAD, marked, rendered
from mien.realtime.frame import Pixels


@pytest.fixture(scope="session")
def clip() -> list[Pixels]:
    """A second and a half of rendered frames, unmarked."""
    return rendered(45)


@pytest.fixture(scope="session")
def marked_clip(clip: list[Pixels]) -> list[Pixels]:
    return marked(clip, PAYLOAD)


@pytest.fixture(scope="session")
def still() -> Pixels:
    return marked(rendered(1, 1280, 720), PAYLOAD)[0]
