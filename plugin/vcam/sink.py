"""The virtual camera as a sink: frames go to the process that holds the device."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import platform
import subprocess
import sys
import threading
from collections.abc import Callable
from multiprocessing import AuthenticationError
from pathlib import Path
from typing import Any, Final

from mien.engines.personas.trust import user_data_dir
from mien.plugin.vcam.driver import ELSEWHERE, HOW_TO
from mien.plugin.vcam.formats import WRITERS
from mien.plugin.vcam.link import Link, Pictures, Plane, address, key, picture_bytes
from mien.realtime.errors import MissingExtraError, SinkError
from mien.realtime.mark import MarkedFrame
from mien.realtime.sink.base import SinkLostError, StreamFormat
from mien.realtime.sink.yuv import even
from mien.realtime.source.fit import fit

#: The holder answers in this time, or it counts as gone, seconds. A device takes a frame in a millisecond; opening
#: some takes seconds.
_ANSWER_S: Final = 8.0
#: A holder that starts says in this time that it is there, seconds: on a machine that is busy Python takes several.
_START_S: Final = 20.0
#: How long a proper end waits until the device is free, seconds; within what a sink's runner waits.
_END_S: Final = 1.5
#: Holders that were left to show the slate. Kept, because a dropped `Popen` of a process that lives is an error.
_LEFT: list[subprocess.Popen[bytes]] = []


class VirtualCameraSink:
    """Writes to a virtual camera, in the frames' own rhythm, by way of the process that holds it.

    The rhythm is the source's: to wait for the next tick of a clock would add up to a frame of latency.

    Args:
        device: name or path of the device ("/dev/video10", "OBS Virtual Camera"); None takes the first one.
        slate: shown by the holder before the first frame, and when this process is gone; see `stand_by`.
        died: whether the live path ends by a failure; the holder then stays and shows the slate.
        folder: where the holder's socket lies; None for the user's own.
        system: `platform.system()`, for the how-to.

    """

    wanted = True

    def __init__(
        self,
        device: str | None = None,
        *,
        slate: MarkedFrame,
        died: Callable[[], bool] = lambda: False,
        folder: Path | None = None,
        system: str | None = None,
    ) -> None:
        self.name = "virtualcam" if device is None else f"virtualcam:{device}"
        self._asked = device
        self._slate = slate
        self._died = died
        self._folder = folder
        self._system = platform.system() if system is None else system
        #: The slate that the holder has.
        self._held: MarkedFrame | None = None
        self._link: Link | None = None
        self._pictures: Pictures | None = None
        self._write = WRITERS["I420"]
        self._size = (0, 0)
        self._turn = 0
        self._process: subprocess.Popen[bytes] | None = None
        #: Nanoseconds that the device took for the newest frame: pyvirtualcam's and the driver's share.
        self.device_ns = 0

    def stand_by(self, slate: MarkedFrame) -> None:
        """Give the holder another slate, with the next frame; any thread. See `mien.realtime.sink.base.StandsBy`."""
        self._slate = slate

    def open(self, stream: StreamFormat) -> None:
        """Take the camera over from its holder, or start one.

        Raises `MissingExtraError` without pyvirtualcam, `SinkError` without a device.
        """
        if importlib.util.find_spec("pyvirtualcam") is None:
            raise MissingExtraError(
                "a virtual camera needs pyvirtualcam, which is not installed.",
                hint="Install it: pip install pyvirtualcam",
            )
        self._link = self._reach()
        # Even sides: most readers want 4:2:0.
        width, height = stream.width + stream.width % 2, stream.height + stream.height % 2
        opened = self._ask({"open": {"width": width, "height": height, "fps": stream.fps}})
        self._write = WRITERS[opened["format"]]
        # As asked, unless a meeting already reads the camera in another size.
        self._size = opened["width"], opened["height"]
        try:
            self._pictures = Pictures.make(picture_bytes(*self._size, opened["format"]))
        except OSError as error:
            raise SinkError(f"{self.name}: there is no memory for its pictures ({error.strerror}).") from error
        try:
            self._held = self._slate
            self._put(self._held, self._pictures.slate)
            self._ask({"memory": self._pictures.name})
        finally:
            self._pictures.forget_name()
        self._turn = 0

    def write(self, frame: MarkedFrame) -> None:
        """Show one frame; returns when the device has it. Raises `SinkLostError` when it is gone; it may come back."""
        if self._pictures is None:
            raise SinkError(f"{self.name} is not open.")
        slate = self._slate
        try:
            if slate is not self._held:
                # The holder reads it when it is told to, and not while it is written.
                self._put(slate, self._pictures.slate)
                self._ask({"slate": True})
                self._held = slate
            self._put(frame, self._pictures.slot(self._turn + 1))
            answer = self._ask({"frame": self._turn + 1})
        except SinkError as error:
            self._hang_up()
            raise SinkLostError(error.message, hint="It is tried again and again.") from error
        self._turn += 1
        self.device_ns = int(answer["device_ns"])

    def close(self) -> None:
        """Have the holder release the device, or leave it to the slate if the live path died; idempotent."""
        link, process = self._link, self._process
        if link is not None and not self._died():
            with contextlib.suppress(OSError, EOFError):
                link.say({"end": True})
                # It hangs up when the device is free.
                link.hear(_END_S)
            if process is not None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_END_S)
        self._hang_up()

    def _put(self, frame: MarkedFrame, place: Plane) -> None:
        self._write(fit(even(frame.pixels), *self._size), place)

    def _ask(self, message: dict[str, object]) -> dict[str, Any]:
        assert self._link is not None
        try:
            # One that sends us away may have hung up already, and what it said is still there.
            with contextlib.suppress(OSError):
                self._link.say(message)
            answer = self._link.hear(_ANSWER_S)
        except (OSError, EOFError) as error:
            raise SinkError(f"{self.name}: the process that holds the camera has ended.") from error
        if answer is None:
            raise SinkError(f"{self.name}: the process that holds the camera did not answer within {_ANSWER_S:g} s.")
        if "error" in answer:
            raise SinkError(
                f"{self.name}: the camera cannot be written ({answer['error']}).",
                hint=HOW_TO.get(self._system, ELSEWHERE),
            )
        return answer

    def _reach(self) -> Link:
        folder = user_data_dir() / "run" if self._folder is None else self._folder
        where, secret = address(folder, self._asked), key(folder)
        try:
            try:
                return Link.to(where, secret)
            except (FileNotFoundError, ConnectionRefusedError, ConnectionResetError, EOFError):
                # Nobody listens, or one that is just ending.
                self._start_holder(folder)
                return Link.to(where, secret)
        except AuthenticationError as error:
            raise SinkError(
                f"{self.name}: the process that holds the camera has another key.", hint=f"Delete {folder}."
            ) from error
        except (OSError, EOFError) as error:
            if isinstance(error, SinkError):
                raise
            raise SinkError(f"{self.name}: the process that holds the camera cannot be reached ({error}).") from error

    def _start_holder(self, folder: Path) -> None:
        command = [sys.executable, "-P", "-m", "mien.plugin.vcam.holder", "--folder", str(folder)]
        if self._asked is not None:
            command += ["--device", self._asked]
        # Out of reach of this terminal's Ctrl-C and of what ends this process's group.
        alone: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            alone = {"creationflags": subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP}
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **alone
        )
        self._process = process
        assert process.stdout is not None
        said = b""
        # One that says nothing is ended, and with it what is read here.
        late = threading.Timer(_START_S, process.kill)
        late.start()
        try:
            with process.stdout as output:
                for line in output:
                    said = line
                    with contextlib.suppress(ValueError):
                        answer = json.loads(line)
                        if "ready" in answer:
                            return
                        said = str(answer["error"]).encode()
        finally:
            late.cancel()
        reason = said.decode(errors="replace").strip() or "no reason was given"
        raise SinkError(f"{self.name}: the process that holds the camera did not start ({reason}).")

    def _hang_up(self) -> None:
        link, self._link = self._link, None
        pictures, self._pictures = self._pictures, None
        if link is not None:
            link.close()
        if pictures is not None:
            pictures.close()
        process, self._process = self._process, None
        _LEFT[:] = [left for left in (*_LEFT, process) if left is not None and left.poll() is None]
