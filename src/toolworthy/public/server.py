"""The reference endpoint as a context manager."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence

from toolworthy.reference.defects import defect
from toolworthy.wire.ir import Api
from toolworthy.work.run.embedded import standing


class ReferenceServer:
    """A reference server on loopback that runs until the block ends; correct except for the chosen defects.

    It speaks every wire API, does what the suites' prompts ask for, and needs neither network nor key. Works with
    ``with`` and with ``async with``.

    Args:
        defects: ids of defects to inject; ``toolworthy oracle --list`` lists them.
        port: 0 for a free one.

    Raises:
        ToolworthyError: a defect is unknown, or the port is in use.
    """

    model = "oracle"

    def __init__(self, defects: Sequence[str] = (), port: int = 0) -> None:
        self._oracle = standing([defect(name) for name in defects], port)
        self._loop: asyncio.AbstractEventLoop | None = None
        """Only with ``with``."""

    @property
    def base_url(self) -> str:
        """The base URL for clients: ``http://127.0.0.1:PORT/v1``."""
        return f"{self._oracle.url}/v1"

    @property
    def base_urls(self) -> Mapping[Api, str]:
        """Base URLs by wire API, for clients that add ``/v1`` themselves."""
        return self._oracle.base_urls

    async def __aenter__(self) -> ReferenceServer:
        await self._oracle.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._oracle.__aexit__()

    def __enter__(self) -> ReferenceServer:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="toolworthy-reference", daemon=True)
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._oracle.__aenter__(), self._loop).result()
        except BaseException:
            self._end(self._loop)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop is not None
        try:
            asyncio.run_coroutine_threadsafe(self._oracle.__aexit__(), self._loop).result()
        finally:
            self._end(self._loop)

    def _end(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.call_soon_threadsafe(loop.stop)
        self._thread.join()
        loop.close()
