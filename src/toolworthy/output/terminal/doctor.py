"""The report of `toolworthy doctor` as text: the endpoint, a line for each agent, and its settings to paste."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from toolworthy.base.sanitize import one_line
from toolworthy.content.providers import provider
from toolworthy.output.terminal.columns import aligned, wrapped
from toolworthy.records.doctor import (
    AgentReport,
    AgentState,
    CheckState,
    ContextReport,
    DoctorReport,
    SettingsReport,
    Spent,
    WireApiReport,
)

WIDTH = 110
_MARKS: dict[CheckState, str] = {"ok": "ok  ", "bad": "BAD ", "unknown": "?   ", "absent": "none", "note": "note"}
_STATES: dict[AgentState, tuple[str, str]] = {
    "works": ("ok  ", "works"),
    "translated": ("ok  ", "works through a translation"),
    "proxy": ("ok  ", "works through the proxy"),
    "cannot": ("BAD ", "cannot"),
}


def lines(report: DoctorReport) -> Iterator[str]:
    """The whole report."""
    yield f"{one_line(report.endpoint.name)}, model {one_line(report.endpoint.model)}"
    yield f"ok   key: {'accepted' if report.key == 'accepted' else 'none is sent'}"
    for check in report.checks:
        yield f"{_MARKS[check.state]} {check.name}: {one_line(check.detail)}"
    for api in report.apis:
        yield from wrapped(_api(api), WIDTH, 5)
    yield from wrapped(_context(report.context), WIDTH, 5)
    yield "agents"
    rows = aligned([[f"{_STATES[one.state][0]} {one.title}", _STATES[one.state][1]] for one in report.agents])
    for row, agent in zip(rows, report.agents, strict=True):
        yield from wrapped(f"{row}{f': {one_line(agent.why)}' if agent.why else ''}", WIDTH, 5)
    for agent in report.agents:
        if agent.settings:
            yield from ("", *_agent(agent, agent.settings))
    yield ""
    if report.setup:
        yield from wrapped(f"on the server ({provider(report.endpoint.provider).title}): {report.setup}", WIDTH, 5)
    yield _spent(report.spent)


def _api(api: WireApiReport) -> str:
    mark = "BAD " if api.tools == "no" else "ok  "
    facts = [
        f"streaming {api.streaming}",
        f"tools {api.tools}",
        f"parallel calls {api.parallel_calls}",
        f"thinking {', '.join(api.thinking) or 'none seen'}",
        *([f"findings {', '.join(api.findings)}"] if api.findings else []),
        *([one_line(api.detail)] if api.detail else []),
    ]
    return f"{mark} {api.api}: {'; '.join(facts)}"


def _context(context: ContextReport) -> str:
    declared = f"{context.declared:,} tokens declared" if context.declared else "not declared"
    if context.accepted is None and context.refused is None:
        return f"{'ok  ' if context.declared else '?   '} context window: {declared}"
    accepted = f"{context.accepted:,} tokens were answered" if context.accepted else "no input was answered"
    refused = f"about {context.refused:,} were not ({one_line(context.detail)})" if context.refused else "none refused"
    return f"ok   context window: {declared}; {accepted}, {refused}"


def _agent(agent: AgentReport, settings: SettingsReport) -> Iterator[str]:
    yield f"=== {agent.title}: settings ==="
    if agent.proxy:
        yield f"# keep this running: {shlex.join(agent.proxy)}"
        yield f"# or let it start the agent: {shlex.join([*agent.proxy[:-1], '--agent', agent.id])}"
    for name, value in settings.env.items():
        yield f"export {name}={_quoted(value)}"
    for file in settings.files:
        replaced = f", with the value of {file.key_variable} in place of ${{{file.key_variable}}}"
        yield f"# --- file {file.path}{replaced if file.key_variable else ''}"
        yield from file.content.rstrip("\n").split("\n")
        yield "# --- end of file"
    for words in settings.setup:
        yield f"{' '.join(map(_word, words))}  # once"
    if settings.start:
        yield f"{' '.join(map(_word, settings.start))}  # starts it"


def _quoted(value: str) -> str:
    """`value` quoted for a shell that expands the home folder and the key."""
    home = f"$HOME/{value[2:]}" if value.startswith("~/") else value
    for mark in ("\\", '"', "`"):
        home = home.replace(mark, f"\\{mark}")
    return f'"{home}"'


def _word(word: str) -> str:
    return _quoted(word) if word.startswith("~/") or "${" in word else shlex.quote(word)


def _spent(spent: Spent) -> str:
    price = f", ${spent.usd:.4f}" if spent.usd is not None else ""
    tokens = f"{spent.input_tokens + spent.output_tokens:,} tokens"
    return f"sent: {spent.requests} requests, {tokens}{price}, {spent.seconds:.0f} s"
