"""What may pass decides nothing: preflight asks again, for as long as is sensible."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from email.utils import formatdate
from typing import Any

import pytest

from tests.support.small_server import Answering, error, look, sound
from tests.support.upstream import reply
from toolworthy.base.errors import ToolworthyError
from toolworthy.endpoint.preflight import _client as asker

pytestmark = pytest.mark.process

_LIMITED = error("This model is rate limited upstream; this is not a budget problem, do not ask billing")


def _faulty(which: Collection[int], status: int, body: bytes, kind: str = "application/json", **headers: str) -> Any:
    """A sound server but for the completions of these numbers, and the list of its requests."""
    seen: list[str] = []

    async def answer(request: dict[str, Any], send: Any) -> None:
        if request["method"] == "POST":
            seen.append(request["path"])
            if len(seen) in which:
                await reply(send, status, body, kind, **headers)
                return
        await sound(request, send)

    return answer, seen


@pytest.mark.parametrize("which", [{1}, {2}, {3}, {4}, {5}, {1, 2, 3, 4, 5}], ids=str)
def test_a_rate_limit_at_any_request_changes_nothing(which: set[int]) -> None:
    answer, seen = _faulty(which, 429, _LIMITED, retry_after_ms="5")
    found = asyncio.run(look(answer, "claude-code", "codex", "builtin"))
    assert list(found.endpoint.base_urls) == ["chat", "messages", "responses"]
    assert not found.refused
    assert all(check.ok for check in found.checks)
    assert len(seen) == 3 + len({number for number in which if number <= len(seen)})


@pytest.mark.parametrize(
    ("status", "body", "kind", "headers"),
    [
        (503, error("Loading model"), "application/json", {"retry_after": "0"}),
        (529, error("Overloaded"), "application/json", {"date": formatdate(0), "retry_after": formatdate(0)}),
        (502, b"<html><head><title>502 Bad Gateway</title></head></html>", "text/html", {}),
        (200, b'data: {"error": {"message": "upstream hiccup"}}\n\n', "text/event-stream", {}),
        (200, b"", "text/event-stream", {}),
    ],
    ids=["503", "529", "bad gateway", "an error chunk", "nothing"],
)
def test_so_do_other_faults_that_pass(status: int, body: bytes, kind: str, headers: dict[str, str]) -> None:
    answer, _ = _faulty({1, 2}, status, body, kind, **headers)
    found = asyncio.run(look(answer, "claude-code", "codex", "builtin"))
    assert list(found.endpoint.base_urls) == ["chat", "messages", "responses"]
    assert not found.refused
    assert all(check.ok for check in found.checks)


def test_a_rate_limit_that_lasts_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asker, "PATIENCE_SECONDS", 0.3)
    answer, _ = _faulty(range(1_000), 429, _LIMITED, retry_after="0")
    with pytest.raises(ToolworthyError, match=r"rate limited for \d+ s .*rate limited upstream.*again later") as caught:
        asyncio.run(look(answer))
    assert "\n" not in str(caught.value)


def test_a_limit_beyond_our_patience_is_not_waited_for() -> None:
    answer, seen = _faulty(range(1_000), 429, _LIMITED, retry_after="3600")
    with pytest.raises(ToolworthyError, match=r"Try again in 3,600 s"):
        asyncio.run(look(answer))
    assert len(seen) == 3


def test_a_server_that_has_no_time_at_all_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asker, "PATIENCE_SECONDS", 0.3)
    answer, _ = _faulty(range(1_000), 503, error("Loading model"), retry_after="0")
    with pytest.raises(ToolworthyError, match=r"has been overloaded for \d+ s .*Loading model.*again later"):
        asyncio.run(look(answer))


def test_an_api_that_is_limited_for_long_while_others_answer_is_neither_lost_nor_broken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asker, "PATIENCE_SECONDS", 0.3)

    async def answer(request: dict[str, Any], send: Any) -> None:
        if request["path"] == "/v1/messages":
            await reply(send, 429, _LIMITED, retry_after="0")
        else:
            await sound(request, send)

    found = asyncio.run(look(answer, "claude-code", "builtin"))
    assert "messages" in found.endpoint.base_urls
    assert not found.refused
    assert [check.ok for check in found.checks if check.name == "messages API"] == [None]


def test_what_is_waited_for_is_said() -> None:
    from tests.support.upstream import endpoint, serve
    from toolworthy.endpoint.preflight import preflight

    answer, _ = _faulty({1}, 429, _LIMITED, retry_after="4")
    said: list[str] = []

    async def look_at(answer: Answering) -> None:
        async with serve(answer) as upstream:
            await preflight(endpoint(upstream.url), [], said.append)

    asyncio.run(look_at(answer))
    assert len(said) == 1
    assert "retrying in 4 s" in said[0]
