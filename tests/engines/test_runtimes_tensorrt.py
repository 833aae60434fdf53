"""TensorRT from a network's file to its outputs, on a stand-in that checks every call and computes the real numbers."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnx
import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("openvino")

from runtimes_networks import cancelling, expected, network, sample
from tensorrt_machine import Machine, machine_with_tensorrt

from mien.engines.runtimes.base import NetworkFile
from mien.engines.runtimes.table import open_runner, preparations, runtime_states
from mien.engines.runtimes.tensorrt_plans import PlanCache
from mien.realtime.errors import EngineError, ModelError


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Machine:
    # Exported first: PyTorch's exporter would use the GPU that it is told of.
    network()
    cancelling()
    return machine_with_tensorrt(monkeypatch, tmp_path)


def of_opset(opset: int, operator: str = "GridSample") -> NetworkFile:
    """A network of one operator, with inputs of a picture and of places."""
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node(operator, ["picture", "places"], ["found"], mode="linear" if opset >= 20 else "bilinear")],
        "one",
        [
            helper.make_tensor_value_info("picture", kind, (1, 3, 8, 8)),
            helper.make_tensor_value_info("places", kind, (1, 8, 8, 2)),
        ],
        [helper.make_tensor_value_info("found", kind, (1, 3, 8, 8))],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    return NetworkFile(made.SerializeToString(), "warp")


def test_a_plan_is_compiled_verified_kept_and_run(machine: Machine) -> None:
    assert machine.prepare(network())
    assert machine.plans() == [("float16", "")]
    assert machine.left_behind() == []
    opened = open_runner(network())
    for seed in (3, 4):
        found = opened.runner(sample(seed))
        assert np.abs(found["rgb"] - expected(sample(seed))["rgb"]).max() < 0.005
        assert np.abs(found["rgb"] - expected(sample(7 - seed))["rgb"]).max() > 0.01
    assert (opened.runner.name, opened.runner.device, opened.runner.precision) == ("tensorrt", "cuda:0", "float16")
    assert opened.reason.startswith("tensorrt with float16: the fastest that is installed; verified with onnxruntime")
    opened.runner.close()
    opened.runner.close()
    with pytest.raises(EngineError, match="closed"):
        opened.runner(sample())


def test_progress_is_told_as_a_share_that_grows(machine: Machine) -> None:
    machine.prepare(network())
    shares = [share for _, share in machine.told]
    # The inner phase's first of two steps is half of the outer one's third of four.
    assert shares == [0.25, 0.5, 0.625, 0.75, 1.0]


def test_the_second_build_begins_with_what_the_first_measured(machine: Machine) -> None:
    machine.prepare(network())
    machine.prepare(cancelling(), "float32")
    key = PlanCache().entries()[0].key
    assert b'"builds": 2' in PlanCache().timing(key)
    # Timings of another GPU are refused by TensorRT; the build goes on without them.
    PlanCache().keep_timing(key, PlanCache().timing(key).replace(b"4070", b"5090"))
    machine.prepare(network(), "float32")
    assert b'"builds": 1' in PlanCache().timing(key)


def test_nothing_is_prepared_twice(machine: Machine) -> None:
    (job,) = preparations(network(), device="cuda")
    assert job.title == "TensorRT compiles tiny"
    assert preparations(network(), device="cpu") == ()
    machine.prepare(network())
    assert preparations(network()) == ()


def test_float32_when_it_is_asked_for(machine: Machine) -> None:
    assert machine.prepare(network(), "float32")
    opened = open_runner(network(), runtime="tensorrt", precision="float32")
    assert opened.runner.precision == "float32"
    assert np.allclose(opened.runner(sample())["rgb"], expected(sample())["rgb"], atol=1e-5)
    with pytest.raises(EngineError, match="bfloat16 was asked for"):
        open_runner(network(), runtime="tensorrt", precision="bfloat16")


def test_without_a_plan_the_next_runtime_serves_and_says_why(machine: Machine) -> None:
    opened = open_runner(network())
    opened.runner.close()
    assert opened.runner.name == "openvino"
    assert opened.passed_over[0] == "tensorrt: TensorRT has not compiled the network 'tiny' for this GPU yet"
    with pytest.raises(EngineError, match=r"not compiled the network 'tiny' .* mien plan build"):
        open_runner(network(), runtime="tensorrt")


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("parser", r"did not compile the network 'tiny': its parser says: no importer for Frobnicate \(node 7\)"),
        ("builder", r"its builder says: Error Code 10: Could not find any implementation"),
        ("crash", r"its process ended with status -9"),
    ],
)
def test_a_build_that_fails_says_why_and_leaves_nothing(machine: Machine, fault: str, message: str) -> None:
    machine.be(fault=fault)
    with pytest.raises(EngineError, match=message):
        machine.prepare(network())
    assert machine.plans() == []
    assert machine.left_behind() == []
    machine.be(fault="chatty")
    assert machine.prepare(network())


@pytest.mark.parametrize("change", [{"gpu": "Stand-in 5090"}, {"version": "11.4.0.106"}])
def test_a_plan_of_another_gpu_or_version_is_not_taken(machine: Machine, change: dict[str, str]) -> None:
    machine.prepare(network())
    machine.be(**change)
    with pytest.raises(EngineError, match="has not compiled"):
        open_runner(network(), runtime="tensorrt")
    assert machine.prepare(network())
    open_runner(network(), runtime="tensorrt").runner.close()
    # The older version's plan is of no use any more; the other GPU may come back.
    assert len(machine.plans()) == (2 if "gpu" in change else 1)


def test_a_plan_of_another_network_is_not_taken(machine: Machine) -> None:
    machine.prepare(network())
    with pytest.raises(EngineError, match="has not compiled the network 'cancelling'"):
        open_runner(cancelling(), runtime="tensorrt")


def test_a_plan_that_tensorrt_cannot_read_is_deleted_and_compiled_again(machine: Machine) -> None:
    machine.prepare(network())
    # As if the driver had changed what it reads: the file is whole, and ours.
    entry = PlanCache().entries()[0]
    PlanCache().store(entry.key, entry.network, b"PLAN of another kind", "")
    with pytest.raises(ModelError, match="cannot read its plan of the network 'tiny': Error Code 1: Serialization"):
        open_runner(network(), runtime="tensorrt")
    assert machine.plans() == []
    assert machine.prepare(network())
    open_runner(network(), runtime="tensorrt").runner.close()


def test_a_plan_of_other_ports_is_not_run(machine: Machine) -> None:
    machine.prepare(cancelling(), "float32")
    machine.prepare(network(), "float32")
    cache = PlanCache()
    one, other = (each.key for each in cache.entries())
    found = cache.find(other)
    assert found is not None
    cache.store(one, "cancelling", found[1], "")
    with pytest.raises(ModelError, match="takes or gives something else"):
        open_runner(cancelling(), runtime="tensorrt", precision="float32")


def test_noise_is_refused_with_the_reason_and_not_compiled_again(machine: Machine) -> None:
    machine.be(fault="noise")
    with pytest.raises(EngineError, match=r"TensorRT 10.13.2.6 in float32 does not give what the network 'tiny' is"):
        machine.prepare(network())
    assert [precision for precision, _ in machine.plans()] == ["float16", "float32"]
    assert preparations(network()) == ()
    opened = open_runner(network())
    opened.runner.close()
    assert opened.runner.name == "openvino"
    assert "does not give what the network" in opened.passed_over[0]
    with pytest.raises(EngineError, match=r"does not give .*mien plan build --again"):
        open_runner(network(), runtime="tensorrt")
    machine.be(fault="")
    job = machine.preparation(network())
    job.forget()
    assert job.needed


def test_where_float16_gives_noise_float32_is_taken(machine: Machine) -> None:
    machine.be(fault="noise16")
    assert machine.prepare(network())
    (refused, taken) = machine.plans()
    assert refused[0] == "float16"
    assert "in float16 does not give" in refused[1]
    assert taken == ("float32", "")
    assert open_runner(network()).runner.precision == "float32"


def test_a_plan_that_turned_to_noise_later_is_refused_by_the_table(machine: Machine) -> None:
    machine.prepare(network())
    machine.be(fault="noise")
    opened = open_runner(network())
    opened.runner.close()
    assert opened.runner.name == "openvino"
    assert "tensorrt with float16 does not give what onnxruntime in float32 gives" in opened.passed_over[0]


def test_a_network_that_float16_cannot_hold_is_never_compiled_in_it(machine: Machine) -> None:
    large = NetworkFile(_with_biases(cancelling().onnx, 6e4), "large")
    assert machine.prepare(large)
    assert machine.plans()[0][0] == "float16"
    assert "does not bear float16" in machine.plans()[0][1]
    assert open_runner(large).runner.precision == "float32"


def _with_biases(data: bytes, most: float) -> bytes:
    """The same network, with biases so large that the sums of its second layer leave float16's range."""
    model = onnx.load_model_from_string(data)
    for weight in model.graph.initializer:
        if tuple(weight.dims) == (512,):
            biases = np.full(512, most, np.float32)
            weight.CopyFrom(onnx.numpy_helper.from_array(biases, weight.name))
    return bytes(model.SerializeToString())


@pytest.mark.parametrize(
    ("fault", "message"), [("nomemory", "no memory .*OutOfMemory"), ("lost", "failed on .*launch")]
)
def test_a_gpu_that_fails(machine: Machine, fault: str, message: str) -> None:
    machine.prepare(network())
    machine.be(fault=fault)
    with pytest.raises(EngineError, match=message):
        open_runner(network(), runtime="tensorrt")
    assert machine.plans() == [("float16", "")]


def test_grid_sample_that_tensorrt_computes_wrong_is_refused(machine: Machine) -> None:
    with pytest.raises(ModelError, match=r"GridSample of opset 20, which TensorRT computes wrong\. Export it with"):
        machine.prepare(of_opset(20))
    assert machine.prepare(of_opset(18))


def test_what_is_missing_is_told(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def problem() -> str:
        return next(state.problem for state in runtime_states() if state.name == "tensorrt")

    assert problem() == ""
    machine.be(version="10.3.0")
    assert problem().startswith("TensorRT 10.3.0 is installed, 10.8 or newer is needed")
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert problem().startswith("PyTorch ")
    monkeypatch.setenv("PATH", os.devnull)
    assert problem() == "this machine has no NVIDIA driver"
    assert preparations(network()) == ()
