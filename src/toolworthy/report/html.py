"""``report.html``: one file, no network, nothing in it is executed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from toolworthy.analysis.verdict import cell, verdicts
from toolworthy.cases.result import CaseResult
from toolworthy.exchange import Exchange
from toolworthy.probes import ProbeResult
from toolworthy.report import tools
from toolworthy.report.gate import MARKS as GATE_MARKS
from toolworthy.report.summary import MARKS
from toolworthy.report.timeline import timeline
from toolworthy.report.wire import section
from toolworthy.runs.result import TrialResult
from toolworthy.scoring.model import Count
from toolworthy.statistics import rate
from toolworthy.visible import visible

if TYPE_CHECKING:
    import jinja2


def page(
    about: Mapping[str, Any],
    results: Sequence[TrialResult],
    exchanges: Mapping[str, Sequence[Exchange]],
    probes: Sequence[ProbeResult] = (),
    cases: Sequence[CaseResult] = (),
    gate: Mapping[str, Any] | None = None,
) -> str:
    """The page, as one string."""
    agents = list(dict.fromkeys(result.key.agent for result in results))
    tasks = list(dict.fromkeys(result.key.task for result in results))
    template = environment().get_template("page.html.j2")
    return template.render(
        about=about,
        endpoint=about["endpoint"],
        wire=section(probes, str(about["endpoint"]["provider"])),
        gate=gate,
        marks=GATE_MARKS,
        tools=tools.section(cases),
        verdicts=verdicts(results),
        agents=agents,
        matrix=[(task, [_cell(results, task, agent) for agent in agents]) for task in tasks],
        trials=[(result, timeline(exchanges.get(str(result.key), ()), result.score.findings)) for result in results],
        answered=sorted({model for result in results for model in result.score.models_answered}),
    )


def environment() -> jinja2.Environment:
    """Where the templates are, with all that they use; what they show is escaped."""
    import jinja2

    made = jinja2.Environment(
        loader=jinja2.PackageLoader("toolworthy.report"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    made.filters.update(visible=visible, count=_count, clock=_clock, seconds=_seconds, anchor=anchor)
    return made


def anchor(key: object) -> str:
    """The fragment of one trial."""
    return "trial-" + "".join(mark if mark.isalnum() else "-" for mark in str(key))


def _cell(results: Sequence[TrialResult], task: str, agent: str) -> dict[str, Any]:
    own = [result for result in results if result.key.task == task and result.key.agent == agent]
    kind, figure = cell(own)
    return {"kind": kind, "figure": figure, "mark": MARKS[kind], "key": own[-1].key if own else None}


def _count(count: Count) -> str:
    return rate(count.ok, count.n)


def _clock(unix: float) -> str:
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f} s"
