"""The process that owns the virtual camera: `python -m mien.plugin.vcam.holder --folder FOLDER [--device NAME]`.

Started by the sink, it lives on when the live path dies, and shows the slate until another one takes over. So a meeting
keeps this camera, and never falls back to the real one. It ends when the live path ends properly, when the device is
gone, and after `STANDBY_S` alone. It knows no engine, opens no camera and reads no file but the key.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any, Final

from mien.plugin.vcam.device import Device, DeviceError
from mien.plugin.vcam.link import Link, Pictures, Plane, address, key, picture_bytes
from mien.realtime.errors import MienError
from mien.realtime.frame import MAX_SIDE_PX, MIN_SIDE_PX
from mien.realtime.mailbox import Mailbox

#: How long the slate is shown without a live path, seconds.
STANDBY_S: Final = 600.0
#: How long the newest picture stays when a live path says nothing: as long as one press of "show me" holds, seconds.
STALL_S: Final = 1.0
#: A picture is shown again after this time, so that readers with a time-out of their own stay, seconds.
REPEAT_S: Final = 0.1
#: A live path that was let in says in this time what it wants, seconds.
_HELLO_S: Final = 5.0
#: A live path that comes while another is there waits this long for it to go, seconds: it may have died just now.
_TURN_S: Final = 2.0


class Holder:
    """Shows what the live path hands over, and the slate when there is none."""

    def __init__(self, device: str | None) -> None:
        self._asked = device
        self._device: Device | None = None
        self._slate: Plane | None = None
        self._visitors: Mailbox[Link] = Mailbox()
        #: Of those who wait for the device, one at a time.
        self._turn = threading.Lock()
        self._free = threading.Event()
        self._free.set()
        self._stop = threading.Event()

    def stop(self) -> None:
        """End soon; from any thread or signal."""
        self._stop.set()

    def let_in(self, listener: Listener, secret: bytes) -> None:
        """Wait for live paths, on a thread of its own; one that comes while another is there is sent away."""
        while True:
            try:
                connection = listener.accept()
            except OSError:
                # It went away amid its coming, or the process ends.
                continue
            # On a thread of its own, so that one that says nothing keeps nobody waiting.
            threading.Thread(target=self._greet, args=(connection, secret), name="mien-vcam-guest", daemon=True).start()

    def _greet(self, connection: Connection, secret: bytes) -> None:
        try:
            link = Link.of_visitor(connection, secret)
        except Exception:  # noqa: BLE001 - a stranger without the key, or one that went away amid the greeting
            return
        with self._turn:
            taken = self._free.wait(_TURN_S)
            if taken:
                self._free.clear()
                self._visitors.put(link)
        if not taken:
            self._send_away(link)

    def hold(self) -> None:
        """Serve one live path after another until there is nothing left to hold."""
        alone_since = time.monotonic()
        try:
            while not self._stop.is_set():
                link = self._visitors.take(REPEAT_S)
                if link is not None:
                    ended = self._attend(link)
                    if ended or self._device is None:
                        return
                    alone_since = time.monotonic()
                    self._free.set()
                elif time.monotonic() - alone_since > (_HELLO_S if self._device is None else STANDBY_S):
                    return
                self._show(self._slate)
        except DeviceError:
            # The device is gone, and nobody is there who could be told.
            return
        finally:
            self._release()

    def _attend(self, link: Link) -> bool:
        """Serve one live path; True when it ended properly, False when it went away."""
        pictures = None
        try:
            pictures = self._welcome(link)
            return self._serve(link, pictures)
        except (OSError, EOFError, ValueError, KeyError, TypeError):
            # It died, or speaks nonsense: to the meeting that is the same.
            return False
        except DeviceError as error:
            _try_to_say(link, {"error": str(error)})
            return False
        finally:
            if pictures is not None:
                pictures.close()
            link.close()

    def _welcome(self, link: Link) -> Pictures:
        """Open the device as the live path asks, and look at its pictures."""
        asked = _heard(link, "open")
        width, height, fps = int(asked["width"]), int(asked["height"]), float(asked["fps"])
        if not all(MIN_SIDE_PX <= side <= MAX_SIDE_PX and side % 2 == 0 for side in (width, height)) or not fps > 0:
            raise ValueError("no size of a picture")
        # One that is open stays as it is, whatever size is asked for now: a meeting may be reading it.
        if self._device is None:
            self._device = Device(width, height, fps, self._asked)
        device = self._device
        link.say({"format": device.pixel_format, "width": device.width, "height": device.height})
        name = _heard(link, "memory")
        if not isinstance(name, str) or not name.isalnum():
            raise ValueError("no name of a memory")
        pictures = Pictures.of_other(name, picture_bytes(device.width, device.height, device.pixel_format))
        # A copy: it is shown when the live path and its memory are no more.
        self._slate = pictures.slate.copy()
        self._show(self._slate)
        link.say({"ready": True})
        return pictures

    def _serve(self, link: Link, pictures: Pictures) -> bool:
        turn = 0
        heard_s = time.monotonic()
        while not self._stop.is_set():
            message = link.hear(REPEAT_S)
            if message is None:
                stalled = turn == 0 or time.monotonic() - heard_s > STALL_S
                self._show(self._slate if stalled else pictures.slot(turn))
                continue
            if message.get("end"):
                # Before hanging up, which tells the live path that the device is free.
                self._release()
                return True
            heard_s = time.monotonic()
            if "slate" in message:
                # Whoever changes it changes it here too.
                self._slate = pictures.slate.copy()
                link.say({"slate": True})
                continue
            # In turn, or it could be writing the very picture that is shown meanwhile.
            if message["frame"] != turn + 1:
                raise ValueError("a frame out of turn")
            turn += 1
            begin_ns = time.perf_counter_ns()
            self._show(pictures.slot(turn))
            link.say({"shown": turn, "device_ns": time.perf_counter_ns() - begin_ns})
        return True

    def _show(self, picture: Plane | None) -> None:
        if self._device is None or picture is None:
            return
        try:
            self._device.send(picture)
        except DeviceError:
            self._release()
            raise

    def _release(self) -> None:
        device, self._device = self._device, None
        if device is not None:
            device.close()

    def _send_away(self, link: Link) -> None:
        _try_to_say(link, {"error": "another Mien is showing itself there"})
        link.close()


def _heard(link: Link, field: str) -> Any:  # noqa: ANN401 - checked by the caller
    message = link.hear(_HELLO_S)
    if message is None:
        raise EOFError
    return message[field]


def _try_to_say(link: Link, message: dict[str, str]) -> None:
    try:
        link.say(message)
    except (OSError, EOFError):
        return


def main(arguments: Sequence[str] | None = None) -> None:
    """Listen, say so in one line on stdout, and hold the camera."""
    parser = argparse.ArgumentParser(prog="mien.plugin.vcam.holder")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--device")
    given = parser.parse_args(arguments)
    try:
        secret = key(given.folder)
        listener = _listen(address(given.folder, given.device))
    except MienError as error:
        _announce({"error": str(error)})
        return
    except OSError as error:
        _announce({"error": f"its socket cannot be made: {error.strerror or error}"})
        return
    holder = Holder(given.device)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda _number, _frame: holder.stop())
    threading.Thread(target=holder.let_in, args=(listener, secret), name="mien-vcam-door", daemon=True).start()
    _announce({"ready": True})
    try:
        holder.hold()
    finally:
        listener.close()


def _listen(where: str) -> Listener:
    # Without the key, which visitors are asked for one by one, each in time.
    try:
        return Listener(where)
    except OSError:
        if sys.platform == "win32" or _answers(where):
            raise
    # The socket of one that was killed.
    Path(where).unlink(missing_ok=True)
    return Listener(where)


def _answers(where: str) -> bool:
    try:
        # Without the key: whoever listens there takes no notice.
        Client(where).close()
    except OSError:
        return False
    return True


def _announce(message: dict[str, object]) -> None:
    """Tell the sink how the start went; from then on nobody reads what is printed here."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)


if __name__ == "__main__":
    main()
