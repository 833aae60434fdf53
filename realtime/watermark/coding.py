"""The code of the mark: 64 bits, a CRC-24 behind them, a convolutional code around both, and its soft decoder.

The CRC is OpenPGP's (RFC 9580, section 6.1). The code has rate 1/3 and constraint length 9 with the generators 557,
663 and 711 (octal; Larsen, "Short convolutional codes with maximal free distance", IEEE Transactions on Information
Theory 19(3), 1973: free distance 18). It is ended with eight zeros and decoded by Viterbi's algorithm, exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

PAYLOAD_BITS: Final = 64
CRC_BITS: Final = 24
_MEMORY: Final = 8
_GENERATORS: Final = (0o557, 0o663, 0o711)
_STATES: Final = 1 << _MEMORY
_STEPS: Final = PAYLOAD_BITS + CRC_BITS + _MEMORY
#: Code bits of one payload.
CODE_BITS: Final = _STEPS * len(_GENERATORS)

_CRC_START: Final = 0xB704CE
_CRC_POLYNOMIAL: Final = 0x1864CFB
# Messages that are decoded together: 1,024 need 25 MB for their survivors.
_BATCH: Final = 1024


@dataclass(frozen=True, slots=True)
class Decoded:
    """What came out of the decoder.

    Attributes:
        payload: (N,) uint64, the likeliest payload of each message.
        valid: (N,) bool, whether its CRC holds; a message of noise passes once in 2^24.

    """

    payload: NDArray[np.uint64]
    valid: NDArray[np.bool_]


def crc24(data: bytes) -> int:
    """OpenPGP's CRC-24 of `data`."""
    crc = _CRC_START
    for byte in data:
        crc ^= byte << 16
        for _ in range(8):
            crc <<= 1
            if crc & 0x1000000:
                crc ^= _CRC_POLYNOMIAL
    return crc


def encode(payload: int) -> NDArray[np.int8]:
    """(288,) int8 of +-1: the code bits of `payload` (0 to 2^64 - 1; `OverflowError` beyond)."""
    data = payload.to_bytes(PAYLOAD_BITS // 8, "big")
    message = data + crc24(data).to_bytes(CRC_BITS // 8, "big")
    bits = np.unpackbits(np.frombuffer(message, np.uint8)).tolist() + [0] * _MEMORY
    code = np.empty((_STEPS, len(_GENERATORS)), np.int8)
    register = 0
    for step, bit in enumerate(bits):
        register = bit << _MEMORY | register >> 1
        code[step] = _OUTPUT[register]
    return code.ravel()


def decode(soft: NDArray[np.floating]) -> Decoded:
    """Find the likeliest payloads.

    Args:
        soft: (N, 288) or (288,), for each code bit how surely it is +1 (positive) or -1 (negative), in any unit; 0
            where nothing is known. Values that are not finite count as 0.

    """
    values = np.nan_to_num(np.atleast_2d(soft).astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    # In units of the surest bit, so that no sum of 288 overflows.
    peak = np.abs(values).max(axis=1, keepdims=True)
    messages = (values / np.where(peak > 0, peak, 1.0)).astype(np.float32)
    bits = np.concatenate([_likeliest(messages[i : i + _BATCH]) for i in range(0, len(messages), _BATCH)])
    packed = np.packbits(bits, axis=1)
    payload = np.ascontiguousarray(packed[:, :8]).view(">u8")[:, 0].astype(np.uint64)
    valid = [
        crc24(row[: PAYLOAD_BITS // 8].tobytes()) == int.from_bytes(row[PAYLOAD_BITS // 8 :].tobytes(), "big")
        for row in packed
    ]
    return Decoded(payload, np.array(valid, np.bool_))


def _likeliest(soft: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(N, 88) bits of the path that fits best; all states and messages at once.

    A state is the last eight bits, the newest on top. A new bit b leads from the states 2r and 2r + 1 to r + 128 b, for
    r = 0..127. All three generators tap the newest bit, so a 1 gives the opposite of what a 0 gives.
    """
    count = len(soft)
    # (states, N), so that a row of one state's messages lies together.
    metric = np.full((_STATES, count), -np.inf, np.float32)
    metric[0] = 0.0
    survivor = np.empty((_STEPS, _STATES, count), np.bool_)
    zero = _OUTPUT[:_STATES].astype(np.float32)
    half = _STATES // 2
    for step in range(_STEPS):
        gain = zero @ soft[:, 3 * step : 3 * step + 3].T
        reached = np.empty_like(metric)
        for bit, arriving in enumerate((metric + gain, metric - gain)):
            after = slice(bit * half, (bit + 1) * half)
            np.greater(arriving[1::2], arriving[0::2], out=survivor[step, after])
            np.maximum(arriving[0::2], arriving[1::2], out=reached[after])
        metric = reached
    return _traced(survivor)


def _traced(survivor: NDArray[np.bool_]) -> NDArray[np.uint8]:
    steps, _, count = survivor.shape
    bits = np.empty((count, steps), np.uint8)
    messages = np.arange(count)
    # Eight zeros at the end leave state 0.
    state = np.zeros(count, np.intp)
    for step in range(steps - 1, -1, -1):
        bits[:, step] = state >> (_MEMORY - 1)
        state = (state << 1 & (_STATES - 1)) | survivor[step, state, messages]
    return bits[:, : PAYLOAD_BITS + CRC_BITS]


def _outputs() -> NDArray[np.int8]:
    """(512, 3) int8 of +-1: the code bits of each content of the register, newest bit on top."""
    return np.array(
        [
            [(register & generator).bit_count() % 2 * 2 - 1 for generator in _GENERATORS]
            for register in range(2 * _STATES)
        ],
        np.int8,
    )


_OUTPUT: Final = _outputs()
