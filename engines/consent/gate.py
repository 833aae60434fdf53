"""The gate that every consented pack passes, with this machine's keys, clock and revocations.

What it holds and what not: a record cannot be edited, moved to other files or another persona, or outlive its term, by
anybody who has neither the subject's nor a known tool's key. Whoever owns this machine has the tool's key, and could
bind what they like or turn back the clock; no key on the same disk would change that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Protocol

from mien.engines.consent.canonical import dump
from mien.engines.consent.errors import ConsentMissingError
from mien.engines.consent.keys import ToolKeys, sign
from mien.engines.consent.moment import utc_now, write_moment
from mien.engines.consent.record import BINDING_NAME, RECORD_NAME, Binding, SignedBinding, signed_text
from mien.engines.consent.revocation import check_revoked, places
from mien.engines.consent.verify import Consent, check_term, verify_binding, verify_record


class Claims(Protocol):
    """What a manifest says that the gate needs; `mien.engines.personas.manifest.Manifest` does."""

    @property
    def name(self) -> str:
        """Of the persona."""

    @property
    def record_file(self) -> str | None:
        """The file that ``[consent]`` names."""

    @property
    def digests(self) -> Mapping[str, str]:
        """SHA-256 of each file, which was held against its bytes already."""


class Gate:
    """Lets consented packs in.

    Args:
        data_dir: the user's; holds revocations.
        keys: the tools' keys; default: this user's.
        now: the clock.

    """

    def __init__(self, data_dir: Path, *, keys: ToolKeys | None = None, now: Callable[[], datetime] = utc_now) -> None:
        self._data_dir = data_dir
        self._keys = ToolKeys() if keys is None else keys
        self.now = now

    def record(self, data: bytes, digest: str) -> Consent:
        """A record that is not in a pack yet; it may be revoked in the data folder.

        Raises:
            ConsentError: one of its kinds.

        """
        consent = verify_record(data, digest, known=self._keys.known(), now=self.now())
        check_revoked(consent.record, places(consent.record.id, self._data_dir, self._data_dir)[:1])
        return consent

    def admit(self, claims: Claims, files: Mapping[str, bytes], location: Path) -> Consent:
        """Whether a consented pack may be loaded, now and here.

        Args:
            claims: its manifest.
            files: name to bytes; the record and the binding are read.
            location: of the pack.

        Raises:
            ConsentError: one of its kinds; nothing is loaded.

        """
        name, pack = claims.record_file, location.name
        if name != RECORD_NAME or name not in files:
            raise ConsentMissingError(
                f"{pack}: has no signed consent record, only {name or 'nothing'}; a statement alone opens no pack.",
                hint="Record it (`mien consent record`, for a drawn figure `mien consent figure`), and make the pack "
                "again: `mien persona create --consent consent.json`.",
            )
        if BINDING_NAME not in files:
            raise ConsentMissingError(
                f"{pack}: its files were never bound to the consent ({BINDING_NAME} is missing).",
                hint="Make the pack again: `mien persona create --portrait PICTURE --consent consent.json`.",
            )
        known, now = self._keys.known(), self.now()
        consent = verify_record(files[name], claims.digests[name], known=known, now=now)
        bound = {each: digest for each, digest in claims.digests.items() if each not in (RECORD_NAME, BINDING_NAME)}
        verify_binding(files[BINDING_NAME], consent, bound, persona=claims.name, known=known, now=now)
        check_revoked(consent.record, places(consent.record.id, location, self._data_dir))
        return consent

    def recheck(self, consent: Consent, location: Path) -> None:
        """Raise `ConsentError` if a consent that was admitted is over or withdrawn by now; about 0.1 ms."""
        check_term(consent.record, self.now())
        check_revoked(consent.record, places(consent.record.id, location, self._data_dir))

    def bind(self, consent: Consent, digests: Mapping[str, str]) -> bytes:
        """`binding.json` for a pack that this Mien is about to write.

        Args:
            consent: of the pack.
            digests: SHA-256 of each file but `persona.toml`; the record and the binding are left out by themselves.

        Raises:
            ConsentKeyError: this Mien's key cannot be used.

        """
        files = {name: digest for name, digest in digests.items() if name not in (RECORD_NAME, BINDING_NAME)}
        binding = Binding(
            format=1,
            type="mien-binding",
            consent=consent.digest,
            persona=consent.record.persona,
            files=files,
            made=write_moment(self.now()),
        )
        return dump(SignedBinding(binding=binding, signature=sign(self._keys.own(), signed_text(binding))))
