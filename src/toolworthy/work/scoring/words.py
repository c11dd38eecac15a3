"""Texts of causes, from ``fixtures/causes.toml``."""

from __future__ import annotations

from collections.abc import Mapping

from toolworthy import content
from toolworthy.base.toml import read_toml
from toolworthy.records.exchange import Exchange
from toolworthy.records.finding import Finding
from toolworthy.records.score import Cause, CauseCode, CauseKind, Fault, Limit, Note
from toolworthy.rules import label
from toolworthy.wire.failure import RefusalKind

_TABLES = read_toml(content.FIXTURES / "causes.toml")
SAID: Mapping[CauseCode, tuple[CauseKind, str]] = {code: tuple(said) for code, said in _TABLES["causes"].items()}
"""Code to the kind of the cause, and a template of its text, with the facts of :func:`cause`."""
NOTES: Mapping[Note, str] = {
    note: said.replace("{cause}", SAID[note][1] if note in SAID else "") for note, said in _TABLES["notes"].items()
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
    """Make a cause, with its text.

    Args:
        code: the code of the cause.
        fault: the side at fault.
        at: the exchange that shows it, or its index.
        rule: the finding that names it.
        refusal: the kind of the endpoint's error.
        limit: the run limit that ended the trial.
        facts: values for the template.
    """
    kind, template = SAID[code]
    named = f"{label(rule.code)}: " if rule else ""
    return Cause(
        code=code,
        kind=kind,
        fault=fault,
        detail=named + template.format_map(facts),
        exchange=at.index if isinstance(at, Exchange) else at,
        limit=limit,
        rule=rule.code if rule else "",
        refusal=refusal,
    )


def noted(cause: Cause, notes: Mapping[Note, str]) -> Cause:
    """Add notes to a cause."""
    text = "".join(NOTES[note].format(fact) for note, fact in notes.items())
    return cause.model_copy(update={"detail": cause.detail + text, "notes": (*cause.notes, *notes)})
