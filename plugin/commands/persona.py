"""`mien persona`: list, make, show and check personas."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from mien.engines.consent.errors import ConsentError
from mien.engines.consent.moment import utc_now
from mien.engines.consent.record import parse_record
from mien.engines.consent.revocation import places, write_revocation
from mien.engines.consent.revocation import revoke as revoke_record
from mien.engines.personas.check import check as check_pack
from mien.engines.personas.create import create as create_pack
from mien.engines.personas.importing import import_model
from mien.engines.personas.library import Library
from mien.engines.personas.pack import read_manifest, record_bytes
from mien.engines.personas.still import StillTracker
from mien.engines.personas.trust import user_data_dir
from mien.plugin.commands import options
from mien.plugin.commands.quantise import quantise
from mien.plugin.commands.session import Session
from mien.plugin.consent.papers import read_paper, read_subject_key

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    add_completion=False,
    help="Personas: list them, make one from a portrait with consent, look at one, check one.",
)


app.command()(quantise)


@app.command("list")
def list_(ctx: typer.Context, as_json: options.AsJson = False) -> None:
    """List the personas that `--persona` takes by name."""
    session: Session = ctx.obj
    session.json = as_json
    infos = Library().list()
    table = Table("name", "kind", "engine", "state", "description", box=None)
    for info in infos:
        table.add_row(info.name, info.kind, info.engine, info.state, info.problem or info.description)
    session.console.print(table)
    session.document([info.to_json() for info in infos])


Description = Annotated[str | None, typer.Option("--description", help="One line for the list.")]
Licence = Annotated[str | None, typer.Option("--licence", help="One line: what may be done with it.")]


@app.command()
def create(
    ctx: typer.Context,
    portrait: Annotated[
        Path, typer.Option("--portrait", metavar="PICTURE", help="One face, frontal, sharp, lit evenly.")
    ],
    consent: Annotated[
        Path,
        typer.Option(
            "--consent",
            metavar="FILE.json",
            help="What `mien consent record` (a person) or `mien consent figure` (a drawn one) wrote for this picture.",
        ),
    ],
    name: options.PersonaName,
    out: options.PackPlace = None,
    description: Description = None,
    licence: Licence = None,
    as_json: options.AsJson = False,
) -> None:
    """Make a persona from one portrait, with the consent of the person shown.

    [bold]Example[/bold]

      mien consent record --name me --portrait me.png --key me.key
      mien persona create --name me --portrait me.png --consent me.consent.json

    What a picture makes is always of the kind "consented".
    """
    session: Session = ctx.obj
    session.json = as_json
    place = Library().place_for(name) if out is None else out
    made = create_pack(portrait, consent, name, out=place, tracker=StillTracker(), **_words(licence, description))
    for note in made.notes:
        session.say(note)
    _tell_made(session, name, made.path, own=out is None)
    session.document({"name": name, "path": str(made.path), "digest": made.digest, "notes": list(made.notes)})


@app.command("import")
def import_(
    ctx: typer.Context,
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A model's file: .dfm, as DeepFaceLab's `export as dfm` writes it.")
    ],
    consent: Annotated[
        Path,
        typer.Option(
            "--consent",
            metavar="FILE.json",
            help="What `mien consent record --model` (a person) or `figure --model` (a drawn one) wrote for this file.",
        ),
    ],
    name: options.PersonaName,
    out: options.PackPlace = None,
    description: Description = None,
    licence: Licence = None,
    as_json: options.AsJson = False,
) -> None:
    """Make a persona from a model that was trained elsewhere, with the consent of the person whom it shows.

    [bold]Example[/bold]

      mien consent record --name me --model me.dfm --key me.key
      mien persona import me.dfm --name me --consent me.consent.json

    Whatever the file claims, the persona is of the kind "consented".
    """
    session: Session = ctx.obj
    session.json = as_json
    place = Library().place_for(name) if out is None else out
    digest, summary = import_model(
        model, consent, name, out=place, tracker=StillTracker(), **_words(licence, description)
    )
    session.say(f"{model.name}: {summary}")
    _tell_made(session, name, place, own=out is None)
    session.document({"name": name, "path": str(place), "digest": digest, "model": summary})


@app.command()
def revoke(
    ctx: typer.Context,
    persona: Annotated[str, typer.Argument(metavar="NAME|PATH|RECORD.json")],
    key: Annotated[
        Path, typer.Option("--key", metavar="FILE", help="The subject's key, written when the consent was recorded.")
    ],
    as_json: options.AsJson = False,
) -> None:
    """Withdraw the consent to a persona: it is not loaded any more, and a running Mien goes to the slate.

    The revocation is written into your data folder and beside the pack, or beside the record if that is all you have.
    Send the file to whoever has a copy of the pack: it works beside theirs.
    """
    session: Session = ctx.obj
    session.json = as_json
    alone = persona.endswith(".json") and Path(persona).is_file()
    path = Path(persona) if alone else Library().locate(persona)
    record = parse_record(read_paper(path) if alone else record_bytes(path)).record
    # The name that the pack has unless somebody renamed it.
    path = path.with_name(record.persona) if alone else path
    made = revoke_record(record, read_subject_key(key), utc_now())
    kept, beside = places(record.id, path, user_data_dir())
    write_revocation(made, kept)
    written = [kept]
    try:
        write_revocation(made, beside)
        written.append(beside)
    except ConsentError as error:
        # A pack in a folder of the system's; the user's own folder is looked at as well.
        session.warn(str(error))
    for place in written:
        session.say(f"withdrawn: {place}")
    session.document({"id": record.id, "files": [str(place) for place in written]})


@app.command()
def show(
    ctx: typer.Context,
    persona: Annotated[str, typer.Argument(metavar="NAME|PATH")],
    as_json: options.AsJson = False,
) -> None:
    """Show what a pack says about itself; its files are not opened."""
    session: Session = ctx.obj
    session.json = as_json
    path = Library().locate(persona)
    manifest, digest = read_manifest(path)
    data = manifest.model_dump(mode="json", exclude_none=True)
    for key in ("name", "kind", "engine", "licence", "description"):
        session.say(f"{key:12} {data[key]}")
    session.say(f"{'digest':12} {digest}")
    for name, entry in data["files"].items():
        session.say(f"{'file':12} {name}, {entry['size']} bytes")
    session.document({**data, "digest": digest, "path": str(path)})


@app.command()
def check(
    ctx: typer.Context,
    persona: Annotated[str, typer.Argument(metavar="NAME|PATH")],
    deep: Annotated[
        bool, typer.Option("--deep/--quick", help="Track the face and render the seed too, or look at the files alone.")
    ] = True,
    as_json: options.AsJson = False,
) -> None:
    """Check a pack: hashes, consent, landmarks, and for a synthetic one the picture that its seed gives.

    Exit status: 0 all passed, 5 something failed, 9 something could not be looked at.
    """
    session: Session = ctx.obj
    session.json = as_json
    path = Library().locate(persona)
    report = check_pack(path, tracker=StillTracker() if deep else None, deep=deep)
    for item in report.items:
        session.say(f"{item.state:10} {item.name}: {item.detail}")
    session.document(report.to_json())
    if report.exit_code:
        raise typer.Exit(report.exit_code)


def _words(licence: str | None, description: str | None) -> dict[str, Any]:
    given = {"licence": licence, "description": description}
    return {key: text for key, text in given.items() if text is not None}


def _tell_made(session: Session, name: str, path: Path, *, own: bool) -> None:
    by_name = "" if own else f" (use it by its path: --persona {path})"
    session.say(f"made the persona {name}{by_name}; try it: mien run --persona {name if own else path}")
