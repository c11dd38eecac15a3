"""What breaks which agents on an endpoint: the line that a reader wants right after the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from toolworthy.content import adapters
from toolworthy.judgement.analysis.levels import Level
from toolworthy.records.trial import TrialResult
from toolworthy.rules import RULES


@dataclass(frozen=True)
class Breaking:
    """One root cause, and whom it breaks here."""

    code: str
    """Of a rule or a probe."""
    of_probe: bool
    title: str
    agents: tuple[str, ...]
    """Their ids."""

    @property
    def whom(self) -> str:
        """The agents by their titles."""
        return ", ".join(map(adapters.title, self.agents))

    def __str__(self) -> str:
        name = f"failed probe “{self.title}”" if self.of_probe else f"{self.code} {self.title}"
        return f"{name} breaks {self.whom}"


def breaking(results: Sequence[TrialResult], found: Sequence[Level]) -> tuple[Breaking, ...]:
    """As the levels on the wire foretell it, and as causes of failed trials show it; what breaks most agents first.
    What follows from another fault is not named."""
    titles = {rule.code: rule.title for rule in RULES}
    broken: dict[str, dict[str, None]] = {}
    probes = {reason.code for level in found for reason in level.reasons if reason.of_probe}
    for result in results:
        if result.status == "failed" and result.cause and result.cause.kind == "wire defect" and result.cause.rule:
            broken.setdefault(result.cause.rule, {})[result.key.agent] = None
    for level in found:
        deciding = level.deciding if level.word == "broken" else ()
        for reason in level.reasons:
            if reason.code in deciding and reason.effect == "breaks":
                titles.setdefault(reason.code, reason.title)
                broken.setdefault(reason.code, {})[level.agent.id] = None
    told = [Breaking(code, code in probes, titles.get(code, ""), tuple(agents)) for code, agents in broken.items()]
    return tuple(sorted(told, key=lambda one: (-len(one.agents), one.code)))
