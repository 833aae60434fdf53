"""The driver behind `--sink virtualcam`: whether it is there, and what installs it."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from mien.plugin.finding import Finding
from mien.plugin.machine import run_tool

#: `exclusive_caps` makes Chrome and Zoom list the device, four buffers keep a slow reader from blocking the writer.
LOOPBACK_COMMAND: Final = "sudo modprobe v4l2loopback exclusive_caps=1 max_buffers=4 card_label=Mien"
#: What is missing on each system, and what mends it.
HOW_TO: Final[dict[str, str]] = {
    "Linux": (
        f"Install v4l2loopback (Debian, Ubuntu: sudo apt install v4l2loopback-dkms), then run: {LOOPBACK_COMMAND} "
        "(mien doctor looks at it)"
    ),
    "Windows": (
        "Install OBS Studio and stop its virtual camera (it can be used by one program at a time), "
        "or install Unity Capture."
    ),
    "Darwin": (
        "On macOS 13 or newer install OBS 30 or newer, start and stop its virtual camera once, and allow its camera "
        "extension in System Settings. Then leave OBS's own virtual camera stopped."
    ),
}
ELSEWHERE: Final = "pyvirtualcam knows Linux, Windows and macOS; here use the sink nut://127.0.0.1:PORT or a file."
#: DirectShow filters that pyvirtualcam can write to.
WINDOWS_CAMERAS: Final = {
    "OBS Virtual Camera": "{A3FCE0F5-3493-419F-958A-ABA1250EC20B}",
    "Unity Capture": "{5C2CD55C-92AD-4999-8666-912BD3E70010}",
}
#: How each family of Linux systems installs the module (Fedora: from RPM Fusion); the key is an ID of /etc/os-release.
_INSTALL: Final = {
    "debian": "sudo apt install v4l2loopback-dkms linux-headers-$(uname -r)",
    "fedora": "sudo dnf install akmod-v4l2loopback",
    "arch": "sudo pacman -S v4l2loopback-dkms linux-headers",
}
#: The firmware's variable: four bytes of attributes, then 1 while Secure Boot is on (UEFI specification, 3.3).
_SECURE_BOOT: Final = "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
#: Where DKMS keeps the key that it signs modules with: Ubuntu, then Debian and others.
_SIGNING_KEYS: Final = ("var/lib/shim-signed/mok/MOK.der", "var/lib/dkms/mok.pub")


def virtual_camera(
    system: str, *, root: Path = Path("/"), tool: Callable[..., str] = run_tool, release: str | None = None
) -> Finding:
    """A device that `--sink virtualcam` can write to.

    Args:
        system: as `platform.system`.
        root: of the file system that Linux's /sys and macOS's /Library are read from.
        tool: runs a program of the system and returns what it prints.
        release: of the Linux kernel; None for the running one.

    """
    if system == "Linux":
        return _loopback(root, platform.release() if release is None else release)
    if system == "Windows":
        return _windows_camera(tool)
    if system == "Darwin":
        return _macos_camera(root, tool)
    return _warning(f"none is known for {system}", "Use --sink nut://127.0.0.1:9000 with OBS.")


def _warning(detail: str, fix: str) -> Finding:
    return Finding("virtual camera", "warn", detail, fix)


def _loopback(root: Path, release: str) -> Finding:
    module = root / "sys/module/v4l2loopback"
    if not module.is_dir():
        return _not_loaded(root, release)
    devices = sorted(path.name for path in (root / "sys/devices/virtual/video4linux").glob("video*"))
    reload = f"sudo modprobe -r v4l2loopback && {LOOPBACK_COMMAND}"
    if not devices:
        return _warning("v4l2loopback is loaded and has no device", reload)
    caps = module / "parameters/exclusive_caps"
    # "Y,N,N,..." in the order of the devices; without it Chrome and Zoom do not list the device.
    if not caps.is_file() or not caps.read_text(encoding="ascii", errors="replace").startswith(("Y", "1")):
        return _warning(f"/dev/{devices[0]} without exclusive_caps: Chrome and Zoom will not list it", reload)
    shut = [name for name in devices if (node := root / "dev" / name).exists() and not os.access(node, os.W_OK)]
    if shut == devices:
        return _warning(
            f"/dev/{shut[0]} may not be written by you", "sudo usermod -a -G video $USER, then log out and in again"
        )
    return Finding("virtual camera", "ok", ", ".join(f"/dev/{name}" for name in devices))


def _not_loaded(root: Path, release: str) -> Finding:
    """The module is not there, not built for this kernel, or refused by Secure Boot."""
    built = any((root / "lib/modules" / release).rglob("v4l2loopback.ko*"))
    if not built:
        source = any((root / "usr/src").glob("v4l2loopback-*"))
        detail = f"the module v4l2loopback is not built for kernel {release}" if source else "no module v4l2loopback"
        install = next((_INSTALL[name] for name in _families(root) if name in _INSTALL), _INSTALL["debian"])
        detail += _and_secure_boot(root)
        return _warning(detail, f"{install} && {LOOPBACK_COMMAND}")
    if not _secure_boot(root):
        return _warning("the module v4l2loopback is not loaded", LOOPBACK_COMMAND)
    key = next((name for name in _SIGNING_KEYS if (root / name).is_file()), _SIGNING_KEYS[-1])
    return _warning(
        "the module v4l2loopback is not loaded" + _and_secure_boot(root),
        f"sudo mokutil --import /{key}, restart, choose 'Enroll MOK', then: {LOOPBACK_COMMAND}",
    )


def _and_secure_boot(root: Path) -> str:
    return "; Secure Boot is on, so the kernel takes it only with a key that you enrolled" if _secure_boot(root) else ""


def _secure_boot(root: Path) -> bool:
    try:
        return (root / _SECURE_BOOT).read_bytes()[4:5] == b"\x01"
    except OSError:
        return False


def _families(root: Path) -> Iterator[str]:
    """What this Linux is, and what it is like, in the words of /etc/os-release."""
    try:
        lines = (root / "etc/os-release").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    values = dict(line.split("=", 1) for line in lines if "=" in line)
    for name in ("ID", "ID_LIKE"):
        yield from values.get(name, "").strip("\"'").split()


def _windows_camera(tool: Callable[..., str]) -> Finding:
    found = [
        name
        for name, guid in WINDOWS_CAMERAS.items()
        if tool("reg", "query", rf"HKLM\SOFTWARE\Classes\CLSID\{guid}", "/ve")
    ]
    if found:
        return Finding("virtual camera", "ok", ", ".join(found))
    return _warning("neither OBS nor Unity Capture is installed", "winget install OBSProject.OBSStudio")


def _macos_camera(root: Path, tool: Callable[..., str]) -> Finding:
    extension = "com.obsproject.obs-studio.mac-camera-extension"
    for line in tool("systemextensionsctl", "list").splitlines():
        if extension in line and "activated enabled" in line:
            return Finding("virtual camera", "ok", "OBS's camera extension is activated")
    if not (root / "Applications/OBS.app").is_dir():
        return _warning("OBS is not installed", "brew install --cask obs")
    fix = "Start and stop OBS's virtual camera once, and allow its camera extension in System Settings."
    return _warning("OBS is installed, its camera extension is not activated", fix)
