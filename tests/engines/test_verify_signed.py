from __future__ import annotations

import io
import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import c2pa
import cv2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recordings import make, picture, record, signed

from mien.engines.credentials.chain import one_time
from mien.engines.credentials.manifest import PERSONA_LABEL, Description
from mien.engines.verify.signed import MAX_LISTED, MAX_TEXT, Signed, read_signed
from mien.realtime.errors import SourceError

DATA_CHANGED = "the picture or sound data was changed after signing"


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("recording")
    return signed(folder / "a.mp4", description=Description(watermark="0123456789abcdef")).read_bytes()


def read(data: bytes, folder: Path, name: str = "x.mp4") -> Signed:
    path = folder / name
    path.write_bytes(data)
    return read_signed(path)


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def test_a_recording_of_ours_is_valid(recording: bytes, tmp_path: Path) -> None:
    found = read(recording, tmp_path)
    assert (found.state, found.ours, found.trusted, found.problems) == ("valid", True, "unknown", ())
    assert (found.made_with_ai, found.watermark) == (True, "0123456789abcdef")
    assert found.signer == "Mien one-time signer"


def test_a_changed_byte_is_found_and_where_it_is_told(recording: bytes, tmp_path: Path) -> None:
    in_pictures = read(flipped(recording, recording.index(b"mdat") + 3000), tmp_path)
    assert (in_pictures.state, in_pictures.problems) == ("invalid", (DATA_CHANGED,))
    in_index = read(flipped(recording, recording.index(b"stsz") + 40), tmp_path)
    assert (in_index.state, in_index.problems) == ("invalid", (DATA_CHANGED,))
    statement = read(flipped(recording, recording.index(b"0123456789abcdef")), tmp_path)
    assert (statement.state, statement.problems) == (
        "invalid", ("a statement in the manifest was changed after signing",),
    )  # fmt: skip
    certificate = read(flipped(recording, recording.index(b"Mien one-time signer")), tmp_path)
    assert (certificate.state, certificate.problems) == (
        "invalid", ("the signature does not fit: the claim or the certificate was changed",),
    )  # fmt: skip


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_a_changed_byte_in_a_picture_is_found(name: str, tmp_path: Path) -> None:
    path = signed(tmp_path / name)
    found = read(flipped(path.read_bytes(), path.stat().st_size - 200), tmp_path, name)
    assert (found.state, found.problems) == ("invalid", (DATA_CHANGED,))


def test_a_cut_and_something_appended_are_found(recording: bytes, tmp_path: Path) -> None:
    for data in (recording[: len(recording) * 3 // 4], recording + b"\0" * 8, recording + b"\0\0\0\x0cmdatmore"):
        found = read(data, tmp_path)
        assert (found.state, found.problems) == ("invalid", (DATA_CHANGED,))
    # Amid the index, in the middle of the manifest, and with what is no box behind it all.
    statement = recording.index(b"org.mien.persona")
    for data in (recording[:-1], recording[:statement], recording + b"x" * 100):
        found = read(data, tmp_path)
        assert found.state == "invalid"
        assert found.problems[0].startswith("there is a manifest, and it or the file is damaged beyond checking")


def transcode(source: Path, target: Path, *, copied: bool) -> Path:
    with av.open(str(source)) as given, av.open(str(target), "w") as made:
        track = given.streams.video[0]
        if copied:
            out = made.add_stream_from_template(track)
            for packet in given.demux(track):
                if packet.dts is not None:
                    packet.stream = out
                    made.mux(packet)
            return target
        stream = made.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = track.width, track.height, "yuv420p"
        for frame in given.decode(track):
            frame.pts = None
            made.mux(stream.encode(frame))
        made.mux(stream.encode(None))
    return target


@pytest.mark.parametrize("copied", [True, False], ids=["remux", "re-encode"])
def test_what_went_through_another_program_has_lost_its_manifest(
    copied: bool, recording: bytes, tmp_path: Path
) -> None:
    (tmp_path / "a.mp4").write_bytes(recording)
    found = read_signed(transcode(tmp_path / "a.mp4", tmp_path / "b.mp4", copied=copied))
    assert found == Signed("none")


def test_a_screenshot_has_none(tmp_path: Path) -> None:
    pixels = cv2.imread(str(signed(tmp_path / "a.png")))
    cv2.imwrite(str(tmp_path / "b.png"), pixels)
    assert read_signed(tmp_path / "b.png") == Signed("none")


def test_a_manifest_moved_to_another_file_does_not_fit_it(tmp_path: Path) -> None:
    mine, other = (
        signed(tmp_path / "a.png").read_bytes(),
        cv2.imencode(".png", cv2.imread(str(picture(tmp_path / "b.png"))) // 2)[1].tobytes(),
    )
    # The manifest is the chunk behind the header.
    length = int.from_bytes(mine[33:37], "big") + 12
    assert mine[37:41] == b"caBX"
    found = read(other[:33] + mine[33 : 33 + length] + other[33:], tmp_path, "c.png")
    assert (found.state, found.problems) == ("invalid", (DATA_CHANGED,))


def test_other_kinds_are_unsupported_whatever_they_are_called(tmp_path: Path) -> None:
    record(tmp_path / "a.mkv", frames=3)
    for data in ((tmp_path / "a.mkv").read_bytes(), b"", b"text", bytes(100)):
        for name in ("x.mp4", "x.png", "x"):
            found = read(data, tmp_path, name)
            assert (found.state, found.problems) == (
                "unsupported",
                ("this kind of file carries no content credentials",),
            )


def test_the_kind_is_told_by_the_content(tmp_path: Path) -> None:
    assert read(signed(tmp_path / "a.png").read_bytes(), tmp_path, "x.mp4").state == "valid"


def test_a_damaged_file_without_a_manifest_is_not_called_changed(tmp_path: Path) -> None:
    for name in ("a.mp4", "a.png", "a.jpg"):
        data = make(tmp_path / name).read_bytes()
        for end in (13, 20, len(data) // 2):
            assert read(data[:end], tmp_path, f"cut-{name}").state in ("none", "unsupported")


def test_a_file_that_cannot_be_read_is_an_error_that_names_it(tmp_path: Path) -> None:
    for path in (tmp_path / "gone.mp4", tmp_path):
        with pytest.raises(SourceError, match=path.name):
            read_signed(path)


def by_hand(folder: Path, manifest: dict[str, Any], prepare: Callable[[Any], None] = lambda builder: None) -> Path:
    """A picture with a manifest that is not ours to make: anybody can sign anything."""
    credentials = one_time()
    information = c2pa.C2paSignerInfo(credentials.algorithm, credentials.chain, credentials.key, None)
    made = io.BytesIO()
    with c2pa.Signer.from_info(information) as signer, c2pa.Builder(manifest) as builder:
        prepare(builder)
        builder.sign(signer, "image/png", io.BytesIO(picture(folder / "a.png").read_bytes()), made)
    (folder / "b.png").write_bytes(made.getvalue())
    return folder / "b.png"


def created(source: str, *, generator: str = "Camera") -> dict[str, Any]:
    action = {"action": "c2pa.created", "digitalSourceType": f"http://cv.iptc.org/newscodes/digitalsourcetype/{source}"}
    return {
        "claim_generator_info": [{"name": generator, "version": "1"}],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [action]}}],
    }


@pytest.mark.parametrize(
    ("source", "with_ai"),
    [
        ("digitalCapture", False),
        ("trainedAlgorithmicMedia", True),
        ("compositeWithTrainedAlgorithmicMedia", True),
        ("algorithmicMedia", None),
        ("tomorrowsMedia", None),
    ],
)
def test_what_others_say_is_told_as_theirs(source: str, with_ai: bool | None, tmp_path: Path) -> None:
    found = read_signed(by_hand(tmp_path, created(source)))
    assert (found.state, found.ours, found.generator) == ("valid", False, "Camera 1")
    assert (found.source_type, found.made_with_ai) == (source, with_ai)
    assert found.personas == ()


def test_texts_of_a_manifest_are_fit_to_print(tmp_path: Path) -> None:
    manifest = created("digital\x1b[2JCapture", generator="Mien\x1b]0;owned\x07\u202egnp\n" + "x" * 5000)
    found = read_signed(by_hand(tmp_path, manifest))
    assert found.state == "valid"
    texts = (found.generator, found.source_type, found.signer, *found.assertions, *found.problems)
    assert all(text.isprintable() and len(text) <= MAX_TEXT + 10 for text in texts)
    assert found.generator.startswith("Mien ]0;owned gnp xxx")
    assert not found.ours


def test_a_statement_of_nonsense_under_our_name_is_bounded(tmp_path: Path) -> None:
    manifest = created("trainedAlgorithmicMedia", generator="Mien")
    nonsense = {"personas": [{"name": ["\x1b"] * 9}, 7, None, *[{"name": "y" * 999}] * 999], "watermark": "../../etc"}
    manifest["assertions"].append({"label": PERSONA_LABEL, "data": nonsense})
    found = read_signed(by_hand(tmp_path, manifest))
    assert (found.state, found.ours, found.watermark) == ("valid", True, None)
    assert len(found.personas) == MAX_LISTED
    assert max(map(len, found.personas)) <= MAX_TEXT


def test_a_huge_manifest_is_not_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mien.engines.verify.signed.MAX_REPORT", 2**17)
    manifest = created("digitalCapture")
    manifest["assertions"] += [{"label": "org.example.big", "data": {"text": "z" * 2**18}}]
    found = read_signed(by_hand(tmp_path, manifest))
    assert (found.state, found.problems) == ("invalid", ("the manifest is larger than 128 kB",))


def test_nobody_is_told_that_a_file_is_looked_at(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.5)

        def elsewhere(builder: Any) -> None:
            builder.set_no_embed()
            builder.set_remote_url(f"http://127.0.0.1:{server.getsockname()[1]}/manifest.c2pa")

        path = by_hand(tmp_path, created("digitalCapture"), elsewhere)
        assert b"/manifest.c2pa" in path.read_bytes()
        assert read_signed(path).state in ("none", "invalid", "unsupported")
        with pytest.raises(TimeoutError):
            server.accept()


changes = st.lists(
    st.tuples(
        st.integers(0, 4500),
        st.sampled_from(["byte", "length", "out", "in", "end"]),
        st.binary(min_size=1, max_size=16),
    ),
    min_size=1,
    max_size=6,
)


@pytest.mark.parametrize("name", ["a.mp4", "a.png", "a.jpg"])
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=changes)
def test_whatever_is_done_to_a_file_the_answer_is_a_state(
    name: str, changes: list[tuple[int, str, bytes]], tmp_path: Path
) -> None:
    if not (base := tmp_path / name).exists():
        signed(base)
    data = bytearray(base.read_bytes())
    for at, kind, content in changes:
        if kind == "byte":
            data[at : at + 1] = content[:1]
        elif kind == "length":
            data[at : at + 4] = content[:1] * 4
        elif kind == "out":
            del data[at : at + content[0]]
        elif kind == "in":
            data[at:at] = content
        else:
            del data[at:]
    found = read(bytes(data), tmp_path, "x")
    assert found.state in ("valid", "invalid", "none", "unsupported")
    assert (found.problems == ()) == (found.state in ("valid", "none"))
    assert json.dumps(found.problems).isprintable()
