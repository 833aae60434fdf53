"""To the OBS of this user: which one, with which password."""

from __future__ import annotations

import platform
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from mien.plugin.obs.client import Events, ObsClient, connect
from mien.plugin.obs.errors import ObsClosedError, ObsPasswordError
from mien.plugin.obs.locate import Installation, at, installations, only_one, running_programs, server_settings


def installed_obs(folder: Path | None) -> Installation:
    """The OBS in `folder`, or the only one there is; raises `ObsError` where that is not clear."""
    if folder is not None:
        return at(folder.expanduser().resolve())
    return only_one(installations(platform.system(), home=Path.home(), running=running_programs()))


@asynccontextmanager
async def open_obs(
    folder: Path, *, events: Events = Events.NONE, ask: Callable[[], str] | None = None
) -> AsyncIterator[ObsClient]:
    """Connect to the OBS whose settings lie in `folder`, with the port and password that stand there.

    Args:
        folder: of `Installation`.
        events: what OBS is to tell.
        ask: gives the password where the one in the settings is refused; None where nobody can be asked.

    Raises what `connect` raises.

    """
    kept = server_settings(folder)
    async with AsyncExitStack() as stack:
        try:
            obs = await stack.enter_async_context(connect(kept.port, kept.password, events=events))
        except ObsPasswordError:
            if ask is None:
                raise
            obs = await stack.enter_async_context(connect(kept.port, ask(), events=events))
        except ObsClosedError as error:
            if kept.enabled:
                raise
            raise ObsClosedError("OBS's WebSocket server is off.", hint=error.hint) from error
        yield obs
