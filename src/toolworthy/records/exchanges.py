"""Store exchanges: one append-only file per trial, each piece of a conversation once.

Each record is a zstd frame of its own, holding one JSON object, so that a file cut short by a crash loses its last
record at most. Request bodies are cut, byte for byte, at the elements of their top-level arrays (messages, input,
tools, system); a piece that the file already holds is stored by its hash, so that a conversation of n turns costs O(n).
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
"""Bytes below which a piece is not worth a hash."""
_PROCESS = token_hex(4)
"""Marks what this process writes: a trial that was killed is begun again by another."""
_ARRAYS = re.compile(r'"(?:messages|input|tools|system)"\s*:\s*\[')


class ExchangeRecord(BaseModel):
    """One request and its answer: a zstd frame of its own in a file of exchanges.

    A text that begins with a NUL is base64 of bytes that are not UTF-8. A body is its texts and pieces in a row; an
    array of one string names a piece, of this record or of an earlier one in the same file.
    """

    model_config = ConfigDict(extra="forbid", json_schema_serialization_defaults_required=True)

    trial: str
    """The key of the trial, probe or case."""
    index: int
    """Number within it, from 0."""
    kind: Kind
    agent_api: Api | None
    """What the agent spoke; null for what is not a completion."""
    endpoint_api: Api | None
    """What the endpoint was asked in."""
    method: str
    path: str
    status: int | None
    """Of the endpoint's answer; null where none came."""
    started: float
    """Unix time, seconds."""
    seconds: float
    """Until the last byte, or until it was given up."""
    error: ExchangeFailure | None
    """Why there is no whole answer."""
    local: bool
    """Answered by the gateway itself."""
    request_headers: dict[str, str]
    response_headers: dict[str, str]
    losses: list[str]
    """What a translation could not carry."""
    request_body: list[str | tuple[str]]
    """As the agent sent it."""
    upstream_body: list[str | tuple[str]] | None
    """As the endpoint got it, where that differs."""
    chunks: list[tuple[float, str]]
    """The answer's body as it came: seconds since the request was sent, and text."""
    pieces: dict[str, str]
    """Pieces of bodies that the file did not hold yet, by their hash."""
    repairs: list[TransitRepair] = []
    """What `toolworthy proxy --repair` repaired on the way; the bodies are as they came."""
    process: str = ""
    """Marks the process that wrote it. One that tells of index 0 anew has begun the trial again."""

    @field_validator("error", mode="before")
    @classmethod
    def _in_words(cls, value: Any) -> Any:
        """Older runs wrote a sentence."""
        if not isinstance(value, str):
            return value
        begin = next((begin for begin in _SENTENCES if value.startswith(begin)), "")
        return {"kind": _SENTENCES.get(begin, "failed"), "detail": value.removeprefix(begin)}


_NEWER: tuple[FailureKind, ...] = ("bad status", "failed")
_SENTENCES = {sentence.removesuffix("{}"): kind for kind, sentence in SAID.items() if kind not in _NEWER}
"""How the sentences of older runs began; what followed was the reason."""


def file_name(trial: str) -> str:
    """The file of one trial: its id with everything unfit for a name replaced, and a hash that keeps it unique."""
    plain = re.sub(r"[^A-Za-z0-9.-]+", "_", trial).strip("_")[:80]
    return f"{plain}-{hashlib.sha256(trial.encode()).hexdigest()[:8]}.jsonl.zst"


class ExchangeWriter:
    """Appends exchanges to one file. They are clean when they come; what a key would still show in is not written.

    Args:
        path: the file.
        redactor: of what must not be written.
        known: names of the pieces that the file holds already.
    """

    def __init__(self, path: Path, redactor: Redactor | None = None, known: Iterable[str] = ()) -> None:
        import zstandard

        self._path = path
        self._redactor = redactor or Redactor(())
        self._known = {*known}
        self._compress = zstandard.ZstdCompressor(level=3, write_content_size=True)
        path.parent.mkdir(exist_ok=True)  # and no folder above it: a run that was deleted is not to come back
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
        """Names of the pieces that the file holds."""
        return frozenset(self._known)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _store(self, body: bytes, pieces: dict[str, str]) -> list[str | tuple[str]]:
        """A body as literals (strings) and hashes (tuples of one); what is new goes into `pieces`."""
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
"""How a zstd frame begins (RFC 8878, 3.1.1)."""
_PLAIN = tuple(itertools.takewhile(lambda name: name != "request_headers", ExchangeRecord.model_fields))
"""What a record and an exchange have alike."""


def split(body: bytes) -> list[bytes]:
    """`body` cut at the elements of its top-level arrays; joined, the pieces are `body` again."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return [body]
    scan = json.JSONDecoder().raw_decode
    cuts = [0]
    for match in _ARRAYS.finditer(text):
        at = match.end()
        if at < cuts[-1]:
            continue  # within an element that was already cut out
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
    """Every exchange of a file, in order; of a trial that was begun again (``--resume``) those of its last time."""
    return parse_all(path.read_bytes())


def is_recording(data: bytes) -> bool:
    """Whether bytes are a file of exchanges, by how they begin."""
    return data.startswith(_MAGIC)


def parse_all(data: bytes) -> tuple[Exchange, ...]:
    """The same of the bytes of a file."""
    every = tuple(_with_process(data))
    processes = [process for process, _ in every]
    begins = [process for process, exchange in every if exchange.index == 0]
    last = every[processes.index(begins[-1]) :] if begins else every  # no clock is asked: it may have been set
    return tuple(sorted((exchange for _, exchange in last), key=lambda exchange: exchange.index))


def read_exchanges(path: Path) -> Iterator[Exchange]:
    """The exchanges of a file, without torn records and those that need pieces of one."""
    return (exchange for _, exchange in _with_process(path.read_bytes()))


def _with_process(data: bytes) -> Iterator[tuple[str, Exchange]]:
    """The same, each behind the mark of the process that wrote it, as they are in the file."""
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
        if not decompressor.eof:  # torn, or no record at all: on with the next one
            data = data[data.find(_MAGIC, 1) :] if _MAGIC in data[1:] else b""
            continue
        data = decompressor.unused_data
        with contextlib.suppress(ValueError, RecursionError):
            yield json.loads(raw)


class _Lost(Exception):
    """A piece was in a record that is torn."""


def _restore(stored: Sequence[str | tuple[str]], pieces: Mapping[str, bytes]) -> bytes:
    try:
        return b"".join(pieces[item[0]] if isinstance(item, tuple) else _bytes(item) for item in stored)
    except LookupError as error:
        raise _Lost from error


def _text(data: bytes) -> str:
    """Bytes as a JSON string that reads well: UTF-8 where it is that, else base64 behind a mark."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = "\0"
    return f"\0{base64.b64encode(data).decode()}" if text.startswith("\0") else text


def _bytes(text: str) -> bytes:
    return base64.b64decode(text[1:]) if text.startswith("\0") else text.encode()
