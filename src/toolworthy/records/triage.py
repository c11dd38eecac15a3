"""``triage.toml``: decisions about findings, next to a run or in a repository."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import combinations
from pathlib import Path
from typing import Literal

from pydantic import model_validator

from toolworthy.base.errors import ToolworthyError
from toolworthy.base.loading import Strict, load_toml
from toolworthy.records.finding import Severity
from toolworthy.wire.ir import Api

TRIAGE = "triage.toml"
"""Its name in a run directory or a working directory."""
TriageState = Literal["known", "filed", "fixed", "ignored"]
_HEAD = "# Written by `toolworthy triage`, which keeps no comments. docs/triage.md says what the keys mean.\n"


class TriageEntry(Strict):
    """A decision about one finding: its scope, the decision, and the finding's details at that time."""

    code: str
    """The root cause: a rule's code, a probe's id, or ``cause-KIND``."""
    state: TriageState
    note: str = ""
    """A link or a sentence; for an ignored finding, the reason."""
    until: date | None = None
    """The last day on which it is valid."""
    endpoint: str = "*"
    """Name of the endpoint, as the user gave it; ``*`` for every one."""
    model: str = "*"
    apis: tuple[Api | Literal["*"], ...] = ("*",)
    """Wire APIs over which the finding was seen."""
    severity: Severity = "blocks"
    """The severity at that time; a worse one is a change."""
    agents: tuple[str, ...] = ("*",)
    """Ids of the agents affected; another agent is a change."""
    says: tuple[str, ...] = ("*",)
    """Kinds of its details, without names and figures; another kind is a change."""

    @model_validator(mode="after")
    def _reason(self) -> TriageEntry:
        if self.state == "ignored" and not self.note.strip():
            raise ValueError("an ignored finding needs a reason. Give it as note.")
        return self

    def overlaps(self, other: TriageEntry) -> bool:
        """Whether both apply to the same finding over some API: only one of them may."""
        same = (self.code, self.endpoint, self.model) == (other.code, other.endpoint, other.model)
        return same and ("*" in (*self.apis, *other.apis) or not {*self.apis}.isdisjoint(other.apis))


class _TriageFile(Strict):
    finding: tuple[TriageEntry, ...] = ()


def load_triage(path: Path) -> tuple[TriageEntry, ...]:
    """The entries of a file; none if it does not exist.

    Raises:
        ToolworthyError: it cannot be read, or has an unknown key or value, or an entry twice; one line.
    """
    if not path.exists():
        return ()
    entries = load_toml(_TriageFile, path).finding
    for entry, other in combinations(entries, 2):
        if entry.overlaps(other):
            where = ", ".join((entry.code, entry.endpoint, entry.model))
            raise ToolworthyError(f"{path}: two entries for {where}. Keep one, or give them different apis.")
    return entries


def triage_of(path: Path | None, folder: Path) -> tuple[TriageEntry, ...]:
    """The entries of the given file; else of the one in `folder`, if it exists.

    Raises:
        ToolworthyError: as `load_triage`, or the file that is given does not exist.
    """
    if path and not (folder / path).exists():
        raise ToolworthyError(f"{path} does not exist. Give the path of a triage file, or leave --triage out.")
    return load_triage(folder / (path or TRIAGE))


def merged(held: Iterable[TriageEntry], new: Iterable[TriageEntry]) -> tuple[TriageEntry, ...]:
    """Old and new entries; a new one replaces an old one for the same finding."""
    later = [*new]
    return (*(entry for entry in held if not any(map(entry.overlaps, later))), *later)


def triage_text(entries: Sequence[TriageEntry]) -> str:
    """The text of a file with these entries. Defaults are left out."""
    return "\n".join([_HEAD, *map(_table, entries)])


def _table(entry: TriageEntry) -> str:
    fields = entry.model_dump(exclude_defaults=True)
    return "[[finding]]\n" + "".join(f"{name} = {_value(value)}\n" for name, value in fields.items())


def _value(value: object) -> str:
    """A TOML value. Strings are written as in JSON, except for the one control character that JSON does not escape."""
    if isinstance(value, date):
        return value.isoformat()
    text = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode()
    return text.replace("\x7f", "\\u007f")
