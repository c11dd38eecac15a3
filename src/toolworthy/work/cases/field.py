"""Benchmark files as cases: requests as in the original harnesses, judged by the original definitions."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from toolworthy import wire
from toolworthy.content import adapters
from toolworthy.endpoint.target import Endpoint
from toolworthy.gateway import Gateway, GatewaySession
from toolworthy.records.case import CaseKey, CaseResult, Miss, Noted
from toolworthy.records.exchange import Exchange
from toolworthy.records.result import REFERENCES
from toolworthy.wire.ir import Api, Message, Part, Request, Response, Text, Tool, ToolCall
from toolworthy.wire.lenient import dump_json
from toolworthy.work.cases._attempt import AttemptState, Subject, ask_case
from toolworthy.work.cases._request import ask
from toolworthy.work.cases.benchmarks import bfcl, verifier

Kind = Literal["bfcl", "k2vv"]
REFERENCE = REFERENCES[0]
"""Replaces the toolset in keys of requests to the reference."""
_OWN: Api = "chat"
"""The wire API of the original harnesses."""
Item = bfcl.Item | verifier.VerifierCase


@dataclass(frozen=True)
class Field:
    """A benchmark's file or folder."""

    kind: Kind
    path: Path
    items: Mapping[str, Item]
    left_out: str = ""
    """Items that are left out, with the reason, in one sentence."""

    @property
    def spec(self) -> str:
        """Its name on the command line."""
        return f"{self.kind}:{self.path}"

    @property
    def digest(self) -> str:
        """A hash of the requests."""
        return hashlib.sha256(repr(list(self.items.items())).encode("utf-8", "replace")).hexdigest()[:16]


def load_field(kind: Kind, path: Path) -> Field:
    """Read a benchmark's file or folder.

    Raises:
        ToolworthyError: as :func:`bfcl.load` and :func:`verifier.load`.
    """
    if kind == "bfcl":
        items: dict[str, Item] = {}
        for item in bfcl.load(path):
            same = sum(known.partition("~")[0] == item.id for known in items) if item.id in items else 0
            items[f"{item.id}~{same + 1}" if same else item.id] = item
        return Field(kind, path, items, bfcl.left_out(path))
    return Field(kind, path, {f"request-{case.index}": case for case in verifier.load(path)})


class FieldBench:
    """Asks the cases of a benchmark."""

    def __init__(self, field: Field, *, stream: bool, sides: Mapping[str, tuple[Endpoint, Gateway]]) -> None:
        self._field, self._stream, self._sides = field, stream, sides

    async def run(self, key: CaseKey) -> CaseResult:
        """Ask one case. Never raises: what cannot be judged is unmeasured."""
        item = self._field.items[key.case]
        endpoint, gateway = self._sides[key.toolset]
        category = item.category if isinstance(item, bfcl.Item) else "verifier"

        async def converse(session: GatewaySession, api: Api, state: AttemptState) -> None:
            if isinstance(item, verifier.VerifierCase):
                state.noted = verifier.note(item, verifier.of_response(None))
            exchange = await ask(session, api, _body(item, endpoint, api, self._stream))
            misses, state.noted = _judged(item, exchange)
            state.misses += misses
            state.turns = 1
            state.credit = float(all(miss.strict for miss in misses))

        return await ask_case(key, Subject(endpoint, gateway, adapters.agent("builtin"), category), converse)


class FieldPlayer:
    """Plays accepted calls for BFCL's questions on the reference server. It does not know the verifiers' requests."""

    def __init__(self, field: Field) -> None:
        items = (item for item in field.items.values() if isinstance(item, bfcl.Item))
        self._items = {_asked(item.messages, item.tools): item for item in items}

    def __call__(self, request: Request) -> tuple[Part, ...] | None:
        """The answer to a question; None to any other request."""
        item = self._items.get(_asked(request.messages, request.tools))
        if item is None:
            return None
        calls = bfcl.reference(item)
        made = (ToolCall(f"call_{item.id}_{number}", *call) for number, call in enumerate(calls))
        return tuple(made) if calls else (Text("None of the functions helps here."),)


def _asked(messages: Sequence[Message], tools: Sequence[Tool]) -> str:
    """What a question is known by: the same words are asked with other tools too."""
    texts = [part.text for message in messages for part in message.parts if isinstance(part, Text)]
    return dump_json([texts, [[tool.name, tool.description, tool.parameters] for tool in tools]])


def _body(item: Item, endpoint: Endpoint, api: Api, stream: bool) -> dict[str, Any]:
    """The request's JSON: a verifier's as it is in its file where the endpoint speaks Chat Completions."""
    if isinstance(item, verifier.VerifierCase) and api == _OWN:
        usage = {"stream_options": {"include_usage": True}} if stream else {}
        return {**item.body, "model": endpoint.model, "stream": stream, **usage}
    request = item.request(endpoint.model)
    return wire.api(api).render_request(request, endpoint.dialect).body | {"stream": stream}


def _judged(item: Item, exchange: Exchange) -> tuple[tuple[Miss, ...], Noted | None]:
    answer = exchange.response or Response()
    if isinstance(item, bfcl.Item):
        verdict = bfcl.judge(item, [(call.name, call.arguments) for call in answer.calls], answer.text)
        if verdict.accepted:
            return (), None
        given = ", ".join(f"{call.name}({call.arguments[:500]})" for call in answer.calls) or answer.text[:500]
        wanted = str(list(item.truth) or item.expects)[:1_000]
        return (Miss(kind=verdict.kind or "wrong argument", wanted=wanted, given=given, detail=verdict.detail),), None
    noted = verifier.note(item, verifier.of_response(answer))
    return tuple(_verified(noted)), noted


def _verified(noted: Noted) -> Sequence[Miss]:
    """Calls that fit no schema; and, for the strict reading only, another decision than the reference's.

    A reference does not always decide the same itself, so that no single difference is a fault.
    """
    misses = [
        Miss(kind="wrong argument", given=f"{name}({arguments[:500]})", detail="fits no schema that was offered")
        for (name, arguments), fits in zip(noted.outcome.calls, noted.fits, strict=True)
        if not fits
    ]
    if noted.reference and noted.reference.called and not noted.outcome.called:
        misses.append(Miss(kind="no call", detail="the reference made one", strict=True))
    if noted.reference and noted.outcome.called and not noted.reference.called:
        misses.append(Miss(kind="call where none is due", detail="the reference made none", strict=True))
    return misses
