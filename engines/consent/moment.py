"""Moments: UTC, whole seconds, one way to write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import AfterValidator

_PATTERN: Final = re.compile(r"20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]Z")
_FORMAT: Final = "%Y-%m-%dT%H:%M:%SZ"


def utc_now() -> datetime:
    """Now, UTC, whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def write_moment(moment: datetime) -> str:
    """``2026-11-30T12:00:00Z``."""
    return moment.astimezone(UTC).strftime(_FORMAT)


def read_moment(text: str) -> datetime:
    """The moment that `write_moment` wrote; raises `ValueError` for any other form."""
    if not _PATTERN.fullmatch(text):
        raise ValueError("a moment must read like 2026-11-30T12:00:00Z")
    return datetime.strptime(text, _FORMAT).replace(tzinfo=UTC)


def _checked(text: str) -> str:
    read_moment(text)
    return text


#: A text that `read_moment` takes.
Moment = Annotated[str, AfterValidator(_checked)]
