"""State across turns, under the names that the endpoint itself gave: ids of calls and of items."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from toolworthy import wire
from toolworthy.wire.ir import Message, Part, Request, ToolCall, ToolResult
from toolworthy.wire.lenient import as_dict, as_list
from toolworthy.work.probes import (
    EVERY_AGENT,
    Answer,
    Ask,
    Broken,
    Ignored,
    ProbeOutcome,
    Trait,
    Unmeasured,
    probe,
    same_with,
)
from toolworthy.work.probes.ask import user
from toolworthy.work.probes.material import ASK_CODE, CODE, CODE_WORD, TOOLS, called, results

PAIR = (("read_file", {"path": "src/a.py"}), ("read_file", {"path": "src/b.py"}))
OTHER = "call_a1b2c3"
"""The id of a call that no endpoint gave."""


@probe(
    "a result under the endpoint's own call id",
    "chat",
    "messages",
    "responses",
    modes="stream",
    severity="blocks",
    agents=EVERY_AGENT,
)
async def test_own_call_ids(ask: Ask) -> None:
    """The result goes back under the id that the endpoint gave its call, and the model is asked for what only the
    result says. If it does not know, the same conversation under another id tells whether the id is the cause."""
    first = await ask.calls(PAIR[0])
    reply = Message("assistant", first.response.parts)
    given = results(*((call.id, CODE) for call in first.calls))
    order = ask.order(PAIR[:1]).messages
    try:
        await ask.knows(*order, reply, given, tools=TOOLS)
    except ProbeOutcome as why:
        await ask.knows(*order, *map(renamed, (reply, given)), tools=TOOLS)
        own = first.calls[0].id
        raise Broken(f"the model sees the result of {own} only under another id; {why}") from why


@probe("the response sent back unchanged", "chat", "messages", "responses", modes="whole", severity="degrades")
async def test_own_output(ask: Ask) -> None:
    """What came goes back with every field and id, as programs do that append the response to their messages. Of two
    calls, the first one's result, which comes second, holds what the model is asked for."""
    try:
        first = await ask.calls(*PAIR)
    except Unmeasured:
        first = await ask.calls(PAIR[0])
    given = results(*reversed([(call.id, text) for call, text in zip(first.calls, (CODE, "nothing"), strict=False)]))
    order = ask.order(PAIR).messages
    field = wire.api(ask.api).conversation
    parts = (ask.request(*order), None, ask.request(given, user(ASK_CODE)))
    verbatim = [entry for part in parts for entry in (ask.body(part)[field] if part else output(first))]
    try:
        await ask.knows(*order, tools=TOOLS, fields={field: verbatim})
    except ProbeOutcome as why:
        await understood(ask, order, first, given)
        detail = "the model understands the conversation in plain form, but not with the response as it came"
        raise Broken(f"{detail}; {why}") from why


async def understood(ask: Ask, order: Sequence[Message], first: Answer, given: Message) -> None:
    """The same conversation in plain form: with all calls and results, else with those of the first call."""
    try:
        await ask.knows(*order, Message("assistant", first.response.parts), given, tools=TOOLS)
    except Ignored as why:
        call, *more = first.calls
        if more:
            await ask.knows(*order, Message("assistant", (call,)), results((call.id, CODE)), tools=TOOLS)
            raise Broken(
                f"the model sees the result of one call, but not all results of {len(first.calls)} calls"
            ) from why
        raise


HELD = (("call_q7w2e9", "src/a.py", CODE_WORD), ("call_k3j8d1", "src/b.py", "heron-12"))
"""Id, path and code word of two calls, by ids that tell no order."""


@probe(
    "results in another order than their calls",
    "chat",
    "messages",
    "responses",
    modes="stream",
    severity="degrades",
    agents=EVERY_AGENT,
    situation="parallel-calls",
)
async def test_results_reordered(ask: Ask) -> None:
    """Results go back as the tools end. Each belongs to the call whose id it has; templates that render no ids give the
    model the other file's text, and nobody notices."""
    reply = called(*((name, "read_file", {"path": path}) for name, path, _ in HELD))
    question = f"Reply with nothing but the code word that {HELD[0][1]} holds."

    def asked(*given: tuple[str, str, str]) -> Request:
        outputs = results(*((name, f"The code word is {word}.") for name, _, word in given))
        return ask.request(user("Read both files."), reply, outputs, user(question), tools=TOOLS)

    def mistaken(answer: Answer) -> str:
        text = answer.text.strip()
        return "" if HELD[0][2] in text else f"asked what {HELD[0][1]} holds, the model replies {text[:80]!r}"

    turned = ask.body(asked(*reversed(HELD)))
    trait = Trait("results in another order than their calls", lambda body: body.update(turned))
    await same_with(ask, asked(*HELD), trait, wrong=mistaken)


@probe("a reference to a stored item", "responses", modes="whole", severity="cosmetic", situation="field")
async def test_item_reference(ask: Ask) -> None:
    """``item_reference`` to an item that the endpoint was told to store. Refused in words is right too; taken and
    forgotten is not."""
    first = await ask.accepted(ask.request(user(f"Reply with exactly: {CODE}")), fields={"store": True})
    if CODE_WORD not in first.text:
        raise Unmeasured("the model does not say what it is told")
    items = [as_dict(item) for item in as_list(first.whole.get("output"))]
    name = next((item.get("id") for item in items if item.get("type") == "message"), None)
    if not name:
        raise Unmeasured("the message has no id")
    question = ask.body(ask.request(user(ASK_CODE)))["input"]
    await ask.knows(fields={"store": True, "input": [{"type": "item_reference", "id": name}, *question]})


def renamed(reply: Message) -> Message:
    """The same message with an id of its call that no endpoint gave."""

    def part(content: Part) -> Part:
        if isinstance(content, ToolCall):
            return replace(content, id=OTHER, item_id=None)
        return replace(content, call_id=OTHER) if isinstance(content, ToolResult) else content

    return replace(reply, parts=tuple(map(part, reply.parts)))


def output(answer: Answer) -> list[Any]:
    """What a whole response adds to the conversation, as it came."""
    whole = answer.whole
    if "choices" in whole:
        return [as_dict(choice).get("message") for choice in as_list(whole["choices"])[:1]]
    return as_list(whole["output"]) if "output" in whole else [{"role": "assistant", "content": whole.get("content")}]
