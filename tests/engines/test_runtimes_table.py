from __future__ import annotations

import sys

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("openvino")
pytest.importorskip("onnxruntime")

from runtimes_networks import cancelling, expected, module, network, sample

from mien.engines.runtimes.cpu import bfloat16_feature
from mien.engines.runtimes.table import open_runner, runtime_names, runtime_states
from mien.engines.runtimes.verify import Tolerance
from mien.realtime.errors import ConfigError, EngineError, MissingExtraError

bfloat16 = pytest.mark.skipif(not bfloat16_feature(), reason="this CPU has no bfloat16 instructions")


def absent(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    """As if they were not installed: Python's own way to say so of a module."""
    for package in packages:
        monkeypatch.setitem(sys.modules, package, None)


def test_the_first_of_the_table_is_taken_and_verified() -> None:
    opened = open_runner(network(), device="cpu")
    found = opened.runner(sample())
    assert np.abs(found["named"] - expected(sample())["named"]).max() < 0.05
    opened.runner.close()
    assert opened.runner.name == "openvino"
    assert opened.reason.startswith(f"openvino with {opened.runner.precision}: the fastest that is installed; ")
    assert "; verified with onnxruntime in float32 (rgb " in opened.reason
    assert opened.passed_over == ()


@bfloat16
def test_the_reason_names_the_processor_s_instructions() -> None:
    opened = open_runner(network(), device="cpu")
    opened.runner.close()
    assert f"; this CPU has {bfloat16_feature()}; " in opened.reason


def test_what_is_not_installed_is_passed_over_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    absent(monkeypatch, "openvino")
    opened = open_runner(network(), device="cpu", module=module)
    opened.runner.close()
    assert opened.runner.name == "onnxruntime"
    assert opened.reason == (
        "onnxruntime with float32: the fastest that is installed; "
        "not verified, as there is no other runtime to compare it with"
    )
    assert opened.passed_over == ("openvino: not installed (`pip install openvino`)",)


def test_pytorch_is_the_last_and_needs_a_module(monkeypatch: pytest.MonkeyPatch) -> None:
    absent(monkeypatch, "openvino", "onnxruntime")
    opened = open_runner(network(), device="cpu", module=module, precision="float32")
    assert np.allclose(opened.runner(sample())["rgb"], expected(sample())["rgb"], atol=1e-4)
    opened.runner.close()
    assert opened.reason.startswith("torch on cpu with float32: the fastest that is installed; not verified")
    with pytest.raises(
        EngineError, match=r"No runtime can run .*torch on cpu: it does not read ONNX.*pip install openv"
    ):
        open_runner(network(), device="cpu")


@bfloat16
def test_openvino_alone_is_verified_with_its_own_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    absent(monkeypatch, "onnxruntime")
    opened = open_runner(network(), device="cpu")
    opened.runner.close()
    assert "; verified with openvino in float32 (" in opened.reason
    opened = open_runner(network(), device="cpu", precision="float32")
    opened.runner.close()
    assert "not verified" in opened.reason


def test_onnx_runtime_is_verified_with_openvino() -> None:
    opened = open_runner(network(), runtime="onnxruntime")
    opened.runner.close()
    assert opened.reason.startswith("onnxruntime with float32: it was asked for; verified with openvino in float32")


@bfloat16
def test_a_network_that_bfloat16_breaks_falls_to_the_next_with_the_reason() -> None:
    opened = open_runner(cancelling(), device="cpu")
    opened.runner.close()
    assert opened.runner.name == "onnxruntime"
    assert "the fastest that works here (openvino was refused: openvino with bfloat16 does not give" in opened.reason
    assert "what onnxruntime in float32 gives for the network 'cancelling'" in opened.passed_over[0]
    with pytest.raises(EngineError, match=r"openvino with bfloat16 does not give .* precision `float32`"):
        open_runner(cancelling(), runtime="openvino")
    opened = open_runner(cancelling(), runtime="openvino", precision="float32", tolerance=Tolerance(40, 0.05))
    opened.runner.close()
    assert "verified with onnxruntime" in opened.reason


def test_a_module_with_other_weights_is_refused() -> None:
    with pytest.raises(EngineError, match="torch on cpu with float32 does not give what onnxruntime in float32 gives"):
        open_runner(network(), runtime="torch", device="cpu", module=lambda: module(seed=9), precision="float32")


def test_pytorch_by_name() -> None:
    opened = open_runner(network(), runtime="torch", device="cpu", module=module)
    opened.runner.close()
    assert opened.runner.name == "torch"
    assert "it was asked for" in opened.reason
    assert "verified with onnxruntime in float32" in opened.reason


@pytest.mark.parametrize(
    ("runtime", "message"),
    [
        (
            "openvno",
            r"no runtime 'openvno'; allowed are auto, tensorrt, torch, .*, openvino, .* Did you mean 'openvino'\?",
        ),
        ("zzz", "no runtime 'zzz'"),
    ],
)
def test_a_runtime_that_does_not_exist(runtime: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        open_runner(network(), runtime=runtime)


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime", "torch"])
def test_a_runtime_that_was_asked_for_and_is_absent(runtime: str, monkeypatch: pytest.MonkeyPatch) -> None:
    absent(monkeypatch, runtime)
    with pytest.raises(
        MissingExtraError, match=rf"{runtime}.* was asked for and cannot be had: not installed \(`pip in"
    ):
        open_runner(network(), runtime=runtime, module=module)


def test_a_runtime_on_a_device_that_it_does_not_have() -> None:
    with pytest.raises(ConfigError, match="'openvino' does not run on 'cuda'"):
        open_runner(network(), runtime="openvino", device="cuda")


def test_what_no_gpu_has_shown_to_win_is_never_taken_silently() -> None:
    state = next(state for state in runtime_states() if state.name == "torch-compiled")
    assert (state.device, state.automatic) == ("cuda", False)
    assert "up to minutes to start" in state.note


def test_providers_are_never_taken_silently() -> None:
    states = {state.name: state for state in runtime_states() if state.name.startswith("onnxruntime-")}
    assert not any(state.automatic for state in states.values())
    assert set(states) == {"onnxruntime-cuda", "onnxruntime-directml", "onnxruntime-coreml"}
    assert all(state.note == "not run by Mien's tests; only when it is asked for" for state in states.values())
    assert set(states) < set(runtime_names())


@pytest.mark.parametrize("name", ["cuda", "directml", "coreml"])
def test_a_provider_that_the_wheel_lacks(name: str) -> None:
    state = next(state for state in runtime_states() if state.name == f"onnxruntime-{name}")
    if not state.problem:
        pytest.skip(f"this ONNX Runtime has {name}")
    with pytest.raises(EngineError, match=r"cannot be had: the installed ONNX Runtime has no .* \(`pip install"):
        open_runner(network(), runtime=f"onnxruntime-{name}")


def test_a_gpu_that_was_asked_for_and_is_not_there() -> None:
    if not next(state for state in runtime_states() if (state.name, state.device) == ("torch", "cuda")).problem:
        pytest.skip("there is a GPU")
    with pytest.raises(EngineError, match=r"No runtime can run .*torch on cuda: (this machine has no NVIDIA|PyTorch)"):
        open_runner(network(), device="cuda", module=module)
    opened = open_runner(network(), module=module)
    opened.runner.close()
    assert any(line.startswith("torch on cuda: ") for line in opened.passed_over)


@pytest.mark.gpu
def test_a_gpu_is_taken_where_pytorch_has_one() -> None:
    opened = open_runner(network(), module=module)
    opened.runner.close()
    assert (opened.runner.name, opened.runner.device) == ("torch", "cuda:0")


def test_a_sample_that_does_not_fit() -> None:
    with pytest.raises(EngineError, match="takes pixels, code; got code"):
        open_runner(network(), sample={"code": sample()["code"]})


def test_options_that_are_none() -> None:
    with pytest.raises(ConfigError, match="threads"):
        open_runner(network(), threads=-2)
