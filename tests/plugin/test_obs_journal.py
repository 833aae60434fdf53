from __future__ import annotations

import os
from pathlib import Path

import pytest

from mien.plugin.obs.errors import ObsError
from mien.plugin.obs.journal import Journal, Kept, MicrophoneDelayed, SourceMade, journal_path

MADE = SourceMade(collection="Stream", name="Mien")
DELAYED = MicrophoneDelayed(collection="Stream", name="Mic", before_ms=20, set_ms=110)


@pytest.fixture
def journal() -> Journal:
    return Journal(Kept(folder=Path("/obs"), source="Mien", port=9000))


def test_a_change_is_on_disk_before_the_call_returns(journal: Journal) -> None:
    assert Journal.load() is None
    journal.add(MADE)
    journal.add(MADE)
    kept = Journal.load()
    assert kept is not None
    assert kept.changes == (MADE,)
    assert (kept.folder, kept.source, kept.port) == (Path("/obs"), "Mien", 9000)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
def test_it_is_its_owners_alone(journal: Journal) -> None:
    journal.add(MADE)
    assert journal_path().stat().st_mode & 0o777 == 0o600


def test_two_processes_do_not_undo_each_others_notes(journal: Journal) -> None:
    journal.add(MADE)
    running = Journal.load()
    assert running is not None
    journal.add(DELAYED)
    running.remove(MADE)
    kept = Journal.load()
    assert kept is not None
    assert kept.changes == (DELAYED,)


def test_forgotten_is_gone(journal: Journal) -> None:
    journal.add(MADE)
    journal.forget()
    journal.forget()
    assert Journal.load() is None


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"version": 2, "folder": "/", "source": "a", "port": 9}',
             '{"folder": "/", "source": "a", "port": 0}',
             '{"folder": "/", "source": "a", "port": 9, "changes": [{"kind": "else"}]}']
)  # fmt: skip
def test_a_damaged_list_is_said_and_not_guessed_at(text: str) -> None:
    journal_path().parent.mkdir(parents=True, exist_ok=True)
    journal_path().write_text(text)
    with pytest.raises(ObsError, match="damaged"):
        Journal.load()


def test_a_huge_list_is_not_read() -> None:
    journal_path().parent.mkdir(parents=True, exist_ok=True)
    journal_path().write_bytes(b" " * (2**20 + 1))
    with pytest.raises(ObsError, match="too large"):
        Journal.load()


def test_what_cannot_be_written_down_is_an_error(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    journal = Journal(Kept(folder=Path("/obs"), source="Mien", port=9000), blocked / "obs.json")
    with pytest.raises(ObsError, match=r"obs\.json cannot be"):
        journal.add(MADE)
    assert journal.changes == ()
