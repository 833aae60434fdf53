"""Recordings that a user gives, as frames with faces: videos tracked in order, pictures each on its own.

The files may be anybody's: kinds are told by their names and looked at before they are decoded, links inside a folder
are not followed, and frames and appearances are counted against limits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mien.engines.personas.photo import read_photo
from mien.realtime.clock import MonotonicClock
from mien.realtime.errors import PersonaError, SourceError
from mien.realtime.frame import Floats, Pixels
from mien.realtime.source.container import check_file
from mien.realtime.source.file import FileSource
from mien.realtime.tracker.detection import Detection
from mien.realtime.tracker.identity import IdentityKeeper
from mien.realtime.tracker.landmarker import Landmarker
from mien.realtime.tracker.model import landmarker_path

PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp"})
VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".wmv", ".flv", ".3gp", ".gif"}
)
#: Files of a folder, and frames of an extraction: 1.8 hours at 30 a second, far more than a persona needs.
MAX_FILES, MAX_FRAMES = 10_000, 200_000
#: Appearances: a person from one cut of a film to the next, or in one picture.
MAX_TRACKS = 20_000
#: Texts that make a demuxer open other files.
_PLAYLISTS = (b"#EXTM3U", b"ffconcat", b"<?xml", b"<MPD")
#: Mean difference of two frames of `_TINY` px, grey levels, at which a film was cut. People who move fast reach it
#: too, in one clip of six: that only makes two appearances of one, which are joined by who is in them.
_CUT, _TINY = 12.0, (32, 18)
_STILL_NS = 33_000_000
_ALLOWED = (
    f"Videos ({', '.join(sorted(VIDEO_SUFFIXES))}) and pictures ({', '.join(sorted(PICTURE_SUFFIXES))}) are looked for."
)


@dataclass(frozen=True, slots=True)
class Recordings:
    """Files to read.

    Attributes:
        paths: in the order in which they are read.
        given: those of `paths` that the user named; an unreadable one is an error, one of a folder is noted.
        notes: what was passed over, for people.

    """

    paths: tuple[Path, ...]
    given: frozenset[Path]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """A frame, and who is in it.

    Attributes:
        pixels: (H, W, 3) uint8 BGR.
        found: its faces.
        tracks: of each face the number of its appearance: one person's, from one cut to the next.
        step_ns: time since the frame before; 0 for the first one of a video and for pictures.

    """

    pixels: Pixels
    found: tuple[Detection, ...]
    tracks: tuple[int, ...]
    step_ns: int = 0


def list_recordings(sources: Sequence[Path]) -> Recordings:
    """The recordings among files and folders, folders with all below them, by name.

    Raises:
        SourceError: one is missing or empty, a folder holds no recording or too many files, or nothing was named.

    """
    if not sources:
        raise SourceError("No footage was named.", hint=f"Name videos, pictures or folders of them. {_ALLOWED}")
    paths: list[Path] = []
    given: set[Path] = set()
    notes: list[str] = []
    for source in sources:
        if source.is_dir():
            paths += _of_folder(source, notes)
        else:
            check_file(source)
            given.add(source)
            paths.append(source)
    # The same file named twice, or beside its folder, would teach its frames twice.
    unique = tuple({path.resolve(): path for path in reversed(paths)}.values())[::-1]
    return Recordings(unique, frozenset(given), tuple(notes))


def _of_folder(folder: Path, notes: list[str]) -> list[Path]:
    found: list[Path] = []
    links: list[Path] = []
    others: list[Path] = []
    for number, path in enumerate(_files(folder), start=1):
        if number > MAX_FILES:
            raise SourceError(f"{folder} holds more than {MAX_FILES} files.", hint="Name the videos themselves.")
        # A link may lead out of the folder, to pictures that nobody meant to give.
        known = path.suffix.lower() in PICTURE_SUFFIXES | VIDEO_SUFFIXES and path.is_file()
        (links if path.is_symlink() else found if known else others).append(path)
    if links:
        notes.append(f"{folder.name}: {len(links)} links were not followed; name their targets themselves.")
    if others:
        notes.append(f"{folder.name}: {len(others)} files are neither videos nor pictures that can be read.")
    if not found:
        raise SourceError(f"{folder} holds no recording ({len(links) + len(others)} other files).", hint=_ALLOWED)
    return sorted(found)


def _files(folder: Path) -> Iterator[Path]:
    """All but hidden ones of a folder and those below it, links themselves and not what they lead to."""
    waiting = [folder]
    while waiting:
        for path in sorted(waiting.pop().iterdir()):
            if path.name.startswith("."):
                continue
            if path.is_dir() and not path.is_symlink():
                waiting.append(path)
            else:
                yield path


class Watch:
    """Reads recordings one after the other and tracks who is in them. One thread.

    Raises:
        ModelError: the landmark model cannot be had.
        MissingExtraError: mediapipe is not installed.

    """

    def __init__(self) -> None:
        self._model = landmarker_path()
        self._tracks = 0
        self._frames = 0
        self._stills: Landmarker | None = None
        self._shown = 0
        #: What was wrong with files that could be read in part, for people.
        self.notes: list[str] = []

    def looks(self, path: Path) -> Iterator[Look]:
        """The frames of one recording, in order.

        Raises:
            SourceError: it cannot be read, or there are too many frames or appearances in all.

        """
        for look in self._picture(path) if path.suffix.lower() in PICTURE_SUFFIXES else self._video(path):
            self._frames += 1
            if self._frames > MAX_FRAMES or self._tracks > MAX_TRACKS:
                raise SourceError(
                    f"The footage has more than {MAX_FRAMES} frames, or {MAX_TRACKS} cuts.",
                    hint="Cut it to the minutes that show the person best; ten are plenty.",
                )
            yield look

    def close(self) -> None:
        """Free the models; idempotent."""
        if self._stills is not None:
            self._stills.close()

    def _video(self, path: Path) -> Iterator[Look]:
        source = open_video(path)
        # Its own landmarker and names, so that what is seen in a file does not depend on the files before it.
        landmarker = Landmarker(self._model)
        try:
            keeper, names = IdentityKeeper(), dict[int, int]()
            before: Floats | None = None
            last_ns: int | None = None
            while (frame := source.read()) is not None:
                tiny = _tiny(frame.pixels)
                if before is not None and float(np.abs(tiny - before).mean()) > _CUT:
                    keeper, names = IdentityKeeper(), {}
                before = tiny
                found = landmarker(frame.pixels, frame.media_ns)
                ids = keeper(found, frame.media_ns)
                step_ns = 0 if last_ns is None else frame.media_ns - last_ns
                last_ns = frame.media_ns
                yield Look(frame.pixels, tuple(found), tuple(self._name(names, each) for each in ids), step_ns)
            if source.trouble:
                self.notes.append(source.trouble)
        finally:
            landmarker.close()
            source.close()

    def _picture(self, path: Path) -> Iterator[Look]:
        try:
            pixels = read_photo(path).pixels
        except PersonaError as error:
            raise SourceError(error.message, hint=error.hint) from error
        if self._stills is None:
            self._stills = Landmarker(self._model)
        found: list[Detection] = []
        # To a landmarker that saw nobody each picture is the first one; seen again, the face is cut out by itself.
        for picture in (np.full_like(pixels, 128), pixels, pixels, pixels):
            self._shown += 1
            found = self._stills(picture, self._shown * _STILL_NS)
        yield Look(pixels, tuple(found), tuple(self._name({}, each) for each in range(len(found))))

    def _name(self, names: dict[int, int], known: int) -> int:
        if known not in names:
            self._tracks += 1
            names[known] = self._tracks
        return names[known]


def open_video(path: Path) -> FileSource:
    """A video, read as fast as it can be.

    Raises:
        SourceError: as `FileSource`, and for a list of other files under a video's name.

    """
    check_file(path)
    with path.open("rb") as file:
        head = file.read(16).lstrip()
    if head.startswith(_PLAYLISTS):
        raise SourceError(f"{path.name!r} is a list of other files, not a video.", hint="Name the videos themselves.")
    return FileSource(path, pace=False, loop=False, clock=MonotonicClock())


def count_frames(recordings: Recordings) -> int | None:
    """How many frames the recordings say they have; None where one does not say, or cannot be opened."""
    total = 0
    for path in recordings.paths:
        if path.suffix.lower() in PICTURE_SUFFIXES:
            total += 1
            continue
        try:
            source = open_video(path)
        except SourceError:
            return None
        count = source.info.frame_count
        source.close()
        if count is None:
            return None
        total += count
    return total


def _tiny(pixels: Pixels) -> Floats:
    small = cv2.resize(pixels, _TINY, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.float32)
