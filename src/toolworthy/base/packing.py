"""Unpack gzip, deflate and zstd bodies, also nested ones, up to a limit."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Literal

LIMIT = 16 * 2**20
"""Bytes up to which a body is unpacked."""
Coding = Literal["gzip", "deflate", "raw deflate", "zstd"]
_WINDOW: dict[str, int] = {"gzip": 31, "deflate": 15, "raw deflate": -15}
_PIECE = 2**16


@dataclass(frozen=True)
class Unpacked:
    """What was in a packed body."""

    coding: Coding
    data: bytes
    rest: bytes
    """The bytes after it, unchanged."""
    cut: bool = False
    """Whether more is in it than may be."""


def coding_of(data: bytes, declared: str = "") -> Coding | None:
    """How `data` is packed, by how it begins; raw deflate, which has no beginning, only where it is `declared`."""
    if data.startswith(b"\x1f\x8b"):
        return "gzip"
    if data.startswith(b"\x28\xb5\x2f\xfd"):
        return "zstd"
    if data[:1] == b"\x78" and len(data) > 1 and int.from_bytes(data[:2], "big") % 31 == 0:
        return "deflate"
    return "raw deflate" if declared == "deflate" else None


def unpack(data: bytes, declared: str = "", limit: int = LIMIT) -> Unpacked | None:
    """What is in `data`, as far as it can be read; None where nothing of it can.

    Args:
        data: a body.
        declared: its content coding, as the header has it.
        limit: bytes after which it is cut.
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
    """The reverse."""
    if coding == "zstd":
        import zstandard

        return zstandard.ZstdCompressor().compress(data)
    packer = zlib.compressobj(wbits=_WINDOW[coding])
    return packer.compress(data) + packer.flush()


def _one(data: bytes, coding: Coding, limit: int) -> tuple[bytes, bytes]:
    """One member and what follows it; of one that is broken, what can be read."""
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
