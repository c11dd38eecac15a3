"""The texts of a bug report bundle, ``README.md`` and ``finding.json``, for people who do not know toolworthy."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from toolworthy.base.counted import counted
from toolworthy.base.redact import MARK
from toolworthy.base.sanitize import visible
from toolworthy.output._markdown import render
from toolworthy.output.bug_report._reproduce import KEY, URL, Sent
from toolworthy.output.rule_pages import SEVERITY, link
from toolworthy.output.terminal.gate import plain
from toolworthy.records.exchange import Exchange
from toolworthy.records.finding import Severity
from toolworthy.records.meta import RunMeta
from toolworthy.rules import Rule, by_code, label
from toolworthy.wire.lenient import as_dict, as_str, parse_json
from toolworthy.work.probes import PROBES, load_suite

_FILES = {
    "finding.json": "what this page says, for programs",
    "request.json": "the request's body, as it was sent to the endpoint",
    "agent-request.json": "the request's body, as the agent sent it, before toolworthy translated it",
    "request-headers.txt": "the request's headers, without the endpoint's key",
    "response.body": "the response body, byte for byte",
    "response-headers.txt": "status and headers of the response",
    "timing.csv": "when each piece of the response arrived, in seconds after the request, and its length in bytes",
    "reproduce.sh": "sends the request again, with curl",
    "reproduce.py": "sends the request again, with Python and httpx",
    "rule.md": "the rule: what it checks, why it matters, an example, how to fix it",
}
_RULE = ("slug", "what", "why", "right", "sources", "apis")
"""The rule's fields in ``finding.json``."""


@dataclass(frozen=True)
class Located:
    """One finding, and where its bytes are."""

    id: str
    """``CODE@SUBJECT:EXCHANGE``."""
    code: str
    """The code of a rule, the id of a failed probe, or ``cause-KIND`` of a failed trial."""
    title: str
    severity: Severity
    detail: str
    subject: str
    """The trial, probe or ticket."""
    suite: str
    """Its suite."""
    agent: str
    """The agent, or the toolset of a case; empty for a probe."""
    exchange: int
    """Index of the exchange in its subject."""
    excerpt: str
    """The bytes that show it, as text, cut to a line; empty without a rule."""
    file: str
    """File with the subject's exchanges, relative to the run directory."""


@dataclass(frozen=True)
class Ticket:
    """The content of one bug report. Everything in it is redacted."""

    located: Located
    exchange: Exchange
    request: Sent
    meta: RunMeta
    """The run's metadata."""
    packed: bool
    """Whether the agent sent its body compressed."""

    @property
    def body(self) -> bytes:
        """The request's body as the endpoint got it."""
        upstream = self.exchange.upstream_body
        return self.exchange.request_body if upstream is None else upstream

    @property
    def rule(self) -> Rule | None:
        """The violated rule; None for a probe's verdict or a trial's cause."""
        return by_code(self.located.code)


def finding(ticket: Ticket) -> str:
    """``finding.json``."""
    exchange, located, rule = ticket.exchange, ticket.located, ticket.rule
    value = {
        "finding": {name: getattr(located, name) for name in Located.__dataclass_fields__},
        "rule": {name: getattr(rule, name) for name in _RULE} if rule else None,
        "sender": _sender(ticket),
        "endpoint": {
            "name": ticket.meta.endpoint.name,
            "base_url": ticket.request.base_url or None,
            "path": ticket.request.path,
            "api": exchange.endpoint_api,
        },
        "model": {"asked": _asked(ticket) or None, "answered": _answered(ticket) or None},
        "exchange": {
            "agent_api": exchange.agent_api,
            "translated": exchange.translated,
            "losses": exchange.losses,
            "status": exchange.status,
            "error": exchange.error and str(exchange.error),
            "streamed": exchange.streamed,
            "started": exchange.started,
            "first_byte": exchange.first_byte,
            "seconds": exchange.seconds,
        },
        "toolworthy": ticket.meta.toolworthy,
    }
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def readme(ticket: Ticket, files: Sequence[str]) -> str:
    """``README.md``; `files` are the names of all others."""
    located, rule, exchange, request = ticket.located, ticket.rule, ticket.exchange, ticket.request
    detail = plain(visible(located.detail)).rstrip(".")
    why = rule.why or rule.what if rule else expected(located)
    excerpt = visible(located.excerpt.strip("\r\n"))
    hidden = [
        *_hidden("request", exchange.request_headers, (exchange.request_body, ticket.body)),
        *_hidden("answer", exchange.response_headers, (exchange.body,)),
    ]
    return render(
        "bug_report",
        code=_code,
        title=f"{plain(label(located.code))}: {plain(visible(located.title))}",
        wrong=" ".join(f"{detail[:1].upper()}{detail[1:]}. {why}".split()),
        rule=rule,
        severity=SEVERITY[located.severity],
        sources=", ".join(map(link, rule.sources)) if rule else "",
        excerpt=excerpt,
        fence="`" * max(3, 1 + max(map(len, re.findall("`+", excerpt)), default=0)),
        sender=_sender(ticket),
        endpoint=ticket.meta.endpoint.name,
        base_url=request.base_url,
        request=f"{request.method} {request.path}",
        path=request.path.partition("?")[0],
        exchange=exchange,
        asked=_asked(ticket),
        answered=_answered(ticket),
        answer=_answer(exchange),
        when=f"{datetime.fromtimestamp(exchange.started, UTC):%Y-%m-%d %H:%M:%S}",
        toolworthy=ticket.meta.toolworthy,
        id=located.id,
        files=[(name, _FILES[name]) for name in sorted(files)],
        hidden=", ".join(hidden),
        packed=ticket.packed,
        URL=URL,
        KEY=KEY,
        MARK=MARK,
    )


def expected(located: Located) -> str:
    """The expectation of a failed probe; empty for a trial's cause."""
    if located.suite != "wire":
        return ""
    probe = PROBES.get(located.code) or load_suite().get(located.code)
    return probe.explanation if probe else ""


def _answer(exchange: Exchange) -> str:
    trouble = f"; {_code(exchange.error)}" if exchange.error else ""
    if exchange.status is None:
        return f"none{trouble}"
    first = "" if exchange.first_byte is None else f", the first after {exchange.first_byte:.2f} s"
    pieces = f"{counted(len(exchange.chunks), 'piece')}{first}, all in {exchange.seconds:.2f} s"
    return f"HTTP {exchange.status}, {counted(len(exchange.body), 'byte')} in {pieces}{trouble}"


def _hidden(side: str, headers: Mapping[str, str], bodies: Sequence[bytes]) -> Iterator[str]:
    names = [name for name, value in headers.items() if MARK in value]
    if names:
        yield f"{side} headers {', '.join(map(_code, names))}"
    places = max(body.count(MARK.encode()) for body in bodies)
    if places:
        yield f"{places} in the {side}'s body"


def _sender(ticket: Ticket) -> str:
    located = ticket.located
    if located.suite == "wire":
        return f"toolworthy's probe {located.subject.removeprefix('wire/')}"
    if located.suite == "tools":
        return f"toolworthy, with the tools of {located.agent}"
    return f"{located.agent} {ticket.meta.agents.get(located.agent, '')}".strip()


def _asked(ticket: Ticket) -> str:
    return as_str(as_dict(parse_json(ticket.body)).get("model"))


def _answered(ticket: Ticket) -> str:
    return (ticket.exchange.response.model if ticket.exchange.response else None) or ""


def _code(text: object) -> str:
    """A code span in which no markup applies."""
    line = " ".join(visible("" if text is None else text).split())[:300].replace("`", "'")
    return f"`{line}`" if line else "–"
