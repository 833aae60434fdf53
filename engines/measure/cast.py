"""The synthetic cast, judged: arithmetic on what was rendered and what a tracker or a face network makes of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.realtime.face import BLENDSHAPE_NAMES
from mien.realtime.frame import Floats, Pixels

if TYPE_CHECKING:
    from mien.engines.cast.body.pose import HeadPose
    from mien.engines.cast.frame import View

Task = TypeVar("Task")
Result = TypeVar("Result")
Numbers = NDArray[np.floating[Any]]
#: Plain values for JSON and tables.
Row = dict[str, Any]

#: The 51 channels that the tracker and the cast share.
SHARED = BLENDSHAPE_NAMES[1:]
#: Channels that a wearer notices first.
MAIN = ("jawOpen", "eyeBlinkLeft", "eyeBlinkRight", "mouthSmileLeft", "mouthSmileRight")
#: A channel responds if its score rises by this while its action goes from 0 to 1; then r must be this.
LEAST_SLOPE, LEAST_R = 0.1, 0.6
#: What is measured where a face was found: head pose by the landmarks' fit and by MediaPipe's matrix, degrees, both
#: also without the person's constant; landmarks inside the face, on its outline, on the irises, % of its width.
ERRORS = ("pose_deg", "pose_raw_deg", "matrix_deg", "matrix_raw_deg", "landmarks", "outline", "irises")
#: Picture axes (x right, y down, z away) from the cast's world (x right, y away, z up), before any camera moves.
_PICTURE = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]], np.float64)
#: MediaPipe's face geometry assumes a camera of 63 degrees from top to bottom (its default environment).
MEDIAPIPE_HALF_TANGENT = math.tan(math.radians(63 / 2))
#: A channel that varies less than this (standard deviation) is taken as still.
_STILL = 1e-4
#: Individual typology angle, degrees, above which a skin is of each class: Chardon et al. 1991, Int J Cosmet Sci.
ITA_CLASSES = (("very light", 55), ("light", 41), ("intermediate", 28), ("tan", 10), ("brown", -30), ("dark", -90))


@dataclass(frozen=True, slots=True)
class Response:
    """How a tracked channel answers to a rendered one.

    Attributes:
        r: Pearson correlation; 0 where either is still.
        slope: of the regression of tracked on rendered; 0 where the rendered one is still.

    """

    r: float
    slope: float


def response(rendered: Numbers, tracked: Numbers) -> Response:
    """Compare (N,) rendered weights with (N,) tracked scores."""
    a, b = rendered.astype(np.float64), tracked.astype(np.float64)
    a, b = a - a.mean(), b - b.mean()
    spread_a, spread_b = float(np.sqrt((a * a).mean())), float(np.sqrt((b * b).mean()))
    if spread_a < _STILL:
        return Response(0.0, 0.0)
    shared = float((a * b).mean())
    r = shared / (spread_a * spread_b) if spread_b >= _STILL else 0.0
    return Response(r, shared / spread_a**2)


def rendered_rotation(view: View, pose: HeadPose, landmarks: Floats) -> NDArray[np.float64]:
    """(3, 3): how a head stands to the line of sight, in picture axes, near identity for a frontal one.

    A tracker sees a head that is off the picture's middle from its side, so the head is turned back by the angle of the
    ray through the middle of its (478, 2) `landmarks`, px.
    """
    # Only directions matter here, so the point that the camera aims at does not.
    _, right, up, forward = view.axes(np.zeros(3, np.float32))
    camera = np.stack([right, -up, forward]).astype(np.float64)
    seen = camera @ pose.matrix().astype(np.float64) @ _PICTURE.T
    half = view.span / 2 / view.distance
    return along_sight(seen, landmarks, (view.width, view.height), half)


def along_sight(
    rotation: NDArray[np.float64], landmarks: Floats, size_px: tuple[int, int], half_tangent: float
) -> NDArray[np.float64]:
    """(3, 3): a rotation in a camera's axes, as seen along the ray through the middle of (N, 2 or 3) `landmarks`.

    Args:
        rotation: (3, 3), in picture axes.
        landmarks: px.
        size_px: width and height of the picture.
        half_tangent: tangent of half of the camera's angle from top to bottom.

    """
    width, height = size_px
    middle = landmarks[:, :2].astype(np.float64).mean(axis=0)
    x, y = (middle - (width / 2, height / 2)) * (2 * half_tangent / height)
    ray = np.array([x, y, 1.0]) / math.sqrt(x * x + y * y + 1)
    # The shortest turn from straight ahead to the ray (Rodrigues).
    cross = np.array([[0, 0, ray[0]], [0, 0, ray[1]], [-ray[0], -ray[1], 0]])
    turn = np.eye(3) + cross + cross @ cross / (1 + ray[2])
    return np.asarray(turn.T @ rotation)


def matrix_rotation(pose: Floats, landmarks: Floats, size_px: tuple[int, int]) -> NDArray[np.float64]:
    """(3, 3) rotation of MediaPipe's (4, 4) face matrix in picture axes, along the line of sight of its own camera."""
    flip = np.diag([1.0, -1.0, -1.0])
    left, _, right = np.linalg.svd(pose[:3, :3].astype(np.float64))
    return along_sight(flip @ (left @ right) @ flip, landmarks, size_px, MEDIAPIPE_HALF_TANGENT)


def turn_deg(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Angle between two (3, 3) rotations, degrees."""
    return float(np.degrees(np.arccos(np.clip((np.trace(first.T @ second) - 1) / 2, -1, 1))))


def yaw_pitch_roll(rotation: NDArray[np.float64]) -> tuple[float, float, float]:
    """Degrees, as `HeadPose` counts them, of a (3, 3) rotation in picture axes."""
    world = _PICTURE.T @ rotation @ _PICTURE
    yaw, pitch = np.arctan2(world[1, 0], world[0, 0]), np.arctan2(-world[2, 1], world[2, 2])
    return float(np.degrees(yaw)), float(np.degrees(pitch)), -float(np.degrees(np.arcsin(np.clip(world[2, 0], -1, 1))))


def equal_error_rate(same: Numbers, different: Numbers) -> tuple[float, float]:
    """Share of errors at the threshold where as many same pairs fall below it as different pairs above; threshold.

    Args:
        same: similarities of pairs of one person, at least one.
        different: similarities of pairs of two people, at least one.

    """
    thresholds = np.unique(np.concatenate([same, different]))
    missed = np.searchsorted(np.sort(same), thresholds, side="left") / len(same)
    taken = 1 - np.searchsorted(np.sort(different), thresholds, side="left") / len(different)
    best = int(np.abs(missed - taken).argmin())
    return float(missed[best] + taken[best]) / 2, float(thresholds[best])


def even_chi_square(counts: Sequence[int]) -> tuple[float, float]:
    """Chi-square of counts against equal ones, and the probability of one as large by chance (df = bins - 1)."""
    expected = sum(counts) / len(counts)
    value = sum((count - expected) ** 2 for count in counts) / expected
    return value, _chi_square_tail(value, len(counts) - 1)


def _chi_square_tail(value: float, freedom: int) -> float:
    """Survival function by the recurrence over degrees of freedom (Abramowitz and Stegun 26.4.8)."""
    half, at = value / 2, 2 - freedom % 2
    tail = math.erfc(math.sqrt(half)) if at == 1 else math.exp(-half)
    while at < freedom:
        tail += math.exp(at / 2 * math.log(half) - half - math.lgamma(at / 2 + 1)) if half > 0 else 0.0
        at += 2
    return tail


def hidden(pixels: Pixels, labels: NDArray[np.uint8], parts: Sequence[int]) -> Pixels:
    """The (H, W, 3) picture with all pixels of those (H, W) labels in middle grey."""
    out = pixels.copy()
    out[np.isin(labels, parts)] = 128
    return out


def skin_lab(pixels: Pixels, skin: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Median CIE L*, a*, b* (D65) of the skin's pixels of a BGR picture; NaN where there is none."""
    chosen = pixels[skin][None].astype(np.float32) / 255
    if chosen.size == 0:
        return math.nan, math.nan, math.nan
    lightness, a, b = np.median(cv2.cvtColor(chosen, cv2.COLOR_BGR2LAB)[0], axis=0)
    return float(lightness), float(a), float(b)


def ita_deg(lightness: float, b: float) -> float:
    """Individual typology angle, degrees: high for fair skin, below -30 for dark skin."""
    return math.degrees(math.atan2(lightness - 50, b))


def ita_class(angle_deg: float) -> str:
    """Name of the skin's class."""
    return next((name for name, least in ITA_CLASSES if angle_deg > least), ITA_CLASSES[-1][0])


def slope_per_thousand(values: Sequence[float]) -> float:
    """Least-squares growth of a series over a thousand of its steps; 0 for fewer than two values."""
    if len(values) < 2:
        return 0.0
    return float(np.polyfit(np.arange(len(values)), np.asarray(values, np.float64), 1)[0] * 1000)


def steady_rate(finished_s: Sequence[float], per_shard: int, workers: int) -> float:
    """Pairs a second after each worker's first shard, which also holds its start.

    Args:
        finished_s: when each shard was whole; more of them than workers.
        per_shard: pairs in each.
        workers: that ran at once.

    """
    if len(finished_s) <= workers:
        raise ValueError(f"{len(finished_s)} shards from {workers} workers: there is nothing after the first ones.")
    times = sorted(finished_s)
    return (len(times) - workers) * per_shard / (times[-1] - times[workers - 1])


def in_order(work: Callable[[Task], Result], tasks: Sequence[Task], jobs: int) -> Iterator[Result]:
    """Results in the tasks' order, made by that many processes; one is this one."""
    if jobs <= 1:
        yield from map(work, tasks)
        return
    # Spawned, not forked: Warp and torch hold threads that a fork would leave half alive.
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        yield from pool.map(work, tasks)


def figures(values: Iterable[float]) -> dict[str, float]:
    """Median and 95th percentile."""
    median, high = np.percentile(list(values), (50, 95))
    return {"median": float(median), "p95": float(high)}


def judge_crowd(rows: Sequence[Row]) -> Row:
    """What a crowd of random pictures says.

    Args:
        rows: of each picture `picture`, `person`, `found` (faces), `neutral_found`, `actions`; and where one face was
            found `scores` (51,), `clean_scores` and `rest_scores` (51,) of the picture before its webcam and of the
            person's neutral one (NaN where no face was found in them), `axes` and `tracked_axes` (yaw, pitch, roll),
            `turned_deg` and each of `ERRORS`.

    """
    seen = [row for row in rows if row["found"] == 1]
    channels = _channels(seen, "scores")
    farthest = sorted(seen, key=lambda row: -float(row["landmarks"]))[:8]
    by_turn = {
        f"{low} to {low + 10} deg": figures(chosen) | {"pictures": len(chosen)}
        for low in range(0, 60, 10)
        if (chosen := [row["pose_deg"] for row in seen if low <= row["turned_deg"] < low + 10])
    }
    return {
        "pictures": len(rows),
        "found": len(seen) / len(rows),
        "misses": [{k: v for k, v in row.items() if k != "actions"} for row in rows if row["found"] != 1],
        "neutral_misses": sorted({row["person"] for row in rows if row["neutral_found"] != 1}),
        **({name: figures(row[name] for row in seen) for name in ERRORS} if seen else {}),
        "farthest": [{key: row[key] for key in ("picture", "person", "landmarks")} for row in farthest],
        "pose_by_turn": by_turn,
        "axes": _axes(seen),
        "channels": channels,
        "main_r": _main_r(seen),
    }


def _channels(rows: Sequence[Row], key: str, *, from_rest: bool = False) -> dict[str, dict[str, float]]:
    """Each channel's answer in rows with finite scores of that key."""
    wide = (-1, len(SHARED))
    scores = np.array([row[key] for row in rows], np.float64).reshape(wide)
    if from_rest:
        scores = scores - np.array([row["rest_scores"] for row in rows], np.float64).reshape(wide)
    kept = np.isfinite(scores).all(axis=1)
    if not kept.any():
        return {}
    codes = np.array([[row["actions"].get(name, 0.0) for name in SHARED] for row in rows]).reshape(wide)[kept]
    answers = [response(codes[:, at], scores[kept, at]) for at in range(len(SHARED))]
    return {name: {"r": each.r, "slope": each.slope} for name, each in zip(SHARED, answers, strict=True)}


def _main_r(seen: Sequence[Row]) -> dict[str, float]:
    """Mean r of the main channels: of the clean picture and through the webcam, from each person's rest and raw."""
    out = {}
    for picture, key in (("clean", "clean_scores"), ("webcam", "scores")):
        for origin, from_rest in (("from rest", True), ("raw", False)):
            channels = _channels(seen, key, from_rest=from_rest)
            out[f"{picture}, {origin}"] = float(np.mean([channels[name]["r"] for name in MAIN])) if channels else 0.0
    return out


def _axes(seen: Sequence[Row]) -> dict[str, dict[str, float]]:
    """How each angle of the head answers: a slope below 1 is a tracker that sees less of a turn than there is."""
    if not seen:
        return {}
    true, tracked = (np.array([row[key] for row in seen], np.float64) for key in ("axes", "tracked_axes"))
    table = {}
    for at, name in enumerate(("yaw", "pitch", "roll")):
        answer, off = response(true[:, at], tracked[:, at]), np.abs(true[:, at] - tracked[:, at])
        table[name] = {"r": answer.r, "slope": answer.slope, **{f"error_{k}": v for k, v in figures(off).items()}}
    return table


def judge_sweeps(people: Sequence[dict[str, Numbers]]) -> Row:
    """Mean r and slope of each channel over the people, and which channels respond.

    Args:
        people: each channel's (N,) scores while its action goes from 0 to 1 in even steps; NaN where no face was found.

    """
    channels: dict[str, Row] = {}
    for name in SHARED:
        answers = []
        for person in people:
            kept = np.isfinite(person[name])
            if kept.sum() > 2:
                answers.append(response(np.linspace(0, 1, len(kept))[kept], person[name][kept]))
        r, slope = (float(np.mean([getattr(each, key) for each in answers] or [0.0])) for key in ("r", "slope"))
        slopes = [round(each.slope, 3) for each in answers]
        channels[name] = {"r": r, "slope": slope, "slopes": slopes, "responds": slope >= LEAST_SLOPE}
    responding = [name for name in SHARED if channels[name]["responds"]]
    return {
        "people": len(people),
        "lost": int(sum(np.isnan(values).sum() for person in people for values in person.values())),
        "channels": channels,
        "responding": responding,
        "not_responding": [name for name in SHARED if name not in responding],
        "below": [name for name in responding if channels[name]["r"] < LEAST_R],
    }
