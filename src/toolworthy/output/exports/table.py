"""Runs as one flat table, a row for each result: ``results.csv`` in every run directory, and ``toolworthy export``.

In a CSV cell, text of models, servers and case files has its hidden characters made visible, and cannot be taken for a
formula; in Parquet it is unchanged, except for lone surrogates. Source on formulas: OWASP, "CSV Injection"
(https://owasp.org/www-community/attacks/CSV_Injection).
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from toolworthy.base.errors import ToolworthyError
from toolworthy.base.sanitize import one_line
from toolworthy.base.toml import read_toml
from toolworthy.judgement.analysis.root_cause import RootCause
from toolworthy.judgement.analysis.root_causes import causes_of
from toolworthy.records.finding import rank
from toolworthy.records.meta import EndpointRecord, RunMeta
from toolworthy.records.result import REFERENCES, Result
from toolworthy.records.score import Score
from toolworthy.records.store import RunDirectory
from toolworthy.work.kind import Kind, attempt
from toolworthy.work.kinds import by_kind

Type = Literal["text", "texts", "integer", "number", "boolean", "time"]
Cell = str | tuple[str, ...] | int | float | bool | datetime | None
"""None if it was not measured, or does not apply to such a result."""
Row = dict[str, Cell]


@dataclass(frozen=True)
class Column:
    """One column: its name, type and meaning."""

    name: str
    kind: Type
    about: str


COLUMNS = tuple(Column(name, *cells) for name, cells in read_toml(Path(__file__).with_name("columns.toml")).items())
"""The order is fixed: new columns are added at the end."""

_FORMULA = re.compile(r"""(?:^|;)[\s"']*(?=[=+\-@＝＋－＠])""")
"""Where a formula might begin: at the start of a cell, and, for programs that split cells at semicolons, after one."""
_INT64 = range(-(2**63), 2**63)
_LAST = datetime(9999, 1, 1, tzinfo=UTC).timestamp()


def rows(run: RunDirectory) -> Iterator[Row]:
    """A row for each result of `run`: trials, cases, probes, replayed requests.

    Raises:
        ToolworthyError: ``run.json`` is broken.
    """
    meta = run.meta
    decided = {code: cause for cause in causes_of(run) for code in cause.codes} if run.triage else {}
    empty: Row = dict.fromkeys(column.name for column in COLUMNS)
    empty |= {"run": run.path.resolve().name, "toolworthy": meta.toolworthy}
    for kind, own in by_kind(run.measured()):
        for result in own:
            yield {name: _sound(cell) for name, cell in {**empty, **_row(kind, result, meta, decided)}.items()}


def csv_text(table: Iterable[Row]) -> str:
    """The table as CSV: a header, and a line for each row."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(column.name for column in COLUMNS)
    writer.writerows([_csv_text(row[column.name]) for column in COLUMNS] for row in table)
    return out.getvalue()


def write_parquet(path: Path, table: Iterable[Row]) -> None:
    """Write the table as Parquet, its columns typed and described.

    Raises:
        ToolworthyError: pyarrow is not installed.
        OSError: the file cannot be written.
    """
    try:
        import pyarrow  # type: ignore[import-untyped]
        from pyarrow import parquet
    except ImportError as error:
        raise ToolworthyError("Parquet needs pyarrow. Type `pip install 'toolworthy[parquet]'`.") from error
    types = {
        "text": pyarrow.string(),
        "texts": pyarrow.list_(pyarrow.string()),
        "integer": pyarrow.int64(),
        "number": pyarrow.float64(),
        "boolean": pyarrow.bool_(),
        "time": pyarrow.timestamp("us", "UTC"),
    }
    fields = [pyarrow.field(one.name, types[one.kind], metadata={"description": one.about}) for one in COLUMNS]
    parquet.write_table(pyarrow.Table.from_pylist(list(table), pyarrow.schema(fields)), path, compression="zstd")


def _row(kind: Kind[Any, Any], result: Result, meta: RunMeta, decided: Mapping[str, RootCause]) -> Row:
    key, score = result.key, getattr(result, "score", None)
    causes = (decided[code] for code in (*(one.code for one in result.findings), key.item) if code in decided)
    return {
        **_common(result, meta.options.reference if key.asker in REFERENCES else meta.endpoint),
        **(_measured(score) if score else {}),
        "repeat": attempt(key),
        "severity": min((finding.severity for finding in result.findings), key=rank, default=None),
        "agent_api": result.api,
        "findings": tuple(dict.fromkeys(finding.code for finding in result.findings)),
        "triage": tuple(dict.fromkeys(f"{one.code} {one.triage}" for one in causes if str(one.triage))),
        **kind.columns(result, meta),
    }


def _common(result: Result, endpoint: EndpointRecord | None) -> Row:
    """The columns of every result, and the endpoint and model from ``run.json``."""
    return {
        **({"endpoint": endpoint.name, "model": endpoint.model} if endpoint else {}),
        "started": _time(result.started),
        "suite": result.key.suite,
        "item": result.key.item,
        "agent": result.key.asker,
        "status": result.status_word,
        "endpoint_api": result.api,
        "seconds": result.seconds,
        "reproduce": result.reproduce or None,
    }


def _measured(score: Score) -> Row:
    tokens = score.tokens
    return {
        "turns": score.turns,
        "calls": score.calls,
        "requests": score.requests,
        "input_tokens": tokens.input,
        "output_tokens": tokens.output,
        "cached_tokens": tokens.cached,
        "cache_write_tokens": tokens.cache_write,
        "reasoning_tokens": tokens.reasoning,
        "cost_usd": score.cost_usd,
        "first_token_seconds": score.first_token,
        "translated": score.translated,
        "models_answered": score.models_answered,
    }


def _time(seconds: float) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if 0 < seconds < _LAST else None


def _sound(cell: Cell) -> Cell:
    """A value that every format can store: without lone surrogates, NaN, and integers beyond 64 bits."""
    if isinstance(cell, str):
        return cell.encode("utf-8", "replace").decode()
    if isinstance(cell, float):
        return cell if math.isfinite(cell) else None
    if isinstance(cell, int):
        return cell if cell in _INT64 else None
    return cell


def _csv_text(cell: Cell) -> str:
    """A cell of CSV. Numbers are written as Python does, so that they are read back unchanged."""
    match cell:
        case None:
            return ""
        case bool():
            return str(cell).lower()
        case int() | float():
            return repr(cell)
        case datetime():
            return cell.isoformat(timespec="microseconds").replace("+00:00", "Z")
        case tuple():
            return _defused(" ".join(cell))
        case str():
            return _defused(cell)


def _defused(text: str) -> str:
    return _FORMULA.sub(lambda match: match[0] + "'", one_line(text))
