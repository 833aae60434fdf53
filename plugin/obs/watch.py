"""Keeps an eye on OBS while Mien runs: is our source shown, can the mark be read, is the microphone put back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any, Final

from mien.plugin.loop import LoopWorker
from mien.plugin.obs.client import Event, Events, ObsClient
from mien.plugin.obs.connection import open_obs
from mien.plugin.obs.errors import ObsClosedError, ObsError
from mien.plugin.obs.install import source_settings
from mien.plugin.obs.journal import Journal, SourceMade
from mien.plugin.obs.microphone import undo_microphone
from mien.plugin.obs.places import current_collection
from mien.plugin.obs.scenes import our_places, visibility
from mien.realtime.badge import Corner
from mien.realtime.config import BadgeSettings

log = logging.getLogger(__name__)

#: Between two attempts to reach an OBS that is closed, seconds.
RETRY_S: Final = 2.0
#: Scenes are looked at this long after the last change in them, seconds: a source that is dragged changes all the time.
_CALM_S: Final = 0.5
#: Between two looks whether our source reads the stream, seconds.
_WAKE_S: Final = 3.0
_RESTART: Final = "OBS_WEBSOCKET_MEDIA_INPUT_ACTION_RESTART"
_START_S: Final = 5.0
#: OBS is asked for a microphone's offset meanwhile.
_END_S: Final = 5.0
_CANCEL_S: Final = 0.2
_EVENTS: Final = Events.CONFIG | Events.SCENES | Events.SCENE_ITEMS | Events.SHOW_STATE | Events.TRANSFORM


class ObsWatch:
    """Runs on a thread of its own, from `start` to `close`; comes back by itself whenever OBS does.

    Args:
        journal: of the installation.
        badge: how the mark is set now.
        is_read: whether our source has connected to the stream, or there is no stream that it could read.
        on_shown: told whether anybody can see our source in OBS: in the scene on air, a preview or a projector. True
            while OBS cannot be asked. Called on the watch's thread.
        on_corners: told the corners of the picture that are seen in OBS; none: nothing is known. As above.
        on_event: told what a streamer should know.

    """

    def __init__(
        self,
        journal: Journal,
        *,
        badge: Callable[[], BadgeSettings],
        is_read: Callable[[], bool],
        on_shown: Callable[[bool], None],
        on_corners: Callable[[frozenset[Corner]], None],
        on_event: Callable[[str], None],
    ) -> None:
        self._journal = journal
        self._badge = badge
        self._is_read = is_read
        self._on_shown = on_shown
        self._on_corners = on_corners
        self._on_event = on_event
        self._worker = LoopWorker("obs-watch", self._run)
        self._said = ""
        self._connected = False
        self._shown = True
        self._warnings: tuple[str, ...] = ()

    @property
    def state(self) -> dict[str, Any]:
        """`connected`, `shown` and `warnings`, for the numbers of the run."""
        return {"connected": self._connected, "shown": self._shown, "warnings": list(self._warnings)}

    def start(self) -> None:
        """Begin; OBS need not run yet."""
        self._worker.start(_START_S)

    def close(self) -> None:
        """Put the microphone back, if OBS is there, and end."""
        if not self._worker.stop(_END_S):
            self._on_event("the watch over OBS did not end in time and is left behind")

    async def _run(self, ready: Callable[[], None], end: asyncio.Event) -> None:
        ready()
        watching = asyncio.create_task(self._keep_watching())
        ended = asyncio.create_task(end.wait())
        await asyncio.wait((watching, ended), return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        while not watching.done():
            # Again and again: a library between may take one cancellation for its own.
            watching.cancel()
            await asyncio.wait((watching,), timeout=_CANCEL_S)
        with contextlib.suppress(ObsError):
            await self._restore()
        if not watching.cancelled() and (failure := watching.exception()) is not None:
            raise failure

    async def _keep_watching(self) -> None:
        first = True
        while True:
            try:
                async with open_obs(self._journal.folder, events=_EVENTS) as obs:
                    self._connected = True
                    if first:
                        # Left by a run that was killed.
                        await undo_microphone(obs, self._journal, tell=self._on_event)
                        first = False
                    await self._follow(obs)
            except ObsClosedError:
                pass
            except ObsError as error:
                self._say(f"OBS: {error}")
            except Exception as error:
                # Without the watch the picture could rest for good.
                log.debug("the watch over OBS failed and begins anew", exc_info=error)
                self._say(f"OBS gave an answer that Mien cannot read: {type(error).__name__}: {error}.")
            self._connected = False
            self._see(True)
            self._on_corners(frozenset())
            await asyncio.sleep(RETRY_S)

    async def _follow(self, obs: ObsClient) -> None:
        """Look at once, and whenever something changes."""
        await self._look(obs)
        await self._wake(obs)
        await self._check(obs)
        # Only now: what cannot be read would be said at each attempt.
        self._say("")
        events = obs.events()
        coming = asyncio.ensure_future(anext(events, None))
        stale = False
        try:
            while True:
                await asyncio.wait((coming,), timeout=_CALM_S if stale else _WAKE_S)
                if not coming.done():
                    await (self._check(obs) if stale else self._wake(obs))
                    stale = False
                    continue
                if (event := coming.result()) is None:
                    return
                coming = asyncio.ensure_future(anext(events, None))
                stale = True
                if _may_hide(event):
                    await self._look(obs)
        finally:
            coming.cancel()

    async def _look(self, obs: ObsClient) -> None:
        if await self._is_ours(obs):
            self._see(bool((await obs.call("GetSourceActive", sourceName=self._journal.source))["videoShowing"]))
        else:
            # Another scene collection, where somebody may have made a source by hand: it may be on air.
            self._see(True)

    async def _is_ours(self, obs: ObsClient) -> bool:
        name = self._journal.source
        if SourceMade(collection=await current_collection(obs), name=name) not in self._journal.changes:
            return False
        return any(entry["inputName"] == name for entry in (await obs.call("GetInputList"))["inputs"])

    async def _wake(self, obs: ObsClient) -> None:
        """Have our source connect. OBS 29 gives up after its second attempt, whatever its reconnect delay says."""
        if self._is_read() or not await self._is_ours(obs):
            return
        name, settings = self._journal.source, source_settings(self._journal.port)
        # The first opens the stream in OBS 29, shown or not; newer ones see that nothing changed, and take the second.
        await obs.call("SetInputSettings", inputName=name, inputSettings=settings)
        await obs.call("TriggerMediaInputAction", inputName=name, mediaAction=_RESTART)

    async def _check(self, obs: ObsClient) -> None:
        seen = await visibility(obs, await our_places(obs, self._journal.source), self._badge())
        for warning in seen.warnings:
            if warning not in self._warnings:
                self._on_event(f"OBS: {warning}")
        self._warnings = seen.warnings
        self._on_corners(seen.corners)

    async def _restore(self) -> None:
        if any(change.kind == "microphone" for change in (Journal.load() or self._journal).changes):
            async with open_obs(self._journal.folder) as obs:
                await undo_microphone(obs, Journal.load() or self._journal, tell=self._on_event)

    def _see(self, shown: bool) -> None:
        self._shown = shown
        self._on_shown(shown)

    def _say(self, text: str) -> None:
        if text and text != self._said:
            self._on_event(text)
        self._said = text


def _may_hide(event: Event) -> bool:
    return event.kind != "SceneItemTransformChanged"
