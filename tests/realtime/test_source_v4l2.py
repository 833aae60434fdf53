from __future__ import annotations

import errno
import struct
from pathlib import Path
from typing import Any

import pytest

from mien.realtime.source import v4l2

CAPTURE, META, DEVICE_CAPS = 0x1, 0x00800000, 0x80000000


def code(fourcc: str) -> int:
    return int(struct.unpack("<I", fourcc.encode())[0])


class Kernel:
    """A UVC camera's answers, laid out as the kernel's videodev2.h documents them."""

    def __init__(self, *, caps: int = CAPTURE, stepwise: bool = False, whole: int | None = None) -> None:
        self._caps = caps
        self._whole = caps | DEVICE_CAPS if whole is None else whole
        self._stepwise = stepwise
        self.sizes = {"MJPG": [(1280, 720), (640, 480)], "YUYV": [(640, 480)]}
        self.intervals = {(1280, 720): [(1, 30), (1, 15)], (640, 480): [(1, 60), (1001, 30000)]}

    def __call__(self, _device: int, request: int, buffer: bytearray) -> None:
        number = request & 0xFF
        assert len(buffer) == request >> 16 & 0x3FFF  # the size is part of the request's code
        {0: self._capability, 2: self._format, 74: self._size, 75: self._interval}[number](buffer)

    def _capability(self, buffer: bytearray) -> None:
        struct.pack_into("<16s32s32s3I", buffer, 0, b"uvcvideo", b"HD Webcam", b"usb-1", 7, self._whole, self._caps)

    def _format(self, buffer: bytearray) -> None:
        index, kind = struct.unpack_from("<2I", buffer)
        assert kind == 1
        struct.pack_into("<I", buffer, 44, code(pick(list(self.sizes), index)))

    def _size(self, buffer: bytearray) -> None:
        index, fourcc = struct.unpack_from("<2I", buffer)
        if self._stepwise:
            struct.pack_into("<7I", buffer, 8, 3, 16, 1920, 2, 16, 1080, 2)
            return
        name = next(name for name in self.sizes if code(name) == fourcc)
        struct.pack_into("<3I", buffer, 8, 1, *pick(self.sizes[name], index))

    def _interval(self, buffer: bytearray) -> None:
        index, _fourcc, width, height = struct.unpack_from("<4I", buffer)
        struct.pack_into("<3I", buffer, 16, 1, *pick(self.intervals[(width, height)], index))


def pick(values: list[Any], index: int) -> Any:
    if index >= len(values):
        raise OSError(errno.EINVAL, "no more")
    return values[index]


@pytest.fixture
def node(tmp_path: Path) -> str:
    path = tmp_path / "video0"
    path.touch()
    return str(path)


def test_a_webcam_tells_its_formats_with_their_best_rate(node: str) -> None:
    assert v4l2.describe(node, Kernel()) == v4l2.Node(
        "uvcvideo",
        "HD Webcam",
        True,
        ("MJPG 1280x720 at 30", "MJPG 640x480 at 60", "YUYV 640x480 at 60"),
    )


def test_a_loopback_with_any_size_tells_its_range(node: str) -> None:
    formats = v4l2.describe(node, Kernel(stepwise=True)).formats
    assert formats == ("MJPG 16x16 to 1920x1080", "YUYV 16x16 to 1920x1080")


def test_the_metadata_node_of_a_webcam_does_not_capture(node: str) -> None:
    described = v4l2.describe(node, Kernel(caps=META, whole=META | CAPTURE | DEVICE_CAPS))
    assert not described.capture
    assert described.formats == ()


def test_old_drivers_have_no_capabilities_of_the_node(node: str) -> None:
    assert v4l2.describe(node, Kernel(whole=CAPTURE)).capture


def test_a_rate_nobody_tells_is_left_out(node: str) -> None:
    kernel = Kernel()
    kernel.intervals = {(1280, 720): [], (640, 480): [(0, 0)]}
    assert v4l2.describe(node, kernel).formats == ("MJPG 1280x720", "MJPG 640x480", "YUYV 640x480")


def test_a_driver_without_an_end_does_not_hang(node: str) -> None:
    kernel = Kernel()
    kernel.intervals[(1280, 720)] = [(1, 30)] * 10_000
    assert v4l2.describe(node, kernel).formats[0] == "MJPG 1280x720 at 30"


def test_an_ordinary_file_is_no_video_device(node: str) -> None:
    with pytest.raises(OSError, match="ioctl"):
        v4l2.describe(node)


def refuse(error: int) -> v4l2.Ioctl:
    def ioctl(_device: int, _request: int, _buffer: bytearray) -> None:
        raise OSError(error, "refused")

    return ioctl


@pytest.mark.parametrize(
    ("error", "access"),
    [(errno.EBUSY, "busy"), (errno.EACCES, "denied"), (errno.EINVAL, "ok"), (errno.ENOTTY, "ok")],
)
def test_access_is_what_the_kernel_says_to_a_request_for_buffers(node: str, error: int, access: str) -> None:
    assert v4l2.access(node, refuse(error)) == access


def test_access_gives_the_buffers_back(node: str) -> None:
    counts: list[int] = []
    ioctl: v4l2.Ioctl = lambda _device, _request, buffer: counts.append(struct.unpack_from("<I", buffer)[0])  # noqa: E731
    assert v4l2.access(node, ioctl) == "ok"
    assert counts == [1, 0]


def test_a_missing_device(tmp_path: Path) -> None:
    assert v4l2.access(str(tmp_path / "video9")) == "missing"


def test_nodes_come_in_number_order(tmp_path: Path) -> None:
    for name in ("video10", "video2", "v4l-subdev0", "videoX"):
        (tmp_path / name).mkdir()
    (tmp_path / "video2" / "name").write_text("HD Webcam\n")
    assert v4l2.nodes(tmp_path) == [2, 10]
    assert v4l2.nodes(tmp_path / "none") == []
    assert v4l2.sysfs_name(2, tmp_path) == "HD Webcam"
    assert v4l2.sysfs_name(10, tmp_path) == ""
