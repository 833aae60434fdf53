"""Speak one text with espeak-ng, in a process of its own: run as a script by `speech.py`, standard library only.

The library keeps the phase of its oscillators and its noise from one text to the next, also across its own
terminate and initialise, so only a fresh process gives the same sound for the same text. A process also keeps its
GPL-3.0 code, and any crash of it, out of the caller.

Reads a JSON object (library, data, voice, pitch, spread, rate, text) from stdin. Writes to stdout one line of JSON
(rate_hz, and [sample, name] of every phoneme) and after it the sound, 16-bit little-endian mono.
API: espeak-ng's speak_lib.h, revision 12.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys

_SYNCHRONOUS = 2  # like RETRIEVAL, but espeak_Synth returns when all is said
_PHONEME_EVENTS, _DONT_EXIT = 0x0001, 0x8000
_UTF8, _END_PAUSE = 0x0001, 0x1000
_POS_CHARACTER = 1
_RATE, _PITCH, _RANGE = 1, 3, 4
_LAST_EVENT, _PHONEME = 0, 7


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int), ("unique_identifier", ctypes.c_uint), ("text_position", ctypes.c_int),
        ("length", ctypes.c_int), ("audio_position", ctypes.c_int), ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p), ("id", _Id),
    )  # fmt: skip


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


def main() -> int:
    """Give 0, or with the reason on stderr: 1, or 2 where the request is at fault."""
    request = json.load(sys.stdin)
    library = ctypes.CDLL(request["library"])
    library.espeak_Initialize.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_int]
    library.espeak_Synth.argtypes = [
        ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint,
        ctypes.c_void_p, ctypes.c_void_p,
    ]  # fmt: skip
    data = request["data"]
    rate_hz = library.espeak_Initialize(_SYNCHRONOUS, 0, data.encode() if data else None, _PHONEME_EVENTS | _DONT_EXIT)
    if rate_hz <= 0:
        return _fail(f"its data was not found (looked in {data or 'its default folder'})")
    _seed(library)
    pieces: list[bytes] = []
    phonemes: list[tuple[int, str]] = []

    def hear(wave: ctypes._Pointer[ctypes.c_short], count: int, events: ctypes._Pointer[_Event]) -> int:
        if wave and count > 0:
            pieces.append(ctypes.string_at(wave, 2 * count))
        index = 0
        while events[index].type != _LAST_EVENT:
            event = events[index]
            if event.type == _PHONEME:
                phonemes.append((event.sample, event.id.string.decode("utf-8", "replace")))
            index += 1
        return 0

    callback = _Callback(hear)
    library.espeak_SetSynthCallback(callback)
    if library.espeak_SetVoiceByName(request["voice"].encode()) != 0:
        return _fail(f"it has no voice {request['voice']!r}", 2)
    for parameter, key in ((_RATE, "rate"), (_PITCH, "pitch"), (_RANGE, "spread")):
        library.espeak_SetParameter(parameter, request[key], 0)
    text = request["text"].encode()
    status = library.espeak_Synth(text, len(text) + 1, 0, _POS_CHARACTER, 0, _UTF8 | _END_PAUSE, None, None)
    if status != 0:
        return _fail(f"espeak_Synth returned {status}")
    sys.stdout.buffer.write(json.dumps({"rate_hz": rate_hz, "phonemes": phonemes}).encode() + b"\n")
    sys.stdout.buffer.write(b"".join(pieces))
    return 0


def _seed(library: ctypes.CDLL) -> None:
    """Fix the noise: 1.51 seeds the C library's generator with the clock, later versions can be told."""
    if hasattr(library, "espeak_ng_SetRandSeed"):
        library.espeak_ng_SetRandSeed(ctypes.c_long(1))
    elif os.name == "posix":
        ctypes.CDLL(None).srand(1)


def _fail(reason: str, status: int = 1) -> int:
    sys.stderr.write(reason)
    return status


if __name__ == "__main__":
    sys.exit(main())
