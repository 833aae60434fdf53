from __future__ import annotations

from pathlib import Path

import av
import cv2
import pytest
from cli_runner import Mien, write_beginning

from mien.engines.verify.signed import read_signed
from mien.plugin import measure
from mien.plugin.clip import driver_clip
from mien.plugin.commands import demo


@pytest.mark.slow
def test_the_demo_leaves_a_marked_video_a_picture_and_numbers(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # A second of the clip, and one of measuring: of the rest, a tracker sees the face in every frame too.
    clip = write_beginning(driver_clip(), tmp_path / "driver.mp4", seconds=1.0)
    for module in (demo, measure):
        monkeypatch.setattr(module, "driver_clip", lambda: clip)
    monkeypatch.setattr(demo, "_PLAN", measure.Plan(seconds=1.0, warm_up_s=0.2, repeats=1))
    out = tmp_path / "demo"
    result = Mien(capsys)("demo", "--out", out, "--json")
    assert result.code == 0
    document = result.document
    frames = document["convert"]["frames"]
    assert frames["in"] == frames["out"] >= 28
    # Every frame of the clip is found, so nothing but the persona leaves.
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
