from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import pytest

from mien.engines.cast.clip import ClipPlan, film
from mien.engines.cast.people import DRIVER
from mien.realtime.errors import ConfigError


@pytest.mark.cast
@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_short_clip_has_its_frames_and_its_sound(tmp_path: Path) -> None:
    pytest.importorskip("anny")
    seen: list[tuple[int, int]] = []
    out = tmp_path / "deep" / "clip.mp4"
    film(ClipPlan(DRIVER, seconds=1.0, height=90), out, on_frame=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (30, 30)
    with av.open(str(out)) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]
        frames = list(container.decode(video=0))
    assert len(frames) == 30
    assert (frames[0].width, frames[0].height) == (160, 90)
    assert frames[0].to_ndarray(format="gray").std() > 10
    assert sorted(out.parent.iterdir()) == [out], "no half-written file is left"


@pytest.mark.cast
@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_exercises_are_filmed_without_a_word(tmp_path: Path) -> None:
    pytest.importorskip("anny")
    out = tmp_path / "clip.mp4"
    film(ClipPlan(DRIVER, exercises=True, seconds=0.5, height=90), out)
    with av.open(str(out)) as container:
        frames = list(container.decode(video=0))
    with av.open(str(out)) as container:
        sound = [float(abs(frame.to_ndarray()).max()) for frame in container.decode(audio=0)]
    assert len(frames) == 15
    assert frames[0].to_ndarray(format="gray").std() > 10
    assert max(sound) == 0.0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({}, "a script or a length"),
        ({"seconds": 0.1}, "0.5 to 300"),
        ({"seconds": 5.0, "height": 91}, "even, 64 to 2160"),
        ({"exercises": True}, "a length"),
        ({"exercises": True, "seconds": 5.0, "script": "Ah."}, "no script"),
    ],
)
def test_a_plan_out_of_range_says_what_is_allowed(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ClipPlan(DRIVER, **wrong)
