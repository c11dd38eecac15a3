"""Limits and formats of an answer: token limits, stop strings, several choices, JSON."""

import json

from toolworthy import wire
from toolworthy.wire.ir import ToolChoice
from toolworthy.wire.lenient import as_dict, as_list, parse_json
from toolworthy.work.probes import EVERY_AGENT, Ask, Broken, Ignored, Unmeasured, probe
from toolworthy.work.probes.answer import accept
from toolworthy.work.probes.ask import user
from toolworthy.work.probes.material import SOURCE

LONG = "Reply with exactly: " + " ".join(f"word{number}" for number in range(200))
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "count": {"type": "integer"}},
    "required": ["name", "count"],
    "additionalProperties": False,
}


@probe("a token limit", severity="degrades", agents=EVERY_AGENT, situation="token-limit", tier="quick")
async def test_max_tokens(ask: Ask) -> None:
    """A long answer is cut, and says so by its stop reason."""
    answer = accept(await ask.send(ask.request(user(LONG), max_tokens=24)))
    if answer.response.stop == "length":
        return
    if len(answer.text) > 800:
        raise Ignored(f"the limit was 24 tokens, but the text has {len(answer.text)} characters")
    if answer.response.stop is None or "word120" in answer.text:
        raise Broken(f"the stop reason is {answer.response.raw_stop!r} after {len(answer.text)} characters")
    raise Unmeasured("the response ended before its limit")


@probe("a token limit in the middle of arguments", severity="blocks", agents=EVERY_AGENT, situation="token-limit")
async def test_max_tokens_in_arguments(ask: Ask) -> None:
    """A call that was cut must not look like a whole one: the agent would write half a file."""
    wanted = ("write_file", {"path": "a.py", "content": SOURCE * 8})
    answer = accept(await ask.send(ask.order([wanted], max_tokens=60)))
    whole = [call for call in answer.calls if isinstance(parse_json(call.arguments), dict)]
    if answer.response.stop != "length":
        if not answer.calls:
            raise Unmeasured("the model made no call")
        written = as_dict(parse_json(whole[0].arguments)).get("content") if whole else ""
        if whole and not wanted[1]["content"].startswith(str(written or "?")):
            raise Unmeasured("the model wrote less than the prompt demands")
        raise Broken(f"the call is truncated, but the stop reason is {answer.response.raw_stop!r}")
    if whole and wire.api(ask.api).whole_calls == "never":
        raise Broken(
            f"the call is truncated, but its arguments were closed to look complete: {whole[0].arguments[-80:]!r}"
        )


@probe("max_completion_tokens", "chat", modes="whole", severity="degrades", situation="token-limit")
async def test_max_completion_tokens(ask: Ask) -> None:
    """OpenAI's newer name of the limit."""
    body = ask.body(ask.request(user(LONG)))
    body.pop("max_tokens", None)
    answer = await ask.accepted({**body, "max_completion_tokens": 24})
    if len(answer.text) > 800:
        raise Ignored(f"the limit was 24 tokens, but the text has {len(answer.text)} characters")


@probe(
    "no token limit",
    "chat",
    "responses",
    modes="stream",
    severity="degrades",
    agents=("codex",),
    situation="long-input",
)
async def test_no_limit(ask: Ask) -> None:
    """Codex sends none: the server's own holds, and one of a few hundred tokens cuts every file that is written."""
    words = [f"item{number}" for number in range(400)]
    if ask.surface.babbles or not ask.surface.obeys:
        raise Unmeasured("the model does not repeat what the prompt demands")
    body = ask.body(ask.request(user("Reply with exactly: " + " ".join(words))))
    for name in ("max_tokens", "max_completion_tokens", "max_output_tokens"):
        body.pop(name, None)
    answer = await ask.accepted(body)
    if answer.response.stop == "length":
        raise Broken(f"the request sets no limit, but the response is cut after {len(answer.text)} characters")


@probe("a stop string", "chat", "messages", "gemini", modes="stream-first", severity="degrades", situation="settings")
async def test_stop_string(ask: Ask) -> None:
    """The text ends before the stop string."""
    answer = await ask.says("one two HALT three four", stop=("HALT",))
    if "three" in answer.text:
        raise Ignored(f"the text continues after the stop string: {answer.text[:80]!r}")
    if "one" not in answer.text:
        raise Unmeasured(f"the model says something else: {answer.text[:80]!r}")


@probe(
    "the context window is too small", modes="stream", severity="degrades", agents=EVERY_AGENT, situation="full-context"
)
async def test_context_overflow(ask: Ask) -> None:
    """Too long a conversation is refused in words, so that the agent can shorten it; never cut without a word."""
    window = ask.endpoint.context
    if window is None or window > 400_000:
        raise Unmeasured(
            "the context window is not known" if window is None else f"{window:,} tokens are a lot to send"
        )
    answer = await ask.send(
        ask.request(user("Reply with exactly: Hello."), user("lorem ipsum " * window), user("Go on."))
    )
    if answer.refused:
        return
    accept(answer)
    raise Ignored(f"about {4 * window:,} tokens were accepted for a window of {window:,}: truncated without an error")


@probe("several choices", "chat", modes="stream-first", severity="cosmetic", situation="settings")
async def test_several_choices(ask: Ask) -> None:
    """``n: 2`` gives two choices, or is refused."""
    answer = await ask.says("Hello.", fields={"n": 2})
    if ask.stream:
        indices = {choice.get("index") for _, choice in answer.choices}
    else:
        indices = {as_dict(choice).get("index") for choice in as_list(answer.whole.get("choices"))}
    if len(indices) < 2:
        raise Ignored("the response has one choice")


@probe("several choices with calls", "chat", modes="stream-first", severity="cosmetic", situation="settings")
async def test_several_choices_calls(ask: Ask) -> None:
    """``n: 2`` beside tools and ``tool_choice: required``: a call in each, or refused."""
    order = ask.order([("read_file", {"path": "a.py"})], tool_choice=ToolChoice("required"))
    answer = await ask.accepted(order, fields={"n": 2})
    if not answer.calls:
        raise Ignored("the response has no call")


@probe("JSON object output", "chat", modes="whole", severity="degrades", situation="json-output")
async def test_json_object(ask: Ask) -> None:
    """``response_format: json_object``."""
    answer = await ask.says('{"ok": true} as JSON', response_format={"type": "json_object"})
    if not isinstance(parse_json(answer.text), dict):
        raise Ignored(f"the text is not a JSON object: {answer.text[:80]!r}")


@probe(
    "JSON schema output",
    "chat",
    "responses",
    "gemini",
    modes="stream-first",
    severity="degrades",
    situation="json-output",
)
async def test_json_schema(ask: Ask) -> None:
    """``response_format: json_schema``, strict."""
    wanted = {"type": "json_schema", "json_schema": {"name": "item", "schema": SCHEMA, "strict": True}}
    answer = await ask.says(json.dumps({"name": "a", "count": 1}), response_format=wanted)
    value = parse_json(answer.text)
    if answer.response.stop == "length":
        raise Unmeasured("the token limit cut the response")
    if not isinstance(value, dict) or set(value) != {"name", "count"}:
        raise Ignored(f"the text does not match the schema: {answer.text[:80]!r}")


@probe(
    "JSON schema output with tools", "chat", "responses", modes="whole", severity="degrades", situation="json-output"
)
async def test_json_schema_with_tools(ask: Ask) -> None:
    """Both at once: some servers drop one of them, some fail."""
    wanted = {"type": "json_schema", "json_schema": {"name": "item", "schema": SCHEMA, "strict": True}}
    await ask.calls(("read_file", {"path": "a.py"}), response_format=wanted)
