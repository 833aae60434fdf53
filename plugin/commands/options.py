"""Options that several commands share, and how they become settings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from mien.engines.formats.table import FORMATS
from mien.engines.personas.library import list_personas

_LOOK = "What is shown"
_BADGE = "How the mark looks (it is always there)"
_MISC = "Settings and output"
_ENGINES = ("auto", "mesh", "swapnet", *(each.name for each in FORMATS))


def _engine(given: str | None) -> str | None:
    if given is not None and given not in _ENGINES:
        raise typer.BadParameter(f"there is no engine {given!r}; allowed are {', '.join(_ENGINES)}.")
    return given


Persona = Annotated[
    str | None,
    typer.Option(
        "--persona", metavar="NAME|PATH", help="A name of `mien persona list`, or a pack.", rich_help_panel=_LOOK
    ),
]
Engine = Annotated[
    str | None,
    typer.Option(
        "--engine",
        metavar=f"[{'|'.join(_ENGINES)}]",
        callback=_engine,
        help="Kind of engine; auto takes the best that the persona has.",
        rich_help_panel=_LOOK,
    ),
]
Mode = Annotated[
    Literal["swap", "portrait"] | None,
    typer.Option(
        "--mode", help="Your head with the persona's face, or the persona's portrait moving.", rich_help_panel=_LOOK
    ),
]
Device = Annotated[
    Literal["auto", "cpu", "cuda"] | None,
    typer.Option(
        "--device",
        help="Where: auto takes the best for the network, cpu the processor; cuda keeps whole frames on an NVIDIA GPU.",
        rich_help_panel=_LOOK,
    ),
]
Background = Annotated[
    Literal["keep", "blur", "green", "alpha"] | None,
    typer.Option(
        "--background",
        help="The room behind you as it is, blurred, a green that OBS keys out, or transparent (by nut:// alone).",
        rich_help_panel=_LOOK,
    ),
]
Edit = Annotated[
    str | None,
    typer.Option(
        "--edit",
        metavar="CHANGES",
        help="Change the expression: smile=+0.2, brows=0.5x, gaze=camera, several with commas (trained personas).",
        rich_help_panel=_LOOK,
    ),
]
Morph = Annotated[
    float | None,
    typer.Option(
        "--morph",
        min=0.0,
        max=1.0,
        help="Of an imported model that can be in between: 0 is you, 1 the persona.",
        rich_help_panel=_LOOK,
    ),
]
Faces = Annotated[
    Literal["locked", "largest", "all"] | None,
    typer.Option("--faces", help="Who becomes the persona: the first face, the largest, all.", rich_help_panel=_LOOK),
]
Bystanders = Annotated[
    Literal["cover", "show"] | None,
    typer.Option("--bystanders", help="Pixelate everybody else, or show them.", rich_help_panel=_LOOK),
]
Occluders = Annotated[
    bool | None,
    typer.Option(
        "--occluders/--no-occluders",
        help="Keep a hand or microphone in front of the face where it is found.",
        show_default=False,
        rich_help_panel=_LOOK,
    ),
]
Slate = Annotated[
    Path | None,
    typer.Option("--slate", metavar="PICTURE", help="Shown instead of the built-in slate.", rich_help_panel=_LOOK),
]
Calibration = Annotated[
    Path | None,
    typer.Option("--calibration", metavar="FILE", help="From `mien calibrate`.", rich_help_panel=_LOOK),
]
BadgeCorner = Annotated[
    Literal["top-left", "top-right", "bottom-left", "bottom-right"] | None,
    typer.Option("--badge-corner", rich_help_panel=_BADGE, help="Where it sits."),
]
BadgePlate = Annotated[
    str | None,
    typer.Option("--badge-plate", metavar="COLOUR", rich_help_panel=_BADGE, help="auto, light, dark or #RRGGBB."),
]
BadgeLanguage = Annotated[
    str | None,
    typer.Option("--badge-language", metavar="CODE", rich_help_panel=_BADGE, help="de, en, es, fr, it, nl, pl or pt."),
]
Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", rich_help_panel=_MISC, help="A TOML file instead of your own settings."),
]
PersonaName = Annotated[str, typer.Option("--name", help="Lower-case letters, digits, '-' and '_'.")]
PackPlace = Annotated[
    Path | None,
    typer.Option("--out", metavar="FOLDER|FILE.zip", help="Where to write it; default: your own personas."),
]
AsJson = Annotated[
    bool, typer.Option("--json", rich_help_panel=_MISC, help="One JSON document on stdout, text on stderr.")
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", rich_help_panel=_MISC, help="Replace an output file that exists.")
]


def collect(**given: object) -> dict[str, Any]:
    """Settings out of options: what was not given (None) is left out, `badge_corner` becomes `badge.corner`."""
    flags: dict[str, Any] = {}
    for key, value in given.items():
        if value is None:
            continue
        if key.startswith("badge_"):
            flags.setdefault("badge", {})[key.removeprefix("badge_")] = value
        elif key == "persona":
            flags[key] = _persona(str(value))
        else:
            flags[key] = value
    return flags


def _persona(given: str) -> str:
    """A pack's path as an absolute one, since tomorrow's run may start in another folder; a name as it is."""
    looks_like_path = os.sep in given or "/" in given or given.endswith(".zip")
    if not looks_like_path and any(info.name == given for info in list_personas()):
        return given
    path = Path(given).expanduser()
    return str(path.resolve()) if path.exists() else given
