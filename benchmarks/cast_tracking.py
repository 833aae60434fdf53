"""Does a face tracker see in the synthetic cast what was rendered? Both are compared, picture by picture.

    python benchmarks/cast_tracking.py --count 2000 --people 12 --jobs 2 [--json OUT] [--save DIR]

Random pictures (256 px, a new person every 20; expression, pose within 40 degrees of yaw, light, room and webcam drawn
at random, no occluders): share in which MediaPipe finds exactly one face, its channels, head pose and landmarks against
what was rendered. Channels are read before the webcam and after it, as they are and less what the same person shows at
rest; the bound is on clean pictures from rest, as Mien reads a calibrated user, and the other three are printed. Then
sweeps: each of the 51 actions alone from 0 to 1, frontal, in the light of a desk; eyes move together, so a look is
swept for both. The tracker sees an empty picture before each one, then the picture twice, so that each is judged by
itself.

Head pose is `fit_head` of the landmarks, and MediaPipe's own matrix beside it; both and the rendered head are taken
along the line of sight. What is constant for a person (where the shape of a face sits in the tracker's mean face) is
measured on their neutral, frontal picture and taken off; errors without that are reported as "raw".
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from mien.engines.cast.camera.light import DESK
from mien.engines.cast.camera.rigs import draw_rig
from mien.engines.cast.camera.webcam import Webcam
from mien.engines.cast.frame import Picture, Shot, View
from mien.engines.cast.motion.gaze import DOWN_DEG, SIDE_DEG, UP_DEG, gaze_actions
from mien.engines.cast.pairs.film import draw_behind, draw_shot, draw_view
from mien.engines.cast.portrait import to_bgr
from mien.engines.cast.recipe import Recipe
from mien.engines.cast.studio import Actor
from mien.engines.measure.cast import (
    ERRORS,
    SHARED,
    Row,
    in_order,
    judge_crowd,
    judge_sweeps,
    matrix_rotation,
    rendered_rotation,
    turn_deg,
    yaw_pitch_roll,
)
from mien.engines.mesh.topology import OVAL
from mien.plugin.machine import provenance
from mien.realtime.face import BLENDSHAPE_INDEX, SKIN_LANDMARK_COUNT
from mien.realtime.frame import Floats, Pixels
from mien.realtime.head import fit_head
from mien.realtime.tracker.detection import Detection
from mien.realtime.tracker.landmarker import Landmarker
from mien.realtime.tracker.model import landmarker_path

SCHEMA = 1
#: Bounds: share of pictures found, mean r of the main channels, median error of the head pose.
LEAST_FOUND, LEAST_R, MOST_POSE_DEG = 0.995, 0.85, 4.0
_SIZE_PX, _PER_PERSON, _STEPS = 256, 20, 6
#: Landmarks that are off by more, % of the face's width, make a picture worth looking at.
_FAR_PERCENT = 8.0
_PERSON_SALT, _PICTURE_SALT = 0x7EAC5, 0x7EAC6
_FRONTAL = View(_SIZE_PX, _SIZE_PX, span=0.30)
_LOOKS = {"look left": (SIDE_DEG, 0.0), "look right": (-SIDE_DEG, 0.0), "look up": (0.0, UP_DEG),
          "look down": (0.0, -DOWN_DEG)}  # fmt: skip
_UNSEEN = np.full(len(SHARED), np.nan, np.float32)
_INSIDE = np.setdiff1d(np.arange(SKIN_LANDMARK_COUNT), np.array(OVAL))


@dataclass(frozen=True, slots=True)
class Crowd:
    """One person's share of the random pictures."""

    seed: int
    person: int
    pictures: tuple[int, ...]
    save: Path | None = None


@dataclass(frozen=True, slots=True)
class Sweep:
    """One person's sweeps."""

    seed: int
    person: int
    save: Path | None = None


@dataclass(slots=True)
class Eye:
    """The tracker, to whom each picture is the first one."""

    landmarker: Landmarker = field(default_factory=lambda: Landmarker(landmarker_path(), max_faces=2))
    shown: int = 0

    def __call__(self, pixels: Pixels) -> list[Detection]:
        """Faces of a picture. Its second showing starts from its own face, as all frames of a live picture do."""
        for picture in (np.full_like(pixels, 128), pixels, pixels):
            self.shown += 1
            found = self.landmarker(picture, self.shown * 33_000_000)
        return found


@cache
def tracker() -> Eye:
    """The one of this process."""
    return Eye()


@dataclass(frozen=True, slots=True, eq=False)
class Rest:
    """A person's neutral, frontal picture: their constants.

    Attributes:
        width_m: of the face, from side to side of the rendered landmarks.
        scores: (51,) of that picture, NaN without a face.
        offsets: (3, 3) rotations that the landmarks' fit and MediaPipe's matrix see on a head that stands straight.
        found: faces in that picture.

    """

    width_m: float
    scores: Floats
    offsets: tuple[NDArray[np.float64], NDArray[np.float64]]
    found: int


def person_seed(seed: int, person: int) -> int:
    """The recipe's seed of person number `person`."""
    return int(np.random.default_rng((seed, _PERSON_SALT, person)).integers(2**31))


def plain(actor: Actor, shot: Shot) -> Picture:
    """A frontal picture before a grey wall."""
    return actor.shoot(shot, _FRONTAL, DESK, np.full((_SIZE_PX, _SIZE_PX, 3), 0.18, np.float32))


def rotations(found: Detection) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """By the landmarks' fit, and by MediaPipe's matrix."""
    fitted = fit_head(found.landmarks).rotation.astype(np.float64)
    return fitted, matrix_rotation(found.pose, found.landmarks, (_SIZE_PX, _SIZE_PX))


def at_rest(actor: Actor) -> Rest:
    """Measure a person's constants."""
    shot = Shot()
    picture = plain(actor, shot)
    found = tracker()(to_bgr(picture.colour))
    offsets, scores = (np.eye(3), np.eye(3)), _UNSEEN
    if found:
        scores = found[0].blendshapes[1:]
        straight = rendered_rotation(_FRONTAL, shot.pose, picture.landmarks)
        fitted, matrix = (straight.T @ seen for seen in rotations(found[0]))
        offsets = (fitted, matrix)
    width_px = float(np.ptp(picture.landmarks[:SKIN_LANDMARK_COUNT, 0]))
    return Rest(width_px * _FRONTAL.span / _FRONTAL.height, scores, offsets, len(found))


def crowd(task: Crowd) -> list[Row]:
    """Draw and track one person's random pictures."""
    recipe = Recipe("crowd", person_seed(task.seed, task.person))
    actor = Actor(recipe, map_px=512)
    rest = at_rest(actor)
    rows = []
    for number in task.pictures:
        rng = np.random.default_rng((task.seed, _PICTURE_SALT, number))
        shot, view, rig = draw_shot(rng), draw_view(rng, _SIZE_PX), draw_rig(rng)
        picture = actor.shoot(shot, view, rig, draw_behind(rng, _SIZE_PX, rig), quality="fast")
        pixels = Webcam.draw(rng).shoot(picture.colour)
        found = tracker()(pixels)
        row: Row = {"picture": number, "person": recipe.seed, "found": len(found), "neutral_found": rest.found,
                    "exposure": rig.exposure, "pose": (shot.pose.yaw, shot.pose.pitch, shot.pose.roll),
                    "hair": recipe.look.hair_style, "glasses": recipe.look.glasses, "melanin": recipe.look.melanin,
                    "actions": shot.actions}  # fmt: skip
        if len(found) == 1:
            clean = tracker()(to_bgr(picture.colour))
            row |= {"rest_scores": rest.scores, "clean_scores": clean[0].blendshapes[1:] if clean else _UNSEEN}
            row |= compare(picture, found[0], rest)
        if task.save is not None and row.get("landmarks", np.inf) > _FAR_PERCENT:
            cv2.imwrite(str(task.save / f"miss-{number:05d}-{recipe.seed}-{len(found)}-faces.png"), pixels)
        rows.append(row)
    return rows


def compare(picture: Picture, found: Detection, rest: Rest) -> Row:
    """One found face against what was rendered."""
    true = rendered_rotation(picture.view, picture.shot.pose, picture.landmarks)
    (fitted, matrix), (by_fit, by_matrix) = rotations(found), rest.offsets
    off = np.linalg.norm(found.landmarks[:, :2] - picture.landmarks, axis=1)
    percent = 100 * off / (rest.width_m * picture.view.height / picture.view.span)
    return {
        "scores": found.blendshapes[1:],
        "axes": yaw_pitch_roll(true),
        "tracked_axes": yaw_pitch_roll(fitted @ by_fit.T),
        "turned_deg": turn_deg(true, np.eye(3)),
        "pose_deg": turn_deg(true, fitted @ by_fit.T),
        "pose_raw_deg": turn_deg(true, fitted),
        "matrix_deg": turn_deg(true, matrix @ by_matrix.T),
        "matrix_raw_deg": turn_deg(true, matrix),
        "landmarks": float(percent[_INSIDE].mean()),
        "outline": float(percent[list(OVAL)].mean()),
        "irises": float(percent[SKIN_LANDMARK_COUNT:].mean()),
    }


def sweep_shots(weight: float) -> dict[str, Shot]:
    """Each action alone at a weight, the eyes' in four looks."""
    shots = {name: Shot({name: weight}) for name in SHARED if not name.startswith("eyeLook")}
    for name, (yaw, pitch) in _LOOKS.items():
        shots[name] = Shot(gaze_actions(yaw * weight, pitch * weight), gaze=(yaw * weight, pitch * weight))
    return shots


def sweep(task: Sweep) -> dict[str, NDArray[np.float32]]:
    """Each action's (6,) tracked scores of the channel of its name; NaN where no face was found."""
    actor = Actor(Recipe("crowd", person_seed(task.seed, task.person)), map_px=512)
    tracked = {name: np.full(_STEPS, np.nan, np.float32) for name in SHARED}
    tiles = []
    for step, weight in enumerate(np.linspace(0, 1, _STEPS)):
        rest = tracker()(to_bgr(plain(actor, Shot()).colour)) if step == 0 else []
        for name, shot in sweep_shots(float(weight)).items():
            found = rest
            if step > 0:
                pixels = to_bgr(plain(actor, shot).colour)
                found = tracker()(pixels)
                if step == _STEPS - 1:
                    tiles.append((name, pixels))
            if found:
                for channel in [name] if name in tracked else gaze_channels(name):
                    tracked[channel][step] = found[0].blendshapes[BLENDSHAPE_INDEX[channel]]
    if task.save is not None:
        cv2.imwrite(str(task.save / f"sweep-{task.person:02d}.png"), contact_sheet(tiles))
    return tracked


def gaze_channels(look: str) -> list[str]:
    """The channels that one of the four looks moves."""
    return [name for name, weight in gaze_actions(*_LOOKS[look]).items() if weight > 0]


def contact_sheet(tiles: Sequence[tuple[str, Pixels]], columns: int = 8) -> Pixels:
    """All pictures, each with its name."""
    rows = []
    for first in range(0, len(tiles), columns):
        row = [np.zeros((_SIZE_PX, _SIZE_PX, 3), np.uint8)] * columns
        for at, (name, pixels) in enumerate(tiles[first : first + columns]):
            row[at] = np.asarray(cv2.putText(pixels.copy(), name, (6, 246), 0, 0.5, (255, 255, 255), 1, cv2.LINE_AA))
        rows.append(np.hstack(row))
    return np.vstack(rows)


def show(random: Row | None, sweeps: Row | None, console: Console) -> None:
    """Print both tables."""
    if random is not None:
        console.print(f"found {random['found']:.2%} of {random['pictures']}; mean r of jaw, blinks and smiles:")
        for case, r in random["main_r"].items():
            console.print(f"  {case:20s} {r:.3f}")
        for name in ERRORS if "pose_deg" in random else ():
            console.print(f"  {name:15s} median {random[name]['median']:.2f}  p95 {random[name]['p95']:.2f}")
        for axis, row in random["axes"].items():
            console.print(f"  {axis:15s} median {row['error_median']:.2f}  r {row['r']:.3f}  slope {row['slope']:.2f}")
        for turn, row in random["pose_by_turn"].items():
            console.print(
                f"  turned {turn}: median {row['median']:.2f}, p95 {row['p95']:.2f}, {row['pictures']} pictures"
            )
        for miss in random["misses"]:
            console.print(f"  miss: {miss}")
        for far in random["farthest"]:
            console.print("  landmarks off by {landmarks:.1f} %: picture {picture}, person {person}".format(**far))
    console.print(channel_table(random or {"channels": {}}, sweeps or {"channels": {}}))


def channel_table(random: Row, sweeps: Row) -> Table:
    """Each channel in the random pictures and in the sweeps."""
    table = Table("channel", "random r", "slope", "sweep r", "slope", "lowest", "responds")
    for name in SHARED:
        row = [name, "", "", "", "", "", ""]
        if one := random["channels"].get(name):
            row[1:3] = f"{one['r']:.2f}", f"{one['slope']:.2f}"
        if one := sweeps["channels"].get(name):
            answer = ("r too low" if name in sweeps["below"] else "yes") if one["responds"] else "no"
            lowest = min(one["slopes"], default=0.0)
            row[3:] = f"{one['r']:.2f}", f"{one['slope']:.2f}", f"{lowest:.2f}", answer
        table.add_row(*row)
    return table


def verdict(random: Row | None, sweeps: Row | None) -> dict[str, bool]:
    """Which bounds are kept."""
    met = {}
    if random is not None:
        met["found"] = random["found"] >= LEAST_FOUND
        met["main channels"] = random["main_r"]["clean, from rest"] >= LEAST_R
        met["pose"] = random["pose_deg"]["median"] <= MOST_POSE_DEG
    if sweeps is not None:
        met["responding channels"] = not sweeps["below"]
    return met


def main() -> None:
    """Measure and print; exits with 1 when a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000, help="random pictures; 0 leaves them out")
    parser.add_argument("--people", type=int, default=12, help="people who are swept; 0 leaves the sweeps out")
    parser.add_argument("--only", type=int, nargs="+", help="these random pictures alone, by their numbers")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--save", type=Path, help="folder for missed pictures and sheets of the sweeps")
    parser.add_argument("--json", type=Path, help="file to write the numbers to")
    given = parser.parse_args()
    if given.save is not None:
        given.save.mkdir(parents=True, exist_ok=True)
    numbers = given.only or range(given.count)
    people: dict[int, list[int]] = {}
    for number in numbers:
        people.setdefault(number // _PER_PERSON, []).append(number)
    crowds = [Crowd(given.seed, person, tuple(own), given.save) for person, own in people.items()]
    sweeps = [Sweep(given.seed, person, given.save) for person in range(given.people)]
    drawn = track(in_order(crowd, crowds, given.jobs), "random pictures", total=len(crowds))
    rows = [row for each in drawn for row in each]
    swept = list(track(in_order(sweep, sweeps, given.jobs), "sweeps", total=len(sweeps))) if sweeps else []
    random, alone = (judge_crowd(rows) if rows else None), (judge_sweeps(swept) if swept else None)
    met = verdict(random, alone)
    show(random, alone, Console())
    print(", ".join(f"{name}: {'met' if kept else 'NOT met'}" for name, kept in met.items()))
    if given.json is not None:
        document = {
            "schema": SCHEMA,
            "question": "does a face tracker see in the synthetic cast what was rendered",
            **provenance(),
            "seed": given.seed,
            "random": random,
            "sweeps": alone,
            "met": met,
        }
        given.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    raise SystemExit(0 if all(met.values()) else 1)


if __name__ == "__main__":
    main()
