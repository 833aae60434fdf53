"""Every runtime beside PyTorch's own result."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("openvino")
pytest.importorskip("onnxruntime")

from runtimes_networks import INPUTS, OUTPUTS, expected, module, network, sample, torch

from mien.engines.runtimes.base import NetworkFile, Runner
from mien.engines.runtimes.cpu import bfloat16_feature
from mien.engines.runtimes.onnxruntime_runtime import OnnxRuntimeRunner
from mien.engines.runtimes.openvino_runtime import OpenVinoRunner
from mien.engines.runtimes.torch_runtime import TorchRunner, with_state
from mien.engines.runtimes.verify import TOLERANCES, compare
from mien.realtime.errors import ConfigError, EngineError, ModelError

Make = Callable[..., Runner]
bfloat16 = pytest.mark.skipif(not bfloat16_feature(), reason="this CPU has no bfloat16 instructions")


def _torch(_network: NetworkFile, **options: Any) -> Runner:
    return TorchRunner(module(), sample(), list(OUTPUTS), name="tiny", **options)


MAKERS: dict[str, Make] = {"openvino": OpenVinoRunner, "onnxruntime": OnnxRuntimeRunner, "torch": _torch}


@pytest.fixture(params=MAKERS)
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    made: list[Runner] = []

    def opened(**options: Any) -> Runner:
        made.append(MAKERS[request.param](network(), **options))
        assert made[-1].name == request.param
        return made[-1]

    yield opened
    for each in made:
        each.close()


def near(given: dict, reference: dict, precision: str) -> None:
    compared = compare(given, reference, TOLERANCES[precision])
    assert all(each.within for each in compared), compared


def test_the_result_is_pytorch_s(make: Make) -> None:
    runner = make(precision="float32")
    assert (runner.device, runner.precision) == ("cpu", "float32")
    for seed in (3, 4):
        given = sample(seed)
        found = runner(given)
        assert {name: value.shape for name, value in found.items()} == OUTPUTS
        assert all(value.dtype == np.float32 and value.flags.c_contiguous for value in found.values())
        near(found, expected(given), "float32")


@bfloat16
@pytest.mark.parametrize("name", ["openvino", "torch"])
@pytest.mark.parametrize("precision", ["auto", "bfloat16"])
def test_the_result_in_bfloat16(name: str, precision: str) -> None:
    runner = MAKERS[name](network(), precision=precision)
    given = sample()
    found = {key: value.copy() for key, value in runner(given).items()}
    runner.close()
    assert runner.precision == "bfloat16"
    near(found, expected(given), "bfloat16")
    # It is not float32 under another name.
    assert np.abs(found["mask"] - expected(given)["mask"]).max() > 1e-5


def test_the_next_call_overwrites_what_was_given_out(make: Make) -> None:
    runner = make()
    first = runner(sample(3))
    kept = {name: value.copy() for name, value in first.items()}
    second = runner(sample(4))
    for name in OUTPUTS:
        assert np.shares_memory(first[name], second[name])
        assert not np.array_equal(kept[name], second[name])


def test_the_inputs_are_copied_whatever_their_strides(make: Make) -> None:
    runner = make(precision="float32")
    given = sample()
    turned = np.asfortranarray(given["pixels"])
    before = {name: value.copy() for name, value in given.items()}
    near(runner({**given, "pixels": turned}), expected(given), "float32")
    assert all(np.array_equal(given[name], before[name]) for name in INPUTS)


@pytest.mark.parametrize("threads", [0, 1, 2])
def test_threads_are_accepted(make: Make, threads: int) -> None:
    near(make(threads=threads, precision="float32")(sample()), expected(sample()), "float32")


def test_options_that_are_none(make: Make) -> None:
    with pytest.raises(ConfigError, match="threads must be"):
        make(threads=-1)
    with pytest.raises(ConfigError, match="no precision 'int4'"):
        make(precision="int4")


def test_openvino_takes_the_threads_it_is_given() -> None:
    runner = OpenVinoRunner(network(), threads=1)
    assert runner._request.get_compiled_model().get_property("INFERENCE_NUM_THREADS") == 1


def test_inputs_that_do_not_fit_leave_the_runner_running(make: Make) -> None:
    runner = make(precision="float32")
    with pytest.raises(
        EngineError, match=r"input 'code' of the network 'tiny' must be \(1, 12\) float32, got \(1, 13\)"
    ):
        runner({**sample(), "code": np.zeros((1, 13), np.float32)})
    near(runner(sample()), expected(sample()), "float32")


def test_a_closed_runner(make: Make) -> None:
    runner = make(precision="float32")
    found = runner(sample())
    runner.close()
    runner.close()
    near(found, expected(sample()), "float32")
    with pytest.raises(EngineError, match="runner is closed"):
        runner(sample())


def test_onnx_runtime_has_no_bfloat16() -> None:
    with pytest.raises(EngineError, match="runs networks in float32; bfloat16 was asked for"):
        OnnxRuntimeRunner(network(), precision="bfloat16")


@pytest.mark.parametrize("name", ["openvino", "onnxruntime"])
def test_a_network_that_a_runtime_refuses(name: str) -> None:
    refused = NetworkFile(network().onnx, "later")
    # Broken after its check: what the checker accepts and a runtime does not must have its own message.
    object.__setattr__(refused, "onnx", refused.onnx[:-1000])
    with pytest.raises(ModelError, match=r"(OpenVINO|ONNX Runtime) \d+.* refuses the network 'later'.*: \w"):
        MAKERS[name](refused)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_compiled_it_gives_the_same_and_is_called_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("TORCHINDUCTOR_COMPILE_THREADS", "1")
    runner = _torch(network(), precision="float32", compiled=True)
    assert runner.name == "torch-compiled"
    near(runner(sample()), expected(sample()), "float32")
    # Code was made: it was not PyTorch's own.
    assert list(tmp_path.rglob("*.so"))
    runner.close()


def test_pytorch_s_threads_are_put_back() -> None:
    before = torch.get_num_threads()
    runner = TorchRunner(module(), sample(), list(OUTPUTS), threads=1)
    assert torch.get_num_threads() == 1
    runner.close()
    assert torch.get_num_threads() == before


def test_a_module_with_other_outputs() -> None:
    before = torch.get_num_threads()
    with pytest.raises(EngineError, match="gives 3 outputs; 2 are named: rgb, mask"):
        TorchRunner(module(), sample(), ["rgb", "mask"], threads=1)
    assert torch.get_num_threads() == before


def test_a_module_with_other_inputs() -> None:
    with pytest.raises(EngineError, match="PyTorch cannot run the network 'network' on cpu"):
        TorchRunner(module(), {"code": sample()["code"], "pixels": sample()["pixels"]}, list(OUTPUTS))


def test_weights_come_as_safetensors() -> None:
    save = pytest.importorskip("safetensors.torch").save
    state = save(module(seed=7).state_dict())
    runner = TorchRunner(with_state(module, state, "tiny")(), sample(), list(OUTPUTS), precision="float32")
    near(runner(sample()), expected(sample(), seed=7), "float32")
    runner.close()


def test_weights_that_do_not_fit() -> None:
    save = pytest.importorskip("safetensors.torch").save
    with pytest.raises(ModelError, match=r"weights 'other' do not fit: .*Missing key"):
        with_state(module, save({"first.weight": torch.zeros(1)}), "other")()
    with pytest.raises(ModelError, match="weights 'broken' do not fit"):
        with_state(module, b"junk", "broken")()


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["float32", "auto"])
def test_the_result_on_a_gpu(precision: str) -> None:
    runner = TorchRunner(module(), sample(), list(OUTPUTS), device="cuda", precision=precision)
    assert runner.device == "cuda:0"
    for seed in (3, 4):
        near(runner(sample(seed)), expected(sample(seed)), runner.precision)
    runner.close()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there() -> None:
    with pytest.raises(EngineError, match=r"cannot run on a GPU: PyTorch .* (is a build without CUDA|finds no NVIDIA)"):
        TorchRunner(module(), sample(), list(OUTPUTS), device="cuda")


def test_a_signal_after_a_network_was_closed_is_a_signal(tmp_path: Path) -> None:
    """OpenVINO's plugin, once unloaded, left a process that the next Ctrl-C crashed."""
    pytest.importorskip("openvino")
    program = (
        "import gc, signal\n"
        # A shell's background job inherits an ignored Ctrl-C.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from mien.engines.personas.library import Library\n"
        "from mien.engines.registry import make_engine\n"
        "engine = make_engine(Library().find('amara'), kind='swapnet')\n"
        "assert engine.spec.runtime == 'openvino'\n"
        "engine.close()\n"
        "del engine\n"
        "gc.collect()\n"
        "try:\n"
        "    signal.raise_signal(signal.SIGINT)\n"
        "except KeyboardInterrupt:\n"
        "    print('stopped')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout) == (0, "stopped\n"), done.stderr
