"""`mien plan`, on a machine without a GPU and on a stand-in for one with TensorRT."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_runner import Mien
from onnx import TensorProto, helper
from tensorrt_machine import Machine, machine_with_tensorrt

from mien.engines.runtimes.base import NetworkFile
from mien.engines.runtimes.tensorrt_plans import PlanCache

pytest.importorskip("onnxruntime")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Machine:
    return machine_with_tensorrt(monkeypatch, tmp_path)


@pytest.fixture
def mien(capsys: pytest.CaptureFixture[str]) -> Mien:
    return Mien(capsys)


def test_build_list_check_and_clean(machine: Machine, mien: Mien) -> None:
    built = mien("plan", "build", "mateo", "--json")
    assert built.code == 0, built.err
    assert built.document == {"persona": "mateo", "compiled": ["the encoder", "the small decoder"], "failed": []}
    assert "the encoder: compiled and verified" in built.err
    again = mien("plan", "build", "mateo")
    assert again.out.splitlines() == ["the encoder: there already", "the small decoder: there already"]

    listed = mien("plan", "list", "--json").document
    assert [(each["network"], each["key"]["precision"]) for each in listed] == [
        ("the encoder", "float16"),
        ("the small decoder", "float16"),
    ]
    assert all(each["state"].startswith("ready: ") for each in listed)
    checked = mien("plan", "check", "mateo")
    assert checked.code == 0
    assert checked.out.count("ok    the") == 2
    assert "verified with onnxruntime in float32" in checked.out

    machine.be(gpu="Stand-in 5090")
    assert "of another GPU or TensorRT" in mien("plan", "list").out
    failed = mien("plan", "check", "mateo")
    assert failed.code == 6
    assert failed.out.count("FAIL  the") == 2
    assert "has not compiled" in failed.out
    machine.be(gpu="Stand-in 4070")
    assert mien("plan", "clean", "--json").document["files"] == 0
    machine.be(version="11.4.0.106")
    # Two plans, and the timings that nothing needs any more.
    assert mien("plan", "clean", "--json").document["files"] == 3
    assert "Nothing is compiled yet" in mien("plan", "list").out


def test_a_network_that_is_not_compiled_right(machine: Machine, mien: Mien) -> None:
    machine.be(fault="noise")
    built = mien("plan", "build", "mateo", "--json")
    assert built.code == 6
    assert built.document["failed"] == ["the encoder", "the small decoder"]
    assert "does not give what the network 'the encoder' is" in built.err
    assert "refused: TensorRT 10.13.2.6 in float16" in mien("plan", "list").out
    # Not again by itself; but when it is asked for.
    machine.be(fault="")
    assert mien("plan", "build", "mateo").code == 0
    assert machine.plans()[0][1] != ""
    assert mien("plan", "build", "mateo", "--again", "--precision", "float32").code == 0
    assert ("float32", "") in machine.plans()
    assert mien("plan", "clean", "--all").code == 0
    assert list(PlanCache().folder.iterdir()) == []


def grid_sample(opset: int) -> NetworkFile:
    """A network that looks a picture up where it is."""
    node = helper.make_node("GridSample", ["pixels", "places"], ["found"], mode="linear" if opset >= 20 else "bilinear")
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("pixels", (1, 3, 8, 8)), ("places", (1, 8, 8, 2)), ("found", (1, 3, 8, 8)))
    ]
    graph = helper.make_graph([node], "lookup", ports[:2], ports[2:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    return NetworkFile(model.SerializeToString(), f"the lookup of {opset}")


def test_a_network_that_is_refused_does_not_keep_the_next_one_waiting(
    machine: Machine, mien: Mien, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = (grid_sample(20), grid_sample(17))
    monkeypatch.setattr("mien.plugin.commands.plan.persona_networks", lambda _persona: given)
    built = mien("plan", "build", "--json")
    assert built.code == 6
    assert built.document == {"persona": "amara", "compiled": ["the lookup of 17"], "failed": ["the lookup of 20"]}
    assert "which TensorRT computes wrong" in built.err
    assert len(machine.plans()) == 1


def test_a_persona_without_a_network(mien: Mien) -> None:
    result = mien("plan", "build", "viggo")
    assert result.code == 6
    assert "'viggo' has no network" in result.err


def test_without_a_gpu(mien: Mien, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MIEN_CACHE_DIR", str(tmp_path))
    if Path("/proc/driver/nvidia").exists():
        pytest.skip("this machine has an NVIDIA driver")
    monkeypatch.setenv("PATH", str(tmp_path))
    for command in ("build", "check"):
        result = mien("plan", command)
        assert result.code == 6
        assert "An NVIDIA GPU is needed: this machine has no NVIDIA driver." in result.err
    assert mien("plan", "list").code == 0
    assert "nobody can tell what else is of use" in mien("plan", "clean").err


def test_without_tensorrt(machine: Machine, mien: Mien, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "tensorrt", None)
    result = mien("plan", "build", "mateo")
    assert result.code == 8
    assert "needs the package 'tensorrt', which is not installed. " in f"{result.err} ".replace("\n", " ")
    assert "pip install tensorrt" in result.err
    assert machine.plans() == []
