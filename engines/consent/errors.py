"""What can be wrong with a consent, by name. Each message says what happened, what it got, and what to do next."""

from __future__ import annotations

from mien.realtime.errors import PersonaError


class ConsentError(PersonaError):
    """A consent that is missing, wrong, over or withdrawn: the persona is not loaded."""


class ConsentMissingError(ConsentError):
    """There is no signed record, or the pack's files were never bound to it."""


class ConsentDamagedError(ConsentError):
    """The bytes are no record of this format."""


class ConsentEditedError(ConsentError):
    """A signature does not fit the text: something was changed after it was signed."""


class ConsentForeignError(ConsentError):
    """The consent is somebody else's: another signer than the subject, or another persona."""


class ConsentToolUnknownError(ConsentError):
    """It was signed by a Mien whose key nobody accepted here."""


class ConsentNotYetValidError(ConsentError):
    """It begins in the future: its clock or this machine's is wrong."""


class ConsentExpiredError(ConsentError):
    """Its term is over."""


class ConsentRevokedError(ConsentError):
    """The subject has withdrawn it."""


class ConsentFilesError(ConsentError):
    """The pack's files are not those that the consent is bound to."""


class ConsentScopeError(ConsentError):
    """It does not allow this use."""


class ConsentKeyError(ConsentError):
    """A key's file that cannot be used: missing, readable by others, no key, or in a place that cannot be written."""


class EnrolmentError(ConsentError):
    """A live enrolment that failed; nothing was recorded."""
