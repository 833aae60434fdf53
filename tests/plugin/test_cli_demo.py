from __future__ import annotations

from pathlib import Path

import av
import cv2
import pytest
from cli_runner import Mien

from mien.engines.verify.signed import read_signed


@pytest.mark.slow
def test_the_demo_leaves_a_marked_video_a_picture_and_numbers(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "demo"
    result = Mien(capsys)("demo", "--out", out, "--json")
    assert result.code == 0
    document = result.document
    frames = document["convert"]["frames"]
    assert frames["in"] == frames["out"]
    # Every frame of the shipped clip is found, so nothing but the persona leaves.
    assert {key: frames[key] for key in ("dropped", "slate", "camera", "errors")} == {
        "dropped": 0, "slate": 0, "camera": 0, "errors": 0,
    }  # fmt: skip
    with av.open(document["video"]) as container:
        assert len(container.streams.audio) == (1 if document["convert"]["audio"] else 0)
        assert sum(1 for _ in container.decode(video=0)) == frames["out"]
    picture = cv2.imread(document["picture"])
    assert picture is not None
    signed = [read_signed(Path(document[name])) for name in ("video", "picture")]
    assert [(each.state, each.personas) for each in signed] == [("valid", ("amara",))] * 2
    assert picture.shape[1] > picture.shape[0]
    assert document["live"]["fps"] > 0
    assert "fps" in result.err
    assert str(out / "demo.mp4") in result.err
