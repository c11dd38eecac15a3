"""Defects of real endpoints, as data: how the reference server changes a correct response to show one.

A row of ``fixtures/defects/*.toml`` changes a response in up to four places: it rejects the request, changes the
content, edits the JSON, or changes the bytes.
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
from toolworthy.base.nearest import closest
from toolworthy.reference._connections import ServedConnections
from toolworthy.reference._inject import Bytes, Edit, Saying, edited, edited_stream, rewritten, said
from toolworthy.reference._paths import places
from toolworthy.reference._triggers import RefusalSign, Sign
from toolworthy.reference.model import JSON, STREAM, Reply
from toolworthy.wire.declaration import KEY_HEADERS
from toolworthy.wire.ir import Api, Message, Part, Request, Response, ToolCall, ToolResult
from toolworthy.wire.lenient import as_dict, dump_json, parse_json


class RouteAnswer(Strict):
    """Another response to certain requests, by path, headers and content."""

    path: str
    """Pattern in the path with its query."""
    method: str = ""
    header: str = ""
    """Only requests with this header; in lower case."""
    without: str = ""
    """Only requests without this header."""
    like: str = ""
    """For both: a header that does not match this pattern counts as not sent."""
    status: int = 404
    content_type: str = JSON
    body: str = ""

    def holds(self, method: str, target: str, headers: Mapping[str, str]) -> bool:
        """Whether it applies to this request."""
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
    """The servers that have it, and when, if known."""
    agents: str = ""
    """The clients that failed."""
    sources: tuple[str, ...]
    """``owner/repo#number``; empty if only a specification mentions it."""
    caught_by: tuple[str, ...] = ()
    """Codes of the rules and probes that detect it."""
    says: dict[str, str] = Field(default_factory=dict)
    """Id of a probe that detects several faults to the pattern of its verdict and detail for this one."""
    beside: tuple[str, ...] = ()
    """Codes of other faults in the same bytes, for example the form of an error body: the agents' reactions are no
    evidence for these."""
    stage: str = ""
    """For a transient fault: the stage whose own, well-formed fault it replaces."""
    unseen: str = ""
    """Why no client can distinguish it from a correct response, if so."""
    mode: Literal["stream", "whole", "both"] = "both"
    """The requests to which it applies."""
    when: tuple[Sign, ...] = ()
    """It applies only to requests that meet all of these."""
    assume: dict[str, Any] = Field(default_factory=dict)
    """The endpoint's defaults for missing top-level fields of the request."""
    ignore: tuple[str, ...] = ()
    """Paths in the request that the endpoint ignores."""
    by_position: bool = False
    """Whether results are matched to the turn's calls by order instead of id."""
    route: tuple[RouteAnswer, ...] = ()
    refuse: tuple[RefusalSign, ...] = ()
    say: Saying | None = None
    edit: tuple[Edit, ...] = ()
    bytes: Bytes | None = None
    error: str = ""
    """Every error's body; ``{message}`` and ``{status}`` are filled in as JSON."""
    connection: ServedConnections | None = None
    """Faults of all connections."""

    @property
    def of_requests(self) -> bool:
        """Whether it applies only to certain requests: an agent that never sends one is not affected."""
        return bool(self.when or self.assume or self.ignore or self.route or self.refuse)

    @property
    def of_credentials(self) -> bool:
        """Whether it depends on the key that is sent."""
        return any({route.header, route.without} & KEY_HEADERS for route in self.route)

    def concerns(self, value: Mapping[str, Any]) -> bool:
        """Whether it applies to this request: all of `when` holds."""
        return all(sign.holds(value) for sign in self.when)

    def assumes(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """The request's JSON with the endpoint's defaults."""
        return {**self.assume, **value}

    def hears(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """The request's JSON without the parts that the endpoint ignores."""
        heard = copy.deepcopy(dict(value))
        for path in self.ignore:
            for container, key in reversed(list(places(heard, path))):
                del container[key]
        return self.assumes(heard)

    def understands(self, request: Request) -> Request:
        """The request as the model gets it."""
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
        """The response to a request whose body is not even read."""
        for route in self.route:
            if route.holds(method, target, headers):
                return Reply(route.status, route.content_type, (route.body.encode(),))
        return None

    def refuses(self, value: Mapping[str, Any]) -> Reply | None:
        """The response to a request that this defect rejects."""
        refusal = next((refusal for refusal in self.refuse if refusal.holds(value)), None)
        return _reply_of(refusal, value) if refusal else None

    def refusal(self, value: Mapping[str, Any]) -> Reply | None:
        """The rejection itself; None if the defect rejects nothing."""
        return _reply_of(self.refuse[0], value) if self.refuse else None

    def spoil_answer(self, answer: Response, request: Request, *, shows: bool = True) -> Response:
        """The response with its content changed; if the defect does not apply, only the form of ids changes."""
        if self.say is None or not self._shows(request.stream):
            return answer
        return said(self.say if shows else Saying(id_form=self.say.id_form), answer, request)

    def spoil_reply(self, made: Reply) -> Reply:
        """The reply with its JSON and bytes changed."""
        if not self._shows(made.content_type == STREAM):
            return made
        if self.edit:
            pieces = edited_stream(self.edit, made) if made.content_type == STREAM else edited(self.edit, made)
            made = replace(made, pieces=pieces)
        return rewritten(self.bytes, made) if self.bytes else made

    def spoil_error(self, made: Reply) -> Reply:
        """An error in the endpoint's own form."""
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
    """The part; a result gets the id of the call that it is matched to."""
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
        ToolworthyError: there is no such defect.
    """
    match = next((entry for entry in catalogue() if entry.id == name), None)
    if match is None:
        hint = closest(name, [entry.id for entry in catalogue()]) or "."
        raise ToolworthyError(f"no defect is called {name!r}{hint} `toolworthy oracle --list` lists them.")
    return match
