"""Speed and cost as distributions, by agent: means hide the waits that people remember."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import quantiles

from toolworthy.judgement.analysis.success import counts
from toolworthy.records.score import Score
from toolworthy.records.trial import TrialResult

POINTS = (0, 5, 10, 25, 50, 75, 90, 95, 99, 100)
"""Per cent of the values that are at or below; those that the table names are among them."""


@dataclass(frozen=True)
class Spread:
    """One measure of one agent."""

    agent: str
    n: int
    at: tuple[float, ...]
    """The value at each of :data:`POINTS`."""

    def percentile(self, point: int) -> float:
        """The value that `point` per cent of all do not pass."""
        return self.at[POINTS.index(point)]


@dataclass(frozen=True)
class Measure:
    """One measure of all agents."""

    name: str
    unit: str
    about: str
    spreads: tuple[Spread, ...]


def measures(results: Sequence[TrialResult]) -> tuple[Measure, ...]:
    """Those that have values, in the order in which they are shown."""
    agents = list(dict.fromkeys(result.key.agent for result in results))
    own = {agent: [result for result in results if result.key.agent == agent] for agent in agents}
    every = []
    for name, unit, about, values in (
        ("time to first token", "s", "of each streamed answer", _first),
        ("request time", "s", "of each request, until its last byte", _request),
        ("tokens per second", "/s", "output tokens of a trial by the seconds of its requests", _rate),
        ("tokens of a solved task", "", "input and output of each trial that passed", _tokens),
        ("cost of a solved task", "US$", "each trial that passed, at list prices", _cost),
        ("time of a trial", "s", "from the agent's start to its end", _seconds),
    ):
        spreads = [_spread(agent, list(values(own[agent]))) for agent in agents]
        found = tuple(spread for spread in spreads if spread is not None)
        if found:
            every.append(Measure(name, unit, about, found))
    return tuple(every)


def _spread(agent: str, values: list[float]) -> Spread | None:
    if not values:
        return None
    if len(values) == 1:
        return Spread(agent, 1, tuple(values * len(POINTS)))
    cuts = [min(values), *quantiles(values, n=100, method="inclusive"), max(values)]
    return Spread(agent, len(values), tuple(round(cuts[point], 6) for point in POINTS))


def _scores(results: Sequence[TrialResult]) -> Iterator[Score]:
    return (result.score for result in results)


def _first(results: Sequence[TrialResult]) -> Iterator[float]:
    return (seconds for score in _scores(results) for seconds in score.first_token_seconds)


def _request(results: Sequence[TrialResult]) -> Iterator[float]:
    return (seconds for score in _scores(results) for seconds in score.request_seconds)


def _rate(results: Sequence[TrialResult]) -> Iterator[float]:
    for score in _scores(results):
        if score.tokens.output and (seconds := sum(score.request_seconds)):
            yield score.tokens.output / seconds


def _tokens(results: Sequence[TrialResult]) -> Iterator[float]:
    for result in results:
        if result.ok and result.score.tokens.input:  # zero: the endpoint tells nothing
            yield float(result.score.tokens.input + (result.score.tokens.output or 0))


def _cost(results: Sequence[TrialResult]) -> Iterator[float]:
    return (r.score.cost_usd for r in results if r.ok and r.score.cost_usd is not None)


def _seconds(results: Sequence[TrialResult]) -> Iterator[float]:
    return (result.seconds for result in results if counts(result))
