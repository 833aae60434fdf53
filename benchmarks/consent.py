"""What a consent costs: loading a consented pack of 25 MB, its parts, and one look of the guard beside a live run.

    python benchmarks/consent.py [--megabytes 25] [--repeats 15] [--json OUT]

The pack is made here, with a key of its own, in a folder that is removed: a shipped persona's rendered portrait and
weights of random bytes (loading reads and checks a network; it does not run it). Medians, ms; `load_cpu_ms` is this
process's own time, which other programs on the machine do not lengthen.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rich.console import Console

from mien.engines.consent.enrol import Seen
from mien.engines.consent.gate import Gate
from mien.engines.consent.keys import ToolKeys
from mien.engines.consent.make import Terms, make_record
from mien.engines.consent.moment import utc_now
from mien.engines.consent.record import BINDING_NAME, RECORD_NAME, Statement
from mien.engines.consent.replay import ReplayGuard, small_grey
from mien.engines.personas.library import SHIPPED_DIR
from mien.engines.personas.manifest import sha256
from mien.engines.personas.pack import load_pack, read_contents, write_pack
from mien.engines.personas.trust import Trust
from mien.plugin.machine import provenance

SCHEMA = 1
_FILE_BYTES = 12 * 10**6


def make_pack(folder: Path, gate: Gate, keys: ToolKeys, size_bytes: int) -> Path:
    """A consented pack of about this size."""
    shipped = read_contents(SHIPPED_DIR / "viggo")
    files = {name: shipped.files[name] for name in ("portrait.jpg", "landmarks.json")}
    left = size_bytes - sum(map(len, files.values()))
    names = ["encoder.onnx", "base.onnx", "large.onnx"]
    for name in names:
        files[name] = os.urandom(max(1, min(_FILE_BYTES, left)))
        left -= len(files[name])
    proof = Statement(holder="a benchmark", basis="own-work", text="00" * 32)
    files[RECORD_NAME] = make_record(
        Terms("bench", (sha256(files["portrait.jpg"]),), kind="figure"),
        subject=Ed25519PrivateKey.generate(), tool=keys.own(), proof=proof, now=utc_now(),
    )  # fmt: skip
    consent = gate.record(files[RECORD_NAME], sha256(files[RECORD_NAME]))
    files[BINDING_NAME] = gate.bind(consent, {name: sha256(data) for name, data in files.items()})
    table = {
        "name": "bench", "kind": "consented", "engine": "swapnet", "licence": "none", "description": "a benchmark",
        "mesh": {"portrait": "portrait.jpg", "landmarks": "landmarks.json"},
        "swapnet": {"encoder": sha256(files["encoder.onnx"]), "decoders": {"base": "base.onnx", "large": "large.onnx"}},
        "consent": {"file": RECORD_NAME, "sha256": consent.digest},
    }  # fmt: skip
    write_pack(folder / "bench", table, files)
    return folder / "bench"


def median_ms(call: Callable[[], Any], repeats: int, clock: Callable[[], float] = time.perf_counter) -> float:
    """Of so many calls."""
    times = []
    for _ in range(repeats):
        begin = clock()
        call()
        times.append((clock() - begin) * 1e3)
    return round(statistics.median(times), 3)


def measure(size_bytes: int, repeats: int) -> dict[str, Any]:
    """All figures."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        keys = ToolKeys(folder / "config")
        gate = Gate(folder / "data", keys=keys)
        trust = Trust(folder / "data", gate=gate)
        pack = make_pack(folder, gate, keys, size_bytes)
        contents = read_contents(pack)
        persona = load_pack(pack, trust=trust)
        consent = persona.consent
        assert consent is not None
        frame = np.random.default_rng(0).integers(0, 256, (720, 1280, 3), np.uint8)
        return {
            "pack_bytes": sum(map(len, contents.files.values())),
            "record_bytes": len(contents.files[RECORD_NAME]),
            "binding_bytes": len(contents.files[BINDING_NAME]),
            "load_ms": median_ms(lambda: load_pack(pack, trust=trust), repeats),
            "load_cpu_ms": median_ms(lambda: load_pack(pack, trust=trust), repeats, time.process_time),
            "read_and_hash_ms": median_ms(lambda: read_contents(pack), repeats),
            "gate_ms": median_ms(lambda: gate.admit(contents.manifest, contents.files, pack), repeats),
            "guard_look_ms": median_ms(lambda: gate.recheck(consent, pack), 10 * repeats),
            "replay_frame_ms": _replay_ms(frame),
        }


def _replay_ms(frame: np.ndarray) -> float:
    """A frame of an enrolment that has lasted a minute: the small picture, and whether it was there before."""
    guard, rng = ReplayGuard(), np.random.default_rng(1)
    for at in range(1800):
        guard.add(rng.uniform(0, 255, 576).astype(np.float32), at * 33)
    times = []
    for at in range(1800, 1860):
        begin = time.perf_counter()
        seen = Seen(at * 33, (), small_grey(frame))
        guard.add(seen.small + rng.uniform(0, 9, 576).astype(np.float32), seen.at_ms)
        times.append((time.perf_counter() - begin) * 1e3)
    return round(statistics.median(times), 3)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, default=25.0)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    figures = measure(round(given.megabytes * 10**6), given.repeats)
    for name, value in figures.items():
        Console(highlight=False).print(f"{name:18} {value}")
    if given.json is not None:
        given.json.write_text(json.dumps({"schema": SCHEMA, **provenance(), **figures}, indent=2) + "\n")


if __name__ == "__main__":
    main()
