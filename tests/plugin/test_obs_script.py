"""The script for OBS's Python, in a Python whose `obspython` only notes what is asked of OBS."""

from __future__ import annotations

import importlib.util
import json
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from local_http import Handler, served

SCRIPT = Path(__file__).parents[2] / "plugin" / "obs" / "script" / "mien_obs.py"
TOKEN = "t" * 43
PATIENCE_S = 20.0


class ObsPython(ModuleType):
    """OBS's side: hotkeys and settings as OBS keeps them."""

    OBS_TEXT_INFO, LOG_WARNING = 3, 200

    def __init__(self) -> None:
        super().__init__("obspython")
        self.hotkeys: dict[str, Callable[[bool], None]] = {}
        self.timers: list[Callable[[], None]] = []
        self.texts: dict[str, str] = {}
        self.buttons: dict[str, Callable[..., bool]] = {}
        self.logged: list[str] = []

    def obs_hotkey_register_frontend(self, name: str, _: str, callback: Callable[[bool], None]) -> int:
        self.hotkeys[name] = callback
        return len(self.hotkeys)

    def obs_hotkey_load(self, number: int, keys: Any) -> None:
        self.loaded = (number, keys)

    def obs_hotkey_save(self, number: int) -> list[int]:
        return [number]

    def obs_data_get_array(self, settings: dict[str, Any], name: str) -> Any:
        return settings.get(name)

    def obs_data_set_array(self, settings: dict[str, Any], name: str, keys: Any) -> None:
        settings[name] = keys

    def obs_data_array_release(self, keys: Any) -> None: ...

    def timer_add(self, callback: Callable[[], None], _: int) -> None:
        self.timers.append(callback)

    def timer_remove(self, callback: Callable[[], None]) -> None:
        self.timers.remove(callback)

    def obs_properties_create(self) -> dict[str, str]:
        return self.texts

    def obs_properties_add_text(self, properties: dict[str, str], name: str, text: str, _: int) -> None:
        properties[name] = text

    def obs_properties_add_button(self, _: Any, name: str, __: str, callback: Callable[..., bool]) -> None:
        self.buttons[name] = callback

    def obs_properties_get(self, _: Any, name: str) -> str:
        return name

    def obs_property_set_description(self, name: str, text: str) -> None:
        self.texts[name] = text

    def script_log(self, _: int, text: str) -> None:
        self.logged.append(text)


class Api(Handler):
    """Mien's control API, as docs/api.md has it."""

    def answer(self) -> None:
        self._answer(200, {"persona": "opal", "fps": 29.97, "latency_p50_ms": 21.4, "hold": True,
                           "warnings": [{"level": "warn", "text": "Late."}]})  # fmt: skip

    def do_POST(self) -> None:  # noqa: N802 - as the library calls it
        if self.path == "/api/record":
            self._answer(409, {"error": {"type": "SinkError", "message": "the disk is full.", "hint": ""}})
        else:
            self._answer(200, {"name": "opal"})

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.put((self.command, self.path, self.headers["Authorization"]))  # type: ignore[attr-defined]
        self.send(status, json.dumps(body).encode())


@pytest.fixture
def api(tmp_path: Path) -> Iterator[ThreadingHTTPServer]:
    with served(Api, asked=queue.Queue(), knows=TOKEN) as server:
        (tmp_path / "control-token").write_text(TOKEN + "\n")
        (tmp_path / "control.json").write_text(json.dumps({"port": server.server_port, "pid": 1}))
        yield server


@pytest.fixture
def obs(monkeypatch: pytest.MonkeyPatch) -> ObsPython:
    fake = ObsPython()
    monkeypatch.setitem(sys.modules, "obspython", fake)
    return fake


@pytest.fixture
def script(obs: ObsPython, tmp_path: Path) -> Iterator[Any]:
    copied = tmp_path / "script" / "mien_obs.py"
    copied.parent.mkdir()
    copied.write_bytes(SCRIPT.read_bytes())
    copied.with_name("mien_obs.json").write_text(json.dumps({"folder": str(tmp_path)}))
    spec = importlib.util.spec_from_file_location("mien_obs", copied)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.script_load({})
    yield module
    module.script_unload()


def next_asked(api: ThreadingHTTPServer) -> tuple[str, str, str]:
    return api.asked.get(timeout=PATIENCE_S)  # type: ignore[attr-defined,no-any-return]


@pytest.mark.parametrize(
    ("hotkey", "path"),
    [
        ("mien.next_persona", "/api/persona/next"),
        ("mien.previous_persona", "/api/persona/previous"),
        ("mien.hold", "/api/hold"),
        ("mien.slate", "/api/slate"),
    ],
)
def test_a_key_asks_once_with_the_token(
    hotkey: str, path: str, obs: ObsPython, script: Any, api: ThreadingHTTPServer
) -> None:
    obs.hotkeys[hotkey](True)
    obs.hotkeys[hotkey](False)
    assert next_asked(api) == ("POST", path, f"Bearer {TOKEN}")
    # What follows is the look at the status, and no second press.
    assert next_asked(api) == ("GET", "/api/status", f"Bearer {TOKEN}")


def test_the_status_line_says_what_runs(obs: ObsPython, script: Any, api: ThreadingHTTPServer) -> None:
    assert "not running" in script.script_properties()["status"]
    obs.timers[0]()
    next_asked(api)
    _until(lambda: script.line() != script.NOT_RUNNING)
    assert obs.buttons["refresh"]()
    assert obs.texts["status"] == "opal · 30 fps, 21 ms · frozen · Late."


def test_a_refusal_is_shown_with_its_reason(obs: ObsPython, script: Any, api: ThreadingHTTPServer) -> None:
    script.script_properties()
    assert obs.buttons["mien.record"]() is False
    next_asked(api)
    _until(lambda: "the disk is full." in script.line())
    assert obs.logged == ["the disk is full."]


def test_without_a_running_mien_a_key_says_so(obs: ObsPython, script: Any) -> None:
    for _ in range(100):
        obs.hotkeys["mien.hold"](True)
    _until(lambda: script.mien._asked.empty())
    assert script.line() == script.NOT_RUNNING


def test_a_huge_file_in_the_place_of_the_token_is_not_sent(
    tmp_path: Path, obs: ObsPython, script: Any, api: ThreadingHTTPServer
) -> None:
    (tmp_path / "control-token").write_text("x" * 5000)
    obs.hotkeys["mien.hold"](True)
    _until(lambda: script.mien._asked.empty())
    assert api.asked.empty()  # type: ignore[attr-defined]


@pytest.mark.parametrize("damaged", ["[]", "{}", '{"port": null}', "{"])
def test_a_damaged_note_does_not_end_the_keys(
    damaged: str, tmp_path: Path, obs: ObsPython, script: Any, api: ThreadingHTTPServer
) -> None:
    whole = (tmp_path / "control.json").read_text()
    (tmp_path / "control.json").write_text(damaged)
    obs.hotkeys["mien.hold"](True)
    _until(lambda: script.mien._asked.empty())
    (tmp_path / "control.json").write_text(whole)
    obs.hotkeys["mien.slate"](True)
    _until(lambda: ("POST", "/api/slate", f"Bearer {TOKEN}") in list(api.asked.queue))  # type: ignore[attr-defined]


def test_the_users_keys_are_kept(script: Any) -> None:
    kept: dict[str, Any] = {}
    script.script_save(kept)
    assert kept == {name: [number] for number, (name, _, _) in enumerate(script.ACTIONS, 1)}


def test_unloaded_it_asks_no_more(obs: ObsPython, script: Any) -> None:
    thread = script.mien._thread
    script.script_unload()
    assert not thread.is_alive()
    assert obs.timers == []
    obs.hotkeys["mien.hold"](True)
    # The fixture unloads once more.
    obs.timer_add(script.look, 1)


def _until(true: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(int(PATIENCE_S / 0.02)):
        if true():
            return
        pause.wait(0.02)
    raise AssertionError("it did not come about")


def test_a_stranger_on_the_port_is_told_nothing(script: Any, api: ThreadingHTTPServer) -> None:
    api.knows = "another token"  # type: ignore[attr-defined]
    with pytest.raises(OSError, match="not Mien"):
        script.request("POST", "/api/hold")
    assert api.asked.empty()  # type: ignore[attr-defined]
