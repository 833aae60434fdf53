from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cli_runner import write_clip

from mien.plugin.sidebyside import moments, side_by_side
from mien.realtime.errors import SourceError


def test_moments_lie_inside_the_clip(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "wall.mp4", frames=40, fps=10)
    assert moments(clip, 3) == pytest.approx((1.0, 2.0, 3.0), abs=0.05)


def test_columns_show_the_same_moment_of_both_files(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "wall.mp4", frames=40, fps=10)
    picture = side_by_side(clip, clip, (1.0, 3.0))
    # Two columns of 480 px and two rows of 360 px, with a white gap of 8 px between.
    assert picture.shape == (728, 968, 3)
    assert (picture[:360] == picture[368:]).all()
    assert (picture[360:368] == 255).all()
    # The wall grows brighter by one step a frame: frame 10 is left, frame 30 right.
    left, right = (float(np.median(picture[:360, columns])) for columns in (slice(0, 480), slice(488, 968)))
    assert left == pytest.approx(70, abs=3)
    assert right == pytest.approx(90, abs=3)


def test_a_time_behind_the_end_is_an_error(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "wall.mp4", frames=10, fps=10)
    with pytest.raises(SourceError, match=r"'wall\.mp4' ends before 5\.0 s"):
        side_by_side(clip, clip, (0.5, 5.0))


def test_what_is_no_video_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(SourceError, match=r"'text\.mp4' cannot be read"):
        moments(tmp_path / "text.mp4", 3)
