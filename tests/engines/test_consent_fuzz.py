"""Whatever lies in a pack: a persona, or a refusal; nothing else is raised."""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from persona_packs import binding_for, files, manifest, record_for, table, with_consent, write_folder

from mien.engines.consent.errors import ConsentError
from mien.engines.consent.record import BINDING_NAME, RECORD_NAME
from mien.engines.personas.manifest import sha256
from mien.engines.personas.pack import Persona, load_pack
from mien.realtime.errors import PersonaError

#: The autouse folders of a test are shared by its examples, which is what is wanted.
FUZZ = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def loads_or_refuses(path: Path) -> None:
    try:
        persona = load_pack(path)
    except PersonaError:
        return
    assert isinstance(persona, Persona)
    assert persona.consent is not None


@pytest.fixture
def zipped() -> bytes:
    held = with_consent(files(), table())
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {"persona.toml": manifest(table(), held), **held}.items():
            archive.writestr(name, data)
    return stream.getvalue()


@FUZZ
@given(st.data())
def test_a_zip_with_bytes_exchanged(zipped: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(zipped) - 1))
    spoilt = zipped[:at] + data.draw(st.binary(max_size=6)) + zipped[at + data.draw(st.integers(0, 6)) :]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pat.zip"
        path.write_bytes(spoilt)
        loads_or_refuses(path)


@FUZZ
@given(st.sampled_from(["persona.toml", RECORD_NAME, BINDING_NAME, "landmarks.json", "portrait.png"]), st.data())
def test_a_folder_with_one_file_spoilt(name: str, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = write_folder(Path(folder) / "pat", files(), table())
        good = (root / name).read_bytes()
        at = data.draw(st.integers(0, len(good)))
        (root / name).write_bytes(good[:at] + data.draw(st.binary(max_size=12)) + good[at + 3 :])
        loads_or_refuses(root)


@FUZZ
@given(st.binary(max_size=400), st.booleans())
def test_any_record_or_binding_under_right_hashes(data: bytes, as_record: bool) -> None:
    """The manifest is right for them, so that they are read."""
    held = {**files(), RECORD_NAME: data or b" " if as_record else record_for("pat")}
    held[BINDING_NAME] = binding_for(held) if as_record else data or b" "
    of = table()
    of["consent"]["sha256"] = sha256(held[RECORD_NAME])
    with tempfile.TemporaryDirectory() as folder, pytest.raises(ConsentError):
        load_pack(write_folder(Path(folder) / "pat", held, of))
