from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from mien.engines.personas.library import find
from mien.engines.personas.quality import sharpness
from mien.engines.personas.still import StillTracker
from mien.engines.swapnet import gather, people, recordings
from mien.engines.swapnet.code import NAMED, TRACKED_SIZE
from mien.engines.swapnet.coverage import PITCH_EDGES_DEG, YAW_EDGES_DEG, cover
from mien.engines.swapnet.footage import Extraction, FootageError, extract
from mien.engines.swapnet.footage_files import hull_mask
from mien.engines.swapnet.samples import PERSONA_PX, drivers_place, persona_place, read_drivers, read_persona
from mien.engines.swapnet.terms import MARGIN
from mien.plugin.clip import driver_clip
from mien.realtime.aligner import head_square
from mien.realtime.errors import ConfigError, PersonaError, SourceError
from mien.realtime.head import fit_head, head_model

SIZE = (640, 360)


def pictures(every: int) -> list[np.ndarray]:
    """The shipped clip, every so many frames, at half its size."""
    with av.open(str(driver_clip())) as container:
        return [
            cv2.resize(frame.to_ndarray(format="bgr24"), SIZE, interpolation=cv2.INTER_AREA)
            for index, frame in enumerate(container.decode(video=0))
            if index % every == 0
        ]


def write(path: Path, frames: Sequence[np.ndarray]) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(15), options={"preset": "ultrafast", "crf": "14"})
        stream.pix_fmt = "yuv420p"
        stream.height, stream.width = frames[0].shape[:2]
        for index, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="bgr24")
            frame.pts, frame.time_base = index, Fraction(1, 15)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def frames() -> list[np.ndarray]:
    return pictures(4)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, frames: list[np.ndarray]) -> Path:
    return write(tmp_path_factory.mktemp("clip") / "driver.mp4", frames)


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory, frames: list[np.ndarray]) -> Path:
    return write(tmp_path_factory.mktemp("short") / "short.mp4", frames[:24])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, clip: Path) -> tuple[Path, Extraction]:
    out = tmp_path_factory.mktemp("footage") / "out"
    return out, extract([clip], out, role="persona", name="lea", least=100)


def test_a_rendered_person_is_found_and_her_different_frames_are_kept(made: tuple[Path, Extraction]) -> None:
    out, report = made
    assert report.frames_seen == report.faces_found == 150
    assert 110 <= report.kept < 150
    assert report.people == 1
    assert report.faces_found == report.kept + sum(report.dropped.values()) - report.dropped.get("no face", 0)
    drivers, persona = read_drivers(drivers_place(out, 0)), read_persona(persona_place(out, "lea", 0))
    assert len(drivers.person) == len(persona.landmarks) == report.kept
    assert drivers.tracked.shape == (report.kept, TRACKED_SIZE)
    assert drivers.named.shape == (report.kept, len(NAMED))
    assert np.isnan(drivers.named).all()
    assert np.isfinite(drivers.tracked).all()
    assert len(set(drivers.person.tolist())) == 1
    assert drivers.person[0] >= 2**32
    assert not any(drivers.front.at(index, grey=True).any() for index in (0, report.kept - 1))


def test_the_resting_face_is_measured_over_the_whole_recording(made: tuple[Path, Extraction]) -> None:
    tracked = read_drivers(drivers_place(made[0], 0)).tracked
    over_rest, moved = tracked[:, 51:102], tracked[:, 104:]
    calm = np.argsort(np.square(over_rest).sum(axis=1))[:5]
    assert np.abs(moved[calm]).mean() < 0.3 < np.abs(moved).mean(axis=1).max()


def test_the_crops_show_the_eyes_where_the_square_puts_them(made: tuple[Path, Extraction]) -> None:
    drivers, persona = read_drivers(drivers_place(made[0], 0)), read_persona(persona_place(made[0], "lea", 0))
    yaw = drivers.tracked[:, 102]
    index = int(np.abs(yaw).argmin())
    shown, marks = persona.pixels.at(index), persona.landmarks[index]
    eyes = [33, 133, 362, 263]
    canonical = head_model().landmarks
    square = head_square(fit_head(canonical), PERSONA_PX, MARGIN)
    assert np.abs(marks[eyes] - square.apply(canonical[:, :2])[eyes]).max() < 8
    found = StillTracker()(shown)
    assert np.abs(found[0].landmarks[eyes, :2] - marks[eyes]).max() < 4
    mask = persona.mask.at(index, grey=True)
    assert all(mask[int(y), int(x)] > 200 for x, y in marks[[1, 10, 152, *eyes]])
    assert mask[:8].max() == mask[:, :8].max() == 0
    # The driver's crop has the same middle, half as large.
    half = cv2.resize(shown, (128, 128), interpolation=cv2.INTER_AREA).astype(float)
    assert np.abs(drivers.pixels.at(index)[16:144, 16:144] - half).mean() < 6


def test_coverage_counts_add_up_and_say_what_to_record_next(made: tuple[Path, Extraction]) -> None:
    out, report = made
    coverage = report.coverage
    assert sum(coverage.yaw) == sum(coverage.pitch) == coverage.frames == report.kept
    assert (len(coverage.yaw), len(coverage.pitch)) == (len(YAW_EDGES_DEG) + 1, len(PITCH_EDGES_DEG) + 1)
    assert coverage.expressions["jaw"][1] > 0.4
    assert coverage.yaw_range_deg[0] < -15 < 15 < coverage.yaw_range_deg[1]
    assert coverage.missing() == ()
    assert report.advice == coverage.advice()
    assert "raise your chin slowly and lower it again" in report.advice
    document = json.loads((out / "coverage.json").read_text(encoding="utf-8"))
    assert (document["role"], document["name"], document["kept"]) == ("persona", "lea", report.kept)
    assert document["coverage"]["yaw"] == list(coverage.yaw)
    assert len(document["coverage"]["table"]) == len(coverage.table())


def test_a_still_face_is_told_what_is_missing() -> None:
    still = cover("persona", np.zeros((400, 2), np.float32), np.zeros((400, 52), np.float32), np.ones((400, 2), "f4"))
    assert [row.what for row in still.missing()] == ["head to the left", "head to the right", "jaw", "blinks"]
    assert still.advice()[0] == "turn your head slowly to the left and back"
    assert "put a light in front of your face" in still.advice()
    driver = cover("driver", np.zeros((9, 2), np.float32), np.zeros((9, 52), np.float32), np.ones((9, 2), "f4"))
    assert driver.missing() == ()
    assert any("another light" in each for each in driver.advice())
    nothing = cover("driver", np.zeros((0, 2), np.float32), np.zeros((0, 52), np.float32), np.zeros((0, 2), "f4"))
    assert sum(nothing.yaw) == nothing.frames == 0
    assert nothing.table()


def test_too_little_footage_is_refused_with_what_is_missing(tmp_path: Path, short: Path) -> None:
    with pytest.raises(FootageError, match="different frames could be kept of 24, at least 300 needed") as caught:
        extract([short], tmp_path / "out", role="persona", name="lea")
    assert "two minutes or more" in caught.value.hint
    assert caught.value.extraction is not None
    assert caught.value.extraction.frames_seen == 24
    assert not (tmp_path / "out").exists()


def test_the_same_footage_gives_the_same_shards_and_a_refusal_leaves_them(tmp_path: Path, short: Path) -> None:
    out = tmp_path / "out"
    report = extract([short], out, role="driver", name="me", least=5)
    names = sorted(path.name for path in out.iterdir() if path.suffix != ".png")
    assert names == ["coverage.json", "drivers-00000.safetensors", "me-00000.safetensors"]
    first = drivers_place(out, 0).read_bytes()
    drivers_place(out, 7).write_bytes(b"an old one")
    again = extract([short, short], out, role="driver", name="me", least=5)
    assert again == report
    assert drivers_place(out, 0).read_bytes() == first
    assert not drivers_place(out, 7).exists()
    with pytest.raises(FootageError, match="shows too little"):
        extract([short], out, role="driver", name="me", least=500)
    assert drivers_place(out, 0).read_bytes() == first


def test_an_interrupt_leaves_nothing(tmp_path: Path, short: Path) -> None:
    told: list[tuple[int, int | None]] = []

    def interrupt(done: int, total: int | None) -> None:
        told.append((done, total))
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract([short], tmp_path / "out", role="driver", name="me", on_progress=interrupt)
    assert told == [(1, 24), (2, 24), (3, 24)]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("compare", [True, False])
def test_two_people_are_shown_and_refused_until_one_is_chosen(
    tmp_path: Path, frames: list[np.ndarray], compare: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not compare:
        monkeypatch.setattr(people, "cached", lambda _asset: None)
    portrait = find("viggo").portrait
    side = min(portrait.shape[:2])
    other = cv2.resize(portrait[:side, :side], (360, 360), interpolation=cv2.INTER_AREA)
    clip = write(tmp_path / "two.mp4", [np.hstack([frame[:, 140:500], other]) for frame in frames[:18]])
    out = tmp_path / "out"
    with pytest.raises(FootageError, match=r"shows 2 people \(1: 18 frames, 2: 18 frames\)") as caught:
        extract([clip], out, role="driver", name="me", least=1)
    assert caught.value.sheet == out / "people.png"
    sheet = cv2.imread(str(caught.value.sheet))
    assert sheet.shape == (2 * 128, 9 * 128, 3)
    assert sorted(path.name for path in out.iterdir()) == ["people.png"]
    chosen = [extract([clip], out, role="driver", name="me", least=1, choose_person=number) for number in (1, 2)]
    still, moving = sorted(chosen, key=lambda report: report.kept)
    assert still.kept <= 2
    assert moving.kept > 9
    assert still.dropped["other person"] == moving.kept
    assert still.people == moving.people == 2
    both = extract([clip], out, role="driver", name="me", least=1, choose_person=(2, 1))
    assert both.kept == still.kept + moving.kept
    with pytest.raises(ConfigError, match="no person 3; the footage shows 2"):
        extract([clip], out, role="driver", name="me", least=1, choose_person=3)


def test_noise_is_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    clip = write(tmp_path / "noise.mp4", [rng.integers(0, 256, (240, 320, 3)).astype(np.uint8) for _ in range(8)])
    with pytest.raises(SourceError, match=r"No usable face was found in 8 frames of noise.mp4 \(no face 8\)"):
        extract([clip], tmp_path / "out", role="persona", name="lea")
    assert not (tmp_path / "out").exists()


def test_a_frozen_clip_keeps_few(tmp_path: Path, frames: list[np.ndarray]) -> None:
    report = extract([write(tmp_path / "frozen.mp4", frames[:1] * 40)], tmp_path / "out", role="driver", name="me",
                     least=1)  # fmt: skip
    assert report.kept <= 2
    assert report.dropped["duplicate"] >= 38


def test_blurred_copies_give_way_to_sharp_ones(tmp_path: Path, frames: list[np.ndarray]) -> None:
    mixed = [each for frame in frames[:12] for each in (cv2.GaussianBlur(frame, (0, 0), 2.5), frame)]
    out = tmp_path / "out"
    report = extract([write(tmp_path / "mixed.mp4", mixed)], out, role="driver", name="me", least=1)
    assert report.kept <= 12
    assert report.dropped["blurred"] + report.dropped.get("duplicate", 0) >= 12
    kept = read_drivers(drivers_place(out, 0)).pixels
    box = np.float32([[30, 30], [130, 130]])
    # Landmarks 234 and 454 give the width in `sharpness`; here the crop's own does.
    xy = np.resize(box, (478, 2)).astype(np.float32)
    xy[234], xy[454] = (30, 80), (130, 80)
    values = [sharpness(kept.at(index), xy) for index in range(report.kept)]
    assert min(values) > 0.3 * max(values)


def test_when_there_are_too_many_the_rare_ones_stay() -> None:
    rng = np.random.default_rng(0)
    common, rare = rng.normal(0, 0.1, (300, 4)), np.eye(4) * 3
    places = np.vstack([common, rare]).astype(np.float32)
    stay, radius = gather.furthest(places, 20)
    assert stay == sorted(stay)
    assert len(stay) == 20
    assert {300, 301, 302, 303} <= set(stay)
    left = np.delete(places, stay, axis=0)
    nearest = np.linalg.norm(left[:, None] - places[stay], axis=2).min(axis=1)
    assert nearest.max() == pytest.approx(radius, rel=1e-4)
    assert gather.furthest(places, 400, least=1e-6)[0] == list(range(304))
    assert gather.furthest(places[:0], 5) == ([], 0.0)


def test_no_more_than_asked_are_kept(tmp_path: Path, short: Path) -> None:
    report = extract([short], tmp_path / "out", role="driver", name="me", most=6, least=6)
    assert report.kept == 6
    assert report.dropped["more than asked"] > 6
    assert report.faces_found == report.kept + sum(report.dropped.values())


def test_a_folder_is_read_without_its_links_and_its_broken_files(tmp_path: Path, frames: list[np.ndarray]) -> None:
    folder, out = tmp_path / "folder", tmp_path / "out"
    (folder / "below").mkdir(parents=True)
    for index, frame in enumerate(frames[::40]):
        cv2.imwrite(str(folder / ("below" if index else ".") / f"{index}.png"), frame)
    (folder / "notes.txt").write_text("hello")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    (folder / "list.mp4").write_text("#EXTM3U\n/etc/passwd\n")
    outside = tmp_path / "outside.png"
    cv2.imwrite(str(outside), frames[70])
    (folder / "link.png").symlink_to(outside)
    (folder / "linked").symlink_to(tmp_path)
    report = extract([folder], out, role="driver", name="me", least=1)
    assert report.frames_seen == report.faces_found == 4
    assert report.kept == 4
    said = "\n".join(report.notes)
    assert "2 links were not followed" in said
    assert "1 files are neither" in said
    assert "broken.jpg is not a readable picture" in said
    assert "'list.mp4' is a list of other files" in said


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    def refused(path: Path, words: str) -> None:
        with pytest.raises(SourceError, match=words) as caught:
            extract([path], tmp_path / "out", role="persona", name="lea")
        assert caught.value.hint

    refused(tmp_path / "none.mp4", "There is no file")
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", r"holds no recording \(0 other files\)")
    (tmp_path / "text.mp4").write_text("this is no video at all " * 40)
    refused(tmp_path / "text.mp4", "not a video that can be read")
    (tmp_path / "list.mp4").write_text("ffconcat version 1.0\nfile other.mp4\n")
    refused(tmp_path / "list.mp4", "a list of other files")
    Image.new("1", (9000, 9000)).save(tmp_path / "huge.png")
    refused(tmp_path / "huge.png", "huge.png is too large: 9000x9000")
    with pytest.raises(SourceError, match="No footage was named"):
        extract([], tmp_path / "out", role="persona", name="lea")
    assert not (tmp_path / "out").exists()


def test_too_many_frames_are_refused(tmp_path: Path, short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordings, "MAX_FRAMES", 5)
    with pytest.raises(SourceError, match="more than 5 frames"):
        extract([short], tmp_path / "out", role="driver", name="me")
    monkeypatch.setattr(recordings, "MAX_FILES", 1)
    (tmp_path / "a.png").touch()
    (tmp_path / "b.png").touch()
    with pytest.raises(SourceError, match="holds more than 1 files"):
        extract([tmp_path], tmp_path / "out", role="driver", name="me")


def test_only_its_own_folder_is_replaced(tmp_path: Path, short: Path) -> None:
    rendered = tmp_path / "rendered"
    rendered.mkdir()
    drivers_place(rendered, 0).write_bytes(b"rendered")
    with pytest.raises(ConfigError, match="not made of footage"):
        extract([short], rendered, role="driver", name="me")
    other = tmp_path / "other"
    other.mkdir()
    (other / "coverage.json").write_text(json.dumps({"role": "persona", "name": "kim"}))
    with pytest.raises(ConfigError, match="holds footage of 'kim' as persona"):
        extract([short], other, role="persona", name="lea")
    (other / "coverage.json").write_text("[]")
    with pytest.raises(ConfigError, match="is damaged"):
        extract([short], other, role="persona", name="lea")
    with pytest.raises(ConfigError, match="is a file, not a folder"):
        extract([short], short, role="persona", name="lea")


def test_arguments_out_of_range_are_refused(tmp_path: Path, short: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(PersonaError, match="cannot be a persona's name"):
        extract([short], out, role="persona", name="../lea")
    with pytest.raises(ConfigError, match="shards of drivers are called so"):
        extract([short], out, role="persona", name="drivers")
    with pytest.raises(ConfigError, match="most must be 300"):
        extract([short], out, role="persona", name="lea", most=10)
    with pytest.raises(ConfigError, match="numbered from 1, got 0"):
        extract([short], out, role="persona", name="lea", choose_person=0)


def test_the_mask_is_a_little_wider_than_the_face() -> None:
    canonical = head_model().landmarks
    marks = head_square(fit_head(canonical), PERSONA_PX, MARGIN).apply(canonical[:, :2]).astype(np.float32)
    mask = hull_mask(marks)
    assert mask.shape == (PERSONA_PX, PERSONA_PX)
    hull = cv2.contourArea(cv2.convexHull(marks[:468]))
    assert 1.02 < (mask > 127).sum() / hull < 1.15
