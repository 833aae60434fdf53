"""The mark: nothing leaves without one, by type.

`MarkedFrame` cannot be made outside this module, and every sink takes nothing else. Python hides nothing from code
that means to break in (`object.__new__`, ctypes), so this guards against mistakes, not against a patched program:
no constructor, copy, pickle, subclass or `dataclasses.replace` gives an unmarked `MarkedFrame`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import InitVar, dataclass
from typing import Final, Literal, Never, Self, final

import numpy as np
from numpy.typing import NDArray

from mien.realtime.badge import Badge, Box, Corner, Stamp
from mien.realtime.clock import NS_PER_S
from mien.realtime.config import BadgeSettings
from mien.realtime.errors import MienError
from mien.realtime.frame import MAX_SIDE_PX, MIN_SIDE_PX, Alpha, FrameError, Kind, Pixels, check_alpha, check_pixels
from mien.realtime.picture import HostPicture, Picture
from mien.realtime.watermark.embed import Embedder
from mien.realtime.watermark.session import MarkSession


class MarkError(MienError, TypeError):
    """Somebody tried to make or change a `MarkedFrame` without the marker, or to mark what must not be marked so."""


#: How long one `ShowMe` lasts, seconds. Whoever holds the button renews it; a page that died does not.
SHOW_ME_S: Final = 1.0

_KEY: Final = object()
_ONLY_MARKER: Final = "a MarkedFrame is made by mien.realtime.mark.Marker alone, so that none leaves unmarked."


@final
@dataclass(frozen=True, slots=True, eq=False)
class MarkedFrame:
    """A picture that may leave, with its mark in its pixels. Made by `Marker` alone.

    Attributes:
        pixels: (H, W, 3) uint8 BGR, read-only; NumPy refuses to make it writeable again.
        kind: "persona", "slate" or "camera" (the last only while "show me" is held).
        sequence: of the captured frame this one answers to; repeats while a frame is held.
        capture_ns: `Clock.now_ns` when that frame was captured, before decoding.
        media_ns: its place on the source's time line, ns.
        held: whether this is an earlier persona picture, shown again because there was no new one.
        alpha: (H, W) uint8, read-only, of a picture that is transparent in parts: 0 nothing, 255 all of the pixel, as
            where the badge lies. None where all is there.

    """

    pixels: Pixels
    kind: Kind
    sequence: int
    capture_ns: int
    media_ns: int
    held: bool
    # Not a field: what a frame does not keep, `dataclasses.replace` and a look at an existing frame cannot give away.
    key: InitVar[object]
    alpha: Alpha | None = None

    def __post_init__(self, key: object) -> None:
        if key is not _KEY:
            raise MarkError(_ONLY_MARKER)
        check_pixels(self.pixels)
        object.__setattr__(self, "pixels", _sealed(self.pixels))
        if self.alpha is not None:
            check_alpha(self.alpha, self.pixels)
            object.__setattr__(self, "alpha", _sealed(self.alpha))

    def __init_subclass__(cls) -> None:
        raise MarkError(_ONLY_MARKER)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce_ex__(self, protocol: object) -> Never:
        raise MarkError("a MarkedFrame is not pickled: " + _ONLY_MARKER)

    def __setstate__(self, state: object) -> Never:
        raise MarkError(_ONLY_MARKER)

    def __repr__(self) -> str:
        height, width = self.pixels.shape[:2]
        return f"MarkedFrame({self.kind}, #{self.sequence}, {width}x{height}{', held' if self.held else ''})"


@dataclass(frozen=True, slots=True)
class ShowMe:
    """Permission to show the camera, for a moment. Made only where the user's hold of "show me" arrives.

    Attributes:
        until_ns: `Clock.now_ns` after which it is void.

    """

    until_ns: int

    @classmethod
    def held(cls, now_ns: int) -> ShowMe:
        """The button is down at `now_ns`; renew at least every `SHOW_ME_S` while it stays down."""
        return cls(now_ns + round(SHOW_ME_S * NS_PER_S))

    def valid(self, now_ns: int) -> bool:
        """Whether the camera may be shown at `now_ns`."""
        return now_ns < self.until_ns


class Marker:
    """Puts the mark on a stream of frames of one size and lets them go: the badge, and then the watermark.

    Called by the compositor, on one thread, once for each frame that leaves, after everything else was drawn. The
    `mark_...` methods draw into the caller's buffer, without a copy, and seal it: the caller gives it up.
    `now_ns` drives the badge (size, corner, plate): capture times live, media times offline; they do not decrease.
    """

    def __init__(
        self, width: int, height: int, badge: BadgeSettings | None = None, *, session: MarkSession | None = None
    ) -> None:
        """Rasterise badge and watermark for frames of `width` x `height` px (16 to 8192 each).

        Args:
            width: px of every frame.
            height: px of every frame.
            badge: how the badge looks.
            session: what the watermark says of this run; drawn anew if it is not given.

        Raises `ConfigError` for a badge language or plate that is not offered, `FrameError` for a size out of range,
        `MarkError` for a session that is none.

        """
        if not (MIN_SIDE_PX <= width <= MAX_SIDE_PX and MIN_SIDE_PX <= height <= MAX_SIDE_PX):
            raise FrameError(f"a frame has {MIN_SIDE_PX} to {MAX_SIDE_PX} px a side, got {width}x{height}.")
        self._size = (height, width, 3)
        self._settings = badge if badge is not None else BadgeSettings()
        self._badge = Badge(width, height, self._settings)
        self._next_badge: Badge | None = None
        if not isinstance(session, MarkSession | None):
            raise MarkError(f"a marker takes a MarkSession, got {type(session).__name__}.")
        self._session = MarkSession() if session is None else session
        self._watermark = Embedder(self._session.payload("persona"), width, height)
        self._corners: frozenset[Corner] = frozenset()
        #: What the slate below was made of.
        self._slate_of: tuple[Pixels, frozenset[Corner]] | None = None
        self._slate: Pixels | None = None

    @property
    def session(self) -> MarkSession:
        """What the watermarks of these frames have in common."""
        return self._session

    @property
    def badge(self) -> BadgeSettings:
        """How the badge is set now."""
        return self._settings

    def announce(self) -> None:
        """The persona changed: show the badge large again, from the next frame."""
        self._badge.announce()

    def set_badge(self, badge: BadgeSettings) -> None:
        """Draw the badge in another corner or on another plate from the next frame on, large again at first.

        From any thread. Raises `ConfigError`, and changes nothing, for a language or plate that is not offered.
        """
        self._next_badge = Badge(self._size[1], self._size[0], badge)
        self._settings = badge

    def keep_to(self, corners: Collection[Corner]) -> None:
        """Name the corners that can be seen, where whoever takes the frames crops them; none: all. Any thread.

        The badge is in one of them from the next frame on; faces are left free as far as that goes.
        """
        self._corners = frozenset(corners)

    def mark_persona(
        self,
        picture: Pixels | Picture,
        *,
        label: Literal["modified", "generated"],
        sequence: int,
        capture_ns: int,
        media_ns: int,
        now_ns: int,
        keep_clear: Sequence[Box] = (),
    ) -> MarkedFrame:
        """Mark a frame that carries a persona, also one that is half faded from a slate.

        Args:
            picture: (H, W, 3) uint8 BGR of the marker's size, writeable, drawn into and then read-only; or a picture
                that lies elsewhere, which is finished. What it gives back must carry the mark.
            label: "generated" where the whole frame is synthetic, else "modified".
            sequence: of the captured frame.
            capture_ns: of the captured frame.
            media_ns: of the captured frame.
            now_ns: time for the badge.
            keep_clear: (x0, y0, x1, y1) px of faces that the badge should not cover.

        Raises:
            MarkError: the buffer is read-only, so somebody else owns it, or it was marked before; or the picture
                came back without its mark.
            FrameError: wrong shape, type or size.

        """
        if isinstance(picture, np.ndarray):
            self._check(picture)
            picture = HostPicture(picture)
        self._check_size(*picture.size)
        self._take_badge()
        stamp = self._badge.stamp(
            label, keep_clear=keep_clear, now_ns=now_ns, lightness=picture.lightness, corners=self._corners
        )
        picture.lay(*stamp)
        # Last, so that nothing lies over it: it covers the badge's pixels too.
        picture.watermark(self._watermark)
        pixels = picture.finish()
        self._check(pixels)
        self._witness(pixels, stamp)
        alpha = picture.alpha
        if alpha is not None:
            _show_plate(alpha, stamp)
        return MarkedFrame(pixels, "persona", sequence, capture_ns, media_ns, held=False, key=_KEY, alpha=alpha)

    def repeat(self, marked: MarkedFrame, *, sequence: int, capture_ns: int, media_ns: int) -> MarkedFrame:
        """Show a marked persona frame again, for a captured frame that has no picture of its own; no copy.

        Raises `MarkError` for a slate (see `mark_slate`) and for a camera frame, which must not outlive its hold.
        """
        if marked.kind != "persona":
            raise MarkError(f"only a persona frame is held, not a {marked.kind} frame.")
        return MarkedFrame(
            marked.pixels, "persona", sequence, capture_ns, media_ns, held=True, key=_KEY, alpha=marked.alpha
        )

    def mark_slate(self, pixels: Pixels, *, sequence: int, capture_ns: int, media_ns: int, now_ns: int) -> MarkedFrame:
        """Mark a slate: the plate says that the show is paused, and nothing of AI, since a slate is not synthetic.

        Args:
            pixels: (H, W, 3) uint8 BGR of the marker's size; copied, marked once, and shown as long as the same
                array comes. It must not change meanwhile: `Slate.picture` gives a read-only one.
            sequence: of the captured frame.
            capture_ns: of the captured frame.
            media_ns: of the captured frame.
            now_ns: time for the badge.

        """
        self._take_badge()
        corners = self._corners
        known = self._slate_of is not None and self._slate_of[0] is pixels and self._slate_of[1] == corners
        if self._slate is None or not known:
            self._check(pixels, writeable=False)
            marked = pixels.copy()
            self._badge.draw(marked, "slate", keep_clear=(), now_ns=now_ns, corners=corners)
            height, width = marked.shape[:2]
            # Made and dropped: one picture needs it, and its planes are as large as two frames.
            Embedder(self._session.payload("slate"), width, height)(marked)
            self._slate_of, self._slate = (pixels, corners), _sealed(marked)
        return MarkedFrame(self._slate, "slate", sequence, capture_ns, media_ns, held=False, key=_KEY)

    def mark_camera(
        self, pixels: Pixels, permit: ShowMe, *, sequence: int, capture_ns: int, media_ns: int, now_ns: int
    ) -> MarkedFrame:
        """Mark an unprocessed camera frame as CAMERA, while the user holds "show me".

        It is never called synthetic, so it has no watermark.

        Args:
            pixels: (H, W, 3) uint8 BGR of the marker's size, writeable; drawn into, then read-only.
            permit: what the user's hold gave; `now_ns` must lie before its end.
            sequence: of the captured frame.
            capture_ns: of the captured frame.
            media_ns: of the captured frame.
            now_ns: `Clock.now_ns`.

        Raises:
            MarkError: without a valid permit, or for a buffer that is read-only.

        """
        if not isinstance(permit, ShowMe) or not permit.valid(now_ns):
            raise MarkError(
                "the camera is shown only while 'show me' is held.",
                hint="Show a persona frame or the slate instead.",
            )
        self._check(pixels)
        self._take_badge()
        self._badge.draw(pixels, "camera", keep_clear=(), now_ns=now_ns, corners=self._corners)
        return MarkedFrame(pixels, "camera", sequence, capture_ns, media_ns, held=False, key=_KEY)

    def _take_badge(self) -> None:
        """Between two frames, on the thread that draws: a badge that is half old and half new is none."""
        badge, self._next_badge = self._next_badge, None
        if badge is not None:
            self._badge = badge
            self._slate_of = self._slate = None

    def _check_size(self, height: int, width: int) -> None:
        if (height, width) != self._size[:2]:
            raise FrameError(f"this marker takes frames of {self._size[1]}x{self._size[0]} px, got {width}x{height}.")

    def _witness(self, pixels: Pixels, stamp: Stamp) -> None:
        """See that badge and watermark are in the pixels: where the badge hides most, both are known to the level.

        A kernel that did not run, or another frame's buffer, must not leave. About 0.05 ms.
        """
        raster, x, y = stamp
        width, height = raster.size
        rows, columns = raster.witnesses
        pattern = self._watermark.pattern[y : y + height, x : x + width][rows, columns, None]
        least, most = (np.clip(bound + pattern, 0, 255) for bound in raster.bounds)
        found = pixels[y : y + height, x : x + width][rows, columns]
        if ((found < least) | (found > most)).any():
            raise MarkError("the picture came back without its mark.", hint="A frame without one does not leave.")

    def _check(self, pixels: Pixels, *, writeable: bool = True) -> None:
        check_pixels(pixels)
        self._check_size(*pixels.shape[:2])
        if writeable and not pixels.flags.writeable:
            raise MarkError(
                "the pixels to mark are read-only: they belong to somebody else or were marked before.",
                hint="Pass a copy.",
            )


def _show_plate(alpha: Alpha, stamp: Stamp) -> None:
    """Leave nothing of the badge transparent."""
    raster, x, y = stamp
    width, height = raster.size
    under = alpha[y : y + height, x : x + width]
    under[raster.keep[..., 0] < 256] = 255


def _sealed(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same memory as an array that NumPy never makes writeable again.

    An array that owns its memory may set `flags.writeable` back; one over a read-only buffer may not.
    """
    pixels.flags.writeable = False
    return np.asarray(pixels.data.toreadonly())
