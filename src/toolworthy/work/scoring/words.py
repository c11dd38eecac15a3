"""Causes in words: the only place that says what each code means."""

from __future__ import annotations

from collections.abc import Mapping

from toolworthy.records.exchange import Exchange
from toolworthy.records.finding import Finding
from toolworthy.records.score import Cause, CauseCode, CauseKind, Fault, Limit, Note
from toolworthy.wire.failure import RefusalKind

SAID: Mapping[CauseCode, tuple[CauseKind, str]] = {
    "preflight": ("endpoint error", "preflight: {said}"),
    "not run": ("budget", "{said}"),
    "not started": ("infrastructure", "{said}"),
    "no room": ("infrastructure", "{said}"),
    "no reward": ("infrastructure", "the verifier gave no reward ({ended})"),
    "nothing asked": ("infrastructure", "the agent asked nothing ({how}): {said}"),
    "nothing asked in time": ("budget", "stopped by timeout after {seconds:.0f} s, before it asked anything: {said}"),
    "no whole answer": ("endpoint error", "{failure}"),
    "redirected": ("endpoint error", "HTTP {status} in place of an answer"),
    "refused": ("endpoint error", "HTTP {status}: {said}"),
    "went silent": (
        "endpoint error",
        "the endpoint went silent for {silent:.0f} s, until the trial's time limit of {seconds:.0f} s",
    ),
    "call in text": ("wire defect", "a call of {tool} came in the {where} and was not run: {excerpt!r}"),
    "broken rule": ("wire defect", "{said}"),
    "call emptied": ("wire defect", "an empty delta stands where a call was due"),
    "answer emptied": ("wire defect", "what the model wrote is not in the answer"),
    "call altered": ("wire defect", "{said}; the call was run as it came"),
    "arguments broken": ("malformed call", "{said}"),
    "arguments no JSON": ("malformed call", "arguments of {tool} are no JSON: {arguments}"),
    "tool unknown": ("unknown tool", "{tool} was called, which the request does not offer"),
    "arguments misfit": ("bad arguments", "{tool}: {problem}"),
    "same call again": ("repetition", "{tool} was called three times in a row with the same arguments"),
    "turns used up": ("budget", "stopped by our limit of {turns} turns"),
    "took too much": ("budget", "what was run took more {what} than it may, after {calls} calls"),
    "stopped": ("budget", "stopped by {ended} after {seconds:.0f} s and {calls} calls"),
    "asked too much": ("budget", "more was asked than turns explain: {said}"),
    "answer cut": ("budget", "the last answer was cut by its token limit"),
    "no call": ("announced but did not act", "no tool was called in {answers} answers: {said!r}"),
    "only announced": ("announced but did not act", "the last answer only announces: {said!r}"),
    "gave up": ("gave up", "the last answer says: {said!r}"),
    "tests fail": ("wrong result", "the agent ended, and the hidden tests fail"),
}
"""Of every code: the kind of the cause, and what to say, with the facts that :func:`cause` is given."""
NOTES: Mapping[Note, str] = {
    "to": ", to {}",
    "borne elsewhere": " ({} went on in spite of it in a small task: it need not be all)",
    "call not run": "; the agent ended without running its call of {}",
    "call emptied": f"; {SAID['call emptied'][1]}",
    "answer emptied": f"; {SAID['answer emptied'][1]}",
    "in spite of": "; the agent went on in spite of {}",
    "agent says": "; the agent says: {}",
    "agent content": "; the agent asked nothing after it and ended as if all were done (exit 0)",
    "verifier says": "; {}",
}


def cause(
    code: CauseCode,
    fault: Fault,
    at: Exchange | int | None = None,
    *,
    rule: Finding | None = None,
    refusal: RefusalKind | None = None,
    limit: Limit | None = None,
    **facts: str | float | None,
) -> Cause:
    """A cause, said in words.

    Args:
        code: what happened.
        fault: whose doing it is.
        at: the exchange that shows it, or its index.
        rule: the finding that names it.
        refusal: what kind of error the endpoint answered with.
        limit: of ours, that ended the trial.
        facts: what the words of `code` tell.
    """
    kind, said = SAID[code]
    named = f"{rule.code} {rule.title}: " if rule else ""
    return Cause(
        code=code,
        kind=kind,
        fault=fault,
        detail=named + said.format_map(facts),
        exchange=at.index if isinstance(at, Exchange) else at,
        limit=limit,
        rule=rule.code if rule else "",
        refusal=refusal,
    )


def noted(cause: Cause, notes: Mapping[Note, str]) -> Cause:
    """`cause` with what else is to be said."""
    told = "".join(NOTES[note].format(said) for note, said in notes.items())
    return cause.model_copy(update={"detail": cause.detail + told, "notes": (*cause.notes, *notes)})
