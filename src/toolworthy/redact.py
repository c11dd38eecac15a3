"""Take credentials out of what is recorded, at the earliest place."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote

MARK = "[redacted]"

_HEADERS = re.compile(
    r"authorization|[-_]auth\b|api[-_]?key|[-_]key\b|cookie|token|secret|credential|passw|[-_](?:pwd|sig|signature)\b",
    re.IGNORECASE,
)
# Key shapes that vendors publish; a bare "sk-" is too short to be one.
_SHAPES = re.compile(
    rb"\b(?:sk-(?:ant-|or-|proj-)?[A-Za-z0-9_-]{16,}|gh[pousr]_[A-Za-z0-9]{20,}|AIza[A-Za-z0-9_-]{30,})"
)
_KEY = re.compile(
    r"(?:^|[^A-Za-z0-9])(?:(?:sk|pk|rk|gsk|csk|pplx|xai|nvapi|glpat)-[\w-]{6}|(?:sk|gsk|fw|hf|r8|nvapi|tgp)_\w{6}"
    r"|gh[pousr]_\w{6}|AIza[\w-]{8}|AKIA[A-Z0-9]{8}|eyJ[\w-]{8}|Bearer\s)"
)
"""How keys begin, read more widely than in what servers say: where a user should not have given a key."""
_RANDOM = re.compile(r"(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9]{24}")
_KEEP = b"sk-toolworthy-placeholder"
"""What agents are given for a key; it opens nothing, and shows that an agent used it."""


def credential(header: str) -> bool:
    """Whether a header of this name carries a credential."""
    return bool(_HEADERS.search(header))


def looks_like_key(text: str, *, by_looks: bool = True) -> bool:
    """Whether `text`, which a user gave for something else, may be or hold a key: then no part of it is to be shown.

    Args:
        text: what was given.
        by_looks: whether any long run of letters and digits counts. Paths of URLs have such: ids of accounts.
    """
    return bool(_KEY.search(text) or (by_looks and _RANDOM.search(text)))


SHORTEST = 8
"""Characters of the shortest text that is a secret. What is shorter stands in for a key where none is needed (``none``,
``EMPTY``), and is part of other words."""


class Redactor:
    """Knows an endpoint's secrets in every form in which they may come back."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets if len(secret) >= SHORTEST for form in _forms(secret)}
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
