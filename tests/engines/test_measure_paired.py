from __future__ import annotations

import cv2
import numpy as np
import pytest

from mien.engines.measure.paired import landmark_error, paired_score

RNG = np.random.default_rng(0)
TRUTH = cv2.GaussianBlur(RNG.integers(0, 256, (64, 64, 3), np.uint8), (0, 0), 1.0).astype(np.uint8)
MASK = np.zeros((64, 64), np.uint8)
MASK[16:48, 16:48] = 255


def test_the_truth_is_perfect() -> None:
    score = paired_score(TRUTH, MASK, TRUTH, MASK)
    assert score.psnr > 90
    assert (score.ssim, score.sharpness, score.iou) == pytest.approx((1, 1, 1))


def test_only_the_inside_counts() -> None:
    drawn = TRUTH.copy()
    drawn[:8] = 0
    assert paired_score(drawn, MASK, TRUTH, MASK).psnr > 90
    drawn = np.clip(TRUTH.astype(int) + 10, 0, 255).astype(np.uint8)
    assert paired_score(drawn, MASK, TRUTH, MASK).psnr == pytest.approx(28.1, abs=0.3)


def test_blur_is_less_sharp_and_noise_more() -> None:
    soft = np.asarray(cv2.GaussianBlur(TRUTH, (0, 0), 1.5), np.uint8)
    noisy = np.clip(TRUTH + RNG.normal(0, 20, TRUTH.shape), 0, 255).astype(np.uint8)
    assert paired_score(soft, MASK, TRUTH, MASK).sharpness < 0.5
    assert paired_score(noisy, MASK, TRUTH, MASK).sharpness > 1.3
    assert paired_score(soft, MASK, TRUTH, MASK).ssim < 0.95


def test_masks_are_compared_by_their_overlap() -> None:
    half = MASK.copy()
    half[32:] = 0
    assert paired_score(TRUTH, half, TRUTH, MASK).iou == pytest.approx(0.5)
    with pytest.raises(ValueError, match="nothing lies inside"):
        paired_score(TRUTH, MASK, TRUTH, np.zeros_like(MASK))
    with pytest.raises(ValueError, match="sizes differ"):
        paired_score(TRUTH, MASK[:32], TRUTH, MASK)


def test_landmarks_are_off_by_parts_of_the_eyes_distance() -> None:
    true = RNG.uniform(0, 100, (478, 3)).astype(np.float32)
    true[33, :2], true[263, :2] = (20, 50), (80, 50)
    seen = true + np.array([3, 0, 50], np.float32)
    assert landmark_error(seen, true) == pytest.approx(5)
