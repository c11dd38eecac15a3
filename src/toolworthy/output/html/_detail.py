"""The details of one trial, case or probe on the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from toolworthy.content import adapters, breakage
from toolworthy.output.exports.timeline import TimelineTurn, cut, timeline
from toolworthy.output.html.pack import Local, each_text
from toolworthy.records.case import CaseResult
from toolworthy.records.exchange import Exchange
from toolworthy.records.exchanges import split
from toolworthy.records.finding import Finding
from toolworthy.records.probe import ProbeResult
from toolworthy.records.result import Result
from toolworthy.records.trial import TrialResult
from toolworthy.work.probes.severity import severity_for

_MOST_BYTES = 400_000
"""The most bytes of one body on the page; all are in the run directory, and in the bug report bundle."""


def detail(result: Result, exchanges: Sequence[Exchange], texts: Local) -> dict[str, Any]:
    """The content of one block."""
    findings = result.findings
    start = min((exchange.started for exchange in exchanges), default=result.started)
    steps = [_step(turn, findings, start, texts) for turn in timeline(exchanges, findings)]
    block = {
        "facts": list(_facts(result)),
        "findings": [_found(result, finding) for finding in findings],
        "reproduce": result.reproduce,
        **_own(result),
    }
    return {
        **each_text(block, cut),
        "started": result.started,
        "seconds": result.seconds,
        "offset": round(start - result.started, 3) if result.started else 0,
        "steps": steps,
        "texts": texts.texts,
    }


def _own(result: Result) -> dict[str, Any]:
    if isinstance(result, TrialResult):
        return {
            "cause": result.cause.model_dump(mode="json") if result.cause else None,
            "verification": result.verification.model_dump(mode="json") if result.verification else None,
            "diff": result.diff,
            "output": result.agent_output,
        }
    if isinstance(result, CaseResult):
        return {"misses": [miss.model_dump(mode="json") for miss in result.misses], "note": result.detail}
    if isinstance(result, ProbeResult):
        return {"note": f"{result.verdict}: {result.detail}" if result.detail else result.verdict}
    return {}


def _found(result: Result, finding: Finding) -> dict[str, Any]:
    """A finding; in an agent's trial, with the agent's measured reaction."""
    row = finding.model_dump(mode="json")
    if isinstance(result, TrialResult):
        row["severity"] = severity_for(result.key.agent, finding.code, finding.severity)
        row["did"] = breakage.did(result.key.agent, finding.code) or ""
    return row


def _facts(result: Result) -> Iterator[tuple[str, str]]:
    """Names and values, in the order in which they are read."""
    if isinstance(result, TrialResult):
        ended = result.agent_ended or "–"
        code = "" if result.agent_exit is None else f", exit {result.agent_exit}"
        version = f" {result.agent_version}" if result.agent_version else ""
        yield "agent", f"{adapters.title(result.key.agent)}{version}, ended by {ended}{code}"
        translated = " (translated" + "".join(f"; {loss}" for loss in result.score.losses) + ")"
        yield "wire", f"{result.agent_api or '–'} → {result.endpoint_api or '–'}" + translated * result.score.translated
        yield "sandbox", result.sandbox or "–"
        yield "task", f"SHA-256 {result.task_digest[:16]}"
    elif isinstance(result, CaseResult):
        yield "case", f"{result.key.case}, {result.category}, with the tools of {adapters.title(result.key.toolset)}"
        yield "credit", f"{result.credit:.2f} (strict reading: {'right' if result.status == 'right' else 'not right'})"
    elif isinstance(result, ProbeResult):
        yield "probe", result.title
        yield (
            "needed by",
            ", ".join("every agent" if one == "*" else adapters.title(one) for one in result.agents)
            or "no known agent",
        )
    if isinstance(result, (TrialResult, CaseResult)):
        yield from _measured(result)


def _measured(result: TrialResult | CaseResult) -> Iterator[tuple[str, str]]:
    score = result.score
    names = {"in": "input", "cached": "cached", "written to a cache": "cache_write", "out": "output"}
    tokens = ((name, getattr(score.tokens, field)) for name, field in names.items())
    counts = ", ".join(f"{name} {count:,}" for name, count in tokens if count is not None)
    yield "tokens", (counts or "not reported") + (f"; ${score.cost_usd:.4f}" if score.cost_usd is not None else "")
    counted = [f"{name.replace('_', ' ')} {count.ok}/{count.n}" for name, count in score.call_scores if count.n]
    yield "calls", ", ".join(counted) or "none"
    if score.models_answered:
        yield "model in responses", ", ".join(score.models_answered)


def _step(turn: TimelineTurn, findings: Sequence[Finding], start: float, texts: Local) -> dict[str, Any]:
    exchange, upstream = turn.exchange, turn.exchange.upstream_body
    usage = exchange.response.usage if exchange.response else None
    own = {id(finding) for finding in turn.findings}
    return {
        "n": exchange.index,
        "method": exchange.method,
        "path": cut(exchange.path),
        "status": exchange.status,
        "side": turn.side,
        "local": exchange.local,
        "at": round(exchange.started - start, 3),
        "first": exchange.first_byte,
        "seconds": round(exchange.seconds, 3),
        "note": cut(turn.note),
        "stop": exchange.response.stop if exchange.response else None,
        "tokens": [usage.input, usage.output] if usage else None,
        "asked": [(role, texts(text)) for role, text in turn.asked],
        "reasoning": texts(turn.reasoning),
        "text": texts(turn.text),
        "calls": [
            {
                "name": cut(call.call.name),
                "arguments": texts(cut(call.call.arguments)),
                "result": None if call.result is None else texts(call.result),
                "error": call.is_error,
            }
            for call in turn.calls
        ],
        "findings": [at for at, finding in enumerate(findings) if id(finding) in own],
        "request": [texts(piece) for piece in _pieces(exchange.request_body)],
        "upstream": None if upstream is None else [texts(piece) for piece in _pieces(upstream)],
        "headers": [_headers(exchange.request_headers), _headers(exchange.response_headers)],
        "response": list(_chunks(exchange)),
    }


def _headers(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(cut(name), cut(value)) for name, value in sorted(headers.items())]


def _pieces(body: bytes) -> Iterator[str]:
    remaining = _MOST_BYTES
    for piece in split(body):
        text = piece[:remaining].decode("utf-8", "backslashreplace")
        remaining -= len(piece)
        yield text
        if remaining <= 0:
            yield f"… {len(body) - _MOST_BYTES:,} bytes more in the run directory"
            return


def _chunks(exchange: Exchange) -> Iterator[tuple[float, str]]:
    """Arrival in seconds, and text; characters that span two chunks are shown as bytes."""
    remaining = _MOST_BYTES
    for chunk in exchange.chunks:
        yield round(chunk.at, 4), chunk.data[:remaining].decode("utf-8", "backslashreplace")
        remaining -= len(chunk.data)
        if remaining <= 0:
            yield round(chunk.at, 4), f"… {len(exchange.body) - _MOST_BYTES:,} bytes more in the run directory"
            return
