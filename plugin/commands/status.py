"""The live lines of `mien run`: on a terminal they stay in place under the events, elsewhere a line every 5 s."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any, Self

from rich.live import Live as LiveDisplay
from rich.text import Text

from mien.plugin.commands.session import Session

#: Distance of the lines where nobody watches a terminal, seconds.
_PLAIN_EVERY_S = 5.0
_REFRESH_HZ = 4


class StatusView:
    """Shows events and numbers. `event` may be called from any thread, the rest from one."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._console = session.wrapping_console
        self._display: LiveDisplay | None = None
        self._next_plain_s = 0.0

    def __enter__(self) -> Self:
        if self._session.interactive:
            # Events go through the same console, so that they land above the lines.
            self._display = LiveDisplay(console=self._console, refresh_per_second=_REFRESH_HZ, transient=True)
            self._display.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._display is not None:
            self._display.stop()
            self._display = None

    def event(self, text: str) -> None:
        """Print one line above the numbers."""
        self._console.print(f"· {text}", markup=False)

    def show(self, stats: dict[str, Any]) -> None:
        """Show the newest numbers; called several times a second."""
        if self._display is not None:
            self._display.update(Text("\n".join(lines(stats))))
            return
        now_s = time.monotonic()
        if now_s >= self._next_plain_s:
            first = self._next_plain_s == 0.0
            self._next_plain_s = now_s + _PLAIN_EVERY_S
            for line in lines(stats) if first else [numbers(stats)]:
                self._session.say(line)

    def summary(self, stats: dict[str, Any]) -> None:
        """Print what the run did, at its end."""
        frames = stats["frames"]
        self._session.say(
            f"{stats['seconds']:.1f} s: {frames['in']} frames in, {frames['out']} out, {frames['dropped']} dropped, "
            f"{frames['held']} held, {frames['slate']} slate, {frames['errors']} errors"
        )


def lines(stats: dict[str, Any]) -> list[str]:
    """The block of the terminal: source, persona and engine; numbers; sinks; the page; the newest failure."""
    source, engine = stats["source"], stats["engine"]
    state = "" if source["state"] == "running" else f" ({source['state']})"
    block = [
        f"{source['name']} {source['width']}x{source['height']} at {source['fps']:g}{state} -> {stats['persona']}",
        f"{engine['name']} on {engine['runtime']}, {engine['device']}: {engine['reason']}",
        numbers(stats),
    ]
    if stats["sinks"]:
        block.append("to " + ", ".join(_sink(sink) for sink in stats["sinks"]))
    if stats["preview_url"]:
        block.append(f"page: {stats['preview_url']}")
    if stats["last_error"]:
        block.append(f"last failure: {stats['last_error']}")
    return block


def numbers(stats: dict[str, Any]) -> str:
    """One line: rate, latency, and what was lost."""
    frames = stats["frames"]
    return (
        f"{stats['fps']:5.1f} fps · latency {stats['latency_p50_ms']:.0f} ms (p95 {stats['latency_p95_ms']:.0f}) · "
        f"{frames['out']} frames · dropped {frames['dropped']} · held {frames['held']} · slate {frames['slate']}"
    )


def _sink(sink: dict[str, Any]) -> str:
    text = f"{sink['name']} ({sink['state']}"
    if sink["state"] == "open" and not sink["wanted"]:
        text += ", nobody reads"
    if sink["dropped"]:
        text += f", {sink['dropped']} dropped"
    return text + ")"
