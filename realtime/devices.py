"""Which cameras there are.

Linux asks the kernel. Windows and macOS are asked through programs of their own (PowerShell, system_profiler); the
reading of their answers is tested with samples, the rest was not run on those systems.
"""

from __future__ import annotations

import json
import platform
import re
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2

from mien.realtime.source import v4l2

#: Drivers and names of cameras that are programs. Listed last, and never picked by themselves.
_VIRTUAL = re.compile(
    r"v4l2.?loopback|\bvirtual\b|\bOBS\b|OBS-Camera|DroidCam|Iriun|EpocCam|ManyCam|Snap ?Camera|"
    r"NVIDIA Broadcast|Unity Video Capture|XSplit|mmhmm|\bCamo\b|ReincubateCamo|iVCam|e2eSoft|SplitCam|"
    r"YouCam|ChromaCam|Dummy video device|vMix Video|NDI |Animaze|FaceRig|PRISM Live|Logi Capture|"
    r"akvcam|\bvivid\b|CamTwist|Screen ?Capture|Mien",
    re.IGNORECASE,
)

#: Cameras for face log-in: they give grey pictures in the dark, and only while their lamp flickers.
_INFRARED = re.compile(r"\bIR\b|infrared|depth", re.IGNORECASE)

#: Numbers tried where the system's own listing does not work.
_PROBED = 5

#: Seconds that PowerShell or system_profiler may take.
_TOOL_TIMEOUT_S = 15.0

#: Physical cameras (class Camera, or Image with the UVC driver), then the DirectShow filters that programs have
#: registered under the video input category. DirectShow gives them numbers in about this order.
_POWERSHELL = (
    "$p=@(Get-CimInstance Win32_PnPEntity | Where-Object { $_.ConfigManagerErrorCode -eq 0 -and ("
    "$_.PNPClass -eq 'Camera' -or ($_.PNPClass -eq 'Image' -and $_.Service -eq 'usbvideo')) } | "
    "Select-Object Name,DeviceID);"
    "$v=@(Get-ItemProperty 'HKLM:\\SOFTWARE\\Classes\\CLSID\\{860BB310-5D01-11d0-BD3B-00A0C911CE86}\\Instance\\*' "
    "-ErrorAction SilentlyContinue | Select-Object @{n='Name';e={$_.FriendlyName}},@{n='DeviceID';e={$_.CLSID}});"
    "ConvertTo-Json -Compress -Depth 3 @{physical=$p;software=$v}"
)


@dataclass(frozen=True, slots=True)
class CameraDevice:
    """One camera.

    Attributes:
        index: the number that OpenCV opens it by.
        name: what the system calls it.
        path: /dev/videoN, or the system's own id.
        virtual: a program makes its pictures (a phone app, a camera utility, OBS).
        formats: "MJPG 1280x720 at 30", ...; empty where the system does not tell without opening it.
        own: Mien itself writes it, so it cannot be a source.

    """

    index: int
    name: str
    path: str
    virtual: bool
    formats: tuple[str, ...] = ()
    own: bool = False

    @property
    def infrared(self) -> bool:
        """Whether it sees infrared only (face log-in): listed, but picked only by name or number."""
        grey = bool(self.formats) and all(entry.startswith(("GREY", "Y8", "Y10", "Y16")) for entry in self.formats)
        return grey or bool(_INFRARED.search(self.name))


def list_cameras(own_devices: frozenset[str] = frozenset(), *, system: str | None = None) -> list[CameraDevice]:
    """All cameras: real ones first, then infrared ones, then virtual ones; by number within each.

    `own_devices` are names or paths of what Mien itself writes. Never raises: a system that does not answer has
    no cameras.
    """
    readers: dict[str, Callable[[], list[CameraDevice]]] = {
        "Linux": list_linux,
        "Windows": lambda: _ask(["powershell", "-NoProfile", "-Command", _POWERSHELL], parse_windows, cv2.CAP_DSHOW),
        "Darwin": lambda: _ask(["system_profiler", "SPCameraDataType", "-json"], parse_macos, cv2.CAP_AVFOUNDATION),
    }
    reader = readers.get(system or platform.system())
    return sort_cameras(mark_own(reader() if reader else [], own_devices))


def sort_cameras(cameras: Iterable[CameraDevice]) -> list[CameraDevice]:
    """Real, infrared, virtual; by number within each."""
    return sorted(cameras, key=lambda camera: (camera.virtual, camera.infrared, camera.index))


def mark_own(cameras: Iterable[CameraDevice], own_devices: frozenset[str]) -> list[CameraDevice]:
    """Flag the cameras whose name or path is in `own_devices`."""
    own = {name.casefold() for name in own_devices}
    return [
        replace(camera, own=True, virtual=True) if {camera.name.casefold(), camera.path.casefold()} & own else camera
        for camera in cameras
    ]


def is_virtual(name: str, driver: str = "") -> bool:
    """Whether a camera of this name, or of this driver, is a program."""
    return bool(_VIRTUAL.search(name) or _VIRTUAL.search(driver))


def list_linux(
    sysfs: Path = v4l2.SYSFS, dev: Path = Path("/dev"), ioctl: v4l2.Ioctl | None = None
) -> list[CameraDevice]:
    """The nodes of /sys/class/video4linux that give pictures."""
    cameras = []
    for index in v4l2.nodes(sysfs):
        path = str(dev / f"video{index}")
        try:
            node = v4l2.describe(path, ioctl)
        except OSError:
            # It is there, but may not be opened: listed, so that choosing it says what is missing.
            name = v4l2.sysfs_name(index, sysfs)
            cameras.append(CameraDevice(index, name or f"camera {index}", path, is_virtual(name)))
            continue
        if node.capture:
            virtual = is_virtual(node.card, node.driver)
            cameras.append(CameraDevice(index, node.card or f"camera {index}", path, virtual, node.formats))
    return cameras


def parse_windows(text: str) -> list[CameraDevice]:
    """Read what the PowerShell command prints: {"physical": [...], "software": [...]}, each with Name and DeviceID."""
    answer = _parse_object(text)
    entries = [(entry, False) for entry in _items(answer.get("physical"))]
    entries += [(entry, True) for entry in _items(answer.get("software"))]
    cameras: list[CameraDevice] = []
    for entry, software in entries:
        name = str(entry.get("Name") or "").strip()
        if name:
            path = str(entry.get("DeviceID") or "")
            cameras.append(CameraDevice(len(cameras), name, path, software or is_virtual(name)))
    return cameras


def parse_macos(text: str) -> list[CameraDevice]:
    """Read `system_profiler SPCameraDataType -json`. OpenCV numbers AVFoundation's cameras by their unique id."""
    entries = [entry for entry in _items(_parse_object(text).get("SPCameraDataType")) if entry.get("_name")]
    entries.sort(key=lambda entry: str(entry.get("spcamera_unique-id") or ""))
    return [
        CameraDevice(
            index,
            str(entry["_name"]),
            str(entry.get("spcamera_unique-id") or ""),
            is_virtual(str(entry["_name"]), str(entry.get("spcamera_model-id") or "")),
        )
        for index, entry in enumerate(entries)
    ]


def probe_indexes(backend: int) -> list[CameraDevice]:
    """Open the first numbers one by one: a last resort, because it lights the cameras' lamps and tells no names."""
    cameras = []
    for index in range(_PROBED):
        capture = cv2.VideoCapture(index, backend)
        if capture.isOpened():
            cameras.append(CameraDevice(index, f"camera {index}", "", virtual=False))
        capture.release()
    return cameras


def _ask(command: list[str], parse: Callable[[str], list[CameraDevice]], backend: int) -> list[CameraDevice]:
    text = _run(command)
    return parse(text) if text.strip() else probe_indexes(backend)


def _parse_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _items(value: object) -> list[dict[str, Any]]:
    # Windows PowerShell turns a list of one into the object itself.
    entries = value if isinstance(value, list) else [value]
    return [entry for entry in entries if isinstance(entry, dict)]


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=_TOOL_TIMEOUT_S, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace")
