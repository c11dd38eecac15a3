"""The matrix of a run: the result of every agent in every suite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from toolworthy.content import adapters
from toolworthy.judgement.analysis.levels import Level, levels
from toolworthy.judgement.analysis.tools import lenient
from toolworthy.judgement.analysis.verdict import WIDE, verdicts
from toolworthy.records.case import CaseResult
from toolworthy.records.probe import ProbeResult
from toolworthy.records.trial import TrialResult
from toolworthy.statistics.intervals import Estimate
from toolworthy.statistics.rates import Rate
from toolworthy.work.cases.field import REFERENCE

Suite = Literal["wire", "tools", "tasks"]
SUITES: tuple[Suite, ...] = get_args(Suite)
OFTEN = 0.9
"""The share of successful attempts from which on a suite passes."""
_FILE = "bfcl"
"""Replaces the agent in keys of public benchmarks, which offer no agent's tools."""
_VERIFIERS = ("k2vv", REFERENCE)
"""Replace the agent in keys of a verifier's requests, which have no expected calls."""

Kind = Literal["pass", "fail", "flaky", "inconclusive", "not applicable", "not tested", "error"]
"""The kind of a cell. In tools and tasks, by the rate of successful attempts and its 95 % interval:

* ``inconclusive``: attempts were judged, and the interval is wider than 50 points.
* ``fail``: it is not, and lies below one half: it surely goes wrong more often than not. Or no attempt could be made
  since preflight says that the agent cannot work here.
* ``pass``: it is neither, and nine attempts in ten or more went well.
* ``flaky``: none of these: it goes well at times, over items or over attempts at one item.
* ``error``: no attempt was judged, and some ended by infrastructure or a run limit. Where some were judged, those
  that ended at a run limit count as not solved.
* ``not tested``: nothing was run, since nobody asked for it or a budget was spent.
* ``not applicable``: the suite does not concern it: a file of the field's is not an agent, and runs no tasks.

On the wire, by the agent's level, which is in the text:

* ``pass``: works; ``flaky``: works, fails when …; ``fail``: broken.
* ``inconclusive``: untested, since the probe that decides was asked and the model did not do what it needs.
* ``not tested``: untested for another reason, or the agent is a user's own, whose needs the probes do not know.
* ``not applicable``: the built-in loop, which takes what it gets, or a file of the field's.
"""


@dataclass(frozen=True)
class CellScore:
    """The rate of a cell, with sample size `n`."""

    value: float
    low: float | None
    """95 %: over tasks, over scenarios. None on the wire: probes are a list, not a sample."""
    high: float | None
    n: int
    notes: str = ""
    """Notes on run limits, uncounted attempts and the range that they leave open."""


@dataclass(frozen=True)
class Cell:
    """The result of one agent in one suite."""

    agent: str
    suite: Suite
    kind: Kind
    word: str
    """On the wire the agent's level, if it has one; elsewhere the kind."""
    score: CellScore | None
    """The rate of passed tasks, of leniently right cases, or of the agent's probes that are supported and free of
    faults that determine its level."""
    text: str
    """The whole cell as text, for screen readers."""
    translated: bool
    """Whether toolworthy translated between the agent's wire API and the endpoint's."""
    codes: tuple[str, ...]
    """On the wire: codes of rules and probes that determine the level."""


@dataclass(frozen=True)
class Matrix:
    """The matrix of one run."""

    agents: tuple[str, ...]
    """Agents with tasks first, then those whose tools the cases offered, then those of the wire suite."""
    suites: tuple[Suite, ...]
    cells: tuple[Cell, ...]
    """For each agent, its cells in the order of `suites`."""


def matrix(
    results: Sequence[TrialResult] = (), cases: Sequence[CaseResult] = (), probes: Sequence[ProbeResult] = ()
) -> Matrix:
    """A cell for every agent and suite; a verifier's requests are left out."""
    cases = [case for case in cases if case.key.toolset not in _VERIFIERS]
    by_agent = {level.agent.id: level for level in levels(probes)}
    agents = dict.fromkeys([*(one.key.agent for one in results), *(one.key.toolset for one in cases), *by_agent])
    cells = []
    for agent in agents:
        cells.append(_wire(agent, by_agent.get(agent)))
        cells.append(_tools(agent, [one for one in cases if one.key.toolset == agent]))
        cells.append(_tasks(agent, [one for one in results if one.key.agent == agent]))
    return Matrix(tuple(agents), SUITES, tuple(cells))


def _wire(agent: str, level: Level | None) -> Cell:
    if level is None:
        return _cell(agent, "wire", *_no_level(agent))
    measured = [one for one in level.probes if one.judged]
    harmful = set(level.deciding)
    passed = sum(one.verdict == "supported" and harmful.isdisjoint(f.code for f in one.findings) for one in measured)
    score = CellScore(passed / len(measured), None, None, len(measured)) if measured else None
    many = f"{passed} of {len(measured)} probes pass" if measured else "nothing measured"
    through = f", through {level.api}" if level.translated else ""
    text = f"{level.headline}, {many}{through}"
    return Cell(agent, "wire", _level_kind(level), level.word, score, text, level.translated, level.deciding)


def _level_kind(level: Level) -> Kind:
    kinds: dict[str, Kind] = {"works": "pass", "works, fails when": "flaky", "broken": "fail"}
    if level.word in kinds:
        return kinds[level.word]
    own = [one for one in level.probes if one.main_path]
    silent = own and all(not one.judged and one.requests and not one.unasked for one in own)
    return "inconclusive" if silent else "not tested"


def _no_level(agent: str) -> tuple[Kind, str]:
    ours = {one.id: one for one in adapters.agents()}
    if agent == _FILE:
        return "not applicable", "benchmark cases, no agent"
    if agent not in ours:
        return "not tested", "no probe covers what this agent needs"
    if ours[agent].install is None:
        return "not applicable", "the built-in agent accepts anything"
    return "not tested", "the suite was not run"


def _tools(agent: str, cases: Sequence[CaseResult]) -> Cell:
    translated = any(one.score.translated for one in cases)
    rate = lenient(cases)
    if rate.estimate is not None and rate.ended < rate.n:
        return _cell(agent, "tools", *_rated(rate, rate.estimate, "right"), translated)
    kind: Kind = "error" if any(one.score.requests for one in cases) else "not tested"
    why = next((one.detail for one in cases if one.detail), "no case was sent with its toolset")
    return _cell(agent, "tools", kind, why, None, translated)


def _tasks(agent: str, results: Sequence[TrialResult]) -> Cell:
    if not results:
        if agent == _FILE:
            return _cell(agent, "tasks", "not applicable", "benchmark cases, no agent")
        return _cell(agent, "tasks", "not tested", "no task was run")
    (verdict,) = verdicts(results)
    rate = verdict.rate
    if rate.estimate is not None and rate.ended < rate.n:
        return _cell(agent, "tasks", *_rated(rate, rate.estimate, "passed"), verdict.translated)
    return _cell(agent, "tasks", *_unjudged(results), None, verdict.translated)


def _unjudged(results: Sequence[TrialResult]) -> tuple[Kind, str]:
    """The cell if no attempt was judged: the agent cannot work here, infrastructure failed, or nothing was run."""
    refused = [one for one in results if one.status == "refused"]
    failed = [one for one in results if one.status == "error"]
    first = (refused or failed or results)[0]
    why = first.cause.detail if first.cause else "no cause was noted"
    if refused:
        return "fail", f"cannot work here: {why}"
    ended = sum(one.limit is not None for one in failed)
    how = "ended at a run limit" if ended == len(failed) else "without a result"
    return ("error", f"{len(failed)} {how}: {why}") if failed else ("not tested", why)


def _rated(rate: Rate, estimate: Estimate, word: str) -> tuple[Kind, str, CellScore]:
    """Kind (see :data:`Kind`), text and figures of a rate."""
    notes = f", {rate.notes}" if rate.notes else ""
    text = f"{rate.ok} of {rate.n} {word}, {rate.share.replace('–', ' to ')}{notes}"
    return _rated_kind(estimate), text, CellScore(estimate.value, estimate.low, estimate.high, rate.n, rate.notes)


def _rated_kind(estimate: Estimate) -> Kind:
    if estimate.high - estimate.low > WIDE:
        return "inconclusive"
    if estimate.high < 0.5:
        return "fail"
    return "pass" if estimate.value >= OFTEN else "flaky"


def _cell(
    agent: str,
    suite: Suite,
    kind: Kind,
    text: str,
    score: CellScore | None = None,
    translated: bool = False,
) -> Cell:
    noted = ", translated" if translated else ""
    return Cell(agent, suite, kind, kind, score, f"{kind}: {text}{noted}", translated, ())
