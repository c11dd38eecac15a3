"""Requests as real agents send them, with the recorded fields, headers, tools and form of history of each agent.

``fixtures/wire/first-requests/AGENT.json`` holds the first request of every agent, as ``scripts/first-requests`` writes
it. Prose is replaced by its length, and ``history`` describes how the agent sends an answer and its results back.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Literal

from pydantic import Field

from toolworthy import content, wire
from toolworthy.base.loading import Strict
from toolworthy.content import adapters
from toolworthy.content.adapters import Action
from toolworthy.content.toolset import ways
from toolworthy.wire.ir import Api, Dialect, Message, Request, Text, ToolResult
from toolworthy.wire.lenient import as_dict, as_list
from toolworthy.work.probes._channel import user
from toolworthy.work.probes.answer import Answer

_RECORDS = content.FIXTURES / "wire" / "first-requests"
_FILLER = "The quick brown fox jumps over the lazy dog and looks for the file that was named in the task. "
_BRIEF = 60
"""Characters of each piece of prose in a brief request: servers fail on fields, rarely on prose."""
_LONG_ENOUGH = 1_100
"""Characters of the one description that stays long: some servers accept at most 1,024."""


class History(Strict):
    """How an agent sends back the endpoint's answers and its tools' results."""

    about: str = ""
    """The same in words."""
    empty_content: Literal["null", "text", "list", "absent"] = "null"
    """Chat: ``content`` of a message that only calls: null, ``""``, ``[]``, or absent."""
    message_fields: dict[str, Any] = Field(default_factory=dict)
    """Chat: additional fields of every assistant message."""
    call_fields: dict[str, Any] = Field(default_factory=dict)
    """Chat: additional fields of every call."""
    reasoning: Literal["echo", "always", "drop"] = "echo"
    """Chat: whether reasoning is sent back as received; in every assistant message, even if empty; or never."""
    result_parts: bool = False
    """Chat: whether a result is a list of parts, not a string."""
    result_names: bool = False
    """Chat: whether a result has the tool's name."""
    plain_ids: bool = False
    """Whether it removes all characters of call ids except letters and digits."""
    keeps_last: bool = False
    """Whether the last message of the first request stays the last one."""
    marks_result: bool = False
    """Messages: whether the newest result has ``cache_control``."""
    items: bool = False
    """Responses: whether items are sent back as received, with ``id`` and ``status``."""


class FirstRequest(Strict):
    """The first request of one agent."""

    agent: str
    version: str
    about: str = ""
    """What is unusual in it."""
    query: str
    headers: dict[str, str]
    body: dict[str, Any]
    history: History = History()

    @property
    def api(self) -> Api:
        """The agent's wire API."""
        return adapters.agent(self.agent).apis[0]


@cache
def recorded(agent: str) -> FirstRequest:
    """The record of an agent.

    Raises:
        OSError: there is no record of this agent.
    """
    return FirstRequest.model_validate_json((_RECORDS / f"{agent}.json").read_bytes())


def agents_recorded() -> list[str]:
    """The agents with a record."""
    return sorted(path.stem for path in _RECORDS.glob("*.json"))


def senders(has: Callable[[FirstRequest], bool]) -> tuple[str, ...]:
    """The agents whose record satisfies a condition."""
    return tuple(agent for agent in agents_recorded() if has(recorded(agent)))


class Conversation:
    """A conversation in the form of an agent's requests, from the first one on.

    Args:
        agent: its id.
        model: the requested model.
        order: a last user message.
        brief: whether prose is cut to a few words.
    """

    def __init__(self, agent: str, model: str, order: str, *, brief: bool) -> None:
        self.record = recorded(agent)
        body = _filled(self.record.body, _BRIEF if brief else None)
        if brief and body.get("tools"):
            _lengthen(body["tools"], self.record.body["tools"])
        self._field = wire.api(self.record.api).conversation
        first: list[Any] = body[self._field]
        self._tail = [first.pop()] if self.record.history.keeps_last else []
        self._body = {**body, "model": model}
        self._messages = [*first, *self._rendered(user(order))]
        self.results = 0
        """The number of results sent back."""

    @property
    def body(self) -> dict[str, Any]:
        """The JSON of the next request."""
        return {**self._body, self._field: copy.deepcopy([*self._messages, *self._tail])}

    def asked(self, order: str) -> dict[str, Any]:
        """The JSON of the next request, with a last user message."""
        return {**self.body, self._field: [*self.body[self._field], *self._rendered(user(order))]}

    def call(self, action: Action, values: Mapping[str, str]) -> tuple[str, Any]:
        """A call of one of the agent's tools for an action: name and arguments (for a free-form tool, its text).

        Args:
            action: the action.
            values: as in :func:`toolworthy.content.toolset.ways`.
        """
        tools = wire.api(self.record.api).parse_request(self._body).tools
        way = ways(action, values, tools, adapters.agent(self.record.agent))[0]
        return way.tool, {"input": way.arguments} if way.custom else json.loads(way.arguments)

    def go_on(self, answer: Answer, result: str) -> None:
        """Append an answer, and the same result for each of its calls, as the agent sends them back."""
        shape = self.record.history
        given = tuple(ToolResult(call.id, (Text(result),), custom=call.custom) for call in answer.calls)
        entries = self._rendered(Message("assistant", answer.response.parts), Message("tool", given))
        if shape.items and (items := _items(answer)):
            entries = [*items, *(entry for entry in entries if str(entry.get("type")).endswith("_output"))]
        self.results += len(given)
        if shape.marks_result:
            _unmark(self._messages)
        names = {call.id: call.name for call in answer.calls}
        self._messages += [_shaped(as_dict(entry), shape, names) for entry in entries]
        if shape.marks_result:
            as_list(self._messages[-1]["content"])[-1]["cache_control"] = {"type": "ephemeral"}

    def _rendered(self, *messages: Message) -> list[Any]:
        """Messages as entries of the conversation in the agent's API."""
        request = Request(model=str(self._body["model"]), messages=messages)
        body = wire.api(self.record.api).render_request(request, Dialect(unsigned_thinking=True)).body
        return as_list(body[self._field])


def _items(answer: Answer) -> list[dict[str, Any]]:
    """The items of a Responses stream, as in the events that end them."""
    done = (event for event in answer.events if event.type == "response.output_item.done")
    return [dict(as_dict(event.value.get("item"))) for event in done]


_EMPTY: dict[str, Any] = {"null": None, "text": "", "list": []}


def _shaped(entry: Mapping[str, Any], shape: History, names: Mapping[str, str]) -> dict[str, Any]:
    """One entry of a history in the agent's form; `names` has the tools' names by call id."""
    out = dict(entry)
    if out.get("role") == "assistant":
        out |= shape.message_fields
    if out.get("role") == "assistant" and "tool_calls" in out:
        out["tool_calls"] = [{**call, **shape.call_fields} for call in out["tool_calls"]]
        if not out.get("content"):
            out.pop("content", None)
            out |= {} if shape.empty_content == "absent" else {"content": _EMPTY[shape.empty_content]}
        if shape.reasoning == "always":
            out.setdefault("reasoning_content", "")
        if shape.reasoning == "drop":
            out = {name: value for name, value in out.items() if not name.startswith("reasoning")}
    if out.get("role") == "tool" and shape.result_names:
        out["name"] = names.get(str(out.get("tool_call_id")), "")
    if out.get("role") == "tool" and shape.result_parts and isinstance(out.get("content"), str):
        out["content"] = [{"type": "text", "text": out["content"]}]
    return _with_plain_ids(out) if shape.plain_ids else out


def _with_plain_ids(entry: dict[str, Any]) -> dict[str, Any]:
    def without_marks(value: object) -> str:
        return re.sub(r"[^A-Za-z0-9]", "", str(value))

    if "tool_call_id" in entry:
        entry["tool_call_id"] = without_marks(entry["tool_call_id"])
    if "tool_calls" in entry:
        entry["tool_calls"] = [{**call, "id": without_marks(call.get("id"))} for call in entry["tool_calls"]]
    return entry


def _unmark(messages: list[Any]) -> None:
    for message in messages:
        for block in as_list(as_dict(message).get("content")):
            if isinstance(block, dict) and block.get("type") == "tool_result":
                block.pop("cache_control", None)


def _lengthen(tools: list[Any], recorded_tools: list[Any]) -> None:
    """Give the tool with the longest recorded description a long one again."""

    def size(tool: Any) -> int:
        description = as_dict(as_dict(tool).get("function") or tool).get("description")
        return int(description["filler"]) if isinstance(description, dict) else 0

    if "functionDeclarations" in as_dict(tools[0]):
        tools, recorded_tools = tools[0]["functionDeclarations"], recorded_tools[0]["functionDeclarations"]
    longest = max(range(len(tools)), key=lambda at: size(recorded_tools[at]))
    if size(recorded_tools[longest]) > _LONG_ENOUGH:
        (tools[longest].get("function") or tools[longest])["description"] = _filled({"filler": _LONG_ENOUGH}, None)


def _filled(value: Any, longest: int | None) -> Any:
    """`value` with prose of the recorded length, or of at most `longest` characters."""
    if isinstance(value, dict):
        if set(value) == {"filler"}:
            size = value["filler"] if longest is None else min(longest, value["filler"])
            return (_FILLER * (size // len(_FILLER) + 1))[:size]
        return {name: _filled(inner, longest) for name, inner in value.items()}
    return [_filled(inner, longest) for inner in value] if isinstance(value, list) else value
