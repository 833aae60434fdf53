"""Does an edit of the expression arrive, and nothing else with it? Judges final frames, tracked afresh.

    python benchmarks/editing.py [CLIP.mp4] [--persona amara] [--edit smile=+0.3] [--json OUT]

The clip is shown with and without the edit; the table is the mean change of each group of blendshapes, and the mean of
its absolute values.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from mien.engines.measure.editing import LEAST_RISE, MOST_OTHER, edit_effect
from mien.engines.measure.final import frames_of
from mien.plugin.clip import driver_clip
from mien.plugin.machine import provenance

SCHEMA = 1


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", nargs="?", type=Path, help="default: the shipped clip")
    parser.add_argument("--persona", default="amara")
    parser.add_argument("--edit", default="smile=+0.3")
    parser.add_argument("--json", type=Path, help="file to write the numbers to")
    options = parser.parse_args()
    clip = options.clip or driver_clip()
    effect = edit_effect(list(frames_of(clip)), options.persona, options.edit, engine="swapnet")
    print(f"{clip.name} as {options.persona}, {options.edit}: mean change, mean absolute change")
    for name, change in effect.items():
        print(f"  {name:8s} {change.mean:+.3f} {change.absolute:.3f}")
    if options.edit == "smile=+0.3":
        others = max(abs(change.mean) for name, change in effect.items() if name != "smile")
        met = "met" if effect["smile"].mean >= LEAST_RISE and others < MOST_OTHER else "NOT met"
        print(f"smile rises by {LEAST_RISE} or more, others move by less than {MOST_OTHER}: {met}")
    if options.json is not None:
        document = {
            "schema": SCHEMA,
            "question": "does an edit of the expression arrive, and nothing else with it",
            **provenance(),
            "clip": clip.name,
            "persona": options.persona,
            "edit": options.edit,
            "change": {name: change._asdict() for name, change in effect.items()},
        }
        options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
