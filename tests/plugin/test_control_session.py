from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from control_page import Path, desk_of, page_at, until

from mien.plugin.control.hub import HEADER_BYTES
from mien.plugin.control.place import Token
from mien.plugin.control.server import ControlServer
from mien.plugin.control.session import SHOW_ME_HOLD_S
from mien.realtime.clock import ManualClock


@pytest.fixture
def path() -> Path:
    return Path()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def server(path: Path, clock: ManualClock) -> Iterator[ControlServer]:
    served = ControlServer(desk_of(path), port=0, clock=clock)
    served.start()
    yield served
    served.close()


async def settle(page: Any) -> None:
    """Until all that was said before is done: messages are handled in order."""
    await page.say(type="change", settings={"width": len(page.seen) + 160})
    await page.hear("said", level="bad")


async def hold(page: Any, clock: ManualClock, button: str, seconds: float) -> None:
    for _ in range(round(seconds / 0.2)):
        await page.say(type=button, held=True)
        await settle(page)
        clock.advance(0.2)
    await page.say(type=button, held=True)
    await settle(page)


# -- show me ----------------------------------------------------------------------------------------------------------


def test_show_me_needs_a_second_then_is_renewed_and_ends_on_release(
    server: ControlServer, path: Path, clock: ManualClock
) -> None:
    async def talk() -> None:
        async with page_at(server.url) as page:
            await page.hear("status")
            await hold(page, clock, "show_me", SHOW_ME_HOLD_S - 0.2)
            assert path.calls == []
            clock.advance(0.2)
            await hold(page, clock, "show_me", 0.4)
            assert path.calls == [("show_me", True)] * 3
            await page.say(type="show_me", held=False)
            await settle(page)
            assert path.calls[-1] == ("show_me", False)

    asyncio.run(talk())
    assert path.calls == [("show_me", True)] * 3 + [("show_me", False)]


def test_show_me_ends_at_once_when_the_socket_dies(server: ControlServer, path: Path, clock: ManualClock) -> None:
    async def talk() -> None:
        async with page_at(server.url) as page:
            await page.hear("status")
            await hold(page, clock, "show_me", SHOW_ME_HOLD_S)
            assert path.calls == [("show_me", True)]
            # Not a polite close: the connection itself is cut, as by a crash of the browser.
            page.socket.get_extra_info("socket").shutdown(2)
            await until(lambda: path.calls[-1] == ("show_me", False))

    asyncio.run(talk())


def test_show_me_ends_when_the_pulses_stop_though_the_socket_lives(
    server: ControlServer, path: Path, clock: ManualClock
) -> None:
    async def talk() -> None:
        async with page_at(server.url) as page:
            await page.hear("status")
            await hold(page, clock, "show_me", SHOW_ME_HOLD_S)
            await until(lambda: path.calls[-1] == ("show_me", False))
            assert server.pages == 1

    asyncio.run(talk())


def test_one_pages_release_does_not_end_what_another_never_held(
    server: ControlServer, path: Path, clock: ManualClock
) -> None:
    async def talk() -> None:
        async with page_at(server.url) as page, page_at(server.url) as other:
            await page.hear("status")
            await other.hear("status")
            await hold(page, clock, "show_me", SHOW_ME_HOLD_S)
            await other.say(type="show_me", held=False)
            await settle(other)
            assert ("show_me", False) not in path.calls

    asyncio.run(talk())


# -- before -----------------------------------------------------------------------------------------------------------


def test_before_is_sent_only_while_it_is_held_and_asked_for(
    server: ControlServer, path: Path, clock: ManualClock
) -> None:
    async def talk() -> None:
        async with page_at(server.url) as page:
            await page.hear("status")
            assert path.befores == 0
            await page.say(type="before", held=True)
            first = await page.picture()
            assert first[0] == 1
            assert first[HEADER_BYTES : HEADER_BYTES + 3] == b"\xff\xd8\xff"
            # No answer, no second picture.
            asked = path.befores
            await page.say(type="before", held=True)
            await settle(page)
            assert path.befores == asked
            await page.say(type="ack", channel="before")
            assert (await page.picture())[0] == 1
            await page.say(type="before", held=False)
            await page.say(type="ack", channel="before")
            await settle(page)
            asked = path.befores
            await page.hear("status")
            assert path.befores == asked

    asyncio.run(talk())


def test_before_ends_when_the_pulses_stop(server: ControlServer, path: Path, clock: ManualClock) -> None:
    async def talk() -> None:
        async with page_at(server.url) as page:
            await page.hear("status")
            await page.say(type="before", held=True)
            await page.picture()
            clock.advance(0.7)
            await page.say(type="ack", channel="before")
            await settle(page)
            asked = path.befores
            await page.hear("status")
            assert path.befores <= asked + 1
            assert [message["type"] for message in page.seen].count("said") == 1

    asyncio.run(talk())


def test_before_waits_for_a_camera(server: ControlServer, path: Path) -> None:
    async def talk() -> None:
        camera, path.camera = path.camera, None
        async with page_at(server.url) as page:
            await page.say(type="before", held=True)
            await until(lambda: path.befores > 2)
            path.camera = camera
            assert (await page.picture())[0] == 1

    asyncio.run(talk())


# -- switches, persona, numbers --------------------------------------------------------------------------------------


def test_slate_and_hold_are_switched(server: ControlServer, path: Path) -> None:
    async def talk() -> None:
        async with page_at(server.url) as page:
            for on in (True, False):
                await page.say(type="slate", on=on)
                await page.hear("status", slate=on)
                await page.say(type="hold", on=on)
                await page.hear("status", hold=on)

    asyncio.run(talk())
    assert path.calls == [("slate", True), ("hold", True), ("slate", False), ("hold", False)]


def test_the_lock_is_taken_anew(server: ControlServer, path: Path) -> None:
    async def talk() -> None:
        async with page_at(server.url) as page:
            await page.say(type="relock")
            await until(lambda: path.calls == [("relock", True)])

    asyncio.run(talk())


def test_an_expression_is_changed_and_every_page_sees_it(server: ControlServer, path: Path) -> None:
    async def talk() -> None:
        async with page_at(server.url) as page, page_at(server.url) as other:
            await page.say(type="change", settings={"edit": "smile=+0.2"})
            for told in (page, other):
                await told.hear("status", edit="smile=+0.2")
            await page.say(type="change", settings={"edit": "smle=+0.2"})
            assert "'smle'" in (await page.hear("said"))["text"]
            await page.hear("status", edit="smile=+0.2")

    asyncio.run(talk())


def test_a_persona_is_changed_and_every_page_told(server: ControlServer, path: Path) -> None:
    async def talk() -> None:
        async with page_at(server.url) as page, page_at(server.url) as other:
            await other.hear("status")
            await page.say(type="change", settings={"persona": "viggo"})
            for told in (page, other):
                while (await told.hear("status"))["settings"]["persona"] != "viggo":
                    pass

    asyncio.run(talk())
    assert path.calls == [("persona", "viggo")]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("opal", "portrait.png has another hash than its pack says. Get the pack again."),
        ("linh", "Mien made a mistake: ZeroDivisionError: a defect"),
        ("../../etc", "there is no persona '../../etc' any more."),
        ("<script>alert(1)</script>", "there is no persona '<script>alert(1)</script>' any more."),
    ],
)
def test_a_persona_that_fails_is_explained_on_the_page(
    server: ControlServer, path: Path, name: str, message: str
) -> None:
    async def talk() -> None:
        async with page_at(server.url) as page:
            await page.say(type="change", settings={"persona": name})
            assert (await page.hear("said", level="bad"))["text"] == message
            assert (await page.hear("status"))["settings"]["persona"] == "amara"
            await page.say(type="change", settings={"persona": "viggo"})
            while (await page.hear("status"))["settings"]["persona"] != "viggo":
                pass

    asyncio.run(talk())
    assert path.calls == [("persona", "viggo")]


def test_a_slow_persona_holds_up_nothing_and_personas_change_one_at_a_time(
    server: ControlServer, path: Path, clock: ManualClock
) -> None:
    gate = threading.Event()
    plain = path.set_persona

    def slow(name: str) -> None:
        path.calls.append(("begin", name))
        assert gate.wait(10)
        plain(name)

    path.set_persona = slow  # type: ignore[method-assign]

    async def talk() -> None:
        async with page_at(server.url) as page:
            await page.say(type="change", settings={"persona": "viggo"})
            await page.hear("status", switching="viggo")
            await page.say(type="change", settings={"persona": "mateo"})
            await page.say(type="slate", on=True)
            await page.hear("status", slate=True)
            await hold(page, clock, "show_me", SHOW_ME_HOLD_S)
            gate.set()
            while (await page.hear("status"))["settings"]["persona"] != "mateo":
                pass

    asyncio.run(talk())
    assert [call for call in path.calls if call[0] in ("begin", "persona")] == [
        ("begin", "viggo"),
        ("persona", "viggo"),
        ("begin", "mateo"),
        ("persona", "mateo"),
    ]
    assert ("show_me", True) in path.calls


def test_the_page_gets_the_numbers_and_no_token(server: ControlServer, path: Path) -> None:
    async def talk() -> dict[str, Any]:
        async with page_at(server.url) as page:
            await page.hear("status")
            path.numbers = {**path.numbers, "fps": 12.5}
            return await page.hear("status", fps=12.5)

    message = asyncio.run(talk())
    assert message["latency_p50_ms"] == 18.0
    assert "secret" not in json.dumps(message)
    assert Token().value not in json.dumps(message)


def test_a_page_that_reads_nothing_is_cut_off_and_holds_up_no_other(
    server: ControlServer, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.numbers = {**path.numbers, "last_error": "x" * 100_000}
    # Not by the ping that it does not answer either.
    monkeypatch.setattr("mien.plugin.control.server._HEARTBEAT_S", 600.0)

    async def talk() -> None:
        async with page_at(server.url) as good, page_at(server.url) as bad:
            await bad.hear("status")
            # It never reads again, and what it is told piles up: a few MB fill the system's own buffers.
            bad.transport.pause_reading()
            on = False
            while server.pages == 2:
                on = not on
                await good.say(type="hold", on=on)
                await good.hear("status", hold=on)
            await good.say(type="slate", on=True)
            await good.hear("status", slate=True)
            bad.transport.abort()

    asyncio.run(talk())
    assert path.calls[-1] == ("slate", True)


def test_whom_somebody_points_at_is_made_ready_and_nobody_is_told_why_not(server: ControlServer, path: Path) -> None:
    async def talk() -> list[str]:
        async with page_at(server.url) as page:
            await page.say(type="prepare", persona="nobody")
            await page.say(type="prepare", persona="opal")
            await until(lambda: ("prepare", "opal") in path.calls)
            await page.say(type="hold", on=True)
            await page.hear("status", hold=True)
            return [each["type"] for each in page.seen]

    assert "said" not in asyncio.run(talk())
    assert path.calls == [("prepare", "opal"), ("hold", True)]
