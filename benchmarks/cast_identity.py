"""Is each synthetic person one person, unlike the others? SFace is asked, and skin tones are counted.

    python benchmarks/cast_identity.py --count 150 --pictures 6 --jobs 2 [--json OUT] [--save DIR]

Each person is drawn a few times with other expressions, lights and poses (the head turned by 25 degrees at most). Hair,
background, clothes, glasses and headset are greyed out by the renderer's labels, and faces are cut out by the rendered
landmarks, which are exact. All pairs of pictures of one seed stand against all pairs of different seeds. As grey
glasses still have a shape, the error is also given for those who wear nothing; and, as skin alone tells many apart, for
strangers of like skin and sex.

Skin tones: how evenly the seeds from 0 on fill the ten tones of the Monk scale, and the colour that skin has at last in
neutral, frontal pictures.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from mien.engines.cast.camera.light import PORTRAIT
from mien.engines.cast.camera.rigs import draw_rig
from mien.engines.cast.frame import Shot, View
from mien.engines.cast.pairs.film import draw_shot, draw_view
from mien.engines.cast.parts.piece import Label
from mien.engines.cast.population import draw_look
from mien.engines.cast.portrait import to_bgr
from mien.engines.cast.recipe import Recipe
from mien.engines.cast.skin.tones import monk_tone
from mien.engines.cast.studio import Actor
from mien.engines.measure import FaceIdentity
from mien.engines.measure.cast import (
    ITA_CLASSES,
    Row,
    equal_error_rate,
    even_chi_square,
    hidden,
    in_order,
    ita_class,
    ita_deg,
    skin_lab,
)
from mien.engines.measure.identity import align_112
from mien.plugin.machine import provenance
from mien.realtime.frame import Floats, Pixels

SCHEMA = 1
MOST_EQUAL_ERROR = 0.05
#: Below this probability the histogram of skin tones is not even.
LEAST_P = 0.05
MOST_TURN_DEG = 25.0
_HIDDEN = (Label.HAIR, Label.BACKGROUND, Label.CLOTH, Label.GLASSES, Label.HEADSET)
_SIZE_PX, _SKIN_SEEDS = 256, 4000
_FRONTAL = View(_SIZE_PX, _SIZE_PX, span=0.30)
_PERSON_SALT, _PICTURE_SALT = 0x1DE47, 0x1DE48
#: Closer framings cut ears and chin off, and what is missing would be filled with streaks.
_LEAST_SPAN_M = 0.31
#: Strangers this near in melanin, and of one sex, are alike.
_ALIKE = 0.1


@dataclass(frozen=True, slots=True)
class Sitting:
    """One person to be drawn."""

    seed: int
    person: int
    pictures: int
    save: Path | None


@dataclass(frozen=True, slots=True, eq=False)
class Sitter:
    """What came of it.

    Attributes:
        recipe: who.
        embeddings: (K, 128) float32, unit.
        lab: median CIE Lab of the skin, neutral and frontal.

    """

    recipe: Recipe
    embeddings: Floats
    lab: tuple[float, float, float]


@cache
def identity() -> FaceIdentity:
    """The network of this process."""
    return FaceIdentity()


def mild_shot(rng: np.random.Generator) -> Shot:
    """A random expression whose head is turned by no more than `MOST_TURN_DEG` in all."""
    while True:
        shot = draw_shot(rng)
        turn = (np.trace(shot.pose.matrix()) - 1) / 2
        if turn >= np.cos(np.radians(MOST_TURN_DEG)):
            return shot


def sit(task: Sitting) -> Sitter:
    """Draw and embed one person."""
    seed = int(np.random.default_rng((task.seed, _PERSON_SALT, task.person)).integers(2**31))
    recipe = Recipe("sitter", seed)
    actor = Actor(recipe, map_px=512)
    rest = actor.shoot(Shot(), _FRONTAL, PORTRAIT)
    embeddings, crops = [], []
    for number in range(task.pictures):
        rng = np.random.default_rng((task.seed, _PICTURE_SALT, task.person, number))
        shot, view, rig = mild_shot(rng), draw_view(rng, _SIZE_PX), draw_rig(rng)
        picture = actor.shoot(shot, replace(view, span=max(view.span, _LEAST_SPAN_M)), rig, quality="fast")
        pixels = hidden(to_bgr(picture.colour), picture.labels, _HIDDEN)
        embeddings.append(identity().embed(pixels, picture.landmarks))
        crops.append(align_112(pixels, picture.landmarks))
    if task.save is not None:
        cv2.imwrite(str(task.save / f"sitter-{task.person:04d}-{seed}.png"), np.hstack(crops))
    return Sitter(recipe, np.stack(embeddings), skin_lab(to_bgr(rest.colour), rest.labels == Label.SKIN))


def similarities(sitters: list[Sitter]) -> tuple[NDArray[Any], NDArray[np.bool_], NDArray[np.int64]]:
    """Cosines of all pairs of pictures, whether both show one person, and (2, N) whose pictures they are."""
    vectors = np.concatenate([sitter.embeddings for sitter in sitters])
    owner = np.repeat(np.arange(len(sitters)), [len(sitter.embeddings) for sitter in sitters])
    first, second = np.triu_indices(len(vectors), 1)
    cosines = (vectors @ vectors.T)[first, second]
    return cosines, owner[first] == owner[second], np.stack([owner[first], owner[second]])


def judge_pairs(sitters: list[Sitter]) -> Row:
    """Equal error rates, means, and who is taken for whom."""
    cosines, same, who = similarities(sitters)
    looks = [sitter.recipe.look for sitter in sitters]
    bare = np.array([look.glasses == "none" and look.headset != "over_ear" for look in looks])
    dark = np.array([look.melanin for look in looks])
    male = np.array([look.gender > 0.5 for look in looks])
    alike = (np.abs(dark[who[0]] - dark[who[1]]) < _ALIKE) & (male[who[0]] == male[who[1]])
    worn = ~(bare[who[0]] & bare[who[1]])
    kept = {"all": np.ones_like(same), "bare": ~worn, "strangers alike": same | alike}
    rates = {}
    for name, chosen in kept.items():
        own, others = cosines[chosen & same], cosines[chosen & ~same]
        if own.size and others.size:
            rate, threshold = equal_error_rate(own, others)
            rates[name] = {"equal_error": rate, "threshold": threshold, "same": len(own), "different": len(others)}
    means = np.array([sitter.embeddings.mean(axis=0) for sitter in sitters])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    first, second = np.triu_indices(len(sitters), 1)
    between = (means @ means.T)[first, second]
    own = {
        k: float(cosines[same & (who[0] == k)].mean()) for k in range(len(sitters)) if len(sitters[k].embeddings) > 1
    }
    return {
        "rates": rates,
        "mean_same": float(cosines[same].mean()),
        "mean_different": float(cosines[~same].mean()),
        "nearest_strangers": [
            [sitters[first[k]].recipe.seed, sitters[second[k]].recipe.seed, round(float(between[k]), 3)]
            for k in np.argsort(-between)[:8]
        ],
        "least_alike_themselves": [
            [sitters[k].recipe.seed, sitters[k].recipe.look.hair_style, round(own[k], 3)]
            for k in sorted(own, key=lambda k: own[k])[:8]
        ],
    }


def judge_skin(sitters: list[Sitter]) -> Row:
    """Tones that seeds choose, and colours that come out."""
    tones = Counter(monk_tone(draw_look(seed).melanin) for seed in range(_SKIN_SEEDS))
    counts = [tones[tone] for tone in range(1, 11)]
    chi_square, p = even_chi_square(counts)
    seen = [sitter for sitter in sitters if np.isfinite(sitter.lab).all()]
    lab, melanin = np.array([sitter.lab for sitter in seen]), [sitter.recipe.look.melanin for sitter in seen]
    classes = Counter(ita_class(ita_deg(lightness, b)) for lightness, _, b in lab)
    return {
        "seeds": _SKIN_SEEDS,
        "tones": counts,
        "chi_square": chi_square,
        "p": p,
        "lightness": {str(q): float(np.percentile(lab[:, 0], q)) for q in (0, 10, 25, 50, 75, 90, 100)},
        "a": [float(value) for value in np.percentile(lab[:, 1], (5, 50, 95))],
        "b": [float(value) for value in np.percentile(lab[:, 2], (5, 50, 95))],
        "typology": {name: classes[name] for name, _ in ITA_CLASSES},
        "lightness_by_melanin_r": float(np.corrcoef(melanin, lab[:, 0])[0, 1]) if len(seen) > 1 else 0.0,
    }


def show(pairs: Row, skin: Row) -> None:
    """Print both."""
    for name, row in pairs["rates"].items():
        print(
            f"{name}: equal error {row['equal_error']:.2%} at {row['threshold']:.3f}, "
            f"{row['same']} pairs of one person, {row['different']} of two"
        )
    print(f"mean cosine: same {pairs['mean_same']:.3f}, different {pairs['mean_different']:.3f}")
    print(f"nearest strangers: {pairs['nearest_strangers']}")
    print(f"least alike themselves: {pairs['least_alike_themselves']}")
    print(f"tones of {skin['seeds']} seeds: {skin['tones']}, chi-square {skin['chi_square']:.2f}, p {skin['p']:.3f}")
    print(f"skin's L*: {', '.join(f'{q} % {value:.0f}' for q, value in skin['lightness'].items())}; {skin['typology']}")


def contact_sheet(folder: Path, rows: int = 40) -> None:
    """The first people's faces as the network saw them, in one picture."""
    strips = [cv2.imread(str(path)) for path in sorted(folder.glob("sitter-*.png"))[:rows]]
    sheet: Pixels = np.vstack([strip for strip in strips if strip is not None])
    cv2.imwrite(str(folder / "sheet.png"), sheet)


def main() -> None:
    """Measure and print; exits with 1 when a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=150, help="people, 2 or more")
    parser.add_argument("--pictures", type=int, default=6, help="of each, 2 or more")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--save", type=Path, help="folder for the faces as the network saw them")
    parser.add_argument("--json", type=Path, help="file to write the numbers to")
    given = parser.parse_args()
    if min(given.count, given.pictures) < 2:
        parser.error("--count and --pictures must be 2 or more: there would be no pairs.")
    if given.save is not None:
        given.save.mkdir(parents=True, exist_ok=True)
    tasks = [Sitting(given.seed, person, given.pictures, given.save) for person in range(given.count)]
    sitters = list(track(in_order(sit, tasks, given.jobs), "people", total=len(tasks)))
    pairs, skin = judge_pairs(sitters), judge_skin(sitters)
    met = {
        "equal error": pairs["rates"]["all"]["equal_error"] <= MOST_EQUAL_ERROR,
        "even skin tones": skin["p"] >= LEAST_P,
    }
    show(pairs, skin)
    print(", ".join(f"{name}: {'met' if kept else 'NOT met'}" for name, kept in met.items()))
    if given.save is not None:
        contact_sheet(given.save)
    if given.json is not None:
        document = {
            "schema": SCHEMA,
            "question": "is each synthetic person one person, unlike the others",
            **provenance(),
            "seed": given.seed,
            "people": given.count,
            "pictures": given.pictures,
            "identity": pairs,
            "skin": skin,
            "met": met,
        }
        given.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    raise SystemExit(0 if all(met.values()) else 1)


if __name__ == "__main__":
    main()
