"""Unpack gzip, deflate and zstd bodies, also nested ones, up to a limit."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Literal

LIMIT = 16 * 2**20
"""The most bytes that unpacking a body may yield."""
Coding = Literal["gzip", "deflate", "raw deflate", "zstd"]
_WINDOW: dict[str, int] = {"gzip": 31, "deflate": 15, "raw deflate": -15}
_PIECE = 2**16


@dataclass(frozen=True)
class Unpacked:
    """The content of a packed body."""

    coding: Coding
    data: bytes
    rest: bytes
    """The bytes after it, unchanged."""
    cut: bool = False
    """Whether the content exceeds the limit."""


def coding_of(data: bytes, declared: str = "") -> Coding | None:
    """The compression of `data`, by its first bytes. Raw deflate has no signature: only if it is `declared`."""
    if data.startswith(b"\x1f\x8b"):
        return "gzip"
    if data.startswith(b"\x28\xb5\x2f\xfd"):
        return "zstd"
    if data[:1] == b"\x78" and len(data) > 1 and int.from_bytes(data[:2], "big") % 31 == 0:
        return "deflate"
    return "raw deflate" if declared == "deflate" else None


def unpack(data: bytes, declared: str = "", limit: int = LIMIT) -> Unpacked | None:
    """The content of `data`, as far as it can be read; None if nothing can.

    Args:
        data: a body.
        declared: the content coding in its header.
        limit: the most bytes; more are cut off.
    """
    coding = coding_of(data, declared)
    if coding is None:
        return None
    out, rest = bytearray(), data
    while rest and len(out) < limit and coding_of(rest, declared) == coding:
        piece, after = _one(rest, coding, limit - len(out))
        out += piece
        if not piece or len(after) >= len(rest):
            break
        rest = after
    return Unpacked(coding, bytes(out[:limit]), rest, len(out) >= limit) if out else None


def pack(data: bytes, coding: Coding) -> bytes:
    """Compress `data`."""
    if coding == "zstd":
        import zstandard

        return zstandard.ZstdCompressor().compress(data)
    packer = zlib.compressobj(wbits=_WINDOW[coding])
    return packer.compress(data) + packer.flush()


def _one(data: bytes, coding: Coding, limit: int) -> tuple[bytes, bytes]:
    """One member and the bytes after it; of a broken member, the part that can be read."""
    if coding == "zstd":
        return _zstd(data, limit)
    unpacker = zlib.decompressobj(_WINDOW[coding])
    out, at = bytearray(), 0
    try:
        while at < len(data) and not unpacker.eof and len(out) < limit:
            out += unpacker.decompress(data[at : at + _PIECE], limit - len(out))
            at += _PIECE
            while unpacker.unconsumed_tail and len(out) < limit:
                out += unpacker.decompress(unpacker.unconsumed_tail, limit - len(out))
    except zlib.error:
        return bytes(out), b""
    return bytes(out), unpacker.unused_data + data[at:]


def _zstd(data: bytes, limit: int) -> tuple[bytes, bytes]:
    import zstandard

    out = bytearray()
    unpacker = zstandard.ZstdDecompressor(max_window_size=2**27).decompressobj()
    at = 0
    try:
        while at < len(data) and not unpacker.eof and len(out) < limit:
            out += unpacker.decompress(data[at : at + _PIECE])
            at += _PIECE
    except zstandard.ZstdError:
        return bytes(out), b""
    return bytes(out), unpacker.unused_data + data[at:]
