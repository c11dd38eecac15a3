"""Ask cases: each a conversation with the endpoint, judged turn by turn."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from toolworthy import tree, wire
from toolworthy.adapters import AgentAdapter
from toolworthy.cases.asking import Unmeasured, ask
from toolworthy.cases.files import Execute, Undecided
from toolworthy.cases.judge import Ruling, rule_on
from toolworthy.cases.model import Case, Turn
from toolworthy.cases.render import Scene, answer_of, results, scene
from toolworthy.cases.result import CaseKey, CaseResult, Miss, Status
from toolworthy.endpoint import Endpoint
from toolworthy.exchange import Exchange
from toolworthy.gateway import Gateway, Session
from toolworthy.sandbox import Sandbox
from toolworthy.sandbox.model import Command, Limits
from toolworthy.scoring.measure import score
from toolworthy.scoring.model import Limit
from toolworthy.wire.ir import Api, Message, Reasoning, Request, Response, Text, ToolResult

LOOKS = 2
"""How often the model may look around before it does what it was asked; only the lenient reading allows it."""
_SHELL_SECONDS = 20.0
_FILE_BYTES = 8 * 2**20


@dataclass
class _Play:
    """How a case goes."""

    messages: list[Message]
    files: Mapping[str, str]
    misses: list[Miss] = field(default_factory=list)
    credit: float = 0.0
    turns: int = 0
    stopped: bool = False


class CaseBench:
    """What the cases of one run share."""

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
        self._execute = executor(sandbox) if sandbox else None

    async def run(self, key: CaseKey) -> CaseResult:
        """Ask one case. Never raises: what cannot be judged is unmeasured."""
        case, agent = self._cases[key.case], self._agents[key.vocabulary]
        began, clock = time.time(), time.perf_counter()
        session = self._gateway.direct(str(key))
        api = self._endpoint.api_for(agent.apis[0])
        stage = scene(case, agent)
        play = _Play(list(stage.messages), stage.files)
        status: Status = "unmeasured"
        detail = ""
        limit: Limit | None = None
        try:
            for number, turn in enumerate(case.turns):
                await self._turn(session, api, stage, turn, number, play)
                if play.stopped:
                    break
            status = _status(play)
        except (Unmeasured, Undecided) as reason:
            detail = self._gateway.redactor.text(str(reason))
            limit = reason.limit if isinstance(reason, Unmeasured) else None
        seconds = time.perf_counter() - clock
        measured = await asyncio.to_thread(score, session.exchanges, agent, self._endpoint)
        return CaseResult(
            key=key,
            category=case.category,
            status=status,
            credit=round(play.credit / len(case.turns), 4),
            misses=tuple(play.misses),
            detail=detail,
            limit=limit,
            think=case.think,
            api=api,
            turns=play.turns,
            score=measured,
            started=began,
            seconds=seconds,
        )

    async def _turn(self, session: Session, api: Api, stage: Scene, turn: Turn, number: int, play: _Play) -> None:
        if turn.user:
            play.messages.append(Message("user", (Text(turn.user),)))
        for look in range(LOOKS + 1):
            exchange = await self._ask(session, api, stage, play.messages)
            answer = exchange.response or Response()
            if answer.stop == "length":
                play.misses.append(
                    Miss(kind="truncated", turn=number, detail="the endpoint's own limit cut the answer")
                )
                play.turns, play.stopped = play.turns + 1, True
                return
            ruling = await rule_on(stage, turn, answer, play.files, self._execute)
            if not ruling.explores or look == LOOKS:
                break
            play.misses.append(Miss(kind="extra call", turn=number, given=answer.calls[0].name, strict=True))
            looked = [ToolResult(call.id, (Text(answer_of(stage, call, play.files)),)) for call in answer.calls]
            play.messages += [Message("assistant", answer.parts), Message("tool", tuple(looked))]
        self._note(ruling, number, play)
        if not play.stopped and answer.calls:
            said = results(stage, turn, answer.calls, ruling.meets, play.files)
            play.messages += [Message("assistant", answer.parts), Message("tool", tuple(said))]
            play.files = play.files if turn.error else ruling.files
        elif not play.stopped:
            play.messages.append(Message("assistant", answer.parts))

    @staticmethod
    def _note(ruling: Ruling, number: int, play: _Play) -> None:
        play.turns += 1
        play.credit += ruling.credit
        play.misses += [miss.model_copy(update={"turn": number}) for miss in ruling.misses]
        play.stopped = not ruling.lenient

    async def _ask(self, session: Session, api: Api, stage: Scene, messages: Sequence[Message]) -> Exchange:
        """One answer of the model.

        Raises:
            Unmeasured: there is none, for a reason that is not the model's.
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


def _status(play: _Play) -> Status:
    if any(not miss.strict for miss in play.misses):
        return "wrong"
    return "lenient" if play.misses else "right"


def executor(sandbox: Sandbox) -> Execute:
    """Runs a shell command over files in `sandbox`, in a folder of its own."""

    async def execute(files: Mapping[str, str], command: str) -> dict[str, str]:
        with tree.temporary() as folder:
            app, home = folder / "app", folder / "home"
            home.mkdir()
            app.mkdir()
            for path, text in files.items():
                target = app / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(text.encode("utf-8", "surrogatepass"))
            env = {"HOME": sandbox.home(home), "PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
            limits = Limits(seconds=_SHELL_SECONDS, memory_mb=512, processes=64, disk_mb=64)
            await sandbox.run(Command(("bash", "-c", command), app, home, env=env, limits=limits))
            found = await asyncio.to_thread(tree.read_all, app, _FILE_BYTES, 8 * _FILE_BYTES)
            return {path: data.decode("utf-8", "replace") for path, data in found.items()}

    return execute
