"""Names that last: which detection of this frame is which face of the frames before."""

from __future__ import annotations

from mien.realtime.tracker.detection import Detection


class IdentityKeeper:
    """First version: by nearest centre."""

    def __init__(self) -> None:
        self._next = 1
        self._tracks: dict[int, tuple[float, float, float]] = {}

    def __call__(self, detections: list[Detection], media_ns: int) -> list[int]:
        """Ids in the order of the detections."""
        ids = []
        left = dict(self._tracks)
        for found in detections:
            x0, y0, x1, y1 = found.box
            x, y, w = (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0
            near = sorted(((t[0] - x) ** 2 + (t[1] - y) ** 2, k) for k, t in left.items())
            if near and near[0][0] < w * w:
                chosen = near[0][1]
                del left[chosen]
            else:
                chosen, self._next = self._next, self._next + 1
            self._tracks[chosen] = (x, y, w)
            ids.append(chosen)
        return ids
