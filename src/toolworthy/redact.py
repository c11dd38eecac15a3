"""Take credentials out of what is recorded, at the earliest place."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote

MARK = "[redacted]"

_HEADERS = re.compile(r"authorization|[-_]auth\b|api-?key|[-_]key\b|cookie|token|secret|credential", re.IGNORECASE)
# Key shapes that vendors publish; a bare "sk-" is too short to be one.
_SHAPES = re.compile(
    rb"\b(?:sk-(?:ant-|or-|proj-)?[A-Za-z0-9_-]{16,}|gh[pousr]_[A-Za-z0-9]{20,}|AIza[A-Za-z0-9_-]{30,})"
)
_KEEP = b"sk-toolworthy-placeholder"
"""What agents are given for a key; it opens nothing, and shows that an agent used it."""


def credential(header: str) -> bool:
    """Whether a header of this name carries a credential."""
    return bool(_HEADERS.search(header))


class Redactor:
    """Knows an endpoint's secrets in every form in which they may come back."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets if len(secret) >= 4 for form in _forms(secret)}
        ordered = sorted(forms, key=len, reverse=True)
        self._secrets = re.compile(b"|".join(map(re.escape, ordered))) if ordered else None
        self.longest = max(map(len, ordered), default=0)

    def data(self, data: bytes) -> bytes:
        """`data` without secrets."""
        if self._secrets is not None:
            data = self._secrets.sub(MARK.encode(), data)
        return _SHAPES.sub(lambda match: match[0] if match[0] == _KEEP else MARK.encode(), data)

    def text(self, text: str) -> str:
        """`text` without secrets."""
        return self.data(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Headers by lower-case name, those that carry credentials by name only."""
        return {name.lower(): MARK if credential(name) else self.text(value) for name, value in headers.items()}

    def pieces(self, pieces: list[bytes]) -> list[bytes]:
        """Pieces of one body without secrets, even where one straddles a border. Their number stays."""
        whole = b"".join(pieces)
        if self.data(whole) == whole:
            return pieces
        out: list[bytes] = []
        start = 0
        spans = [match.span() for pattern in (self._secrets, _SHAPES) if pattern for match in pattern.finditer(whole)]
        for piece in pieces:
            end = start + len(piece)
            out.append(_without(whole, start, end, spans))
            start = end
        return out


def _without(whole: bytes, start: int, end: int, spans: list[tuple[int, int]]) -> bytes:
    """``whole[start:end]`` with every span cut out; its mark stands where the span began."""
    out, at = b"", start
    for first, last in sorted(spans):
        if last <= at or first >= end:
            continue
        out += whole[at : max(at, first)]
        if first >= start:
            out += MARK.encode()
        at = max(at, last)
    return out + whole[at:end]


def _forms(secret: str) -> set[bytes]:
    raw = secret.encode()
    return {
        raw,
        json.dumps(secret)[1:-1].encode(),
        quote(secret, safe="").encode(),
        base64.b64encode(raw).rstrip(b"="),
        base64.b64encode(b":" + raw).rstrip(b"="),
    }
