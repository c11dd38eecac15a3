"""The record of one trial: a line of ``results.jsonl``."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import model_validator

from toolworthy.records.model import Record
from toolworthy.records.result import NOT_RUN, at
from toolworthy.records.score import Cause, Limit, ScoredRecord
from toolworthy.wire.ir import Api

Status = Literal["passed", "failed", "error", "refused", "unmeasured"]
"""``error``: infrastructure or a run limit, never the model's score; ``refused``: by preflight, the agent cannot work
here; ``unmeasured``: toolworthy did not run it, for example because of a budget."""

_TAIL = 1_200
"""Characters of the hidden tests' output that an explanation shows."""


class TrialKey(Record):
    """Identifies a trial: unique in a run, the same in every run of the same plan."""

    suite: str
    task: str
    agent: str
    repeat: int = 1
    """Number of the attempt, from 1."""

    @property
    def item(self) -> str:
        return self.task

    @property
    def asker(self) -> str:
        return self.agent

    def __str__(self) -> str:
        return f"{self.suite}/{self.task}/{self.agent}#{self.repeat}"


class Verification(Record):
    """The result of the hidden tests."""

    reward: float | None
    """None if the verifier gave none."""
    output: str
    """Its stdout and stderr, cut to the last 20,000 characters."""
    ended: str
    seconds: float
    reason: str = ""
    """Why the reward is 0, if the workspace prevented the verifier from giving one."""


class TrialResult(ScoredRecord):
    """The result of one trial."""

    kind: Literal["trial"] = "trial"
    key: TrialKey
    status: Status
    cause: Cause | None = None
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
    """Its changes in the workspace, as a unified diff, cut to 100,000 characters."""
    sandbox: str = ""
    task_digest: str = ""
    ceiling: str = ""
    """Why the agent fails this task with every model, from its adapter; empty if it does not."""

    @property
    def agents_own(self) -> bool:
        """Whether only the agent is at fault."""
        return self.status == "failed" and self.cause is not None and self.cause.fault == "agent"

    @property
    def above_ceiling(self) -> bool:
        """Whether it did not pass a task that the agent fails with every model."""
        return bool(self.ceiling) and not self.ok

    @property
    def limit(self) -> Limit | None:
        """The run limit that ended it unsolved; None if it passed, failed otherwise or was not run."""
        if self.status != "error" or self.cause is None:
            return None
        return self.cause.limit or ("unnamed" if self.cause.kind == "budget" else None)

    @property
    def judged(self) -> bool:
        return self.status in ("passed", "failed")

    @property
    def ok(self) -> bool:
        return self.status == "passed"

    @property
    def uncounted(self) -> str:
        if self.judged or self.status == "refused":
            return "" if self.judged else "refused"
        if self.status == "unmeasured":
            return NOT_RUN
        if self.limit:
            return at(self.limit)
        return (self.cause.refusal or self.cause.kind) if self.cause else "infrastructure"

    @property
    def api(self) -> Api | None:
        return self.endpoint_api

    @property
    def explanation(self) -> str:
        """Why it failed, and how to reproduce it, for a test's message."""
        if self.cause is None:
            return f"{self.key}: {self.status}"
        where = f" (exchange {self.cause.exchange})" if self.cause.exchange is not None else ""
        lines = [f"{self.cause.kind}, fault of {self.cause.fault}{where}: {self.cause.detail}"]
        for finding in self.findings:
            if finding.severity == "blocks":
                lines.append(f"{finding.code} {finding.title}: {finding.detail}")
        if self.verification and self.verification.output.strip():
            lines.append("hidden tests:\n" + self.verification.output.strip()[-_TAIL:])
        if self.reproduce:
            lines.append(f"again: {self.reproduce}")
        return "\n".join(lines)

    @model_validator(mode="before")
    @classmethod
    def _told_apart(cls, value: Any) -> Any:
        """Older runs have no ``refused``: the fault distinguishes it from ``unmeasured``."""
        cause = value.get("cause") if isinstance(value, dict) and value.get("status") == "unmeasured" else None
        if isinstance(cause, dict) and cause.get("fault") == "endpoint":
            return {**value, "status": "refused"}
        return value
