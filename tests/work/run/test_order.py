"""What tells most is asked first, bad requests last and alone, and what is long only once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support.made import finding
from toolworthy.content.situations import Situation
from toolworthy.endpoint.target import resolve
from toolworthy.records.finding import Severity
from toolworthy.records.meta import Tier
from toolworthy.records.probe import ProbeKey, ProbeResult, Verdict
from toolworthy.records.trial import TrialKey
from toolworthy.work.probes import PROBES, Probe
from toolworthy.work.run._order import Once, apart, in_order
from toolworthy.work.run.plan import Options


async def nothing(ask: Any) -> None:
    """A probe that asks nothing."""


@pytest.fixture(autouse=True)
def _declared(monkeypatch: pytest.MonkeyPatch) -> None:
    declared: list[tuple[str, Situation, Tier]] = [
        ("bad", "bad-request", "quick"),
        ("field", "field", "standard"),
        ("image", "image", "standard"),
        ("long", "long-input", "standard"),
        ("plain", "always", "standard"),
        ("main", "always", "quick"),
    ]
    for name, situation, tier in declared:
        made = Probe(
            name, name, ("chat", "messages"), "both", "blocks", situation, (), "", nothing, tier, late=name == "bad"
        )
        monkeypatch.setitem(PROBES, name, made)


def plan(tier: Tier) -> Options:
    return Options(resolve("oracle"), (), (), tier=tier)


def ways(name: str, tier: Tier = "full") -> list[ProbeKey]:
    return list(PROBES[name].ways(tier))


def test_the_main_path_is_asked_first_and_bad_requests_last() -> None:
    keys = [key for name in ("bad", "field", "image", "long", "plain", "main") for key in ways(name)]
    order = list(dict.fromkeys(key.probe for key in in_order(keys) if isinstance(key, ProbeKey)))
    assert order == ["main", "plain", "long", "image", "field", "bad"]
    assert [key.way for key in in_order(ways("main")) if isinstance(key, ProbeKey)] == [
        "chat-stream",
        "messages-stream",
        "chat-whole",
        "messages-whole",
    ]
    first, last = apart(keys)
    assert {key.probe for key in last if isinstance(key, ProbeKey)} == {"bad"}
    assert len(first) + len(last) == len(keys)
    trials = [TrialKey(suite="tasks", task=name, agent="a") for name in "zyx"]
    assert in_order(trials) == trials


def test_a_quick_run_asks_streams_only_and_leaves_out_what_other_tiers_ask() -> None:
    assert [key.way for key in ways("main", "quick")] == ["chat-stream", "messages-stream"]
    assert not ways("plain", "quick")
    assert len(ways("plain", "standard")) == 4


def result(key: ProbeKey, verdict: Verdict, *severities: Severity) -> ProbeResult:
    findings = tuple(finding(severity=severity) for severity in severities)
    return ProbeResult(key=key, title="", verdict=verdict, findings=findings)


@pytest.mark.parametrize(
    ("verdicts", "asked"),
    [
        (["supported"], 1),
        (["broken", "supported", "supported", "supported"], 4),
        (["unmeasured", "supported"], 2),
        (["unmeasured"] * 4, 4),
    ],
)
def test_a_long_prompt_is_sent_again_only_if_the_first_shows_something(verdicts: list[Verdict], asked: int) -> None:
    async def run() -> list[str]:
        once = Once(plan("standard"))
        keys = ways("long")
        once.expect(keys)
        why = []
        for key, verdict in zip(keys, verdicts + [None] * len(keys), strict=False):
            why.append(await asyncio.wait_for(once.why_not(key), 5))
            once.done(key, None if why[-1] or verdict is None else result(key, verdict))
        return why

    why = asyncio.run(run())
    assert [bool(one) for one in why] == [number >= asked for number in range(4)]
    assert all(one.startswith("asked once, ") for one in why[asked:])


def test_the_second_of_a_kind_waits_for_the_first() -> None:
    first, second, *_ = ways("long")

    async def run() -> str:
        once = Once(plan("standard"))
        once.expect([first, second])
        waiting = asyncio.create_task(once.why_not(second))
        await asyncio.sleep(0)
        assert not waiting.done()
        once.done(first, result(first, "supported"))
        return await asyncio.wait_for(waiting, 5)

    assert asyncio.run(run()) == f"asked once, {first.asker}: supported"


def test_what_was_not_announced_waits_for_nothing() -> None:
    first, second, *_ = ways("long")
    once = Once(plan("standard"))
    once.expect([first])
    once.done(second, result(second, "broken"))
    assert asyncio.run(once.why_not(second)) == ""
    assert asyncio.run(once.why_not(first)) == ""


def test_a_full_run_sends_all_of_it() -> None:
    once = Once(plan("full"))
    once.expect(ways("long"))
    assert not any(asyncio.run(once.why_not(key)) for key in ways("long"))


@pytest.mark.parametrize(
    ("severities", "enough"), [((), True), (("cosmetic", "cosmetic"), True), (("cosmetic", "degrades"), False)]
)
def test_a_long_prompt_with_findings_is_sent_again_unless_all_are_cosmetic(
    severities: tuple[Severity, ...], enough: bool
) -> None:
    first, second, third, _ = ways("long")

    async def run() -> list[str]:
        once = Once(plan("standard"))
        once.expect(ways("long"))
        once.done(first, result(first, "supported", *severities))
        why = await once.why_not(second)
        once.done(second, result(second, "supported"))
        return [why, await once.why_not(third)]

    why = asyncio.run(run())
    assert why == ([f"asked once, {first.asker}: supported"] * 2 if enough else ["", ""])
