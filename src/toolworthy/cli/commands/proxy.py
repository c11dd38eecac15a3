"""``toolworthy proxy``: records an agent's traffic until it is stopped."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import socket
import time
from pathlib import Path

from toolworthy.base.asgi import listening
from toolworthy.base.atomic import whole
from toolworthy.base.errors import ToolworthyError, writing
from toolworthy.base.redact import Redactor
from toolworthy.base.sanitize import one_line, show
from toolworthy.base.version import __version__
from toolworthy.cli._live_findings import LiveFindings
from toolworthy.cli.interrupt import SIGNALS
from toolworthy.endpoint.target import Endpoint, resolve
from toolworthy.gateway import Gateway, serve_trial
from toolworthy.records.exchange import Exchange
from toolworthy.records.exchanges import ExchangeWriter
from toolworthy.records.meta import ProxyRecord
from toolworthy.wire.ir import Api
from toolworthy.work.run.embedded import reached


def run(
    endpoint: str, model: str | None, key_env: str | None, wire: Api | None, port: int, out: Path, for_all: bool
) -> int:
    """Record the traffic of any agent that uses it, until Ctrl-C; a file next to the record names the endpoint.

    It lends the endpoint's key. Its address has a part that nobody can guess, unless it is `for_all`.

    Raises:
        ToolworthyError: the endpoint is unknown, the port is taken, or what comes cannot be written.
    """
    return _serve(resolve(endpoint, model=model, key_env=key_env, wire=wire), port, out, secret=not for_all)


def _serve(endpoint: Endpoint, port: int, out: Path, *, secret: bool) -> int:
    listener = listening(port)  # before anything is written: the port may be taken
    path = out / time.strftime("proxy-%Y%m%d-%H%M%S.jsonl.zst", time.gmtime())
    with contextlib.ExitStack() as opened:
        opened.callback(listener.close)
        with writing(path):
            out.mkdir(parents=True, exist_ok=True)
            writer = opened.enter_context(contextlib.closing(ExchangeWriter(path, Redactor(endpoint.secrets))))
        return _record(endpoint, listener, path, writer, secret=secret)


def _record(endpoint: Endpoint, listener: socket.socket, path: Path, writer: ExchangeWriter, *, secret: bool) -> int:
    meta = ProxyRecord(toolworthy=__version__, started=time.time(), endpoint=endpoint.public())
    with whole(path.with_name(path.name.replace(".jsonl.zst", ".json"))) as partial:
        partial.write_text(meta.model_dump_json(indent=2) + "\n", encoding="utf-8")
    stop = asyncio.Event()
    unwritten: list[ToolworthyError] = []
    findings = LiveFindings()

    def record(exchange: Exchange) -> None:
        try:
            with writing(path):
                if not path.exists():
                    raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
                writer.append(exchange)
        except ToolworthyError as error:  # nothing more is asked that cannot be kept
            unwritten.append(error)
            stop.set()
            return
        answer = exchange.status or exchange.error
        show(one_line(f"{exchange.method} {exchange.path} → {answer} {exchange.seconds:.2f} s"))
        for line in findings.lines(exchange):
            show(line)

    async def serve() -> None:
        async with (
            contextlib.AsyncExitStack() as stack,
            Gateway(await reached(endpoint, stack), record) as gateway,
            serve_trial(gateway, "proxy", listener, secret=secret) as session,
        ):
            show(f"point your agent at {session.base_url}; recording into {path}; Ctrl-C stops it")
            await stopped(stop)

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve())
    if summary := [*findings.summary()]:
        show("\n".join(["findings:", *(f"  {line}" for line in summary)]))
    if unwritten:
        raise unwritten[0]
    return 0


async def stopped(stop: asyncio.Event | None = None) -> None:
    """Wait for SIGINT, SIGTERM or SIGHUP, or for `stop`.

    The event loop takes them. What a handler of Python's own raises can come up in a destructor or in the middle of a
    request, where it is lost.
    """
    loop, came = asyncio.get_running_loop(), stop or asyncio.Event()
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, came.set)
    await came.wait()
