"""Remove secrets from an exchange: in the raw bytes, in the unpacked body, and in the assembled response."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from toolworthy.base.packing import pack, unpack
from toolworthy.base.redact import MARK, Redactor
from toolworthy.records.exchange import Chunk, Exchange

_DEEP = 3
"""The most layers of compression."""
_READABLE = ("", "identity", "gzip", "x-gzip", "deflate", "zstd")


def cleaned(exchange: Exchange, redactor: Redactor) -> Exchange:
    """`exchange` without secrets.

    If the assembled response still contains a secret that cannot be cut out of the bytes, the whole body is withheld.
    """
    chunks = exchange.chunks
    coding, request_coding = _coding(exchange.response_headers), _coding(exchange.request_headers)
    before = [chunk.data for chunk in chunks]
    pieces = _body(redactor, before, coding)
    if pieces != before:
        chunks = tuple(Chunk(chunk.at, data) for chunk, data in zip(chunks, pieces, strict=True))
    upstream = exchange.upstream_body
    clean = replace(
        exchange,
        method=redactor.text(exchange.method),
        path=redactor.text(exchange.path),
        request_headers=redactor.headers(exchange.request_headers),
        request_body=_body(redactor, [exchange.request_body], request_coding)[0],
        upstream_body=None if upstream is None else _body(redactor, [upstream], "")[0],
        losses=tuple(map(redactor.text, exchange.losses)),
        response_headers=redactor.headers(exchange.response_headers),
        chunks=chunks,
        repairs=tuple(
            replace(one, before=redactor.text(one.before), after=redactor.text(one.after)) for one in exchange.repairs
        ),
        error=replace(exchange.error, detail=redactor.text(exchange.error.detail)) if exchange.error else None,
    )
    return _withheld(clean, redactor) if redactor else clean


def _coding(headers: Mapping[str, str]) -> str:
    return headers.get("content-encoding", "").strip().lower()


def _body(redactor: Redactor, pieces: list[bytes], coding: str, deep: int = 0) -> list[bytes]:
    """The pieces of a body without secrets; packed bodies are unpacked for this."""
    whole = b"".join(pieces) if redactor else b""
    inside = unpack(whole, coding) if deep < _DEEP else None
    if inside is None:
        if whole and coding not in _READABLE and not _is_text(whole):
            return _instead(pieces, MARK.encode())  # in a coding that was not requested and cannot be unpacked
        return redactor.pieces(pieces)
    if inside.cut:
        return _instead(pieces, MARK.encode())  # too large to be checked
    clean = _body(redactor, [inside.data], "", deep + 1)[0]
    rest = redactor.data(inside.rest)
    if clean == inside.data and rest == inside.rest:
        return pieces
    return _instead(pieces, pack(clean, inside.coding) + rest)


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _instead(pieces: list[bytes], data: bytes) -> list[bytes]:
    return [data, *[b""] * (len(pieces) - 1)]


def _withheld(exchange: Exchange, redactor: Redactor) -> Exchange:
    """The final check, of the assembled response."""
    if exchange.response is not None and _shows(redactor, exchange.response, exchange.response.text):
        first, *others = exchange.chunks
        exchange = replace(
            exchange, chunks=(Chunk(first.at, MARK.encode()), *(Chunk(chunk.at, b"") for chunk in others))
        )
    if exchange.request is not None and _shows(redactor, exchange.request):
        exchange = replace(exchange, request_body=MARK.encode())
    return exchange


def _shows(redactor: Redactor, value: object, *texts: str) -> bool:
    text = "\n".join((repr(value), *texts))
    return redactor.holds(text.encode("utf-8", "replace"))
