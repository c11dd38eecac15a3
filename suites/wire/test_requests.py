"""Fields and headers of a request that agents send: taken, refused in words, or the end of the session?"""

from dataclasses import replace
from typing import Any

from toolworthy.wire.lenient import as_dict
from toolworthy.work.probes import EVERY_AGENT, Ask, Broken, Ignored, Together, Unmeasured, probe, senders
from toolworthy.work.probes.ask import user
from toolworthy.work.probes.material import CODE, TOOLS, WRITE, orders

SAY = "Reply with exactly: Hello."
BETA = "claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27"
FIELDS = Together("fields", lambda ask: ask.request(SAY, tools=TOOLS))
"""What endpoints rarely refuse; what many refuse, in words, is asked alone."""


async def taken(ask: Ask, **fields: Any) -> None:
    """A plain request with these fields is answered with text."""
    await ask.says("Hello.", fields=fields)


@probe("an unknown field", modes="stream", severity="degrades", agents=EVERY_AGENT, situation="field")
async def test_unknown_parameter(ask: Ask) -> None:
    """Clients are newer than servers. OpenAI and Anthropic refuse what they do not know; most others take it."""
    await taken(ask, a_field_of_tomorrow={"on": True})


@probe(
    "temperature and top_p",
    modes="stream",
    severity="degrades",
    agents=("opencode", "openclaw", "qwen-code"),
    situation="settings",
)
async def test_sampling_parameters(ask: Ask) -> None:
    """Reasoning models refuse them, in words."""
    await taken(ask, temperature=0.2, top_p=0.9)


@FIELDS.trait("a seed", "chat", severity="cosmetic", situation="settings")
def test_seed(body: dict[str, Any]) -> None:
    """For answers that can be repeated."""
    body["seed"] = 7


@FIELDS.trait("penalties", "chat", severity="cosmetic", situation="settings")
def test_penalties(body: dict[str, Any]) -> None:
    """``frequency_penalty`` and ``presence_penalty``."""
    body |= {"frequency_penalty": 0.1, "presence_penalty": 0.1}


@FIELDS.trait("the user field", "chat", "responses", severity="cosmetic", situation="field")
def test_user_field(body: dict[str, Any]) -> None:
    """Who asks."""
    body["user"] = "someone-1"


@FIELDS.trait("the field metadata", severity="degrades", agents=("claude-code",), situation="field")
def test_metadata(body: dict[str, Any]) -> None:
    """Claude Code sends ``metadata.user_id``."""
    body["metadata"] = {"user_id": "user_abc"}


@FIELDS.trait(
    "store: false",
    "chat",
    "responses",
    severity="blocks",
    agents=("codex", "openclaw"),
    situation="field",
)
def test_store_false(body: dict[str, Any]) -> None:
    """Codex keeps nothing at the server."""
    body["store"] = False


@probe(
    "usage in streams on request",
    "chat",
    modes="stream",
    severity="degrades",
    agents=("opencode", "qwen-code", "openclaw"),
    situation="token-counts",
)
async def test_stream_options(ask: Ask) -> None:
    """``stream_options.include_usage``: the usage comes in a last chunk."""
    answer = await ask.says("Hello.", fields={"stream_options": {"include_usage": True}})
    if answer.response.usage is None:
        raise Ignored("the response has no usage")


@probe("streaming without stream_options", "chat", modes="stream", severity="degrades", situation="field")
async def test_stream_options_absent(ask: Ask) -> None:
    """A stream works without asking for usage."""
    body = ask.body(ask.request(user("Reply with exactly: Hello.")))
    body.pop("stream_options", None)
    await ask.accepted(body)


@FIELDS.trait(
    "search_parameters",
    "chat",
    severity="blocks",
    agents=senders(lambda record: "search_parameters" in record.body),
    situation="field",
)
def test_search_parameters(body: dict[str, Any]) -> None:
    """xAI's switch for its search on the web, which Grok CLI sends to every endpoint."""
    body["search_parameters"] = {"mode": "off"}


@FIELDS.trait("service_tier", severity="cosmetic", situation="field")
def test_service_tier(body: dict[str, Any]) -> None:
    """``auto``."""
    body["service_tier"] = "auto"


@FIELDS.trait(
    "prompt_cache_key",
    "chat",
    "responses",
    severity="degrades",
    agents=("opencode", *senders(lambda record: "prompt_cache_key" in record.body)),
    situation="field",
)
def test_prompt_cache_key(body: dict[str, Any]) -> None:
    """Codex sends one for every session."""
    body["prompt_cache_key"] = "session-1"


@probe("log probabilities", "chat", modes="whole", severity="cosmetic", situation="field")
async def test_logprobs(ask: Ask) -> None:
    """``logprobs: true``."""
    await taken(ask, logprobs=True, top_logprobs=2)


@FIELDS.trait(
    "parallel_tool_calls: true",
    "chat",
    "responses",
    severity="degrades",
    agents=("codex",),
    situation="field",
)
def test_parallel_enabled(body: dict[str, Any]) -> None:
    """Said aloud, beside tools."""
    body["parallel_tool_calls"] = True


@probe(
    "an empty list of tools",
    "chat",
    "messages",
    modes="stream",
    severity="degrades",
    agents=("claude-code",),
    situation="compaction",
)
async def test_tools_empty(ask: Ask) -> None:
    """``tools: []`` in side requests."""
    await taken(ask, tools=[])


@FIELDS.trait(
    "cache_control",
    "messages",
    severity="blocks",
    agents=("claude-code", "openclaw"),
    situation="field",
)
def test_cache_control(body: dict[str, Any]) -> None:
    """On system blocks, messages and tools."""
    mark = {"type": "ephemeral"}
    body["system"] = [{"type": "text", "text": text} for text in ("You are brief.", "You write code.")]
    body["system"][-1]["cache_control"] = body["tools"][-1]["cache_control"] = mark
    body["messages"] = [{"role": "user", "content": [{"type": "text", "text": SAY, "cache_control": mark}]}]


@FIELDS.trait(
    "cache_control for an hour",
    "messages",
    severity="degrades",
    agents=("claude-code",),
    situation="known-model",
)
def test_cache_control_ttl(body: dict[str, Any]) -> None:
    """``ttl: "1h"``."""
    mark = {"type": "ephemeral", "ttl": "1h"}
    body["system"] = [{"type": "text", "text": "You are careful.", "cache_control": mark}, *body.get("system", [])]


@probe(
    "a system prompt in blocks",
    "messages",
    modes="stream",
    severity="blocks",
    agents=("claude-code",),
    situation="field",
)
async def test_system_blocks(ask: Ask) -> None:
    """Several blocks, all of which count."""
    blocks = [{"type": "text", "text": text} for text in ("You are brief.", CODE, "You write code.")]
    await ask.knows(user("Hello."), fields={"system": blocks})


@FIELDS.trait(
    "the header anthropic-beta and ?beta=true",
    "messages",
    headers={"anthropic-beta": BETA},
    query="beta=true",
    severity="blocks",
    agents=("claude-code",),
    situation="field",
)
def test_beta_header(body: dict[str, Any]) -> None:
    """Claude Code sends both with every request."""


@FIELDS.trait(
    "context_management",
    "messages",
    headers={"anthropic-beta": "context-management-2025-06-27"},
    severity="blocks",
    agents=("claude-code",),
    situation="field",
)
def test_context_management(body: dict[str, Any]) -> None:
    """Claude Code asks for old thinking to be cleared."""
    body["context_management"] = {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}


@FIELDS.trait(
    "output_config",
    "messages",
    headers={"anthropic-beta": "effort-2025-11-24"},
    severity="degrades",
    agents=("claude-code",),
    situation="field",
)
def test_output_config(body: dict[str, Any]) -> None:
    """``output_config.effort``."""
    body["output_config"] = {"effort": "medium"}


@probe(
    "adaptive thinking", "messages", modes="stream-first", severity="blocks", agents=("claude-code",), situation="field"
)
async def test_thinking_adaptive(ask: Ask) -> None:
    """``thinking: {"type": "adaptive"}``, as Claude Code sends it to new models."""
    await taken(ask, thinking={"type": "adaptive"})


@probe("an Anthropic model name", "messages", modes="whole", severity="cosmetic", situation="side-request")
async def test_foreign_model(ask: Ask) -> None:
    """Some servers map ``claude-*`` to their own model; refusing it in words is right too."""
    await taken(ask, model="claude-haiku-4-5")


@FIELDS.trait("the field include", "responses", severity="blocks", agents=("codex",), situation="field")
def test_include_field(body: dict[str, Any]) -> None:
    """``reasoning.encrypted_content``, which Codex asks for always."""
    body["include"] = ["reasoning.encrypted_content"]


@FIELDS.trait("text.verbosity", "responses", severity="degrades", agents=("codex",), situation="known-model")
def test_text_verbosity(body: dict[str, Any]) -> None:
    """Codex sends it for models that it knows."""
    body["text"] = {"verbosity": "low"}


@FIELDS.trait("the field truncation", "responses", severity="cosmetic", situation="field")
def test_truncation(body: dict[str, Any]) -> None:
    """``auto``: the server may drop old turns."""
    body["truncation"] = "auto"


@probe(
    "the field instructions", "responses", modes="stream", severity="blocks", agents=("codex",), situation="known-model"
)
async def test_instructions(ask: Ask) -> None:
    """The system prompt's place in Responses."""
    await ask.knows(user("Hello."), fields={"instructions": f"You are brief. {CODE}"})


@probe("input as a string", "responses", modes="whole", severity="degrades", situation="field")
async def test_input_string(ask: Ask) -> None:
    """The shortest form."""
    await taken(ask, input="Reply with exactly: Hello.")


@FIELDS.trait(
    "input items without type",
    "responses",
    severity="degrades",
    agents=("openclaw", "opencode"),
    situation="field",
)
def test_easy_input(body: dict[str, Any]) -> None:
    """``{"role": "user", "content": "…"}``: the short form of a message."""
    body["input"] = [{"role": "user", "content": SAY}]


@probe("previous_response_id", "responses", modes="whole", severity="cosmetic", situation="field")
async def test_previous_response_id(ask: Ask) -> None:
    """State at the server. Refused in words is right too; taken and forgotten is not."""
    body = ask.body(ask.request(user(f"{CODE} Reply with exactly: Hello.")))
    first = await ask.accepted({**body, "store": True})
    again = ask.body(ask.request(user("Reply with nothing but the code word that you were told.")))
    answer = await ask.accepted({**again, "previous_response_id": first.response.id})
    if "kestrel-47" not in answer.text:
        if not ask.surface.obeys:
            raise Unmeasured("the model does not repeat what the prompt demands")
        raise Ignored("the model does not know the earlier turn")


@FIELDS.trait(
    "a server tool",
    "messages",
    "responses",
    severity="degrades",
    agents=("codex",),
    situation="field",
)
def test_server_tools(body: dict[str, Any]) -> None:
    """Web search is offered beside the agent's tools; a server without it must not fail."""
    named = {"type": "web_search_20250305", "name": "web_search"}
    body["tools"].append(named if "messages" in body else {"type": "web_search"})


@probe(
    "a custom tool", "responses", modes="stream-first", severity="blocks", agents=("codex",), situation="known-model"
)
async def test_custom_tool(ask: Ask) -> None:
    """Codex edits files by ``apply_patch``, whose argument is free text with a grammar."""
    grammar = {"type": "grammar", "syntax": "lark", "definition": 'start: "*** Begin Patch" /(.|\\n)+/'}
    tool = {"type": "custom", "name": "apply_patch", "description": "Edits files.", "format": grammar}
    body = ask.body(
        ask.request(
            user(
                orders([("apply_patch", {"input": "*** Begin Patch\n*** End Patch"})]),
            ),
            tools=TOOLS,
        )
    )
    answer = await ask.accepted({**body, "tools": [*body["tools"], tool]})
    if not answer.calls:
        if "*** Begin Patch" in answer.text:
            raise Ignored("the text contains what should be the call's argument")
        raise Unmeasured("the model made no call")
    if answer.calls[0].name != "apply_patch":
        raise Unmeasured(f"the model called {answer.calls[0].name}")
    if not answer.calls[0].custom:
        raise Ignored("the call is a function call, which Codex does not accept")
    if not answer.calls[0].arguments.lstrip().startswith("*** Begin Patch"):
        raise Ignored(f"the argument does not match the grammar: {answer.calls[0].arguments[:80]!r}")


@probe(
    "tools in a namespace",
    "responses",
    modes="stream-first",
    severity="degrades",
    agents=("codex",),
    situation="unusual-schema",
)
async def test_namespace_tools(ask: Ask) -> None:
    """Codex groups its tools: ``{"type": "namespace", "name": …, "tools": […]}``."""
    tools = (TOOLS[0], replace(WRITE, namespace="files"))
    try:
        answer = await ask.calls(("write_file", {"path": "a", "content": "b"}), tools=tools)
    except Unmeasured as why:
        raise (Ignored(f"tools in a namespace are not called: {why}") if ask.surface.calls.made else why) from why
    if answer.calls[0].namespace != "files":
        raise Broken("the call has no namespace")


@probe("a custom tool, chat", "chat", modes="whole", severity="cosmetic", situation="field")
async def test_custom_tool_chat(ask: Ask) -> None:
    """``{"type": "custom"}`` beside functions, as OpenAI's chat has it."""
    body = ask.body(ask.request(user("Reply with exactly: Hello."), tools=TOOLS))
    tool = {"type": "custom", "custom": {"name": "apply_patch", "description": "Edits files."}}
    await ask.accepted({**body, "tools": [*body["tools"], tool]})


@probe("enable_thinking", "chat", modes="whole", severity="cosmetic", situation="settings")
async def test_enable_thinking(ask: Ask) -> None:
    """Qwen's switch, which clients send to whoever serves a model of its name."""
    await taken(ask, enable_thinking=False)


@FIELDS.trait("strict: null in tools", "chat", "responses", severity="degrades", situation="field")
def test_strict_null(body: dict[str, Any]) -> None:
    """Clients that fill every field send null for what they do not mean."""
    for tool in body["tools"]:
        as_dict(tool.get("function") or tool)["strict"] = None


@probe("a request with whitespace and escapes", modes="whole", severity="cosmetic", situation="field")
async def test_pretty_json(ask: Ask) -> None:
    """JSON with white space and escapes of every kind is still JSON."""
    import json

    body = ask.body(ask.request(user("Reply with exactly: Hello.")))
    answer = await ask.post(json.dumps(body, indent=4).encode())
    if not answer.text.strip():
        from toolworthy.work.probes.ask import accept

        accept(answer)
        raise Unmeasured("the response has no text")
