from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from local_http import Handler, served
from obs_server import FakeObs, serving

from mien.plugin.obs.client import connect
from mien.plugin.obs.errors import ObsError
from mien.plugin.obs.journal import Journal, Kept
from mien.plugin.obs.microphone import delay_microphone, running_latency_ms, undo_microphone
from mien.realtime.folders import user_config_dir


@pytest.fixture
def journal() -> Journal:
    return Journal(Kept(folder=Path("/obs"), source="Mien", port=9000))


def delayed(obs: FakeObs, journal: Journal, *asked: tuple[str, int], undo: bool = False) -> list[str]:
    told: list[str] = []

    async def run() -> None:
        async with serving(obs), connect(obs.port, "") as client:
            for name, late_ms in asked:
                await delay_microphone(client, journal, name, late_ms, tell=told.append)
            if undo:
                await undo_microphone(client, journal, tell=told.append)

    asyncio.run(run())
    return told


def test_the_delay_adds_to_the_offset_that_was_there_and_is_shown(journal: Journal) -> None:
    obs = FakeObs()
    (told,) = delayed(obs, journal, ("Mic", 90))
    assert obs.inputs["Mic"]["sync"] == 110
    assert "110 ms now, 20 ms before" in told


def test_a_second_calibration_does_not_add_up(journal: Journal) -> None:
    obs = FakeObs()
    delayed(obs, journal, ("Mic", 90), ("Mic", 60))
    assert obs.inputs["Mic"]["sync"] == 80


def test_it_is_put_back(journal: Journal) -> None:
    obs = FakeObs()
    delayed(obs, journal, ("Mic", 90), undo=True)
    assert obs.inputs["Mic"]["sync"] == 20
    assert journal.changes == ()


@pytest.mark.parametrize(("name", "late_ms"), [("Nobody", 90), ("Mic", 19_990)])
def test_what_cannot_be_delayed_is_left_as_it_is(journal: Journal, name: str, late_ms: int) -> None:
    obs = FakeObs()
    before = obs.state()
    with pytest.raises(ObsError):
        delayed(obs, journal, (name, late_ms))
    assert obs.state() == before
    assert journal.changes == ()


class Status(Handler):
    def answer(self) -> None:
        self.server.asked.append(self.headers["Authorization"])  # type: ignore[attr-defined]
        allowed = self.headers["Authorization"] == "Bearer right"
        body: bytes = self.server.body  # type: ignore[attr-defined]
        self.send(200 if allowed and self.path == "/api/status" else 403, body)


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    with served(Status, asked=[], knows="right") as made:
        folder = user_config_dir()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "control.json").write_text(json.dumps({"port": made.server_port}))
        (folder / "control-token").write_text("right\n")
        yield made


@pytest.mark.parametrize(
    ("body", "late_ms"),
    [(b'{"latency_p50_ms": 21.5}', 21.5), (b'{"latency_p50_ms": 0}', None), (b"{}", None), (b"x", None), (b"[]", None)],
)
def test_a_running_mien_is_asked_how_late_it_is(
    server: ThreadingHTTPServer, body: bytes, late_ms: float | None
) -> None:
    server.body = body  # type: ignore[attr-defined]
    assert running_latency_ms() == late_ms


def test_a_refusal_or_nobody_is_no_figure(server: ThreadingHTTPServer) -> None:
    server.body = b'{"latency_p50_ms": 21.5}'  # type: ignore[attr-defined]
    (user_config_dir() / "control-token").write_text("wrong\n")
    assert running_latency_ms() is None
    assert not server.asked, "whoever has another token is sent none"  # type: ignore[attr-defined]
    (user_config_dir() / "control.json").unlink()
    assert running_latency_ms() is None
