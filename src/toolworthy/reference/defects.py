"""Defects of real endpoints, as data: how the reference server changes a correct response to show one.

A row of ``fixtures/defects/*.toml`` changes a response in up to four places: it refuses the request, changes what is
said, edits the JSON that is sent, or the bytes.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any, Literal

from pydantic import Field

from toolworthy import content
from toolworthy.base.errors import ToolworthyError
from toolworthy.base.loading import Strict, load_toml
from toolworthy.base.nearest import near
from toolworthy.reference._connections import ServedConnections
from toolworthy.reference._inject import Bytes, Edit, Saying, edited, edited_stream, rewritten, said
from toolworthy.reference._paths import places
from toolworthy.reference._triggers import RefusalSign, Sign
from toolworthy.reference.model import JSON, STREAM, Reply
from toolworthy.wire.declaration import KEY_HEADERS
from toolworthy.wire.ir import Api, Message, Part, Request, Response, ToolCall, ToolResult
from toolworthy.wire.lenient import as_dict, dump_json, parse_json


class RouteAnswer(Strict):
    """Another answer to some requests, by their path, headers and content."""

    path: str
    """Pattern in the path with its query."""
    method: str = ""
    header: str = ""
    """Only where this header is sent; in lower case."""
    without: str = ""
    """Only where this one is not."""
    like: str = ""
    """Of either: one without this pattern counts as not sent."""
    status: int = 404
    content_type: str = JSON
    body: str = ""

    def holds(self, method: str, target: str, headers: Mapping[str, str]) -> bool:
        """Whether it answers this request."""
        return (
            (not self.method or method == self.method)
            and (not self.header or self._sent(self.header, headers))
            and (not self.without or not self._sent(self.without, headers))
            and re.search(self.path, target) is not None
        )

    def _sent(self, header: str, headers: Mapping[str, str]) -> bool:
        return header in headers and re.search(self.like, headers[header]) is not None


class Defect(Strict):
    """One defect of the catalogue."""

    id: str
    title: str
    apis: tuple[Api, ...]
    severity: Literal["blocks", "degrades", "cosmetic"]
    seen: str
    """Where, and when if known."""
    agents: str = ""
    """Who stumbled."""
    sources: tuple[str, ...]
    """``owner/repo#number``; empty where only the specification says it."""
    caught_by: tuple[str, ...] = ()
    """Codes of the rules that name it."""
    says: dict[str, str] = Field(default_factory=dict)
    """Id of a probe that names several faults to the pattern of its verdict and detail for this one."""
    beside: tuple[str, ...] = ()
    """Codes that another fault in the same bytes sets off, the shape of a refusal's body for one: what agents did with
    the defect says nothing of them."""
    stage: str = ""
    """Of a fault that passes: the stage of a task whose own fault, which is right in form, it takes the place of."""
    unseen: str = ""
    """Why no client can tell it from a right answer, where that is so."""
    mode: Literal["stream", "whole", "both"] = "both"
    """Where it shows."""
    when: tuple[Sign, ...] = ()
    """Shows only for requests that have all of these."""
    assume: dict[str, Any] = Field(default_factory=dict)
    """Top-level fields of the request that the endpoint takes as so where they are not sent."""
    ignore: tuple[str, ...] = ()
    """Paths in the request that the endpoint does not read."""
    by_position: bool = False
    """Results belong to the calls of the turn in the order in which they come."""
    route: tuple[RouteAnswer, ...] = ()
    refuse: tuple[RefusalSign, ...] = ()
    say: Saying | None = None
    edit: tuple[Edit, ...] = ()
    bytes: Bytes | None = None
    error: str = ""
    """Every error's body; ``{message}`` and ``{status}`` are filled in as JSON."""
    connection: ServedConnections | None = None
    """How all connections are served."""

    @property
    def of_requests(self) -> bool:
        """Whether it shows only for some requests: an agent that never sends such a one is safe from it."""
        return bool(self.when or self.assume or self.ignore or self.route or self.refuse)

    @property
    def of_credentials(self) -> bool:
        """Whether it looks at the key that is sent."""
        return any({route.header, route.without} & KEY_HEADERS for route in self.route)

    def concerns(self, value: Mapping[str, Any]) -> bool:
        """Whether it shows for this request: all of `when` holds."""
        return all(sign.holds(value) for sign in self.when)

    def assumes(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """The request's JSON with what it does not say and the endpoint takes for granted."""
        return {**self.assume, **value}

    def hears(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """The request's JSON without what the endpoint does not read."""
        heard = copy.deepcopy(dict(value))
        for path in self.ignore:
            for container, key in reversed(list(places(heard, path))):
                del container[key]
        return self.assumes(heard)

    def understands(self, request: Request) -> Request:
        """The request as the model is shown it."""
        if not self.by_position:
            return request
        due: list[str] = []
        messages: list[Message] = []
        for message in request.messages:
            if calls := [part.id for part in message.parts if isinstance(part, ToolCall)]:
                due = calls
            given = [part for part in message.parts if isinstance(part, ToolResult)]
            ids = {id(part): due.pop(0) for part in given if due}
            messages.append(replace(message, parts=tuple(_of_call(part, ids) for part in message.parts)))
        return replace(request, messages=tuple(messages))

    def answers(self, method: str, target: str, headers: Mapping[str, str]) -> Reply | None:
        """The answer to a request that never gets as far as its body."""
        for route in self.route:
            if route.holds(method, target, headers):
                return Reply(route.status, route.content_type, (route.body.encode(),))
        return None

    def refuses(self, value: Mapping[str, Any]) -> Reply | None:
        """The answer to a request that this defect does not take."""
        refusal = next((refusal for refusal in self.refuse if refusal.holds(value)), None)
        return _reply_of(refusal, value) if refusal else None

    def refusal(self, value: Mapping[str, Any]) -> Reply | None:
        """What it answers where a request is to be refused in any case; None where it refuses nothing."""
        return _reply_of(self.refuse[0], value) if self.refuse else None

    def spoil_answer(self, answer: Response, request: Request, *, shows: bool = True) -> Response:
        """What is said, changed; where it does not show, nothing but the form of ids."""
        if self.say is None or not self._shows(request.stream):
            return answer
        return said(self.say if shows else Saying(id_form=self.say.id_form), answer, request)

    def spoil_reply(self, made: Reply) -> Reply:
        """What is sent, changed."""
        if not self._shows(made.content_type == STREAM):
            return made
        if self.edit:
            pieces = edited_stream(self.edit, made) if made.content_type == STREAM else edited(self.edit, made)
            made = replace(made, pieces=pieces)
        return rewritten(self.bytes, made) if self.bytes else made

    def spoil_error(self, made: Reply) -> Reply:
        """An error that is sent, in the endpoint's own form."""
        if not self.error:
            return made
        value = as_dict(parse_json(made.body))
        message = dump_json(as_dict(value.get("error")).get("message", value.get("message", "")))
        body = self.error.replace("{message}", message).replace("{status}", str(made.status))
        return replace(made, pieces=(body.encode(),))

    def _shows(self, streamed: bool) -> bool:
        return self.mode == "both" or (self.mode == "stream") == streamed


def _reply_of(refusal: RefusalSign, value: Mapping[str, Any]) -> Reply:
    start = refusal.body.lstrip()
    kind = STREAM if start.startswith(("data:", "event:")) else JSON if start[:1] in "{[" else "text/plain"
    headers = tuple(refusal.headers.items())
    return Reply(refusal.status, kind, (refusal.answer(value).encode(),), headers=headers)


def _of_call(part: Part, ids: Mapping[int, str]) -> Part:
    """The part; a result with the id of the call that it is taken to belong to."""
    return replace(part, call_id=ids[id(part)]) if isinstance(part, ToolResult) and id(part) in ids else part


# ---- the catalogue ---------------------------------------------------------------------------------------------------


@cache
def catalogue() -> tuple[Defect, ...]:
    """All defects, by id."""
    defects = [
        defect
        for path in sorted((content.FIXTURES / "defects").glob("*.toml"))
        for defect in load_toml(_File, path).defect
    ]
    return tuple(sorted(defects, key=lambda defect: defect.id))


class _File(Strict):
    defect: tuple[Defect, ...]


def defect(name: str) -> Defect:
    """The defect called `name`.

    Raises:
        ToolworthyError: there is none.
    """
    match = next((entry for entry in catalogue() if entry.id == name), None)
    if match is None:
        meant = near(name, [entry.id for entry in catalogue()]) or "."
        raise ToolworthyError(f"no defect is called {name!r}{meant} `toolworthy oracle --list` lists them.")
    return match
