"""A session is random, opens to its owner alone, and has nothing in common with the owner's other ones."""

from __future__ import annotations

import numpy as np
import pytest

from mien.realtime.watermark import layout
from mien.realtime.watermark.coding import encode
from mien.realtime.watermark.payload import Payload, PayloadError
from mien.realtime.watermark.session import MarkSession

MANY = 2000


def test_it_opens_its_own_marks_alone() -> None:
    mine, other = MarkSession(), MarkSession()
    for kind in ("persona", "slate"):
        assert mine.opens(mine.payload(kind))
        assert not other.opens(mine.payload(kind))
    # The id alone opens nothing: it can be read by anyone.
    mark = mine.payload("persona")
    assert not mine.opens(Payload("persona", mark.session, mark.commitment ^ 1))
    assert not mine.opens(Payload("persona", mark.session ^ 1, mark.commitment))


def test_the_salt_is_enough_to_open_it_again_and_is_never_printed() -> None:
    mine = MarkSession()
    assert MarkSession(mine.salt).opens(mine.payload("persona"))
    assert mine.salt.hex() not in repr(mine)
    assert repr(mine.salt) not in repr(mine)


@pytest.mark.parametrize("salt", [b"", bytes(15), bytes(17)])
def test_a_short_salt_is_refused(salt: bytes) -> None:
    with pytest.raises(PayloadError, match="16 bytes"):
        MarkSession(salt)


def test_the_hashes_never_change() -> None:
    # Salts that were kept must open marks that are out there.
    known = MarkSession(bytes(range(16))).payload("persona")
    assert (known.session, known.commitment) == (0x48461885, 0x2748E81)


def test_two_sessions_share_no_bit_beyond_version_and_kind() -> None:
    words = [MarkSession().payload("persona").to_int() for _ in range(MANY)]
    bits = np.array([[word >> place & 1 for place in range(64)] for word in words])
    same = bits[:, 58:]
    assert (same == same[0]).all()
    # Each of the other 58 is one in half of the sessions; 5 standard deviations is once in 30,000 runs of this test.
    spread = 5 * (0.25 / MANY) ** 0.5
    assert np.abs(bits[:, :58].mean(axis=0) - 0.5).max() < spread
    # And two sessions in a row, of one user and machine, agree in no more of them than chance.
    agree = (bits[:-1, :58] == bits[1:, :58]).mean(axis=0)
    assert np.abs(agree - 0.5).max() < spread
    assert len(set(words)) == MANY


def test_no_chip_of_the_payload_stays_the_same() -> None:
    # What can be seen of a mark without decoding it: sync chips are the same for everybody, the others must not link.
    chips = np.array([layout.chips(encode(MarkSession().payload("persona").to_int())).ravel() for _ in range(400)])
    mean = chips.mean(axis=0)
    assert (np.abs(mean[layout.SYNC]) == 1).all()
    fixed = set(np.unique(layout.CODE_BIT[np.abs(mean[layout.PAYLOAD]) > 0.3]))
    # The first code bits are made of version and kind alone.
    assert fixed == set(range(18))
