"""Connections, measured on real sockets: a server that stops when its client leaves is told from one that does not."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.probing import ask
from toolworthy.endpoint.connection import MinuteLimit
from toolworthy.gateway.concurrency import Flow
from toolworthy.records.probe import ProbeResult
from toolworthy.reference._connections import ServedConnections
from toolworthy.reference.defects import defect

pytestmark = [pytest.mark.process, pytest.mark.usefixtures("hurry")]


def served(probe: str, **how: object) -> ProbeResult:
    """What a probe says of an endpoint with such connections."""
    shown = defect("http-1-0").model_copy(update={"connection": ServedConnections.model_validate(how)})
    (result,) = asyncio.run(ask([shown], ["chat"], [probe]))
    return result


@pytest.mark.parametrize(
    ("how", "verdict"),
    [
        ({"slots": 1, "stops": True}, "supported"),
        ({"slots": 1, "stops": False}, "broken"),
        ({"slots": 8, "stops": False}, "unmeasured"),
        ({"slots": 8, "stops": True, "metrics": True}, "supported"),
        ({"slots": 8, "stops": False, "metrics": True}, "broken"),
        ({"slots": 1, "stops": False, "holds": 3.0, "pace": 0.002}, "broken"),  # done before anybody can leave
        ({"slots": 1, "stops": True, "pace": 0.002}, "supported"),
    ],
)
def test_whether_it_stops_shows_in_the_next_request_or_on_a_page(
    how: dict[str, object], verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toolworthy.work.probes._speed.LONGEST", 30.0)
    result = served("client-leaves", **{"pace": 0.03, **how})
    assert result.verdict == verdict, result.detail


def test_a_request_that_is_left_keeps_to_the_endpoints_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """One request in flight, and so many in a minute, hold for it, too."""
    monkeypatch.setattr("toolworthy.work.probes._speed.LONGEST", 30.0)
    pace = MinuteLimit(1_000)
    shown = defect("http-1-0").model_copy(update={"connection": ServedConnections(slots=8, pace=0.03)})
    (result,) = asyncio.run(ask([shown], ["chat"], ["client-leaves"], Flow(most=1, pace=pace)))
    assert result.verdict == "unmeasured"
    assert "one request at a time" in result.detail
    assert len(pace._begun) == result.requests + 1 + 4  # the opening, and those that were left


@pytest.mark.parametrize(("body", "verdict"), [(True, "broken"), (False, "supported")])
def test_a_body_behind_the_response_to_head_is_found(body: bool, verdict: str) -> None:
    shown = defect("http-1-0").model_copy(update={"connection": ServedConnections(head_body=body)})
    (result,) = asyncio.run(ask([shown], ["messages"], ["head-root"]))
    assert result.verdict == verdict, result.detail


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({}, ""),
        ({"again": "closed"}, "second request"),
        ({"again": "gone"}, "without connection: close"),
        ({"behind": "\r\nextra"}, "follow the end|second request"),
        ({"version": "1.0", "framing": "none"}, ""),  # which announces that it closes
    ],
)
def test_a_connection_is_kept_or_said_to_close(how: dict[str, object], said: str) -> None:
    result = served("kept-connection", **how)
    assert (result.verdict == "supported") == (said == "")
    assert not said or any(words in result.detail for words in said.split("|"))
