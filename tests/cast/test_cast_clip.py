from __future__ import annotations

from pathlib import Path

import av
import pytest

from mien.engines.cast.clip import film
from mien.engines.cast.people import DRIVER


@pytest.mark.cast
@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_short_clip_has_its_frames_and_its_sound(tmp_path: Path) -> None:
    pytest.importorskip("anny")
    seen: list[tuple[int, int]] = []
    out = tmp_path / "deep" / "clip.mp4"
    film(DRIVER, 1.0, out, height=90, on_frame=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (30, 30)
    with av.open(str(out)) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]
        frames = list(container.decode(video=0))
    assert len(frames) == 30
    assert (frames[0].width, frames[0].height) == (160, 90)
