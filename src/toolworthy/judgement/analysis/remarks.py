"""What is said once of a whole run, and not of each result that it is about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from toolworthy.judgement.analysis.leaks import leak_rate
from toolworthy.records.case import CaseResult
from toolworthy.records.probe import ProbeResult
from toolworthy.records.result import Result
from toolworthy.records.trial import TrialResult


def remarks(
    results: Sequence[TrialResult], probes: Sequence[ProbeResult], cases: Sequence[CaseResult]
) -> Iterator[str]:
    """Calls that the server left in the text, as rates, and how many trials a rate limit ended."""
    suites: dict[str, Sequence[Result]] = {"tasks": results, "wire": probes, "tools": cases}
    leaky = {suite: own for suite, own in suites.items() if any(result.leaks.leaked for result in own)}
    told = [f"{suite} {rate}" for suite, own in leaky.items() if (rate := leak_rate(own))]
    if told:
        yield f"calls that the server left in the text: {', '.join(told)}"
    limited = sum(result.cause is not None and result.cause.refusal == "rate limited" for result in results)
    if limited:
        trials = "1 trial" if limited == 1 else f"{limited} trials"
        yield f"rate limited: {trials} ended so and were not measured; --resume RUN with a lower --concurrency goes on"
