from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("onnx")

from runtimes_networks import INPUTS, network

from mien.engines.runtimes.verify import Tolerance, compare, sample_for

PICTURE = np.random.default_rng(0).random((1, 3, 16, 16), np.float32)


def test_the_sample_is_the_same_each_time() -> None:
    first, second = sample_for(network()), sample_for(network())
    assert {name: value.shape for name, value in first.items()} == INPUTS
    assert all(np.array_equal(first[name], second[name]) for name in INPUTS)


@pytest.mark.parametrize(("error", "within"), [(0.005, True), (0.02, False)])
def test_a_picture_is_compared_in_decibels(error: float, within: bool) -> None:
    (found,) = compare({"rgb": PICTURE + np.float32(error)}, {"rgb": PICTURE}, Tolerance(40, 0))
    assert found.within is within
    assert found.text == f"rgb {-20 * np.log10(error):.0f} dB"


@pytest.mark.parametrize(("error", "within"), [(1.01, True), (1.05, False)])
def test_other_outputs_are_compared_by_their_norm(error: float, within: bool) -> None:
    logits = PICTURE * 20 - 10
    (found,) = compare({"mask": logits * np.float32(error)}, {"mask": logits}, Tolerance(1000, 0.03))
    assert found.within is within
    assert found.text.startswith("mask 0.0")


def test_equal_outputs_are_within() -> None:
    zeros = np.zeros((1, 4), np.float32)
    assert all(
        each.within for each in compare({"a": PICTURE, "b": zeros}, {"a": PICTURE, "b": zeros}, Tolerance(60, 0))
    )


def test_what_is_not_finite_is_never_within() -> None:
    broken = PICTURE.copy()
    broken[0, 0, 0, 0] = np.nan
    for given, reference in ((broken, PICTURE), (PICTURE, broken), (broken, broken)):
        (found,) = compare({"rgb": given}, {"rgb": reference}, Tolerance(0, 1e9))
        assert not found.within
        assert found.text == "rgb not finite"
