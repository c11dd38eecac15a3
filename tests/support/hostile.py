"""An endpoint that gives the key of its caller back, in every disguise; and a search for it in all files of a folder.

The search is written for itself: it knows nothing of how keys are taken out.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gzip
import hashlib
import html
import io
import json
import re
import sqlite3
import zipfile
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote_to_bytes

import zstandard

from toolworthy import wire
from toolworthy.wire import route
from toolworthy.wire.assemble import disassemble
from toolworthy.wire.ir import Api, Event, PartDelta, Request, Response, Text, Thinking, ToolCall

CANARY = "sk-Zq7/Kp+2Wd9XcV4bN6mT1sRf8Y_g3H"
"""A key with all that keys are made of."""

Disguise = Callable[[str], str]


def _base64(offset: int, coded: Callable[[bytes], bytes]) -> Disguise:
    return lambda key: coded(b"x" * offset + key.encode() + b"!").decode()


def _wrapped(key: str) -> str:
    return base64.encodebytes(b"a header of some length before it: " + key.encode()).decode()


TEXTS: dict[str, Disguise] = {
    "plain": lambda key: key,
    "upper hex": lambda key: key.encode().hex().upper(),
    "lower hex": lambda key: key.encode().hex(),
    "hex with blanks": lambda key: key.encode().hex(" "),
    "python": lambda key: "".join(f"\\x{ord(one):02x}" for one in key),
    "json in json": lambda key: json.dumps({"a": "".join(f"\\u{ord(one):04x}" for one in key)}).replace("\\\\", "\\"),
    "percent": lambda key: "".join(f"%{ord(one):02X}" for one in key),
    "percent twice": lambda key: "".join(f"%25{ord(one):02x}" for one in key),
    "half percent": lambda key: "".join(f"%{ord(one):02X}" if n % 2 else one for n, one in enumerate(key)),
    "html": lambda key: "".join(f"&#{ord(one)};" for one in key),
    "hex in base64": lambda key: base64.b64encode(b'{"key": "' + key.encode().hex().encode() + b'"}').decode(),
    "base64 in base64": lambda key: base64.b64encode(base64.b64encode(f"x: {key}".encode())).decode(),
    "html hex": lambda key: "".join(f"&#x{ord(one):X};" for one in key),
    **{f"base64 at {n}": _base64(n, base64.b64encode) for n in range(3)},
    **{f"urlsafe base64 at {n}": _base64(n, base64.urlsafe_b64encode) for n in range(3)},
    "base64 in lines": _wrapped,
    "base64 in lines of base64": lambda key: base64.encodebytes(_wrapped(key).encode()).decode(),
    "hex with a letter": lambda key: "".join(f"{ord(one):02x}h" for one in key),
    "hex in words": lambda key: " and ".join(f"{ord(one):02X}" for one in key).replace(" and ", " w "),
    "html thrice": lambda key: "".join(f"&amp;amp;#{ord(one)};" for one in key),
    "html five times": lambda key: "".join(f"&amp;#38;#38;amp;#x{ord(one):x};" for one in key),
}
"""What a text may hold instead of the key."""


def _zlib(data: bytes) -> bytes:
    return zlib.compress(data)


def _raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def _twice(data: bytes) -> bytes:
    return gzip.compress(gzip.compress(data))


def _members(data: bytes) -> bytes:
    return gzip.compress(data[: len(data) // 2]) + gzip.compress(data[len(data) // 2 :])


PACKED: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "gzip in members": ("gzip", _members),
    "gzip twice": ("gzip", _twice),
    "gzip untold": ("", gzip.compress),
    "deflate": ("deflate", _zlib),
    "raw deflate": ("deflate", _raw_deflate),
    "zstd": ("zstd", lambda data: zstandard.ZstdCompressor().compress(data)),
    "brotli": ("br", lambda data: b"\x0b\x02\x80" + data + b"\x03"),  # not packed at all, and called so
}
SPLIT = ("content", "reasoning", "arguments")
"""Where a stream is cut within the key."""
PLACES = (
    *(f"text: {name}" for name in TEXTS),
    *(f"packed: {name}" for name in PACKED),
    *(f"split in {name}" for name in SPLIT),
    *(f"split in {name}, escaped" for name in SPLIT),
    *(f"error {status}: {name}" for status in (400, 500) for name in ("plain", "base64 at 1", "upper hex", "percent")),
    *(f"header value: {name}" for name in ("plain", "base64 at 2", "percent", "lower hex")),
    *("header name", "comment", "status reason", "event name", "error in the stream", "name and id of a call"),
)
"""All that this endpoint does, one after the other."""


class Hostile:
    """The endpoint, on a real socket. `places` are what it does in turn, if not everything."""

    def __init__(self, places: tuple[str, ...] = PLACES, turns: int = 3) -> None:
        self.url = ""
        self.seen: list[str] = []
        self._places, self._turns, self._count = places, turns, 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            size = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
            body = await reader.readexactly(int(size[1])) if size else b""
            writer.write(self._answer(head, body))
            await writer.drain()
        writer.close()

    def _answer(self, head: str, body: bytes) -> bytes:
        found = re.search(r"^(?:authorization: Bearer|x-(?:goog-)?api-key:) (\S+)", head, re.IGNORECASE | re.MULTILINE)
        key = found[1] if found else "no key came"
        path = head.split(" ")[1].partition("?")[0]
        api = route("POST", path).api
        if api is None or not body:
            models = [{"id": name, "object": "model"} for name in ("m", key, *(form(key) for form in TEXTS.values()))]
            return _http("200 OK", json.dumps({"object": "list", "data": models}).encode(), "application/json")
        place = self._places[self._count % len(self._places)]
        self._count += 1
        self.seen.append(place)
        asked = wire.api(api).received(path, json.loads(body))
        return _completion(place, api, wire.api(api).parse_request(asked), key, self._turns)


def _completion(place: str, api: Api, request: Request, key: str, turns: int) -> bytes:
    kind, _, form = place.partition(": ")
    text = TEXTS[form](key) if form in TEXTS else key
    if kind.startswith("error ") and kind[6:].isdigit():
        said = {"error": {"message": f"{'x' * 180} you sent {text} and more", "type": "invalid_request_error"}}
        return _http(f"{kind[6:]} No", json.dumps(said).encode(), "application/json")
    streamed = _body(place, api, request, key, text, turns)
    kind_of = "text/event-stream" if request.stream else "application/json"
    headers: list[tuple[str, str]] = []
    status = "200 OK"
    if kind == "header value":
        headers.append(("x-odd", text))
    elif place == "header name":
        headers.append((re.sub(r"[^\w-]", "-", key), "1"))
        headers.append((key.encode().hex(), "1"))
    elif place == "status reason":
        status = f"200 {key}"
    elif kind == "packed":
        coding, pack = PACKED[form]
        streamed = pack(streamed)
        headers += [("content-encoding", coding)] if coding else []
    return _http(status, streamed, kind_of, headers)


def _body(place: str, api: Api, request: Request, key: str, text: str, turns: int) -> bytes:
    said = f"As you told me: {text} and so on."
    command = next((tool for tool in request.tools if "command" in json.dumps(tool.parameters or {})), None)
    done = sum(message.role == "tool" for message in request.messages)
    call = None
    if command and done < turns:
        arguments = json.dumps({"command": f"echo '{text}' | tee -a leak.txt"})
        named = place == "name and id of a call"
        call = ToolCall(f"call-{key}" if named else f"call_{done}", key if named else command.flat_name, arguments)
    thought = Thinking(said, "thinking" if api == "messages" else "reasoning_content")
    parts = [thought, Text(said), *([call] if call else [])]
    answer = Response("id", request.model, tuple(parts), "tool" if call else "end", complete=True)
    if not request.stream:
        return json.dumps(wire.api(api).render_response(answer, request)).encode()
    where = place.partition("split in ")[2].partition(",")[0]
    encoder = wire.api(api).encoder(request)
    out = b"".join(encoder.encode(event) for event in _cut(disassemble(answer), parts, where))
    if place.endswith("escaped"):
        values = rb'"(content|delta|text|partial_json|arguments|thinking|reasoning_content)":"([^"\\]*)"'
        out = re.sub(values, lambda found: b'"%s":"%s"' % (found[1], _escaped(found[2])), out)
    if place == "comment":
        out = f": {key}\n: you sent {text}\n\n".encode() + out
    if place == "event name":
        out = f"event: {key}\ndata: {{}}\n\n".encode() + out
    if place == "error in the stream":
        out += b"data: " + json.dumps({"error": {"message": key, "code": key}}).encode() + b"\n\n"
    return out


def _cut(events: list[Event], parts: list[object], where: str) -> Iterator[Event]:
    """The events, the deltas of one kind of part in pieces of three characters."""
    kinds = {"content": Text, "reasoning": Thinking, "arguments": ToolCall}
    for event in events:
        if isinstance(event, PartDelta) and where and isinstance(parts[event.index], kinds[where]):
            for at in range(0, len(event.text), 3):
                yield replace(event, text=event.text[at : at + 3])
        else:
            yield event


def _escaped(data: bytes) -> bytes:
    return "".join(f"\\u{ord(one):04x}" for one in data.decode()).encode()


def _http(status: str, body: bytes, kind: str, headers: list[tuple[str, str]] | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-type: {kind}", f"content-length: {len(body)}", "connection: close"]
    lines += [f"{name}: {value}".replace("\n", "") for name, value in headers or []]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


@contextlib.asynccontextmanager
async def hostile(places: tuple[str, ...] = PLACES, turns: int = 3) -> AsyncIterator[Hostile]:
    """The endpoint on loopback."""
    made = Hostile(places, turns)
    server = await asyncio.start_server(made.talk, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield made


# ---- searching -------------------------------------------------------------------------------------------------------


def leaks(folder: Path, key: str = CANARY) -> list[str]:
    """Where the key stands in any file under `folder`, in any form: path and how it was found."""
    every = sorted(path for path in folder.rglob("*") if path.is_file())
    return [f"{path.relative_to(folder)}: {way}" for path in every for way in ways(path.read_bytes(), key)]


def ways(data: bytes, key: str = CANARY, depth: int = 4, seen: set[bytes] | None = None) -> list[str]:
    """How the key can be read in `data`; empty where it cannot."""
    seen = set() if seen is None else seen
    digest = hashlib.sha1(data, usedforsecurity=False).digest()
    if digest in seen:
        return []
    seen.add(digest)
    found = ["plain"] if key.lower().encode() in data.lower() else []
    for name, inner in _decoded(data) if depth else ():
        found += [f"{name}, {way}" for way in ways(inner, key, depth - 1, seen)]
        if len(found) > 3:
            break
    return found


def _decoded(data: bytes) -> Iterator[tuple[str, bytes]]:
    yield from _containers(data)
    text = data.decode("utf-8", "replace")
    for name, undo in _UNDO.items():
        with contextlib.suppress(ValueError):
            yield name, undo(text)
    if b'"' in data:
        yield from _joined(text)


def _containers(data: bytes) -> Iterator[tuple[str, bytes]]:
    for at in _beginnings(data, b"\x1f\x8b\x08"):
        out, rest = b"", data[at:]
        with contextlib.suppress(zlib.error):
            while rest:
                unpacker = zlib.decompressobj(31)
                out += unpacker.decompress(rest)
                rest = unpacker.unused_data
        if out:
            yield "gzip", out
    for at in _beginnings(data, b"\x28\xb5\x2f\xfd"):
        with contextlib.suppress(zstandard.ZstdError):
            yield "zstd", zstandard.ZstdDecompressor().decompressobj().decompress(data[at:])
    if data[:1] == b"\x78":
        with contextlib.suppress(zlib.error):
            yield "zlib", zlib.decompressobj().decompress(data)
    with contextlib.suppress(zlib.error):
        if len(data) < 100_000:
            yield "deflate", zlib.decompressobj(-15).decompress(data)
    if data.startswith(b"PK"):
        with contextlib.suppress(zipfile.BadZipFile), zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                yield f"zip {name}", archive.read(name)
    if data.startswith(b"SQLite format 3"):
        with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(":memory:")) as base:
            base.deserialize(data)
            yield "sqlite", "\n".join(base.iterdump()).encode()


def _beginnings(data: bytes, magic: bytes) -> list[int]:
    return [match.start() for match in re.finditer(re.escape(magic), data)][:400]


def _unbase64(text: str) -> bytes:
    out = []
    joined = re.sub(r"\\n|\s+", "", text)
    for source in (text, joined):
        for run in re.findall(r"[A-Za-z0-9+/_-]{24,}", source):
            if len(run) > 5_000:  # a file
                out.append(base64.b64decode(run[: len(run) // 4 * 4]))
                continue
            plain = run.replace("-", "+").replace("_", "/")
            for shift in range(4):
                piece = plain[shift:]
                piece = piece[:-1] if len(piece) % 4 == 1 else piece
                out.append(base64.b64decode(piece + "=" * (-len(piece) % 4)))
    return b"\n".join(out)


def _unhex(text: str) -> bytes:
    out = []
    for source in (text, re.sub(r"\\n|[\s:,]+", "", text), re.sub(r"[^0-9a-fA-F]", "", text)):
        for run in re.findall(r"[0-9a-fA-F]{16,}", source):
            out += [bytes.fromhex(run[shift : shift + (len(run) - shift) // 2 * 2]) for shift in (0, 1)]
    return b"\n".join(out)


def _unescape(text: str) -> bytes:
    def plain(found: re.Match[str]) -> str:
        return chr(int(found[1] or found[2], 16))

    return re.sub(r"\\+u([0-9a-fA-F]{4})|\\+x([0-9a-fA-F]{2})", plain, text).encode("utf-8", "replace")


def _unhtml(text: str) -> str:
    while (once := html.unescape(text)) != text:
        text = once
    return text


_UNDO: dict[str, Callable[[str], bytes]] = {
    "base64": _unbase64,
    "hex": _unhex,
    "unescaped": _unescape,
    "backslashes": lambda text: re.sub(r"\\+([/\"'])", r"\1", text).encode("utf-8", "replace"),
    "percent": unquote_to_bytes,
    "html": lambda text: _unhtml(text).encode("utf-8", "replace"),
}


def _joined(text: str) -> Iterator[tuple[str, bytes]]:
    """Strings of one path within the JSON of lines, joined."""
    said: dict[str, list[str]] = {}
    for line in re.split(r"\n|\\n", text)[:20_000]:
        start = line.find("{")
        for one in (line[start:], line[start:].replace('\\"', '"')) if start >= 0 else ():
            with contextlib.suppress(ValueError, RecursionError):
                for path, value in _texts(json.loads(one)):
                    said.setdefault(path, []).append(value)
                break
    for path, values in said.items():
        if len(values) > 1:
            yield f"joined {path}", "".join(values).encode("utf-8", "replace")


def _texts(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _texts(inner, f"{path}.{name}")
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, path)
