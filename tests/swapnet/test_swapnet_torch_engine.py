"""The network in PyTorch gives the patch that the reference engine gives, also as a part of the CUDA path."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from swapnet_parts import amaras_networks

from mien.engines.measure.final import frames_of, tracked
from mien.engines.mesh.light import shading
from mien.engines.mesh.light_terms import blur_matrix
from mien.engines.personas.library import find
from mien.engines.personas.pack import Networks
from mien.engines.registry import make_ladder
from mien.engines.swapnet.edit import parse_edit
from mien.engines.swapnet.engine import SwapNetEngine
from mien.engines.swapnet.finish import area_matrix
from mien.engines.swapnet.load import open_engine, read_halves
from mien.engines.swapnet.load_torch import open_torch_engine
from mien.engines.swapnet.torch_engine import TorchSwapEngine
from mien.plugin.clip import driver_clip
from mien.realtime.aligner import align, crop
from mien.realtime.errors import EngineError
from mien.realtime.face import Face
from mien.realtime.frame import Crop

#: OpenCV looks up textures and bends in steps of 1/32 px, PyTorch exactly; all else agrees to a rounding.
MOST, MEAN = 3, 0.25
#: Of so little face, in levels, no blend shows anything, and the reference paints none.
UNSEEN = 24


@pytest.fixture(scope="module")
def networks() -> Networks:
    return amaras_networks()


@pytest.fixture(scope="module")
def engines(networks: Networks) -> Iterator[tuple[SwapNetEngine, TorchSwapEngine]]:
    reference = open_engine(networks, "base", reason="a test", precision="float32")
    engine = open_torch_engine(networks, "base", reason="a test", device="cpu", precision="float32")
    yield reference, engine
    reference.close()
    engine.close()


@pytest.fixture(scope="module")
def moments(engines: tuple[SwapNetEngine, TorchSwapEngine]) -> list[tuple[Face, Crop]]:
    out = []
    for frame, selection in tracked(islice(frames_of(driver_clip()), 0, 61, 20)):
        face = selection.swapped[0]
        out.append((face, crop(frame.pixels, align(face, engines[0].spec, frame.width, frame.height))))
    return out


def test_patches_are_the_references(
    engines: tuple[SwapNetEngine, TorchSwapEngine], moments: list[tuple[Face, Crop]]
) -> None:
    assert engines[0].spec.size_px == engines[1].spec.size_px == 256
    for face, seen in moments:
        expected, given = (engine(face, seen) for engine in engines)
        assert given.lit is not None
        assert expected.lit is not None
        seen = given.mask >= UNSEEN
        for one, other in (
            (expected.pixels, given.pixels), (expected.mask, given.mask), (expected.lit, given.lit),
        ):  # fmt: skip
            apart = np.abs(one.astype(int) - other)[seen]
            assert apart.max() <= MOST
            assert apart.mean() <= MEAN
        assert expected.mask[~seen].max() < UNSEEN + MOST
        assert expected.mask.mean() > 50


def test_an_edit_reaches_the_picture_alike(networks: Networks, moments: list[tuple[Face, Crop]]) -> None:
    edit = parse_edit("smile=+0.5")
    plain = open_torch_engine(networks, "small", reason="a test", device="cpu")
    edited = open_torch_engine(networks, "small", reason="a test", device="cpu", edit=lambda: edit)
    face, seen = moments[0]
    seen = replace(seen, pixels=np.ascontiguousarray(cv2.resize(seen.pixels, (128, 128), interpolation=cv2.INTER_AREA)))
    seen = replace(seen, alignment=align(face, plain.spec, 640, 360))
    one, other = plain(face, seen), edited(face, seen)
    assert np.abs(one.pixels.astype(int) - other.pixels).mean() > 0.3
    assert plain.spec.edits
    assert "verified with" in plain.spec.reason
    plain.close()
    with pytest.raises(EngineError, match="closed"):
        plain(face, seen)


@pytest.mark.system
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_compiled_it_gives_the_same_patch(
    networks: Networks, moments: list[tuple[Face, Crop]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A minute on two cores, most of it g++'s."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    plain = open_torch_engine(networks, "small", reason="a test", device="cpu", precision="float32")
    halves, modules = read_halves(networks, "small"), plain._modules
    assert modules is not None
    compiled = TorchSwapEngine(*modules[:2], plain.spec, halves.texture, halves.marks, compiled=True)
    assert list(tmp_path.rglob("*.so"))
    face, seen = moments[0]
    seen = Crop(np.ascontiguousarray(seen.pixels[::2, ::2]), align(face, plain.spec, 640, 360))
    one, other = plain(face, seen), compiled(face, seen)
    assert np.abs(one.pixels.astype(int) - other.pixels).max() <= 1
    assert np.abs(one.mask.astype(int) - other.mask).max() <= 1
    plain.close()
    compiled.close()


@contextmanager
def filled(layer: Any, value: float) -> Iterator[None]:
    """A layer's bias, for the time of the block, is this number throughout."""
    kept = layer.bias.detach().clone()
    with torch.no_grad():
        layer.bias.fill_(value)
        try:
            yield
        finally:
            layer.bias.copy_(kept)


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ("nan", "encoder gave numbers"),
        ("unseen", "encoder gave numbers"),
        ("decoder", "decoder gave numbers"),
        ("front", "too much"),
    ],
)
def test_what_the_reference_refuses_is_refused_and_the_next_face_is_judged_anew(
    engines: tuple[SwapNetEngine, TorchSwapEngine], moments: list[tuple[Face, Crop]], fault: str, text: str
) -> None:
    engine = engines[1]
    encoder, decoder = engine._modules[:2]  # type: ignore[index]
    front = encoder.encoder.front[-1]
    layers: dict[str, Any] = {
        "nan": encoder.encoder.named, "unseen": front, "decoder": decoder.decoder.last, "front": front,
    }  # fmt: skip
    wrong = 20.0 if fault == "front" else torch.nan
    with filled(layers[fault], wrong), pytest.raises(EngineError, match=f"^(the )?{text}"):
        engine(*moments[0])
    assert engine(*moments[0]).mask.mean() > 50


class TooLarge(torch.nn.Module):
    """As PyTorch says it when weights are moved to a GPU that is full."""

    def to(self, *_place: Any, **_layout: Any) -> TooLarge:
        raise torch.OutOfMemoryError("CUDA out of memory.")


def test_a_gpu_without_memory_is_an_error_of_ours(engines: tuple[SwapNetEngine, TorchSwapEngine]) -> None:
    spec, marks = engines[1].spec, engines[1]._likeness._marks
    with pytest.raises(EngineError, match="PyTorch cannot run the network on cpu: CUDA out of memory"):
        TorchSwapEngine(TooLarge(), TooLarge(), spec, np.zeros((8, 8, 3), np.float32), marks)


@pytest.mark.parametrize(("given", "made"), [(128, 52), (256, 64), (100, 100), (97, 32)])
def test_areas_are_opencvs(given: int, made: int) -> None:
    values = np.random.default_rng(given).random((given, given), np.float32)
    matrix = area_matrix(given, made)
    expected = cv2.resize(values, (made, made), interpolation=cv2.INTER_AREA)
    assert np.abs(matrix @ values @ matrix.T - expected).max() < 1e-5


@pytest.mark.parametrize("sigma", [0.8, 3.5, 7.0, 12.0])
def test_blurs_are_opencvs(sigma: float) -> None:
    values = np.random.default_rng(5).random((52, 52), np.float32)
    matrix = blur_matrix(52, sigma)
    assert np.abs(matrix @ values @ matrix.T - cv2.GaussianBlur(values, (0, 0), sigma)).max() < 1e-5


def test_light_is_the_references(engines: tuple[SwapNetEngine, TorchSwapEngine]) -> None:
    rng = np.random.default_rng(2)
    soft = [cv2.resize(rng.uniform(20, 230, (6, 6, 3)).astype(np.float32), (256, 256)).astype(np.uint8) for _ in "ab"]
    mask = np.zeros((256, 256), np.uint8)
    cv2.ellipse(mask, (128, 128), (80, 105), 0, 0, 360, 255, -1)
    gain, brightness = shading(*soft, mask, 0.62 * 256)
    finish: Any = engines[1]._modules[3]  # type: ignore[index]
    found, bright = finish._light(*(torch.from_numpy(each) for each in (*soft, mask.astype(np.float32))))
    assert np.abs(found.numpy() - gain).max() < 0.01
    assert abs(float(bright) - brightness) < 0.01


def test_a_persona_whose_only_network_is_too_small_for_a_gpu_is_refused(networks: Networks) -> None:
    tiny = Networks(networks.encoder, {"tiny": networks.decoders["small"]})
    with pytest.raises(EngineError, match="multiple of 128 px; the persona has tiny alone"):
        make_ladder(replace(find("amara"), networks=tiny), device="cuda")


def test_asked_for_a_gpu_that_is_not_there_no_engine_comes_instead() -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(EngineError, match="torch on cuda was asked for and cannot be had"):
        make_ladder(find("amara"), device="cuda")
    with pytest.raises(EngineError, match="'mesh' runs on cpu; 'cuda' was asked for"):
        make_ladder(find("amara"), kind="mesh", device="cuda")
