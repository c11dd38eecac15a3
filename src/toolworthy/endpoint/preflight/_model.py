"""Results of preflight."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from toolworthy.rules.refusal import Refusal, classify
from toolworthy.wire.ir import Api

MAX_BODY = 2**21
"""The most bytes of one response that are read, and unpacked."""


@dataclass(frozen=True)
class Check:
    """One check."""

    name: str
    ok: bool | None
    """None if undecided."""
    detail: str
    reading: bool = False
    """Whether it says how preflight interpreted the user's input: shown even if it is ok."""
    absent: bool = False
    """Whether it is about a missing API: an endpoint need not have all of them."""


@dataclass(frozen=True)
class PreflightAnswer:
    """The response to one request."""

    url: str
    status: int = 0
    """0 if nothing came."""
    headers: dict[str, str] = field(default_factory=dict)
    """By lower-case name."""
    body: bytes = b""
    trouble: str = ""
    """Why it is incomplete: the connection broke, or the time limit was reached."""
    timed_out: bool = False
    """Whether our time limit was the reason."""
    too_long: bool = False
    """Whether it exceeds the limit; then only its beginning is kept."""
    seconds: float = 0.0
    """Seconds from the last request to the last byte of its response."""
    waited: float = 0.0
    """Seconds from the first attempt to the last response."""

    @cached_property
    def refusal(self) -> Refusal | None:
        """The error that it reports."""
        return classify(self.status, self.headers, self.body) if self.status else None

    @property
    def busy(self) -> bool:
        """Whether the endpoint says that it is busy."""
        return self.refusal is not None and self.refusal.busy

    @property
    def refuses_key(self) -> bool:
        """Whether it is refused for a wrong or missing key."""
        return self.refusal is not None and self.refusal.kind == "bad key"

    @property
    def is_odd(self) -> bool:
        """Whether its status is impossible for a completion: no content, or not an HTTP status."""
        return self.status in (204, 205) or 0 < self.status < 200 or self.status >= 600

    @property
    def summary(self) -> str:
        """A summary in one short line."""
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
"""``fails``: available, but rejects agents' requests; ``unknown``: busy or rate limited; ``absent``: the API is
missing."""


@dataclass(frozen=True)
class Tried:
    """The result of a completion request over one wire API."""

    api: Api
    base_url: str
    state: State
    answer: PreflightAnswer
    """The response that shows the result."""
    checks: tuple[Check, ...] = ()
    system_anywhere: bool = True
    """Whether it accepts a system message in mid-conversation."""
    max_completion_tokens: bool = False
    """The name of the token limit that it requires."""

    @property
    def refusal(self) -> Refusal | None:
        """The error that it reports."""
        return self.answer.refusal
