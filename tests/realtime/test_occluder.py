"""Occluders: a microphone is kept, skin never is, and nothing is kept of light, noise and motion."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.realtime.aligner import align, crop
from mien.realtime.clock import NS_PER_S
from mien.realtime.engine import EngineSpec
from mien.realtime.face import Face
from mien.realtime.frame import Alignment, Frame, Pixels
from mien.realtime.head import head_model
from mien.realtime.occluder import GAP_S, LEARN_S, OccluderModel
from mien.realtime.tracker.mediapipe_tracker import MediaPipeTracker
from mien.realtime.tracker.model import landmarker_path

FPS = 25
SIDE = 360
WINDOW = Alignment.window(0, 0, SIDE, SIDE)
Mask = np.ndarray
Change = Callable[[Pixels, float], Pixels]


def face_at(x: float = SIDE / 2, y: float = SIDE / 2) -> Face:
    """The canonical face, frontal, 17 px to a centimetre."""
    landmarks = head_model().landmarks * np.float32(17)
    landmarks = landmarks - landmarks.mean(axis=0) + np.array([x, y, 0], np.float32)
    return Face(1, landmarks.astype(np.float32), np.zeros(52, np.float32), np.eye(4, dtype=np.float32))


def skin_picture() -> Pixels:
    """A face's skin with shade, brows and cheeks, wider than the frame so that it can move."""
    rng = np.random.default_rng(0)
    side = SIDE + 80
    shade = cv2.GaussianBlur(rng.normal(size=(side, side)), (0, 0), 25)
    shade = shade / shade.std() * 12
    picture = np.array([120, 145, 195]) + shade[..., None] * [0.8, 0.9, 1.0]
    for x in (130, 230):
        cv2.ellipse(picture, (x + 40, 130 + 40), (35, 6), 0, 0, 360, (50, 60, 80), -1)
    return np.clip(picture + rng.normal(0, 2, picture.shape), 0, 255).astype(np.uint8)


def keep(picture: Pixels, _: float) -> Pixels:
    return picture


def run(
    change: Change, seconds: float, model: OccluderModel | None = None, start_s: float = 0.0
) -> Iterator[tuple[float, Mask | None]]:
    """Play a slowly moving face, changed by `change(picture, time)`; gives time and mask of each frame."""
    model = model or OccluderModel()
    skin, rng = skin_picture(), np.random.default_rng(1)
    grain = [rng.normal(0, 2, (SIDE, SIDE, 3)).astype(np.float32) for _ in range(3)]
    for number in range(round(seconds * FPS)):
        at_s = number / FPS + start_s
        dx, dy = round(12 * np.sin(at_s)), round(8 * np.sin(at_s * 1.7))
        picture = skin[40 - dy : 40 - dy + SIDE, 40 - dx : 40 - dx + SIDE] + grain[number % 3]
        picture = np.clip(picture, 0, 255).astype(np.uint8)
        face = face_at(SIDE / 2 + dx, SIDE / 2 + dy)
        yield at_s, model.update_and_mask(change(picture, at_s), face, WINDOW, round(at_s * NS_PER_S))


def disc(colour: tuple[int, int, int], from_s: float, centre: tuple[int, int] = (235, 215), radius: int = 44) -> Change:
    def draw(picture: Pixels, at_s: float) -> Pixels:
        if at_s >= from_s:
            cv2.circle(picture, centre, radius, colour, -1, cv2.LINE_AA)
        return picture

    return draw


def disc_mask(centre: tuple[int, int] = (235, 215), radius: int = 44) -> Mask:
    mask = np.zeros((SIDE, SIDE), np.uint8)
    cv2.circle(mask, centre, radius, 255, -1)
    return mask > 0


@pytest.mark.parametrize("colour", [(35, 35, 38), (170, 90, 30), (245, 245, 245), (60, 170, 60)])
def test_an_object_before_the_face_is_kept_and_little_else(colour: tuple[int, int, int]) -> None:
    there = disc_mask()
    for at_s, mask in run(disc(colour, 2.0), 6.0):
        if at_s < 2.0:
            assert mask is None
        if at_s > 2.3:
            assert mask is not None, at_s
            assert mask.shape == (SIDE, SIDE)
            assert mask.dtype == np.uint8
            kept = mask > 127
            assert kept[there].mean() > 0.85, at_s
            assert (kept & ~there).sum() < 0.1 * there.sum(), at_s


def test_it_is_drawn_over_again_when_it_has_gone() -> None:
    held = disc((35, 35, 38), 2.0)

    def change(picture: Pixels, at_s: float) -> Pixels:
        return held(picture, at_s) if at_s < 4.0 else picture

    masks = dict(run(change, 5.0))
    assert masks[3.0] is not None
    assert all(mask is None for at_s, mask in masks.items() if at_s > 4.1)


def test_one_frame_is_no_occluder() -> None:
    def change(picture: Pixels, at_s: float) -> Pixels:
        return disc((35, 35, 38), 0.0)(picture, at_s) if 2.99 < at_s < 3.01 else picture

    assert all(mask is None for _, mask in run(change, 4.0))


def test_skin_is_never_kept() -> None:
    hand = disc((112, 138, 190), 2.0, radius=50)
    assert all(mask is None for _, mask in run(hand, 5.0))


def flicker(picture: Pixels, at_s: float) -> Pixels:
    return np.clip(picture * (1 + 0.3 * np.sin(at_s * 5)) + [20 * (int(at_s * 2) % 2), 0, 0], 0, 255).astype(np.uint8)


def side_light(picture: Pixels, at_s: float) -> Pixels:
    return np.clip(picture * np.linspace(0.6, 1.3, SIDE)[:, None] if at_s > 2 else picture, 0, 255).astype(np.uint8)


def half_shadow(picture: Pixels, at_s: float) -> Pixels:
    edge = 1 - 0.4 / (1 + np.exp((np.arange(SIDE) - SIDE / 2) / 4))
    return (picture * (edge[:, None] if at_s > 2 else 1.0)).astype(np.uint8)


def noisy(picture: Pixels, at_s: float) -> Pixels:
    rng = np.random.default_rng(round(at_s * 1000))
    return np.clip(picture + rng.normal(0, 10, picture.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("change", [keep, flicker, side_light, half_shadow, noisy])
def test_light_noise_and_motion_are_no_occluders(change: Change) -> None:
    assert all(mask is None for _, mask in run(change, 4.0))


def coloured_disc(gain: tuple[float, float, float], centre: tuple[int, int] = (225, 215), radius: int = 60) -> Change:
    """Light of a colour on a part of the skin, whose texture stays."""
    lit = disc_mask(centre, radius)[..., None]

    def shine(picture: Pixels, at_s: float) -> Pixels:
        light = np.where(lit, np.array(gain), 1.0) if at_s > 2 else 1.0
        return np.clip(picture * light, 0, 255).astype(np.uint8)

    return shine


@pytest.mark.parametrize("gain", [(1.3, 0.6, 0.35), (0.4, 0.5, 1.2), (0.3, 0.3, 0.3), (0.5, 1.2, 0.5)])
def test_coloured_light_on_a_part_of_the_face_is_no_occluder(gain: tuple[float, float, float]) -> None:
    assert all(mask is None for _, mask in run(coloured_disc(gain), 4.0))


def test_what_covers_more_than_a_fifth_of_the_face_is_not_kept() -> None:
    outline = cv2.convexHull(face_at().landmarks[:468, :2].astype(np.int32))
    radius = round(np.sqrt(0.28 * cv2.contourArea(outline) / np.pi))
    cover = disc((60, 170, 60), 2.0, centre=(190, 230), radius=radius)
    assert all(mask is None for _, mask in run(cover, 4.0))


def test_nothing_is_kept_before_an_eye() -> None:
    seen = False
    # Over the cheek and the whole lower half of the eye.
    for at_s, mask in run(disc((60, 170, 60), 2.0, centre=(240, 160), radius=44), 4.0):
        if mask is None:
            continue
        seen = True
        dx, dy = round(12 * np.sin(at_s)), round(8 * np.sin(at_s * 1.7))
        eye = face_at(SIDE / 2 + dx, SIDE / 2 + dy).landmarks[[263, 249, 390, 373, 374, 380, 381, 382, 362, 386], :2]
        x, y = np.rint(eye).astype(int).T
        assert not mask[y, x].any(), at_s
    assert seen


def test_nothing_is_kept_while_learning() -> None:
    assert all(mask is None for at_s, mask in run(disc((35, 35, 38), 0.5), LEARN_S) if at_s < LEARN_S)


def test_what_covers_most_of_the_face_is_not_kept_and_a_new_light_is_learned() -> None:
    cover = disc((35, 35, 38), 2.0, centre=(180, 180), radius=150)
    assert all(mask is None for _, mask in run(cover, 6.0))


def test_skin_that_comes_back_after_a_cover_was_learned_is_not_kept() -> None:
    model = OccluderModel()

    def change(picture: Pixels, at_s: float) -> Pixels:
        if at_s > 9:
            picture[: SIDE if at_s < 13 else SIDE // 2] = (38, 35, 35)
        return picture

    list(run(change, 3.0, model))
    assert all(mask is None for _, mask in run(change, 5.0, model, start_s=3.0 + GAP_S + 2))


def test_a_gap_starts_afresh() -> None:
    model, face = OccluderModel(), face_at()
    list(run(keep, 3.0, model))
    held = disc((35, 35, 38), 0.0)(skin_picture()[40 : 40 + SIDE, 40 : 40 + SIDE].copy(), 0.0)
    start_ns = round((3.0 + GAP_S + 1) * NS_PER_S)
    masks = [model.update_and_mask(held, face, WINDOW, start_ns + n * NS_PER_S // FPS) for n in range(3 * FPS)]
    assert all(mask is None for mask in masks)


def test_works_in_the_crops_frame_and_at_the_pictures_edge() -> None:
    model, face = OccluderModel(), face_at(SIDE / 2, 100)
    spec = EngineSpec("test", "numpy", "cpu", "a test asked for it", size_px=200)
    alignment = align(face, spec, SIDE, SIDE)
    picture = skin_picture()[40 : 40 + SIDE, 40 : 40 + SIDE].copy()
    mask = None
    for number in range(3 * FPS):
        seen = picture.copy()
        if number > 2 * FPS:
            cv2.circle(seen, (215, 140), 42, (35, 35, 38), -1)
        mask = model.update_and_mask(crop(seen, alignment).pixels, face, alignment, number * NS_PER_S // FPS)
    assert mask is not None
    assert mask.shape == (200, 200)
    ys, xs = np.nonzero(mask > 127)
    centre = alignment.apply(np.array([[215, 140]], np.float32))[0]
    assert (xs.mean(), ys.mean()) == pytest.approx(tuple(centre), abs=6)


def clip_frames(path: Path, count: int) -> Iterator[Frame]:
    import av

    with av.open(str(path)) as container:
        for number, picture in enumerate(islice(container.decode(video=0), count)):
            pixels = np.ascontiguousarray(picture.to_ndarray(format="bgr24"))
            yield Frame(pixels, number, 0, number * NS_PER_S // FPS)


@pytest.mark.clips
@pytest.mark.parametrize("clip", ["d0", "d12"])
def test_on_a_real_face_only_what_was_put_there_is_kept(clip: str) -> None:
    path = Path(__file__).parents[3] / "shared" / "clips" / f"{clip}.mp4"
    tracker, model = MediaPipeTracker(landmarker_path()), OccluderModel()
    spec = EngineSpec("test", "numpy", "cpu", "a test asked for it")
    false_parts, kept_parts = [], []
    for frame in clip_frames(path, 78):
        pixels, put = frame.pixels.copy(), np.zeros(frame.pixels.shape[:2], np.uint8)
        (face,) = tracker(frame)
        if frame.sequence >= 50:
            x0, _, x1, _ = face.box
            place = (int(face.landmarks[17, 0]), int(face.landmarks[17, 1] + 0.06 * (x1 - x0)))
            cv2.circle(put, place, int(0.16 * (x1 - x0)), 255, -1)
            pixels[put > 0] = (36, 34, 34)
        alignment = align(face, spec, frame.width, frame.height)
        mask = model.update_and_mask(crop(pixels, alignment).pixels, face, alignment, frame.media_ns)
        skin = np.zeros_like(put)
        cv2.fillConvexPoly(skin, cv2.convexHull(face.landmarks[:468, :2].astype(np.int32)), 255)
        there, on_face = crop_of(put, alignment), crop_of(skin, alignment)
        kept = np.zeros_like(on_face) if mask is None else mask > 127
        false_parts.append((kept & on_face & ~there).sum() / on_face.sum())
        if frame.sequence >= 55:
            kept_parts.append((kept & on_face & there).sum() / (on_face & there).sum())
    tracker.close()
    assert np.mean(false_parts) < 0.005
    assert np.mean(kept_parts) > 0.85


def crop_of(mask: Mask, alignment: Alignment) -> Mask:
    offset = alignment.offset
    assert offset is not None
    x, y = offset
    return np.asarray(mask[y : y + alignment.height, x : x + alignment.width] > 0)
