"""What the live path and the holder of the virtual camera say to each other, and where the pictures lie meanwhile.

One question, one answer: the live path says what it has put into which picture and waits until the device has taken
it. So there is no queue, whatever the device reports reaches the sink that caused it, and the two never touch the same
picture: while the holder shows one, the live path writes the other.

Who can take part: whoever can read a file of this user (the key, 0600, in a folder of 0700). Another process of the
same user could do so, as it could open the device itself; against that nothing here protects. Within Mien only the
sink writes pictures, and it takes `MarkedFrame` alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import sys
from collections.abc import Mapping
from multiprocessing import resource_tracker
from multiprocessing.connection import Client, Connection, answer_challenge, deliver_challenge
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from mien.realtime.closing import closed_on_failure
from mien.realtime.errors import SinkError

Plane = NDArray[np.uint8]

#: Part of the address: two versions of Mien that speak differently do not meet.
PROTOCOL: Final = 2
#: Each side proves in this time that it knows the key, seconds; one that is there and says nothing is left.
GREETING_S: Final = 5.0
#: No message is longer, bytes.
MAX_MESSAGE_BYTES: Final = 4096
#: Pictures beside the slate: one that is shown, one that is written.
SLOTS: Final = 2
#: Bytes of a picture for each pixel, by the format's name in pyvirtualcam.
BYTES_A_PIXEL: Final[dict[str, float]] = {"I420": 1.5, "NV12": 1.5, "YUYV": 2, "UYVY": 2, "RGBA": 4}
#: Unix sockets' addresses are this long at most (macOS; Linux takes four more), bytes.
_MAX_ADDRESS: Final = 103
_KEY_BYTES: Final = 32


def address(folder: Path, device: str | None) -> str:
    """Where the holder of this device listens: a socket in `folder`, a named pipe on Windows.

    Raises `SinkError` for a folder whose path is too long for a socket.
    """
    name = f"vcam{PROTOCOL}-{hashlib.sha256((device or '').encode()).hexdigest()[:8]}"
    if sys.platform == "win32":
        place = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
        return rf"\\.\pipe\mien-{place}-{name}"
    path = str(folder / name)
    if len(os.fsencode(path)) > _MAX_ADDRESS:
        raise SinkError(
            f"the path '{folder}' is too long for the virtual camera's socket.",
            hint="Name a shorter folder in MIEN_DATA_DIR.",
        )
    return path


def key(folder: Path) -> bytes:
    """The secret that both sides prove to know, made on first use. Raises `SinkError` where it cannot be kept."""
    path = folder / "vcam.key"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        if not path.exists():
            _write_key(path)
        found = path.read_bytes()
    except OSError as error:
        raise SinkError(
            f"the virtual camera's key cannot be kept ({error.strerror}).", hint="Name another folder in MIEN_DATA_DIR."
        ) from error
    if len(found) != _KEY_BYTES:
        raise SinkError("the virtual camera's key is damaged.", hint=f"Delete {path.name} in {folder}.")
    return found


def _write_key(path: Path) -> None:
    part = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secrets.token_bytes(_KEY_BYTES))
    try:
        # Whole or not at all: another run may make one at the same moment, and then its key is as good.
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(part)
    finally:
        part.unlink(missing_ok=True)


class Link:
    """One end of the conversation. Every failure of it is an OSError or an EOFError."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @classmethod
    def to(cls, where: str, secret: bytes) -> Self:
        """Reach the holder at `where`. Raises OSError when nobody listens there, or says nothing in time."""
        connection = Client(where)
        with closed_on_failure(connection):
            answer_challenge(_Prompt.of(connection), secret)
            deliver_challenge(_Prompt.of(connection), secret)
        return cls(connection)

    @classmethod
    def of_visitor(cls, connection: Connection, secret: bytes) -> Self:
        """Greet one who came to the door; the same from the other side.

        Raises AuthenticationError for one without the key, OSError or EOFError for one that is silent or gone.
        """
        with closed_on_failure(connection):
            deliver_challenge(_Prompt.of(connection), secret)
            answer_challenge(_Prompt.of(connection), secret)
        return cls(connection)

    def say(self, message: Mapping[str, object]) -> None:
        """Send one message."""
        self._connection.send_bytes(json.dumps(message).encode())

    def hear(self, timeout_s: float) -> dict[str, Any] | None:
        """The other side's next message, None after `timeout_s`; raises EOFError when it has gone."""
        if not self._connection.poll(timeout_s):
            return None
        try:
            message = json.loads(self._connection.recv_bytes(MAX_MESSAGE_BYTES))
        except ValueError as error:
            raise OSError("the other side of the virtual camera said what is no message") from error
        if not isinstance(message, dict):
            raise OSError("the other side of the virtual camera said what is no message")
        return message

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


class _Prompt:
    """A connection whose other side answers within `GREETING_S`: what a greeting of `multiprocessing` needs of one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.send_bytes = connection.send_bytes

    @classmethod
    def of(cls, connection: Connection) -> Any:  # noqa: ANN401 - `multiprocessing` asks for its own class by name
        return cls(connection)

    def recv_bytes(self, maxlength: int) -> bytes:
        if not self._connection.poll(GREETING_S):
            raise TimeoutError(f"the other side said nothing within {GREETING_S:g} s")
        return self._connection.recv_bytes(maxlength)


class Pictures:
    """The slate and two pictures in memory that both processes see, each as the device takes it.

    The memory's name is random, and only its user can open it (0600). It is taken back (`forget_name`) as soon as the
    other side has it: then the memory goes with the last of the two processes, however they end.
    """

    def __init__(self, memory: SharedMemory, picture_bytes: int) -> None:
        self._memory = memory
        self._whole: Plane | None = np.ndarray((SLOTS + 1, picture_bytes), np.uint8, buffer=memory.buf)

    @classmethod
    def make(cls, picture_bytes: int) -> Self:
        """Take the memory. Raises OSError when there is none left."""
        # 29 characters: macOS takes no more than 31.
        name = f"mien{secrets.token_hex(12)}"
        return cls(SharedMemory(name, create=True, size=(SLOTS + 1) * picture_bytes), picture_bytes)

    @classmethod
    def of_other(cls, name: str, picture_bytes: int) -> Self:
        """Open what the other side made. Raises OSError or ValueError for what is not there or too small."""
        if sys.version_info >= (3, 13):
            memory = SharedMemory(name, track=False)
        else:
            memory = SharedMemory(name)
            if sys.platform != "win32":
                # Or it would be taken away at the end of this process, though it belongs to the other (bpo-38119).
                resource_tracker.unregister(memory._name, "shared_memory")  # type: ignore[attr-defined]
        if memory.size < (SLOTS + 1) * picture_bytes:
            memory.close()
            raise ValueError("the pictures' memory is too small")
        return cls(memory, picture_bytes)

    @property
    def name(self) -> str:
        """By which the other side opens it."""
        return self._memory.name

    @property
    def slate(self) -> Plane:
        """(picture_bytes,) uint8."""
        return self._picture(0)

    def slot(self, turn: int) -> Plane:
        """(picture_bytes,) uint8: where the picture of this turn lies."""
        return self._picture(1 + turn % SLOTS)

    def forget_name(self) -> None:
        """Take the name back; whoever has the memory keeps it."""
        self._memory.unlink()

    def close(self) -> None:
        """Give the memory up; idempotent."""
        self._whole = None
        self._memory.close()

    def _picture(self, index: int) -> Plane:
        if self._whole is None:
            raise ValueError("the pictures are closed")
        return self._whole[index]  # type: ignore[no-any-return]


def picture_bytes(width: int, height: int, pixel_format: str) -> int:
    """How long a picture of even sides is in this format."""
    return round(width * height * BYTES_A_PIXEL[pixel_format])
