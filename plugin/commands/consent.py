"""`mien consent`: ask for consent, record it before a camera, look at it, and say whose records are believed."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from mien.engines.consent.canonical import canonical, parse
from mien.engines.consent.errors import ConsentError
from mien.engines.consent.keys import ToolKeys, public_hex, public_pem, read_public, shown
from mien.engines.consent.make import Terms, make_record, plain_words
from mien.engines.consent.moment import utc_now
from mien.engines.consent.record import (
    ALWAYS_FORBIDDEN,
    FORBIDDEN,
    USES,
    Forbidden,
    Statement,
    Use,
    check_line,
    parse_record,
)
from mien.engines.formats.table import format_of
from mien.engines.personas.library import Library
from mien.engines.personas.manifest import check_persona_name
from mien.engines.personas.pack import read_consent, record_bytes
from mien.engines.personas.renders import source_digest
from mien.plugin.commands import options
from mien.plugin.commands.session import Session
from mien.plugin.consent.papers import (
    Papers,
    check_free,
    describe,
    read_paper,
    statement_digest,
    subject_key,
    write_paper,
)
from mien.realtime.errors import ConfigError

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    add_completion=False,
    help="Consent: ask for it, record it before a camera, look at it, say whose records are believed.",
)

Name = Annotated[str, typer.Option("--name", help="Of the persona: lower-case letters, digits, '-' and '_'.")]
Portraits = Annotated[
    list[Path] | None,
    typer.Option("--portrait", metavar="PICTURE", help="That it may be made of; may be given again."),
]
Models = Annotated[
    list[Path] | None,
    typer.Option("--model", metavar="FILE.dfm", help="Or a model made elsewhere, for `mien persona import`."),
]
Uses = Annotated[
    list[str] | None, typer.Option("--use", metavar="USE", help=f"What is allowed: {', '.join(USES)}. Default: all.")
]
Forbid = Annotated[
    list[str] | None,
    typer.Option(
        "--forbid",
        metavar="USE",
        help=f"What is not: {', '.join(FORBIDDEN)}. Default: all; identity-verification always.",
    ),
]
Days = Annotated[int, typer.Option("--days", help="How long, 1 to 731.")]
Grantee = Annotated[str | None, typer.Option("--for", metavar="WHO", help="Who may use it, in words.")]
Key = Annotated[
    Path,
    typer.Option(
        "--key", metavar="FILE", help="The subject's own key, made if it is not there. It withdraws; keep it secret."
    ),
]
Passphrase = Annotated[bool, typer.Option("--passphrase", help="Lock a new key by a passphrase, which is asked for.")]
Out = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Default: NAME.consent.json.")]


@app.command()
def request(
    ctx: typer.Context,
    name: Name,
    portrait: Portraits = None,
    model: Models = None,
    use: Uses = None,
    forbid: Forbid = None,
    days: Days = 365,
    grantee: Grantee = None,
    figure: Annotated[bool, typer.Option("--figure", help="Ask the right holder of a drawn figure.")] = False,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE.md", help="Default: NAME.request.md.")] = None,
    as_json: options.AsJson = False,
) -> None:
    """Write what is asked, in plain words, for the subject to read.

    [bold]Example[/bold]

      mien consent request --name me --portrait me.png --for "A. Streamer" --days 180

    Give the same options to `mien consent record`: the record holds the SHA-256 of this very text.
    """
    session: Session = ctx.obj
    session.json = as_json
    terms = _terms(name, _shown(portrait, model), use, forbid, days, grantee, "figure" if figure else "person")
    text, place = plain_words(terms), out or Path(f"{name}.request.md")
    write_paper(place, text.encode())
    session.say(f"written: {place}")
    session.document({"path": str(place), "sha256": hashlib.sha256(text.encode()).hexdigest()})


@app.command()
def record(
    ctx: typer.Context,
    name: Name,
    key: Key,
    portrait: Portraits = None,
    model: Models = None,
    use: Uses = None,
    forbid: Forbid = None,
    days: Days = 365,
    grantee: Grantee = None,
    subject_name: Annotated[
        str | None, typer.Option("--subject-name", help="The subject's name, if they want to be named in the record.")
    ] = None,
    revoker: Annotated[
        list[Path] | None,
        typer.Option("--revoker", metavar="PUBLIC.pem", help="Another's public key that may withdraw it too."),
    ] = None,
    source: Annotated[
        str, typer.Option("--source", metavar="camera[:N|:NAME]", help="The subject's own camera; no file, no stream.")
    ] = "camera",
    passphrase: Passphrase = False,
    out: Out = None,
    as_json: options.AsJson = False,
) -> None:
    """Record a consent: the person shown reads, agrees, and follows six prompts before their own camera.

    [bold]Example[/bold]

      mien consent record --name me --portrait me.png --key me.key
      mien persona create --name me --portrait me.png --consent me.consent.json

    About half a minute. No picture, no sound and no face template is kept; what is kept is listed in the end.
    """
    session: Session = ctx.obj
    session.json = as_json
    terms = _terms(name, _shown(portrait, model), use, forbid, days, grantee, "person")
    if subject_name is not None:
        check_line(subject_name, "The subject's name")
    place = out or Path(f"{name}.consent.json")
    check_free(place, plain_words(terms))
    revokers = [read_public(each) for each in revoker or ()]
    # Before anybody takes the trouble: what is wrong with the keys.
    tool = ToolKeys().own()
    _agree(session, terms)
    subject = subject_key(key, passphrase=passphrase)
    from mien.plugin.consent.session import enrol_before_camera  # here: the tracker takes a second to import

    evidence = enrol_before_camera(_shown(portrait, model), terms.sources, source, session.say)
    data = make_record(
        terms, subject=subject.key, tool=tool, proof=evidence.proof, now=utc_now(), name=subject_name,
        revokers=revokers,
    )  # fmt: skip
    _keep(session, Papers(place, data, plain_words(terms), evidence.transcript).write(subject), data)


@app.command()
def figure(
    ctx: typer.Context,
    name: Name,
    statement: Annotated[
        Path, typer.Option("--statement", metavar="FILE", help="The right holder's signed statement; its hash is kept.")
    ],
    holder: Annotated[str, typer.Option("--holder", metavar="WHO", help="Who holds the rights in the figure.")],
    basis: Annotated[Literal["own-work", "licensed", "public-domain"], typer.Option("--basis", help="On what ground.")],
    key: Key,
    portrait: Portraits = None,
    model: Models = None,
    use: Uses = None,
    forbid: Forbid = None,
    days: Days = 365,
    grantee: Grantee = None,
    passphrase: Passphrase = False,
    out: Out = None,
    as_json: options.AsJson = False,
) -> None:
    """Record a right holder's consent to a drawn, painted or sculpted figure; nobody enrols for one.

    A picture of a living person is no figure, however it was edited: `mien consent record`.
    """
    session: Session = ctx.obj
    session.json = as_json
    terms = _terms(name, _shown(portrait, model), use, forbid, days, grantee, "figure")
    check_line(holder, "Who holds the rights")
    place = out or Path(f"{name}.consent.json")
    check_free(place, plain_words(terms))
    given = {"holder": holder, "basis": basis, "text": statement_digest(statement)}
    proof = parse(canonical(given), Statement, "The statement")
    _agree(session, terms)
    subject = subject_key(key, passphrase=passphrase)
    data = make_record(terms, subject=subject.key, tool=ToolKeys().own(), proof=proof, now=utc_now())
    _keep(session, Papers(place, data, plain_words(terms)).write(subject), data)


@app.command()
def show(
    ctx: typer.Context,
    consent: Annotated[str, typer.Argument(metavar="NAME|PACK|FILE.json")],
    as_json: options.AsJson = False,
) -> None:
    """Show what a consent allows, by whom it is signed, and whether it holds here and now."""
    session: Session = ctx.obj
    session.json = as_json
    library, path = Library(), Path(consent)
    alone = path.suffix == ".json" and path.is_file()
    path = path if alone else library.locate(consent)
    data = read_paper(path) if alone else record_bytes(path)
    found = parse_record(data, path.name).record
    state = "valid"
    try:
        if alone:
            library.trust.gate.record(data, hashlib.sha256(data).hexdigest())
        else:
            read_consent(path, library.trust)
    except ConsentError as error:
        state = str(error)
    for label, text in describe(found):
        session.say(f"{label:12} {text}")
    session.say(f"{'state':12} {state}")
    session.document({**found.model_dump(mode="json"), "valid": state == "valid", "state": state})


@app.command()
def trust(
    ctx: typer.Context,
    key: Annotated[Path | None, typer.Argument(metavar="PUBLIC.pem", help="Another Mien's public key.")] = None,
    name: Annotated[str | None, typer.Option("--name", metavar="WHOSE", help="Whose it is, for you to know.")] = None,
    own: Annotated[
        bool, typer.Option("--own", help="Print this Mien's own public key, to be given to others.")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """Believe the records of another Mien, print this one's key, or list whom you believe.

    [bold]Examples[/bold]

      mien consent trust --own > my-mien.pem
      mien consent trust anns-mien.pem --name Ann
    """
    session: Session = ctx.obj
    session.json = as_json
    keys = ToolKeys()
    if own:
        mine = keys.own()
        session.say(public_pem(mine).decode().strip())
        session.document({"key": public_hex(mine), "pem": public_pem(mine).decode()})
        return
    if key is not None:
        if not name:
            raise ConfigError("Say whose key it is.", hint=f"mien consent trust {key} --name WHOSE")
        accepted = read_public(key)
        keys.accept(accepted, name)
        session.say(f"believed from now on: {shown(accepted)} ({name}). Compare these digits with {name}'s own.")
    known = keys.accepted()
    for each, entry in known.items():
        session.say(f"{shown(each)}  {entry.name}, since {entry.since}")
    session.document({each: entry.model_dump() for each, entry in known.items()})


# -- parts of the commands


def _terms(
    name: str, shown: list[Path], use: list[str] | None, forbid: list[str] | None, days: int, grantee: str | None,
    kind: Literal["person", "figure"],
) -> Terms:  # fmt: skip
    check_persona_name(name)
    uses: tuple[Use, ...] = _chosen(use, USES, "--use")
    chosen: tuple[Forbidden, ...] = _chosen(forbid, FORBIDDEN, "--forbid")
    forbidden = tuple(each for each in FORBIDDEN if each in (ALWAYS_FORBIDDEN, *chosen))
    sources = tuple(dict.fromkeys(source_digest(each) for each in shown))
    return Terms(name, sources, uses, forbidden, days, grantee, kind)


def _shown(portraits: list[Path] | None, models: list[Path] | None) -> list[Path]:
    """What the persona is made of: pictures, models or both."""
    for each in models or ():
        format_of(each.name)
    shown = [*(portraits or ()), *(models or ())]
    if not shown:
        raise ConfigError("Say what the persona is made of.", hint="--portrait PICTURE, or --model FILE.dfm.")
    return shown


def _chosen(given: list[str] | None, allowed: tuple[Any, ...], option: str) -> tuple[Any, ...]:
    for each in given or ():
        if each not in allowed:
            raise ConfigError(f"{option} {each!r} is unknown.", hint=f"Allowed are: {', '.join(allowed)}.")
    return tuple(each for each in allowed if given is None or each in given)


def _agree(session: Session, terms: Terms) -> None:
    """Show the text and ask; whoever does not agree leaves nothing behind."""
    session.say(plain_words(terms))
    who = "I am the person shown" if terms.kind == "person" else "I hold the rights in this figure"
    if not typer.confirm(f"{who}, I am 18 or older, I have read this, and I agree", default=False, err=True):
        raise ConsentError("There was no consent; nothing was recorded.")


def _keep(session: Session, written: list[tuple[Path, str]], data: bytes) -> None:
    """Tell what is stored, where, and for how long."""
    record_ = parse_record(data).record
    session.say(f"recorded, until {record_.expires}. What is stored, and nothing else:")
    for path, what in written:
        session.say(f"  {path}: {what}")
    session.document({"id": record_.id, "expires": record_.expires, "files": [str(path) for path, _ in written]})
