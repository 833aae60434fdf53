"""What a file's content credentials (C2PA) say, and whether they still fit the file.

A valid signature says that the file is as its signer left it. It says nothing of who the signer is: Mien signs a
recording with a key made for that recording alone (see `mien.engines.credentials.chain`), and anybody can make a
certificate with Mien's name in it. A file without a manifest may have lost one; that is no sign of anything.

Reading is offline: a manifest that lies at an address is not fetched, and no revocation server is asked.

Source: C2PA Technical Specification 2.2, "Validation" and its status codes; IPTC NewsCodes, "Digital Source Type".
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mien.engines.credentials.anchors import NOBODY, Anchors
from mien.engines.credentials.format import HEAD_BYTES, media_type
from mien.engines.credentials.manifest import GENERATOR, PERSONA_LABEL
from mien.engines.credentials.toolkit import Watched, apart, context, toolkit
from mien.realtime.errors import SourceError

State = Literal["valid", "invalid", "none", "unsupported"]

#: Texts of a manifest are a stranger's: shown up to this many characters.
MAX_TEXT = 200
#: Assertions and problems that are listed.
MAX_LISTED = 32
#: A manifest of ours takes 4 kB; a store whose description is larger than this is not looked into, characters.
MAX_REPORT = 8 * 2**20
#: A manifest stands near the beginning of a file; so far it is looked for where the library could not read one, bytes.
_SEARCHED = 16 * 2**20

#: "algorithmicMedia" is in neither: made by a program, without a trained network.
_AI_SOURCES = frozenset({"trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia"})
_OTHER_SOURCES = frozenset({
    "computationalCapture", "digitalArt", "digitalCapture", "digitalCreation", "humanEdits",
    "minorHumanEdits", "negativeFilm", "positiveFilm", "print", "screenCapture", "virtualRecording",
})  # fmt: skip
_DATA_CHANGED = "the picture or sound data was changed after signing"
_BROKEN = "there is a manifest, and it or the file is damaged beyond checking"
#: Beginning of a failing status code: what it means.
_PROBLEMS = (
    ("assertion.bmffHash", _DATA_CHANGED),
    ("assertion.dataHash", _DATA_CHANGED),
    ("assertion.boxesHash", _DATA_CHANGED),
    ("assertion.collectionHash", _DATA_CHANGED),
    ("assertion.hashedURI", "a statement in the manifest was changed after signing"),
    ("assertion.missing", "a statement was taken out of the manifest"),
    ("claimSignature.missing", "the signature is missing"),
    ("claimSignature.outsideValidity", "the signature was made outside the certificate's time"),
    ("claimSignature", "the signature does not fit: the claim or the certificate was changed"),
    ("signingCredential.expired", "the signer's certificate has expired"),
    ("signingCredential.revoked", "the signer's certificate was revoked"),
    ("signingCredential", "the signer's certificate is not fit for signing"),
    ("timeStamp", "the time stamp does not hold"),
    ("ingredient", "the manifest of an earlier file that this one was made from does not hold"),
    ("claim", "the claim is missing or not as the standard wants it"),
    ("manifest", "the manifest is not as the standard wants it"),
    ("assertion", "a statement in the manifest is not as the standard wants it"),
)
#: Not a failure of the file: nobody but the signer vouches for its certificate.
_UNTRUSTED = "signingCredential.untrusted"
_TRUSTED = "signingCredential.trusted"


@dataclass(frozen=True, slots=True)
class Signed:
    """The content credentials of a file. Texts are the manifest's, without control characters, `MAX_TEXT` at most.

    Attributes:
        state: "valid" (as its signer left it), "invalid" (changed since, or a broken manifest), "none" (no manifest),
            "unsupported" (no kind of file that can carry one, or damaged beyond reading).
        ours: the claim names Mien as its maker. Anybody can write that.
        trusted: "own" when the signature is valid and made by one of the user's own certificates, else "unknown".
        signer: the name in the signer's certificate; "" where there is none.
        generator: program and version that made the claim.
        made_with_ai: what the source types say, of this manifest and of those it builds on; None when they say nothing.
        source_type: IPTC's digital source type, its last word ("compositeWithTrainedAlgorithmicMedia").
        watermark: payload that the watermark should have, hexadecimal; None when not stated.
        problems: what is wrong, in plain words; empty when valid.
        assertions: labels of what the manifest states.
        personas: who is shown, where stated: the name of a persona that ships with Mien, of any other its kind.

    """

    state: State
    ours: bool = False
    trusted: Literal["own", "unknown"] = "unknown"
    signer: str = ""
    generator: str = ""
    made_with_ai: bool | None = None
    source_type: str = ""
    watermark: str | None = None
    problems: tuple[str, ...] = ()
    assertions: tuple[str, ...] = ()
    personas: tuple[str, ...] = ()


def read_signed(path: Path, *, own: Anchors = NOBODY) -> Signed:
    """Read and check the content credentials of a file, whatever it holds.

    Args:
        path: any file.
        own: whose signatures are the user's own; nobody's when left out.

    Raises:
        SourceError: no file, or one that cannot be read.
        MissingExtraError: the C2PA library is not installed.

    """
    try:
        with Path(path).open("rb") as file:
            kind = media_type(file.read(HEAD_BYTES))
            if kind is None:
                return Signed("unsupported", problems=("this kind of file carries no content credentials",))
            file.seek(0)
            return apart(lambda stop: _read(Watched(file, stop), kind, own))
    except OSError as error:
        raise SourceError(f"'{path}' cannot be read: {error.strerror or error}.", hint="Check the path.") from error


def _read(file: Watched, kind: str, own: Anchors) -> Signed:
    store = _store(file, kind, own.roots)
    if isinstance(store, Signed):
        return store
    trusted = _is_trusted(store)
    if not trusted and own.issuer and _serial(store) == own.serial:
        file.seek(0)
        trusted = _is_trusted(_store(file, kind, own.issuer))
    return _interpret(store, trusted=trusted)


def _store(file: Watched, kind: str, anchor: str) -> object:
    """Give what the library tells of the manifests, as plain data, or the answer where there is nothing to tell."""
    c2pa = toolkit()
    try:
        with c2pa.Reader(kind, file, context=context(anchor=anchor)) as reader:
            text = reader.json()
    except c2pa.C2paError.ManifestNotFound:
        return Signed("none")
    except c2pa.C2paError as error:
        return _unreadable(file, error)
    if len(text) > MAX_REPORT:
        return Signed("invalid", problems=(f"the manifest is larger than {MAX_REPORT // 1024} kB",))
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return Signed("invalid", problems=(_BROKEN,))


def _unreadable(file: Watched, error: Exception) -> Signed:
    """Tell a damaged file that was signed from one that has no manifest."""
    file.seek(0)
    head = file.read(_SEARCHED)
    detail = _clean(error)
    if b"jumb" in head and b"c2pa" in head:
        return Signed("invalid", problems=(f"{_BROKEN} ({detail})",))
    return Signed("unsupported", problems=(f"the file is damaged and cannot be looked into ({detail})",))


def _interpret(store: object, *, trusted: bool) -> Signed:
    lineage = _lineage(store)
    active = lineage[0]
    generator = _mapping(next(iter(_list(active.get("claim_generator_info"))), None))
    name = _clean(generator.get("name", active.get("claim_generator", "")))
    valid = _at(store, "validation_state") in ("Valid", "Trusted")
    shown = _statement(lineage) if name == GENERATOR else {}
    payload = _clean(shown.get("watermark", ""))
    return Signed(
        state="valid" if valid else "invalid",
        ours=name == GENERATOR,
        trusted="own" if valid and trusted else "unknown",
        signer=_signer(active),
        generator=f"{name} {_clean(generator.get('version', ''))}".strip(),
        made_with_ai=_made_with_ai(store),
        source_type=next((word for manifest in lineage for word in _source_types(manifest)), ""),
        watermark=payload if re.fullmatch(r"[0-9a-f]{1,64}", payload) else None,
        problems=() if valid else _problems(store),
        assertions=tuple(_clean(_at(each, "label")) for each in _list(active.get("assertions"))[:MAX_LISTED]),
        personas=tuple(
            _clean(_at(each, "name") or _at(each, "kind")) for each in _list(shown.get("personas"))[:MAX_LISTED]
        ),
    )


def _is_trusted(store: object) -> bool:
    return _TRUSTED in _codes(store, "success")


def _serial(store: object) -> str:
    return str(_at(_at(_lineage(store)[0], "signature_info"), "cert_serial_number"))


def _lineage(store: object) -> list[dict[str, Any]]:
    """Give the active manifest, then that of the file it was made from, and so on; at least one, maybe empty."""
    manifests = _mapping(_at(store, "manifests"))
    label = str(_at(store, "active_manifest"))
    found: dict[str, dict[str, Any]] = {}
    while label in manifests and label not in found and len(found) < MAX_LISTED:
        found[label] = _mapping(manifests[label])
        parents = (_mapping(each) for each in _list(found[label].get("ingredients")))
        label = next(
            (str(each.get("active_manifest")) for each in parents if each.get("relationship") == "parentOf"), ""
        )
    return list(found.values()) or [{}]


def _statement(lineage: list[dict[str, Any]]) -> dict[str, Any]:
    """Give what Mien stated of the file: in its own manifest, or below one that only signed it again."""
    return next((data for data in (_data(manifest, PERSONA_LABEL) for manifest in lineage) if data), {})


def _signer(manifest: dict[str, Any]) -> str:
    signature = _mapping(manifest.get("signature_info"))
    return _clean(signature.get("common_name") or signature.get("issuer") or "")


def _source_types(manifest: dict[str, Any]) -> Iterator[str]:
    """Last words of the source types of a manifest's actions, the creation's first."""
    actions = [
        _mapping(action)
        for label in ("c2pa.actions.v2", "c2pa.actions")
        for action in _list(_data(manifest, label).get("actions"))
    ]
    actions.sort(key=lambda action: action.get("action") != "c2pa.created")
    for action in actions:
        if given := action.get("digitalSourceType"):
            yield _clean(given).rsplit("/", 1)[-1]


def _made_with_ai(store: object) -> bool | None:
    manifests = _mapping(_at(store, "manifests")).values()
    words = [word for manifest in manifests for word in _source_types(_mapping(manifest))]
    if any(word in _AI_SOURCES for word in words):
        return True
    return False if words and all(word in _OTHER_SOURCES for word in words) else None


def _codes(store: object, outcome: str) -> list[str]:
    """Give the status codes of the active manifest, and of those it builds on where they came out otherwise now."""
    results = _mapping(_at(store, "validation_results"))
    listed = list(_list(_at(results.get("activeManifest"), outcome)))
    if outcome == "failure":
        for delta in _list(results.get("ingredientDeltas")):
            listed += _list(_at(_at(delta, "validationDeltas"), outcome))
    return [str(_at(each, "code")) for each in listed]


def _problems(store: object) -> tuple[str, ...]:
    words = [_words(code) for code in _codes(store, "failure") if code != _UNTRUSTED]
    return tuple(dict.fromkeys(words))[:MAX_LISTED] or ("a check failed that is not named",)


def _words(code: str) -> str:
    return next((text for start, text in _PROBLEMS if code.startswith(start)), f"a check failed ({_clean(code)})")


def _data(manifest: dict[str, Any], label: str) -> dict[str, Any]:
    """Give the content of the first assertion of that label, or an empty one."""
    found = (_mapping(each) for each in _list(manifest.get("assertions")))
    return next((_mapping(each.get("data")) for each in found if each.get("label") == label), {})


def _at(value: object, key: str) -> Any:  # noqa: ANN401 - a stranger's JSON
    return _mapping(value).get(key)


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _clean(value: object) -> str:
    """Make a stranger's text fit to print: no control, format or private characters, one line, bounded."""
    text = str(value)[: 4 * MAX_TEXT]
    kept = "".join(" " if unicodedata.category(sign)[0] in "CZ" else sign for sign in text)
    return " ".join(kept.split())[:MAX_TEXT]
