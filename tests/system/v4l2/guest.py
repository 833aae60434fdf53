"""Inside the machine: what a user goes through, one step after another; each leaves a line "STEP name number time".

The number is that of the meeting's newest picture when the step was reached. Programs' words go to /mnt/*.log.
Usage: guest.py PYTHON WIDTH HEIGHT FPS
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

SHARED = Path("/mnt")
HERE = Path(__file__).parent
REPOSITORY = HERE.parents[2]
PYTHON, WIDTH, HEIGHT, FPS = sys.argv[1:]
#: The emulated processor takes a minute for what a real one does in two seconds.
PATIENCE_S = 900.0


class Meeting:
    """The reader, and what it sees."""

    def __init__(self) -> None:
        (SHARED / "frames").mkdir()
        log = (SHARED / "reader.log").open("wb")
        self._process = subprocess.Popen(
            [PYTHON, str(HERE / "reader.py"), "/dev/video1", "/mnt/slate.png", "/mnt/frames"],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        self.newest = -1
        self._in_a_row = 0
        self._sees = ""
        self._changed = threading.Condition()
        threading.Thread(target=self._listen, daemon=True).start()

    def wait(self, sees: str, in_a_row: int) -> None:
        """Until so many of the newest pictures are all of this kind."""
        with self._changed:
            self._in_a_row = 0
            met = self._changed.wait_for(lambda: self._sees == sees and self._in_a_row >= in_a_row, PATIENCE_S)
        step(f"{'saw' if met else 'missed'}-{sees}", self.newest)
        if not met:
            raise SystemExit(f"the meeting did not see the {sees}")

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            number, _, sees = line.strip().partition(" ")
            with self._changed:
                if number == "nothing":
                    step("NOTHING-TO-SEE", self.newest)
                    continue
                self._in_a_row = self._in_a_row + 1 if sees == self._sees else 1
                self._sees, self.newest = sees, int(number)
                self._changed.notify_all()


def step(name: str, number: int) -> None:
    print(f"STEP {name} {number} {time.monotonic():.1f}", flush=True)


def program(name: str, *command: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdout=(SHARED / f"{name}.log").open("ab"), stderr=subprocess.STDOUT)


def camera() -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [PYTHON, str(HERE / "camera.py"), "/mnt/clip.raw", WIDTH, HEIGHT, FPS, "/dev/video0"], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def mien() -> subprocess.Popen[bytes]:
    main = "import sys; sys.argv[0] = 'mien'; from mien.plugin.cli import main; main()"
    # Bystanders would be looked for by a second network, which the emulated processor has no time for. At a frame in
    # two seconds nobody can be followed from one to the next, so that the largest face is taken, whoever it was before.
    return program(
        "mien", PYTHON, "-c", main, "run", "--source", "camera:Webcam", "--sink", "virtualcam", "--engine", "mesh",
        "--bystanders", "show", "--faces", "largest", "--width", WIDTH, "--height", HEIGHT, "--fps", FPS,
        "--config", "/mnt/mien.toml",
    )  # fmt: skip


def holders() -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = path.read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if "mien.plugin.vcam.holder" in text:
            found.append(path.parent.name)
    return found


def held() -> str:
    """What the kernel says of the virtual camera: a format while somebody writes or reads it."""
    return Path("/sys/devices/virtual/video4linux/video1/format").read_text().strip()


def until(what: str, met: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not met():
        if time.monotonic() > deadline:
            raise SystemExit(f"it never came to that: {what}")
        time.sleep(0.1)


def loopcam(action: str) -> bool:
    options = ["devices=1", "video_nr=0", "exclusive_caps=1", "max_buffers=4", "card_label=Webcam"]
    command = ["rmmod", "loopcam"] if action == "unplug" else ["insmod", "/run/modules/loopcam.ko", *options]
    return subprocess.run(["/bin/busybox", *command], check=False, capture_output=True).returncode == 0


def main() -> None:
    webcam = camera()
    step("filming", -1)
    engine = mien()
    until("a holder that shows something", lambda: bool(held()))
    step("held", -1)
    meeting = Meeting()
    meeting.wait("show", 1)

    webcam.kill()
    webcam.wait()
    until("the camera is let go", lambda: loopcam("unplug"))
    step("unplugged" if not Path("/dev/video0").exists() else "STILL-THERE", meeting.newest)
    meeting.wait("slate", 20)
    loopcam("plug in")
    webcam = camera()
    step("plugged-in", meeting.newest)
    meeting.wait("show", 1)

    os.kill(engine.pid, signal.SIGKILL)
    engine.wait()
    step("killed", meeting.newest)
    meeting.wait("slate", 20)
    step(f"{len(holders())}-holder", meeting.newest)
    webcam.kill()

    # Another engine takes the camera over, shows frames, measures, and ends properly.
    script = f"{REPOSITORY}/benchmarks/virtual_camera.py"
    measure = program("measure", PYTHON, script, "--width", WIDTH, "--height", HEIGHT,
                      "--fps", FPS, "--frames", "60", "--out", "/mnt/measure.json")  # fmt: skip
    meeting.wait("show", 5)
    step(f"measured-{measure.wait()}", meeting.newest)
    until("the holder ends", lambda: not holders())
    step("ended", meeting.newest)
    left = sorted(path.name for path in Path("/dev/shm").iterdir())
    print("MEMORY", *left, flush=True)
    print("PASSED", flush=True)


main()
