from __future__ import annotations

import socket
from pathlib import Path

import pytest

from mien.plugin import doctor
from mien.plugin.finding import Finding
from mien.plugin.settings import settings_path
from mien.plugin.virtual_camera import virtual_camera


def by_name(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.name: finding for finding in findings}


def no_tool(*_command: str) -> str:
    return ""


@pytest.mark.parametrize(("version", "state"), [((3, 10), "fail"), ((3, 11), "ok"), ((3, 13), "ok"), ((3, 14), "fail")])
def test_python_versions(version: tuple[int, int], state: str) -> None:
    assert doctor.python(version).state == state


def test_a_missing_package_fails_with_the_command() -> None:
    found = by_name(list(doctor.packages(lambda name: None if name == "mediapipe" else "1.0")))
    assert (found["packages"].state, found["packages"].fix) == ("fail", "pip install mediapipe")
    assert "mediapipe" in found["packages"].detail


def test_two_opencv_distributions_are_a_failure_and_one_is_not() -> None:
    both = by_name(list(doctor.packages(lambda name: "5.0")))
    assert both["opencv"].state == "fail"
    assert "pip uninstall -y opencv-contrib-python opencv-python" in both["opencv"].fix
    one = by_name(
        list(doctor.packages(lambda name: None if name in doctor.OPENCV[1:] or name == "pyvirtualcam" else "5.0"))
    )
    assert one["opencv"].state == "ok"
    assert one["pyvirtualcam"].state == "warn"


def test_a_run_starts_without_what_signs_its_recordings() -> None:
    finding = doctor.signing(lambda name: None if name == "c2pa-python" else "1.0")
    assert (finding.state, finding.fix) == ("warn", "pip install c2pa-python")
    assert doctor.signing(lambda name: "1.0").state == "ok"


def test_missing_gl_libraries_name_their_packages() -> None:
    (finding,) = doctor.gl_libraries("Linux", lambda library: library == "libGL.so.1")
    assert (finding.state, finding.fix) == ("fail", "sudo apt install libegl1 libgles2")
    assert list(doctor.gl_libraries("Windows", lambda _library: False)) == []


def loopback(root: Path, *, device: bool = True, caps: str | None = "Y,N,N\n") -> Path:
    parameters = root / "sys/module/v4l2loopback/parameters"
    parameters.mkdir(parents=True)
    if caps is not None:
        (parameters / "exclusive_caps").write_text(caps)
    if device:
        (root / "sys/devices/virtual/video4linux/video10").mkdir(parents=True)
    return root


def test_linux_without_the_module(tmp_path: Path) -> None:
    finding = virtual_camera("Linux", root=tmp_path)
    assert finding.state == "warn"
    assert finding.fix.startswith("sudo apt install v4l2loopback-dkms && sudo modprobe v4l2loopback exclusive_caps=1")


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


def test_the_gpu_line_promises_nothing() -> None:
    for names in ((), ("NVIDIA X",)):
        assert "no GPU engine" in doctor.gpu(names).detail


def test_this_pyav_can_write_the_files() -> None:
    assert [finding.state for finding in doctor.codecs()] == ["ok"]


def test_a_model_that_is_not_there_is_a_warning_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIEN_CACHE_DIR", str(tmp_path))
    (finding,) = doctor.model()
    assert (finding.state, finding.fix) == ("warn", "mien doctor --fetch")
    (tmp_path / "face_landmarker.task").write_bytes(b"changed")
    (finding,) = doctor.model()
    assert finding.state == "warn"


def test_the_shipped_personas_are_whole() -> None:
    assert [finding.state for finding in doctor.personas()] == ["ok"]


def test_a_broken_pack_of_the_users_own_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = tmp_path / "personas" / "broken"
    pack.mkdir(parents=True)
    (pack / "persona.toml").write_text("format = ")
    monkeypatch.setenv("MIEN_DATA_DIR", str(tmp_path))
    (finding,) = doctor.personas()
    assert finding.state == "warn"
    assert finding.detail.startswith("broken: ")


def test_settings_that_cannot_be_read_fail(tmp_path: Path) -> None:
    assert doctor.user_settings().state == "ok"
    settings_path().parent.mkdir(parents=True)
    settings_path().write_text("width = = 1")
    finding = doctor.user_settings()
    assert (finding.state, "--reset-settings" in finding.fix) == ("fail", True)


def test_a_port_in_use_is_a_warning_with_another() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        finding = doctor.page_port(port)
    assert (finding.state, finding.fix) == ("warn", f"mien run --preview-port {port + 1}")
    assert doctor.page_port(port).state == "ok"


def test_only_a_failure_fails() -> None:
    assert doctor.exit_code([Finding("a", "ok", ""), Finding("b", "warn", "")]) == 0
    assert doctor.exit_code([Finding("a", "ok", ""), Finding("b", "fail", "")]) == 1
