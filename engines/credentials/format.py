"""Which kinds of file can carry content credentials, told by their first bytes and not by their names."""

from __future__ import annotations

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
#: Enough for `media_type`, bytes.
HEAD_BYTES = 16
#: Behind "RIFF" and a length.
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/avi"}
#: Major brands of the ISO base media format that are not plain MP4; compared by their beginning.
_BRANDS = (
    (b"qt  ", "video/quicktime"),
    (b"M4A", "audio/mp4"),
    (b"avif", "image/avif"),
    (b"heic", "image/heic"),
    (b"mif1", "image/heif"),
)


def media_type(head: bytes) -> str | None:
    """Give the media type of a file that can carry a manifest; None for any other.

    Args:
        head: the file's first `HEAD_BYTES`.

    """
    if head.startswith(_PNG):
        return "image/png"
    if head.startswith(_JPEG):
        return "image/jpeg"
    if head.startswith(b"RIFF"):
        return _RIFF.get(head[8:12])
    if head[4:8] == b"ftyp":
        return next((kind for brand, kind in _BRANDS if head[8:12].startswith(brand)), "video/mp4")
    return None
