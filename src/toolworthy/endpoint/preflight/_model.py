"""Results of preflight."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from toolworthy.rules.refusal import Refusal, classify
from toolworthy.wire.ir import Api

MAX_BODY = 2**21
"""Bytes of one answer that are read, and that are unpacked."""


@dataclass(frozen=True)
class Check:
    """One thing looked at."""

    name: str
    ok: bool | None
    """None where it could not be told."""
    detail: str
    reading: bool = False
    """Whether it says how preflight read what the user gave, which they are to hear even where all is well."""
    absent: bool = False
    """Whether it is an API that is not there: an endpoint need not have all of them."""


@dataclass(frozen=True)
class PreflightAnswer:
    """What came back to one request."""

    url: str
    status: int = 0
    """0 where nothing came."""
    headers: dict[str, str] = field(default_factory=dict)
    """By lower-case name."""
    body: bytes = b""
    trouble: str = ""
    """Why it is not whole: the connection broke, or the time was up."""
    timed_out: bool = False
    """Whether our own limit of time was the trouble."""
    too_long: bool = False
    """Whether it is longer than any answer here need be; then only its beginning is kept."""
    seconds: float = 0.0
    """Of the last answer, from the request to its last byte."""
    waited: float = 0.0
    """Seconds from the first time of asking to the last answer."""

    @cached_property
    def refusal(self) -> Refusal | None:
        """The error that it reports."""
        return classify(self.status, self.headers, self.body) if self.status else None

    @property
    def busy(self) -> bool:
        """Whether the endpoint says that it has no time now."""
        return self.refusal is not None and self.refusal.busy

    @property
    def refuses_key(self) -> bool:
        """Whether it is refused for the key, or for the want of one."""
        return self.refusal is not None and self.refusal.kind == "bad key"

    @property
    def is_odd(self) -> bool:
        """Whether its status is none that an answer to a completion can have: no content, or none of HTTP's."""
        return self.status in (204, 205) or 0 < self.status < 200 or self.status >= 600

    @property
    def says(self) -> str:
        """All of it in one short line."""
        if self.trouble:
            return self.trouble
        if self.too_long:
            return f"HTTP {self.status}, an answer of more than {MAX_BODY // 2**20} MiB"
        if self.refusal:
            return f"HTTP {self.status}: {' '.join(self.refusal.message.split())[:200]}"
        if not self.body:
            return f"HTTP {self.status} without a body"
        text = " ".join(self.body[:200].decode(errors="replace").split())
        if text.count("\ufffd") > len(text) / 8:
            text = "bytes that are not text"
        return f"HTTP {self.status}, {self.headers.get('content-type') or 'no content type'}: {text[:120]!r}"


State = Literal["answers", "fails", "unknown", "absent"]
"""``fails``: it is there, and refuses what agents ask; ``unknown``: it had no time, or no patience with us; ``absent``:
nothing there speaks this API."""


@dataclass(frozen=True)
class Tried:
    """One wire API, asked for a completion."""

    api: Api
    base_url: str
    state: State
    answer: PreflightAnswer
    """The one that shows it."""
    checks: tuple[Check, ...] = ()
    system_anywhere: bool = True
    """Whether it takes a system message in mid-conversation."""
    max_completion_tokens: bool = False
    """Whether it wants the token limit under this name."""

    @property
    def refusal(self) -> Refusal | None:
        """The error that shows it."""
        return self.answer.refusal
