"""Reasoning: is it shown, in its own place, and does the endpoint take it back as agents return it, or do not?"""

from contextlib import suppress
from dataclasses import replace

from toolworthy.wire.ir import Message, Part, Reasoning, Request, Thinking
from toolworthy.work.probes import EVERY_AGENT, Ask, Broken, Ignored, Unmeasured, probe
from toolworthy.work.probes.answer import accept, speaks
from toolworthy.work.probes.ask import user
from toolworthy.work.probes.material import CODE, TOOLS, results

CALL = ("read_file", {"path": "src/app.py"})


async def thought(ask: Ask) -> tuple[Request, tuple[Part, ...]]:
    """A request, and the answer's parts, in which the model thought and called: one for all probes."""
    return await ask.surface.shared("thought", lambda: _thought(ask))


async def _thought(ask: Ask) -> tuple[Request, tuple[Part, ...]]:
    order = ask.thinking(ask.order([CALL]))
    answer = await ask.calls(CALL, reasoning=order.reasoning, max_tokens=order.max_tokens)
    if not any(isinstance(part, Thinking) for part in answer.response.parts):
        raise Unmeasured("the response has no reasoning")
    return order, answer.response.parts


async def returned(ask: Ask, how: str, *, later: bool) -> None:
    """Send the answer back with its reasoning as it is, empty, or left out; in the loop or behind a new question."""
    order, parts = await thought(ask)
    back: list[Part] = []
    for part in parts:
        if not isinstance(part, Thinking) or how == "echo":
            back.append(part)
        elif how == "empty":
            back.append(replace(part, text=""))
    calls = [part for part in back if hasattr(part, "arguments")]
    history = [*order.messages, Message("assistant", tuple(back)), results(*((call.id, CODE) for call in calls))]
    if later:
        history += [Message("assistant", tuple(part for part in parts if isinstance(part, Thinking) and how == "echo"))]
        history = [*history[:-1], user("Thank you.")]
    answer = accept(await ask.send(replace(order, messages=tuple(history))))
    speaks(answer, "" if later else "done", "after the result, neither text nor a call comes")


@probe("reasoning is shown", modes="stream-first", severity="degrades", situation="thinking")
async def test_reasoning_visible(ask: Ask) -> None:
    """In a field or block of its own, not in the text."""
    order = ask.thinking(ask.request("What is 17 × 23? Think first."))
    answer = accept(await ask.send(order))
    if not any(isinstance(part, Thinking) for part in answer.response.parts):
        if ask.api == "messages":
            raise Ignored("the request enables thinking, but the response has no thinking block")
        raise Unmeasured("the response has no reasoning")


@probe("reasoning can be disabled", modes="whole", severity="degrades", situation="settings")
async def test_reasoning_off(ask: Ask) -> None:
    """Small side requests of agents switch it off, to be quick."""
    # Chat has no switch of its own; `none` is what OpenAI documents.
    fields = {"reasoning_effort": "none"} if ask.api == "chat" else {}
    off = Reasoning(enabled=False, effort=None if ask.api == "messages" else "none")
    answer = await ask.says("Hello.", reasoning=off, fields=fields)
    if any(isinstance(part, Thinking) and part.text for part in answer.response.parts):
        raise Ignored("the response has reasoning although it is disabled")


@probe(
    "reasoning sent back within the tool loop",
    modes="stream-first",
    severity="blocks",
    agents=EVERY_AGENT,
    situation="thinking",
)
async def test_reasoning_echo(ask: Ask) -> None:
    """As DeepSeek, Kimi and Anthropic demand; a server that refuses its own words stops every agent."""
    await returned(ask, "echo", later=False)


@probe("reasoning omitted within the tool loop", modes="stream", severity="degrades", situation="thinking")
async def test_reasoning_omit(ask: Ask) -> None:
    """As clients do that do not know it. DeepSeek V4 and Anthropic refuse it, in words."""
    await returned(ask, "omit", later=False)


@probe("empty reasoning sent back within the tool loop", modes="stream", severity="degrades", situation="thinking")
async def test_reasoning_empty(ask: Ask) -> None:
    """As clients do that keep the field and not what was in it."""
    await returned(ask, "empty", later=False)


@probe(
    "reasoning sent back in later turns", modes="stream", severity="blocks", agents=EVERY_AGENT, situation="thinking"
)
async def test_reasoning_echo_later(ask: Ask) -> None:
    """The whole history, reasoning included, behind a new question."""
    await returned(ask, "echo", later=True)


@probe("reasoning omitted in later turns", modes="stream", severity="degrades", situation="thinking")
async def test_reasoning_omit_later(ask: Ask) -> None:
    """Allowed by nearly all outside the tool loop."""
    await returned(ask, "omit", later=True)


@probe("thinking blocks have signatures", "messages", modes="stream-first", severity="degrades", situation="thinking")
async def test_reasoning_signature(ask: Ask) -> None:
    """A block's signature comes with it; clients return both or neither."""
    _, parts = await thought(ask)
    if not all(part.signature for part in parts if isinstance(part, Thinking)):
        raise Broken("a thinking block has no signature")


@probe("encrypted reasoning", "responses", modes="stream", severity="degrades", agents=("codex",), situation="thinking")
async def test_reasoning_encrypted(ask: Ask) -> None:
    """Codex keeps no state at the server: it asks for ``reasoning.encrypted_content`` and returns it."""
    order = ask.thinking(ask.order([CALL]))
    fields = {"include": ["reasoning.encrypted_content"], "store": False}
    answer = accept(await ask.send(order, fields))
    thoughts = [part for part in answer.response.parts if isinstance(part, Thinking)]
    if not thoughts:
        raise Unmeasured("the response has no reasoning")
    back = Message("assistant", answer.response.parts)
    calls = answer.calls
    if calls:
        given = results(*((call.id, CODE) for call in calls))
        await ask.accepted(replace(order, messages=(*order.messages, back, given)), fields=fields)
    if not any(part.signature for part in thoughts):
        raise Ignored("the reasoning has no encrypted_content")


@probe("thinking and tools together", modes="stream", severity="blocks", agents=EVERY_AGENT, situation="thinking")
async def test_reasoning_with_tools(ask: Ask) -> None:
    """Reasoning first, then the call; neither swallows the other."""
    _, parts = await thought(ask)
    kinds = [isinstance(part, Thinking) for part in parts]
    if kinds and not kinds[0]:
        raise Broken("the reasoning follows the text or call that it belongs to")


@probe("text after thinking", modes="stream", severity="blocks", agents=EVERY_AGENT, situation="thinking")
async def test_reasoning_then_text(ask: Ask) -> None:
    """The answer must not end up in the reasoning, with nothing left to say."""
    order = ask.thinking(ask.request("Reply with exactly: Hello.", tools=TOOLS))
    for _ in range(2):
        answer = accept(await ask.send(order))
        if answer.text.strip():
            return
        if answer.calls:
            raise Unmeasured("the model called a tool")
        with suppress(Broken):
            speaks(answer, "Hello.")
    raise Broken("2 of 2 responses have reasoning but no text")
