from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest
from cli_runner import Mien, write_clip

from mien.plugin import settings
from mien.plugin.clip import driver_clip
from mien.realtime.calibration import Calibration


@pytest.fixture
def mien(capsys: pytest.CaptureFixture[str]) -> Mien:
    return Mien(capsys)


def twice(clip: Path, out: Path) -> Path:
    """A clip two times in a row, small and at half its rate: longer than all prompts together."""
    with av.open(str(clip)) as source:
        frames = [
            frame.reformat(640, 360, "yuv420p") for index, frame in enumerate(source.decode(video=0)) if index % 2 == 0
        ]
    with av.open(str(out), "w") as target:
        stream = target.add_stream("libx264", rate=Fraction(15), options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for count, frame in enumerate([*frames, *frames]):
            frame.pts, frame.time_base = count, Fraction(1, 15)
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return out


@pytest.mark.slow
def test_a_calibration_is_saved_kept_and_loadable(mien: Mien, tmp_path: Path) -> None:
    result = mien("calibrate", "--source", twice(driver_clip(), tmp_path / "driver.mp4"), "--json")
    assert result.code == 0
    document = result.document
    assert "Look at the camera with a relaxed face." in result.err
    assert "Close your eyes" in result.err
    saved = Calibration.load(Path(document["path"]))
    assert saved.eyelid_closed < saved.eyelid_open
    assert document["eyelid_open"] == pytest.approx(saved.eyelid_open, abs=1e-3)
    assert settings.resolve({}).calibration == Path(document["path"]).resolve()


def test_a_recording_without_a_face_saves_nothing(mien: Mien, tmp_path: Path) -> None:
    result = mien("calibrate", "--source", write_clip(tmp_path / "wall.mp4"), "--out", tmp_path / "c.json")
    assert result.code == 3
    assert "There must be exactly one face in the picture." in result.out
    assert "the source ended before the calibration was done, at 'rest'" in result.err
    assert not (tmp_path / "c.json").exists()
    assert not settings.settings_path().exists()
