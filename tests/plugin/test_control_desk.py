from __future__ import annotations

import contextlib
import io
import os
import threading
import time
from pathlib import Path as FilePath
from typing import Any

import numpy as np
import pytest
from control_page import Path, desk_of
from PIL import Image

from mien.plugin import settings
from mien.plugin.control.desk import Desk
from mien.realtime.calibration import Calibration
from mien.realtime.config import LiveConfig
from mien.realtime.errors import ConfigError, EngineError, PersonaError, SourceError
from mien.realtime.face import Neutral


@pytest.fixture
def path() -> Path:
    return Path()


@pytest.fixture
def desk(path: Path) -> Desk:
    """One that keeps what it changes, as the studio's does."""
    return Desk(path, LiveConfig(), remember=settings.remember)


def kept() -> dict[str, Any]:
    return settings.load(settings.settings_path())


def picture(size: tuple[int, int] = (64, 48)) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(data, "PNG")
    return data.getvalue()


def until_kept(desk: Desk) -> None:
    """Until the thread that keeps a calibration is done with it."""
    end = time.monotonic() + 10.0
    while desk.status()["calibration"]["on"]:
        assert time.monotonic() < end
        threading.Event().wait(0.005)


def make_old(path: FilePath) -> None:
    """As if it had been written the day before yesterday."""
    then = time.time() - 2 * 86400
    os.utime(path, (then, then))


# -- changes


def test_a_change_is_applied_in_order_and_kept(desk: Desk, path: Path) -> None:
    done = desk.change(
        {
            "source": "pattern",
            "badge": {"corner": "top-left"},
            "persona": "viggo",
            "colour": 0.3,
            "morph": 0.4,
            "background": "blur",
            "mode": "portrait",
            "edit": "",
            "sinks": ["virtualcam", "nut://127.0.0.1:9000"],
        }
    )
    assert done == ["persona", "mode", "edit", "morph", "colour", "background", "badge", "sinks", "source"]
    assert path.calls == [
        ("persona", "viggo"),
        ("engine", ("auto", "portrait")),
        ("morph", 0.4),
        ("colour", 0.3),
        ("background", "blur"),
        ("badge", ("top-left", "auto")),
        ("add_sink", "virtualcam"),
        ("add_sink", "nut://127.0.0.1:9000"),
        ("source", "pattern"),
    ]
    assert kept()["persona"] == "viggo"
    assert kept()["badge"]["corner"] == "top-left"
    assert kept()["sinks"] == ["virtualcam", "nut://127.0.0.1:9000"]
    # The test picture is for one run.
    assert "source" not in kept()
    assert desk.status()["settings"]["source"] == "pattern"


def test_the_page_itself_and_files_that_are_written_stay(desk: Desk, path: Path) -> None:
    path.changes.sinks = ("preview", "file:out.mp4", "virtualcam")
    desk.change({"sinks": ["nut://127.0.0.1:9000"]})
    assert path.calls == [("remove_sink", "virtualcam"), ("add_sink", "nut://127.0.0.1:9000")]
    assert path.changes.sinks == ("preview", "file:out.mp4", "nut://127.0.0.1:9000")


@pytest.mark.parametrize("file", ["file:/videos/mien-1.mp4", "out.mkv"])
def test_outputs_are_switched_as_they_are_shown_while_a_file_is_written(desk: Desk, path: Path, file: str) -> None:
    path.changes.sinks = ("preview", file, "virtualcam")
    shown = desk.status()["settings"]["sinks"]
    # What the page sends: all that it was shown, and one more.
    desk.change({"sinks": [*shown, "nut://127.0.0.1:9000"]})
    assert path.changes.sinks == ("preview", file, "virtualcam", "nut://127.0.0.1:9000")
    desk.change({"sinks": ["preview"]})
    assert path.changes.sinks == ("preview", file)


def test_engine_and_mode_change_at_once(desk: Desk, path: Path) -> None:
    assert desk.change({"mode": "portrait", "engine": "mesh"}) == ["engine", "mode"]
    assert path.calls == [("engine", ("mesh", "portrait"))]
    assert (kept()["engine"], kept()["mode"]) == ("mesh", "portrait")


def test_what_fails_is_as_it_was_and_not_kept(desk: Desk, path: Path) -> None:
    path.changes.fails = {"source": SourceError("another program holds it.")}
    with pytest.raises(SourceError):
        desk.change({"colour": 0.5, "source": "camera:1"})
    assert desk.status()["settings"]["source"] == "camera"
    assert desk.status()["settings"]["colour"] == 0.5
    assert "source" not in kept()


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"sorce": "camera"}, "Did you mean 'source'"),
        ({"width": 640}, "cannot be changed while it runs"),
        ({"credentials": {"identity": True}}, "cannot be changed while it runs"),
        ({"recordings": "/etc"}, "cannot be changed while it runs"),
        ({"colour": 7}, "'colour' got 7"),
        ({"badge": {"corner": "none"}}, "badge.corner"),
        ({"badge": {"enabled": False}}, "unknown setting 'badge.enabled'"),
        ({"badge": None}, "badge"),
        ({"slate": "/etc/passwd"}, "no path of a file"),
        ({"calibration": "../secret"}, "no path of a file"),
        ({"persona": "/tmp/pack"}, "there is no persona"),
        ({"persona": "../amara"}, "there is no persona"),
        ({"source": "/etc/passwd"}, "cannot be chosen here"),
        ({"source": "secret.mp4"}, "cannot be chosen here"),
        ({"source": "camera:/dev/../etc/passwd"}, "by its name or number"),
        ({"source": "file:///etc/passwd"}, "no network stream"),
        ({"source": "rtsp:///x"}, "no network stream"),
        ({"sinks": ["file:/tmp/x.mp4"]}, "cannot be chosen here"),
        ({"sinks": ["out.mp4"]}, "cannot be chosen here"),
        ({"sinks": "virtualcam"}, "sinks"),
    ],
)
def test_what_may_not_come_in_changes_nothing(desk: Desk, path: Path, values: dict[str, Any], text: str) -> None:
    with pytest.raises((ConfigError, ValueError), match=text.replace("(", r"\(")):
        desk.change({"colour": 0.5} | values)
    assert path.calls == []
    assert kept() == {}


def test_a_run_that_keeps_nothing_keeps_nothing(path: Path) -> None:
    desk = desk_of(path)
    desk.change({"colour": 0.5})
    assert path.calls == [("colour", 0.5)]
    assert kept() == {}
    with pytest.raises(ConfigError, match="keeps no settings"):
        desk.restore()
    assert desk.status()["restorable"] is False


def test_the_next_persona_and_the_one_before_go_round(desk: Desk, path: Path) -> None:
    for step in (1, -1, -1):
        # The double fails for two of them, as packs may.
        with contextlib.suppress(PersonaError, ZeroDivisionError):
            desk.step_persona(step)
    assert path.calls == [("persona", "viggo"), ("prepare", "opal")]


def test_only_a_name_of_the_list_is_made_ready(desk: Desk, path: Path) -> None:
    desk.prepare_persona("opal")
    for name in ("nobody", "..", "/home/ann/packs/me"):
        with pytest.raises(PersonaError, match="no persona"):
            desk.prepare_persona(name)
    assert path.calls == [("prepare", "opal")]
    assert kept() == {}


def test_private_folders_and_passwords_are_not_shown(path: Path) -> None:
    desk = desk_of(path, source="/home/ann/talk.mp4", persona="/home/ann/packs/me", slate="/home/ann/slate.png")
    path.changes.sinks = ("preview", "file:/home/ann/out.mp4")
    text = str(desk.status()["settings"])
    assert "ann" not in text
    assert "talk.mp4" in text
    stream = desk_of(path, source="rtsp://ann:secret@192.168.0.2/live").status()["settings"]["source"]
    assert stream == "rtsp://192.168.0.2/live"


# -- yesterday


def test_yesterdays_set_up_comes_back_with_one_press_and_todays_with_another(path: Path) -> None:
    settings.remember({"persona": "viggo", "colour": 0.2, "badge": {"corner": "top-left"}})
    make_old(settings.settings_path())
    desk = Desk(path, settings.resolve({}), remember=settings.remember)
    assert desk.status()["restorable"] is False
    desk.change({"persona": "mateo"})
    desk.change({"colour": 0.7})
    assert desk.status()["restorable"] is True
    path.calls.clear()
    assert desk.restore() == []
    assert path.calls == [("persona", "viggo"), ("colour", 0.2)]
    assert (kept()["persona"], kept()["colour"], kept()["badge"]["corner"]) == ("viggo", 0.2, "top-left")
    path.calls.clear()
    desk.restore()
    assert path.calls == [("persona", "mateo"), ("colour", 0.7)]


def test_what_cannot_be_restored_is_told_and_the_rest_is(path: Path) -> None:
    settings.remember({"persona": "opal", "colour": 0.2})
    make_old(settings.settings_path())
    desk = Desk(path, LiveConfig(persona="viggo"), remember=settings.remember)
    desk.change({"persona": "viggo", "colour": 0.9})
    path.calls.clear()
    failures = desk.restore()
    assert len(failures) == 1
    assert "portrait.png" in failures[0]
    assert path.calls == [("colour", 0.2)]


def test_a_background_and_a_plate_that_go_together_come_back_together(path: Path) -> None:
    settings.remember({"badge": {"plate": "#00ff00"}})
    make_old(settings.settings_path())
    desk = Desk(path, settings.resolve({}), remember=settings.remember)
    with pytest.raises(ConfigError, match="loses the badge's plate"):
        desk.change({"background": "green"})
    desk.change({"background": "green", "badge": {"plate": "auto"}})
    for background, plate in (("keep", "#00ff00"), ("green", "auto"), ("keep", "#00ff00")):
        assert desk.restore() == []
        shown = desk.status()["settings"]
        assert (shown["background"], shown["badge"]["plate"]) == (background, plate)
        assert path.calls[-2:] == [("background", background), ("badge", ("top-right", plate))]


def test_the_first_day_has_no_yesterday(desk: Desk) -> None:
    desk.change({"colour": 0.5})
    desk.change({"colour": 0.6})
    assert desk.status()["restorable"] is False
    with pytest.raises(ConfigError, match="no set-up from before today"):
        desk.restore()


# -- slate, recording, calibration


def test_an_uploaded_slate_is_shown_kept_and_the_oldest_are_forgotten(desk: Desk, path: Path) -> None:
    for level in range(12):
        desk.set_slate_picture(picture((64 + level, 48)))
    folder = settings.settings_path().parent
    files = sorted(folder.glob("slate-*"))
    assert len(files) == 8
    shown = path.calls[-1][1]
    assert shown in files
    assert kept()["slate"] == str(shown)
    desk.remove_slate_picture()
    assert path.calls[-1] == ("slate_picture", None)
    assert "slate" not in kept()


def test_a_picture_that_is_refused_leaves_no_file(desk: Desk, path: Path) -> None:
    path.changes.fails = {"slate_picture": ConfigError("slate picture cannot be read.")}
    with pytest.raises(ConfigError):
        desk.set_slate_picture(b"no picture")
    assert list(settings.settings_path().parent.glob("slate-*")) == []
    with pytest.raises(ConfigError, match="32 MiB"):
        desk.set_slate_picture(b"x" * (32 * 2**20 + 1))


def test_a_recording_begins_and_ends_once_and_two_files_never_share_a_name(path: Path, tmp_path: FilePath) -> None:
    desk = desk_of(path, recordings=tmp_path)
    name = desk.record(None)
    assert name.endswith(".mp4")
    assert desk.record(True) == name
    (tmp_path / name).touch()
    assert desk.record(False) == name
    assert [value is None for call, value in path.calls if call == "record"] == [False, True]
    desk.record(True)
    assert desk.status()["recording"]["file"] != name


def test_a_calibration_that_fails_is_told(desk: Desk, path: Path) -> None:
    class Recorder:
        missed = ()

        def result(self) -> None:
            raise ConfigError("the lids never closed.")

    desk.calibrate(True)
    assert desk.status()["calibration"]["on"]
    assert path.changes.calibrated is not None
    path.changes.calibrated(Recorder())  # type: ignore[arg-type]
    until_kept(desk)
    told = desk.status()["calibration"]
    assert (told["on"], told["done"], told["problem"]) == (False, False, "the lids never closed.")
    assert path.calls == [("record_calibration", True)]


def test_a_calibration_is_kept_used_and_forgotten(desk: Desk, path: Path) -> None:
    shape, scores = np.zeros((478, 3), np.float32), np.zeros(52, np.float32)

    class Recorder:
        missed = ("pucker",)

        def result(self) -> Calibration:
            return Calibration(Neutral(shape, scores), {}, 0.3, 0.05)

    desk.calibrate(True)
    assert path.changes.calibrated is not None
    path.changes.calibrated(Recorder())  # type: ignore[arg-type]
    until_kept(desk)
    place = settings.settings_path().with_name("calibration.json")
    told = desk.status()["calibration"]
    assert (told["on"], told["done"]) == (False, True)
    assert "pucker" in told["problem"]
    assert path.calls[-1] == ("calibration", place)
    assert Calibration.load(place).eyelid_open == 0.3
    assert kept()["calibration"] == str(place)
    assert desk.status()["settings"]["calibration"] is True
    desk.change({"calibration": None})
    assert path.calls[-1] == ("calibration", None)
    assert "calibration" not in kept()


def test_an_engine_that_fails_leaves_the_mode(desk: Desk, path: Path) -> None:
    path.changes.fails = {"engine": EngineError("no such file for it.")}
    with pytest.raises(EngineError):
        desk.change({"engine": "swapnet"})
    assert desk.status()["settings"]["engine"] == "auto"
