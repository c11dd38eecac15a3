"""Request a small completion over one wire API as agents do: streamed, with a tool and a later system message.

After an error, the request is repeated with fewer parts, to find out which part is rejected.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Literal

from toolworthy import wire
from toolworthy.endpoint.preflight._client import Asker
from toolworthy.endpoint.preflight._model import Check, PreflightAnswer, State, Tried
from toolworthy.endpoint.target import Endpoint
from toolworthy.wire.failure import page
from toolworthy.wire.ir import APIS, Api, Message, Request, Response, Text, Tool, Usage
from toolworthy.wire.lenient import as_str, parse_json
from toolworthy.wire.sse import events

Part = Literal["system message in mid-conversation", "tool", "stream"]
_ALL: tuple[Part, ...] = ("system message in mid-conversation", "tool", "stream")
_FEW, _MORE = 16, 2_048
"""Token limits: the least that every API accepts, and one for a model that must think before it answers."""
_NO_ROOM = re.compile(r"max(?:_output|_completion)?_tokens|output limit", re.IGNORECASE)
_TOOL = Tool("read_file", "Read a file.", {"type": "object", "properties": {"path": {"type": "string"}}})


@dataclass
class _Way:
    """How requests to one API are built; adapted to the endpoint's errors."""

    asker: Asker
    endpoint: Endpoint
    api: Api
    tokens: int = _FEW

    async def ask(self, parts: Collection[Part]) -> PreflightAnswer:
        """The response to a completion request with these parts."""
        for _ in range(3):
            answer = await self.asker.post(*self.endpoint.sent(self.api, self._body(parts)), self.api)
            if not self._learns(answer):
                break
        return answer

    def _learns(self, answer: PreflightAnswer) -> bool:
        """Adapt to an error that says what to change. Returns whether it did."""
        message = answer.refusal.message if answer.refusal and answer.refusal.kind == "bad request" else ""
        dialect = self.endpoint.dialect
        if "max_completion_tokens" in message and dialect.max_tokens_field == "max_tokens":
            self.endpoint = self.endpoint.speaking(replace(dialect, max_tokens_field="max_completion_tokens"))
            return True
        if _NO_ROOM.search(message) and self.tokens == _FEW:
            self.tokens = _MORE
            return True
        return False

    def _body(self, parts: Collection[Part]) -> dict[str, Any]:
        conversation = [_message("system", "You are terse."), _message("user", "Say hello.")]
        if "system message in mid-conversation" in parts:
            conversation += [
                _message("assistant", "Hello."),
                _message("system", "The date has changed."),
                _message("user", "Say hello again."),
            ]
        request = Request(
            model=self.endpoint.model,
            messages=tuple(conversation),
            max_tokens=self.tokens,
            stream="stream" in parts,
            tools=(_TOOL,) if "tool" in parts else (),
        )
        body: dict[str, Any] = (
            wire.api(self.api).render_request(request, replace(self.endpoint.dialect, system_anywhere=True)).body
        )
        return body


async def try_completion(asker: Asker, endpoint: Endpoint, api: Api) -> Tried:
    """Request a completion over `api` at its base URL."""
    way = _Way(asker, endpoint, api)
    base, url = endpoint.base_urls[api], endpoint.url(api)
    answer = await way.ask(_ALL)
    if answered(api, answer):
        return Tried(api, base, "answers", answer, (Check(f"{api} API", True, f"answers at {url}"),))
    if (state := _decided(api, answer)) is not None:
        ok = None if state == "unknown" else False
        check = Check(f"{api} API", ok, f"{answer.summary} ({url})", absent=state == "absent")
        return Tried(api, base, state, answer, (check,))
    return await _with_less(way)


async def _with_less(way: _Way) -> Tried:
    """Find out which part of the request is rejected."""
    api, base, url = way.api, way.endpoint.base_urls[way.api], way.endpoint.url(way.api)
    checks: list[Check] = []
    accepted: tuple[Part, ...] = ("stream",)
    answer = await way.ask(accepted)
    if not answered(api, answer):
        accepted, streamed = (), answer
        answer = await way.ask(accepted)
        if not answered(api, answer):
            return Tried(api, base, "fails", streamed, (Check(f"{api} API", False, f"{streamed.summary} ({url})"),))
        checks.append(Check(f"{api} stream", False, streamed.summary))
    checks.insert(0, Check(f"{api} API", True, f"answers at {url}"))
    shown = answer
    for part in ("tool", "system message in mid-conversation"):
        more: tuple[Part, ...] = (*accepted, part)
        if answered(api, answer := await way.ask(more)):
            accepted = more
        else:
            checks.append(Check(f"{api} completion, {part}", False, answer.summary))
    system = "system message in mid-conversation" in accepted
    wants = way.endpoint.dialect.max_tokens_field == "max_completion_tokens"
    return Tried(api, base, "answers", shown, tuple(checks), system, wants)


def answered(api: Api, answer: PreflightAnswer) -> bool:
    """Whether a completion came: text, a call, or a stop reason."""
    if answer.refusal or answer.too_long or not answer.status or not speaks(api, answer):
        return False
    response: Response = wire.parse_body(api, answer.status, answer.body, streamed=_is_stream(answer))
    return response.failure is None and bool(response.parts or response.stop)


def usage(api: Api, answer: PreflightAnswer) -> Usage:
    """The usage in a response; empty if it is not a completion."""
    response = wire.parse_body(api, answer.status, answer.body, streamed=_is_stream(answer)) if answer.status else None
    return (response and response.usage) or Usage()


def absent(api: Api, answer: PreflightAnswer) -> bool:
    """Whether `api` is missing here: no such route, a web page, an odd status, or none of the API's fields."""
    if answer.is_odd:
        return True
    if answer.refusal:
        kind = answer.refusal.kind
        return kind == "wrong route" or (kind != "bad key" and page(answer.body) is not None)
    return bool(answer.status) and bool(answer.body) and not speaks(api, answer)


def speaks(api: Api, answer: PreflightAnswer) -> bool:
    """Whether a response has fields of `api`, or is a stream that is not another API's."""
    if not _is_stream(answer):
        return _marked(api, parse_json(answer.body))
    values = [parse_json(sse.data) for sse in events(answer.body)]
    spoken = [other for other in APIS if any(_marked(other, value) for value in values)]
    return api in spoken or not spoken


def _marked(api: Api, value: Any) -> bool:
    """Whether a JSON value has a field that only `api` has."""
    if not isinstance(value, dict):
        return False
    kinds = (as_str(value.get(name)) for name in ("object", "type"))
    own = wire.api(api)
    return bool(own.fields & value.keys()) or any(own.kinds.match(kind) for kind in kinds)


def _decided(api: Api, answer: PreflightAnswer) -> State | None:
    """The conclusion from a response about its API; None if another request is needed."""
    if answer.timed_out or answer.busy or (answer.refusal and answer.refusal.kind == "other client"):
        return "unknown"
    if (answer.trouble and not answer.status) or absent(api, answer):
        return "absent"
    if answer.too_long:
        return "fails"
    kinds = ("empty account", "bad key", "unknown model")
    return "fails" if answer.refusal and answer.refusal.kind in kinds else None


def _is_stream(answer: PreflightAnswer) -> bool:
    kind = answer.headers.get("content-type", "")
    return "event-stream" in kind or bool(re.match(rb"\s*(?:data|event|id|retry)?:", answer.body))


def _message(role: Literal["system", "user", "assistant"], text: str) -> Message:
    return Message(role, (Text(text),))
