"""The record of one replayed request: a line of ``results.jsonl``."""

from __future__ import annotations

from typing import ClassVar, Literal

from toolworthy.records.finding import Finding
from toolworthy.records.model import Record, ResultRecord
from toolworthy.records.result import NO_ANSWER
from toolworthy.records.score import Leaks
from toolworthy.wire.ir import Api

Side = Literal["target", "reference"]
"""``reference``: an endpoint that is asked only to learn how far the recorded one agrees with itself."""
Status = Literal["compared", "failed", "not comparable", "unmeasured"]
"""``failed``: the endpoint gave no answer that can be used; ``not comparable``: the recording holds none;
``unmeasured``: the endpoint could not be reached, had no time for us, or met a run limit."""
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
"""Differences that make another decision; the others are of form."""


class ReplayKey(Record):
    """Which request, and which sending of it."""

    suite: ClassVar[str] = "replay"
    trial: str
    """Name of the recorded trial."""
    exchange: int
    """Index of the exchange in it."""
    number: int = 1
    """Number of the sending, from 1."""
    side: Side = "target"

    @property
    def request(self) -> tuple[str, int]:
        """The recorded request, whoever was asked and how often."""
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
    """With its namespace, as an API without namespaces says it."""
    arguments: str
    """As they came, cut to 2,000 characters; of a free-form tool its text."""
    value: str
    """Hash of the arguments as a JSON value: equal where they mean the same."""
    text: str
    """Hash of the arguments as they were written."""
    known: bool
    parses: bool
    problem: str | None
    """Why they do not fit the schema that the request offered."""

    @property
    def trouble(self) -> str:
        """What is wrong with it, in words; empty where nothing is."""
        if not self.known:
            return f"{self.name} was not offered"
        return f"{self.name}: {self.problem}" if self.problem else "" if self.parses else f"{self.name}: no JSON object"


class Decision(Record):
    """What an endpoint answered, as far as it is compared."""

    calls: tuple[Called, ...] = ()
    finish: str | None = None
    raw_finish: str | None = None
    text: str = ""
    """The beginning of what it said."""
    error: str = ""
    """Why there is no answer."""
    findings: tuple[str, ...] = ()
    """Codes of the rules that the answer breaks."""
    model: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    first_seconds: float | None = None
    """Until the first byte, of a streamed answer."""
    seconds: float = 0.0

    @property
    def shape(self) -> tuple[tuple[str, str], ...]:
        """Which tools are called with which arguments, in no order: parallel calls have none."""
        return tuple(sorted((call.name, call.value) for call in self.calls))

    @property
    def tools(self) -> tuple[str, ...]:
        """Which tools are called, in no order."""
        return tuple(sorted(call.name for call in self.calls))


class Difference(Record):
    """One respect in which two answers differ."""

    kind: DifferenceKind
    detail: str


class Adaptation(Record):
    """How the recorded request was made fit for the endpoint."""

    how: Literal["as recorded", "adapted"]
    """``as recorded``: byte for byte, with at most the model replaced."""
    recorded_api: Api
    """What the recorded endpoint was asked in."""
    api: Api
    notes: tuple[str, ...] = ()
    """What was changed or could not be carried, one short sentence each."""


class ReplayResult(ResultRecord):
    """How one sending of one recorded request went."""

    limit: ClassVar[None] = None
    findings: ClassVar[tuple[Finding, ...]] = ()
    leaks: ClassVar[Leaks] = Leaks()

    kind: Literal["replay"] = "replay"
    key: ReplayKey
    status: Status
    detail: str = ""
    """Why it is not compared."""
    offers_tools: bool = False
    """Whether the request lets the model call anything."""
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
