"""How long the camera is held for nobody. What it shows to whom is seen in test_vcam_sink.py, through its process."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from multiprocessing.connection import Client, Listener
from pathlib import Path

import pytest
from test_vcam_sink import SLATE_GREY, STREAM, marked, shows, slate

from mien.plugin.vcam import holder, link
from mien.plugin.vcam.holder import Holder
from mien.plugin.vcam.link import address, key
from mien.plugin.vcam.sink import VirtualCameraSink
from mien.realtime.errors import SinkError
from virtual_camera_device import PATIENCE_S, Driver, plugged_in


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Driver]:
    monkeypatch.delitem(sys.modules, "pyvirtualcam", raising=False)
    with plugged_in(monkeypatch) as driver:
        yield driver


@pytest.fixture
def held(driver: Driver, tmp_path: Path) -> Iterator[threading.Thread]:
    """A holder on a thread of this process, where its patience can be changed."""
    kept = Holder(None)
    listener = Listener(address(tmp_path, None))
    threading.Thread(target=kept.let_in, args=(listener, key(tmp_path)), daemon=True).start()
    thread = threading.Thread(target=kept.hold, daemon=True)
    yield thread
    kept.stop()
    thread.join(PATIENCE_S)


def test_it_ends_when_nobody_comes(monkeypatch: pytest.MonkeyPatch, held: threading.Thread) -> None:
    monkeypatch.setattr(holder, "_HELLO_S", 0.2)
    held.start()
    held.join(PATIENCE_S)
    assert not held.is_alive()


def test_it_holds_the_slate_for_its_time_and_then_gives_the_device_back(
    monkeypatch: pytest.MonkeyPatch, driver: Driver, held: threading.Thread, tmp_path: Path
) -> None:
    held.start()
    sink = VirtualCameraSink(slate=slate(), died=lambda: True, folder=tmp_path)
    sink.open(STREAM)
    sink.write(marked(180))
    sink.close()
    seen = driver.count()
    driver.wait(lambda: len(driver.sent) > seen + 3)
    assert shows(driver.newest(), SLATE_GREY)
    assert (held.is_alive(), driver.released) == (True, 0)
    monkeypatch.setattr(holder, "STANDBY_S", 0.2)
    held.join(PATIENCE_S)
    assert not held.is_alive()
    driver.wait(lambda: driver.released == 1)


def test_one_who_knocks_and_says_nothing_keeps_nobody_out_and_is_left(
    monkeypatch: pytest.MonkeyPatch, driver: Driver, held: threading.Thread, tmp_path: Path
) -> None:
    monkeypatch.setattr(link, "GREETING_S", 0.5)
    held.start()
    silent = [Client(address(tmp_path, None)) for _ in range(3)]
    sink = VirtualCameraSink(slate=slate(), folder=tmp_path)
    sink.open(STREAM)
    sink.write(marked(180))
    assert shows(driver.newest(), 180)
    for each in silent:
        # They were asked for the key; then the door was shut.
        assert each.poll(PATIENCE_S)
        assert b"CHALLENGE" in each.recv_bytes()
        assert each.poll(PATIENCE_S)
        with pytest.raises((EOFError, ConnectionError)):
            each.recv_bytes()
        each.close()
    sink.close()


def test_a_holder_that_does_not_greet_is_an_error_and_no_wait_without_end(
    monkeypatch: pytest.MonkeyPatch, driver: Driver, tmp_path: Path
) -> None:
    monkeypatch.setattr(link, "GREETING_S", 0.2)
    with Listener(address(tmp_path, None)):
        sink = VirtualCameraSink(slate=slate(), folder=tmp_path)
        with pytest.raises(SinkError, match=r"cannot be reached \(the other side said nothing within 0\.2 s\)"):
            sink.open(STREAM)


def test_ten_minutes_are_what_the_documents_say() -> None:
    text = (Path(__file__).parents[2] / "docs/zoom.md").read_text(encoding="utf-8")
    assert "the slate for ten minutes" in text
    assert holder.STANDBY_S == 600
