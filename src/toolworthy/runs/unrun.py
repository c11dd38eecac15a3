"""The result of what was not run, with the reason."""

from __future__ import annotations

from toolworthy.cases.result import CaseKey, CaseResult
from toolworthy.probes import PROBES, ProbeKey, ProbeResult
from toolworthy.runs.plan import Options
from toolworthy.runs.result import Key, Result, TrialResult
from toolworthy.scoring.model import Cause


def unrun(options: Options, key: Key, why: str) -> Result:
    """An unmeasured result of `key`: a limit of ours, no fault of anyone's."""
    if isinstance(key, ProbeKey):
        probe = PROBES[key.probe]
        return ProbeResult(
            key=key,
            title=probe.title,
            verdict="unmeasured",
            detail=why,
            unasked=True,
            severity=probe.severity,
            situation=probe.situation,
            agents=probe.agents,
            reproduce=options.reproduce(key),
        )
    if isinstance(key, CaseKey):
        return CaseResult(
            key=key,
            category=_category(options, key),
            status="unmeasured",
            detail=why,
            reproduce=options.reproduce(key),
        )
    return TrialResult(
        key=key,
        status="unmeasured",
        cause=Cause(kind="budget", fault="our limit", detail=why),
        task_digest=next((task.digest for task in options.tasks if task.name == key.task), ""),
        reproduce=options.reproduce(key),
    )


def _category(options: Options, key: CaseKey) -> str:
    if options.field:
        return getattr(options.field.items[key.case], "category", "verifier")
    return next((case.category for case in options.cases if case.id == key.case), "")
