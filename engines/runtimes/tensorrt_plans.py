"""Plans: networks that TensorRT compiled on this machine, kept in the user's cache folder.

A plan is machine code that runs with the user's rights, so nobody else's is ever loaded: each file carries an HMAC
under a key that lies in the user's configuration folder alone. The same code finds out a file that is damaged.
A file is found by its key, in which everything stands that a plan depends on; another version of TensorRT, another GPU
or another network has another key, and so no plan yet.
"""

from __future__ import annotations

import errno
import hashlib
import hmac
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psutil

from mien.engines.consent.files import read_plain, replace, write_new
from mien.engines.runtimes.base import Precision
from mien.engines.runtimes.gpu import GpuIdentity
from mien.realtime.download import cache_dir
from mien.realtime.errors import EngineError
from mien.realtime.folders import user_config_dir

#: Of what is done to a network before and while it is compiled; a plan of another recipe is not found.
RECIPE: Final = 1
#: Greatest size of a file, bytes: far above what the largest network (64 MB) becomes.
_MAX_BYTES: Final = 2**30
_MAGIC: Final = b"mien plan 1\n"
_MAC_BYTES: Final = 32
_SUFFIX: Final = ".plan"
_TIMING_SUFFIX: Final = ".timing"
_BUILDING: Final = ".building-"


@dataclass(frozen=True, slots=True)
class PlanKey:
    """What a plan depends on.

    Attributes:
        tensorrt: its full version.
        network_sha256: of the ONNX file, before its precision was changed.
        precision: of the plan.
        gpu: that it was compiled on.
        recipe: see `RECIPE`.

    """

    tensorrt: str
    network_sha256: str
    precision: Precision
    gpu: GpuIdentity
    recipe: int = RECIPE

    @property
    def digest(self) -> str:
        """Name of its file."""
        return _digest(asdict(self))


@dataclass(frozen=True, slots=True)
class PlanEntry:
    """One file of the cache.

    Attributes:
        key: what it is of.
        network: the network's name, for people.
        built: when, UTC.
        measured: how far it is from the network's own outputs ("rgb 62 dB").
        refused: why there is no plan: its outputs were not the network's; empty if there is one.
        size: of the file, bytes.

    """

    key: PlanKey
    network: str
    built: str
    measured: str
    refused: str
    size: int


class PlanCache:
    """The plans of this user.

    Args:
        folder: default: "plans" in the cache folder (`MIEN_CACHE_DIR`, else the system's).

    Every method raises `EngineError` where the folder, or the key's, cannot be read or written.

    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = cache_dir() / "plans" if folder is None else folder

    def find(self, key: PlanKey) -> tuple[PlanEntry, bytes] | None:
        """The plan of a key, or why it was refused (then no bytes); None if there is none. A damaged one is deleted."""
        path = self._path(key)
        found = self._read(path)
        if found is not None and found[0].key == key:
            return found
        self._remove(path)
        return None

    def store(self, key: PlanKey, network: str, plan: bytes, measured: str) -> None:
        """Keep a plan that was verified, in the place of those that other versions of TensorRT made of the same."""
        self._write(key, network, plan, {"measured": measured, "refused": ""})
        for path, entry in self._files():
            if entry is not None and entry.key != key and _superseded(entry.key, key):
                self._remove(path)

    def refuse(self, key: PlanKey, network: str, reason: str) -> None:
        """Remember that TensorRT does not compute this network right, so that it is not compiled at every start."""
        self._write(key, network, b"", {"measured": "", "refused": reason})

    def drop(self, key: PlanKey) -> None:
        """Forget what is known of a key."""
        self._remove(self._path(key))

    def entries(self) -> tuple[PlanEntry, ...]:
        """All that can be read, by name."""
        found = [entry for _, entry in self._files() if entry is not None]
        return tuple(sorted(found, key=lambda each: (each.network, each.key.precision, each.built)))

    def clean(self, keep: Callable[[PlanEntry], bool]) -> tuple[int, int]:
        """Delete what is damaged, what a build left that was killed, plans that are not to be kept, and their timings.

        Returns:
            How many files, and their bytes.

        """
        useless, timed = [], set()
        for path, entry in self._files():
            if entry is None or not keep(entry):
                useless.append(path)
            else:
                timed.add(self._timing_path(entry.key))
        useless += [path for path in self.folder.glob(f"*{_TIMING_SUFFIX}") if path not in timed]
        with _told(self.folder):
            # Of a link itself: what it leads to may be gone, and is not deleted.
            size = sum(path.lstat().st_size for path in useless)
            self._sweep()
        for path in useless:
            self._remove(path)
        return len(useless), size

    def timing(self, key: PlanKey) -> bytes:
        """What earlier builds with the same TensorRT and GPU measured; empty if there was none."""
        found = self._unseal(self._timing_path(key))
        return b"" if found is None else found[1]

    def keep_timing(self, key: PlanKey, data: bytes) -> None:
        """Keep it for the next build."""
        self._seal(self._timing_path(key), {}, data)

    @contextmanager
    def workshop(self) -> Iterator[Path]:
        """A folder for one build, gone in the end; one that a killed process left is deleted by the next."""
        with _told(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._sweep()
            place = tempfile.TemporaryDirectory(
                prefix=f"{_BUILDING}{os.getpid()}-", dir=self.folder, ignore_cleanup_errors=True
            )
        with place as name:
            yield Path(name)

    def _sweep(self) -> None:
        for path in self.folder.glob(f"{_BUILDING}*"):
            owner = path.name.removeprefix(_BUILDING).partition("-")[0]
            if owner.isdecimal() and psutil.pid_exists(int(owner)):
                continue
            if path.is_symlink():
                # Not what it leads to.
                path.unlink(missing_ok=True)
            else:
                # Another process may be at it as well.
                shutil.rmtree(path, ignore_errors=True)

    def _files(self) -> Iterator[tuple[Path, PlanEntry | None]]:
        for path in sorted(self.folder.glob(f"*{_SUFFIX}")):
            found = self._read(path)
            yield path, None if found is None else found[0]

    def _read(self, path: Path) -> tuple[PlanEntry, bytes] | None:
        found = self._unseal(path)
        if found is None:
            return None
        header, plan = found
        try:
            known = header["key"]
            key = PlanKey(**{**known, "gpu": GpuIdentity(**known["gpu"])})
            network, built, measured, refused = (header[name] for name in ("network", "built", "measured", "refused"))
            return PlanEntry(key, network, built, measured, refused, len(plan)), plan
        except (KeyError, TypeError):
            # Ours, but of another version of Mien.
            return None

    def _write(self, key: PlanKey, network: str, plan: bytes, more: dict[str, str]) -> None:
        built = datetime.now(UTC).isoformat(timespec="seconds")
        self._seal(self._path(key), {"key": asdict(key), "network": network, "built": built, **more}, plan)

    def _seal(self, path: Path, header: dict[str, Any], body: bytes) -> None:
        sealed = json.dumps(header).encode() + b"\n" + body
        with _told(path):
            replace(path, _MAGIC + hmac.digest(self._secret(), sealed, "sha256") + sealed)

    def _unseal(self, path: Path) -> tuple[dict[str, Any], bytes] | None:
        """Header and body of a file; None if there is none, or it is not one that this user's Mien wrote."""
        try:
            data = read_plain(path, _MAX_BYTES)
        except OSError:
            return None
        begin = len(_MAGIC) + _MAC_BYTES
        sealed = memoryview(data)[begin:]
        with _told(path):
            right = hmac.digest(self._secret(), sealed, "sha256")
        if not data.startswith(_MAGIC) or not hmac.compare_digest(data[len(_MAGIC) : begin], right):
            return None
        end = data.index(b"\n", begin)
        return json.loads(data[begin:end]), data[end + 1 :]

    def _secret(self) -> bytes:
        path = user_config_dir() / "plans.key"
        with suppress(FileExistsError):
            write_new(path, secrets.token_bytes(_MAC_BYTES))
        secret = read_plain(path, _MAC_BYTES)
        if len(secret) != _MAC_BYTES:
            # A disk that was full, or a power cut. Under an empty key everybody could make plans.
            raise OSError(errno.EINVAL, f"{path} holds no key; delete it")
        return secret

    def _path(self, key: PlanKey) -> Path:
        return self.folder / f"{key.digest}{_SUFFIX}"

    def _timing_path(self, key: PlanKey) -> Path:
        return self.folder / f"{_digest([key.tensorrt, asdict(key.gpu)])}{_TIMING_SUFFIX}"

    def _remove(self, path: Path) -> None:
        with _told(path):
            path.unlink(missing_ok=True)


def _superseded(old: PlanKey, new: PlanKey) -> bool:
    same = (old.network_sha256, old.precision, old.gpu) == (new.network_sha256, new.precision, new.gpu)
    return same and (old.tensorrt, old.recipe) != (new.tensorrt, new.recipe)


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EngineError(
            f"The cache of compiled networks cannot be used: {path}: {error.strerror or error}.",
            hint="MIEN_CACHE_DIR names another folder.",
        ) from error
