"""Start a run, or resume one."""

from __future__ import annotations

from collections.abc import Iterator

from toolworthy.records.result import Result
from toolworthy.records.store import RunDirectory
from toolworthy.work.kinds import by_kind
from toolworthy.work.run._lock import Hold
from toolworthy.work.run.plan import Options


def open_run(options: Options) -> tuple[RunDirectory, Hold]:
    """The run directory, new or resumed, and the lock on it.

    Raises:
        ToolworthyError: it cannot be written, or another process is at work on it.
    """
    if options.resume is None:
        run = RunDirectory.create(options.out, options.meta(), options.secrets)
        return run, Hold(run.path)
    run = RunDirectory.open(options.resume, options.secrets)
    hold = Hold(run.path)
    run.repair()
    new = options.meta().options
    run.update(options=run.meta.options.model_copy(update={"budget": new.budget, "prices": new.prices}))
    return run, hold


def kept(run: RunDirectory) -> Iterator[Result]:
    """The results that a resumed run keeps."""
    return (result for kind, own in by_kind(run.measured()) for result in own if kind.final(result))
