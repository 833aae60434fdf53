"""Which packs may be loaded: synthetic ones that ship or that this machine rendered, and those with a valid consent.

`synthetic` is a claim: nobody's likeness, made from a seed. A stranger's pack could claim it over a photograph, so the
claim is believed only when the digest of the pack's manifest (which holds the hash of every file) is one of those
built into Mien, or when `mien persona check` rendered the seed on this machine and saw the same picture; the digests
that passed are kept in the user's data folder. That list keeps honest users from loading a relabelled pack by
mistake. It does not bind the machine's owner, who could edit the list as well as this file; no signature made with a
key on the same disk would change that.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import platformdirs

from mien.engines.consent.gate import Gate
from mien.engines.personas.manifest import Manifest
from mien.engines.personas.shipped_digests import SHIPPED_DIGESTS
from mien.realtime.errors import PersonaError

DATA_DIR_VARIABLE = "MIEN_DATA_DIR"
_VERIFIED_NAME = "verified-personas.json"
#: Far more than anybody has personas; the list is read at each load.
_MAX_BYTES = 2**20


def user_data_dir() -> Path:
    """Where the user's packs and the list of verified ones lie: ``MIEN_DATA_DIR``, else the system's place."""
    if given := os.environ.get(DATA_DIR_VARIABLE):
        return Path(given)
    return platformdirs.user_data_path("mien", appauthor=False)


class NotRenderedError(PersonaError):
    """A pack that says it is synthetic, and was never rendered and compared on this machine."""


class Trust:
    """The synthetic packs that are known to be rendered, and the gate of those with a consent.

    Args:
        data_dir: folder of the list and of revocations; created on the first `remember`. Default: `user_data_dir`.
        gate: of consented packs; default: this user's.

    Attributes:
        gate: the same.

    """

    def __init__(self, data_dir: Path | None = None, *, gate: Gate | None = None) -> None:
        folder = user_data_dir() if data_dir is None else data_dir
        self._path = folder / _VERIFIED_NAME
        self.gate = Gate(folder) if gate is None else gate

    def accepts(self, manifest: Manifest, digest: str) -> bool:
        """Whether a pack may be loaded as the kind that it claims; a `consented` one still has to pass the `gate`."""
        return manifest.kind == "consented" or self.is_shipped(digest) or digest in self._verified()

    def is_shipped(self, digest: str) -> bool:
        """Whether the digest is built into this version of Mien."""
        return digest in SHIPPED_DIGESTS.values()

    def remember(self, digest: str) -> None:
        """Keep a digest that `check` has rendered and found equal.

        Raises:
            PersonaError: the list cannot be written.

        """
        digests = sorted({*self._verified(), digest})
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=self._path.parent, delete=False, encoding="ascii") as stream:
                json.dump({"version": 1, "digests": digests}, stream)
            Path(stream.name).replace(self._path)
        except OSError as error:
            raise PersonaError(
                f"The list of verified personas, {self._path}, cannot be written ({error.strerror}).",
                hint=f"Make the folder writable, or set {DATA_DIR_VARIABLE} to one that is.",
            ) from error

    def require(self, manifest: Manifest, digest: str, location: Path) -> None:
        """Raise `PersonaError` unless `accepts`."""
        if not self.accepts(manifest, digest):
            raise NotRenderedError(
                f"The persona {manifest.name!r} says that it is synthetic, but it does not ship with Mien and was "
                "never rendered and compared on this machine.",
                hint=f"Run `mien persona check {location}` first; it needs: pip install anny warp-lang torch",
            )

    def _verified(self) -> frozenset[str]:
        # A list that is missing or damaged verifies nothing, which is the safe reading.
        try:
            if self._path.stat().st_size > _MAX_BYTES:
                return frozenset()
            table = json.loads(self._path.read_text(encoding="ascii"))
        except (OSError, ValueError, RecursionError):
            return frozenset()
        digests = table.get("digests") if isinstance(table, dict) else None
        return (
            frozenset(item for item in digests if isinstance(item, str)) if isinstance(digests, list) else frozenset()
        )
