"""One frame on a GPU, from upload to download; made by `mien.engines.cuda.painter.CudaPainter`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mien.engines.cuda.engine import DeviceEngine, DevicePatch
from mien.engines.cuda.kernels import COLOUR_MAP, STATISTICS
from mien.engines.cuda.laps import Laps
from mien.engines.cuda.marks import Patterned, Plated
from mien.engines.cuda.memory import PinnedPictures
from mien.engines.cuda.steps import Steps, affine
from mien.realtime.affine import cut_first, inverted, shrunk, spot
from mien.realtime.blend_terms import (
    COVER_FEATHER,
    SAMPLE_STEP_PX,
    TIME_CONSTANT_S,
    CoverArea,
    cover_area,
    face_px,
    sample_step,
    scale_of,
)
from mien.realtime.engine import Engine
from mien.realtime.errors import EngineError
from mien.realtime.face import Face
from mien.realtime.frame import Alignment, Frame, Pixels
from mien.realtime.painter import Boxes, Retouch, check_painted, check_patch, least_painted_px

if TYPE_CHECKING:
    from mien.engines.cuda.painter import CudaPainter


class CudaPainting:
    """`mien.realtime.painter.Painting` whose pixels lie on a device. Its stages are timed there, by events."""

    def __init__(self, painter: CudaPainter, frame: Frame, pictures: PinnedPictures, laps: Laps) -> None:
        self._painter, self._frame, self._laps = painter, frame, laps
        self._device, self._run = painter.hardware, painter.run
        self._steps = Steps(painter.run, painter.scratch)
        self._pictures = pictures
        self._picture = painter.picture
        self._painted: list[tuple[int, float]] = []
        self._engines: list[DeviceEngine] = []
        self._pitch = frame.width * 3
        self._captured = painter.uploads.take(frame)
        self._device.copy(self._picture, self._captured, frame.pixels.nbytes)
        laps.end("upload")

    @property
    def size(self) -> tuple[int, int]:
        """See `Picture`."""
        return self._frame.height, self._frame.width

    @property
    def alpha(self) -> None:
        """See `Picture`: all of it is there, for nothing is retouched here."""
        return

    # -- painting

    def cover(self, boxes: Boxes) -> None:
        """See `Painting`."""
        for box in boxes:
            area = cover_area(box, *self.size)
            if area is not None:
                self._cover(area)
        if boxes:
            self._laps.end("cover")

    def _cover(self, area: CoverArea) -> None:
        width, height, (columns, rows) = area.right - area.left, area.bottom - area.top, area.grid
        mosaic = self._painter.scratch.take(columns * rows * 3)
        first = self._picture + area.top * self._pitch + area.left * 3
        self._run(
            "area_means", source=first, pitch=self._pitch, source_width=width, source_height=height, out=mosaic,
            out_pitch=columns * 3, width=columns, height=rows, channels=3,
        )  # fmt: skip
        self._run(
            "cover", **self._region(area.left, area.top, width, height), mosaic=mosaic, columns=columns, rows=rows,
            blur_px=area.blur_px, centre_x=area.centre[0], centre_y=area.centre[1], half_x=area.half[0],
            half_y=area.half[1], feather=COVER_FEATHER,
        )  # fmt: skip

    def swap(self, face: Face, alignment: Alignment, engine: Engine, *, strength: float) -> None:
        """See `Painting`."""
        if (here := self._painter.on_device(engine)) is not None:
            self._crop(alignment, here.crop_address)
            self._laps.end("crop")
            patch = here.paint(face, alignment, self._device.stream)
            self._engines.append(here)
        else:
            patch = self._asked(face, alignment, engine)
        self._laps.end("engine")
        occluded = 0
        if engine.spec.coverage == "face":
            self._count_painted(face, patch, alignment)
            occluded = self._occluded(face, alignment)
            self._laps.end("occlude")
        self._blend(face, patch, alignment, occluded, strength)
        self._laps.end("blend")

    def _asked(self, face: Face, alignment: Alignment, engine: Engine) -> DevicePatch:
        """The patch of an engine that works in this computer's memory, uploaded."""
        # Imported here: OpenCV is not on every GPU host, and such an engine is not either.
        from mien.realtime.aligner import crop

        patch = engine(face, crop(self._frame.pixels, alignment))
        check_patch(engine.spec.name, patch.pixels.shape, alignment)
        lit = 0 if patch.lit is None else self._put(patch.lit)
        return DevicePatch(self._put(patch.pixels), self._put(patch.mask), lit, patch.colour)

    def _crop(self, alignment: Alignment, out: int) -> None:
        """As `mien.realtime.aligner.crop`, of the captured frame."""
        source, size, matrix = self._captured, self.size, alignment.matrix.astype(np.float64)
        pitch = self._pitch
        (x, y, part_width, part_height), factor, averaged = cut_first(
            alignment.matrix, (alignment.height, alignment.width), size
        )
        if factor > 1:
            matrix = averaged
            source, pitch, size = self._steps.shrink(
                source + y * pitch + x * 3, pitch, (part_height, part_width),
                (part_height // factor, part_width // factor), 3,
            )  # fmt: skip
        self._run(
            "crop_bgr_u8", source=source, pitch=pitch, source_width=size[1], source_height=size[0], out=out,
            out_pitch=alignment.width * 3, width=alignment.width, height=alignment.height, **affine(inverted(matrix)),
        )  # fmt: skip

    def _count_painted(self, face: Face, patch: DevicePatch, alignment: Alignment) -> None:
        least_px = least_painted_px(face, alignment, self._frame)
        area = self._painter.scratch.take(4)
        self._run(
            "painted_area", mask=patch.mask, pitch=alignment.width, width=alignment.width, height=alignment.height,
            **affine(inverted(alignment.matrix)), frame_width=self._frame.width, frame_height=self._frame.height,
            area=area,
        )  # fmt: skip
        self._painted.append((area, least_px))

    def _occluded(self, face: Face, alignment: Alignment) -> int:
        occluders = self._painter.occluders
        if occluders is None:
            return 0
        from mien.realtime.aligner import crop

        seen = crop(self._frame.pixels, alignment).pixels
        mask = occluders.of(face.track_id).update_and_mask(seen, face, alignment, self._frame.media_ns)
        return 0 if mask is None else self._put(mask)

    def _blend(self, face: Face, patch: DevicePatch, alignment: Alignment, occluded: int, strength: float) -> None:
        """As `mien.realtime.blend.blend`."""
        width, height = alignment.width, alignment.height
        mask = self._steps.feathered(patch.mask, (height, width), face_px(face, alignment))
        if occluded:
            self._steps.multiply(mask, occluded, mask, (height, width), inverted=1)
        colour = lit = 0
        if patch.colour:
            colour = self._matched(face.track_id, patch, mask, alignment, strength)
            if patch.lit:
                lit = self._painter.scratch.take(width * height)
                self._steps.multiply(mask, patch.lit, lit, (height, width), inverted=0)
        self._paste(patch.pixels, mask, lit, colour, alignment)

    def _matched(self, track_id: int, patch: DevicePatch, mask: int, alignment: Alignment, strength: float) -> int:
        """As `mien.realtime.colour.ColourMatcher`; the address of the map."""
        width, height = alignment.width, alignment.height
        step = sample_step(height, width)
        statistics, colour = (self._painter.scratch.take(4 * count) for count in (STATISTICS, COLOUR_MAP))
        state = self._painter.colours.of(track_id)
        samples = {
            "patch": patch.pixels, "patch_pitch": width * 3, "mask": mask, "mask_pitch": width, "width": width,
            "height": height, "step": step,
        }  # fmt: skip
        # From a sample's column and row to the frame.
        back = inverted(alignment.matrix)
        back[:, :2] *= step
        self._run(
            "lab_statistics", source=self._picture, pitch=self._pitch, source_width=self._frame.width,
            source_height=self._frame.height, **samples, **affine(back), statistics=statistics,
        )  # fmt: skip
        self._run(
            "colour_fit", **samples, statistics=statistics, state=state, state_ns=state + 64,
            media_ns=self._frame.media_ns, strength=strength, time_constant_s=TIME_CONSTANT_S, colour=colour,
        )  # fmt: skip
        return colour

    def _paste(self, pixels: int, mask: int, lit: int, colour: int, alignment: Alignment) -> None:
        """As `mien.realtime.blend.paste`."""
        size, matrix = (alignment.height, alignment.width), alignment.matrix.astype(np.float64)
        scale = scale_of(matrix)
        if scale > 2:
            factor = int(scale)
            few = (max(1, size[0] // factor), max(1, size[1] // factor))
            matrix = shrunk(matrix, (few[1] / size[1], few[0] / size[0]))
            pixels = self._steps.shrink(pixels, size[1] * 3, size, few, 3)[0]
            mask = self._steps.shrink(mask, size[1], size, few, 1)[0]
            lit = self._steps.shrink(lit, size[1], size, few, 1)[0] if lit else 0
            size = few
        region = spot(matrix, size, self.size)
        if region is None:
            return
        moved = matrix.copy()
        moved[:, 2] += matrix[:, :2] @ region[:2]
        self._run(
            "paste", **self._region(*region), patch=pixels, patch_pitch=size[1] * 3, mask=mask, mask_pitch=size[1],
            lit=lit, lit_pitch=size[1], patch_width=size[1], patch_height=size[0], **affine(moved), colour=colour,
        )  # fmt: skip

    def retouch(self, work: Retouch) -> None:
        """See `Painting`; `LiveConfig` refuses a background on a GPU at the door."""
        raise EngineError("pictures on a GPU are not retouched.", hint="Use `--device auto`, or keep the background.")

    def fade(self, slate: Pixels, share: float) -> None:
        """See `Painting`."""
        self._run(
            "fade", picture=self._picture, pitch=self._pitch, other=self._painter.kept.address(slate),
            other_pitch=self._pitch, width=self._frame.width, height=self._frame.height, share=share,
        )  # fmt: skip
        self._laps.end("fade")

    # -- marking

    def lightness(self, x0: int, y0: int, x1: int, y1: int) -> float:
        """See `Picture`."""
        mean = self._painter.scratch.take(4)
        self._run(
            "region_mean", picture=self._picture + y0 * self._pitch + x0 * 3, pitch=self._pitch, width=x1 - x0,
            height=y1 - y0, step=SAMPLE_STEP_PX, mean=mean,
        )  # fmt: skip
        found = np.empty(1, np.float32)
        self._device.download(found, mean)
        self._device.synchronize()
        return float(found[0])

    def lay(self, raster: Plated, x: int, y: int) -> None:
        """See `Picture`."""
        width, height = raster.size
        kept = self._painter.kept
        self._run(
            "sprite", **self._region(x, y, width, height), colour=kept.address(raster.colour),
            keep=kept.address(raster.keep),
        )  # fmt: skip

    def watermark(self, mark: Patterned) -> None:
        """See `Picture`."""
        self._run(
            "watermark", picture=self._picture, pitch=self._pitch, pattern=self._painter.kept.address(mark.pattern),
            width=self._frame.width, height=self._frame.height,
        )  # fmt: skip
        self._laps.end("badge")

    def finish(self) -> Pixels:
        """See `Picture`. Raises `EngineError` for a patch that would have left a face bare."""
        out = self._pictures.take()
        areas = np.empty(len(self._painted), np.int32)
        self._device.download(out, self._picture)
        for index, (address, _) in enumerate(self._painted):
            self._device.download(areas[index : index + 1], address)
        self._laps.end("download")
        self._device.synchronize()
        self._painter.ended()
        self._laps.tell()
        for engine in self._engines:
            engine.check()
        for area, (_, least_px) in zip(areas, self._painted, strict=True):
            check_painted(float(area), least_px)
        return out

    # -- helpers

    def _put(self, values: NDArray[Any]) -> int:
        return self._painter.scratch.put(values)

    def _region(self, x: int, y: int, width: int, height: int) -> dict[str, int]:
        """The picture and a region of it, as the kernels take them."""
        return {
            "picture": self._picture, "pitch": self._pitch, "frame_width": self._frame.width,
            "frame_height": self._frame.height, "x": x, "y": y, "width": width, "height": height,
        }  # fmt: skip
