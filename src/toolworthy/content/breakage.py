"""What agents did when the oracle showed them a defect, as measured by ``toolworthy matrix``: evidence for severities.

The data is next to the catalogue, in ``fixtures/defects/measured.jsonl``: one line for every defect, agent and stage
(the plain task, or the task with one thing that happens in it). A line without a defect is what the agent does on the
stage alone: a defect is blamed only for more harm than that.
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
"""Rising harm, beyond what the stage does without the defect. ``recovers``: the task was done, with more requests."""
OUTCOMES: tuple[Outcome, ...] = ("unaffected", "recovers", "wrong result", "dies", "hangs")
MEASURED = content.FIXTURES / "defects" / "measured.jsonl"


class Measured(Strict):
    """One defect, one agent, one stage."""

    defect: str
    """Its id; empty for the stage alone, whose outcome is in comparison with the plain task."""
    agent: str
    version: str
    situation: Situation = "always"
    stage: str = "plain"
    """What happened in the task: the id of a stage of the oracle."""
    outcome: Outcome
    met: bool = True
    """False: the agent asks nothing that the defect shows for, so that no trial was made."""
    requests: int = 0
    """With tools, in the trial; 0 where they were not counted."""
    seconds: float = 0.0
    """Of the trial; 0 where they were not taken."""
    detail: str = ""
    on: str = ""
    """Day of the measurement, YYYY-MM-DD."""


@cache
def rows(path: Path = MEASURED) -> tuple[Measured, ...]:
    """Every line of the file, stages without a defect among them; nothing where there is no file."""
    if not path.is_file():
        return ()
    lines = path.read_text(encoding="utf-8").splitlines()
    return tuple(Measured.model_validate_json(line) for line in lines if line.strip())


@cache
def measured(path: Path = MEASURED) -> tuple[Measured, ...]:
    """All that has been measured of defects."""
    return tuple(row for row in rows(path) if row.defect)


@cache
def affected(code: str, situation: Situation | None = None, said: str = "") -> Mapping[str, Measured]:
    """Agent to the worst that a defect named by `code` (of a rule or probe) did to it.

    Args:
        code: of a rule, or the id of a probe.
        situation: only what was measured in it; None for all situations.
        said: verdict and detail of a probe that shows several faults: only defects of which it says such words.
    """
    worst: dict[str, Measured] = {}
    for row in naming(code, said):
        known = worst.get(row.agent)
        if situation in {None, row.situation} and (known is None or _harm(row) > _harm(known)):
            worst[row.agent] = row
    return worst


def did(agent: str, code: str, situation: Situation | None = None, said: str = "") -> Outcome | None:
    """The worst that a defect named by `code` did to this agent, in that situation if one is named; None where that was
    not measured. `said` as in :func:`affected`."""
    row = affected(code, situation, said).get(agent)
    return row.outcome if row else None


def naming(code: str, said: str = "") -> Iterator[Measured]:
    """Everything measured of defects that `code` names, as the catalogue has it now. `said` as in :func:`affected`."""
    named = {defect for defect, words in _named().get(code, ()) if not said or re.search(words, said)}
    return (row for row in measured() if row.defect in named)


@cache
def _named() -> Mapping[str, tuple[tuple[str, str], ...]]:
    """Code to the ids of the defects that it names, each with the pattern of what it says of it."""
    named: dict[str, tuple[tuple[str, str], ...]] = {}
    for path in sorted(MEASURED.parent.glob("*.toml")):
        for defect in read_toml(path)["defect"]:
            for code in defect.get("caught_by", ()):
                words = defect.get("says", {}).get(code, "")
                named[code] = (*named.get(code, ()), (defect["id"], words))
    return named


def forget() -> None:
    """Read the file again at the next question."""
    for known in (rows, measured, affected):
        known.cache_clear()


def _harm(row: Measured) -> tuple[int, bool]:
    return OUTCOMES.index(row.outcome), row.met
