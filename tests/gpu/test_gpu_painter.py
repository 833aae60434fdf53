"""On a GPU: the kernels give there what g++ gives here, and whole frames are the reference's. NumPy and torch alone."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "cuda"))
#: Made by benchmarks/gpu_record.py.
CASE = Path(os.environ.get("MIEN_GPU_CASE", ROOT / "out" / "gpu-day" / "case.npz"))
#: Levels of 255. The same source runs on both, but a GPU's powers and roots differ in their last bits.
KERNELS_MOST = 1
#: As in tests/cuda/test_cuda_painter.py and tests/swapnet/test_swapnet_torch_engine.py together.
FRAME_MOST, FRAME_MEAN = 5, 0.3

pytestmark = pytest.mark.gpu


@pytest.fixture(scope="module")
def case() -> Any:
    if not CASE.is_file():
        pytest.fail(f"{CASE} is not there: run benchmarks/gpu_record.py first.")
    from mien.engines.cuda.recorded_case import read_case

    return read_case(CASE)


@pytest.fixture
def painters() -> Iterator[tuple[Any, Any]]:
    """(on the GPU, by g++)."""
    from emulated_device import EmulatedDevice

    from mien.engines.cuda.device import open_device
    from mien.engines.cuda.fatbin import read_fatbin
    from mien.engines.cuda.painter import CudaPainter

    device = open_device()
    device.load(read_fatbin())
    both = CudaPainter(device), CudaPainter(EmulatedDevice())
    yield both
    for painter in both:
        painter.close()


class Placed:
    """An engine whose patch lies in its painter's own memory: the same for each painter, so kernels are compared."""

    def __init__(self, painter: Any, size_px: int) -> None:
        from mien.realtime.engine import EngineSpec

        self.spec = EngineSpec("placed", "numpy", "cpu", "a test asked for it", size_px=size_px)
        self._painter = painter
        rng = np.random.default_rng(7)
        coarse = rng.integers(30, 220, (size_px // 16, size_px // 16, 3)).astype(np.uint8)
        self._pixels = np.ascontiguousarray(coarse.repeat(16, 0).repeat(16, 1))
        line = np.linspace(-1.2, 1.2, size_px)
        radius = np.hypot(line[:, None], line)
        self._mask = (np.clip((1 - radius) * 4, 0, 1) * 255).astype(np.uint8)
        self._lit = (np.clip((0.3 - radius) * 4, 0, 1) * 255).astype(np.uint8)

    @property
    def crop_address(self) -> int:
        self._crop = self._painter.scratch.take(self._pixels.nbytes)
        return self._crop

    def paint(self, face: Any, alignment: Any, stream: int) -> Any:
        from mien.engines.cuda.engine import DevicePatch

        return DevicePatch(*(self._painter.scratch.put(each) for each in (self._pixels, self._mask, self._lit)))

    def __call__(self, face: Any, crop: Any) -> Any:
        raise AssertionError("its patch lies on the device")

    def check(self) -> None:
        """Nothing goes wrong late."""

    def close(self) -> None:
        """Nothing is held."""


@pytest.mark.parametrize("size", ["small", "base"])
@pytest.mark.parametrize("index", [0, 1, 2])
def test_whole_frames_are_the_references(case: Any, painters: tuple[Any, Any], size: str, index: int) -> None:
    from mien.engines.cuda.host_case import engine_of, painted

    engine = engine_of(case, size, "cuda:0", "float32")
    moment = case.moments[index]
    apart = np.abs(painted(painters[0], case, moment, engine, size).astype(int) - moment.expected[size])
    engine.close()
    assert apart.max() <= FRAME_MOST
    assert apart.mean() <= FRAME_MEAN


def test_kernels_give_what_gpp_gives(case: Any, painters: tuple[Any, Any]) -> None:
    from mien.realtime.blend_terms import STRENGTH
    from mien.realtime.frame import Frame

    pictures = []
    for painter in painters:
        moment = case.moments[0]
        width = moment.pixels.shape[1]
        painting = painter.begin(Frame(moment.pixels, 0, 0, 0), {})
        painting.cover([(10.0, 20.0, 120.0, 160.0), (width - 60.0, -20.0, width + 30.0, 90.0)])
        for size, alignment in moment.alignments.items():
            assert size in ("small", "base")
            painting.swap(moment.face, alignment, Placed(painter, alignment.width), strength=STRENGTH)
        painting.fade(np.ascontiguousarray(moment.pixels[::-1, ::-1]), 0.6)
        assert 0 < painting.lightness(4, 4, 104, 44) < 255
        painting.lay(case.plate, *case.corner)
        painting.watermark(case.pattern)
        pictures.append(painting.finish().astype(int))
    assert np.abs(pictures[0] - pictures[1]).max() <= KERNELS_MOST


def test_frames_are_copied_ahead_while_others_are_painted(case: Any, painters: tuple[Any, Any]) -> None:
    from mien.realtime.frame import Frame

    pictures = [case.moments[index % len(case.moments)].pixels for index in range(24)]
    frames = [Frame(pixels, index, index, index) for index, pixels in enumerate(pictures)]
    for painter in painters:
        painting = painter.begin(frames[0], {})
        for before, frame in itertools.pairwise(frames):
            painter.expect(frame)
            assert np.array_equal(painting.finish(), before.pixels)
            painting = painter.begin(frame, {})
        assert np.array_equal(painting.finish(), frames[-1].pixels)


def test_a_second_engine_shares_the_context(case: Any, painters: tuple[Any, Any]) -> None:
    """torch's graphs and the painter's kernels run in one context: an engine that loads meanwhile disturbs nothing."""
    from mien.engines.cuda.host_case import engine_of, painted

    first = engine_of(case, "small", "cuda:0", "bfloat16")
    before = painted(painters[0], case, case.moments[0], first, "small").copy()
    second = engine_of(case, "base", "cuda:0", "bfloat16")
    again = painted(painters[0], case, case.moments[0], first, "small")
    assert np.array_equal(before, again)
    second.close()
    first.close()
