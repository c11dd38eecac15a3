"""Read pasted text: encodings, Markdown, quotation, and the credentials left in it."""

from __future__ import annotations

import codecs
import re
import textwrap
from collections.abc import Iterator

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_STYLE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_FENCE = re.compile(r"^[ \t>]*(?:```|~~~)[^\n]*$", re.MULTILINE)
_QUOTED = re.compile(r"^[ \t]*>[ \t]?", re.MULTILINE)
_SENT = re.compile(r"> [A-Z]+ \S+ HTTP/")
"""curl marks sent lines as Markdown marks a quotation."""
_CREDENTIAL = re.compile(
    r"""(?ix)(?:authorization|[\w-]*api[-_]?key|[\w-]*-key|cookie|[\w-]*(?:auth|access)[-_]token|token|secret|password)
    ["']?(?:\s*,\s*["']value["'])?\s*[:=]\s*["']?(?:(?:bearer|basic|token)\s+)?([^\s"'\\,;&}\ud800-\udfff]{8,})"""
)
"""A name for a credential, then its value: in a header, in JSON, in a HAR file's list of headers, in a URL."""


def decoded(data: bytes) -> str:
    """The file as text, without a terminal's styles; bytes that are not UTF-8 stay what they are when written again."""
    mark, encoding = next(((mark, name) for mark, name in _BOMS if data.startswith(mark)), (b"", "utf-8"))
    return _STYLE.sub("", data[len(mark) :].decode(encoding, "surrogateescape" if encoding == "utf-8" else "replace"))


def encoded(text: str) -> bytes:
    """The inverse of `decoded`."""
    return text.encode("utf-8", "surrogateescape")


def blocks(text: str) -> Iterator[tuple[int, str]]:
    """The fenced blocks of Markdown and what is between them, in order, each with its start; without quotation marks
    and indentation."""
    start = 0
    for fence in _FENCE.finditer(text):
        yield start, _bare(text[start : fence.start()])
        start = fence.end() + 1
    yield start, _bare(text[start:])


def _bare(block: str) -> str:
    lines = [line.lstrip() for line in block.splitlines() if line.strip()]
    if lines and all(line.startswith(">") for line in lines) and not any(map(_SENT.match, lines)):
        block = _QUOTED.sub("", block)
    return textwrap.dedent(block)


def credentials(text: str) -> set[str]:
    """Values of credentials in a text."""
    return {match[1] for match in _CREDENTIAL.finditer(text)}
