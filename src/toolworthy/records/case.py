"""The record of one case: a line of ``results.jsonl``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import AliasChoices, Field

from toolworthy.records.model import Record
from toolworthy.records.result import NO_ANSWER, NOT_RUN, at
from toolworthy.records.score import Limit, ScoredRecord
from toolworthy.wire.ir import Api

MissKind = Literal[
    "no call",
    "wrong tool",
    "unknown tool",
    "malformed call",
    "missing argument",
    "extra argument",
    "wrong argument",
    "wrong type",
    "wrong order",
    "missing call",
    "extra call",
    "call where none is due",
    "leaked call",
    "wrong answer",
    "no answer",
    "truncated",
]
# A "leaked call" is the server's fault, every other miss the model's.
Status = Literal["right", "lenient", "wrong", "unmeasured"]
"""``lenient``: right except for a type, an additional read-only call or white space; ``unmeasured``: no response to
judge."""


CALLED = "tool_calls"
"""The finish reason that both verifiers take for a call."""


class CaseKey(Record):
    """A case, the toolset offered, and the attempt: unique in a run."""

    suite: Literal["tools"] = "tools"
    case: str
    toolset: str = Field(validation_alias=AliasChoices("toolset", "toolset"))
    """Agent whose tools were offered."""
    repeat: int = 1
    """Number of the attempt, from 1."""

    @property
    def item(self) -> str:
        return self.case

    @property
    def asker(self) -> str:
        return self.toolset

    def __str__(self) -> str:
        return f"{self.suite}/{self.case}/{self.toolset}#{self.repeat}"


class Miss(Record):
    """One deviation from the expected calls."""

    kind: MissKind
    turn: int = 0
    """From 0."""
    wanted: str = ""
    given: str = ""
    detail: str = ""
    strict: bool = False
    """Counts only in the strict reading."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one request."""

    finish: str | None
    """The finish reason in chat's terms; None if there was no response."""
    calls: tuple[tuple[str, str], ...] = ()
    """Name and arguments of each call, as sent."""
    text: bool = False
    reasoning: bool = False

    @property
    def called(self) -> bool:
        """Whether a call was made, as the verifiers count it."""
        return self.finish == CALLED


@dataclass(frozen=True, slots=True)
class Noted:
    """The data of one request and its outcome that the verifier's figures need."""

    index: int
    outcome: Outcome
    fits: tuple[bool, ...]
    """For each call, whether it fits its schema."""
    due: bool | None = None
    reference: Outcome | None = None

    @property
    def valid(self) -> bool:
        """Whether there are calls, and each fits."""
        return bool(self.fits) and all(self.fits)


class CaseResult(ScoredRecord):
    """The result of one case."""

    kind: Literal["case"] = "case"
    key: CaseKey
    category: str
    status: Status
    credit: float = Field(default=0.0, ge=0, le=1)
    """Share of the expected calls that were made, 0 to 1, by the lenient reading."""
    misses: tuple[Miss, ...] = ()
    detail: str = ""
    """Why it is unmeasured."""
    limit: Limit | None = None
    """The run limit that ended it unmeasured, if one did."""
    unasked: bool = False
    """Whether toolworthy sent no request, for example because of a budget."""
    think: bool | None = None
    api: Api | None = None
    """The wire API of the requests to the endpoint."""
    turns: int = 0
    """How many requests were judged."""
    noted: Noted | None = None
    """The data that a vendor verifier's figures need."""

    @property
    def judged(self) -> bool:
        return self.status != "unmeasured"

    @property
    def ok(self) -> bool:
        return self.status in ("right", "lenient")

    @property
    def uncounted(self) -> str:
        if self.judged:
            return ""
        return NOT_RUN if self.unasked else at(self.limit) if self.limit else NO_ANSWER

    @property
    def explanation(self) -> str:
        """Why it is wrong, for a test's message."""
        lines = []
        for miss in self.misses:
            if not miss.strict:
                lines.append(f"turn {miss.turn + 1}: {miss.kind}" + (f": {miss.detail}" if miss.detail else ""))
                lines += [f"  wanted {miss.wanted[:500]}"] if miss.wanted else []
                lines += [f"  given  {miss.given[:500]}"] if miss.given else []
        return "\n".join([*lines, f"again: {self.reproduce}"])
