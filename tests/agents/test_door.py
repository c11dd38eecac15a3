"""What installers and people are told where a package registry fails."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import httpx
import pytest

from toolworthy.agents._index import PypiDoor
from toolworthy.agents._pypi import Pypi
from toolworthy.base.asgi import serving
from toolworthy.content.install import Install
from toolworthy.sandbox.model import CommandOutcome

pytestmark = pytest.mark.process


class Broken(httpx.AsyncByteStream):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"half"
        raise httpx.RemoteProtocolError("peer closed connection")


def asked(kind: str, *broken: bool) -> tuple[list[int | str], str]:
    """Statuses of requests, or what the client met, and the trouble of a registry that breaks off in some."""
    left = list(broken)

    def registry(request: httpx.Request) -> httpx.Response:
        body = Broken() if left.pop(0) else httpx.ByteStream(b"{}")
        return httpx.Response(200, headers={"content-type": kind, "content-length": "8"}, stream=body)

    async def run() -> tuple[list[int | str], str]:
        met: list[int | str] = []
        listener = socket.create_server(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/simple/tiny/"
        async with (
            httpx.AsyncClient(transport=httpx.MockTransport(registry)) as client,
            httpx.AsyncClient(trust_env=False) as installer,
        ):
            door = PypiDoor("https://index.example/simple", 1, client)
            async with serving(door, listener):
                for _ in broken:
                    try:
                        met.append((await installer.get(url)).status_code)
                    except httpx.RemoteProtocolError:
                        met.append("broken off")
            return met, door.trouble

    return asyncio.run(run())


TROUBLE = "the registry broke off in tiny: peer closed connection"


@pytest.mark.parametrize(("kind", "meets"), [("application/json", 502), ("application/zip", "broken off")])
def test_a_registry_that_breaks_off_is_named_and_nothing_is_logged(
    kind: str, meets: int | str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert asked(kind, True) == ([meets], TROUBLE)
    assert capfd.readouterr().err == ""
    assert caplog.text == ""


def test_what_came_at_last_is_no_trouble() -> None:
    assert asked("application/json", True, False) == ([502, 200], "")
    assert asked("application/json", False, True) == ([200, 502], TROUBLE)


def test_the_trouble_is_the_reason() -> None:
    failed = CommandOutcome(2, "exit", b"", b"error: something about 127.0.0.1", 1.0)
    installer = Pypi(Install(pypi="tiny", version="1.2.3"))
    assert installer.reason(failed, TROUBLE) == f"{TROUBLE}. Try again."
    assert "something about" in installer.reason(failed, "")
