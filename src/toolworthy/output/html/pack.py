"""Data inside the page: compressed blocks, unpacked on demand, and a policy that allows only the script."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from toolworthy.base.sanitize import HIDDEN, visible

_SHORT = 64
"""Shorter texts are not replaced by references."""


def block(name: str, value: object) -> str:
    """`value` as JSON, gzip and base64 in an element that is not a script to the browser."""
    # ASCII, so that lone surrogates survive; base64 holds nothing that could end the element.
    raw = json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode()
    packed = base64.b64encode(gzip.compress(raw, 6, mtime=0)).decode()
    return f'<script type="text/plain" id="{name}">{packed}</script>\n'


def index(**content: object) -> str:
    """The block that the script reads first: what ``Index`` in ``data.ts`` names, empty if nothing is given.

    Its texts are made visible here; those of opened trials, which may be copied as they are, by the script.
    """
    lists = ("runs", "titles", "items", "order", "points", "measures", "causes", "differences", "past")
    shown = each_text(content, visible)
    return block("index", {**{name: [] for name in lists}, "hidden": list(HIDDEN.items()), **shown})


def each_text(value: Any, change: Callable[[str], str]) -> Any:
    """`value` with every text in it changed; keys stay."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {name: each_text(inner, change) for name, inner in value.items()}
    return [each_text(inner, change) for inner in value] if isinstance(value, (list, tuple)) else value


def file_block(name: str, data: bytes) -> str:
    """A file that the page offers for download."""
    return f'<script type="text/plain" id="{name}">{base64.b64encode(data).decode()}</script>\n'


def policy(script: str, style: str) -> str:
    """The page's Content-Security-Policy: this script and this style, and nothing from anywhere else."""
    return (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@dataclass
class Pool:
    """Texts that recur: system prompts, tool lists, messages that every request repeats.

    A text that occurs in two trials goes into the page's list (references from 0); one that only one trial repeats,
    into that trial's list (from -1 down).
    """

    shared: list[str] = field(default_factory=list)
    _shared: dict[bytes, int] = field(default_factory=dict)
    _seen: set[bytes] = field(default_factory=set)

    def find(self, digest: bytes, text: str) -> int | None:
        """The reference of a text that another trial has; None if it is new: then it is registered."""
        if digest not in self._seen:
            self._seen.add(digest)
            return None
        if digest not in self._shared:
            self._shared[digest] = len(self.shared)
            self.shared.append(text)
        return self._shared[digest]


@dataclass
class Local:
    """The texts of one trial."""

    pool: Pool
    texts: list[str] = field(default_factory=list)
    _known: dict[bytes, int] = field(default_factory=dict)

    def __call__(self, text: str) -> Any:
        """`text` itself if it is short, else its reference."""
        if len(text) < _SHORT:
            return text
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).digest()
        if digest not in self._known:
            place = self.pool.find(digest, text)
            if place is None:
                self.texts.append(text)
                place = -len(self.texts)
            self._known[digest] = place
        return self._known[digest]
