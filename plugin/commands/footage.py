"""What `mien train --footage` does before it trains: look the recordings through, and show what they have."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from mien.engines.personas.pack import Contents, decode_contents
from mien.plugin.commands.session import Session
from mien.realtime.errors import SourceError

if TYPE_CHECKING:
    from mien.engines.swapnet.coverage import Role
    from mien.engines.swapnet.footage import Extraction

_SOURCES_NAME = "sources.txt"


def look_through(
    session: Session, folder: Path, role: Role, name: str, sources: list[Path], person: int | None = None
) -> bool:
    """Look through recordings, unless the same ones were looked through before; False then."""
    from mien.engines.swapnet.footage import FootageError, extract

    seen = _fingerprint(sources, person)
    known = folder / _SOURCES_NAME
    if known.is_file() and known.read_text(encoding="utf-8") == seen:
        session.say(f"the footage was looked through already: {folder}")
        return False
    try:
        with session.progress("looking through the footage") as tell:
            found = extract(
                sources, folder, role=role, name=name, choose_person=person,
                on_progress=lambda done, total: tell(done, total or 0),
            )  # fmt: skip
    except FootageError as error:
        if error.extraction is not None:
            _show(session, error.extraction)
        if error.sheet is not None:
            session.say(f"who is there: {error.sheet}; choose with --person NUMBER")
        raise
    _show(session, found)
    known.write_text(seen, encoding="utf-8")
    return True


def check_person(session: Session, contents: Contents, folder: Path) -> None:
    """Refuse recordings of somebody else than the portrait's person; they are looked through again next time."""
    from mien.engines.measure import FaceIdentity
    from mien.engines.swapnet.whose import check_likeness, likeness

    name, persona = contents.manifest.name, decode_contents(contents)
    alike = likeness(folder, name, persona.portrait, persona.landmarks, FaceIdentity())
    session.say(f"likeness to the portrait (SFace): {alike:.2f}")
    try:
        check_likeness(alike, name)
    except SourceError:
        (folder / _SOURCES_NAME).unlink()
        raise


def _show(session: Session, found: Extraction) -> None:
    dropped = ", ".join(f"{count} {reason}" for reason, count in found.dropped.items())
    session.say(f"{found.frames_seen} frames, {found.faces_found} faces, {found.kept} kept (left: {dropped or 'none'})")
    table = Table("what", "found", "wanted", "state")
    for row in found.coverage.table():
        table.add_row(row.what, row.found, row.wanted, row.state)
    session.wrapping_console.print(table)
    for line in (*found.notes, *(f"to record next: {each}" for each in found.advice)):
        session.say(line)


def _fingerprint(sources: list[Path], person: int | None) -> str:
    """What was looked through: names, sizes and times of the files, so that a run that goes on does not look again."""
    rows = []
    for source in sources:
        files = sorted(source.rglob("*")) if source.is_dir() else [source]
        for file in files:
            if file.is_file():
                about = file.stat()
                rows.append(f"{file.resolve()} {about.st_size} {about.st_mtime_ns}")
    return "\n".join([f"person {person}", *rows]) + "\n"
