"""A training state in halves and in pieces, for hosts that send little back: as much as the run needs to go on.

The frozen encoder stays where it is; weights go as float16 and the optimiser's moments as bfloat16, so that a run which
goes on from them is as good, and not the same bit by bit.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from mien.engines.swapnet.checkpoint import load_state, save_state
from mien.realtime.errors import ModelError

#: Of each piece at most.
PIECE_BYTES: Final = 16 * 2**20 - 4096
_NAME: Final = re.compile(r"state-([0-9a-f]{16})-(\d+)-of-(\d+)\.part")
_ENCODER: Final = ".encoder."


def send(state: Path, folder: Path) -> list[Path]:
    """Write a run's state as pieces into a folder; gives them in their order.

    Raises:
        ModelError: there is no such state, or it is damaged.

    """
    from safetensors.torch import save

    tensors, about = load_state(state)
    halved = {
        name: each.to(torch.bfloat16 if "adam." in name else torch.float16) if each.numel() > 1 else each
        for name, each in tensors.items()
        if _ENCODER not in name
    }
    data = save({name: each.contiguous() for name, each in halved.items()}, {"mien": json.dumps(about)})
    digest = hashlib.sha256(data).hexdigest()[:16]
    pieces = [data[first : first + PIECE_BYTES] for first in range(0, len(data), PIECE_BYTES)]
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("state-*.part"):
        old.unlink()
    out = []
    for number, piece in enumerate(pieces, start=1):
        out.append(folder / f"state-{digest}-{number}-of-{len(pieces)}.part")
        out[-1].write_bytes(piece)
    return out


def receive(folder: Path, state: Path) -> int:
    """Put pieces together into a run's state, whose encoder is taken from what it was; gives the step.

    Raises:
        ModelError: pieces are missing or damaged, are of another plan, or the run has not begun.

    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    data = _joined(folder)
    own, ours = load_state(state)
    try:
        length = int.from_bytes(data[:8], "little")
        about = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["mien"])
        found = {name: each.float() for name, each in load(data).items()}
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"The pieces in {folder} are no training state: {error}.") from error
    if about.get("plan") != ours.get("plan"):
        raise ModelError(f"The pieces in {folder} are of another plan than {state}.")
    save_state(state, found | _encoders(own, found), about)
    return int(about["step"])


def _encoders(own: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The encoder as it was, under each name that the state has it by."""
    kept = {name.split(_ENCODER, 1)[1]: each for name, each in own.items() if name.startswith(f"network{_ENCODER}")}
    kinds = {name.split(".", 1)[0] for name in found if "adam." not in name}
    return {f"{kind}{_ENCODER}{name}": each.clone() for kind in sorted(kinds) for name, each in kept.items()}


def _joined(folder: Path) -> bytes:
    known: dict[str, dict[int, Path]] = {}
    counts: dict[str, int] = {}
    for path in folder.glob("state-*.part"):
        if (name := _NAME.fullmatch(path.name)) is not None:
            known.setdefault(name[1], {})[int(name[2])] = path
            counts[name[1]] = int(name[3])
    if len(known) != 1:
        raise ModelError(f"{folder} holds pieces of {len(known)} states, not of one.")
    ((digest, pieces),) = known.items()
    if sorted(pieces) != list(range(1, counts[digest] + 1)):
        raise ModelError(f"{folder} holds pieces {sorted(pieces)} of {counts[digest]}.")
    data = b"".join(pieces[number].read_bytes() for number in sorted(pieces))
    if hashlib.sha256(data).hexdigest()[:16] != digest:
        raise ModelError(f"The pieces in {folder} are damaged.")
    return data
