"""A vendor verifier's figures, each with its limit: the reference does not always agree with itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from toolworthy.records.case import CaseResult, Noted
from toolworthy.statistics.intervals import f1
from toolworthy.statistics.rates import percents, plain
from toolworthy.work.cases.benchmarks.verifier import Trigger, agreement, figures
from toolworthy.work.cases.field import REFERENCE


def figures_of(results: Sequence[CaseResult]) -> list[tuple[str, str]]:
    """Names and figures, in reading order; empty if no verifier's request was sent."""
    own = _noted(results, "k2vv", 1)
    if not own:
        return []
    measured = figures(own)
    rows = [("answered", str(plain(measured.answered.ok, measured.answered.n)))]
    if measured.trigger:
        rows += list(_trigger("calls as the reference file", measured.trigger))
        rows.append(("the reference with itself, in this run", _itself(_noted(results, REFERENCE, 1))))
    second = {noted.index: noted.outcome for noted in _noted(results, "k2vv", 2)}
    if second:
        first = {noted.index: noted.outcome for noted in own}
        rows.append(("the endpoint with itself: F1", _score(agreement(first, second))))
    rows.append(("calls that fit their schema", str(plain(measured.schema.ok, measured.schema.n))))
    rows.append(("reasoning and nothing else", str(plain(measured.only_reasoning.ok, measured.only_reasoning.n))))
    if measured.due:
        rows.append(("ended as the file expects", str(plain(measured.due.ok, measured.due.n))))
    return rows


def _noted(results: Sequence[CaseResult], toolset: str, repeat: int) -> list[Noted]:
    wanted = (toolset, repeat)
    return [r.noted for r in results if r.noted and (r.key.toolset, r.key.repeat) == wanted]


def _trigger(name: str, trigger: Trigger) -> Iterator[tuple[str, str]]:
    yield f"{name}: F1", _score(trigger)
    yield "precision", str(plain(trigger.tp, trigger.tp + trigger.fp))
    yield "recall", str(plain(trigger.tp, trigger.tp + trigger.fn))


def _itself(fresh: Sequence[Noted]) -> str:
    if not fresh:
        return "not measured: use --reference. Official APIs were seen at F1 of 76% to 84% with themselves"
    trigger = figures(fresh).trigger
    return "not measured" if trigger is None else f"F1 {_score(trigger)}"


def _score(trigger: Trigger) -> str:
    both = trigger.tp
    value = f1((place, place < both, place >= both) for place in range(both + trigger.fp + trigger.fn))
    if value is None:
        return "no call on either side"
    return f"{percents(value)} · n {trigger.n}"
