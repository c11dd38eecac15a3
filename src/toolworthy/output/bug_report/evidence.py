"""Bug report bundles: the findings of a run, and an archive with the bytes of each."""

from __future__ import annotations

import io
import os
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from toolworthy.base.errors import ToolworthyError
from toolworthy.base.nearest import did_you_mean
from toolworthy.base.redact import Redactor
from toolworthy.judgement.analysis.unruled import UNRULED
from toolworthy.output.bug_report import _reproduce as again
from toolworthy.output.bug_report import ticket
from toolworthy.output.bug_report.ticket import Located
from toolworthy.output.rule_pages import page
from toolworthy.records.exchange import Exchange
from toolworthy.records.exchanges import read_all
from toolworthy.records.finding import Finding, Severity, rank
from toolworthy.records.meta import RunMeta
from toolworthy.records.probe import ProbeResult
from toolworthy.records.result import Result
from toolworthy.records.sanitized import cleaned
from toolworthy.records.store import RunDirectory
from toolworthy.records.trial import TrialResult
from toolworthy.rules import label
from toolworthy.work.probes.effects import affected
from toolworthy.work.replay.recording import readable

_FAILED = ("broken", "rejected", "ignored")
_HELD = 4
"""The most files of exchanges in memory."""
_OF_OTHERS = ("id", "title", "detail", "subject", "excerpt")
"""Fields of a finding whose text may contain a key."""
_LONG = 100
"""Characters of a file's name that describe its content."""


def located_findings(run: RunDirectory) -> tuple[Located, ...]:
    """All findings of a run that can be bundled: violated rules, failed probes, causes of failed trials."""
    return tuple(located for result in run.measured() if result.exchanges for located in _of(run, result))


def choose(run: RunDirectory, every: Sequence[Located], wanted: str) -> Located:
    """The finding with the id `wanted`; for a code or slug, the one with the worst severity, then the fewest bytes.

    Raises:
        ToolworthyError: there is none.
    """
    exact = next((located for located in every if located.id == wanted), None)
    if exact is not None:
        return exact
    same = [located for located in every if wanted.casefold() in label(located.code).casefold().split()]
    if not same:
        names = dict.fromkeys(name for located in every for name in (located.code, located.id))
        hint = did_you_mean(wanted, names) if names else ": it has none at all. Give another run."
        raise ToolworthyError(f"{run.path} has no finding {wanted!r}{hint}")
    return min(same, key=lambda located: (rank(located.severity), _size(run, located)))


def bundle(run: RunDirectory, located: Located, environ: Mapping[str, str] | None = None) -> bytes:
    """The archive of one finding, a ZIP file. The same evidence gives the same bytes.

    Args:
        run: the run of the finding.
        located: the finding.
        environ: environment variables, for the keys that must not be in it; the process' own if None.

    Raises:
        ToolworthyError: the exchange is no longer in its file, or was never sent to the endpoint.
    """
    meta = run.meta
    redact = Redactor((*run.secrets, *meta.secrets(os.environ if environ is None else environ)))
    about = RunMeta(toolworthy=meta.toolworthy, endpoint=meta.served, agents=meta.agents)
    meta = RunMeta.model_validate_json(redact.text(about.model_dump_json(by_alias=True)))
    recorded = exchange_of(run, located)
    unpacked = readable(recorded)
    exchange = cleaned(unpacked, redact)  # redact again: the bundle goes to third parties
    clean: dict[str, Any] = {of: redact.text(getattr(located, of)) for of in _OF_OTHERS}
    request = again.sent(exchange, meta.endpoint)
    report = ticket.Ticket(replace(located, **clean), exchange, request, meta, unpacked is not recorded)
    files = {name: redact.data(data) for name, data in _files(report)}
    files["README.md"] = redact.data(_encoded(ticket.readme(report, list(files))))
    return _archive(files)


def name(located: Located) -> str:
    """A name for the archive, of characters that every file system takes."""
    subject = located.subject.removeprefix(f"{located.suite}/")
    plain = re.sub(r"[^A-Za-z0-9]+", "-", f"{located.code}-{subject}").strip("-")[:_LONG]
    return f"toolworthy-{plain}-{located.exchange}.zip"


# ---- finding -----------------------------------------------------------------------------------------------------


def _of(run: RunDirectory, result: Result) -> Iterator[Located]:
    by_exchange: dict[tuple[str, int], list[Finding]] = {}
    for finding in result.findings:
        by_exchange.setdefault((finding.code, finding.evidence.exchange), []).append(finding)
    for (code, index), (first, *more) in by_exchange.items():
        details = "; ".join(finding.detail for finding in (first, *more))
        severity = _harm(result, code, first.severity)
        yield _located(result, code, first.title, severity, details, index, first.evidence.excerpt)
    failed = result if isinstance(result, TrialResult) and result.status == "failed" else None
    cause = failed.cause if failed and not failed.agents_own else None
    if cause and cause.exchange is not None:
        code = f"cause-{cause.kind.replace(' ', '-')}"
        yield _located(result, code, cause.kind, "blocks", cause.detail, cause.exchange)
    if isinstance(result, ProbeResult) and result.cause in UNRULED and result.requests:
        title, index = UNRULED[result.cause].title, _deciding(run, result)
        yield _located(result, result.cause, title, "blocks", result.detail, index)
    if isinstance(result, ProbeResult) and result.verdict in _FAILED and result.requests:
        title = f"{result.verdict}: {result.title}"
        index = _deciding(run, result)
        severity = _harm(result, result.key.probe, result.severity)
        yield _located(result, result.key.probe, title, severity, result.detail or result.verdict, index)


def _harm(result: Result, code: str, severity: Severity) -> Severity:
    """The severity in this run: a finding that harms no agent does not block, as for the exit code."""
    blocks = severity == "blocks" and (not isinstance(result, ProbeResult) or bool(affected(result, code)))
    return severity if blocks or severity != "blocks" else "degrades"


def _located(
    result: Result, code: str, title: str, severity: Severity, detail: str, exchange: int, excerpt: str = ""
) -> Located:
    key = result.key
    agent, identity = "" if key.suite == "wire" else key.asker, f"{code}@{key}:{exchange}"
    parts = identity, code, title, severity, detail
    return Located(*parts, str(key), key.suite, agent, exchange, excerpt, result.exchanges)


def _deciding(run: RunDirectory, result: ProbeResult) -> int:
    """The exchange that decided a probe's verdict: the last one in its mode (streamed or whole), because later ones may
    only be comparisons; else the last of all."""
    try:
        exchanges = _read_exchanges(run, result.exchanges)
    except ToolworthyError:
        return result.requests - 1
    own = [
        exchange.index
        for exchange in exchanges.values()
        if exchange.request is not None and exchange.request.stream == result.key.stream and not exchange.local
    ]
    return max(own, default=max(exchanges, default=result.requests - 1))


def _size(run: RunDirectory, located: Located) -> float:
    """Bytes of request and response; infinite if they are gone."""
    try:
        exchange = exchange_of(run, located)
    except ToolworthyError:
        return float("inf")
    return len(exchange.request_body) + len(exchange.body)


# ---- bundling ----------------------------------------------------------------------------------------------------


def exchange_of(run: RunDirectory, located: Located) -> Exchange:
    """The bytes of a finding.

    Raises:
        ToolworthyError: they are gone.
    """
    exchanges = _read_exchanges(run, located.file)
    if located.exchange not in exchanges:
        path = run.path / located.file
        raise ToolworthyError(f"{path} is truncated: the bytes of {located.id} are not in it. Run that again.")
    return exchanges[located.exchange]


def _read_exchanges(run: RunDirectory, file: str) -> Mapping[int, Exchange]:
    path = run.path / file
    try:
        about = path.stat()
        return _held(path, about.st_size, about.st_mtime_ns)
    except OSError as error:
        raise ToolworthyError(
            f"{path} cannot be read ({error.strerror}): the bytes are gone. Run that again."
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ToolworthyError(f"{path} is not a record of exchanges: the bytes are gone. Run it again.") from error


@lru_cache(maxsize=_HELD)
def _held(path: Path, size: int, changed: int) -> Mapping[int, Exchange]:
    """The exchanges of a file with this size and time, by index; for a repeated trial, the last ones."""
    return {exchange.index: exchange for exchange in read_all(path)}


def _files(report: ticket.Ticket) -> Iterator[tuple[str, bytes]]:
    exchange = report.exchange
    status = f"HTTP {exchange.status}" if exchange.status is not None else f"no response: {exchange.error}"
    times = [f"{chunk.at:.6f},{len(chunk.data)}" for chunk in exchange.chunks]
    yield "finding.json", _encoded(ticket.finding(report))
    if report.request.body:
        yield "request.json", report.body
    if exchange.request_body != report.body:
        yield "agent-request.json", exchange.request_body
    yield "request-headers.txt", _headers(f"{exchange.method} {exchange.path}", exchange.request_headers)
    yield "response.body", exchange.body
    yield "response-headers.txt", _headers(status, exchange.response_headers)
    yield "timing.csv", _encoded("\n".join(["seconds,bytes", *times]) + "\n")
    yield "reproduce.sh", _encoded(again.shell(report.request))
    yield "reproduce.py", _encoded(again.python(report.request))
    if report.rule:
        yield "rule.md", _encoded(page(report.rule))


def _headers(first: str, headers: Mapping[str, str]) -> bytes:
    return _encoded("\n".join([first, *(f"{name}: {value}" for name, value in headers.items())]) + "\n")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _archive(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for file, data in sorted(files.items()):
            entry = zipfile.ZipInfo(file)  # of 1980-01-01, always
            entry.create_system = 3  # Unix, so that the next line means something
            entry.external_attr = (0o755 if file.startswith("reproduce.") else 0o644) << 16
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED)
    return out.getvalue()
