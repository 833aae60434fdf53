from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from control_page import Path, page_at, until

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
    served = ControlServer(path, port=0, clock=clock)
    served.start()
    yield served
    served.close()


async def settle(page: Any) -> None:
    """Until all that was said before is done: messages are handled in order."""
    await page.say(type="personas")
    await page.hear("personas")


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
            await page.hear("personas")
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
            await page.hear("personas")
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
            await page.hear("personas")
            await hold(page, clock, "show_me", SHOW_ME_HOLD_S)
            await until(lambda: path.calls[-1] == ("show_me", False))
            assert server.pages == 1

    asyncio.run(talk())


def test_one_pages_release_does_not_end_what_another_never_held(
    server: ControlServer, path: Path, clock: ManualClock
) -> None:
    async def talk() -> None:
        async with page_at(server.url) as page, page_at(server.url) as other:
            await page.hear("personas")
            await other.hear("personas")
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
            await page.hear("stats")
            assert path.befores == 0
            await page.say(type="before", held=True)
            first = await page.picture()
            assert first[0] == 1
            assert first[8:11] == b"\xff\xd8\xff"
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
            await page.hear("stats")
            assert path.befores == asked

    asyncio.run(talk())


def test_before_ends_when_the_pulses_stop(server: ControlServer, path: Path, clock: ManualClock) -> None:
    async def talk() -> None:
        async with page_at(server.url) as page:
            await page.hear("stats")
            await page.say(type="before", held=True)
            await page.picture()
            clock.advance(0.7)
            await page.say(type="ack", channel="before")
            await settle(page)
            asked = path.befores
            await page.hear("stats")
            assert path.befores <= asked + 1
            assert [message["type"] for message in page.seen].count("error") == 0

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
                await page.hear("switches", slate=on)
                await page.say(type="hold", on=on)
                await page.hear("switches", hold=on)

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
            await page.say(type="edit", changes="smile=+0.2")
            for told in (page, other):
                await told.hear("stats", edit="smile=+0.2")
            await page.say(type="edit", changes="smle=+0.2")
            assert "'smle'" in (await page.hear("error"))["message"]
            await page.hear("stats", edit="smile=+0.2")

    asyncio.run(talk())


def test_a_persona_is_changed_and_every_page_told(server: ControlServer, path: Path) -> None:
    async def talk() -> None:
        async with page_at(server.url) as page, page_at(server.url) as other:
            assert (await page.hear("personas"))["names"] == ["amara", "bjorn", "broken", "crashing"]
            await other.hear("stats")
            await page.say(type="persona", name="bjorn")
            for told in (page, other):
                await told.hear("persona", name="bjorn", state="loading")
                await told.hear("persona", name="bjorn", state="ready")

    asyncio.run(talk())
    assert path.calls == [("persona", "bjorn")]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("broken", "portrait.png has another hash than its pack says. Get the pack again."),
        ("crashing", "ZeroDivisionError: a defect"),
        ("../../etc", "there is no persona '../../etc' any more."),
    ],
)
def test_a_persona_that_fails_is_explained_on_the_page(
    server: ControlServer, path: Path, name: str, message: str
) -> None:
    async def talk() -> None:
        async with page_at(server.url) as page:
            await page.say(type="persona", name=name)
            assert (await page.hear("persona", name=name, state="failed"))["message"] == message
            await page.say(type="persona", name="amara")
            await page.hear("persona", name="amara", state="ready")

    asyncio.run(talk())
    assert path.calls == [("persona", "amara")]


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
            await page.say(type="persona", name="amara")
            await page.hear("persona", name="amara", state="loading")
            await page.say(type="persona", name="bjorn")
            await page.say(type="slate", on=True)
            await page.hear("switches", slate=True)
            await hold(page, clock, "show_me", SHOW_ME_HOLD_S)
            gate.set()
            await page.hear("persona", name="bjorn", state="ready")

    asyncio.run(talk())
    assert [call for call in path.calls if call[0] in ("begin", "persona")] == [
        ("begin", "amara"),
        ("persona", "amara"),
        ("begin", "bjorn"),
        ("persona", "bjorn"),
    ]
    assert ("show_me", True) in path.calls


def test_the_page_gets_the_numbers_and_no_token(server: ControlServer, path: Path) -> None:
    async def talk() -> dict[str, Any]:
        async with page_at(server.url) as page:
            await page.hear("stats")
            path.numbers = {**path.numbers, "fps": 12.5}
            return await page.hear("stats", fps=12.5)

    assert asyncio.run(talk()) == {"type": "stats", "fps": 12.5, "latency_p50_ms": 18.0, "persona": "amara"}
