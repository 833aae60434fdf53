"""Who is who in a recording: appearances are joined to people, and people shown on a sheet to choose from."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mien.engines.measure.identity import SFACE, FaceIdentity, similarity
from mien.engines.swapnet.gather import Shot, Track
from mien.realtime.download import cached
from mien.realtime.frame import Floats, Pixels
from mien.realtime.tracker.signature import LEAST_FACING, NEVER_CM, distance

#: SFace's cosine from which two are one person. Of seven clips each one's single frames were 0.65 and more alike to
#: their mean (turned by 34 degrees, laughing); means of two real people were 0.28 and less. The cast's people, who
#: share a geometry, reach 0.66: of those only a common frame tells.
ALIKE = 0.5
#: A single frame below this is not the person; looked at where it faces the camera about, cosine of 35 degrees.
_FRAME_ALIKE, _FRAME_FACING = 0.38, 0.82
#: A single frame's shape nearer than this, cm, to the person's is nobody else's (0.087 and more, see
#: `mien.realtime.tracker.signature`), so that SFace, 45 ms on one core, sees only the others.
_SURELY_CM = 0.085
#: Shots of an appearance that are looked at, the most frontal first; one that is turned further tells nothing.
_LOOKED_AT, _LEAST_FACING = 5, 0.7
#: Frames in which an appearance must face the camera before landmarks alone say that it is somebody else, and the
#: distance from which they do, cm. Other people's means of 30 frames were 0.092 and more apart, one's own 0.059 in the
#: median: to show one person twice is the smaller mistake.
_TELLING, _SAME_CM = 10, 0.08
#: Somebody with fewer frames than this, or a smaller share, passed by and is left out without asking.
_FEW_FRAMES, _FEW_SHARE = 5, 0.02
#: People who are told apart; those beyond are there for the fewest frames, and nobody's choice.
_MOST = 64
_TILE_PX, _ROW, _ROWS = 128, 8, 12


@dataclass(slots=True, eq=False)
class Person:
    """One of the people.

    Attributes:
        tracks: numbers of the appearances.
        frames: usable ones.
        mean: what is compared.
        facing: frames that face the camera.
        shape: mean of their `signature`; empty if there is none.
        beside: tracks of others, who were in a frame with this person.

    """

    tracks: set[int]
    frames: int
    mean: Floats
    facing: int
    shape: Floats
    beside: set[int]

    def join(self, other: Person) -> None:
        """Take in another's appearances, who is the same person."""
        self.mean = _mixed(self.mean, self.frames, other.mean, other.frames)
        self.shape = _mixed(self.shape, self.facing, other.shape, other.facing)
        self.tracks |= other.tracks
        self.beside |= other.beside
        self.frames += other.frames
        self.facing += other.facing


class Eyewitness:
    """Tells people apart by SFace, where ONNX Runtime and its model are there, else by the shape of the face.

    A shape says less (see `mien.realtime.tracker.signature`); a single picture's is believed only when it is plainly
    another's.
    """

    def __init__(self) -> None:
        usable = importlib.util.find_spec("onnxruntime") is not None and cached(SFACE) is not None
        self._identity = FaceIdentity() if usable else None

    @property
    def sure(self) -> bool:
        """Whether SFace is there."""
        return self._identity is not None

    def people(self, tracks: Mapping[int, Track], shots: Sequence[Shot]) -> list[Person]:
        """Everybody in the footage, who is there longest first; appearances that tell nothing belong to nobody."""
        by_track: dict[int, list[Shot]] = {}
        for shot in shots:
            by_track.setdefault(shot.track, []).append(shot)
        found: list[Person] = []
        for number in sorted(by_track, key=lambda each: (-tracks[each].frames, each)):
            track = tracks[number]
            mean = self._mean(track, by_track[number])
            if mean is None:
                continue
            seen = Person({number}, track.frames, mean, track.facing, track.shape, set(track.beside))
            others = [one for one in found if not one.beside & seen.tracks]
            nearest = min(others, key=lambda one: self._unlike(one.mean, seen.mean), default=None)
            if nearest is not None and self._same(nearest, seen, sure=track.facing >= _TELLING):
                nearest.join(seen)
            elif len(found) < _MOST:
                found.append(seen)
        return sorted(self._merged(found), key=lambda one: (-one.frames, min(one.tracks)))

    def is_of(self, person: Person, shot: Shot) -> bool:
        """Whether a shot of one of the person's appearances shows the person: names may slip for some frames."""
        away = distance(person.shape, shot.shape) if person.facing and shot.facing >= LEAST_FACING else None
        if self._identity is None:
            return away is None or away <= NEVER_CM
        if shot.facing < _FRAME_FACING or (away is not None and away <= _SURELY_CM):
            return True
        return similarity(self._unit(person.mean), self._identity.embed(shot.largest, shot.landmarks)) >= _FRAME_ALIKE

    def _mean(self, track: Track, shots: list[Shot]) -> Floats | None:
        if self._identity is None:
            return track.shape if track.facing else None
        frontal = sorted(shots, key=lambda shot: (-round(shot.facing, 2), -shot.sharpness, shot.order))[:_LOOKED_AT]
        seen = [self._identity.embed(one.largest, one.landmarks) for one in frontal if one.facing >= _LEAST_FACING]
        return np.asarray(np.mean(seen, axis=0), np.float32) if seen else None

    def _merged(self, people: list[Person]) -> list[Person]:
        """People who became one as their means settled."""
        merged = list(people)
        again = True
        while again:
            again = False
            for index, one in enumerate(merged):
                other = next((each for each in merged[:index] if self._same(each, one, sure=True)), None)
                if other is not None:
                    other.join(one)
                    del merged[index]
                    again = True
                    break
        return merged

    def _same(self, one: Person, other: Person, *, sure: bool) -> bool:
        if one.beside & other.tracks or other.beside & one.tracks:
            return False
        limit = 1 - ALIKE if self._identity is not None else _SAME_CM if sure else NEVER_CM
        return self._unlike(one.mean, other.mean) <= limit

    def _unlike(self, one: Floats, other: Floats) -> float:
        if self._identity is None:
            return distance(one, other)
        return 1 - similarity(self._unit(one), self._unit(other))

    def _unit(self, vector: Floats) -> Floats:
        return vector / np.float32(max(float(np.linalg.norm(vector)), 1e-9))


def of_note(people: Sequence[Person]) -> list[Person]:
    """Those who are more than passers-by; the first one always is."""
    total = sum(one.frames for one in people)
    few = max(_FEW_FRAMES, _FEW_SHARE * total)
    return [one for index, one in enumerate(people) if index == 0 or one.frames >= few]


def contact_sheet(people: Sequence[Person], shots: Sequence[Shot]) -> Pixels:
    """(H, W, 3) uint8 BGR: a numbered row of faces of each person, at most twelve people."""
    rows = []
    for number, person in enumerate(people[:_ROWS], start=1):
        own = [shot for shot in shots if shot.track in person.tracks]
        picked = [own[index * len(own) // _ROW] for index in range(_ROW)] if len(own) > _ROW else own
        row = np.full((_TILE_PX, (_ROW + 1) * _TILE_PX, 3), 32, np.uint8)
        white, at = (255, 255, 255), (_TILE_PX // 4, _TILE_PX * 2 // 3)
        cv2.putText(row, str(number), at, cv2.FONT_HERSHEY_SIMPLEX, 2.0, white, 3, cv2.LINE_AA)
        for place, shot in enumerate(picked, start=1):
            tile = cv2.resize(shot.largest, (_TILE_PX, _TILE_PX), interpolation=cv2.INTER_AREA)
            row[:, place * _TILE_PX : (place + 1) * _TILE_PX] = tile
        rows.append(row)
    return np.concatenate(rows)


def _mixed(one: Floats, weight: int, other: Floats, other_weight: int) -> Floats:
    """The weighted mean of two vectors, one of which may be empty with a weight of zero."""
    if not weight or not other_weight:
        return one if weight else other
    return one + np.float32(other_weight / (weight + other_weight)) * (other - one)
