"""A persona's trained networks, made into an engine by the best runtime of this machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from mien.engines.personas.pack import Networks
from mien.engines.runtimes.base import DEFAULT_THREADS, NetworkFile, Wanted
from mien.engines.runtimes.table import AUTO, Device, Opened, open_runner
from mien.engines.swapnet.code import NAMED, TRACKED_SIZE
from mien.engines.swapnet.edit import CodeEdit
from mien.engines.swapnet.engine import Network, SwapNetEngine
from mien.engines.swapnet.marks import MARKS_NOTE, Marks
from mien.engines.swapnet.sizes import size_named
from mien.engines.swapnet.terms import FRONT_PX, MARGIN, SEEN_PX
from mien.engines.swapnet.texture import TEXTURE_NOTE, read_texture
from mien.realtime.closing import closed_on_failure
from mien.realtime.engine import EngineSpec
from mien.realtime.errors import EngineError, ModelError
from mien.realtime.frame import Floats

#: Greatest share of each expression in `mild_code`.
_MILD: Final = 0.2
_SEED: Final = 55


@dataclass(frozen=True, slots=True, eq=False)
class Halves:
    """A network's two halves, checked, whatever will run them.

    Attributes:
        encoder: everybody's.
        decoder: the persona's.
        free: numbers in the free half of the code between them.
        size_px: side of the square that is painted.
        texture: of the persona, see `mien.engines.swapnet.texture.read_texture`.
        marks: of the persona.

    """

    encoder: NetworkFile
    decoder: NetworkFile
    free: int
    size_px: int
    texture: Floats
    marks: Marks


def open_engine(
    networks: Networks,
    size: str,
    *,
    reason: str,
    runtime: str = AUTO,
    device: Device = "auto",
    threads: int = DEFAULT_THREADS,
    precision: Wanted = "auto",
    edit: Callable[[], CodeEdit] | None = None,
) -> SwapNetEngine:
    """Load both halves of a network; takes about two seconds, off the live path.

    Args:
        networks: of a persona.
        size: of its decoders.
        reason: why this engine, for the console; the runtime's own reason follows it.
        runtime: a name of `runtimes.table.runtime_names`, or "auto".
        device: where.
        threads: of each of the runtimes.
        precision: see `Wanted`; "int8" is the decoder's, as no encoder has such layers.
        edit: see `SwapNetEngine`.

    Raises:
        EngineError: the persona has no decoder of this size, or no runtime is installed or runs it.
        ModelError: the files are no networks of the expected shapes.
        MissingExtraError: onnx, which reads the files, is not installed.

    """
    halves = read_halves(networks, size)
    encoder, decoder = halves.encoder, halves.decoder
    read_by: Wanted = "auto" if precision == "int8" else precision
    first = open_runner(encoder, runtime=runtime, device=device, threads=threads, precision=read_by)
    with closed_on_failure(first.runner):
        mild = mild_code(first.runner)
        second = open_runner(decoder, runtime=runtime, device=device, threads=threads, precision=precision, sample=mild)
    spec = EngineSpec(
        name=f"swapnet-{size}", runtime=second.runner.name, device=second.runner.device,
        precision=second.runner.precision, reason=joined_reason(reason, first, second), size_px=halves.size_px,
        margin=MARGIN, edits=True,
    )  # fmt: skip
    return SwapNetEngine(first.runner, second.runner, spec, halves.texture, halves.marks, edit)


def read_halves(networks: Networks, size: str) -> Halves:
    """Read and check both halves of a network for a size of its decoders; raises as `open_engine`."""
    if size not in networks.decoders:
        raise EngineError(f"The persona has no {size} network; it has {', '.join(networks.decoders)}.")
    encoder, decoder = encoder_file(networks), decoder_file(networks, size)
    free = next((port.shape[1] for port in encoder.outputs if port.name == "free" and len(port.shape) == 2), 0)
    code = {"named": (1, len(NAMED)), "free": (1, free)}
    encoder.check(
        inputs={"pixels": (1, 3, SEEN_PX, SEEN_PX), "tracked": (1, TRACKED_SIZE)},
        outputs=code | {"front": (1, 1, FRONT_PX, FRONT_PX)},
    )
    side = size_named(size).size_px
    for note in (TEXTURE_NOTE, MARKS_NOTE):
        if note not in decoder.notes:
            raise ModelError(
                f"The network {decoder.name!r} lacks {note}: another version of Mien made it.",
                hint="Train it again: mien train",
            )
    decoder.check(inputs=code, outputs={"painted": (1, side, side, 5), "where": (1, side // 2, side // 2, 3)})
    texture = read_texture(decoder.notes[TEXTURE_NOTE], decoder.name)
    marks = Marks.from_note(decoder.notes[MARKS_NOTE], decoder.name)
    return Halves(encoder, decoder, free, side, texture, marks)


def mild_code(encoder: Network) -> dict[str, Floats]:
    """The code that a decoder is compared on, by the names of its inputs; the same each time.

    A grey picture of a person at rest, with a little of every expression: at rest alone the weights of the names would
    meet nothing but 0, and 8-bit layers cut off what no code of a driver asks for, such as all expressions at once.
    """
    grey = np.full((1, 3, SEEN_PX, SEEN_PX), 0.5, np.float32)
    said = encoder({"pixels": grey, "tracked": np.zeros((1, TRACKED_SIZE), np.float32)})
    little = np.random.default_rng(_SEED).uniform(0, _MILD, len(NAMED)).astype(np.float32)
    return {"named": (CodeEdit().apply(said["named"][0]) + little)[None], "free": said["free"].copy()}


def encoder_file(networks: Networks) -> NetworkFile:
    """The half that is everybody's; raises `ModelError`."""
    return NetworkFile(networks.encoder, "the encoder")


def decoder_file(networks: Networks, size: str) -> NetworkFile:
    """The persona's half, of a size that it has; raises `ModelError`."""
    return NetworkFile(networks.decoders[size], f"the {size} decoder", int8=networks.int8.get(size, b""))


def joined_reason(why: str, encoder: Opened, decoder: Opened) -> str:
    """Both halves' reasons: once, where they run alike."""
    ran = [(each.runner.name, each.runner.device, each.runner.precision) for each in (encoder, decoder)]
    if ran[0] == ran[1]:
        return f"{why}; {decoder.reason}"
    return f"{why}; decoder: {decoder.reason}; encoder: {encoder.reason}"
