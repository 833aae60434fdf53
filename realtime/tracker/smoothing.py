"""Steadies a face: its head's place and turn most, its expression less, and blinks and fast lips not at all.

Landmarks are split into a rigid part, the head's fit, and what is left in head space, the shape with its
expression. All speeds and distances are in head space's centimetres, so a face of 60 px and one of 900 px are
steadied alike.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import cv2
import numpy as np

from mien.realtime.face import Face
from mien.realtime.frame import Floats
from mien.realtime.head import (
    LEFT_EYE_CORNERS,
    RIGHT_EYE_CORNERS,
    HeadFit,
    fit_head,
    from_head,
    head_model,
    to_head,
)
from mien.realtime.tracker.one_euro import OneEuro, OneEuroParams, Promptness, Sharing

#: A gap in a face's track after which it is not the old motion that goes on, seconds.
RESTART_AFTER_S = 0.3
#: Over how many centimetres of the face points share their speed: a lid or a lip moves as one.
_SHARE_CM = 0.6
#: A neighbour with less than this share is left out, so that there are few.
_LEAST_SHARE = 0.01
#: What a radian of turn and a doubling of size count beside a shift, cm. Less than the 6 cm of a typical landmark,
#: because the fit trembles more in its turn than in its place.
_LEVER_CM = 3.0
#: Between picture axes (y down, z away) and MediaPipe's camera axes (y up, z to the camera).
_FLIP = np.diag([1.0, -1.0, -1.0])


@dataclass(frozen=True, slots=True)
class SmoothingConfig:
    """How a face is steadied.

    Attributes:
        head: place, size and turn of the head; cm.
        shape: the landmarks in head space; cm.
        blendshapes: scores, 0..1; hardly at all, since an engine's network averages by itself.

    """

    head: OneEuroParams
    shape: OneEuroParams
    blendshapes: OneEuroParams


#: Chosen on still frames with Gaussian noise (sigma 4) and on moving clips, faces of about 220 px: landmarks at rest
#: tremble 0.05 to 0.16 px instead of 0.3 to 0.5; lids and lips follow with r >= 0.99 where they move; a pan is
#: followed 0.5 px behind at 40 and at 300 px/s, a slow smile (9 px in a second) 1.3 px behind.
DEFAULT_SMOOTHING = SmoothingConfig(
    head=OneEuroParams(0.4, beta=4.0, speed_cutoff_hz=3.0, noise_speed=0.8, pull=20.0, noise_offset=0.03),
    shape=OneEuroParams(0.3, beta=13.0, speed_cutoff_hz=3.0, noise_speed=1.2, pull=80.0, noise_offset=0.025),
    blendshapes=OneEuroParams(2.0, beta=12.0, speed_cutoff_hz=5.0, noise_speed=0.4),
)


@cache
def _neighbours() -> Sharing:
    """Give each landmark's Gaussian share in its neighbours on the canonical face."""
    points = head_model().landmarks
    squared = ((points[:, None] - points[None]) ** 2).sum(axis=2)
    share = np.exp(-squared / np.float32(2 * _SHARE_CM**2))
    share[share < _LEAST_SHARE * share.sum(axis=1, keepdims=True)] = 0
    return Sharing((share / share.sum(axis=1, keepdims=True)).astype(np.float32))


@cache
def _gauge() -> Floats:
    """Give (478, 3) float32: how much to believe each landmark's speed.

    Depth is a guess of the model and trembles most, so it does not count. Under noise the landmarks tremble the
    more the further they lie from the line of the eyes (measured: lids 0.7, brows 1.0, lips 1.1, chin 1.5 cm/s,
    because the chin is found against the neck), and lids must be the promptest anyway.
    """
    height = head_model().landmarks[:, 1]
    away_cm = np.abs(height - height[[*RIGHT_EYE_CORNERS, *LEFT_EYE_CORNERS]].mean())
    trust = 1 / (np.float32(0.6) + np.float32(0.15) * away_cm)
    return np.stack([trust, trust, np.zeros_like(trust)], axis=1).astype(np.float32)


@cache
def _pivot() -> Floats:
    middle: Floats = head_model().landmarks.mean(axis=0)
    return middle


class FaceSmoother:
    """One filter for each track id; forgets a track that was away for `RESTART_AFTER_S`."""

    def __init__(self, config: SmoothingConfig = DEFAULT_SMOOTHING) -> None:
        self._config = config
        self._tracks: dict[int, _TrackFilter] = {}

    def __call__(self, faces: tuple[Face, ...], media_ns: int) -> tuple[Face, ...]:
        """Give the same faces, steadied, in the same order; `media_ns` grows from call to call."""
        oldest_ns = media_ns - round(RESTART_AFTER_S * 1e9)
        self._tracks = {key: track for key, track in self._tracks.items() if track.last_ns >= oldest_ns}
        for face in faces:
            if face.track_id not in self._tracks:
                self._tracks[face.track_id] = _TrackFilter(self._config, media_ns)
        return tuple(self._tracks[face.track_id](face, media_ns) for face in faces)


class _TrackFilter:
    def __init__(self, config: SmoothingConfig, media_ns: int) -> None:
        self.last_ns = media_ns
        self._head = _HeadFilter(config.head)
        self._shape = OneEuro(config.shape, _neighbours(), _gauge())
        self._blendshapes = OneEuro(config.blendshapes)

    def __call__(self, face: Face, media_ns: int) -> Face:
        seconds = max((media_ns - self.last_ns) / 1e9, 1e-3)
        self.last_ns = media_ns
        fit = fit_head(face.landmarks)
        steady, pose = self._head(fit, face.pose, seconds)
        shape = self._shape(to_head(face.landmarks, fit), seconds)
        scores = self._blendshapes(face.blendshapes[:, None], seconds)[:, 0]
        return replace(face, landmarks=from_head(shape, steady), blendshapes=scores, pose=pose)


class _HeadFilter:
    """Filters a head's similarity with one weight for all of it, so that its parts never drift apart."""

    def __init__(self, params: OneEuroParams) -> None:
        self._promptness = Promptness(params)
        self._raw: HeadFit | None = None
        self._fit: HeadFit | None = None
        self._origin = np.zeros(3, np.float32)

    def __call__(self, raw: HeadFit, pose: Floats, seconds: float) -> tuple[HeadFit, Floats]:
        """Give the steadied fit and MediaPipe's pose matrix, steadied by the same weight."""
        if self._raw is None or self._fit is None:
            self._raw = self._fit = raw
            self._origin = pose[:3, 3]
            return raw, pose
        weight = float(self._promptness(_motion(self._raw, raw), _motion(self._fit, raw), seconds)[0, 0])
        self._raw = raw
        self._fit = _between(self._fit, raw, weight)
        self._origin = self._origin + np.float32(weight) * (pose[:3, 3] - self._origin)
        correction = _FLIP @ self._fit.rotation @ raw.rotation.T @ _FLIP
        steady = pose.copy()
        steady[:3, :3] = correction @ pose[:3, :3]
        steady[:3, 3] = self._origin
        return self._fit, steady


def _middle(fit: HeadFit) -> Floats:
    """Where the middle of the face is in the picture, px: less shaken by a trembling turn than the fit's origin."""
    middle: Floats = from_head(_pivot()[None], fit)[0]
    return middle


def _motion(old: HeadFit, new: HeadFit) -> Floats:
    """Give the (1, 7) change between two fits, cm: shift, turn and zoom at a typical landmark."""
    shift = (_middle(new) - _middle(old)) / new.scale
    turn = _turn(new.rotation @ old.rotation.T) * _LEVER_CM
    zoom = np.log(new.scale / old.scale) * _LEVER_CM
    return np.concatenate([shift, turn, [zoom]]).astype(np.float32)[None]


def _between(old: HeadFit, new: HeadFit, weight: float) -> HeadFit:
    turn = _turn(new.rotation @ old.rotation.T) * weight
    # Through a vector and back, so that rounding never adds up to a skewed head over hours.
    rotation = _rotation(_turn(_rotation(turn) @ old.rotation))
    scale = float(old.scale * (new.scale / old.scale) ** weight)
    middle = _middle(old) + np.float32(weight) * (_middle(new) - _middle(old))
    return HeadFit(rotation, scale, middle - np.float32(scale) * (rotation @ _pivot()))


def _rotation(turn: Floats) -> Floats:
    matrix: Floats = cv2.Rodrigues(turn.astype(np.float64))[0].astype(np.float32)
    return matrix


def _turn(rotation: Floats) -> Floats:
    """Give the (3,) rotation vector, radians."""
    vector: Floats = cv2.Rodrigues(rotation.astype(np.float64))[0][:, 0].astype(np.float32)
    return vector
