"""Slow, flaky and busy are not broken: the verdicts are those of the oracle alone, whatever stands before it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from tests.support.conditions import Conditions, under
from tests.support.upstream import endpoint
from toolworthy.gateway import Gateway
from toolworthy.gateway.concurrency import Flow
from toolworthy.records.probe import ProbeResult
from toolworthy.wire.ir import APIS
from toolworthy.work.probes import ProbeBench, load_suite

pytestmark = pytest.mark.process

NAMES = ("plain-answer", "one-call", "tool-loop", "max-tokens", "client-openai-chat", "client-anthropic", "usage")


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolworthy.base.retry.FIRST_PAUSE", 0.05)


def asked(
    names: Sequence[str], *defects: str, said: list[str] | None = None, seconds: float = 100, **conditions: Any
) -> tuple[list[ProbeResult], Conditions]:
    """What these probes say, all of them asked at the same time."""

    async def run() -> tuple[list[ProbeResult], Conditions]:
        async with (
            under(*defects, **conditions) as (between, url),
            httpx.AsyncClient(timeout=None) as client,
            Gateway(endpoint(url, *APIS, model="oracle"), lambda _: None, flow=Flow(8)) as gateway,
        ):
            say = said.append if said is not None else lambda text: None
            bench = ProbeBench(endpoint(url, *APIS, model="oracle"), gateway, client, say)
            keys = [key for name in names for key in load_suite()[name].ways()]
            return list(await asyncio.gather(*(bench.run(key) for key in keys))), between

    return asyncio.run(asyncio.wait_for(run(), seconds))


def bad(results: Sequence[ProbeResult]) -> list[str]:
    """What is not as on the oracle alone."""
    told = [f"{one.key}: {one.verdict}: {one.detail}" for one in results if one.verdict != "supported"]
    return told + [f"{one.key}: {finding.code}" for one in results for finding in one.findings]


def test_a_rate_limit_changes_no_verdict() -> None:
    results, between = asked(NAMES, at_once=2, retry_after=1, delay=0.01)
    assert not bad(results)
    assert 0 < between.refused < between.asked / 2


def test_an_endpoint_that_fails_now_and_then_gets_the_same_verdicts() -> None:
    results, _ = asked(NAMES, fail=10)
    assert not bad(results)


def test_a_slow_endpoint_is_not_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits follow the endpoint's own speed; before anything is known of it, there is time."""
    results, _ = asked(NAMES[:3], delay=0.3, rate=100)
    assert not bad(results)
    monkeypatch.setattr("toolworthy.work.probes._speed.LONGEST", 0.2)
    results, _ = asked(("plain-answer",), rate=1)
    assert {one.verdict for one in results} == {"unmeasured"}
    assert "a run limit" in results[0].detail


@pytest.mark.parametrize(
    ("status", "message", "why"),
    [
        (402, "Payment required", "the account is empty"),
        (429, "You exceeded your current quota, please check your plan and billing details.", "the account is empty"),
        (401, "Incorrect API key provided", "bad key"),
        (404, "The model `oracle` does not exist", "unknown model"),
    ],
)
def test_what_refuses_all_is_asked_once_and_told_in_one_line(status: int, message: str, why: str) -> None:
    said: list[str] = []
    results, between = asked(NAMES, said=said, status=status, message=message)
    assert {one.verdict for one in results} == {"unmeasured"}
    assert all(why in one.detail for one in results)
    assert between.asked <= 2 * len(APIS)
    assert len(said) == 1
    assert said[0].startswith(why)


def test_a_model_that_never_sees_its_tools_is_not_asked_by_every_probe() -> None:
    said: list[str] = []
    names = ("one-call", "parallel-calls", "nested-arguments", "typed-arguments", "escaped-arguments", "html-arguments")
    results, between = asked(names, said=said, deaf=True)
    assert between.asked < 20 * len(APIS)
    assert [line for line in said if line.startswith("probes that need a call are skipped over chat")]
    assert len(said) == len(APIS)
    chat = [one for one in results if one.key.api == "chat"]
    assert {one.cause for one in chat} == {"tools-unseen"}
    assert {one.verdict for one in chat if one.requests} == {"broken"}
    assert [one.detail for one in chat if not one.requests]


def test_a_bad_request_that_locks_the_model_is_one_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolworthy.work.probes.recovery.PAUSE", 0.05)
    names = ("error-bad-type", "error-unknown-role", "error-no-messages", "good-after-bad")
    results = in_turn(names, lock=0.6)
    assert {one.key.probe for one in results if one.verdict == "broken"} == {"good-after-bad"}
    for one in results[-len(APIS) :]:
        assert one.detail.startswith("rejects valid requests for ")
        assert " s after a bad one: HTTP 503: the model is cooling down" in one.detail
    assert not [finding for one in results for finding in one.findings]
    assert not bad(in_turn(names))


def in_turn(names: Sequence[str], **conditions: Any) -> list[ProbeResult]:
    """What these probes say, asked one after the other."""

    async def run() -> list[ProbeResult]:
        async with (
            under(**conditions) as (_, url),
            httpx.AsyncClient(timeout=None) as client,
            Gateway(endpoint(url, *APIS, model="oracle"), lambda _: None) as gateway,
        ):
            bench = ProbeBench(endpoint(url, *APIS, model="oracle"), gateway, client)
            return [await bench.run(key) for name in names for key in load_suite()[name].ways()]

    return asyncio.run(asyncio.wait_for(run(), 100))
