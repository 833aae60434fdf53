"""`mien doctor`: what is missing, and the command that mends it."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from mien.plugin.commands import options
from mien.plugin.commands.session import Session
from mien.plugin.doctor import examine, exit_code
from mien.realtime.errors import ModelError
from mien.realtime.segmenter import segmenter_path
from mien.realtime.tracker.model import landmarker_path

_SIGNS = {"ok": "ok  ", "warn": "warn", "fail": "FAIL"}


def doctor(
    ctx: typer.Context,
    fetch: Annotated[bool, typer.Option("--fetch", help="Fetch the models first, their hashes checked.")] = False,
    as_json: options.AsJson = False,
) -> None:
    """Look at what a run needs: packages, model, cameras, virtual camera, codecs, GPU, disk.

    Exit status: 0 when a run can start, 1 when something needed is missing.
    """
    session: Session = ctx.obj
    session.json = as_json
    if fetch:
        session.say("fetching the landmark model ...")
        landmarker_path()
        session.say("fetching the background's model ...")
        try:
            segmenter_path()
        except ModelError as error:
            # A run starts without it.
            session.say(str(error))
    findings = examine()
    for finding in findings:
        session.say(f"{_SIGNS[finding.state]}  {finding.name}: {finding.detail}")
        if finding.fix and finding.state != "ok":
            session.say(f"      -> {finding.fix}")
    code = exit_code(findings)
    session.document({"ok": code == 0, "findings": [dataclasses.asdict(finding) for finding in findings]})
    if code:
        raise typer.Exit(code)
