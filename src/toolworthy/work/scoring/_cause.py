"""Find the cause of a failed trial: the first in the order below for which the exchanges have evidence.

infrastructure · endpoint error · wire defect · malformed call · unknown tool · bad arguments · repetition · budget ·
announced but did not act · gave up · agent tool · wrong result. Faults that the agent recovered from do not count: a
fault decides only if no later call succeeded.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from toolworthy.base.counted import counted
from toolworthy.content.adapters import AgentAdapter
from toolworthy.content.breakage import did
from toolworthy.records.exchange import Exchange
from toolworthy.records.finding import Finding, rank
from toolworthy.records.score import Cause, CauseCode, Fault, Limit, Note
from toolworthy.rules import label
from toolworthy.rules.leaked import lost_calls
from toolworthy.rules.refusal import classify
from toolworthy.sandbox.model import EXCEEDED, CommandOutcome
from toolworthy.wire.failure import RefusalKind
from toolworthy.wire.text_edits import wants_text_edits
from toolworthy.work.scoring._agent_error import complaint
from toolworthy.work.scoring._progress import Course
from toolworthy.work.scoring.lost_calls import LEAKS, emptied
from toolworthy.work.scoring.words import cause, noted

_ANNOUNCES = re.compile(r"\b(I will|I'll|let me|I am going to|I'm going to|next, I|going to)\b", re.IGNORECASE)
_GIVES_UP = re.compile(r"\b(cannot|can't|unable to|not able to|give up|sorry)\b", re.IGNORECASE)

_FAULTS: dict[RefusalKind, Fault] = {"rate limited": "our limit", "empty account": "infrastructure"}
"""Fault of errors that are not the endpoint's: rate limits of our own making, empty accounts."""
_NO_ANSWER: tuple[RefusalKind, ...] = (*_FAULTS, "wrong route")
"""Errors under HTTP 200, which no status shows."""
_HARM = ("wrong result", "dies", "hangs")
_BAD_JSON = "TW102"
"""Arguments that are not JSON: the server's parser or the model may be at fault."""
_EMPTY = "TW704"
"""An answer with neither text nor call, though the model did not end it with its first tokens."""
_EMPTIED: tuple[Literal["call emptied", "answer emptied"], ...] = ("call emptied", "answer emptied")
"""Rules about lost parts of the last response, if it has no call."""
_ALTERS = ("TW103", "TW104", "TW302", "TW323", "TW507")
"""Faults that change the content of a call."""
_NO_JSON, _ARGUMENTS = "TW603", re.compile(r"arguments|partial_json")
"""The rule for an unreadable event, and the text in it that marks a piece of a call."""
_AT_TOOLS_FAULT: tuple[CauseCode | None, ...] = ("same call again", "only announced", "gave up", "tests fail")
"""Endings of a model that the agent's tools keep from the goal."""
_PATIENCE = 60.0
"""Seconds of silence within a response that no server needs."""
_TAKEN = ("memory", "processes", "disk")
"""Limits that only a model's commands exceed: neither agents nor tasks need so much."""


def diagnose(
    exchanges: Sequence[Exchange], outcome: CommandOutcome, agent: AgentAdapter, max_turns: int, ceiling: str = ""
) -> Cause:
    """The cause of a failed trial.

    Args:
        exchanges: all exchanges of the trial, in order.
        outcome: how the agent's process ended.
        agent: the agent of the trial.
        max_turns: its turn limit.
        ceiling: why the agent fails the task with every model; empty if it can pass.
    """
    completions = [exchange for exchange in exchanges if exchange.kind == "completion"]
    if not completions:
        return _nothing_asked(outcome)
    course = Course(completions, outcome, agent, max_turns)
    diagnosed = (
        _endpoint_error(course)
        or _silence(course)
        or _leak(course)
        or _wire_defect(course)
        or _call_trouble(course)
        or _edit_trouble(course)
        or _limit(course)
        or _altered(course)
        or _ending(course)
    )
    if ceiling and _gives_way(diagnosed):
        diagnosed = cause("above the ceiling", "agent", course.last, said=ceiling)
    return noted(diagnosed, {**_overcome(diagnosed, course), **_testimony(diagnosed, course)})


def _gives_way(diagnosed: Cause) -> bool:
    """Whether the ceiling explains the failure better than this cause."""
    return diagnosed.code in _AT_TOOLS_FAULT or "borne elsewhere" in diagnosed.notes


def _testimony(diagnosed: Cause, course: Course) -> dict[Note, str]:
    """A note with the agent's own error, or that it took the response for the end."""
    if message := complaint(course.outcome):
        return {"agent says": message}
    if diagnosed.kind == "wire defect" and course.outcome.exit_code == 0 and diagnosed.exchange == course.last.index:
        return {"agent content": ""}
    return {}


def _overcome(diagnosed: Cause, course: Course) -> dict[Note, str]:
    """Notes on wire faults that did not stop the agent, for a failure of model or agent."""
    if diagnosed.fault not in ("model", "agent"):
        return {}
    blocking = [
        finding
        for finding in course.findings
        if finding.severity == "blocks" and finding.code not in (diagnosed.rule, _BAD_JSON)
    ]
    first = {finding.code: finding for finding in reversed(blocking)}
    overcome = [f"{label(finding.code)} (exchange {finding.evidence.exchange})" for _, finding in sorted(first.items())]
    return {"in spite of": ", ".join(overcome)} if overcome else {}


def _nothing_asked(outcome: CommandOutcome) -> Cause:
    """The cause without any completion: an agent that ended by itself could not start; one that was stopped exceeded a
    limit."""
    output = " ".join((outcome.stderr or outcome.stdout).decode(errors="replace").split())[-300:]
    if outcome.ended == "timeout":
        return cause("nothing asked in time", "our limit", limit="time", seconds=outcome.seconds, said=output)
    how = f"exit {outcome.exit_code}" if outcome.ended == "exit" else f"run limit on {EXCEEDED[outcome.ended]}"
    return cause("nothing asked", "infrastructure", how=how, said=output)


def _endpoint_error(course: Course) -> Cause | None:
    """Errors count only at the end: an agent that recovered was not stopped by them. Errors of side requests count if
    the exit code shows that they stopped the agent."""
    died = course.outcome.ended == "exit" and course.outcome.exit_code != 0
    return _error(course.last) or (_error(course.asked[-1]) if died else None)


def _error(last: Exchange) -> Cause | None:
    if last.error is not None and last.error.kind != "agent gone":
        answered = last.status is not None or last.error.kind == "no HTTP"
        waited: Limit | None = "time" if not answered and last.error.kind == "silent" else None
        fault: Fault = "endpoint" if answered else "infrastructure"
        return cause("no whole answer", fault, last, limit=waited, failure=str(last.error))
    if last.status is None:
        return None
    if 200 < last.status < 400:  # no API sends such a response
        where = last.response_headers.get("location", "")
        redirected = cause("redirected", "endpoint", last, status=last.status)
        return noted(redirected, {"to": where[:200]} if where else {})
    refusal = classify(last.status, last.response_headers, last.body)
    if refusal is None or (last.status < 400 and refusal.kind not in _NO_ANSWER):
        return None  # a rule describes an error within a response better
    message = refusal.message.strip()[:300] or "without a reason"
    fault = _FAULTS.get(refusal.kind, "endpoint")
    return cause("refused", fault, last, refusal=refusal.kind, status=last.status, said=message)


def _silence(course: Course) -> Cause | None:
    """A response that stalled. Less than a minute may be a slow server: then our time limit is the cause."""
    last, outcome = course.last, course.outcome
    if outcome.ended != "timeout" or last.error is None or last.error.kind != "agent gone":
        return None
    silent = last.seconds - (last.chunks[-1].at if last.chunks else 0.0)
    if silent < outcome.seconds / 4:
        return None
    ours = silent < _PATIENCE
    fault: Fault = "our limit" if ours else "endpoint"
    limit: Limit | None = "time" if ours else None
    return cause("went silent", fault, last, limit=limit, silent=silent, seconds=outcome.seconds)


def _leak(course: Course) -> Cause | None:
    """A leaked call that was not executed, without a later successful call."""
    for exchange in reversed(course.open):
        used = exchange.index in course.used  # a call that is also in the reasoning was only considered
        lost = [call for call in lost_calls(exchange.request, exchange.response) if call.where == "text" or not used]
        if lost:
            here = (finding for finding in course.findings if finding.evidence.exchange == exchange.index)
            rule = next((finding for finding in here if finding.code in LEAKS), None)
            first = lost[0]
            excerpt = first.excerpt[:200]
            return cause(
                "call in text", "server", exchange, rule=rule, tool=first.name, where=first.where, excerpt=excerpt
            )
    return None


def _wire_defect(course: Course) -> Cause | None:
    """A response that no client can use, or whose call this agent did not find. Faults that broke this agent when
    measured come before others, later ones before earlier ones."""
    last, missed = course.last.index, _missed(course)
    candidates = [
        finding
        for finding in course.open_findings
        if finding.severity == "blocks"
        or (missed and finding.evidence.exchange == last and finding.severity != "cosmetic")
    ]
    if not candidates:
        code = next((code for code in _EMPTIED if code in missed), None)
        return cause(code, "server", course.last) if code else None
    worst = course.root(max(candidates, key=lambda finding: _weight(finding, course)))
    if worst.code == _BAD_JSON:
        return _broken("arguments broken", "model", worst)
    bears = did(course.agent.id, worst.code) in ("unaffected", "recovers")
    borne: dict[Note, str] = {"borne elsewhere": course.agent.title} if bears else {}
    at_last = missed if worst.evidence.exchange == last else {}
    return noted(_broken("broken rule", "server", worst), {**borne, **at_last})


def _broken(code: CauseCode, fault: Fault, finding: Finding) -> Cause:
    return cause(code, fault, finding.evidence.exchange, rule=finding, said=finding.detail)


def _missed(course: Course) -> dict[Note, str]:
    """A call of the last response that the agent did not execute, although it ended by itself; empty if there is
    none."""
    if course.outcome.ended != "exit" or course.out_of_turns:
        return {}
    if calls := course.last.calls:
        return {"call not run": ", ".join(dict.fromkeys(call.name for call in calls))}
    if emptied(course.last):
        return {"call emptied": ""}
    empty = any(
        finding.code == _EMPTY and finding.evidence.exchange == course.last.index for finding in course.findings
    )
    return {"answer emptied": ""} if empty else {}


def _weight(finding: Finding, course: Course) -> tuple[bool, int, int]:
    """Sort key: faults that broke this agent when measured, then blocking ones, then later ones."""
    harms = did(course.agent.id, finding.code) in _HARM
    return harms, -rank(finding.severity), finding.evidence.exchange


def _call_trouble(course: Course) -> Cause | None:
    for call in reversed(course.calls):
        tool = call.call.name
        if not call.parses:
            return cause("arguments no JSON", "model", call.exchange, tool=tool, arguments=call.call.arguments[:200])
        if not call.known:
            return cause("tool unknown", "model", call.exchange, tool=tool)
        if call.valid is False:
            return cause("arguments misfit", "model", call.exchange, tool=tool, problem=call.problem)
        if call.executed:
            return None  # the agent had recovered
    return None


def _edit_trouble(course: Course) -> Cause | None:
    """An edit that the agent could not apply, unless a later one was applied."""
    if not course.edits or not (worst := course.edits[-1]).problem:
        return None
    code: CauseCode = "edit malformed" if worst.problem == "malformed" else "edit misfit"
    return cause(code, "model", worst.exchange, path=worst.edit.path or "no path", problem=worst.edit.problem)


def _limit(course: Course) -> Cause | None:
    """A loop, or a run limit."""
    last, outcome, calls = course.last, course.outcome, course.calls
    many = counted(len(calls), "call")
    loop = next((call for call in reversed(calls) if not call.fresh), None)
    if loop is not None:
        return cause("same call again", "model", loop.exchange, tool=loop.call.name)
    if course.out_of_turns:
        return cause("turns used up", "our limit", last, limit="turns", turns=counted(course.max_turns, "turn"))
    if outcome.ended in _TAKEN:
        return cause("took too much", "model", last, what=EXCEEDED[outcome.ended], calls=many)
    if outcome.ended == "timeout":
        return cause("stopped", "our limit", last, limit="time", seconds=outcome.seconds, calls=many)
    if last.response and last.response.stop == "length":
        return cause("answer cut", "our limit", last, limit="tokens")
    return None


def _altered(course: Course) -> Cause | None:
    """A successful call whose content a fault had changed, so that its effect is wrong."""
    calls = {call.exchange for call in course.calls}
    for finding in reversed(course.findings):
        whole = finding.code in _ALTERS or (finding.code == _NO_JSON and _ARGUMENTS.search(finding.evidence.excerpt))
        if (
            whole
            and finding.evidence.exchange in calls
            and did(course.agent.id, finding.code) not in ("unaffected", "recovers")
        ):
            return _broken("call altered", "server", finding)
    return None


def _ending(course: Course) -> Cause:
    last, calls = course.last, course.calls
    answers = counted(len(course.asked), "response")
    text = last.response.text if last.response else ""
    excerpt = text[-200:]
    if last.request and wants_text_edits(last.request):
        return cause("tests fail" if course.edits else "no edit", "model", last, answers=answers, said=excerpt)
    if not calls:
        return cause("no call", "model", last, answers=answers, said=excerpt)
    if _ANNOUNCES.search(text[-300:]):
        return cause("only announced", "model", last, said=excerpt)
    if _GIVES_UP.search(text):
        return cause("gave up", "model", last, said=excerpt)
    return cause("tests fail", "model", last)
