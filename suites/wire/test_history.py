"""Odd but real histories: what agents send back after an interruption, a switch of models, or years of habit."""

import json
from dataclasses import replace
from typing import Any

from toolworthy.wire.ir import Message, Text, Thinking, ToolCall
from toolworthy.wire.lenient import as_list
from toolworthy.work.probes import EVERY_AGENT, Ask, Broken, Rejected, Unmeasured, probe, senders
from toolworthy.work.probes.answer import accept
from toolworthy.work.probes.ask import user
from toolworthy.work.probes.material import SOURCE, TOOLS, called, results

CALL = ("call_a1b2c3", "read_file", {"path": "src/app.py"})
SAY = "Reply with exactly: Hello."


def conversation(ask: Ask) -> dict[str, Any]:
    """A request with a call and its result in the history."""
    return ask.body(ask.request(user("Read it."), called(CALL), results((CALL[0], "x = 1")), user(SAY), tools=TOOLS))


@probe("an empty list of calls", "chat", modes="whole", severity="degrades", situation="field")
async def test_empty_calls(ask: Ask) -> None:
    """``tool_calls: []`` in an assistant's message that only talks."""
    body = ask.body(ask.request(user("Hello."), Message("assistant", (Text("Hello!"),)), user(SAY)))
    for entry in body["messages"]:
        if entry["role"] == "assistant":
            entry["tool_calls"] = []
    await ask.accepted(body)


@probe("an empty text part", "chat", "messages", modes="whole", severity="degrades", situation="field")
async def test_empty_text_part(ask: Ask) -> None:
    """``{"type": "text", "text": ""}``, left by an agent that split its message. Anthropic refuses it, in words."""
    body = ask.body(ask.request(user("x")))
    parts = [{"type": "text", "text": ""}, {"type": "text", "text": SAY}]
    await ask.accepted({**body, "messages": [{"role": "user", "content": parts}]})


@probe(
    "a result with the tool's name",
    "chat",
    modes="stream",
    severity="degrades",
    agents=("qwen-code", "openclaw", *senders(lambda record: record.history.result_names)),
    situation="field",
)
async def test_tool_result_name(ask: Ask) -> None:
    """``name`` beside ``tool_call_id``, as the older function messages had it."""
    body = conversation(ask)
    for entry in body["messages"]:
        if entry["role"] == "tool":
            entry["name"] = CALL[1]
    await ask.accepted(body)


@probe("reasoning as a content part", "chat", modes="whole", severity="cosmetic", situation="other-endpoint")
async def test_reasoning_parts(ask: Ask) -> None:
    """An assistant's content with a part of type reasoning, as one library writes it."""
    body = ask.body(ask.request(user("Hello."), Message("assistant", (Text("Hello!"),)), user(SAY)))
    for entry in body["messages"]:
        if entry["role"] == "assistant":
            entry["content"] = [{"type": "reasoning", "text": "A greeting."}, {"type": "text", "text": "Hello!"}]
    await ask.accepted(body)


@probe(
    "text after a call",
    "messages",
    modes="stream",
    severity="degrades",
    agents=("claude-code",),
    situation="interrupted-turn",
)
async def test_text_after_call(ask: Ask) -> None:
    """The model called first and talked then; so it goes back."""
    reply = Message("assistant", (ToolCall(CALL[0], CALL[1], json.dumps(CALL[2])), Text("I am reading it.")))
    await ask.accepted(ask.request(user("Read it."), reply, results((CALL[0], "x = 1")), user(SAY), tools=TOOLS))


@probe(
    "a message between a call and its output",
    "responses",
    modes="stream",
    severity="blocks",
    agents=("codex",),
    situation="interrupted-turn",
)
async def test_message_before_output(ask: Ask) -> None:
    """A note of the agent's, or what the user typed meanwhile, stands between a call and its output."""
    body = conversation(ask)
    at = next(number for number, item in enumerate(body["input"]) if item.get("type") == "function_call_output")
    note = {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Be brief."}]}
    message = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Go on."}]}
    for between in (note, message):
        await ask.accepted({**body, "input": [*body["input"][:at], between, *body["input"][at:]]})


@probe(
    "text next to tool results",
    "messages",
    modes="stream",
    severity="blocks",
    agents=("claude-code",),
    situation="field",
)
async def test_text_beside_results(ask: Ask) -> None:
    """Claude Code puts reminders into the message that holds the results."""
    body = conversation(ask)
    for entry in body["messages"]:
        blocks = as_list(entry["content"])
        if any(block.get("type") == "tool_result" for block in blocks if isinstance(block, dict)):
            entry["content"] = [*blocks, {"type": "text", "text": "<system-reminder>Be brief.</system-reminder>"}]
    await ask.accepted(body)


@probe("a document", "messages", modes="stream", severity="degrades", agents=("claude-code",), situation="image")
async def test_document_input(ask: Ask) -> None:
    """A text document as a block. A model without eyes for it must say so."""
    source = {"type": "text", "media_type": "text/plain", "data": "A page."}
    content = [{"type": "document", "source": source}, {"type": "text", "text": SAY}]
    body = ask.body(ask.request(user("x")))
    await ask.accepted({**body, "messages": [{"role": "user", "content": content}]})


@probe(
    "fields of newer tools",
    "messages",
    modes="stream",
    severity="degrades",
    agents=("claude-code",),
    situation="known-model",
)
async def test_tool_fields(ask: Ask) -> None:
    """``defer_loading``, ``input_examples``, ``eager_input_streaming``, ``strict``: Claude Code sends them to some."""
    body = ask.body(ask.request(user(SAY), tools=TOOLS))
    extra = {"eager_input_streaming": True, "input_examples": [{"path": "a.py"}], "strict": False}
    body["tools"][0] |= extra
    await ask.accepted(body)


@probe(
    "cache_control with a scope",
    "messages",
    modes="stream",
    severity="degrades",
    agents=("claude-code",),
    situation="known-model",
)
async def test_cache_control_scope(ask: Ask) -> None:
    """``scope: "global"``, which Claude Code sends where it believes to talk to Anthropic."""
    block = {"type": "text", "text": "You are brief.", "cache_control": {"type": "ephemeral", "scope": "global"}}
    await ask.says("Hello.", fields={"system": [block]})


@probe(
    "strict tools with a loose schema",
    "chat",
    "responses",
    modes="whole",
    severity="cosmetic",
    situation="unusual-schema",
)
async def test_schema_strict_loose(ask: Ask) -> None:
    """``strict: true`` without ``additionalProperties: false``: OpenAI refuses it, in words."""
    tools = tuple(replace(tool, strict=True) for tool in TOOLS)
    await ask.accepted(ask.request(user(SAY), tools=tools))


@probe("256 tools", modes="whole", severity="degrades", situation="many-tools")
async def test_many_tools_256(ask: Ask) -> None:
    """More than OpenAI's own limit of 128, about 100 KiB of schemas."""
    made = tuple(
        replace(TOOLS[1], name=f"server_{number:03}_write", description="Writes a file into the workspace. " * 8)
        for number in range(256)
    )
    await ask.accepted(ask.request(user(SAY), tools=made))


@probe(
    "item ids from another endpoint",
    "responses",
    modes="stream",
    severity="degrades",
    agents=("codex",),
    situation="other-endpoint",
)
async def test_foreign_item_ids(ask: Ask) -> None:
    """A conversation that began elsewhere: items whose ids are not of the endpoint's form."""
    body = conversation(ask)
    for entry in body["input"]:
        if entry.get("type") == "function_call":
            entry["id"] = "call_1"
    await ask.accepted(body)


@probe(
    "a reasoning item with its summary only",
    "responses",
    modes="stream",
    severity="degrades",
    agents=("codex",),
    situation="other-endpoint",
)
async def test_reasoning_bare(ask: Ask) -> None:
    """A reasoning item without ``encrypted_content``, as other endpoints give it."""
    thought = Thinking("I should read the file.", "reasoning_item", None, "rs_0123456789")
    call = ToolCall(CALL[0], CALL[1], json.dumps(CALL[2]))
    history = (user("Read it."), Message("assistant", (thought, call)), results((CALL[0], "x = 1")), user(SAY))
    body = ask.body(ask.request(*history, tools=TOOLS))
    kept = [entry for entry in body["input"] if entry.get("type") != "reasoning"]
    item = {"type": "reasoning", "id": "rs_0123456789", "summary": [{"type": "summary_text", "text": thought.text}]}
    place = next(number for number, entry in enumerate(kept) if entry.get("type") == "function_call")
    await ask.accepted({**body, "input": [*kept[:place], item, *kept[place:]]})


@probe(
    "reasoning summary disabled",
    "responses",
    modes="stream",
    severity="degrades",
    agents=("codex",),
    situation="settings",
)
async def test_reasoning_summary(ask: Ask) -> None:
    """``reasoning.summary``: auto, and the word none that Codex sends."""
    for word in ("auto", "none"):
        await ask.says("Hello.", fields={"reasoning": {"effort": "low", "summary": word}})


@probe("prompt cache options", "responses", modes="whole", severity="cosmetic", situation="settings")
async def test_prompt_cache_options(ask: Ask) -> None:
    """``prompt_cache_retention`` and ``prompt_cache_options``."""
    await ask.says("Hello.", fields={"prompt_cache_retention": "24h"})
    await ask.says("Hello.", fields={"prompt_cache_options": {"mode": "auto"}})


@probe("a compressed request", "responses", "chat", modes="whole", severity="cosmetic", situation="known-model")
async def test_compressed_request(ask: Ask) -> None:
    """``content-encoding: zstd``, which Codex can use. Refused in words (415) is right too."""
    import zstandard

    data = zstandard.ZstdCompressor().compress(json.dumps(ask.body(ask.request(user(SAY)))).encode())
    accept(await ask.post(data, headers={"content-encoding": "zstd"}))


@probe(
    "a call when the context is nearly full",
    "chat",
    "messages",
    modes="stream",
    severity="degrades",
    situation="full-context",
)
async def test_full_context_call(ask: Ask) -> None:
    """At three quarters of the window a call still comes whole."""
    window = ask.endpoint.context
    if window is None or window > 400_000:
        raise Unmeasured("the context window is unknown or too large to fill")
    filler = "line of a file that was read\n" * (window // 10)
    await ask.calls((CALL[1], CALL[2]), before=(user(filler), Message("assistant", (Text("I see."),))))


async def authenticated(ask: Ask, header: str, value: str) -> None:
    """The key is taken in this header."""
    if not ask.endpoint.key:
        raise Unmeasured("this endpoint uses no key")
    body = ask.body(ask.request(user(SAY), stream=False))
    url, sent = ask.endpoint.sent(ask.api, body)
    status = (await ask.direct("POST", url, sent, {header: value.format(ask.endpoint.key)})).status
    if status in (401, 403):
        raise Rejected(f"HTTP {status}")
    if status >= 500:
        raise Broken(f"HTTP {status}")


@probe(
    "the key in x-api-key", "messages", modes="none", severity="degrades", agents=("claude-code",), situation="field"
)
async def test_x_api_key_auth(ask: Ask) -> None:
    """As Claude Code sends ANTHROPIC_API_KEY."""
    await authenticated(ask, "x-api-key", "{}")


@probe(
    "the key as a bearer token",
    "messages",
    modes="none",
    severity="degrades",
    agents=("claude-code",),
    situation="field",
)
async def test_bearer_auth(ask: Ask) -> None:
    """As Claude Code sends ANTHROPIC_AUTH_TOKEN."""
    await authenticated(ask, "authorization", "Bearer {}")


@probe("long code in the history", modes="stream", severity="degrades", agents=EVERY_AGENT)
async def test_history_of_edits(ask: Ask) -> None:
    """Ten calls and results, as after half an hour of work."""
    history = [
        part
        for number in range(10)
        for part in (
            called((f"call_{number}", "write_file", {"path": f"a{number}.py", "content": SOURCE})),
            results((f"call_{number}", "ok")),
        )
    ]
    await ask.accepted(ask.request(user("Write ten files."), *history, user(SAY), tools=TOOLS))
