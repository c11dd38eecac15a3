"""Why a call did not come as it was asked for, where all answers, each asked for in other words, show the same."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from toolworthy.wire.ir import ToolCall
from toolworthy.wire.lenient import as_dict, parse_json
from toolworthy.work.probes._model import ANNOUNCED, IN_WORDS, TOOLS_UNSEEN, Broken, Ignored, ProbeOutcome
from toolworthy.work.probes.answer import Answer

Wanted = Sequence[tuple[str, Any]]
"""Names and arguments of calls."""
_ENOUGH = 2
"""Answers that must agree."""
_TELLING = 4
"""Characters of an argument that nobody writes by chance."""
_LACKS = re.compile(
    r"\b(?:no|not|don't|cannot|can't|unable|lack\w*)\b[^.\n]{0,60}\b(?:tools?|functions?|access|capabilit\w+)\b"
    r"|\b(?:tools?|functions?)\b[^.\n]{0,60}\b(?:not (?:available|defined|exist)|unavailable|unknown|missing)\b",
    re.IGNORECASE,
)
"""That there is no such tool, as a model says that was shown none."""
_THOUGHT = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL)
_PLANS = re.compile(r"\b(?:I will|I'll|let me|I am going to|I'm going to|next, I)\b", re.IGNORECASE)
"""That something is about to be done."""


def unmade(wanted: Wanted, answers: Sequence[Answer], unseen: bool) -> ProbeOutcome | None:
    """What all answers show, in which calls are missing or too many; None where they show nothing in common.

    Args:
        wanted: what was asked for.
        answers: to the same request in several wordings.
        unseen: whether the request costs as many tokens without its tools as with them.
    """
    if len(answers) < _ENOUGH:
        return None
    times = f"{len(answers)} of {len(answers)} times"
    if any(answer.calls for answer in answers):
        counts = {_count(wanted, answer) for answer in answers}
        count = next(iter(counts)) if len(counts) == 1 else ""
        return (Ignored if count.startswith("only") else Broken)(f"{count}, {times}") if count else None
    names = ", ".join(dict.fromkeys(name for name, _ in wanted))
    texts, thoughts = zip(*map(_parted, answers), strict=True)
    excerpt = repr(texts[-1].strip()[:80])
    if unseen:
        return Broken(
            "no call comes, and a request counts as many input tokens without tools as with them", TOOLS_UNSEEN
        )
    if all(map(_LACKS.search, texts)):
        return Broken(f"the model says that it has no tool {names}, which is offered, {times}: {excerpt}", TOOLS_UNSEEN)
    if all(_described(wanted, text) or _PLANS.search(text) for text in texts):
        return Broken(f"the text describes the call of {names} instead of making it, {times}: {excerpt}", IN_WORDS)
    if all(_described(wanted, thought) for thought in thoughts):
        excerpt = repr(thoughts[-1].strip()[-80:])
        return Broken(f"the reasoning announces the call of {names}, and none comes, {times}: {excerpt}", ANNOUNCED)
    if all(map(str.strip, thoughts)) and not any(map(str.strip, texts)):
        return Broken(f"only reasoning comes where a call is due, {times}", ANNOUNCED)
    return None


def _parted(answer: Answer) -> tuple[str, str]:
    """The text of an answer without what is in think tags, and its reasoning with it."""
    return _THOUGHT.sub("", answer.text), answer.thoughts + "".join(_THOUGHT.findall(answer.text))


def _described(wanted: Wanted, text: str) -> bool:
    """Whether a text speaks of these calls: it names a tool, or has all that tells the arguments of one."""
    for name, arguments in wanted:
        values = [value for value in as_dict(arguments).values() if isinstance(value, str) and len(value) >= _TELLING]
        if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) or (values and all(value in text for value in values)):
            return True
    return False


def _count(wanted: Wanted, answer: Answer) -> str:
    """That fewer calls came than were wanted, or each twice, all of them right; "" where it is not so."""
    due = [(name, json.dumps(arguments, sort_keys=True)) for name, arguments in wanted]
    made = [_as_told(call) for call in answer.calls]
    if made and made in (due * 2, [call for call in due for _ in range(2)]):
        return "every call arrives twice"
    rest = iter(due)
    if 0 < len(made) < len(due) and all(call in rest for call in made):
        return f"only {len(made)} of {len(due)} calls arrive"
    return ""


def _as_told(call: ToolCall) -> tuple[str, str]:
    value = {"input": call.arguments} if call.custom else parse_json(call.arguments)
    return call.name, json.dumps(value, sort_keys=True)
