"""Training states on disk: safetensors with what they mean in the header, written whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from mien.realtime.errors import ModelError

_MAX_BYTES = 2 * 2**30
_KEY = "mien"


def save_state(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Write tensors and plain JSON values.

    Raises:
        ModelError: the disk is full or cannot be written; what was there before is untouched.

    """
    from safetensors.torch import save_file

    part = path.with_suffix(f".{os.getpid()}.part")
    try:
        save_file({name: each.contiguous() for name, each in tensors.items()}, part, {_KEY: json.dumps(about)})
        # Open for writing: Windows flushes no file that is open for reading.
        with part.open("r+b") as file:
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, OSError) or type(error).__name__ == "SafetensorError":
            raise ModelError(f"{path} cannot be written ({error}).", hint="Is the disk full?") from error
        raise


def load_state(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save_state` wrote.

    Raises:
        ModelError: there is no such file, it is damaged, too large, or not Mien's.

    """
    from safetensors import SafetensorError, safe_open

    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError("it is larger than 2 GB")
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {}).get(_KEY, "null"))
            if not isinstance(about, dict):
                raise ValueError("its header is not Mien's")
            return {name: file.get_tensor(name) for name in file.keys()}, about  # noqa: SIM118 - not a dict
    except (OSError, SafetensorError, ValueError) as error:
        raise ModelError(f"{path} is no training state, or is damaged: {error}.") from error


def under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Those of a state's tensors whose names begin so, by the rest of their names."""
    return {name.removeprefix(prefix): each for name, each in tensors.items() if name.startswith(prefix)}
