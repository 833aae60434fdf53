"""What a verification says: three answers that are never mixed, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from mien.engines.verify.looks import MediaInfo
from mien.engines.verify.marked import Marked
from mien.engines.verify.signals.table import Signals
from mien.engines.verify.signed import Signed
from mien.realtime.watermark.payload import Payload


@dataclass(frozen=True, slots=True)
class Looked:
    """What was looked at.

    Attributes:
        media: the file, or the camera.
        pictures: that were looked at.
        until_s: time of the last of them.
        notes: what was wrong with the file, or left out; sentences for people.

    """

    media: MediaInfo
    pictures: int
    until_s: float
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """Three answers. None of them is a verdict, and none says anything of the others.

    Attributes:
        file: what was looked at.
        signed: what its content credentials say, and whether they fit the file.
        marked: whether Mien's watermark is in the pictures.
        signals: experimental numbers.
        own_since: when the user's own session began that made the mark, with a time zone; None where it was none of
            theirs, or is not known.

    """

    file: Looked
    signed: Signed
    marked: Marked
    signals: Signals
    own_since: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values with the keys "file", "signed", "marked" and "signals"; see docs/verify.md."""
        media = asdict(self.file.media)
        return {
            "file": {**media, "looked_at": self.file.pictures, "until_s": self.file.until_s, "notes": self.file.notes},
            "signed": asdict(self.signed),
            "marked": {**_marked(self.marked), "own_since": self.own_since and self.own_since.isoformat()},
            "signals": asdict(self.signals),
        }


def session_name(session: int) -> str:
    """A session's id as people read it: eight hexadecimal digits."""
    return f"{session:08x}"


def _marked(marked: Marked) -> dict[str, Any]:
    plain = asdict(marked)
    windows = [
        {**asdict(window), "payload": _payload(window.payload)} for window in marked.windows
    ]  # fmt: skip
    sessions = [session_name(session) for session in marked.sessions]
    return {**plain, "payload": _payload(marked.payload), "sessions": sessions, "windows": windows}


def _payload(payload: Payload | None) -> Mapping[str, Any] | None:
    if payload is None:
        return None
    return {
        "kind": payload.kind,
        "session": session_name(payload.session),
        "commitment": f"{payload.commitment:07x}",
        "bits": f"{payload.to_int():016x}",
    }
