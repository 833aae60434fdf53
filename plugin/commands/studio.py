"""`mien studio`: everything on one page, until the user ends it."""

from __future__ import annotations

import sys
import webbrowser
from typing import Annotated

import typer

from mien.plugin import settings
from mien.plugin.app import Live
from mien.plugin.commands import options
from mien.plugin.commands.run import tell_remembered, watch
from mien.plugin.commands.session import Session
from mien.plugin.commands.status import StatusView
from mien.plugin.control.place import Token
from mien.plugin.interrupts import EXIT_INTERRUPTED

_PAGE = "preview"


def studio(
    ctx: typer.Context,
    source: Annotated[
        str | None, typer.Option("--source", metavar="INPUT", help="As of `mien run`, or clip: the shipped one.")
    ] = None,
    sink: Annotated[
        list[str] | None,
        typer.Option("--sink", metavar="OUTPUT", help="Beside the page, as of `mien run`; several times."),
    ] = None,
    persona: options.Persona = None,
    preview_port: Annotated[
        int | None, typer.Option("--port", help="Port of the page; the next free one if taken.")
    ] = None,
    open_page: Annotated[
        bool | None,
        typer.Option(
            "--open/--no-open", help="Open the page in your browser; on a terminal it is.", show_default=False
        ),
    ] = None,
    new_token: Annotated[
        bool, typer.Option("--new-token", help="Make the old address and every script's key useless first.")
    ] = False,
    only_token: Annotated[
        bool, typer.Option("--revoke", help="As --new-token, and nothing else: a page that is open is shut out.")
    ] = False,
) -> None:
    """Everything on one page: personas, camera, outputs, looks, recording; it stays until you end it.

    The page's address is the same every time. A camera that is not there is no
    end: your audience sees the slate until you choose another. What you change
    on the page is there again next time. Scripts: docs/api.md.

    [bold]Examples[/bold]

      mien studio
      mien studio --source clip     the shipped clip instead of a camera
      mien studio --revoke          somebody saw the address
    """
    session: Session = ctx.obj
    if new_token or only_token:
        Token().renew()
        session.say("the old address and the old key open nothing any more")
        if only_token:
            return
    flags = options.collect(
        source=source, sinks=tuple(sink) if sink else None, persona=persona, preview_port=preview_port
    )
    chosen = settings.resolve(flags)
    if _PAGE not in chosen.sinks:
        chosen = chosen.model_copy(update={"sinks": (*chosen.sinks, _PAGE)})
    view = StatusView(session)
    with Live(chosen, on_event=view.event, stay=True, remember=settings.remember) as live:
        tell_remembered(session, flags)
        assert live.preview_url is not None
        session.say(f"page: {live.preview_url}")
        if sys.stdout.isatty() if open_page is None else open_page:
            webbrowser.open(live.preview_url)
        interrupted = watch(live, view, None)
        stats = live.stats()
    view.summary(stats | {"unsigned": live.unsigned, "seconds": 0, "interrupted": interrupted})
    if interrupted:
        raise typer.Exit(EXIT_INTERRUPTED)
