"""The suite, tested by mutation: every defect of the catalogue, served by the oracle, is caught by what names it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable

import pytest

from tests.support.probing import ask
from toolworthy.records.probe import ProbeResult
from toolworthy.reference.defects import Defect, catalogue
from toolworthy.rules import RULES
from toolworthy.wire.ir import APIS
from toolworthy.work.probes import load_suite

# What provokes the rules: a defect that names only rules must show in one of these.
USUAL = (
    "plain-answer",
    "one-call",
    "no-argument-call",
    "parallel-mixed-calls",
    "typed-arguments",
    "unicode-arguments",
    "unicode-text",
    "file-arguments",
    "markup-text",
    "text-before-call",
    "choice-auto-thinking",
    "reasoning-echo",
    "reasoning-then-text",
    "two-rounds",
    "max-tokens",
    "max-tokens-in-arguments",
    "stop-string",
    "choice-none",
    "choice-required",
    "choice-named",
    "several-choices",
    "tool-loop",
    "server-tools",
    "foreign-call-ids",
    "error-while-streaming",
    "error-no-messages",
)
DEFECTS = catalogue()
OF_TIME = {rule.code for rule in RULES if rule.clocked}
CODES = {rule.code for rule in RULES}


pytestmark = [pytest.mark.process, pytest.mark.usefixtures("hurry")]


def roots(results: Iterable[ProbeResult]) -> set[str]:
    """Codes of what is no consequence of another fault."""
    found = [finding for result in results for finding in result.findings]
    return {finding.code for finding in found if not finding.follows} - OF_TIME


def caught(results: Iterable[ProbeResult]) -> set[str]:
    """Codes of the rules and ids of the probes that complain."""
    told = set()
    for result in results:
        told |= {finding.code for finding in result.findings}
        if result.verdict in ("broken", "rejected", "ignored"):
            told.add(result.key.probe)
    return told


def test_the_catalogue_is_sound() -> None:
    assert len({defect.id for defect in DEFECTS}) == len(DEFECTS) >= 200
    for defect in DEFECTS:
        assert bool(defect.caught_by) != bool(defect.unseen), f"{defect.id}: either caught or unseen"
        assert set(defect.caught_by) <= CODES | set(load_suite()), defect.id
        assert set(defect.says) <= set(defect.caught_by) - CODES, f"{defect.id}: says is of probes that catch it"


@pytest.mark.parametrize("defect", [d for d in DEFECTS if d.caught_by], ids=lambda d: d.id)
def test_a_defect_is_caught_by_all_that_name_it(defect: Defect, monkeypatch: pytest.MonkeyPatch) -> None:
    if defect.connection and defect.connection.pace:
        monkeypatch.setattr("toolworthy.work.probes._speed.LONGEST", 30.0)
    if defect.bytes and defect.bytes.wait > 1:
        wait = 1.5 if defect.bytes.wait < 90 else 5.0
        defect = defect.model_copy(update={"bytes": defect.bytes.model_copy(update={"wait": wait})})
    named = [name for name in defect.caught_by if name not in CODES]
    rules = set(defect.caught_by) & CODES
    results = asyncio.run(ask([defect], defect.apis, ["one-call", *named, *(USUAL if rules else ())]))
    told = caught(results)
    assert set(defect.caught_by) <= told, f"told: {sorted(told)}"
    for name, words in defect.says.items():
        said = [f"{one.verdict}: {one.detail}" for one in results if one.key.probe == name]
        assert any(re.search(words, one) for one in said), f"{name} says none of {words!r}: {said}"
    assert roots(results) <= {*defect.caught_by, *defect.beside}, (
        "fires besides: make it precise, or say what it follows"
    )


@pytest.mark.parametrize("defect", [d for d in DEFECTS if d.unseen], ids=lambda d: d.id)
def test_what_no_client_can_see_raises_no_finding(defect: Defect) -> None:
    results = asyncio.run(ask([defect], defect.apis, USUAL))
    assert not [finding for result in results for finding in result.findings if finding.severity == "blocks"]


def test_the_clean_oracle_has_no_finding_and_supports_all() -> None:
    results = asyncio.run(ask([], APIS, load_suite()))
    assert not [finding for result in results for finding in result.findings if finding.code not in OF_TIME]
    # refused in words, on purpose
    states_otherwise = {"foreign-model", "previous-response-id", "item-reference"}
    states_otherwise |= {"models-codex", "response-by-id"}
    assert not [
        f"{result.key}: {result.verdict}: {result.detail}"
        for result in results
        if result.verdict != "supported" and result.key.probe not in states_otherwise
    ]
