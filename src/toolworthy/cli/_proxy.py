"""The proxy between a person's agent and an endpoint: records, shows findings, and can start the agent."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import sys
import time
from pathlib import Path
from typing import TextIO

from toolworthy.base.atomic import whole
from toolworthy.base.errors import ToolworthyError, writing
from toolworthy.base.redact import Redactor
from toolworthy.base.sanitize import one_line, show
from toolworthy.base.version import __version__
from toolworthy.cli._event_loop import stopped
from toolworthy.cli._live_findings import LiveFindings
from toolworthy.cli._own_agent import OwnAgent
from toolworthy.endpoint.preflight import preflight
from toolworthy.endpoint.target import Endpoint
from toolworthy.gateway import Gateway, serve_trial
from toolworthy.gateway.repair import Repairer
from toolworthy.records.exchange import Exchange
from toolworthy.records.latest import LatestExchanges
from toolworthy.records.meta import ProxyRecord
from toolworthy.work.run.embedded import reached


class Proxy:
    """A proxy.

    Args:
        endpoint: where requests go.
        out: folder for the recording.
        keep: the most exchanges in the recording.
        secret: whether its address has a secret part.
        agent: the agent to start, whose end ends the proxy; None: serve until a signal.
        repair: whether to repair what can be repaired.
    """

    def __init__(
        self, endpoint: Endpoint, out: Path, *, keep: int, secret: bool, agent: OwnAgent | None, repair: bool
    ) -> None:
        self._repairer = Repairer() if repair else None
        self._endpoint, self._keep, self._secret, self._agent = endpoint, keep, secret, agent
        self._path = out / time.strftime("proxy-%Y%m%d-%H%M%S.jsonl.zst", time.gmtime())
        self._findings = LiveFindings()
        self._stop = asyncio.Event()
        self._unwritten: list[ToolworthyError] = []

    def serve(self, listener: socket.socket) -> int:
        """Serve until the end. Returns the exit code.

        Raises:
            ToolworthyError: a file cannot be written, or the agent cannot be started.
        """
        with contextlib.ExitStack() as opened:
            opened.callback(listener.close)
            with writing(self._path):
                self._path.parent.mkdir(parents=True, exist_ok=True)
                record = LatestExchanges(self._path, Redactor(self._endpoint.secrets), self._keep)
                opened.enter_context(contextlib.closing(record))
            with whole(self._beside(".json")) as partial:
                meta = ProxyRecord(toolworthy=__version__, started=time.time(), endpoint=self._endpoint.public())
                partial.write_text(meta.model_dump_json(indent=2) + "\n", encoding="utf-8")
            code = 0
            with contextlib.suppress(KeyboardInterrupt):
                code = asyncio.run(self._serve(listener, record, self._open_screen(opened)))
        self._summary()
        if self._unwritten:
            raise self._unwritten[0]
        return code

    def _open_screen(self, opened: contextlib.ExitStack) -> TextIO:
        """The output for lines about the traffic: a file if an agent uses the terminal."""
        if not self._agent:
            return sys.stdout
        return opened.enter_context(self._beside(".log").open("a", encoding="utf-8"))

    def _beside(self, suffix: str) -> Path:
        return self._path.with_name(self._path.name.replace(".jsonl.zst", suffix))

    async def _serve(self, listener: socket.socket, record: LatestExchanges, shown: TextIO) -> int:
        def came(exchange: Exchange) -> None:
            self._record(exchange, record, shown)

        async with contextlib.AsyncExitStack() as stack:
            endpoint = await reached(self._endpoint, stack)
            if self._agent:
                endpoint = (await preflight(endpoint, [self._agent.adapter])).endpoint
            gateway = await stack.enter_async_context(Gateway(endpoint, came, repairer=self._repairer))
            session = await stack.enter_async_context(serve_trial(gateway, "proxy", listener, secret=self._secret))
            if self._agent:
                show(f"{self._agent.adapter.title}: {self._path} records it; findings: {shown.name}", sys.stderr)
                return await self._agent.run(endpoint, session.base_url, self._stop)
            show(f"point your agent at {session.base_url}; recording into {self._path}; Ctrl-C stops it")
            await stopped(self._stop)
            return 0

    def _record(self, exchange: Exchange, record: LatestExchanges, shown: TextIO) -> None:
        try:
            with writing(self._path):
                if not self._path.exists():
                    raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
                record.append(exchange)
        except ToolworthyError as error:  # no more requests if they cannot be recorded
            self._unwritten.append(error)
            self._stop.set()
            return
        answer = exchange.status or exchange.error
        show(one_line(f"{exchange.method} {exchange.path} → {answer} {exchange.seconds:.2f} s"), shown)
        for line in self._findings.lines(exchange):
            show(line, shown)
        for one in exchange.repairs:
            show(one_line(f"repaired {one.kind}: {one.before} → {one.after} [exchange {exchange.index}]"), shown)

    def _summary(self) -> None:
        if summary := [*self._findings.summary()]:
            file = sys.stderr if self._agent else sys.stdout
            show("\n".join(["findings:", *(f"  {line}" for line in summary)]), file)
