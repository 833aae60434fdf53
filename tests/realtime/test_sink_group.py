from __future__ import annotations

import pytest
from sink_frames import Frames

from mien.realtime.clock import MonotonicClock
from mien.realtime.errors import ConfigError, SinkError
from mien.realtime.mark import MarkedFrame
from mien.realtime.sink.base import StreamFormat
from mien.realtime.sink.group import SinkGroup
from mien.realtime.sink.runner import SinkRunner

STREAM = StreamFormat(64, 48, 30.0)
FRAMES = Frames()


class Screen:
    """A device's double."""

    wanted = True

    def __init__(self, name: str) -> None:
        self.name = name
        self.seen: list[MarkedFrame] = []
        self.life: list[str] = []

    def open(self, stream: StreamFormat) -> None:
        if self.name == "refuses":
            raise SinkError("refuses is not plugged in.")
        self.life.append("open")

    def write(self, frame: MarkedFrame) -> None:
        if self.name == "dies":
            raise SinkError("dies was pulled out.")
        self.seen.append(frame)

    def close(self) -> None:
        self.life.append("close")


@pytest.fixture
def screens() -> dict[str, Screen]:
    return {}


@pytest.fixture
def group(screens: dict[str, Screen]) -> SinkGroup:
    def make(spec: str) -> SinkRunner:
        screens[spec] = Screen(spec)
        return SinkRunner(screens[spec], STREAM, MonotonicClock())

    return SinkGroup(make)


def test_sinks_come_and_go_while_others_run(group: SinkGroup, screens: dict[str, Screen]) -> None:
    group.add("one")
    group.add("two")
    first, second = FRAMES(), FRAMES()
    for runner in group:
        runner.offer(first)
    group.remove("one")
    assert group.specs == ("two",)
    assert screens["one"].life == ["open", "close"]
    assert screens["one"].seen == [first]
    for runner in group:
        runner.offer(second)
    group.close()
    assert screens["two"].seen[-1] is second
    assert screens["two"].life == ["open", "close"]


def test_one_that_cannot_be_opened_changes_nothing(group: SinkGroup) -> None:
    group.add("one")
    with pytest.raises(SinkError, match="not plugged in"):
        group.add("refuses")
    assert group.specs == ("one",)
    with pytest.raises(ConfigError, match="there already"):
        group.add("one")
    group.close()
    with pytest.raises(ConfigError, match="ended"):
        group.add("late")


def test_a_dead_one_gives_way_to_its_like(group: SinkGroup, screens: dict[str, Screen]) -> None:
    runner = group.add("dies")
    runner.offer(FRAMES())
    assert runner._worker.join(10)
    assert group.specs == ()
    assert [each.stats.state for each in group] == ["dead"]
    screens["dies"].name = "well"
    group.add("dies", lambda: SinkRunner(Screen("well"), STREAM, MonotonicClock()))
    assert group.specs == ("dies",)
    assert [each.stats.state for each in group] == ["open"]
    group.close()


def test_who_iterates_sees_those_of_that_moment(group: SinkGroup) -> None:
    group.add("one")
    walk = iter(group)
    group.add("two")
    assert [runner.name for runner in walk] == ["one"]
    group.close()
