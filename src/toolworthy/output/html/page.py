"""The whole page: the content that needs no script, and the data that the script unpacks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from fnmatch import fnmatchcase
from html import escape
from itertools import chain
from typing import Any
from urllib.parse import quote, urlencode

from toolworthy.base.errors import ToolworthyError
from toolworthy.content import adapters
from toolworthy.judgement.analysis.matrix import Cell
from toolworthy.judgement.history.load import find
from toolworthy.judgement.history.series import history
from toolworthy.output.html import _comparison as comparison
from toolworthy.output.html import _speed as speed
from toolworthy.output.html._detail import detail
from toolworthy.output.html._items import is_best, items, subject
from toolworthy.output.html._run_view import RunView, side_of
from toolworthy.output.html._shell import environment, shell
from toolworthy.output.html.history import past, shown
from toolworthy.output.html.pack import Local, Pool, block, file_block, index
from toolworthy.output.terminal.gate import MARKS as GATE_MARKS
from toolworthy.records.exchange import Exchange
from toolworthy.records.result import Result
from toolworthy.records.store import RunDirectory
from toolworthy.work.kinds import by_kind

Also = Callable[[Result, Sequence[Exchange]], None]
_DETAILS = 48_000_000
"""The most characters of all details in the page; the rest is only in the run directory."""
_BLOCK = 16
"""Results per block: neighbours are similar, and compress to two thirds together; ``data.ts`` uses it, too."""
KINDS = {
    "pass": {"mark": "✓", "css": "pass"},
    "flaky": {"mark": "~", "css": "flaky"},
    "fail": {"mark": "✗", "css": "fail"},
    "inconclusive": {"mark": "?", "css": "inconclusive"},
    "error": {"mark": "!", "css": "error"},
    "not applicable": {"mark": "–", "css": "na"},
    "not tested": {"mark": "·", "css": "na"},
}
LEVEL_WORDS = {"works, fails when": "fails when …", "untested": "not tested"}
"""How tables show a level or a verdict, if not by its own word."""
_FIRST = 3
"""Root causes at the top."""
_REASONS = 3
"""Codes of a cell that are shown at once."""
_MANY = 2
"""The most runs that a page compares; of more, it draws the history."""


def parts(runs: Sequence[RunDirectory], only: str = "", also: Also | None = None) -> Iterator[str]:
    """The page, piece by piece.

    Args:
        runs: the first is the one that others are compared with.
        only: a pattern for keys (``tasks/*/codex#*``); "" for all.
        also: called with every result and its exchanges, to avoid reading them twice.

    Raises:
        ToolworthyError: a run cannot be read, or nothing fits `only`.
    """
    sides = [side_of(number, run) for number, run in enumerate(runs)]
    rows = [item for side in sides for item in items(side.number, side.run) if _wanted(item, only)]
    if only and not rows:
        raise ToolworthyError(f"no result fits {only!r}. Keys are like tasks/fix-failing-test/codex#1.")
    measures = [asdict(measure) for side in sides for measure in side.measures]
    causes = _causes(sides)
    series = history(find([run.path for run in runs])) if len(runs) > _MANY else None
    compared = comparison.side_by_side(sides, rows)
    order = _order(sides, only)
    first = index(
        runs=[{"name": side.name, "title": side.title} for side in sides],
        titles=[(agent, adapters.title(agent)) for agent in dict.fromkeys(_agents(rows))],
        items=rows,
        order=[subject(side.number, result.key) for side, result in order],
        points=speed.POINTS,
        measures=measures,
        causes=causes,
        differences=comparison.drawn(compared),
        past=past(series) if series else [],
    )
    yield from shell(
        environment().get_template("page.html.j2"),
        chain([first], _archives(sides), _details(order, also)),
        sides=sides,
        side=sides[0],
        rows=rows,
        causes=causes,
        matrix=_matrix(sides),
        kinds=KINDS,
        level_words=LEVEL_WORDS,
        series=shown(series) if series else None,
        compared=compared,
        most_changed=comparison.CHANGED,
        most_first=_FIRST,
        most_reasons=_REASONS,
        glyphs=comparison.MARKS,
        marks=GATE_MARKS,
        gate=sides[-1].run.gate,
        at=_at,
        finding_id=_finding_id,
    )


def _order(sides: Sequence[RunView], only: str) -> list[tuple[RunView, Result]]:
    """All details in order of priority: failures first."""
    every: list[tuple[RunView, Result]] = []
    for side in sides:
        own = (result for kind, results in by_kind(side.run.measured()) if kind.fixture for result in results)
        every += ((side, result) for result in own)
    selected = [pair for pair in every if not only or fnmatchcase(str(pair[1].key), only)]
    return sorted(selected, key=lambda pair: is_best(pair[1]))


def _details(order: Sequence[tuple[RunView, Result]], also: Also | None) -> Iterator[str]:
    """The results block by block, as long as there is room; then their shared texts."""
    pool, room = Pool(), _DETAILS
    for number, start in enumerate(range(0, len(order), _BLOCK)):
        batch = {}
        for side, result in order[start : start + _BLOCK]:
            exchanges = side.run.exchanges(result.exchanges)
            if also is not None:
                also(result, exchanges)
            if room > 0:
                batch[subject(side.number, result.key)] = detail(result, exchanges, Local(pool))
        if batch:
            packed = block(f"d-{number}", batch)
            room -= len(packed)
            yield packed
        elif also is None:
            break
    yield block("shared", pool.shared)


def _archives(sides: Sequence[RunView]) -> Iterator[str]:
    for side in sides:
        for group in side.groups:
            if group.shown and group.shown.data:
                yield file_block(escape(f"e-{side.number}-{group.cause.code}"), group.shown.data)


def _wanted(item: dict[str, Any], only: str) -> bool:
    return not only or any(fnmatchcase(attempt["id"].split("/", 1)[1], only) for attempt in item["attempts"])


def _matrix(sides: Sequence[RunView]) -> list[tuple[str, list[tuple[RunView, Cell | None]]]]:
    """Agents with their cells of every run and suite; None if a run has no results of an agent."""
    cells = {(side.number, cell.agent, cell.suite): cell for side in sides for cell in side.matrix.cells}
    agents = dict.fromkeys(agent for side in sides for agent in side.matrix.agents)
    columns = [(side, suite) for side in sides for suite in side.matrix.suites]
    return [(agent, [(side, cells.get((side.number, agent, suite))) for side, suite in columns]) for agent in agents]


def _agents(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Names for the ids in the table; ways of probes keep theirs."""
    for row in rows:
        yield from (row["agent"], *row.get("meets", ()))


def _causes(sides: Sequence[RunView]) -> list[dict[str, Any]]:
    counted: Counter[tuple[str, str, str]] = Counter()
    for side in sides:
        for result in side.run.results():
            if result.status == "failed" and result.cause:
                agent = adapters.title(result.key.agent) + (f" ({side.name})" if len(sides) > 1 else "")
                counted[agent, result.cause.kind, result.cause.fault] += 1
    return [{"agent": agent, "kind": kind, "fault": fault, "count": n} for (agent, kind, fault), n in counted.items()]


def _finding_id(run: int, code: str) -> str:
    """The id of a finding's place on the page; the script's ``route.ts`` makes the same."""
    return f"finding-{code}" if run == 0 else f"finding-{run}-{code}"


def _at(identity: str, step: int | None = None, beside: str = "") -> str:
    """The URL fragment of a trial, of a step in it, or of two trials side by side; ``route.ts`` reads it."""
    path = "/".join(quote(part, safe="") for part in identity.split("/"))
    query = {name: value for name, value in (("step", step), ("with", beside)) if value not in (None, "")}
    return f"#/at/{path}" + (f"?{urlencode(query)}" if query else "")
