"""Streams beside whole responses: does text come as it is written, also with tools, and does a stream say the same?"""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from toolworthy import wire
from toolworthy.wire import ir
from toolworthy.wire.lenient import parse_json
from toolworthy.work.probes import EVERY_AGENT, Answer, Ask, Broken, Ignored, Unmeasured, probe
from toolworthy.work.probes.ask import SYSTEM, message
from toolworthy.work.probes.material import SOURCE, TOOLS, orders

TEXT = " ".join(f"Sentence number {number} is short." for number in range(12))
"""Long enough for many pieces."""
WHOLE = 0.9
"""Share of a text from which on one piece is all of it."""
SLOW = 1.0
"""Seconds from which on it shows when pieces come."""


def sizes(answer: Answer, kind: type[ir.Part]) -> list[int]:
    """The lengths of the pieces in which a response's parts of that kind came."""
    decoder = wire.api(answer.api).decoder()
    events = [*decoder.feed(answer.exchange.body), *decoder.close()]
    parts = {event.index: event.part for event in events if isinstance(event, ir.PartOpened)}
    return [
        len(event.text)
        for event in events
        if isinstance(event, ir.PartDelta) and isinstance(parts.get(event.index), kind) and event.text
    ]


def in_one_piece(answer: Answer, kind: type[ir.Part]) -> str:
    """How all of a text came at once; "" where it came in pieces, as they were written."""
    pieces = sizes(answer, kind)
    if pieces and max(pieces) > WHOLE * sum(pieces):
        return "in one piece"
    times = [chunk.at for chunk in answer.exchange.chunks] or [0.0]
    late = times[-1] >= SLOW and times[0] > WHOLE * times[-1]  # whenever the connection ends
    return "all at once, at the end" if late else ""


@probe("text is streamed when tools are offered", "chat", "messages", "responses", modes="stream", agents=EVERY_AGENT)
async def test_text_in_pieces(ask: Ask) -> None:
    """The same text with and without tools: some parsers hold back all of it until they know that it has no call."""
    without = await ask.says(TEXT)
    if len(without.text) < len(TEXT) / 2 or in_one_piece(without, ir.Text):
        raise Unmeasured("without tools, the text also comes at once, or is short")
    for times in (1, 2):
        answer = await ask.says(TEXT, tools=TOOLS)
        if len(answer.text) < len(TEXT) / 2 or answer.calls:
            raise Unmeasured(f"with tools, the model writes {answer.text.strip()[:60]!r}")
        how = in_one_piece(answer, ir.Text)
        if not how:
            return
        if times == 2:
            pieces = len(sizes(without, ir.Text))
            raise Broken(f"with tools, the text comes {how}, 2 of 2 times; without tools in {pieces} pieces")


@probe("arguments are streamed", "chat", "messages", "responses", modes="stream", severity="cosmetic")
async def test_arguments_in_pieces(ask: Ask) -> None:
    """A file as an argument is streamed as it is written. Where it is not, long calls look like a hanging stream."""
    answer = await ask.calls(("write_file", {"path": "src/area.py", "content": SOURCE * 4}), exact=False)
    if sum(len(call.arguments) for call in answer.calls) < len(SOURCE):
        raise Unmeasured("the arguments are short")
    if how := in_one_piece(answer, ir.ToolCall):
        raise Ignored(f"arguments of {sum(sizes(answer, ir.ToolCall))} characters come {how}")


COMPARED: dict[str, Callable[[Answer], Any]] = {
    "text": lambda answer: answer.text.strip(),
    "calls": lambda answer: [(call.name, parse_json(call.arguments) or call.arguments) for call in answer.calls],
    "stop reason": lambda answer: answer.response.stop,
    "reasoning": lambda answer: bool(answer.thoughts.strip()),
}
"""What must be the same, streamed or whole."""


@probe("streamed and whole responses agree", "chat", "messages", "responses", modes="whole", agents=EVERY_AGENT)
async def test_streamed_as_whole(ask: Ask) -> None:
    """The same prompt, streamed and whole: servers parse the two with different code."""
    wanted = [("list_files", {}), ("write_file", {"path": "a.py", "content": 'print("{}")\n'}), ("list_files", {})]
    prompt = orders(wanted, "I will look at the files.")
    request = ask.request(
        message("system", SYSTEM), prompt, tools=tuple(TOOLS), temperature=0.0, max_tokens=ask.room(512)
    )
    seen: dict[bool, list[Answer]] = {False: [], True: []}
    for _ in range(2):
        for stream, answers in seen.items():
            answers.append(await ask.accepted(replace(request, stream=stream)))
        if not different(seen[False][:1], seen[True][:1]):
            return
    if difference := different(seen[False], seen[True]):
        raise Broken(f"{difference}, 2 of 2 times each")
    raise Unmeasured("the model's responses to the same prompt vary")


def different(whole: list[Answer], streamed: list[Answer]) -> str:
    """What is one thing in all of these whole responses and another in all streamed ones; "" for nothing."""
    for name, read in COMPARED.items():
        first, second = ({json.dumps(read(answer)) for answer in answers} for answers in (whole, streamed))
        if len(first) == len(second) == 1 and first != second:
            return f"whole, the {name} is {min(first)[:120]}; streamed, it is {min(second)[:120]}"
    return ""


@probe(
    "a requested reasoning summary",
    "responses",
    modes="stream",
    severity="cosmetic",
    agents=("codex",),
    situation="thinking",
)
async def test_requested_summary(ask: Ask) -> None:
    """``reasoning.summary``: what Codex shows while the model thinks."""
    puzzle = "How many of the numbers from 1 to 60 are divisible by 4 or by 6? Reply with the number only."
    request = ask.thinking(ask.request(puzzle, stream=True))
    for _ in range(3):
        answer = await ask.accepted(request, fields={"reasoning": {"effort": "medium", "summary": "auto"}})
        if answer.thoughts.strip():
            return
        usage = answer.response.usage
        items = any(isinstance(part, ir.Thinking) for part in answer.response.parts)
        if not items and not (usage and usage.reasoning):
            raise Unmeasured("there is no sign that the model reasons")
    raise Ignored("the model reasons, and no summary comes, 3 of 3 times")
