"""The record of one replayed request: a line of ``results.jsonl``."""

from __future__ import annotations

from typing import ClassVar, Literal

from toolworthy.records.finding import Finding
from toolworthy.records.model import Record, ResultRecord
from toolworthy.records.result import NO_ANSWER
from toolworthy.records.score import Leaks
from toolworthy.wire.ir import Api

Side = Literal["target", "reference"]
"""``reference``: an endpoint that is measured only to show how far the recorded one agrees with itself."""
Status = Literal["compared", "failed", "not comparable", "unmeasured"]
"""``failed``: the endpoint gave no usable response; ``not comparable``: the recording has none; ``unmeasured``: the
endpoint could not be reached, was busy, or met a run limit."""
DifferenceKind = Literal[
    "endpoint error",
    "answers now",
    "no call",
    "call",
    "other tools",
    "other arguments",
    "arguments written otherwise",
    "schema",
    "finish reason",
    "leaked syntax",
    "findings",
]
DECISIVE: tuple[DifferenceKind, ...] = ("endpoint error", "no call", "call", "other tools", "other arguments")
"""Differences in the decision; the others are differences in form."""


class ReplayKey(Record):
    """A recorded request, the side, and the number of the attempt."""

    suite: ClassVar[str] = "replay"
    trial: str
    """Name of the recorded trial."""
    exchange: int
    """Index of the exchange in it."""
    number: int = 1
    """Number of the attempt, from 1."""
    side: Side = "target"

    @property
    def request(self) -> tuple[str, int]:
        """The recorded request, without side and attempt."""
        return self.trial, self.exchange

    @property
    def item(self) -> str:
        return f"{self.trial}, exchange {self.exchange}"

    @property
    def asker(self) -> str:
        return self.side

    @property
    def repeat(self) -> int:
        return self.number

    def __str__(self) -> str:
        return f"{self.suite}/{self.item}/{self.side}#{self.number}"


class Called(Record):
    """One tool call of an answer."""

    name: str
    """The flat name, including a namespace."""
    arguments: str
    """As they came, cut to 2,000 characters; for a free-form tool, its text."""
    value: str
    """Hash of the arguments as a JSON value: equal if they mean the same."""
    text: str
    """Hash of the arguments as they were written."""
    known: bool
    parses: bool
    problem: str | None
    """Why they do not fit the offered schema."""

    @property
    def trouble(self) -> str:
        """The fault of the call as text; empty if it has none."""
        if not self.known:
            return f"{self.name} was not offered"
        return (
            f"{self.name}: {self.problem}" if self.problem else "" if self.parses else f"{self.name}: not a JSON object"
        )


class Decision(Record):
    """The part of a response that is compared."""

    calls: tuple[Called, ...] = ()
    finish: str | None = None
    raw_finish: str | None = None
    text: str = ""
    """The beginning of its text."""
    error: str = ""
    """Why there is no response."""
    findings: tuple[str, ...] = ()
    """Codes of the rules that the response violates."""
    model: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    first_seconds: float | None = None
    """Seconds until the first byte of a streamed response."""
    seconds: float = 0.0

    @property
    def shape(self) -> tuple[tuple[str, str], ...]:
        """The called tools with their arguments, sorted: parallel calls have no order."""
        return tuple(sorted((call.name, call.value) for call in self.calls))

    @property
    def tools(self) -> tuple[str, ...]:
        """The called tools, sorted."""
        return tuple(sorted(call.name for call in self.calls))


class Difference(Record):
    """One difference between two responses."""

    kind: DifferenceKind
    detail: str


class Adaptation(Record):
    """How the recorded request was adapted to the endpoint."""

    how: Literal["as recorded", "adapted"]
    """``as recorded``: byte for byte, with at most the model replaced."""
    recorded_api: Api
    """The wire API of the request to the recorded endpoint."""
    api: Api
    notes: tuple[str, ...] = ()
    """Changes and losses, one short sentence each."""


class ReplayResult(ResultRecord):
    """The result of one attempt at one recorded request."""

    limit: ClassVar[None] = None
    findings: ClassVar[tuple[Finding, ...]] = ()
    leaks: ClassVar[Leaks] = Leaks()

    kind: Literal["replay"] = "replay"
    key: ReplayKey
    status: Status
    detail: str = ""
    """Why it is not compared."""
    offers_tools: bool = False
    """Whether the request allows tool calls."""
    old: Decision | None = None
    new: Decision | None = None
    differences: tuple[Difference, ...] = ()
    adapted: Adaptation | None = None
    source: str = ""
    """The file of the recording that holds the request."""
    exchange: int | None = None
    """Index of the new exchange in it."""

    @property
    def same_decision(self) -> bool | None:
        """Whether the same tools are called with the same arguments, or none; None if that is unknown."""
        if self.old is None or self.old.error or self.status not in ("compared", "failed"):
            return None
        return not any(difference.kind in DECISIVE for difference in self.differences)

    @property
    def judged(self) -> bool:
        return self.same_decision is not None

    @property
    def ok(self) -> bool:
        return self.same_decision is True

    @property
    def uncounted(self) -> str:
        return "" if self.judged else NO_ANSWER if self.status == "compared" else self.status

    @property
    def status_word(self) -> str:
        return self.status

    @property
    def api(self) -> Api | None:
        return self.adapted.api if self.adapted else None

    @property
    def seconds(self) -> float:
        return self.new.seconds if self.new else 0.0
