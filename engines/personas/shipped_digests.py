"""SHA-256 of the manifest of each shipped persona. Written by `python -m mien.engines.personas.ship`; do not edit."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

SHIPPED_DIGESTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "amara": "493bf6b5cbeebecbef9dfe40a8f12db36423424c94895addbd3e9b18af371194",
        "linh": "6f48bd62ef2330efdeec63f47da850578a1e03be67688145e1a80b31917345e6",
        "mateo": "ea41f23f54246f2d966e6f7cd7802381e7fe34fd74bf2c17d1f6054142af1ab4",
        "opal": "53b46c0320484a7f9907614a38e3e3ef8a94fa17b4775ba52fe9ab70b95a5663",
        "viggo": "269871f3a5d9dfb5a6ec36b800601110467db1405dbf01c7763dc31900d989e3",
    }
)
