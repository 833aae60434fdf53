"""SHA-256 of the manifest of each shipped persona. Written by `python -m mien.engines.personas.ship`; do not edit."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

SHIPPED_DIGESTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "amara": "434190c0f6e308d638f575cb5c8f28c65c3b91e6fe5233c24f26d06e1c86cdf1",
        "linh": "6f48bd62ef2330efdeec63f47da850578a1e03be67688145e1a80b31917345e6",
        "mateo": "5bf977f2703047ebdeec826b04ae3a52d2d569517aa94a4d2a0994ff5b01926d",
        "opal": "53b46c0320484a7f9907614a38e3e3ef8a94fa17b4775ba52fe9ab70b95a5663",
        "viggo": "269871f3a5d9dfb5a6ec36b800601110467db1405dbf01c7763dc31900d989e3",
    }
)
