"""What a run measured, small enough to be kept: the scores of every item, not the traffic."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

from pydantic import BaseModel, ConfigDict

from toolworthy.analysis.leaks import left_in_text
from toolworthy.analysis.levels import levels
from toolworthy.cases.result import CaseResult
from toolworthy.probes import ProbeResult
from toolworthy.runs.fingerprint import AgentPrint, agents_of, server_of
from toolworthy.runs.result import TrialResult
from toolworthy.runs.store import RunDirectory
from toolworthy.scoring.model import Leaks

SCHEMA = 1
"""Version of a baseline file."""
SCORES: dict[str, tuple[str, ...]] = {
    "tasks": ("pass",),
    "tools": ("strict", "lenient", "credit"),
    "wire": ("supported",),
}
"""Metrics between 0 and 1, of each suite."""
MAIN = {"tasks": "pass", "tools": "lenient", "wire": "supported"}
"""The rate that is followed where one has to stand for a suite."""
COSTS = ("tokens", "usd", "seconds", "first_token")
"""Metrics that are compared as ratios: tokens of an item, US dollars, seconds until it is done, median seconds until an
answer begins."""
METRICS = tuple(
    f"{suite}.{name}" for suite, names in SCORES.items() for name in (*names, *(COSTS if suite != "wire" else ()))
)
"""Every metric that a policy can name."""


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Unit(_Frozen):
    """One item in the hands of one agent (or in its words), over all attempts."""

    suite: str
    item: str
    """Task, case or probe."""
    agent: str
    """Agent, vocabulary, or the probe's way."""
    digest: str = ""
    """Of the task or case: only what is the same is compared."""
    values: dict[str, list[float]] = {}
    """Metric (without the suite) to one value an attempt."""
    missing: int = 0
    """Attempts that gave no value: errors, limits of ours, what was not run."""
    leaks: Leaks = Leaks()
    """Of the model's calls, over all attempts."""
    failed_by_leaks: int = 0
    """Attempts that failed since the server left a call in the text."""


class Sample(_Frozen):
    """A run's scores and what they were measured with: the content of a baseline file."""

    schema_version: int = SCHEMA
    name: str
    toolworthy: str
    started: float
    endpoint: dict[str, Any]
    agents: dict[str, str]
    """Agent to version."""
    units: tuple[Unit, ...]
    blocking: dict[str, dict[str, str]] = {}
    """Agent to the codes that block it on the wire, each with its title."""
    server: dict[str, list[str]] = {}
    """What the server says of itself."""
    fingerprints: dict[str, tuple[AgentPrint, ...]] = {}
    """Agent to the faces that it showed."""
    words: dict[str, str] = {}
    """Agent to the hash of the tools in whose words cases were asked."""

    def of(self, suite: str) -> Iterator[Unit]:
        """The units of one suite."""
        return (unit for unit in self.units if unit.suite == suite)


def from_run(run: RunDirectory) -> Sample:
    """What a run directory measured so far.

    Raises:
        UserError: its ``run.json`` cannot be read.
    """
    about = run.about
    probes = run.probes()
    units = [*_tasks(run.results(), about), *_tools(run.cases(), about), *_wire(probes)]
    return Sample(
        name=run.path.name,
        toolworthy=str(about.get("toolworthy", "")),
        started=float(about.get("started", 0.0)),
        endpoint={key: about.get("endpoint", {}).get(key) for key in ("name", "provider", "model", "forced_api")},
        agents=dict(about.get("agents", {})),
        units=tuple(units),
        blocking={
            level.agent.id: {r.code: r.title for r in level.reasons if r.effect != "noted"} for level in levels(probes)
        },
        server=server_of(about),
        fingerprints=agents_of(about),
        words=dict(about.get("words", {})),
    )


def _tasks(results: Sequence[TrialResult], about: dict[str, Any]) -> Iterator[Unit]:
    grouped: dict[tuple[str, str], list[TrialResult]] = defaultdict(list)
    for result in results:
        grouped[result.key.task, result.key.agent].append(result)
    for (task, agent), attempts in grouped.items():
        judged = [result for result in attempts if result.status in ("passed", "failed")]
        yield _unit(
            ("tasks", task, agent, attempts[0].task_digest),
            {"pass": [float(result.status == "passed") for result in judged]},
            judged,
            len(attempts) - len(judged),
        )


def _tools(results: Sequence[CaseResult], about: dict[str, Any]) -> Iterator[Unit]:
    digests = about.get("cases", {})
    grouped: dict[tuple[str, str], list[CaseResult]] = defaultdict(list)
    for result in results:
        grouped[result.key.case, result.key.vocabulary].append(result)
    for (case, words), attempts in grouped.items():
        judged = [result for result in attempts if result.status != "unmeasured"]
        scores = {
            "strict": [float(result.status == "right") for result in judged],
            "lenient": [float(result.status != "wrong") for result in judged],
            "credit": [result.credit for result in judged],
        }
        yield _unit(("tools", case, words, str(digests.get(case, ""))), scores, judged, len(attempts) - len(judged))


def _wire(results: Sequence[ProbeResult]) -> Iterator[Unit]:
    for result in results:
        measured = result.verdict != "unmeasured"
        values = {"supported": [float(result.verdict == "supported")]} if measured else {}
        yield Unit(
            suite="wire",
            item=result.key.probe,
            agent=result.key.way,
            values=values,
            missing=int(not measured),
            leaks=result.leaks,
        )


def _unit(
    key: tuple[str, str, str, str],
    scores: dict[str, list[float]],
    judged: Sequence[TrialResult] | Sequence[CaseResult],
    missing: int,
) -> Unit:
    suite, item, agent, digest = key
    measured = [result.score for result in judged]
    values = {
        **scores,
        "tokens": [float((s.tokens.input or 0) + (s.tokens.output or 0)) for s in measured if s.tokens.input],
        "usd": [score.cost_usd for score in measured if score.cost_usd is not None],
        "seconds": [round(result.seconds, 4) for result in judged],
        "first_token": [median(score.first_token_seconds) for score in measured if score.first_token_seconds],
    }
    kept = {name: told for name, told in values.items() if told}
    return Unit(
        suite=suite,
        item=item,
        agent=agent,
        digest=digest,
        values=kept,
        missing=missing,
        leaks=sum((score.leaks for score in measured), Leaks()),
        failed_by_leaks=sum(left_in_text(result) for result in judged),
    )
