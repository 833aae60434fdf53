from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tracker_faces import FRAME_NS, paste, picture

from mien.realtime.errors import EngineError, ModelError
from mien.realtime.tracker.detection import overlap
from mien.realtime.tracker.landmarker import Landmarker
from mien.realtime.tracker.model import LANDMARKER, landmarker_path


@pytest.fixture(scope="module")
def model() -> Path:
    return landmarker_path()


def test_the_model_is_the_one_whose_hash_is_known(model: Path) -> None:
    assert model.stat().st_size == LANDMARKER.size
    assert model.name == "face_landmarker.task"


@pytest.mark.parametrize(
    ("width", "height", "face_px"),
    [(1280, 720, 200), (720, 1280, 200), (1283, 721, 200), (481, 333, 98), (3840, 2160, 600), (2160, 3840, 600)],
    ids=["720p", "portrait", "odd", "small-odd", "4k", "4k-portrait"],
)
def test_finds_the_face_where_it_is_at_any_size(model: Path, width: int, height: int, face_px: int) -> None:
    pixels = picture(width, height, face_px=face_px)
    before = pixels.copy()
    landmarker = Landmarker(model)
    found = landmarker(pixels, 0)
    landmarker.close()

    assert len(found) == 1
    x0, y0, x1, y1 = found[0].box
    # The landmarks' width varies a little with the scale that the model sees.
    assert x1 - x0 == pytest.approx(face_px, rel=0.1)
    assert (x0 + x1) / 2 == pytest.approx(width / 2, abs=0.1 * face_px)
    assert (y0 + y1) / 2 == pytest.approx(height / 2, abs=0.25 * face_px)
    assert found[0].blendshapes.min() >= 0.0
    assert found[0].blendshapes.max() <= 1.0
    # Depth is in the same px as width: a face is about half as deep as wide.
    assert 0.3 < np.ptp(found[0].landmarks[:468, 2]) / (x1 - x0) < 1.2
    assert np.array_equal(pixels, before)


def test_time_may_stand_still_or_start_again(model: Path) -> None:
    pixels = picture(640, 480, face_px=150)
    landmarker = Landmarker(model)
    counts = [len(landmarker(pixels, media_ns)) for media_ns in (0, 0, 100, 5_000_000_000, 0, 1)]
    landmarker.close()

    assert counts == [1] * 6


def test_frames_of_changing_size_do_not_disturb_each_other(model: Path) -> None:
    landmarker = Landmarker(model)
    small = landmarker(picture(640, 480, face_px=150), 0)
    large = landmarker(picture(1600, 1200, face_px=375), FRAME_NS)
    again = landmarker(picture(640, 480, face_px=150), 2 * FRAME_NS)
    landmarker.close()

    assert np.allclose(large[0].landmarks / 2.5, small[0].landmarks, atol=4)
    assert np.allclose(again[0].landmarks, small[0].landmarks, atol=2)


def test_the_reused_buffer_does_not_leak_one_frame_into_the_next(model: Path) -> None:
    landmarker = Landmarker(model)
    first = landmarker(picture(640, 480, face_px=150, x=200), 0)
    kept = first[0].landmarks.copy()
    second = landmarker(picture(640, 480, face_px=150, x=440), FRAME_NS)
    gone = landmarker(np.full((480, 640, 3), 110, np.uint8), 2 * FRAME_NS)
    landmarker.close()

    assert np.array_equal(first[0].landmarks, kept)
    assert (second[0].box[0] - first[0].box[0]) == pytest.approx(240, abs=8)
    assert gone == []


def test_ten_faces_give_as_many_as_were_asked_for(model: Path) -> None:
    pixels = np.full((720, 720, 3), 110, np.uint8)
    for place in range(10):
        paste(pixels, 85, 72 + 144 * (place % 5), 180 + 360 * (place // 5))
    landmarker = Landmarker(model, max_faces=4)
    found = [landmarker(pixels, i * FRAME_NS) for i in range(3)][-1]
    landmarker.close()

    assert len(found) == 4
    assert all(overlap(a.box, b.box) == 0 for i, a in enumerate(found) for b in found[:i])


def test_an_empty_picture_has_no_face(model: Path) -> None:
    landmarker = Landmarker(model)
    assert landmarker(np.zeros((480, 640, 3), np.uint8), 0) == []
    assert landmarker(np.zeros((16, 16, 3), np.uint8), FRAME_NS) == []
    landmarker.close()


def test_closing_twice_is_fine_and_a_closed_one_says_so(model: Path) -> None:
    landmarker = Landmarker(model)
    landmarker.close()
    landmarker.close()
    with pytest.raises(EngineError, match="closed"):
        landmarker(picture(640, 480, face_px=150), 0)


def test_a_missing_or_damaged_model_is_named(tmp_path: Path, model: Path) -> None:
    with pytest.raises(ModelError, match="no landmark model at"):
        Landmarker(tmp_path / "none.task")
    damaged = tmp_path / "damaged.task"
    damaged.write_bytes(model.read_bytes()[:100_000])
    with pytest.raises(ModelError, match=r"refuses the landmark model damaged\.task"):
        Landmarker(damaged)


@pytest.mark.parametrize("count", [0, 1, 17])
def test_the_number_of_faces_has_bounds(model: Path, count: int) -> None:
    with pytest.raises(ModelError, match="max_faces must be 2 to 16"):
        Landmarker(model, max_faces=count)


def test_a_program_that_never_closes_ends_silently(model: Path) -> None:
    program = (
        "import sys, numpy as np; from pathlib import Path\n"
        "from mien.realtime.tracker.landmarker import Landmarker\n"
        "landmarker = Landmarker(Path(sys.argv[1]))\n"
        "landmarker(np.zeros((480, 640, 3), np.uint8), 0)\n"
        "sys.stderr.write('own line\\n')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(model)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0
    assert done.stderr == "own line\n", "MediaPipe's chatter is held back, everything else is not"
