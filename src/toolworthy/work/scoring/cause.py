"""Why a trial failed: one cause, by evidence, the first in the order below that the exchanges show.

infrastructure · endpoint error · wire defect · malformed call · unknown tool · bad arguments · repetition · budget ·
announced but did not act · gave up · wrong result. What the agent got over counts for none of them: a fault decides
only where no call that came after it was run well.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from toolworthy.content.adapters import AgentAdapter
from toolworthy.content.breakage import did
from toolworthy.records.exchange import Exchange
from toolworthy.records.score import Cause, CauseKind, Fault, Limit
from toolworthy.rules.leaked import lost_calls
from toolworthy.rules.model import Finding, rank
from toolworthy.rules.refusal import Kind, classify
from toolworthy.sandbox.model import Ended, Outcome
from toolworthy.work.scoring.complaint import complaint
from toolworthy.work.scoring.course import Course
from toolworthy.work.scoring.lost import LEAKS, emptied

_ANNOUNCES = re.compile(r"\b(I will|I'll|let me|I am going to|I'm going to|next, I|going to)\b", re.IGNORECASE)
_GIVES_UP = re.compile(r"\b(cannot|can't|unable to|not able to|give up|sorry)\b", re.IGNORECASE)

_FAULTS: dict[Kind, Fault] = {"rate limited": "our limit", "empty account": "infrastructure"}
"""Whose fault an error is that is not the endpoint's: we asked too often, the user has to pay."""
_NO_ANSWER: tuple[Kind, ...] = (*_FAULTS, "wrong route")
"""Errors that no status tells from an answer, under HTTP 200."""
_HARM = ("wrong result", "dies", "hangs")
_BAD_JSON = "TW102"
"""Arguments that are no JSON: no client can tell a bad parser from a model that wrote them so."""
_EMPTY = "TW704"
"""An answer with neither text nor call, though the model did not end it with its first tokens."""
_ALTERS = ("TW103", "TW104", "TW302", "TW323", "TW507")
"""Faults that make a call say something else than the model did."""
_NO_JSON, _ARGUMENTS = "TW603", re.compile(r"arguments|partial_json")
"""An event that no client can read, and what it holds where it is a piece of a call."""
_PATIENCE = 60.0
"""Seconds of silence that no server needs within an answer."""
_LIMITS: dict[Ended, Limit] = {"timeout": "time", "turns": "turns"}
"""How a process ends, and at which limit of ours."""
_TAKEN: dict[Ended, str] = {"memory": "memory", "processes": "processes", "disk": "disk space"}
"""What the commands of a model took too much of. An agent by itself comes nowhere near, and no task wants so much."""


def diagnose(exchanges: Sequence[Exchange], outcome: Outcome, agent: AgentAdapter, max_turns: int) -> Cause:
    """The cause of a failed trial.

    Args:
        exchanges: all of it, in order.
        outcome: how the agent's process ended.
        agent: whose trial it was.
        max_turns: how many turns it had.
    """
    asked = [exchange for exchange in exchanges if exchange.kind == "completion"]
    if not asked:
        return _nothing_asked(outcome)
    course = Course(asked, outcome, agent, max_turns)
    found = (
        _endpoint_error(course)
        or _silence(course)
        or _leak(course)
        or _wire_defect(course)
        or _call_trouble(course)
        or _limit(course)
        or _altered(course)
        or _ending(course)
    )
    return found.model_copy(update={"detail": found.detail + _overcome(found, course) + _testimony(found, course)})


def _testimony(found: Cause, course: Course) -> str:
    """What the agent itself said went wrong, or that it took the answer for the end."""
    if said := complaint(course.outcome):
        return f"; the agent says: {said}"
    if found.kind == "wire defect" and course.outcome.exit_code == 0 and found.exchange == course.last.index:
        return "; the agent asked nothing after it and ended as if all were done (exit 0)"
    return ""


def _overcome(found: Cause, course: Course) -> str:
    """Of a failure that is the model's: what was wrong on the wire besides, and did not stop the agent."""
    if found.fault != "model":
        return ""
    blocking = [one for one in course.findings if one.severity == "blocks" and one.code not in (found.code, _BAD_JSON)]
    first = {one.code: one for one in reversed(blocking)}
    told = [f"{one.code} {one.title} (exchange {one.evidence.exchange})" for _, one in sorted(first.items())]
    return f"; the agent went on in spite of {', '.join(told)}" if told else ""


def _nothing_asked(outcome: Outcome) -> Cause:
    """An agent that ended by itself could not start; one that we stopped was at work, for longer than we let it."""
    said = " ".join((outcome.stderr or outcome.stdout).decode(errors="replace").split())[-300:]
    if outcome.ended == "timeout":
        detail = f"stopped by timeout after {outcome.seconds:.0f} s, before it asked anything: {said}"
        return Cause(kind="budget", fault="our limit", detail=detail, limit="time")
    how = f"exit {outcome.exit_code}" if outcome.ended == "exit" else outcome.ended
    return Cause(kind="infrastructure", fault="infrastructure", detail=f"the agent asked nothing ({how}): {said}")


def _endpoint_error(course: Course) -> Cause | None:
    """Errors count where they were the last word: an agent that recovered was not stopped by them. What it asked beside
    its task may stop it, too, and then it says so by its exit code."""
    died = course.outcome.ended == "exit" and course.outcome.exit_code != 0
    return _error(course.last) or (_error(course.asked[-1]) if died else None)


def _error(last: Exchange) -> Cause | None:
    if last.error is not None and last.error.kind != "agent gone":
        answered = last.status is not None or last.error.kind == "no HTTP"
        waited: Limit | None = "time" if not answered and last.error.kind == "silent" else None
        fault: Fault = "endpoint" if answered else "infrastructure"
        return _cause("endpoint error", fault, str(last.error), last, limit=waited)
    if last.status is not None and 200 < last.status < 400:  # no API has such an answer to this
        where = last.response_headers.get("location", "")
        told = f", to {where[:200]}" if where else ""
        return _cause("endpoint error", "endpoint", f"HTTP {last.status} in place of an answer{told}", last)
    refusal = None if last.status is None else classify(last.status, last.response_headers, last.body)
    if refusal is None or last.status is None or (last.status < 400 and refusal.kind not in _NO_ANSWER):
        return None  # of an error within an answer a rule says more
    said, status = refusal.message.strip()[:300], f"HTTP {last.status}"
    told = said if said.startswith(status) else f"{status}: {said or 'without a reason'}"
    return _cause("endpoint error", _FAULTS.get(refusal.kind, "endpoint"), told, last, refusal.kind)


def _silence(course: Course) -> Cause | None:
    """An answer that stopped coming. Less than a minute of it may be a slow server, and is our impatience."""
    last, outcome = course.last, course.outcome
    if outcome.ended != "timeout" or last.error is None or last.error.kind != "agent gone":
        return None
    silent = last.seconds - (last.chunks[-1].at if last.chunks else 0.0)
    if silent < outcome.seconds / 4:
        return None
    detail = f"the endpoint went silent for {silent:.0f} s, until the trial's time limit of {outcome.seconds:.0f} s"
    ours = silent < _PATIENCE
    return _cause("endpoint error", "our limit" if ours else "endpoint", detail, last, limit="time" if ours else None)


def _leak(course: Course) -> Cause | None:
    """A call that the server left in the text, so that it was not run, and after which no call was run well."""
    for exchange in reversed(course.open):
        used = exchange.index in course.used  # what its reasoning holds besides was only thought of
        lost = [call for call in lost_calls(exchange.request, exchange.response) if call.where == "text" or not used]
        if lost:
            here = (one for one in course.findings if one.evidence.exchange == exchange.index)
            rule = next((one for one in here if one.code in LEAKS), None)
            said = f"a call of {lost[0].name} came in the {lost[0].where} and was not run: {lost[0].excerpt[:200]!r}"
            named = f"{rule.code} {rule.title}: {said}" if rule else said
            return _cause("wire defect", "server", named, exchange, rule.code if rule else "")
    return None


def _wire_defect(course: Course) -> Cause | None:
    """An answer that no client can use, or whose call this one did not find. What this agent was seen to break on is
    named before what it took; what came last, before what came earlier."""
    last, missed = course.last.index, _missed(course)
    found = [
        one
        for one in course.open_findings
        if one.severity == "blocks" or (missed and one.evidence.exchange == last and one.severity != "cosmetic")
    ]
    if not found:
        lost = missed and course.last.response and not course.last.response.calls
        return _cause("wire defect", "server", missed, course.last) if lost else None
    worst = course.root(max(found, key=lambda one: _weight(one, course)))
    detail = f"{worst.code} {worst.title}: {worst.detail}"
    if worst.code == _BAD_JSON:
        return _cause("malformed call", "model", detail, worst.evidence.exchange, worst.code)
    if did(course.agent.id, worst.code) in ("unaffected", "recovers"):
        detail += f" ({course.agent.title} went on in spite of it in a small task: it need not be all)"
    if missed and worst.evidence.exchange == last:
        detail += f"; {missed}"
    return _cause("wire defect", "server", detail, worst.evidence.exchange, worst.code)


def _missed(course: Course) -> str:
    """A call of the last answer that the agent did not run, though it ended by itself; "" where there is none."""
    response = course.last.response
    if course.outcome.ended != "exit" or course.out_of_turns or response is None:
        return ""
    names = ", ".join(dict.fromkeys(call.name for call in response.calls))
    if names:
        return f"the agent ended without running its call of {names}"
    if emptied(course.last):
        return "an empty delta stands where a call was due"
    empty = any(one.code == _EMPTY and one.evidence.exchange == course.last.index for one in course.findings)
    return "what the model wrote is not in the answer" if empty else ""


def _weight(finding: Finding, course: Course) -> tuple[bool, int, int]:
    """What weighs most: what this agent was seen to break on, then what blocks, then what came last."""
    harms = did(course.agent.id, finding.code) in _HARM
    return harms, -rank(finding.severity), finding.evidence.exchange


def _call_trouble(course: Course) -> Cause | None:
    for call in reversed(course.calls):
        if not call.parses:
            detail = f"arguments of {call.call.name} are no JSON: {call.call.arguments[:200]}"
            return _cause("malformed call", "model", detail, call.exchange)
        if not call.known:
            detail = f"{call.call.name} was called, which the request does not offer"
            return _cause("unknown tool", "model", detail, call.exchange)
        if call.valid is False:
            return _cause("bad arguments", "model", f"{call.call.name}: {call.problem}", call.exchange)
        if call.executed:
            return None  # it had found its way again
    return None


def _limit(course: Course) -> Cause | None:
    """A loop, or a limit of ours that it ran into."""
    last, outcome, calls = course.last, course.outcome, course.calls
    loop = next((call for call in reversed(calls) if not call.fresh), None)
    if loop is not None:
        detail = f"{loop.call.name} was called three times in a row with the same arguments"
        return _cause("repetition", "model", detail, loop.exchange)
    if course.out_of_turns:
        return _cause("budget", "our limit", f"stopped by our limit of {course.max_turns} turns", last, limit="turns")
    if outcome.ended in _TAKEN:
        detail = f"what was run took more {_TAKEN[outcome.ended]} than it may, after {len(calls)} calls"
        return _cause("budget", "model", detail, last)
    if outcome.ended != "exit":
        detail = f"stopped by {outcome.ended} after {outcome.seconds:.0f} s and {len(calls)} calls"
        return _cause("budget", "our limit", detail, last, limit=_LIMITS.get(outcome.ended))
    if last.response and last.response.stop == "length":
        return _cause("budget", "our limit", "the last answer was cut by its token limit", last, limit="tokens")
    return None


def _altered(course: Course) -> Cause | None:
    """A call that was run well, and did not say what the model had said: what was done by it is wrong since."""
    calls = {call.exchange for call in course.calls}
    for one in reversed(course.findings):
        whole = one.code in _ALTERS or (one.code == _NO_JSON and _ARGUMENTS.search(one.evidence.excerpt))
        if (
            whole
            and one.evidence.exchange in calls
            and did(course.agent.id, one.code) not in ("unaffected", "recovers")
        ):
            detail = f"{one.code} {one.title}: {one.detail}; the call was run as it came"
            return _cause("wire defect", "server", detail, one.evidence.exchange, one.code)
    return None


def _ending(course: Course) -> Cause:
    last, calls = course.last, course.calls
    text = last.response.text if last.response else ""
    if not calls or _ANNOUNCES.search(text[-300:]):
        said = f"no tool was called in {len(course.asked)} answers" if not calls else "the last answer only announces"
        return _cause("announced but did not act", "model", f"{said}: {text[-200:]!r}", last)
    if _GIVES_UP.search(text):
        return _cause("gave up", "model", f"the last answer says: {text[-200:]!r}", last)
    return _cause("wrong result", "model", "the agent ended, and the hidden tests fail", last)


def _cause(
    kind: CauseKind, fault: Fault, detail: str, at: Exchange | int, code: str = "", limit: Limit | None = None
) -> Cause:
    index = at if isinstance(at, int) else at.index
    return Cause(kind=kind, fault=fault, detail=detail, exchange=index, code=code, limit=limit)
