"""The blend: edges, paste in fixed point, windows and warps, what stands before the face."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from live_parts import face_in

from mien.realtime.aligner import align, crop
from mien.realtime.blend import ColourMatcher, Mask, blend, erode_feather, paste
from mien.realtime.engine import EngineSpec
from mien.realtime.frame import Alignment, FrameError, Patch, Pixels

HEIGHT, WIDTH = 240, 320


def noise(seed: int = 0, shape: tuple[int, int] = (HEIGHT, WIDTH)) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), np.uint8)


def smooth(shape: tuple[int, int] = (HEIGHT, WIDTH)) -> Pixels:
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]]
    return np.stack([x * 0.6 + 20, y * 0.8 + 10, 120 + 60 * np.sin(x / 40)], axis=2).astype(np.uint8)


def disc(size: int, radius: float) -> Mask:
    y, x = np.mgrid[0:size, 0:size] - (size - 1) / 2
    return np.where(np.hypot(x, y) <= radius, np.uint8(255), np.uint8(0))


class TestErodeFeather:
    @pytest.mark.parametrize("face_px", [100.0, 320.0, 500.0])
    def test_rises_where_the_distances_say(self, face_px: float) -> None:
        size, radius = int(face_px * 1.4), face_px / 2
        out = erode_feather(disc(size, radius), face_px, erode=0.05, feather=0.1)
        row = out[size // 2].astype(int)
        depth = radius - np.abs(np.arange(size) - (size - 1) / 2)
        slack = 2.5 + face_px / 160
        assert (row[depth < 0.05 * face_px - slack] == 0).all()
        assert (row[depth > 0.15 * face_px + slack] == 255).all()
        middle = row[np.argmin(np.abs(depth - 0.1 * face_px))]
        assert 60 < middle < 195
        rising = row[: size // 2]
        assert (np.diff(rising) >= 0).all()

    def test_holes_and_their_soft_edges_stay(self) -> None:
        mask = disc(300, 130)
        hole = cv2.GaussianBlur(disc(300, 30), (0, 0), 5)
        mask = np.minimum(mask, 255 - hole)
        out = erode_feather(mask, 260, erode=0.02, feather=0.08)
        inner = disc(300, 90) > 0
        assert (out[inner] == mask[inner]).all()
        assert out[150, 150] <= 2

    def test_never_grows(self) -> None:
        mask = cv2.GaussianBlur(disc(300, 100), (0, 0), 9)
        for erode, feather in ((0.0, 0.0), (0.0, 0.1), (0.2, 0.1)):
            assert (erode_feather(mask, 200, erode, feather) <= mask).all()

    def test_goes_on_beyond_the_frames_edge(self) -> None:
        mask = disc(200, 80)[100:]
        out = erode_feather(mask, 160)
        assert out[0, 100] == 255

    @pytest.mark.parametrize("face_px", [120.0, 400.0])
    def test_what_lies_around_the_mask_changes_nothing(self, face_px: float) -> None:
        size = int(face_px * 1.2)
        mask = cv2.GaussianBlur(disc(size, face_px / 2), (0, 0), 3)
        wide = cv2.copyMakeBorder(mask, 48, 96, 72, 24, cv2.BORDER_CONSTANT, value=0)
        out = erode_feather(wide, face_px)
        assert (out[48:-96, 72:-24] == erode_feather(mask, face_px)).all()
        assert np.count_nonzero(out) == np.count_nonzero(out[48:-96, 72:-24])

    def test_an_empty_mask_stays_empty(self) -> None:
        assert not erode_feather(np.zeros((60, 50), np.uint8), 40).any()


class TestPaste:
    def test_window_is_the_written_formula(self) -> None:
        frame, patch = noise(1), noise(2, (101, 83))
        mask = np.random.default_rng(3).integers(0, 256, (101, 83), np.uint8)
        before = frame.copy()
        paste(frame, patch, Alignment.window(40, 30, 83, 101), mask)
        k = mask.astype(int)[..., None]
        k = k + (k >> 7)
        below = before[30:131, 40:123].astype(int)
        assert (frame[30:131, 40:123] == (patch.astype(int) * k + below * (256 - k) + 128) >> 8).all()
        frame[30:131, 40:123] = before[30:131, 40:123]
        assert (frame == before).all()

    def test_full_and_empty_masks_are_exact(self) -> None:
        frame, patch = noise(1), noise(2, (50, 60))
        before = frame.copy()
        paste(frame, patch, Alignment.window(5, 6, 60, 50), np.zeros((50, 60), np.uint8))
        assert (frame == before).all()
        paste(frame, patch, Alignment.window(5, 6, 60, 50), np.full((50, 60), 255, np.uint8))
        assert (frame[6:56, 5:65] == patch).all()

    @pytest.mark.parametrize("corner", [(-20, -30), (300, 200), (-20, 220), (310, -10)])
    def test_window_over_the_edge_is_cut(self, corner: tuple[int, int]) -> None:
        frame, patch = noise(1), noise(2, (50, 60))
        before = frame.copy()
        paste(frame, patch, Alignment.window(*corner, 60, 50), np.full((50, 60), 255, np.uint8))
        for y, x in ((0, 0), (239, 0), (0, 319), (239, 319)):
            if 0 <= y - corner[1] < 50 and 0 <= x - corner[0] < 60:
                assert (frame[y, x] == patch[y - corner[1], x - corner[0]]).all()
                break
        else:
            pytest.fail("the window should hold one of the frame's corners")
        x0, y0 = max(corner[0], 0), max(corner[1], 0)
        changed = (frame != before).any(axis=2)
        changed[y0 : corner[1] + 50, x0 : corner[0] + 60] = False
        assert not changed.any()

    def test_window_outside_the_frame_is_nothing(self) -> None:
        frame = noise(1)
        before = frame.copy()
        for corner in ((-60, 0), (320, 0), (0, 240), (0, -50)):
            paste(frame, noise(2, (50, 60)), Alignment.window(*corner, 60, 50), np.full((50, 60), 255, np.uint8))
        turned = Alignment(np.array([[0.9, 0.1, 900], [-0.1, 0.9, 900]], np.float32), 64, 64)
        paste(frame, noise(2, (64, 64)), turned, np.full((64, 64), 255, np.uint8))
        assert (frame == before).all()

    @pytest.mark.parametrize("size_px", [48, 128, 256, 512])
    @pytest.mark.parametrize("degrees", [0.0, 25.0])
    def test_a_crop_comes_back_where_it_was(self, size_px: int, degrees: float) -> None:
        frame = smooth()
        scale, turn = size_px / 140, math.radians(degrees)
        cos, sin = math.cos(turn) * scale, math.sin(turn) * scale
        half = (size_px - 1) / 2
        matrix = [[cos, sin, half - cos * 160 - sin * 120], [-sin, cos, half + sin * 160 - cos * 120]]
        alignment = Alignment(np.array(matrix, np.float32), size_px, size_px)
        patch = crop(frame, alignment).pixels
        out = frame.copy()
        paste(out, patch, alignment, disc(size_px, size_px * 0.45))
        assert np.abs(out.astype(int) - frame).max() <= 5
        canvas = np.zeros_like(frame)
        paste(canvas, np.full_like(patch, 255), alignment, disc(size_px, size_px * 0.3))
        ys, xs = np.nonzero(canvas[..., 0] > 127)
        assert xs.mean() == pytest.approx(160, abs=0.6)
        assert ys.mean() == pytest.approx(120, abs=0.6)
        assert len(xs) == pytest.approx(math.pi * (0.3 * 140) ** 2, rel=0.08)

    @pytest.mark.parametrize("box", [(0, 64, 0, 64), (0, 30, 20, 64), (10, 50, 8, 56)])
    def test_a_mask_goes_as_far_as_the_patch_and_colours_go_on(self, box: tuple[int, int, int, int]) -> None:
        frame, patch = noise(1), noise(2, (64, 64))
        mask = np.zeros((64, 64), np.uint8)
        mask[box[0] : box[1], box[2] : box[3]] = 255
        matrix = np.array([[0.6, 0.2, -52.3], [-0.2, 0.6, 1.7]], np.float32)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        patch_seen = cv2.warpAffine(patch, matrix, (WIDTH, HEIGHT), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        k = cv2.warpAffine(mask, matrix, (WIDTH, HEIGHT), flags=flags).astype(int)[..., None]
        k = k + (k >> 7)
        wanted = (patch_seen.astype(int) * k + frame.astype(int) * (256 - k) + 128) >> 8
        paste(frame, patch, Alignment(matrix, 64, 64), mask)
        # Single precision from another origin: a mask of 127 or 128, and k is 127 or 129.
        assert np.abs(frame.astype(int) - wanted).max() <= 2

    def test_colour_map_is_applied_to_the_patch_alone(self) -> None:
        frame, patch = noise(1), np.full((40, 40, 3), 100, np.uint8)
        colour = np.array([[1, 0, 0, 10], [0, 0.5, 0, 0], [0, 0, 1, -20]], np.float32)
        paste(frame, patch, Alignment.window(0, 0, 40, 40), np.full((40, 40), 255, np.uint8), colour)
        assert (frame[:40, :40] == (110, 50, 80)).all()


SPEC = EngineSpec("test", "numpy", "cpu", "a test asked for it")


class TestBlend:
    @pytest.mark.parametrize("size_px", [None, 128])
    def test_persona_inside_driver_outside(self, size_px: int | None) -> None:
        face = face_in()
        spec = EngineSpec("test", "numpy", "cpu", "a test asked for it", size_px=size_px)
        frame = noise(1) // 8
        before = frame.copy()
        alignment = align(face, spec, WIDTH, HEIGHT)
        patch = np.full((alignment.height, alignment.width, 3), (0, 220, 0), np.uint8)
        mask = np.zeros(patch.shape[:2], np.uint8)
        points = alignment.apply(face.landmarks[:, :2])
        cv2.fillConvexPoly(mask, cv2.convexHull(np.rint(points).astype(np.int32)), 255)
        blend(frame, face, Patch(patch, mask, colour=False), alignment, ColourMatcher(), None, 0)
        assert (frame[120, 160] == (0, 220, 0)).all()
        assert (frame[:50] == before[:50]).all()
        assert (frame[:, :100] == before[:, :100]).all()
        centre = frame[100:140, 140:180]
        assert (centre == (0, 220, 0)).all()

    def test_colour_follows_the_driver_when_the_patch_asks(self) -> None:
        face = face_in()
        alignment = align(face, SPEC, WIDTH, HEIGHT)
        mask = disc(alignment.width, alignment.width * 0.3)[: alignment.height]
        rng = np.random.default_rng(0)
        means = []
        for colour in (True, False):
            frame = np.clip(rng.normal((50, 60, 80), 6, (HEIGHT, WIDTH, 3)), 0, 255).astype(np.uint8)
            bright = rng.normal((150, 170, 210), 6, (alignment.height, alignment.width, 3))
            patch = Patch(bright.astype(np.uint8), mask, colour=colour)
            blend(frame, face, patch, alignment, ColourMatcher(), None, 0)
            means.append(frame[110:130, 150:170].mean(axis=(0, 1)))
        assert means[0] == pytest.approx([60, 71, 93], abs=12)
        assert means[1] == pytest.approx([150, 170, 210], abs=4)

    def test_what_is_occluded_stays_the_drivers(self) -> None:
        face, frame = face_in(), noise(1)
        before = frame.copy()
        alignment = align(face, SPEC, WIDTH, HEIGHT)
        offset = alignment.offset
        assert offset is not None
        shape = (alignment.height, alignment.width)
        occluded = np.zeros(shape, np.uint8)
        occluded[shape[0] // 2 :] = 255
        patch = Patch(np.full((*shape, 3), 9, np.uint8), np.full(shape, 255, np.uint8), colour=False)
        blend(frame, face, patch, alignment, ColourMatcher(), occluded, 0)
        below = slice(offset[1] + shape[0] // 2, offset[1] + shape[0])
        assert (frame[below] == before[below]).all()
        assert (frame[offset[1] + shape[0] // 4, offset[0] + shape[1] // 2] == 9).all()

    def test_sizes_that_do_not_fit_are_refused(self) -> None:
        face, frame = face_in(), noise(1)
        alignment = align(face, SPEC, WIDTH, HEIGHT)
        shape = (alignment.height, alignment.width)
        small = Patch(np.zeros((10, 10, 3), np.uint8), np.zeros((10, 10), np.uint8))
        with pytest.raises(FrameError, match="patch has"):
            blend(frame, face, small, alignment, ColourMatcher(), None, 0)
        fitting = Patch(np.zeros((*shape, 3), np.uint8), np.zeros(shape, np.uint8))
        with pytest.raises(FrameError, match="occlusion mask"):
            blend(frame, face, fitting, alignment, ColourMatcher(), np.zeros((9, 9), np.uint8), 0)
