"""Answers with the verdict that is due: what proves a case, and measures the judge."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from toolworthy.cases.doing import Undecided
from toolworthy.cases.judge import Ruling, rule_on
from toolworthy.cases.model import filled, texts_of
from toolworthy.cases.player import reference
from toolworthy.cases.render import Scene
from toolworthy.cases.result import MissKind
from toolworthy.cases.turns import unspoken
from toolworthy.errors import UserError
from toolworthy.wire.ir import Part, Response, Text, ToolCall
from toolworthy.world import World

SUFFIX = ".answers.toml"
"""How the name of a file of answers ends; the file of its cases has the same name with ``.toml``."""
ENOUGH = 3
"""Right answers, and wrong ones, that prove a case."""
_VERDICTS = ("right", "lenient", *get_args(MissKind))


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Given(_Strict):
    """A call."""

    name: str
    """As it is offered."""
    arguments: dict[str, Any] | str = {}
    """Text for a free-form tool."""
    raw: str | None = None
    """The arguments as they come, where they are no JSON object."""


class Answer(_Strict):
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
    def _whole(self) -> Answer:
        if self.turn < 1:
            raise ValueError("turns are counted from 1")
        return self

    @property
    def said(self) -> str:
        """The answer in short."""
        calls = [f"{call.name}({call.raw or call.arguments})" for call in self.calls]
        return " ".join([*calls, self.text])[:200].strip()

    @property
    def right(self) -> bool:
        """Whether it is to be accepted, be it leniently."""
        return self.verdict in ("right", "lenient")


def answers_of(path: Path) -> list[Answer]:
    """The answers that prove a file of cases; none where it has no such file beside it.

    Raises:
        UserError: the file is no TOML, or an answer does not fit; one line with path, number and field.
    """
    beside = path.with_name(path.name.removesuffix(".toml") + SUFFIX)
    return load_answers(beside, path) if beside.is_file() else []


def load_answers(path: Path, *cases: Path) -> list[Answer]:
    """The answers of one file; ``{{NAME}}`` in them is a text of a file of `cases`."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        texts = {name: text for file in cases for name, text in texts_of(file).items()}
        rows = filled(data.get("answer", []), texts)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError) as error:
        raise UserError(f"{path}: {error}") from error
    if set(data) - {"answer"}:
        raise UserError(f"{path}: unknown table {min(set(data) - {'answer'})!r}; a file of answers has [[answer]]")
    found = []
    for number, row in enumerate(rows, 1):
        try:
            found.append(Answer.model_validate(row))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise UserError(
                f"{path}: answer {number}: {where}: {first['msg'].removeprefix('Value error, ')}"
            ) from error
    return found


async def judged(answer: Answer, stage: Scene, world: World | None) -> Ruling:
    """What the judge says of an answer, after the reference has played the turns before.

    Raises:
        Undecided: there is no sandbox, and only one could tell.
        LookupError: the case has no such turn.
    """
    state = stage.state
    turns = stage.case.turns
    if answer.turn > len(turns):
        raise LookupError(f"there is no turn {answer.turn}")
    for number, turn in enumerate(turns[: answer.turn - 1]):
        said = Response(parts=reference(stage, turn, number), stop="tool" if turn.right else "end")
        ruling = await rule_on(stage, turn, said, state, world)
        state = state if turn.error else ruling.state
    turn = turns[answer.turn - 1]
    return await rule_on(stage, turn, response(answer, stage), state, world, unspoken(turns, answer.turn - 1))


def response(answer: Answer, stage: Scene) -> Response:
    """The answer as a model gives it."""
    parts: list[Part] = [Text(answer.text)] if answer.text else []
    for number, given in enumerate(answer.calls):
        spec = stage.spec(given.name)
        arguments = given.arguments if isinstance(given.arguments, str) else json.dumps(given.arguments)
        text = given.raw if given.raw is not None else arguments
        parts.append(ToolCall(f"call_{number}", given.name, text, custom=bool(spec and spec.custom)))
    return Response(parts=tuple(parts), stop="tool" if answer.calls else "end")


def verdict(ruling: Ruling) -> str:
    """The one word for what is said: ``right``, ``lenient``, or the kind of the first miss."""
    miss = next((miss for miss in ruling.misses if not miss.strict), None)
    return miss.kind if miss else "lenient" if ruling.misses else "right"


async def disputed(
    answers: Sequence[Answer], scenes: dict[tuple[str, str], Scene], world: World | None
) -> list[tuple[Answer, str]]:
    """The answers of which the judge says something else than is due, and what it says.

    Args:
        answers: what is judged.
        scenes: each case in each toolset.
        world: where commands are run.
    """
    found = []
    for answer in answers:
        stage = scenes.get((answer.case, answer.toolset))
        if stage is None:
            found.append((answer, f"there is no case {answer.case!r} in the tools of {answer.toolset!r}"))
            continue
        try:
            ruling = await judged(answer, stage, world)
        except (LookupError, Undecided) as error:
            found.append((answer, str(error)))
            continue
        if verdict(ruling) != answer.verdict:
            misses = "; ".join(f"{miss.kind}: {miss.detail or miss.given}" for miss in ruling.misses)
            found.append((answer, f"{verdict(ruling)}{f' ({misses})' if misses else ''}"[:600]))
    return found
