"""The result of what was not run, with the reason."""

from __future__ import annotations

from toolworthy.records.case import CaseKey, CaseResult
from toolworthy.records.probe import ProbeKey, ProbeResult
from toolworthy.records.score import Cause
from toolworthy.records.store import Measured
from toolworthy.records.trial import Key, Status, TrialKey, TrialResult
from toolworthy.work.probes import PROBES
from toolworthy.work.run.plan import Options
from toolworthy.work.scoring.words import cause


def refused(options: Options, key: TrialKey, why: str) -> TrialResult:
    """The result of a trial whose agent cannot work with the endpoint, as preflight says."""
    return _trial(options, key, "refused", cause("preflight", "endpoint", said=why))


def unrun(options: Options, key: Key, why: str) -> Measured:
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
            main_path=probe.main_path,
            reproduce=options.reproduce(key),
        )
    if isinstance(key, CaseKey):
        return CaseResult(
            key=key,
            category=_category(options, key),
            status="unmeasured",
            detail=why,
            unasked=True,
            reproduce=options.reproduce(key),
        )
    return _trial(options, key, "unmeasured", cause("not run", "our limit", said=why))


def _trial(options: Options, key: TrialKey, status: Status, why: Cause) -> TrialResult:
    return TrialResult(
        key=key,
        status=status,
        cause=why,
        task_digest=next((task.digest for task in options.tasks if task.name == key.task), ""),
        reproduce=options.reproduce(key),
    )


def _category(options: Options, key: CaseKey) -> str:
    if options.field:
        return getattr(options.field.items[key.case], "category", "verifier")
    return next((case.category for case in options.cases if case.id == key.case), "")
