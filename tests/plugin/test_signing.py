from __future__ import annotations

import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from cli_runner import Mien, write_clip, write_face_clip

from mien.engines.credentials import toolkit
from mien.engines.credentials.chain import Identity
from mien.engines.credentials.errors import CredentialError
from mien.engines.credentials.manifest import Description
from mien.engines.verify.signed import read_signed
from mien.plugin import Live, LiveConfig, convert, verify
from mien.plugin.signing import Signing, anchors, credentials_folder
from mien.realtime.config import CredentialSettings
from mien.realtime.errors import ConfigError


@pytest.fixture
def mien(capsys: pytest.CaptureFixture[str]) -> Mien:
    return Mien(capsys)


@pytest.fixture
def no_c2pa(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the package is not installed."""
    toolkit.toolkit.cache_clear()
    monkeypatch.setitem(sys.modules, "c2pa", None)


def test_a_conversion_is_signed_and_names_what_it_shows(tmp_path: Path) -> None:
    clip = write_face_clip(tmp_path / "in.mp4", frames=3)
    report = convert(clip, tmp_path / "out.mp4", LiveConfig(persona="viggo"))
    assert report.unsigned == ""
    found = read_signed(tmp_path / "out.mp4")
    assert (found.state, found.ours, found.trusted) == ("valid", True, "unknown")
    assert (found.personas, found.source_type) == (("viggo",), "compositeWithTrainedAlgorithmicMedia")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "out.mp4"]
    # The user's folder got no key: nothing that is kept could link this file to the next.
    assert not credentials_folder().exists()


def test_portrait_mode_of_a_rendered_persona_is_wholly_generated(tmp_path: Path) -> None:
    clip = write_face_clip(tmp_path / "in.mp4", frames=3)
    convert(clip, tmp_path / "out.mov", LiveConfig(persona="viggo", mode="portrait"))
    assert read_signed(tmp_path / "out.mov").source_type == "trainedAlgorithmicMedia"


def test_a_recording_in_which_nobody_was_worn_names_nobody(tmp_path: Path) -> None:
    """All slates: no face was in the picture, so nothing in the file was made by a network, and nobody was shown."""
    clip = write_clip(tmp_path / "in.mp4", frames=8, size=(640, 360))
    convert(clip, tmp_path / "out.mp4", LiveConfig(persona="viggo"))
    report = verify(tmp_path / "out.mp4", signals=False)
    found = report.signed
    assert (found.state, found.personas, found.source_type) == ("valid", (), "algorithmicMedia")
    assert report.marked.payload is not None
    assert (report.marked.payload.kind, f"{report.marked.payload.to_int():016x}") == ("slate", found.watermark)


def test_without_the_library_the_mark_is_found_all_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clip = write_face_clip(tmp_path / "in.mp4", frames=4)
    convert(clip, tmp_path / "out.mp4", LiveConfig(persona="viggo"))
    monkeypatch.setitem(sys.modules, "c2pa", None)
    toolkit.toolkit.cache_clear()
    report = verify(tmp_path / "out.mp4", signals=False)
    assert report.signed.state == "unsupported"
    assert "c2pa-python" in report.signed.problems[0]
    assert report.marked.found


def test_a_live_recording_is_signed_once_all_threads_have_ended(tmp_path: Path) -> None:
    clip, out = write_face_clip(tmp_path / "in.mp4", frames=5), tmp_path / "out.mp4"
    told: list[str] = []
    config = LiveConfig(source=str(clip), sinks=(f"file:{out}", "null"), persona="viggo")
    with Live(config, on_event=told.append) as live:
        live.wait()
        live.set_persona("amara")
        assert not out.exists()
    found = read_signed(out)
    assert (found.state, found.personas) == ("valid", ("viggo", "amara"))
    assert [text for text in told if "signed" in text] == []
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("mien-")] == []


def test_without_the_library_the_recording_is_kept_and_the_user_told(mien: Mien, no_c2pa: None, tmp_path: Path) -> None:
    clip, out = write_clip(tmp_path / "in.mp4", frames=3), tmp_path / "out.mp4"
    result = mien("convert", clip, out, "--json")
    assert result.code == 0
    assert result.document["signed"] is False
    said = " ".join(result.err.split())
    assert "note: out.mp4 is whole, but not signed" in said
    assert "Its picture is marked all the same." in said
    assert 'pip install "c2pa-python' in said
    assert out.exists()


def test_a_matroska_file_is_kept_with_a_note(mien: Mien, tmp_path: Path) -> None:
    clip, out = write_clip(tmp_path / "in.mp4", frames=3), tmp_path / "out.mkv"
    result = mien("convert", clip, out)
    assert result.code == 0
    assert "note: out.mkv carries no signature: .mkv files cannot hold one. Its picture is marked" in result.err
    assert out.exists()


def test_who_wants_to_be_known_is(tmp_path: Path) -> None:
    signing = Signing(CredentialSettings(identity=True))
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for path in paths:
        write_picture(path)
        assert signing.sign(path, Description()) == ""
    own = anchors(CredentialSettings())
    assert own.roots == Identity(credentials_folder()).root
    assert [read_signed(path, own=own).trusted for path in paths] == ["own", "own"]


def write_picture(path: Path) -> None:
    cv2.imwrite(str(path), np.zeros((16, 16, 3), np.uint8))


def test_a_certificate_that_cannot_be_used_is_an_error_before_the_run(tmp_path: Path) -> None:
    settings = CredentialSettings(certificate=tmp_path / "chain.pem", key=tmp_path / "key.pem")
    config = LiveConfig(source="pattern", sinks=(f"file:{tmp_path / 'out.mp4'}",), credentials=settings)
    with pytest.raises(CredentialError, match=r"key\.pem cannot be read"), Live(config):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"certificate": "a.pem"}, "certificate and key are given together"),
        ({"key": "a.pem"}, "certificate and key are given together"),
        ({"certificate": "a.pem", "key": "b.pem", "identity": True}, "either identity or a certificate"),
        ({"sign": False}, "unknown setting 'credentials.sign'"),
        ({"certificate": "a.pem", "key": "b.pem", "enabled": False}, "unknown setting 'credentials.enabled'"),
    ],
)
def test_settings_that_do_not_fit_are_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        LiveConfig.build({"credentials": values})


def test_a_failure_is_told_for_each_file_and_stops_nothing(tmp_path: Path) -> None:
    signing = Signing()
    write_picture(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    for name in ("gone.png", "bad.png", "good.png"):
        signing.add(tmp_path / name)
    notes = signing.sign_all(Description)
    assert [note.split()[0] for note in notes] == ["gone.png", "bad.png"]
    assert read_signed(tmp_path / "good.png").state == "valid"
    assert signing.sign_all(Description) == []
    assert signing.notes == notes


def test_nothing_is_asked_where_nothing_was_recorded() -> None:
    def never() -> Description:
        raise AssertionError

    assert Signing().sign_all(never) == []
