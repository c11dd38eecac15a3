"""The same request with and without a trait: which one makes the difference, in which way, and how many requests that
takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.support.probing import run
from toolworthy.reference.defects import Defect
from toolworthy.work.probes import (
    EVERY_AGENT,
    Answer,
    Ask,
    Deviation,
    Together,
    Trait,
    _declare,
    deviations,
    same_with,
)
from toolworthy.work.probes.material import ASK_CODE, CODE, CODE_WORD

pytestmark = [pytest.mark.process, pytest.mark.usefixtures("hurry")]

REFUSAL = '{"error": {"message": "Unsupported parameter", "type": "invalid_request_error"}}'


def sets(**fields: Any) -> Callable[[dict[str, Any]], object]:
    return lambda body: body.update(fields)


SEED, USER, TIER, STORE = (
    Trait("a seed", sets(seed=7)),
    Trait("the user", sets(user="a")),
    Trait("a tier", sets(service_tier="auto")),
    Trait("store", sets(store=False)),
)


def defect(**fields: Any) -> Defect:
    told = {"id": "x", "title": "x", "apis": ("chat",), "severity": "blocks", "seen": "", "sources": ()}
    return Defect.model_validate({**told, **fields})


def refuses(*names: str, **more: Any) -> Defect:
    first, *others = [{"has": name, **more} for name in names]
    return defect(refuse=[{**first, "also": others, "body": REFUSAL}])


def found(spoilt: Defect | None, *traits: Trait, **options: Any) -> tuple[tuple[Deviation, ...], int]:
    """The deviations, and the requests that they took."""
    seen: list[Deviation] = []

    async def compare(ask: Ask) -> None:
        seen.extend(await deviations(ask, ask.request("Reply with exactly: Hello."), traits, **options))

    (result,) = run(spoilt, compare)
    assert result.verdict == "supported", result.detail
    return tuple(seen), result.requests


def test_traits_that_make_no_difference_cost_one_request() -> None:
    assert found(None, SEED, USER, TIER) == ((), 1)


def test_the_refused_one_of_several_is_named() -> None:
    (deviation,), requests = found(refuses("service_tier"), SEED, USER, TIER, STORE)
    assert (deviation.trait, deviation.how) == ("a tier", "refused")
    assert "Unsupported parameter" in deviation.result
    assert requests == 8


def test_two_that_are_refused_are_both_named() -> None:
    seed, tier = refuses("seed").refuse[0], refuses("service_tier").refuse[0]
    told, _ = found(defect(refuse=[seed, tier]), SEED, USER, TIER, STORE)
    assert [one.trait for one in told] == ["a seed", "a tier"]


def test_two_that_are_refused_only_beside_each_other_are_named_as_such() -> None:
    (deviation,), _ = found(refuses("seed", "service_tier"), SEED, USER, TIER, STORE)
    assert deviation.trait == "a seed together with a tier"


def test_what_gets_no_readable_answer_fails() -> None:
    (deviation,), _ = found(defect(refuse=[{"has": "seed", "status": 500, "body": "oops"}]), SEED)
    assert (deviation.how, deviation.outcome().verdict) == ("fails", "broken")


def test_a_deviation_names_the_agents_that_send_the_trait() -> None:
    """Else nobody knows whom it concerns."""
    (deviation,), _ = found(refuses("seed"), replace(SEED, agents=("codex", "opencode")))
    assert str(deviation.outcome()).endswith("without); sent by Codex, OpenCode")
    (deviation,), _ = found(refuses("seed"), replace(SEED, agents=EVERY_AGENT))
    assert str(deviation.outcome()).endswith("without); sent by every agent")


def test_what_is_accepted_without_effect_is_dropped() -> None:
    def knows(answer: Answer) -> str:
        return "" if CODE_WORD in answer.text else "the code word is unknown"

    def told(body: dict[str, Any]) -> None:
        body["messages"].insert(0, {"role": "system", "content": "Be brief."})
        body["messages"][1]["content"] = [{"type": "text", "text": text} for text in (CODE, ASK_CODE)]

    async def compare(ask: Ask) -> None:
        plain = ask.request(f"{CODE}\n{ASK_CODE}")
        await same_with(ask, plain, Trait("content in parts", told, carries=True), wrong=knows)

    (fine,) = run(None, compare)
    assert (fine.verdict, fine.requests) == ("supported", 1)
    (result,) = run(defect(ignore=["messages.*.content.0.text"]), compare)
    assert result.verdict == "ignored"
    assert result.detail == "the code word is unknown (2 of 2 times with content in parts, 0 of 2 without)"


def test_a_request_that_goes_wrong_without_the_trait_too_says_nothing_of_it() -> None:
    async def compare(ask: Ask) -> None:
        await same_with(ask, ask.request("Hello."), SEED, wrong=lambda answer: "it is never right")

    (result,) = run(None, compare)
    assert result.verdict == "unmeasured"
    assert "also fails without a seed: it is never right" in result.detail


def test_what_goes_wrong_once_only_is_no_difference() -> None:
    told = iter(["wrong", ""])
    assert found(None, SEED, wrong=lambda answer: next(told, "")) == ((), 4)


def test_probes_share_a_request_and_each_asks_alone_where_that_goes_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolworthy.work.probes._declare.PROBES", {})
    group = Together("group", lambda ask: ask.request("Reply with exactly: Hello."))
    for trait in (SEED, USER, TIER):

        def test_it(body: dict[str, Any], put: Callable[[dict[str, Any]], object] = trait.put) -> None:
            put(body)

        test_it.__name__ = f"test_{trait.name.replace(' ', '_')}"
        group.trait(trait.name, "chat")(test_it)
    runs = [one.run for one in _declare.PROBES.values()]
    fine = run(None, *runs)
    assert [(one.verdict, one.requests) for one in fine] == [("supported", 1), ("supported", 0), ("supported", 0)]
    spoilt = run(refuses("user"), *runs)
    assert [(one.verdict, one.requests) for one in spoilt] == [("supported", 2), ("rejected", 4), ("supported", 1)]
    assert spoilt[1].detail.endswith("(2 of 2 times with the user, 0 of 2 without)")
