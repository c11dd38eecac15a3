"""Interim analyses: the gate after every attempt of a run that ends as soon as it is decided."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from toolworthy.base.counted import counted
from toolworthy.base.errors import ToolworthyError
from toolworthy.judgement.gate import answer
from toolworthy.judgement.gate.baseline import find, load
from toolworthy.judgement.gate.decide import decide
from toolworthy.judgement.gate.policy import load_policy
from toolworthy.judgement.gate.sample import from_run
from toolworthy.judgement.gate.sequential import plan, to_go_on_with
from toolworthy.records import gate as records
from toolworthy.records.case import CaseResult
from toolworthy.records.meta import RunMeta
from toolworthy.records.store import RunDirectory
from toolworthy.records.trial import TrialResult
from toolworthy.work.run.plan import Options
from toolworthy.work.run.waves import Next


class InterimAnalyses:
    """Compares a run with its baseline after each of `most` attempts; ``gate.json`` has the last analysis.

    Raises:
        ToolworthyError: baseline or policy cannot be read.
    """

    def __init__(self, baseline: Path, policy: Path | None, most: int, say: Callable[[str], None]) -> None:
        self._baseline, self._policy, self._say = load(baseline), load_policy(policy), say
        self._place = find(baseline)
        self._plan = plan(self._policy.alpha, most)
        self.gate: records.GateReport | None = None
        """The report in ``gate.json``; None before the first analysis."""

    def __call__(self, run: RunDirectory, attempts: int, left: frozenset[str]) -> Next:
        """One analysis. Returns the suites to continue, of those with attempts left."""
        look, most = self._plan[attempts - 1], len(self._plan)
        decision = decide(self._baseline, from_run(UpTo(run.path, attempts)), self._policy, alpha=look.alpha)
        suites = to_go_on_with(decision, left)
        decision.notes.append(
            f"interim analysis {attempts} of at most {most}: each claim may be wrong in {100 * look.alpha:.2g} % of "
            f"runs, in {100 * self._policy.alpha:.2g} % over all analyses; intervals are widened accordingly"
        )
        alphas = tuple(one.alpha for one in self._plan)
        looks = records.Looks(taken=attempts, most=most, alpha=look.alpha, alphas=alphas)
        gate = answer.report(decision, self._baseline, run.path.name)
        self.gate = answer.keep(run, gate, self._place, looks)
        on = f"; continues with {' and '.join(sorted(suites))}" if suites else ""
        self._say(f"interim analysis {attempts} of at most {most}: {decision.answer}{on}")
        after = f"after {counted(attempts, 'attempt')}"
        stuck = decision.answer == "inconclusive" and not suites
        return Next(suites, f"undecided {after}, and more attempts would not help" if stuck else f"decided {after}")


def check(options: Options, baseline: Path | None) -> None:
    """Check that analyses are possible. They are planned beforehand: neither their results nor ``--resume`` may change
    their number.

    Raises:
        ToolworthyError: there is no baseline, or only one analysis.
    """
    if baseline is None:
        raise ToolworthyError("--until-decided needs a gate. Give --baseline RUN.")
    if options.trials < 2:
        raise ToolworthyError("--until-decided needs the largest number of attempts. Give --trials MAX, at least 2.")


class UpTo(RunDirectory):
    """A run as it was after some attempts; a resumed run already has later ones."""

    def __init__(self, path: Path, attempts: int) -> None:
        super().__init__(path)
        self._attempts = attempts

    def results(self) -> tuple[TrialResult, ...]:
        """The results of the first attempts at tasks."""
        return tuple(result for result in super().results() if result.key.repeat <= self._attempts)

    def cases(self) -> tuple[CaseResult, ...]:
        """The results of the first attempts at cases."""
        return tuple(result for result in super().cases() if result.key.repeat <= self._attempts)

    @property
    def meta(self) -> RunMeta:
        """The run's metadata with the planned attempts reduced: later ones are not missing."""
        return super().meta.model_copy(update={"planned": {}})
