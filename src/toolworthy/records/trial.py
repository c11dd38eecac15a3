"""The record of one trial, a line of ``results.jsonl``; and what it has in common with those of cases and probes."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, model_validator

from toolworthy.records.case import CaseKey, CaseResult
from toolworthy.records.model import Record
from toolworthy.records.score import Cause, Limit, Score
from toolworthy.rules.model import Finding
from toolworthy.wire.ir import Api
from toolworthy.work.probes import ProbeKey, ProbeResult

Status = Literal["passed", "failed", "error", "refused", "unmeasured"]
"""``error``: infrastructure or a limit of ours, never the model's score; ``refused``: preflight says that the agent
cannot work here; ``unmeasured``: it was not run for a reason of ours, a budget for instance."""


class TrialKey(BaseModel):
    """Which trial: unique in a run, the same in every run of the same plan."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    suite: str
    task: str
    agent: str
    repeat: int = 1
    """Number of the attempt, from 1."""

    def __str__(self) -> str:
        return f"{self.suite}/{self.task}/{self.agent}#{self.repeat}"


class Verification(Record):
    """What the hidden tests said."""

    model_config = ConfigDict(allow_inf_nan=False)

    reward: float | None
    """None where the verifier gave none."""
    output: str
    """Its stdout and stderr, cut to the last 20,000 characters."""
    ended: str
    seconds: float


class TrialResult(Record):
    """How one trial went."""

    model_config = ConfigDict(allow_inf_nan=False)

    key: TrialKey
    status: Status
    cause: Cause | None = None
    score: Score = Score()
    verification: Verification | None = None
    agent_version: str = ""
    agent_api: Api | None = None
    endpoint_api: Api | None = None
    agent_exit: int | None = None
    agent_ended: str = ""
    """How its process ended: exit, timeout, memory, …"""
    agent_output: str = ""
    """The last 20,000 characters of its stdout and stderr, redacted."""
    diff: str = ""
    """What it changed in the workspace, as a unified diff, cut to 100,000 characters."""
    sandbox: str = ""
    task_digest: str = ""
    started: float = 0.0
    """Unix time, seconds."""
    seconds: float = 0.0
    exchanges: str = ""
    """File with its exchanges, relative to the run directory."""
    reproduce: str = ""
    """The command that runs just this trial again."""

    @property
    def limit(self) -> Limit | None:
        """The limit of ours at which it ended unsolved; None where it passed, failed otherwise or was not run."""
        if self.status != "error" or self.cause is None:
            return None
        return self.cause.limit or ("unnamed" if self.cause.kind == "budget" else None)

    @model_validator(mode="before")
    @classmethod
    def _told_apart(cls, value: Any) -> Any:
        """Runs of before there was ``refused`` told it from ``unmeasured`` by whose fault it was."""
        cause = value.get("cause") if isinstance(value, dict) and value.get("status") == "unmeasured" else None
        if isinstance(cause, dict) and cause.get("fault") == "endpoint":
            return {**value, "status": "refused"}
        return value


Key = TrialKey | ProbeKey | CaseKey
Result = TrialResult | ProbeResult | CaseResult


def findings_of(result: Result) -> tuple[Finding, ...]:
    """What the rules found in it."""
    return result.findings if isinstance(result, ProbeResult) else result.score.findings


def word_of(result: Result) -> str:
    """How it went, in the word of its suite."""
    return result.verdict if isinstance(result, ProbeResult) else result.status
