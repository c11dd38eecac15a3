"""Begin a run, or go on with one."""

from __future__ import annotations

from toolworthy.records.trial import Result
from toolworthy.work.run.hold import Hold
from toolworthy.work.run.plan import Options
from toolworthy.work.run.store import RunDirectory


def open_run(options: Options) -> tuple[RunDirectory, Hold]:
    """The run's directory, new unless one is gone on with, and ours alone until the hold is closed.

    Raises:
        UserError: it cannot be written, or another process is at work on it.
    """
    if options.resume is None:
        run = RunDirectory.create(options.out, options.about(), options.secrets)
        return run, Hold(run.path)
    run = RunDirectory.open(options.resume, options.secrets)
    hold = Hold(run.path)
    run.mend()
    old, new = run.about, options.about()
    now = {name: new["options"][name] for name in ("budget", "prices")}
    if now != {name: old.get("options", {}).get(name) for name in now}:
        run.write_about({**old, "options": {**old.get("options", {}), **now}})
    return run, hold


def kept(run: RunDirectory) -> tuple[Result, ...]:
    """What need not be done again. What ended at a limit of ours would only be given a second chance."""
    probes = (result for result in run.probes() if result.verdict != "unmeasured")
    trials = (one for one in run.results() if one.status in ("passed", "failed") or one.limit)
    cases = (one for one in run.cases() if one.status != "unmeasured" or one.limit)
    return (*trials, *probes, *cases)
