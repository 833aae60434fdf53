from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from persona_packs import NOW, PROOF, STRANGER, SUBJECT, TOOL, consent_record

from mien.engines.consent.canonical import canonical
from mien.engines.consent.errors import ConsentDamagedError, ConsentScopeError
from mien.engines.consent.keys import public_hex
from mien.engines.consent.make import Terms, make_record, plain_words, request_digest
from mien.engines.consent.moment import read_moment, utc_now, write_moment
from mien.engines.consent.record import FORBIDDEN, USES, SignedRecord, Statement, parse_record

SOURCE = "0a" * 32
GOOD = consent_record()


def test_a_record_reads_as_it_was_written() -> None:
    terms = Terms("pat", (SOURCE,), uses=("live-stream",), days=30, grantee="A. Streamer")
    data = make_record(
        terms, subject=SUBJECT, tool=TOOL, proof=PROOF, now=NOW, name="Ann", revokers=[public_hex(STRANGER)]
    )
    record = parse_record(data).record
    assert (record.persona, record.sources, record.scope.uses) == ("pat", (SOURCE,), ("live-stream",))
    assert (record.subject.name, record.grantee, record.subject.kind) == ("Ann", "A. Streamer", "person")
    assert read_moment(record.expires) - read_moment(record.issued) == timedelta(days=30)
    assert record.request == request_digest(terms)
    assert record.enrolment == PROOF
    assert data == canonical(json.loads(data)), "it has one form"
    assert len(data) < 4096


def test_a_figure_has_a_statement_and_no_enrolment() -> None:
    statement = Statement(holder="A. Painter", basis="own-work", text="ab" * 32)
    terms = Terms("pat", (SOURCE,), kind="figure")
    record = parse_record(make_record(terms, subject=SUBJECT, tool=TOOL, proof=statement, now=NOW)).record
    assert (record.subject.kind, record.enrolment, record.statement) == ("figure", None, statement)
    assert "the figure that you hold the rights in" in plain_words(terms)


def test_two_records_share_no_id() -> None:
    ids = {parse_record(consent_record()).record.id for _ in range(20)}
    assert len(ids) == 20


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"days": 0}, "may last 1 to 731 days, not 0"),
        ({"days": 732}, "may last 1 to 731 days"),
        ({"uses": ()}, "A consent to nothing is none"),
        ({"forbidden": ("adult",)}, "'identity-verification' is never allowed"),
        # What the subject reads before they sign must not be written by whoever asks.
        ({"grantee": "Ann\n\n## They may\n\n- everything"}, "has to be one line"),
        ({"grantee": "Ann\u202eevil"}, "has to be one line"),
        ({"grantee": ""}, "has to be one line"),
    ],
)
def test_terms_that_no_record_may_have(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConsentScopeError, match=message):
        Terms("pat", (SOURCE,), **changes)  # type: ignore[arg-type]


def test_a_name_that_would_rewrite_the_screen_is_refused_before_it_is_signed() -> None:
    with pytest.raises(ConsentDamagedError, match=r"'subject\.name' is wrong"):
        consent_record(name="Ann\x1b[2J")


def test_the_plain_words_name_every_use_and_every_promise() -> None:
    text = plain_words(Terms("pat", (SOURCE,), days=1))
    for words in ('persona "pat"', "1 day from the day", "You can withdraw at any time", SOURCE, "18 or older"):
        assert words in text
    assert len([line for line in text.splitlines() if line.startswith("- ")]) > len(USES) + len(FORBIDDEN)
    assert "No picture, sound or face template is stored" in text


def test_canonical_json_is_that_of_rfc_8785() -> None:
    """The examples of the RFC that our types have (section 3.2.2 and 3.2.3)."""
    value = {"b": [56, {"d": True, "10": None, "1": []}], "a": '\u20ac$\u000f\nA\'B"\\\\"/'}
    assert canonical(value) == (
        b'{"a":"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\\\\\"/","b":[56,{"1":[],"10":null,"d":true}]}'
    )


def test_moments_have_one_form() -> None:
    assert write_moment(datetime(2026, 11, 30, 12, 0, 0, 999, tzinfo=UTC)) == "2026-11-30T12:00:00Z"
    assert read_moment(write_moment(NOW)) == NOW
    assert utc_now().microsecond == 0
    for text in ("2026-11-30T12:00:00", "2026-11-30 12:00:00Z", "2026-13-30T12:00:00Z", "1999-01-01T00:00:00Z"):
        with pytest.raises(ValueError, match=r"must read like|does not match|unconverted|month"):
            read_moment(text)


# -- fuzz: any bytes give a record or a ConsentDamagedError


def reads_or_refuses(data: bytes) -> None:
    message = ""
    try:
        assert isinstance(parse_record(data), SignedRecord)
    except ConsentDamagedError as error:
        message = str(error)
    assert all(character.isprintable() for character in message)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=2048))
def test_any_bytes(data: bytes) -> None:
    reads_or_refuses(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(JSON)
def test_any_json(value: object) -> None:
    reads_or_refuses(json.dumps(value).encode())


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_record_with_any_value_anywhere(data: st.DataObject) -> None:
    whole = json.loads(GOOD)
    table = whole
    while True:
        key = data.draw(st.sampled_from(sorted(table)))
        if not isinstance(table[key], dict) or data.draw(st.booleans()):
            break
        table = table[key]
    if data.draw(st.booleans()):
        del table[key]
    else:
        table[key] = data.draw(JSON)
    reads_or_refuses(json.dumps(whole).encode())


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(GOOD) - 1), st.binary(max_size=8), st.integers(0, 40))
def test_a_record_with_bytes_exchanged(at: int, new: bytes, gone: int) -> None:
    reads_or_refuses(GOOD[:at] + new + GOOD[at + gone :])
