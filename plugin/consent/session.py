"""A live enrolment before a camera: frames become what `mien.engines.consent.enrol` is fed with.

Pictures and embeddings live in this function's memory and are gone when it ends.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

from mien.engines.consent.enrol import NONCE_BYTES, Enrolment, Evidence, Seen
from mien.engines.consent.errors import EnrolmentError
from mien.engines.consent.replay import small_grey
from mien.engines.formats.table import format_of, is_model
from mien.engines.measure.identity import SFACE, FaceIdentity, similarity
from mien.engines.personas.manifest import sha256
from mien.engines.personas.photo import read_photo
from mien.engines.personas.renders import read_model, renders
from mien.engines.personas.still import FaceFinder, StillTracker
from mien.realtime.clock import MonotonicClock
from mien.realtime.devices import list_cameras
from mien.realtime.errors import MissingExtraError, SourceError
from mien.realtime.frame import Floats, Frame, Pixels
from mien.realtime.interrupts import held_back
from mien.realtime.source.base import Source
from mien.realtime.source.open import choose_camera, open_source
from mien.realtime.tracker.base import Tracker
from mien.realtime.tracker.mediapipe_tracker import MediaPipeTracker
from mien.realtime.tracker.model import landmarker_path

#: Three comparisons a second say as much as thirty, and leave the time to the tracker.
_COMPARE_MS: Final = 300
#: A recording that carries our mark carries it in every frame, and a search of a picture without one takes a core for
#: two seconds.
_MARK_MS: Final = 3000
#: What a search for our mark in one picture may take at the end, seconds.
_MARK_WAIT_S: Final = 30.0
_WIDTH_PX, _HEIGHT_PX, _FPS = 1280, 720, 30.0

IsMarked = Callable[[Pixels], bool]


class Embedder(Protocol):
    """Turns a face into a vector; `mien.engines.measure.identity.FaceIdentity` does."""

    def embed(self, pixels: Pixels, landmarks: Floats) -> Floats:
        """(128,) float32, a unit vector."""


def open_camera(selector: str) -> Source:
    """The subject's own camera.

    Args:
        selector: a number, a part of a name, or nothing for the first real one.

    Raises:
        EnrolmentError: it is a program's, not a device.
        SourceError: there is none, or it cannot be opened.

    """
    camera = choose_camera(selector, list_cameras())
    if camera.virtual:
        raise EnrolmentError(
            f"{camera.name!r} is a virtual camera: a program makes its pictures.",
            hint="Enrol before a camera that is plugged in or built in; `mien devices` lists them.",
        )
    return open_source(
        f"camera:{camera.index}",
        width=_WIDTH_PX,
        height=_HEIGHT_PX,
        fps=_FPS,
        pace=False,
        loop=False,
        clock=MonotonicClock(),
    )


def enrol_before_camera(
    shown: Sequence[Path], sources: Collection[str], source: str, say: Callable[[str], None]
) -> Evidence:
    """Open what an enrolment needs, and run it.

    Args:
        shown: the pictures, and models made elsewhere.
        sources: their SHA-256, as the subject has agreed to them.
        source: "camera", "camera:N" or "camera:NAME".
        say: told each prompt.

    Raises:
        EnrolmentError: it failed, or the source is no camera of the subject's.
        MissingExtraError: a part that it needs is not installed.
        PersonaError: a picture that cannot be used.
        SourceError: the camera cannot be opened, or went away.

    """
    kind, _, selector = source.partition(":")
    if kind != "camera":
        raise EnrolmentError(
            f"{source!r} is no camera; an enrolment takes no file and no stream.", hint="Use --source camera[:NUMBER]."
        )
    is_marked, identity = carries_own_mark(), FaceIdentity()
    pictures = embed_pictures(shown, sources, StillTracker(), identity)
    camera = open_camera(selector.strip())
    with held_back():
        tracker = MediaPipeTracker(landmarker_path())
    try:
        return enrol(camera, tracker, identity, pictures, is_marked=is_marked, say=say)
    finally:
        tracker.close()


def embed_pictures(
    paths: Sequence[Path], sources: Collection[str], finder: FaceFinder, identity: Embedder
) -> tuple[Floats, ...]:
    """The face of each picture, and of what each model renders, to be compared with; for memory only.

    Raises:
        ModelError: a model that is none, or renders no face.
        PersonaError: a picture or model that cannot be read.
        EnrolmentError: one that does not show exactly one face, or was exchanged after it was agreed to.

    """
    found = []
    for path in paths:
        digest, pictures = _seen_in(path)
        if digest not in sources:
            raise EnrolmentError(f"{path.name} was changed just now.", hint="Start again, with the file as it is.")
        for pixels in pictures:
            faces = finder(pixels)
            if len(faces) != 1:
                raise EnrolmentError(
                    f"{path.name} shows {len(faces)} faces; it must show one.",
                    hint="Use a picture or model of the subject alone.",
                )
            found.append(identity.embed(pixels, faces[0].landmarks))
    return tuple(found)


def _seen_in(path: Path) -> tuple[str, tuple[Pixels, ...]]:
    """SHA-256 of a picture or model, and what it shows."""
    if not is_model(path.name):
        photo = read_photo(path)
        return photo.digest, (photo.pixels,)
    data = read_model(path)
    return sha256(data), renders(format_of(path.name).read(data, path.name), path.name)


def enrol(
    source: Source,
    tracker: Tracker,
    identity: Embedder,
    pictures: Sequence[Floats],
    *,
    is_marked: IsMarked,
    say: Callable[[str], None],
    nonce: bytes | None = None,
) -> Evidence:
    """Run the enrolment to its end; the source is closed.

    Args:
        source: the camera.
        tracker: finds the faces.
        identity: compares them.
        pictures: what `embed_pictures` gave.
        is_marked: whether a picture carries Mien's own watermark.
        say: told each prompt.
        nonce: 16 bytes that decide the prompts; default: fresh ones.

    Raises:
        EnrolmentError: it failed, and why.
        SourceError: the camera went away.

    """
    enrolment = Enrolment(nonce or secrets.token_bytes(NONCE_BYTES), model=SFACE.name)
    compared_ms = -_COMPARE_MS
    try:
        with _MarkSearch(is_marked) as search:
            while (frame := source.read()) is not None:
                faces, at_ms = tracker(frame), frame.media_ns // 1_000_000
                alike = None
                if at_ms - compared_ms >= _COMPARE_MS and enrolment.wants_comparison(faces):
                    seen = identity.embed(frame.pixels, faces[0].landmarks)
                    # The least: who is in one of the pictures does not consent for who is in another.
                    alike, compared_ms = min(similarity(seen, one) for one in pictures), at_ms
                step = enrolment.add(Seen(at_ms, faces, small_grey(frame.pixels), alike, search.found(frame)))
                if step.say:
                    say(step.say)
                if step.done:
                    search.finish()
                    return enrolment.result()
    finally:
        source.close()
    raise SourceError(f"The camera ended before the enrolment did. {source.trouble}".rstrip(), hint="Start again.")


def carries_own_mark() -> IsMarked:
    """The detector of Mien's own watermark.

    Raises:
        MissingExtraError: it is not there; without it nobody is enrolled.

    """
    try:
        detector = import_module("mien.engines.verify.marked")
    except ImportError as error:
        raise MissingExtraError(
            f"Enrolling needs the detector of Mien's own mark, which cannot be loaded ({error}).",
            hint="Install Mien again: a part of it is missing.",
        ) from error
    return lambda pixels: bool(detector.detect_still(pixels).found)


class _MarkSearch:
    """Looks for our mark now and then, beside the camera: a search takes longer than a frame may."""

    def __init__(self, is_marked: IsMarked) -> None:
        self._is_marked = is_marked
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="mien-mark-search")
        self._running: Future[bool] | None = None
        self._asked_ms = -_MARK_MS
        self._found = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def found(self, frame: Frame) -> bool:
        """Whether one of the pictures so far had it; takes this one if it is time. Raises what the search raised."""
        if self._running is not None and self._running.done():
            self._found = self._found or self._running.result()
            self._running = None
        at_ms = frame.media_ns // 1_000_000
        if self._running is None and at_ms - self._asked_ms >= _MARK_MS:
            self._asked_ms = at_ms
            self._running = self._pool.submit(self._is_marked, frame.pixels)
        return self._found

    def finish(self) -> None:
        """Wait for the last search.

        Raises:
            EnrolmentError: it found the mark, or did not end.

        """
        try:
            marked = self._running is not None and self._running.result(_MARK_WAIT_S)
        except TimeoutError as error:
            raise EnrolmentError("The search for Mien's own mark did not end.", hint="Start again.") from error
        if marked or self._found:
            raise EnrolmentError("The picture carries Mien's own mark: it shows a persona, not a person.")
