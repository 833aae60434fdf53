"""`mien cast`: people who do not exist: a persona, a portrait, a clip, pairs for training, sheets to look at."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_type_hints

import cv2
import typer

from mien.engines.cast.look import Look
from mien.engines.cast.recipe import Recipe
from mien.engines.credentials.manifest import Description
from mien.plugin.commands import options
from mien.plugin.commands.session import Session
from mien.plugin.signing import Signing
from mien.realtime.errors import ConfigError, MienError, PersonaError, SinkError
from mien.realtime.frame import Pixels

if TYPE_CHECKING:
    from collections.abc import Callable

_PICTURES = (".png", ".jpg", ".jpeg", ".webp")

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    add_completion=False,
    help="People who do not exist: render a persona, a portrait, a clip, training pairs or a sheet, from a seed.",
)

Seed = Annotated[int, typer.Option("--seed", min=0, help="Who: the same seed gives the same person.")]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Change one thing about the look; repeat it. `mien cast looks` lists them."
    ),
]
Device = Annotated[str, typer.Option("--device", help="Where to render: cpu, or cuda:0.")]
Jobs = Annotated[int, typer.Option("--jobs", min=1, max=64, help="Processes that render; each needs about 1.5 GB.")]


@app.command()
def new(
    ctx: typer.Context,
    name: options.PersonaName,
    seed: Seed,
    changes: Set = None,
    size: Annotated[int, typer.Option("--size", min=256, max=2048, help="Edge of the portrait, px.")] = 768,
    out: options.PackPlace = None,
    device: Device = "cpu",
    as_json: options.AsJson = False,
) -> None:
    """Make a persona of somebody who does not exist.

    [bold]Examples[/bold]

      mien cast new --name robin --seed 41
      mien cast new --name pixie --seed 41 --set hair_style=bob --set hair_red=0.8 --set glasses=round
      mien cast new --name vase --seed 7 --set material=porcelain

    What the cast makes is of the kind "synthetic", and carries the recipe that proves it.
    """
    from mien.engines.personas.library import Library
    from mien.engines.personas.still import StillTracker
    from mien.engines.personas.synthetic import create_synthetic

    session = _session(ctx, as_json)
    place = Library().place_for(name) if out is None else out
    if place.exists():
        raise PersonaError(f"{place} is there already.", hint="Choose another name, or remove it first.")
    recipe = recipe_of(name, seed, changes or [], size=size)
    session.say(f"rendering seed {seed} ...")
    made = create_synthetic(recipe, out=place, tracker=StillTracker(), render=_renderer(device))
    session.say(f"made the persona {name}; try it: mien run --persona {name if out is None else made.path}")
    session.document({"name": name, "seed": seed, "path": str(made.path), "digest": made.digest})


@app.command()
def portrait(
    ctx: typer.Context,
    seed: Seed,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="A .png or .jpg file.")],
    changes: Set = None,
    size: Annotated[int, typer.Option("--size", min=64, max=2048, help="Edge in px.")] = 768,
    device: Device = "cpu",
    as_json: options.AsJson = False,
) -> None:
    """Render one portrait."""
    from mien.engines.cast.portrait import render_portrait

    session = _session(ctx, as_json)
    _check_place(out, _PICTURES)
    _write_picture(out, render_portrait(recipe_of("someone", seed, changes or [], size=size), device=device))
    _sign(session, out)
    session.say(f"wrote {out}")
    session.document({"seed": seed, "path": str(out)})


@app.command()
def clip(
    ctx: typer.Context,
    seed: Seed,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="An .mp4 file.")],
    script: Annotated[
        str | None, typer.Option("--script", metavar="TEXT", help="What is said; needs espeak-ng. Default: babble.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option("--seconds", min=0.5, max=300.0, help="How long; default: as long as the script.")
    ] = None,
    exercises: Annotated[
        bool, typer.Option("--exercises", help="Pull faces and turn the head, silent: footage that teaches most.")
    ] = False,
    changes: Set = None,
    height: Annotated[int, typer.Option("--height", min=64, max=2160, help="px; the width keeps 16:9.")] = 720,
    jobs: Jobs = 1,
    device: Device = "cpu",
    as_json: options.AsJson = False,
) -> None:
    """Film somebody who talks, smiles, blinks and turns, with sound.

    [bold]Examples[/bold]

      mien cast clip --seed 12 --script "Good evening, and welcome back." --out hello.mp4
      mien cast clip --seed 12 --seconds 20 --jobs 2 --out talk.mp4
      mien cast clip --seed 12 --seconds 30 --exercises --out faces.mp4
    """
    from mien.engines.cast.clip import ClipPlan, film

    session = _session(ctx, as_json)
    _check_place(out, (".mp4",))
    length = 12.0 if seconds is None and script is None else seconds
    who = recipe_of("someone", seed, changes or [])
    plan = ClipPlan(who, script=script, exercises=exercises, seconds=length, height=height)
    with _writing(out), session.progress("frames") as tell:
        film(plan, out, jobs=jobs, device=device, on_frame=tell)
    _sign(session, out)
    session.say(f"wrote {out} ({out.stat().st_size / 1e6:.2f} MB)")
    session.document({"seed": seed, "path": str(out)})


@app.command()
def pairs(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the shards; goes on where it ends.")],
    count: Annotated[int, typer.Option("--count", min=1, help="Pairs in all.")],
    size: Annotated[int, typer.Option("--size", min=64, max=1024, help="Edge of each picture, px.")] = 192,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of all drivers, codes and lights.")] = 0,
    persona_seed: Annotated[
        int | None, typer.Option("--persona-seed", min=0, help="Who answers; default: the shipped persona amara.")
    ] = None,
    changes: Set = None,
    jobs: Jobs = 2,
    device: Device = "cpu",
    as_json: options.AsJson = False,
) -> None:
    """Render driver and persona under the same code, with all ground truth, for training.

    [bold]Example[/bold]

      mien cast pairs --out pairs --count 20000 --jobs 2

    Stop it with Ctrl-C and run it again: finished shards stay, and the pictures are the same whoever makes them.
    """
    from mien.engines.cast.pairs import PairsPlan, make_pairs
    from mien.engines.cast.people import AMARA

    session = _session(ctx, as_json)
    persona = AMARA if persona_seed is None else recipe_of("persona", persona_seed, changes or [])
    if persona_seed is None and changes:
        raise ConfigError("--set changes the person of --persona-seed, which is not given.")
    plan = PairsPlan(count, size=size, seed=seed, persona=persona)
    with _writing(out), session.progress("pairs") as tell:
        made = make_pairs(out, plan, workers=jobs, device=device, on_shard=tell)
    session.say(f"{count} pairs in {out}, {made} of them made now")
    session.document({"path": str(out), "pairs": count, "made": made})


@app.command()
def sheet(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="A .png or .jpg file.")],
    seed: Annotated[int, typer.Option("--seed", min=0, help="The first of them; the rest follow.")] = 0,
    count: Annotated[
        int | None, typer.Option("--count", min=1, max=1024, help="People; default 64, or 3 with --actions.")
    ] = None,
    size: Annotated[int, typer.Option("--size", min=64, max=512, help="Edge of each picture, px.")] = 224,
    actions: Annotated[
        bool, typer.Option("--actions", help="Every facial action at full strength, instead of one portrait.")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """Many people on one sheet, or every action of a few."""
    from mien.engines.cast.sheet import actions_sheet, people_sheet

    session = _session(ctx, as_json)
    _check_place(out, _PICTURES)
    people = count or (3 if actions else 64)
    if actions:
        picture = actions_sheet([Recipe("sheet", seed + k) for k in range(people)], size=size)
    else:
        with session.progress("people") as tell:
            picture = people_sheet(seed, people, size=size, on_person=tell)
    _write_picture(out, picture)
    _sign(session, out)
    session.say(f"wrote {out}")
    session.document({"path": str(out), "people": people})


@app.command()
def looks(ctx: typer.Context, as_json: options.AsJson = False) -> None:
    """List what `--set` can change, and the values it takes."""
    session = _session(ctx, as_json)
    allowed = {key: _allowed(kind) for key, kind in get_type_hints(Look).items()}
    for key, text in allowed.items():
        session.say(f"{key:14} {text}")
    session.document(allowed)


def recipe_of(name: str, seed: int, changes: list[str], *, size: int = 768) -> Recipe:
    """The person of a seed, with some of the look's values replaced by `key=value` texts.

    Raises:
        ConfigError: a text is no `key=value`, a key is unknown, or a value is out of its range.

    """
    recipe = Recipe(name, seed, size=size)
    table = recipe.to_dict()
    for text in changes:
        key, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"--set {text!r} is not of the form KEY=VALUE.", hint="mien cast looks")
        table["look"][key.strip()] = _value(value.strip())
    return Recipe.from_dict(table)


def _value(text: str) -> Any:  # noqa: ANN401 - Look checks it
    parts = text.split(",")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        return text
    return numbers if len(numbers) > 1 else numbers[0]


def _allowed(kind: Any) -> str:  # noqa: ANN401 - a type hint
    if kind is float:
        return "0..1"
    choices = get_args(kind)
    return "R,G,B, each 0..1 (linear)" if choices and choices[0] is float else " | ".join(str(each) for each in choices)


def _check_place(path: Path, endings: tuple[str, ...]) -> None:
    """Before anything is rendered: raise SinkError if nothing of that kind can be written there."""
    if path.suffix.lower() not in endings:
        raise SinkError(f"{path.name!r} is no name for this.", hint=f"Use one that ends in {', '.join(endings)}.")
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if isinstance(error, MienError):
            raise
        raise SinkError(f"{path} cannot be written: {error.strerror or error}.") from error


def _write_picture(path: Path, picture: Pixels) -> None:
    options = [cv2.IMWRITE_JPEG_QUALITY, 94] if path.suffix.lower() in (".jpg", ".jpeg") else []
    try:
        done, data = cv2.imencode(path.suffix.lower(), picture, options)
    except cv2.error:
        done = False
    if not done:
        height, width = picture.shape[:2]
        raise SinkError(f"A picture of {width}x{height} px does not fit into a {path.suffix}.", hint="Use .png.")
    with _writing(path):
        path.write_bytes(data.tobytes())


def _sign(session: Session, path: Path) -> None:
    """Say in the file that nobody stood before a camera for it."""
    if note := Signing().sign(path, Description(source_type="algorithmicMedia")):
        session.warn(f"note: {note}")


def _renderer(device: str) -> Callable[[Recipe], Any]:
    from mien.engines.cast.portrait import portrait_picture

    return lambda recipe: portrait_picture(recipe, device=device)


def _session(ctx: typer.Context, as_json: bool) -> Session:
    session: Session = ctx.obj
    session.json = as_json
    return session
