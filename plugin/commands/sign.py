"""`mien sign`: content credentials for a recording that has none, and the rescue of one that a crash cut short."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated

import typer

from mien.engines.credentials.chain import Credentials
from mien.engines.credentials.errors import CredentialError
from mien.engines.credentials.manifest import Description
from mien.engines.credentials.origin import is_ours, plays
from mien.engines.credentials.recovery import intact_bytes, is_part, whole_name
from mien.engines.credentials.sign import UnsignableError, countersign_file, sign_file
from mien.engines.verify.signed import Signed, read_signed
from mien.plugin import settings
from mien.plugin.commands import options
from mien.plugin.commands.session import Session
from mien.plugin.signing import credentials_for
from mien.realtime.config import CredentialSettings
from mien.realtime.errors import SourceError

#: A file that changed within this time is taken for a recording that still runs, seconds.
STILL_WRITTEN_S = 10.0


def sign(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A recording that Mien made.")],
    recover: Annotated[
        bool,
        typer.Option("--recover", help="FILE is NAME.part.mp4, left by a crash: sign it and give it its name."),
    ] = False,
    identity: Annotated[
        bool,
        typer.Option(
            "--identity", help="Sign as you, so that others can know your recordings; links them to each other."
        ),
    ] = False,
    config: options.Config = None,
    as_json: options.AsJson = False,
) -> None:
    """Sign a recording: content credentials (C2PA) that say it is made with AI, and show any later change.

    Recordings are signed as they are made; this is for one that could not be,
    or that a crash cut short.

    [bold]Examples[/bold]

      mien sign talk.mp4                   one that could not be signed
      mien sign --recover talk.part.mp4    one that a crash left unfinished
      mien sign --identity talk.mp4        as you: by a certificate of your own

    Without --identity the keys are made for this file and forgotten: nothing
    in it tells who you are, or links it to your other recordings. With it, all
    files that you sign so can be known to come from one person.

    Only recordings of Mien's are signed: this is no stamp for other videos.
    """
    session: Session = ctx.obj
    session.json = as_json
    chosen = settings.resolve({}, file=config).credentials
    if identity and chosen.key is None:
        chosen = CredentialSettings(identity=True)
    before = _examine(file, recover=recover, again=identity)
    credentials = credentials_for(chosen)()
    # Each step is whole in itself: after Ctrl-C between two of them the same command goes on.
    if recover:
        _cut(file)
    note = _sign(file, before, credentials, recover=recover, again=identity)
    target = _renamed(file) if recover else file
    named = identity or chosen.identity or chosen.key is not None
    session.say(
        f"{'recovered' if recover else 'signed'}: {target}{'' if named or note else ' (keys for this file alone)'}"
    )
    if note:
        session.warn(f"note: {note}")
    session.document({"file": str(target), "signed": not note, "recovered": recover, "note": note})


def _examine(file: Path, *, recover: bool, again: bool) -> Signed:
    """Give what the file says already; refuse what is no recording of Mien's, or must not be signed (once more)."""
    if file.exists() and not file.is_file():
        raise SourceError(f"'{file}' is no file.", hint="Name a recording.")
    before = read_signed(file)
    end = intact_bytes(file) if recover else None
    if not is_ours(file, end=end):
        raise CredentialError(
            f"{file.name} is no recording of Mien's.",
            hint="Signed as one it would carry a false mark: only what Mien recorded is signed.",
        )
    if recover != is_part(file):
        raise CredentialError(
            f"{file.name} is {'a whole' if recover else 'an unfinished'} recording.",
            hint=f"Use: mien sign {'' if recover else '--recover '}FILE",
        )
    if before.state == "invalid":
        raise CredentialError(
            f"{file.name} was changed after it was signed ({'; '.join(before.problems)}).",
            hint="Signing it again would hide that.",
        )
    if before.state == "valid" and not (again or recover):
        raise CredentialError(f"{file.name} is signed already.", hint="See by whom: mien verify FILE")
    if recover and not plays(file, end=end):
        raise SourceError(f"'{file.name}' holds no whole picture.", hint="There is nothing to recover; remove it.")
    if recover and time.time() - file.stat().st_mtime < STILL_WRITTEN_S:
        raise CredentialError(
            f"{file.name} was written to within the last {STILL_WRITTEN_S:g} s: it may still be recorded.",
            hint="End that run, which finishes and signs it; after a crash, wait a moment.",
        )
    return before


def _sign(file: Path, before: Signed, credentials: Credentials, *, recover: bool, again: bool) -> str:
    """Sign the file; returns why a recovered one cannot carry a signature, for it gets its name all the same."""
    try:
        if before.state != "valid":
            sign_file(file, credentials=credentials, description=Description())
        elif again:
            countersign_file(file, credentials=credentials)
    except UnsignableError as error:
        if not recover:
            raise
        return str(error)
    return ""


def _cut(part: Path) -> None:
    """Take off a torn header at the end."""
    end = intact_bytes(part)
    try:
        if end < part.stat().st_size:
            os.truncate(part, end)
    except OSError as error:
        raise SourceError(f"'{part.name}' cannot be written: {error.strerror}.", hint="Check who owns it.") from error


def _renamed(part: Path) -> Path:
    try:
        return part.rename(whole_name(part))
    except OSError as error:
        raise SourceError(f"'{part.name}' cannot be renamed: {error.strerror}.", hint="It is signed.") from error
