"""Whether a run went well, and why not: exit code, terminal, ``summary.md`` and page all say what this says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from toolworthy.judgement.analysis.effects import affected
from toolworthy.judgement.analysis.levels import levels
from toolworthy.records.case import CaseResult
from toolworthy.records.probe import ProbeResult
from toolworthy.records.result import NO_ANSWER
from toolworthy.records.trial import TrialResult

_NAMED = 3


@dataclass(frozen=True)
class Outcome:
    """What a run comes to, without a gate."""

    reasons: tuple[str, ...]
    """Why it did not go well, a few words each; none where it did."""

    @property
    def exit_code(self) -> int:
        """0 where all went well, 1 where the endpoint or the model failed somewhere, or nothing could be told."""
        return int(bool(self.reasons))

    def __str__(self) -> str:
        return f"exit {self.exit_code}" + (f": {'; '.join(self.reasons)}" if self.reasons else "")


def outcome(results: Sequence[TrialResult], cases: Sequence[CaseResult], probes: Sequence[ProbeResult]) -> Outcome:
    """What a run comes to."""
    return Outcome((*_trials(results), *_cases(cases), *_probes(probes)))


def _trials(results: Sequence[TrialResult]) -> Iterator[str]:
    failed = sum(result.status == "failed" for result in results)
    refused = sum(result.status == "refused" for result in results)
    ended = sum(result.limit is not None for result in results)
    without = sum(result.status == "error" for result in results) - ended
    if failed:
        yield f"{failed} of {len(results)} trials failed"
    if refused:
        yield f"{refused} of {len(results)} trials refused: their agent cannot work here"
    if ended:
        yield f"{ended} of {len(results)} trials ended at a limit of ours"
    if without:
        yield f"{without} of {len(results)} trials without a result"


def _cases(cases: Sequence[CaseResult]) -> Iterator[str]:
    if wrong := sum(case.status == "wrong" for case in cases):
        yield f"{wrong} of {len(cases)} tool-call cases are wrong"
    if silent := sum(case.uncounted == NO_ANSWER for case in cases):
        yield f"{silent} of {len(cases)} tool-call cases without an answer"


def _probes(probes: Sequence[ProbeResult]) -> Iterator[str]:
    harmful = [probe for probe in probes if affected(probe)]
    if harmful:
        names = list(dict.fromkeys(probe.key.probe for probe in harmful))
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        yield f"{len(harmful)} of {len(probes)} probes harm an agent ({', '.join(names[:_NAMED])}{more})"
    found = levels(probes)
    asked = any(probe.main_path and not probe.unasked for probe in probes)
    if not harmful and asked and all(level.word == "untested" for level in found):
        yield "no agent could be judged"
