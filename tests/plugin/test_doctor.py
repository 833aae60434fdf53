from __future__ import annotations

import shutil
import socket
from pathlib import Path

import pytest

from mien.plugin import doctor
from mien.plugin.finding import Finding
from mien.plugin.settings import settings_path
from mien.realtime.segmenter import segmenter_path


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


def test_without_a_gpu_nothing_is_looked_for() -> None:
    finding = doctor.gpu((), lambda: pytest.fail("there is no GPU to look at"))
    assert (finding.state, finding.detail) == ("ok", "no NVIDIA GPU: everything runs on the CPU")


def test_a_gpu_that_cannot_be_used_says_why_and_one_that_can_promises_no_figures() -> None:
    finding = doctor.gpu(("NVIDIA X",), lambda: ["There is no binding."])
    assert (finding.state, "There is no binding." in finding.detail) == ("warn", True)
    assert "cuda-core" in finding.fix
    assert "not been measured" in doctor.gpu(("NVIDIA X",), list).detail


def test_what_a_gpu_run_lacks_here_is_said_in_sentences() -> None:
    if shutil.which("nvidia-smi"):
        pytest.skip("this machine has a GPU")
    lacking = doctor.gpu_lacks()
    assert len(lacking) >= 2
    assert all(text[0].isupper() and text.endswith(".") for text in lacking)


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


def test_a_background_s_model_is_missed_by_nobody_who_hides_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("MIEN_CACHE_DIR", str(tmp_path))
        finding = doctor.background_model()
    assert (finding.state, "the first background fetches it" in finding.detail) == ("ok", True)
    segmenter_path()
    assert doctor.background_model().detail.endswith("is right")


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
