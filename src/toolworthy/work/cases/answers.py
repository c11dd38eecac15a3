"""Example answers with their expected verdicts, which prove a case and measure the judge."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, get_args

from pydantic import Field, field_validator, model_validator

from toolworthy.base.errors import ToolworthyError
from toolworthy.base.loading import Strict, filled, fit, texts_of
from toolworthy.base.toml import read_toml
from toolworthy.content.adapters import AgentAdapter
from toolworthy.records.case import MissKind
from toolworthy.wire.ir import Part, Response, Text, ToolCall
from toolworthy.work.cases._execution import Undecided
from toolworthy.work.cases._judge import Ruling, rule_on, unspoken
from toolworthy.work.cases._scene import Scene
from toolworthy.work.cases.model import Case
from toolworthy.work.cases.player import reference
from toolworthy.work.cases.render import scene
from toolworthy.work.cases.world import World

SUFFIX = ".answers.toml"
"""Suffix of files of answers; the file of the cases has the same name with ``.toml``."""
ENOUGH = 3
"""The numbers of right and wrong answers that prove a case."""
_AT_ONCE = 4
"""Answers that are judged at the same time."""
_VERDICTS = ("right", "lenient", *get_args(MissKind))


class Given(Strict):
    """A call."""

    name: str
    """As it is offered."""
    arguments: dict[str, Any] | str = Field(default_factory=dict)
    """Text for a free-form tool."""
    raw: str | None = None
    """The arguments as they come, where they are not a JSON object."""


class ExampleAnswer(Strict):
    """An answer to a turn of a case, and its verdict."""

    case: str
    turn: int = 1
    """From 1."""
    toolset: str
    """The agent in whose tools it is given."""
    verdict: str
    """``right``, ``lenient``, or the kind of miss that is due."""
    calls: tuple[Given, ...] = ()
    text: str = ""
    why: str = ""

    @field_validator("verdict")
    @classmethod
    def _known(cls, verdict: str) -> str:
        if verdict not in _VERDICTS:
            raise ValueError(f"verdict {verdict!r} is none of {', '.join(_VERDICTS)}")
        return verdict

    @model_validator(mode="after")
    def _whole(self) -> ExampleAnswer:
        if self.turn < 1:
            raise ValueError("turns are counted from 1")
        return self

    @property
    def text_in_short(self) -> str:
        """The answer in short."""
        calls = [f"{call.name}({call.raw or call.arguments})" for call in self.calls]
        return " ".join([*calls, self.text])[:200].strip()

    @property
    def right(self) -> bool:
        """Whether it must be accepted, at least leniently."""
        return self.verdict in ("right", "lenient")


def answers_of(path: Path) -> list[ExampleAnswer]:
    """The answers that prove a file of cases; none where it has no such file next to it.

    Raises:
        ToolworthyError: the file is not TOML, or an answer does not fit; one line with path, number and field.
    """
    beside = path.with_name(path.name.removesuffix(".toml") + SUFFIX)
    return load_answers(beside, path) if beside.is_file() else []


def load_answers(path: Path, *cases: Path) -> list[ExampleAnswer]:
    """The answers of one file; ``{{NAME}}`` in them is a text of a file of `cases`."""
    data, texts = read_toml(path), {name: text for file in cases for name, text in texts_of(read_toml(file)).items()}
    try:
        data = filled(data, texts)
    except (KeyError, ValueError) as error:
        raise ToolworthyError(f"{path}: {error}") from error
    return list(fit(_File, data, path).answer)


class _File(Strict):
    answer: tuple[ExampleAnswer, ...] = ()


async def judged(answer: ExampleAnswer, stage: Scene, world: World | None) -> Ruling:
    """The judge's ruling on an answer, after the reference has played the turns before.

    Raises:
        Undecided: there is no sandbox, and only one could tell.
        LookupError: the case has no such turn.
    """
    state = stage.state
    turns = stage.case.turns
    if answer.turn > len(turns):
        raise LookupError(f"there is no turn {answer.turn}")
    for number, turn in enumerate(turns[: answer.turn - 1]):
        played = Response(parts=reference(stage, turn, number), stop="tool" if turn.right else "end")
        ruling = await rule_on(stage, turn, played, state, world)
        state = state if turn.error else ruling.state
    turn = turns[answer.turn - 1]
    return await rule_on(stage, turn, response(answer, stage), state, world, unspoken(turns, answer.turn - 1))


def response(answer: ExampleAnswer, stage: Scene) -> Response:
    """The answer as a model gives it."""
    parts: list[Part] = [Text(answer.text)] if answer.text else []
    for number, given in enumerate(answer.calls):
        spec = stage.spec(given.name)
        arguments = given.arguments if isinstance(given.arguments, str) else json.dumps(given.arguments)
        text = given.raw if given.raw is not None else arguments
        parts.append(ToolCall(f"call_{number}", given.name, text, custom=bool(spec and spec.custom)))
    return Response(parts=tuple(parts), stop="tool" if answer.calls else "end")


def verdict(ruling: Ruling) -> str:
    """The verdict of a ruling: ``right``, ``lenient``, or the kind of the first miss."""
    miss = next((miss for miss in ruling.misses if not miss.strict), None)
    return miss.kind if miss else "lenient" if ruling.misses else "right"


@dataclass(frozen=True)
class Judgement:
    """The judge's verdict on an answer."""

    answer: ExampleAnswer
    given: str
    """As `ExampleAnswer.verdict` has it; empty where nothing can be said."""
    why: str

    @property
    def words(self) -> str:
        """Both, in short."""
        return f"{self.given}{f' ({self.why})' if self.why else ''}"[:600] if self.given else self.why


async def verdicts(
    answers: Sequence[ExampleAnswer], cases: Sequence[Case], agents: Sequence[AgentAdapter], world: World | None
) -> list[Judgement]:
    """Judge answers, some at a time.

    Args:
        answers: what is judged.
        cases: those that they belong to.
        agents: those in whose tools they are given.
        world: where commands are run.
    """
    known, toolsets = {case.id: case for case in cases}, {agent.id: agent for agent in agents}
    room = asyncio.Semaphore(_AT_ONCE)

    @cache
    def stage(case: str, toolset: str) -> Scene:
        return scene(known[case], toolsets[toolset])

    async def one(answer: ExampleAnswer) -> Judgement:
        if answer.case not in known or answer.toolset not in toolsets:
            return Judgement(answer, "", f"there is no case {answer.case!r} in the tools of {answer.toolset!r}")
        async with room:
            try:
                ruling = await judged(answer, stage(answer.case, answer.toolset), world)
            except (LookupError, Undecided) as error:
                return Judgement(answer, "", str(error))
        return Judgement(answer, verdict(ruling), "; ".join(f"{m.kind}: {m.detail or m.given}" for m in ruling.misses))

    return list(await asyncio.gather(*map(one, answers)))
