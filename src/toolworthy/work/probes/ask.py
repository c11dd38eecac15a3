"""Sends a probe's requests through the gateway, as an agent would, and repeats them for an unwilling model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from toolworthy.endpoint.target import Endpoint
from toolworthy.gateway import GatewaySession
from toolworthy.records.finding import Finding
from toolworthy.records.probe import ProbeKey
from toolworthy.rules import codes
from toolworthy.wire.ir import Message, Request, Tool, ToolChoice
from toolworthy.work.probes._channel import SHORT, message, user
from toolworthy.work.probes._connection import ConnectionChannel
from toolworthy.work.probes._model import NO_CALLS, Broken, Ignored, ProbeOutcome, Rejected, Unmeasured
from toolworthy.work.probes._surface import Surface
from toolworthy.work.probes._unmade import unmade
from toolworthy.work.probes.answer import Answer, Trouble, accept, speaks, trouble_with
from toolworthy.work.probes.material import ASK_CODE, CODE_WORD, TOOLS, orders

if TYPE_CHECKING:
    import httpx

_ON_THE_WIRE = frozenset(
    "TW106 TW111 TW193 TW194 TW301 TW302 TW318 TW393 TW401 TW402 TW407 TW415 TW418 TW501 TW504 TW506 TW512".split()  # noqa: SIM905
)
"""Faults that hide calls from some clients: next to one, it is the cause of a missing or wrong call."""
_NOT_FORCED, _CUT_EMPTY, _EMPTY, _SWALLOWED = "TW116", "TW705", "TW704", "TW708"
_SILENCE = "TW612"
_OF_TIME = ("TW611", "TW623", "TW697", "TW699")
"""Rules about the errors of a busy endpoint."""
_OF_TOOLS = ("tools", "tool_choice", "parallel_tool_calls", "toolConfig")
"""Fields that only requests with tools have."""
_SENDING = ("fields", "headers", "query")
"""Options of :meth:`Channel.send`."""
_TALK = 256
"""Tokens that a model may spend around a call."""


class Ask(ConnectionChannel):
    """Requests that a probe can make."""

    def __init__(
        self, key: ProbeKey, endpoint: Endpoint, session: GatewaySession, client: httpx.AsyncClient, surface: Surface
    ) -> None:
        super().__init__(key, endpoint, session, client, surface)
        self._any_call = False
        """Whether the model has made any call."""
        self.pressed: set[int] = set()
        """What was asked with a choice of tools that the probe itself does not want, and answered by other words."""

    def lasting(self, findings: Iterable[Finding]) -> list[Finding]:
        """`findings` without those that only the probe's own ways cause: a request was sent again, a run limit cut
        the answer, the endpoint had no time, or a call was demanded at last, which probes of their own look into."""
        return [finding for finding in findings if not self._own(finding.code, finding.evidence.exchange)]

    def _own(self, code: str, exchange: int | None) -> bool:
        return (
            (exchange in self.superseded and code not in _OF_TIME)
            or (exchange in self.cut and code != _SILENCE)
            or (exchange in self.refused_for_time and code not in _OF_TIME)
            or (exchange in self.limited and code == _CUT_EMPTY)
            or (exchange in self.pressed and code == _NOT_FORCED)
        )

    async def accepted(self, request: Request | Mapping[str, Any], **options: Any) -> Answer:
        """Send a request that a correct endpoint accepts.

        Raises:
            Rejected: it refuses with a clear message.
            Broken: there is no answer, or none that can be read.
            Unmeasured: the endpoint has no time for us.
        """
        return accept(await self.send(request, **options))

    # ---- asking for something ------------------------------------------------------------------------------------

    async def calls(
        self,
        *wanted: tuple[str, Any],
        tools: Sequence[Tool] = TOOLS,
        before: Sequence[Message] = (),
        say: str = "",
        exact: bool = True,
        **options: Any,
    ) -> Answer:
        """Have the model make these calls, requested in several wordings and several times.

        Args:
            wanted: names and arguments, in order.
            tools: what is offered.
            before: the conversation so far.
            say: text that it is to write before.
            exact: whether the arguments must be as wanted.
            options: of :class:`Request`, or of :meth:`send`.

        Raises:
            Rejected, Broken: as `accepted`; Broken also where only the wire explains what came.
            Unmeasured: the model did not do it.
        """
        sending: dict[str, Any] = {name: options.pop(name) for name in _SENDING if name in options}
        known = self.surface.calls
        # The minimum for a server with tool calls: if this fails, no other probe needs to request a call.
        plain = tools is TOOLS and not (before or say or options or sending)

        def asked(way: int) -> Request:
            return self._order(way, wanted, tools, before, say, options)

        async with known.turn():
            if known.less:
                raise Unmeasured(known.less, known.cause)
            try:
                return await self._called(wanted, asked, exact, sending)
            except ProbeOutcome as outcome:
                if not known.made and isinstance(outcome, (Broken, Rejected)) and self.key.stream is not None:
                    known.made += await self._comes_right(1, wanted, asked, exact)
                known.missed(str(outcome), outcome.cause, plain and not self._any_call)
                raise

    async def _called(
        self,
        wanted: Sequence[tuple[str, Any]],
        request_for: Callable[[int], Request],
        exact: bool,
        sending: Mapping[str, Any],
    ) -> Answer:
        troubles: list[Trouble] = []
        answers: list[Answer] = []
        known, choice = self.surface.calls, request_for(0).tool_choice
        for way in range(known.tries):
            request = request_for(way)
            answer = await self.accepted(request, **sending)
            self._any_call = self._any_call or bool(answer.calls)
            if request.tool_choice != choice and _all_there(answer):
                self.pressed.add(answer.exchange.index)
            if not (trouble := trouble_with(wanted, answer, exact)):
                known.made += 1
                return answer
            troubles.append(trouble)
            answers.append(answer)
            self.blame(answer)
        if self.key.stream is not None and len(troubles) > 1 and await self._comes_right(2, wanted, request_for, exact):
            known.made += 1
            here, there = ("streamed", "whole") if self.stream else ("whole", "streamed")
            raise Broken(f"{troubles[-1]}, {len(troubles)} of {len(troubles)} times {here}; 2 of 2 are correct {there}")
        if known.made and troubles[0] == troubles[-1] and troubles[0].kind == "altered":
            raise Broken(f"{troubles[0]}, {len(troubles)} of {len(troubles)} times")
        if how := _vanished(answers, bool(known.made)):
            raise Broken(f"{how}, {len(troubles)} of {len(troubles)} times")
        raise await self.unmade(wanted, answers, troubles, self.body(request_for(0)), sending)

    async def unmade(
        self,
        wanted: Sequence[tuple[str, Any]],
        answers: Sequence[Answer],
        troubles: Sequence[Trouble],
        body: Mapping[str, Any],
        sending: Mapping[str, Any],
    ) -> ProbeOutcome:
        """What to say of answers that lack calls, each the same in other words.

        Args:
            wanted: names and arguments of the calls.
            answers: all that came.
            troubles: what is amiss with each.
            body: the JSON of a request that they answer.
            sending: options of :meth:`send`.
        """
        silent = not any(answer.calls for answer in answers)
        unseen = silent and await self._costs_the_same(answers[0], body, sending)
        return unmade(wanted, answers, unseen) or Unmeasured(
            f"{troubles[-1]} ({len(troubles)} attempts)", cause_of(troubles)
        )

    async def _costs_the_same(self, answer: Answer, body: Mapping[str, Any], sending: Mapping[str, Any]) -> bool:
        """Whether a request that was answered counts as many input tokens without its tools."""
        counted = answer.response.usage
        if not (counted and counted.input):
            return False
        bare = await self.send({name: value for name, value in body.items() if name not in _OF_TOOLS}, **sending)
        return bool(bare.answered and bare.response.usage and bare.response.usage.input == counted.input)

    def blame(self, answer: Answer) -> None:
        """Explain a call that is missing or wrong by a fault on the wire.

        Raises:
            Broken: there is one in `answer`.
        """
        lost = [
            finding
            for finding in self.lasting(answer.findings)
            if finding.severity == "blocks" or finding.code in _ON_THE_WIRE
        ]
        if lost:
            root = min(lost, key=lambda finding: bool(finding.follows))
            raise Broken(f"{root.code} {root.title}: {root.detail}", root.follows or root.code)

    async def says(self, text: str, *before: Message, **options: Any) -> Answer:
        """Have the model say `text`; any text is accepted.

        Raises:
            Rejected, Broken: as `accepted`; Broken also where text and calls are missing.
            Unmeasured: the model itself says nothing.
        """
        sending = {name: options.pop(name) for name in _SENDING if name in options}
        limit = options.pop("max_tokens", None) or self.room(SHORT + len(text.encode()) // 2)
        request = self.request(*before, f"Reply with exactly: {text}", max_tokens=limit, **options)
        answer = await self.accepted(request, **sending)
        speaks(answer, text, "the response has no text")
        self.surface.babbles = self.surface.babbles or answer.response.stop == "length"
        self.surface.obeys = self.surface.obeys or answer.text.strip() == text
        return answer

    async def knows(self, *conversation: Message, **options: Any) -> Answer:
        """Have the model repeat the code word somewhere in `conversation`.

        Raises:
            Rejected, Broken: as `accepted`.
            Ignored: a model that says what it is told does not know the word.
            Unmeasured: the model does not say what it is told.
        """
        sending = {name: options.pop(name) for name in _SENDING if name in options}
        for _ in range(2):
            answer = await self.accepted(self.request(*conversation, ASK_CODE, **options), **sending)
            if CODE_WORD.lower() in answer.text.lower():
                return answer
        detail = f"the model was prompted for the code word and replied {answer.text.strip()[:80]!r}"
        raise (Ignored if self.surface.obeys else Unmeasured)(detail)

    def order(self, wanted: Sequence[tuple[str, Any]], tools: Sequence[Tool] = TOOLS, **options: Any) -> Request:
        """The simplest request for these calls."""
        return self._order(0, wanted, tools, (), "", options)

    def _order(
        self,
        way: int,
        wanted: Sequence[tuple[str, Any]],
        tools: Sequence[Tool],
        before: Sequence[Message],
        say: str,
        options: Mapping[str, Any],
    ) -> Request:
        prompt = orders(wanted, say)
        choice = options.get("tool_choice")
        if way == 1:
            prompt += "\nDo it now, with your tools. Do not write the call as text."
        if way == 2 and choice is None:
            choice = ToolChoice("required")
        needs = _TALK + len(json.dumps(wanted, ensure_ascii=False).encode()) // 2
        limit = options.get("max_tokens") or self.room(needs)
        options = {**options, "max_tokens": limit, "tools": tuple(tools), "tool_choice": choice}
        opening = () if before and before[0].role == "system" else (message("system", SYSTEM),)
        return self.request(*opening, *before, user(prompt), **options)

    async def _comes_right(
        self, times: int, wanted: Sequence[tuple[str, Any]], request_for: Callable[[int], Request], exact: bool
    ) -> bool:
        """Whether the other mode (whole or streamed) repeatedly succeeds: then the calls were lost on the way here."""
        for _ in range(times):
            answer = await self.send(replace(request_for(0), stream=not self.stream))
            if not answer.answered or trouble_with(wanted, answer, exact):
                return False
        return True


def _vanished(answers: Sequence[Answer], calls: bool) -> str:
    """How the server lost what the model wrote, by the codes that all of its answers show; empty where it may be the
    model that made no call. Counted tokens may be hidden reasoning, unless the model `calls` as told elsewhere."""
    codes = set.intersection(*({finding.code for finding in answer.findings} for answer in answers))
    if _EMPTY in codes:
        return f"{_EMPTY} neither text nor a call comes"
    return f"{_SWALLOWED} the tokens of a call are counted, and no call comes" if calls and _SWALLOWED in codes else ""


def cause_of(troubles: Sequence[Trouble]) -> str:
    """Why a probe that needs a call got none, if known."""
    return NO_CALLS if all(trouble.kind == "no call" for trouble in troubles) else ""


def _all_there(answer: Answer) -> bool:
    """Whether the response completely shows what the model did instead of a call."""
    lost = not codes("leaks into text").union({_SWALLOWED}).isdisjoint(finding.code for finding in answer.findings)
    return answer.at_once or (bool(answer.text.strip()) and not lost)


SYSTEM = "You are the subject of a test of an API. Do exactly what you are told, and nothing else."
