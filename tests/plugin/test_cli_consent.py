"""`mien consent` and `mien persona revoke`, as people call them."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest
from cli_runner import Mien
from persona_packs import (
    SUBJECT,
    TOOL,
    consent_record,
    files,
    know_tool,
    table,
    write_folder,
)
from scripted_face import Performer, key_pictures

from mien.engines.consent.keys import public_hex, public_pem, write_key
from mien.engines.consent.record import parse_record
from mien.engines.measure import identity
from mien.engines.personas.library import Library
from mien.engines.personas.manifest import sha256
from mien.plugin.consent import session


@pytest.fixture
def mien(capsys: pytest.CaptureFixture[str]) -> Mien:
    return Mien(capsys)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a picture in it."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    cv2.imwrite("me.png", cv2.resize(key_pictures()["portrait"], None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC))
    return folder


def test_a_request_says_in_plain_words_what_is_asked(mien: Mien, here: Path) -> None:
    result = mien(
        "consent", "request", "--name", "me", "--portrait", "me.png", "--use", "live-stream", "--forbid", "adult",
        "--days", "30", "--for", "A. Streamer", "--json",
    )  # fmt: skip
    assert result.code == 0
    text = (here / "me.request.md").read_text()
    assert result.document == {"path": "me.request.md", "sha256": sha256(text.encode())}
    assert "allow A. Streamer to be seen" in text
    assert "show it in live streams" in text
    assert "train a network" not in text
    assert "pass for you where somebody's identity" in text, "forbidden whatever is asked for"
    assert "30 days" in text
    assert sha256((here / "me.png").read_bytes()) in text
    again = mien("consent", "request", "--name", "me", "--portrait", "me.png")
    assert (again.code, "There is a file me.request.md already" in again.err) == (5, True)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--use", "fun"), 2, "--use 'fun' is unknown. Allowed are: live-stream"),
        (("--forbid", "fun"), 2, "--forbid 'fun' is unknown"),
        (("--days", "1000"), 5, "may last 1 to 731 days"),
        (("--for", "a\nb"), 5, "Who may use it has to be one line"),
        (("--portrait", "none.png"), 5, "The portrait none.png cannot be read"),
    ],
)
def test_terms_that_cannot_be_are_said_and_leave_nothing(
    mien: Mien, here: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    result = figure(mien, *arguments)
    assert result.code == code
    assert said in " ".join(result.err.split())
    assert sorted(path.name for path in here.iterdir()) == ["me.png", "words.txt"]


def figure(mien: Mien, *more: str, answers: str = "yes\n") -> object:
    Path("words.txt").write_text("I painted this figure and hold all rights in it. Signed: A. Painter")
    return mien(
        "consent", "figure", "--name", "me", "--portrait", "me.png", "--statement", "words.txt", "--holder",
        "A. Painter", "--basis", "own-work", "--key", "my.key", *more, answers=answers,
    )  # fmt: skip


def test_a_figure_from_the_statement_to_the_persona_and_its_end(mien: Mien, here: Path) -> None:
    made = figure(mien)
    assert made.code == 0, made.err
    assert "What is stored, and nothing else:" in made.out
    for name in ("me.consent.json", "me.request.md", "my.key"):
        assert name in made.out
        assert stat.S_IMODE((here / name).stat().st_mode) == 0o600
    assert "PRIVATE KEY" not in made.out + made.err
    record = parse_record((here / "me.consent.json").read_bytes()).record
    assert record.statement is not None
    assert record.statement.text == sha256((here / "words.txt").read_bytes())
    assert record.request == sha256((here / "me.request.md").read_bytes())

    shown = mien("consent", "show", "me.consent.json")
    assert "figure, not named" in shown.out
    assert "stated       by A. Painter, own-work" in shown.out
    assert shown.out.rstrip().endswith("valid")

    created = mien("persona", "create", "--portrait", "me.png", "--consent", "me.consent.json", "--name", "me")
    assert created.code == 0, created.err
    assert mien("consent", "show", "me", "--json").document["valid"] is True
    states = {info.name: info.state for info in Library().list()}
    assert states["me"] == "ready"

    write_key(here / "other.key", SUBJECT)
    refused = mien("persona", "revoke", "me", "--key", "other.key")
    assert (refused.code, "cannot withdraw this consent" in refused.err) == (5, True)
    revoked = mien("persona", "revoke", "me", "--key", "my.key", "--json")
    assert revoked.code == 0
    assert all(Path(each).is_file() for each in revoked.document["files"])
    assert len(revoked.document["files"]) == 2
    assert "was withdrawn on" in mien("consent", "show", "me").out
    listed = next(info for info in Library().list() if info.name == "me")
    assert (listed.state, "was withdrawn" in listed.problem) == ("unverified", True)
    assert mien("run", "--persona", "me", "--source", "pattern", "--sink", "null").code == 5
    checked = mien("persona", "check", "me", "--quick", "--json").document
    assert next(item["state"] for item in checked["items"] if item["name"] == "consent") == "failed"


def test_a_subject_who_has_only_the_record_can_withdraw(mien: Mien, here: Path, tmp_path: Path) -> None:
    assert figure(mien).code == 0
    pack = tmp_path / "packs" / "me"
    create = ("--portrait", "me.png", "--consent", "me.consent.json", "--name", "me", "--out", pack)
    assert mien("persona", "create", *create).code == 0
    made = mien("persona", "revoke", "me.consent.json", "--key", "my.key", "--json").document["files"]
    assert Path(made[1]).name == "me.revoked.json"
    Path(made[0]).unlink()
    assert mien("consent", "show", pack, "--json").document["valid"] is True
    Path(made[1]).rename(pack.with_name("me.revoked.json"))
    assert mien("consent", "show", pack, "--json").document["valid"] is False


def test_whoever_does_not_agree_leaves_nothing(mien: Mien, here: Path) -> None:
    for answers in ("no\n", "\n"):
        result = figure(mien, answers=answers)
        assert (result.code, "There was no consent; nothing was recorded" in result.err) == (5, True)
    assert sorted(path.name for path in here.iterdir()) == ["me.png", "words.txt"]


def test_a_locked_key_asks_for_its_passphrase(mien: Mien, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What is typed unseen comes from the terminal, not from stdin: the boundary is typer's prompt.
    monkeypatch.setattr("typer.prompt", lambda *_a, **_k: "open sesame")
    assert figure(mien, "--passphrase").code == 0
    assert b"ENCRYPTED" in (here / "my.key").read_bytes()
    assert mien("persona", "create", "--portrait", "me.png", "--consent", "me.consent.json", "--name", "me").code == 0
    monkeypatch.setattr("typer.prompt", lambda *_a, **_k: "wrong")
    assert "the passphrase is not its" in mien("persona", "revoke", "me", "--key", "my.key").err
    monkeypatch.setattr("typer.prompt", lambda *_a, **_k: "open sesame")
    assert mien("persona", "revoke", "me", "--key", "my.key").code == 0


def test_an_empty_statement_states_nothing(mien: Mien, here: Path) -> None:
    (here / "empty.txt").write_text("ok")
    result = figure(mien, "--statement", "empty.txt")
    assert (result.code, "too short to state anything" in result.err) == (5, True)


def test_keys_of_others_are_accepted_by_name(mien: Mien, here: Path, tmp_path: Path) -> None:
    own = mien("consent", "trust", "--own", "--json").document
    assert len(own["key"]) == 64
    assert "PUBLIC KEY" in mien("consent", "trust", "--own").out
    (here / "ann.pem").write_bytes(public_pem(TOOL))
    assert mien("consent", "trust", "ann.pem").code == 2
    root = write_folder(tmp_path / "pat", {**files()}, table())
    # `write_folder` made TOOL this machine's own; take that back, so that it is another's.
    Path(os.environ["MIEN_CONFIG_DIR"], "keys", "consent-tool.pem").unlink(missing_ok=True)
    assert "signed by a Mien that is not known here" in mien("consent", "show", root).out
    assert mien("consent", "trust", "ann.pem", "--name", "Ann").code == 0
    assert mien("consent", "trust", "--json").document[public_hex(TOOL)]["name"] == "Ann"
    assert mien("consent", "show", root).out.rstrip().endswith("valid")


def test_show_of_what_is_none(mien: Mien, here: Path) -> None:
    (here / "none.json").write_text("{}")
    assert "The consent record" in mien("consent", "show", "none.json").err
    assert "has no signed consent record; it is synthetic" in mien("consent", "show", "amara").err


@pytest.mark.parametrize("source", ["driver.mp4", "pattern", "rtsp://somewhere/live"])
def test_an_enrolment_takes_no_file_and_no_stream(mien: Mien, here: Path, source: str) -> None:
    result = mien(
        "consent", "record", "--name", "me", "--portrait", "me.png", "--key", "my.key", "--source", source,
        answers="yes\n",
    )  # fmt: skip
    assert (result.code, "is no camera; an enrolment takes no file and no stream" in result.err) == (5, True)
    assert [path.name for path in here.iterdir()] == ["me.png"]


@pytest.mark.slow
def test_a_consent_is_recorded_before_a_camera_and_opens_a_persona(
    mien: Mien, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The camera and the detector of our mark are the boundaries; the rest is as ever."""
    from test_consent_session import Camera, unmarked

    terms = ("--name", "me", "--portrait", "me.png", "--days", "30")
    assert mien("consent", "request", *terms).code == 0
    other = mien("consent", "record", "--name", "me", "--portrait", "me.png", "--key", "my.key", answers="yes\n")
    assert "me.request.md asks for something else than these options" in other.err
    performer = Performer(wait_s=0.25)
    monkeypatch.setattr(session, "open_camera", lambda _selector: Camera(performer.frames()))
    monkeypatch.setattr(session, "carries_own_mark", lambda: unmarked)
    monkeypatch.setattr(session, "enrol", _heard(session.enrol, performer))
    result = mien("consent", "record", *terms, "--key", "my.key", "--subject-name", "Ann", answers="yes\n")
    assert result.code == 0, result.err
    assert "Blink twice." in result.out
    record = parse_record((here / "me.consent.json").read_bytes()).record
    assert record.enrolment is not None
    assert record.request == sha256((here / "me.request.md").read_bytes())
    assert record.enrolment.transcript == sha256((here / "me.transcript.json").read_bytes())
    assert (record.enrolment.model, record.subject.name) == (identity.SFACE.name, "Ann")
    numbers = [value for event in json.loads((here / "me.transcript.json").read_text())["events"] for value in event]
    assert set(numbers) == {"at_ms", "event", "detail"}, "no embedding lies in it"
    assert sorted(path.name for path in here.iterdir()) == [
        "me.consent.json", "me.png", "me.request.md", "me.transcript.json", "my.key",
    ]  # fmt: skip
    assert "enrolled     by live-challenge-1" in mien("consent", "show", "me.consent.json").out
    created = mien("persona", "create", "--portrait", "me.png", "--consent", "me.consent.json", "--name", "me")
    assert created.code == 0, created.err


def _heard(enrol: Callable[..., object], performer: Performer) -> Callable[..., object]:
    def run(*arguments: object, say: Callable[[str], None], **options: object) -> object:
        def both(text: str) -> None:
            say(text)
            performer.hear(text)

        return enrol(*arguments, say=both, **options)

    return run


def test_a_failed_enrolment_leaves_nothing(mien: Mien, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from test_consent_session import Camera, stills, unmarked

    monkeypatch.setattr(session, "open_camera", lambda _selector: Camera(stills(noise=False)))
    monkeypatch.setattr(session, "carries_own_mark", lambda: unmarked)
    result = mien("consent", "record", "--name", "me", "--portrait", "me.png", "--key", "my.key", answers="yes\n")
    assert (result.code, "stands still" in result.err) == (5, True)
    assert [path.name for path in here.iterdir()] == ["me.png"]


def test_a_record_of_another_picture_makes_no_persona(mien: Mien, here: Path) -> None:
    know_tool()
    (here / "theirs.json").write_bytes(consent_record("me"))
    result = mien("persona", "create", "--portrait", "me.png", "--consent", "theirs.json", "--name", "me")
    assert (result.code, "is not one that the consent to 'me' names" in result.err) == (5, True)
