"""One verdict for an agent out of all suites."""

from __future__ import annotations

import pytest

from toolworthy.judgement.analysis.overall import overall, sentence
from toolworthy.judgement.analysis.verdict import Headline
from toolworthy.records.finding import Evidence, Finding
from toolworthy.records.probe import ProbeKey, ProbeResult
from toolworthy.records.trial import TrialKey, TrialResult

AGENT = "codex"


def trials(*statuses: str) -> list[TrialResult]:
    return [
        TrialResult(key=TrialKey(suite="tasks", task="t", agent=AGENT, repeat=at), status=status)
        for at, status in enumerate(statuses, 1)
    ]


def probes(
    severity: str | None,
    verdict: str = "supported",
    code: str = "TW999",
    situation: str = "always",
    main_path: bool = True,
) -> list[ProbeResult]:
    """Codex's session, and a probe that it meets, with a finding of this severity in one of them. None: no finding."""
    evidence = Evidence(exchange=0)
    found = [Finding(code=code, title="made up", severity=severity, detail="d", evidence=evidence)] if severity else []
    return [
        ProbeResult(
            key=ProbeKey(probe=name, api="responses", stream=True),
            title=name,
            verdict=verdict,
            situation="always" if own else situation,
            agents=(AGENT,) if own else ("*",),
            findings=tuple(found) if own == main_path else (),
            requests=1,
            main_path=own,
            endpoint_api="responses",
            served=("responses",),
        )
        for name, own in (("session-codex", True), ("one-call", False))
    ]


FAILS_LONG = probes("blocks", situation="long-input", main_path=False)
FAILS_AT_TIMES = probes("blocks", main_path=False)
HARMLESS = probes("blocks", situation="bad-request", main_path=False)


@pytest.mark.parametrize(
    ("statuses", "asked", "headline"),
    [
        ((), probes(None), "works"),
        ((), probes("degrades"), "works"),
        ((), probes("blocks"), "broken (TW999)"),
        ((), HARMLESS, "works"),
        (
            (),
            FAILS_LONG,
            "works, fails when a prompt, a result or an argument is long (16 KiB or more) (TW999)",
        ),
        ((), FAILS_AT_TIMES, "works, fails in 1 of 2 probes (TW999)"),
        ((), probes(None)[1:], "untested: no recorded request was sent"),
        (("passed",), probes(None), "works"),
        # what was done outweighs what was foretold
        (("passed",), probes("blocks"), "works, although the wire suite finds it broken (TW999)"),
        (("passed",), FAILS_AT_TIMES, "works, fails in 1 of 2 probes (TW999)"),
        (("passed", "failed"), probes(None), "works, fails in 1 of 2 trials"),
        (("passed", "failed"), FAILS_AT_TIMES, "works, fails in 1 of 2 trials, and fails in 1 of 2 probes (TW999)"),
        (("failed",), probes(None), "broken"),
        (("error",), probes(None), "works"),  # says nothing of the endpoint: the wire's level holds
        (("error",), probes("blocks"), "broken (TW999)"),
    ],
)
def test_tasks_decide_where_they_were_judged(
    statuses: tuple[str, ...], asked: list[ProbeResult], headline: str
) -> None:
    found = {agent.agent: agent for agent in overall(trials(*statuses), asked)}
    assert str(found[AGENT].headline) == headline
    words = ("works, fails when", "works", "broken", "untested")
    assert found[AGENT].word == (
        "works, fails when" if headline.startswith("works, ") else next(w for w in words if headline.startswith(w))
    )


def test_the_whole_run_in_a_sentence() -> None:
    agents = overall(trials("passed"), [*FAILS_LONG])
    assert sentence(agents).startswith("Codex works, but fails when a prompt, a result or an argument is long")
    assert "Claude Code, " in sentence(agents)
    assert " are untested" in sentence(agents)


def test_of_several_agents_every_verb_is_plural() -> None:
    headline = Headline("works, fails when", fails=("in 1 of 2 trials", "when it is long"), rest="; 80% was asked")
    assert (
        headline.in_sentence(several=True) == "work, but fail in 1 of 2 trials, and fail when it is long; 80% was asked"
    )
    assert str(headline) == "works, fails in 1 of 2 trials, and fails when it is long; 80% was asked"
    assert Headline("broken", " (TW101)").in_sentence(several=True) == "are broken (TW101)"


def test_without_results_nothing_is_said() -> None:
    assert overall([], []) == ()
    (only,) = overall(trials("error"), [])
    assert only.word == "untested"
    assert only.measured_by == "no evidence"
