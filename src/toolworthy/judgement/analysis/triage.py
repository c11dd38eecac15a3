"""What somebody has decided about a root cause, and whether that still holds for what is seen now."""

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
"""States of what fails nothing."""
_MANY = 12
"""Kinds of details from which on they are free text, in which nothing can be compared."""
_LONG = 80
_WHAT = ("apis", "agents", "says")
"""What an entry is limited to."""
_REFUSED = re.compile(r"HTTP \d{3}\b")
_VARIES = re.compile(r"""'[^']*'|"[^"]*"|`[^`]*`|[{\[].*|(?<=\bof )\S+|\S*[\d_.]\S*""")
"""What a model, a server or a test chose: quotations, JSON, names of tools, figures, ids."""


@dataclass(frozen=True)
class Sighting:
    """What a root cause says: what an entry is compared with, and made of."""

    code: str
    apis: tuple[Api, ...]
    severity: Severity
    agents: tuple[str, ...]
    """Ids of those that it harms."""
    says: tuple[str, ...]
    """Kinds of its details."""


@dataclass(frozen=True)
class Triaged:
    """What was decided about a root cause."""

    state: TriageState | Literal["open", "regression"] = "open"
    """``open`` if nothing was decided, or it does not hold any more; ``regression`` of what was fixed."""
    note: str = ""
    until: date | None = None
    back: str = ""
    """Why an entry does not hold any more; "" if there is none, or it does."""

    @property
    def known(self) -> bool:
        """Whether it fails nothing."""
        return self.state in EXCUSED

    def __str__(self) -> str:
        """State and note, as every output shows them; "" if nothing was ever decided."""
        note = f": {self.note}" if self.note else ""
        if self.state == "regression":
            return f"regression: marked as fixed, and seen again{f' ({self.note})' if self.note else ''}"
        if self.state == "open":
            return f"open again: {self.back}{f' ({self.note})' if self.note else ''}" if self.back else ""
        return f"{self.state}{note}{f' (until {self.until})' if self.until else ''}"


def triaged(entries: Sequence[TriageEntry], sighting: Sighting, endpoint: EndpointName, today: date) -> Triaged:
    """What holds of a root cause. One entry may excuse it, or several together, each over some of its APIs.

    Args:
        entries: of the run's ``triage.toml``.
        sighting: the root cause.
        endpoint: which one was measured.
        today: for ``until``.
    """
    concerning = [one for one in entries if one.endpoint in ("*", endpoint.name) and one.model in ("*", endpoint.model)]
    ours = [one for one in concerning if one.code == sighting.code]
    lasting = [one for one in ours if one.state in EXCUSED and not _over(one, today)]
    decisions = [_judged(one, sighting, today) for one in (*ours, *_together(lasting))]
    return next((one for one in decisions if one.known), decisions[-1] if decisions else Triaged())


def kinds_of(code: str, results: Sequence[Result]) -> tuple[str, ...]:
    """What kinds of details a code has: the same in every run in which the same fault is seen."""
    kinds = sorted({kind for result in results for kind in _kinds(code, result)})
    return tuple(kinds) if len(kinds) <= _MANY else ("*",)


def entry(sighting: Sighting, state: TriageState, note: str, until: date | None, endpoint: EndpointName) -> TriageEntry:
    """The entry that decides about a root cause as it is seen now, at this endpoint and model."""
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
    """What several entries excuse together, as one."""
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
    """Of a rule, its details without what varies; of a probe, its verdict, with the status of a refusal."""
    for finding in result.findings:
        if finding.code == code:
            status = _REFUSED.match(finding.detail)
            yield status.group() if status else _VARIES.sub("#", finding.detail)[:_LONG].strip()
    if isinstance(result, ProbeResult) and result.key.probe == code and result.judged and not result.ok:
        status = _REFUSED.search(result.detail)
        yield f"{result.verdict}: {status.group()}" if status else str(result.verdict)
