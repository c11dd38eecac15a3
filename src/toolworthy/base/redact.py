"""Remove credentials from recorded and displayed data, in every encoding in which they may appear."""

from __future__ import annotations

import base64
import json
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from html.entities import html5
from urllib.parse import quote

MARK = "[redacted]"

_HEADERS = re.compile(
    r"authorization|[-_]auth\b|api[-_]?key|[-_]key\b|cookie|token|secret|credential|passw|[-_](?:pwd|sig|signature)\b",
    re.IGNORECASE,
)
# Key shapes that vendors publish; a bare "sk-" is too short to be one.
_SHAPES = re.compile(rb"\b(?:sk-[A-Za-z0-9_-]{16,}|gh[pousr]_[A-Za-z0-9]{20,}|AIza[A-Za-z0-9_-]{30,})")
_SHAPED = (b"sk-", b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"AIza")
"""Their prefixes, searched first because that is cheap."""
_KEY = re.compile(
    r"(?:^|[^A-Za-z0-9])(?:(?:sk|pk|rk|gsk|csk|pplx|xai|nvapi|glpat)-[\w-]{6}|(?:sk|gsk|fw|hf|r8|nvapi|tgp)_\w{6}"
    r"|gh[pousr]_\w{6}|AIza[\w-]{8}|AKIA[A-Z0-9]{8}|eyJ[\w-]{8}|Bearer\s)"
)
"""Prefixes of keys, a wider set than `_SHAPES`: for values in which a user should not have put a key."""
_RANDOM = re.compile(r"(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9]{24}")
_KEEP = b"sk-toolworthy-placeholder"
"""The placeholder key that agents get. It opens nothing, and shows that an agent sent it."""
SHORTEST = 8
"""The fewest characters of a secret. Shorter values are placeholders for servers without keys (``none``, ``EMPTY``),
and occur in other words."""


_Span = tuple[int, int, bytes]
"""From, to, and the replacement."""


def credential(header: str) -> bool:
    """Whether a header of this name carries a credential."""
    return bool(_HEADERS.search(header))


def looks_like_key(text: str, *, by_looks: bool = True, shapes: bool = True) -> bool:
    """Whether `text`, which a user gave for something else, may contain a key. If so, show no part of it.

    Args:
        text: the user's value.
        by_looks: whether any long run of letters and digits counts as a key. False for URL paths, which contain account
            ids.
        shapes: whether the prefixes of keys count.
    """
    return bool((shapes and _KEY.search(text)) or (by_looks and _RANDOM.search(text)))


class Redactor:
    """Removes an endpoint's secrets in every form in which they may come back: plain, in any case (header names lose
    it; letters beyond ASCII only all in upper or all in lower case), escaped for JSON, Python, HTML or URLs, in hex, in
    base64 of a text that contains them, and split over strings that a reader joins (:meth:`pieces`)."""

    def __init__(self, secrets: Iterable[str]) -> None:
        words = {word for secret in secrets for word in (secret, *secret.split()) if len(word) >= SHORTEST}
        self._words = sorted(words, key=lambda word: (-len(word), word))
        self._needles = tuple({form.lower() for word in self._words for one in _cases(word) for form in _forms(one)})
        self._digits = tuple(word.encode().hex().encode() for word in self._words)

    def __bool__(self) -> bool:
        """Whether it has secrets, apart from the known shapes of keys."""
        return bool(self._words)

    def holds(self, data: bytes) -> bool:
        """Whether `data` contains a secret, in any form except split over strings."""
        return bool(self._needles) and (self._shows(data) or next(self._coded(data), None) is not None)

    def _shows(self, data: bytes) -> bool:
        readings = list(_readings(data))
        if any(needle in form for form in readings for needle in self._needles):
            return True
        digits = _BREAK.sub(b"", readings[-2]).translate(None, _NO_DIGIT)
        return any(needle in digits for needle in self._digits)

    def _coded(self, data: bytes, deep: int = 1) -> Iterator[_Span]:
        """Where base64 contains a secret in a form other than plain."""
        for run in _RUN.finditer(data):
            inside = _decoded(run[0])
            if self._shows(inside) or (deep and next(self._coded(inside, deep - 1), None)):
                yield _span(run)

    def data(self, data: bytes) -> bytes:
        """`data` without secrets."""
        if self.holds(data):
            data = _without(data, 0, len(data), self._spans(data, self._shows(data)))
            if self.holds(data):  # in a form that can be detected but not cut out
                return MARK.encode()
        return _without(data, 0, len(data), _shaped(data))

    def text(self, text: str) -> str:
        """`text` without secrets."""
        return self.data(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Headers by lower-case name, without the values that are credentials."""
        return {
            self.text(name.lower()): MARK if credential(name) else self.text(value) for name, value in headers.items()
        }

    def parts(self, parts: Iterable[str]) -> Iterator[str]:
        """The parts of one text without secrets, including those that span two parts; the number of parts may
        change."""
        held: list[str] = []
        size = 0
        for part in parts:
            held.append(part)
            size += len(part)
            if size > _ENOUGH + self._reach:
                text = self.text("".join(held))
                yield text[: len(text) - self._reach]
                held = [text[len(text) - self._reach :]]
                size = self._reach
        yield self.text("".join(held))

    def pieces(self, pieces: list[bytes]) -> list[bytes]:
        """The pieces of one body without secrets, including those that span two pieces or are split over strings that a
        reader joins. The number of pieces stays the same."""
        whole = b"".join(pieces)
        shows = bool(self._needles) and self._shows(whole)
        spans = self._all_spans(whole, shows)
        if not spans and not shows:
            return pieces
        out: list[bytes] = []
        start = 0
        for piece in pieces:
            end = start + len(piece)
            out.append(_without(whole, start, end, spans))
            start = end
        return [MARK.encode(), *[b""] * (len(pieces) - 1)] if self.holds(b"".join(out)) else out

    def _all_spans(self, whole: bytes, shows: bool) -> list[_Span]:
        """Start and end of every secret in a body, in order; also the parts of one that is split over strings: a
        stream's deltas, a list of texts, the words of a document."""
        spans = _shaped(whole)
        if self._needles:
            spans += self._spans(whole, shows)
            spans += self._joined(whole)
        return sorted(spans)

    def _spans(self, data: bytes, shows: bool) -> list[_Span]:
        plain = [_span(match) for match in self._pattern.finditer(data)] if shows else []
        return sorted([*plain, *self._coded(data)])

    def _joined(self, whole: bytes) -> Iterator[_Span]:
        for places in _strings(whole):
            if len(places) < 2:
                continue
            joined = b"".join(whole[first:last] for first, last in places)
            if not self.holds(joined):
                continue
            for match in self._pattern.finditer(joined):
                yield from _placed(places, *match.span())

    @cached_property
    def _pattern(self) -> re.Pattern[bytes]:
        """A pattern of all forms of all secrets. Compiled only once one is detected: it is large."""
        return re.compile(b"|".join(way for word in self._words for way in _ways(word)), re.IGNORECASE)

    @cached_property
    def _reach(self) -> int:
        """The most characters that a secret has in any form."""
        return max((40 * len(word) for word in self._words), default=1_000)


_ENOUGH = 2**16
"""The most characters that are searched at once."""


# ---- forms -----------------------------------------------------------------------------------------------------------


def _cases(text: str) -> list[str]:
    """`text` as it is, in lower and in upper case: bytes are compared ignoring the case of ASCII letters only."""
    return [text] if text.isascii() else sorted({text, text.lower(), text.upper()})


def _forms(secret: str) -> Iterator[bytes]:
    """The byte strings to search for in the output of :func:`_readings`."""
    raw = secret.encode()
    yield raw
    yield raw.hex().encode()
    yield from _base64(raw)
    for escape in _WRITTEN:
        yield "".join(char if char.isascii() else escape(char) for char in secret).encode()


def _in_json(char: str) -> str:
    return json.dumps(char)[1:-1]


def _in_python(char: str) -> str:
    return ascii(char)[1:-1]


def _in_bytes(char: str) -> str:
    return repr(char.encode())[2:-1]


_WRITTEN = (_in_json, quote, _in_python, _in_bytes)
"""The ways to escape letters beyond ASCII, except HTML's numbers, which are decoded."""


def _base64(raw: bytes) -> set[bytes]:
    """The base64 that any text containing `raw` must contain, for each of three offsets, without the characters at both
    ends that also depend on neighbouring bytes; in both alphabets."""
    plain = set()
    for offset in range(3):
        coded = base64.b64encode(bytes(offset) + raw)
        plain.add(coded[-(-offset * 8 // 6) : (offset + len(raw)) * 8 // 6])
    return plain | {form.translate(bytes.maketrans(b"+/", b"-_")) for form in plain}


_AND = rb"&(?:(?:amp|#0*+38|#x0*+26);)*"
"""An ampersand of HTML, escaped any number of times."""
_ESCAPE = re.compile(
    rb"(?<!\\)(?:\\++(?:u\{?0*+([2-7][0-9a-f])\}?|x([2-7][0-9a-f])|([01][0-7]{2})|n\{([a-z -]{5,40})\}|([\"'/]))"
    rb"|\\(\\)\\*+)|%(?:25)*(?:u00)?([2-7][0-9a-f])|"
    + _AND + rb"(?:#x0*+(?:([0-9a-f]{2,6});|([2-7][0-9a-f]))|#0*+(?:([0-9]{2,7});|([0-9]{2,3}))|([a-z]{2,9};))"
)  # fmt: skip
"""A run of backslashes is matched once, from its start: there may be a million of them."""
_NAMED = {b"amp": "&", b"lt": "<", b"gt": ">", b"quot": '"', b"apos": "'"}
_NAMES = {name.lower().encode(): char for name, char in html5.items()}
"""HTML's names of characters. A name ends with a semicolon."""
_BETWEEN = b" \t\r\n:,"
"""Separators between hex digits, or between lines of base64."""
_NO_DIGIT = bytes(set(range(256)) - set(b"0123456789abcdef"))
"""Separators between hex digits that are unambiguous."""
_TIMES = 4
"""How many levels of nested escapes are decoded."""
_BREAK = re.compile(rb"(?<!\\)\\++[nrtx]|0x")


def _readings(data: bytes) -> Iterator[bytes]:
    """`data` in lower case: as it is, with its escapes decoded, with nested escapes decoded, and without the separators
    in hex and base64."""
    data = data.lower()
    yield data
    if b"\\" in data or b"%" in data or b"&" in data:
        for _ in range(_TIMES):
            before, data = data, _ESCAPE.sub(_unescaped, data)
            if data == before:
                break
            yield data
    squeezed = data.translate(None, _BETWEEN)
    yield _BREAK.sub(b"", squeezed) if b"\\" in squeezed else squeezed


_RUN = re.compile(rb"[A-Za-z0-9+/_-]{24,}+(?:(?:[\r\n]|\\++[nr])++[A-Za-z0-9+/_-]++)*+")
"""Base64, possibly in several lines."""
_LINES = re.compile(rb"[\r\n]|(?<!\\)\\++[nr]")


def _decoded(run: bytes) -> bytes:
    """The possible contents of a run of base64, for each offset at which it may begin."""
    plain = _LINES.sub(b"", run).translate(bytes.maketrans(b"-_", b"+/"))
    starts = (plain[shift:] for shift in range(4))
    return b"\n".join(base64.b64decode(start[: len(start) - (len(start) % 4 == 1)] + b"==") for start in starts)


def _unescaped(match: re.Match[bytes]) -> bytes:
    if plain := match[5] or match[6]:
        return plain
    char = _by_name(match) if match[4] or match[12] else _by_number(match)
    return char.lower().encode() if char else match[0]


def _by_name(match: re.Match[bytes]) -> str | None:
    if match[12]:
        return _NAMES.get(match[12])
    try:
        return unicodedata.lookup(match[4].decode())
    except KeyError:
        return None


def _by_number(match: re.Match[bytes]) -> str | None:
    octal, decimal = match[3], match[10] or match[11]
    hexadecimal = match[1] or match[2] or match[7] or match[8] or match[9]
    code = int(decimal) if decimal else int(octal, 8) if octal else int(hexadecimal, 16)
    return None if code > sys.maxunicode or 0xD800 <= code < 0xE000 else chr(code)


def _ways(secret: str) -> Iterator[bytes]:
    """Patterns of all forms, to cut them out: every character plain or escaped, by itself."""
    raw = secret.encode()
    yield rb"(?:[ \t\r\n:,]|\\{1,9}[nrt]){0,6}".join(map(_character, secret))
    yield rb"(?:0x|[^0-9a-f]){0,6}".join(f"{byte:02x}".encode() for byte in raw)
    for form in sorted(_base64(raw)):
        # With the neighbouring characters, which contain a few bits of its first and last character.
        inside = rb"(?:[ \t\r\n]|\\{1,9}[nrt]){0,6}".join(map(_character, form.decode()))
        yield rb"[\w+/-]{0,2}" + inside + rb"[\w+/-]{0,2}"


def _character(char: str) -> bytes:
    """A pattern of one character, plain or escaped."""
    if not char.isascii():
        return b"(?:" + b"|".join(way for one in _cases(char) for way in _foreign(one)) + b")"
    plain, code = re.escape(char.encode()), ord(char)
    named = b"".join(b"|" + name + b";" for name, of in _NAMED.items() if of == char)
    plain = rb"\\{0,9}" + plain if char in "\"'/\\" else plain
    digits = f"{code:02x}".encode()
    return (
        rb"(?:" + plain + rb"|\\{1,9}u\{?0{0,6}" + digits + rb"\}?|\\{1,9}x" + digits + rb"|%(?:25)*(?:u00)?" + digits
        + rb"|" + _AND + rb"(?:#x0{0,6}" + digits + rb";?|#0{0,6}" + str(code).encode() + rb";?" + named + rb"))"
    )  # fmt: skip


def _foreign(text: str) -> Iterator[bytes]:
    """Patterns of what is beyond ASCII."""
    yield re.escape(text.encode())
    for escape in _WRITTEN:
        yield escape(text).encode().replace(b"\\", rb"\\{1,9}")
    yield b"".join(rb"%s#(?:x0{0,6}%x|0{0,6}%d);" % (_AND, ord(char), ord(char)) for char in text)


def _span(match: re.Match[bytes]) -> _Span:
    return (*match.span(), MARK.encode())


def _shaped(data: bytes) -> list[_Span]:
    """Where `data` contains text that looks like a vendor's key."""
    if not any(begin in data for begin in _SHAPED):
        return []
    return [_span(match) for match in _SHAPES.finditer(data) if match[0] != _KEEP]


# ---- strings that a reader joins -------------------------------------------------------------------------------------

_STRING = re.compile(rb'"([^"\\\r\n]*+(?:\\.[^"\\\r\n]*+)*+)"(\s*+:)?|\n')
_NUMBER = re.compile(rb'"(?:index|output_index|content_index|summary_index)"\s*:\s*(\d+)')


def _strings(whole: bytes) -> Iterator[list[tuple[int, int]]]:
    """Strings of a body's JSON that a reader may join into one text, each as start and end: all values of one name, and
    those of them that belong to the same place of the response in several events or lines."""
    named: dict[bytes, list[tuple[int, int]]] = {}
    placed: dict[tuple[bytes, bytes], list[tuple[int, int]]] = {}
    name, place, line = b"", b"", -1
    for match in _STRING.finditer(whole):
        if match[1] is None:
            line = -1
        elif match[2]:
            name = match[1]
        else:
            if line < 0:
                line = match.start()
                end = whole.find(b"\n", line)
                begin = whole.rfind(b"\n", 0, line) + 1
                place = b",".join(_NUMBER.findall(whole, begin, end if end >= 0 else len(whole)))
            named.setdefault(name, []).append(match.span(1))
            placed.setdefault((name, place), []).append(match.span(1))
    yield from named.values()
    yield from (places for (name, _), places in placed.items() if len(places) < len(named[name]))


def _placed(places: list[tuple[int, int]], start: int, end: int) -> Iterator[_Span]:
    """The parts of a span of joined strings, each with its place."""
    at, mark = 0, MARK.encode()
    for first, last in places:
        size = last - first
        if at + size > start:
            yield first + max(0, start - at), first + min(size, end - at), mark
            mark = b""  # one mark per span
        at += size
        if at >= end:
            return


def _without(whole: bytes, start: int, end: int, spans: list[_Span]) -> bytes:
    """``whole[start:end]`` with each span replaced by its mark."""
    out, at = b"", start
    for first, last, mark in spans:
        if last <= at or first >= end:
            continue
        out += whole[at : max(at, first)]
        if first >= start:
            out += mark
        at = max(at, last)
    return out + whole[at:end]
