"""A trained decoder with 8-bit layers, for processors that compute them sooner than any other numbers.

Decoders alone: an encoder is small, and its map of what is in front loses too much. What a decoder is given are codes
of drivers, whoever its persona is, so any samples of drivers show the ranges of its numbers.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from mien.engines.runtimes.base import NetworkFile
from mien.engines.runtimes.int8 import check_near, held_out, quantise
from mien.engines.runtimes.integer_weights import without_weights
from mien.engines.runtimes.onnxruntime_runtime import OnnxRuntimeRunner
from mien.engines.runtimes.verify import TOLERANCES, Tolerance
from mien.engines.swapnet.code import tell
from mien.engines.swapnet.dataset import Samples
from mien.engines.swapnet.edit import CodeEdit
from mien.engines.swapnet.engine import bgr_and_face
from mien.engines.swapnet.load import mild_code
from mien.engines.swapnet.texture import TEXTURE_NOTE, dressed, read_texture
from mien.realtime.errors import EngineError
from mien.realtime.frame import Floats

#: Drivers' pictures whose codes the ranges are measured on, unless more are asked for.
CODES: Final = 256
#: What 8 bits may cost. The best decoders are 29 dB from the truth: at 40 dB the error grows by a twelfth, which is
#: 0.3 dB, and at 32, in a face with a rare expression, by half.
LEAST_MEAN_DB, LEAST_DB = 40.0, 32.0
#: Of the outputs themselves, which lie far apart where there is no face: only noise is refused.
_ROUGH: Final = Tolerance(0.0, 0.3)
_HALF_A_FACE: Final = 127


def integer_decoder(encoder: NetworkFile, decoder: NetworkFile, samples: Samples, *, codes: int = CODES) -> bytes:
    """A decoder's 8-bit layers, as `mien.engines.runtimes.integer_weights` stores them beside the decoder.

    Args:
        encoder: whose codes the decoder paints.
        decoder: in float32, with its notes.
        samples: of drivers, seen as the live path sees them.
        codes: at most so many of them are used, evenly over all.

    Raises:
        EngineError: the faces that it paints are not near enough to the decoder's, or no machine would play it.
        MissingExtraError: NNCF, ONNX or ONNX Runtime is not installed.
        ModelError: the decoder is quantised already, or NNCF refuses it.

    """
    seen, mild = _codes(encoder, samples, codes)
    made = quantise(decoder, seen, samples=len(seen), tolerance=_ROUGH)
    near = _nearness(decoder, made, held_out(seen))
    # Not the other way round: where no face is painted the figure is no number, and refused.
    if not (np.mean(near) >= LEAST_MEAN_DB and all(each >= LEAST_DB for each in near)):
        raise EngineError(
            f"The faces of {decoder.name!r} with 8-bit layers are {np.mean(near):.1f} dB from what they were, at worst "
            f"{min(near):.1f}; asked are {LEAST_MEAN_DB:.0f} and {LEAST_DB:.0f}.",
            hint="Measure on more drivers (mien persona quantise --samples), or leave it as it is.",
        )
    # As whoever opens it will, so that no pack holds what every machine refuses.
    check_near(decoder, made, [mild], TOLERANCES["int8"])
    return without_weights(made.onnx, decoder.onnx, decoder.name)


def _nearness(decoder: NetworkFile, made: NetworkFile, codes: list[dict[str, Floats]]) -> list[float]:
    """The dB between the faces that both paint of each code, texture and all, where there is a face."""
    texture = read_texture(decoder.notes[TEXTURE_NOTE], decoder.name)
    texture = np.dstack([texture, np.zeros_like(texture[..., :1])])
    before, after = OnnxRuntimeRunner(decoder), OnnxRuntimeRunner(made)
    found = []
    try:
        for code in codes:
            one, other = (_painted(runner, code, texture) for runner in (before, after))
            error = np.square(one - other)[one[..., 3] > _HALF_A_FACE][:, :3]
            found.append(float(10 * np.log10(255**2 / max(error.mean(), 1e-6))))
    finally:
        before.close()
        after.close()
    return found


def _painted(runner: OnnxRuntimeRunner, code: dict[str, Floats], texture: Floats) -> Floats:
    out = runner(code)
    return np.asarray(dressed(bgr_and_face(out["painted"][0]), out["where"][0], texture), np.float32)


def _codes(encoder: NetworkFile, samples: Samples, most: int) -> tuple[list[dict[str, Floats]], dict[str, Floats]]:
    """What an encoder says of drivers, as the live path gives it to a decoder; and `mild_code`."""
    chosen = np.linspace(0, len(samples) - 1, min(most, len(samples))).round().astype(int).tolist()
    rng = np.random.default_rng(0)
    runner = OnnxRuntimeRunner(encoder)
    codes = []
    try:
        for index in chosen:
            seen = samples.batch([index], None, rng, None)
            pixels, tracked = np.ascontiguousarray(seen.pixels.numpy()), seen.tracked.numpy()
            said = runner({"pixels": pixels, "tracked": tracked})
            named = said["named"][0].copy()
            tell(named, tracked[0])
            codes.append({"named": CodeEdit().apply(named)[None], "free": said["free"].copy()})
        return codes, mild_code(runner)
    finally:
        runner.close()
