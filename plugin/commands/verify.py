"""`mien verify`: what a file, or a camera, says about itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from mien.engines.credentials.anchors import NOBODY, Anchors
from mien.engines.credentials.errors import CredentialError
from mien.engines.verify.report import Report
from mien.engines.verify.report_page import report_page
from mien.engines.verify.report_text import report_text
from mien.engines.verify.verify import verify as verify_file
from mien.engines.verify.verify import verify_camera
from mien.plugin import settings
from mien.plugin.commands import options
from mien.plugin.commands.session import Session
from mien.plugin.sessions import own_session
from mien.plugin.signing import anchors
from mien.realtime.errors import ConfigError, SinkError
from mien.realtime.sink.partfile import PartFile


def verify(
    ctx: typer.Context,
    what: Annotated[
        str, typer.Argument(metavar="FILE|camera", help="A picture, a video, camera, camera:NUMBER or camera:NAME.")
    ],
    html: Annotated[
        Path | None, typer.Option("--html", metavar="OUT", help="Also write a page with a timeline of the mark.")
    ] = None,
    signals: Annotated[
        bool, typer.Option("--signals/--no-signals", help="Measure the experimental signals (most of the time).")
    ] = True,
    overwrite: options.Overwrite = False,
    as_json: options.AsJson = False,
) -> None:
    """Say what a file says about itself: signed, marked, and experimental signals.

    [bold]Three answers, never mixed[/bold]

      Signed    content credentials (C2PA): by whom, and what was changed since
      Marked    Mien's watermark: found or not, which session, since when
      Signals   experimental numbers of the face, and no verdict

    A mark that is missing says nothing: other tools leave none. A mark that is there can be copied.

    [bold]Examples[/bold]

      mien verify clip.mp4
      mien verify portrait.png --json
      mien verify clip.mp4 --html report.html
      mien verify camera:2 --no-signals     five seconds of a camera

    Works offline; nothing leaves this computer, and no address is opened.

    Exit status: 0 whenever it was looked at, whatever the answers are · 2 a wrong option · 3 it cannot be read ·
    7 the page cannot be written · 8 a package is missing.
    """
    session: Session = ctx.obj
    session.json = as_json
    # The page's name is tried before minutes of work, not after them.
    with _page(html, Path(what), overwrite=overwrite) as write:
        report = _look(session, what, signals=signals)
        write(report_page(report))
    session.say(report_text(report))
    if html is not None:
        session.say(f"\nPage: {html}")
    session.document(report.to_json())


def _look(session: Session, what: str, *, signals: bool) -> Report:
    with session.progress("looking") as bar:
        if what.partition(":")[0].lower() == "camera" and not Path(what).exists():
            return verify_camera(what, progress=bar, signals=signals, sessions=own_session)
        return verify_file(what, progress=bar, signals=signals, own=_own(session), sessions=own_session)


def _own(session: Session) -> Anchors:
    """Whose signatures are the user's own; where that cannot be read, a stranger's eyes do."""
    try:
        return anchors(settings.resolve({}).credentials)
    except (ConfigError, CredentialError) as error:
        session.warn(f"Which signatures are your own is not known: {error}")
        return NOBODY


@contextmanager
def _page(html: Path | None, source: Path, *, overwrite: bool) -> Iterator[Callable[[str], object]]:
    """What writes the page; it has its name when the block ends well, else there is none."""
    if html is None:
        yield lambda _: None
        return
    if html.exists() and source.exists() and html.samefile(source):
        raise ConfigError("The page would replace the file that is looked at.", hint="Give the page another name.")
    part = PartFile(html, overwrite=overwrite)
    try:
        yield lambda text: part.write(text.encode())
    except BaseException as error:
        part.discard()
        if error is part.failure:
            raise SinkError(f"the page {html} cannot be written: {part.failure.strerror}.") from error
        raise
    part.finish()
