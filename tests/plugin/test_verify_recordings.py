"""What `verify` says of our own recording, and of what people do to it."""

from __future__ import annotations

import shutil
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from mien.engines.verify.report import Report
from mien.plugin import Live, LiveConfig, verify

PORTRAIT = Path(__file__).parents[2] / "engines" / "personas" / "shipped" / "viggo" / "portrait.jpg"


def encode(path: Path, pictures: list[np.ndarray], crf: int = 20) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(25), options={"crf": str(crf), "preset": "veryfast"})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode(None))
    return path


def decode(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]


def remux(source: Path, target: Path, until_s: float = 1e9, from_s: float = 0.0) -> Path:
    """Copy the packets of a part of the time, as a player's "export" does."""
    with av.open(str(source)) as read, av.open(str(target), "w") as write:
        stream = write.add_stream_from_template(read.streams.video[0])
        for packet in read.demux(video=0):
            time_s = None if packet.pts is None else float(packet.pts * packet.time_base)
            if time_s is not None and from_s <= time_s < until_s:
                packet.stream = stream
                write.mux(packet)
    return target


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A recording of ours of three seconds, and its session."""
    folder = tmp_path_factory.mktemp("recorded")
    face = cv2.resize(cv2.imread(str(PORTRAIT)), (360, 360), interpolation=cv2.INTER_AREA)
    picture = cv2.copyMakeBorder(face, 0, 0, 140, 140, cv2.BORDER_CONSTANT, value=(90, 100, 110))
    driver = encode(folder / "driver.mp4", [np.roll(picture, index // 3, axis=1) for index in range(75)])
    target = folder / "ours.mp4"
    config = LiveConfig(
        source=str(driver), persona="linh", engine="mesh", sinks=(f"file:{target}",), pace=False, loop=False
    )
    with Live(config) as live:
        live.wait()
        session = live.session_id
    return target, session


def look(path: Path) -> Report:
    return verify(path, signals=False)


def test_our_own_recording_is_signed_and_marked_with_its_session(recorded: tuple[Path, int]) -> None:
    path, session = recorded
    report = look(path)
    assert (report.signed.state, report.signed.ours, report.signed.made_with_ai) == ("valid", True, True)
    assert report.marked.found
    assert report.marked.payload is not None
    assert (report.marked.payload.session, report.marked.payload.kind) == (session, "persona")
    assert report.marked.since_s == 0.0
    assert report.marked.coverage > 0.95
    # The signature says which mark belongs to it, so that a mark copied from elsewhere does not fit.
    assert report.signed.watermark == f"{report.marked.payload.to_int():016x}"


def test_one_flipped_byte_breaks_the_signature_and_not_the_mark(recorded: tuple[Path, int], tmp_path: Path) -> None:
    path, session = recorded
    data = bytearray(path.read_bytes())
    data[data.index(b"mdat") + len(data) // 3] ^= 1
    changed = tmp_path / "changed.mp4"
    changed.write_bytes(bytes(data))
    report = look(changed)
    assert report.signed.state == "invalid"
    assert report.signed.problems
    assert report.marked.sessions == (session,)


def test_encoded_again_it_is_marked_and_not_signed(recorded: tuple[Path, int], tmp_path: Path) -> None:
    path, session = recorded
    report = look(encode(tmp_path / "again.mp4", decode(path), crf=24))
    assert report.signed.state == "none"
    assert report.marked.sessions == (session,)


def test_copied_into_another_file_it_is_marked_and_not_signed(recorded: tuple[Path, int], tmp_path: Path) -> None:
    path, session = recorded
    for name, state in (("copy.mp4", "none"), ("copy.mkv", "unsupported")):
        report = look(remux(path, tmp_path / name))
        assert report.signed.state == state
        assert report.marked.sessions == (session,)


def test_cut_it_is_marked_from_its_new_beginning_and_not_signed(recorded: tuple[Path, int], tmp_path: Path) -> None:
    path, session = recorded
    report = look(remux(path, tmp_path / "cut.mp4", until_s=1.5))
    assert report.signed.state == "none"
    assert report.marked.sessions == (session,)
    assert report.marked.since_s == 0.0
    assert report.file.pictures < 45


def test_the_end_cut_off_as_bytes_is_no_valid_file(recorded: tuple[Path, int], tmp_path: Path) -> None:
    path, _ = recorded
    cut = tmp_path / "half.mp4"
    shutil.copy(path, cut)
    with cut.open("r+b") as file:
        file.truncate(path.stat().st_size * 2 // 3)
    try:
        report = look(cut)
    except ValueError as error:
        assert "half.mp4" in str(error)  # noqa: PT017
    else:
        assert report.signed.state != "valid"
