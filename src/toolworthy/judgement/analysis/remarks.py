"""Remarks on a whole run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from toolworthy.judgement.analysis.leaks import leak_rate
from toolworthy.records.result import Result
from toolworthy.records.trial import TrialResult
from toolworthy.work.kinds import by_kind


def remarks(results: Iterable[Result]) -> Iterator[str]:
    """The rates of leaked calls, attempts that a rate limit ended, and wrong ceilings."""
    every = [*by_kind(results)]
    leaky = [(kind.suite, own) for kind, own in every if any(result.leaks.leaked for result in own)]
    rates = [f"{suite} {rate}" for suite, own in leaky if (rate := leak_rate(own))]
    if rates:
        yield f"calls that the server left in the text: {', '.join(rates)}"
    passed = dict.fromkeys(
        f"{result.key.agent} {result.key.task}"
        for _, own in every
        for result in own
        if isinstance(result, TrialResult) and result.ceiling and result.ok
    )
    if passed:
        yield f"passed above the ceiling, so the agent's adapter is out of date: {', '.join(passed)}"
    for kind, own in every:
        if many := sum(result.uncounted == "rate limited" for result in own):
            name = kind.many if many > 1 else kind.many.removesuffix("s")
            yield (
                f"rate limited: {many} {name} were not measured. Continue with --resume RUN and a lower --concurrency"
            )
