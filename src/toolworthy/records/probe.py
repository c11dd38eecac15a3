"""The record of one probe: a line of ``results.jsonl``."""

from __future__ import annotations

from typing import ClassVar, Literal

from toolworthy.content.situations import Situation
from toolworthy.records.finding import Finding, Severity
from toolworthy.records.model import Record, ResultRecord
from toolworthy.records.result import NO_ANSWER, NOT_RUN
from toolworthy.records.score import Leaks
from toolworthy.wire.ir import Api

Verdict = Literal["supported", "rejected", "ignored", "broken", "unmeasured"]
"""``rejected``: refused with a clear error; ``ignored``: accepted, but silently without effect; ``unmeasured``:
the model did not do what the probe requires, or the endpoint cannot be reached."""


class ProbeKey(Record):
    """One probe over one wire API, streamed or whole: unique in a run."""

    suite: Literal["wire"] = "wire"
    probe: str
    api: Api
    stream: bool | None = None
    """None if it makes no difference."""

    @property
    def item(self) -> str:
        return self.probe

    @property
    def asker(self) -> str:
        return self.way

    @property
    def way(self) -> str:
        """``chat-stream``, ``chat-whole`` or ``chat``."""
        return self.api + ("" if self.stream is None else "-stream" if self.stream else "-whole")

    def __str__(self) -> str:
        return f"{self.suite}/{self.probe}/{self.way}"


class ProbeResult(ResultRecord):
    """The result of one probe: a line of ``results.jsonl``."""

    kind: Literal["probe"] = "probe"
    limit: ClassVar[None] = None

    key: ProbeKey
    title: str
    verdict: Verdict
    detail: str = ""
    cause: str = ""
    """Code of the rule that explains the verdict; ``no-tool-calls``, ``calls-in-words``, ``calls-only-announced``,
    ``tools-unseen`` or ``small-context``; "" if there is no such rule."""
    severity: Severity = "degrades"
    """The effect on the agents concerned if this is not supported."""
    situation: Situation = "always"
    """When agents meet it."""
    agents: tuple[str, ...] = ()
    """Agents that need it; ``*`` for every one."""
    main_path: bool = False
    """Whether its agent sends this in every plain task: only this can break an agent."""
    endpoint_api: Api | None = None
    """The wire API of the request to the endpoint; None if nothing was sent."""
    served: tuple[Api, ...] = ()
    """The wire APIs of the endpoint, as preflight found them."""
    findings: tuple[Finding, ...] = ()
    leaks: Leaks = Leaks()
    requests: int = 0
    unasked: bool = False
    """Whether it was not sent because a budget was spent."""
    seconds: float = 0.0

    @property
    def judged(self) -> bool:
        return self.verdict != "unmeasured"

    @property
    def ok(self) -> bool:
        return self.verdict == "supported"

    @property
    def uncounted(self) -> str:
        return "" if self.judged else NOT_RUN if self.unasked else NO_ANSWER

    @property
    def status_word(self) -> str:
        return self.verdict

    @property
    def api(self) -> Api | None:
        return self.endpoint_api

    def needed_by(self, agent: str) -> bool:
        """Whether the agent meets the probed behaviour: a failure of something that it never sends does not affect
        it."""
        return "*" in self.agents or agent in self.agents
