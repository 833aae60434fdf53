from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import pytest
from cli_runner import Mien, hear_interrupts

from mien.plugin.control.place import Token
from mien.realtime.folders import user_config_dir


@contextmanager
def studio(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str, list[str]]]:
    """(process, the page's address, what it printed so far) of `mien studio`."""
    command = [sys.executable, "-c", "from mien.plugin.cli import main; main()", "studio"]
    # Its portrait is open at once.
    command += ["--source", "pattern", "--persona", "viggo"]
    with subprocess.Popen(
        [*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        preexec_fn=hear_interrupts,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        lines: list[str] = []
        try:
            yield process, _address(process.stdout, lines), lines
        finally:
            process.send_signal(signal.SIGINT)
            lines += process.stdout.read().splitlines()


def _address(printed: IO[str], lines: list[str]) -> str:
    for line in printed:
        lines.append(line)
        if found := re.match(r"page: (\S+)", line):
            return found[1]
    pytest.fail("no address: " + "".join(lines))


def opens(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError as error:
        if error.code != 403:
            raise
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.slow
def test_two_studios_have_one_key_two_ports_and_both_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    with studio("--port", str(port)) as (first, address, _):
        assert address == f"http://127.0.0.1:{port}/?token={Token().value}"
        with studio("--port", str(port)) as (second, other, lines):
            assert other.split("=")[1] == address.split("=")[1]
            told = " ".join("".join(lines).split())
            assert f"port {port} is taken" in told
            assert f"another Mien runs on port {port}" in told
            assert opens(address)
            assert opens(other)
            # Somebody saw the address: both are shut, though neither was told.
            result = Mien(capsys)("studio", "--revoke")
            assert result.code == 0
            assert not opens(address)
            assert not opens(other)
            assert opens(f"http://127.0.0.1:{port}/?token={Token().value}")
        assert second.returncode == 130
        assert opens(f"http://127.0.0.1:{port}/?token={Token().value}")
    assert first.returncode == 130
    assert not (user_config_dir() / "control.json").exists()
