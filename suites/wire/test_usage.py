"""Usage: agents decide by it when to shorten a conversation, and users pay by it."""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from toolworthy.wire.ir import Message, Request, Text, Usage
from toolworthy.wire.lenient import as_dict
from toolworthy.work.probes import EVERY_AGENT, Ask, Broken, Ignored, Unmeasured, probe
from toolworthy.work.probes.accounting import InputCount, contradiction, differ, extrapolated, input_count
from toolworthy.work.probes.ask import message, user
from toolworthy.work.probes.material import results

SENTENCE = "You are brief, and careful with files. "
FEW, MORE, LONG = 10, 40, 400
"""Times that it is said: too few to be cached by most, and enough."""


async def usage(ask: Ask, text: str) -> Usage:
    """What an answer to `text` is said to have cost."""
    answer = await ask.says("Hello.", message("system", text))
    counted = answer.response.usage
    if counted is None or counted.input is None or counted.output is None:
        raise Broken("the response has no usage")
    return counted


async def counted(ask: Ask, times: int, nonce: str, *, mark: bool = True, **options: Any) -> InputCount:
    """What a request with a long system prompt is said to have cost, that begins with `nonce`, which no cache knows."""
    system = message("system", f"Session {nonce}. {SENTENCE * times}")
    answer = await ask.says("Hello.", system, fields=marked(ask, system) if mark else {}, **options)
    if (counts := input_count(answer.response.usage)) is None:
        raise Unmeasured("the response has no usage")
    return counts


def marked(ask: Ask, system: Message) -> Mapping[str, Any]:
    """The system prompt with the mark that an Anthropic endpoint caches by, as agents set it."""
    if ask.api != "messages":
        return {}
    text = "".join(part.text for part in system.parts if isinstance(part, Text))
    return {"system": [{"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}]}


@probe("usage", severity="degrades", agents=EVERY_AGENT, situation="token-counts", tier="quick")
async def test_usage(ask: Ask) -> None:
    """Input and output tokens, streamed or not."""
    counted = await usage(ask, "You are brief.")
    if not counted.input or not counted.output:
        raise Broken(f"usage counts {counted.input} input and {counted.output} output tokens")


@probe("usage grows with the input", modes="stream", severity="degrades", agents=EVERY_AGENT, situation="token-counts")
async def test_usage_grows(ask: Ask) -> None:
    """A thousand words more are some hundred tokens more, cached or not."""
    small, large = await usage(ask, "You are brief."), await usage(ask, "You are brief. " + "really " * 1_000)
    grown = (large.input or 0) - (small.input or 0)
    if grown < 300:
        raise Broken(f"1,000 more words add {grown} tokens to the usage")


@probe("usage after a tool call", modes="stream", severity="degrades", agents=EVERY_AGENT, situation="token-counts")
async def test_usage_with_call(ask: Ask) -> None:
    """An answer that calls counts its tokens too."""
    answer = await ask.surface.shared("a call", lambda: ask.calls(("read_file", {"path": "src/app.py"})))
    counted = answer.response.usage
    if counted is None or not counted.output:
        raise Broken("usage counts no tokens for a response with a call")


@probe("text with tool call markup", modes="stream-first", severity="degrades", agents=EVERY_AGENT, situation="markup")
async def test_markup_text(ask: Ask) -> None:
    """A text about tool calls is a text: a parser that hunts for marks must not swallow it."""
    text = ("The tag <tool_call> opens a call and </tool_call> closes it. " * 6).strip()
    heard = []
    for _ in range(2):
        heard.append((await ask.says(text)).text.strip())
        if text in heard:
            return
    plain = text.replace("<", "").replace(">", "")
    if plain not in (await ask.says(plain)).text:
        raise Unmeasured(f"the model says something else: {heard[0][:80]!r}")
    if not any(heard):
        raise Broken("the text is missing in 2 of 2 responses; a text of this length without markers arrives complete")
    if heard[0] == heard[1] and text.startswith(heard[0]) and text[len(heard[0]) :].lstrip().startswith("<"):
        raise Broken(f"the text ends where a marker begins, in 2 of 2 responses: {heard[0][-60:]!r}")
    raise Unmeasured(f"the model says something else: {heard[0][:80]!r}")


@probe("the response names the model", modes="stream-first", severity="cosmetic", situation="field")
async def test_model_named(ask: Ask) -> None:
    """Who answered: without it nobody knows what was measured."""
    answer = await ask.accepted(ask.request(user("Reply with exactly: Hello.")))
    models = [as_dict(event.value.get("response")).get("model") for event in answer.events]
    if not answer.response.model and not any(models):
        raise Broken("the response does not name the model")


@probe("the same request counts the same input tokens", modes="stream", agents=EVERY_AGENT, situation="token-counts")
async def test_usage_adds_up(ask: Ask) -> None:
    """A long request, twice: what was fresh the first time, and fresh plus cached the second, is the same number.
    Chat, Responses and Gemini count cached tokens within the input, Messages beside it. Where a cache knows the request
    the first time already, two short requests tell what it must count. Not streamed, it is the same number again."""
    nonce = secrets.token_hex(4)
    first, again = [await counted(ask, LONG, nonce) for _ in range(2)]
    due: int | None = first.input
    if not first.fresh:
        few, more = [await counted(ask, times, secrets.token_hex(4), mark=False) for times in (FEW, MORE)]
        due = extrapolated(few, more, (LONG - FEW) / (MORE - FEW))
    for count in (first, again):
        if due and (wrong := contradiction(count, due)):
            raise Broken(wrong)
        if count.cached > count.input:
            raise Broken(f"{count.cached} cached tokens, but only {count.input} input tokens")
    if differ(first, again):
        third = await counted(ask, LONG, nonce)
        if differ(again, third):
            raise Unmeasured("the endpoint counts the same request differently each time")
        counts = f"{first.input} input tokens, then {again.input}, of which {again.cached} are cached"
        raise Broken(f"the same request counts {counts}")
    whole = await counted(ask, LONG, nonce, stream=False)
    if differ(again, whole) and not differ(whole, await counted(ask, LONG, nonce, stream=False)):
        raise Broken(f"the same request counts {again.input} input tokens streamed, {whole.input} whole, 2 of 2 times")
    if not again.cached:
        raise Unmeasured("the usage reports no cached tokens")
    if due is None:
        raise Unmeasured("the whole input is cached, that of short requests, too")


@probe("the next turn is cached", modes="stream", severity="degrades", agents=EVERY_AGENT, situation="token-counts")
async def test_next_turn_cached(ask: Ask) -> None:
    """A conversation grows at its end, so its next turn begins with what a cache knows. A gateway that rewrites the
    history, or puts the time in front of it, loses that: every turn then costs and lasts as much as the first. Some
    caches hold one turn only, so the third one is asked for, too."""
    system = message("system", f"Session {secrets.token_hex(4)}. {SENTENCE * LONG}")
    call = ("read_file", {"path": "src/app.py"})
    order = ask.order([call])
    opening = replace(order, messages=(system, *order.messages[1:]))
    first = await ask.calls(call, before=(system,), fields=marked(ask, system))
    reply = Message("assistant", first.response.parts)
    given = results(*((made.id, "x = 1") for made in first.calls))

    async def cached(request: Request) -> int:
        usage = (await ask.accepted(request, fields=marked(ask, system))).response.usage
        return (usage.cached if usage else None) or 0

    for attempt in range(2):
        if not (again := await cached(opening)):
            raise Unmeasured("the usage reports no cached tokens")
        second = (*opening.messages, reply, given, *[user("Go on.")] * attempt)
        third = (*second, message("assistant", "I am going on."), user("Now the rest."))
        later: dict[str, int] = {}
        for name, messages in (("second", second), ("third", third)):
            later[name] = await cached(replace(opening, messages=messages))
            if later[name] < again // 2:
                break
        else:
            return
    turn, tokens = later.popitem()
    raise Ignored(f"the same request has {again} cached tokens, the conversation's {turn} turn {tokens}, 2 of 2 times")
