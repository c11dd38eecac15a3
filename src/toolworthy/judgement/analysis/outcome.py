"""The outcome of a run: exit code and reasons, as all outputs show them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from toolworthy.judgement.analysis.overall import overall
from toolworthy.judgement.analysis.root_cause import RootCause
from toolworthy.judgement.analysis.root_causes import causes_of
from toolworthy.records.probe import ProbeResult
from toolworthy.records.result import Result
from toolworthy.records.store import RunDirectory
from toolworthy.records.trial import TrialResult
from toolworthy.work.kinds import by_kind


@dataclass(frozen=True)
class RunOutcome:
    """The outcome of a run, without a gate."""

    reasons: tuple[str, ...]
    """Why the exit code is not 0, a few words each."""
    excused: frozenset[str] = frozenset()
    """Keys of results whose failures are all known."""
    known: tuple[RootCause, ...] = ()
    """Harmful root causes that are known."""
    undecided: bool = False
    """Whether no agent could be judged, and nothing failed."""

    @property
    def exit_code(self) -> int:
        """0 if all went well, 1 if the endpoint or the model failed somewhere, 2 if no agent could be judged."""
        return 2 if self.undecided else int(bool(self.reasons))

    def __str__(self) -> str:
        known = [f"known: {cause.name}" for cause in self.known]
        reasons = "; ".join([*self.reasons, *known])
        return f"exit {self.exit_code}" + (f": {reasons}" if reasons else "")

    def excuses(self, code: str) -> bool:
        """Whether a rule, probe or cause is known, or follows from a known one."""
        return any(code in cause.codes for cause in self.known)


def outcome(run: RunDirectory) -> RunOutcome:
    """The outcome of a run. Known root causes do not fail it."""
    return outcome_of(run.measured(), causes_of(run) if run.triage else ())


def outcome_of(results: Iterable[Result], causes: Sequence[RootCause] = ()) -> RunOutcome:
    """The outcome of results.

    Args:
        results: of all suites.
        causes: their root causes, with triage; not needed without triage.
    """
    every = [*results]
    able = [cause for cause in causes if cause.harmful or cause.severity == "blocks"]
    known = tuple(cause for cause in able if cause.triage.known)
    excused = _explained_keys(known) - _explained_keys(cause for cause in able if not cause.triage.known)
    counted = [result for result in every if str(result.key) not in excused]
    reasons = [why for kind, own in by_kind(counted) for why in kind.reasons(own)]
    undecided = not reasons and _judges_none(every)
    return RunOutcome(("no agent could be judged",) if undecided else tuple(reasons), excused, known, undecided)


def _judges_none(results: Sequence[Result]) -> bool:
    """Whether agents were to be judged, and none could be."""
    trials = [result for result in results if isinstance(result, TrialResult)]
    probes = [result for result in results if isinstance(result, ProbeResult)]
    planned = bool(trials) or any(probe.main_path for probe in probes)
    return planned and all(agent.word == "untested" for agent in overall(trials, probes))


def _explained_keys(causes: Iterable[RootCause]) -> frozenset[str]:
    """Keys of results that fail because of these root causes, and of passing probes that show them."""
    return frozenset(key for cause in causes for key in (*cause.failed, *cause.probes))
