"""What is remembered of each face by its track id, within bounds."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Generic, TypeVar

Kept = TypeVar("Kept")

#: Faces that are remembered although they are not in the picture: a stream of days sees many passers-by.
MOST_REMEMBERED = 8


class PerTrack(Generic[Kept]):
    """One value for each face.

    Args:
        make: gives a new face's.
        free: told of each that is forgotten.

    """

    def __init__(self, make: Callable[[], Kept], free: Callable[[Kept], object] = lambda _value: None) -> None:
        self._make, self._free = make, free
        self._known: dict[int, Kept] = {}

    def of(self, track_id: int) -> Kept:
        """The value of this face."""
        if track_id not in self._known:
            self._known[track_id] = self._make()
        return self._known[track_id]

    def forget_all_but(self, track_ids: Collection[int]) -> None:
        """Forget the oldest of the others, until few enough are left."""
        for track_id in [known for known in self._known if known not in track_ids]:
            if len(self._known) > MOST_REMEMBERED:
                self._free(self._known.pop(track_id))

    def clear(self) -> None:
        """Forget all."""
        while self._known:
            self._free(self._known.popitem()[1])
