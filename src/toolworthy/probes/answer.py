"""What came back to a probe, and whether it is an answer at all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from toolworthy import rules
from toolworthy.exchange import Exchange
from toolworthy.gateway.patience import unreachable
from toolworthy.probes import damage
from toolworthy.probes.model import Broken, Outcome, Rejected, Unmeasured
from toolworthy.rules.view import View
from toolworthy.wire.ir import ToolCall
from toolworthy.wire.lenient import as_dict, parse_json


class Answer(View):
    """An exchange that a probe caused."""

    def __init__(self, exchange: Exchange, cut: str = "") -> None:
        super().__init__(exchange)
        self.cut = cut
        """Why it was not waited for to the end."""

    @property
    def endless(self) -> bool:
        """Whether more came than any answer holds."""
        return "MiB" in self.cut

    @property
    def unreachable(self) -> bool:
        """Whether nobody listened where the endpoint was."""
        return unreachable(self.exchange)

    @property
    def status(self) -> int:
        """HTTP status; 0 where no answer came."""
        return self.exchange.status or 0

    @property
    def text(self) -> str:
        """What the model said."""
        return self.response.text

    @property
    def message(self) -> str:
        """What an error says."""
        return self.response.failure.message if self.response.failure else ""

    @property
    def refused(self) -> bool:
        """Whether it was turned down in words that help."""
        clear = len(self.message.strip()) > 3 and isinstance(parse_json(self.exchange.body), dict)
        return 400 <= self.status < 500 and clear

    @property
    def findings(self) -> tuple[rules.Finding, ...]:
        """What the rules say of it."""
        return rules.check([self.exchange])


def accept(answer: Answer) -> Answer:
    """`answer`, if it is one.

    Raises:
        Rejected, Broken, Unmeasured: see :meth:`Ask.accepted`.
    """
    exchange = answer.exchange
    if answer.cut:
        raise _unended(answer)
    if answer.status in (429, 503, 529):
        raise Unmeasured(f"HTTP {answer.status}, again and again: {answer.message[:200]}")
    if answer.unreachable:
        raise Unmeasured(exchange.error or "")
    if exchange.error is not None:
        raise Broken(exchange.error)
    if answer.status >= 500:
        raise Broken(f"HTTP {answer.status}: {answer.message[:200] or _start(exchange)}")
    if answer.status >= 400:
        if answer.refused:
            raise Rejected(f"HTTP {answer.status}: {answer.message[:300]}")
        raise Broken(f"HTTP {answer.status} without a reason that can be read: {_start(exchange)}")
    if answer.response.failure is not None:
        raise Broken(f"an error inside HTTP {answer.status}: {answer.message[:200]}")
    if not answer.response.parts and answer.response.stop is None:
        raise Broken(f"no answer can be read from {exchange.response_headers.get('content-type')}: {_start(exchange)}")
    return answer


def speaks(answer: Answer, told: str = "", without: str = "neither text nor a call comes") -> Answer:
    """`answer`, if it has text or a call.

    Args:
        answer: an accepted one.
        told: what the model was to say; where its reasoning holds it, it has been said in the wrong place.
        without: what to say of an answer that has neither.

    Raises:
        Unmeasured: the model itself came no further.
        Broken: what it said is lost.
    """
    if answer.text.strip() or answer.calls:
        return answer
    if answer.response.stop == "length":
        raise Unmeasured("the answer was cut by its token limit before any text")
    if answer.thoughts.strip() and not (told and told in answer.thoughts):
        raise Unmeasured(f"the model thinks, and says nothing: {answer.thoughts[:80]!r}")
    if answer.at_once:
        raise Unmeasured("the model ended its answer at once")
    raise Broken(without)


def _unended(answer: Answer) -> Outcome:
    """An answer that was not waited for to its end: a server that is merely slow is not broken."""
    exchange = answer.exchange
    if exchange.chunks and exchange.seconds - exchange.chunks[-1].at < exchange.seconds / 4 and not answer.endless:
        return Unmeasured(f"the answer was still coming: {answer.cut}")
    if not exchange.chunks and len(exchange.request_body) > _LONG:
        size = len(exchange.request_body) >> 10
        return Unmeasured(f"nothing came of a request of {size} KiB: {answer.cut}")
    return Broken(f"the answer did not end: {answer.cut}")


_LONG = 8 * 2**10
"""Bytes of a request that a slow server may need minutes to read."""


def _start(exchange: Exchange) -> str:
    return repr(exchange.body[:120].decode(errors="replace"))


def trouble_with(wanted: Sequence[tuple[str, Any]], answer: Answer, exact: bool) -> str:
    """What is amiss with the calls; empty where nothing is."""
    calls = answer.calls
    if not calls and wanted:
        cut = " before its token limit" if answer.response.stop == "length" else ""
        return f"the model made no call{cut}"
    names = [call.name for call in calls]
    if names != [name for name, _ in wanted]:
        return f"the model called {', '.join(names)} instead of {', '.join(name for name, _ in wanted)}"
    for (_, value), call in zip(wanted, calls, strict=True):
        if exact and (trouble := _differs(value, call)):
            return trouble
    return ""


def _differs(wanted: Any, call: ToolCall) -> str:
    if call.custom:
        given: Any = {"input": call.arguments}
    else:
        given = parse_json(call.arguments)
    if json.dumps(given, sort_keys=True) == json.dumps(wanted, sort_keys=True):
        return ""
    if kind := damage.arguments(wanted, call.arguments):
        return f"the arguments came {kind}"
    if not isinstance(given, dict):
        return f"the arguments are no JSON object: {call.arguments[:120]!r}"
    wrong = [name for name in as_dict(wanted) if given.get(name) != wanted[name]]
    return f"the arguments differ from those told in {', '.join(wrong) or 'their number'}"
