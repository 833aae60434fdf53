"""The door to the optional packages of the ``[cast]`` extra: asked for only when something is rendered."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from mien.realtime.errors import ConfigError, MissingExtraError


def require_anny() -> Any:  # noqa: ANN401 - the package carries no types
    """The anny module.

    Raises:
        MissingExtraError: it, or torch, is not installed.

    """
    require_warp()  # anny imports Warp as well, and would print its banner
    _require("torch")
    return _require("anny")


def require_warp() -> Any:  # noqa: ANN401
    """The warp module, made quiet.

    Raises:
        MissingExtraError: it is not installed.

    """
    warp = _require("warp")
    # Its banner goes to stdout, where a command's JSON document must stand alone.
    # On a machine without an NVIDIA driver it would warn of that at each start; a CUDA device that is asked for raises.
    warp.config.log_level = warp.LOG_ERROR
    return warp


def check_device(name: str) -> None:
    """See that Warp can render on a device before anything is built.

    Raises:
        ConfigError: it cannot.
        MissingExtraError: Warp is not installed.

    """
    warp = require_warp()
    try:
        warp.get_device(name)
    except (ValueError, RuntimeError) as error:
        here = ", ".join(str(each) for each in warp.get_devices())
        raise ConfigError(f"There is no device {name!r} to render on; there are: {here}.") from error


def _require(name: str) -> Any:  # noqa: ANN401
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.split(".")[0] != name:
            raise
        raise MissingExtraError(
            f"Rendering synthetic people needs the package {name!r}, which is not installed.",
            hint="Install what it needs: pip install anny warp-lang torch",
        ) from error
