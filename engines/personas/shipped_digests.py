"""SHA-256 of the manifest of each shipped persona. Written by `python -m mien.engines.personas.ship`; do not edit."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

SHIPPED_DIGESTS: Final[Mapping[str, str]] = MappingProxyType({})
