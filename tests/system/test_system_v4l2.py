"""`mien run --sink virtualcam` into a real v4l2loopback device, read by a meeting that never looks away.

Correctness only: the emulated processor has no speed bar.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NoReturn

import cv2
import numpy as np
import pytest
import v4l2_machine

from mien.engines.measure.final import frames_of, retracked
from mien.engines.measure.identity import FaceIdentity, similarity
from mien.engines.personas.library import find
from mien.engines.verify.marked import detect_still
from mien.plugin.clip import driver_clip
from mien.realtime.frame import Pixels
from mien.realtime.sink.yuv import to_i420
from mien.realtime.slate import Slate
from mien.realtime.tracker.model import landmarker_path
from mien.realtime.watermark.payload import Payload

pytestmark = [pytest.mark.system, pytest.mark.slow]

WIDTH, HEIGHT, FPS = 480, 270, 10
PERSONA = "amara"
#: Pictures that were on their way into the meeting when a step was noted.
ON_THE_WAY = 4
#: Both machines of this file take four minutes each where emulation is as fast as usual.
TIMEOUT_S = 700.0
#: A frame that takes so long, ms, is followed by nothing that a test could wait for: usual are two seconds, and on some
#: processors QEMU takes a minute.
TOO_SLOW_MS = 20_000


@dataclass(frozen=True)
class Meeting:
    """What came out of the machine.

    Attributes:
        console: what its serial line said.
        steps: the number of the meeting's newest picture when each step was reached.
        files: JPEGs, one for each picture that the meeting saw, in order.
        shared: the folder that the machine wrote into.

    """

    console: str
    steps: dict[str, int]
    files: list[Path]
    shared: Path

    @cached_property
    def marks(self) -> list[Payload | None]:
        """What the watermark of each picture says, looked for in this picture alone; None where there is none."""
        known: dict[bytes, Payload | None] = {}
        for path in self.files:
            data = path.read_bytes()
            if data not in known:
                # A held picture and a slate come many times, byte for byte.
                known[data] = detect_still(cv2.imread(str(path))).payload
        return [known[path.read_bytes()] for path in self.files]

    def kinds(self, begin: str, end: str) -> set[str]:
        """The kinds of all pictures between two steps."""
        return {str(mark and mark.kind) for mark in self.marks[self.steps[begin] + ON_THE_WAY : self.steps[end] + 1]}


@pytest.fixture(scope="module")
def machine(request: pytest.FixtureRequest) -> Path:
    begin = time.monotonic()
    try:
        made = v4l2_machine.prepare()
    except v4l2_machine.NotHereError as reason:
        missing(str(reason))
    tell(request, f"made in {time.monotonic() - begin:.0f} s")
    return made


@pytest.fixture(scope="module")
def meeting(machine: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Meeting:
    shared = tmp_path_factory.mktemp("shared")
    provide(shared, "guest.py")
    console, machine_s = ran(machine, shared)
    told = console + "".join(path.read_text(errors="replace") for path in sorted(shared.glob("*.log")))
    assert "PASSED" in console, told[-6000:]
    times = re.findall(r"^STEP (\S+) -?\d+ ([\d.]+)", console, re.MULTILINE)
    tell(request, f"ran {machine_s:.0f} s; " + ", ".join(f"{a} {b} s" for a, b in times))
    return seen(console, shared)


def ran(machine: Path, shared: Path) -> tuple[str, float]:
    """`v4l2_machine.run`; a skip where the time ran out because a frame takes a minute, else that is a failure."""
    try:
        return v4l2_machine.run(machine, shared, timeout_s=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        said = "".join(path.read_text(errors="replace") for path in sorted(shared.glob("*.log")))
        slowest_ms = max((int(ms) for ms in re.findall(r"latency (\d+) ms", said)), default=0)
        if slowest_ms >= TOO_SLOW_MS:
            pytest.skip(f"QEMU is too slow on this processor: a frame took {slowest_ms / 1e3:.0f} s")
        raise


def seen(console: str, shared: Path) -> Meeting:
    """What the machine left behind."""
    numbers: dict[str, int] = {}
    for name, number in re.findall(r"^STEP (\S+) (-?\d+)", console, re.MULTILINE):
        # What is seen again gets a name of its own: saw-show, saw-show-2, saw-show-3.
        times = 1 + sum(re.fullmatch(rf"{re.escape(name)}(-\d)?", known) is not None for known in numbers)
        numbers[name if times == 1 else f"{name}-{times}"] = int(number)
    return Meeting(console, numbers, sorted((shared / "frames").iterdir()), shared)


def tell(request: pytest.FixtureRequest, text: str) -> None:
    """Figures for whoever runs it; nothing is asserted of them."""
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.write_line(f"\nv4l2: {text}")


def missing(reason: str) -> NoReturn:
    """A skip for users, a failure for CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def provide(shared: Path, script: str) -> None:
    """Put into the shared folder what the programs inside need; `script` runs there."""
    clip = [
        cv2.resize(frame, (WIDTH, HEIGHT)) for number, frame in enumerate(frames_of(driver_clip())) if number % 3 == 0
    ]
    (shared / "clip.raw").write_bytes(b"".join(to_i420(frame).tobytes() for frame in clip))
    cv2.imwrite(str(shared / "slate.png"), Slate(WIDTH, HEIGHT).picture())
    # The tracker gives a picture a second and less there, and each would be the beginning of a cross-fade.
    (shared / "mien.toml").write_text("[loss]\nfade_s = 0.0\n")
    fonts = {"MPLCONFIGDIR": str(shared / "matplotlib")}
    # Its list of fonts takes a real processor a second, and the emulated one a minute.
    subprocess.run([sys.executable, "-c", "import matplotlib.font_manager"], env=os.environ | fonts, check=True)
    environment = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/run",
        "TMPDIR": "/run",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        "MPLCONFIGDIR": "/mnt/matplotlib",
        "MIEN_CACHE_DIR": str(landmarker_path().parent),
        "MIEN_CONFIG_DIR": "/run/config",
        "MIEN_DATA_DIR": "/run/data",
    }
    lines = [f"export {name}='{value}'" for name, value in environment.items()]
    guest = v4l2_machine.SCRIPTS / script
    lines.append(f"exec '{sys.executable}' '{guest}' '{sys.executable}' {WIDTH} {HEIGHT} {FPS}")
    (shared / "start").write_text("\n".join(lines) + "\n")


def test_every_picture_that_the_meeting_saw_is_marked(meeting: Meeting) -> None:
    assert len(meeting.files) > 100
    assert {str(mark and mark.kind) for mark in meeting.marks} == {"persona", "slate"}
    # Ten seconds without a picture, and it would have changed to another camera. After the proper end it may.
    names = list(meeting.steps)
    assert "NOTHING-TO-SEE" not in names[: names.index("saw-show-3")]


def test_an_unplugged_camera_gives_the_slate_and_then_the_persona_again(meeting: Meeting) -> None:
    assert "STILL-THERE" not in meeting.steps
    assert meeting.kinds("saw-slate", "plugged-in") == {"slate"}
    assert "persona" in meeting.kinds("plugged-in", "saw-show-2")


def test_a_killed_engine_leaves_the_device_with_the_slate_of_its_own_run(meeting: Meeting) -> None:
    assert "1-holder" in meeting.steps
    first, last = meeting.steps["killed"] + ON_THE_WAY, meeting.steps["1-holder"]
    before = {mark.session for mark in meeting.marks[: meeting.steps["killed"]] if mark is not None}
    assert len(before) == 1
    after = meeting.marks[first : last + 1]
    assert len(after) >= 10
    assert {(mark.kind, mark.session) for mark in after if mark is not None} == {("slate", *before)}


def test_another_engine_takes_the_device_over_and_gives_it_back(
    meeting: Meeting, request: pytest.FixtureRequest
) -> None:
    assert "measured-0" in meeting.steps
    sessions = {mark.session for mark in meeting.marks if mark is not None}
    assert len(sessions) == 2
    newest = meeting.marks[meeting.steps["saw-show-3"]]
    assert newest is not None
    assert newest.kind == "persona"
    # Memory that was shared is gone with those who shared it, also after kill -9.
    assert re.search(r"^MEMORY(.*)$", meeting.console, re.MULTILINE)[1].split() == []  # type: ignore[index]
    tell(request, (meeting.shared / "measure.log").read_text().strip())


def test_it_is_the_persona(meeting: Meeting) -> None:
    # Up to the kill: after it another engine shows pictures without a face.
    before = zip(meeting.files[: meeting.steps["killed"]], meeting.marks, strict=False)
    shown = [cv2.imread(str(path)) for path, mark in before if mark is not None and mark.kind == "persona"]
    assert shown
    identity = FaceIdentity()
    persona = embedded(identity, find(PERSONA).portrait)
    driver = embedded(identity, next(frames_of(driver_clip())))
    seen = [embedded(identity, picture) for picture in shown[:: max(1, len(shown) // 8)]][:6]
    assert all(similarity(face, persona) > similarity(face, driver) for face in seen)


def embedded(identity: FaceIdentity, picture: Pixels) -> np.ndarray:
    (face,) = retracked([picture])
    assert face is not None
    return identity.embed(picture, face.landmarks)


@pytest.mark.usefixtures("meeting")  # It is skipped where the machine is too slow, and so is this.
def test_chromium_takes_it_by_getusermedia(machine: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if shutil.which("chromium") is None:
        missing("chromium is missing: apt-get install chromium")
    provide(tmp_path, "browser.py")
    console, machine_s = ran(machine, tmp_path)
    tell(request, f"Chromium: {machine_s:.0f} s; " + ", ".join(re.findall(r"^(.* after \d+ s)", console, re.MULTILINE)))
    failed = tmp_path / "failed"
    assert not failed.exists(), failed.read_text()
    told = console + "".join(path.read_text(errors="replace")[-2000:] for path in sorted(tmp_path.glob("*.log")))
    assert "PASSED" in console, told[-6000:]
    assert (tmp_path / "label").read_text() == "Mien"
    picture = cv2.imread(str(tmp_path / "picture"))
    assert picture.shape == (HEIGHT, WIDTH, 3)
    mark = detect_still(picture)
    assert mark.found
    assert mark.payload is not None
    assert mark.payload.kind == "persona"
