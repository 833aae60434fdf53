"""What Linux says about video devices, asked of the kernel itself.

Structures and request codes are those of the kernel's include/uapi/linux/videodev2.h, which are part of its fixed
binary interface (documented under userspace-api/media/v4l). Only imported on Linux.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

#: `fcntl.ioctl` narrowed to what is used here: changes the buffer in place, raises OSError.
Ioctl = Callable[[int, int, bytearray], object]

SYSFS = Path("/sys/class/video4linux")

_QUERYCAP = 0x80685600  # _IOR('V', 0, struct v4l2_capability, 104 bytes)
_ENUM_FMT = 0xC0405602  # _IOWR('V', 2, struct v4l2_fmtdesc, 64 bytes)
_REQBUFS = 0xC0145608  # _IOWR('V', 8, struct v4l2_requestbuffers, 20 bytes)
_ENUM_FRAMESIZES = 0xC02C564A  # _IOWR('V', 74, struct v4l2_frmsizeenum, 44 bytes)
_ENUM_FRAMEINTERVALS = 0xC034564B  # _IOWR('V', 75, struct v4l2_frmivalenum, 52 bytes)

_CAPABILITY = struct.Struct("=16s32s32s3I12x")
_FMTDESC = struct.Struct("=3I32sI16x")
_REQUEST = struct.Struct("=4I4x")
_FRAMESIZE = struct.Struct("=9I8x")
_INTERVAL = struct.Struct("=11I8x")

_CAP_CAPTURE = 0x00000001
_CAP_CAPTURE_MPLANE = 0x00001000
_CAP_DEVICE_CAPS = 0x80000000
_BUF_CAPTURE, _BUF_CAPTURE_MPLANE = 1, 9
_MEMORY_MMAP = 1
_DISCRETE = 1

#: A driver that never says "no more" must not hang the listing.
_MAX_ENTRIES = 256


@dataclass(frozen=True, slots=True)
class Node:
    """One /dev/videoN.

    Attributes:
        driver: kernel driver ("uvcvideo", "v4l2 loopback").
        card: the device's own name.
        capture: whether pictures can be read from it (a webcam's second node carries metadata only).
        formats: "MJPG 1280x720 at 30", one a pixel format and size, with its highest rate.

    """

    driver: str
    card: str
    capture: bool
    formats: tuple[str, ...]


Access = Literal["ok", "missing", "denied", "busy"]


def nodes(sysfs: Path = SYSFS) -> list[int]:
    """Numbers of the /dev/videoN that the kernel lists, in order."""
    if not sysfs.is_dir():
        return []
    names = (entry.name.removeprefix("video") for entry in sysfs.iterdir() if entry.name.startswith("video"))
    return sorted(int(name) for name in names if name.isdecimal())


def sysfs_name(index: int, sysfs: Path = SYSFS) -> str:
    """The name that the kernel shows for /dev/videoN even to those who may not open it; empty if there is none."""
    try:
        return (sysfs / f"video{index}" / "name").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def describe(path: str, ioctl: Ioctl | None = None) -> Node:
    """Ask a device what it is and gives. Raises OSError where it cannot be opened or is no video device."""
    ask = _system_ioctl() if ioctl is None else ioctl
    device = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        buffer = bytearray(_CAPABILITY.size)
        ask(device, _QUERYCAP, buffer)
        driver, card, _bus, _version, whole, node = _CAPABILITY.unpack(buffer)
        caps = node if whole & _CAP_DEVICE_CAPS else whole
        capture = bool(caps & (_CAP_CAPTURE | _CAP_CAPTURE_MPLANE))
        kind = _BUF_CAPTURE if caps & _CAP_CAPTURE else _BUF_CAPTURE_MPLANE
        formats = tuple(_formats(device, ask, kind)) if capture else ()
        return Node(_text(driver), _text(card), capture, formats)
    finally:
        os.close(device)


def access(path: str, ioctl: Ioctl | None = None) -> Access:
    """Whether a device can be had now: asks for one buffer, which the kernel refuses while another program streams."""
    ask = _system_ioctl() if ioctl is None else ioctl
    try:
        device = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    except OSError as error:
        return _reason(error, "missing")
    try:
        ask(device, _REQBUFS, bytearray(_REQUEST.pack(1, _BUF_CAPTURE, _MEMORY_MMAP, 0)))
        ask(device, _REQBUFS, bytearray(_REQUEST.pack(0, _BUF_CAPTURE, _MEMORY_MMAP, 0)))
    except OSError as error:
        return _reason(error, "ok")
    finally:
        os.close(device)
    return "ok"


def _reason(error: OSError, otherwise: Access) -> Access:
    if error.errno in (errno.EACCES, errno.EPERM):
        return "denied"
    return "busy" if error.errno == errno.EBUSY else otherwise


def _system_ioctl() -> Ioctl:
    import fcntl  # not on Windows

    return lambda device, request, buffer: fcntl.ioctl(device, request, buffer, True)


def _entries(device: int, ask: Ioctl, request: int, layout: struct.Struct, *key: int) -> Iterator[tuple[int, ...]]:
    """Count an enumeration's index up until the driver says EINVAL; `key` follows the index in the structure."""
    for index in range(_MAX_ENTRIES):
        buffer = bytearray(layout.size)
        struct.pack_into(f"={1 + len(key)}I", buffer, 0, index, *key)
        try:
            ask(device, request, buffer)
        except OSError:
            return
        yield layout.unpack(buffer)


def _formats(device: int, ask: Ioctl, kind: int) -> Iterator[str]:
    for _index, _type, _flags, _name, code in _entries(device, ask, _ENUM_FMT, _FMTDESC, kind):
        fourcc = _text(struct.pack("=I", code))
        for size in _entries(device, ask, _ENUM_FRAMESIZES, _FRAMESIZE, code):
            if size[2] != _DISCRETE:
                # Stepwise: least width, greatest width, step, then the same for the height.
                yield f"{fourcc} {size[3]}x{size[6]} to {size[4]}x{size[7]}"
                break
            rate = _best_rate(device, ask, code, size[3], size[4])
            yield f"{fourcc} {size[3]}x{size[4]}" + (f" at {rate:.4g}" if rate else "")


def _best_rate(device: int, ask: Ioctl, code: int, width: int, height: int) -> float:
    """Highest frame rate of one format and size; 0.0 where the driver tells none."""
    best = 0.0
    for interval in _entries(device, ask, _ENUM_FRAMEINTERVALS, _INTERVAL, code, width, height):
        # Discrete: one fraction of seconds. Stepwise: the least comes first, which is the same place.
        numerator, denominator = interval[5], interval[6]
        best = max(best, denominator / numerator if numerator else 0.0)
        if interval[4] != _DISCRETE:
            break
    return best


def _text(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode("utf-8", "replace").strip()
