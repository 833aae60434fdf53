"""The device that `--sink virtualcam` writes to: whether there is one, and what makes one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mien.plugin.finding import Finding
from mien.plugin.machine import run_tool

#: DirectShow filters that pyvirtualcam can write to.
WINDOWS_CAMERAS = {
    "OBS Virtual Camera": "{A3FCE0F5-3493-419F-958A-ABA1250EC20B}",
    "Unity Capture": "{5C2CD55C-92AD-4999-8666-912BD3E70010}",
}
LOOPBACK_COMMAND = "sudo modprobe v4l2loopback exclusive_caps=1 max_buffers=4 card_label=Mien"


def virtual_camera(system: str, *, root: Path = Path("/"), tool: Callable[..., str] = run_tool) -> Finding:
    """A device that `--sink virtualcam` can write to.

    Args:
        system: as `platform.system`.
        root: of the file system that Linux's /sys and macOS's /Library are read from.
        tool: runs a program of the system and returns what it prints.

    """
    if system == "Linux":
        return _loopback(root)
    if system == "Windows":
        return _windows_camera(tool)
    if system == "Darwin":
        return _macos_camera(root, tool)
    return Finding("virtual camera", "warn", f"none is known for {system}", "Use --sink nut://127.0.0.1:9000 with OBS.")


def _loopback(root: Path) -> Finding:
    module = root / "sys/module/v4l2loopback"
    if not module.is_dir():
        fix = f"sudo apt install v4l2loopback-dkms && {LOOPBACK_COMMAND}"
        return Finding("virtual camera", "warn", "the module v4l2loopback is not loaded", fix)
    devices = sorted(path.name for path in (root / "sys/devices/virtual/video4linux").glob("video*"))
    reload = f"sudo modprobe -r v4l2loopback && {LOOPBACK_COMMAND}"
    if not devices:
        return Finding("virtual camera", "warn", "v4l2loopback is loaded and has no device", reload)
    caps = module / "parameters/exclusive_caps"
    # "Y,N,N,..." in the order of the devices; without it Chrome and Zoom do not list the device.
    if not caps.is_file() or not caps.read_text(encoding="ascii", errors="replace").startswith(("Y", "1")):
        detail = f"/dev/{devices[0]} without exclusive_caps: Chrome and Zoom will not list it"
        return Finding("virtual camera", "warn", detail, reload)
    return Finding("virtual camera", "ok", ", ".join(f"/dev/{name}" for name in devices))


def _windows_camera(tool: Callable[..., str]) -> Finding:
    found = [
        name
        for name, guid in WINDOWS_CAMERAS.items()
        if tool("reg", "query", rf"HKLM\SOFTWARE\Classes\CLSID\{guid}", "/ve")
    ]
    if found:
        return Finding("virtual camera", "ok", ", ".join(found))
    fix = "winget install OBSProject.OBSStudio"
    return Finding("virtual camera", "warn", "neither OBS nor Unity Capture is installed", fix)


def _macos_camera(root: Path, tool: Callable[..., str]) -> Finding:
    extension = "com.obsproject.obs-studio.mac-camera-extension"
    for line in tool("systemextensionsctl", "list").splitlines():
        if extension in line and "activated enabled" in line:
            return Finding("virtual camera", "ok", "OBS's camera extension is activated")
    if not (root / "Applications/OBS.app").is_dir():
        return Finding("virtual camera", "warn", "OBS is not installed", "brew install --cask obs")
    fix = "Start and stop OBS's virtual camera once, and allow its camera extension in System Settings."
    return Finding("virtual camera", "warn", "OBS is installed, its camera extension is not activated", fix)
