"""Requests of real agents, with all their fields and headers, as recorded; only the prose is filler.

These are an agent's main path: what it sends in every plain task. Where the endpoint lacks an agent's API they are
asked through the translation through which the agent would work.
"""

from collections.abc import Callable
from typing import Any

from toolworthy.content import adapters
from toolworthy.wire.lenient import parse_json
from toolworthy.work.probes import Ask, Broken, Unmeasured, damage, probe
from toolworthy.work.probes.answer import LIMITS, Answer, Trouble, accept, speaks, trouble_with
from toolworthy.work.probes.material import ASK_CODE, CODE, CODE_WORD, SOURCE, sequence
from toolworthy.work.probes.recorded import Conversation

TITLES = {agent.id: agent.title for agent in adapters.agents()}
WRITTEN = {"path": "src/area.py", "content": SOURCE}
EDITED = {"path": "src/app.py", "old": "width * height", "new": "width * height * 2"}
RESULT = f"The tool was run, and all went well. {CODE}"
TRIES = 3
LITTLE = 512
"""Tokens that hold the longest call of a session."""


def of_agent(agent: str, title: str, **options: Any) -> Callable[[Any], Any]:
    """A probe of what only this agent sends."""
    api = adapters.agent(agent).apis[0]
    return probe(
        f"{TITLES[agent]}'s {title}",
        api,
        modes="stream",
        severity="blocks",
        agents=(agent,),
        main_path=True,
        **options,
    )


async def sent(ask: Ask, talk: Conversation) -> Answer:
    """The next request of a conversation, taken and answered. Its token limit is the agent's own, unless the model is
    known to make no call or to write to its limit: then a small one, since it would write for minutes."""
    body = talk.body
    if ask.surface.calls.less or ask.surface.babbles:
        body |= {name: ask.room(LITTLE) for name in LIMITS if name in body}
    return accept(await ask.send(body, headers=talk.record.headers, query=talk.record.query))


async def first(ask: Ask, agent: str) -> None:
    """The request is taken, and answered by text or calls."""
    talk = Conversation(agent, ask.endpoint.model, "Reply with exactly: Hello.", brief=False)
    speaks(await sent(ask, talk), "Hello.")


async def session(ask: Ask, agent: str) -> None:
    """A file is written, another one edited, each result goes back, and an answer in text ends it."""
    opening = Conversation(agent, ask.endpoint.model, "", brief=True)
    steps = [opening.call("write", WRITTEN), opening.call("edit", EDITED)]
    talk = Conversation(agent, ask.endpoint.model, sequence(steps), brief=True)
    known = ask.surface.calls
    async with known.turn():
        answer = await called(ask, talk, steps[0])
        known.made += 1
    talk.go_on(answer, RESULT)
    talk.go_on(await called(ask, talk, steps[1]), RESULT)
    speaks(await sent(ask, talk), "done", "after the results, neither text nor a call comes")


async def called(ask: Ask, talk: Conversation, step: tuple[str, Any]) -> Answer:
    """The answer that makes this call. A model's slip in the arguments is its own: an agent would go on, too."""
    troubles: list[Trouble] = []
    tries = 1 if ask.surface.calls.less else TRIES
    for last in (*[False] * (tries - 1), True):
        answer = await sent(ask, talk)
        trouble = trouble_with([step], answer, exact=True)
        if not trouble or _slipped(step, answer):
            return answer
        troubles.append(trouble)
        if last:
            ask.blame(answer)
    if all(trouble.kind == "altered" for trouble in troubles):
        raise Broken(f"{troubles[0]}, {tries} times of {tries}")
    if ask.surface.calls.less:
        raise Unmeasured(ask.surface.calls.less)
    whole = await ask.send({**talk.body, "stream": False}, headers=talk.record.headers, query=talk.record.query)
    if whole.answered and not trouble_with([step], whole, exact=True):
        raise Broken(f"{troubles[-1]}, {tries} times of {tries} streamed; it came right whole")
    if talk.results and not await heard(ask, talk):
        raise Broken("the model does not know what its tools answered")
    raise Unmeasured(f"{troubles[-1]} (asked {tries} times)")


def _slipped(step: tuple[str, Any], answer: Answer) -> bool:
    """Whether the right tool was called, with all its arguments, and with other values than told."""
    (name, wanted), calls = step, answer.calls
    given = parse_json(calls[0].arguments) if len(calls) == 1 else None
    alike = isinstance(given, dict) and set(wanted) <= set(given)
    return alike and calls[0].name == name and not damage.arguments(wanted, calls[0].arguments)


async def heard(ask: Ask, talk: Conversation) -> bool:
    """Whether the model knows what stands in a result; taken for granted of one that does not do what it is told."""
    answer = await ask.send(talk.asked(ASK_CODE), headers=talk.record.headers, query=talk.record.query)
    return not ask.surface.obeys or not answer.answered or CODE_WORD in answer.text


@of_agent("claude-code", "first request")
async def test_first_request_claude_code(ask: Ask) -> None:
    """System blocks, cache marks, beta headers, adaptive thinking, context management, some thirty tools."""
    await first(ask, "claude-code")


@of_agent("codex", "first request")
async def test_first_request_codex(ask: Ask) -> None:
    """Role developer, namespaces, web search, store off, encrypted reasoning, client_metadata."""
    await first(ask, "codex")


@of_agent("openclaw", "first request")
async def test_first_request_openclaw(ask: Ask) -> None:
    """max_completion_tokens, usage in the stream, its tools."""
    await first(ask, "openclaw")


@of_agent("opencode", "first request")
async def test_first_request_opencode(ask: Ask) -> None:
    """Its tools, and tool_choice auto said aloud."""
    await first(ask, "opencode")


@of_agent("qwen-code", "first request")
async def test_first_request_qwen_code(ask: Ask) -> None:
    """Its tools, whose schemas are the richest of all."""
    await first(ask, "qwen-code")


@of_agent("claude-code", "session", tier="quick")
async def test_session_claude_code(ask: Ask) -> None:
    """Two calls and their results, thinking and its signature sent back, the newest result with a cache mark."""
    await session(ask, "claude-code")


@of_agent("codex", "session", tier="quick")
async def test_session_codex(ask: Ask) -> None:
    """Two calls and their results; items go back as they came, with their ids."""
    await session(ask, "codex")


@of_agent("openclaw", "session", tier="quick")
async def test_session_openclaw(ask: Ask) -> None:
    """Two calls and their results; ids lose their punctuation, and a user message stands behind the results."""
    await session(ask, "openclaw")


@of_agent("opencode", "session", tier="quick")
async def test_session_opencode(ask: Ask) -> None:
    """Two calls and their results, content and reasoning sent back even where they are empty."""
    await session(ask, "opencode")


@of_agent("qwen-code", "session", tier="quick")
async def test_session_qwen_code(ask: Ask) -> None:
    """Two calls and their results, each result a list of parts."""
    await session(ask, "qwen-code")
