"""What agents did when the oracle showed them a defect, as measured by ``toolworthy matrix``: evidence for severities.

The data is next to the catalogue, in ``fixtures/defects/measured.jsonl``: one line for every defect, agent and stage
(the plain task, or the task with one thing that happens in it). A line without a defect shows what the agent does on
the stage alone: a defect is blamed only for additional harm.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from toolworthy import content
from toolworthy.base.loading import Strict
from toolworthy.base.toml import read_toml
from toolworthy.content.situations import Situation

Outcome = Literal["unaffected", "recovers", "wrong result", "dies", "hangs"]
"""By harm, rising, beyond what the stage does without the defect. ``recovers``: the task was done, with more
requests."""
OUTCOMES: tuple[Outcome, ...] = ("unaffected", "recovers", "wrong result", "dies", "hangs")
MEASURED = content.FIXTURES / "defects" / "measured.jsonl"


class Measured(Strict):
    """One defect, one agent, one stage."""

    defect: str
    """Its id; empty for the stage alone, whose outcome is relative to the plain task."""
    agent: str
    version: str
    situation: Situation = "always"
    stage: str = "plain"
    """What happened in the task: the id of a stage of the oracle."""
    outcome: Outcome
    met: bool = True
    """False: the agent sends no request that triggers the defect, so there was no trial."""
    requests: int = 0
    """Requests with tools in the trial; 0 if they were not counted."""
    seconds: float = 0.0
    """Duration of the trial; 0 if it was not measured."""
    detail: str = ""
    on: str = ""
    """Day of the measurement, YYYY-MM-DD."""


@cache
def rows(path: Path = MEASURED) -> tuple[Measured, ...]:
    """Every line of the file, including stages without a defect; none if there is no file."""
    if not path.is_file():
        return ()
    lines = path.read_text(encoding="utf-8").splitlines()
    return tuple(Measured.model_validate_json(line) for line in lines if line.strip())


@cache
def measured(path: Path = MEASURED) -> tuple[Measured, ...]:
    """All measurements of defects."""
    return tuple(row for row in rows(path) if row.defect)


@cache
def affected(code: str, situation: Situation | None = None, detail: str = "") -> Mapping[str, Measured]:
    """Agent to the worst outcome of any defect that names `code` (a rule's or probe's).

    Args:
        code: of a rule, or the id of a probe.
        situation: only measurements in this situation; None for all.
        detail: verdict and detail of a probe that detects several faults; selects the defects with such a detail.
    """
    worst: dict[str, Measured] = {}
    for row in naming(code, detail):
        known = worst.get(row.agent)
        if situation in {None, row.situation} and (known is None or _harm(row) > _harm(known)):
            worst[row.agent] = row
    return worst


def did(agent: str, code: str, situation: Situation | None = None, detail: str = "") -> Outcome | None:
    """The worst outcome of any defect that names `code` for this agent, in that situation if given; None if unmeasured.
    `detail` as in :func:`affected`."""
    row = affected(code, situation, detail).get(agent)
    return row.outcome if row else None


def naming(code: str, detail: str = "") -> Iterator[Measured]:
    """All measurements of defects that name `code` in the present catalogue. `detail` as in :func:`affected`."""
    named = {defect for defect, words in _named().get(code, ()) if not detail or re.search(words, detail)}
    return (row for row in measured() if row.defect in named)


@cache
def _named() -> Mapping[str, tuple[tuple[str, str], ...]]:
    """Code to the ids of the defects that name it, each with the pattern of the probe's detail."""
    named: dict[str, tuple[tuple[str, str], ...]] = {}
    for path in sorted(MEASURED.parent.glob("*.toml")):
        for defect in read_toml(path)["defect"]:
            for code in defect.get("caught_by", ()):
                words = defect.get("says", {}).get(code, "")
                named[code] = (*named.get(code, ()), (defect["id"], words))
    return named


def forget() -> None:
    """Drop the cache: the next call reads the file again."""
    for known in (rows, measured, affected):
        known.cache_clear()


def _harm(row: Measured) -> tuple[int, bool]:
    return OUTCOMES.index(row.outcome), row.met
