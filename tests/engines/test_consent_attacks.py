"""Each thing that somebody might try on a consented pack, and the name by which it is refused."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from persona_packs import (
    NOW,
    STRANGER,
    SUBJECT,
    TOOL,
    TrustsAll,
    binding_for,
    consent_record,
    files,
    know_tool,
    manifest,
    picture,
    record_for,
    table,
    write_folder,
    write_zip,
)

from mien.engines.consent.canonical import MAX_BYTES, canonical
from mien.engines.consent.errors import (
    ConsentDamagedError,
    ConsentEditedError,
    ConsentExpiredError,
    ConsentFilesError,
    ConsentForeignError,
    ConsentKeyError,
    ConsentMissingError,
    ConsentNotYetValidError,
    ConsentRevokedError,
    ConsentScopeError,
    ConsentToolUnknownError,
)
from mien.engines.consent.gate import Gate
from mien.engines.consent.keys import ToolKeys, public_hex, sign
from mien.engines.consent.moment import write_moment
from mien.engines.consent.record import (
    BINDING_NAME,
    RECORD_NAME,
    Revocation,
    SignedRevocation,
    parse_record,
    signed_text,
)
from mien.engines.consent.revocation import places, revoke, write_revocation
from mien.engines.personas.manifest import KindError
from mien.engines.personas.pack import Persona, load_pack, read_contents
from mien.engines.personas.picture import encode_png
from mien.engines.personas.trust import NotRenderedError, Trust, user_data_dir
from mien.engines.swapnet.pack import add_networks


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def pack(root: Path, record: bytes | None = None, held: Mapping[str, bytes] | None = None, **changes: Any) -> Path:
    """A pack with this record, bound to its files by the tool's key; whatever is in `held` already stays."""
    record = record_for("pat") if record is None else record
    whole = {**files(), **(held or {}), RECORD_NAME: record}
    if BINDING_NAME not in whole:
        whole[BINDING_NAME] = binding_for(whole)
    return write_folder(root, whole, table(consent={"file": RECORD_NAME, "sha256": digest(record)}, **changes))


def edited(data: bytes, **changes: Any) -> bytes:
    """A signed file with keys of its first table replaced, and the old signatures."""
    whole = json.loads(data)
    part = next(key for key in ("record", "binding", "revocation") if key in whole)
    whole[part] |= changes
    return canonical(whole)


def resigned(data: bytes, tool: Any = TOOL, subject: Any = SUBJECT, **changes: Any) -> bytes:
    """A record with changes, signed again: what somebody with these keys could make."""
    record = parse_record(edited(data, **changes)).record
    text = signed_text(record)
    signatures = {"subject": sign(subject, text).model_dump(), "tool": sign(tool, text).model_dump()}
    return canonical({"record": record.model_dump(mode="json"), "signatures": signatures})


def at(moment: datetime) -> Trust:
    """A machine whose clock shows this."""
    return Trust(gate=Gate(user_data_dir(), now=lambda: moment))


def loaded(root: Path, trust: Trust | None = None) -> Persona:
    return load_pack(root, trust=trust)


def test_a_valid_pack_is_loaded_from_a_folder_and_a_zip(tmp_path: Path) -> None:
    for root in (pack(tmp_path / "pat"), write_zip(tmp_path / "pat.zip", files())):
        persona = loaded(root)
        assert persona.consent is not None
        assert persona.consent.digest == digest(record_for("pat"))
        assert persona.consent.record.subject.key == public_hex(SUBJECT)


# -- the record


@pytest.mark.parametrize(
    "changes",
    [
        {"expires": write_moment(NOW + timedelta(days=700))},
        {"scope": {"uses": ["recording", "training"], "forbidden": ["identity-verification"]}},
        {"grantee": "anybody"},
        {"sources": ["11" * 32]},
        {"revokers": [public_hex(STRANGER)]},
    ],
)
def test_1_an_edited_record(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(ConsentEditedError, match="was changed after the subject signed it"):
        loaded(pack(tmp_path / "pat", edited(record_for("pat"), **changes)))


def test_2_a_record_signed_by_somebody_else_for_the_subject(tmp_path: Path) -> None:
    with pytest.raises(ConsentForeignError, match="as the key of the subject, and is signed by"):
        loaded(pack(tmp_path / "a", resigned(record_for("pat"), subject=STRANGER)))
    whole = json.loads(record_for("pat"))
    whole["signatures"]["subject"] = whole["signatures"]["tool"]
    with pytest.raises(ConsentForeignError, match="as the key of the subject"):
        loaded(pack(tmp_path / "b", canonical(whole)))


def test_3_a_stranger_who_is_subject_and_tool_at_once(tmp_path: Path) -> None:
    own = {"subject": STRANGER, "tool": STRANGER}
    with pytest.raises(ConsentForeignError, match="signed twice by one key"):
        loaded(pack(tmp_path / "pat", consent_record(**own)))


def test_4_a_tool_that_nobody_accepted(tmp_path: Path) -> None:
    record = consent_record(tool=STRANGER)
    with pytest.raises(ConsentToolUnknownError, match=r"Mien that is not known here .* `mien consent trust FILE"):
        loaded(pack(tmp_path / "pat", record))
    ToolKeys().accept(public_hex(STRANGER), "Ann")
    assert loaded(tmp_path / "pat").name == "pat"


def test_5_a_record_without_the_tools_signature_or_with_more_keys(tmp_path: Path) -> None:
    whole = json.loads(record_for("pat"))
    for at_, spoilt in enumerate(
        (
            {**whole, "signatures": {"subject": whole["signatures"]["subject"]}},
            {**whole, "valid": True},
            {**whole, "record": {**whole["record"], "badge": "off"}},
            {**whole, "record": {key: value for key, value in whole["record"].items() if key != "enrolment"}},
            {**whole, "record": {**whole["record"], "format": 2}},
            {**whole, "record": {**whole["record"], "disclosures": ["badge"]}},
        )
    ):
        with pytest.raises(ConsentDamagedError, match="is not valid"):
            loaded(pack(tmp_path / str(at_), canonical(spoilt)))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'{"record": {}, "record": {}, "signatures": {}}', "a key is there twice"),
        (record_for("pat").replace(b'"format":1', b'"format":1.0'), "1.0 is no whole number"),
        (record_for("pat").replace(b'"format":1', b'"format":NaN'), "NaN is no whole number"),
        (b"[" * 60_000, "cannot be read"),
        (b'{"record":"' + b"x" * 10 * 2**20 + b'"}', f"at most {MAX_BYTES} are read"),
        (record_for("pat").replace(b'"grantee":null', b'"grantee":"\\ud800"'), "cannot be read"),
        (record_for("pat").replace(b'"grantee":null', b'"grantee":"\\u001b[2J"'), "'record.grantee' is wrong"),
        (record_for("pat").replace(b'"pat"', b'"../pat"'), "'record.persona' is wrong"),
        (b"", "cannot be read"),
        (b"null", "is not valid"),
    ],
)
def test_6_bytes_that_are_no_record(tmp_path: Path, data: bytes, message: str) -> None:
    if not data:
        know_tool()
        with pytest.raises(ConsentDamagedError, match=message):
            Trust().gate.record(data, digest(data))
        return
    with pytest.raises(ConsentDamagedError, match=message):
        loaded(pack(tmp_path / "pat", data))


def test_7_a_record_that_permits_what_none_may(tmp_path: Path) -> None:
    """Even with both keys: no checks of identity, no minors, no weak likeness, no endless term, no person as figure."""
    figure = {"holder": "A. P.", "basis": "own-work", "text": "ab" * 32}
    good = json.loads(record_for("pat"))["record"]
    for at_, changes in enumerate(
        (
            {"scope": {"uses": ["live-stream"], "forbidden": ["adult"]}},
            {"subject": {**good["subject"], "adult": False}},
            {"enrolment": {**good["enrolment"], "similarity_median_milli": 449}},
            {"enrolment": {**good["enrolment"], "prompts": good["enrolment"]["prompts"][:2]}},
            {"expires": write_moment(NOW + timedelta(days=3650))},
            {"expires": good["issued"]},
            {"enrolment": None},
            {"statement": figure},
            {"subject": {**good["subject"], "kind": "figure"}},
        )
    ):
        with pytest.raises(ConsentDamagedError, match="is not valid"):
            loaded(pack(tmp_path / str(at_), edited(record_for("pat"), **changes)))


# -- the pack


def test_8_another_picture_under_the_same_record(tmp_path: Path) -> None:
    root = pack(tmp_path / "a")
    (root / "portrait.png").write_bytes(encode_png(picture()[::-1]))
    with pytest.raises(ConsentFilesError, match=r"portrait\.png was changed"):
        loaded(root)
    # With a manifest that is right for it, the binding still names the old one.
    held = {"portrait.png": encode_png(picture()[::-1]), BINDING_NAME: (tmp_path / "a" / BINDING_NAME).read_bytes()}
    with pytest.raises(ConsentFilesError, match=r"The file portrait\.png is not the one that the consent to 'pat'"):
        loaded(pack(tmp_path / "b", held=held))


def test_9_a_file_more_or_a_file_less(tmp_path: Path) -> None:
    bound = (pack(tmp_path / "a") / BINDING_NAME).read_bytes()
    with pytest.raises(ConsentFilesError, match=r"The file base\.onnx is not the one"):
        loaded(pack(tmp_path / "b", held={"base.onnx": b"other weights", BINDING_NAME: bound}))
    whole = {**files(), "notes.txt": b"read me", RECORD_NAME: record_for("pat")}
    bound = binding_for(whole)
    with pytest.raises(ConsentFilesError, match=r"The file notes\.txt is not the one"):
        loaded(pack(tmp_path / "c", held={BINDING_NAME: bound}))


def test_10_a_binding_that_is_edited_foreign_or_missing(tmp_path: Path) -> None:
    whole = {**files(), RECORD_NAME: record_for("pat")}
    held = {"portrait.png": encode_png(picture()[::-1])}
    names = {name: digest(data) for name, data in {**files(), **held}.items()}
    forged = edited(binding_for(whole), files=names)
    with pytest.raises(ConsentEditedError, match="binding of the pack's files to the consent was changed"):
        loaded(pack(tmp_path / "a", held={**held, BINDING_NAME: forged}))
    with pytest.raises(ConsentToolUnknownError, match="The binding of the pack's files was signed by a Mien"):
        loaded(pack(tmp_path / "b", held={BINDING_NAME: binding_for(whole, tool=STRANGER)}))
    with pytest.raises(ConsentForeignError, match="bound to another consent"):
        loaded(pack(tmp_path / "c", held={BINDING_NAME: binding_for(whole, consent="ee" * 32)}))
    with pytest.raises(ConsentDamagedError, match=r"The binding binding\.json cannot be read"):
        loaded(pack(tmp_path / "d", held={BINDING_NAME: b"{}}"}))
    root = write_folder(tmp_path / "e", whole, table())
    (root / BINDING_NAME).unlink()
    (root / "persona.toml").write_bytes(manifest(table(), whole))
    with pytest.raises(ConsentMissingError, match=r"never bound to the consent \(binding\.json is missing\)"):
        loaded(root)


def test_11_a_record_from_another_persona(tmp_path: Path) -> None:
    know_tool()
    with pytest.raises(ConsentForeignError, match="called 'pat'; its consent is to the persona 'ann'"):
        loaded(pack(tmp_path / "a", record_for("ann")))
    whole = {**files(), RECORD_NAME: record_for("pat")}
    renamed = write_folder(tmp_path / "b", {**whole, BINDING_NAME: binding_for(whole)}, {**table(), "name": "ann"})
    with pytest.raises(ConsentForeignError, match="called 'ann'"):
        loaded(renamed)


def test_12_only_a_statement_as_packs_had_before(tmp_path: Path) -> None:
    text = b"I, A. B., agree that my picture is used as a persona by C. D. Signed: A. B."
    held = {**files(), "consent.txt": text, BINDING_NAME: b"{}"}
    root = write_folder(tmp_path / "pat", held, table(consent={"file": "consent.txt", "sha256": digest(text)}))
    with pytest.raises(ConsentMissingError, match=r"a statement alone opens no pack.*mien consent record"):
        loaded(root)
    with pytest.raises(ConsentMissingError, match=r"without a \[consent\] table"):
        loaded(write_folder(tmp_path / "b", files(), table(consent=None)))


# -- the kind


def test_13_a_photo_relabelled_synthetic(tmp_path: Path) -> None:
    with pytest.raises(KindError, match=r"kind 'synthetic' with a \[consent\] table"):
        loaded(pack(tmp_path / "a", kind="synthetic"))
    with pytest.raises(KindError, match=r"kind 'synthetic' without a \[cast\] table"):
        loaded(write_folder(tmp_path / "b", files(), table("synthetic", cast=None)))
    with pytest.raises(NotRenderedError, match="never rendered and compared on this machine"):
        loaded(write_folder(tmp_path / "c", files(), table("synthetic")))
    with pytest.raises(KindError, match=r"kind 'consented' with a \[cast\] table"):
        loaded(pack(tmp_path / "d", cast={"seed": 1}))


def test_14_believing_every_render_opens_no_consent(tmp_path: Path) -> None:
    root = pack(tmp_path / "pat", edited(record_for("pat"), grantee="anybody"))
    with pytest.raises(ConsentEditedError):
        loaded(root, TrustsAll())


# -- the clock


def test_15_a_consent_that_is_over_or_not_yet_begun(tmp_path: Path) -> None:
    root = pack(tmp_path / "pat", consent_record(days=30))
    ends = NOW + timedelta(days=29)
    assert loaded(root, at(ends - timedelta(seconds=1))).name == "pat"
    with pytest.raises(ConsentExpiredError, match="ended on"):
        loaded(root, at(ends))
    with pytest.raises(ConsentNotYetValidError, match=r"in the future.*Set this computer's clock right"):
        loaded(root, at(NOW - timedelta(days=2)))


def test_16_a_clock_turned_back_behind_the_last_binding(tmp_path: Path) -> None:
    """The record had begun, but the pack was written later than it is now."""
    with pytest.raises(ConsentNotYetValidError, match="The binding of the pack's files is of"):
        loaded(pack(tmp_path / "pat"), at(NOW - timedelta(hours=12)))
    assert loaded(tmp_path / "pat", at(NOW - timedelta(hours=1, minutes=4))).name == "pat"


@pytest.mark.parametrize("moment", ["2026-11-30", "2026-11-30T12:00:00+00:00", "2026-02-31T00:00:00Z", "9" * 20, ""])
def test_17_moments_in_another_form(tmp_path: Path, moment: str) -> None:
    with pytest.raises(ConsentDamagedError, match="expires"):
        loaded(pack(tmp_path / "pat", edited(record_for("pat"), expires=moment)))


# -- withdrawn


def test_18_a_withdrawn_consent_opens_nothing_from_either_place(tmp_path: Path) -> None:
    root = pack(tmp_path / "pat")
    record = parse_record(record_for("pat")).record
    kept, beside = places(record.id, root, user_data_dir())
    write_revocation(revoke(record, SUBJECT, NOW), kept)
    with pytest.raises(ConsentRevokedError, match="was withdrawn on"):
        loaded(root)
    kept.unlink()
    assert loaded(root).name == "pat"
    copy = Path(shutil.copytree(root, tmp_path / "copy"))
    write_revocation(revoke(record, SUBJECT, NOW), beside)
    assert loaded(copy).name == "pat", "nobody has seen it yet"
    with pytest.raises(ConsentRevokedError, match="was withdrawn on"):
        loaded(root)
    # Seen once, it counts for every copy here, and deleting the file does not help.
    beside.unlink()
    for each in (root, copy):
        with pytest.raises(ConsentRevokedError, match="was withdrawn on"):
            loaded(each)


def test_19_a_strangers_revocation_withdraws_nothing(tmp_path: Path) -> None:
    root = pack(tmp_path / "pat")
    record = parse_record(record_for("pat")).record
    with pytest.raises(ConsentForeignError, match="cannot withdraw this consent"):
        revoke(record, STRANGER, NOW)
    text = Revocation(format=1, type="mien-revocation", record=record.id, revoked=write_moment(NOW))
    good = revoke(record, SUBJECT, NOW)
    for made in (
        SignedRevocation(revocation=text, signature=sign(STRANGER, signed_text(text))),
        SignedRevocation(revocation=text.model_copy(update={"record": "ef" * 16}), signature=good.signature),
        good.model_copy(update={"signature": good.signature.model_copy(update={"value": "00" * 64})}),
    ):
        write_revocation(made, places(record.id, root, user_data_dir())[0])
        assert loaded(root).name == "pat"


def test_20_a_revocation_that_cannot_be_read_counts(tmp_path: Path) -> None:
    root = pack(tmp_path / "pat")
    place = places(parse_record(record_for("pat")).record.id, root, user_data_dir())[0]
    place.parent.mkdir(parents=True)
    for data in (b"", b"{", b"x" * (MAX_BYTES + 1)):
        place.write_bytes(data)
        with pytest.raises(ConsentRevokedError, match="that cannot be read"):
            loaded(root)
    place.unlink()
    place.mkdir()
    with pytest.raises(ConsentRevokedError, match="that cannot be read"):
        loaded(root)
    if hasattr(os, "mkfifo"):
        # Nobody ever writes into it: whoever opened it as a file would wait for ever.
        place.rmdir()
        os.mkfifo(place)
        with pytest.raises(ConsentRevokedError, match="no plain file"):
            loaded(root)


def test_21_a_key_that_the_record_names_may_withdraw_it_too(tmp_path: Path) -> None:
    root = pack(tmp_path / "pat", consent_record(revokers=(public_hex(STRANGER),)))
    record = parse_record((root / RECORD_NAME).read_bytes()).record
    write_revocation(revoke(record, STRANGER, NOW), places(record.id, root, user_data_dir())[1])
    with pytest.raises(ConsentRevokedError):
        loaded(root)


# -- signatures of one kind for another, keys, scope


def test_22_a_signature_over_something_else_of_the_same_words(tmp_path: Path) -> None:
    """Without the type before the text, what somebody signed as a note could be passed off as their consent."""
    whole = json.loads(record_for("pat"))
    text = canonical(whole["record"])
    whole["signatures"] = {"subject": sign(SUBJECT, text).model_dump(), "tool": sign(TOOL, text).model_dump()}
    with pytest.raises(ConsentEditedError):
        loaded(pack(tmp_path / "pat", canonical(whole)))


@pytest.mark.skipif(os.name != "posix", reason="permissions of other systems differ")
def test_23_a_tools_key_that_others_can_read_vouches_for_nothing(tmp_path: Path) -> None:
    root = pack(tmp_path / "pat")
    keys = Path(os.environ["MIEN_CONFIG_DIR"]) / "keys"
    (keys / "consent-tool.pem").chmod(0o644)
    with pytest.raises(ConsentKeyError, match=r"can be read by others .* 0644.*chmod 600"):
        loaded(root)
    (keys / "consent-tool.pem").chmod(0o600)
    ToolKeys().accept(public_hex(STRANGER), "Ann")
    (keys / "consent-trusted.json").chmod(0o666)
    with pytest.raises(ConsentKeyError, match="can be changed by others"):
        loaded(root)
    shutil.rmtree(keys)
    with pytest.raises(ConsentToolUnknownError):
        loaded(root)


def test_24_training_that_was_not_allowed(tmp_path: Path) -> None:
    root = pack(tmp_path / "pat", consent_record(uses=("live-stream",)))
    before = {path.name: path.read_bytes() for path in root.iterdir()}
    with pytest.raises(ConsentScopeError, match="does not allow 'training'; it allows live-stream"):
        add_networks(read_contents(root), b"encoder", {"tiny": b"decoder"}, {"tiny": {}}, out=root, trust=Trust())
    assert {path.name: path.read_bytes() for path in root.iterdir()} == before
