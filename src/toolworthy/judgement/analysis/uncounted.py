"""Why a result counts in no rate, in a word or two that are the same wherever it is said."""

from __future__ import annotations

from toolworthy.records.case import CaseResult
from toolworthy.records.trial import Result
from toolworthy.work.probes import ProbeResult

NOT_RUN = "not run"
NO_ANSWER = "no answer"


def uncounted(result: Result) -> str:
    """``infrastructure``, ``time limit``, ``rate limited``, ``not run`` …; empty where it counts."""
    if isinstance(result, ProbeResult):
        return "" if result.verdict != "unmeasured" else NOT_RUN if result.unasked else NO_ANSWER
    if isinstance(result, CaseResult):
        if result.status != "unmeasured":
            return ""
        return NOT_RUN if result.unasked else at(result.limit) if result.limit else NO_ANSWER
    if result.status in ("passed", "failed"):
        return ""
    if result.status == "unmeasured":
        return NOT_RUN
    if result.status == "refused":
        return "refused"
    if result.limit:
        return at(result.limit)
    return (result.cause.refusal or result.cause.kind) if result.cause else "infrastructure"


def at(limit: str) -> str:
    """How an attempt is called that ended at a limit of ours."""
    return f"{limit} limit"
