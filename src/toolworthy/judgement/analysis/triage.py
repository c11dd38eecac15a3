"""Triage decisions about root causes, and whether they still apply."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from toolworthy.content import adapters
from toolworthy.records.finding import Severity, rank
from toolworthy.records.meta import EndpointName
from toolworthy.records.probe import ProbeResult
from toolworthy.records.result import Result
from toolworthy.records.triage import TriageEntry, TriageState
from toolworthy.wire.ir import Api

EXCUSED = ("known", "filed", "ignored")
"""States in which a root cause fails no run."""
_MANY = 12
"""With this many kinds, details are free text and not compared."""
_LONG = 80
_WHAT = ("apis", "agents", "says")
"""The fields that limit an entry's scope."""
_REFUSED = re.compile(r"HTTP \d{3}\b")
_VARIES = re.compile(r"""'[^']*'|"[^"]*"|`[^`]*`|[{\[].*|(?<=\bof )\S+|\S*[\d_.]\S*""")
"""Variable parts of details: quotations, JSON, names of tools, figures, ids."""


@dataclass(frozen=True)
class Sighting:
    """The features of a root cause that entries are made from and compared with."""

    code: str
    apis: tuple[Api, ...]
    severity: Severity
    agents: tuple[str, ...]
    """Ids of the agents that it harms."""
    says: tuple[str, ...]
    """Kinds of its details."""


@dataclass(frozen=True)
class Triaged:
    """The decision about a root cause."""

    state: TriageState | Literal["open", "regression"] = "open"
    """``open`` without a valid decision; ``regression`` if it was marked as fixed."""
    note: str = ""
    until: date | None = None
    back: str = ""
    """Why an entry no longer applies; "" if there is none, or it does."""

    @property
    def known(self) -> bool:
        """Whether it fails no run."""
        return self.state in EXCUSED

    def __str__(self) -> str:
        """State and note, as all outputs show them; "" if there is no decision."""
        note = f": {self.note}" if self.note else ""
        if self.state == "regression":
            return f"regression: marked as fixed, and seen again{f' ({self.note})' if self.note else ''}"
        if self.state == "open":
            return f"open again: {self.back}{f' ({self.note})' if self.note else ''}" if self.back else ""
        return f"{self.state}{note}{f' (until {self.until})' if self.until else ''}"


def triaged(entries: Sequence[TriageEntry], sighting: Sighting, endpoint: EndpointName, today: date) -> Triaged:
    """The present decision about a root cause. One entry may excuse it, or several together, each over some of its
    APIs.

    Args:
        entries: of the run's ``triage.toml``.
        sighting: the root cause.
        endpoint: the measured endpoint.
        today: for ``until``.
    """
    concerning = [one for one in entries if one.endpoint in ("*", endpoint.name) and one.model in ("*", endpoint.model)]
    ours = [one for one in concerning if one.code == sighting.code]
    lasting = [one for one in ours if one.state in EXCUSED and not _over(one, today)]
    decisions = [_judged(one, sighting, today) for one in (*ours, *_together(lasting))]
    return next((one for one in decisions if one.known), decisions[-1] if decisions else Triaged())


def kinds_of(code: str, results: Sequence[Result]) -> tuple[str, ...]:
    """The kinds of details of a code: equal in all runs with the same fault."""
    kinds = sorted({kind for result in results for kind in _kinds(code, result)})
    return tuple(kinds) if len(kinds) <= _MANY else ("*",)


def entry(sighting: Sighting, state: TriageState, note: str, until: date | None, endpoint: EndpointName) -> TriageEntry:
    """A new entry for a root cause as it is now, at this endpoint and model."""
    at = {"endpoint": endpoint.name or "*", "model": endpoint.model or "*"}
    about = {
        "apis": sighting.apis or ("*",),
        "severity": sighting.severity,
        "agents": sighting.agents,
        "says": sighting.says or ("*",),
    }
    return TriageEntry.model_validate(
        {"code": sighting.code, "state": state, "note": note, "until": until, **at, **about}
    )


def _over(entry: TriageEntry, today: date) -> bool:
    return entry.until is not None and today > entry.until


def _together(held: Sequence[TriageEntry]) -> Iterator[TriageEntry]:
    """Several entries merged into one."""
    if len(held) > 1:
        wide = {name: tuple(dict.fromkeys(one for e in held for one in getattr(e, name))) for name in _WHAT}
        severity = min((one.severity for one in held), key=rank)
        note = "; ".join(dict.fromkeys(filter(None, (one.note for one in held))))
        until = min((one.until for one in held if one.until), default=None)
        yield held[0].model_copy(update={**wide, "severity": severity, "note": note, "until": until})


def _judged(entry: TriageEntry, sighting: Sighting, today: date) -> Triaged:
    if entry.state == "fixed":
        return Triaged("regression", entry.note)
    if _over(entry, today):
        return Triaged("open", entry.note, back=f"{entry.state} until {entry.until}, which has passed")
    if changes := "; ".join(_changes(entry, sighting)):
        return Triaged("open", entry.note, back=f"{entry.state}, and changed since: {changes}")
    return Triaged(entry.state, entry.note, entry.until)


def _changes(entry: TriageEntry, sighting: Sighting) -> Iterator[str]:
    if rank(sighting.severity) < rank(entry.severity):
        yield f"{sighting.severity}, not {entry.severity}"
    for verb, before, now in (
        ("also harms", entry.agents, sighting.agents),
        ("also over", entry.apis, sighting.apis),
        ("also says", entry.says, sighting.says),
    ):
        more = [name for name in now if name not in before] if "*" not in before else []
        if more:
            names = map(adapters.title, more) if before is entry.agents else more
            yield f"{verb} {', '.join(names)}"


def _kinds(code: str, result: Result) -> Iterator[str]:
    """For a rule, its details without variable parts; for a probe, its verdict, with the status of a rejection."""
    for finding in result.findings:
        if finding.code == code:
            status = _REFUSED.match(finding.detail)
            yield status.group() if status else _VARIES.sub("#", finding.detail)[:_LONG].strip()
    if isinstance(result, ProbeResult) and result.key.probe == code and result.judged and not result.ok:
        status = _REFUSED.search(result.detail)
        yield f"{result.verdict}: {status.group()}" if status else str(result.verdict)
