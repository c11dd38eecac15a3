"""``toolworthy oracle`` and ``toolworthy proxy``: servers that run until they are stopped."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from pathlib import Path

from toolworthy import adapters, content
from toolworthy.endpoint import Endpoint
from toolworthy.errors import UserError
from toolworthy.exchange import Exchange


def serve_oracle(port: int) -> int:
    """Serve the reference endpoint on loopback until Ctrl-C."""
    from toolworthy.oracle import Oracle
    from toolworthy.tasks.model import load_tasks

    async def serve() -> None:
        async with Oracle(load_tasks(content.FIXTURES / "tasks"), adapters.agents(), port=port) as oracle:
            print(f"oracle at {oracle.url} (chat and responses: {oracle.url}/v1); Ctrl-C stops it", flush=True)
            await asyncio.Event().wait()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve())
    return 0


def serve_proxy(endpoint: Endpoint, port: int, out: Path) -> int:
    """Record the traffic of any agent pointed at it, until Ctrl-C."""
    from toolworthy.gateway import Gateway
    from toolworthy.runs.exchanges import ExchangeWriter

    path = out / time.strftime("proxy-%Y%m%d-%H%M%S.jsonl.zst", time.gmtime())
    out.mkdir(parents=True, exist_ok=True)
    writer = ExchangeWriter(path)

    def record(exchange: Exchange) -> None:
        writer.append(exchange)
        print(
            f"{exchange.method} {exchange.path} → {exchange.status or exchange.error} {exchange.seconds:.2f} s",
            flush=True,
        )

    async def serve() -> None:
        async with Gateway(endpoint, record) as gateway, gateway.session("proxy", _listen(port)) as session:
            print(f"point your agent at {session.base_url}; recording into {path}; Ctrl-C stops it", flush=True)
            await asyncio.Event().wait()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve())
    writer.close()
    return 0


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise UserError(f"port {port} cannot be listened on: {error.strerror}; give another with --port") from error
