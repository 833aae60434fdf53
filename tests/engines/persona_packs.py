"""Packs made by hand, with real signatures of test keys, so that each test can spoil one thing of them."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tomli_w
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mien.engines.consent.canonical import canonical, dump
from mien.engines.consent.keys import sign, write_key
from mien.engines.consent.make import Terms, make_record
from mien.engines.consent.moment import utc_now, write_moment
from mien.engines.consent.record import (
    ACTIONS,
    BINDING_NAME,
    RECORD_NAME,
    Binding,
    Prompted,
    Proof,
    SignedBinding,
    parse_record,
    signed_text,
)
from mien.engines.personas.landmarks import dump_landmarks
from mien.engines.personas.manifest import Manifest
from mien.engines.personas.picture import encode_png
from mien.engines.personas.trust import Trust
from mien.realtime.errors import PersonaError
from mien.realtime.face import Face
from mien.realtime.folders import user_config_dir
from mien.realtime.frame import Pixels

SIDE_PX = 160
CAST = {"name": "pat", "seed": 7, "size": SIDE_PX, "version": 1}


def picture(side_px: int = SIDE_PX) -> Pixels:
    """A smooth picture that is nobody."""
    ramp = np.linspace(30, 220, side_px, dtype=np.float32)
    planes = [np.add.outer(ramp * a, ramp * b) for a, b in ((0.5, 0.4), (0.2, 0.7), (0.6, 0.1))]
    return np.ascontiguousarray(np.stack(planes, axis=2).astype(np.uint8))


def face(side_px: int = SIDE_PX) -> Face:
    """478 points in the middle of the picture, their eye corners apart."""
    rng = np.random.default_rng(5)
    landmarks = rng.uniform(0.3, 0.7, (478, 3)).astype(np.float32) * side_px
    landmarks[33, :2], landmarks[263, :2] = (0.3 * side_px, 0.4 * side_px), (0.7 * side_px, 0.4 * side_px)
    landmarks[234, :2], landmarks[454, :2] = (0.2 * side_px, 0.5 * side_px), (0.8 * side_px, 0.5 * side_px)
    return Face(1, landmarks, np.linspace(0, 1, 52, dtype=np.float32), np.eye(4, dtype=np.float32))


def finder(*found: Face) -> Any:
    """A tracker that sees these faces in every picture."""
    return lambda pixels: found


def files(kind: str = "consented") -> dict[str, bytes]:
    """The files of a good pack, without its manifest; of a consented one also without its record and binding."""
    return {
        "portrait.png": encode_png(picture()),
        "landmarks.json": dump_landmarks(face(), SIDE_PX, SIDE_PX),
    }


def table(kind: str = "consented", **changes: Any) -> dict[str, Any]:
    """A good manifest's table without [files]; `changes` replace keys, None removes them."""
    base: dict[str, Any] = {
        "format": 1,
        "name": "pat",
        "kind": kind,
        "engine": "mesh",
        "licence": "CC0-1.0",
        "description": "for tests",
        "mesh": {"portrait": "portrait.png", "landmarks": "landmarks.json"},
    }
    if kind == "synthetic":
        base["cast"] = dict(CAST)
    else:
        record = record_for(str(changes.get("name", "pat")))
        base["consent"] = {"file": RECORD_NAME, "sha256": hashlib.sha256(record).hexdigest()}
    return {key: value for key, value in {**base, **changes}.items() if value is not None}


def manifest(of: Mapping[str, Any], held: Mapping[str, bytes]) -> bytes:
    """persona.toml, with the hash and size of each of `held` unless the table has its own [files]."""
    entries = {name: {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)} for name, data in held.items()}
    return tomli_w.dumps({"files": entries, **of}).encode()


def write_folder(root: Path, held: Mapping[str, bytes], of: Mapping[str, Any] | None = None) -> Path:
    """A pack's folder; `of` is its table. A consented one gets its record and its binding, unless `held` has them."""
    table_ = table() if of is None else of
    held = with_consent(held, table_)
    root.mkdir(parents=True, exist_ok=True)
    for name, data in {"persona.toml": manifest(table_, held), **held}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def write_zip(path: Path, held: Mapping[str, bytes], of: Mapping[str, Any] | None = None, *, top: str = "") -> Path:
    """A pack's zip, as `write_folder`; `top` puts all files in one folder."""
    table_ = table() if of is None else of
    held = with_consent(held, table_)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {"persona.toml": manifest(table_, held), **held}.items():
            archive.writestr(top + name, data)
    return path


# -- consent

SUBJECT = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
TOOL = Ed25519PrivateKey.from_private_bytes(b"\x02" * 32)
STRANGER = Ed25519PrivateKey.from_private_bytes(b"\x03" * 32)
NOW = utc_now()
PROOF = Proof(
    method="live-challenge-1",
    nonce="ab" * 16,
    prompts=tuple(
        Prompted(action=action, asked_ms=3000 * at, done_ms=3000 * at + 1200) for at, action in enumerate(ACTIONS)
    ),
    transcript="cd" * 32,
    model="face_recognition_sface_2021dec_int8bq",
    compared=40,
    similarity_min_milli=520,
    similarity_median_milli=710,
)


def consent_record(persona: str = "pat", sources: tuple[str, ...] = ("00" * 32,), **options: Any) -> bytes:
    """A record of a person, a day old, signed by `SUBJECT` and `TOOL`; `options` are of `Terms` and `make_record`."""
    made: dict[str, Any] = {"subject": SUBJECT, "tool": TOOL, "proof": PROOF, "now": NOW - timedelta(days=1)}
    made |= {key: options.pop(key) for key in (*made, "name", "revokers") if key in options}
    return make_record(Terms(persona, sources, **options), **made)


@cache
def record_for(name: str) -> bytes:
    """The same record each time; a name that none may have gets pat's."""
    try:
        return consent_record(name)
    except PersonaError:
        return consent_record()


def binding_for(
    held: Mapping[str, bytes], name: str = "pat", *, tool: Ed25519PrivateKey = TOOL, **changes: Any
) -> bytes:
    """`binding.json` of a pack's files; `changes` replace keys before it is signed."""
    files = {each: hashlib.sha256(data).hexdigest() for each, data in held.items()}
    record = files.pop(RECORD_NAME)
    table_ = {
        "format": 1, "type": "mien-binding", "consent": record, "persona": name, "files": files,
        "made": write_moment(NOW - timedelta(hours=1)),
    }  # fmt: skip
    binding = Binding.model_validate_json(canonical({**table_, **changes}))
    return dump(SignedBinding(binding=binding, signature=sign(tool, signed_text(binding))))


def know_tool() -> None:
    """Make `TOOL` this test's own tool's key."""
    place = user_config_dir() / "keys" / "consent-tool.pem"
    if not place.exists():
        write_key(place, TOOL)


def with_consent(held: Mapping[str, bytes], of: Mapping[str, Any]) -> dict[str, bytes]:
    """The files with what a consented pack needs; those that are there already stay."""
    if "consent" not in of:
        return dict(held)
    know_tool()
    name = str(of.get("name"))
    whole = {RECORD_NAME: record_for(name), **held}
    if BINDING_NAME not in whole:
        whole[BINDING_NAME] = binding_for(whole, parse_record(record_for(name)).record.persona)
    return whole


class TrustsAll(Trust):
    """For tests of what comes after trust."""

    def accepts(self, manifest: Manifest, digest: str) -> bool:
        return True


def enlarge(pixels: Pixels, factor: float) -> Pixels:
    """Scaled by `factor`."""
    return np.asarray(cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC), np.uint8)
