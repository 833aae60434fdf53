from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("onnx")

from runtimes_networks import INPUTS, OUTPUTS, network, sample

from mien.engines.runtimes import cpu
from mien.engines.runtimes.base import Buffers, check_options, first_line
from mien.engines.runtimes.cpu import feature_of
from mien.realtime.errors import ConfigError, EngineError, ModelError


def test_a_network_of_the_expected_kind() -> None:
    network().check(inputs=INPUTS, outputs=OUTPUTS)


@pytest.mark.parametrize(
    ("inputs", "outputs", "message"),
    [
        (
            {**INPUTS, "pixels": (1, 3, 64, 64)},
            OUTPUTS,
            r"expected the inputs pixels \(1, 3, 64, 64\), code .*; found pixels \(1, 3, 32, 32\), code \(1, 12\)",
        ),
        ({"pixels": INPUTS["pixels"]}, OUTPUTS, r"expected the inputs pixels \(1, 3, 32, 32\); found"),
        (INPUTS, {}, r"expected the outputs none; found rgb \(1, 3, 64, 64\)"),
    ],
)
def test_a_network_of_another_kind(inputs: dict, outputs: dict, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        network().check(inputs=inputs, outputs=outputs)


def test_the_bytes_stay_out_of_messages() -> None:
    assert len(repr(network())) < 500


def test_buffers_are_filled_in_place_from_any_strides() -> None:
    buffers = Buffers.zeros(network())
    given = sample()
    before = buffers.inputs["pixels"]
    buffers.fill({**given, "pixels": given["pixels"].transpose(0, 1, 3, 2)})
    assert buffers.inputs["pixels"] is before
    assert np.array_equal(before, given["pixels"].transpose(0, 1, 3, 2))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "takes pixels, code; got nothing"),
        ({"pixels": np.zeros((1, 3, 32, 32), np.float32)}, "takes pixels, code; got pixels"),
        ({**sample(), "more": np.zeros(1, np.float32)}, "got pixels, code, more"),
        (
            {**sample(), "code": np.zeros((2, 12), np.float32)},
            r"input 'code' of the network 'tiny' must be \(1, 12\) float32, got \(2, 12\)",
        ),
        ({**sample(), "code": np.zeros((1, 12))}, "float64"),
    ],
)
def test_inputs_that_do_not_fit(given: dict, message: str) -> None:
    with pytest.raises(EngineError, match=message):
        Buffers.zeros(network()).fill(given)


@pytest.mark.parametrize("threads", [-1, 257])
def test_threads_that_are_no_number_of_them(threads: int) -> None:
    with pytest.raises(ConfigError, match=r"threads must be 0\.\.256"):
        check_options(threads, "auto")


def test_a_precision_that_does_not_exist() -> None:
    with pytest.raises(ConfigError, match="no precision 'float8'; allowed are auto, bfloat16, float32"):
        check_options(2, "float8")


@pytest.mark.parametrize(
    ("flags", "feature"),
    [
        ("fpu avx512_bf16 amx_tile amx_bf16", "AMX"),
        ("fpu avx512_bf16", "AVX512-BF16"),
        ("fpu avx2 not_bf16", ""),
        ("", ""),
    ],
)
def test_the_processor_s_bfloat16(flags: str, feature: str) -> None:
    assert feature_of(f"processor\t: 0\nflags\t\t: {flags}\n\nprocessor\t: 1\n") == feature


def test_the_processor_s_bfloat16_on_arm() -> None:
    assert feature_of("processor\t: 0\nFeatures\t: fp asimd i8mm bf16\n") == "ARM's BF16"


def test_openvino_s_source_locations_are_left_out() -> None:
    assert first_line(RuntimeError("Exception from src/core.cpp:105:\nCheck failed\nmore")) == "Check failed"
    assert first_line(RuntimeError("")) == "RuntimeError"


@pytest.mark.parametrize(("isa", "older", "feature"), [
    ("", "", "AMX"), ("AVX2", "", ""), ("avx512_core", "", ""), ("AVX2_VNNI_2", "", ""), ("DEFAULT", "", "AMX"),
    ("AVX512_CORE_AMX", "", "AMX"), ("AVX512_CORE_BF16", "", "AVX512-BF16"), ("avx512_core_fp16", "", "AVX512-BF16"),
    # The newer name is asked first, and the older one where it says nothing.
    ("AVX512_CORE_AMX", "AVX2", "AMX"), ("nonsense", "AVX2", "AMX"), ("", "AVX2", ""),
    ("AVX512_CORE_BF16", "AVX2", "AVX512-BF16"),
])  # fmt: skip
def test_instructions_that_the_user_took_away_are_not_used(
    monkeypatch: pytest.MonkeyPatch, isa: str, older: str, feature: str
) -> None:
    monkeypatch.setattr(cpu, "_cpuinfo", lambda: "flags\t\t: avx2 avx512_bf16 amx_bf16\n")
    monkeypatch.setattr(cpu.platform, "machine", lambda: "x86_64")
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", isa)
    monkeypatch.setenv("DNNL_MAX_CPU_ISA", older)
    assert cpu.bfloat16_feature() == feature
    assert cpu.bfloat16_switched_off() is (not feature)
    # Without its tiles bfloat16 is slower than integers.
    assert cpu.prefers_integers() is (feature != "AMX")


@pytest.mark.parametrize(("machine", "flags", "prefers"), [
    ("x86_64", "avx2", True), ("AMD64", "avx2 avx512_bf16", True), ("x86_64", "avx2 avx512_bf16 amx_bf16", False),
    ("arm64", "", False), ("aarch64", "bf16", False),
])  # fmt: skip
def test_integers_pay_on_x86_without_amx(
    monkeypatch: pytest.MonkeyPatch, machine: str, flags: str, prefers: bool
) -> None:
    monkeypatch.setattr(cpu, "_cpuinfo", lambda: f"flags\t\t: {flags}\n")
    monkeypatch.setattr(cpu.platform, "machine", lambda: machine)
    for name in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"):
        monkeypatch.delenv(name, raising=False)
    assert cpu.prefers_integers() is prefers
