"""The record of one case: a line of ``results.jsonl``."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from toolworthy.records.model import Record
from toolworthy.records.score import Limit, Score
from toolworthy.wire.ir import Api
from toolworthy.work.cases.benchmarks.verifier import Noted

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
"""``lenient``: right but for a type, an additional look, white space; ``unmeasured``: no answer to be judged."""


class _Frozen(Record):
    model_config = ConfigDict(allow_inf_nan=False)


class CaseKey(_Frozen):
    """Which case, in whose words, which attempt: unique in a run."""

    suite: Literal["tools"] = "tools"
    case: str
    vocabulary: str
    repeat: int = 1
    """Number of the attempt, from 1."""

    def __str__(self) -> str:
        return f"{self.suite}/{self.case}/{self.vocabulary}#{self.repeat}"


class Miss(_Frozen):
    """One thing that is not as it should be."""

    kind: MissKind
    turn: int = 0
    """From 0."""
    wanted: str = ""
    given: str = ""
    detail: str = ""
    strict: bool = False
    """Only the strict reading minds."""


class CaseResult(_Frozen):
    """How one case went."""

    key: CaseKey
    category: str
    status: Status
    credit: float = Field(default=0.0, ge=0, le=1)
    """Share of what was wanted that was done, 0 to 1, by the lenient reading."""
    misses: tuple[Miss, ...] = ()
    detail: str = ""
    """Why it is unmeasured."""
    limit: Limit | None = None
    """The limit of ours that ended it unmeasured, if one did."""
    unasked: bool = False
    """Whether nothing was asked, for a reason of ours."""
    think: bool | None = None
    api: Api | None = None
    """What the endpoint was asked in."""
    turns: int = 0
    """Judged."""
    noted: Noted | None = None
    """What a vendor verifier's figures need."""
    score: Score = Score()
    started: float = 0.0
    """Unix time, seconds."""
    seconds: float = 0.0
    exchanges: str = ""
    """File with its exchanges, relative to the run directory."""
    reproduce: str = ""

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
