"""A parameter together with tools: what the endpoint does with each alone, it does with both."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from toolworthy.content import adapters, providers
from toolworthy.wire.ir import Reasoning, Thinking
from toolworthy.wire.lenient import as_dict
from toolworthy.work.probes import (
    Answer,
    Ask,
    Deviation,
    Trait,
    Unmeasured,
    deviations,
    probe,
    same_with,
)
from toolworthy.work.probes.answer import trouble_with
from toolworthy.work.probes.material import TOOLS

CALL = ("read_file", {"path": "src/app.py"})
STOP = "@@END@@"
STOPPED = ("write_file", {"path": "a.txt", "content": f"one {STOP} two"})
SETTERS = tuple(agent.id for agent in adapters.agents() if agent.efforts)
"""Agents whose users say how deeply to think."""
WORST = ("differs", "fails", "dropped", "refused", "unmeasured")


# ---- how deeply to think ---------------------------------------------------------------------------------------------


def at_effort(ask: Ask, word: str) -> Trait:
    """Thinking at this effort, which no dialect moves to another."""
    bare = ask.request("x", max_tokens=ask.thinking_tokens)
    plain, thinking = ask.body(bare), ask.body(ask.thinking(bare))
    fields = {name: value for name, value in thinking.items() if plain.get(name) != value}
    if ask.api == "chat":
        fields |= {"reasoning_effort": word}
    elif ask.api == "gemini":
        thinks = {"includeThoughts": True, "thinkingLevel": word.upper()}
        fields |= {"generationConfig": {**as_dict(fields.get("generationConfig")), "thinkingConfig": thinks}}
    else:
        name = "reasoning" if ask.api == "responses" else "output_config"
        fields |= {name: {**as_dict(fields.get(name)), "effort": word}}
    return Trait(f"effort {word}", lambda body: body.update(fields))


def without_thinking(ask: Ask) -> Trait:
    """Thinking off, as small side requests of agents want it."""
    bare = ask.request("x")
    off = Reasoning(enabled=False, effort=None if ask.api == "messages" else "none")
    plain, quick = ask.body(bare), ask.body(replace(bare, reasoning=off))
    fields = {name: value for name, value in quick.items() if plain.get(name) != value}
    # Chat has no switch of its own; `none` is what OpenAI documents.
    fields |= {"reasoning_effort": "none"} if ask.api == "chat" else {}
    return Trait("thinking disabled", lambda body: body.update(fields))


def switched(ask: Ask, on: bool) -> list[Trait]:
    """The switches of chat that templates read, which clients send to whoever serves a model that knows them."""
    if ask.api != "chat":
        return []
    switch = {"enable_thinking": on}
    traits = {
        "enable_thinking": on,
        "chat_template_kwargs": switch,
        "thinking": {"type": "enabled" if on else "disabled"},
        "reasoning": {"effort": "high"} if on else {"enabled": False},
    }
    return [Trait(f"{name} {'on' if on else 'off'}", field(name, value)) for name, value in traits.items()]


def thoughts(answer: Answer) -> str:
    """The reasoning that an answer shows."""
    return "".join(part.text for part in answer.response.parts if isinstance(part, Thinking))


def thinks(answer: Answer) -> str:
    """That an answer shows reasoning where it should not."""
    return "the response has reasoning" if thoughts(answer) else ""


@probe("every reasoning effort", modes="stream", severity="degrades", agents=SETTERS, situation="thinking")
async def test_reasoning_effort(ask: Ask) -> None:
    """Every word that an agent or a provider has for it; one that is new to the endpoint may be refused in words."""

    known = {f"effort {word}" for word in ask.endpoint.dialect.efforts}
    tell([deviation for deviation in await alone(ask) if deviation.how != "refused" or deviation.trait in known])


async def alone(ask: Ask) -> list[Deviation]:
    """What goes wrong at the efforts without tools; asked once."""

    async def asked() -> list[Deviation]:
        plain = ask.request("Reply with exactly: Hello.", max_tokens=ask.thinking_tokens)
        by_effort = [await deviations(ask, plain, [at_effort(ask, word)], silent) for word in providers.efforts()]
        return [deviation for deviations_at_effort in by_effort for deviation in deviations_at_effort]

    return await ask.surface.shared("efforts", asked)


def silent(answer: Answer) -> str:
    """That an answer has neither text nor a call, whatever it thought."""
    return "" if answer.text.strip() or answer.calls else "no text comes"


@probe("calls at every reasoning effort", modes="stream", severity="blocks", agents=SETTERS, situation="thinking")
async def test_effort_with_tools(ask: Ask) -> None:
    """A call that comes by default comes at every effort, and with thinking switched on and off."""
    wrong = {deviation.trait for deviation in await alone(ask)}
    traits = [without_thinking(ask), *(at_effort(ask, word) for word in providers.efforts())]
    groups = [[trait] for trait in traits if trait.name not in wrong] + [switched(ask, on) for on in (True, False)]
    await beside_tools(ask, groups, max_tokens=ask.thinking_tokens)


@probe("reasoning is disabled with tools, too", modes="stream", severity="degrades", situation="settings")
async def test_reasoning_off_with_tools(ask: Ask) -> None:
    """Templates that turn thinking on where tools are offered do not read the switch there."""
    for traits in filter(None, ([without_thinking(ask)], switched(ask, on=False))):
        plain = ask.body(ask.request("Reply with exactly: Hello."))
        for trait in traits:
            trait.put(plain)
        await same_with(ask, plain, tools(ask), wrong=thinks)


@probe("reasoning is shown with tools, too", modes="stream", severity="cosmetic", situation="thinking")
async def test_reasoning_with_tools_shown(ask: Ask) -> None:
    """Some templates know tools, or thinking, and not both at once."""
    plain = ask.thinking(ask.request("What is 17 × 23? Think first."))
    await same_with(
        ask, plain, tools(ask), wrong=lambda answer: "the response has no reasoning" * (not thoughts(answer))
    )


# ---- other parameters ------------------------------------------------------------------------------------------------


def settings(ask: Ask) -> Iterator[Trait]:
    """What an API has of sampling, and calls in parallel."""
    if ask.api == "gemini":
        for name, value in {"temperature": 0, "topP": 0.9, "topK": 40}.items():
            yield Trait(name, inside("generationConfig", name, value))
        return
    fields: dict[str, Any] = {"temperature": 0, "top_p": 0.9}
    if ask.api == "messages":
        fields |= {"top_k": 40}
    if ask.api == "chat":
        fields |= {"seed": 7, "frequency_penalty": 0.1, "presence_penalty": 0.1}
    if ask.api in ("chat", "responses"):
        fields |= {"parallel_tool_calls": True}
    for name, value in fields.items():
        yield Trait(name, field(name, value))


def field(name: str, value: Any) -> Callable[[dict[str, Any]], object]:
    """Sets a field of a request."""
    return lambda body: body.update({name: value})


def inside(holder: str, name: str, value: Any) -> Callable[[dict[str, Any]], object]:
    """Sets a field of an object in a request."""
    return lambda body: body.update({holder: {**as_dict(body.get(holder)), name: value}})


@probe(
    "calls with sampling parameters",
    modes="stream",
    severity="degrades",
    agents=("opencode", "openclaw", "qwen-code"),
    situation="settings",
)
async def test_sampling_with_tools(ask: Ask) -> None:
    """Temperature, ``top_p`` and the like, and ``parallel_tool_calls: true``: the call comes as without them."""
    await beside_tools(ask, [[*settings(ask)]])


@probe("log probabilities with tools", "chat", modes="stream", severity="cosmetic", situation="settings")
async def test_logprobs_with_tools(ask: Ask) -> None:
    """``logprobs: true`` beside tools, in a stream."""
    await beside_tools(ask, [[Trait("logprobs", field("logprobs", True))]])


@probe(
    "a call with parallel calls disabled",
    "chat",
    "responses",
    "messages",
    modes="stream",
    severity="degrades",
    situation="tool-choice",
)
async def test_one_call_with_parallel_disabled(ask: Ask) -> None:
    """``parallel_tool_calls: false`` (Messages: ``disable_parallel_tool_use``) leaves the one call that was wanted."""
    name = "parallel_tool_calls: false"
    put = field("parallel_tool_calls", False)
    if ask.api == "messages":
        name, put = (
            "disable_parallel_tool_use",
            field("tool_choice", {"type": "auto", "disable_parallel_tool_use": True}),
        )
    await beside_tools(ask, [[Trait(name, put)]])


@probe("a call beside JSON output", "chat", "responses", modes="stream", severity="degrades", situation="json-output")
async def test_json_output_with_tools(ask: Ask) -> None:
    """A grammar for the text must not forbid the call that comes before it."""
    if ask.api == "chat":
        trait = Trait("response_format json_object", field("response_format", {"type": "json_object"}))
    else:
        trait = Trait("text.format json_object", inside("text", "format", {"type": "json_object"}))
    await beside_tools(ask, [[trait]])


@probe("stop strings inside arguments", "chat", "messages", modes="stream", severity="degrades", situation="settings")
async def test_stop_string_in_arguments(ask: Ask) -> None:
    """A stop string ends text. Within the arguments of a call it is data."""
    name = "stop_sequences" if ask.api == "messages" else "stop"
    await beside_tools(ask, [[Trait(f"{name} {STOP}", field(name, [STOP]))]], call=STOPPED)


# ---- what they share -------------------------------------------------------------------------------------------------


def tools(ask: Ask) -> Trait:
    """Tools that the model need not call."""
    bare = ask.request("x")
    plain, offering = ask.body(bare), ask.body(replace(bare, tools=TOOLS))
    fields = {name: value for name, value in offering.items() if plain.get(name) != value}
    return Trait("tools", lambda body: body.update(fields), carries=True)


async def beside_tools(
    ask: Ask, groups: Sequence[Sequence[Trait]], call: tuple[str, Any] = CALL, max_tokens: int | None = None
) -> None:
    """Demand that a call comes with each group of traits as it does without. What is refused, or fails, without tools,
    too, has nothing to do with them, and is asked about elsewhere."""

    def lost(answer: Answer) -> str:
        trouble = trouble_with([call], answer, exact=True)
        if trouble and trouble.kind == "no call":
            return "only reasoning comes, no call" if thoughts(answer) and not answer.text.strip() else "no call comes"
        return str(trouble) if trouble and trouble.kind in ("altered", "no object") else ""

    if ask.surface.calls.less:
        raise Unmeasured(ask.surface.calls.less, ask.surface.calls.cause)
    plain = ask.order([call], max_tokens=max_tokens)
    talk = ask.request("Reply with exactly: Hello.", max_tokens=max_tokens)
    harmful = []
    for traits in groups:
        for deviation in await deviations(ask, plain, traits, lost):
            if deviation.how in ("differs", "dropped") or not await deviations(ask, talk, deviation.traits):
                harmful.append(deviation)
    tell(harmful)


def tell(found_deviations: Sequence[Deviation]) -> None:
    """Raise the worst deviation, with all traits that show the same.

    Raises:
        ProbeOutcome: there is one.
    """
    if found_deviations:
        worst = min(found_deviations, key=lambda deviation: WORST.index(deviation.how))
        names = [deviation.trait for deviation in found_deviations if deviation.how == worst.how]
        raise replace(worst, trait=" and ".join(names)).outcome()
