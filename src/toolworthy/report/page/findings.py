"""Findings of all suites, grouped by rule: how often, whom it breaks, what to do, and the bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from toolworthy import adapters, breakage
from toolworthy.analysis.levels import levels, reasons
from toolworthy.breakage import Measured
from toolworthy.exchange import Exchange
from toolworthy.report.page.detail import Result, findings_of
from toolworthy.report.page.items import subject
from toolworthy.rules import RULES
from toolworthy.rules.model import Finding, Rule, Severity
from toolworthy.runs.exchanges import read_all
from toolworthy.runs.store import RunDirectory

_AROUND = 700
"""Characters of the answer shown before and after the marked part."""
_REQUEST = 2_600
_RANK: Mapping[Severity, int] = {"blocks": 0, "degrades": 1, "cosmetic": 2}
_SUITES = {"wire": "probes", "tools": "cases", "tasks": "trials"}


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


@dataclass(frozen=True)
class Group:
    """One rule that was broken, or one probe that failed."""

    code: str
    title: str
    severity: Severity
    detail: str
    rule: Rule | None
    hint: str
    affected: Mapping[str, Measured]
    seen: Mapping[str, tuple[int, int]]
    """Suite to how many of its items show it, of how many."""
    agents: tuple[str, ...]
    """Agents in whose trials it was seen."""
    shown: Shown | None = None


@dataclass
class _Seen:
    finding: Finding
    results: dict[str, list[Result]] = field(default_factory=dict)


def groups(number: int, run: RunDirectory) -> tuple[Group, ...]:
    """The worst first."""
    provider = str(run.about.get("endpoint", {}).get("provider", "generic"))
    hints = adapters.provider(provider).hints
    every: dict[str, Sequence[Result]] = {"wire": run.probes(), "tools": run.cases(), "tasks": run.results()}
    seen = _seen(every)
    made = [_group(number, run, code, one, every, hints.get(code, "")) for code, one in seen.items()]
    made += _failed_probes(number, run, seen, hints)
    return tuple(sorted(made, key=lambda group: (_RANK[group.severity], group.code)))


def often(group: Group) -> str:
    """How often it was seen, suite by suite."""
    return ", ".join(f"{count} of {n:,} {_SUITES[suite]}" for suite, (count, n) in group.seen.items())


def _seen(every: Mapping[str, Sequence[Result]]) -> dict[str, _Seen]:
    seen: dict[str, _Seen] = {}
    for suite, results in every.items():
        for result in results:
            for finding in {finding.code: finding for finding in reversed(findings_of(result))}.values():
                known = seen.setdefault(finding.code, _Seen(finding))
                known.results.setdefault(suite, []).append(result)
    return seen


def _group(
    number: int, run: RunDirectory, code: str, seen: _Seen, every: Mapping[str, Sequence[Result]], hint: str
) -> Group:
    rule = next((rule for rule in RULES if rule.code == code), None)
    trials = seen.results.get("tasks", [])
    agents = dict.fromkeys(result.key.agent for result in trials if hasattr(result.key, "agent"))
    return Group(
        code=code,
        title=seen.finding.title,
        severity=seen.finding.severity,
        detail=seen.finding.detail,
        rule=rule,
        hint=hint,
        affected=breakage.affected(code),
        seen={suite: (len(results), len(every[suite])) for suite, results in seen.results.items()},
        agents=tuple(agents),
        shown=_first_shown(number, run, code, seen),
    )


def _failed_probes(
    number: int, run: RunDirectory, seen: Mapping[str, _Seen], hints: Mapping[str, str]
) -> Iterator[Group]:
    """Probes that stand in an agent's way by their own verdict, no rule having said so."""
    probes = run.probes()
    for reason in reasons(levels(probes)):
        if reason.code not in seen:
            ways = [probe for probe in probes if probe.key.probe == reason.code]
            failed = [probe for probe in ways if probe.verdict not in ("supported", "unmeasured")]
            yield Group(
                code=reason.code,
                title=reason.title,
                severity=reason.severity,
                detail=reason.detail,
                rule=None,
                hint=hints.get(reason.code, ""),
                affected=breakage.affected(reason.code),
                seen={"wire": (len(failed), len(ways))},
                agents=(),
                shown=_shown(number, run, failed[0], -1, "") if failed else None,
            )


def _first_shown(number: int, run: RunDirectory, code: str, seen: _Seen) -> Shown | None:
    """The first that can be shown; a real agent's trial says more than a probe."""
    for suite in ("tasks", "wire", "tools"):
        for result in seen.results.get(suite, [])[:3]:
            finding = next(finding for finding in findings_of(result) if finding.code == code)
            evidence = finding.evidence
            if (shown := _shown(number, run, result, evidence.exchange, evidence.excerpt)) is not None:
                return shown
    return None


def _shown(number: int, run: RunDirectory, result: Result, index: int, excerpt: str) -> Shown | None:
    """The exchange with this index; the last one for -1. None where it is not there any more."""
    path = run.path / result.exchanges
    if not result.exchanges or not path.is_file():
        return None
    exchanges = read_all(path)
    found = exchanges[-1:] if index < 0 else [exchange for exchange in exchanges if exchange.index == index]
    if not found:
        return None
    exchange = found[0]
    before, marked, after = _marked(exchange.body.decode("utf-8", "backslashreplace"), excerpt)
    request = _short(exchange)
    return Shown(subject(number, result.key), str(result.key), exchange.index, request, before, marked, after)


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
        for name in ("messages", "input"):
            if isinstance(value.get(name), list) and len(value[name]) > 2:
                value[name] = [f"… {len(value[name]) - 2} before …", *value[name][-2:]]
        if isinstance(value.get("tools"), list):
            value["tools"] = ", ".join(_tool_name(tool) for tool in value["tools"])
    text = json.dumps(_cut(value), indent=1, ensure_ascii=False)
    return head + text[:_REQUEST] + ("\n…" if len(text) > _REQUEST else "")


def _tool_name(tool: object) -> str:
    if not isinstance(tool, dict):
        return "?"
    inner = tool.get("function")
    return str(tool.get("name") or (inner.get("name") if isinstance(inner, dict) else None) or tool.get("type"))


def _cut(value: object) -> object:
    if isinstance(value, dict):
        return {name: _cut(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_cut(inner) for inner in value]
    if isinstance(value, str) and len(value) > 400:
        return value[:200] + f" … {len(value) - 300:,} characters … " + value[-100:]
    return value
