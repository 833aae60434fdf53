"""``python -m mien.engines.cast``: render portraits, a driver clip, and everything that ships."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import cv2
import typer
from rich.console import Console
from rich.progress import Progress

from mien.engines.cast.people import DRIVER, PERSONAS
from mien.engines.cast.portrait import Pixels, render_portrait
from mien.engines.cast.recipe import Recipe
from mien.realtime.errors import MienError

app = typer.Typer(help="Render people who do not exist.", no_args_is_help=True, add_completion=False)
_console = Console()

#: The largest JPEG quality at which each shipped picture stays within its budget.
_PORTRAIT_QUALITY = 92
_PATTERN_QUALITY = 88
_PATTERN_SIZE_PX = 480
_CLIP_SECONDS = 15.0
_REPOSITORY = Path(__file__).resolve().parents[2]


@app.command()
def portrait(
    seed: Annotated[int, typer.Option(min=0, help="Who: the same seed gives the same person.")],
    out: Annotated[Path, typer.Option(help="A .png, .jpg or .webp file.")],
    size: Annotated[int, typer.Option(help="Edge in px.")] = 768,
    name: Annotated[str, typer.Option(help="What to call the person.")] = "someone",
) -> None:
    """Render one portrait."""
    _guarded(lambda: _write(out, render_portrait(Recipe(name=name, seed=seed, size=size))))


@app.command()
def clip(
    seed: Annotated[int, typer.Option(min=0, help="Who; also what the motion varies by.")],
    out: Annotated[Path, typer.Option(help="An .mp4 file.")],
    seconds: Annotated[float, typer.Option(min=1.0, max=120.0)] = 18.0,
    jobs: Annotated[int, typer.Option(min=1, max=16, help="Processes that render.")] = 1,
    shipped: Annotated[
        bool, typer.Option(help="Film the shipped driver instead of a person drawn from the seed.")
    ] = False,
) -> None:
    """Render a clip of a person who talks, smiles, blinks and turns."""
    _guarded(lambda: _film(DRIVER if shipped else Recipe(name="someone", seed=seed), seconds, out, jobs))


@app.command()
def build(
    out: Annotated[Path, typer.Option(help="A folder; made if missing.")],
    jobs: Annotated[int, typer.Option(min=1, max=16, help="Processes that render.")] = 1,
) -> None:
    """Render the shipped people's portraits and the driver clip into a folder of your own."""
    _guarded(lambda: _build(out / "personas", out / "driver.mp4", out / "pattern_face.jpg", jobs))


@app.command()
def ship(jobs: Annotated[int, typer.Option(min=1, max=16, help="Processes that render.")] = 1) -> None:
    """Make again every rendered file that is part of the repository."""
    _guarded(
        lambda: _build(
            _REPOSITORY / "engines" / "personas" / "shipped",
            _REPOSITORY / "plugin" / "assets" / "driver.mp4",
            _REPOSITORY / "realtime" / "assets" / "pattern_face.jpg",
            jobs,
        )
    )


def _build(personas: Path, driver: Path, pattern: Path, jobs: int) -> None:
    with Progress(console=_console) as progress:
        task = progress.add_task("portraits", total=len(PERSONAS) + 1)
        for recipe in PERSONAS:
            folder = personas / recipe.name
            _write(folder / "portrait.jpg", render_portrait(recipe), quality=_PORTRAIT_QUALITY)
            (folder / "cast.json").write_text(json.dumps(recipe.to_dict(), indent=2) + "\n", encoding="utf-8")
            progress.advance(task)
        _write(pattern, render_portrait(DRIVER.at_size(_PATTERN_SIZE_PX)), quality=_PATTERN_QUALITY)
        progress.advance(task)
    _film(DRIVER, _CLIP_SECONDS, driver, jobs)


def _film(recipe: Recipe, seconds: float, out: Path, jobs: int) -> None:
    from mien.engines.cast.clip import film

    with Progress(console=_console) as progress:
        task = progress.add_task("frames", total=None)
        film(
            recipe,
            seconds,
            out,
            jobs=jobs,
            on_frame=lambda done, total: progress.update(task, completed=done, total=total),
        )
    _console.print(f"wrote {out} ({out.stat().st_size / 1e6:.2f} MB)")


def _write(path: Path, picture: Pixels, *, quality: int = 95) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if path.suffix.lower() in (".jpg", ".jpeg") else []
    if not cv2.imwrite(str(path), picture, options):
        raise OSError(f"Could not write {path}.")
    _console.print(f"wrote {path} ({path.stat().st_size / 1e3:.0f} kB)")


def _guarded(work: Callable[[], None]) -> None:
    try:
        work()
    except MienError as error:
        _console.print(f"[red]{error}[/red]")
        raise typer.Exit(error.exit_code) from error
