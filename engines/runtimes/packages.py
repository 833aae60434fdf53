"""The door to the optional packages: imported when a runtime is opened, never when Mien starts."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from mien.realtime.errors import MissingExtraError


def is_installed(package: str) -> bool:
    """Whether an import would find the package; nothing is imported."""
    return find_spec(package) is not None


def require(package: str, purpose: str) -> Any:  # noqa: ANN401 - these packages carry no complete types
    """Import an optional package.

    Args:
        package: its import name, which is also the name to install.
        purpose: what needs it, the beginning of a sentence ("Reading a network").

    Raises:
        MissingExtraError: it is not installed, or its libraries cannot be loaded here.

    """
    try:
        return import_module(package)
    except Exception as error:
        # Of a package that does not fit another one here: whatever its first lines run into.
        if is_installed(package):
            raise MissingExtraError(
                f"{purpose} needs the package {package!r}, which is installed but cannot be loaded: {error}.",
                hint=f"Run `pip install --force-reinstall {package}`.",
            ) from error
        raise MissingExtraError(
            f"{purpose} needs the package {package!r}, which is not installed.", hint=f"Run `pip install {package}`."
        ) from error
