"""What agents did when the oracle showed them a defect, as measured by ``toolworthy matrix``: evidence for severities.

The data lie beside the catalogue, in ``fixtures/defects/measured.jsonl``: one line for every defect and agent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from toolworthy import content

Outcome = Literal["unaffected", "recovers", "wrong result", "dies", "hangs"]
"""Rising harm. ``recovers``: the task was done, with more requests than without the defect."""
OUTCOMES: tuple[Outcome, ...] = ("unaffected", "recovers", "wrong result", "dies", "hangs")
MEASURED = content.FIXTURES / "defects" / "measured.jsonl"


class Measured(BaseModel):
    """One defect, one agent."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    defect: str
    agent: str
    version: str
    outcome: Outcome
    detail: str = ""
    codes: tuple[str, ...] = ()
    """The rules and probes that name the defect."""
    on: str = ""
    """Day of the measurement, YYYY-MM-DD."""


@cache
def measured(path: Path = MEASURED) -> tuple[Measured, ...]:
    """All that has been measured; nothing where nothing was."""
    if not path.is_file():
        return ()
    lines = path.read_text(encoding="utf-8").splitlines()
    return tuple(Measured.model_validate_json(line) for line in lines if line.strip())


@cache
def affected(code: str) -> Mapping[str, Measured]:
    """Agent to the worst that a defect named by `code` (of a rule or probe) did to it."""
    worst: dict[str, Measured] = {}
    for row in naming(code):
        known = worst.get(row.agent)
        if known is None or OUTCOMES.index(row.outcome) > OUTCOMES.index(known.outcome):
            worst[row.agent] = row
    return worst


def did(agent: str, code: str) -> Outcome | None:
    """The worst that a defect named by `code` did to this agent; None where that was not measured."""
    row = affected(code).get(agent)
    return row.outcome if row else None


def naming(code: str) -> Iterator[Measured]:
    """Everything measured of defects that `code` names."""
    return (row for row in measured() if code in row.codes)
