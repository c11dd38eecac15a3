"""``tool_choice``: auto, none, required, named; with thinking off and on, which many servers cannot combine."""

from toolworthy.wire.ir import Reasoning, ToolChoice
from toolworthy.work.probes import EVERY_AGENT, Ask, Ignored, Unmeasured, probe
from toolworthy.work.probes.answer import Answer, accept, speaks
from toolworthy.work.probes.material import TOOLS

THINKING = Reasoning(enabled=True, effort="medium", budget_tokens=1_024)
CALL = ("read_file", {"path": "src/app.py"})


async def choose(ask: Ask, choice: ToolChoice, thinking: bool) -> Answer:
    """Ask for text, under a choice that wants something else."""
    order = ask.request("Reply with exactly: Hello.", tools=TOOLS, tool_choice=choice)
    return accept(await ask.send(ask.thinking(order) if thinking else order))


async def required(ask: Ask, thinking: bool) -> None:
    """A call comes although text was asked for."""
    for _ in range(2):
        answer = await choose(ask, ToolChoice("required"), thinking)
        if answer.calls:
            return
        if answer.response.stop == "length":
            raise Unmeasured("the token limit cut the response before any call")
    raise Ignored("no call in 2 of 2 responses")


async def named(ask: Ask, thinking: bool) -> None:
    """A call of the named tool comes, and of no other."""
    for _ in range(2):
        answer = await choose(ask, ToolChoice("named", "list_files"), thinking)
        names = {call.name for call in answer.calls}
        if names == {"list_files"}:
            return
        if names:
            raise Ignored(f"the request demands list_files, but the response calls {', '.join(sorted(names))}")
        if answer.response.stop == "length":
            raise Unmeasured("the token limit cut the response before any call")
    raise Ignored("no call in 2 of 2 responses")


async def none(ask: Ask, thinking: bool) -> None:
    """No call comes although one was asked for."""
    order = ask.order([CALL], tool_choice=ToolChoice("none"))
    for _ in range(2):
        answer = accept(await ask.send(ask.thinking(order) if thinking else order))
        if answer.calls:
            raise Ignored(f"the response calls {answer.calls[0].name}")
        if answer.response.stop != "length":
            speaks(answer)
            return


@probe(
    "tool choice auto, set explicitly", modes="stream-first", severity="blocks", agents=EVERY_AGENT, situation="field"
)
async def test_choice_auto(ask: Ask) -> None:
    """``auto`` is the default; saying so changes nothing."""
    await ask.calls(CALL, tool_choice=ToolChoice("auto"))


@probe(
    "tool choice auto while thinking", modes="stream-first", severity="blocks", agents=EVERY_AGENT, situation="thinking"
)
async def test_choice_auto_thinking(ask: Ask) -> None:
    """A thinking model still calls."""
    await ask.calls(CALL, tool_choice=ToolChoice("auto"), reasoning=THINKING, max_tokens=ask.thinking_tokens)


@probe("tool choice none", modes="stream-first", severity="degrades", situation="tool-choice")
async def test_choice_none(ask: Ask) -> None:
    """Tools are shown, and must not be used: agents ask so for summaries."""
    await none(ask, thinking=False)


@probe("tool choice none while thinking", modes="stream", severity="degrades", situation="tool-choice")
async def test_choice_none_thinking(ask: Ask) -> None:
    """The same with thinking on."""
    await none(ask, thinking=True)


@probe("tool choice required", modes="stream-first", severity="degrades", situation="tool-choice")
async def test_choice_required(ask: Ask) -> None:
    """Some tool must be called (Messages: ``any``)."""
    await required(ask, thinking=False)


@probe("tool choice required while thinking", modes="stream", severity="degrades", situation="tool-choice")
async def test_choice_required_thinking(ask: Ask) -> None:
    """Anthropic refuses it, and says so; others hang or ignore it."""
    await required(ask, thinking=True)


@probe("tool choice by name", modes="stream-first", severity="degrades", situation="tool-choice")
async def test_choice_named(ask: Ask) -> None:
    """This very tool must be called."""
    await named(ask, thinking=False)


@probe("tool choice by name while thinking", modes="stream", severity="degrades", situation="tool-choice")
async def test_choice_named_thinking(ask: Ask) -> None:
    """The same with thinking on."""
    await named(ask, thinking=True)


@probe("tool_choice without tools is rejected or harmless", modes="whole", severity="cosmetic", situation="field")
async def test_choice_without_tools(ask: Ask) -> None:
    """``tool_choice`` beside no tools: an error in words, or an answer."""
    await ask.says("Hello.", tool_choice=ToolChoice("auto"))
