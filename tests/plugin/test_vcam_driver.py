"""What `mien doctor` says of the driver behind the virtual camera, from files as systems have them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from mien.plugin.vcam.driver import virtual_camera

RELEASE = "6.1.0-57-amd64"
LOAD = "sudo modprobe v4l2loopback exclusive_caps=1 max_buffers=4 card_label=Mien"
EFIVARS = "sys/firmware/efi/efivars"


def no_tool(*_command: str) -> str:
    return ""


def loopback(root: Path, *, device: bool = True, caps: str | None = "Y,N,N\n") -> Path:
    parameters = root / "sys/module/v4l2loopback/parameters"
    parameters.mkdir(parents=True)
    if caps is not None:
        (parameters / "exclusive_caps").write_text(caps)
    if device:
        (root / "sys/devices/virtual/video4linux/video10").mkdir(parents=True)
    return root


def missing(root: Path, *, system: str = "", built: bool = False, secure_boot: bool | None = None) -> Path:
    """A Linux without the module loaded."""
    if system:
        (root / "etc").mkdir()
        (root / "etc/os-release").write_text(system)
    if built:
        folder = root / "lib/modules" / RELEASE / "updates/dkms"
        folder.mkdir(parents=True)
        (folder / "v4l2loopback.ko.xz").touch()
    if secure_boot is not None:
        (root / EFIVARS).mkdir(parents=True)
        variable = root / EFIVARS / "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
        variable.write_bytes(b"\x06\0\0\0" + bytes([secure_boot]))
    return root


@pytest.mark.parametrize(
    ("system", "install"),
    [
        ("", "sudo apt install v4l2loopback-dkms linux-headers-$(uname -r)"),
        ("ID=debian\n", "sudo apt install v4l2loopback-dkms linux-headers-$(uname -r)"),
        ('NAME="Linux Mint"\nID=linuxmint\nID_LIKE="ubuntu debian"\n', "sudo apt install v4l2loopback-dkms"),
        ("ID=fedora\n", "sudo dnf install akmod-v4l2loopback"),
        ('ID="manjaro"\nID_LIKE=arch\n', "sudo pacman -S v4l2loopback-dkms linux-headers"),
        ("ID=void\nnonsense", "sudo apt install v4l2loopback-dkms"),
    ],
)
def test_linux_without_the_module_gets_its_own_command(tmp_path: Path, system: str, install: str) -> None:
    finding = virtual_camera("Linux", root=missing(tmp_path, system=system), release=RELEASE)
    assert (finding.state, finding.detail) == ("warn", "no module v4l2loopback")
    assert finding.fix.startswith(install)
    assert finding.fix.endswith(f" && {LOAD}")


def test_linux_with_the_module_for_another_kernel(tmp_path: Path) -> None:
    (tmp_path / "usr/src/v4l2loopback-0.12.7").mkdir(parents=True)
    finding = virtual_camera("Linux", root=missing(tmp_path, built=True), release="6.1.0-99-amd64")
    assert finding.detail == "the module v4l2loopback is not built for kernel 6.1.0-99-amd64"
    assert "linux-headers-$(uname -r)" in finding.fix


@pytest.mark.parametrize("secure_boot", [None, False])
def test_linux_with_the_module_not_loaded(tmp_path: Path, secure_boot: bool | None) -> None:
    finding = virtual_camera("Linux", root=missing(tmp_path, built=True, secure_boot=secure_boot), release=RELEASE)
    assert finding.detail == "the module v4l2loopback is not loaded"
    assert finding.fix == LOAD


@pytest.mark.parametrize("key", ["var/lib/dkms/mok.pub", "var/lib/shim-signed/mok/MOK.der"])
def test_secure_boot_is_named_with_the_key_to_enrol(tmp_path: Path, key: str) -> None:
    root = missing(tmp_path, built=True, secure_boot=True)
    (root / key).parent.mkdir(parents=True)
    (root / key).touch()
    finding = virtual_camera("Linux", root=root, release=RELEASE)
    assert "Secure Boot is on" in finding.detail
    assert finding.fix.startswith(f"sudo mokutil --import /{key}")
    assert finding.fix.endswith(LOAD)


def test_secure_boot_is_named_before_the_module_is_installed_too(tmp_path: Path) -> None:
    finding = virtual_camera("Linux", root=missing(tmp_path, secure_boot=True), release=RELEASE)
    assert "Secure Boot is on" in finding.detail


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="nothing is shut to the system's own user")
def test_a_device_that_the_user_may_not_write(tmp_path: Path) -> None:
    root = loopback(tmp_path)
    (root / "dev").mkdir()
    (root / "dev/video10").touch(mode=0o400)
    finding = virtual_camera("Linux", root=root)
    assert finding.detail == "/dev/video10 may not be written by you"
    assert "usermod -a -G video" in finding.fix


def test_linux_with_a_usable_device(tmp_path: Path) -> None:
    finding = virtual_camera("Linux", root=loopback(tmp_path))
    assert (finding.state, finding.detail) == ("ok", "/dev/video10")


@pytest.mark.parametrize("caps", ["N,N,N\n", "0\n", None])
def test_linux_without_exclusive_caps_says_who_will_not_see_it(tmp_path: Path, caps: str | None) -> None:
    finding = virtual_camera("Linux", root=loopback(tmp_path, caps=caps))
    assert finding.state == "warn"
    assert "Chrome and Zoom" in finding.detail
    assert finding.fix.startswith("sudo modprobe -r v4l2loopback && ")


def test_linux_with_the_module_and_no_device(tmp_path: Path) -> None:
    assert "no device" in virtual_camera("Linux", root=loopback(tmp_path, device=False)).detail


def test_windows_asks_the_registry_for_each_filter() -> None:
    asked: list[str] = []

    def registry(*command: str) -> str:
        asked.append(command[2])
        return "(Default)  REG_SZ  Unity Video Capture" if "5C2CD55C" in command[2] else ""

    finding = virtual_camera("Windows", tool=registry)
    assert (finding.state, finding.detail) == ("ok", "Unity Capture")
    assert len(asked) == 2
    assert virtual_camera("Windows", tool=no_tool).fix == "winget install OBSProject.OBSStudio"


def test_macos_tells_a_missing_obs_from_a_missing_permission(tmp_path: Path) -> None:
    assert virtual_camera("Darwin", root=tmp_path, tool=no_tool).fix == "brew install --cask obs"
    (tmp_path / "Applications/OBS.app").mkdir(parents=True)
    assert "System Settings" in virtual_camera("Darwin", root=tmp_path, tool=no_tool).fix
    line = "*\t*\tTEAM\tcom.obsproject.obs-studio.mac-camera-extension (1.0/1)\tOBS\t[activated enabled]\n"
    assert virtual_camera("Darwin", root=tmp_path, tool=lambda *_: line).state == "ok"
    waiting = line.replace("activated enabled", "activated waiting for user")
    assert virtual_camera("Darwin", root=tmp_path, tool=lambda *_: waiting).state == "warn"


def test_an_unknown_system_is_sent_to_obs() -> None:
    assert "nut://" in virtual_camera("FreeBSD").fix
