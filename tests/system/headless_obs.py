"""OBS without a screen: Xvfb, a home folder of its own, and a scene collection as OBS itself writes it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

#: OBS takes half a minute on a busy machine without a GPU; only a hang takes as long as this.
PATIENCE_S = 180.0
#: OBS ends in less than a second, or hangs in its own end.
END_S = 30.0
CANVAS = (1280, 720)
COLLECTION = "Stream"
PASSWORD = "correct horse battery"
PROGRAMS = ("obs", "Xvfb")

_GLOBAL = """[General]
FirstRun=true
LastVersion=486539266
Pre19Defaults=false
Pre21Defaults=false
Pre23Defaults=false
Pre24.1Defaults=false
EnableAutoUpdates=false

[Basic]
Profile=Stream
ProfileDir=Stream
SceneCollection={collection}
SceneCollectionFile={collection}
ConfigOnNewProfile=true

[OBSWebSocket]
FirstLoad=false
ServerEnabled=true
ServerPort={port}
AlertsEnabled=false
AuthRequired=true
ServerPassword={password}
"""
_PROFILE = """[General]
Name=Stream
[Video]
BaseCX={0}
BaseCY={1}
OutputCX={0}
OutputCY={1}
FPSType=0
FPSCommon=30
[Output]
Mode=Simple
[Audio]
SampleRate=48000
ChannelSetup=Stereo
"""


def missing_programs() -> list[str]:
    """What has to be installed first."""
    return [name for name in PROGRAMS if shutil.which(name) is None]


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def scene_collection() -> dict[str, Any]:
    """Two scenes with one webcam in both (cropped and small in "Game", filtered), and a microphone."""
    webcam = {
        "id": "v4l2_input",
        "versioned_id": "v4l2_input",
        "name": "Webcam",
        "settings": {"device_id": "/dev/video0", "input": 0, "resolution": 83886800, "auto_reset": True},
        "filters": [
            {
                "id": "color_filter_v2",
                "versioned_id": "color_filter_v2",
                "name": "Warm",
                "settings": {"saturation": 0.4, "contrast": 0.2},
            }
        ],
    }
    return {
        "name": COLLECTION,
        "current_scene": "Talk",
        "current_program_scene": "Talk",
        "scene_order": [{"name": "Talk"}, {"name": "Game"}, {"name": "Pause"}],
        "sources": [
            webcam,
            {"id": "color_source", "versioned_id": "color_source_v3", "name": "Ground",
             "settings": {"color": 4283782485, "width": CANVAS[0], "height": CANVAS[1]}},
            {"id": "pulse_input_capture", "versioned_id": "pulse_input_capture", "name": "Mic", "sync": 20000000,
             "settings": {"device_id": "default"}},
            _scene("Talk", [_item("Ground", 1), _item("Webcam", 2), _item("Mic", 3)]),
            _scene("Game", [
                _item("Webcam", 4, pos={"x": 900.0, "y": 400.0}, scale={"x": 0.5, "y": 0.5}, crop_left=160,
                      crop_right=160, locked=True),
                _item("Ground", 5, visible=False),
            ]),
            _scene("Pause", [_item("Ground", 6)]),
        ],
        "modules": {},
        "transitions": [],
        "quick_transitions": [],
        "groups": [],
    }  # fmt: skip


def _item(name: str, number: int, **over: Any) -> dict[str, Any]:
    return {
        "name": name, "id": number, "visible": True, "locked": False, "align": 5, "rot": 0.0,
        "pos": {"x": 0.0, "y": 0.0}, "scale": {"x": 1.0, "y": 1.0}, "bounds_type": 0, "bounds_align": 0,
        "bounds": {"x": 0.0, "y": 0.0}, "crop_left": 0, "crop_right": 0, "crop_top": 0, "crop_bottom": 0,
    } | over  # fmt: skip


def _scene(name: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": "scene",
        "versioned_id": "scene",
        "name": name,
        "settings": {"custom_size": False, "id_counter": 9, "items": items},
    }


class HeadlessObs:
    """One OBS in a home folder of its own; `start`, `stop` (in order), `start` again; `close` ends all of it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        self.folder = home / ".config" / "obs-studio"
        self.collection = self.folder / "basic" / "scenes" / f"{COLLECTION}.json"
        self._screen: subprocess.Popen[bytes] | None = None
        self._obs: subprocess.Popen[bytes] | None = None
        self.display = 0
        self._write_settings()

    @property
    def environment(self) -> dict[str, str]:
        """For OBS, and for a `mien` that is to find it."""
        # OpenCV points Qt at its own plugins.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("QT_")}
        return inherited | {
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / ".config"),
            "XDG_RUNTIME_DIR": str(self.home / "runtime"),
            "LIBGL_ALWAYS_SOFTWARE": "1",
            "LP_NUM_THREADS": "1",
            "QT_QPA_PLATFORM": "xcb",
            "DISPLAY": f":{self.display}",
        }

    def start(self) -> None:
        """Start the screen if need be, then OBS, and wait until its WebSocket server listens."""
        if self._screen is None:
            read, write = os.pipe()
            with (self.home / "xvfb.log").open("ab") as log:
                self._screen = subprocess.Popen(
                    ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x800x24", "+extension", "GLX",
                     "-nolisten", "tcp"],
                    stdout=log, stderr=log, pass_fds=(write,),
                )  # fmt: skip
            os.close(write)
            with os.fdopen(read) as pipe:
                self.display = int(pipe.readline())
        with (self.home / "obs.log").open("ab") as log:
            self._obs = subprocess.Popen(
                # What it logs is to be seen at once.
                ["stdbuf", "-oL", "obs", "--minimize-to-tray", "--multi", "--disable-updater",
                 "--disable-shutdown-check", "--collection", COLLECTION, "--profile", "Stream"],
                env=self.environment, stdout=log, stderr=log, cwd=self.home,
            )  # fmt: skip
        self._wait_for_server()

    def stop(self) -> None:
        """End OBS in order, so that it writes its scene collection; one that hangs after that is killed."""
        obs, self._obs = self._obs, None
        until = time.monotonic() + END_S
        while obs is not None:
            # One that comes before OBS's windows are there is lost.
            obs.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                obs.wait(5.0)
                return
            if time.monotonic() > until:
                # Without a network OBS 29 may wait for a look-up of names when it is told to end soon after its start.
                obs.kill()
                obs.wait(PATIENCE_S)
                return

    def close(self) -> None:
        """End everything, in order or not."""
        for process in (self._obs, self._screen):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait(PATIENCE_S)
        self._obs = self._screen = None

    def log(self) -> str:
        """What OBS said."""
        return (self.home / "obs.log").read_text(encoding="utf-8", errors="replace")

    def _wait_for_server(self) -> None:
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            assert self._obs is not None
            assert self._obs.poll() is None, self.log()[-3000:]
            with socket.socket() as probe:
                probe.settimeout(1.0)
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.2)
        raise TimeoutError(self.log()[-3000:])

    def _write_settings(self) -> None:
        profile = self.folder / "basic" / "profiles" / "Stream"
        for folder in (profile, self.collection.parent, self.home / "runtime"):
            folder.mkdir(parents=True, exist_ok=True)
        (self.home / "runtime").chmod(0o700)
        (self.folder / "global.ini").write_text(
            _GLOBAL.format(collection=COLLECTION, port=self.port, password=PASSWORD), encoding="utf-8"
        )
        (profile / "basic.ini").write_text(_PROFILE.format(*CANVAS), encoding="utf-8")
        self.collection.write_text(json.dumps(scene_collection()), encoding="utf-8")
