"""A webcam: what stands between a clean picture and the one that a program is handed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.engines.cast.camera import codec as codecs
from mien.engines.cast.camera import lens
from mien.engines.cast.camera.colour import LUMA, Floats, encoded, f32
from mien.engines.cast.camera.sensor import noisy

Pixels = NDArray[np.uint8]

#: Levels of linear light that the tone table tells apart; its first step is under one of 255.
_LEVELS = 8192
#: Linear light above this is white, whatever the tone curve.
_BRIGHTEST = 1.25
#: Amplification at which there is no noise to speak of, and none is made.
_SILENT_EV = -8.0
#: What automatic exposure aims the middle at, linear; how far it can go, stops; and how long it takes, s.
_METER_LEVEL, _METER_RANGE_EV, _METER_S = 0.2, (-0.8, 2.0), 0.8
#: Share of what automatic exposure adds that is amplification, with its noise; the rest is a longer exposure.
_METER_BY_GAIN = 0.5
_NOISE_SALT, _DRIFT_SALT = 0x0E15, 0xD21F


@dataclass(frozen=True, slots=True)
class Webcam:
    """One camera and its settings; the defaults do nothing. State comes only from the seed and the time.

    Attributes:
        seed: of noise and drift.
        exposure_ev: error of the exposure, stops.
        metering: share of the way that automatic exposure goes to the usual brightness, 0..1; dark faces profit.
        exposure_drift_ev: how far it wanders.
        hunting_ev: how far it swings when it hunts, now and then.
        warmth: white balance, stops: red up and blue down by half of it each.
        tint: white balance, stops: green against magenta.
        white_drift: how far the warmth wanders, stops.
        gain_ev: amplification, stops; noise grows with it. -8 makes none.
        colour_noise: coloured noise against grey noise.
        blotches: slow coloured noise.
        grain_px: size of the grey noise.
        denoise: strength of the camera's own smoothing, 0..1.
        scale: resolution that the sensor resolves, against the picture's.
        soft_px: blur of the lens, standard deviation.
        fringe: lateral colour, share of the distance from the middle.
        haze: share of light that a greasy lens scatters.
        vignette: loss of light in the corners, 0..1.
        barrel: radial distortion; landmarks must then go through `where`.
        rolling: share of a frame's time that reading all rows takes; landmarks must then go through `where`.
        shutter: share of a frame's time that the shutter is open.
        contrast: slope of an S-curve around the middle, against 1.
        black: lift of black, 0..1.
        saturation: against 1.
        sharpen: strength of the halo of a webcam's sharpening.
        sharpen_px: its width.
        codec: last, what the picture is sent as; "raw" still halves the chroma's resolution.
        quality: of MJPEG, 1..100.
        crf: of H.264, 0..51.

    """

    seed: int = 0
    exposure_ev: float = 0.0
    metering: float = 0.0
    exposure_drift_ev: float = 0.0
    hunting_ev: float = 0.0
    warmth: float = 0.0
    tint: float = 0.0
    white_drift: float = 0.0
    gain_ev: float = _SILENT_EV
    colour_noise: float = 0.5
    blotches: float = 0.0
    grain_px: float = 0.5
    denoise: float = 0.0
    scale: float = 1.0
    soft_px: float = 0.0
    fringe: float = 0.0
    haze: float = 0.0
    vignette: float = 0.0
    barrel: float = 0.0
    rolling: float = 0.0
    shutter: float = 0.5
    contrast: float = 1.0
    black: float = 0.0
    saturation: float = 1.0
    sharpen: float = 0.0
    sharpen_px: float = 1.0
    codec: Literal["raw", "mjpeg", "h264"] = "raw"
    quality: int = 90
    crf: int = 23

    @classmethod
    def draw(cls, rng: np.random.Generator, *, bend: bool = False) -> Webcam:
        """Any camera that people use, from a good one in daylight to a poor one at night.

        Args:
            rng: where the choices come from.
            bend: draw radial distortion and a rolling shutter too; landmarks must then go through `where`.

        """
        from mien.engines.cast.camera.sampler import draw_webcam

        return draw_webcam(rng, bend=bend)

    def shoot(self, linear_rgb: Floats, time_s: float = 0.0, motion_px: lens.Motion = (0.0, 0.0)) -> Pixels:
        """One frame: (H, W, 3) uint8 BGR.

        Args:
            linear_rgb: (H, W, 3) float32 display-linear RGB 0..1: tone-mapped, before sRGB's transfer curve.
            time_s: since the camera was switched on; the same time gives the same frame, in any order.
            motion_px: how far the picture moves in a frame, (dx, dy) or a field, (H, W, 2) float32.

        """
        height, width = linear_rgb.shape[:2]
        picture, scale = self._develop(linear_rgb, time_s, motion_px, self._metered(linear_rgb))
        if self.codec == "h264":
            picture = codecs.h264_still(picture, self.crf, _step(motion_px, scale))
        else:
            picture = self._sent(picture)
        return _enlarged(picture, height, width)

    def film(
        self, frames: Iterable[Floats], *, fps: float = 30.0, motions: Iterable[lens.Motion] | None = None
    ) -> Iterator[Pixels]:
        """A clip, frame by frame: as `shoot`, but H.264 predicts from the frame before, and metering takes its time.

        Args:
            frames: as for `shoot`, all of one size.
            fps: frames a second.
            motions: of each frame, as for `shoot`; none by default.

        """
        pairs = zip(frames, repeat((0.0, 0.0)) if motions is None else motions, strict=False)
        size = (0, 0)

        def developed() -> Iterator[Pixels]:
            nonlocal size
            level = None
            for k, (frame, motion) in enumerate(pairs):
                size, now = (frame.shape[0], frame.shape[1]), self._metered(frame)
                level = now if level is None else level + (now - level) / max(fps * _METER_S, 1.0)
                yield self._develop(frame, k / fps, motion, level)[0]

        sent = codecs.h264(developed(), self.crf) if self.codec == "h264" else map(self._sent, developed())
        for picture in sent:
            yield _enlarged(picture, *size)

    def where(
        self, points_px: Floats, height: int, width: int, motion_px: tuple[float, float] = (0.0, 0.0)
    ) -> Floats:  # fmt: skip
        """Where landmarks of the clean picture are in the shot one: (N, 2) float32 px, exact.

        Without `barrel` and `rolling` they are where they were.
        """
        if self.barrel == 0.0 and self.rolling == 0.0:
            return points_px
        return lens.bent_points(points_px, height, width, self.barrel, self._skew(motion_px))

    def _sent(self, picture: Pixels) -> Pixels:
        return codecs.jpeg(picture, self.quality) if self.codec == "mjpeg" else _halved_chroma(picture)

    def _metered(self, linear_rgb: Floats) -> float:
        """Stops that automatic exposure adds, by the brightness of the middle, as most cameras weigh it."""
        if self.metering == 0.0:
            return 0.0
        rows, columns = linear_rgb.shape[0] // 8, linear_rgb.shape[1] // 4
        middle = linear_rgb[rows:-rows, columns:-columns]
        seen = float(np.dot(cv2.mean(middle)[:3], LUMA))
        return self.metering * float(np.clip(np.log2(_METER_LEVEL / max(seen, 1e-3)), *_METER_RANGE_EV))

    def _skew(self, motion_px: lens.Motion) -> tuple[float, float]:
        if self.rolling == 0.0 or not isinstance(motion_px, tuple):
            return (0.0, 0.0)
        return motion_px[0] * self.rolling, motion_px[1] * self.rolling

    def _develop(
        self, linear_rgb: Floats, time_s: float, motion_px: lens.Motion, metered_ev: float
    ) -> tuple[Pixels, float]:  # fmt: skip
        """Everything before the codec, (h, w, 3) uint8 BGR as the sensor resolves, and its scale."""
        picture = self._through_lens(linear_rgb, motion_px)
        picture = f32(cv2.transform(picture, np.diag(self.gains(time_s) * 2.0**metered_ev)))
        if self.gain_ev > _SILENT_EV:
            frame = (self.seed, _NOISE_SALT, round(time_s * 1000.0) & 0xFFFFFFFF)
            gain_ev = self.gain_ev + _METER_BY_GAIN * metered_ev
            picture = noisy(picture, gain_ev, self.colour_noise, self.blotches, self.grain_px, frame)
        table = _tones(self.contrast, self.black)
        display = table.take(np.clip(picture * (_LEVELS / _BRIGHTEST), 0, _LEVELS - 1).astype(np.uint16))
        return self._finished(display), picture.shape[1] / linear_rgb.shape[1]

    def _through_lens(self, picture: Floats, motion_px: lens.Motion) -> Floats:
        height, width = picture.shape[:2]
        picture = lens.bent(np.asarray(picture, dtype=np.float32), self.barrel, self._skew(motion_px))
        picture = lens.smeared(picture, motion_px, self.shutter)
        if self.soft_px > 0.05:
            picture = f32(cv2.GaussianBlur(picture, (0, 0), self.soft_px))
        if self.scale < 1.0:
            size = (max(round(width * self.scale), 16), max(round(height * self.scale), 16))
            picture = f32(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
        if self.fringe > 0.0:
            picture = lens.fringed(picture, self.fringe)
        if self.haze > 0.0:
            picture = lens.hazed(picture, self.haze)
        if self.vignette > 0.0:
            picture = picture * lens.vignette(picture.shape[0], picture.shape[1], self.vignette)
        return picture

    def gains(self, time_s: float) -> Floats:
        """(3,) float32: gain of red, green and blue at a time: exposure and white balance as they drift."""
        rng = np.random.default_rng((self.seed, _DRIFT_SALT))
        phases, pause_s = rng.uniform(0.0, 2 * np.pi, (2, 3)), rng.uniform(7.0, 15.0)
        slow = np.sin(2 * np.pi * time_s * np.array([0.05, 0.13, 0.31]) + phases).mean(axis=1)
        # Hunting: a step, answered too strongly, that rings out.
        since = (time_s + rng.uniform(0.0, pause_s)) % pause_s
        swing = np.exp(-since / 0.7) * np.sin(2 * np.pi * since / 1.1)
        level = self.exposure_ev + self.exposure_drift_ev * slow[0] + self.hunting_ev * swing
        warm = self.warmth + self.white_drift * slow[1]
        colour = 2.0 ** np.array([warm / 2, self.tint, -warm / 2])
        return np.asarray(2.0**level * colour / (LUMA @ colour), dtype=np.float32)

    def _finished(self, display: Floats) -> Pixels:
        """Smoothing, saturation and sharpening of (h, w, 3) float32 display RGB 0..1; uint8 BGR."""
        if self.denoise > 0.0:
            width = 0.03 + 0.12 * self.denoise
            display = f32(cv2.bilateralFilter(display, 5, width, 0.6 + 1.2 * self.denoise))
        if self.saturation != 1.0:
            grey = np.tile(LUMA, (3, 1))
            display = f32(cv2.transform(display, grey + self.saturation * (np.eye(3, dtype=np.float32) - grey)))
        if self.sharpen > 0.0:
            luma = cv2.transform(display, LUMA[None])
            halo = (luma - cv2.GaussianBlur(luma, (0, 0), self.sharpen_px)) * np.float32(self.sharpen)
            display = display + cv2.merge([halo, halo, halo])
        return np.asarray(cv2.convertScaleAbs(np.maximum(display, 0.0)[:, :, ::-1], alpha=255.0), dtype=np.uint8)


#: For clips that are shipped: a good camera, on a good day.
CLEAN = Webcam(
    seed=1, exposure_drift_ev=0.03, white_drift=0.02, gain_ev=-2.5, colour_noise=0.3, grain_px=0.6, soft_px=0.35,
    fringe=0.0003, vignette=0.1, contrast=1.04, saturation=1.04, sharpen=0.35,
)  # fmt: skip


@lru_cache(maxsize=64)
def _tones(contrast: float, black: float) -> Floats:
    """(_LEVELS,) float32: linear light to display 0..1; clipped as a sensor clips."""
    display = encoded(np.arange(_LEVELS, dtype=np.float32) * np.float32(_BRIGHTEST / _LEVELS))
    # An S through (0, 0), (1/2, 1/2) and (1, 1); cubic, steeper in the middle by what `contrast` says.
    bend = 2.0 * (contrast - 1.0)
    curved = display + bend * (display * (1.0 - display) * (2.0 * display - 1.0))
    out = np.asarray(black + (1.0 - black) * np.clip(curved, 0.0, 1.0), dtype=np.float32)
    out.setflags(write=False)
    return out


def _step(motion_px: lens.Motion, scale: float) -> tuple[float, float]:
    """What the frame before differs by; nobody sits still to the pixel."""
    mean = motion_px if isinstance(motion_px, tuple) else motion_px.mean(axis=(0, 1))
    return float(mean[0]) * scale + 0.6, float(mean[1]) * scale + 0.3


def _halved_chroma(picture: Pixels) -> Pixels:
    rows, columns = picture.shape[:2]
    even = cv2.copyMakeBorder(picture, 0, rows % 2, 0, columns % 2, cv2.BORDER_REPLICATE)
    back = cv2.cvtColor(cv2.cvtColor(even, cv2.COLOR_BGR2YUV_I420), cv2.COLOR_YUV2BGR_I420)
    return np.ascontiguousarray(back[:rows, :columns], dtype=np.uint8)


def _enlarged(picture: Pixels, height: int, width: int) -> Pixels:
    if picture.shape[:2] == (height, width):
        return picture
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)
