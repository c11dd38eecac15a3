"""Make one attempt at a case: hold the conversation, and build the result."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from toolworthy.content.adapters import AgentAdapter
from toolworthy.endpoint.target import Endpoint
from toolworthy.gateway import Gateway, GatewaySession
from toolworthy.records.case import CaseKey, CaseResult, Miss, Noted, Status
from toolworthy.records.score import Limit
from toolworthy.wire.ir import Api
from toolworthy.work.cases._execution import Undecided
from toolworthy.work.cases._request import NoAnswer
from toolworthy.work.scoring.measure import score


@dataclass
class AttemptState:
    """The state of an attempt in progress."""

    misses: list[Miss] = field(default_factory=list)
    credit: float = 0.0
    """Turns that were right, each between 0 and 1."""
    turns: int = 0
    noted: Noted | None = None


Conversation = Callable[[GatewaySession, Api, AttemptState], Awaitable[None]]
"""Asks all turns of one case.

Raises:
    NoAnswer, Undecided: the attempt cannot be judged.
"""


@dataclass(frozen=True)
class Subject:
    """The endpoint, agent and case of an attempt."""

    endpoint: Endpoint
    gateway: Gateway
    agent: AgentAdapter
    """Its first wire API is used where the endpoint has it."""
    category: str
    turns: int = 1
    """How many turns the case has."""
    think: bool | None = None


async def ask_case(key: CaseKey, subject: Subject, converse: Conversation) -> CaseResult:
    """Hold one conversation. Never raises: an attempt that cannot be judged is unmeasured."""
    began, clock = time.time(), time.perf_counter()
    session = subject.gateway.direct(str(key))
    api = subject.endpoint.api_for(subject.agent.apis[0])
    state = AttemptState()
    status: Status = "unmeasured"
    detail = ""
    limit: Limit | None = None
    try:
        await converse(session, api, state)
        status = _status(state)
    except (NoAnswer, Undecided) as reason:
        detail = subject.gateway.redactor.text(str(reason))
        limit = reason.limit if isinstance(reason, NoAnswer) else None
    seconds = time.perf_counter() - clock
    measured = await asyncio.to_thread(score, session.exchanges, subject.agent, subject.endpoint)
    return CaseResult(
        key=key,
        category=subject.category,
        status=status,
        credit=round(state.credit / subject.turns, 4),
        misses=tuple(state.misses),
        detail=detail,
        limit=limit,
        think=subject.think,
        api=api,
        turns=state.turns,
        noted=state.noted,
        score=measured,
        started=began,
        seconds=seconds,
    )


def _status(state: AttemptState) -> Status:
    if any(not miss.strict for miss in state.misses):
        return "wrong"
    return "lenient" if state.misses else "right"
