"""A run as logs of Inspect, the evaluation framework of the UK AI Security Institute: one for each suite and agent.

Format: ``EvalLog`` version 2, as read by ``inspect_ai.log.read_eval_log`` of inspect-ai 0.3.285 (2026-11), in its JSON
form; fields are in the order of that class, because its readers rely on it. A task or a case is a sample, an attempt an
epoch. An attempt that was not measured is a sample with an error and without a score, which Inspect does not count.
Probes are not samples: they measure no model.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev
from typing import Any

from toolworthy.output.exports._inspect_sample import error, sample, scorers, scores, usage
from toolworthy.output.exports.timeline import iso
from toolworthy.records.meta import EndpointRecord, RunMeta
from toolworthy.records.result import Result
from toolworthy.records.score import score_of
from toolworthy.records.store import RunDirectory
from toolworthy.statistics.intervals import mean_pass
from toolworthy.work.cases.field import REFERENCE
from toolworthy.work.kind import attempt
from toolworthy.work.kinds import by_kind

VERSION = 2


@dataclass(frozen=True)
class Log:
    """The attempts of one agent, or with one toolset."""

    run: RunDirectory
    meta: RunMeta
    """The run's metadata."""
    suite: str
    agent: str
    attempts: tuple[Result, ...]

    @property
    def file_name(self) -> str:
        """As Inspect names its files, ``TIME_TASK_…_ID.json``; always the same for the same run."""
        agent = re.sub(r"[^A-Za-z0-9.-]+", "-", self.agent)
        return f"{self._created.replace(':', '-')}_{self._task}_{agent}_{self._id('task')}.json"

    def parts(self) -> Iterator[str]:
        """The file's text, sample by sample, to limit memory."""
        head = json.dumps(self.head(), ensure_ascii=False, allow_nan=False)
        yield f'{head[:-1]}, "samples": ['
        for number, result in enumerate(self.attempts):
            row = sample(result, self.run.exchanges(result.exchanges), self._model, self._id(str(result.key)))
            yield (",\n" if number else "\n") + json.dumps(row, ensure_ascii=False, allow_nan=False)
        yield "\n]}\n"

    def head(self) -> dict[str, Any]:
        """Everything except the samples."""
        ids = list(dict.fromkeys(result.key.item for result in self.attempts))
        epochs = max(attempt(result.key) for result in self.attempts)
        counted = [result for result in self.attempts if scores(result)]
        endpoint, version = self._endpoint, self.meta.toolworthy
        names = [*scorers(self.suite)]
        return {
            "version": VERSION,
            "status": "success" if counted else "error",
            "eval": {
                "eval_id": self._id("eval"),
                "run_id": self._id("run"),
                "created": self._created,
                "task": self._task,
                "task_id": self._id("task"),
                "task_version": version,
                "task_args": {"agent": self.agent},
                "solver": self.agent,
                # No agent ran: the toolset was only offered.
                "solver_args": {"version": self.meta.agents.get(self.agent) if self.suite == "tasks" else None},
                "tags": ["toolworthy"],
                "dataset": {"name": self.suite, "samples": len(ids), "sample_ids": ids, "shuffled": False},
                "model": self._model,
                "model_base_url": next(iter(endpoint.base_urls.values()), None),
                "config": {"epochs": epochs, "epochs_reducer": ["mean"], "max_samples": self.meta.options.concurrency},
                "packages": {"toolworthy": version},
                "metadata": {"run": self.run.path.resolve().name, "endpoint": endpoint.name},
                "scorers": [{"name": name, "metrics": [{"name": "accuracy"}, {"name": "stderr"}]} for name in names],
            },
            "plan": {"name": "plan", "steps": [{"solver": self.agent, "params": {}}], "config": {}},
            "results": {
                "total_samples": len(ids) * epochs,
                "completed_samples": len(counted),
                "scores": [self._scored(name, counted, len(ids)) for name in names],
            },
            "stats": self._stats(),
            **({} if counted else {"error": error(self.attempts[0])}),  # Inspect's reader does not accept null
        }

    def _scored(self, name: str, counted: Sequence[Result], asked: int) -> dict[str, Any]:
        """Accuracy and its standard error, over the means of each sample's epochs, as Inspect's own metrics have them.

        The metadata of accuracy has our interval, which accounts for attempts at one task not being independent.
        """
        passed: dict[str, list[bool]] = defaultdict(list)
        for result in counted:
            passed[result.key.item].append(scores(result)[name])
        rates = [fmean(epochs) for epochs in passed.values()]
        ours = mean_pass([(item, ok) for item, epochs in passed.items() for ok in epochs], 1)
        interval = {"interval_95": [ours.low, ours.high], "attempts": ours.n} if ours else None
        return {
            "name": name,
            "scorer": name,
            "reducer": "mean",
            "scored_samples": len(rates),
            "unscored_samples": asked - len(rates),
            "metrics": {
                "accuracy": {"name": "accuracy", "value": fmean(rates) if rates else 0.0, "metadata": interval},
                "stderr": {"name": "stderr", "value": stdev(rates) / sqrt(len(rates)) if len(rates) > 1 else 0.0},
            },
        }

    def _stats(self) -> dict[str, Any]:
        begun = [result for result in self.attempts if result.started > 0]
        ends = [result.started + result.seconds for result in begun]
        return {
            "started_at": iso(min(result.started for result in begun)) if begun else "",
            "completed_at": iso(max(ends)) if ends else "",
            "model_usage": usage([score_of(result) for result in self.attempts], self._model),
        }

    @property
    def _task(self) -> str:
        return f"toolworthy-{self.suite}"

    @property
    def _created(self) -> str:
        return iso(self.meta.started)

    @property
    def _endpoint(self) -> EndpointRecord:
        reference = self.meta.options.reference
        return reference if reference and self.agent == REFERENCE else self.meta.endpoint

    @property
    def _model(self) -> str:
        return self._endpoint.model or "unknown"

    def _id(self, of: str) -> str:
        """The same id for the same run, so that a rewritten log replaces the old one."""
        own = () if of == "run" else (self.suite, self.agent, of)
        text = json.dumps([self.run.path.resolve().name, self.meta.started, *own])
        return hashlib.sha256(text.encode()).hexdigest()[:22]


def logs(run: RunDirectory) -> tuple[Log, ...]:
    """The logs of a run; none if it has only probes and replays, which measure no model."""
    meta = run.meta
    groups: dict[tuple[str, str], list[Result]] = defaultdict(list)
    for kind, own in by_kind(run.measured()):
        for result in own if kind.measures_model else ():
            groups[result.key.suite, result.key.asker].append(result)
    return tuple(Log(run, meta, suite, agent, tuple(attempts)) for (suite, agent), attempts in groups.items())
