from __future__ import annotations

import json
import struct
import subprocess
from pathlib import Path

import cv2
import pytest
from source_fakes import FakeCamera

from mien.realtime import devices
from mien.realtime.devices import CameraDevice, is_virtual, list_cameras, list_linux, mark_own, sort_cameras

WINDOWS = json.dumps(
    {
        "physical": [
            {"Name": "Integrated Camera", "DeviceID": "USB\\VID_04F2&PID_B6DD&MI_00\\6&1"},
            {"Name": "Integrated IR Camera", "DeviceID": "USB\\VID_04F2&PID_B6DD&MI_02\\6&2"},
        ],
        "software": [
            {"Name": "OBS Virtual Camera", "DeviceID": "{A3FCE0F5-3493-419F-958A-ABA1250EC20B}"},
            {"Name": None, "DeviceID": "{0}"},
        ],
    }
)
#: Windows PowerShell gives the object itself for a list of one, and null for an empty one.
WINDOWS_ONE = '{"physical":{"Name":"Logitech BRIO","DeviceID":"USB\\\\VID_046D"},"software":null}'

MACOS = json.dumps(
    {
        "SPCameraDataType": [
            {
                "_name": "OBS Virtual Camera",
                "spcamera_model-id": "OBS Camera Extension",
                "spcamera_unique-id": "7626645E",
            },
            {
                "_name": "FaceTime HD Camera",
                "spcamera_model-id": "FaceTime HD Camera",
                "spcamera_unique-id": "0x1420000005ac8600",
            },
        ]
    }
)


def test_windows_lists_physical_cameras_then_filters() -> None:
    cameras = devices.parse_windows(WINDOWS)
    assert [(camera.index, camera.name, camera.virtual) for camera in cameras] == [
        (0, "Integrated Camera", False),
        (1, "Integrated IR Camera", False),
        (2, "OBS Virtual Camera", True),
    ]
    assert cameras[1].infrared
    assert not cameras[0].infrared


def test_windows_with_one_camera() -> None:
    assert devices.parse_windows(WINDOWS_ONE) == [CameraDevice(0, "Logitech BRIO", "USB\\VID_046D", False)]


def test_macos_numbers_by_unique_id() -> None:
    cameras = devices.parse_macos(MACOS)
    assert [(camera.index, camera.name, camera.virtual) for camera in cameras] == [
        (0, "FaceTime HD Camera", False),
        (1, "OBS Virtual Camera", True),
    ]


@pytest.mark.parametrize("text", ["", "no json", "[]", "{}", '{"physical": 3, "SPCameraDataType": "x"}'])
def test_answers_that_make_no_sense_list_nothing(text: str) -> None:
    assert devices.parse_windows(text) == []
    assert devices.parse_macos(text) == []


@pytest.mark.parametrize(
    "name",
    [
        "OBS Virtual Camera", "DroidCam Source 3", "Iriun Webcam", "EpocCam Camera", "ManyCam Virtual Webcam",
        "Snap Camera", "Camera (NVIDIA Broadcast)", "Unity Video Capture", "XSplit VCam", "mmhmm Camera", "Camo",
        "Dummy video device (0x0000)", "vivid-000", "Mien",
    ],
)  # fmt: skip
def test_programs_are_known_by_name(name: str) -> None:
    assert is_virtual(name)


@pytest.mark.parametrize(
    "name",
    ["HD Pro Webcam C920", "FaceTime HD Camera", "Cam Link 4K", "OBSBOT Tiny 2", "Integrated Camera: Integrated C"],
)
def test_real_cameras_are_not_taken_for_programs(name: str) -> None:
    assert not is_virtual(name, "uvcvideo")


def test_a_loopback_with_any_name_is_known_by_its_driver() -> None:
    assert is_virtual("My Camera", "v4l2 loopback")


def test_virtual_cameras_are_last_and_own_ones_flagged() -> None:
    cameras = [
        CameraDevice(0, "OBS Virtual Camera", "/dev/video0", True),
        CameraDevice(1, "IR", "/dev/video1", False, ("GREY 640x360 at 15",)),
        CameraDevice(2, "Webcam", "/dev/video2", False, ("MJPG 1280x720 at 30", "GREY 640x360")),
        CameraDevice(3, "Loop", "/dev/video10", False),
    ]
    listed = sort_cameras(mark_own(cameras, frozenset({"/dev/video10"})))
    assert [(camera.index, camera.virtual, camera.own) for camera in listed] == [
        (2, False, False),
        (1, False, False),
        (0, True, False),
        (3, True, True),
    ]
    assert [camera.own for camera in mark_own(cameras, frozenset({"obs virtual camera"}))] == [
        True,
        False,
        False,
        False,
    ]


def kernel(device_names: dict[int, tuple[bytes, bytes, int]]) -> devices.v4l2.Ioctl:
    """Answers VIDIOC_QUERYCAP in turn and has no formats."""
    answers = iter(device_names.values())

    def ioctl(_device: int, request: int, buffer: bytearray) -> None:
        if request & 0xFF:
            raise OSError(22, "no more")
        driver, card, caps = next(answers)
        struct.pack_into("<16s32s32s3I", buffer, 0, driver, card, b"", 0, caps | 0x80000000, caps)

    return ioctl


def test_linux_lists_nodes_that_capture(tmp_path: Path) -> None:
    sysfs, dev = tmp_path / "sys", tmp_path / "dev"
    dev.mkdir()
    for index in (0, 1, 2, 3):
        (sysfs / f"video{index}").mkdir(parents=True)
        (sysfs / f"video{index}" / "name").write_text(f"Sysfs {index}\n")
        if index != 3:
            (dev / f"video{index}").touch()
    answers = {
        0: (b"uvcvideo", b"Webcam", 0x1),
        1: (b"uvcvideo", b"Webcam", 0x00800000),
        2: (b"v4l2 loopback", b"Phone", 0x1),
    }
    assert list_linux(sysfs, dev, kernel(answers)) == [
        CameraDevice(0, "Webcam", str(dev / "video0"), False),
        CameraDevice(2, "Phone", str(dev / "video2"), True),
        CameraDevice(3, "Sysfs 3", str(dev / "video3"), False),  # may not be opened, but is there
    ]


@pytest.mark.parametrize(("system", "text"), [("Windows", WINDOWS), ("Darwin", MACOS)])
def test_the_systems_own_tool_is_asked(monkeypatch: pytest.MonkeyPatch, system: str, text: str) -> None:
    commands: list[list[str]] = []

    def run(command: list[str], **_options: object) -> subprocess.CompletedProcess[bytes]:
        commands.append(command)
        return subprocess.CompletedProcess(command, 0, text.encode(), b"")

    monkeypatch.setattr(subprocess, "run", run)
    cameras = list_cameras(frozenset({"OBS Virtual Camera"}), system=system)
    assert not cameras[0].virtual
    assert (cameras[-1].name, cameras[-1].virtual, cameras[-1].own) == ("OBS Virtual Camera", True, True)
    assert commands[0][0] == {"Windows": "powershell", "Darwin": "system_profiler"}[system]


def test_without_the_tool_the_numbers_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_arguments: object, **_options: object) -> None:
        raise FileNotFoundError("powershell")

    camera = FakeCamera()
    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(cv2, "VideoCapture", camera.capture)
    assert [entry.name for entry in list_cameras(system="Windows")] == [f"camera {index}" for index in range(5)]
    assert camera.released == 5
    camera.present = False
    assert list_cameras(system="Windows") == []


def test_an_unknown_system_has_no_cameras() -> None:
    assert list_cameras(system="Plan9") == []
