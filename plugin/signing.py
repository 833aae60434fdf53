"""What a run recorded is signed once it has ended: by whom the settings say, by default nobody in particular."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from mien.engines.credentials.anchors import Anchors
from mien.engines.credentials.chain import Credentials, Identity, one_time, own_anchors, own_certificate
from mien.engines.credentials.errors import CredentialError
from mien.engines.credentials.manifest import Description
from mien.engines.credentials.sign import UnsignableError, sign_file
from mien.plugin.settings import settings_path
from mien.realtime.config import CredentialSettings
from mien.realtime.errors import MissingExtraError


def credentials_folder() -> Path:
    """Where an identity is kept: beside the settings file, in a folder of its own."""
    return settings_path().parent / "credentials"


def anchors(settings: CredentialSettings) -> Anchors:
    """Give whose signatures are this user's own, for `read_signed`; raises `CredentialError` for a broken file."""
    certificate = settings.certificate
    return own_anchors(credentials_folder(), None if certificate is None else certificate.expanduser())


class Signing:
    """Signs files with what the settings name.

    A recording is signed after its run, on the thread that ends the run, and not on the sink's: that one must end
    within two seconds, and the library's code, cut off in the middle by the process's end, would abort it. The camera
    is free by then. A process that is killed meanwhile leaves the recording whole and unsigned, and beside it a
    `NAME.signing-*` that may be removed; `mien sign` signs it later.

    Args:
        settings: whose certificate; left out, keys for each file alone.

    Raises:
        CredentialError: the certificate or the identity that the settings name cannot be used.
        MissingExtraError: that needs a package which is missing.

    """

    def __init__(self, settings: CredentialSettings | None = None) -> None:
        self._make = credentials_for(settings or CredentialSettings())
        self._lock = threading.Lock()
        self._waiting: list[Path] = []
        #: Why recordings were not signed, one text each.
        self.notes: list[str] = []

    def add(self, path: Path) -> None:
        """Note a recording that is whole; called by its sink, on any thread."""
        with self._lock:
            self._waiting.append(path)

    def sign_all(self, description: Callable[[], Description]) -> list[str]:
        """Sign the recordings that were noted; returns a text for each that could not be, and raises nothing for it.

        Args:
            description: what the run showed; asked only when something was recorded.

        """
        with self._lock:
            waiting, self._waiting = self._waiting, []
        failures = [reason for path in waiting if (reason := self.sign(path, description()))]
        notes = [f"{reason} Its picture is marked all the same." for reason in failures]
        self.notes += notes
        return notes

    def sign(self, path: Path, description: Description) -> str:
        """Sign one file; returns why that could not be done, or nothing."""
        try:
            sign_file(path, credentials=self._make(), description=description)
        except UnsignableError:
            return f"{path.name} carries no signature: {path.suffix} files cannot hold one."
        except (CredentialError, MissingExtraError) as error:
            return f"{path.name} is whole, but not signed: {error}"
        return ""


def credentials_for(settings: CredentialSettings) -> Callable[[], Credentials]:
    """Give what makes the credentials for a file: the user's certificate, their identity, or keys for one file alone.

    Raises as `Signing`.
    """
    if settings.identity:
        return Identity(credentials_folder()).leaf
    if settings.certificate is not None and settings.key is not None:
        own = own_certificate(settings.certificate.expanduser(), settings.key.expanduser())
        return lambda: own
    return one_time
