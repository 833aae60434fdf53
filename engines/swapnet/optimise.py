"""The optimiser of a training run, and its state by the names of what it optimises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

_TEXTURES_FASTER = 10.0


def make_optimiser(network: nn.Module, rate: float) -> torch.optim.AdamW:
    """AdamW over what is not frozen; textures learn faster, as each texel is seen by few pixels, and do not decay."""
    kinds: dict[bool, list[nn.Parameter]] = {False: [], True: []}
    for name, each in network.named_parameters():
        if each.requires_grad:
            kinds[name.endswith("texture")].append(each)
    groups = [
        {"params": kinds[False], "weight_decay": 1e-4, "times": 1.0},
        {"params": kinds[True], "weight_decay": 0.0, "times": _TEXTURES_FASTER},
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]], rate, (0.9, 0.99))


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """From the next step on."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group["times"]


def moments_of(optimiser: torch.optim.Optimizer, network: nn.Module, prefix: str) -> dict[str, Tensor]:
    """The optimiser's state as tensors to save, named after the network's parameters."""
    out: dict[str, Tensor] = {}
    for name, each in network.named_parameters():
        for key, value in optimiser.state.get(each, {}).items():
            out[f"{prefix}{key}.{name}"] = value.reshape(1) if value.ndim == 0 else value
    return out


def restore_moments(
    optimiser: torch.optim.Optimizer, network: nn.Module, tensors: Mapping[str, Tensor], prefix: str
) -> None:
    """The reverse of `moments_of`."""
    for name, each in network.named_parameters():
        found = {key: tensors.get(f"{prefix}{key}.{name}") for key in ("step", "exp_avg", "exp_avg_sq")}
        if any(value is None for value in found.values()):
            continue
        state: dict[str, Any] = {}
        for key, value in found.items():
            if value is not None:
                state[key] = value.reshape(()) if key == "step" else value.to(each.device).view_as(each).clone()
                if key != "step":
                    state[key] = state[key].contiguous(memory_format=_format_of(each))
        optimiser.state[each] = state


def _format_of(tensor: Tensor) -> torch.memory_format:
    last = tensor.ndim == 4 and tensor.is_contiguous(memory_format=torch.channels_last) and not tensor.is_contiguous()
    return torch.channels_last if last else torch.contiguous_format
