from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from swapnet_parts import at_rest, face, still_marks

from mien.engines.personas.pack import Networks
from mien.engines.runtimes.base import NetworkFile
from mien.engines.runtimes.table import open_runner
from mien.engines.swapnet.code import NAMED, NAMED_INDEX, TRACKED_SIZE
from mien.engines.swapnet.edit import CodeEdit, parse_edit
from mien.engines.swapnet.engine import SwapNetEngine
from mien.engines.swapnet.export import export_decoder, export_encoder, read_weights
from mien.engines.swapnet.graphs import DecoderGraph, EncoderGraph
from mien.engines.swapnet.load import open_engine
from mien.engines.swapnet.network import Decoder, Encoder, EncoderSpec
from mien.engines.swapnet.sizes import SIZES
from mien.realtime.aligner import align, crop
from mien.realtime.engine import EngineSpec
from mien.realtime.errors import EngineError, ModelError
from mien.realtime.face import BLENDSHAPE_INDEX
from mien.realtime.frame import Patch

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


def restless(module: torch.nn.Module) -> torch.nn.Module:
    """The same with no weight left at nothing, as training leaves it."""
    generator = torch.Generator().manual_seed(4)
    for each in module.parameters():
        each.data += 0.02 * torch.randn(each.shape, generator=generator)
    return module.eval()


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    torch.manual_seed(0)
    return restless(Encoder(EncoderSpec(free=16)))  # type: ignore[return-value]


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    torch.manual_seed(1)
    return restless(Decoder(SIZES["tiny"], 16))  # type: ignore[return-value]


@pytest.fixture(scope="module")
def networks(encoder: Encoder, decoder: Decoder) -> Networks:
    return Networks(export_encoder(encoder), {"tiny": export_decoder(decoder, still_marks())})


@pytest.fixture(scope="module")
def engine(networks: Networks) -> SwapNetEngine:
    return open_engine(networks, "tiny", reason="test", runtime="onnxruntime")


def frame() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8)


def test_an_export_answers_as_torch_does_at_half_the_size(encoder: Encoder, networks: Networks) -> None:
    file = NetworkFile(networks.encoder, "encoder")
    runner = open_runner(file, runtime="onnxruntime").runner
    generator = torch.Generator().manual_seed(9)
    pixels = torch.rand(1, 3, 128, 128, generator=generator)
    tracked = torch.randn(1, TRACKED_SIZE, generator=generator)
    out = runner({"pixels": pixels.numpy(), "tracked": tracked.numpy()})
    with torch.no_grad():
        expected = EncoderGraph(encoder)(pixels, tracked)
    for name, truth in zip(("named", "free", "front"), expected, strict=True):
        assert np.abs(out[name] - truth.numpy()).max() < 0.02
    assert len(networks.encoder) < 2.2 * sum(each.numel() for each in encoder.parameters())


def test_weights_come_back_from_an_export(decoder: Decoder, networks: Networks) -> None:
    again = Decoder(SIZES["tiny"], 16)
    again.load_state_dict(read_weights(networks.decoders["tiny"]))
    with torch.no_grad():
        code = (torch.rand(1, len(NAMED)), torch.rand(1, 16))
        for found, expected in zip(DecoderGraph(again)(*code), DecoderGraph(decoder)(*code), strict=True):
            assert torch.allclose(found, expected, atol=0.5)
    # A step of the texture's PNG is two levels.
    assert float((again.texture - decoder.texture).detach().abs().max()) <= 1.01 / 255


def test_the_engine_lays_the_texture_where_training_did(engine: SwapNetEngine, decoder: Decoder) -> None:
    generator = np.random.default_rng(5)
    named, free = (generator.normal(0, 0.5, n).astype(np.float32) for n in (len(NAMED), 16))
    pixels, mask, wet = engine.decode(named, free)
    with torch.no_grad():
        painted = decoder(torch.from_numpy(named)[None], torch.from_numpy(free)[None])
        bare = torch.sigmoid(decoder.paint(torch.from_numpy(named)[None], torch.from_numpy(free)[None])[0][:, :3])
    truth, without = (each[0].clamp(0, 1).permute(1, 2, 0).numpy()[..., ::-1] * 255 for each in (painted.pixels, bare))
    assert np.abs(pixels - truth).max() <= 4
    assert np.abs(pixels - without).max() > 6
    masks = torch.sigmoid(painted.masks)[0].numpy() * 255
    assert max(np.abs(mask - masks[0]).max(), np.abs(wet - masks[1]).max()) <= 3


def test_what_is_no_network_has_no_weights() -> None:
    with pytest.raises(ModelError, match="no ONNX network"):
        read_weights(b"not a network")


def test_an_engine_paints_the_square_that_it_asks_for(engine: SwapNetEngine) -> None:
    given = face(neutral=at_rest())
    alignment = align(given, engine.spec, 640, 480)
    patch = engine(given, crop(frame(), alignment))
    assert patch.pixels.shape == (64, 64, 3)
    assert patch.mask.shape == (64, 64)
    assert patch.lit is not None
    assert engine.spec.name == "swapnet-tiny"
    assert engine.spec.runtime == "onnxruntime"
    assert "test; onnxruntime" in engine.spec.reason
    with pytest.raises(EngineError, match="square of 64 px"):
        engine(given, crop(frame(), align(given, type(engine.spec)("x", "x", "x", "x"), 640, 480)))


def test_what_is_in_front_of_the_driver_is_left_to_them(engine: SwapNetEngine) -> None:
    given = face(neutral=at_rest())
    seen = crop(frame(), align(given, engine.spec, 640, 480))
    named, free, front = engine.encode(given, seen)
    _, mask, _ = engine.decode(CodeEdit().apply(named), free)
    patch = engine(given, seen)
    assert 0 <= front.min() <= front.max() <= 1
    assert (patch.mask <= mask).all()
    assert patch.mask.astype(int).sum() < mask.astype(int).sum()


def test_an_edit_changes_what_the_decoder_is_given(networks: Networks) -> None:
    edit = CodeEdit()
    engine = open_engine(networks, "tiny", reason="test", runtime="onnxruntime", edit=lambda: edit)
    given = face(neutral=at_rest())
    seen = crop(frame(), align(given, engine.spec, 640, 480))
    before = engine(given, seen).pixels
    assert np.array_equal(engine(given, seen).pixels, before)
    edit = parse_edit("jaw=+0.5")
    assert not np.array_equal(engine(given, seen).pixels, before)
    engine.close()
    engine.close()


def test_a_scowl_is_the_tracker_s_word_and_not_the_encoder_s(engine: SwapNetEngine) -> None:
    scores = np.zeros(52, np.float32)
    scores[BLENDSHAPE_INDEX["browDownRight"]] = 0.3
    given = face(scores=scores, neutral=at_rest())
    named, _, _ = engine.encode(given, crop(frame(), align(given, engine.spec, 640, 480)))
    assert named[NAMED_INDEX["browDownRight"]] == pytest.approx(0.6, abs=0.01)
    assert named[NAMED_INDEX["browDownLeft"]] == pytest.approx(0.0, abs=0.01)


#: A texture of nothing.
BARE = np.zeros((128, 128, 3), np.float32)


class Drawn:
    """Stands for both halves of a network: what it is told to give."""

    def __init__(self, front: float = 0.0, skin: float = 170.0, wet: float = 220.0) -> None:
        self.front = np.full((1, 1, 64, 64), front, np.float32)
        self.painted, self.where = np.zeros((1, 64, 64, 5), np.float32), np.zeros((1, 32, 32, 3), np.float32)
        self.painted[..., :3], self.painted[:, 8:56, 8:56, 3] = skin, 255
        self.painted[:, 40:46, 24:40, :3], self.painted[:, 40:46, 24:40, 4] = wet, 255

    def __call__(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        if "pixels" in inputs:
            named, free = np.zeros((1, len(NAMED)), np.float32), np.zeros((1, 4), np.float32)
            return {"named": named, "free": free, "front": self.front}
        return {"painted": self.painted, "where": self.where}

    def close(self) -> None:
        pass


def painted(network: Drawn, level: int = 120) -> Patch:
    spec = EngineSpec("swapnet-tiny", "test", "cpu", "test", size_px=64, margin=1.3)
    given = face(neutral=at_rest())
    lit = np.full((480, 640, 3), level, np.uint8)
    return SwapNetEngine(network, network, spec, BARE, still_marks())(given, crop(lit, align(given, spec, 640, 480)))


def test_teeth_do_not_glow_in_the_dark_nor_burn_in_the_light() -> None:
    dark, bright = painted(Drawn(), 30), painted(Drawn(), 230)
    assert dark.lit is not None
    assert dark.lit[42, 30] == 255
    assert dark.pixels[42, 30].max() < 70
    assert bright.pixels[42, 30].max() <= 221


def test_a_doubt_of_what_is_in_front_is_no_ghost_and_much_of_it_is_an_error() -> None:
    assert painted(Drawn(front=0.3)).mask[32, 32] == 255
    hidden = Drawn()
    hidden.front[..., 20:34, 20:34] = 1
    mask = painted(hidden).mask
    assert mask[27, 27] == 0
    assert mask[50, 50] == 255
    for front in (0.6, 1.0):
        with pytest.raises(EngineError, match="behind something"):
            painted(Drawn(front=front))


def test_pixels_that_are_not_finite_are_an_error() -> None:
    broken = Drawn()
    broken.painted[0, 30, 30, 1] = np.nan
    with pytest.raises(EngineError, match="decoder gave numbers"):
        painted(broken)


def test_a_code_that_is_not_finite_is_an_error_and_no_picture() -> None:
    class Broken:
        def __call__(self, _inputs: object) -> dict[str, np.ndarray]:
            named = np.zeros((1, len(NAMED)), np.float32)
            named[0, NAMED_INDEX["jawOpen"]] = np.nan
            return {"named": named, "free": np.zeros((1, 4), np.float32), "front": np.zeros((1, 1, 64, 64), np.float32)}

        def close(self) -> None:
            pass

    spec = EngineSpec("swapnet-tiny", "test", "cpu", "test", size_px=64, margin=1.3)
    engine = SwapNetEngine(Broken(), Broken(), spec, BARE, still_marks())
    given = face(neutral=at_rest())
    with pytest.raises(EngineError, match="not finite"):
        engine(given, crop(frame(), align(given, spec, 640, 480)))


def test_a_decoder_without_its_texture_is_refused(networks: Networks) -> None:
    model = onnx.load_model_from_string(networks.decoders["tiny"])
    del model.metadata_props[:]
    bare = Networks(networks.encoder, {"tiny": model.SerializeToString()})
    with pytest.raises(ModelError, match=r"lacks mien\.texture"):
        open_engine(bare, "tiny", reason="test", runtime="onnxruntime")


def test_networks_of_other_shapes_are_refused(networks: Networks, tmp_path: Path) -> None:
    torch.manual_seed(2)
    other = export_decoder(restless(Decoder(SIZES["tiny"], 24)), still_marks())  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="free"):
        open_engine(Networks(networks.encoder, {"tiny": other}), "tiny", reason="test")
    with pytest.raises(ModelError):
        open_engine(Networks(networks.decoders["tiny"], networks.decoders), "tiny", reason="test")
    with pytest.raises(EngineError, match="no base network; it has tiny"):
        open_engine(networks, "base", reason="test")
