"""`mien plan`: the networks that TensorRT compiled for this machine."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from typing import Annotated, Literal

import typer

from mien.engines.personas.library import find
from mien.engines.preparations import persona_networks
from mien.engines.runtimes.base import NetworkFile
from mien.engines.runtimes.table import open_runner
from mien.engines.runtimes.tensorrt_keys import plan_machine
from mien.engines.runtimes.tensorrt_plans import PlanCache, PlanEntry
from mien.engines.runtimes.tensorrt_preparation import PlanPreparation
from mien.engines.runtimes.verify import sample_for
from mien.plugin.commands import options
from mien.plugin.commands.session import Session
from mien.realtime.config import DEFAULT_PERSONA
from mien.realtime.errors import EngineError, MienError, ModelError

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    add_completion=False,
    help=(
        "Networks compiled by TensorRT for this machine's NVIDIA GPU: compile, list, check, delete.\n\n"
        "A plan is a network compiled for one GPU and one version of TensorRT: the fastest way to run it there. It "
        "takes ten seconds to minutes to make, once. A live run does it by itself in the background, and changes to it "
        "when it is ready; `mien plan build` does it beforehand.\n\n"
        "It needs an NVIDIA GPU with its driver, and two packages: pip install tensorrt torch"
    ),
)

_Persona = Annotated[str, typer.Argument(metavar="NAME|PATH", help="A name of `mien persona list`, or a pack.")]


@app.command()
def build(
    ctx: typer.Context,
    persona: _Persona = DEFAULT_PERSONA,
    precision: Annotated[
        Literal["auto", "float32"],
        typer.Option(
            "--precision",
            help="auto is float16 where that is enough (which is checked); or float32 alone.",
        ),
    ] = "auto",
    again: Annotated[
        bool, typer.Option("--again", help="Also what is compiled already, or was refused before.")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """Compile a persona's networks for this GPU, and verify each before it is kept. Ctrl-C ends it; nothing is left.

    [bold]Examples[/bold]

      mien plan build
      mien plan build amara --again
    """
    session: Session = ctx.obj
    session.json = as_json
    networks = _networks(persona)
    plan_machine()
    compiled, failed = [], []
    for network in networks:
        job = PlanPreparation(network, precision=precision, sample=sample_for(network))
        if again:
            job.forget()
        if not job.needed:
            session.say(f"{network.name}: there already")
            continue
        try:
            _run(job, session)
        except (EngineError, ModelError) as error:
            # The others may well be compiled.
            failed.append(network.name)
            session.warn(f"{network.name}: {error}")
            continue
        compiled.append(network.name)
        session.say(f"{network.name}: compiled and verified")
    session.document({"persona": persona, "compiled": compiled, "failed": failed})
    if failed:
        raise typer.Exit(EngineError.exit_code)


@app.command("list")
def list_(ctx: typer.Context, as_json: options.AsJson = False) -> None:
    """List what is compiled, for which GPU and TensorRT, and how exact it was when it was verified."""
    session: Session = ctx.obj
    session.json = as_json
    entries = PlanCache().entries()
    state = _state_of_each()
    for each in entries:
        session.say(f"{each.network} in {each.key.precision}: {state(each)}")
        session.say(f"  {each.key.gpu.name}, TensorRT {each.key.tensorrt}, {each.size / 1e6:.1f} MB, {each.built}")
    if not entries:
        session.say("Nothing is compiled yet. On a machine with an NVIDIA GPU: mien plan build")
    session.document([{**dataclasses.asdict(each), "state": state(each)} for each in entries])


@app.command()
def check(ctx: typer.Context, persona: _Persona = DEFAULT_PERSONA, as_json: options.AsJson = False) -> None:
    """Run what is compiled for a persona once, and compare it with the network itself on the CPU.

    Exit status: 0 all is there and right, 6 something is not.
    """
    session: Session = ctx.obj
    session.json = as_json
    networks = _networks(persona)
    plan_machine()
    results = [_checked(network) for network in networks]
    for network, (right, text) in zip(networks, results, strict=True):
        session.say(f"{'ok  ' if right else 'FAIL'}  {network.name}: {text}")
    session.document(
        [{"network": each.name, "ok": ok, "detail": text} for each, (ok, text) in zip(networks, results, strict=True)]
    )
    if not all(right for right, _ in results):
        raise typer.Exit(EngineError.exit_code)


@app.command()
def clean(
    ctx: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Also what this machine can use.")] = False,
    as_json: options.AsJson = False,
) -> None:
    """Delete what is of no use here: of another GPU or TensorRT, refused, damaged, or left by a killed build."""
    session: Session = ctx.obj
    session.json = as_json
    try:
        here = plan_machine()
    except MienError as error:
        if not everything:
            session.warn(f"Only what is damaged is deleted, as nobody can tell what else is of use: {error}")
        here = None

    def keep(entry: PlanEntry) -> bool:
        of_use = here is None or (not entry.refused and (entry.key.tensorrt, entry.key.gpu) == here)
        return of_use and not everything

    files, size = PlanCache().clean(keep)
    session.say(f"{files} files deleted, {size / 1e6:.1f} MB")
    session.document({"files": files, "bytes": size})


def _networks(persona: str) -> tuple[NetworkFile, ...]:
    networks = persona_networks(find(persona))
    if not networks:
        raise EngineError(
            f"The persona {persona!r} has no network; its portrait needs no compiling.",
            hint="mien persona list shows which have one.",
        )
    return networks


def _run(job: PlanPreparation, session: Session) -> None:
    with session.progress(job.title) as bar:
        job.run(lambda _phase, share: bar(round(100 * share), 100), threading.Event())


def _state_of_each() -> Callable[[PlanEntry], str]:
    here, problem = None, ""
    try:
        here = plan_machine()
    except MienError as error:
        problem = error.message.rstrip(".")

    def state(entry: PlanEntry) -> str:
        if entry.refused:
            return f"refused: {entry.refused}"
        if here is None:
            return f"not known here: {problem}"
        return (
            f"ready: {entry.measured}" if (entry.key.tensorrt, entry.key.gpu) == here else "of another GPU or TensorRT"
        )

    return state


def _checked(network: NetworkFile) -> tuple[bool, str]:
    try:
        opened = open_runner(network, runtime="tensorrt")
    except MienError as error:
        return False, str(error)
    opened.runner.close()
    return True, opened.reason
