"""A probe's channel to the endpoint: every request goes through the gateway, with retries, a token limit, and a time
limit that follows the endpoint's speed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from toolworthy import wire
from toolworthy.base.retry import NAMED_WAIT, Retry, with_retries
from toolworthy.endpoint.target import Endpoint
from toolworthy.gateway import GatewaySession
from toolworthy.gateway.retries import again, failed, refusal
from toolworthy.records.exchange import Exchange
from toolworthy.records.probe import ProbeKey
from toolworthy.rules.refusal import BUSY
from toolworthy.wire.ir import Api, Message, Reasoning, Request, Role, Text
from toolworthy.wire.lenient import as_dict, dump_json, parse_json
from toolworthy.work.probes._model import Unmeasured
from toolworthy.work.probes._surface import Surface
from toolworthy.work.probes.answer import Answer, Cut, SideAnswer, token_limit, widened
from toolworthy.work.probes.material import INVENTED

if TYPE_CHECKING:
    import httpx

MAX_BYTES = 8 * 2**20
"""The most bytes of one response: more than any token limit allows."""
SHORT = 64
"""Token limit for a response of a few words."""
THOUGHT = 1_024
"""The thinking budget in tokens."""
_SIDE = 2**20
"""The most bytes that are read of a response to another kind of request."""
ROOM = 4_096
"""Additional tokens for a model that thinks first."""


class Channel:
    """Sends one probe's requests, over one API, streamed or whole."""

    def __init__(
        self, key: ProbeKey, endpoint: Endpoint, session: GatewaySession, client: httpx.AsyncClient, surface: Surface
    ) -> None:
        self.key, self.endpoint, self.surface = key, endpoint, surface
        self.api: Api = key.api
        self.stream = bool(key.stream)
        self.url = session.base_url
        self.superseded: set[int] = set()
        """Exchanges whose requests were repeated, with a longer time or a higher token limit."""
        self.cut: set[int] = set()
        """Exchanges that were aborted."""
        self.flooded: set[int] = set()
        """Aborted exchanges whose response was longer than requested."""
        self.refused_for_time: set[int] = set()
        """Exchanges that a rate limit refused."""
        self.limited: set[int] = set()
        """Exchanges under a token limit."""
        self.last: Answer | None = None
        """The latest answer."""
        self._client, self._session = client, session
        self._ours: set[int] = set()
        """Token limits that this class set, not the probe."""
        self._recorded: asyncio.Queue[Exchange] = asyncio.Queue()
        session.on_exchange = self._recorded.put_nowait
        self._overheard: Exchange | None = None
        """The last exchange of another client."""
        # A probe must see the endpoint's own behaviour, without its adapter's workarounds.
        self._dialect = replace(
            endpoint.dialect,
            developer_role=True,
            system_anywhere=True,
            forced_calls="accepted",
            unsigned_thinking=True,
            thinking_switch="reasoning_effort"
            if endpoint.dialect.thinking_switch == "none"
            else endpoint.dialect.thinking_switch,
        )

    # ---- requests ------------------------------------------------------------------------------------------------

    def body(self, request: Request) -> dict[str, Any]:
        """The request's JSON for this API."""
        if self._dialect.replay != "required" or wire.api(self.api).reasoning:  # signatures cannot be invented
            request = replace(request, messages=tuple(map(_without_invented, request.messages)))
        body: dict[str, Any] = wire.api(self.api).render_request(request, self._dialect).body
        return body

    def written(self, body: Mapping[str, Any]) -> str:
        """The text of a request's JSON, as it is sent."""
        return json.dumps(dict(wire.api(self.api).sent(body)[1]))

    def request(self, *conversation: Message | str, **options: Any) -> Request:
        """A request with these messages (a string is the user's) and options of :class:`Request`."""
        messages = tuple(user(part) if isinstance(part, str) else part for part in conversation)
        options = {"stream": self.stream, **options}
        if options.get("max_tokens") is None:
            options["max_tokens"] = self.room(SHORT)
        return Request(model=self.endpoint.model, messages=messages, **options)

    def room(self, tokens: int) -> int:
        """A token limit for so many tokens; more for a model that thinks."""
        limit = tokens + ROOM * self.surface.thinks
        self._ours.add(limit)
        return limit

    @property
    def thinking_tokens(self) -> int:
        """Token limit for a request that thinks."""
        return self.room(THOUGHT + 512)

    def thinking(self, request: Request) -> Request:
        """The same request with thinking enabled, as far as the API allows."""
        wish = Reasoning(enabled=True, effort="medium", budget_tokens=THOUGHT)
        return replace(request, reasoning=wish, max_tokens=self.thinking_tokens)

    @property
    def seconds(self) -> float:
        """How many seconds another client may wait for a response, including its turn."""
        return self.surface.knowledge.speed.seconds(0, self.room(SHORT)) + NAMED_WAIT

    # ---- sending -------------------------------------------------------------------------------------------------

    async def send(
        self,
        request: Request | Mapping[str, Any],
        fields: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        query: str = "",
    ) -> Answer:
        """Send a completion request as it is, and return any response.

        If a token limit truncated it too early, the request is repeated with a higher one.

        Args:
            request: the request, or its JSON.
            fields: top-level fields put into the JSON.
            headers: further request headers.
            query: of the URL.
        """
        body = {**(self.body(request) if isinstance(request, Request) else dict(request)), **(fields or {})}
        answer = await self._post(body, headers, query)
        if answer.silent and await self._answers_others():
            later = await self._post(body, headers, query)
            later.hangs = later.silent
            return later
        more = widened(body, self._ours, ROOM)
        if more and not answer.cut and answer.cut_short:
            self.superseded.add(answer.exchange.index)
            wider = await self._post(more, headers, query)
            self.surface.thinks = self.surface.thinks or bool(not answer.calls and wider.answered)
            return wider
        return answer

    async def _post(self, body: Mapping[str, Any], headers: Mapping[str, str] | None = None, query: str = "") -> Answer:
        path, sent = wire.api(self.api).sent(body)
        where = f"{path}{'&' if '?' in path else '?'}{query}" if query else path
        return await self.post(dump_json(sent).encode(), where, headers)

    async def post(self, data: bytes | None, path: str = "", headers: Mapping[str, str] | None = None) -> Answer:
        """Send bytes, or ask by GET where there are none. Waits as long as a busy endpoint asks, and retries transient
        failures."""
        answers: list[Answer] = []

        async def ask() -> Exchange:
            answers.append(await self.once(data, path, headers))
            return answers[-1].exchange

        def passing(exchange: Exchange) -> bool:
            return not answers[-1].cut and failed(exchange)

        await with_retries(
            ask, lambda received: again(received, passing), self._session.gateway.patience, self.surface.tries
        )
        *before, answer = answers
        self.superseded |= {earlier.exchange.index for earlier in before}
        self.last = answer
        self._learn(answer, [earlier for earlier in before if passed_over(earlier)])
        return answer

    async def once(self, data: bytes | None, path: str = "", headers: Mapping[str, str] | None = None) -> Answer:
        """Send one request without retries."""
        api = wire.api(self.api)
        sent = {**api.headers, "content-type": "application/json", **(headers or {})}
        path = path or api.sent({"model": self.endpoint.model, "stream": self.stream})[0]
        return await self._roundtrip("GET" if data is None else "POST", path, data, sent)

    def _learn(self, answer: Answer, before: list[Answer]) -> None:
        knowledge = self.surface.knowledge
        if answer.cut:
            self.cut.add(answer.exchange.index)
        if answer.flooded:
            self.flooded.add(answer.exchange.index)
        if answer.limit in self._ours:
            self.limited.add(answer.exchange.index)
        fails = not answer.cut and failed(answer.exchange)
        self.surface.faults += fails
        knowledge.passed += bool(before) and not fails
        refused = refusal(answer.exchange)
        if refused and refused.kind == "rate limited":
            self.refused_for_time.add(answer.exchange.index)
        if refused and refused.kind == "empty account":
            knowledge.stop(f"the account is empty: HTTP {answer.status}: {refused.message[:200]}")
        if answer.unreachable:
            self.surface.dead = str(answer.exchange.error or "")
        self.surface.hangs = self.surface.hangs + 1 if answer.cut else 0
        if self.surface.hangs >= 3:
            self.surface.dead = f"three responses in a row did not end ({answer.cut})"
        if not answer.cut:
            knowledge.speed.saw(answer.exchange)

    async def direct(
        self, method: str, url: str, body: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> SideAnswer:
        """Send a request without the gateway, which would answer or change it.

        Args:
            method: HTTP method.
            url: the whole URL.
            body: JSON to send.
            headers: besides the API's version; the key is among them, or is not sent.
        """
        import httpx

        sent = {**wire.api(self.api).headers, **(headers or {})}

        async def ask() -> SideAnswer:
            try:
                async with (
                    self._session.gateway.turn(self.api),
                    asyncio.timeout(self.surface.knowledge.speed.seconds(0, SHORT)),
                    self._session.gateway.client() as client,
                    client.stream(method, url, json=body, headers=sent) as response,
                ):
                    data = b""
                    async for piece in response.aiter_bytes():
                        data += piece
                        if len(data) > _SIDE:
                            break
                    return SideAnswer(response.status_code, data[:_SIDE])
            except (TimeoutError, httpx.HTTPError):
                return SideAnswer()

        def failing(answer: SideAnswer) -> Retry | None:
            status = answer.status
            return Retry() if not status or status >= 500 or status in BUSY else None

        return await with_retries(ask, failing, tries=self.surface.tries)

    async def overheard(self) -> Answer:
        """The last response to another client at this probe's address; the same one again until there is another.

        Raises:
            Unmeasured: no client asked there.
        """
        awaited = self._session.begun - len(self._session.exchanges)  # a client may have read it before it is recorded
        for _ in range(max(awaited, 0)):
            self._overheard = await self._recorded.get()
        while not self._recorded.empty():
            self._overheard = self._recorded.get_nowait()
        if self._overheard is None:
            raise Unmeasured("no client sent a request to this address")
        return Answer(self._overheard)

    async def _answers_others(self) -> bool:
        """Whether a plain request is answered after another was not."""
        for stream in (False, True):
            question = replace(self.request("Reply with exactly: Hello."), stream=stream)
            answer = await self._post(self.body(question))
            if answer.status == 200 and not answer.cut:
                return True
        return False

    async def _roundtrip(self, method: str, path: str, data: bytes | None, headers: Mapping[str, str]) -> Answer:
        import httpx

        tokens = token_limit(as_dict(parse_json(data or b""))) or ROOM
        seconds = self.surface.knowledge.speed.seconds(len(data or b""), tokens)
        cut, size = None, 0
        limit = asyncio.timeout(None)
        self._session.on_sent = lambda: limit.reschedule(asyncio.get_running_loop().time() + seconds)
        try:
            async with (
                limit,
                self._client.stream(method, self.url + path, content=data, headers=dict(headers)) as response,
            ):
                async for piece in response.aiter_raw():
                    size += len(piece)
                    if size > MAX_BYTES:
                        cut = Cut("bytes", MAX_BYTES)
                        break
        except TimeoutError:
            cut = Cut("seconds", seconds)
        except httpx.HTTPError:
            pass  # the gateway has recorded the reason
        return Answer(await self._recorded.get(), cut)


def passed_over(answer: Answer) -> bool:
    """Whether a response failed because of a transient fault other than a busy endpoint."""
    return failed(answer.exchange) and answer.status not in BUSY


def message(role: Role, text: str) -> Message:
    """A message of one text."""
    return Message(role, (Text(text),))


def user(text: str) -> Message:
    """A user message."""
    return message("user", text)


def _without_invented(message: Message) -> Message:
    return replace(message, parts=tuple(part for part in message.parts if part is not INVENTED))
