"""Judge the calls of one answer: find the nearest alternative, and what is wrong.

Calls that equal the expected ones as written are right at once. Others are executed, and judged by their effects and
output.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from toolworthy.content.toolset import due, understand
from toolworthy.records.case import Miss
from toolworthy.rules.leaked import lost_calls
from toolworthy.rules.leaks import TOOL_SYNTAX
from toolworthy.wire.ir import Message, Request, Response, Text, ToolCall
from toolworthy.wire.lenient import parse_json
from toolworthy.work.cases._alternative import Alternative, Worth
from toolworthy.work.cases._execution import Execution, ParsedCall, Undecided
from toolworthy.work.cases._files import looks
from toolworthy.work.cases._scene import Scene
from toolworthy.work.cases.matching.values import compare
from toolworthy.work.cases.model import Turn, Want
from toolworthy.work.cases.world import State, World


@dataclass
class Ruling:
    """The judgement of one answer."""

    state: State
    """What lies in the working directory afterwards."""
    misses: tuple[Miss, ...] = ()
    credit: float = 0.0
    meets: dict[int, int] = field(default_factory=dict)
    """Number of a call to number of what it is for, in the alternative that it was measured by."""
    shown: dict[int, str] = field(default_factory=dict)
    """Number of a call to what it said when it was run."""
    turns: int = 1
    """How many turns it does at once: this one, and those after it that say nothing new."""
    explores: bool = False
    """Whether it is only read-only calls, none of them expected."""

    @property
    def lenient(self) -> bool:
        """Whether it is right except in the strict reading."""
        return all(miss.strict for miss in self.misses)


async def rule_on(
    scene: Scene,
    turn: Turn,
    answer: Response,
    state: State,
    world: World | None,
    ahead: Sequence[Turn] = (),
    *,
    thorough: bool = False,
) -> Ruling:
    """Judge an answer to `turn`.

    Args:
        scene: the case with its toolset.
        turn: what was asked.
        answer: what the model said.
        state: what lies in the working directory now.
        world: runs a command where only that can tell what it does.
        ahead: the turns after this one in which nothing new is said; an answer may do their part as well.
        thorough: run every command, also one that is equal to a wanted one as it is written.

    Raises:
        Undecided: a command would have to be run to tell, and cannot be.
    """
    lost = _left_in_text(scene, turn, answer)
    if lost and not answer.calls:
        return Ruling(state, tuple(lost))
    calls = [_parse_call(scene, call) for call in answer.calls]
    explores = bool(calls) and all(call.operation is not None and looks(call.operation) for call in calls)
    if not turn.right:
        misses = tuple(_no_call(scene, turn, answer, calls))
        return Ruling(state, misses, 0.0 if misses else 1.0, explores=explores and bool(misses))
    stage = Execution(state, turn, private=scene.case.private)
    best = await _best(scene, stage, calls, answer, ahead)
    if (best.misses or (thorough and world)) and any(call.command is not None for call in calls):
        if world is not None:
            ran = await _best(scene, await _furnished(stage, world, calls, ahead), calls, answer, ahead)
            best = ran if thorough else min((ran, best), key=_badness)
        elif not explores:
            raise Undecided(f"only a sandbox can determine what this does: {_commands(calls)[:200]}")
    best.explores = (explores or best.explores) and not best.lenient
    best.misses = _with_leaks(best.misses, lost)
    return best


def _commands(calls: Sequence[ParsedCall]) -> str:
    return "; ".join(call.command for call in calls if call.command is not None)


async def _furnished(stage: Execution, world: World, calls: Sequence[ParsedCall], ahead: Sequence[Turn]) -> Execution:
    """The stage in which commands are run, with a repository where one may be needed."""
    wanted = [way for turn in (stage.turn, *ahead) for wants in turn.right for want in wants for way in want.command]
    if not world.needs_repository(stage.before, _commands(calls), *wanted):
        return replace(stage, world=world)
    state, repository = await world.with_repository(stage.before)
    return replace(stage, before=state, world=world, repository=repository)


async def _best(
    scene: Scene, stage: Execution, calls: list[ParsedCall], answer: Response, ahead: Sequence[Turn]
) -> Ruling:
    """What is said by the alternative that comes nearest."""
    done = await stage.do([call for call in calls if not call.broken])
    broken = [_unreadable(call) for call in calls if call.broken]
    best: Ruling | None = None
    for wants in stage.turn.right:
        for turns in range(1, len(ahead) + 2 if stage.world is not None and not stage.turn.apart else 2):
            more = [want for turn in ahead[: turns - 1] for want in turn.right[0]]
            alternative = Alternative(scene, stage, (*wants, *more), calls, len(wants))
            measured = await alternative.measure(done, whole=turns > 1)
            if measured is None:
                continue
            ruling = _ruling(measured, wants, calls, broken, answer)
            ruling.turns = turns
            if best is None or _badness(ruling) < _badness(best):
                best = ruling
    assert best is not None
    return best


def _ruling(
    measured: Worth, wants: Sequence[Want], calls: list[ParsedCall], broken: list[Miss], answer: Response
) -> Ruling:
    # What is missing is said last: it may be due to what else is amiss.
    misses = [*broken, *sorted(measured.misses, key=lambda miss: miss.kind == "missing call")]
    if not calls:
        detail = "the response was empty" if not answer.text.strip() else "the model answered with text"
        misses = [Miss(kind="no call", wanted=_words(wants), given=answer.text[:300], detail=detail)]
    credit = max(0.0, min(1.0, measured.met / max(len(wants), 1)))
    return Ruling(
        measured.state, tuple(misses), credit, measured.meets, measured.shown, explores=measured.looks and bool(calls)
    )


def _badness(ruling: Ruling) -> tuple[int, float, int, int, int]:
    heavy = [miss for miss in ruling.misses if not miss.strict]
    others = sum(miss.kind == "wrong tool" for miss in heavy)
    return len(heavy), -ruling.credit, len(ruling.misses), others, -ruling.turns


def _parse_call(scene: Scene, call: ToolCall) -> ParsedCall:
    """A call as far as it can be understood."""
    tool = next((tool for tool in scene.tools if call.name in (tool.flat_name, tool.name)), None)
    if tool is None:
        return ParsedCall(call, None, None, unknown=True)
    arguments: Any = call.arguments if call.custom else parse_json(call.arguments or "{}")
    if not call.custom and not isinstance(arguments, dict):
        return ParsedCall(call, None, None)
    spec = scene.spec(call.name)
    operation = understand(spec, arguments) if spec else None
    looks_only = any(own.looks for name, own in scene.case.own.items() if scene.names.get(name) == call.name)
    lacking = tuple(name for name in due(spec) if name not in arguments) if spec and isinstance(arguments, dict) else ()
    own = spec if call.name in scene.names.values() else None
    odd = tuple(name for name in arguments if name not in own.parameters) if own and not own.custom else ()
    return ParsedCall(call, arguments, operation, looks=looks_only, lacking=lacking, odd=odd)


def _left_in_text(scene: Scene, turn: Turn, answer: Response) -> list[Miss]:
    """The calls that the server left in the text; of an answer without calls also what is not a whole call, but has the
    marks of one."""
    request = Request("", (*scene.messages, Message("user", (Text(turn.user or ""),))), scene.tools)
    lost = [f"a call of {call.name} is in the {call.where}" for call in lost_calls(request, answer)]
    if not lost and not answer.calls and (mark := TOOL_SYNTAX.search(answer.text)):
        lost = [f"{mark.group()!r} is in the text"]
    return [Miss(kind="leaked call", given=answer.text[:300], detail=detail) for detail in lost]


def _with_leaks(misses: Sequence[Miss], lost: Sequence[Miss]) -> tuple[Miss, ...]:
    """Calls that are missing since they were left in the text are named as that."""
    missing = [miss for miss in misses if miss.kind == "missing call"]
    for miss, leak in zip(missing, lost, strict=False):
        misses = [leak.model_copy(update={"wanted": miss.wanted}) if other is miss else other for other in misses]
    return tuple(misses)


def _no_call(scene: Scene, turn: Turn, answer: Response, calls: Sequence[ParsedCall]) -> Iterator[Miss]:
    """What is amiss where no call is right."""
    if calls:
        for call in calls:
            broken = _unreadable(call) if call.unknown or call.arguments is None else None
            yield broken or Miss(kind="call where none is due", given=call.words, detail=call.words)
    elif not answer.text.strip():
        yield Miss(kind="no answer", detail="neither a call nor a text")
    elif turn.answer is not None and compare(turn.answer, answer.text) is not None:
        strict = not scene.case.exact and compare(turn.answer, answer.text, lenient=True) is None
        yield Miss(kind="wrong answer", wanted=str(turn.answer), given=answer.text[:500], strict=strict)


def _unreadable(call: ParsedCall) -> Miss:
    if call.unknown:
        return Miss(kind="unknown tool", given=call.words, detail=f"{call.call.name} was not offered")
    if call.lacking:
        return Miss(kind="missing argument", given=call.words, detail=f"{', '.join(call.lacking)} is missing")
    if call.odd:
        return Miss(kind="extra argument", given=call.words, detail=f"{', '.join(call.odd)} was not requested")
    return Miss(kind="malformed call", given=call.words, detail="the arguments are not a JSON object")


def _words(wants: Sequence[Want]) -> str:
    """What was wanted, in short."""
    return ", ".join(want.words for want in wants)


def unspoken(turns: Sequence[Turn], number: int) -> tuple[Turn, ...]:
    """The turns after that of `number` in which only results come, and more calls are due."""
    following = itertools.takewhile(lambda turn: turn.right and not turn.user and not turn.error, turns[number + 1 :])
    return () if turns[number].error else tuple(following)
