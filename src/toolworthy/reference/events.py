"""Stages, as data: situations that a plain task never meets.

A stage plays its own steps before the task's, and acts on some of the task's requests: it truncates, refuses or breaks
off an otherwise correct response. Without a defect, a stage shows what a correct endpoint may do to any agent.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from toolworthy import content, wire
from toolworthy.base.errors import ToolworthyError
from toolworthy.base.loading import Strict, filled, fit, texts_of
from toolworthy.base.nearest import did_you_mean
from toolworthy.base.toml import read_toml
from toolworthy.content.situations import Situation
from toolworthy.content.tasks import Step
from toolworthy.reference._limits import CHARACTERS, limited
from toolworthy.reference._reply import Answering, error, overflown, reply
from toolworthy.reference.defects import Defect
from toolworthy.reference.model import STREAM, Reply
from toolworthy.wire.ir import Api, Failure, Reasoning, Request, Response, Text, ToolCall
from toolworthy.wire.lenient import as_dict, parse_json


@dataclass(frozen=True)
class ErrorAnswer:
    """An error in the API's own format, instead of a response."""

    message: str
    type: str
    status: int | None = None
    """None: the API's status for an overloaded endpoint."""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Stage:
    """One thing that happens in a task."""

    id: str
    situation: Situation
    title: str
    steps: tuple[Step, ...] = ()
    """Steps before the task's own."""
    at: int = 1
    """The request it acts on: its number among the task's requests with tools, from 0."""
    lasts: bool = False
    """It acts on all later ones as well."""
    together: bool = False
    """Whether consecutive reads are called in one response."""
    thinks: bool = False
    """Whether the model always thinks before it acts."""
    cut: Literal["call", "text"] | None = None
    """The response ends at the token limit, in the middle of this part."""
    refuse: ErrorAnswer | None = None
    full: bool = False
    """Whether the context window is full: a conversation about as long as that of request `at` is rejected until it is
    shortened."""
    counted: bool = False
    """With `full`: usage shows it one request earlier, so that an agent can shorten its conversation in time."""
    breaks: Literal["closed", "error"] | None = None
    """How the stream breaks off: the connection closes, or an error event ends it."""
    patience: float = 40.0
    """Additional seconds before an agent counts as hanging."""

    @property
    def requests(self) -> int:
        """How many requests its own steps need."""
        shared = sum(bool(self.together and a.read and b.read) for a, b in itertools.pairwise(self.steps))
        return sum(step.say is None for step in self.steps) - shared

    @property
    def once(self) -> bool:
        """Whether the stage itself is a fault: a defect then replaces it, only where the stage acts."""
        return self.refuse is not None or self.breaks is not None or (self.full and not self.counted)

    def acts(self, turn: int | None) -> bool:
        """Whether it acts on this request of the task; None: not a request of the task."""
        return turn is not None and (turn >= self.at if self.lasts else turn == self.at)

    def fills(self, turn: int | None) -> bool:
        """Whether usage for this request shows a nearly full context window."""
        return self.counted and turn == self.at - 1

    def heard(self, request: Request) -> Request:
        """The request as the model gets it."""
        return replace(request, reasoning=Reasoning(enabled=True)) if self.thinks else request

    def said(self, answer: Response, request: Request) -> Response:
        """The content of the response where the stage acts."""
        if self.cut is not None:
            return _cut(answer, request, ToolCall if self.cut == "call" else Text)
        if self.breaks == "error" and request.stream:
            return replace(answer, failure=_OVERLOADED, usage=None, stop=None, complete=False)
        return answer

    def sent(self, api: Api, made: Reply) -> Reply:
        """The reply where the stage acts."""
        if self.refuse is not None:
            refusal = self.refuse
            status = refusal.status or wire.api(api).overloaded
            return error(api, Failure(refusal.message, refusal.type, status=status), refusal.headers)
        if self.breaks == "closed" and made.content_type == STREAM:
            return replace(made, pieces=made.pieces[: max(1, len(made.pieces) * 6 // 10)], whole=False)
        return made


def staged(stage: Stage, acts: bool, api: Api, body: bytes, answer: Answering, defects: Sequence[Defect] = ()) -> Reply:
    """The reply to a completion request.

    Args:
        stage: the stage.
        acts: whether it acts on this request.
        api, body, answer, defects: as for :func:`toolworthy.reference._reply.reply`.
    """

    def said(request: Request) -> Response:
        made = answer(stage.heard(request))
        return stage.said(made, request) if acts else made

    if stage.counted and acts:
        return overflown(api, body)
    if not stage.once:
        return reply(api, body, said, defects)
    if stage.full and acts:
        refusals = (defect.refusal(as_dict(parse_json(body))) for defect in defects if api in defect.apis)
        return next(filter(None, refusals), None) or overflown(api, body)
    sound = stage.sent(api, reply(api, body, said)) if acts else reply(api, body, said)
    if not acts or not defects:
        return sound
    plain = reply(api, body, answer)
    faulty = reply(api, body, answer, defects)
    if faulty != plain:
        return faulty
    for defect in defects:
        sound = defect.spoil_reply(sound)
    return sound


def _cut(answer: Response, request: Request, kind: type[ToolCall | Text]) -> Response:
    """`answer`, truncated in the middle of its first part of this kind."""
    size = 0
    for part in answer.parts:
        words = part.arguments if isinstance(part, ToolCall) else getattr(part, "text", "")
        if isinstance(part, kind):
            tokens = (size + len(words) // 2) // CHARACTERS
            return limited(replace(request, max_tokens=tokens), answer)
        size += len(words)
    return answer


# ---- the stages ------------------------------------------------------------------------------------------------------


_OVERLOADED = Failure("The server is overloaded; try again later.", "overloaded_error", "overloaded")


class _File(Strict):
    stage: tuple[Stage, ...]


def _read_stages(path: Path) -> tuple[Stage, ...]:
    data = read_toml(path)
    return fit(_File, {"stage": filled(data["stage"], texts_of(data))}, path).stage


PLAIN = Stage("plain", "always", "nothing but the task")
STAGES: tuple[Stage, ...] = (PLAIN, *_read_stages(content.FIXTURES / "stages.toml"))


def stages(situations: Sequence[str]) -> tuple[Stage, ...]:
    """The stages of these situations; all if none is named.

    Raises:
        ToolworthyError: there is none of that situation.
    """
    known = {stage.situation for stage in STAGES}
    for name in situations:
        if name not in known:
            raise ToolworthyError(
                f"no situation that can be staged is called {name!r}{did_you_mean(name, sorted(known))}"
            )
    return tuple(stage for stage in STAGES if not situations or stage.situation in situations)
