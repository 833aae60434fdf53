"""Take numbers from clips of people who talk: `python -m mien.engines.cast.motion.fit_statistics OUT.json CLIP...`.

Each clip is tracked with the project's own landmarker. What is kept is a table over all of them together: quantiles of
the blendshapes above each person's rest, a factor model of their rank correlations, the length of blinks and the speed
of heads. No picture, no landmark and no person's own numbers are in it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np

from mien.engines.cast.motion.observed import normal_score
from mien.engines.cast.motion.tracks import SHARED, Floats
from mien.realtime.face import BLENDSHAPE_INDEX
from mien.realtime.tracker.landmarker import Landmarker
from mien.realtime.tracker.model import landmarker_path

_LEVELS = (0.0, 0.1, 0.25, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 1.0)
_FACTORS = 10
#: Frames taken from each clip, so that a long one does not count for more.
_EACH = 240
#: A channel whose 98 % quantile stays below is one that the tracker does not hear.
_DEAF = 0.03
_HALF_SHUT = 0.35
#: Gaze and blinks have their own models.
_OWN = ("eyeLook", "eyeBlink")


@dataclass(frozen=True, slots=True, eq=False)
class Tracked:
    """One clip's numbers: (N, 52) blendshapes, (N, 3) yaw, pitch, roll in degrees, frames a second."""

    scores: Floats
    angles: Floats
    fps: float


def track(clip: Path, model: Path) -> Tracked:
    """Every frame in which exactly one face was found."""
    scores: list[Floats] = []
    turns: list[Floats] = []
    landmarker = Landmarker(model, max_faces=2)
    try:
        with av.open(str(clip)) as container:
            video = container.streams.video[0]
            fps = float(video.average_rate or 30)
            for number, frame in enumerate(container.decode(video)):
                found = landmarker(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8), int(number / fps * 1e9))
                if len(found) == 1:
                    scores.append(found[0].blendshapes.astype(float))
                    turns.append(found[0].pose[:3, :3].astype(float))
    finally:
        landmarker.close()
    return Tracked(np.array(scores), _angles(np.array(turns)), fps)


def _angles(turns: Floats) -> Floats:
    yaw = np.arctan2(turns[:, 0, 2], turns[:, 2, 2])
    pitch = np.arcsin(np.clip(-turns[:, 1, 2], -1.0, 1.0))
    roll = np.arctan2(turns[:, 1, 0], turns[:, 1, 1])
    return np.asarray(np.degrees(np.stack([yaw, pitch, roll], axis=1)))


def summarise(clips: Sequence[Tracked]) -> dict[str, Any]:
    """The table over all clips, plain numbers."""
    names = [name for name in SHARED if not name.startswith(_OWN)]
    columns = [BLENDSHAPE_INDEX[name] for name in names]
    parts = []
    for clip in clips:
        moved = np.maximum(0.0, clip.scores[:, columns] - np.quantile(clip.scores[:, columns], 0.05, axis=0))
        parts.append(moved[np.linspace(0, len(moved) - 1, _EACH).round().astype(int)])
    moved = np.concatenate(parts)
    heard = np.flatnonzero(np.quantile(moved, 0.98, axis=0) > _DEAF)
    moved = moved[:, heard]
    speeds = np.concatenate([np.abs(np.diff(clip.angles, axis=0)) * clip.fps for clip in clips])
    return {
        "clips": len(clips),
        "frames": sum(len(clip.scores) for clip in clips),
        "names": [names[k] for k in heard],
        "levels": list(_LEVELS),
        "quantiles": np.quantile(moved, _LEVELS, axis=0).T.round(3).tolist(),
        "loadings": _loadings(moved).round(3).tolist(),
        "blink_ms": [float(x) for x in np.quantile(np.concatenate([_blinks_ms(c) for c in clips]), (0.25, 0.5, 0.75))],
        "head_speed_deg_s": {
            axis: np.quantile(speeds[:, k], (0.5, 0.95)).round(1).tolist()
            for k, axis in enumerate(("yaw", "pitch", "roll"))
        },
    }


def _loadings(values: Floats) -> Floats:
    """(C, K): the strongest eigenvectors of the rank correlation, each by the root of its eigenvalue."""
    ranks = values.argsort(axis=0).argsort(axis=0)
    scores = normal_score((ranks + 0.5) / len(values))
    strength, axes = np.linalg.eigh(np.corrcoef(scores.T))
    strongest = np.argsort(strength)[::-1][:_FACTORS]
    return np.asarray(axes[:, strongest] * np.sqrt(strength[strongest]))


def _blinks_ms(clip: Tracked) -> Floats:
    lids = clip.scores[:, [BLENDSHAPE_INDEX["eyeBlinkLeft"], BLENDSHAPE_INDEX["eyeBlinkRight"]]].mean(axis=1)
    step = np.diff(np.concatenate([[0], (lids - np.median(lids) > _HALF_SHUT).astype(int), [0]]))
    return np.asarray((np.flatnonzero(step == -1) - np.flatnonzero(step == 1)) / clip.fps * 1000.0)


def main(arguments: Sequence[str] | None = None) -> None:
    """Track, summarise, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("clips", type=Path, nargs="+")
    options = parser.parse_args(arguments)
    model = landmarker_path()
    table = summarise([track(clip, model) for clip in options.clips])
    lines = ",\n".join(f'"{key}": {json.dumps(value)}' for key, value in table.items())
    options.out.write_text("{\n" + lines.replace("], [", "],\n  [") + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
