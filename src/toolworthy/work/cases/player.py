"""The oracle's responses to cases: stateless, from the conversation alone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from toolworthy.content.adapters import AgentAdapter
from toolworthy.content.toolset import speaker
from toolworthy.wire.ir import Message, Part, Request, Text
from toolworthy.work.cases._reference import calls_for, plain
from toolworthy.work.cases._scene import Scene
from toolworthy.work.cases.model import Case, Turn
from toolworthy.work.cases.render import scene


class CasePlayer:
    """Answers the requests of cases as their references do; knows a case by what its user says."""

    def __init__(self, cases: Sequence[Case], agents: Sequence[AgentAdapter]) -> None:
        self._agents = tuple(agents)
        self._turns = {
            _one_line(turn.user): (case, number)
            for case in cases
            for number, turn in enumerate(case.turns)
            if turn.user
        }
        self._scene = lru_cache(maxsize=1_024)(self._made)
        self._cases = {case.id: case for case in cases}

    def __call__(self, request: Request) -> tuple[Part, ...] | None:
        """The answer to a case's request; None to any other."""
        words, rounds = _last_user(request.messages)
        turn = self._turns.get(_one_line(words))
        if turn is None:
            return None
        case, number = turn
        number += rounds
        if number >= len(case.turns):
            return (Text("Done."),)
        agent = speaker(request.tools, self._agents)
        return reference(self._scene(case.id, agent.id if agent else self._agents[0].id), case.turns[number], number)

    def _made(self, case: str, agent: str) -> Scene:
        return scene(self._cases[case], next(known for known in self._agents if known.id == agent))


def reference(scene: Scene, turn: Turn, number: int) -> tuple[Part, ...]:
    """The reference's answer to the turn of that number."""
    calls = calls_for(scene, turn.right[0] if turn.right else (), f"t{number}")
    if calls:
        return (*([Text(turn.say)] if turn.say else []), *(call for _, call in calls))
    return (Text(turn.say or (str(plain(turn.answer)) if turn.answer is not None else "There is nothing to do.")),)


def _last_user(messages: Sequence[Message]) -> tuple[str, int]:
    """What the user said last, and how many rounds of results have come since."""
    rounds = 0
    for message in reversed(messages):
        if message.role == "tool":
            rounds += 1
        elif message.role == "user":
            return " ".join(part.text for part in message.parts if isinstance(part, Text)), rounds
    return "", 0


def _one_line(text: str) -> str:
    return " ".join(text.split())
