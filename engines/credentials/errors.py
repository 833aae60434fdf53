"""What can go wrong with keys, certificates and signing."""

from __future__ import annotations

from mien.realtime.errors import MienError


class CredentialError(MienError, RuntimeError):
    """A key, a certificate or a file that cannot be used for signing. Never holds a key, nor a part of one."""

    exit_code = 10
