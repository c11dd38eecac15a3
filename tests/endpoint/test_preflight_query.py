"""A base URL with a query, as Azure has it, is asked rightly by every door."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import run
from tests.support.small_server import MODELS, PATHS, hello
from tests.support.upstream import reply, serve

pytestmark = pytest.mark.process

QUERY = "api-version=2024-10-21"
BASE = "/openai/deployments/d"


async def _strict(request: dict[str, Any], send: Any) -> None:
    """A server that knows its routes with that query only."""
    path = request["path"].removeprefix(BASE)
    if QUERY not in request["query"].split("&") or not request["path"].startswith(BASE):
        await reply(send, 404, json.dumps({"error": {"message": f"no {request['path']}"}}).encode())
    elif path in ("/models", "/v1/models"):
        await reply(send, 200, json.dumps(MODELS).encode())
    else:
        await hello(request, send, PATHS[path if path.startswith("/v1") else f"/v1{path}"])


def test_every_door_asks_with_the_query_of_the_base_url(tmp_path: Path) -> None:
    async def go() -> None:
        async with serve(_strict) as upstream:
            asked = ["--endpoint", f"{upstream.url}{BASE}?{QUERY}", "--model", "m"]
            env = {"TOOLWORTHY_API_KEY": "sk-0123456789abcdef0123\n"}

            def call(*arguments: str) -> Any:
                return run(*arguments, cwd=tmp_path, env=env)

            doctor = await asyncio.to_thread(call, "toolworthy", "doctor", *asked)
            for api in ("chat", "messages", "responses"):
                assert f"ok   {api}" in doctor.stdout, doctor.stdout + doctor.stderr
            assert all(QUERY in request["query"] for request in upstream.requests)
            upstream.requests.clear()
            wire = [*asked, "-k", "test_plain_answer", "--out", str(tmp_path / "reports")]
            done = await asyncio.to_thread(call, "toolworthy", "run", "wire", *wire)
            assert "no wire API" not in done.stdout, done.stdout
            paths = {request["path"] for request in upstream.requests}
            assert {f"{BASE}/chat/completions", f"{BASE}/v1/messages", f"{BASE}/responses"} <= paths
            assert all(request["query"].count("?") == 0 for request in upstream.requests)
            assert all(QUERY in request["query"] for request in upstream.requests if request["path"].startswith(BASE))
            (made,) = (tmp_path / "reports").iterdir()
            of = ["toolworthy", "replay", str(made), *asked, "--limit", "3", "--out", str(tmp_path / "again")]
            assert "3 requests" in (await asyncio.to_thread(call, *of)).stdout

    asyncio.run(go())
