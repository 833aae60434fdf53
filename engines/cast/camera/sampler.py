"""Draws webcams for training: price and light first, then settings that go with them."""

from __future__ import annotations

from typing import Literal

import numpy as np

from mien.engines.cast.camera.webcam import Webcam


def draw_webcam(rng: np.random.Generator, *, bend: bool = False) -> Webcam:
    """See `Webcam.draw`. A cheap camera is poor in everything; a dark room makes any camera noisy and smeared."""
    cheap, dark = float(rng.beta(1.4, 1.8)), float(rng.beta(1.1, 2.2))
    kinds: tuple[Literal["raw", "mjpeg", "h264"], ...] = ("raw", "mjpeg", "h264")
    return Webcam(
        seed=int(rng.integers(2**31)),
        exposure_ev=float(np.clip(rng.normal(-0.2 * dark, 0.35), -1.2, 1.0)),
        metering=rng.uniform(0.45, 0.95),
        exposure_drift_ev=rng.uniform(0.0, 0.15), hunting_ev=rng.uniform(0.0, 0.4) * (rng.random() < 0.3),
        warmth=float(np.clip(rng.normal(0.0, 0.22), -0.7, 0.7)), tint=float(np.clip(rng.normal(0.0, 0.07), -0.2, 0.2)),
        white_drift=rng.uniform(0.0, 0.1),
        gain_ev=float(np.clip(-2.5 + 2.3 * cheap + 3.6 * dark + rng.normal(0, 0.4), -4.0, 2.5)),
        colour_noise=rng.uniform(0.2, 1.0), blotches=rng.uniform(0.0, 0.5) * cheap * dark,
        grain_px=rng.uniform(0.4, 1.0),
        denoise=rng.uniform(0.3, 1.0) * max(cheap, dark) * (rng.random() < 0.45 + 0.5 * dark),
        scale=1.0 if rng.random() < 0.4 else float(1.0 - rng.uniform(0.0, 0.3) - 0.38 * cheap * rng.random()),
        soft_px=rng.uniform(0.0, 0.5) + 0.5 * cheap * rng.random(), fringe=0.0022 * cheap * rng.random(),
        haze=0.14 * cheap * rng.random(), vignette=rng.uniform(0.0, 0.3) + 0.15 * cheap,
        barrel=rng.uniform(-0.02, 0.06) if bend else 0.0, rolling=rng.uniform(0.3, 0.9) if bend else 0.0,
        shutter=float(np.clip(0.2 + 0.75 * dark + rng.normal(0, 0.1), 0.05, 1.0)),
        contrast=rng.uniform(0.88, 1.25), black=rng.uniform(0.0, 0.05) * cheap,
        saturation=float(np.clip(rng.normal(1.02, 0.16), 0.55, 1.45)),
        sharpen=rng.uniform(0.0, 0.9) + 0.7 * cheap * rng.random(), sharpen_px=rng.uniform(0.7, 1.5),
        codec=kinds[int(rng.choice(3, p=[0.2, 0.5, 0.3]))],
        quality=int(np.clip(92 - 55 * cheap * rng.random() - 8 * rng.random(), 28, 96)), crf=int(rng.integers(19, 36)),
    )  # fmt: skip
