"""A sample as text, small enough for a repository: one line per item, for readable diffs.

::

    {"schema_version": …, "name": …, …,
    "columns": {"tools": ["attempts", "missing", "strict", …]},
    "items": {
    "tools/rename-a-function": ["c61a56cdd84a620e", {"codex": [3, 0, 1, [1, 0, 1], …]}],
    …

A row has a cell for each column: a list with one value an attempt, a number where all attempts gave the same, null
if none gave any. Scores keep four significant digits, seconds and dollars three, or two
below 1, far less than they vary. Missing attempts are counted by reason. Where attempts ended at a
run limit or are copies of others, an object stands for their number: ``{"judged": 3, "repeated": 1, "limited":
{"time": {"attempts": 2, "values": {…}}}}``; also where the agent tool fails the task with every model.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import ValidationError

from toolworthy.base.loading import misfit
from toolworthy.judgement.gate.sample import AtLimit, Sample, Unit
from toolworthy.judgement.metrics import COSTS

_FIRST = ["attempts", "missing"]
_MOST = 1_000_000
"""An implausible number of attempts at one item."""


def pack(sample: Sample) -> str:
    """`sample` as a JSON object."""
    columns: dict[str, list[str]] = {}
    for unit in sample.units:
        own = columns.setdefault(unit.suite, [*_FIRST])
        own += [name for name in unit.values if name not in own]
    items: dict[str, tuple[str, dict[str, Any]]] = {}
    for unit in sample.units:
        rows = items.setdefault(f"{unit.suite}/{unit.item}", (unit.digest, {}))[1]
        rows[unit.agent] = _row(unit, columns[unit.suite])
    head = [f"{_json(name)}: {_json(value)}" for name, value in sample.model_dump(exclude={"units"}).items()]
    lines = [f"{_json(name)}: {_json(rows)}" for name, rows in sorted(items.items())]
    body = ",\n".join([*head, f'"columns": {_json(columns)}', '"items": {\n' + ",\n".join(lines) + "\n}"])
    return "{" + body + "}\n"


def unpack(data: dict[str, Any]) -> Sample:
    """The inverse of `pack`.

    Raises:
        ValueError: it tells none; pydantic's own where a value of its head is of the wrong type.
    """
    head = {name: value for name, value in data.items() if name not in ("columns", "items")}
    try:
        rows = [*_rows(data["columns"], data["items"])]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError("its items cannot be read") from error
    units = tuple(_unit(judged, **row) for judged, row in rows)
    return Sample.model_validate({**head, "units": units})


def _row(unit: Unit, columns: Sequence[str]) -> list[Any]:
    attempts = max((len(column) for column in unit.values.values()), default=0)
    more: dict[str, Any] = {"repeated": unit.repeated} if unit.repeated else {}
    if unit.above_ceiling:
        more["above_ceiling"] = True
    if unit.limited:
        more["limited"] = {limit: _limited(ended) for limit, ended in unit.limited.items()}
    row: list[Any] = [{"judged": attempts, **more} if more else attempts, unit.missing or 0]
    for name in columns[len(_FIRST) :]:
        column = _shorter(name, unit.values.get(name, []))
        row.append(column[0] if len(column) == attempts and len(set(column)) == 1 else column or None)
    while row[-1] is None:
        row.pop()
    return row


def _limited(ended: AtLimit) -> dict[str, Any]:
    values = {name: _shorter(name, column) for name, column in ended.values.items()}
    return {"attempts": ended.attempts, **({"values": values} if values else {})}


def _shorter(name: str, values: Sequence[float]) -> list[float | int]:
    return [_short(value, 4 if name not in COSTS else 3 if value >= 1 else 2) for value in values]


def _short(value: float, digits: int) -> float | int:
    """A fraction rounded to significant digits; a whole number as it is."""
    rounded = value if value.is_integer() else float(f"{value:.{digits}g}")
    return int(rounded) if rounded.is_integer() else rounded


def _rows(columns: dict[str, list[str]], items: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each unit's number of judged attempts, and its fields."""
    for name, (digest, rows) in items.items():
        suite, _, item = name.partition("/")
        for agent, (attempts, missing, *cells) in rows.items():
            more = dict(attempts) if isinstance(attempts, dict) else {"judged": attempts}
            judged = more.pop("judged")
            if not isinstance(judged, int) or not 0 <= judged <= _MOST:
                raise ValueError(judged)
            values = {
                metric: cell if isinstance(cell, list) else [cell] * judged
                for metric, cell in zip(columns[suite][len(_FIRST) :], cells, strict=False)
                if cell is not None
            }
            own = {"suite": suite, "item": item, "agent": agent, "digest": digest}
            yield judged, {**more, **own, "values": values, "missing": {} if missing == 0 else missing}


def _unit(judged: int, **row: Any) -> Unit:
    """A unit of a row.

    Raises:
        ValueError: a value is not what it should be, or there are not as many as attempts that were judged.
    """
    try:
        unit = Unit.model_validate(row)
        many = {name: len(counts) for name, counts in unit.values.items() if name not in COSTS}
        if (judged and not many) or any(n != judged for n in many.values()):
            counts = ", ".join(f"{n} of {name}" for name, n in many.items()) or "no score"
            raise ValueError(f"{unit.suite}/{unit.item} {unit.agent}: {judged} attempts, and {counts}")
        return unit
    except ValidationError as error:
        raise ValueError(f"{row['suite']}/{row['item']} {row['agent']}: {misfit(Unit, error)}") from error


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
