"""The response to a probe's request, and whether it is usable."""

from __future__ import annotations

import json
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

from toolworthy import rules
from toolworthy.gateway.retries import busy, no_time, refusal, unreachable
from toolworthy.records.exchange import Exchange
from toolworthy.records.finding import Finding
from toolworthy.rules.view import View
from toolworthy.wire.failure import page
from toolworthy.wire.ir import ToolCall
from toolworthy.wire.lenient import as_dict, parse_json
from toolworthy.work.probes import damage
from toolworthy.work.probes._model import KEY_REFUSED, Broken, ProbeOutcome, Rejected, Unmeasured

LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens")
"""Names of the token limit in the APIs."""
_SETTINGS = "generationConfig"
"""Its path in Gemini's requests."""
_LONG = 8 * 2**10
"""Bytes of a request that a slow server may need minutes to read."""
_BYTES_A_TOKEN = 32
"""More bytes than tokens have on average in any text."""


def token_limit(body: Mapping[str, Any]) -> int | None:
    """The token limit that a request's JSON sets."""
    holders = (body, as_dict(body.get(_SETTINGS)))
    limits = [holder[name] for holder in holders for name in LIMITS if isinstance(holder.get(name), int)]
    return max(limits, default=None)


def widened(body: Mapping[str, Any], limits: Container[int], more: int) -> dict[str, Any] | None:
    """A request's JSON with its token limit raised; None where it sets none of `limits`."""
    for name in LIMITS:
        if body.get(name) in limits:
            return {**body, name: body[name] + more}
    settings = body.get(_SETTINGS)
    wider = widened(settings, limits, more) if isinstance(settings, dict) else None
    return {**body, _SETTINGS: wider} if wider else None


@dataclass(frozen=True)
class Cut:
    """The run limit at which a response was aborted."""

    kind: Literal["seconds", "bytes"]
    most: float

    def __str__(self) -> str:
        if self.kind == "bytes":
            return f"more than {self.most / 2**20:.0f} MiB"
        return f"no end within {self.most:.0f} s"


@dataclass(frozen=True)
class SideAnswer:
    """The response to a side request, such as a list of models."""

    status: int = 0
    """0 where no answer came."""
    body: bytes = b""
    """Its beginning."""

    @property
    def page(self) -> str:
        """What a web page says; "" where it is none."""
        return page(self.body) or ""

    @property
    def value(self) -> Any:
        """Its JSON; None where it is none."""
        return parse_json(self.body)


@dataclass(frozen=True)
class Trouble:
    """What is wrong with the calls of an answer."""

    kind: Literal["no call", "other tools", "altered", "no object", "other arguments"]
    """``altered``: in a way that only the wire explains."""
    detail: str

    def __str__(self) -> str:
        return self.detail


class Answer(View):
    """An exchange that a probe caused."""

    def __init__(self, exchange: Exchange, cut: Cut | None = None) -> None:
        super().__init__(exchange)
        self.cut = cut
        """Why it was aborted."""
        self.hangs = False
        """Whether nothing came, twice, while other requests were answered."""

    @property
    def limit(self) -> int | None:
        """The token limit that was set."""
        return token_limit(self.asked)

    @property
    def flooded(self) -> bool:
        """Whether more bytes came than any answer holds."""
        return self.cut is not None and self.cut.kind == "bytes"

    @property
    def endless(self) -> bool:
        """Whether more came than the token limit allows, or than any answer holds."""
        if self.flooded:
            return True
        if not self.cut or self.limit is None:
            return False
        usage = self.response.usage
        characters = len(self.text + self.thoughts) + sum(len(call.arguments) for call in self.calls)
        return ((usage and usage.output) or 0) > 2 * self.limit or characters > _BYTES_A_TOKEN * self.limit

    @property
    def empty(self) -> bool:
        """Whether it was accepted, and is empty."""
        return self.status == HTTPStatus.OK and not (self.text or self.thoughts or self.calls or self.response.failure)

    @property
    def silent(self) -> bool:
        """Whether no byte of a response to a short request came."""
        return self.cut is not None and not self.exchange.chunks and len(self.exchange.request_body) < _LONG

    @property
    def cut_short(self) -> bool:
        """Whether its token limit truncated it before any content, or in the middle of a call."""
        text = self.text.strip()
        thinking = not text or (text.startswith("<think>") and "</think>" not in text)
        return self.response.stop == "length" and (thinking or bool(self.calls))

    @property
    def unreachable(self) -> bool:
        """Whether the endpoint could not be reached."""
        return unreachable(self.exchange)

    @property
    def status(self) -> int:
        """HTTP status; 0 where no answer came."""
        return self.exchange.status or 0

    @property
    def text(self) -> str:
        """The text of the response."""
        return self.response.text

    @property
    def message(self) -> str:
        """The message of an error."""
        return self.response.failure.message if self.response.failure else ""

    @property
    def refused(self) -> bool:
        """Whether it was refused with a helpful message."""
        clear = len(self.message.strip()) > 3 and isinstance(parse_json(self.exchange.body), dict)
        return 400 <= self.status < 500 and clear and not busy(self.exchange)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of the rules."""
        return rules.check([self.exchange])


def accept(answer: Answer) -> Answer:
    """Return `answer` if the endpoint accepted the request.

    Raises:
        Rejected, Broken, Unmeasured: see :meth:`Ask.accepted`.
    """
    exchange = answer.exchange
    if answer.cut:
        raise _unended(answer)
    if busy(exchange):
        raise Unmeasured(no_time(exchange))
    if exchange.error and exchange.error.kind in ("connect timeout", "silent"):
        raise Unmeasured(f"{exchange.error} after {exchange.seconds:.0f} s")
    if (refused := refusal(exchange)) and refused.kind == "empty account":
        raise Unmeasured(f"the account is empty: HTTP {answer.status}: {refused.message[:200]}")
    if exchange.error is not None:
        raise Broken(str(exchange.error))
    if answer.status >= 500:
        raise Broken(f"HTTP {answer.status}: {answer.message[:200] or _start(exchange)}")
    if answer.status >= 400:
        if answer.refused:
            cause = KEY_REFUSED if refused and refused.kind == "bad key" else ""
            raise Rejected(f"HTTP {answer.status}: {answer.message[:300]}", cause)
        raise Broken(f"HTTP {answer.status} without a readable reason: {_start(exchange)}")
    if answer.response.failure is not None:
        raise Broken(f"an error inside HTTP {answer.status}: {answer.message[:200]}")
    if not answer.response.parts and answer.response.stop is None:
        raise Broken(
            f"unreadable response; content-type {exchange.response_headers.get('content-type')}: {_start(exchange)}"
        )
    return answer


def speaks(answer: Answer, wanted: str = "", without: str = "neither text nor a call comes") -> Answer:
    """Return `answer` if it has text or a call.

    Args:
        answer: an accepted one.
        wanted: what the model was to say; where its reasoning holds it, it has been said in the wrong place.
        without: what to say of an answer that has neither.

    Raises:
        Unmeasured: the model itself came no further.
        Broken: what it said is lost.
    """
    if answer.text.strip() or answer.calls:
        return answer
    if answer.response.stop == "length":
        raise Unmeasured("the token limit cut the response before any text")
    if answer.thoughts.strip() and not (wanted and wanted in answer.thoughts):
        raise Unmeasured(f"the model reasons but writes no text: {answer.thoughts[:80]!r}")
    if answer.at_once:
        raise Unmeasured("the model ended its response at once")
    raise Broken(without)


def _unended(answer: Answer) -> ProbeOutcome:
    """An answer that was not waited for to its end. It is at fault only if it goes on beyond its token limit, stays
    open when all of it has come, or never begins while other requests are answered."""
    exchange = answer.exchange
    idle = exchange.seconds - exchange.chunks[-1].at if exchange.chunks else 0.0
    if answer.endless:
        return Broken(f"the response exceeds its limit of {answer.limit} tokens: {answer.cut}")
    if answer.hangs:
        return Broken(f"no response in 2 of 2 attempts: {answer.cut}; a plain request succeeds meanwhile")
    if answer.response.complete and idle > exchange.seconds / 2:
        return Broken(f"the response is complete, but the connection stays open: {answer.cut}")
    what = "the response was not finished" if exchange.chunks else "no byte had arrived"
    return Unmeasured(f"{what}: {answer.cut}, a run limit; for a slow server, set --concurrency 1")


def _start(exchange: Exchange) -> str:
    return repr(exchange.body[:120].decode(errors="replace"))


def trouble_with(wanted: Sequence[tuple[str, Any]], answer: Answer, exact: bool) -> Trouble | None:
    """What is wrong with the calls; None if nothing is."""
    calls = answer.calls
    if not calls and wanted:
        cut = " before its token limit" if answer.response.stop == "length" else ""
        return Trouble("no call", f"the model made no call{cut}")
    names = [call.name for call in calls]
    if names != [name for name, _ in wanted]:
        detail = f"the model called {', '.join(names)} instead of {', '.join(name for name, _ in wanted)}"
        return Trouble("other tools", detail)
    for (_, value), call in zip(wanted, calls, strict=True):
        if exact and (trouble := _differs(value, call)):
            return trouble
    return None


def _differs(wanted: Any, call: ToolCall) -> Trouble | None:
    if call.custom:
        given: Any = {"input": call.arguments}
    else:
        given = parse_json(call.arguments)
    if json.dumps(given, sort_keys=True) == json.dumps(wanted, sort_keys=True):
        return None
    if kind := damage.arguments(wanted, call.arguments):
        return Trouble("altered", f"the arguments arrived {kind}")
    if not isinstance(given, dict):
        return Trouble("no object", f"the arguments are not a JSON object: {call.arguments[:120]!r}")
    wrong = [name for name in as_dict(wanted) if given.get(name) != wanted[name]]
    detail = f"the arguments differ from the prompt's in {', '.join(wrong) or 'their number'}"
    return Trouble("other arguments", detail)
