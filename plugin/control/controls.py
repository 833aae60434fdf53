"""What the page may ask of a running live path."""

from __future__ import annotations

from typing import Any, Protocol

from mien.realtime.frame import Pixels


class LiveControls(Protocol):
    """The live path as the page sees it.

    All but `set_persona` are called on the server's one thread and return at once; `set_persona` is called on
    another thread, one call at a time, and may take as long as loading a persona does.
    """

    def stats(self) -> dict[str, Any]:
        """Numbers for the page, once a second for each page that is open; plain data (see `page_stats`)."""

    def before(self) -> Pixels | None:
        """The newest unprocessed picture, for the held "before" of the page alone; None when there is none."""

    def set_slate(self, on: bool) -> None:
        """Show the slate until it is taken back."""

    def set_hold(self, on: bool) -> None:
        """Freeze the last persona frame until it is taken back."""

    def show_me(self, held: bool) -> None:
        """Show the camera, under its plate.

        Called with True every `PULSE_S` or so while the button is down (after it was held for a second), and with
        False the moment it is released, or its page is gone. Should True stop coming, the camera must go by itself.
        """

    def relock(self) -> None:
        """Swap whoever is most prominent in the picture now, from the next frame on."""

    def set_edit(self, changes: str) -> None:
        """Change the persona's expression; raises `MienError` and changes nothing if that cannot be done."""

    def personas(self) -> list[str]:
        """Names that `set_persona` takes."""

    def set_persona(self, name: str) -> None:
        """Load, check and change to a persona; raises `MienError` and leaves the running one alone if it cannot."""


#: How often the page says that a button is still held, seconds.
PULSE_S = 0.2

_NUMBERS = ("fps", "latency_p50_ms", "latency_p95_ms", "frames", "engine", "persona", "edit", "source", "sinks",
            "last_error")  # fmt: skip


def page_stats(stats: dict[str, Any]) -> dict[str, Any]:
    """The part of `LiveControls.stats` that the page shows; what is not there is left out.

    `fps`, `latency_p50_ms`, `latency_p95_ms`: numbers. `frames`: `dropped` and `held`. `engine`: `name`, `runtime`,
    `device`, `reason`, and `edits`, whether it can change an expression. `persona`: name. `edit`: how its expression
    is changed. `source`: `name`, `width`, `height`, `fps`, `state`. `sinks`: a list with `name`, `state`,
    `last_error`. `last_error`: text.
    """
    return {key: stats[key] for key in _NUMBERS if key in stats}
