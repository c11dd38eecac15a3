"""One endpoint that recorded requests are sent to."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable
from contextlib import AsyncExitStack
from pathlib import Path

from toolworthy.base.errors import ToolworthyError
from toolworthy.base.retry import patiently
from toolworthy.content import adapters
from toolworthy.endpoint.preflight import preflight
from toolworthy.endpoint.target import Endpoint
from toolworthy.gateway import Gateway, GatewaySession, ask
from toolworthy.gateway.retries import again, busy
from toolworthy.records.exchange import Exchange
from toolworthy.records.exchanges import ExchangeWriter, file_name, read_all
from toolworthy.records.replay import Side
from toolworthy.records.store import RunDirectory
from toolworthy.wire.ir import Api
from toolworthy.work.replay._adapt import Prepared
from toolworthy.work.run.embedded import reached

SECONDS = 600.0
"""How long one answer may take; as long as agents wait."""
_PATIENT = 3
"""Requests in a row that reach nobody, after which none is tried twice."""
_Unwritten = dict[tuple[str, int], ToolworthyError]
"""Why exchanges could not be kept, by trial and index."""


class Sender:
    """Asks one endpoint, and keeps every exchange in the run directory."""

    def __init__(self, side: Side, endpoint: Endpoint, gateway: Gateway, folder: Path, unwritten: _Unwritten) -> None:
        self.side = side
        self.endpoint = endpoint
        self._gateway = gateway
        self._folder = folder
        self._unwritten = unwritten
        self._sessions: dict[str, GatewaySession] = {}
        self._gone = 0
        """Requests in a row that reached nobody."""

    def file(self, trial: str) -> str:
        """The file with the exchanges of a recorded trial's requests, relative to the run directory."""
        return f"exchanges/{file_name(_name(self.side, trial))}"

    async def send(self, trial: str, prepared: Prepared) -> Exchange:
        """Send one request; an endpoint without time is given some, one that is gone is not waited for forever.

        Raises:
            ToolworthyError: what came cannot be written.
        """
        session = self._session(trial)

        async def once() -> Exchange:
            exchange = await ask(session, prepared.path, prepared.body, SECONDS, prepared.headers)
            session.exchanges.clear()  # they are on the disk
            return exchange

        exchange = await (patiently(once, again, session.gateway.patience) if self._gone < _PATIENT else once())
        if lost := self._unwritten.get((exchange.trial, exchange.index)):
            raise lost
        self._gone = self._gone + 1 if unreachable(exchange) else 0
        return exchange

    def _session(self, trial: str) -> GatewaySession:
        if trial not in self._sessions:
            path = self._folder / self.file(trial)
            kept = read_all(path) if path.is_file() else ()
            first = max((exchange.index + 1 for exchange in kept), default=0)
            self._sessions[trial] = self._gateway.direct(_name(self.side, trial), first)
        return self._sessions[trial]


async def open_sender(
    stack: AsyncExitStack,
    side: Side,
    endpoint: Endpoint,
    apis: Collection[Api],
    run: RunDirectory,
    say: Callable[[str], None],
) -> Sender:
    """Look at an endpoint, and make it ready to be asked until `stack` is closed.

    Args:
        stack: what is opened here is closed with it.
        side: what the endpoint is asked for.
        endpoint: as the user named it; the oracle is started.
        apis: what the recorded agents spoke.
        run: where every exchange is kept.
        say: hears what preflight finds wrong.

    Raises:
        ToolworthyError: it cannot be reached, or speaks nothing that is needed.
    """
    found = await preflight(await reached(endpoint, stack), _speakers(apis), say)
    for check in found.checks:
        if check.ok is False or check.reading:
            say(f"preflight: {check.name}: {check.detail}")

    unwritten: _Unwritten = {}

    def record(exchange: Exchange) -> None:
        """Never raises: who records may be a task of the gateway's that nobody waits for."""
        path = run.path / "exchanges" / file_name(exchange.trial)
        try:
            with contextlib.closing(ExchangeWriter(path, run.redactor)) as writer:
                writer.append(exchange)
        except OSError as error:
            told = f"cannot write {path}: {error.strerror}; --resume goes on"
            unwritten[exchange.trial, exchange.index] = ToolworthyError(told)

    gateway = await stack.enter_async_context(Gateway(found.endpoint, record))
    return Sender(side, found.endpoint, gateway, run.path, unwritten)


def unmeasured(exchange: Exchange) -> str:
    """Why an exchange says nothing of the endpoint's decisions; empty where it does."""
    if exchange.error and (unreachable(exchange) or exchange.error.kind == "our limit"):
        return str(exchange.error)
    return f"HTTP {exchange.status}: the endpoint had no time" if busy(exchange) else ""


def unreachable(exchange: Exchange) -> bool:
    """Whether nobody listened where the endpoint was."""
    return exchange.error is not None and exchange.error.kind in ("unreachable", "connect timeout")


def _speakers(apis: Iterable[Api]) -> list[adapters.AgentAdapter]:
    """An agent for each API, so that preflight tries what will be used."""
    ours = adapters.agents()
    found = (next((agent for agent in ours if agent.apis[0] == api), None) for api in sorted(set(apis)))
    return [agent for agent in found if agent is not None]


def _name(side: Side, trial: str) -> str:
    return trial if side == "target" else f"{trial} ({side})"
