"""Whether a run went well, and why not: exit code, terminal, ``summary.md`` and page all say what this says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from toolworthy.judgement.analysis.levels import levels
from toolworthy.records.probe import ProbeResult
from toolworthy.records.result import Result
from toolworthy.work.kinds import by_kind


@dataclass(frozen=True)
class RunOutcome:
    """What a run comes to, without a gate."""

    reasons: tuple[str, ...]
    """Why it did not go well, a few words each; none where it did."""

    @property
    def exit_code(self) -> int:
        """0 where all went well, 1 where the endpoint or the model failed somewhere, or nothing could be told."""
        return int(bool(self.reasons))

    def __str__(self) -> str:
        return f"exit {self.exit_code}" + (f": {'; '.join(self.reasons)}" if self.reasons else "")


def outcome(results: Iterable[Result]) -> RunOutcome:
    """What a run comes to."""
    every = [*results]
    reasons = [why for kind, own in by_kind(every) for why in kind.reasons(own)]
    probes = [result for result in every if isinstance(result, ProbeResult)]
    asked = any(probe.main_path and not probe.unasked for probe in probes)
    if not reasons and asked and all(level.word == "untested" for level in levels(probes)):
        reasons.append("no agent could be judged")
    return RunOutcome(tuple(reasons))
