"""The rows of the page's tables: one row per item and agent, over all attempts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from statistics import median
from typing import Any, TypeVar

from toolworthy.base.sanitize import visible
from toolworthy.judgement.analysis.levels import levels
from toolworthy.judgement.analysis.success import success
from toolworthy.judgement.analysis.tools import lenient
from toolworthy.judgement.analysis.verdict import cell
from toolworthy.records.case import CaseResult
from toolworthy.records.probe import ProbeResult
from toolworthy.records.result import Result
from toolworthy.records.store import RunDirectory
from toolworthy.records.trial import TrialResult
from toolworthy.statistics.intervals import pass_hat_k
from toolworthy.statistics.rates import Rate, plain
from toolworthy.work.kinds import by_kind, kind_of
from toolworthy.work.probes.effects import affected

_LONG = 160
_R = TypeVar("_R", bound=Result)
_Maker = Callable[[int, Sequence[Any]], Iterator[dict[str, Any]]]
"""Makes the rows of one kind of work, of a run's number and its results."""


def subject(run: int, key: object) -> str:
    """The id of a trial, case or probe on the page: the run's number, and its key."""
    return f"{run}/{visible(key)}"


def items(number: int, run: RunDirectory) -> list[dict[str, Any]]:
    """The rows of the run with this number: tasks, cases, probes, then other kinds of work."""
    makers: dict[str, _Maker] = {"tasks": _tasks, "tools": _cases, "wire": _probes}
    other: _Maker = _others
    return [
        row
        for kind, results in by_kind(run.measured())
        if kind.fixture
        for row in makers.get(kind.suite, other)(number, results)
    ]


def is_best(result: Result) -> bool:
    """Whether a result has the best word of its kind of work."""
    return result.status_word == kind_of(result.key).words[0]


def _tasks(run: int, results: Sequence[TrialResult]) -> Iterator[dict[str, Any]]:
    tasks, agents = ([*dict.fromkeys(getattr(r.key, of) for r in results)] for of in ("task", "agent"))
    ordered = sorted(results, key=lambda r: (tasks.index(r.key.task), agents.index(r.key.agent), r.key.repeat))
    for (task, agent), attempts in _grouped(ordered):
        kind, _ = cell(attempts)
        rate = success(attempts)
        causes = Counter(result.cause.kind for result in attempts if result.cause and not result.ok)
        yield {
            **_row(run, "tasks", task, agent, attempts),
            **_scored(attempts, rate, causes),
            "kind": {"cannot work": "na"}.get(kind or "", kind),
            "word": _counted(rate) or attempts[-1].status,
            "about": next((r.cause.detail[:_LONG] for r in attempts if r.cause), ""),
        }


def _cases(run: int, results: Sequence[CaseResult]) -> Iterator[dict[str, Any]]:
    for (case, words), attempts in _grouped(results):
        rate = lenient(attempts)
        kinds = Counter(miss.kind for result in attempts for miss in result.misses if not miss.strict)
        worst = "error" if rate.n == rate.ended else "pass" if rate.ok == rate.n else "flaky" if rate.ok else "fail"
        yield {
            **_row(run, "tools", case, words, attempts),
            **_scored(attempts, rate, kinds),
            "kind": worst,
            "word": attempts[0].status if len(attempts) == 1 else _counted(rate) or "unmeasured",
            "category": attempts[0].category,
            "about": next((r.detail[:_LONG] for r in attempts if r.detail), ""),
        }


def _probes(run: int, results: Sequence[ProbeResult]) -> Iterator[dict[str, Any]]:
    meets: dict[str, list[str]] = defaultdict(list)
    for level in levels(results):
        for met in level.probes:
            meets[str(met.key)].append(level.agent.id)
    for result in results:
        yield {
            **_row(run, "wire", result.key.probe, result.key.way, [result]),
            "kind": _probed(result),
            "ok": int(result.ok),
            "n": int(result.judged),
            "word": result.verdict,
            "category": result.key.api,
            "power": None,
            "share": "",
            "notes": "",
            "why": result.detail[:_LONG],
            "about": result.title,
            "meets": meets[str(result.key)],
            "seconds": result.seconds,
        }


def _others(run: int, results: Sequence[Result]) -> Iterator[dict[str, Any]]:
    for (item, asker), attempts in _grouped(results):
        rate = success(attempts)
        tests = [kind_of(result.key).outcome_of(result) for result in attempts]
        yield {
            **_row(run, attempts[0].key.suite, item, asker, attempts),
            "kind": "error" if not rate.n else "pass" if rate.ok == rate.n else "flaky" if rate.ok else "fail",
            "ok": rate.ok,
            "n": rate.n,
            "word": attempts[0].status_word if len(attempts) == 1 else _counted(rate) or "unmeasured",
            "power": pass_hat_k(rate.n, rate.ok, rate.n) if rate.n else None,
            "share": plain(rate.ok, rate.n).share if rate.n else "",
            "notes": rate.notes,
            "why": ", ".join(dict.fromkeys(one.kind for one in tests if one.kind)),
            "about": next((one.message[:_LONG] for one in tests if one.message), ""),
            "seconds": median(result.seconds for result in attempts),
        }


def _probed(result: ProbeResult) -> str:
    """The kind of a probe's row: a failure that harms no agent is shown as not supported."""
    if affected(result):
        return "fail"
    return {"supported": "pass", "unmeasured": "error"}.get(result.verdict, "without")


def _row(run: int, suite: str, item: str, agent: str, attempts: Sequence[Result]) -> dict[str, Any]:
    """The common fields of all rows. `telling` is the first failed attempt, else the first attempt."""
    codes = dict.fromkeys(finding.code for result in attempts for finding in result.findings)
    every = [
        {"id": subject(run, result.key), "word": result.status_word, "seconds": round(result.seconds, 3)}
        for result in attempts
    ]
    telling = subject(run, next((result for result in attempts if not is_best(result)), attempts[0]).key)
    of = {"run": run, "suite": suite, "item": item, "agent": agent, "codes": list(codes)}
    return {**of, "telling": telling, "attempts": every}


def _scored(attempts: Sequence[TrialResult | CaseResult], rate: Rate, why: Counter[Any]) -> dict[str, Any]:
    """pass@1 for this very item, whose attempts form no cluster with others; pass^n, None if nothing counts;
    why attempts failed; and medians of what they took."""
    scores = [result.score for result in attempts]
    return {
        "ok": rate.ok,
        "n": rate.n,
        "share": plain(rate.ok, rate.n).share if rate.n else "",
        "notes": rate.notes,
        "power": pass_hat_k(rate.n, rate.ok, rate.n) if rate.n else None,
        "why": ", ".join(kind for kind, _ in why.most_common()),
        "turns": median(score.turns for score in scores),
        "calls": median(score.calls for score in scores),
        "tokens": _median([(s.tokens.input or 0) + (s.tokens.output or 0) for s in scores if s.tokens.input]),
        "cost": _median([score.cost_usd for score in scores if score.cost_usd is not None]),
        "seconds": median(result.seconds for result in attempts),
        "first": _median([seconds for score in scores for seconds in score.first_token_seconds]),
    }


def _median(values: Sequence[float]) -> float | None:
    return median(values) if values else None


def _counted(rate: Rate) -> str:
    return f"{rate.ok}/{rate.n}" if rate.n else ""


def _grouped(results: Sequence[_R]) -> Iterable[tuple[tuple[str, str], list[_R]]]:
    """The attempts at each item by each agent, or with each agent's tools."""
    grouped: dict[tuple[str, str], list[_R]] = defaultdict(list)
    for result in results:
        grouped[result.key.item, result.key.asker].append(result)
    return grouped.items()
