"""``python -m mien.engines.cast``: make again every rendered file that is part of the repository.

What users render (portraits, clips, pairs, personas of their own) is `mien cast`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from mien.engines.cast.people import CLOSE_UPS, DRIVER, DRIVER_SCRIPT, PERSONAS
from mien.engines.cast.recipe import Recipe
from mien.realtime.errors import MienError

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)
_console = Console()
Pixels = NDArray[np.uint8]

_PORTRAIT_QUALITY = 92
_PATTERN_QUALITY, _PATTERN_SIZE_PX = 88, 480
_SHEET_QUALITY = 86
_CLIP_SECONDS = 20.0
#: Webcam noise costs bits; at this factor it is still there.
_CLIP_CRF = 27
_REPOSITORY = Path(__file__).resolve().parents[2]
_ACTION_SEEDS = (5, 12, 23)

Jobs = Annotated[int, typer.Option(min=1, max=16, help="Processes that render.")]


@app.command()
def ship(jobs: Jobs = 1) -> None:
    """The shipped personas' portraits, masks and recipes, the test pattern's face and the driver clip."""
    _guarded(lambda: _ship(jobs))


@app.command()
def pictures() -> None:
    """The sheets and close-ups in docs/images/cast."""
    _guarded(_pictures)


def _ship(jobs: int) -> None:
    from mien.engines.cast.portrait import render_portrait

    for recipe in PERSONAS:
        _ship_persona(recipe)
    pattern = render_portrait(DRIVER.at_size(_PATTERN_SIZE_PX))
    _write(_REPOSITORY / "realtime" / "assets" / "pattern_face.jpg", pattern, quality=_PATTERN_QUALITY)
    _film(_REPOSITORY / "plugin" / "assets" / "driver.mp4", jobs)


def _ship_persona(recipe: Recipe) -> None:
    """Portrait, recipe, and a mask where hair lies over the face; the pack's manifest is `engines.personas.ship`'s."""
    from mien.engines.cast.portrait import portrait_picture, to_bgr
    from mien.engines.personas.synthetic import MASK_NAME, RECIPE_NAME, recipe_bytes, worn_mask

    folder = _REPOSITORY / "engines" / "personas" / "shipped" / recipe.name
    picture = portrait_picture(recipe)
    _write(folder / "portrait.jpg", to_bgr(picture.colour), quality=_PORTRAIT_QUALITY)
    (folder / RECIPE_NAME).write_bytes(recipe_bytes(recipe))
    (folder / MASK_NAME).unlink(missing_ok=True)
    if (mask := worn_mask(picture)) is not None:
        _write(folder / MASK_NAME, mask)


def _film(out: Path, jobs: int) -> None:
    from mien.engines.cast.clip import ClipPlan, film

    plan = ClipPlan(DRIVER, script=DRIVER_SCRIPT, seconds=_CLIP_SECONDS)
    with Progress(console=_console) as progress:
        task = progress.add_task("frames", total=None)
        film(
            plan,
            out,
            jobs=jobs,
            crf=_CLIP_CRF,
            on_frame=lambda n, total: progress.update(task, completed=n, total=total),
        )
    _say(out)


def _pictures() -> None:
    from mien.engines.cast.sheet import actions_sheet, close_up, people_sheet, tiled

    out = _REPOSITORY / "docs" / "images" / "cast"
    _write(out / "people.jpg", people_sheet(0, 64), quality=_SHEET_QUALITY)
    _write(out / "actions.jpg", actions_sheet([Recipe("sheet", k) for k in _ACTION_SEEDS]), quality=_SHEET_QUALITY)
    for recipe, actions, yaw_deg in CLOSE_UPS:
        _write(out / f"close-{recipe.name}.jpg", close_up(recipe, actions, yaw_deg), quality=_SHEET_QUALITY)
    portraits = [_read(_REPOSITORY / "engines" / "personas" / "shipped" / recipe.name) for recipe in PERSONAS]
    small = [np.asarray(cv2.resize(each, (384, 384), interpolation=cv2.INTER_AREA), np.uint8) for each in portraits]
    _write(out / "personas.jpg", tiled(small, len(small)), quality=_SHEET_QUALITY)


def _read(folder: Path) -> Pixels:
    picture = cv2.imread(str(folder / "portrait.jpg"))
    if picture is None:
        raise FileNotFoundError(f"{folder} has no portrait yet: python -m mien.engines.cast ship")
    return np.asarray(picture, np.uint8)


def _write(path: Path, picture: Pixels, *, quality: int = 95) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if path.suffix == ".jpg" else [cv2.IMWRITE_PNG_COMPRESSION, 9]
    if not cv2.imwrite(str(path), picture, options):
        raise OSError(f"Could not write {path}.")
    _say(path)


def _say(path: Path) -> None:
    _console.print(f"wrote {path} ({path.stat().st_size / 1e3:.0f} kB)")


def _guarded(work: Callable[[], None]) -> None:
    try:
        work()
    except MienError as error:
        _console.print(f"[red]{error}[/red]")
        raise typer.Exit(error.exit_code) from error
