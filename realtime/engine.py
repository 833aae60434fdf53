"""The seam between the live path and whatever makes a persona's face."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from mien.realtime.face import Face
from mien.realtime.frame import Crop, Patch
from mien.realtime.template import LandmarkTemplate


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """What an engine wants and gives.

    Attributes:
        name: kind of engine and its size, for the console and reports ("mesh", "mesh-half", "swapnet-small").
        runtime: what runs it ("opencv", "openvino", "torch").
        device: where it runs ("cpu", "cuda:0").
        edits: whether an edit of the expression reaches its picture.
        morph: of an engine that can be anywhere between the driver, 0, and the persona, 1: where it is if nobody says.
            None for one that cannot.
        precision: number format of its arithmetic ("uint8" pixels with float32 geometry, "float32", "bfloat16").
        reason: one sentence: why this one runs, for the console and every report.
        size_px: side of the square crop it wants, or None for a window of the frame at the frame's own resolution.
        margin: the crop's side relative to the face: of a window, to the box of the 468 skin landmarks; of a square
            crop, to the height of the canonical face fitted to the head (`aligner.head_square`).
        coverage: "face" for a patch over the driver's face, "frame" for a patch of the whole frame (portrait mode).
        label: what the badge must say: "modified" where the driver's picture remains, "generated" where the whole
            frame is synthetic.
        template: where a square crop wants to have which landmarks, for a network that was trained on such crops; None
            for a square that is tied to the head (`aligner.head_square`).
        max_side_px: for `size_px` None, the greatest window that the engine works on; a larger face is scaled down.

    """

    name: str
    runtime: str
    device: str
    reason: str
    size_px: int | None = None
    margin: float = 1.4
    coverage: Literal["face", "frame"] = "face"
    label: Literal["modified", "generated"] = "modified"
    max_side_px: int = 1024
    precision: str = "uint8"
    edits: bool = False
    morph: float | None = None
    template: LandmarkTemplate | None = None


class Engine(Protocol):
    """Turns one aligned face into the persona's.

    Called by the compositor, on its one thread, once for each swapped face of a frame. No clock, no input or output,
    so it can run elsewhere; what it remembers of earlier frames, by `track_id`, may steady a picture and no more.
    Raises `EngineError` (never returns None); the compositor then shows the last persona frame, not the camera.
    """

    @property
    def spec(self) -> EngineSpec:
        """Constant for the engine's life."""

    def __call__(self, face: Face, crop: Crop) -> Patch:
        """Give the patch for `face`, whose landmarks are in frame pixels; `crop.alignment` takes them to the crop."""

    def close(self) -> None:
        """Free what was allocated; idempotent; the engine is not called after."""
