"""The C2PA library (c2pa-python, the Content Authenticity Initiative's): loaded once, kept off the network."""

from __future__ import annotations

import functools
import importlib
import json
from typing import Any

from mien.realtime.errors import MissingExtraError

#: Nothing is fetched: a manifest may name any address, and whoever looks at a file must not be told to anybody.
#: No thumbnail: it would be a picture outside the badge's and the watermark's reach.
_SETTINGS: dict[str, dict[str, Any]] = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_after_sign": False},
    "builder": {"thumbnail": {"enabled": False}},
}


@functools.cache
def toolkit() -> Any:  # noqa: ANN401 - the library has no types
    """Give the module `c2pa`; raises `MissingExtraError` where it is not installed or its library does not load."""
    try:
        return importlib.import_module("c2pa")
    except (ImportError, OSError) as error:
        raise MissingExtraError(
            f"content credentials need the package 'c2pa-python', and it does not load: {error}.",
            hint='Install it: pip install "c2pa-python>=0.38"',
        ) from error


def context(*, anchor: str = "", verify: bool = True) -> Any:  # noqa: ANN401 - see `toolkit`
    """Give the settings object that every call of the library gets.

    Args:
        anchor: PEM of certificates to trust.
        verify: False to find a manifest without going through the whole file.

    """
    settings = {**_SETTINGS, "verify": _SETTINGS["verify"] | {"verify_after_reading": verify}}
    if anchor:
        settings["trust"] = {"user_anchors": anchor}
    return toolkit().Context(toolkit().Settings.from_json(json.dumps(settings)))
