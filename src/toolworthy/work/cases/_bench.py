"""Run cases: each is a conversation with the endpoint, judged turn by turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from toolworthy import wire
from toolworthy.content.adapters import AgentAdapter
from toolworthy.endpoint.target import Endpoint
from toolworthy.gateway import Gateway, GatewaySession
from toolworthy.records.case import CaseKey, CaseResult, Miss
from toolworthy.records.exchange import Exchange
from toolworthy.sandbox import Sandbox
from toolworthy.wire.ir import Api, Message, Reasoning, Request, Response, Text
from toolworthy.work.cases._attempt import AttemptState, Subject, ask_case
from toolworthy.work.cases._judge import Ruling, rule_on, unspoken
from toolworthy.work.cases._request import ask
from toolworthy.work.cases._scene import Scene
from toolworthy.work.cases.model import Case
from toolworthy.work.cases.render import results, scene
from toolworthy.work.cases.world import State, World

LOOKS = 2
"""How many turns the model may explore before its task; the strict reading allows none."""


@dataclass
class _Play:
    """The conversation so far."""

    messages: list[Message]
    state: State
    attempt: AttemptState
    stopped: bool = False


class CaseBench:
    """Runs the cases of one run."""

    def __init__(
        self,
        endpoint: Endpoint,
        gateway: Gateway,
        cases: Sequence[Case],
        agents: Sequence[AgentAdapter],
        *,
        stream: bool = True,
        sandbox: Sandbox | None = None,
    ) -> None:
        self._endpoint, self._gateway, self._stream = endpoint, gateway, stream
        self._cases = {case.id: case for case in cases}
        self._agents = {agent.id: agent for agent in agents}
        self._world = World(sandbox) if sandbox else None

    async def run(self, key: CaseKey) -> CaseResult:
        """Run one case. Never raises: a case that cannot be judged is unmeasured."""
        case, agent = self._cases[key.case], self._agents[key.toolset]
        stage = scene(case, agent)

        async def converse(session: GatewaySession, api: Api, attempt: AttemptState) -> None:
            play, number = _Play(list(stage.messages), stage.state, attempt), 0
            while number < len(case.turns) and not play.stopped:
                number += await self._turn(session, api, stage, number, play)

        subject = Subject(self._endpoint, self._gateway, agent, case.category, len(case.turns), case.think)
        return await ask_case(key, subject, converse)

    async def _turn(self, session: GatewaySession, api: Api, stage: Scene, number: int, play: _Play) -> int:
        """Ask one turn; how many turns the answer did at once."""
        turn, ahead = stage.case.turns[number], unspoken(stage.case.turns, number)
        if turn.user:
            play.messages.append(Message("user", (Text(turn.user),)))
        for look in range(LOOKS + 1):
            exchange = await self._ask(session, api, stage, play.messages)
            answer = exchange.response or Response()
            if answer.stop == "length":
                play.attempt.misses.append(
                    Miss(kind="truncated", turn=number, detail="the endpoint's own limit cut the response")
                )
                play.attempt.turns, play.stopped = play.attempt.turns + 1, True
                return 1
            ruling = await rule_on(stage, turn, answer, play.state, self._world, ahead)
            if not ruling.explores or look == LOOKS:
                break
            play.attempt.misses.append(Miss(kind="extra call", turn=number, given=answer.calls[0].name, strict=True))
            results_of_looks = results(stage, turn, answer.calls, {}, play.state.files, ruling.shown)
            play.messages += [Message("assistant", answer.parts), Message("tool", tuple(results_of_looks))]
        self._note(ruling, number, play)
        if not play.stopped and answer.calls:
            outputs = results(stage, turn, answer.calls, ruling.meets, play.state.files, ruling.shown)
            play.messages += [Message("assistant", answer.parts), Message("tool", tuple(outputs))]
            play.state = play.state if turn.error else ruling.state
        elif not play.stopped:
            play.messages.append(Message("assistant", answer.parts))
        return ruling.turns

    @staticmethod
    def _note(ruling: Ruling, number: int, play: _Play) -> None:
        play.attempt.turns += ruling.turns
        play.attempt.credit += ruling.credit + ruling.turns - 1
        play.attempt.misses += [miss.model_copy(update={"turn": number}) for miss in ruling.misses]
        play.stopped = not ruling.lenient

    async def _ask(self, session: GatewaySession, api: Api, stage: Scene, messages: Sequence[Message]) -> Exchange:
        """One answer of the model.

        Raises:
            NoAnswer: there is none, for a reason that is not the model's.
        """
        case = stage.case
        request = Request(
            model=self._endpoint.model,
            messages=tuple(messages),
            tools=stage.tools,
            stream=self._stream,
            reasoning=_reasoning(case.think),
        )
        rendered = wire.api(api).render_request(request, self._endpoint.dialect).body
        return await ask(session, api, rendered)


def _reasoning(think: bool | None) -> Reasoning | None:
    return None if think is None else Reasoning(enabled=think, effort="medium" if think else None)
