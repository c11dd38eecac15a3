"""What the wire suite predicts of a server's agents, and what they then do: measured, and kept as lines of JSON."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

from toolworthy.content import adapters
from toolworthy.judgement.analysis.levels import levels
from toolworthy.records.store import RunDirectory

from .install import HERE
from .running import Server, definitions, serving

OBSERVED, PREDICTED = HERE / "observed.jsonl", HERE / "predicted.jsonl"
TASKS = ("fix-failing-test", "shell-pipeline", "unicode-crlf-edit")
_SECONDS = 3600.0
_LONGEST = 200
"""Characters of a cause's detail that are kept."""


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    server: str
    version: str
    defects: tuple[str, ...]
    """What the oracle behind it showed."""
    agent: str
    on: str
    """Date, UTC."""

    @property
    def key(self) -> tuple[str, tuple[str, ...], str]:
        """Which pair."""
        return self.server, self.defects, self.agent


class Trial(BaseModel):
    """One attempt of an agent at a task."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    status: str
    kind: str = ""
    """Of the cause, where it did not pass."""
    fault: str = ""
    detail: str = ""


class Observed(_Line):
    """What an agent did behind a server."""

    agent_version: str
    api: str
    """In which the server was asked."""
    trials: dict[str, Trial]
    """By task."""

    @property
    def passed(self) -> int:
        """How many tasks were solved."""
        return sum(trial.status == "passed" for trial in self.trials.values())


class Predicted(_Line):
    """What the wire suite says of an agent behind a server."""

    tier: str
    """Of the wire suite."""
    word: str
    codes: tuple[str, ...]
    """Of rules and probes that decide it."""


Line = TypeVar("Line", Observed, Predicted)


def observe(name: str, defects: Sequence[str], out: Path) -> list[Observed]:
    """Put the real agents behind the server, three tasks each."""
    chosen = [part for agent in agents_of(name) for part in ("--agent", agent)]
    chosen += [part for task in TASKS for part in ("--task", task)]
    return observed(name, defects, _run(name, defects, out, "tasks", *chosen, *definitions()[name].options))


def observed(name: str, defects: Sequence[str], run: RunDirectory) -> list[Observed]:
    """What a run of tasks behind the server shows."""
    found: dict[str, dict[str, object]] = {}
    for result in run.results():
        cause = result.cause
        trial = Trial(status=result.status)
        if cause is not None and result.status != "passed":
            trial = Trial(
                status=result.status, kind=cause.kind, fault=cause.fault, detail=cause.detail[:_LONGEST].strip()
            )
        line = found.setdefault(result.key.agent, {"trials": {}})
        trials = line["trials"]
        assert isinstance(trials, dict)
        trials[result.key.task] = trial
        line["agent_version"] = result.agent_version or line.get("agent_version", "")
        line["api"] = result.endpoint_api or line.get("api", "")
    return [Observed.model_validate(_about(name, defects, agent) | line) for agent, line in found.items()]


def predict(name: str, defects: Sequence[str], out: Path, tier: str) -> list[Predicted]:
    """Run this tier of the wire suite against the server, and take the levels from it."""
    return predicted(name, defects, _run(name, defects, out, "wire", "--tier", tier), tier)


def predicted(name: str, defects: Sequence[str], run: RunDirectory, tier: str) -> list[Predicted]:
    """What a run of the wire suite against the server foretells."""
    about = {"tier": tier}
    return [
        Predicted.model_validate(
            _about(name, defects, level.agent.id) | about | {"word": level.word, "codes": tuple(level.deciding)}
        )
        for level in levels(run.probes())
        if level.agent.id in agents_of(name)
    ]


def read(path: Path, kind: type[Line]) -> dict[tuple[str, tuple[str, ...], str], Line]:
    """The lines of a file, by pair."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return {line.key: line for line in map(kind.model_validate_json, lines)}


def write(path: Path, lines: Iterable[Observed] | Iterable[Predicted], kind: type[Line]) -> None:
    """Put lines in the place of those of the same pairs."""
    every = read(path, kind) | {line.key: line for line in lines}
    path.write_text("".join(every[key].model_dump_json() + "\n" for key in sorted(every)), encoding="utf-8")


def suite(server: Server, name: str, out: Path, *arguments: str) -> RunDirectory:
    """Run a suite against a server that runs; the run directory is made under `out`."""
    command = [sys.executable, "-m", "toolworthy", "run", name, "--endpoint", server.url, "--model", server.model]
    before = set(out.glob("*/run.json"))
    with (out / f"{name}.log").open("wb") as log:
        done = subprocess.run(
            [*command, "--out", str(out), *arguments],
            stdout=log,
            stderr=subprocess.STDOUT,
            timeout=_SECONDS,
            check=False,
        )
    made = set(out.glob("*/run.json")) - before
    if len(made) != 1:
        raise AssertionError(f"exit {done.returncode}, no run: {(out / f'{name}.log').read_text()[-2000:]}")
    return RunDirectory.open(made.pop().parent)


def _run(name: str, defects: Sequence[str], out: Path, which: str, *arguments: str) -> RunDirectory:
    place = out / "-".join((name, *defects))
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place) as folder, serving(name, Path(folder), defects) as server:
        return suite(server, which, place, *arguments)


def agents_of(name: str) -> list[str]:
    """Ids of the real agents that speak an API of the server's own."""
    served = definitions()[name].apis
    return [agent.id for agent in adapters.common() if agent.install and agent.apis[0] in served]


def _about(name: str, defects: Sequence[str], agent: str) -> dict[str, object]:
    today = time.strftime("%Y-%m-%d", time.gmtime())
    version = definitions()[name].version
    return {"server": name, "version": version, "defects": tuple(defects), "agent": agent, "on": today}
