"""What a mark says: to 64 bits and back, and nothing that is not known."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.realtime.watermark.payload import COMMITMENT_BITS, KNOWN_SHARE, SESSION_BITS, VERSION, Payload, PayloadError

SESSIONS = st.integers(0, 2**SESSION_BITS - 1)
COMMITMENTS = st.integers(0, 2**COMMITMENT_BITS - 1)


@given(st.sampled_from(["persona", "slate"]), SESSIONS, COMMITMENTS)
def test_there_and_back(kind: Any, session: int, commitment: int) -> None:
    payload = Payload(kind, session, commitment)
    assert Payload.from_int(payload.to_int()) == payload


def test_the_places_of_the_bits_never_change() -> None:
    assert Payload("persona", 0, 0).to_int() == 1 << 60
    assert Payload("slate", 0xFFFFFFFF, 0).to_int() == 1 << 60 | 1 << 58 | 0xFFFFFFFF << 26
    assert Payload("persona", 0, 2**26 - 1).to_int() == 1 << 60 | 2**26 - 1


@given(st.integers(0, 2**64 - 1))
def test_any_64_bits_are_read_or_refused_by_name(bits: int) -> None:
    if _is_known(bits):
        assert Payload.from_int(bits).to_int() == bits
    else:
        with pytest.raises(PayloadError, match="known here"):
            Payload.from_int(bits)


def test_every_other_version_and_kind_is_refused() -> None:
    good = Payload("persona", 5, 6).to_int()
    for version in set(range(16)) - {VERSION}:
        with pytest.raises(PayloadError, match=f"version {version}; known here: 1"):
            Payload.from_int(good & (1 << 60) - 1 | version << 60)
    for kind in (2, 3):
        with pytest.raises(PayloadError, match=f"kind {kind}; known here: 0 to 1"):
            Payload.from_int(good | kind << 58)
    known = sum(1 for head in range(64) if _is_known(head << 58))
    assert known / 64 == KNOWN_SHARE


def _is_known(bits: int) -> bool:
    try:
        Payload.from_int(bits)
    except PayloadError:
        return False
    return True


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (("camera", 0, 0), "no kind 'camera'. Allowed: persona, slate"),
        (("persona", -1, 0), "session has 32 bits, got -1"),
        (("persona", 2**32, 0), "session has 32 bits"),
        (("persona", 0, 2**26), "commitment has 26 bits"),
    ],
)
def test_values_that_do_not_fit_are_refused(values: Any, message: str) -> None:
    with pytest.raises(PayloadError, match=message):
        Payload(*values)


@pytest.mark.parametrize("bits", [-1, 2**64])
def test_more_or_less_than_64_bits_are_refused(bits: int) -> None:
    with pytest.raises(PayloadError, match="64 bits"):
        Payload.from_int(bits)
