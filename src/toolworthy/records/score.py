"""The judgement on a trial: scores with their sample sizes, findings, and a cause if it failed."""

from __future__ import annotations

from statistics import median
from typing import Any, Literal, get_args

from pydantic import ConfigDict, model_validator

from toolworthy.records.finding import Finding
from toolworthy.records.model import Record, ResultRecord
from toolworthy.wire.failure import RefusalKind

Fault = Literal["endpoint", "server", "model", "agent", "infrastructure", "our limit"]
Limit = Literal["time", "turns", "tokens", "memory", "processes", "disk", "unnamed"]
"""A run limit at which an attempt ended: it was not solved within it. ``unnamed``: older results do not say which."""
CauseKind = Literal[
    "infrastructure",
    "endpoint error",
    "wire defect",
    "malformed call",
    "unknown tool",
    "bad arguments",
    "repetition",
    "budget",
    "announced but did not act",
    "gave up",
    "agent tool",
    "wrong result",
]
CauseCode = Literal[
    "preflight",
    "not run",
    "not started",
    "no room",
    "no reward",
    "nothing asked",
    "nothing asked in time",
    "no whole answer",
    "redirected",
    "refused",
    "went silent",
    "call in text",
    "broken rule",
    "call emptied",
    "answer emptied",
    "call altered",
    "arguments broken",
    "arguments no JSON",
    "tool unknown",
    "arguments misfit",
    "same call again",
    "turns used up",
    "took too much",
    "stopped",
    "asked too much",
    "answer cut",
    "edit malformed",
    "edit misfit",
    "no edit",
    "no call",
    "only announced",
    "gave up",
    "above the ceiling",
    "tests fail",
]
"""The most specific classification of a failure."""
Note = Literal[
    "to",
    "borne elsewhere",
    "call not run",
    "call emptied",
    "answer emptied",
    "in spite of",
    "agent says",
    "agent content",
    "verifier says",
]
"""A remark on a cause."""


class Count(Record):
    """`ok` of `n`: a rate always has its sample size."""

    ok: int = 0
    n: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(ok=self.ok + other.ok, n=self.n + other.n)


class CallScores(Record):
    """The tool calls of a trial, judged against what each request offered."""

    model_config = ConfigDict(use_attribute_docstrings=True)  # pages explain each count

    parses: Count = Count()
    """Calls whose arguments are JSON (free-form tools: always)."""
    known: Count = Count()
    """Calls of an offered tool."""
    valid: Count = Count()
    """Calls whose arguments fit the offered schema."""
    coherent: Count = Count()
    """Calls with the id and stop reason that agents need."""
    executed: Count = Count()
    """Calls whose result, if one came, is not an error."""
    fresh: Count = Count()
    """Calls that are not the third identical one in a row."""
    clean_text: Count = Count()
    """Responses whose text and reasoning have no tool-call syntax."""
    edits: Count = Count()
    """Edits in the text that are well-formed and fit their files."""


class Leaks(Record):
    """Leaked calls: the responses with a call, and in how many of them the server left a call in the text, so that it
    was not executed."""

    leaked: int = 0
    calls: int = 0
    """Responses with a call, in any field."""

    def __add__(self, other: Leaks) -> Leaks:
        return Leaks(leaked=self.leaked + other.leaked, calls=self.calls + other.calls)


class Tokens(Record):
    """Summed over a trial's exchanges; None if no response reported any."""

    input: int | None = None
    output: int | None = None
    cached: int | None = None
    cache_write: int | None = None
    cache_write_1h: int | None = None
    reasoning: int | None = None


class Cause(Record):
    """Why a trial failed."""

    kind: CauseKind
    fault: Fault
    code: CauseCode | None = None
    """None in results from before codes existed."""
    detail: str
    """One sentence for people, with the evidence in words."""
    exchange: int | None = None
    """Index of the exchange that shows it."""
    limit: Limit | None = None
    """The run limit that ended the trial, if one did."""
    notes: tuple[Note, ...] = ()
    """Remarks on the cause."""
    rule: str = ""
    """Code of the rule that names it."""
    refusal: RefusalKind | None = None
    """The kind of the endpoint's error."""

    @model_validator(mode="before")
    @classmethod
    def _told_apart(cls, value: Any) -> Any:
        """Older runs stored the rule's code, or the kind of the error, under ``code``."""
        code = value.get("code") if isinstance(value, dict) else None
        if code is None or code in get_args(CauseCode):
            return value
        name = "refusal" if code in get_args(RefusalKind) else "rule"
        return {**value, "code": None, name: code}


class Score(Record):
    """The measurements of a trial's exchanges."""

    answers: str = ""
    """Hash of all responses, without ids, times and temporary paths; "" if a response is missing. Attempts at one item
    with the same hash are copies of each other."""

    requests: int = 0
    turns: int = 0
    """Responses in the task's own conversation (tools offered)."""
    calls: int = 0
    call_scores: CallScores = CallScores()
    leaks: Leaks = Leaks()
    tokens: Tokens = Tokens()
    cost_usd: float | None = None
    first_token_seconds: tuple[float, ...] = ()
    """Seconds to the first token, for each streamed response with content."""
    request_seconds: tuple[float, ...] = ()
    findings: tuple[Finding, ...] = ()
    translated: bool = False
    losses: tuple[str, ...] = ()
    models_answered: tuple[str, ...] = ()
    """Model ids in the responses."""

    @property
    def first_token(self) -> float | None:
        """Median of `first_token_seconds`; None if nothing was streamed."""
        return median(self.first_token_seconds) if self.first_token_seconds else None


def score_of(result: object) -> Score:
    """The score of a result; an empty one for a kind of work that records none."""
    score = getattr(result, "score", None)
    return score if isinstance(score, Score) else Score()


class ScoredRecord(ResultRecord):
    """The fields that attempts at tasks and cases have in common."""

    status: str
    score: Score = Score()
    seconds: float = 0.0

    @property
    def status_word(self) -> str:
        return self.status

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self.score.findings

    @property
    def leaks(self) -> Leaks:
        return self.score.leaks
