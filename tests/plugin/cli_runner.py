"""Runs `mien` in this process, or as a process of its own where signals matter."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from mien.engines.personas.library import SHIPPED_DIR
from mien.plugin.cli import main


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout; fails on anything beside it."""
        return json.loads(self.out)


class Mien:
    """`mien(...)` gives the exit status and what was printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: object, answers: str = "") -> Result:
        """Run it; `answers` is what is typed."""
        self._capsys.readouterr()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stdin", io.StringIO(answers))
            with pytest.raises(SystemExit) as ended:
                main([str(argument) for argument in arguments])
        printed = self._capsys.readouterr()
        code = ended.value.code
        return Result(code if isinstance(code, int) else 0, printed.out, printed.err)


def hear_interrupts() -> None:
    """In the child: a shell that runs the tests in the background has told its children to ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(arguments: Sequence[object]) -> subprocess.Popen[str]:
    """Start `mien` as a process."""
    command = [sys.executable, "-c", "from mien.plugin.cli import main; main()"]
    return subprocess.Popen(
        [*command, *(str(argument) for argument in arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hear_interrupts,
    )


def start_interrupted(module: str, arguments: Sequence[object]) -> subprocess.Popen[str]:
    """Start `mien` as a process that gets Ctrl-C at the moment when it begins to load `module`."""
    program = [
        "import os, signal, sys",
        "class Interrupt:",
        "    def find_spec(self, name, path=None, target=None):",
        f"        if name == {module!r}:",
        "            sys.meta_path.remove(self)",
        "            os.kill(os.getpid(), signal.SIGINT)",
        "sys.meta_path.insert(0, Interrupt())",
        "from mien.plugin.cli import main; main()",
    ]
    return subprocess.Popen(
        [sys.executable, "-c", "\n".join(program), *(str(argument) for argument in arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hear_interrupts,
    )


def wait_for_frames(folder: Path, process: subprocess.Popen[str]) -> None:
    """Wait until the recording that `process` writes in `folder` has frames in it, under its working name."""
    while not any(path.stat().st_size for path in folder.glob("*.part.*")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


def write_clip(path: Path, *, frames: int = 20, fps: int = 10, size: tuple[int, int] = (320, 240)) -> Path:
    """A clip of a grey wall that grows brighter: nobody is in it."""
    return _encode(path, [np.full((size[1], size[0], 3), 60 + index % 100, np.uint8) for index in range(frames)], fps)


def write_face_clip(path: Path, *, frames: int = 3, fps: int = 10) -> Path:
    """A clip of a rendered face that stands still, 480x360 px."""
    portrait = cv2.imread(str(SHIPPED_DIR / "viggo" / "portrait.jpg"))
    face = cv2.resize(portrait, (360, 360), interpolation=cv2.INTER_AREA)
    picture = cv2.copyMakeBorder(face, 0, 0, 60, 60, cv2.BORDER_CONSTANT, value=(90, 100, 110))
    return _encode(path, [picture] * frames, fps)


def write_beginning(clip: Path, path: Path, *, seconds: float) -> Path:
    """The first seconds of a clip, pictures and sound as they are."""
    with av.open(str(clip)) as source, av.open(str(path), "w") as target:
        streams = {stream.index: target.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            # What comes later in decoding order is needed by nothing before it.
            if packet.dts is not None and packet.dts * packet.time_base < seconds:
                packet.stream = streams[packet.stream.index]
                target.mux(packet)
    return path


def _encode(path: Path, pictures: list[np.ndarray], fps: int) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(fps))
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode(None))
    return path
