"""What every test gets: folders of its own instead of the user's, and honest skips."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
#: Driver clips of real people; they are never part of the repository.
CLIPS = REPOSITORY.parent / "shared" / "clips"


@pytest.fixture(scope="session", autouse=True)
def _nobodys_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The same for what fixtures of whole modules do, which are made before a test's own folders are."""
    folder = tmp_path_factory.mktemp("nobody")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIEN_CONFIG_DIR", str(folder / "config"))
        patch.setenv("MIEN_DATA_DIR", str(folder / "data"))
        yield


@pytest.fixture(autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep tests away from the settings and personas of whoever runs them; the model cache stays shared."""
    folder = tmp_path_factory.mktemp("user")
    monkeypatch.setenv("MIEN_CONFIG_DIR", str(folder / "config"))
    monkeypatch.setenv("MIEN_DATA_DIR", str(folder / "data"))


@pytest.fixture
def signal_handlers() -> Iterator[None]:
    """Python's own handler of Ctrl-C, whatever runs the tests; all handlers come back after the test."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what cannot run here, with the reason."""
    if item.get_closest_marker("clips") and not CLIPS.is_dir():
        pytest.skip("the driver clips (../shared/clips) are not here")
    if item.get_closest_marker("cast") and importlib.util.find_spec("anny") is None:
        pytest.skip("needs mien[cast]")
    if (
        item.get_closest_marker("gpu")
        and shutil.which("nvidia-smi") is None
        and not os.environ.get("FAIL_WITHOUT_CUDA")
    ):
        pytest.skip("needs an NVIDIA GPU")
