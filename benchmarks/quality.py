"""How good is a swapped face? Engines against exact renders of the persona, on drivers that no training saw.

    python benchmarks/quality.py --persona amara [--persona PACK ...] [--people 24] [--json OUT] [--save DIR]
    python benchmarks/quality.py --persona PACK --rendered-from SEED     a pack that learnt from a render's footage

Each driver (seeds of their own, apart from all that training draws) is filmed twice under each of a few random codes:
"webcam" in a random light through a random webcam, and "plain" in the persona's own light without one. The truth is the
persona's render under the same code. The instant engine takes the driver's light over, which the truth does not have,
so "plain" is the fair row for it; the network paints in the persona's light, and the live path lights it afterwards,
so its picture is compared before that. A pack that learnt from footage knows only whom it was shown, hair and all
shadows with it, from where the camera stood (nearer, the same face is longer), and where a tracker saw the face, a few
pixels from where the renderer put it: for it the truth has its hair, is rendered as finely as a film and from as far
away, and is cut out by the tracker, as footage is; and as footage's masks follow the tracker too, pictures are compared
where both masks are.

Inside the true mask: PSNR, SSIM of the luma, sharpness (energy of the Laplacian over the truth's). SFace: mean distance
(1 - cosine) of the drawn face's embedding from the truth's. Landmarks: tracked in the drawn face, laid over the truth,
against those tracked in the truth, in percent of the distance between the eyes. Front: overlap of what the network
takes for an object or hair before the face with what was rendered there.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from mien.engines.cast.camera.light import PORTRAIT
from mien.engines.cast.clip import DISTANCE_M
from mien.engines.cast.recipe import Recipe
from mien.engines.cast.studio import Actor
from mien.engines.measure.identity import FaceIdentity, similarity
from mien.engines.measure.oracle import as_rendered
from mien.engines.measure.paired import landmark_error, paired_score
from mien.engines.personas.library import find
from mien.engines.personas.pack import Persona
from mien.engines.registry import make_engine
from mien.engines.runtimes.table import runtime_states
from mien.engines.swapnet.edit import CodeEdit
from mien.engines.swapnet.engine import SwapNetEngine
from mien.engines.swapnet.load import open_engine
from mien.engines.swapnet.paired import Eye, Take, resting, shoot_driver, shoot_persona
from mien.engines.swapnet.terms import MARGIN, PERSONA_PX
from mien.plugin.machine import provenance
from mien.realtime.aligner import align, crop, head_square
from mien.realtime.engine import Engine
from mien.realtime.face import Face
from mien.realtime.frame import Floats, Pixels
from mien.realtime.head import fit_head

SCHEMA = 1
#: Drivers' seeds; training draws below 2**31.
_FIRST_SEED = 2**31
_SALT = 0x9A11
_FRAME_PX = 384
_SHOTS = 5
#: Bounds of the network's best row through the webcam.
LEAST_PSNR, MOST_LANDMARKS, SHARPNESS = 28.0, 3.0, (0.7, 1.2)

Mask = NDArray[np.uint8]
Row = dict[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One code of one driver.

    Attributes:
        takes: the driver, by condition.
        truth: (256, 256, 3) uint8 BGR, the persona.
        mask: (256, 256) uint8.
        tracked: whether the truth was cut out by the tracker.

    """

    takes: dict[str, Take]
    truth: Pixels
    mask: Mask
    tracked: bool


def cases(seed: int, people: int, persona: Actor, eye: Eye, *, tracked: bool) -> Iterator[Case]:
    """Film drivers and the persona's answers; frames in which the tracker finds nobody are left out.

    Args:
        seed: of the drivers.
        people: how many of them.
        persona: who answers.
        eye: that sees the drivers.
        tracked: whether the answers are cut out where this eye sees their faces.

    """
    for number in range(people):
        rng = np.random.default_rng((seed, _SALT, number))
        driver = Actor(Recipe("driver", _FIRST_SEED + int(rng.integers(2**30))), map_px=512)
        rest = resting(driver, eye)
        if rest is None:
            continue
        for _ in range(_SHOTS):
            state = rng.bit_generator.state
            webcam = shoot_driver(driver, rest, rng, eye, size_px=_FRAME_PX, objects=0.25)
            rng.bit_generator.state = state
            plain = shoot_driver(driver, rest, rng, eye, size_px=_FRAME_PX, objects=0.0, rig=PORTRAIT, webcam=False)
            if webcam is None or plain is None:
                continue
            filmed = ("fine", DISTANCE_M) if tracked else ()
            answer = shoot_persona(persona, webcam.named, *filmed)
            truth, mask = answer.pixels, answer.mask
            if tracked:
                found = eye(truth)
                if found is None:
                    continue
                truth, mask = (_cut_out(each, found.landmarks) for each in (truth, mask))
            yield Case({"webcam": webcam, "plain": plain}, truth, mask, tracked)


def _cut_out(picture: NDArray[np.uint8], landmarks: Floats) -> NDArray[np.uint8]:
    """A persona's picture or mask in the square that tracked landmarks give."""
    square = head_square(fit_head(landmarks), PERSONA_PX, MARGIN)
    # Cubic: a truth that was softened would be too easy to be as sharp as.
    warped = cv2.warpAffine(
        picture, square.matrix, (PERSONA_PX, PERSONA_PX), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(warped, np.uint8)


def drawn_by(engine: Engine, face: Face, pixels: Pixels) -> tuple[Pixels, Mask, NDArray[np.float32] | None]:
    """What an engine paints, in the persona's square: picture, mask, and the network's share of what is in front."""
    alignment = align(face, engine.spec, pixels.shape[1], pixels.shape[0])
    seen = crop(pixels, alignment)
    if isinstance(engine, SwapNetEngine):
        named, free, front = engine.encode(face, seen)
        picture, mask, _ = engine.decode(CodeEdit().apply(named), free)
        size = (PERSONA_PX, PERSONA_PX)
        if picture.shape[0] != PERSONA_PX:
            picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR), np.uint8)
            mask = np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_LINEAR), np.uint8)
        return picture, mask, front
    patch = engine(face, seen)
    square = head_square(fit_head(face.landmarks), PERSONA_PX, MARGIN)
    # From the window to the frame and on to the square.
    matrix = square.matrix.copy()
    x, y = alignment.offset or (0, 0)
    matrix[:, 2] += square.matrix[:, :2] @ np.array([x, y], np.float32)
    size = (PERSONA_PX, PERSONA_PX)
    picture = np.asarray(cv2.warpAffine(patch.pixels, matrix, size), np.uint8)
    return picture, np.asarray(cv2.warpAffine(patch.mask, matrix, size), np.uint8), None


def score(
    engine: Engine, take: Take, case: Case, eye: Eye, identity: FaceIdentity | None
) -> tuple[Row, Pixels]:  # fmt: skip
    """One engine on one take, and its picture inside its mask."""
    picture, mask, front = drawn_by(engine, take.face, take.pixels)
    # The instant engine shows no more than both silhouettes share; it is compared where it paints.
    whole = isinstance(engine, SwapNetEngine) and not case.tracked
    inside = case.mask if whole else np.asarray(cv2.min(case.mask, mask), np.uint8)
    row: Row = dict(paired_score(picture, mask, case.truth, case.mask, inside)._asdict())
    share = np.where(mask[..., None] > 127, case.mask[..., None] / 255.0, 0.0)
    laid = np.ascontiguousarray((picture * share + case.truth * (1 - share)).round().astype(np.uint8))
    found, true = eye(laid), eye(case.truth)
    row["lost"] = float(found is None)
    if found is not None and true is not None:
        row["landmarks"] = landmark_error(found.landmarks, true.landmarks)
        if identity is not None:
            row["sface"] = 1 - similarity(
                identity.embed(laid, found.landmarks), identity.embed(case.truth, true.landmarks)
            )
    if front is not None:
        row |= front_overlap(front, take, engine)
    return row, np.asarray(picture * (mask[..., None] > 127), np.uint8)


def front_overlap(front: NDArray[np.float32], take: Take, engine: Engine) -> Row:
    """Intersection over union of what is in front, where there is something."""
    square = align(take.face, engine.spec, take.pixels.shape[1], take.pixels.shape[0])
    size = (square.width, square.height)
    true = cv2.resize(cv2.warpAffine(take.front, square.matrix, size), front.shape[::-1], interpolation=cv2.INTER_AREA)
    one, other = front > 0.5, np.asarray(true) > 127
    if other.mean() < 0.01:
        return {}
    return {"front_iou": float((one & other).sum() / max((one | other).sum(), 1))}


def engines_of(persona: Persona) -> dict[str, Engine]:
    """The instant engine, and each of the persona's networks."""
    made: dict[str, Engine] = {"instant": make_engine(persona, kind="mesh")}
    lacks = next(state.problem for state in runtime_states() if state.name == "openvino")
    for size in ("small", "base", "large", "tiny"):
        networks = persona.networks
        if networks is None or size not in networks.decoders:
            continue
        made[size] = open_engine(replace(networks, int8={}), size, reason="benchmark")
        if size in networks.int8 and lacks:
            print(f"without {size}'s 8-bit layers: OpenVINO alone plays them: {lacks}")
        elif size in networks.int8:
            made[f"{size} int8"] = open_engine(networks, size, reason="benchmark", runtime="openvino", precision="int8")
    return made


def measure(name: str, given: argparse.Namespace, eye: Eye, identity: FaceIdentity | None) -> dict[str, Any]:
    """All rows of one persona."""
    persona = find(name)
    made_from = given.rendered_from
    actor = as_rendered(persona) if made_from is None else Actor(Recipe(persona.name, made_from))
    engines = engines_of(persona)
    rows: dict[str, list[Row]] = {}
    tiles: list[Pixels] = []
    total = given.people * _SHOTS
    found = cases(given.seed, given.people, actor, eye, tracked=made_from is not None)
    for number, case in enumerate(track(found, persona.name, total=total)):
        shown: list[Pixels] = []
        for label, engine in engines.items():
            for condition, take in case.takes.items():
                row, picture = score(engine, take, case, eye, identity)
                rows.setdefault(f"{label}, {condition}", []).append(row)
                if condition == "webcam":
                    shown.append(picture)
        if given.save is not None and number % max(total // 16, 1) == 0 and len(tiles) < 16:
            square = head_square(fit_head(case.takes["webcam"].face.landmarks), PERSONA_PX, MARGIN)
            driver = crop(case.takes["webcam"].pixels, square).pixels
            tiles.append(np.vstack([driver, *shown, case.truth * (case.mask[..., None] > 127)]).astype(np.uint8))
    if given.save is not None:
        given.save.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(given.save / f"quality-{persona.name}.png"), np.hstack(tiles))
    for engine in engines.values():
        engine.close()
    return {
        "persona": persona.name,
        "digest": persona.digest,
        "engines": {label: f"{e.spec.runtime} {e.spec.precision}: {e.spec.reason}" for label, e in engines.items()},
        "rows": {label: means(found) for label, found in rows.items()},
    }


def means(rows: list[Row]) -> Row:
    """Mean of each figure over the pictures that have it, and how many there were."""
    names = sorted({name for row in rows for name in row})
    out = {name: float(np.mean([row[name] for row in rows if name in row])) for name in names}
    return out | {"pictures": float(len(rows))}


def verdict(rows: dict[str, Row]) -> dict[str, bool]:
    """Whether the best network keeps the bounds."""
    best = next((rows[f"{size}, webcam"] for size in ("base", "small") if f"{size}, webcam" in rows), None)
    if best is None:
        return {}
    plain = next(rows[f"{size}, plain"] for size in ("base", "small") if f"{size}, plain" in rows)
    instant = rows["instant, plain"]
    met = {
        "PSNR": best["psnr"] >= LEAST_PSNR,
        "landmarks": best["landmarks"] <= MOST_LANDMARKS,
        "sharpness": SHARPNESS[0] <= best["sharpness"] <= SHARPNESS[1],
        "better than instant": plain["psnr"] > instant["psnr"] and plain["ssim"] > instant["ssim"]
        and plain["landmarks"] < instant["landmarks"],
    }  # fmt: skip
    if "sface" in plain and "sface" in instant:
        met["nearer in SFace than instant"] = plain["sface"] < instant["sface"]
    return met


def show(result: dict[str, Any], console: Console) -> None:
    """Print one persona's table."""
    columns = ("psnr", "ssim", "sharpness", "sface", "landmarks", "iou", "front_iou", "lost", "pictures")
    table = Table(result["persona"], *columns)
    for label, row in result["rows"].items():
        table.add_row(label, *(f"{row[name]:.3g}" if name in row else "" for name in columns))
    console.print(table)
    for label, reason in result["engines"].items():
        console.print(f"  {label}: {reason}")


def main() -> None:
    """Measure and print; exits with 1 when a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--persona", action="append", required=True, help="name or pack; may be given again")
    parser.add_argument(
        "--rendered-from", type=int, metavar="SEED", help="of the persona; its pack says it where the cast made it"
    )
    parser.add_argument("--people", type=int, default=24, help="drivers, each under five codes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", type=Path, help="folder for a grid of pictures: driver, each engine, truth")
    parser.add_argument("--json", type=Path, help="file to write the numbers to")
    given = parser.parse_args()
    eye, identity, console = Eye(), _identity(), Console()
    begin = time.monotonic()
    results = [measure(name, given, eye, identity) for name in given.persona]
    met: dict[str, dict[str, bool]] = {}
    for result in results:
        show(result, console)
        met[result["persona"]] = verdict(result["rows"])
        print(", ".join(f"{name}: {'met' if kept else 'NOT met'}" for name, kept in met[result["persona"]].items()))
    if given.json is not None:
        document = {
            "schema": SCHEMA,
            "question": "how near is a swapped face to the persona's exact render",
            **provenance(),
            "seed": given.seed,
            "seconds": round(time.monotonic() - begin, 1),
            "personas": results,
            "met": met,
        }
        given.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    raise SystemExit(0 if all(kept for each in met.values() for kept in each.values()) else 1)


def _identity() -> FaceIdentity | None:
    try:
        return FaceIdentity()
    except Exception as error:  # noqa: BLE001 - without SFace the other columns still stand
        print(f"without the SFace column: {error}")
        return None


if __name__ == "__main__":
    main()
