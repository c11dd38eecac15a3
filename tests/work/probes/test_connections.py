"""Connections, measured on real sockets: a server that stops when its client leaves is told from one that does not."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.probing import ask
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
    ],
)
def test_whether_it_stops_shows_in_the_next_request_or_on_a_page(
    how: dict[str, object], verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toolworthy.work.probes._speed.LONGEST", 30.0)
    result = served("client-leaves", pace=0.03, **how)
    assert result.verdict == verdict, result.detail


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({}, ""),
        ({"again": "closed"}, "second request"),
        ({"again": "gone"}, "does not announce it"),
        ({"behind": "\r\nextra"}, "follow the end|second request"),
        ({"version": "1.0", "framing": "none"}, ""),  # which announces that it closes
    ],
)
def test_a_connection_is_kept_or_said_to_close(how: dict[str, object], said: str) -> None:
    result = served("kept-connection", **how)
    assert (result.verdict == "supported") == (said == "")
    assert not said or any(words in result.detail for words in said.split("|"))
