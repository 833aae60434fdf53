"""The desk on the server's thread: what is slow runs on another one, and every page is told what happened."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any, Literal, TypeVar

from mien.plugin.control.desk import Desk
from mien.realtime.errors import EngineError, MienError

log = logging.getLogger(__name__)

Result = TypeVar("Result")
Message = dict[str, Any]


class Doors:
    """Used by the routes and by every page's session; all on the server's one thread.

    Args:
        desk: of the run.
        tell: sends a message to every page, at once.

    """

    def __init__(self, desk: Desk, tell: Callable[[Message], None]) -> None:
        self.desk = desk
        self._tell = tell

    def status(self) -> Message:
        """The status, as a message."""
        return {"type": "status", **self.desk.status()}

    def switch(self, name: Literal["slate", "hold"], on: bool | None) -> None:
        """Turn a switch; None: the other way round."""
        (self.desk.set_slate if name == "slate" else self.desk.set_hold)(on)
        self._tell(self.status())

    async def change(self, values: Message) -> None:
        """Change settings; raises `MienError` for what could not be changed."""
        work = asyncio.ensure_future(self.run(self.desk.change, values))
        # What is being loaded is shown at once, not a second later.
        await asyncio.sleep(0)
        await work

    async def prepare(self, name: str) -> None:
        """Have a persona ready that may be chosen next; nobody is told, of what is wrong with it neither."""
        with contextlib.suppress(MienError):
            await asyncio.get_running_loop().run_in_executor(None, self.desk.prepare_persona, name)

    async def run(self, work: Callable[..., Result], *arguments: object) -> Result:
        """Do something slow on another thread, then tell every page how things are.

        Raises `MienError`; a mistake of ours becomes an `EngineError`, and the show goes on.
        """
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(None, work, *arguments)
        except MienError:
            raise
        except Exception as error:
            log.exception("what a page asked for failed")
            raise EngineError(f"Mien made a mistake: {type(error).__name__}: {error}") from error
        finally:
            self._tell(self.status())
