from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from verify_files import marked, numbered, textured, write_video

from mien.engines.verify import verify as module
from mien.engines.verify.errors import VerifyError
from mien.engines.verify.verify import verify, verify_camera
from mien.realtime.clock import ManualClock
from mien.realtime.source.pattern import PatternSource
from mien.realtime.watermark.payload import Payload

PAYLOAD = Payload("persona", 0x1234ABCD, 0x155AA55)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds without a mark, then four with it."""
    pictures = textured(50) + marked(textured(100, seed=6), PAYLOAD)
    return write_video(tmp_path_factory.mktemp("marked") / "late.mp4", pictures, options={"crf": "20"})


def test_a_mark_is_found_with_its_session_and_its_time(video: Path) -> None:
    told: list[tuple[int, int | None]] = []
    report = verify(video, progress=lambda done, total: told.append((done, total)), signals=False)
    assert report.marked.found
    assert report.marked.payload == PAYLOAD
    assert report.marked.sessions == (PAYLOAD.session,)
    assert report.marked.since_s == pytest.approx(2.0, abs=1.1)
    assert 0.5 < report.marked.coverage < 0.9
    assert report.signed.state == "none"
    assert report.signals.reason == "they were not asked for"
    assert told == [(done, 150) for done in range(1, 151)]
    assert (report.file.pictures, report.file.until_s) == (150, pytest.approx(5.96))


def test_a_remux_keeps_the_mark_and_a_cut_moves_it(video: Path, tmp_path: Path) -> None:
    remuxed = tmp_path / "a.mkv"
    with av.open(str(video)) as source, av.open(str(remuxed), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    assert verify(remuxed, signals=False).marked.payload == PAYLOAD
    with av.open(str(video)) as source:
        late = [frame.to_ndarray(format="bgr24") for frame in source.decode(video=0)][75:]
    cut = verify(write_video(tmp_path / "cut.mp4", late), signals=False)
    assert cut.marked.payload == PAYLOAD
    assert cut.marked.since_s == 0.0
    assert cut.marked.coverage > 0.95


def test_an_unmarked_video_is_said_to_have_none(tmp_path: Path) -> None:
    report = verify(write_video(tmp_path / "plain.mp4", textured(30)), signals=False)
    assert not report.marked.found
    assert report.marked.payload is None
    assert report.marked.false_positive_bound < 1e-4


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_still_carries_the_mark_and_has_no_signals(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"shot{suffix}"
    cv2.imwrite(str(path), marked(textured(1, (1280, 720)), PAYLOAD)[0])
    report = verify(path)
    assert report.marked.payload == PAYLOAD
    assert report.signals.state == "not measured"
    assert "one picture" in report.signals.reason


def test_a_tiny_video_and_one_of_one_picture_are_looked_at(tmp_path: Path) -> None:
    for count, size in ((1, (96, 64)), (3, (16, 16))):
        report = verify(write_video(tmp_path / "a.mp4", numbered(count, size)))
        assert report.file.pictures == count
        assert not report.marked.found
        assert report.signals.state == "not measured"


def test_hostile_metadata_reaches_no_answer(tmp_path: Path) -> None:
    path = tmp_path / "<b>a\x1b[31m.mp4"
    hostile = {"title": "<script>alert(1)</script>\x07", "comment": "\u202e" + "x" * 100_000}
    write_video(path, numbered(3), metadata=hostile)
    report = verify(path, signals=False)
    assert report.file.media.name == "<b>a [31m.mp4"
    assert "alert" not in str(report.to_json())


def test_what_cannot_be_looked_at_is_an_error_with_the_files_name(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("nothing to see\n" * 99)
    for path in (tmp_path / "gone.mp4", tmp_path / "text.mp4", tmp_path):
        with pytest.raises(VerifyError, match=path.name):
            verify(path)


def test_a_camera_is_looked_at_for_its_seconds_and_released(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ManualClock()
    source = PatternSource(width=320, height=240, fps=10.0, pace=True, clock=clock)
    asked: list[str] = []

    def open_it(spec: str, **_: object) -> PatternSource:
        asked.append(spec)
        return source

    monkeypatch.setattr(module, "open_source", open_it)
    report = verify_camera("camera:2", seconds=2.0, signals=False)
    assert asked == ["camera:2"]
    assert report.file.media.kind == "live"
    assert (report.file.pictures, report.file.until_s) == (21, pytest.approx(2.0))
    assert report.signed.state == "unsupported"
    assert not report.marked.found
    assert source.read() is None


def test_a_face_in_a_video_gives_numbers(tmp_path: Path) -> None:
    portrait = Path(__file__).parents[2] / "engines" / "personas" / "shipped" / "viggo" / "portrait.jpg"
    picture = np.asarray(cv2.resize(cv2.imread(str(portrait)), (384, 384), interpolation=cv2.INTER_AREA), np.uint8)
    path = write_video(tmp_path / "face.mp4", [np.roll(picture, index % 3, axis=1) for index in range(30)], fps=15)
    signals = verify(path).signals
    assert (signals.state, signals.runs) == ("measured", 1)
    assert signals.pictures == 30
