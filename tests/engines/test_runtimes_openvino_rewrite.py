"""What OpenVINO's graphs are rewritten to, and that they give what they gave."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("openvino")

import openvino
from runtimes_networks import Tensor, exported, fn, nn, torch

from mien.engines.runtimes.openvino_rewrite import rewrite

_SHAPE = (1, 8, 12, 8)
Forward = Callable[[Any, Tensor], Any]


class _Made(nn.Module):
    """Convolutions under a way through them."""

    def __init__(self, forward: Forward, *, bias: bool = True) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.conv = nn.Conv2d(8, 12, 3, 1, 1, bias=bias)
        self.last = nn.Conv2d(3, 3, 3, 1, 1)
        self.share = nn.Buffer(torch.tensor([0.0, 0.25, 1.0]).view(1, 3, 1, 1))
        self._way = forward

    def forward(self, x: Tensor) -> Any:
        return self._way(self, x)


def _model(forward: Forward, outputs: tuple[str, ...] = ("out",), **options: bool) -> tuple[Any, dict[str, np.ndarray]]:
    """A rewritten model, and what PyTorch says that it gives for `_given`."""
    module = _Made(forward, **options).eval()
    model = openvino.Core().read_model(exported(module, {"x": _SHAPE}, list(outputs)))
    rewrite(model)
    with torch.inference_mode():
        found = module(torch.from_numpy(_given()))
    found = found if isinstance(found, tuple) else (found,)
    return model, {name: each.numpy() for name, each in zip(outputs, found, strict=True)}


def _given() -> np.ndarray:
    return np.random.default_rng(3).normal(size=_SHAPE).astype(np.float32)


def _check(model: Any, expected: dict[str, np.ndarray]) -> None:
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    given = compiled({"x": _given()})
    for name, value in expected.items():
        np.testing.assert_allclose(given[name], value, rtol=1e-5, atol=1e-5)


def _kinds(model: Any) -> list[str]:
    return [node.get_type_name() for node in model.get_ordered_ops()]


def _modes(model: Any) -> list[str]:
    shuffles = (node for node in model.get_ordered_ops() if node.get_type_name() == "DepthToSpace")
    return [node.get_attributes()["mode"] for node in shuffles]


@pytest.mark.parametrize("bias", [True, False])
def test_a_shuffle_moves_whole_pixels_after_what_is_done_to_each_value(bias: bool) -> None:
    model, expected = _model(
        lambda self, x: torch.sigmoid(fn.leaky_relu(fn.pixel_shuffle(self.conv(x), 2), 0.1)) * 255, bias=bias
    )
    assert _modes(model) == ["blocks_first"]
    kinds = _kinds(model)
    assert kinds.index("DepthToSpace") > max(kinds.index(each) for each in ("PRelu", "Sigmoid", "Multiply"))
    _check(model, expected)


def test_what_is_done_before_the_shuffle_stays_there() -> None:
    model, expected = _model(lambda self, x: fn.pixel_shuffle(fn.leaky_relu(self.conv(x), 0.1), 2))
    assert _modes(model) == ["blocks_first"]
    _check(model, expected)


def test_what_differs_between_channels_stays_behind_the_shuffle() -> None:
    model, expected = _model(lambda self, x: fn.pixel_shuffle(self.conv(x), 2) * self.share)
    assert _modes(model) == ["blocks_first"]
    assert _kinds(model)[-2:] == ["Multiply", "Result"]
    _check(model, expected)


def test_a_convolution_that_others_use_keeps_its_channels() -> None:
    def forward(self: Any, x: Tensor) -> tuple[Tensor, Tensor]:
        found = fn.leaky_relu(self.conv(x), 0.1)
        return fn.pixel_shuffle(found, 2), found

    model, expected = _model(forward, ("out", "also"))
    assert _modes(model) == ["depth_first"]
    _check(model, expected)


def test_a_shuffle_that_several_use() -> None:
    def forward(self: Any, x: Tensor) -> tuple[Tensor, Tensor]:
        found = fn.pixel_shuffle(self.conv(x), 2)
        return torch.sigmoid(found), self.last(found)

    model, expected = _model(forward, ("out", "also"))
    assert _modes(model) == ["blocks_first"]
    _check(model, expected)


def test_a_shuffle_of_no_convolution_stays() -> None:
    model, expected = _model(lambda _self, x: fn.pixel_shuffle(torch.sigmoid(x), 2))
    assert _modes(model) == ["depth_first"]
    _check(model, expected)


def test_a_picture_of_three_channels_is_computed_in_rows() -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        found = self.last(x[:, :3])
        return (found * (1 - self.share) + torch.sigmoid(found) * self.share).permute(0, 2, 3, 1)

    model, expected = _model(forward)
    rows = [list(node.get_output_shape(0)) for node in model.get_ordered_ops() if node.get_type_name() == "Sigmoid"]
    assert rows == [[_SHAPE[2] * _SHAPE[3] * 3 // 48, 48]]
    _check(model, expected)


def test_pictures_whose_rows_do_not_come_out_even_stay() -> None:
    model, expected = _model(lambda self, x: torch.sigmoid(self.last(x[:, :3, :5, :7])).permute(0, 2, 3, 1))
    assert _kinds(model)[-2:] == ["Transpose", "Result"]
    _check(model, expected)
