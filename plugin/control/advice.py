"""What goes wrong, in a streamer's words: from the numbers of a run to sentences, each with what helps. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mien.realtime.config import Background

#: Added latency that viewers notice beside the voice, ms.
LATE_MS = 120.0
#: Of the source's rate, below which motion stutters.
LEAST_RATE = 0.7
#: Before so many frames nothing is said of rates.
_SETTLED_FRAMES = 90


@dataclass(frozen=True, slots=True)
class Advice:
    """One warning on the page.

    Attributes:
        level: "warn", or "bad" where the audience sees no persona.
        text: what is the matter.
        advice: what helps; may be empty.

    """

    level: Literal["warn", "bad"]
    text: str
    advice: str = ""


def warnings(
    stats: Mapping[str, Any], *, slate: bool, hold: bool, background: Background = "keep", recording_problem: str = ""
) -> list[Advice]:
    """Sentences about a run, the worst first.

    Args:
        stats: of `Live.stats`.
        slate: whether the user asked for the slate, so that it is no trouble.
        hold: the same of the hold.
        background: what is done with the room.
        recording_problem: what ended a recording, or nothing.

    """
    found = [*_source(stats), *_sinks(stats), *_obs(stats), *_face(stats, asked=slate or hold)]
    found += [*_room(stats, background), *_speed(stats, background)]
    if recording_problem:
        found.append(Advice("bad", f"The recording ended: {recording_problem}"))
    return sorted(found, key=lambda advice: advice.level != "bad")


def _source(stats: Mapping[str, Any]) -> Iterator[Advice]:
    source = stats.get("source", {})
    if source.get("state") == "lost":
        text = f"There is no picture from your camera: {source.get('trouble', '')}"
        yield Advice("bad", text, "Choose another source, or plug the camera in again. Your audience sees the slate.")
    elif source.get("state") == "released":
        yield Advice("warn", "Nobody watches, so the camera is off.", "It comes back as soon as somebody does.")


def _sinks(stats: Mapping[str, Any]) -> Iterator[Advice]:
    sinks = stats.get("sinks", [])
    for sink in sinks:
        if sink.get("state") == "retrying":
            yield Advice("warn", f"{sink['name']} is away: {sink.get('last_error', '')}", "It is tried again.")
        elif sink.get("state") == "dead":
            yield Advice("bad", f"{sink['name']} has stopped: {sink.get('last_error', '')}", "Switch it on again.")
    if sinks and all(sink.get("name") == "preview" for sink in sinks):
        yield Advice("warn", "Only this page gets your picture.", "Choose an output: the virtual camera, or OBS.")


def _obs(stats: Mapping[str, Any]) -> Iterator[Advice]:
    for warning in (stats.get("obs") or {}).get("warnings", ()):
        yield Advice("warn", f"OBS: {warning}.")


def _face(stats: Mapping[str, Any], *, asked: bool) -> Iterator[Advice]:
    source_runs = stats.get("source", {}).get("state") == "running"
    if source_runs and not asked and stats.get("shown") == "slate":
        advice = "Sit in front of the camera with some light on your face; press That's me if it follows somebody else."
        yield Advice("bad", "Your face is not found, so your audience sees the slate.", advice)


def _room(stats: Mapping[str, Any], background: Background) -> Iterator[Advice]:
    if background == "alpha" and not any(sink.get("name", "").startswith("nut:") for sink in stats.get("sinks", [])):
        text = "Only OBS can show a transparent room; what you send now has a dark grey one."
        yield Advice("warn", text, "Switch the output OBS on, or choose another background.")


def _speed(stats: Mapping[str, Any], background: Background) -> Iterator[Advice]:
    if stats.get("frames", {}).get("out", 0) < _SETTLED_FRAMES or stats.get("source", {}).get("state") != "running":
        return
    if stats.get("resting"):
        return
    # It is the one part of the work that can be left out by a choice on the page.
    room = "" if background == "keep" else " Hiding your room takes time, too."
    late = stats.get("latency_p50_ms", 0.0)
    if late > LATE_MS:
        advice = "Close other programs, or choose the engine Instant."
        yield Advice("warn", f"Your picture is {late:.0f} ms late.", advice + room)
    rate, wanted = stats.get("fps", 0.0), stats.get("source", {}).get("fps", 0.0)
    if wanted and rate < LEAST_RATE * wanted:
        text = f"Motion stutters: {rate:.0f} pictures a second of {wanted:.0f}."
        yield Advice(
            "warn", text, f"Close other programs, choose the engine Instant, or a smaller camera picture.{room}"
        )
