"""Summaries, by which agents shorten a conversation that has become too long.

The oracle's summary contains all that the rest of the conversation needs: the task, and how many steps are done.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from toolworthy.content.tasks import Step, Task
from toolworthy.wire.ir import Request

_WISH = re.compile(
    r"\b(?:create|write|provide|generate|produce|give)\b[^.]{0,80}\b(?:summary|state_snapshot|handoff|continuing)"
    r"|^\W*summari[sz]e\b|conversation so far",
    re.IGNORECASE | re.MULTILINE,
)
"""Phrases in agents' requests for a summary."""
_DONE = re.compile(r"Steps that are done: (\d+)\.")


def wants_summary(request: Request, task: Task) -> bool:
    """Whether the newest message asks for a summary of the conversation; the task's own instruction may mention one,
    too."""
    text = _newest(request)
    if words_only(task.instruction) in words_only(text):  # the task itself, or the whole conversation in one message
        return not request.tools and bool(_WISH.search(text.replace(task.instruction, "")))
    return (len(request.messages) > 2 or not request.tools) and bool(_WISH.search(text))


def summary(task: Task, done: int) -> str:
    """A summary of a conversation about `task`, of which `done` steps are done."""
    return f"{task.instruction}\n\nSteps that are done: {done}."


def summarized(text: str) -> int | None:
    """How many steps are done, by a summary in `text`; None if there is none."""
    done = _DONE.search(text)
    return int(done[1]) if done else None


def quoted(request: Request, task: Task) -> int:
    """How many steps are done, if the newest message quotes the conversation with its calls: OpenCode and OpenClaw
    request summaries in this form."""
    rest = words_only(_newest(request)).partition(words_only(task.instruction))[2]
    done = 0
    for number, step in enumerate(task.steps):
        for mark in filter(None, map(words_only, _marks(step))):
            _, seen, rest = rest.partition(mark)
            if not seen:
                return done
            done = number + 1
    return done


def words_only(text: str) -> str:
    """The part of `text` that survives quoting, escaping and wrapping by an agent."""
    return re.sub(r"[^\w]+", " ", text.replace("\\n", " ").replace("\\t", " ")).strip()


def _marks(step: Step) -> Iterator[str]:
    """The texts in a step's call, in this order; none for a text step."""
    for words in (step.run, step.read, step.write, step.edit, step.content, step.old, step.new):
        yield words or ""


def _newest(request: Request) -> str:
    newest = [message for message in request.messages if message.role == "user"][-1:]
    return newest[0].text if newest else ""
