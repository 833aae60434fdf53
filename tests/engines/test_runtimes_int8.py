from __future__ import annotations

import pytest

pytest.importorskip("nncf")
pytest.importorskip("onnx")
pytest.importorskip("openvino")
pytest.importorskip("onnxruntime")

from runtimes_networks import INPUTS, OUTPUTS, expected, network, sample

from mien.engines.runtimes.int8 import quantise
from mien.engines.runtimes.table import open_runner
from mien.engines.runtimes.verify import Tolerance, compare
from mien.realtime.errors import EngineError, ModelError


@pytest.fixture(scope="module")
def quantised():  # noqa: ANN201
    return quantise(network(), (sample(seed) for seed in range(1000)), samples=32)


def test_the_result_is_a_network_of_the_same_kind(quantised) -> None:  # noqa: ANN001
    quantised.check(inputs=INPUTS, outputs=OUTPUTS)
    assert quantised.quantised
    with pytest.raises(ModelError, match="is quantised already"):
        quantise(quantised, [sample()])


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_it_runs_and_is_near_the_float_network(quantised, runtime: str) -> None:  # noqa: ANN001
    opened = open_runner(quantised, runtime=runtime)
    given = sample(2000)
    compared = compare(opened.runner(given), expected(given), Tolerance(36, 0.08))
    opened.runner.close()
    assert opened.runner.precision == "int8"
    assert opened.reason.startswith(f"{runtime} with int8: ")
    assert "; verified with " in opened.reason
    assert all(each.within for each in compared), compared


def test_a_result_that_lost_too_much_is_refused() -> None:
    with pytest.raises(EngineError, match="lost too much as 8-bit integers"):
        quantise(network(), [sample()], tolerance=Tolerance(200, 0))


def test_samples_that_do_not_fit() -> None:
    with pytest.raises(EngineError, match="takes pixels, code; got code"):
        quantise(network(), [{"code": sample()["code"]}])
    with pytest.raises(EngineError, match="no sample to quantise"):
        quantise(network(), [])
