"""Limits and formats of an answer: token limits, stop strings, several choices, JSON."""

from typing import Any

from toolworthy import wire
from toolworthy.content import adapters
from toolworthy.content.adapters import AgentAdapter, FullWindow
from toolworthy.gateway.retries import busy
from toolworthy.wire.ir import ToolChoice
from toolworthy.wire.lenient import as_dict, as_list, parse_json
from toolworthy.work.probes import EVERY_AGENT, UNTOLD_OVERFLOW, Ask, Broken, Ignored, ProbeOutcome, Unmeasured, probe
from toolworthy.work.probes.answer import Answer, accept
from toolworthy.work.probes.ask import message, user
from toolworthy.work.probes.material import ASK_CODE, CODE, CODE_WORD, SOURCE

PROSE = "You write careful code and keep to the style of the files around it. " * 57
"""About 1,000 tokens."""
LONG = "Reply with exactly: " + " ".join(f"word{number}" for number in range(200))
SCHEMA: dict[str, Any] = {
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


WORDS = tuple(f"word{number}" for number in range(60))


@probe("a token limit of 128,000", modes="stream", severity="degrades", agents=EVERY_AGENT, situation="settings")
async def test_large_token_limit(ask: Ask) -> None:
    """Agents send 32,000, 64,000 or 128,000, near the context window or above it: the answer is whole all the same."""
    if ask.surface.babbles:
        raise Unmeasured("the model writes until its token limit")
    trouble: list[tuple[int, ProbeOutcome]] = []
    for limit in (128_000, 64_000, 32_000):
        try:
            answer = await ask.says(" ".join(WORDS), max_tokens=limit)
            if answer.response.stop == "length":
                raise Broken(f"cut after {len(answer.text)} characters")
            break
        except Unmeasured:
            raise
        except ProbeOutcome as outcome:
            trouble.append((limit, outcome))
    if trouble:
        limit, outcome = trouble[-1]
        raise type(outcome)(f"a token limit of {limit:,}: {outcome}")


@probe("max_completion_tokens", "chat", modes="whole", severity="degrades", situation="token-limit")
async def test_max_completion_tokens(ask: Ask) -> None:
    """OpenAI's newer name of the limit."""
    body = ask.body(ask.request(user(LONG)))
    body.pop("max_tokens", None)
    answer = await ask.accepted({**body, "max_completion_tokens": 24})
    if len(answer.text) > 800:
        raise Ignored(f"the limit was 24 tokens, but the text has {len(answer.text)} characters")


@probe(
    "a request without a token limit",
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


async def overflown(ask: Ask) -> Answer:
    """What came of a conversation that is longer than the context window; all probes of an API share it.

    Raises:
        Unmeasured: the window is not known, or too large; or the endpoint had no time.
    """
    window = ask.endpoint.context
    if window is None or window > 400_000:
        unknown = "the context window is not known; set context in toolworthy.toml"
        raise Unmeasured(unknown if window is None else f"{window:,} tokens are a lot to send")
    filler = user(f"{CODE}\n{'the ' * (window + window // 10)}")  # a token each
    answer = await ask.surface.shared("overflow", lambda: ask.send(ask.request(filler, user(ASK_CODE))))
    if busy(answer.exchange) or answer.cut:
        accept(answer)
    return answer


@probe(
    "a conversation longer than the context window",
    modes="stream",
    severity="degrades",
    agents=EVERY_AGENT,
    situation="full-context",
)
async def test_context_overflow(ask: Ask) -> None:
    """Too long a conversation is refused in words, so that the agent can shorten it; never cut without a word."""
    answer, own = await overflown(ask), wire.api(ask.api)
    failure, window = answer.response.failure, ask.endpoint.context or 0
    if answer.refused or (failure and own.overflow_streamed and failure.code == own.overflow_code):
        return
    if answer.empty:
        raise Broken("the context window is full, and the response is empty, without an error", UNTOLD_OVERFLOW)
    accept(answer)
    read = answer.response.usage.input if answer.response.usage else None
    if read is not None and read > window:
        return  # it has more room than it says
    counted = "" if read is None else f", of which {read:,} are counted"
    if read is None and CODE_WORD in answer.text:
        raise Unmeasured(f"more than {window:,} tokens were accepted, and the model knows their beginning")
    raise Ignored(f"more than {window:,} tokens were accepted{counted}: the rest is dropped without an error")


def recognised(agent: AgentAdapter, reads: FullWindow) -> tuple[str, Any]:
    """The name and the test of a probe of whether this agent understands that its window is full."""

    async def test(ask: Ask) -> None:
        answer = await overflown(ask)
        if answer.empty:
            raise Broken(f"{agent.title} cannot tell it from an empty response: HTTP {answer.status}", UNTOLD_OVERFLOW)
        if answer.response.failure is None:
            raise Unmeasured(f"no error says that the context window is full: HTTP {answer.status}")
        if not reads.understands(answer.status, answer.exchange.body[:8_192].decode(errors="replace")):
            detail = f"{agent.title} does not recognize this refusal: HTTP {answer.status}: {answer.message[:200]}"
            raise Broken(detail, UNTOLD_OVERFLOW)

    test.__name__ = f"test_full_window_{agent.id}".replace("-", "_")
    test.__doc__ = f"{agent.title} must learn from the error that it has to shorten the conversation."
    title = f"{agent.title} learns that its context window is full"
    options: dict[str, Any] = {"severity": "blocks", "situation": "full-context", "agents": (agent.id,)}
    return test.__name__, probe(title, agent.apis[0], modes="stream", **options)(test)


globals().update(recognised(agent, agent.full_window) for agent in adapters.agents() if agent.full_window)


@probe(
    "a conversation of 6,000 tokens",
    modes="stream",
    severity="blocks",
    agents=EVERY_AGENT,
    situation="long-input",
    tier="quick",
)
async def test_long_conversation(ask: Ask) -> None:
    """Some servers drop the oldest messages of a conversation above 4,096 tokens, and say nothing."""
    turns = [turn for n in range(6) for turn in (user(f"Part {n}.\n{PROSE}"), message("assistant", "I see."))]
    try:
        await ask.knows(user(CODE), message("assistant", "I will remember it."), *turns)
    except Ignored as outcome:
        usage = ask.last.response.usage if ask.last else None
        counted = f", and {usage.input:,} tokens are counted" if usage and usage.input else ""
        raise Ignored(f"the beginning of about 6,000 tokens is lost without an error{counted}: {outcome}") from None


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
    """``response_format: json_schema``, strict. The prompt demands plain text: JSON comes only where it is enforced."""
    wanted = {"type": "json_schema", "json_schema": {"name": "item", "schema": SCHEMA, "strict": True}}
    for _ in range(2):
        answer = await ask.says("Hello.", response_format=wanted)
        value = parse_json(answer.text)
        if answer.response.stop == "length":
            raise Unmeasured("the token limit cut the response")
        if isinstance(value, dict) and set(value) == set(SCHEMA["required"]):
            return
    raise Ignored(f"the text does not match the schema, 2 of 2 times: {answer.text[:80]!r}")


@probe(
    "JSON schema output with tools", "chat", "responses", modes="whole", severity="degrades", situation="json-output"
)
async def test_json_schema_with_tools(ask: Ask) -> None:
    """Both at once: some servers drop one of them, some fail."""
    wanted = {"type": "json_schema", "json_schema": {"name": "item", "schema": SCHEMA, "strict": True}}
    await ask.calls(("read_file", {"path": "a.py"}), response_format=wanted)
