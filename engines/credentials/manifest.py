"""The manifest (C2PA) of a file: made with AI, by which software, of what kind of persona, and nothing of its user.

What is written into a file, everybody who gets the file can read and compare with other files. So:

- A persona that ships with Mien is named, with the digest of its pack: thousands of people show the same one.
- Any other persona may be known to belong to one streamer, and its name may be a person's. Of it only the kind is
  written, and commitments to its pack and to its consent: SHA-256 over a salt, new for each manifest, and the digest.
  Whoever holds the pack (the person who consented, above all) can check that a recording shows it; whoever only holds
  two recordings cannot tell whether they show the same one. A digest has 256 bits, so none can be guessed.
- No title, no time, no user, no host, no path, no picture. Labels and identifiers are random.

Source: C2PA Technical Specification 2.2 (`c2pa.actions.v2`); CAWG Training and Data Mining 1.1; IPTC NewsCodes,
"Digital Source Type".
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from mien.engines.personas.shipped_digests import SHIPPED_DIGESTS
from mien.realtime.errors import ConfigError

if TYPE_CHECKING:
    from mien.engines.personas.pack import Persona

#: The name of the software in a claim.
GENERATOR = "Mien"
#: Label of the assertion that says what is shown.
PERSONA_LABEL = "org.mien.persona"
#: Personas that one manifest lists; a session may change them many times.
MAX_PERSONAS = 16

#: A camera's picture with a generated face; a frame that is generated as a whole; a drawn slate or a render of the
#: cast, which no trained network made; a camera's picture with nothing but a badge.
SourceType = Literal["compositeWithTrainedAlgorithmicMedia", "trainedAlgorithmicMedia", "algorithmicMedia", "composite"]
_SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_MINING = ("cawg.ai_generative_training", "cawg.ai_inference", "cawg.ai_training", "cawg.data_mining")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_PAYLOAD = re.compile(r"[0-9a-f]{1,64}")
_SALT_BYTES = 16


@dataclass(frozen=True, slots=True)
class ShownPersona:
    """A persona as far as a manifest needs it; see `shown_persona`.

    Attributes:
        kind: "synthetic" or "consented".
        digest: SHA-256 of the pack's manifest, 64 lower-case hex digits.
        consent: SHA-256 of its consent, or None.
        name: of a persona that ships with Mien; "" of any other.

    """

    kind: Literal["synthetic", "consented"]
    digest: str
    consent: str | None = None
    name: str = ""

    def __post_init__(self) -> None:
        for label, value in (("digest", self.digest), ("consent", self.consent)):
            if value is not None and not _DIGEST.fullmatch(value):
                raise ConfigError(f"a persona's {label} must be 64 lower-case hex digits, got {value!r}.")


@dataclass(frozen=True, slots=True)
class Description:
    """What is known of a file that is to be signed.

    Attributes:
        personas: who is shown, in the order of their first frame; empty where that is not known any more.
        source_type: IPTC's digital source type; "trainedAlgorithmicMedia" only where no camera's frame is in it.
        watermark: payload of the watermark, hexadecimal, or None.

    """

    personas: tuple[ShownPersona, ...] = ()
    source_type: SourceType = "compositeWithTrainedAlgorithmicMedia"
    watermark: str | None = None

    def __post_init__(self) -> None:
        if self.watermark is not None and not _PAYLOAD.fullmatch(self.watermark):
            raise ConfigError(f"a watermark's payload must be 1 to 64 lower-case hex digits, got {self.watermark!r}.")


def shown_persona(persona: Persona) -> ShownPersona:
    """Give what a manifest needs of a loaded pack."""
    consent = persona.manifest.consent
    ships = persona.digest in SHIPPED_DIGESTS.values()
    return ShownPersona(
        persona.kind, persona.digest, None if consent is None else consent.sha256, persona.name if ships else ""
    )


def commitment(salt: str, digest: str) -> str:
    """Give what a manifest holds in a digest's place: SHA-256 of the salt's bytes and then the digest's, hex."""
    return hashlib.sha256(bytes.fromhex(salt) + bytes.fromhex(digest)).hexdigest()


def definition(description: Description) -> dict[str, Any]:
    """Give the manifest in the form that the C2PA library takes, with a new salt for each call."""
    action = {
        "action": "c2pa.created",
        "digitalSourceType": _SOURCE_TYPES + description.source_type,
        "softwareAgent": _software(),
    }
    mining = {entry: {"use": "notAllowed"} for entry in _MINING}
    return {
        **claimed_by(),
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": [action]}, "created": True},
            {"label": PERSONA_LABEL, "data": _shown(description), "created": True},
            {"label": "cawg.training-mining", "data": {"entries": mining}},
        ],
    }


def claimed_by() -> dict[str, Any]:
    """Give the part of a manifest that says which software claims it: all of an update manifest."""
    return {"claim_generator_info": [_software()]}


@functools.cache
def _version() -> str:
    try:
        return importlib.metadata.version("mien")
    except importlib.metadata.PackageNotFoundError:
        # A checkout that is not installed.
        return "unknown"


def _software() -> dict[str, str]:
    return {"name": GENERATOR, "version": _version()}


def _shown(description: Description) -> dict[str, Any]:
    data: dict[str, Any] = {"personas": [_persona(each) for each in description.personas[:MAX_PERSONAS]]}
    if description.watermark is not None:
        data["watermark"] = description.watermark
    return data


def _persona(persona: ShownPersona) -> dict[str, str]:
    if persona.name:
        return {"kind": persona.kind, "name": persona.name, "pack": persona.digest}
    salt = secrets.token_hex(_SALT_BYTES)
    data = {"kind": persona.kind, "salt": salt, "pack_commitment": commitment(salt, persona.digest)}
    if persona.consent is not None:
        data["consent_commitment"] = commitment(salt, persona.consent)
    return data
