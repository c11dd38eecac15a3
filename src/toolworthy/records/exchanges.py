"""Store exchanges: one append-only file per trial, each piece of a conversation once.

Each record is a separate zstd frame with one JSON object, so that a crash loses at most the last record. Request bodies
are split, byte for byte, at the elements of their top-level arrays (messages, input, tools, system). A piece that the
file already has is stored as its hash, so that a conversation of n turns takes O(n) bytes.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import itertools
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from secrets import token_hex
from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator

from toolworthy.base.redact import Redactor
from toolworthy.records.exchange import SAID, Chunk, Exchange, ExchangeFailure, FailureKind, TransitRepair
from toolworthy.wire.declaration import Kind
from toolworthy.wire.ir import Api

_SHORT = 64
"""Smaller pieces are not stored by hash."""
_PROCESS = token_hex(4)
"""Identifies the records of this process: after a kill, another process begins the trial again."""
_ARRAYS = re.compile(r'"(?:messages|input|tools|system)"\s*:\s*\[')


class ExchangeRecord(BaseModel):
    """One request and its response: a zstd frame of a file of exchanges.

    A text that begins with a NUL is base64 of bytes that are not UTF-8. A body is a list of texts and pieces; an array
    of one string is the hash of a piece, in this record or in an earlier one of the same file.
    """

    model_config = ConfigDict(extra="forbid", json_schema_serialization_defaults_required=True)

    trial: str
    """The key of the trial, probe or case."""
    index: int
    """Number within it, from 0."""
    kind: Kind
    agent_api: Api | None
    """The agent's wire API; null for a request that is not a completion."""
    endpoint_api: Api | None
    """The wire API of the request to the endpoint."""
    method: str
    path: str
    status: int | None
    """HTTP status of the endpoint; null if no response came."""
    started: float
    """Unix time, seconds."""
    seconds: float
    """Seconds until the last byte, or until the request was aborted."""
    error: ExchangeFailure | None
    """Why there is no complete response."""
    local: bool
    """Answered by the gateway itself."""
    request_headers: dict[str, str]
    response_headers: dict[str, str]
    losses: list[str]
    """Losses of the translation."""
    request_body: list[str | tuple[str]]
    """As the agent sent it."""
    upstream_body: list[str | tuple[str]] | None
    """The body sent to the endpoint, if it differs."""
    chunks: list[tuple[float, str]]
    """The response body as it arrived: seconds since the request was sent, and text."""
    pieces: dict[str, str]
    """Pieces of bodies that are new in the file, by hash."""
    repairs: list[TransitRepair] = []
    """Repairs by `toolworthy proxy --repair`; the bodies are as received."""
    process: str = ""
    """Identifies the process that wrote it. Another process that writes index 0 has begun the trial again."""

    @field_validator("error", mode="before")
    @classmethod
    def _in_words(cls, value: Any) -> Any:
        """Older runs stored a sentence."""
        if not isinstance(value, str):
            return value
        begin = next((begin for begin in _SENTENCES if value.startswith(begin)), "")
        return {"kind": _SENTENCES.get(begin, "failed"), "detail": value.removeprefix(begin)}


_NEWER: tuple[FailureKind, ...] = ("bad status", "failed")
_SENTENCES = {sentence.removesuffix("{}"): kind for kind, sentence in SAID.items() if kind not in _NEWER}
"""Beginnings of the sentences of older runs; the reason followed."""


def file_name(trial: str) -> str:
    """The file name of one trial: its id with unsafe characters replaced, and a hash that makes it unique."""
    plain = re.sub(r"[^A-Za-z0-9.-]+", "_", trial).strip("_")[:80]
    return f"{plain}-{hashlib.sha256(trial.encode()).hexdigest()[:8]}.jsonl.zst"


class ExchangeWriter:
    """Appends exchanges to one file. They come redacted; one in which a key still shows is not written.

    Args:
        path: the file.
        redactor: removes secrets.
        known: hashes of the pieces that the file already has.
    """

    def __init__(self, path: Path, redactor: Redactor | None = None, known: Iterable[str] = ()) -> None:
        import zstandard

        self._path = path
        self._redactor = redactor or Redactor(())
        self._known = {*known}
        self._compress = zstandard.ZstdCompressor(level=3, write_content_size=True)
        path.parent.mkdir(exist_ok=True)  # parent folders are not created: a deleted run must not reappear
        self._file = path.open("ab")

    def append(self, exchange: Exchange) -> None:
        """Write one exchange and hand it to the operating system, whole or not at all.

        Raises:
            OSError: the disk is full; the file is as it was.
        """
        pieces: dict[str, str] = {}
        record = ExchangeRecord(
            **{name: getattr(exchange, name) for name in _PLAIN},
            request_headers=dict(exchange.request_headers),
            response_headers=dict(exchange.response_headers),
            losses=list(exchange.losses),
            request_body=self._store(exchange.request_body, pieces),
            upstream_body=None if exchange.upstream_body is None else self._store(exchange.upstream_body, pieces),
            chunks=[(round(chunk.at, 6), _text(chunk.data)) for chunk in exchange.chunks],
            pieces=pieces,
            repairs=list(exchange.repairs),
            process=_PROCESS,
        )
        frame = self._compress.compress(self._redactor.data(record.model_dump_json().encode()))
        before = self._file.tell()
        try:
            self._file.write(frame)
            self._file.flush()
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file.fileno(), before)
            raise
        self._known |= pieces.keys()

    @property
    def known(self) -> frozenset[str]:
        """Hashes of the pieces that the file has."""
        return frozenset(self._known)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _store(self, body: bytes, pieces: dict[str, str]) -> list[str | tuple[str]]:
        """A body as literals (strings) and hashes (tuples of one); new pieces are added to `pieces`."""
        out: list[str | tuple[str]] = []
        for piece in split(body):
            if len(piece) < _SHORT:
                out.append(_text(piece))
                continue
            name = hashlib.sha256(piece).hexdigest()[:32]
            if name not in self._known:
                pieces[name] = _text(piece)
            out.append((name,))
        return out


_MAGIC = bytes.fromhex("28b52ffd")
"""The magic number of a zstd frame (RFC 8878, 3.1.1)."""
_PLAIN = tuple(itertools.takewhile(lambda name: name != "request_headers", ExchangeRecord.model_fields))
"""Fields that a record and an exchange have in common."""


def split(body: bytes) -> list[bytes]:
    """`body` split at the elements of its top-level arrays; the joined pieces equal `body`."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return [body]
    scan = json.JSONDecoder().raw_decode
    cuts = [0]
    for match in _ARRAYS.finditer(text):
        at = match.end()
        if at < cuts[-1]:
            continue  # within an element that was already split off
        with contextlib.suppress(ValueError, RecursionError):
            while True:
                at = _skip(text, at)
                if text[at : at + 1] in ("]", ""):
                    break
                _, end = scan(text, at)
                cuts += [at, end]
                at = end
    cuts.append(len(text))
    return [text[a:b].encode() for a, b in itertools.pairwise(cuts) if b > a]


def _skip(text: str, at: int) -> int:
    while text[at : at + 1] in (" ", "\n", "\r", "\t", ","):
        at += 1
    return at


def read_all(path: Path) -> tuple[Exchange, ...]:
    """Every exchange of a file, in order; of a trial that was begun again (``--resume``), only those of the last
    time."""
    return parse_all(path.read_bytes())


def is_recording(data: bytes) -> bool:
    """Whether bytes are a file of exchanges, by their first bytes."""
    return data.startswith(_MAGIC)


def parse_all(data: bytes) -> tuple[Exchange, ...]:
    """Every exchange in the bytes of a file, as :func:`read_all`."""
    every = tuple(_with_process(data))
    processes = [process for process, _ in every]
    begins = [process for process, exchange in every if exchange.index == 0]
    last = every[processes.index(begins[-1]) :] if begins else every  # times may jump
    return tuple(sorted((exchange for _, exchange in last), key=lambda exchange: exchange.index))


def read_exchanges(path: Path) -> Iterator[Exchange]:
    """The exchanges of a file, except truncated records and those that need pieces of one."""
    return (exchange for _, exchange in _with_process(path.read_bytes()))


def _with_process(data: bytes) -> Iterator[tuple[str, Exchange]]:
    """Each exchange of a file after the id of the process that wrote it, in the file's order."""
    pieces: dict[str, bytes] = {}
    for record in _records(data):
        with contextlib.suppress(_Lost, ValueError):
            parsed = ExchangeRecord.model_validate(record, extra="ignore")
            pieces |= {name: _bytes(text) for name, text in parsed.pieces.items()}
            yield parsed.process, _exchange(parsed, pieces)


def _exchange(record: ExchangeRecord, pieces: Mapping[str, bytes]) -> Exchange:
    return Exchange(
        **{name: getattr(record, name) for name in _PLAIN},
        request_headers=record.request_headers,
        response_headers=record.response_headers,
        losses=tuple(record.losses),
        request_body=_restore(record.request_body, pieces),
        upstream_body=None if record.upstream_body is None else _restore(record.upstream_body, pieces),
        chunks=tuple(Chunk(at, _bytes(text)) for at, text in record.chunks),
        repairs=tuple(record.repairs),
    )


def _records(data: bytes) -> Iterator[Any]:
    import zstandard

    while data:
        decompressor = zstandard.ZstdDecompressor().decompressobj()
        try:
            raw = decompressor.decompress(data)
        except zstandard.ZstdError:
            raw = b""
        if not decompressor.eof:  # truncated, or not a record: continue with the next one
            data = data[data.find(_MAGIC, 1) :] if _MAGIC in data[1:] else b""
            continue
        data = decompressor.unused_data
        with contextlib.suppress(ValueError, RecursionError):
            yield json.loads(raw)


class _Lost(Exception):
    """A piece is missing, because its record is truncated."""


def _restore(stored: Sequence[str | tuple[str]], pieces: Mapping[str, bytes]) -> bytes:
    try:
        return b"".join(pieces[item[0]] if isinstance(item, tuple) else _bytes(item) for item in stored)
    except LookupError as error:
        raise _Lost from error


def _text(data: bytes) -> str:
    """Bytes as a JSON string: UTF-8 if valid, else base64 after a NUL."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = "\0"
    return f"\0{base64.b64encode(data).decode()}" if text.startswith("\0") else text


def _bytes(text: str) -> bytes:
    return base64.b64decode(text[1:]) if text.startswith("\0") else text.encode()
