"""Usage: agents decide by it when to shorten a conversation, and users pay by it."""

from toolworthy.wire.ir import Usage
from toolworthy.wire.lenient import as_dict
from toolworthy.work.probes import EVERY_AGENT, Ask, Broken, Unmeasured, probe
from toolworthy.work.probes.ask import message, user


async def usage(ask: Ask, text: str) -> Usage:
    """What an answer to `text` is said to have cost."""
    answer = await ask.says("Hello.", message("system", text))
    counted = answer.response.usage
    if counted is None or counted.input is None or counted.output is None:
        raise Broken("the response has no usage")
    return counted


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


@probe("cached input is counted", modes="whole", severity="cosmetic", situation="token-counts")
async def test_usage_cached(ask: Ask) -> None:
    """The same long beginning twice: the second time part of it is cached, and says so."""
    for _ in range(2):
        counted = await usage(ask, "You are brief, and careful with files. " * 400)
    if not counted.cached:
        raise Unmeasured("the usage reports no cached tokens")
    if counted.cached > (counted.input or 0):
        raise Broken(f"{counted.cached} cached tokens, but only {counted.input} input tokens")


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
    told = ("The tag <tool_call> opens a call and </tool_call> closes it. " * 6).strip()
    heard = []
    for _ in range(2):
        heard.append((await ask.says(told)).text.strip())
        if told in heard:
            return
    plain = told.replace("<", "").replace(">", "")
    if plain not in (await ask.says(plain)).text:
        raise Unmeasured(f"the model says something else: {heard[0][:80]!r}")
    if not any(heard):
        raise Broken("the text is missing in 2 of 2 responses; a text of this length without markers arrives complete")
    if heard[0] == heard[1] and told.startswith(heard[0]) and told[len(heard[0]) :].lstrip().startswith("<"):
        raise Broken(f"the text ends where a marker begins, in 2 of 2 responses: {heard[0][-60:]!r}")
    raise Unmeasured(f"the model says something else: {heard[0][:80]!r}")


@probe("the response names its model", modes="stream-first", severity="cosmetic", situation="field")
async def test_model_named(ask: Ask) -> None:
    """Who answered: without it nobody knows what was measured."""
    answer = await ask.accepted(ask.request(user("Reply with exactly: Hello.")))
    told = [as_dict(event.value.get("response")).get("model") for event in answer.events]
    if not answer.response.model and not any(told):
        raise Broken("the response does not name the model")


@probe(
    "cached input is counted once",
    "messages",
    modes="whole",
    severity="degrades",
    agents=("claude-code",),
    situation="token-counts",
)
async def test_usage_cached_once(ask: Ask) -> None:
    """``input_tokens`` leaves out what ``cache_read_input_tokens`` counts. What a sentence costs is measured where
    nothing is cached; the same long prompt, asked twice, must not cost more by what came from the cache."""
    counted = [await usage(ask, SENTENCE * times) for times in (10, 40, 600, 600)]
    few, more, _, again = (one.input or 0 for one in counted)
    cached = counted[-1].cached or 0
    if not cached or counted[0].cached or counted[1].cached:
        raise Unmeasured("the usage reports no cached tokens" if not cached else "the whole input is cached")
    due = more + (more - few) * (600 - 40) // 30
    if abs(again - due - cached) < min(cached, due) // 5:
        raise Broken(f"{due} input tokens are reported as {again}: the {cached} cached ones are counted twice")


SENTENCE = "You are brief, and careful with files. "
