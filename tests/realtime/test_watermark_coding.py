"""The code: exact, and as strong as a code of its distance is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mien.realtime.watermark import coding
from mien.realtime.watermark.coding import CODE_BITS, crc24, decode, encode

PAYLOADS = (0, 1, 2**64 - 1, 0x0123456789ABCDEF, 0x8000000000000001)


def test_the_crc_is_openpgps() -> None:
    # The catalogue's check value for CRC-24/OPENPGP.
    assert crc24(b"123456789") == 0x21CF02


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_is_encoded_is_decoded(payload: int) -> None:
    code = encode(payload)
    assert code.shape == (CODE_BITS,)
    assert set(np.unique(code)) == {-1, 1}
    decoded = decode(code)
    assert (int(decoded.payload[0]), bool(decoded.valid[0])) == (payload, True)


def test_a_payload_has_64_bits() -> None:
    for payload in (-1, 2**64):
        with pytest.raises(OverflowError):
            encode(payload)


def test_two_payloads_are_never_near_each_other() -> None:
    # One bit of the payload changes half of the CRC as well: far more than the code's free distance of 18.
    rng = np.random.default_rng(1)
    base = int(rng.integers(0, 2**63))
    least = min(int((encode(base) != encode(base ^ 1 << bit)).sum()) for bit in range(64))
    assert least >= 18


def test_every_eight_wrong_code_bits_are_mended() -> None:
    # Free distance 18: up to 8 wrong signs anywhere leave the sent path the nearest.
    rng = np.random.default_rng(2)
    code = encode(0x1234567890ABCDEF)
    damaged = np.repeat(code[None].astype(np.float32), 300, axis=0)
    for row in damaged:
        row[rng.choice(CODE_BITS, 8, replace=False)] *= -1
        start = rng.integers(0, CODE_BITS - 8)
        row[start : start + 4] = 0.0
    # All in one place is the hardest.
    damaged[0] = code
    damaged[0, 100:108] *= -1
    decoded = decode(damaged)
    assert decoded.valid.all()
    assert set(decoded.payload) == {0x1234567890ABCDEF}


def test_it_finds_the_likeliest_of_all_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    # Three bits and no CRC, so that all messages can be tried by hand.
    monkeypatch.setattr(coding, "_STEPS", 3 + coding._MEMORY)
    monkeypatch.setattr(coding, "PAYLOAD_BITS", 3)
    monkeypatch.setattr(coding, "CRC_BITS", 0)
    messages = [[number >> 2 & 1, number >> 1 & 1, number & 1] for number in range(8)]
    codes = np.array([_by_shift_register(message + [0] * 8) for message in messages])
    rng = np.random.default_rng(3)
    soft = rng.normal(0, 1, (500, codes.shape[1])).astype(np.float32)
    best = (soft @ codes.T).argmax(axis=1)
    np.testing.assert_array_equal(coding._likeliest(soft), np.array(messages)[best])


def _by_shift_register(bits: list[int]) -> list[int]:
    """The code as its generators are drawn: newest bit left, taps in octal."""
    past = [0] * 9
    code = []
    for bit in bits:
        past = [bit, *past[:-1]]
        for taps in ("101101111", "110110011", "111001001"):
            code.append(sum(b for b, tap in zip(past, taps, strict=True) if tap == "1") % 2 * 2 - 1)
    return code


def test_the_encoder_is_the_shift_register_of_its_generators() -> None:
    payload = 0xFEDCBA9876543210
    data = payload.to_bytes(8, "big")
    bits = [int(bit) for byte in (*data, *crc24(data).to_bytes(3, "big")) for bit in f"{byte:08b}"]
    assert encode(payload).tolist() == _by_shift_register(bits + [0] * 8)


def test_it_is_as_strong_as_such_a_code_is() -> None:
    rng = np.random.default_rng(4)
    code = encode(0x1234567890ABCDEF)

    def lost(eb_n0_db: float) -> float:
        sigma = (3 / 2 / 10 ** (eb_n0_db / 10)) ** 0.5
        decoded = decode(code + rng.normal(0, sigma, (400, CODE_BITS)))
        return 1.0 - float((decoded.valid & (decoded.payload == 0x1234567890ABCDEF)).mean())

    # Rate 1/3, K = 9: bit errors of 1e-5 at 3.5 dB (Heller and Jacobs 1971), so frames of 96 bits are safe there.
    assert lost(3.5) < 0.01
    assert lost(1.0) < 0.5
    assert lost(-3.0) > 0.9


def test_erased_bits_and_any_unit_do_no_harm() -> None:
    rng = np.random.default_rng(5)
    code = encode(42).astype(np.float64)
    code[rng.choice(CODE_BITS, CODE_BITS // 3, replace=False)] = 0.0
    for unit in (1e-320, 1e-6, 1.0, 1e300):
        decoded = decode(code * unit)
        assert decoded.valid[0]
        assert decoded.payload[0] == 42
    code[:3] = (np.nan, np.inf, -np.inf)
    assert decode(code).payload[0] == 42


@settings(max_examples=50)
@given(arrays(np.float64, (2, CODE_BITS), elements=st.floats(width=64)))
def test_any_numbers_are_decoded_or_refused(soft: np.ndarray) -> None:
    decoded = decode(soft)
    assert decoded.payload.shape == decoded.valid.shape == (2,)


def test_noise_is_refused() -> None:
    rng = np.random.default_rng(6)
    assert not decode(rng.normal(0, 1, (5000, CODE_BITS))).valid.any()
    assert not decode(np.zeros(CODE_BITS)).valid.any()


def test_batches_do_not_change_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(7)
    soft = encode(7) + rng.normal(0, 1.2, (10, CODE_BITS))
    whole = decode(soft)
    monkeypatch.setattr(coding, "_BATCH", 3)
    parts = decode(soft)
    np.testing.assert_array_equal(whole.payload, parts.payload)
    np.testing.assert_array_equal(whole.valid, parts.valid)
