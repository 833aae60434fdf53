"""A real Chromium on the page: started headless, looked at, and asked what it thinks of the page."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

#: Screenshots are kept here, for whoever looks.
OUT = Path(__file__).parents[2] / "out" / "system"
#: The accessibility checker, by its exact package and hash; fetched when the test runs, and never part of Mien.
AXE_PACKAGE = "axe-core@4.14.1"
AXE_SHA256 = "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745"
_CACHE = Path(__file__).parents[2] / ".cache"


def need(what: str, *, found: bool) -> None:
    """Skip where a program is missing on a user's machine; on CI that is a failure."""
    if found:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is missing")
    pytest.skip(f"{what} is not installed")


@contextmanager
def browser() -> Iterator[Any]:
    """A driver of a fresh Chromium, 1440 x 900."""
    need("selenium", found=_has_selenium())
    program = shutil.which("chromium") or shutil.which("google-chrome")
    driver_program = shutil.which("chromedriver")
    need("chromium with its driver", found=program is not None and driver_program is not None)
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = str(program)
    for argument in ("--headless=new", "--window-size=1440,900", "--hide-scrollbars", "--force-device-scale-factor=1"):
        options.add_argument(argument)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        # Its sandbox refuses to work for root, as which containers of CI run.
        options.add_argument("--no-sandbox")
        options.add_argument("--disable-dev-shm-usage")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver_program))
    try:
        yield driver
    finally:
        driver.quit()


def theme(driver: Any, name: str) -> None:
    """Pretend that the system is "dark" or "light"."""
    features = [{"name": "prefers-color-scheme", "value": name}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def size(driver: Any, width: int, height: int) -> None:
    """The size of the page itself, px."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def screenshot(driver: Any, name: str) -> Path:
    """Keep what is seen now."""
    OUT.mkdir(parents=True, exist_ok=True)
    path = OUT / f"page-{name}.png"
    driver.save_screenshot(str(path))
    return path


def complaints(driver: Any) -> list[str]:
    """What stands in the browser's console since the last look."""
    return [entry["message"] for entry in driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]


def axe_script() -> str:
    """The accessibility checker's source; skips where the package cannot be had."""
    kept = _CACHE / "axe.min.js"
    if kept.exists():
        return kept.read_text(encoding="utf-8")
    npm = shutil.which("npm")
    need("npm", found=npm is not None)
    _CACHE.mkdir(exist_ok=True)
    packed = subprocess.run(
        [str(npm), "pack", AXE_PACKAGE, "--json", "--silent", "--pack-destination", str(_CACHE)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    need(AXE_PACKAGE, found=packed.returncode == 0)
    archive = _CACHE / json.loads(packed.stdout)[0]["filename"]
    assert hashlib.sha256(archive.read_bytes()).hexdigest() == AXE_SHA256
    with tarfile.open(archive) as files:
        member = files.extractfile("package/axe.min.js")
        assert member is not None
        kept.write_bytes(member.read())
    archive.unlink()
    return kept.read_text(encoding="utf-8")


def axe_violations(driver: Any) -> list[str]:
    """What the accessibility checker finds wrong on the page as it is now, one line each."""
    driver.execute_script(axe_script())
    result = driver.execute_async_script("const done = arguments[arguments.length - 1]; axe.run().then(done)")
    return [
        f"{found['impact']} {found['id']}: {node['html'][:160]}"
        for found in result["violations"]
        for node in found["nodes"]
    ]


def _has_selenium() -> bool:
    try:
        import selenium  # noqa: F401
    except ImportError:
        return False
    return True
