"""How soon a change is seen: from the request to the first picture of the new face, and what is dropped meanwhile.

    python benchmarks/change.py --json out/change.json

Runs a studio on the shipped clip and asks it, by its control API as a stream deck would, for one persona and the other,
or one engine and the other, again and again. A face is there when its first picture is handed over to the outputs. The
first change to each persona or engine loads it, or lets its portrait stand in; all later ones find it loaded, and are
the figures. Captured frames that never left are counted from the request to one second after the new face, and over as
long a time without a change.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from mien.plugin import Live
from mien.plugin.machine import provenance
from mien.plugin.measure import bench_config
from mien.realtime.clock import NS_PER_MS, NS_PER_S
from mien.realtime.frame_record import FrameRecord

SCHEMA = "mien-bench-change/1"
#: How long pictures are looked at after a new face, and before the next change, seconds.
AFTER_S = 1.0
#: Added to the pause before each change in turn, so that changes do not keep step with the frames.
_STEP_S = 0.0077
#: Only a hang takes as long.
_PATIENCE_S = 60.0

#: Name of a case: the settings that the run begins with, and the two that it is asked for in turn.
CASES: Mapping[str, tuple[dict[str, str], dict[str, str], dict[str, str]]] = {
    "portraits": ({"persona": "viggo"}, {"persona": "opal"}, {"persona": "viggo"}),
    "portraits, portrait mode": (
        {"persona": "viggo", "mode": "portrait"}, {"persona": "opal"}, {"persona": "viggo"},
    ),
    "portrait and network": ({"persona": "viggo"}, {"persona": "amara"}, {"persona": "viggo"}),
    "engines": ({"persona": "amara", "engine": "mesh"}, {"engine": "swapnet"}, {"engine": "mesh"}),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One change.

    Attributes:
        wanted: what was asked for.
        loaded: whether it had been shown before.
        seen_ms: from the request to the hand-over of the first picture of the new face, ms.
        network_ms: to that of the network that a portrait stood in for; None where none did.
        answered_ms: to the answer of the API, ms.
        dropped: frames that were captured and never left, from the request to `AFTER_S` after the last face.
        stand_ins: held pictures and slates among those that left.

    """

    wanted: str
    loaded: bool
    seen_ms: float
    network_ms: float | None
    answered_ms: float
    dropped: int
    stand_ins: int


def missing(records: Sequence[FrameRecord]) -> int:
    """Frames of the source that did not leave, between the first and the last that did."""
    left = {record.sequence for record in records if not record.held}
    return max(left) - min(left) + 1 - len(left) if left else 0


def judge(
    records: Sequence[FrameRecord],
    *,
    wanted: str,
    loaded: bool,
    asked_ns: int,
    answered_ns: int,
    took_over_ns: list[int],
) -> Change:
    """What the frames around a change say.

    Args:
        records: from the last one before the request on, oldest first.
        wanted: as `Change`.
        loaded: as `Change`.
        asked_ns: when it was asked for.
        answered_ns: when the API answered.
        took_over_ns: when other engines took over, by `Live.changed_ns`: the new face's, and the network's after it.

    Raises:
        ValueError: no picture of the new face left.

    """
    faces = []
    for taken_ns in took_over_ns:
        seen = (each for each in records if each.done_ns > taken_ns and each.kind == "persona" and not each.held)
        first = next(seen, None)
        if first is None:
            raise ValueError(f"{wanted}: no picture of it left.")
        faces.append((first.done_ns - asked_ns) / NS_PER_MS)
    return Change(
        wanted,
        loaded,
        round(faces[0], 1),
        round(faces[1], 1) if len(faces) > 1 else None,
        round((answered_ns - asked_ns) / NS_PER_MS, 1),
        missing(records),
        sum(each.held or each.kind != "persona" for each in records),
    )


def summary(changes: Sequence[Change], idle: Sequence[int]) -> dict[str, Any]:
    """The figures of one case.

    Args:
        changes: all.
        idle: frames dropped in spans of the same kind without a change.

    """
    ready, first = ([change for change in changes if change.loaded is loaded] for loaded in (True, False))
    seen = [change.seen_ms for change in ready]
    return {
        "changes": len(ready),
        "seen_ms": {"median": round(statistics.median(seen), 1), "worst": max(seen)},
        "dropped": {"mean": round(statistics.fmean(each.dropped for each in ready), 2),
                    "worst": max(each.dropped for each in ready)},
        "dropped_without_change": {"mean": round(statistics.fmean(idle), 2), "worst": max(idle)},
        "stand_ins": sum(change.stand_ins for change in ready),
        "not_loaded": [asdict(change) for change in first],
    }  # fmt: skip


class Studio:
    """A running studio as a client sees it, with its frames' records."""

    def __init__(self, live: Live) -> None:
        self._live = live
        assert live.preview_url is not None
        self._origin, _, self._token = live.preview_url.partition("/?token=")

    def ask(self, settings: Mapping[str, str]) -> None:
        """Change settings; waits for the answer."""
        request = urllib.request.Request(
            f"{self._origin}/api/settings",
            data=json.dumps(settings).encode(),
            method="PATCH",
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=_PATIENCE_S) as answer:
            answer.read()

    def change(self, settings: Mapping[str, str], *, loaded: bool) -> Change:
        """Ask for a change and look at it."""
        before_ns, asked_ns = self._live.changed_ns, time.monotonic_ns()
        self.ask(settings)
        answered_ns = time.monotonic_ns()
        took_over_ns = [self._next_after(before_ns)]
        if not self._live.wait_ready(0.0):
            self._live.wait_ready(_PATIENCE_S)
            took_over_ns.append(self._next_after(took_over_ns[0]))
        time.sleep(AFTER_S)
        return judge(
            self._records_since(asked_ns),
            wanted=" ".join(settings.values()),
            loaded=loaded,
            asked_ns=asked_ns,
            answered_ns=answered_ns,
            took_over_ns=took_over_ns,
        )

    def idle(self) -> int:
        """Frames that are dropped in a span without a change."""
        since_ns = time.monotonic_ns()
        time.sleep(AFTER_S)
        return missing(self._records_since(since_ns))

    def _records_since(self, since_ns: int) -> list[FrameRecord]:
        records = self._live.records()
        first = next((at for at, each in enumerate(records) if each.done_ns > since_ns), len(records))
        return records[max(first - 1, 0) :]

    def _next_after(self, before_ns: int) -> int:
        end_ns = time.monotonic_ns() + round(_PATIENCE_S * NS_PER_S)
        while (now_ns := self._live.changed_ns) <= before_ns:
            if time.monotonic_ns() > end_ns:
                raise TimeoutError("the change did not come.")
            time.sleep(0.002)
        return now_ns


def measure(name: str, count: int, source: str | None = None) -> dict[str, Any]:
    """One case: two changes that load, then `count` that do not."""
    begin, *turns = CASES[name]
    with Live(bench_config(source, sinks=("null", "preview"), **begin)) as live:
        live.wait_ready()
        studio = Studio(live)
        time.sleep(2 * AFTER_S)
        changes: list[Change] = []
        # What the run began with is loaded.
        known = [turns[1]]
        for number in range(count + 1):
            time.sleep(number % 5 * _STEP_S)
            wanted = turns[number % 2]
            changes.append(studio.change(wanted, loaded=wanted in known))
            known.append(wanted)
        return summary(changes, [studio.idle() for _ in range(max(count // 4, 1))])


def told(name: str, figures: Mapping[str, Any]) -> list[str]:
    """The figures of a case, in lines."""
    seen, dropped, idle = figures["seen_ms"], figures["dropped"], figures["dropped_without_change"]
    lines = [
        f"{name}: new face after {seen['median']} ms, worst {seen['worst']}; frames dropped {dropped['mean']}, worst "
        f"{dropped['worst']} (without a change {idle['mean']}, {idle['worst']}); stand-ins {figures['stand_ins']}"
    ]
    for first in figures["not_loaded"]:
        network = "" if first["network_ms"] is None else f", its network after {first['network_ms']} ms"
        lines.append(
            f"  not loaded, {first['wanted']}: after {first['seen_ms']} ms{network}; frames dropped {first['dropped']}"
        )
    return lines


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", default=list(CASES), help=f"of: {'; '.join(CASES)}")
    parser.add_argument("--changes", type=int, default=20, help="of what is loaded, in each case")
    parser.add_argument("--source", help="a clip; default: the shipped one")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    figures = {}
    for name in given.cases:
        figures[name] = measure(name, given.changes, given.source)
        for line in told(name, figures[name]):
            Console(highlight=False, soft_wrap=True).print(line)
    if given.json is not None:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps({"schema": SCHEMA, **provenance(), "cases": figures}, indent=2) + "\n")


if __name__ == "__main__":
    main()
