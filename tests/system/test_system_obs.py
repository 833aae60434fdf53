"""Mien in a real OBS without a screen: installed, looked at, closed and killed, measured, and taken out again."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import av
import cv2
import numpy as np
import psutil
import pytest
from headless_obs import PASSWORD, PATIENCE_S, HeadlessObs, free_port, missing_programs

from marked_pictures import look
from mien.engines.measure.final import frames_of
from mien.plugin.clip import driver_clip
from mien.plugin.obs.cards import draw_number, read_number
from mien.plugin.obs.client import ObsClient, connect
from mien.plugin.obs.latency import screenshot
from mien.realtime.frame import Pixels

pytestmark = [pytest.mark.system, pytest.mark.slow]

T = TypeVar("T")
ARTEFACTS = Path(__file__).parents[2] / "out" / "system"
SIZE, FPS, FRAMES = (1280, 720), 30, 150
#: Where the frame's number stands in the clip: (x0, y0, x1, y1) px, clear of the face and of the badge's corners.
STRIP = (40, 480, 440, 700)
MIEN = [sys.executable, "-c", "from mien.plugin.cli import main; main()"]


@pytest.fixture(scope="module", autouse=True)
def _programs() -> None:
    if missing := missing_programs():
        why = f"needs {' and '.join(missing)} (Debian: apt install obs-studio xvfb)"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    if any(process.name() == "obs" for process in psutil.process_iter()):
        pytest.skip("another OBS runs here")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped, rendered driver with the number of each frame in a strip."""
    target = tmp_path_factory.mktemp("clip") / "numbered.mp4"
    with av.open(str(target), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "crf": "18"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for number, picture in zip(range(FRAMES), frames_of(driver_clip()), strict=False):
            picture = cv2.resize(picture, SIZE)
            draw_number(strip_of(picture), number)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode(None))
    return target


class Stage:
    """OBS and Mien with folders of their own."""

    def __init__(self, folder: Path, clip: Path) -> None:
        self.obs = HeadlessObs(folder)
        self.clip = clip
        self.port = free_port()
        self._folders = {
            "MIEN_CONFIG_DIR": str(folder / "mien"),
            "MIEN_DATA_DIR": str(folder / "data"),
            # Recordings go into the user's videos.
            "XDG_VIDEOS_DIR": str(folder / "videos"),
        }
        self._said = folder / "mien.log"
        self._mien: subprocess.Popen[bytes] | None = None

    def mien(self, *arguments: str, code: int = 0, answers: str = "") -> Any:
        """Run `mien obs ... --json` to its end and give its document."""
        ran = subprocess.run(
            [*MIEN, "obs", *arguments, "--json"], env=self._environment(), input=answers, capture_output=True,
            text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip
        assert ran.returncode == code, ran.stderr + ran.stdout
        return json.loads(ran.stdout)

    def install(self) -> Any:
        return self.mien("install", "--port", str(self.port), "--yes")

    def start_mien(self) -> None:
        """Begin the live path, with the numbered clip as the camera."""
        with self._said.open("ab") as log:
            self._mien = subprocess.Popen(
                [*MIEN, "run", "--source", str(self.clip), "--loop", "--engine", "mesh", "--persona", "viggo",
                 "--sink", f"nut://127.0.0.1:{self.port}", "--sink", "preview", "--preview-port", str(free_port()),
                 "--no-remember"],
                env=self._environment(), stdout=log, stderr=log,
            )  # fmt: skip

    def end_mien(self, number: int = signal.SIGINT) -> None:
        assert self._mien is not None
        self._mien.send_signal(number)
        self._mien.wait(PATIENCE_S)
        self._mien = None

    def said(self) -> str:
        """What the live path has printed."""
        return self._said.read_text(encoding="utf-8", errors="replace") if self._said.exists() else ""

    def ask(self, work: Callable[[ObsClient], Awaitable[T]]) -> T:
        """Do something in OBS."""

        async def asked() -> T:
            async with connect(self.obs.port, PASSWORD) as obs:
                return await work(obs)

        return asyncio.run(asked())

    def call(self, request: str, **data: object) -> Any:
        return self.ask(lambda obs: obs.call(request, **data))

    def picture(self, source: str) -> Pixels:
        return self.ask(lambda obs: screenshot(obs, source, kind="png"))

    def number(self) -> int | None:
        """Of the clip's frame that the scene on air shows now."""
        picture = self.picture(self.call("GetCurrentProgramScene")["currentProgramSceneName"])
        return read_number(strip_of(picture))

    def pictures(self, count: int) -> list[Pixels]:
        """So many of our frames as OBS has them, each with another number; a busy machine shows slates between."""
        found: dict[int, Pixels] = {}
        until = time.monotonic() + PATIENCE_S
        while len(found) < count:
            assert time.monotonic() < until, f"only the frames {sorted(found)}"
            picture = self.picture("Mien")
            number = read_number(strip_of(picture))
            if number is not None:
                assert number < FRAMES
                found[number] = picture
        return list(found.values())

    def wait_for_pictures(self) -> float:
        """Wait until OBS shows our moving frames; gives the seconds that it took."""
        begin, first = time.monotonic(), None
        while time.monotonic() - begin < PATIENCE_S:
            number = self.number()
            if number is not None and first is not None and number != first:
                return time.monotonic() - begin
            first = number if number is not None else first
            time.sleep(0.1)
        raise TimeoutError(self.said()[-3000:] + self.obs.log()[-3000:])

    def standing_picture(self) -> Pixels:
        """Our picture once it has stood still for a second; OBS may have some older ones to show first."""
        until, last, since = time.monotonic() + PATIENCE_S, self.picture("Mien"), time.monotonic()
        while time.monotonic() - since < 1.0:
            assert time.monotonic() < until, "the picture moves on"
            picture = self.picture("Mien")
            if not np.array_equal(picture, last):
                last, since = picture, time.monotonic()
        return last

    def status(self) -> Any:
        """What Mien says of itself by its control API."""
        folder = Path(self._folders["MIEN_CONFIG_DIR"])
        port = json.loads((folder / "control.json").read_text(encoding="utf-8"))["port"]
        token = (folder / "control-token").read_text(encoding="utf-8").strip()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        try:
            connection.request("GET", "/api/status", headers={"Authorization": f"Bearer {token}"})
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def until(self, true: Callable[[], bool]) -> None:
        """Wait until something holds."""
        until = time.monotonic() + PATIENCE_S
        while not true():
            assert time.monotonic() < until, (self.said() if self._said.exists() else "")[-3000:] + self.obs.log()[
                -3000:
            ]
            time.sleep(0.1)

    def wait_for(self, text: str, count: int = 1) -> None:
        """Wait until the live path has said something `count` times."""
        self.until(lambda: self.said().count(text) >= count)

    def close(self) -> None:
        if self._mien is not None:
            self._mien.kill()
            self._mien.wait(PATIENCE_S)
        self.obs.close()

    def _environment(self) -> dict[str, str]:
        return self.obs.environment | self._folders


@pytest.fixture
def stage(tmp_path: Path, clip: Path) -> Iterator[Stage]:
    made = Stage(tmp_path, clip)
    try:
        yield made
    finally:
        made.close()


def strip_of(picture: Pixels) -> Pixels:
    x0, y0, x1, y1 = STRIP
    return picture[y0:y1, x0:x1]


def keep(picture: Pixels, name: str) -> None:
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(ARTEFACTS / f"obs-{name}.png"), picture)


def what_counts(collection: dict[str, Any]) -> dict[str, Any]:
    """A scene collection without OBS's own counters: the number that the next item of a scene will get."""
    kept = json.loads(json.dumps(collection))
    for source in kept["sources"]:
        source["settings"].pop("id_counter", None)
    kept["sources"].sort(key=lambda source: str(source["name"]))
    return kept


def test_from_install_to_marked_frames_on_air_and_back(stage: Stage) -> None:
    obs = stage.obs
    # As OBS itself writes it when it ends; one that hangs then may not have come to it.
    ours = obs.collection.read_text(encoding="utf-8")
    for _ in range(3):
        obs.start()
        obs.stop()
        if obs.collection.read_text(encoding="utf-8") != ours:
            break
    before = json.loads(obs.collection.read_text(encoding="utf-8"))
    # Closed, it gets the script; open, the source.
    closed = stage.install()
    assert closed["listed"]
    assert not closed["in_scenes"]
    obs.start()
    opened = stage.install()
    assert opened["replaced"] == ["Webcam"]
    assert "[Unknown Script]" not in obs.log()
    assert stage.call("GetInputSettings", inputName="Webcam")["inputSettings"]["device_id"] == ""
    assert stage.mien("status")["bare_cameras"] == []

    stage.start_mien()
    print(f"first picture in OBS after {stage.wait_for_pictures():.1f} s")
    pictures = stage.pictures(16)
    found = look(pictures, fps=8)
    assert found.found
    assert found.payload is not None
    assert found.payload.kind == "persona"
    keep(stage.picture("Talk"), "talk")

    stage.call("SetCurrentProgramScene", sceneName="Game")
    keep(stage.picture("Game"), "game")
    items = {item["sourceName"]: item for item in stage.call("GetSceneItemList", sceneName="Game")["sceneItems"]}
    ours, webcam = items["Mien"], items["Webcam"]
    assert (ours["sceneItemEnabled"], webcam["sceneItemEnabled"]) == (True, False)
    assert ours["sceneItemLocked"]
    assert ours["sceneItemIndex"] == webcam["sceneItemIndex"] + 1
    placed = ours["sceneItemTransform"]
    assert (placed["positionX"], placed["positionY"], placed["scaleX"]) == (900.0, 400.0, 0.5)
    assert (placed["cropLeft"], placed["cropRight"]) == (160, 160)
    filters = stage.call("GetSourceFilterList", sourceName="Mien")["filters"]
    assert [(kept["filterName"], kept["filterSettings"]["saturation"]) for kept in filters] == [("Warm", 0.4)]
    stage.call("SetCurrentProgramScene", sceneName="Talk")
    stage.end_mien()

    left = stage.mien("uninstall")["left"]
    assert left == ["script mien_obs.py"]
    obs.stop()
    assert stage.mien("uninstall")["left"] == []
    after = json.loads(obs.collection.read_text(encoding="utf-8"))
    assert what_counts(after) == what_counts(before)
    assert not (obs.folder / "mien").exists()


def test_the_source_comes_back_by_itself(stage: Stage) -> None:
    obs = stage.obs
    obs.start()
    stage.install()
    stage.start_mien()
    stage.wait_for_pictures()

    stage.end_mien(signal.SIGKILL)
    time.sleep(2.0)
    # Nothing of the camera comes in its place: OBS 29 shows what lies below.
    keep(stage.picture("Talk"), "after-kill")
    webcam = stage.call("GetSceneItemId", sceneName="Talk", sourceName="Webcam")["sceneItemId"]
    assert not stage.call("GetSceneItemEnabled", sceneName="Talk", sceneItemId=webcam)["sceneItemEnabled"]
    assert stage.call("GetInputSettings", inputName="Webcam")["inputSettings"]["device_id"] == ""
    stage.start_mien()
    print(f"back after a kill of Mien in {stage.wait_for_pictures():.1f} s")

    obs.stop()
    obs.start()
    print(f"back after a restart of OBS in {stage.wait_for_pictures():.1f} s")

    obs.close()
    obs.start()
    print(f"back after a kill of OBS in {stage.wait_for_pictures():.1f} s")
    assert "Traceback" not in stage.said()


def test_the_picture_rests_while_it_is_shown_nowhere(stage: Stage) -> None:
    stage.obs.start()
    stage.install()
    stage.start_mien()
    stage.wait_for_pictures()
    stage.call("SetCurrentProgramScene", sceneName="Pause")
    stage.wait_for("nobody sees the picture: it rests")
    resting = stage.standing_picture()
    # The held persona frame, and not the slate: the first picture of the scene's return is a face.
    assert read_number(strip_of(resting)) is not None
    keep(resting, "resting")
    stage.call("SetCurrentProgramScene", sceneName="Game")
    stage.call("SetCurrentProgramScene", sceneName="Talk")
    stage.wait_for("the picture is seen again")
    print(f"seen again after {stage.wait_for_pictures():.1f} s")
    assert stage.said().count("it rests") == 1


def test_keys_of_obs_reach_the_persona(stage: Stage) -> None:
    # Closed, so that the script gets into OBS's list without a hand.
    assert stage.install()["listed"]
    stage.obs.start()
    stage.install()
    stage.start_mien()
    stage.wait_for_pictures()
    keys = stage.call("GetHotkeyList")["hotkeys"]
    assert {"mien.next_persona", "mien.hold", "mien.slate", "mien.record"} <= set(keys)
    before = stage.status()
    begin = time.monotonic()
    stage.call("TriggerHotkeyByName", hotkeyName="mien.next_persona")
    stage.until(lambda: stage.status()["persona"] not in (before["persona"], ""))
    print(f"the key changed the persona after {time.monotonic() - begin:.1f} s, loading it included")
    stage.wait_for_pictures()
    shown = stage.pictures(12)
    assert look(shown, fps=8).found
    keep(shown[-1], f"key-{stage.status()['persona']}")
    for key, name in (("mien.hold", "hold"), ("mien.slate", "slate")):
        stage.call("TriggerHotkeyByName", hotkeyName=key)
        stage.until(lambda name=name: stage.status()[name])
        stage.call("TriggerHotkeyByName", hotkeyName=key)
        stage.until(lambda name=name: not stage.status()[name])
    stage.call("TriggerHotkeyByName", hotkeyName="mien.record")
    stage.until(lambda: stage.status()["recording"]["on"])
    stage.call("TriggerHotkeyByName", hotkeyName="mien.record")
    stage.until(lambda: not stage.status()["recording"]["on"])


def test_what_hides_the_mark_is_said(stage: Stage) -> None:
    stage.obs.start()
    stage.install()
    stage.start_mien()
    stage.wait_for_pictures()
    item = stage.call("GetSceneItemId", sceneName="Talk", sourceName="Mien")["sceneItemId"]
    for change, words in (
        ({"cropTop": 200, "cropBottom": 200}, "the mark is cut off"),
        ({"cropTop": 0, "cropBottom": 0, "scaleX": 0.1, "scaleY": 0.1}, "too small to read"),
        ({"scaleX": -1.0, "scaleY": 1.0, "positionX": 1280.0}, "is mirrored"),
    ):
        stage.call("SetSceneItemTransform", sceneName="Talk", sceneItemId=item, sceneItemTransform=change)
        stage.wait_for(words)
        assert any(words in warning for warning in stage.mien("status")["warnings"])


def test_how_late_the_picture_is_and_the_microphone_beside_it(stage: Stage) -> None:
    stage.obs.start()
    stage.install()
    seconds = 60.0
    measured = stage.mien("calibrate", "--seconds", str(seconds))
    print(
        f"age in OBS from the hand-over: {measured['request_ms']:.0f} ms when asked, {measured['reply_ms']:.0f} ms at "
        f"the reply, drift {measured['drift_ms_per_minute']:+.1f} ms a minute, {measured['samples']} pictures"
    )
    assert measured["samples"] > 60
    assert 0 < measured["reply_ms"] < 1000
    # A queue that grows would be seconds late by now; what a busy machine adds comes and goes.
    assert measured["drift_ms_per_minute"] < 500
    # The source of the measurement is gone, and nothing else was touched.
    assert "Mien calibration" not in {entry["inputName"] for entry in stage.call("GetInputList")["inputs"]}
    assert stage.call("GetInputAudioSyncOffset", inputName="Mic")["inputAudioSyncOffset"] == 20
    # What Mien adds is not known while it does not run.
    assert stage.mien("calibrate", "--seconds", "2", "--microphone", "Mic", code=7)["error"]["type"] == "ObsError"
    stage.start_mien()
    stage.wait_for_pictures()
    stage.until(lambda: stage.status()["latency_p50_ms"] > 0)
    delayed = stage.mien("calibrate", "--seconds", "4", "--microphone", "Mic")["microphone"]
    print(f"microphone: {delayed['before_ms']} ms before, {delayed['set_ms']} ms set")
    assert stage.call("GetInputAudioSyncOffset", inputName="Mic")["inputAudioSyncOffset"] == delayed["set_ms"] > 20
    stage.end_mien()
    assert stage.call("GetInputAudioSyncOffset", inputName="Mic")["inputAudioSyncOffset"] == 20


def test_what_does_not_work_is_said(stage: Stage) -> None:
    # No OBS runs: the script is prepared, and what is left to do is said.
    assert not stage.install()["in_scenes"]
    stage.obs.start()
    settings = stage.obs.folder / "global.ini"
    good = settings.read_text(encoding="utf-8")
    settings.write_text(good.replace(PASSWORD, "wrong"), encoding="utf-8")
    refused = stage.mien("install", "--port", str(stage.port), "--yes", code=7)
    assert refused["error"]["type"] == "ObsPasswordError"
    settings.write_text(good, encoding="utf-8")
    assert stage.install()["in_scenes"]
    for log in (stage.obs.home / "mien").glob("*"):
        assert PASSWORD not in log.read_text(encoding="utf-8")
    # An OBS that is closed amid the stream ends nothing.
    stage.start_mien()
    stage.wait_for_pictures()
    stage.obs.close()
    time.sleep(1.0)
    assert "Traceback" not in stage.said()
    stage.end_mien()
