"""One API refuses the key that another takes: it is asked with the key in the other header, and then it is that API."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import httpx
import pytest

from tests.support.small_server import error, look, sound
from tests.support.upstream import endpoint, reply, serve
from toolworthy.endpoint.preflight import Preflight
from toolworthy.endpoint.target import Endpoint
from toolworthy.gateway import Gateway
from toolworthy.judgement.analysis.unruled import UNRULED
from toolworthy.records.probe import ProbeKey
from toolworthy.work.probes import KEY_REFUSED, ProbeBench, load_suite

pytestmark = pytest.mark.process


async def bearer_only(request: dict[str, Any], send: Any) -> None:
    if request["path"] == "/v1/messages" and "authorization" not in request["headers"]:
        await reply(send, 401, error("carry the key in the Authorization field"))
    else:
        await sound(request, send)


async def never(request: dict[str, Any], send: Any) -> None:
    if request["path"] == "/v1/messages":
        await reply(send, 401, error("this key may not use Messages", type="authentication_error"))
    else:
        await sound(request, send)


async def behind_a_gate(request: dict[str, Any], send: Any) -> None:
    """A server without Messages, whose gate reads bearer tokens before it looks at the path."""
    if "authorization" not in request["headers"]:
        await reply(send, 401, error("missing API key"))
    elif request["path"] == "/v1/messages":
        await reply(send, 404, error("no such route"))
    else:
        await sound(request, send)


def found(answer: Any) -> Preflight:
    return asyncio.run(look(answer, "claude-code"))


def test_it_is_used_with_the_header_that_it_takes() -> None:
    seen = found(bearer_only)
    assert "messages" in seen.endpoint.base_urls
    assert not seen.refused
    assert seen.endpoint.headers("messages")["authorization"].startswith("Bearer ")
    assert [one.detail for one in seen.checks if one.reading] == [
        "refuses the key in x-api-key and takes it in authorization: using that"
    ]


def test_it_is_there_where_it_refuses_the_key_in_each() -> None:
    seen = found(never)
    assert seen.endpoint.shut == {"messages"}
    assert "this key may not use Messages" in seen.refused["claude-code"]


def test_it_is_not_there_where_the_other_header_tells_that_no_route_is() -> None:
    seen = found(behind_a_gate)
    assert "messages" not in seen.endpoint.base_urls
    assert not seen.endpoint.shut
    assert not seen.refused


def test_a_user_who_says_how_the_key_is_sent_is_taken_at_their_word() -> None:
    def tested(url: str) -> Endpoint:
        return replace(endpoint(url), auth="x-api-key")

    seen = asyncio.run(look(bearer_only, "claude-code", tested=tested))
    assert "authorization" not in seen.endpoint.headers("messages")
    assert "Authorization field" in seen.refused["claude-code"]


def test_its_probes_name_the_key_and_the_others_go_on() -> None:
    async def asked() -> list[Any]:
        async with serve(never) as upstream:
            where = endpoint(upstream.url).without_key("messages")
            async with Gateway(where, lambda _: None) as gateway, httpx.AsyncClient(timeout=None) as client:
                bench = ProbeBench(where, gateway, client)
                names = ("plain-answer", "session-claude-code", "one-call")
                keys = [ProbeKey(probe=name, api="messages", stream=True) for name in names]
                keys.append(ProbeKey(probe="plain-answer", api="chat", stream=True))
                return [await bench.run(key, load_suite()[key.probe]) for key in keys]

    plain, session, call, chat = asyncio.run(asked())
    assert (plain.verdict, plain.cause) == ("rejected", KEY_REFUSED)
    assert (session.verdict, session.cause) == ("rejected", KEY_REFUSED)
    assert (call.verdict, call.detail) == ("unmeasured", "the messages API refuses the key that another takes")
    assert chat.verdict != "rejected"
    assert KEY_REFUSED in UNRULED
