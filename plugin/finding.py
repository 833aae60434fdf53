"""One line of `mien doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: what, two words at most.
        state: "ok"; "warn": a run starts, something is not there; "fail": a run cannot start.
        detail: what was found, one sentence.
        fix: the command that mends it, or what to do; empty where nothing is to be done.

    """

    name: str
    state: State
    detail: str
    fix: str = ""
