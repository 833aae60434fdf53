"""SHA-256 of the manifest of each shipped persona. Written by `python -m mien.engines.personas.ship`; do not edit."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

SHIPPED_DIGESTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "amara": "383c7c01a890d9b816c541570057653e07ecff070885164d18e70a4bbd46dda7",
        "viggo": "1567fbdd6504146ce7c9b9f75df152bea2775f5144423019f95309705240e0d5",
    }
)
