"""Requests of real agents, with all their fields and headers, as recorded; only the prose is filler.

These are an agent's main path: what it sends in every plain task. Where the endpoint lacks an agent's API they are
asked through the translation through which the agent would work.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from toolworthy.content import adapters
from toolworthy.wire.lenient import parse_json
from toolworthy.wire.text_edits import TextEdit, read_text_edits, written
from toolworthy.work.probes import SMALL_CONTEXT, UNMADE, Ask, Broken, Unmeasured, damage, probe
from toolworthy.work.probes.answer import LIMITS, Answer, Trouble, accept, speaks, trouble_with
from toolworthy.work.probes.material import ASK_CODE, CODE, CODE_WORD, SOURCE, sequence
from toolworthy.work.probes.recorded import Conversation, FirstRequest, agents_recorded, recorded

WRITTEN = {"path": "src/area.py", "content": SOURCE}
EDITED = {"path": "src/app.py", "old": "width * height", "new": "width * height * 2"}
RESULT = f"The tool was run, and all went well. {CODE}"
TRIES = 3
LITTLE = 512
"""Tokens that hold the longest call of a session."""


def declared(
    record: FirstRequest, title: str, look: Callable[[Ask, str], Awaitable[None]], about: str, **options: Any
) -> tuple[str, Any]:
    """The name and the test of a probe of what only this agent sends."""

    async def test(ask: Ask) -> None:
        await look(ask, record.agent)

    test.__name__ = f"test_{title}_{record.agent}".replace(" ", "_").replace("-", "_")
    test.__doc__ = about
    modes = "stream" if record.body.get("stream") else "whole"
    options |= {"modes": modes, "severity": "blocks", "agents": (record.agent,), "main_path": True}
    title = f"{adapters.agent(record.agent).title}'s {title}"
    return test.__name__, probe(title, record.api, **options)(test)


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
    """A file is written, another one edited, each result goes back, and an answer in text ends it. What a real agent
    sends, most of which is left out here, fits into the context window."""
    if not adapters.agent(agent).tools:
        await edits_as_text(ask, agent)
        return
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
    if lacking := adapters.agent(agent).lacks_room(ask.endpoint.context):
        raise Broken(lacking, SMALL_CONTEXT)


async def edits_as_text(ask: Ask, agent: str) -> None:
    """An edit comes back as it was ordered: marks, fence and indentation are the agent's only way to read it."""
    block = written(TextEdit("src/app.py", f"    {EDITED['old']}\n", f"    {EDITED['new']}\n"))
    talk = Conversation(agent, ask.endpoint.model, f"Reply with exactly these lines:\n{block}", brief=True)
    answers = [await sent(ask, talk) for _ in range(TRIES)]
    wanted = read_text_edits(block)
    texts = [answer.text for answer in answers if read_text_edits(answer.text) != wanted]
    if not texts:
        return
    ask.blame(answers[-1])
    bare = "".join(block.split())
    if len(texts) == TRIES and all("".join(text.split()) in bare or bare in "".join(text.split()) for text in texts):
        raise Broken(f"the edit came back as {texts[0][:200]!r}, {TRIES} of {TRIES} times")
    raise Unmeasured("the model wrote something else than the edit that it was told")


async def called(ask: Ask, talk: Conversation, step: tuple[str, Any]) -> Answer:
    """The answer that makes this call. A model's slip in the arguments is its own: an agent would go on, too."""
    troubles: list[Trouble] = []
    answers: list[Answer] = []
    known = ask.surface.calls
    tries = 1 if known.less else TRIES
    for last in (*[False] * (tries - 1), True):
        answer = await sent(ask, talk)
        trouble = trouble_with([step], answer, exact=True)
        if not trouble or _slipped(step, answer):
            return answer
        troubles.append(trouble)
        answers.append(answer)
        if last:
            ask.blame(answer)
    if all(trouble.kind == "altered" for trouble in troubles):
        raise Broken(f"{troubles[0]}, {tries} of {tries} times")
    if known.less:
        silent = known.cause in UNMADE and not answers[0].calls
        raise (Broken if silent else Unmeasured)(known.less, known.cause)
    whole = await ask.send({**talk.body, "stream": False}, headers=talk.record.headers, query=talk.record.query)
    if whole.answered and not trouble_with([step], whole, exact=True):
        raise Broken(f"{troubles[-1]}, {tries} of {tries} times streamed; correct without streaming")
    if talk.results and not await heard(ask, talk):
        raise Broken("the model does not see the tool results")
    sending = {"headers": talk.record.headers, "query": talk.record.query}
    raise await ask.unmade([step], answers, troubles, talk.body, sending)


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


RECORDED = [recorded(agent) for agent in agents_recorded()]
globals().update(declared(recording, "first request", first, recording.about) for recording in RECORDED)
globals().update(
    declared(recording, "session", session, recording.history.about, tier="quick") for recording in RECORDED
)
