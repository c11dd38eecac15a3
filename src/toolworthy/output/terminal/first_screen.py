"""The screen of `toolworthy check`: the endpoint, its tool calls, the agents, and what to fix first."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median

from toolworthy.base.counted import counted
from toolworthy.base.sanitize import one_line
from toolworthy.content import adapters, providers
from toolworthy.judgement.analysis.levels import served_apis
from toolworthy.judgement.analysis.outcome import outcome
from toolworthy.judgement.analysis.overall import Overall, alike, overall
from toolworthy.judgement.analysis.root_cause import RootCause, listed
from toolworthy.judgement.analysis.root_causes import causes_of
from toolworthy.judgement.analysis.unruled import UNRULED
from toolworthy.judgement.analysis.verdict import WORKING
from toolworthy.output.terminal.columns import aligned, wrapped
from toolworthy.output.terminal.final_screen import fix_first
from toolworthy.records.exchange import Exchange
from toolworthy.records.meta import Budget
from toolworthy.records.probe import ProbeResult
from toolworthy.records.store import RunDirectory
from toolworthy.work.run.budget import Spending, tokens_of
from toolworthy.work.run.estimate import dollars, short

WIDTH = 110
_OK, _RATE_LIMITED = 200, 429
_ENOUGH = 16
"""Minimum number of tokens in a response for its speed to be measured."""


def lines(run: RunDirectory, width: int = WIDTH) -> Iterator[str]:
    """The screen of a run of the wire suite."""
    probes = run.probes()
    exchanges = [one for probe in probes for one in run.exchanges(probe.exchanges) if one.reached_endpoint]
    yield f"{one_line(run.meta.endpoint.name)}, model {one_line(run.meta.endpoint.model)}"
    for label, text in _facts(run, probes, exchanges):
        yield from wrapped(f"  {label:<10}{one_line(text)}", width, 12)
    yield "agents, a first impression by their own recorded requests and by probes"
    agents = overall((), probes)
    yield from _agents(agents, width)
    causes = causes_of(run)
    yield from fix_first(causes, width, most=1)
    if unmeasured := _unmeasured(probes):
        yield from wrapped(f"not measured: {one_line(unmeasured)}", width, 14)
    if (ended := outcome(run)).undecided:  # else what is above says it
        yield str(ended)
    yield f"report: {run.path / 'report.html'}"
    yield f"next: {_next(run, probes, agents, causes)}"


def _facts(
    run: RunDirectory, probes: Sequence[ProbeResult], exchanges: Sequence[Exchange]
) -> Iterator[tuple[str, str]]:
    meta = run.meta
    server = meta.preflight.server or meta.endpoint.provider
    identified = server not in ("", "generic")
    context = meta.preflight.context
    room = f"context of {context:,} tokens" if context else "context window unknown"
    yield "server", f"{providers.provider(server).title if identified else 'unknown'}, {room}"
    yield "APIs", ", ".join(served_apis(probes) or meta.preflight.apis)
    yield "speed", _speed(exchanges)
    yield "tools", _tools(exchanges)
    yield "sent", _taken(run, exchanges)


def _speed(exchanges: Sequence[Exchange]) -> str:
    answered = [one for one in exchanges if one.status == _OK and one.response]
    first = [one.first_byte for one in answered if one.streamed and one.first_byte is not None]
    rates = [
        tokens / span
        for one in answered
        if (tokens := tokens_of(one).output or 0) >= _ENOUGH
        and (span := one.seconds - (one.first_byte or 0.0 if one.streamed else 0.0)) > 0.05
    ]
    parts = [f"first byte after {median(first):.2f} s"] if first else []
    parts += [f"{median(rates):.0f} tokens/s"] if rates else []
    return ", ".join(parts) + " (medians)" if parts else "no response"


def _tools(exchanges: Sequence[Exchange]) -> str:
    """How many responses to requests with tools have calls."""
    counted: dict[str, list[bool]] = {}
    for exchange in exchanges:
        if exchange.can_act and exchange.endpoint_api and exchange.response and exchange.status == _OK:
            counted.setdefault(exchange.endpoint_api, []).append(bool(exchange.response.calls))
    if not counted:
        return "no request with tools got a response"
    every = [called for own in counted.values() for called in own]
    none = [f"{api}: in none of {len(own)}" for api, own in counted.items() if not any(own) and any(every)]
    return "; ".join([f"calls in {sum(every) or 'none'} of {len(every)} responses to requests with tools", *none])


def _taken(run: RunDirectory, exchanges: Sequence[Exchange]) -> str:
    spending = Spending(Budget(), lambda _: run.meta.options.prices)
    known = [took.usd for one in exchanges if (took := spending.add(one)).usd is not None]
    seconds = max((one.started + one.seconds for one in exchanges), default=run.meta.started) - run.meta.started
    price = f", {dollars(spending.usd)}" if known else ""
    limited = sum(one.status == _RATE_LIMITED for one in exchanges)
    refused = f" ({limited} refused by a rate limit and sent again)" if limited else ""
    return f"{counted(len(exchanges), 'request')}{refused}, {short(spending.tokens)} tokens{price}, {seconds:.0f} s"


def _agents(agents: Sequence[Overall], width: int) -> Iterator[str]:
    """A row for each agent: name, evidence and verdict. Agents that are untested for the same reason share one."""
    groups = alike(agents)
    rows = aligned([[listed([one.title for one in own]), _evidence(own[0]), "·"] for own in groups])
    for begin, own in zip(rows, groups, strict=True):
        yield from wrapped(f"  {begin}  {one_line(own[0].headline)}", width, 6 if own[1:] else len(begin) + 4)


def _evidence(agent: Overall) -> str:
    if (wire := agent.wire) is None or not any(probe.judged for probe in wire.probes):
        return "nothing"
    own = sum(probe.requests for probe in wire.probes if probe.main_path and probe.judged)
    other_probes = sum(probe.judged and not probe.main_path for probe in wire.probes)
    translated = ", translated" if wire.translated else ""
    return f"{counted(own, 'own request')}, {counted(other_probes, 'probe')}, over {wire.api}{translated}"


def _unmeasured(probes: Sequence[ProbeResult]) -> str:
    """Probes that toolworthy did not send, by reason."""
    counted = Counter(probe.detail for probe in probes if probe.unasked)
    return "; ".join(f"{count} of {len(probes)} probes: {why}" for why, count in counted.items())


def _next(
    run: RunDirectory, probes: Sequence[ProbeResult], agents: Sequence[Overall], causes: Sequence[RootCause]
) -> str:
    """The most useful next command."""
    endpoint = run.meta.endpoint
    options = ["--model", endpoint.model, *(["--key-env", endpoint.key_env] if endpoint.key_env else [])]
    if any(probe.unasked for probe in probes):
        return shlex.join(["toolworthy", "run", "wire", "--resume", str(run.path), "--budget-minutes", "10"])
    first = causes[0] if causes and causes[0].is_open else None
    if first and first.code in UNRULED:  # once it is fixed, more can be tested
        return shlex.join(["toolworthy", "check", endpoint.name, *options])
    if first:
        return shlex.join(["toolworthy", "evidence", str(run.path), first.code])
    working = [one.agent for one in agents if one.word in WORKING]
    chosen = working or [adapters.agents()[0].id]
    return shlex.join(["toolworthy", "run", "tasks", "--endpoint", endpoint.name, *options, "--agent", chosen[0]])
