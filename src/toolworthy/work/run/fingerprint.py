"""Fingerprints of agents and server during a run: changes in either can change scores.

An agent's fingerprint consists of its version, tools and system prompt; the latter can change without a new version, if
its configuration comes from the network. A server's consists of what it reports about itself: ``system_fingerprint``,
which OpenAI's API reference calls "the backend configuration that the model runs with", the model ids of its answers,
and headers that name software (``openai-version`` is under "Debugging requests" there). Neither ids nor cookies are
kept.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Protocol

from toolworthy import content
from toolworthy.base.redact import MARK
from toolworthy.base.toml import read_toml
from toolworthy.content.adapters import AgentAdapter
from toolworthy.content.toolset import tool_schema
from toolworthy.records.exchange import Exchange
from toolworthy.records.meta import AgentPrint, RunMeta
from toolworthy.records.result import Named
from toolworthy.wire.ir import Request, Text, Tool

MODEL, FINGERPRINT = "model", "system_fingerprint"
MANY = "…"
"""Ends a truncated list of values: a field with so many values is no fingerprint."""
_MOST = 8
_NOTHING = RunMeta()
_LONGEST = 200
_TELLING = re.compile(
    r"server|via|x-powered-by|openai-(version|model)|x-(\w+-)?model(-\w+)?|x-(\w+-)?version|x-(compute|inference)-type"
)
_LONG_ID = re.compile(r"\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{20,}\b")
_FINGERPRINT = re.compile(rb'"system_fingerprint"\s*:\s*"([^"\\]{1,200})"')


@cache
def _changing() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Patterns of text that changes from run to run, from ``fixtures/changing.toml``, with replacements."""
    table = read_toml(content.FIXTURES / "changing.toml")
    patterns = []
    for row in table["change"]:
        pattern = row["match"]
        for name, part in table["parts"].items():
            pattern = pattern.replace(f"{{{name}}}", part)
        patterns.append((re.compile(pattern, re.IGNORECASE), row["mark"]))
    return tuple(patterns)


class Seen:
    """Collects fingerprints from exchanges as they are recorded."""

    def __init__(self, model: str, versions: Mapping[str, str], before: RunMeta = _NOTHING) -> None:
        """Continue from `before`."""
        self._model = model
        self._versions = versions
        self._first: dict[str, int] = {}
        """Trial to the number of its first main request so far."""
        self._trials: dict[str, tuple[str, AgentPrint]] = {}
        self._before = [(name, face) for name, prints in before.fingerprints.items() for face in prints]
        self._server = {name: list(values) for name, values in before.server.items()}

    def add(self, exchange: Exchange) -> bool:
        """Add one exchange. Returns whether it had anything new."""
        server_is_new = self._note_server(exchange)
        return self._note_agent(exchange) or server_is_new

    def about(self) -> dict[str, Any]:
        """The fields ``server`` and ``fingerprints`` of ``run.json``."""
        agents: dict[str, dict[AgentPrint, set[str]]] = {}
        for agent, shown in (*self._before, *self._trials.values()):
            own = agents.setdefault(agent, {})
            face = shown.model_copy(update={"tasks": ()})
            if face in own or len(own) < _MOST:
                own.setdefault(face, set()).update(shown.tasks)
        return {
            "server": {name: list(values) for name, values in self._server.items()},
            "fingerprints": {
                name: [face.model_copy(update={"tasks": tuple(sorted(tasks))}) for face, tasks in tasks_by_face.items()]
                for name, tasks_by_face in agents.items()
            },
        }

    def _note_server(self, exchange: Exchange) -> bool:
        new = False
        for name, value in server_says(exchange, self._model):
            values = self._server.setdefault(name, [])
            if value not in values and len(values) <= _MOST:
                values.append(value if len(values) < _MOST else MANY)
                new = True
        return new

    def _note_agent(self, exchange: Exchange) -> bool:
        suite, task, agent = Named.of(exchange.trial)
        first = self._first.get(exchange.trial)
        if suite != "tasks" or not task or (first is not None and exchange.index >= first):
            return False
        if exchange.kind != "completion" or not (exchange.request and exchange.request.tools):
            return False
        known = self.about()
        self._first[exchange.trial] = exchange.index
        face = agent_print(exchange.request, self._versions.get(agent, ""))
        self._trials[exchange.trial] = agent, face.model_copy(update={"tasks": (task,)})
        return self.about() != known


def server_says(exchange: Exchange, model: str) -> Iterator[tuple[str, str]]:
    """What a response reports about its server, as names and values.

    A request for another model than the run's (some probes make one) does not tell which model answers the run.
    """
    if exchange.local or exchange.status is None:
        return
    for name, value in sorted(exchange.response_headers.items()):
        if value and _TELLING.fullmatch(name.lower()) and MARK not in value:
            yield name.lower(), _LONG_ID.sub("<ID>", value)[:_LONGEST]
    if exchange.kind != "completion" or exchange.status >= 400:
        return
    answer, request = exchange.response, exchange.request
    if answer and answer.model and request and request.model == model:
        yield MODEL, answer.model[:_LONGEST]
    for fingerprint in dict.fromkeys(_FINGERPRINT.findall(exchange.body)):
        yield FINGERPRINT, fingerprint.decode("utf-8", "replace")


def agent_print(request: Request, version: str) -> AgentPrint:
    """The fingerprint of an agent's request."""
    tools = sorted(json.dumps(_tool(tool), sort_keys=True, ensure_ascii=False) for tool in request.tools)
    offered = steady("\n".join(tools))
    prompt = system_prompt(request)
    system = steady(prompt.replace(request.model, "<MODEL>") if request.model else prompt)
    return AgentPrint(
        version=version,
        tools=_hash(offered),
        tool_count=len(tools),
        tool_chars=len(offered),
        system=_hash(system),
        system_chars=len(system),
    )


def system_prompt(request: Request) -> str:
    """All system and developer messages before the first response."""
    texts: list[str] = []
    for message in request.messages:
        if message.role == "assistant":
            break
        if message.role in ("system", "developer"):
            texts += [part.text for part in message.parts if isinstance(part, Text)]
    return "\n".join(texts)


def steady(text: str) -> str:
    """`text` without dates, times, paths, ids, and versions of operating systems; white space counts once."""
    for pattern, mark in _changing():
        text = pattern.sub(mark, text)
    return " ".join(text.split())


def words(agent: AgentAdapter) -> str:
    """Hash of the toolset of cases."""
    tools = {name: (spec.description, None if spec.custom else tool_schema(spec)) for name, spec in agent.tools.items()}
    return _hash(json.dumps([tools, agent.mcp.name, agent.apis], sort_keys=True))


class _Fingerprinted(Protocol):
    """The interface of objects that can be compared."""

    @property
    def agents(self) -> Mapping[str, str]: ...
    @property
    def fingerprints(self) -> Mapping[str, Sequence[AgentPrint]]: ...
    @property
    def words(self) -> Mapping[str, str]: ...


def reshaped(before: _Fingerprinted, after: _Fingerprinted) -> Iterator[str]:
    """Texts about agents that changed without a new version.

    Faces are compared that were shown in the same tasks, and tell only where none is as before.
    """
    for agent, every in before.fingerprints.items():
        old, new = _in_same_tasks(every, after.fingerprints.get(agent, ()))
        if not new or before.agents.get(agent) != after.agents.get(agent):
            continue
        changed = [
            name
            for what, name in (("tools", "tools"), ("system", "prompt"))
            if not {getattr(face, what) for face in old} & {getattr(face, what) for face in new}
        ]
        if changed:
            parts = " and ".join(changed)
            yield f"{agent}'s {parts} changed although its version ({after.agents.get(agent)}) did not"
    for agent, hashed in before.words.items():
        if after.words.get(agent, hashed) != hashed:
            yield f"the tools of {agent}, which cases use, have changed"


def _in_same_tasks(old: Sequence[AgentPrint], new: Sequence[AgentPrint]) -> tuple[list[AgentPrint], list[AgentPrint]]:
    tasks = {task for face in old for task in face.tasks} & {task for face in new for task in face.tasks}
    return [face for face in old if tasks & {*face.tasks}], [face for face in new if tasks & {*face.tasks}]


def renamed(before: Mapping[str, Sequence[str]], after: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Texts about new values that the server reports. Fields with ever new values are ignored."""
    for name, new in after.items():
        old = before.get(name, ())
        if not old or MANY in old or MANY in new:
            continue
        if fresh := [value for value in new if value not in old]:
            yield f"the server names another {name}: {', '.join(fresh)} (before: {', '.join(old)})"


def _tool(tool: Tool) -> list[Any]:
    return [tool.flat_name, tool.description, tool.parameters, tool.grammar, tool.raw if tool.server else None]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
