"""The repairs of one conversation and of one exchange."""

from __future__ import annotations

from collections.abc import Sequence

from toolworthy import wire
from toolworthy.gateway.repair._call_ids import CallIds
from toolworthy.gateway.repair._editor import Editor
from toolworthy.gateway.repair._leaked_calls import LeakedCalls
from toolworthy.gateway.repair._replay import ReasoningMemory
from toolworthy.gateway.repair._stop_reason import StopReasons
from toolworthy.gateway.repair._usage import Usages
from toolworthy.records.exchange import RepairKind, TransitRepair
from toolworthy.wire.assemble import Assembler, assemble, disassemble
from toolworthy.wire.declaration import Route
from toolworthy.wire.ir import Api, Ended, Event, Failed, Opaque, Repair, Request
from toolworthy.wire.lenient import as_int, dump_json, parse_json
from toolworthy.wire.translate import ResponseTranslator, translate_response

_INDEX = ("missing-index", "index-reused")


class Repairer:
    """Stores the data of earlier exchanges that repairs need. Only `toolworthy proxy --repair` makes one."""

    def __init__(self) -> None:
        self.memory = ReasoningMemory()


class RepairedExchange:
    """Repairs one request and its response.

    Args:
        repairer: the repairer of the conversation.
        request: the agent's parsed request.
        api: the agent's wire API.
        body: the body of the request.
    """

    def __init__(self, repairer: Repairer, request: Request, api: Api, body: bytes) -> None:
        self.repairs: list[TransitRepair] = []
        """The repairs."""
        self.request = request
        self._memory = repairer.memory
        self.body = self._memory.replay(api, body, self._note)
        """The repaired body of the request."""
        self._decoded: Sequence[Repair] = ()
        self._sent = Assembler()
        self._failed = False
        self._editors: tuple[Editor, ...] = ()

    @classmethod
    def of(cls, repairer: Repairer, route: Route, path: str, body: bytes) -> RepairedExchange | None:
        """The repair of a completion; None if it cannot be repaired: it requests several choices, or is not JSON."""
        value = parse_json(body) if route.kind == "completion" else None
        if route.api is None or not isinstance(value, dict):
            return None
        own = wire.api(route.api)
        if own.several and (as_int(value.get(own.several)) or 1) > 1:
            return None
        return cls(repairer, own.parse_request(own.received(path, value)), route.api, body)

    def edit(self, translator: ResponseTranslator) -> None:
        """Repair the stream that `translator` writes, as it comes."""
        self._begin(translator.repairs)
        translator.edit = self._edited

    def whole(self, agent: Api, endpoint: Api, status: int, body: bytes) -> bytes:
        """A whole response, repaired; the same bytes if there is nothing to repair or translate."""
        response = wire.parse_body(endpoint, status, body, streamed=False)
        repairable = response.parts and not response.failure and not any(isinstance(p, Opaque) for p in response.parts)
        if repairable:
            self._begin(response.repairs)
            before = len(self.repairs)
            made = assemble([event for one in disassemble(response) for event in self._edited(one)])
            if len(self.repairs) > before:
                return dump_json(wire.api(agent).render_response(made, self.request)).encode()
        return body if agent == endpoint else translate_response(agent, endpoint, self.request, status, body)

    def _begin(self, decoded: Sequence[Repair]) -> None:
        self._decoded = decoded
        self._editors = (
            LeakedCalls(self.request, self._note),
            CallIds(self.request, decoded, self._note),
            StopReasons(self._note),
            Usages(len(self.body), self._note),
        )

    def _edited(self, event: Event) -> list[Event]:
        self._failed = self._failed or isinstance(event, Failed)
        events: list[Event] = [event]
        for editor in () if self._failed else self._editors:
            events = [made for each in events for made in editor.edit(each)]
        for each in events:
            self._sent.add(each)
        if isinstance(event, Ended):
            for repair in self._decoded:
                if repair.code in _INDEX:
                    self._note("index", repair.detail or repair.code, "indices in order")
            self._memory.keep(self._sent.response())
        return events

    def _note(self, kind: RepairKind, before: str, after: str) -> None:
        self.repairs.append(TransitRepair(kind, before, after))
