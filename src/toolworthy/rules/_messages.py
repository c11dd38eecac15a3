"""Rules over the events of an Anthropic Messages stream."""

from __future__ import annotations

import json
from functools import partial

from toolworthy.rules import model
from toolworthy.rules.model import Violations
from toolworthy.rules.view import View, wrong
from toolworthy.wire.failure import event_failure
from toolworthy.wire.lenient import as_dict, as_int, as_key, as_list, parse_json

rule = partial(model.rule, area="Messages streams")

_SPEC = "https://docs.anthropic.com/en/docs/build-with-claude/streaming"
_DELTA_OF = {
    "text": {"text_delta", "citations_delta"},
    "thinking": {"thinking_delta", "signature_delta"},
    "tool_use": {"input_json_delta"},
}


@rule(
    "TW401",
    "no message_stop",
    "degrades",
    source="tombii/better-ccflare#307",
    right='After message_delta the stream ends with event: message_stop and data: {"type": "message_stop"}.',
)
def no_stop(view: View) -> Violations:
    """The stream ends without its last event. Claude Code retries the whole request, or waits."""
    if view.events and view.answered and view.response.stop is not None:
        for _ in view.repairs("no-message-stop"):
            yield "message_stop never comes", view.tail()


@rule(
    "TW402",
    "message_start not once",
    "degrades",
    source="BerriAI/litellm#32357",
    right="Each stream has one message_start, as its first event but for pings.",
)
def starts(view: View) -> Violations:
    """A stream must begin with exactly one message_start."""
    count = sum(event.type == "message_start" for event in view.events)
    if view.events and view.answered and count != 1 and any(event.type != "ping" for event in view.events):
        yield f"message_start comes {count} times", view.events[0].data


@rule(
    "TW403",
    "block not opened or not closed",
    "blocks",
    source=_SPEC,
    right="Each block is opened by content_block_start, filled by deltas and closed by content_block_stop, all with "
    'the same "index", before the next one begins.',
    follows=("TW418",),
)
def blocks(view: View) -> Violations:
    """Every content block needs its start, before any delta, and its stop. The SDK fails on a delta without a block; a
    tool call whose block is never closed is never run."""
    for detail, excerpt in view.repairs("missing-block-start", "missing-index", "index-reused"):
        yield f"{detail or 'a block has no index'}: not opened as it should be", excerpt
    started = {event.value.get("index") for event in view.events if event.type == "content_block_start"}
    stopped = {event.value.get("index") for event in view.events if event.type == "content_block_stop"}
    if view.answered and view.response.complete and started - stopped:
        yield "a content block is never closed", view.tail()


@rule(
    "TW404",
    "delta of another type than its block",
    "blocks",
    source="BerriAI/litellm#25212",
    right="Deltas fit their block: text_delta in text, thinking_delta and signature_delta in thinking, "
    "input_json_delta in tool_use; each kind has a block of its own.",
    follows=("TW405", "TW403", "TW418"),
)
def mismatch(view: View) -> Violations:
    """A thinking delta in a text block, or the like: the SDK drops it or fails."""
    kinds: dict[object, str] = {}
    for event in view.events:
        if event.type == "content_block_start":
            kinds[event.value.get("index")] = str(as_dict(event.value.get("content_block")).get("type"))
        elif event.type == "content_block_delta":
            kind = kinds.get(event.value.get("index"), "")
            delta = as_dict(event.value.get("delta")).get("type")
            if kind in _DELTA_OF and delta not in _DELTA_OF[kind]:
                yield f"{delta} in a block of type {kind}", event.data


@rule(
    "TW405",
    "events after message_stop",
    "degrades",
    source="anthropics/claude-code#67809",
    right="message_stop is the last event; every block, and message_delta with stop reason and usage, come before it.",
)
def late(view: View) -> Violations:
    """The answer is over, and goes on: what follows is lost, or ends up in the next answer."""
    types = [event.type for event in view.events]
    if "message_stop" in types and set(types[types.index("message_stop") + 1 :]) - {"", "ping"}:
        yield f"{types[types.index('message_stop') + 1]} follows message_stop", view.tail()


@rule(
    "TW406",
    "event without a name",
    "degrades",
    source=_SPEC,
    right='Each event has its type as its name, too: the line event: ping, and then data: {"type": "ping"}.',
    follows=("TW415", "TW416"),
)
def unnamed(view: View) -> Violations:
    """The SSE field ``event`` is missing; clients that go by it see no event at all."""
    for detail, excerpt in view.repairs("missing-event-name"):
        yield f"{detail} has no event field", excerpt


@rule(
    "TW407",
    "stop_reason null",
    "degrades",
    source="anthropics/claude-code#16785",
    right='The answer says why it ended: "stop_reason": "end_turn", "tool_use", "max_tokens" …; in a stream in '
    'message_delta, "delta": {"stop_reason": "end_turn"}.',
)
def null_stop(view: View) -> Violations:
    """The answer ends in order and does not say why. Agents that wait for ``tool_use`` do not run the calls."""
    if view.answered and view.response.stop is None and (view.whole or view.response.complete) and view.response.parts:
        yield "stop_reason is null or missing", view.tail()


@rule(
    "TW408",
    "marker of another API",
    "cosmetic",
    source=_SPEC,
    right="A stream of this API ends with message_stop and holds no [DONE].",
)
def done(view: View) -> Violations:
    """``data: [DONE]`` belongs to Chat Completions; strict readers of Messages fail to parse it."""
    for _ in view.repairs("done-marker"):
        yield "the stream holds [DONE]", view.tail()


@rule(
    "TW409",
    "unknown event or delta",
    "cosmetic",
    source=_SPEC,
    right="Events are message_start, message_delta, message_stop, content_block_start, content_block_delta, "
    "content_block_stop, ping or error; deltas fit their block.",
)
def unknown(view: View) -> Violations:
    """An event or delta that the API does not have."""
    for detail, excerpt in view.repairs("unknown-event", "unknown-delta"):
        yield f"{detail!r} is no event of this API", excerpt


@rule(
    "TW410",
    "input already in the block's start",
    "degrades",
    source="BerriAI/litellm#32357",
    right='content_block_start has "input": {}; the arguments follow in deltas: {"type": "input_json_delta", '
    '"partial_json": "…"}.',
)
def early_input(view: View) -> Violations:
    """The arguments of a call stand in content_block_start instead of deltas. The SDK starts from an empty input and
    runs the tool without arguments."""
    for _, excerpt in view.repairs("input-at-start"):
        yield "content_block_start holds the input", excerpt


@rule(
    "TW411",
    "message without its fields",
    "degrades",
    source="https://docs.anthropic.com/en/api/messages",
    right='A message has "id": "msg_a1", "type": "message", "role": "assistant", "content": […] and "usage": {…}, '
    "whole and in message_start.",
)
def fields(view: View) -> Violations:
    """``id``, ``type: message``, ``role: assistant`` and ``content`` are required; typed clients fail without."""
    starts = [as_dict(event.value.get("message")) for event in view.events if event.type == "message_start"]
    for message in starts[:1] or ([dict(view.whole)] if view.whole and view.answered else []):
        fine = {
            "id": isinstance(message.get("id"), str) and message.get("id"),
            "type": message.get("type") == "message",
            "role": message.get("role") == "assistant",
            "content": isinstance(message.get("content"), list),
            "usage": isinstance(message.get("usage"), dict),
        }
        if names := wrong(fine):
            yield f"wrong or missing: {names}", json.dumps(message, ensure_ascii=False)


@rule(
    "TW412",
    "nothing but pings",
    "degrades",
    source=_SPEC,
    right="Pings come between the events of a message, from message_start to message_stop; where there can be no "
    "message, an error event says why.",
)
def pings(view: View) -> Violations:
    """The stream holds keep-alives and no message."""
    if view.events and {event.type for event in view.events} == {"ping"}:
        yield f"{len(view.events)} pings and no message", view.tail()


@rule(
    "TW413",
    "thinking without a signature",
    "degrades",
    source="https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking",
    right='A thinking block has a signature: "signature": "…" in a whole answer; in a stream "" at its start, and a '
    "signature_delta before its end.",
)
def unsigned(view: View) -> Violations:
    """A thinking block lacks the field ``signature``. Typed clients demand it when the block is sent back."""
    blocks = [as_dict(block) for block in as_list(view.whole.get("content"))]
    blocks += [
        as_dict(event.value.get("content_block")) for event in view.events if event.type == "content_block_start"
    ]
    signed = any(as_dict(event.value.get("delta")).get("type") == "signature_delta" for event in view.events)
    if not signed and any(block.get("type") == "thinking" and "signature" not in block for block in blocks):
        yield "a thinking block has no signature", view.tail()


_RUN_BY_SERVER = ("web_search_", "web_fetch_", "code_execution_", "tool_search_tool_")
"""Beginnings of the types of tools that the endpoint runs itself; bash, editor and computer are the client's."""


@rule(
    "TW414",
    "server tool called as the client's",
    "degrades",
    source="https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/overview",
    right='The endpoint runs a tool of its own: a server_tool_use block ("id": "srvtoolu_a1"), then its result; '
    "tool_use is for tools of the client.",
    situation="side-request",
)
def server_tool(view: View) -> Violations:
    """The request offers a tool that the endpoint runs itself, a web search say, and the answer calls it by a plain
    ``tool_use``. No client has code for it: the agent reports an unknown tool, or an empty result."""
    tools = [as_dict(tool) for tool in as_list(view.asked.get("tools"))]
    own = {as_key(tool.get("name")) for tool in tools if str(tool.get("type") or "").startswith(_RUN_BY_SERVER)}
    for call in view.calls:
        if call.name in own:
            yield f"{call.name} is a tool of the server and is called by tool_use", call.arguments


@rule(
    "TW415",
    "event without a type",
    "degrades",
    source="anomalyco/opencode#23960",
    right='The JSON of every event has its type: {"type": "content_block_delta", …}, and of an error {"type": '
    '"error", "error": {…}}.',
)
def untyped(view: View) -> Violations:
    """The JSON of an event lacks ``type``, by which typed clients tell one event from another: they fail on it."""
    for event in view.events:
        if event.value and not event.type and not event_failure(event.value):
            yield "an event has no type", event.data


@rule(
    "TW416",
    "error in another API's shape",
    "degrades",
    source="https://docs.anthropic.com/en/api/errors",
    right='An error is {"type": "error", "error": {"type": "overloaded_error", "message": "…"}}, as a body and as an '
    "event.",
    situation="refused-request",
)
def error_shape(view: View) -> Violations:
    """An error is ``{"type": "error", "error": {"type", "message"}}``. Where the types are missing, agents cannot tell
    an overload, after which they may try again, from a request that will never do."""
    for event in view.events:
        if event.value and not event.type and event_failure(event.value):
            yield "an error inside the stream has no type", event.data
    errors = [dict(event.value) for event in view.events if event.type == "error"]
    if view.exchange.status is not None and view.exchange.status >= 400:
        errors.append(as_dict(parse_json(view.exchange.body)))
    for value in errors:
        error = as_dict(value.get("error"))
        if error.get("message") and not (value.get("type") == "error" and isinstance(error.get("type"), str)):
            yield "an error lacks the type that this API wants", json.dumps(value, ensure_ascii=False)


@rule(
    "TW417",
    "input tokens come late",
    "degrades",
    source="sgl-project/sglang#20678",
    right='message_start counts the input already: "usage": {"input_tokens": 812, "output_tokens": 1}, and beside it '
    '"cache_read_input_tokens" where a cache was used.',
    situation="token-counts",
    follows=("TW411",),
)
def late_usage(view: View) -> Violations:
    """message_start counts no input tokens, and the last events do. Agents that take the size of the context from the
    first event see an empty one and never compact."""
    first = [as_dict(as_dict(event.value.get("message")).get("usage")) for event in view.events[:2]]
    last = [as_dict(event.value.get("usage")) for event in view.events if event.type == "message_delta"]
    if any(event.type == "message_start" for event in view.events[:2]):
        begun, ended = max(map(_input, first)), max(map(_input, last), default=0)
        if ended and not begun:
            yield f"message_start counts no input tokens, message_delta {ended}", view.events[0].data


@rule(
    "TW418",
    "block index used again",
    "degrades",
    source="router-for-me/CLIProxyAPI#539",
    right="Blocks are numbered 0, 1, 2 in the order in which they begin, and no index is used again, not even after "
    "content_block_stop.",
)
def index_again(view: View) -> Violations:
    """A second block begins under the index of an earlier one. The SDK keeps blocks by their index: the later one takes
    the earlier one's place, or its deltas go to a block of another type."""
    begun: set[object] = set()
    for event in view.events:
        if event.type == "content_block_start" and event.value.get("index") is not None:
            if event.value["index"] in begun:
                yield f"a second block begins under the index {event.value['index']}", event.data
            begun.add(event.value["index"])


@rule(
    "TW419",
    "text already in the block's start",
    "degrades",
    source="Compresr-ai/Context-Gateway#30",
    right='A block begins empty, {"type": "text", "text": ""} or {"type": "thinking", "thinking": "", "signature": '
    '""}, and deltas bring all that is in it.',
)
def early_text(view: View) -> Violations:
    """What is thought or said stands in content_block_start instead of deltas. Agents that read deltas keep an empty
    block, and where it is one of thinking, are refused when they send it back."""
    for event in view.events:
        block = as_dict(event.value.get("content_block"))
        kind = block.get("type")
        if event.type == "content_block_start" and kind in ("text", "thinking") and block.get(kind):
            yield f"content_block_start holds the {kind}", event.data


def _input(usage: dict[str, object]) -> int:
    names = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    return sum(as_int(usage.get(name)) or 0 for name in names)
