"""What was recorded (`mien.engines.cuda.recorded_case`), made into engines and pictures on a GPU host."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch

from mien.engines.cuda.painter import CudaPainter
from mien.engines.cuda.recorded_case import Case, Moment, Pattern, Plate
from mien.engines.swapnet.graphs import DecoderGraph, EncoderGraph
from mien.engines.swapnet.marks import Marks
from mien.engines.swapnet.network import Decoder, Encoder, EncoderSpec
from mien.engines.swapnet.sizes import SIZES
from mien.engines.swapnet.terms import MARGIN
from mien.engines.swapnet.torch_engine import TorchSwapEngine
from mien.realtime.aligner import align
from mien.realtime.blend_terms import STRENGTH
from mien.realtime.engine import EngineSpec
from mien.realtime.face import Face
from mien.realtime.frame import Frame, Pixels


def engine_of(
    case: Case, size: str, device: str, precision: Literal["bfloat16", "float32"], *, compiled: bool = False
) -> TorchSwapEngine:
    """The recorded persona's engine; a size that was not recorded gets weights by chance, for times alone."""
    known = size if size in case.decoders else "base"
    encoder, decoder = Encoder(EncoderSpec(free=case.free)), Decoder(SIZES[size], case.free)
    encoder.load_state_dict({name: torch.from_numpy(each) for name, each in case.encoder.items()})
    if size in case.decoders:
        decoder.load_state_dict({name: torch.from_numpy(each) for name, each in case.decoders[size].items()})
    spec = EngineSpec(
        f"swapnet-{size}", "torch", device, "recorded", size_px=SIZES[size].size_px, margin=MARGIN, precision=precision
    )
    marks = Marks.from_note(case.marks[known], "recorded")
    return TorchSwapEngine(
        EncoderGraph(encoder), DecoderGraph(decoder), spec, case.textures[known], marks, compiled=compiled
    )


def painted(painter: CudaPainter, case: Case, moment: Moment, engine: TorchSwapEngine, size: str) -> Pixels:
    """A recorded moment, swapped and marked on a device."""
    painting = painter.begin(Frame(moment.pixels, 0, 0, 0), {})
    painting.swap(moment.face, moment.alignments[size], engine, strength=STRENGTH)
    painting.lay(case.plate, *case.corner)
    painting.watermark(case.pattern)
    return painting.finish()


def enlarged(moment: Moment, engine: TorchSwapEngine, width: int, height: int, faces: int) -> tuple[Frame, list[Any]]:
    """The moment's frame at another size, and (face, alignment) of so many faces in a row across it."""
    rows, columns = (
        np.arange(new) * old // new for new, old in zip((height, width), moment.pixels.shape, strict=False)
    )
    frame = Frame(np.ascontiguousarray(moment.pixels[rows][:, columns]), 0, 0, 0)
    scale = height / moment.pixels.shape[0] / (1 if faces == 1 else 1.6)
    placed = []
    for index in range(faces):
        landmarks = moment.face.landmarks * np.float32(scale)
        landmarks[:, 0] += (index + 0.5) * width / faces - landmarks[:, 0].mean()
        face = Face(index + 1, landmarks, moment.face.blendshapes, moment.face.pose, moment.face.neutral)
        placed.append((face, align(face, engine.spec, width, height)))
    return frame, placed


def marks_for(width: int, height: int) -> tuple[Plate, Pattern]:
    """A plate and a pattern of a frame's size, by chance: their time is a real one's."""
    rng = np.random.default_rng(0)
    plate = (height // 12, width // 7, 3)
    keep = rng.integers(0, 257, plate).astype(np.uint16)
    pattern = rng.integers(-1, 2, (height, width)).astype(np.int8)
    return Plate((256 - keep) // 2, keep), Pattern(pattern)
