"""How a probe asks: through the gateway, as an agent would, and with patience for a model's own will."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from toolworthy import wire
from toolworthy.endpoint import Endpoint
from toolworthy.exchange import Exchange
from toolworthy.gateway.patience import PATIENCE, busy, pause
from toolworthy.gateway.routes import COMPLETIONS
from toolworthy.probes.answer import Answer, accept, speaks, trouble_with
from toolworthy.probes.material import ASK_CODE, CODE_WORD, TOOLS, orders
from toolworthy.probes.model import Broken, Ignored, ProbeKey, Unmeasured
from toolworthy.rules import Finding
from toolworthy.wire.ir import Api, Message, Reasoning, Request, Role, Text, Tool, ToolChoice
from toolworthy.wire.lenient import dump_json

if TYPE_CHECKING:
    import httpx

    from toolworthy.gateway import Session

MAX_SECONDS = 90.0
"""How long one answer may take. Longer than any sane answer to a probe, short enough for an endpoint that hangs."""
MAX_BYTES = 8 * 2**20
"""How long one answer may be."""
MAX_TOKENS = 4_096
"""Room for a model that thinks before it does what it is told."""
FEW_TOKENS = 48
"""For a model that is known to babble until its limit: its answers mean nothing anyway."""
_ON_THE_WIRE = frozenset(
    (
        "TW106",
        "TW111",
        "TW301",
        "TW302",
        "TW318",
        "TW401",
        "TW402",
        "TW407",
        "TW415",
        "TW418",
        "TW501",
        "TW504",
        "TW506",
        "TW512",
    )
)
"""Faults that keep calls from some clients: where a call is missing or wrong beside one, it is the cause."""
_NOT_FORCED, _CUT_EMPTY, _SWALLOWED, _LEAK = "TW116", "TW705", "TW708", "TW2"


@dataclass
class Surface:
    """What is known of one API of the endpoint, shared by its probes."""

    dead: str = ""
    """Why it is not worth asking."""
    hangs: int = 0
    """Answers in a row that did not end."""
    calls: int = 0
    """Probes in which the model called as it was told."""
    refusals: int = 0
    """Probes in which it did not, until the first in which it did."""
    obeys: bool = False
    """It has said, once, exactly what it was told to say."""
    babbles: bool = False
    """It goes on until its token limit."""

    @property
    def tries(self) -> int:
        """How often to ask for a call."""
        return 1 if self.refusals >= 3 and not self.calls else 3


class Ask:
    """One probe's way to the endpoint, over one API, streamed or whole."""

    def __init__(
        self, key: ProbeKey, endpoint: Endpoint, session: Session, client: httpx.AsyncClient, surface: Surface
    ) -> None:
        self.key, self.endpoint, self.surface = key, endpoint, surface
        self.api: Api = key.api
        self.stream = bool(key.stream)
        self.url = session.base_url
        self._client = client
        self.pressed: set[int] = set()
        """What was asked with a choice of tools that the probe itself does not want, and answered by other words."""
        self._recorded: asyncio.Queue[Exchange] = asyncio.Queue()
        session.on_exchange = self._recorded.put_nowait
        # A probe wants to see what the endpoint does, not what its adapter spares it.
        self._dialect = replace(
            endpoint.dialect,
            developer_role=True,
            system_anywhere=True,
            forced_tool_choice=True,
            unsigned_thinking=True,
            thinking_switch="reasoning_effort"
            if endpoint.dialect.thinking_switch == "none"
            else endpoint.dialect.thinking_switch,
        )

    def lasting(self, findings: Iterable[Finding]) -> list[Finding]:
        """`findings` without those that only the probe's own ways cause: a call was demanded at last, which probes of
        their own look into, or the little room for a model that babbles was full of reasoning."""
        ours = {_CUT_EMPTY} if self.surface.babbles else set()
        return [
            finding
            for finding in findings
            if finding.code not in ours
            and not (finding.code == _NOT_FORCED and finding.evidence.exchange in self.pressed)
        ]

    # ---- asking --------------------------------------------------------------------------------------------------

    def body(self, request: Request) -> dict[str, Any]:
        """The request's JSON for this API."""
        body: dict[str, Any] = wire.api(self.api).render_request(request, self._dialect).body
        return body

    def request(self, *conversation: Message | str, **options: Any) -> Request:
        """A request with these messages (a string is the user's) and options of :class:`Request`."""
        messages = tuple(user(part) if isinstance(part, str) else part for part in conversation)
        limit = FEW_TOKENS if self.surface.babbles else MAX_TOKENS
        options = {"stream": self.stream, "max_tokens": limit, **options}
        return Request(model=self.endpoint.model, messages=messages, **options)

    @property
    def thinking_tokens(self) -> int:
        """Token limit for a request that thinks."""
        return FEW_TOKENS * 30 if self.surface.babbles else 2 * MAX_TOKENS

    def thinking(self, request: Request) -> Request:
        """The same request with thinking on, as far as the API can say so."""
        wish = Reasoning(enabled=True, effort="medium", budget_tokens=1_024)
        return replace(request, reasoning=wish, max_tokens=self.thinking_tokens)

    async def send(
        self,
        request: Request | Mapping[str, Any],
        fields: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        query: str = "",
    ) -> Answer:
        """Send a completion request, as it is; whatever comes back is an answer.

        Args:
            request: what to ask, or the JSON itself.
            fields: top-level fields put into the JSON.
            headers: further request headers.
            query: of the URL.
        """
        body = self.body(request) if isinstance(request, Request) else dict(request)
        data = dump_json({**body, **(fields or {})}).encode()
        answer = await self.post(data, COMPLETIONS[self.api] + (f"?{query}" if query else ""), headers)
        self.surface.babbles = self.surface.babbles or _babbles(answer)
        return answer

    async def post(self, data: bytes | None, path: str = "", headers: Mapping[str, str] | None = None) -> Answer:
        """Send bytes, or ask by GET where there are none; 429 and 503 are given the time they ask for, as
        is a server that is gone for a moment."""
        path = path or COMPLETIONS[self.api]
        sent = {"content-type": "application/json", **(headers or {})}
        if self.api == "messages":
            sent = {"anthropic-version": "2023-06-01", **sent}
        for seconds in (*PATIENCE, None):
            answer = await self._roundtrip("GET" if data is None else "POST", path, data, sent)
            if seconds is None or not busy(answer.exchange):
                break
            await asyncio.sleep(pause(answer.exchange, seconds))
        if answer.unreachable:
            self.surface.dead = answer.exchange.error or ""
        self.surface.hangs = self.surface.hangs + 1 if answer.cut else 0
        if self.surface.hangs >= 3:
            self.surface.dead = f"three answers in a row did not end ({answer.cut})"
        return answer

    async def direct(
        self,
        method: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        path: str = "/",
    ) -> int:
        """Ask without the gateway, for what it would answer or replace itself; only the status is kept.

        Without a body `path` is asked for, else the API's own route. 0 where no answer comes.
        """
        import httpx

        where = httpx.URL(self.endpoint.url(self.api))
        sent = {"anthropic-version": "2023-06-01", **(headers or {})}
        try:
            async with asyncio.timeout(MAX_SECONDS):
                url = where if body is not None else where.copy_with(path=path)
                async with self._client.stream(method, url, json=body, headers=sent) as response:
                    return response.status_code
        except (TimeoutError, httpx.HTTPError):
            return 0

    async def accepted(self, request: Request | Mapping[str, Any], **options: Any) -> Answer:
        """Send a request that a good endpoint takes.

        Raises:
            Rejected: it says clearly that it does not.
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
        """Have the model make these calls, told in several ways and several times.

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
        sending = {name: options.pop(name) for name in ("fields", "headers", "query") if name in options}
        troubles: list[str] = []
        for way in range(self.surface.tries):
            request = self._order(way, wanted, tools, before, say, options)
            answer = await self.accepted(request, **sending)
            if request.tool_choice != options.get("tool_choice") and _all_there(answer):
                self.pressed.add(answer.exchange.index)
            if not (trouble := trouble_with(wanted, answer, exact)):
                self.surface.calls += 1
                return answer
            troubles.append(trouble)
            found = self.lasting(answer.findings)
            lost = [one for one in found if one.severity == "blocks" or one.code in _ON_THE_WIRE]
            if lost:
                raise Broken(f"{lost[0].code} {lost[0].title}: {trouble}")
        self.surface.refusals += not self.surface.calls
        await self._other_way(troubles, wanted, tools, before, say, exact, options)
        if self.surface.calls and troubles[0] == troubles[-1] and troubles[0].startswith("the arguments came "):
            raise Broken(f"{troubles[0]}, {len(troubles)} times of {len(troubles)}")
        raise Unmeasured(f"{troubles[-1]} (asked {len(troubles)} times)")

    async def says(self, text: str, *before: Message, **options: Any) -> Answer:
        """Have the model say `text`, and be content with any text.

        Raises:
            Rejected, Broken: as `accepted`; Broken also where text and calls are missing.
            Unmeasured: the model itself says nothing.
        """
        sending = {name: options.pop(name) for name in ("fields", "headers", "query") if name in options}
        asked = self.request(*before, f"Reply with exactly: {text}", **options)
        answer = await self.accepted(asked, **sending)
        speaks(answer, text, "the answer holds no text")
        self.surface.obeys = self.surface.obeys or answer.text.strip() == text
        return answer

    async def knows(self, *conversation: Message, **options: Any) -> Answer:
        """Have the model repeat the code word that stands somewhere in `conversation`.

        Raises:
            Rejected, Broken: as `accepted`.
            Ignored: a model that says what it is told does not know the word.
            Unmeasured: the model does not say what it is told.
        """
        sending = {name: options.pop(name) for name in ("fields", "headers", "query") if name in options}
        for _ in range(2):
            answer = await self.accepted(self.request(*conversation, ASK_CODE, **options), **sending)
            if CODE_WORD.lower() in answer.text.lower():
                return answer
        said = f"asked for the code word, the model says {answer.text.strip()[:80]!r}"
        raise (Ignored if self.surface.obeys else Unmeasured)(said)

    async def overheard(self) -> Answer:
        """The last answer that another client had at this probe's address."""
        exchange = await self._recorded.get()
        while not self._recorded.empty():
            exchange = self._recorded.get_nowait()
        return Answer(exchange)

    def order(self, wanted: Sequence[tuple[str, Any]], tools: Sequence[Tool] = TOOLS, **options: Any) -> Request:
        """The plainest request for these calls."""
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
        told = orders(wanted, say)
        choice = options.get("tool_choice")
        if way == 1:
            told += "\nDo it now, with your tools. Do not write the call as text."
        if way == 2 and choice is None:
            choice = ToolChoice("required")
        opening = () if before and before[0].role == "system" else (message("system", SYSTEM),)
        return self.request(*opening, *before, user(told), **{**options, "tools": tuple(tools), "tool_choice": choice})

    async def _other_way(
        self,
        troubles: Sequence[str],
        wanted: Sequence[tuple[str, Any]],
        tools: Sequence[Tool],
        before: Sequence[Message],
        say: str,
        exact: bool,
        options: Mapping[str, Any],
    ) -> None:
        """Whole where streamed went wrong, and the other way round: what comes right there was lost on the way here."""
        if self.key.stream is None or len(troubles) < 2:
            return
        for _ in range(2):
            asked = replace(self._order(0, wanted, tools, before, say, options), stream=not self.stream)
            answer = await self.send(asked)
            if not answer.answered or trouble_with(wanted, answer, exact):
                return
        here, there = ("streamed", "whole") if self.stream else ("whole", "streamed")
        raise Broken(f"{troubles[-1]}, {len(troubles)} times of {len(troubles)} {here}; 2 of 2 came right {there}")

    async def _roundtrip(self, method: str, path: str, data: bytes | None, headers: Mapping[str, str]) -> Answer:
        import httpx

        cut, size = "", 0
        try:
            async with (
                asyncio.timeout(MAX_SECONDS),
                self._client.stream(method, self.url + path, content=data, headers=dict(headers)) as response,
            ):
                async for piece in response.aiter_raw():
                    size += len(piece)
                    if size > MAX_BYTES:
                        cut = f"more than {MAX_BYTES >> 20} MiB"
                        break
        except TimeoutError:
            cut = f"no end within {MAX_SECONDS:.0f} s"
        except httpx.HTTPError:
            pass  # the gateway has recorded why
        return Answer(await self._recorded.get(), cut)


def _babbles(answer: Answer) -> bool:
    """Whether so much came that only the limit of a generous request ended it, which not every server says."""
    usage = answer.response.usage
    return ((usage and usage.output) or len(answer.text + answer.thoughts)) >= MAX_TOKENS


def _all_there(answer: Answer) -> bool:
    """Whether the answer shows what the model did instead of a call, and nothing of it is missing."""
    lost = any(finding.code == _SWALLOWED or finding.code.startswith(_LEAK) for finding in answer.findings)
    return answer.at_once or (bool(answer.text.strip()) and not lost)


SYSTEM = "You are the subject of a test of an API. Do exactly what you are told, and nothing else."


def message(role: Role, text: str) -> Message:
    """A message of one text."""
    return Message(role, (Text(text),))


def user(text: str) -> Message:
    """A user message."""
    return message("user", text)
