"""Why a trial failed: one cause, by evidence, the first in the order below that the exchanges show.

infrastructure · endpoint error · wire defect · malformed call · unknown tool · bad arguments · announced but did not
act · repetition · budget · gave up · wrong result
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from toolworthy import rules
from toolworthy.adapters import AgentAdapter
from toolworthy.breakage import did
from toolworthy.exchange import Exchange
from toolworthy.sandbox.model import Outcome
from toolworthy.scoring.calls import JudgedCall, judge_calls
from toolworthy.scoring.complaint import complaint
from toolworthy.scoring.model import Cause

_ANNOUNCES = re.compile(r"\b(I will|I'll|let me|I am going to|I'm going to|next, I|going to)\b", re.IGNORECASE)
_GIVES_UP = re.compile(r"\b(cannot|can't|unable to|not able to|give up|sorry)\b", re.IGNORECASE)

_HARM = ("wrong result", "dies", "hangs")
_PATIENCE = 60.0
"""Seconds of silence that no server needs within an answer."""


def diagnose(exchanges: Sequence[Exchange], outcome: Outcome, agent: AgentAdapter) -> Cause:
    """The cause of a failed trial. `exchanges` are all of it, in order; `outcome` is how the agent's process ended."""
    asked = [exchange for exchange in exchanges if exchange.kind == "completion"]
    calls = judge_calls(asked, agent)
    if (unasked := _infrastructure(asked, outcome)) is not None:
        return unasked
    found = (
        _endpoint_error(asked)
        or _silence(asked, outcome)
        or _wire_defect(asked, agent)
        or _call_trouble(calls)
        or _ending(asked, calls, outcome)
    )
    return found.model_copy(update={"detail": found.detail + _testimony(found, asked, outcome)})


def _testimony(found: Cause, exchanges: Sequence[Exchange], outcome: Outcome) -> str:
    """What the agent itself said went wrong, or that it took the answer for the end."""
    if said := complaint(outcome):
        return f"; the agent says: {said}"
    if found.kind == "wire defect" and outcome.exit_code == 0 and found.exchange == exchanges[-1].index:
        return "; the agent asked nothing after it and ended as if all were done (exit 0)"
    return ""


def _infrastructure(exchanges: Sequence[Exchange], outcome: Outcome) -> Cause | None:
    if exchanges:
        return None
    said = " ".join((outcome.stderr or outcome.stdout).decode(errors="replace").split())[-300:]
    how = f"exit {outcome.exit_code}" if outcome.ended == "exit" else outcome.ended
    return Cause(kind="infrastructure", fault="infrastructure", detail=f"the agent asked nothing ({how}): {said}")


def _endpoint_error(exchanges: Sequence[Exchange]) -> Cause | None:
    """Errors count where they were the last word: an agent that recovered was not stopped by them."""
    last = exchanges[-1]
    if last.error is not None and last.error != "agent hung up":
        fault = "endpoint" if last.status is not None else "infrastructure"
        return _cause("endpoint error", fault, last.error, last)
    if last.status is not None and last.status >= 400:
        message = last.response.failure.message if last.response and last.response.failure else ""
        fault = "our limit" if last.status == 429 else "endpoint"
        return _cause("endpoint error", fault, f"HTTP {last.status}: {message[:300]}", last)
    return None


def _silence(exchanges: Sequence[Exchange], outcome: Outcome) -> Cause | None:
    """An answer that stopped coming. Less than a minute of it may be a slow server, and is our impatience."""
    last = exchanges[-1]
    if outcome.ended != "timeout" or last.error != "agent hung up":
        return None
    silent = last.seconds - (last.chunks[-1].at if last.chunks else 0.0)
    if silent < outcome.seconds / 4:
        return None
    detail = f"the endpoint went silent for {silent:.0f} s, until the trial's time limit of {outcome.seconds:.0f} s"
    return _cause("endpoint error", "endpoint" if silent >= _PATIENCE else "our limit", detail, last)


def _wire_defect(exchanges: Sequence[Exchange], agent: AgentAdapter) -> Cause | None:
    """An answer that no client can use. What this agent was seen to break on is named before what it took."""
    found = rules.check(exchanges)
    blocking = [finding for finding in found if finding.severity == "blocks"]
    if not blocking:
        return None
    last = next((one for one in reversed(found) if did(agent.id, one.code) in _HARM), blocking[-1])
    detail = f"{last.code} {last.title}: {last.detail}"
    if last.code == "TW102":  # no client can tell a bad parser from a model that wrote bad JSON
        return Cause(kind="malformed call", fault="model", detail=detail, exchange=last.evidence.exchange)
    if did(agent.id, last.code) in ("unaffected", "recovers"):
        detail += f" ({agent.title} went on in spite of it in a small task: it need not be all)"
    return Cause(kind="wire defect", fault="server", detail=detail, exchange=last.evidence.exchange)


def _call_trouble(calls: Sequence[JudgedCall]) -> Cause | None:
    for call in reversed(calls):
        if not call.parses:
            detail = f"arguments of {call.call.name} are no JSON: {call.call.arguments[:200]}"
            return Cause(kind="malformed call", fault="model", detail=detail, exchange=call.exchange)
        if not call.known:
            detail = f"{call.call.name} was called, which the request does not offer"
            return Cause(kind="unknown tool", fault="model", detail=detail, exchange=call.exchange)
        if call.valid is False:
            detail = f"{call.call.name}: {call.problem}"
            return Cause(kind="bad arguments", fault="model", detail=detail, exchange=call.exchange)
        if call.executed:
            return None  # it had found its way again
    return None


def _ending(exchanges: Sequence[Exchange], calls: Sequence[JudgedCall], outcome: Outcome) -> Cause:
    last = exchanges[-1]
    text = last.response.text if last.response else ""
    loop = next((call for call in reversed(calls) if not call.fresh), None)
    if loop is not None:
        detail = f"{loop.call.name} was called three times in a row with the same arguments"
        return Cause(kind="repetition", fault="model", detail=detail, exchange=loop.exchange)
    if outcome.ended != "exit":
        detail = f"stopped by {outcome.ended} after {outcome.seconds:.0f} s and {len(calls)} calls"
        return _cause("budget", "our limit", detail, last)
    if last.response and last.response.stop == "length":
        return _cause("budget", "our limit", "the last answer was cut by its token limit", last)
    if not calls or _ANNOUNCES.search(text[-300:]):
        kind_detail = (
            f"no tool was called in {len(exchanges)} answers" if not calls else "the last answer only announces"
        )
        return _cause("announced but did not act", "model", f"{kind_detail}: {text[-200:]!r}", last)
    if _GIVES_UP.search(text):
        return _cause("gave up", "model", f"the last answer says: {text[-200:]!r}", last)
    return _cause("wrong result", "model", "the agent ended, and the hidden tests fail", last)


def _cause(kind: object, fault: object, detail: str, exchange: Exchange) -> Cause:
    return Cause.model_validate({"kind": kind, "fault": fault, "detail": detail, "exchange": exchange.index})
