"""`mien persona check`: everything that can be known about a pack, and what could not be looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np

from mien.engines.consent.errors import ConsentError
from mien.engines.formats.table import format_named
from mien.engines.personas.pack import Contents, ImportedModel, Persona, decode_contents, read_contents
from mien.engines.personas.still import FaceFinder
from mien.engines.personas.trust import Trust
from mien.realtime.errors import MissingExtraError, ModelError, PersonaError
from mien.realtime.frame import Pixels

#: Exit status of a check that found nothing wrong but could not look at everything.
EXIT_UNCHECKED = 9
#: Distance of stored and re-tracked landmarks over the face's width. One build of MediaPipe repeats itself exactly; the
#: room is for other builds and CPUs. Another face, or the same one after an edit, differs by several times as much.
LANDMARK_MEDIAN_TOLERANCE = 0.01
LANDMARK_MAX_TOLERANCE = 0.05
#: Rendered against stored portrait, dB over the whole picture. The shipped JPEGs (quality 92) read 44 on the machine
#: that rendered them; the same look drawn from the next seed reads 27 to 30.
MIN_PSNR_DB = 34.0
#: The same in the worst of 16 x 16 tiles, so that nobody exchanges the eyes or the mouth alone. The shipped ones read
#: 36, in the hair; the next seed reads 18 to 20.
MIN_TILE_PSNR_DB = 26.0
_TILES = 16

State = Literal["passed", "failed", "unchecked"]
#: A cast recipe's table to its picture, (H, W, 3) uint8 BGR.
Render = Callable[[dict[str, Any]], Pixels]


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that was looked at: its name, whether it passed, and a sentence."""

    name: str
    state: State
    detail: str


@dataclass(frozen=True, slots=True)
class Report:
    """What `check` found.

    Attributes:
        name: of the persona; of a pack that cannot be read, the file's.
        kind: "synthetic", "consented", or "" if the manifest cannot be read.
        digest: of the pack, or "".
        items: in the order in which they were looked at.

    """

    name: str
    kind: str
    digest: str
    items: tuple[Item, ...]

    @property
    def passed(self) -> bool:
        """Whether everything was looked at and right."""
        return all(item.state == "passed" for item in self.items)

    @property
    def exit_code(self) -> int:
        """0 all passed, 5 something failed, 9 nothing failed but something could not be looked at."""
        states = {item.state for item in self.items}
        if "failed" in states:
            return PersonaError.exit_code
        return EXIT_UNCHECKED if "unchecked" in states else 0

    def to_json(self) -> dict[str, Any]:
        """Plain values for `--json`."""
        items = [{"name": item.name, "state": item.state, "detail": item.detail} for item in self.items]
        return {"name": self.name, "kind": self.kind, "digest": self.digest, "passed": self.passed, "items": items}


def check(
    path: Path,
    *,
    tracker: FaceFinder | None,
    deep: bool = True,
    trust: Trust | None = None,
    render: Render | None = None,
) -> Report:
    """Look at a pack: hashes, consent, landmarks, and for a synthetic one the picture that its seed gives.

    A synthetic pack that passes whole is remembered in `trust`, and can be loaded on this machine from then on.

    Args:
        path: of the pack.
        tracker: finds the portrait's face again, for instance `StillTracker`; None leaves the landmarks unchecked.
        deep: whether to track and render; False looks at hashes, consent and the files' form alone.
        trust: where a verified digest is kept; default: this user's.
        render: of a recipe; default: the cast's, which needs the ``[cast]`` extra.

    Raises:
        PersonaError: the list of verified packs cannot be written. What is wrong with the pack stands in the report.

    """
    try:
        contents = read_contents(path)
    except PersonaError as error:
        return Report(path.stem, "", "", (Item("files", "failed", str(error)),))
    manifest = contents.manifest
    kept = Trust() if trust is None else trust
    items = [Item("files", "passed", f"{len(contents.files)} files have the size and SHA-256 of persona.toml.")]
    items += _consent(contents, kept)
    try:
        persona = decode_contents(contents)
    except PersonaError as error:
        items.append(Item("form", "failed", str(error)))
    else:
        items.append(Item("form", "passed", "Portrait and landmarks can be read and fit each other."))
        items.append(_landmarks(persona, tracker if deep else None))
        if persona.model is not None:
            items.append(_model(persona.name, persona.model))
        if manifest.kind == "synthetic":
            items.append(_render(persona, render or render_recipe) if deep else _NOT_RENDERED)
            if persona.networks is not None and not kept.is_shipped(contents.digest):
                items.append(_NETWORKS)
    report = Report(manifest.name, manifest.kind, contents.digest, tuple(items))
    if report.passed and manifest.kind == "synthetic" and not kept.is_shipped(contents.digest):
        kept.remember(contents.digest)
    return report


def compare(stored: Pixels, rendered: Pixels) -> tuple[float, float]:
    """(whole, worst tile): peak signal to noise ratio of two pictures of one size, dB; 99 where they are equal."""
    square = (stored.astype(np.float32) - rendered.astype(np.float32)) ** 2
    error = square.mean(axis=2)
    tiles = cv2.resize(error, (_TILES, _TILES), interpolation=cv2.INTER_AREA)
    return _psnr(float(error.mean())), _psnr(float(tiles.max()))


def render_recipe(table: dict[str, Any]) -> Pixels:
    """The picture of a pack's ``[cast]`` table.

    Raises:
        MissingExtraError: the ``[cast]`` extra is not installed.
        ConfigError: the table is no recipe.

    """
    from mien.engines.cast import Recipe, render_portrait  # needs the [cast] extra only when it renders

    return render_portrait(Recipe.from_dict(table))


#: A portrait that was rendered says nothing of what a network was taught.
_NETWORKS = Item(
    "networks", "unchecked",
    "its networks were trained elsewhere, and may show somebody else than its portrait; train them here: mien train",
)  # fmt: skip
_NOT_RENDERED = Item("render", "unchecked", "not rendered: a quick check was asked for.")


def _consent(contents: Contents, trust: Trust) -> Iterator[Item]:
    if contents.manifest.kind != "consented":
        return
    try:
        consent = trust.gate.admit(contents.manifest, contents.files, contents.location)
    except ConsentError as error:
        yield Item("consent", "failed", str(error))
        return
    uses = ", ".join(consent.record.scope.uses)
    yield Item("consent", "passed", f"Signed, bound to these files, until {consent.expires.date()}, for {uses}.")


def _landmarks(persona: Persona, tracker: FaceFinder | None) -> Item:
    if tracker is None:
        return Item("landmarks", "unchecked", "not tracked again.")
    faces = tracker(persona.portrait)
    if len(faces) != 1:
        return Item("landmarks", "failed", f"The portrait shows {len(faces)} faces; a persona has one.")
    stored, found = persona.landmarks[:, :2], faces[0].landmarks[:, :2]
    width = max(float(np.linalg.norm(found[454] - found[234])), 1.0)
    distance = np.linalg.norm(stored - found, axis=1) / width
    middle, worst = float(np.median(distance)), float(distance.max())
    detail = f"stored and re-tracked landmarks differ by {middle:.2%} of the face's width (median), {worst:.2%} at most"
    if middle > LANDMARK_MEDIAN_TOLERANCE or worst > LANDMARK_MAX_TOLERANCE:
        allowed = f"allowed are {LANDMARK_MEDIAN_TOLERANCE:.0%} and {LANDMARK_MAX_TOLERANCE:.0%}"
        return Item("landmarks", "failed", f"The landmarks are not those of the portrait: {detail}; {allowed}.")
    return Item("landmarks", "passed", f"{detail}.")


def _model(name: str, model: ImportedModel) -> Item:
    form = format_named(model.format)
    try:
        return Item("model", "passed", f"{form.read(model.data, name).summary}; it does no more than compute.")
    except MissingExtraError as error:
        return Item("model", "unchecked", f"not read: {error}")
    except ModelError as error:
        return Item("model", "failed", str(error))


def _render(persona: Persona, render: Render) -> Item:
    try:
        rendered = render(dict(persona.manifest.cast or {}))
    except MissingExtraError as error:
        return Item("render", "unchecked", f"not rendered: pip install anny warp-lang torch ({error.message})")
    except (ValueError, TypeError) as error:  # a stranger's table; ConfigError is a ValueError
        return Item("render", "failed", f"[cast] is no recipe of this version: {error}")
    if rendered.shape != persona.portrait.shape:
        sizes = [f"{picture.shape[1]}x{picture.shape[0]}" for picture in (persona.portrait, rendered)]
        return Item("render", "failed", f"The portrait has {sizes[0]} px; its recipe renders {sizes[1]} px.")
    whole, tile = compare(persona.portrait, rendered)
    detail = f"PSNR {whole:.1f} dB, worst tile {tile:.1f} dB (at least {MIN_PSNR_DB:.0f} and {MIN_TILE_PSNR_DB:.0f})"
    if whole < MIN_PSNR_DB or tile < MIN_TILE_PSNR_DB:
        reason = "The portrait is not what its recipe renders, so it may show a real person"
        return Item("render", "failed", f"{reason}: {detail}.")
    return Item("render", "passed", f"The portrait is what its recipe renders: {detail}.")


def _psnr(mean_square: float) -> float:
    return 99.0 if mean_square <= 0 else min(99.0, 10 * float(np.log10(255.0**2 / mean_square)))
