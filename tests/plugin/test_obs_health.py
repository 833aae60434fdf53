from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from mien.plugin.finding import Finding
from mien.plugin.obs.health import obs
from mien.plugin.obs.journal import Journal, Kept, ScriptAdded


class Obs:
    """An OBS in the user's folder, with its WebSocket server's port in its settings; a program that runs, or not."""

    def __init__(self, home: Path, port: int) -> None:
        self.home, self.folder = home, home / ".config" / "obs-studio"
        (self.folder / "basic").mkdir(parents=True)
        own = self.folder / "plugin_config" / "obs-websocket" / "config.json"
        own.parent.mkdir(parents=True)
        own.write_text(json.dumps({"server_enabled": True, "server_port": port, "server_password": "secret"}))

    def seen(self, *, runs: bool) -> Finding:
        return obs("Linux", self.home, [Path("/usr/bin/obs")] if runs else [])


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener


@pytest.fixture
def installed_obs(tmp_path: Path, listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> Obs:
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return Obs(tmp_path, listener.getsockname()[1])


def test_without_an_obs_nothing_is_amiss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    finding = obs("Linux", tmp_path, [])
    assert (finding.state, finding.detail) == ("ok", "no OBS was found in your folders")


def test_an_obs_that_answers_is_named_with_its_port(installed_obs: Obs, listener: socket.socket) -> None:
    finding = installed_obs.seen(runs=True)
    assert finding.state == "ok"
    assert f"obs-studio, its WebSocket port {listener.getsockname()[1]} reachable; " in finding.detail
    assert finding.detail.endswith("script not installed (mien obs install)")
    assert "secret" not in finding.detail + finding.fix


@pytest.mark.parametrize(("runs", "state"), [(True, "warn"), (False, "ok")])
def test_a_port_that_is_shut_is_a_warning_while_obs_runs(
    installed_obs: Obs, listener: socket.socket, runs: bool, state: str
) -> None:
    listener.close()
    finding = installed_obs.seen(runs=runs)
    assert finding.state == state
    assert ("not reachable, as no OBS runs" in finding.detail) is not runs
    assert ("Enable WebSocket server" in finding.fix) is runs


def test_a_script_counts_where_it_still_lies(installed_obs: Obs) -> None:
    script = installed_obs.folder / "mien" / "mien_obs.py"
    journal = Journal(Kept(folder=installed_obs.folder, source="Mien", port=9000))
    journal.add(ScriptAdded(path=script))
    assert "script not installed" in installed_obs.seen(runs=True).detail
    script.parent.mkdir()
    script.touch()
    assert installed_obs.seen(runs=True).detail.endswith("script installed")


def test_settings_of_obs_that_cannot_be_read_are_a_warning(installed_obs: Obs) -> None:
    (installed_obs.folder / "plugin_config" / "obs-websocket" / "config.json").write_text("[")
    finding = installed_obs.seen(runs=True)
    assert (finding.state, "config.json" in finding.detail) == ("warn", True)
