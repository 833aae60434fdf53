"""The errors that reach a user. Each says what happened, what it got, what is allowed, what to do next.

Every class also subclasses a builtin, so that a caller who knows nothing of Mien can catch it.
"""

from __future__ import annotations


class MienError(Exception):
    """A failure that a user can read. ``hint`` is the next step, one sentence; may be empty."""

    #: Exit status of the command line (see ``mien --help``).
    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


class ConfigError(MienError, ValueError):
    """A setting that is unknown or out of its range."""

    exit_code = 2


class SourceError(MienError, OSError):
    """A source that cannot be opened or read."""

    exit_code = 3


class DeviceBusyError(SourceError):
    """Another program holds the camera."""


class SourceLostError(SourceError):
    """A source that was running has gone; it may come back."""


class ModelError(MienError, RuntimeError):
    """A model file that is missing, changed, or that its runtime refuses."""

    exit_code = 4


class PersonaError(MienError, ValueError):
    """A persona pack or portrait that cannot be used."""

    exit_code = 5


class EngineError(MienError, RuntimeError):
    """An engine that cannot start or that failed on a frame."""

    exit_code = 6


class SinkError(MienError, OSError):
    """A sink that cannot be opened, or that stopped taking frames."""

    exit_code = 7


class MissingExtraError(MienError, ImportError):
    """An optional package is not installed; ``hint`` has the command that installs it."""

    exit_code = 8
