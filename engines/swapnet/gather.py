"""The sharpest and most different faces of a recording, in bounded memory.

A face that is nearly like one that is kept only takes its place if it is sharper. When there are too many, those stay
that are furthest from each other (Gonzalez, "Clustering to minimize the maximum intercluster distance", 1985), so that
rare views and expressions are kept; from then on more counts as alike.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.engines.personas.quality import sharpness
from mien.engines.personas.regions import CHEEKS, polygon_mask
from mien.engines.swapnet.code import ANGLE_DEG, upright_angles
from mien.engines.swapnet.coverage import Role
from mien.engines.swapnet.recordings import Look
from mien.engines.swapnet.samples import STORED_MARGIN, Pictures
from mien.engines.swapnet.terms import DRIVER_PX, MARGIN, PERSONA_PX
from mien.realtime.aligner import HEAD_HEIGHT_CM, crop, head_square
from mien.realtime.face import SKIN_LANDMARK_COUNT
from mien.realtime.frame import Floats, FrameError, Pixels
from mien.realtime.head import HeadFit, fit_head
from mien.realtime.neutral import rest_weight
from mien.realtime.tracker.detection import Detection, overlap
from mien.realtime.tracker.signature import LEAST_FACING, signature

#: Least height of a face, px: half of what its stored crop has, which is then enlarged twice.
LEAST_FACE_PX = {"persona": PERSONA_PX / MARGIN / 2, "driver": DRIVER_PX / STORED_MARGIN / 2}
#: Beyond these the tracker's far side is invention; degrees.
MOST_YAW_DEG, MOST_PITCH_DEG = 60.0, 40.0
#: `quality.sharpness` of the softest webcam of six is 0.0081 to 0.0108; of a blur of 2 px at 220 px from 0.004.
LEAST_SHARPNESS = 0.006
#: Share of the landmarks that may lie outside the frame, and overlap of two faces at which one is in the other's crop.
_OUTSIDE, _TOUCHING = 0.02, 0.02
#: Distance, see `_place`, below which two faces are alike. From one frame to the next it is 0.07 (sitting still) to
#: 0.25 (talking) in seven clips at 25 and 30 frames a second.
ALIKE = 0.15
#: A face must be this much sharper to take another's place, so that noise does not make work.
_SHARPER = 1.1
#: Weight of brightness in a distance, of which the rest is angles in units of `ANGLE_DEG` and scores.
_GREY_WEIGHT, _GREY_PX = 2.0, 8
#: Faces at rest that are remembered of each appearance.
_CALM = 32


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """A face that may become a sample.

    Attributes:
        order: it is the order-th face that was looked at.
        track: number of its appearance.
        found: landmarks in px of its frame, and scores.
        angles: (2,) float32, yaw and pitch, degrees, upright.
        facing: cosine of the turn from frontal.
        sharpness: as `quality.sharpness`.
        light: (2,) float32, mean L* of the cheeks, and the person's left one's less the right one's.
        driver: JPEG of the (`DRIVER_PX`, `DRIVER_PX`, 3) BGR crop.
        persona: JPEG of the (`PERSONA_PX`, `PERSONA_PX`, 3) BGR crop, which a decoder of this person has to paint.
        landmarks: (478, 2) float32, px of the latter.

    """

    order: int
    track: int
    found: Detection
    angles: Floats
    facing: float
    sharpness: float
    light: Floats
    driver: Pictures
    persona: Pictures
    landmarks: Floats

    @property
    def shape(self) -> Floats:
        """Its `signature`."""
        return signature(self.found.landmarks, self.found.blendshapes, fit_head(self.found.landmarks))

    @property
    def largest(self) -> Pixels:
        """The crop that `landmarks` are in, decoded."""
        return self.persona.at(0)


@dataclass(slots=True, eq=False)
class Track:
    """One person from one cut to the next.

    Attributes:
        frames: usable ones.
        facing: those of them that face the camera.
        shape: mean `signature` of these; empty while there is none.
        calm: (weight, order, face) of those most at rest.
        beside: numbers of the tracks that were in a frame with it: they are other people's.

    """

    frames: int = 0
    facing: int = 0
    shape: Floats = field(default_factory=lambda: np.zeros(0, np.float32))
    calm: list[tuple[float, int, Detection]] = field(default_factory=list)
    beside: set[int] = field(default_factory=set)

    def see(self, order: int, found: Detection, fit: HeadFit) -> None:
        """Learn from a usable face."""
        self.frames += 1
        facing = float(fit.rotation[2, 2])
        if facing >= LEAST_FACING:
            self.facing += 1
            seen = signature(found.landmarks, found.blendshapes, fit)
            self.shape = seen if self.facing == 1 else self.shape + (seen - self.shape) / np.float32(self.facing)
        # Negative order: of equals the earlier one stays. It also keeps faces from being compared.
        entry = (rest_weight(found.blendshapes, facing), -order, found)
        if len(self.calm) < _CALM:
            heapq.heappush(self.calm, entry)
        else:
            heapq.heappushpop(self.calm, entry)


class Pool:
    """Different faces, at most one and a half times `most` of them.

    Args:
        most: how many are wanted in the end.

    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._alike = ALIKE
        size = most + most // 2 + 1
        self._places: Floats = np.zeros((size, 2 + 51 + _GREY_PX**2), np.float32)
        self._tracks: NDArray[np.int64] = np.zeros(size, np.int64)
        self._shots: list[Shot] = []
        #: Faces that gave way, by reason.
        self.dropped: Counter[str] = Counter()

    def offer(self, place: Floats, track: int, sharp: float, make: Callable[[], Shot]) -> None:
        """Keep a face, in the place of another or beside it, or leave it; `make` is called if it is kept.

        Only faces of one appearance replace each other: another one may be another person's.
        """
        count = len(self._shots)
        own = np.flatnonzero(self._tracks[:count] == track)
        if len(own):
            away = np.square(self._places[own] - place).sum(axis=1)
            nearest = int(away.argmin())
            if away[nearest] < self._alike**2:
                self.dropped["duplicate"] += 1
                index = int(own[nearest])
                if sharp > _SHARPER * self._shots[index].sharpness:
                    # The old place stays, so that places do not wander together.
                    self._shots[index] = make()
                return
        self._places[count], self._tracks[count] = place, track
        self._shots.append(make())
        if count + 1 == len(self._places):
            self._thin()

    def shots(self) -> tuple[list[Shot], Floats]:
        """All kept, and (N, D) float32, their places."""
        return self._shots, self._places[: len(self._shots)]

    def _thin(self) -> None:
        stay, radius = furthest(self._places, self._most)
        self.dropped["more than asked"] += len(self._shots) - len(stay)
        self._shots = [self._shots[index] for index in stay]
        self._places[: len(stay)], self._tracks[: len(stay)] = self._places[stay], self._tracks[stay]
        self._alike = max(self._alike, radius / 2)


def furthest(places: Floats, most: int, *, least: float = 0.0) -> tuple[list[int], float]:
    """Which of (N, D) places to keep, and how far those that go are from the kept at most.

    Args:
        places: where they are.
        most: how many to keep.
        least: nearer ones than this are not kept beside each other.

    """
    if not len(places):
        return [], 0.0
    chosen = [0]
    away = np.square(places - places[0]).sum(axis=1)
    while len(chosen) < min(most, len(places)):
        index = int(away.argmax())
        if away[index] <= least**2:
            break
        chosen.append(index)
        away = np.minimum(away, np.square(places - places[index]).sum(axis=1))
    return sorted(chosen), float(np.sqrt(away.max()))


class Gathering:
    """Looks at every frame and gathers what can be used.

    Args:
        role: whose footage it is.
        most: how many faces are wanted in the end.

    """

    def __init__(self, role: Role, most: int) -> None:
        self._role = role
        self.pool = Pool(most)
        self.tracks: dict[int, Track] = {}
        #: Faces and frames that were left, by reason.
        self.dropped: Counter[str] = Counter()
        self.frames_seen = 0
        self.faces_found = 0

    def take(self, look: Look) -> None:
        """Look at the next frame."""
        self.frames_seen += 1
        self.faces_found += len(look.found)
        self.dropped["no face"] += not look.found
        for found, track in zip(look.found, look.tracks, strict=True):
            try:
                fit = fit_head(found.landmarks)
            except FrameError:
                self.dropped["no face"] += 1
                self.faces_found -= 1
                continue
            others = {other: one for one, other in zip(look.found, look.tracks, strict=True) if one is not found}
            unfit = self._unfit(look.pixels, found, fit, tuple(others.values()))
            reason = unfit or self._offer(look.pixels, found, fit, track)
            if reason:
                self.dropped[reason] += 1
            else:
                self.tracks[track].beside |= others.keys()

    def _unfit(self, pixels: Pixels, found: Detection, fit: HeadFit, others: tuple[Detection, ...]) -> str:
        """Why a face cannot be used, or nothing."""
        if HEAD_HEIGHT_CM * fit.scale < LEAST_FACE_PX[self._role]:
            return "small"
        yaw, pitch = upright_angles(fit)
        if abs(yaw) > MOST_YAW_DEG or abs(pitch) > MOST_PITCH_DEG:
            return "turned too far"
        height, width = pixels.shape[:2]
        xy = found.landmarks[:SKIN_LANDMARK_COUNT, :2]
        inside = ((xy >= 0) & (xy <= (width - 1, height - 1))).all(axis=1)
        if float(inside.mean()) < 1 - _OUTSIDE:
            return "cut off"
        return "several faces" if any(overlap(found.box, other.box) > _TOUCHING for other in others) else ""

    def _offer(self, pixels: Pixels, found: Detection, fit: HeadFit, track: int) -> str:
        sharp = sharpness(pixels, found.landmarks[:SKIN_LANDMARK_COUNT, :2])
        if sharp < LEAST_SHARPNESS:
            return "blurred"
        order = self.faces_found
        self.tracks.setdefault(track, Track()).see(order, found, fit)
        alignment = head_square(fit, PERSONA_PX, MARGIN)
        seen = crop(pixels, alignment).pixels
        landmarks = alignment.apply(found.landmarks[:, :2]).astype(np.float32)

        def make() -> Shot:
            driver = crop(pixels, head_square(fit, DRIVER_PX, STORED_MARGIN)).pixels
            return Shot(
                order=order,
                track=track,
                found=found,
                angles=upright_angles(fit),
                facing=float(fit.rotation[2, 2]),
                sharpness=sharp,
                light=_light(seen, landmarks),
                driver=Pictures.encode([driver]),
                persona=Pictures.encode([seen]),
                landmarks=landmarks,
            )

        self.pool.offer(_place(found, fit, seen), track, sharp, make)
        return ""


def _place(found: Detection, fit: HeadFit, seen: Pixels) -> Floats:
    """(D,) float32: head's angles, scores, and what the face looks like coarsely; distances are Euclidean."""
    side = seen.shape[0]
    face = seen[side // 6 : -side // 6, side // 6 : -side // 6]
    small = cv2.resize(face, (_GREY_PX, _GREY_PX), interpolation=cv2.INTER_AREA)
    grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.float32).ravel() / np.float32(255 * _GREY_PX)
    angles = upright_angles(fit) / np.float32(ANGLE_DEG)
    return np.concatenate([angles, found.blendshapes[1:], grey * np.float32(_GREY_WEIGHT)]).astype(np.float32)


def _light(seen: Pixels, landmarks: Floats) -> Floats:
    lightness = cv2.cvtColor(seen, cv2.COLOR_BGR2LAB)[:, :, 0]
    right, left = (
        float(lightness[polygon_mask(seen, landmarks[list(points)]) > 0].mean()) * 100 / 255 for points in CHEEKS
    )
    return np.array([(left + right) / 2, left - right], np.float32)
