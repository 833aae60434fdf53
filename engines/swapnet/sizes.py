"""The sizes that a persona's decoder comes in; apart from the network, as what plays it needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mien.realtime.errors import ConfigError

#: Side of a decoder's first map, px.
FIRST_PX: Final = 8


@dataclass(frozen=True, slots=True)
class Size:
    """How large a decoder is.

    Attributes:
        size_px: side of the patch: 8 px doubled by each stage, and once more at the end.
        channels: of the first map and of each stage.
        texture_px: side of the persona's texture.

    """

    size_px: int
    channels: tuple[int, ...]
    texture_px: int

    def __post_init__(self) -> None:
        if self.size_px != FIRST_PX * 2 ** len(self.channels):
            raise ConfigError(f"{len(self.channels)} stages give {FIRST_PX * 2 ** len(self.channels)} px.")


#: "tiny" is for trying things out.
SIZES: Final[dict[str, Size]] = {
    "tiny": Size(64, (16, 48, 32), 128),
    "small": Size(128, (32, 112, 72, 48), 256),
    "base": Size(256, (40, 152, 104, 64, 32), 512),
    "large": Size(512, (64, 256, 192, 128, 64, 24), 1024),
}


def size_named(name: str) -> Size:
    """One of `SIZES`.

    Raises:
        ConfigError: there is none of that name.

    """
    if name not in SIZES:
        raise ConfigError(f"There is no size {name!r}; there are {', '.join(SIZES)}.")
    return SIZES[name]
