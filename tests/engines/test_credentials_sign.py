from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from recordings import decode, make, picture, record, signed

from mien.engines.credentials.chain import Identity, one_time, own_anchors
from mien.engines.credentials.errors import CredentialError
from mien.engines.credentials.manifest import Description, ShownPersona
from mien.engines.credentials.sign import UnsignableError, countersign_file, sign_file
from mien.engines.verify.signed import read_signed

KINDS = ["a.mp4", "a.mov", "a.part.mp4", "a.part.mov", "a.png", "a.jpg"]
OWN = Description(personas=(ShownPersona("consented", "ab" * 32, "cd" * 32),))


@pytest.mark.parametrize("name", KINDS)
def test_a_signed_file_is_valid_and_shows_the_same(name: str, tmp_path: Path) -> None:
    path = make(tmp_path / name)
    path.chmod(0o640)
    before, size = decode(path), path.stat().st_size
    assert read_signed(path).state == "none"
    assert sign_file(path, credentials=one_time(), description=Description()) == path
    found = read_signed(path)
    assert (found.state, found.ours, found.trusted) == ("valid", True, "unknown")
    after = decode(path)
    assert len(after) == len(before) > 0
    assert all(np.array_equal(a, b) for a, b in zip(after, before, strict=True))
    assert path.stat().st_mode & 0o777 == 0o640
    assert path.stat().st_size - size < 8192
    assert [child.name for child in tmp_path.iterdir()] == [name]


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    real, link = picture(tmp_path / "elsewhere" / "real.png"), tmp_path / "link.png"
    link.symlink_to(real)
    sign_file(link, credentials=one_time(), description=Description())
    assert link.is_symlink()
    assert read_signed(real).state == "valid"


def test_a_matroska_file_is_refused_by_name_and_left_alone(tmp_path: Path) -> None:
    path = record(tmp_path / "a.mkv", frames=3)
    before = path.read_bytes()
    with pytest.raises(UnsignableError, match=r"a\.mkv: .*carries no content credentials.*MP4, MOV, PNG"):
        sign_file(path, credentials=one_time(), description=Description())
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "content",
    [b"", b"no video" * 100, b"\x89PNG\r\n\x1a\n" + bytes(100), b"\xff\xd8\xff", b"\0\0\0\x18ftypisom" + b"\xff" * 40],
)
def test_what_is_no_whole_file_is_refused_and_left_alone(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    with pytest.raises(CredentialError, match=r"a\.mp4"):
        sign_file(path, credentials=one_time(), description=Description())
    assert path.read_bytes() == content
    assert [child.name for child in tmp_path.iterdir()] == ["a.mp4"]


def test_a_file_that_is_not_there_is_an_error_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(CredentialError, match=r"gone\.mp4 cannot be signed: No such file"):
        sign_file(tmp_path / "gone.mp4", credentials=one_time(), description=Description())


def test_a_full_disk_is_said_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = picture(tmp_path / "a.png")
    before = path.read_bytes()
    usage = type(shutil.disk_usage(tmp_path))
    monkeypatch.setattr("shutil.disk_usage", lambda folder: usage(10**9, 10**9 - 1000, 1000))
    with pytest.raises(CredentialError, match="a copy takes 1 MiB, and 0 MiB are free"):
        sign_file(path, credentials=one_time(), description=Description())
    assert path.read_bytes() == before


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_read_only_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png")
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(CredentialError, match="cannot be signed: Permission denied"):
            sign_file(path, credentials=one_time(), description=Description())
    finally:
        tmp_path.chmod(0o700)
    assert read_signed(path).state == "none"


def test_a_folder_that_takes_no_file_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = picture(tmp_path / "a.png")

    def refuse(*_: object, **__: object) -> tuple[int, str]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkstemp", refuse)
    with pytest.raises(CredentialError, match=r"a\.png cannot be signed: Permission denied"):
        sign_file(path, credentials=one_time(), description=Description())
    assert read_signed(path).state == "none"


@pytest.fixture
def long_recording(tmp_path: Path) -> Path:
    """As a long recording: behind the index another 24 MB of pictures, which the library reads in small pieces.

    The libraries are loaded: an import that Ctrl-C breaks off is not what is looked at here.
    """
    signed(tmp_path / "warm.png").unlink()
    path = record(tmp_path / "a.mp4", frames=5)
    with path.open("ab") as file:
        file.write((24 * 2**20 + 8).to_bytes(4, "big") + b"mdat" + bytes(24 * 2**20))
    return path


def interrupted(seconds: float, work: Callable[[], object]) -> bool:
    """Do some work, with Ctrl-C after a while; whether that ended it."""
    # A shell that runs the tests in the background has told them to ignore Ctrl-C.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    working = True
    signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT) if working else None)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        work()
        working = False
    except KeyboardInterrupt:
        return True
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, before)
    return False


# What Ctrl-C meets before or after the signing, in a callback of a weak reference, Python drops with a word.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs an interval timer")
def test_ctrl_c_amid_the_signing_loses_nothing(long_recording: Path, tmp_path: Path) -> None:
    whole, credentials, ended = long_recording.read_bytes(), one_time(), []

    def work() -> None:
        sign_file(long_recording, credentials=credentials, description=Description())

    for delay_s in (0.01, 0.02, 0.03, 0.05, 0.08):
        long_recording.write_bytes(whole)
        ended.append(interrupted(delay_s, work))
        # It may come when all is done; else nothing is.
        assert long_recording.read_bytes() == whole or read_signed(long_recording).state == "valid"
        assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
        assert [thread.name for thread in threading.enumerate() if thread.name.startswith("mien-")] == []
    assert any(ended)


# What Ctrl-C meets before or after the signing, in a callback of a weak reference, Python drops with a word.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs an interval timer")
def test_ctrl_c_amid_the_reading_is_ctrl_c(long_recording: Path) -> None:
    sign_file(long_recording, credentials=one_time(), description=Description())
    assert any([interrupted(delay_s, lambda: read_signed(long_recording)) for delay_s in (0.005, 0.01, 0.02)])
    assert read_signed(long_recording).state == "valid"


def test_a_signed_file_is_not_signed_again_as_if_it_were_new(tmp_path: Path) -> None:
    path = signed(tmp_path / "a.png")
    before = path.read_bytes()
    with pytest.raises(CredentialError, match=r"a\.png has content credentials already"):
        sign_file(path, credentials=one_time(), description=Description())
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["a.mp4", "a.png"])
def test_a_second_signature_keeps_what_the_first_one_says(name: str, tmp_path: Path) -> None:
    description = Description(OWN.personas, "trainedAlgorithmicMedia", "00112233")
    path, identity = signed(tmp_path / name, description=description), Identity(tmp_path / "me")
    countersign_file(path, credentials=identity.leaf())
    found = read_signed(path, own=own_anchors(tmp_path / "me"))
    assert (found.state, found.trusted, found.signer, found.ours) == ("valid", "own", "Mien signer", True)
    assert (found.personas, found.watermark) == (("consented",), "00112233")
    assert (found.made_with_ai, found.source_type) == (True, "trainedAlgorithmicMedia")
    assert read_signed(path).trusted == "unknown"
    data = bytearray(path.read_bytes())
    data[-60] ^= 1
    path.write_bytes(data)
    changed = read_signed(path, own=own_anchors(tmp_path / "me"))
    assert (changed.state, changed.trusted) == ("invalid", "unknown")


def windows(data: bytes, length: int) -> set[bytes]:
    return {data[at : at + length] for at in range(len(data) - length + 1)}


def links(one: bytes, two: bytes, known: set[bytes]) -> set[bytes]:
    """What two files share and a stranger's have not, in 16 bytes; beside a constant, four may be equal by chance."""
    return {each for each in windows(one, 16) & windows(two, 16) if not known & {each[4:], each[:-4]}}


def strangers(folder: Path) -> set[bytes]:
    """What stands in files that another user made, with another name, home and time zone, in 12 bytes.

    Many files: a signature's length varies by a byte or two (DER), and with it the lengths of what it lies in.
    """
    folder.mkdir()
    program = (
        "import sys, pathlib\n"
        "from recordings import signed\n"
        "from test_credentials_sign import OWN\n"
        "for number in range(64):\n"
        "    signed(pathlib.Path(sys.argv[1], f'{number}.png'), description=OWN)"
    )
    environment = os.environ | {
        "HOME": str(folder), "USER": "stranger", "LOGNAME": "stranger", "TZ": "Asia/Tokyo",
        "MIEN_CONFIG_DIR": str(folder / "config"), "PYTHONPATH": os.pathsep.join([*sys.path]),
    }  # fmt: skip
    subprocess.run([sys.executable, "-c", program, str(folder)], env=environment, check=True)
    return set().union(*(windows(path.read_bytes(), 12) for path in folder.glob("*.png")))


def test_two_files_of_one_user_share_nothing_that_a_strangers_does_not(tmp_path: Path) -> None:
    stranger = strangers(tmp_path / "stranger")
    first, second = (signed(tmp_path / name, description=OWN).read_bytes() for name in ("a.png", "b.png"))
    # The pictures are equal, so what differs are manifests alone, and what all three share are constants.
    assert links(first, second, stranger) == set()
    # The test sees a link where there is one.
    identity = Identity(tmp_path)
    one, two = (signed(tmp_path / name, identity.leaf(), OWN).read_bytes() for name in ("d.png", "e.png"))
    assert len(links(one, two, stranger)) > 100


def test_nothing_of_the_user_or_the_machine_is_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "Quillfeather Home"
    folder.mkdir()
    for variable in ("USER", "LOGNAME", "USERNAME", "HOME"):
        monkeypatch.setenv(variable, str(folder) if variable == "HOME" else "quillfeather")
    # A short name of the machine would be found by chance.
    words = [word for word in ("quillfeather", "secret-title", socket.gethostname(), str(tmp_path)) if len(word) > 4]
    for name in ("secret-title.mp4", "secret-title.png"):
        data = signed(folder / name, description=OWN).read_bytes().lower()
        for word in words:
            assert word.lower().encode() not in data
            assert word.lower().encode("utf-16-le") not in data
