"""Runs as one flat table, a row for each result: ``results.csv`` in every run directory, and ``toolworthy export``.

Of text that a model, a server or a file of cases chose, a CSV cell shows what is hidden and holds nothing that a
spreadsheet would take for a formula; Parquet holds it as it was, without lone surrogates. Source of what a spreadsheet
takes for one: OWASP, "CSV Injection" (https://owasp.org/www-community/attacks/CSV_Injection).
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Literal

from toolworthy.base.errors import UserError
from toolworthy.base.visible import one_line
from toolworthy.judgement.analysis.success import counts
from toolworthy.records.case import CaseResult
from toolworthy.records.finding import Finding, Severity, rank
from toolworthy.records.meta import EndpointTold, RunMeta
from toolworthy.records.probe import ProbeResult
from toolworthy.records.replay import DECISIVE, ReplayResult
from toolworthy.records.result import Result
from toolworthy.records.score import Score
from toolworthy.records.store import RunDirectory
from toolworthy.records.trial import TrialResult
from toolworthy.work.cases.field import REFERENCE

Kind = Literal["text", "texts", "integer", "number", "boolean", "time"]
Cell = str | tuple[str, ...] | int | float | bool | datetime | None
"""None where it was not measured, or makes no sense of such a result."""
Row = dict[str, Cell]


@dataclass(frozen=True)
class Column:
    """One column: its name, what its cells are, and what they say."""

    name: str
    kind: Kind
    about: str


COLUMNS = (
    Column("run", "text", "name of the run directory"),
    Column("started", "time", "when it began, UTC"),
    Column("toolworthy", "text", "version that measured it"),
    Column("endpoint", "text", "as the user named it"),
    Column("model", "text", "model that was asked for"),
    Column("suite", "text", "`tasks`, `tools`, `wire`, or `replay`"),
    Column("item", "text", "task, case, probe, or recorded request"),
    Column("agent", "text", "agent; of a case the vocabulary, of a probe the way, of a replay the side"),
    Column("agent_version", "text", "of the agent that ran"),
    Column("repeat", "integer", "number of the attempt, from 1"),
    Column("status", "text", "a trial's or case's status, a probe's verdict"),
    Column("category", "text", "of a case"),
    Column("cause", "text", "why it failed: a trial's cause, a case's first miss, a replay's first other decision"),
    Column("fault", "text", "whose fault a trial's cause is"),
    Column("severity", "text", "how bad what went wrong is: `blocks`, `degrades` or `cosmetic`"),
    Column(
        "credit", "number", "share that was right, 0 to 1: a trial's reward, a case's credit, a replay's same decision"
    ),
    Column("turns", "integer", "answers within the conversation; of a case the turns judged"),
    Column("calls", "integer", "tool calls"),
    Column("requests", "integer", "requests for a completion, of a probe all requests"),
    Column("input_tokens", "integer", "all of the input, cached tokens included"),
    Column("output_tokens", "integer", "all of the output, reasoning included"),
    Column("cached_tokens", "integer", "of the input"),
    Column("reasoning_tokens", "integer", "of the output"),
    Column("cost_usd", "number", "US dollars"),
    Column("seconds", "number", "from its start to its end"),
    Column("first_token_seconds", "number", "median over the streamed answers, until their first byte"),
    Column("agent_api", "text", "wire API that the agent spoke: `chat`, `messages`, `responses`"),
    Column("endpoint_api", "text", "wire API that the endpoint was asked in"),
    Column("translated", "boolean", "whether the two differed in some request"),
    Column("models_answered", "texts", "model ids that answers carried"),
    Column("findings", "texts", "codes of the rules that were broken, each once"),
    Column("reproduce", "text", "command that runs it again"),
    Column("cache_write_tokens", "integer", "of the input"),
)
"""In this order for good: new columns are added at the end."""

_FORMULA = re.compile(r"""(?:^|;)[\s"']*(?=[=+\-@＝＋－＠])""")
"""Where a formula might begin: at the begin of a cell, and, for programs that part cells by semicolons, behind one."""
_INT64 = range(-(2**63), 2**63)
_LAST = datetime(9999, 1, 1, tzinfo=UTC).timestamp()


def rows(run: RunDirectory) -> Iterator[Row]:
    """A row for each result of `run`: trials, cases, probes, requests that were sent again.

    Raises:
        UserError: ``run.json`` is broken.
    """
    meta = run.meta
    empty: Row = dict.fromkeys(column.name for column in COLUMNS)
    empty |= {"run": run.path.resolve().name, "toolworthy": meta.toolworthy}
    told = (
        *(_trial(result, meta) for result in run.results()),
        *(_case(result, meta) for result in run.cases()),
        *(_probe(result, meta) for result in run.probes()),
        *(_replay(result, meta) for result in run.replays()),
    )
    for row in told:
        yield {name: _sound(cell) for name, cell in {**empty, **row}.items()}


def csv_text(table: Iterable[Row]) -> str:
    """The table as CSV: a header, and a line for each row."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(column.name for column in COLUMNS)
    writer.writerows([_shown(row[column.name]) for column in COLUMNS] for row in table)
    return out.getvalue()


def write_parquet(path: Path, table: Iterable[Row]) -> None:
    """Write the table as Parquet, its columns typed and described.

    Raises:
        UserError: pyarrow is not installed.
        OSError: the file cannot be written.
    """
    try:
        import pyarrow  # type: ignore[import-untyped]
        from pyarrow import parquet
    except ImportError as error:
        raise UserError("Parquet is written by pyarrow: pip install 'toolworthy[parquet]'") from error
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


def _trial(result: TrialResult, meta: RunMeta) -> Row:
    key, cause = result.key, result.cause
    return {
        **_common(result, meta.endpoint),
        **_measured(result.score, result.score.turns),
        "agent_version": result.agent_version or meta.agents.get(key.agent),
        "repeat": key.repeat,
        "cause": cause.kind if cause else None,
        "fault": cause.fault if cause else None,
        "credit": result.verification.reward if result.verification and counts(result) else None,
        "agent_api": result.agent_api,
    }


def _case(result: CaseResult, meta: RunMeta) -> Row:
    of_reference = result.key.vocabulary == REFERENCE
    return {
        **_common(result, meta.options.reference if of_reference else meta.endpoint),
        **_measured(result.score, result.turns),
        "repeat": result.key.repeat,
        "category": result.category,
        "cause": next((miss.kind for miss in result.misses if not miss.strict), None),
        "credit": result.credit if counts(result) else None,
        "agent_api": result.api,
    }


def _probe(result: ProbeResult, meta: RunMeta) -> Row:
    wanting = result.judged and not result.ok
    return {
        **_common(result, meta.endpoint),
        "repeat": 1,
        "severity": _worst([result.severity] if wanting else [], result.findings),
        "requests": result.requests,
        "agent_api": result.key.api,
        "endpoint_api": result.key.api,
        "translated": False,
        "findings": _codes(result.findings),
    }


def _replay(result: ReplayResult, meta: RunMeta) -> Row:
    key, new = result.key, result.new
    target = key.side == "target"
    row: Row = {
        **_common(result, meta.endpoint if target else meta.replay.reference if meta.replay else None),
        "item": str(key),
        "repeat": key.number,
        "cause": next((one.kind for one in result.differences if one.kind in DECISIVE), None),
        "credit": None if result.same_decision is None else float(result.same_decision),
        "requests": 1 if result.exchanges else 0,
        "seconds": new.seconds if new else None,
    }
    if new is None:
        return row
    return row | {
        "calls": len(new.calls),
        "input_tokens": new.input_tokens,
        "output_tokens": new.output_tokens,
        "first_token_seconds": new.first_seconds,
        "models_answered": (new.model,) if new.model else (),
        "findings": tuple(dict.fromkeys(new.findings)),
    }


def _common(result: Result, endpoint: EndpointTold | None) -> Row:
    """What is told of every result, and whom it is of, as ``run.json`` says it."""
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


def _measured(score: Score, turns: int) -> Row:
    tokens = score.tokens
    return {
        "severity": _worst([], score.findings),
        "turns": turns,
        "calls": score.calls,
        "requests": score.requests,
        "input_tokens": tokens.input,
        "output_tokens": tokens.output,
        "cached_tokens": tokens.cached,
        "cache_write_tokens": tokens.cache_write,
        "reasoning_tokens": tokens.reasoning,
        "cost_usd": score.cost_usd,
        "first_token_seconds": median(score.first_token_seconds) if score.first_token_seconds else None,
        "translated": score.translated,
        "models_answered": score.models_answered,
        "findings": _codes(score.findings),
    }


def _worst(own: Sequence[Severity], findings: Sequence[Finding]) -> Severity | None:
    return min((*own, *(finding.severity for finding in findings)), key=rank, default=None)


def _codes(findings: Sequence[Finding]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(finding.code for finding in findings))


def _time(seconds: float) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if 0 < seconds < _LAST else None


def _sound(cell: Cell) -> Cell:
    """What every format takes: no lone surrogates, no number that is none or that 64 bits do not hold."""
    if isinstance(cell, str):
        return cell.encode("utf-8", "replace").decode()
    if isinstance(cell, float):
        return cell if math.isfinite(cell) else None
    if isinstance(cell, int):
        return cell if cell in _INT64 else None
    return cell


def _shown(cell: Cell) -> str:
    """A cell of CSV. Numbers stand as Python writes them, so that they are read back as they were."""
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
    return _FORMULA.sub(lambda found: found[0] + "'", one_line(text))
