"""The root causes of a run, each with its rule and the bytes that show it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from toolworthy import wire
from toolworthy.base.errors import ToolworthyError
from toolworthy.content import breakage
from toolworthy.content.breakage import Measured
from toolworthy.judgement.analysis.root_cause import RootCause
from toolworthy.judgement.analysis.root_causes import causes_of
from toolworthy.output.bug_report import evidence, ticket
from toolworthy.output.bug_report.ticket import Located
from toolworthy.output.html._items import subject
from toolworthy.output.html.pack import each_text
from toolworthy.records.exchange import Exchange
from toolworthy.records.store import RunDirectory
from toolworthy.rules import RULES
from toolworthy.rules.model import Rule
from toolworthy.work.kinds import KINDS

_AROUND = 700
"""Characters of the answer shown before and after the marked part."""
_REQUEST = 2_600
_BUNDLES = 40
"""The most rules whose bug report bundle the page contains; the command makes all."""
_HEAVY = 300_000
"""Larger bundles are not in the page."""


@dataclass(frozen=True)
class Shown:
    """One exchange that shows a finding."""

    subject: str
    """Its id on the page."""
    key: str
    exchange: int
    request: str
    """The request, with its long parts shortened."""
    before: str
    marked: str
    after: str
    evidence: str
    """Id of its bundle, for the command."""
    archive: str
    """File name of the bundle in the page; "" if there is none."""
    data: bytes


@dataclass(frozen=True)
class Group:
    """One root cause, with its rule and the bytes that show it."""

    cause: RootCause
    rule: Rule | None
    wanted: str
    """What a probe without a rule asks for."""
    affected: Mapping[str, Measured]
    shown: Shown | None


def groups(number: int, run: RunDirectory) -> tuple[Group, ...]:
    """All root causes of a run, in order."""
    rules = {rule.code: rule for rule in RULES}
    located: dict[str, list[Located]] = {}
    for finding in evidence.located_findings(run):
        located.setdefault(finding.code, []).append(finding)
    return tuple(
        Group(
            cause=cause,
            rule=rules.get(cause.code),
            wanted=ticket.expected(places[0]) if cause.code not in rules and places else "",
            affected=breakage.affected(cause.code, detail="" if cause.code in rules else cause.detail),
            shown=_first(number, run, places, cause.breaks, at < _BUNDLES),
        )
        for at, cause in enumerate(causes_of(run))
        for places in [located.get(cause.code, [])]
    )


def _first(
    number: int, run: RunDirectory, places: Sequence[Located], broken: Sequence[str], bundled: bool
) -> Shown | None:
    """The first whose bytes still exist; of trials, preferably one of an agent that it breaks."""
    order = [*KINDS]
    best = sorted(
        places, key=lambda one: (order.index(one.suite) if one.suite in order else len(order), one.agent not in broken)
    )
    return next(filter(None, (_excerpt(number, run, located, bundled) for located in best[:5])), None)


def _excerpt(number: int, run: RunDirectory, located: Located, bundled: bool) -> Shown | None:
    try:
        exchange = evidence.exchange_of(run, located)
    except ToolworthyError:  # the bytes are gone
        return None
    before, marked, after = _marked(exchange.body.decode("utf-8", "backslashreplace"), located.excerpt)
    return Shown(
        subject=subject(number, located.subject),
        key=located.subject,
        exchange=located.exchange,
        request=_short(exchange),
        before=before,
        marked=marked,
        after=after,
        evidence=located.id,
        archive=evidence.name(located) if bundled else "",
        data=_bundle(run, located) if bundled else b"",
    )


def _bundle(run: RunDirectory, located: Located) -> bytes:
    try:
        archive = evidence.bundle(run, located)
    except ToolworthyError:  # it was never sent to the endpoint: show it without a bundle
        return b""
    return archive if len(archive) <= _HEAVY else b""


def _marked(text: str, excerpt: str) -> tuple[str, str, str]:
    at = text.find(excerpt) if excerpt else -1
    if at < 0:
        head = text[: 2 * _AROUND] + ("…" if len(text) > 2 * _AROUND else "")
        return head, "", ""
    end = at + len(excerpt)
    before = ("…" if at > _AROUND else "") + text[max(0, at - _AROUND) : at]
    return before, text[at:end], text[end : end + _AROUND] + ("…" if len(text) > end + _AROUND else "")


def _short(exchange: Exchange) -> str:
    """The request as JSON: the last two messages, tools by name, long texts cut."""
    body = exchange.upstream_body if exchange.upstream_body is not None else exchange.request_body
    head = f"{exchange.method} {exchange.path}\n"
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return head + body[:_REQUEST].decode("utf-8", "backslashreplace")
    if isinstance(value, dict):
        name = wire.api(api).conversation if (api := exchange.endpoint_api) else ""
        if isinstance(value.get(name), list) and len(value[name]) > 2:
            value[name] = [f"… {len(value[name]) - 2} before …", *value[name][-2:]]
        if isinstance(value.get("tools"), list):
            value["tools"] = ", ".join(_tool_name(tool) for tool in value["tools"])
    text = json.dumps(each_text(value, _cut), indent=1, ensure_ascii=False)
    return head + text[:_REQUEST] + ("\n…" if len(text) > _REQUEST else "")


def _tool_name(tool: object) -> str:
    if not isinstance(tool, dict):
        return "?"
    inner = tool.get("function")
    return str(tool.get("name") or (inner.get("name") if isinstance(inner, dict) else None) or tool.get("type"))


def _cut(text: str) -> str:
    return text if len(text) <= 400 else text[:200] + f" … {len(text) - 300:,} characters … " + text[-100:]
