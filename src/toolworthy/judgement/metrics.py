"""The metrics that the gate, baselines, differences and histories measure. A new metric is one entry."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from toolworthy.records.result import Result
from toolworthy.work.kinds import KINDS, suites

Kind = Literal["share", "cost"]
"""``share``: from 0 to 1, higher is better, compared by difference. ``cost``: lower is better, compared by ratio."""


@dataclass(frozen=True)
class Metric:
    """A value measured in every attempt of a suite."""

    suite: str
    name: str
    kind: Kind
    unit: str
    meaning: str
    """A description."""
    of: Callable[[Any], float | None]
    """Its value for a result; None if the result has none."""
    main: bool = False
    """The main metric of its suite."""
    by_agent: bool = False
    """Whether a baseline shows it for every agent, too."""
    by_clock: bool = False
    """Whether it depends on the time of measurement: differences are shown but not judged."""

    @property
    def key(self) -> str:
        """Its name in policies."""
        return f"{self.suite}.{self.name}"


def _costs(suite: str) -> Iterator[Metric]:
    yield Metric(suite, "tokens", "cost", "tokens", "input and output tokens of all requests", _tokens)
    yield Metric(suite, "usd", "cost", "US dollars", "price of all requests", lambda result: result.score.cost_usd)
    yield Metric(suite, "seconds", "cost", "seconds", "duration", _seconds, by_clock=True)
    yield Metric(
        *(suite, "first_token", "cost", "seconds", "median time to first token"),
        lambda result: result.score.first_token,
        by_clock=True,
    )


def _tokens(result: Any) -> float | None:
    tokens = result.score.tokens
    return float(tokens.input + (tokens.output or 0)) if tokens.input else None


def _seconds(result: Result) -> float:
    return round(max(0.0, result.seconds), 4)  # clocks may be set back


def _strict(result: Any) -> float:
    return float(result.status == "right")


def _ok(result: Result) -> float:
    return float(result.ok)


_DECLARED: dict[str, Metric] = {
    metric.key: metric
    for metric in (
        Metric("tasks", "pass", "share", "tasks", "solved tasks", _ok, main=True, by_agent=True),
        *_costs("tasks"),
        Metric("tools", "strict", "share", "cases", "cases right by the strict reading", _strict),
        Metric(
            "tools", "lenient", "share", "cases", "cases right by the lenient reading", _ok, main=True, by_agent=True
        ),
        Metric("tools", "credit", "share", "cases", "share of each case that is right", lambda result: result.credit),
        *_costs("tools"),
        Metric("wire", "supported", "share", "probes", "supported probes", _ok, main=True),
    )
}
_MAIN = {metric.suite: metric.name for metric in _DECLARED.values() if metric.main}
_SHARES = {
    suite: tuple(metric.name for metric in _DECLARED.values() if (metric.suite, metric.kind) == (suite, "share"))
    for suite in _MAIN
}
COSTS = tuple(dict.fromkeys(metric.name for metric in _DECLARED.values() if metric.kind == "cost"))
"""Names of the costs of any suite."""
_OK = "ok"
"""The only metric of a kind of work for which none is declared: the share of results that are `ok`."""


def metrics() -> dict[str, Metric]:
    """By key: every metric that a policy can name, those of kinds of work that a plugin registers included."""
    others = (
        Metric(suite, _OK, "share", KINDS[suite].many, f"{KINDS[suite].many} that succeed", _ok, main=True)
        for suite in suites()
        if suite not in _MAIN
    )
    return {**_DECLARED, **{metric.key: metric for metric in others}}


def main_metrics() -> dict[str, str]:
    """By suite: the name of its main share."""
    return {metric.suite: metric.name for metric in metrics().values() if metric.main}


def main_metric(suite: str) -> str:
    """The name of the main share of a suite."""
    return _MAIN.get(suite, _OK)


def shares(suite: str) -> tuple[str, ...]:
    """Names of the shares of a suite."""
    return _SHARES.get(suite, (_OK,))


def measured(suite: str, results: Sequence[Result], *kinds: Kind) -> dict[str, list[float]]:
    """By metric of a suite: its values, one per result that has one; metrics without any value are left out.

    Refused attempts have no costs.
    """
    ran = [result for result in results if result.status_word != "refused"]
    values = {
        metric.name: [value for result in of if (value := metric.of(result)) is not None]
        for metric in metrics().values()
        for of in (results if metric.kind == "share" else ran,)
        if metric.suite == suite and metric.kind in kinds
    }
    return {name: column for name, column in values.items() if column}
