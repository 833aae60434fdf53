from __future__ import annotations

from typing import Any

import pytest

from mien.plugin.control.advice import warnings

WELL: dict[str, Any] = {
    "frames": {"out": 1000},
    "shown": "persona",
    "fps": 30.0,
    "latency_p50_ms": 20.0,
    "source": {"state": "running", "fps": 30.0, "trouble": ""},
    "sinks": [{"name": "preview", "state": "open"}, {"name": "virtualcam", "state": "open"}],
}


def said(**changes: Any) -> list[tuple[str, str]]:
    switches = {"slate": changes.pop("slate", False), "hold": changes.pop("hold", False)}
    problem, room = changes.pop("recording_problem", ""), changes.pop("background", "keep")
    found = warnings(WELL | changes, **switches, background=room, recording_problem=problem)
    return [(each.level, each.text) for each in found]


def test_all_is_well() -> None:
    assert said() == []


def test_a_hidden_room_is_no_trouble_and_named_where_the_picture_is_late() -> None:
    late = WELL | {"latency_p50_ms": 300.0}
    for background, named in (("keep", False), ("blur", True)):
        (found,) = warnings(late, slate=False, hold=False, background=background)  # type: ignore[arg-type]
        assert ("Hiding your room" in found.advice) == named
    assert said(background="green") == []
    assert said(background="alpha", sinks=[*WELL["sinks"], {"name": "nut://127.0.0.1:9000", "state": "open"}]) == []


@pytest.mark.parametrize(
    ("changes", "level", "text"),
    [
        ({"source": {"state": "lost", "fps": 30.0, "trouble": "It is unplugged."}}, "bad", "It is unplugged."),
        ({"source": {"state": "released", "fps": 30.0}}, "warn", "the camera is off"),
        ({"sinks": [{"name": "virtualcam", "state": "dead", "last_error": "no driver"}]}, "bad", "no driver"),
        ({"sinks": [{"name": "nut", "state": "retrying", "last_error": "gone"}]}, "warn", "nut is away: gone"),
        ({"sinks": [{"name": "preview", "state": "open"}]}, "warn", "Only this page"),
        ({"shown": "slate"}, "bad", "Your face is not found"),
        ({"latency_p50_ms": 300.0}, "warn", "300 ms late"),
        ({"fps": 12.0}, "warn", "12 pictures a second of 30"),
        ({"obs": {"warnings": ("in scene 'Talk' the mark is cut off",)}}, "warn", "OBS: in scene 'Talk' the mark"),
        ({"recording_problem": "the disk is full"}, "bad", "the disk is full"),
        ({"background": "alpha"}, "warn", "Only OBS can show a transparent room"),
    ],
)
def test_each_trouble_is_told_once_in_plain_words(changes: dict[str, Any], level: str, text: str) -> None:
    found = said(**changes)
    assert [each for each, _ in found] == [level]
    assert text in found[0][1]


def test_a_slate_that_was_asked_for_is_no_trouble_and_a_start_says_nothing_of_rates() -> None:
    assert said(shown="slate", slate=True) == []
    assert said(shown="slate", hold=True) == []
    assert said(fps=1.0, latency_p50_ms=900.0, frames={"out": 5}) == []


def test_a_picture_that_rests_is_not_called_slow() -> None:
    assert said(fps=6.0, resting=True, obs={"warnings": ()}) == []


def test_the_worst_comes_first() -> None:
    levels = [level for level, _ in said(shown="slate", latency_p50_ms=300.0, fps=5.0)]
    assert levels == ["bad", "warn", "warn"]
