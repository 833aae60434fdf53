"""Mien's buttons and hotkeys in OBS. Runs in OBS's own Python, with its standard library alone.

The work is done by Mien's process, which this script asks over HTTP on this machine; no picture passes through here.
`mien obs install` writes mien_obs.json beside it, which says where Mien keeps its token.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.client
import json
import queue
import secrets
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import obspython as obs

PLACE = Path(__file__).with_name("mien_obs.json")
TIMEOUT_S = 10.0
LOOK_EVERY_MS = 1000
#: A file of Mien's own is a line or two; more is something else.
MAX_FILE_BYTES = 4096
MAX_ANSWER_BYTES = 1 << 20
#: Hotkey, its words in OBS's settings, what is asked of Mien.
ACTIONS = (
    ("mien.next_persona", "Mien: next persona", "/api/persona/next"),
    ("mien.previous_persona", "Mien: previous persona", "/api/persona/previous"),
    ("mien.hold", "Mien: freeze the picture, and go on", "/api/hold"),
    ("mien.slate", "Mien: show the slate, and take it away", "/api/slate"),
    ("mien.record", "Mien: begin and end a recording", "/api/record"),
)
NOT_RUNNING = "Mien is not running: start it with 'mien studio'."

_hotkeys: dict[str, int] = {}
_callbacks: dict[str, Callable[[bool], None]] = {}


class Mien:
    """Asks Mien's process, on a thread of its own: OBS's must never wait."""

    def __init__(self) -> None:
        self.status = NOT_RUNNING
        self._asked: queue.Queue[str | None] = queue.Queue(maxsize=16)
        self._thread = threading.Thread(target=self._work, name="mien", daemon=True)
        self._thread.start()

    def ask(self, path: str) -> None:
        """Have something done; presses that come faster than they can be answered are dropped."""
        if not self._asked.full():
            self._asked.put(path)

    def look(self) -> None:
        """Bring the status line up to date, unless there is something else to do."""
        if self._asked.empty():
            self._asked.put("/api/status")

    def close(self) -> None:
        """End the thread."""
        # What waits is dropped: OBS must not wait for a place in the queue.
        with contextlib.suppress(queue.Empty):
            while True:
                self._asked.get_nowait()
        self._asked.put(None)
        self._thread.join(TIMEOUT_S + 1.0)

    def _work(self) -> None:
        while True:
            path = self._asked.get()
            if path is None:
                return
            try:
                method = "GET" if path == "/api/status" else "POST"
                self.status = words(request(method, path))
                if method == "POST":
                    # Some answers are of the one thing that was done.
                    self.status = words(request("GET", "/api/status"))
            except RefusedError as error:
                obs.script_log(obs.LOG_WARNING, str(error))
                self.status = str(error)
            except Exception:  # noqa: BLE001 - a damaged file or another program's answer must not end the keys
                self.status = NOT_RUNNING


class RefusedError(Exception):
    """Mien said no, and why."""


def small(path: Path) -> str:
    """Read a small text file; raises OSError for a large one."""
    if path.stat().st_size > MAX_FILE_BYTES:
        raise OSError(f"{path.name} is too large")
    return path.read_text(encoding="utf-8")


def request(method: str, path: str) -> dict[str, Any]:
    """Ask Mien's process and give its answer; raises RefusedError with its reason, or OSError when it is not there."""
    folder = Path(json.loads(small(PLACE))["folder"])
    port = int(json.loads(small(folder / "control.json"))["port"])
    token = small(folder / "control-token").strip()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        prove(connection, port, token)
        body = None if method == "GET" else "{}"
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        connection.request(method, path, body=body, headers=headers)
        response = connection.getresponse()
        answer = json.loads(response.read(MAX_ANSWER_BYTES))
    finally:
        connection.close()
    if not isinstance(answer, dict):
        raise ValueError("no answer of Mien's")
    if response.status >= 400:
        error = answer.get("error", {})
        raise RefusedError(str(error.get("message", "Mien refused it")))
    return answer


def prove(connection: http.client.HTTPConnection, port: int, token: str) -> None:
    """Raise OSError unless whoever listens has Mien's token already: after a crash the port may be somebody else's."""
    nonce = secrets.token_hex(16)
    connection.request("GET", f"/proof?nonce={nonce}")
    given = connection.getresponse().read(MAX_FILE_BYTES)
    true = hmac.new(token.encode(), f"mien control {port} {nonce}".encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(given, true.encode()):
        raise OSError("it is not Mien that listens there")


def words(status: dict[str, Any]) -> str:
    """Put what runs into one line."""
    if "persona" not in status:
        return "done"
    parts = [str(status["persona"])]
    if status.get("fps"):
        parts.append(f"{status['fps']:.0f} fps, {status.get('latency_p50_ms', 0):.0f} ms")
    parts += [label for key, label in (("hold", "frozen"), ("slate", "slate")) if status.get(key)]
    if status.get("recording", {}).get("on"):
        parts.append("recording")
    parts += [str(warning["text"]) for warning in status.get("warnings", [])[:1]]
    return " · ".join(parts)


mien: Mien | None = None


def script_description() -> str:
    """Tell OBS what to show beside the script."""
    return (
        "<b>Mien</b><br>Buttons and hotkeys for the persona. The picture comes by the Media Source that "
        "<i>mien obs install</i> made; set the keys in Settings &gt; Hotkeys."
    )


def script_properties() -> Any:  # noqa: ANN401 - a handle of OBS's
    """Make the buttons, and a line that says what runs."""
    properties = obs.obs_properties_create()
    obs.obs_properties_add_text(properties, "status", line(), obs.OBS_TEXT_INFO)
    obs.obs_properties_add_button(properties, "refresh", "Look again", lambda *_: refreshed(properties))
    for name, label, path in ACTIONS:
        obs.obs_properties_add_button(properties, name, label.partition(": ")[2].capitalize(), press(path))
    return properties


def line() -> str:
    """Give the status line."""
    return "the script is not loaded" if mien is None else mien.status


def refreshed(properties: object) -> bool:
    """Put the newest line into the properties; OBS draws them anew for True."""
    obs.obs_property_set_description(obs.obs_properties_get(properties, "status"), line())
    return True


def press(path: str) -> Callable[..., bool]:
    """Make a button's callback."""

    def pressed(*_: object) -> bool:
        if mien is not None:
            mien.ask(path)
        return False

    return pressed


def hotkey(path: str) -> Callable[[bool], None]:
    """Make a hotkey's callback: it acts once, when the key goes down."""

    def pressed(down: bool) -> None:
        if down and mien is not None:
            mien.ask(path)

    return pressed


def look() -> None:
    """Ask for the newest status; OBS's timer calls it."""
    if mien is not None:
        mien.look()


def script_load(settings: object) -> None:
    """Register the hotkeys and start asking."""
    global mien
    mien = Mien()
    for name, label, path in ACTIONS:
        # OBS keeps no reference to a callback.
        _callbacks[name] = hotkey(path)
        _hotkeys[name] = obs.obs_hotkey_register_frontend(name, label, _callbacks[name])
        keys = obs.obs_data_get_array(settings, name)
        obs.obs_hotkey_load(_hotkeys[name], keys)
        obs.obs_data_array_release(keys)
    obs.timer_add(look, LOOK_EVERY_MS)


def script_save(settings: object) -> None:
    """Keep the user's keys."""
    for name, number in _hotkeys.items():
        keys = obs.obs_hotkey_save(number)
        obs.obs_data_set_array(settings, name, keys)
        obs.obs_data_array_release(keys)


def script_unload() -> None:
    """End the thread before OBS ends Python."""
    global mien
    obs.timer_remove(look)
    if mien is not None:
        mien.close()
        mien = None
