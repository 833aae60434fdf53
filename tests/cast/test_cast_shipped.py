"""What ships, as a tracker sees it: the files themselves, so no extra is needed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from mien.engines.cast import Recipe
from mien.engines.cast.people import DRIVER, PERSONAS
from mien.realtime.errors import ModelError
from mien.realtime.tracker.model import landmarker_path

REPOSITORY = Path(__file__).parents[2]
SHIPPED = REPOSITORY / "engines" / "personas" / "shipped"
CLIP = REPOSITORY / "plugin" / "assets" / "driver.mp4"
PATTERN = REPOSITORY / "realtime" / "assets" / "pattern_face.jpg"
NAMES = [recipe.name for recipe in PERSONAS]


def _scores(pictures: Iterator[np.ndarray]) -> list[dict[str, float]]:
    mediapipe = pytest.importorskip("mediapipe")
    try:
        model = landmarker_path()
    except ModelError as error:
        pytest.skip(str(error))
    tasks, vision = mediapipe.tasks, mediapipe.tasks.vision
    options = vision.FaceLandmarkerOptions(
        base_options=tasks.BaseOptions(model_asset_path=str(model)),
        output_face_blendshapes=True,
        running_mode=vision.RunningMode.VIDEO,
    )
    out = []
    with vision.FaceLandmarker.create_from_options(options) as landmarker:
        for index, rgb in enumerate(pictures):
            image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(rgb))
            found = landmarker.detect_for_video(image, index * 33)
            assert len(found.face_landmarks) == 1, f"no face in frame {index}"
            out.append({each.category_name: each.score for each in found.face_blendshapes[0]})
    return out


def _clip_frames() -> Iterator[np.ndarray]:
    with av.open(str(CLIP)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="rgb24")


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_recipe_is_the_one_in_the_code(name: str) -> None:
    table = json.loads((SHIPPED / name / "cast.json").read_text(encoding="utf-8"))
    assert Recipe.from_dict(table) in PERSONAS


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_portrait_is_small_square_and_neutral(name: str) -> None:
    path = SHIPPED / name / "portrait.jpg"
    assert path.stat().st_size <= 400_000
    picture = cv2.imread(str(path))
    assert picture.shape == (768, 768, 3)
    (scores,) = _scores(iter([cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)]))
    assert max(scores["mouthSmileLeft"], scores["mouthSmileRight"]) < 0.15
    assert max(scores["eyeBlinkLeft"], scores["eyeBlinkRight"]) < 0.3
    assert scores["jawOpen"] < 0.05


def test_the_pattern_face_is_small() -> None:
    assert PATTERN.stat().st_size <= 60_000
    assert cv2.imread(str(PATTERN)).shape == (480, 480, 3)


def test_everything_rendered_fits_in_three_megabytes() -> None:
    files = [CLIP, PATTERN, *(SHIPPED / name / "portrait.jpg" for name in NAMES)]
    assert sum(path.stat().st_size for path in files) < 3_000_000


def test_the_clip_is_what_a_webcam_gives() -> None:
    with av.open(str(CLIP)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.width, video.height, float(video.average_rate or 0)) == (1280, 720, 30.0)
        assert video.codec_context.name == "h264"
        assert audio.codec_context.name == "aac"
        assert 15.0 <= float(container.duration or 0) / av.time_base <= 20.5


@pytest.mark.slow
def test_a_tracker_sees_the_drivers_face_move_in_every_frame() -> None:
    scores = _scores(_clip_frames())
    assert len(scores) >= 450

    def track(name: str) -> np.ndarray:
        return np.array([each[name] for each in scores])

    assert track("jawOpen").std() >= 0.05
    assert track("jawOpen").max() >= 0.4
    for side in ("Left", "Right"):
        assert track(f"eyeBlink{side}").max() >= 0.6
        assert track(f"mouthSmile{side}").max() >= 0.5
        assert max(np.ptp(track(f"eyeLook{way}{side}")) for way in ("In", "Out")) > 0.3
    assert DRIVER.name not in NAMES
