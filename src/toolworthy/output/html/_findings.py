"""Findings of all suites, grouped by rule: how often, whom it breaks, what to do, and the bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from toolworthy import wire
from toolworthy.base.errors import ToolworthyError
from toolworthy.content import adapters, breakage
from toolworthy.content.breakage import Measured
from toolworthy.judgement.analysis.breaking import breaking
from toolworthy.judgement.analysis.levels import Level, levels, reasons, served_apis
from toolworthy.judgement.analysis.remedy import server_of
from toolworthy.output.bug_report import evidence, ticket
from toolworthy.output.bug_report.ticket import Located
from toolworthy.output.html._items import subject
from toolworthy.output.html.pack import each_text
from toolworthy.records.exchange import Exchange
from toolworthy.records.finding import Severity, rank
from toolworthy.records.probe import ProbeResult
from toolworthy.records.store import RunDirectory
from toolworthy.rules import RULES
from toolworthy.rules.model import Rule
from toolworthy.work.probes.effects import weight

_AROUND = 700
"""Characters of the answer shown before and after the marked part."""
_REQUEST = 2_600
_SUITES = {"tasks": "trials", "wire": "probes", "tools": "cases"}
"""In the order in which evidence is looked for: a real agent's trial says more than a probe."""
_BUNDLES = 40
"""Rules whose evidence the page holds as an archive; the command makes those of all."""
_HEAVY = 300_000
"""Bytes of an archive that the page does not hold."""


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
    """Id of its archive, for the command."""
    archive: str
    """File name of the archive that the page holds; "" where it holds none."""
    data: bytes


@dataclass(frozen=True)
class Group:
    """One rule that was broken, or one probe that failed."""

    code: str
    title: str
    severity: Severity
    detail: str
    rule: Rule | None
    wanted: str
    """What a probe without a rule asks for."""
    mend: tuple[str, ...]
    """What can be done about it."""
    affected: Mapping[str, Measured]
    seen: Mapping[str, tuple[int, int]]
    """Suite to how many of its items show it, of how many."""
    apis: tuple[str, ...]
    """The wire APIs over which it was seen: the share is of what was asked over these."""
    follows: tuple[str, ...]
    """Rules and probes that fail by this very fault."""
    agents: tuple[str, ...]
    """Agents in whose trials it was seen."""
    breaks: str
    """Titles of agents that it breaks here: as their level on the wire says, or as the cause of a failed trial."""
    shown: Shown | None


def groups(number: int, run: RunDirectory) -> tuple[Group, ...]:
    """Rules that were broken, and probes whose own verdict stands in an agent's way; the worst first."""
    probes = run.probes()
    meta = run.meta
    own = server_of(meta, probes).hints
    apis = dict(_apis(run))
    found_levels = levels(probes)
    met = [reason for level in found_levels for reason in level.reasons]
    breaks = {one.code: one for one in breaking(run.results(), found_levels)}
    # What a rule calls a nuisance may stop an agent, as measured: the page goes by the worst.
    worst = {reason.code: reason.severity for reason in sorted(met, key=lambda one: rank(one.severity), reverse=True)}
    rules = {rule.code: rule for rule in RULES}
    grouped: dict[str, list[Located]] = {}
    for located in evidence.found(run):
        if located.code in rules or located.code in worst:
            grouped.setdefault(located.code, []).append(located)
    severity = {code: min(worst.get(code, "cosmetic"), found[0].severity, key=rank) for code, found in grouped.items()}
    folded = _folded(found_levels, grouped)
    harm = {reason.code: weight(reason.effect) for reason in reasons(found_levels)}

    broken = {code: breaks[code].agents if code in breaks else () for code in grouped}

    def place(code: str) -> tuple[int, int, int, str]:
        return harm.get(code, weight("noted")), -len(broken[code]), rank(severity[code]), code

    ordered = [(code, grouped[code]) for code in sorted(grouped, key=place) if code not in folded]
    return tuple(
        Group(
            code=code,
            title=found[0].title,
            severity=severity[code],
            detail=found[0].detail,
            rule=rules.get(code),
            wanted="" if code in rules else ticket.expected(found[0]),
            mend=tuple(_mend(code, own, probes, meta.endpoint.name)),
            affected=breakage.affected(code),
            seen=_counted(found, apis),
            apis=tuple(dict.fromkeys(api for one in found if (api := apis.get((one.suite, one.subject))))),
            follows=tuple(follower for follower, root in folded.items() if root == code),
            agents=tuple(dict.fromkeys(one.agent for one in found if one.suite == "tasks")),
            breaks=breaks[code].whom if code in breaks else "",
            shown=_first(number, run, found, broken[code], at < _BUNDLES),
        )
        for at, (code, found) in enumerate(ordered)
    )


def _folded(found: Sequence[Level], grouped: Mapping[str, object]) -> dict[str, str]:
    """What follows from another fault that is on the page: its code to that of the root."""
    roots = {one.code: one.root for one in reasons(found) if one.root in grouped and one.code in grouped}
    out = {}
    for code, root in roots.items():
        while root in roots and roots[root] != code:
            root = roots[root]
        out[code] = root
    return out


def often(group: Group) -> str:
    """How often it was seen, suite by suite, of what was asked over the same APIs."""
    told = ", ".join(f"{count:,} of {n:,} {_SUITES[suite]}" for suite, (count, n) in group.seen.items())
    return f"{told} over {', '.join(group.apis)}" if group.apis else told


def _apis(run: RunDirectory) -> Iterator[tuple[tuple[str, str], str]]:
    """Suite and subject to what the endpoint was asked in, for all of which that is known."""
    for result in run.measured():
        api = result.key.api if isinstance(result, ProbeResult) else result.api
        yield (result.key.suite, str(result.key)), api or ""


def _mend(code: str, own: Mapping[str, str], probes: Sequence[ProbeResult], endpoint: str) -> Iterator[str]:
    """What is known of this provider, else of others; which of the APIs are free of it; or that nothing is."""
    told = [own[code]] if code in own else [f"{title}: {hint}" for title, hint in adapters.hints(code)]
    yield from told
    seen = {one.key.api for one in probes if code == one.key.probe or code in {found.code for found in one.findings}}
    free = [api for api in served_apis(probes) if api not in seen] if seen else []
    if free:
        these = "these" if len(free) > 1 else "it"
        yield (
            f"Over {' and '.join(free)} no probe met it, so agents that speak {these} are spared. Others can be "
            f"served through toolworthy proxy --endpoint {endpoint} --wire {free[0]}, which translates."
        )
    if not told and not free:
        yield "No setting is known that mends it. It is the server's to mend; the evidence is made for its tracker."


def _counted(found: Sequence[Located], apis: Mapping[tuple[str, str], str]) -> dict[str, tuple[int, int]]:
    """Suite to how many of its items show it, of how many that were asked over the same APIs."""
    counted = {}
    for suite in _SUITES:
        seen = {(suite, one.subject) for one in found if one.suite == suite}
        over = {apis.get(one) for one in seen}
        if seen:
            counted[suite] = len(seen), sum(own == suite and apis[own, name] in over for own, name in apis)
    return counted


def _first(
    number: int, run: RunDirectory, found: Sequence[Located], broken: Sequence[str], bundled: bool
) -> Shown | None:
    """The first that can be shown still; of trials rather one of an agent that it breaks."""
    order = list(_SUITES)
    best = sorted(found, key=lambda one: (order.index(one.suite), one.agent not in broken))
    return next(filter(None, (_shown(number, run, located, bundled) for located in best[:5])), None)


def _shown(number: int, run: RunDirectory, located: Located, bundled: bool) -> Shown | None:
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
        made = evidence.bundle(run, located)
    except ToolworthyError:  # it never went to the endpoint: the page says where it is all the same
        return b""
    return made if len(made) <= _HEAVY else b""


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
