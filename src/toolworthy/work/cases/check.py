"""Prove cases: the reference is right with every toolset, an empty answer is not, no two cases ask the same, and the
phrases of each answer in words are judged as they say."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence

from toolworthy.content.adapters import AgentAdapter
from toolworthy.wire.ir import Response
from toolworthy.work.cases._execution import Undecided
from toolworthy.work.cases._judge import rule_on
from toolworthy.work.cases._scene import Scene
from toolworthy.work.cases.matching.values import compare
from toolworthy.work.cases.model import Case, Turn
from toolworthy.work.cases.player import reference
from toolworthy.work.cases.render import scene
from toolworthy.work.cases.world import World


async def problems(cases: Sequence[Case], agents: Sequence[AgentAdapter], world: World | None) -> AsyncIterator[str]:
    """What is unsound, one line each."""
    case_by_words: dict[str, str] = {}
    for case in cases:
        for number, turn in enumerate(case.turns, 1):
            for line in unproven(turn):
                yield f"{case.id}: turn {number}: {line}"
            words = " ".join(turn.user.split())
            if words and case_by_words.setdefault(words, case.id) != case.id:
                yield f"{case.id}: {case_by_words[words]} says the same: {words[:60]!r}"
        for agent in agents[:1] if case.alone else agents:
            try:
                async for line in _case(scene(case, agent), world):
                    yield f"{case.id} ({agent.id}): {line}"
            except (LookupError, Undecided, ValueError) as error:
                yield f"{case.id} ({agent.id}): {error}"


async def _case(stage: Scene, world: World | None) -> AsyncIterator[str]:
    state = stage.state
    for number, turn in enumerate(stage.case.turns):
        answer = Response(parts=reference(stage, turn, number), stop="tool" if turn.right else "end")
        ruling = await rule_on(stage, turn, answer, state, world, thorough=True)
        for miss in ruling.misses:
            yield f"turn {number + 1}: the reference is not right: {miss.kind}: {miss.detail or miss.given}"
        empty = await rule_on(stage, turn, Response(stop="end"), state, world)
        if empty.lenient:
            yield f"turn {number + 1}: an empty answer passes"
        state = state if turn.error else ruling.state


def unproven(turn: Turn) -> Iterator[str]:
    """The phrases of which the turn's matcher says something else, strictly or leniently."""
    for due, phrases in ((True, turn.phrases.yes), (False, turn.phrases.no)):
        for phrase in phrases:
            if any((compare(turn.answer, phrase, lenient=lenient) is None) != due for lenient in (False, True)):
                yield f"the answer {phrase!r} is {'not right' if due else 'right'}"
