"""Marks that a parser, a tokenizer or a template may take for its own: they arrive as sent, and end nothing."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from toolworthy.wire.ir import Text
from toolworthy.wire.lenient import parse_json
from toolworthy.work.probes import EVERY_AGENT, Answer, Ask, Trait, Unmeasured, damage, probe, same_with
from toolworthy.work.probes.answer import speaks, trouble_with

FIRST, PLACE = "first", "END"
"""Marks are put between these words."""
TEMPLATE = (
    "<|im_start|> <|im_end|> <|endoftext|> <|eot_id|> <|channel|> <s> </s> <eos> [INST] [/INST] <start_of_turn>"
    " <end_of_turn> <｜end▁of▁sentence｜>"
)
SYNTAX = (
    "<think> </think> <tool_call> </tool_call> <function=x> </function> </parameter> [TOOL_CALLS] {{ x }} {% y %} }]}"
)
TOKENS = {
    "tokens of chat templates": TEMPLATE,
    "marks that parsers look for": SYNTAX,
    "words that servers stop at": "Observation: Human: ### Instruction: ```",
    "characters that some take for line ends": "\x0b \x0c \x1c \x85 \u2028 \u2029",
}
CONTROL = {"a NUL": "\x00", "control characters": "\x01 \x07 \x08 \x0c \x1b[0m \x7f"}
LONG = 512
"""Tokens that hold all marks."""
_SAY = re.compile(r"Reply with exactly: (.*)")
_ARGUMENTS = re.compile(r"with exactly these arguments: (\{.*\})")


def marked(marks: Mapping[str, str], *, escaped: bool = False) -> list[Trait]:
    """A trait for each kind of marks, which puts them into a request's text; `escaped` where that text is JSON."""

    def putting(text: str) -> Callable[[dict[str, Any]], object]:
        written = json.dumps(text, ensure_ascii=False)[1:-1] if escaped else text
        return lambda body: body.update(_with(body, f"{written} {PLACE}"))

    return [Trait(name, putting(text)) for name, text in marks.items()]


def _with(value: Any, text: str) -> Any:
    if isinstance(value, dict):
        return {name: _with(inner, text) for name, inner in value.items()}
    if isinstance(value, list):
        return [_with(inner, text) for inner in value]
    return value.replace(PLACE, text) if isinstance(value, str) else value


def told(answer: Answer, pattern: re.Pattern[str]) -> str:
    """What the request of an answer told the model to say."""
    parts = [part for message in answer.request.messages for part in message.parts] if answer.request else []
    texts = [part.text for part in parts if isinstance(part, Text)]
    return next((match[1] for text in reversed(texts) if (match := pattern.search(text))), "")


def missaid(answer: Answer) -> str:
    """How a text differs from what it was to be, by what a server does to it."""
    wanted, given = told(answer, _SAY), answer.text.strip()
    if given == wanted:
        return ""
    speaks(answer, without="the text is missing")
    if how := damage.text(wanted, given) or (
        wanted.startswith(given) and f"cut off before {wanted[len(given) :][:20]!r}"
    ):
        return f"the text arrives {how}"
    if given.startswith(FIRST):
        raise Unmeasured(f"the model says something else: {given[:80]!r}")
    return f"the model answers something else: {given[:80]!r}"


def miswritten(answer: Answer) -> str:
    """The same of a call's arguments."""
    trouble = trouble_with([("write_file", parse_json(told(answer, _ARGUMENTS)))], answer, exact=True)
    if trouble and trouble.kind in ("other tools", "other arguments"):
        raise Unmeasured(str(trouble))
    return "no call comes" if trouble and trouble.kind == "no call" else str(trouble or "")


async def written(ask: Ask, marks: Mapping[str, str]) -> None:
    """Demand that these marks, within arguments, change nothing."""
    if ask.surface.calls.less:
        raise Unmeasured(ask.surface.calls.less, ask.surface.calls.cause)
    plain = ask.order([("write_file", {"path": "src/marks.txt", "content": f"{FIRST} {PLACE}"})])
    await same_with(ask, plain, *marked(marks, escaped=True), wrong=miswritten)


@probe("text with special tokens", severity="degrades", agents=EVERY_AGENT, situation="markup")
async def test_marks_in_text(ask: Ask) -> None:
    """A text about chat templates, parsers and their marks is a text; nothing of it is swallowed, nothing ends it."""
    plain = ask.request(f"Reply with exactly: {FIRST} {PLACE}", max_tokens=ask.room(LONG))
    await same_with(ask, plain, *marked(TOKENS), wrong=missaid)


@probe("arguments with markup and special tokens", severity="degrades", agents=EVERY_AGENT, situation="markup")
async def test_markup_arguments(ask: Ask) -> None:
    """A file that quotes a chat template is written as it is."""
    await written(ask, TOKENS)


@probe("arguments with control characters", modes="stream", severity="degrades", agents=EVERY_AGENT, situation="markup")
async def test_control_in_arguments(ask: Ask) -> None:
    """What JSON escapes as ``\\u0000`` or ``\\u001b`` arrives as that character."""
    await written(ask, CONTROL)
