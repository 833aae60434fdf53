"""Inside the machine: Chromium takes the virtual camera by getUserMedia and gives one of its pictures back.

Leaves /mnt/picture (PNG) and /mnt/label, or /mnt/failed. Usage: browser.py PYTHON WIDTH HEIGHT FPS
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SHARED = Path("/mnt")
HERE = Path(__file__).parent
REPOSITORY = HERE.parents[2]
PATIENCE_S = 900.0
CHROMIUM = [
    "chromium",
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-zygote",
    "--in-process-gpu",
    "--use-fake-ui-for-media-stream",
    "--user-data-dir=/run/chromium",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-extensions",
    "--disable-component-update",
    "--disable-sync",
]

over = threading.Event()


class Meeting(BaseHTTPRequestHandler):
    """Serves the page and keeps what it posts."""

    def do_GET(self) -> None:
        self._answer((HERE / "page.html").read_bytes() if self.path == "/" else b"")

    def do_POST(self) -> None:
        name = self.path.removeprefix("/")
        (SHARED / name).write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer(b"")
        if name in ("picture", "failed"):
            over.set()

    def log_message(self, *_words: object) -> None:
        pass

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    python, width, height, fps = sys.argv[1:]
    begin = time.monotonic()
    script = str(REPOSITORY / "benchmarks/virtual_camera.py")
    writer = [
        python,
        script,
        "--device",
        "/dev/video1",
        "--width",
        width,
        "--height",
        height,
        "--fps",
        fps,
        "--frames",
        "100000",
    ]
    engine = subprocess.Popen(writer, stdout=(SHARED / "writer.log").open("wb"), stderr=subprocess.STDOUT)
    form = Path("/sys/devices/virtual/video4linux/video1/format")
    while not form.read_text().strip():
        time.sleep(0.1)
    print(f"written after {time.monotonic() - begin:.0f} s", flush=True)
    server = ThreadingHTTPServer(("127.0.0.1", 8000), Meeting)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with (SHARED / "chromium.log").open("wb") as log:
        browser = subprocess.Popen([*CHROMIUM, "http://127.0.0.1:8000/"], stdout=log, stderr=subprocess.STDOUT)
        met = over.wait(PATIENCE_S)
    print(f"{'seen' if met else 'not seen'} after {time.monotonic() - begin:.0f} s", flush=True)
    browser.kill()
    engine.kill()
    print("PASSED" if met else "NOTHING CAME", flush=True)


main()
