"""Send a request with and without traits, to find which trait makes a difference, and how."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from toolworthy.content import adapters
from toolworthy.wire.ir import APIS, Api, Request
from toolworthy.work.probes._declare import EVERY_AGENT, Modes, probe
from toolworthy.work.probes._model import Broken, Ignored, ProbeOutcome, Rejected, Unmeasured
from toolworthy.work.probes.answer import Answer, accept, speaks
from toolworthy.work.probes.ask import Ask

How = Literal["refused", "fails", "dropped", "differs", "unmeasured"]
"""``refused``: rejected with a reason; ``fails``: no answer, or an unreadable one; ``dropped``: accepted, but what
the trait carries has no effect; ``differs``: accepted, but the answer lacks what it has without the trait."""

_OUTCOMES: dict[How, type[ProbeOutcome]] = {
    "refused": Rejected,
    "fails": Broken,
    "dropped": Ignored,
    "differs": Broken,
    "unmeasured": Unmeasured,
}
_JOINED = " together with "
_TIMES = 2
"""How often each of the two requests must have the same result before it counts."""


@dataclass(frozen=True)
class Trait:
    """A property of a request, such as a field or a header."""

    name: str
    """Its name in findings: a noun."""
    put: Callable[[dict[str, Any]], object] = lambda body: None
    """Adds it to a request's JSON, in place."""
    headers: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    """Its part of the URL's query."""
    carries: bool = False
    """Whether the answer repeats the trait's value, so that an answer without it proves that the trait was dropped."""
    agents: tuple[str, ...] = ()
    """Ids of the agents that send it, ``*`` for all."""


@dataclass(frozen=True)
class Deviation:
    """How a trait changes the response to a request that works without it."""

    trait: str
    """Its name; or several names, joined by "together with", if no single one makes the difference."""
    how: How
    result: str
    """The result with the trait."""
    traits: tuple[Trait, ...] = ()
    """The traits of that name."""

    def outcome(self) -> ProbeOutcome:
        """The verdict of a probe of this trait."""
        if self.how == "unmeasured":
            return Unmeasured(self.result)
        counts = f"{_TIMES} of {_TIMES} times with {self.trait}, 0 of {_TIMES} without"
        agents = self.traits[0].agents if len(self.traits) == 1 else ()
        senders = (
            "every agent" if agents == EVERY_AGENT else ", ".join(adapters.agent(agent_id).title for agent_id in agents)
        )
        return _OUTCOMES[self.how](f"{self.result} ({counts})" + (f"; sent by {senders}" if senders else ""))


def speechless(answer: Answer) -> str:
    """What is wrong with an accepted answer that has neither text nor a call; "" if it has one."""
    try:
        speaks(answer)
    except Broken as broken:
        return str(broken)
    return ""


async def deviations(
    ask: Ask,
    plain: Request | Mapping[str, Any],
    traits: Sequence[Trait],
    wrong: Callable[[Answer], str] = speechless,
) -> tuple[Deviation, ...]:
    """Send a request with all `traits`; if it fails, find out which of them makes the difference.

    Sends one request if nothing is wrong, else about four for each trait that makes a difference.

    Args:
        ask: the probe's way to the endpoint.
        plain: the request without any of them.
        traits: traits to test; they are added to its JSON in this order.
        wrong: what an accepted answer, with or without the traits, lacks ("" for nothing). It may raise a
            :class:`ProbeOutcome`, as `accept` does.

    Returns:
        Reproducible deviations: the request fails every time with the trait, and never without it.

    Raises:
        Unmeasured: the plain request itself fails.
    """
    search = _search(ask, plain, wrong)
    if not traits or not await search.trouble(traits):
        return ()
    if without := await search.trouble(()):
        raise Unmeasured(f"the same request also fails without {_names(traits)}: {without.result}")
    return tuple(await search.among(traits))


async def same_with(
    ask: Ask,
    plain: Request | Mapping[str, Any],
    *traits: Trait,
    wrong: Callable[[Answer], str] = speechless,
) -> None:
    """Demand that these traits make no difference.

    Raises:
        Rejected, Broken, Ignored: one does; see :class:`Deviation`.
        Unmeasured: the cause is unclear.
    """
    for deviation in await deviations(ask, plain, traits, wrong):
        raise deviation.outcome()


class Together:
    """Traits with a probe each. One request has all traits of an API; only if it fails,
    each probe sends a request with its own.

    Args:
        name: unique in the suite.
        plain: the request without any of them.
        wrong: as :func:`deviations` takes it.
    """

    def __init__(
        self,
        name: str,
        plain: Callable[[Ask], Request | Mapping[str, Any]],
        wrong: Callable[[Answer], str] = speechless,
    ) -> None:
        self._name, self._plain_request, self._wrong = name, plain, wrong
        self._traits: list[tuple[tuple[Api, ...], Trait]] = []

    def trait(
        self,
        title: str,
        *apis: Api,
        headers: Mapping[str, str] | None = None,
        query: str = "",
        carries: bool = False,
        modes: Modes = "stream",
        **declared: Any,
    ) -> Callable[[Callable[[dict[str, Any]], object]], Any]:
        """Make a probe from a function ``test_<id>(body)`` that adds the trait to a request's JSON.

        Args:
            title, apis, modes, declared: as :func:`probe` takes them.
            headers, query, carries: as :class:`Trait` has them.
        """

        def make(put: Callable[[dict[str, Any]], object]) -> Any:
            mine = Trait(title, put, headers or {}, query, carries, declared.get("agents", ()))
            self._traits.append((apis or APIS, mine))

            @functools.wraps(put)
            async def asked(ask: Ask) -> None:
                if await ask.surface.shared(self._name, lambda: self._wrong_together(ask)):
                    await same_with(ask, self._plain_request(ask), mine, wrong=self._wrong)

            return probe(title, *apis, modes=modes, **declared)(asked)

        return make

    async def _wrong_together(self, ask: Ask) -> bool:
        traits = [trait for apis, trait in self._traits if ask.api in apis]
        return bool(await _search(ask, self._plain_request(ask), self._wrong).trouble(traits))


def _search(ask: Ask, plain: Request | Mapping[str, Any], wrong: Callable[[Answer], str]) -> _Search:
    return _Search(ask, ask.body(plain) if isinstance(plain, Request) else plain, wrong)


@dataclass(frozen=True)
class _Search:
    """Sends one request with more or fewer traits."""

    ask: Ask
    body: Mapping[str, Any]
    wrong: Callable[[Answer], str]

    async def trouble(self, traits: Sequence[Trait]) -> Deviation | None:
        """What is wrong with one response to the request with these traits."""
        body = copy.deepcopy(dict(self.body))
        for trait in traits:
            trait.put(body)
        headers: dict[str, str] = {}
        for name, value in (header for trait in traits for header in trait.headers.items()):
            headers[name] = f"{headers[name]},{value}" if name in headers else value
        query = "&".join(trait.query for trait in traits if trait.query)
        answer = await self.ask.send(body, headers=headers, query=query)
        deviation = self._judged(answer, traits)
        if deviation and len(traits) > 1:
            self.ask.superseded.add(answer.exchange.index)
        return deviation

    def _judged(self, answer: Answer, traits: Sequence[Trait]) -> Deviation | None:
        how: How = "dropped" if any(trait.carries for trait in traits) else "differs"
        try:
            fault = self.wrong(accept(answer))
        except ProbeOutcome as outcome:
            how = next(way for way, kind in _OUTCOMES.items() if isinstance(outcome, kind))
            return Deviation(_names(traits), how, str(outcome), tuple(traits))
        if fault and answer.response.stop == "length":
            return Deviation(_names(traits), "unmeasured", "the token limit cut the response")
        return Deviation(_names(traits), how, fault, tuple(traits)) if fault else None

    async def among(self, traits: Sequence[Trait]) -> list[Deviation]:
        """The deviations that these traits cause, after they failed together once."""
        single: list[Deviation] = []
        half = len(traits) // 2
        for part in (traits[:half], traits[half:]) if half else ():
            if await self.trouble(part):
                single += await self.among(part)
        if single:
            return single
        for trait in traits if half else ():
            rest = [other for other in traits if other is not trait]
            if await self.trouble(rest):
                traits = rest
        if await self.trouble(()):
            return []
        again = await self.trouble(traits)  # the last answer decides
        return [again] if again else []


def _names(traits: Sequence[Trait]) -> str:
    return _JOINED.join(trait.name for trait in traits)
