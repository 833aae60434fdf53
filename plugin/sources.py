"""Opens the sources of a run: the first one, the same again after a release, and another while it runs."""

from __future__ import annotations

import threading
from typing import Final

from mien.plugin.clip import driver_clip
from mien.realtime.clock import Clock
from mien.realtime.config import LiveConfig
from mien.realtime.errors import ConfigError, SourceError
from mien.realtime.source.base import Source, SourceInfo
from mien.realtime.source.change import AbsentSource, ChangingSource
from mien.realtime.source.open import open_source

#: The word for the clip that ships with Mien, again and again.
CLIP: Final = "clip"
#: The card label that Mien's instructions give the Linux loopback device: never a source, it would show itself.
_OWN_DEVICES = frozenset({"Mien"})
#: Devices of others that the virtual camera writes into; a source as long as it does not.
_WRITTEN_DEVICES = frozenset({"OBS Virtual Camera", "Unity Video Capture"})


class Sources:
    """Any thread.

    Args:
        config: of the run.
        clock: of the run.
        stay: a source that cannot be opened, or that ends, leaves an `AbsentSource` in its place.

    """

    def __init__(self, config: LiveConfig, clock: Clock, *, stay: bool = False) -> None:
        self._config = config
        self._clock = clock
        self._stay = stay
        self._lock = threading.Lock()
        self._size: tuple[int, int] | None = None
        self._running: ChangingSource | None = None
        #: The words of the source that runs.
        self.spec = config.source
        #: The words of the run's sinks: what they write must not be read.
        self.sinks = config.sinks

    def open(self) -> Source:
        """Open the source that is chosen; its frames have the size of the first one's. Raises `SourceError`."""
        with self._lock:
            source = self._opened_or_absent()
            if not source.info.live:
                return source
            self._size = self._size or (source.info.width, source.info.height)
            self._running = ChangingSource(source, size=self._size, stay=self._stay)
            return self._running

    def change(self, spec: str) -> SourceInfo:
        """Read from another one from the next frame on; returns what it is.

        Raises `SourceError`, and leaves the one before alone, if it cannot be opened.
        """
        with self._lock:
            if self._running is None:
                raise ConfigError("the source of a conversion stays.")
            source = self._opened(spec)
            self.spec = spec
            self._running.change(source)
            return source.info

    def _opened_or_absent(self) -> Source:
        try:
            return self._opened(self.spec)
        except SourceError as error:
            if not self._stay:
                raise
            config = self._config
            return AbsentSource(SourceInfo("", config.width, config.height, config.fps, live=True), str(error))

    def _opened(self, spec: str) -> Source:
        config, is_clip = self._config, spec == CLIP
        return open_source(
            str(driver_clip()) if is_clip else spec,
            width=config.width,
            height=config.height,
            fps=config.fps,
            pace=config.pace,
            loop=config.loop or is_clip,
            clock=self._clock,
            own_devices=own_devices(self.sinks),
        )


def own_devices(sinks: tuple[str, ...]) -> frozenset[str]:
    """Names and paths of the cameras that a run with these sinks writes, and so must not read."""
    cameras = [spec.partition(":")[2] for spec in sinks if spec.partition(":")[0] == "virtualcam"]
    return _OWN_DEVICES | (_WRITTEN_DEVICES if cameras else frozenset()) | frozenset(filter(None, cameras))
