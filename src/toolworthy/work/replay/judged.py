"""Turn a recording of ``toolworthy proxy`` into a run directory, for pages and bug reports."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from toolworthy import rules
from toolworthy.base.errors import ToolworthyError
from toolworthy.records.exchange import Exchange
from toolworthy.records.exchanges import ExchangeWriter, file_name
from toolworthy.records.meta import RunMeta
from toolworthy.records.score import Score
from toolworthy.records.store import RESULTS, RunDirectory
from toolworthy.records.trial import TrialKey, TrialResult
from toolworthy.work.replay.recording import SUFFIX, Recording
from toolworthy.work.scoring.words import cause

_ASKER = "your-agent"


def opened(path: Path, *, whole: bool = False) -> RunDirectory:
    """A run directory; for a recording of the proxy, a new run directory next to it, whose exchanges are judged only by
    the rules.

    Args:
        path: of either.
        whole: whether all results of a run are needed.

    Raises:
        ToolworthyError: it is neither, or the run directory cannot be written.
    """
    if path.is_dir() or not path.name.endswith(SUFFIX):
        return RunDirectory.open(path, whole=whole)
    recording = Recording.open(path)
    run = RunDirectory(path.with_name(path.name.removesuffix(SUFFIX)), _secrets(recording))
    exchanges = recording.exchanges()
    started = min((exchange.started for exchange in exchanges), default=0.0)
    meta = RunMeta(started=started, endpoint=recording.endpoint, command="toolworthy proxy")
    if run.path.exists():
        if RunDirectory.open(run.path).meta.endpoint != recording.endpoint:
            raise ToolworthyError(f"{run.path} is another run. Move the record to a folder without it.")
        shutil.rmtree(run.path / "exchanges", ignore_errors=True)
        (run.path / RESULTS).unlink(missing_ok=True)
        (run.path / "exchanges").mkdir(parents=True, exist_ok=True)
        run.write_meta(meta)
    else:
        run.begin(meta)
    run.append(_result(run, exchanges))
    return run


def _secrets(recording: Recording) -> Iterable[str]:
    return (os.environ.get(name, "").strip() for name in sorted(recording.endpoint.variables))


def _result(run: RunDirectory, exchanges: tuple[Exchange, ...]) -> TrialResult:
    """The whole recording as one trial that only the rules judged."""
    key = TrialKey(suite="tasks", task="recording", agent=_ASKER)
    file = f"exchanges/{file_name(str(key))}"
    writer = ExchangeWriter(run.path / file, run.redactor)
    for exchange in exchanges:
        writer.append(exchange)
    writer.close()
    completions = [exchange for exchange in exchanges if exchange.kind == "completion"]
    models = [exchange.response.model for exchange in completions if exchange.response and exchange.response.model]
    return TrialResult(
        key=key,
        status="unmeasured",
        cause=cause("not run", "our limit", said="a recording: the rules judge it, and no task does"),
        score=Score(
            requests=len(completions),
            turns=sum(exchange.is_turn for exchange in completions),
            calls=sum(len(exchange.calls) for exchange in completions),
            request_seconds=tuple(
                round(exchange.seconds, 4) for exchange in completions if exchange.status is not None
            ),
            findings=rules.check(exchanges),
            translated=any(exchange.translated for exchange in completions),
            models_answered=tuple(dict.fromkeys(models)),
        ),
        agent_api=next((exchange.agent_api for exchange in completions), None),
        endpoint_api=next((exchange.endpoint_api for exchange in completions), None),
        started=min((exchange.started for exchange in exchanges), default=0.0),
        seconds=max((exchange.started + exchange.seconds for exchange in exchanges), default=0.0)
        - min((exchange.started for exchange in exchanges), default=0.0),
        exchanges=file,
    )
