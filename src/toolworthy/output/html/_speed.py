"""Speed and cost as distributions, by agent: means hide long waits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import quantiles

from toolworthy.judgement.analysis.success import counts
from toolworthy.judgement.metrics import metrics
from toolworthy.records.trial import TrialResult

POINTS = (0, 5, 10, 25, 50, 75, 90, 95, 99, 100)
"""The percentiles of a curve, including those of the table."""


@dataclass(frozen=True)
class Spread:
    """One measure of one agent."""

    agent: str
    n: int
    at: tuple[float, ...]
    """The value at each of :data:`POINTS`."""

    def percentile(self, point: int) -> float:
        """The value that `point` per cent of all do not exceed."""
        return self.at[POINTS.index(point)]


@dataclass(frozen=True)
class Measure:
    """One measure of all agents."""

    name: str
    unit: str
    about: str
    spreads: tuple[Spread, ...]


def measures(results: Sequence[TrialResult]) -> tuple[Measure, ...]:
    """The measures with values, in the order in which they are shown."""
    agents = list(dict.fromkeys(result.key.agent for result in results))
    every = []
    for name, unit, about, of in _MEASURES:
        values = {agent: [value for one in results if one.key.agent == agent for value in of(one)] for agent in agents}
        if spreads := tuple(_spread(agent, own) for agent, own in values.items() if own):
            every.append(Measure(name, unit, about, spreads))
    return tuple(every)


def _spread(agent: str, values: list[float]) -> Spread:
    if len(values) == 1:
        return Spread(agent, 1, tuple(values * len(POINTS)))
    cuts = [min(values), *quantiles(values, n=100, method="inclusive"), max(values)]
    return Spread(agent, len(values), tuple(round(cuts[point], 6) for point in POINTS))


def _rate(result: TrialResult) -> Iterator[float]:
    score = result.score
    if score.tokens.output and (seconds := sum(score.request_seconds)):
        yield score.tokens.output / seconds


def _of_solved(metric: str, result: TrialResult) -> Iterator[float]:
    if result.ok and (value := metrics()[f"tasks.{metric}"].of(result)) is not None:
        yield value


_MEASURES: tuple[tuple[str, str, str, Callable[[TrialResult], Iterable[float]]], ...] = (
    ("time to first token", "s", "of each streamed response", lambda result: result.score.first_token_seconds),
    ("request time", "s", "of each request, until its last byte", lambda result: result.score.request_seconds),
    ("tokens per second", "/s", "output tokens of a trial by the seconds of its requests", _rate),
    ("tokens of a solved task", "", "input and output of each trial that passed", partial(_of_solved, "tokens")),
    ("cost of a solved task", "US$", "each trial that passed, at list prices", partial(_of_solved, "usd")),
    ("time of a trial", "s", "from the agent's start to its end", lambda one: [one.seconds] * counts(one)),
)
