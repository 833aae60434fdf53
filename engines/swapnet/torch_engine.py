"""The swap network as an engine whose picture stays on the GPU: PyTorch, two CUDA graphs, one wait between them.

The code between encoder and decoder is steadied, edited and told where to bend on the processor, for it is a few
hundred numbers; everything of a picture's size stays where it is. Imports no OpenCV.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from torch import Tensor, nn

from mien.engines.cuda.engine import DevicePatch
from mien.engines.runtimes.torch_runtime import as_it_runs
from mien.engines.swapnet.code import NAMED, TRACKED_SIZE, tell, tracked_code
from mien.engines.swapnet.edit import CodeEdit
from mien.engines.swapnet.finish import Finish, Finished, Seen
from mien.engines.swapnet.likeness import GRID, Likeness
from mien.engines.swapnet.marks import Marks
from mien.engines.swapnet.steady import SteadyCode
from mien.realtime.engine import EngineSpec
from mien.realtime.errors import EngineError
from mien.realtime.face import Face
from mien.realtime.frame import Alignment, Crop, Floats, Patch

#: Runs before a capture: libraries choose their kernels and allocate their workspaces in the first ones.
_WARM_UPS = 3
_FAULTS = (
    "the encoder gave numbers that are not finite.",
    "the decoder gave numbers that are not finite.",
    "too much of the face is behind something.",
)


class TorchSwapEngine:
    """`mien.engines.cuda.engine.DeviceEngine` over an encoder's and a decoder's module.

    Args:
        encoder: `graphs.EncoderGraph` with its weights.
        decoder: `graphs.DecoderGraph` with its weights.
        spec: with `size_px` the decoder's, a multiple of 128; its device is where the modules run.
        texture: see `SwapNetEngine`.
        marks: see `SwapNetEngine`.
        edit: see `SwapNetEngine`.
        compiled: by `torch.compile`; takes from seconds to minutes.

    Raises `EngineError` for another size, or when PyTorch fails on the device.

    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        spec: EngineSpec,
        texture: Floats,
        marks: Marks,
        edit: Callable[[], CodeEdit] | None = None,
        *,
        compiled: bool = False,
    ) -> None:
        if spec.size_px is None:
            raise EngineError("the network wants a square, and its spec names no size.")
        self._spec, self._edit = spec, edit if edit is not None else CodeEdit
        self._place = torch.device(spec.device)
        self._bfloat16 = spec.precision == "bfloat16"
        self._likeness, self._steady = Likeness(marks, spec.size_px), SteadyCode()
        modules = (encoder, decoder, Seen(spec.size_px), Finish(spec.size_px, texture))
        self._checked = True
        self._graphs: tuple[torch.cuda.CUDAGraph, ...] = ()
        try:
            self._modules: tuple[nn.Module, ...] | None = tuple(
                as_it_runs(each, self._place, compiled=compiled) for each in modules
            )
            self._crop = self._there(spec.size_px, spec.size_px, 3, dtype=torch.uint8)
            self._faults = self._there(len(_FAULTS))
            self._start()
        except RuntimeError as error:
            raise EngineError(f"PyTorch cannot run the network on {spec.device}: {error}") from error

    @property
    def spec(self) -> EngineSpec:
        """Constant."""
        return self._spec

    @property
    def crop_address(self) -> int:
        """See `DeviceEngine`."""
        return self._crop.data_ptr()

    def paint(self, face: Face, alignment: Alignment, stream: int) -> DevicePatch:
        """See `DeviceEngine`."""
        if self._modules is None:
            raise EngineError("the engine is closed.")
        try:
            with torch.inference_mode(), self._on(stream):
                done = self._queue(face, alignment)
        except EngineError:
            raise
        except RuntimeError as error:
            raise EngineError(f"PyTorch failed on the network: {error}") from error
        return DevicePatch(done.pixels.data_ptr(), done.mask.data_ptr(), done.wet.data_ptr())

    def check(self) -> None:
        """See `DeviceEngine`."""
        self._checked = True
        for fault, text in zip(self._faults_here.tolist(), _FAULTS, strict=True):
            if fault:
                raise EngineError(text)

    def __call__(self, face: Face, crop: Crop) -> Patch:
        """See `mien.realtime.engine.Engine`: for painters whose frames lie in this computer's memory."""
        side = self._crop.shape[0]
        if crop.pixels.shape[:2] != (side, side):
            raise EngineError(f"the network wants a square of {side} px, got {crop.pixels.shape[:2]}.")
        self._crop.copy_(torch.from_numpy(np.ascontiguousarray(crop.pixels)))
        stream = torch.cuda.current_stream(self._place).cuda_stream if self._place.type == "cuda" else 0
        self.paint(face, crop.alignment, stream)
        pixels, mask, wet = (each.cpu().numpy() for each in self._finished[:3])
        self.check()
        return Patch(pixels, mask, lit=wet)

    def close(self) -> None:
        """Free the modules and the graphs; idempotent."""
        self._modules = None
        self._graphs = ()

    # -- one frame

    def _queue(self, face: Face, alignment: Alignment) -> Finished:
        tracked = tracked_code(face)
        self._tracked_here[0].copy_(torch.from_numpy(tracked))
        self._tracked.copy_(self._tracked_here, non_blocking=True)
        self._replay(0)
        self._code_here.copy_(self._code, non_blocking=True)
        self._wait()
        code = self._code_here[0].numpy().copy()
        if not np.isfinite(code).all():
            raise EngineError("the encoder gave numbers that are not finite.")
        tell(code[: len(NAMED)], tracked)
        named, free = self._steady(face.track_id, code[: len(NAMED)], code[len(NAMED) :])
        # Kept within the trained range either way, so that only what the user asked for counts as an edit.
        named, told = CodeEdit().apply(named), self._edit().apply(named)
        self._told_here[0].copy_(torch.from_numpy(np.concatenate([told, free])))
        self._moves_here.copy_(torch.from_numpy(self._likeness.moves(face, alignment, named, told)))
        self._told.copy_(self._told_here, non_blocking=True)
        self._moves.copy_(self._moves_here, non_blocking=True)
        self._replay(1)
        if self._checked:
            self._faults.zero_()
            self._checked = False
        torch.maximum(self._faults, self._finished.faults, out=self._faults)
        self._faults_here.copy_(self._faults, non_blocking=True)
        return self._finished

    def _encode(self) -> None:
        assert self._modules is not None
        encoder, _, seen, _ = self._modules
        with self._autocast():
            named, free, self._front = encoder(seen(self._crop), self._tracked)
        self._front = self._front.float()
        self._code = torch.cat([named.float(), free.float()], 1)

    def _decode(self) -> None:
        assert self._modules is not None
        _, decoder, _, finish = self._modules
        with self._autocast():
            painted, where = decoder(self._told[:, : len(NAMED)], self._told[:, len(NAMED) :])
        self._finished: Finished = finish(painted.float(), where.float(), self._crop, self._front, self._moves)

    # -- the device

    def _start(self) -> None:
        """Run both halves once to know their shapes, and capture them where there are graphs."""
        self._tracked, self._tracked_here = self._there(1, TRACKED_SIZE), self._here(1, TRACKED_SIZE)
        self._moves, self._moves_here = self._there(2, GRID, GRID), self._here(2, GRID, GRID)
        self._faults_here = self._here(len(_FAULTS))
        with torch.inference_mode():
            if self._place.type != "cuda":
                self._encode()
                self._size_of_code()
                self._decode()
                return
            side = torch.cuda.Stream(self._place)  # type: ignore[no-untyped-call]
            side.wait_stream(torch.cuda.current_stream(self._place))
            with torch.cuda.stream(side):
                self._encode()
                self._size_of_code()
                for _ in range(_WARM_UPS):
                    self._encode()
                    self._decode()
            side.synchronize()
            self._graphs = tuple(self._captured(each, side) for each in (self._encode, self._decode))

    def _captured(self, half: Callable[[], None], side: torch.cuda.Stream) -> torch.cuda.CUDAGraph:
        graph = torch.cuda.CUDAGraph()
        # Other threads may use the GPU meanwhile: the persona before is still worn.
        with torch.cuda.graph(graph, stream=side, capture_error_mode="thread_local"):
            half()
        return graph

    def _size_of_code(self) -> None:
        size = self._code.shape[1]
        self._told, self._told_here, self._code_here = self._there(1, size), self._here(1, size), self._here(1, size)

    def _replay(self, half: int) -> None:
        if self._graphs:
            self._graphs[half].replay()
        else:
            (self._encode, self._decode)[half]()

    def _wait(self) -> None:
        if self._place.type == "cuda":
            torch.cuda.current_stream(self._place).synchronize()

    def _on(self, stream: int) -> AbstractContextManager[object]:
        if self._place.type != "cuda":
            return nullcontext()
        there = torch.cuda.ExternalStream(stream, device=self._place)  # type: ignore[no-untyped-call]
        return torch.cuda.stream(there)

    def _autocast(self) -> AbstractContextManager[object]:
        # Without its cache: weights that were cast outside a captured graph would not be part of it.
        if self._bfloat16:
            return torch.autocast(self._place.type, torch.bfloat16, cache_enabled=False)
        return nullcontext()

    def _there(self, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        return torch.zeros(shape, dtype=dtype, device=self._place)

    def _here(self, *shape: int) -> Tensor:
        made = torch.zeros(shape)
        return made.pin_memory() if self._place.type == "cuda" else made
