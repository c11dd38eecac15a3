"""Whether a run went well, and why not: exit code, terminal, ``summary.md`` and page all say what this says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from toolworthy.judgement.analysis.levels import levels
from toolworthy.judgement.analysis.root_causes import RootCause, causes_of
from toolworthy.records.probe import ProbeResult
from toolworthy.records.result import Result
from toolworthy.records.store import RunDirectory
from toolworthy.work.kinds import by_kind


@dataclass(frozen=True)
class RunOutcome:
    """What a run comes to, without a gate."""

    reasons: tuple[str, ...]
    """Why it did not go well, a few words each; none where it did."""
    excused: frozenset[str] = frozenset()
    """Keys of results in which no root cause shows that harms and is not known."""
    known: tuple[RootCause, ...] = ()
    """Root causes that harm, and are known."""

    @property
    def exit_code(self) -> int:
        """0 where all went well, 1 where the endpoint or the model failed somewhere, or nothing could be told."""
        return int(bool(self.reasons))

    def __str__(self) -> str:
        codes = ", ".join(cause.code for cause in self.known)
        said = "; ".join([*self.reasons, *([f"known: {codes}"] if codes else [])])
        return f"exit {self.exit_code}" + (f": {said}" if said else "")

    def excuses(self, code: str) -> bool:
        """Whether a rule, probe or cause is known, or follows from what is."""
        return any(code in cause.codes for cause in self.known)


def outcome(run: RunDirectory) -> RunOutcome:
    """What a run comes to. What is known fails it not."""
    return outcome_of(run.measured(), causes_of(run) if run.triage else ())


def outcome_of(results: Iterable[Result], causes: Sequence[RootCause] = ()) -> RunOutcome:
    """What results come to.

    Args:
        results: of all suites.
        causes: their root causes, with what was decided about them; not needed where nothing was.
    """
    every = [*results]
    able = [cause for cause in causes if cause.harmful or cause.severity == "blocks"]
    known = tuple(cause for cause in able if cause.triage.known)
    excused = _shown(known) - _shown(cause for cause in able if not cause.triage.known)
    counted = [result for result in every if str(result.key) not in excused]
    reasons = [why for kind, own in by_kind(counted) for why in kind.reasons(own)]
    probes = [result for result in every if isinstance(result, ProbeResult)]
    asked = any(probe.main_path and not probe.unasked for probe in probes)
    if not reasons and asked and all(level.word == "untested" for level in levels(probes)):
        reasons.append("no agent could be judged")
    return RunOutcome(tuple(reasons), excused, known)


def _shown(causes: Iterable[RootCause]) -> frozenset[str]:
    """Keys of what fails by root causes, and of probes that pass and show them."""
    return frozenset(key for cause in causes for key in (*cause.failed, *cause.probes))
