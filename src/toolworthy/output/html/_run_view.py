"""One run as the page's template shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from toolworthy.judgement.analysis.matrix import Cell, Matrix, Suite, matrix
from toolworthy.judgement.analysis.outcome import RunOutcome, outcome
from toolworthy.judgement.analysis.overall import Overall, headline, overall
from toolworthy.judgement.analysis.remarks import remarks
from toolworthy.judgement.analysis.remedy import server_of
from toolworthy.judgement.analysis.root_cause import Harm, RootCause
from toolworthy.judgement.analysis.verdict import Word
from toolworthy.output.exports import badge
from toolworthy.output.html import _findings as findings
from toolworthy.output.html import _speed as speed
from toolworthy.output.terminal import tools, wire
from toolworthy.records.meta import RunMeta
from toolworthy.records.store import RunDirectory
from toolworthy.work.replay import summary
from toolworthy.work.run.completeness import unfinished

_EXAMPLES = 100
"""The most requests with different responses that are shown for a replay."""


@dataclass(frozen=True)
class RunView:
    """One run, as the template shows it."""

    number: int
    run: RunDirectory
    meta: RunMeta
    agents: tuple[Overall, ...]
    outcome: RunOutcome
    server: str
    """The server, if known."""
    remarks: tuple[str, ...]
    """Notes, a line each: how much of an interrupted run was measured, rates of leaked calls, rate limits."""
    groups: tuple[findings.Group, ...]
    figures: dict[Suite, tuple[str, Word]]
    answered: tuple[str, ...]
    tools: dict[str, Any] | None
    matrix: Matrix
    wire: list[tuple[str, list[tuple[str, int]]]]
    """For every API, the number of probes by verdict."""
    measures: tuple[speed.Measure, ...]
    replay: str
    """The summary of a replay; "" for other runs."""

    @property
    def name(self) -> str:
        """Of its directory."""
        return self.run.path.resolve().name

    @property
    def title(self) -> str:
        """Model and endpoint."""
        return f"{self.meta.endpoint.model} at {self.meta.endpoint.name}"

    @property
    def embedded(self) -> bool:
        """Whether the endpoint is toolworthy's own oracle."""
        return self.meta.endpoint.name.split(":", 1)[0] == "oracle" and not self.meta.endpoint.base_urls

    @property
    def headline(self) -> str:
        """The whole run in a line."""
        text = headline(self.agents, [group.cause for group in self.groups])
        return text or ". ".join(figure for figure, _ in self.figures.values()) or "Nothing was measured."

    @property
    def rows(self) -> list[tuple[Overall, list[Cell], list[tuple[int, RootCause, Harm]]]]:
        """Agents, each with its cell of every suite in the run, and its root causes with their numbers."""
        cells = self.matrix.cells
        harms = [
            (number, group.cause, harm) for number, group in enumerate(self.groups, 1) for harm in group.cause.harms
        ]
        return [
            (
                agent,
                [cell for suite in self.figures for cell in cells if (cell.agent, cell.suite) == (agent.agent, suite)],
                [row for row in harms if row[2].agent == agent.agent and row[2].effect != "noted"],
            )
            for agent in self.agents
        ]


def side_of(number: int, run: RunDirectory) -> RunView:
    """The part of a run that the page shows without a script."""
    results, cases, probes = run.results(), run.cases(), run.probes()
    scores = [*(result.score for result in results), *(case.score for case in cases)]
    answered = {model for score in scores for model in score.models_answered}
    return RunView(
        number=number,
        run=run,
        meta=run.meta,
        agents=overall(results, probes),
        outcome=outcome(run),
        server="" if (server := server_of(run.meta, probes)).id == "generic" else server.title,
        remarks=(*filter(None, [unfinished(run)]), *remarks(run.measured())),
        groups=findings.groups(number, run),
        figures=badge.suite_figures(results, cases, probes),
        answered=tuple(sorted(answered)),
        tools=tools.section(cases),
        matrix=matrix(results, cases, probes),
        wire=wire.tallies(probes),
        measures=speed.measures(results),
        replay="\n".join(summary.lines(run, _EXAMPLES)) if run.replays() else "",
    )
