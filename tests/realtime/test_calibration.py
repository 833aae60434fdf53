from __future__ import annotations

import json
import os
import stat
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tracker_faces import ZEROS, face, person

from mien.realtime.calibration import MAX_FILE_BYTES, Calibration, GroupTuning
from mien.realtime.errors import ConfigError
from mien.realtime.face import BLENDSHAPE_INDEX, BLENDSHAPE_NAMES, Neutral


def calibration(rest: dict[str, float] | None = None, **changes: Any) -> Calibration:
    scores = ZEROS.copy()
    for name, value in (rest or {}).items():
        scores[BLENDSHAPE_INDEX[name]] = value
    values: dict[str, Any] = {"reach": {}, "eyelid_open": 0.3, "eyelid_closed": 0.04, **changes}
    return Calibration(Neutral(person(1), scores), **values)


def curve(user: Calibration, channel: str) -> np.ndarray:
    """What a channel becomes as its score goes from 0 to 1."""
    return np.array([user.apply(face(1, 640, 360, **{channel: s})).blendshape(channel) for s in np.linspace(0, 1, 101)])


def test_a_resting_smirk_is_not_played_back() -> None:
    user = calibration({"mouthSmileLeft": 0.35, "mouthSmileRight": 0.1})
    resting = user.apply(face(1, 640, 360, mouthSmileLeft=0.36, mouthSmileRight=0.12))
    assert resting.blendshapes.max() == 0.0


def test_a_blink_that_reaches_only_part_of_the_scale_closes_the_eye() -> None:
    user = calibration({"eyeBlinkLeft": 0.15}, reach={"eyeBlinkLeft": 0.6})
    assert curve(user, "eyeBlinkLeft")[60] == pytest.approx(1.0, abs=1e-5)
    assert 0.2 < curve(user, "eyeBlinkLeft")[35] < 0.6


@pytest.mark.parametrize("rest", [0.0, 0.2, 0.9])
@pytest.mark.parametrize("reach", [None, 0.1, 0.6, 1.0])
def test_every_channel_rises_evenly_and_never_jumps(rest: float, reach: float | None) -> None:
    for channel in ("eyeBlinkLeft", "jawOpen", "browInnerUp", "mouthPucker", "noseSneerLeft"):
        user = calibration({channel: rest}, reach={} if reach is None else {channel: reach})
        line = curve(user, channel)
        assert (np.diff(line) >= 0).all()
        assert np.diff(line).max() < 0.04, "a hundredth of score moves nothing by more than a few hundredths"
        assert line[-1] > 0.0
        assert line.max() <= 1.0


def test_a_group_answers_as_it_is_tuned() -> None:
    user = calibration(groups={"brows": GroupTuning(gain=0.5, dead_zone=0.2), "jaw": GroupTuning(gain=2.0)})
    brow = curve(user, "browInnerUp")
    assert (brow[:20] == 0).all()
    assert brow[-1] == pytest.approx(0.5)
    assert curve(user, "jawOpen")[60] == 1.0


def test_gaze_and_landmarks_are_left_alone() -> None:
    user = calibration({"eyeLookInLeft": 0.4})
    before = face(1, 640, 360, eyeLookInLeft=0.4)
    after = user.apply(before)
    assert after.blendshape("eyeLookInLeft") == pytest.approx(0.4)
    assert after.landmarks is before.landmarks
    assert after.neutral is not None
    assert np.array_equal(after.neutral.shape, user.neutral.shape)


def test_a_saved_calibration_comes_back(tmp_path: Path) -> None:
    user = calibration({"mouthSmileLeft": 0.25}, reach={"jawOpen": 0.8}, groups={"mouth": GroupTuning(1.5, 0.1)})
    path = tmp_path / "new" / "me.json"
    user.save(path)
    again = Calibration.load(path)

    assert np.allclose(again.neutral.shape, user.neutral.shape, atol=1e-3)
    assert np.allclose(again.neutral.blendshapes, user.neutral.blendshapes, atol=1e-3)
    assert (again.reach, again.groups) == (user.reach, user.groups)
    assert (again.eyelid_open, again.eyelid_closed) == (0.3, 0.04)
    assert [entry.name for entry in path.parent.iterdir()] == ["me.json"]
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, "it describes a face: the owner's alone"


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        calibration().save(tmp_path / "file" / "me.json")


def _change(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(version=2), "is version 2"),
        (lambda d: d.update(colour=1), "unknown key 'colour'"),
        (lambda d: d.pop("reach"), "'reach' is missing"),
        (lambda d: d["neutral"]["blendshapes"].pop("jawOpen"), "'jawOpen' is missing"),
        (lambda d: d["neutral"]["blendshapes"].update(jawOpen=7), "0 to 1"),
        (lambda d: d["neutral"].update(shape=[[0, 0, 0]]), "478 finite points"),
        (lambda d: d["neutral"].update(shape="x"), "could not convert"),
        (lambda d: d["neutral"].update(shape=[[1e9] * 3] * 478), "478 finite points"),
        (lambda d: d.update(neutral=[1]), "indices"),
        (lambda d: d["reach"].update(wiggle=0.5), "no channel 'wiggle'"),
        (lambda d: d["reach"].update(jawOpen=3), "reach of jawOpen must be 0 to 1"),
        (lambda d: d["reach"].update(jawOpen=True), "must be a number"),
        (lambda d: d.update(eyelid_open=0.01), "eyelid_closed must be below"),
        (lambda d: d.update(eyelid_open=None), "eyelid_open must be a number"),
        (lambda d: d["groups"].update(ears={"gain": 1, "dead_zone": 0}), "unknown group 'ears'"),
        (lambda d: d["groups"].update(jaw={"gain": 99, "dead_zone": 0}), "gain must be 0 to 3"),
        (lambda d: d["groups"].update(jaw={"gain": 1}), "'dead_zone' is missing"),
    ],
)
def test_a_changed_file_is_refused_with_what_is_wrong(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    path = tmp_path / "me.json"
    calibration().save(path)
    _change(path, change)
    with pytest.raises(ConfigError, match=message) as error:
        Calibration.load(path)
    assert "me.json" in str(error.value)
    assert "mien calibrate" in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"[]", "is version None"),
        (b"[" * 100_000, "is not JSON"),
        (b" " * (MAX_FILE_BYTES + 1), "larger than"),
    ],
    ids=["empty", "binary", "list", "deep", "huge"],
)
def test_what_is_no_calibration_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "me.json"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        Calibration.load(path)


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read .*mien calibrate"):
        Calibration.load(tmp_path / "none.json")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "me.json"
    os.mkfifo(pipe)
    # Whoever reads the pipe gets a few bytes: where it is read, this test fails and does not hang.
    threading.Thread(target=lambda: pipe.write_bytes(b"{}"), daemon=True).start()
    with pytest.raises(ConfigError, match=r"not a regular file.*mien calibrate"):
        Calibration.load(pipe)


def test_every_expression_channel_belongs_to_a_group() -> None:
    from mien.realtime.calibration import _group_of

    without = [name for name in BLENDSHAPE_NAMES if _group_of(name) is None]
    assert without == ["_neutral", *(name for name in BLENDSHAPE_NAMES if name.startswith("eyeLook"))]
