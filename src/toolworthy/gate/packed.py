"""A sample as text, small enough for a repository: one line an item, so that a change of one shows as one.

::

    {"schema_version": …, "name": …, …,
    "columns": {"tools": ["attempts", "missing", "strict", …]},
    "items": {
    "tools/rename-a-function": ["c61a56cdd84a620e", {"codex": [3, 0, 1, [1, 0, 1], …]}],
    …

A row has a cell for each column: a list with one value an attempt, a number where all attempts gave the same, null
where none gave any. Scores keep four significant digits, seconds and dollars three, or two
below 1, far less than they vary.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from toolworthy.gate.sample import COSTS, Sample, Unit

_FIRST = ["attempts", "missing"]


def pack(sample: Sample) -> str:
    """`sample` as a JSON object."""
    columns = {suite: [*_FIRST, *_metrics(sample, suite)] for suite in dict.fromkeys(u.suite for u in sample.units)}
    items: dict[str, tuple[str, dict[str, Any]]] = {}
    for unit in sample.units:
        rows = items.setdefault(f"{unit.suite}/{unit.item}", (unit.digest, {}))[1]
        rows[unit.agent] = _row(unit, columns[unit.suite])
    head = [f"{_json(name)}: {_json(value)}" for name, value in sample.model_dump(exclude={"units"}).items()]
    lines = [f"{_json(name)}: {_json(rows)}" for name, rows in sorted(items.items())]
    body = ",\n".join([*head, f'"columns": {_json(columns)}', '"items": {\n' + ",\n".join(lines) + "\n}"])
    return "{" + body + "}\n"


def unpack(data: dict[str, Any]) -> Sample:
    """The sample that `data` tells.

    Raises:
        ValueError: it tells none; pydantic's own where a value is of the wrong type.
    """
    head = {name: value for name, value in data.items() if name not in ("columns", "items")}
    try:
        units = tuple(_units(data["columns"], data["items"]))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise ValueError("its items cannot be read") from error
    return Sample.model_validate({**head, "units": units})


def _metrics(sample: Sample, suite: str) -> list[str]:
    return list(dict.fromkeys(name for unit in sample.of(suite) for name in unit.values))


def _row(unit: Unit, columns: Sequence[str]) -> list[Any]:
    attempts = max((len(told) for told in unit.values.values()), default=0)
    row: list[Any] = [attempts, unit.missing]
    for name in columns[len(_FIRST) :]:
        told = [
            _short(value, 4 if name not in COSTS else 3 if value >= 1 else 2) for value in unit.values.get(name, [])
        ]
        row.append(told[0] if len(told) == attempts and len(set(told)) == 1 else told or None)
    while row[-1] is None:
        row.pop()
    return row


def _short(value: float, digits: int) -> float | int:
    """So many significant digits of a fraction; a whole number as it is."""
    rounded = value if value.is_integer() else float(f"{value:.{digits}g}")
    return int(rounded) if rounded.is_integer() else rounded


def _units(columns: dict[str, list[str]], items: dict[str, Any]) -> Iterator[Unit]:
    for name, (digest, rows) in items.items():
        suite, _, item = name.partition("/")
        for agent, (attempts, missing, *cells) in rows.items():
            values = {
                metric: cell if isinstance(cell, list) else [cell] * attempts
                for metric, cell in zip(columns[suite][len(_FIRST) :], cells, strict=False)
                if cell is not None
            }
            yield Unit(suite=suite, item=item, agent=agent, digest=digest, values=values, missing=missing)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
