"""What a probe says."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from toolworthy.content.situations import Situation
from toolworthy.records.model import Record
from toolworthy.records.score import Leaks
from toolworthy.rules import Finding, Severity
from toolworthy.wire.ir import Api

Verdict = Literal["supported", "rejected", "ignored", "broken", "unmeasured"]
"""``rejected``: refused with a clear error; ``ignored``: accepted, without effect and without a word; ``unmeasured``:
the model did not do what the probe needs, or the endpoint cannot be asked."""


class ProbeKey(BaseModel):
    """One probe over one wire API, streamed or whole: unique in a run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    suite: Literal["wire"] = "wire"
    probe: str
    api: Api
    stream: bool | None = None
    """None where it makes no difference."""

    @property
    def way(self) -> str:
        """``chat-stream``, ``chat-whole`` or ``chat``."""
        return self.api + ("" if self.stream is None else "-stream" if self.stream else "-whole")

    def __str__(self) -> str:
        return f"{self.suite}/{self.probe}/{self.way}"


class ProbeResult(Record):
    """What one probe found: a line of ``results.jsonl``."""

    key: ProbeKey
    title: str
    verdict: Verdict
    detail: str = ""
    severity: Severity = "degrades"
    """What it means for the agents concerned if this is not supported."""
    situation: Situation = "always"
    """When agents meet it."""
    agents: tuple[str, ...] = ()
    """Agents that need it; ``*`` for every one."""
    main_path: bool = False
    """Whether it is what its agent sends in every plain task: only this can break an agent."""
    endpoint_api: Api | None = None
    """What the endpoint was asked in; None where it was not asked."""
    served: tuple[Api, ...] = ()
    """The wire APIs of the endpoint, as preflight found them."""
    findings: tuple[Finding, ...] = ()
    leaks: Leaks = Leaks()
    requests: int = 0
    unasked: bool = False
    """Not asked at all, since a budget was spent first."""
    started: float = 0.0
    """Unix time, seconds."""
    seconds: float = 0.0
    exchanges: str = ""
    """File with its exchanges, relative to the run directory."""
    reproduce: str = ""

    def needed_by(self, agent: str) -> bool:
        """Whether the agent meets what is asked: a failure of what it never sends is not its trouble."""
        return "*" in self.agents or agent in self.agents


class Outcome(Exception):
    """Ends a probe with another verdict than ``supported``; its text is the detail."""

    verdict: Verdict = "broken"


class Broken(Outcome):
    """The endpoint does it wrong."""


class Rejected(Outcome):
    """The endpoint says clearly that it does not do it."""

    verdict: Verdict = "rejected"


class Ignored(Outcome):
    """The endpoint takes it, and nothing happens."""

    verdict: Verdict = "ignored"


class Unmeasured(Outcome):
    """It cannot be told."""

    verdict: Verdict = "unmeasured"
