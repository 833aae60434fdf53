"""The time of a frame's stages on a device."""

from __future__ import annotations

from mien.engines.cuda.device import Device


class Laps:
    """The time of each stage on the device: a mark on the stream at its end.

    Args:
        device: of the stream.
        stages_ms: gets the times, by `tell`.

    """

    def __init__(self, device: Device, stages_ms: dict[str, float]) -> None:
        self._device, self._stages_ms = device, stages_ms
        self._last = device.mark()
        self._marks: list[tuple[str, object]] = []

    def end(self, stage: str) -> None:
        """A stage ends here on the stream."""
        self._marks.append((stage, self._device.mark()))

    def tell(self) -> None:
        """Add the times to the stages; the stream is through."""
        for stage, mark in self._marks:
            self._stages_ms[stage] = self._stages_ms.get(stage, 0.0) + self._device.elapsed_ms(self._last, mark)
            self._last = mark
        self._marks.clear()
