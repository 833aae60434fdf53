"""A consent that ends while its persona is shown."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from persona_packs import (
    NOW,
    SUBJECT,
    consent_record,
    files,
    record_for,
    table,
    with_consent,
    write_folder,
)

from mien.engines.consent.errors import ConsentExpiredError, ConsentRevokedError
from mien.engines.consent.gate import Gate
from mien.engines.consent.moment import utc_now
from mien.engines.consent.record import RECORD_NAME, parse_record
from mien.engines.consent.revocation import places, revoke, write_revocation
from mien.engines.personas.library import SHIPPED_DIR, find
from mien.engines.personas.manifest import sha256
from mien.engines.personas.pack import Persona, load_pack
from mien.engines.personas.trust import user_data_dir
from mien.plugin import Live, LiveConfig
from mien.plugin.consent.guard import ConsentGuard

_FAST_S = 0.01


def until(holds: Callable[[], bool], timeout_s: float = 10.0) -> bool:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.01)
    return False


def worn(root: Path, record: bytes | None = None) -> Path:
    """A consented pack with a face that can be worn (a rendered one, so that nobody's is in the repository)."""
    whole = {name: (SHIPPED_DIR / "viggo" / name).read_bytes() for name in ("portrait.jpg", "landmarks.json")}
    of = table(mesh={"portrait": "portrait.jpg", "landmarks": "landmarks.json"})
    if record is not None:
        whole[RECORD_NAME] = record
        of["consent"]["sha256"] = sha256(record)
    return write_folder(root, with_consent(whole, of), of)


class Watched:
    """A guard, and what it did."""

    def __init__(self, gate: Gate) -> None:
        self.slate: list[bool] = []
        self.ended: list[str] = []
        self.guard = ConsentGuard(gate, self.slate.append, self.ended.append, every_s=_FAST_S)


def consented(tmp_path: Path) -> Persona:
    return load_pack(write_folder(tmp_path / "pat", files(), table()))


def withdraw(persona: Persona, place: int) -> None:
    record = parse_record(record_for("pat")).record
    write_revocation(revoke(record, SUBJECT, NOW), places(record.id, persona.location, user_data_dir())[place])


@pytest.mark.parametrize("place", [0, 1])
def test_a_revocation_brings_the_slate_and_the_user_cannot_take_it_back(tmp_path: Path, place: int) -> None:
    persona, seen = consented(tmp_path), Watched(Gate(user_data_dir()))
    seen.guard.shown(persona)
    seen.guard.ask_slate(True)
    seen.guard.ask_slate(False)
    assert seen.slate == [False, True, False]
    withdraw(persona, place)
    assert until(lambda: len(seen.ended) > 0)
    assert seen.slate[-1] is True
    assert "was withdrawn on" in seen.ended[0]
    assert seen.ended[0].endswith("To go on, choose another persona.")
    seen.guard.ask_slate(False)
    assert seen.slate[-1] is True
    seen.guard.shown(find("viggo"))
    assert seen.slate[-1] is False
    time.sleep(5 * _FAST_S)
    seen.guard.close()
    assert len(seen.ended) == 1


def test_the_users_own_slate_outlives_the_change(tmp_path: Path) -> None:
    persona, seen = consented(tmp_path), Watched(Gate(user_data_dir()))
    seen.guard.shown(persona)
    seen.guard.ask_slate(True)
    withdraw(persona, 0)
    assert until(lambda: len(seen.ended) > 0)
    seen.guard.shown(find("viggo"))
    assert seen.slate[-1] is True
    seen.guard.close()


def test_a_term_that_ends_brings_the_slate(tmp_path: Path) -> None:
    clock = [NOW]
    persona, seen = consented(tmp_path), Watched(Gate(user_data_dir(), now=lambda: clock[0]))
    assert seen.guard.shown(persona) == ""
    time.sleep(5 * _FAST_S)
    assert seen.ended == []
    clock[0] += timedelta(days=400)
    assert until(lambda: len(seen.ended) > 0)
    seen.guard.close()
    assert "ended on" in seen.ended[0]
    with pytest.raises(ConsentExpiredError):
        Gate(user_data_dir(), now=lambda: clock[0]).recheck(persona.consent, persona.location)  # type: ignore[arg-type]


def test_whatever_hinders_the_look_brings_the_slate(tmp_path: Path) -> None:
    clock: list[Any] = [lambda: NOW]
    persona, seen = consented(tmp_path), Watched(Gate(user_data_dir(), now=lambda: clock[0]()))
    seen.guard.shown(persona)

    def broken() -> None:
        raise OSError("the clock is gone")

    clock[0] = broken
    assert until(lambda: len(seen.ended) > 0)
    seen.guard.close()
    assert seen.slate[-1] is True
    assert "the clock is gone" in seen.ended[0]


@pytest.mark.parametrize(
    ("days", "said"), [(364 - 15, ""), (364 - 14, "in 14 days"), (363, "in 1 day;"), (364, "in 0")]
)
def test_an_end_that_is_near_is_told_before_the_start(tmp_path: Path, days: int, said: str) -> None:
    seen = Watched(Gate(user_data_dir(), now=lambda: NOW + timedelta(days=days) - timedelta(seconds=days == 364)))
    warning = seen.guard.shown(consented(tmp_path))
    seen.guard.close()
    assert (said in warning) if said else (warning == "")


def test_a_synthetic_persona_needs_no_thread() -> None:
    seen = Watched(Gate(user_data_dir()))
    before = threading.active_count()
    seen.guard.shown(find("viggo"))
    assert threading.active_count() == before
    seen.guard.close()


def live(source_persona: Path, events: list[str], **changes: Any) -> Live:
    config = {"source": "pattern", "persona": str(source_persona), "sinks": ("null",), "fps": 10.0, **changes}
    return Live(LiveConfig.build(config), on_event=events.append)


def test_a_live_goes_to_the_slate_at_once_and_comes_back_with_another_persona(tmp_path: Path) -> None:
    root, events = worn(tmp_path / "pat"), []
    persona = load_pack(root)
    with live(root, events) as running:
        frames = iter(running)
        assert until(lambda: next(frames).kind == "persona")
        withdraw(persona, 1)
        assert until(lambda: any("was withdrawn" in event for event in events), 5.0)
        assert until(lambda: next(frames).kind == "slate", 1.0)
        running.set_slate(False)
        running.show_me(True)
        running.set_hold(True)
        assert {next(frames).kind for _ in range(5)} == {"slate"}
        running.set_hold(False)
        running.show_me(False)
        assert "was withdrawn" in running.stats()["last_error"]
        with pytest.raises(ConsentRevokedError):
            running.set_persona(str(root))
        assert {next(frames).kind for _ in range(5)} == {"slate"}
        running.set_persona("viggo")
        assert until(lambda: next(frames).kind == "persona")


def test_whoever_was_worn_and_is_ready_is_not_worn_again_once_the_consent_is_withdrawn(tmp_path: Path) -> None:
    root, events = worn(tmp_path / "pat"), []
    persona = load_pack(root)
    with live(root, events) as running:
        frames = iter(running)
        assert until(lambda: next(frames).kind == "persona")
        running.set_persona("viggo")
        running.set_persona(str(root))
        running.set_persona("viggo")
        withdraw(persona, 0)
        with pytest.raises(ConsentRevokedError):
            running.set_persona(str(root))
        running.prepare_persona(str(root))
        with pytest.raises(ConsentRevokedError):
            running.set_persona(str(root))
        assert running.stats()["persona"] == "viggo"
        assert running._switch._wardrobe.persona_at(root) is None
        # Who comes from the kept engines is watched as ever, here another pack of the same record.
    again = worn(tmp_path / "again", consent_record(now=utc_now() - timedelta(days=1), days=30))
    with live(Path("viggo"), events) as running:
        frames = iter(running)
        running.set_persona(str(again))
        running.set_persona("viggo")
        running.set_persona(str(again))
        assert until(lambda: next(frames).kind == "persona")
        record = parse_record((again / RECORD_NAME).read_bytes()).record
        write_revocation(revoke(record, SUBJECT, NOW), places(record.id, again, user_data_dir())[1])
        assert until(lambda: next(frames).kind == "slate", 10.0)


def test_a_live_does_not_start_with_a_consent_that_is_over_and_warns_of_a_near_end(tmp_path: Path) -> None:
    over = consent_record(now=utc_now() - timedelta(days=30), days=29)
    with pytest.raises(ConsentExpiredError), live(worn(tmp_path / "over", over), []):
        pass
    events: list[str] = []
    with live(worn(tmp_path / "near", consent_record(days=8)), events):
        pass
    assert any("ends on" in event and "in 6 days" in event for event in events)


def test_a_term_that_ends_during_a_run(tmp_path: Path) -> None:
    """With the true clock: a consent with seconds left."""
    ends = consent_record(now=utc_now() - timedelta(days=1) + timedelta(seconds=5), days=1)
    events: list[str] = []
    with live(worn(tmp_path / "pat", ends), events) as running:
        frames = iter(running)
        assert until(lambda: next(frames).kind == "persona")
        assert until(lambda: any("ended on" in event for event in events), 15.0)
        assert until(lambda: next(frames).kind == "slate", 1.0)
