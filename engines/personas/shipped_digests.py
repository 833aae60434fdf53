"""SHA-256 of the manifest of each shipped persona. Written by `python -m mien.engines.personas.ship`; do not edit."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

SHIPPED_DIGESTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "amara": "91c8272537e4a8512281d357ca66ec092a1841d17b597df492f26217ff80eb75",
        "viggo": "1f45856748de9ba418f0cff7b3117217bd010a0fa7d01dd1db8895bace7eef05",
    }
)
