"""The reference endpoint as a context manager, and rules over what was recorded elsewhere."""

from __future__ import annotations

import asyncio
import socket
import threading

import httpx
import pytest

import toolworthy

pytestmark = pytest.mark.process

ASKED = {"model": "oracle", "messages": [{"role": "user", "content": "Reply with exactly: Hello."}]}
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}


def said(server: toolworthy.ReferenceServer) -> str:
    answer = httpx.post(f"{server.base_url}/chat/completions", json=ASKED).json()
    text: str = answer["choices"][0]["message"]["content"]
    return text


def test_it_serves_while_the_block_lasts() -> None:
    server = toolworthy.ReferenceServer()
    for _ in range(2):
        with server as same:
            assert same is server
            assert said(server) == "Hello."
        with pytest.raises(httpx.ConnectError):
            said(server)
    assert not [one for one in threading.enumerate() if one.name == "toolworthy-reference"]


def test_it_serves_in_a_running_loop_too() -> None:
    async def main() -> tuple[str, str]:
        async with toolworthy.ReferenceServer() as server, httpx.AsyncClient() as client:
            answer = await client.post(f"{server.base_urls['chat']}/chat/completions", json=ASKED)
            with toolworthy.ReferenceServer() as another:
                return answer.json()["choices"][0]["message"]["content"], await asyncio.to_thread(said, another)

    assert asyncio.run(main()) == ("Hello.", "Hello.")


def test_mistakes_are_one_clear_line() -> None:
    with pytest.raises(toolworthy.ToolworthyError, match="no defect is called 'sing'"):
        toolworthy.ReferenceServer(defects=["sing"])
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(toolworthy.ToolworthyError, match="is in use"),
        toolworthy.ReferenceServer(port=taken.getsockname()[1]),
    ):
        pass
    assert not [one for one in threading.enumerate() if one.name == "toolworthy-reference"]


@pytest.mark.parametrize("stream", [False, True])
def test_rules_judge_what_was_recorded_elsewhere(stream: bool) -> None:
    asked = {
        "model": "oracle",
        "stream": stream,
        "tools": [TOOL],
        "messages": [{"role": "user", "content": "Call the tool `look` with exactly these arguments: {}"}],
    }
    codes = []
    for defects in ([], ["call-id-null"]):
        with toolworthy.ReferenceServer(defects=defects) as server:
            answer = httpx.post(f"{server.base_url}/chat/completions", json=asked)
        exchange = toolworthy.Exchange.of("chat", asked, answer.content, headers=dict(answer.headers))
        codes.append({finding.code for finding in toolworthy.check([exchange])})
        assert toolworthy.check([toolworthy.Exchange.of("chat", asked, answer.text)]) == toolworthy.check([exchange])
    assert codes[0] == set()
    assert "TW101" in codes[1]
