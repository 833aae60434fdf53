"""A DFM as an engine: the network's answer, exactly, by each runtime."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from dfm_files import FADE, NAMES, SIDE_PX, SWAP, KnownModel, ellipse
from onnx import TensorProto, helper, numpy_helper

from mien.engines.formats.base import Play
from mien.engines.formats.dfm import DEFAULT_MORPH, read
from mien.realtime.engine import Engine
from mien.realtime.errors import ConfigError, EngineError
from mien.realtime.face import Face
from mien.realtime.frame import Alignment, Crop, Patch, Pixels

#: Of 255 levels: float32 is off by the rounding to levels alone; bfloat16 has 8 bits, so half a level of 128 and one of
#: 255 by each of two roundings.
TOLERANCE = {"float32": 0.51, "bfloat16": 2.6}
EVERYTHING = np.ones((SIDE_PX, SIDE_PX), np.float32)
KNOWN = {
    "copy": KnownModel(),
    "channels swapped": KnownModel(colours=SWAP),
    "faded": KnownModel(colours=FADE, shift=0.25),
    "beyond the range": KnownModel(shift=0.3),
    "a spot": KnownModel(spot=ellipse(x=0.3, y=0.4, width=0.1, height=0.05), spot_colour=(0.2, 0.9, 0.1)),
    "the smaller mask": KnownModel(driver_mask=ellipse(width=0.2), mask=ellipse(x=0.6)),
    # Nothing of the crop's edge is painted: it would be a straight line across the picture.
    "masks to the edge": KnownModel(driver_mask=EVERYTHING, mask=EVERYTHING),
    "a soft mask": KnownModel(mask=0.5 * ellipse() + 0.25),
}
NOBODY = Face(1, np.zeros((478, 3), np.float32), np.zeros(52, np.float32), np.eye(4, dtype=np.float32))
FLOAT32 = Play("test", precision="float32")


def picture(side_px: int = SIDE_PX) -> Pixels:
    """Nothing in it is alike: not up and down, left and right, or in two channels."""
    row, column = np.mgrid[:side_px, :side_px] * (255 / (side_px - 1))
    blend = np.stack([row, column, 255 - (row + column) / 2], axis=2)
    noise = np.random.default_rng(1).integers(-9, 10, (side_px, side_px, 3))
    return np.clip(blend + noise, 0, 255).astype(np.uint8)


def play(model: KnownModel, how: Play = FLOAT32) -> tuple[Patch, Engine]:
    engine = read(model.file, "known.dfm").open(how)
    side = model.side_px
    patch = engine(NOBODY, Crop(picture(side), Alignment.window(0, 0, side, side)))
    engine.close()
    return patch, engine


def assert_answer(patch: Patch, model: KnownModel, tolerance: float, morph: float = 1.0) -> None:
    face, mask = model.expected(picture(model.side_px), morph)
    mask = mask.copy()
    mask[[0, -1]] = mask[:, [0, -1]] = 0
    assert np.abs(patch.pixels - face * 255.0).max() <= tolerance
    assert np.abs(patch.mask - mask * 255.0).max() <= tolerance
    assert not patch.colour, "the model paints in the driver's light"


@pytest.mark.parametrize("what", KNOWN)
@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_the_answer_is_the_network_s(runtime: str, what: str) -> None:
    pytest.importorskip(runtime)
    patch, engine = play(KNOWN[what], Play("test", runtime=runtime, precision="float32"))
    assert engine.spec.runtime == runtime
    assert_answer(patch, KNOWN[what], TOLERANCE["float32"])


def test_what_the_machine_takes_by_itself_gives_it_too() -> None:
    patch, engine = play(KNOWN["channels swapped"], Play("test"))
    assert_answer(patch, KNOWN["channels swapped"], TOLERANCE[engine.spec.precision])
    assert (engine.spec.name, engine.spec.size_px, engine.spec.label) == ("dfm-128", SIDE_PX, "modified")
    assert engine.spec.reason.startswith(f"test; {engine.spec.runtime} with {engine.spec.precision}: ")


@pytest.mark.parametrize("morph", [0.0, 0.3, 1.0, None])
@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_the_morph_value_arrives(runtime: str, morph: float | None) -> None:
    pytest.importorskip(runtime)
    model = KnownModel(colours=SWAP, morphs=True)
    patch, engine = play(model, Play("test", runtime=runtime, precision="float32", morph=lambda: morph))
    assert_answer(patch, model, TOLERANCE["float32"], DEFAULT_MORPH if morph is None else morph)
    assert engine.spec.morph == DEFAULT_MORPH


def test_the_morph_value_is_asked_before_each_frame() -> None:
    said: list[float | None] = [1.0, 0.25, None, 0.0]
    model, values = KnownModel(colours=SWAP, morphs=True), iter([said[0], *said])
    engine = read(model.file, "known.dfm").open(Play("test", precision="float32", morph=lambda: next(values)))
    side = model.side_px
    for morph in said:
        patch = engine(NOBODY, Crop(picture(side), Alignment.window(0, 0, side, side)))
        assert_answer(patch, model, TOLERANCE["float32"], DEFAULT_MORPH if morph is None else morph)
    engine.close()


def test_a_morph_that_cannot_be_is_said() -> None:
    _, engine = play(KnownModel(), Play("test", precision="float32", morph=lambda: 0.5))
    assert engine.spec.morph is None
    assert "the model has no morph value, so 0.5 rests" in engine.spec.reason
    with pytest.raises(ConfigError, match=r"must be 0 to 1, got 1\.5"):
        play(KnownModel(morphs=True), Play("test", morph=lambda: 1.5))


def test_a_network_that_decides_its_shapes_by_the_morph_runs() -> None:
    """As AMP models do: so many numbers of one code, the rest of the other."""
    model = KnownModel(morphs=True)
    made = model.proto
    side = SIDE_PX
    held = {"rows": np.array([side], np.float32), "first": np.array([0], np.int64), "all": np.array([side], np.int64),
            "axis": np.array([1], np.int64)}  # fmt: skip
    made.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in held.items())
    del made.graph.node[-1]
    made.graph.node.extend(
        [
            helper.make_node("Mul", ["morph_value:0", "rows"], ["share"]),
            helper.make_node("Cast", ["share"], ["until"], to=TensorProto.INT64),
            helper.make_node("Sub", ["in_face:0", "in_face:0"], ["dark"]),
            helper.make_node("Slice", ["in_face:0", "first", "until", "axis"], ["upper"]),
            helper.make_node("Slice", ["dark", "until", "all", "axis"], ["lower"]),
            helper.make_node("Concat", ["upper", "lower"], [NAMES[1]], axis=1),
        ]
    )
    for runtime in ("openvino", "onnxruntime"):
        for morph in (0.25, 0.5, 1.0):
            how = Play("test", runtime=runtime, precision="float32", morph=partial(float, morph))
            engine = read(made.SerializeToString(), "amp.dfm").open(how)
            patch = engine(NOBODY, Crop(picture(), Alignment.window(0, 0, side, side)))
            engine.close()
            until = int(morph * side)
            assert np.array_equal(patch.pixels[:until], picture()[:until])
            assert not patch.pixels[until:].any()


@pytest.mark.parametrize(
    ("shift", "message"),
    [(np.nan, "gave values from nan to nan"), (np.inf, "gave values from inf"), (200.0, "must lie about 0 to 1")],
)
def test_numbers_that_are_no_picture_stop_the_frame(shift: float, message: str) -> None:
    model = KnownModel(shift=shift)
    engine = read(model.file, "known.dfm").open(Play("test"))
    with pytest.raises(EngineError, match=message):
        engine(NOBODY, Crop(picture(), Alignment.window(0, 0, SIDE_PX, SIDE_PX)))
    engine.close()


def test_a_crop_of_another_size_is_refused() -> None:
    engine = read(KnownModel().file, "known.dfm").open(FLOAT32)
    with pytest.raises(EngineError, match="wants a square of 128 px, got"):
        engine(NOBODY, Crop(picture(64), Alignment.window(0, 0, 64, 64)))
    engine.close()
    engine.close()


@pytest.mark.system
def test_pytorch_gives_it_by_way_of_onnx2pytorch(tmp_path: Path) -> None:
    """In a process of its own, with the package fetched for it alone.

    PyPI's torchvision needs the PyTorch of PyPI, which is gigabytes with CUDA; the package imports it for operators of
    detectors, which no such network has, so an empty one stands in for it.
    """
    fetch = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--target",
        str(tmp_path),
        "onnx2pytorch>=0.6",
    ]
    subprocess.run(fetch, check=True, timeout=120)
    for module in ("", "ops", "io"):
        (tmp_path / "torchvision" / module).mkdir(parents=True, exist_ok=True)
        (tmp_path / "torchvision" / module / "__init__.py").write_text(
            "from . import io, ops"
            if not module
            else "deform_conv2d = roi_pool = roi_align = decode_image = ImageReadMode = None"
        )
    program = (
        f"import sys; sys.path[:0] = {[str(tmp_path), *sys.path]!r}\n"
        "import test_formats_dfm_engine as t\n"
        "for name, model in {**t.KNOWN, 'morph': t.KnownModel(colours=t.SWAP, morphs=True)}.items():\n"
        "    how = t.Play('test', runtime='torch', device='cpu', precision='float32', morph=lambda: 1.0)\n"
        "    patch, engine = t.play(model, how)\n"
        "    assert engine.spec.runtime == 'torch', engine.spec\n"
        "    t.assert_answer(patch, model, t.TOLERANCE['float32'])\n"
        "    print(name)\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == [*KNOWN, "morph"]
