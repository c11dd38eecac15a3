"""Each situation gets one clear answer, with what to do."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, get_args

import pytest

from toolworthy.judgement.gate.criteria.judged import Judged
from toolworthy.judgement.gate.decide import GateDecision, decide
from toolworthy.judgement.gate.policy import Policy, Requirement, load_policy
from toolworthy.judgement.gate.sample import Sample, Unit
from toolworthy.records.gate import About, Answer
from toolworthy.records.score import Leaks

TASKS = Policy(metrics={"tasks.pass": Requirement(margin=0.10)}, no_new_blocks_for=())


def unit(
    item: int, agent: str = "codex", passed: Sequence[float] = (1, 1, 1), suite: str = "tasks", **more: Any
) -> Unit:
    name = {"tasks": "pass", "tools": "lenient", "wire": "supported"}[suite]
    values = {name: list(map(float, passed)), **more.pop("costs", {})}
    return Unit(suite=suite, item=f"i{item}", agent=agent, values=values, **{"digest": "d", **more})


def sample(*units: Unit, **more: Any) -> Sample:
    about = {"name": "s", "toolworthy": "0.1", "started": 0.0, "endpoint": {}, "agents": {"codex": "1", "qwen": "1"}}
    return Sample(**{**about, "units": units, **more})


def only(decision: GateDecision) -> Judged:
    (one,) = decision.judged
    return one


GOOD = sample(*(unit(item) for item in range(40)))
BAD = sample(*(unit(item, passed=(0, 0, 1) if item % 2 else (1, 1, 1)) for item in range(40)))


def test_the_three_answers() -> None:
    assert decide(GOOD, GOOD, TASKS).answer == "pass"
    failed = decide(GOOD, BAD, TASKS)
    assert failed.answer == "fail"
    assert "100.0% → 66.7%, a drop of 33.3 points" in only(failed).figures
    assert "lost: i1 (codex) 3/3 → 1/3" in only(failed).next
    few = sample(*(unit(item, passed=(1,)) for item in range(8)))
    undecided = decide(few, few, TASKS)
    assert undecided.answer == "inconclusive"
    assert (
        "attempts per item on both sides would decide, if the measured values are the true ones"
        in only(undecided).next[0]
    )
    assert any("minimum detectable drop" in line for line in only(undecided).next)


def test_a_failure_that_the_servers_leaks_explain_says_so() -> None:
    told = Leaks(leaked=1, calls=5)
    leaky = sample(
        *(unit(item, passed=(0, 0, 1), failed_by_leaks=1, leaks=told) if item % 2 else unit(item) for item in range(40))
    )
    failed = decide(GOOD, leaky, TASKS)
    assert failed.answer == "fail"
    assert only(failed).next[0] == "20 of 40 failures are calls that the server left in the text (none in the baseline)"
    (note,) = (note for note in failed.notes if note.startswith("calls that the server left in the text"))
    assert note.startswith("calls that the server left in the text: 20/100 · 20% (")
    assert note.endswith("; in the baseline not measured")
    by_the_model = decide(GOOD, BAD, TASKS)
    assert not any("left in the text" in line for line in [*only(by_the_model).next, *by_the_model.notes])
    both = decide(leaky, leaky, TASKS)
    assert "(20 in the baseline)" in only(both).next[0]


def test_other_limits_are_not_blamed_for_what_did_not_end_at_one() -> None:
    before = sample(*(unit(item) for item in range(20)), limits={"timeout_factor": 1.0})
    after = sample(
        *(unit(item, missing={"infrastructure": 1} if item == 0 else {}) for item in range(20)),
        limits={"timeout_factor": 2.0},
    )
    undecided = only(decide(before, after, TASKS.model_copy(update={"unmeasured": 0.0})))
    assert undecided.answer == "inconclusive"
    assert undecided.needed.startswith("find out why")


def test_a_better_candidate_passes() -> None:
    assert decide(BAD, GOOD, TASKS).answer == "pass"


@pytest.mark.parametrize(
    ("about", "told"), [("like-these", "the items differ too much"), ("these", "as large as the margin")]
)
def test_attempts_that_would_not_help_are_not_asked_for(about: About, told: str) -> None:
    """Some items lost wholly and fewer won, by the margin exactly: ever more attempts say nothing of other items."""
    shares = [(1, 0)] * 3 + [(0, 1)] * 2 + [(1, 1)] * 5
    before, after = (sample(*(unit(i, passed=(row[side],) * 20) for i, row in enumerate(shares))) for side in (0, 1))
    one = only(decide(before, after, TASKS.model_copy(update={"about": about})))
    assert one.answer == "inconclusive"
    assert told in one.next[0]


@pytest.mark.parametrize(
    ("about", "items", "answer", "said", "needed", "findable"),
    [
        ("these", 1, "inconclusive", "of this item, 1 pair of attempts", "(now 1): --trials", "no drop could have"),
        ("these", 2, "inconclusive", "of these 2 items, 2 pairs of", "(now 1): --trials", "no drop could have"),
        ("these", 40, "pass", "of these 40 items, 40 pairs of", "", "spread evenly or 13 of 40 items lost entirely"),
        (
            "like-these",
            1,
            "inconclusive",
            "of all items like this one, 1 pair",
            "says nothing about others",
            "no drop could have",
        ),
        ("like-these", 2, "inconclusive", "of all items like these 2, 2 pairs", "add items", "no drop could have"),
        ("like-these", 40, "pass", "of all items like these 40,", "", "spread evenly or 10 of 40 items lost entirely"),
    ],
)
def test_few_items_are_told_without_contradiction(
    about: About, items: int, answer: Answer, said: str, needed: str, findable: str
) -> None:
    few = sample(*(unit(item, passed=(1,)) for item in range(items)))
    decision = decide(few, few, TASKS.model_copy(update={"about": about}))
    one = only(decision)
    assert (decision.about, one.answer) == (about, answer)
    assert said in one.figures
    assert needed in one.next[0]
    assert any(findable in line for line in one.next)


def test_items_that_are_lost_entirely_fail_if_these_items_are_meant() -> None:
    whole = sample(*(unit(item, passed=(1,) * 10) for item in range(10)))
    lost = sample(*(unit(item, passed=(float(item >= 5),) * 10) for item in range(10)))
    failed = decide(whole, lost, TASKS)
    assert failed.answer == "fail"
    assert any("2 of 10 items lost entirely" in line for line in only(failed).next)
    assert decide(whole, lost, TASKS.model_copy(update={"about": "like-these"})).answer == "inconclusive"


def test_ten_thousand_attempts_at_one_task_are_no_matter() -> None:
    """By every pair of attempts it would take minutes, and the run's limit would end it."""
    many = sample(unit(0, passed=(1, 1, 1, 0) * 2500))
    for about in get_args(About):
        decide(many, many, TASKS.model_copy(update={"about": about}))


def test_a_baseline_of_another_suite_version() -> None:
    changed = sample(*(unit(item, digest="new" if item < 10 else "d") for item in range(40)))
    one = only(decide(GOOD, changed, TASKS))
    assert one.answer == "inconclusive"
    assert "10 of 40 baseline results have no counterpart in the candidate: 10 have changed since" in one.figures
    assert "measure the baseline again" in one.next[0]
    every = sample(*(unit(item, digest="new") for item in range(40)))
    assert only(decide(GOOD, every, TASKS)).answer == "inconclusive"


def test_little_may_be_missing_and_is_said() -> None:
    wide = TASKS.model_copy(update={"metrics": {"tasks.pass": Requirement(margin=0.25)}})
    one = only(decide(GOOD, sample(*GOOD.units[1:]), wide))
    assert one.answer == "pass"
    assert "not compared: 1 not run (i0)" in one.next
    assert "3 of 120 attempts of the candidate are not counted (3 not run): 97.5% to 100.0% if they are" in one.next


def test_a_crash_in_the_middle() -> None:
    one = only(decide(GOOD, sample(*GOOD.units[:12]), TASKS))
    assert one.answer == "inconclusive"
    assert "28 of 40" in one.figures
    assert "28 not run (i12, i13, i14 and 25 more)" in one.figures
    assert "--resume" in one.next[0]


def test_attempts_without_a_value() -> None:
    lost = {"infrastructure": 3}
    blank = sample(
        *(Unit(suite="tasks", item=f"i{item}", agent="codex", digest="d", missing=lost) for item in range(40))
    )
    one = only(decide(GOOD, blank, TASKS))
    assert one.answer == "inconclusive"
    assert "40 gave no value" in one.figures
    some = sample(*(unit(item, passed=(1, 1), missing={"infrastructure": 1}) for item in range(40)))
    told = "40 of 120 attempts of the candidate are not counted (40 infrastructure): 66.7% to 100.0% if they are"
    assert told in only(decide(GOOD, some, TASKS)).next


@pytest.mark.parametrize("required", [True, False])
def test_no_trials_at_all(required: bool) -> None:
    policy = TASKS.model_copy(update={"required": required})
    nothing = sample()
    gone = decide(GOOD, nothing, policy)
    assert gone.answer == "inconclusive"
    assert "the candidate s has no results at all" in gone.notes
    empty = decide(nothing, GOOD, policy)
    assert empty.answer == "inconclusive"
    assert "the baseline s has no results at all" in empty.notes
    assert decide(nothing, nothing, policy).answer == "inconclusive"


def test_a_suite_that_the_candidate_did_not_run_is_no_pass() -> None:
    both = sample(*GOOD.units, *(unit(item, suite="tools", passed=(1,) * 5) for item in range(60)))
    decision = decide(both, sample(*(one for one in both.units if one.suite == "tools")), load_policy(None))
    assert decision.answer == "inconclusive"
    assert {one.name: one.answer for one in decision.judged} == {"tasks.pass": "inconclusive", "tools.lenient": "pass"}
    assert "the candidate has no results of tasks" in decision.judged[0].figures


def test_an_agent_that_is_missing_altogether_is_named() -> None:
    two = sample(*GOOD.units, *(unit(item, "qwen") for item in range(40)))
    one = only(decide(two, GOOD, TASKS))
    assert one.answer == "inconclusive"
    assert "40 of agents that the candidate was not measured with (qwen)" in one.figures
    assert 'agents = ["…"]' in one.next[0]
    assert decide(two, GOOD, TASKS.model_copy(update={"agents": ("codex",)})).answer == "pass"


def test_each_agent_is_asked_by_itself() -> None:
    two = sample(*GOOD.units, *(unit(item, "qwen") for item in range(40)))
    worse = sample(*GOOD.units, *(unit(item, "qwen", (0, 0, 1)) for item in range(40)))
    each = TASKS.model_copy(update={"metrics": {"tasks.pass": Requirement(margin=0.10, each_agent=True)}})
    assert {one.name: one.answer for one in decide(two, worse, each).judged} == {
        "tasks.pass [codex]": "pass",
        "tasks.pass [qwen]": "fail",
    }
    absent = decide(two, GOOD, each)
    assert absent.answer == "inconclusive"
    assert absent.judged[1].name == "tasks.pass [qwen]"


def test_another_version_of_an_agent() -> None:
    newer = GOOD.model_copy(update={"agents": {"codex": "2"}})
    decision = decide(GOOD, newer, TASKS)
    assert decision.answer == "inconclusive"
    assert "of agents in another version (codex)" in only(decision).figures
    assert "codex was 1 and is 2" in decision.notes
    anyway = decide(GOOD, newer, TASKS.model_copy(update={"agent_versions": "any"}))
    assert anyway.answer == "pass"
    assert "codex was 1 and is 2; the difference may come from the agent" in anyway.notes


def test_agents_and_items_that_are_new_are_not_compared() -> None:
    more = sample(*GOOD.units, unit(99), unit(0, "qwen"))
    decision = decide(GOOD, more, TASKS)
    assert decision.answer == "pass"
    assert "2 results of tasks have no counterpart in the baseline and are not compared" in decision.notes


WIRE = Policy(metrics={})


def wired(*codes: str, probes: int = 20, **more: Any) -> Sample:
    blocking = {"codex": {code: f"title of {code}" for code in codes}}
    return sample(*(unit(n, "chat", (1,), "wire", digest="") for n in range(probes)), blocking=blocking, **more)


def test_blocking_findings() -> None:
    assert decide(wired("TW1"), wired("TW1"), WIRE).answer == "pass"
    new = decide(wired("TW1"), wired("TW1", "TW2"), WIRE)
    assert new.answer == "fail"
    assert "Codex: TW2: title of TW2" in only(new).figures
    assert decide(wired(), wired("TW2"), WIRE.model_copy(update={"no_new_blocks_for": ("qwen",)})).answer == "pass"


@pytest.mark.parametrize(("state", "answer"), [("regression", "fail"), ("open", "pass"), ("known", "pass")])
def test_what_both_runs_show_fails_only_where_it_had_been_fixed(state: str, answer: str) -> None:
    assert decide(wired("TW1"), wired("TW1", triage={"TW1": (state, state)}), WIRE).answer == answer


def test_only_what_is_excused_is_named_beside_the_answer() -> None:
    excused = only(decide(wired("TW1"), wired("TW1", triage={"TW1": ("known", "known: ours")}), WIRE))
    assert excused.figures == "none is new for Codex; TW1: title of TW1 (known: ours)"
    again = only(decide(wired("TW1"), wired("TW1", triage={"TW1": ("regression", "regression: ours")}), WIRE))
    assert again.figures == "new: Codex: TW1: title of TW1 (regression: ours)"
    new = only(decide(wired(), wired("TW1", triage={"TW1": ("known", "known: ours")}), WIRE))
    assert (new.answer, new.figures) == ("pass", excused.figures)
    open_ = only(decide(wired("TW1"), wired("TW1", triage={"TW1": ("open", "filed: ours")}), WIRE))
    assert open_.figures == "none is new for Codex"


def test_an_agent_that_is_untested_now_has_not_been_shown_to_meet_no_new_block() -> None:
    untested = {"codex": "untested: 40% of the required probes ran"}
    one = only(decide(wired("TW1"), wired(untested=untested), WIRE))
    assert one.answer == "inconclusive"
    assert (
        "judged in the baseline, but not in the candidate: Codex: untested: 40% of the required probes ran"
        in one.figures
    )
    assert decide(wired("TW1", untested=untested), wired(untested=untested), WIRE).answer == "pass"
    assert decide(wired("TW1", untested=untested), wired(), WIRE).answer == "pass"
    assert only(decide(wired(), wired("TW2", untested=untested), WIRE)).answer == "fail"
    gone = wired("TW1").model_copy(update={"blocking": {}})
    assert "Codex: untested" in only(decide(wired("TW1"), gone, WIRE)).figures
    assert decide(wired("TW1"), gone, WIRE.model_copy(update={"no_new_blocks_for": ("qwen",)})).answer == "pass"


def test_half_a_wire_suite_shows_no_absence() -> None:
    one = only(decide(wired(), wired(probes=9), WIRE))
    assert one.answer == "inconclusive"
    assert "11 of 20" in one.figures
    assert only(decide(wired(), GOOD, WIRE)).answer == "inconclusive"


def test_a_baseline_without_the_wire_suite() -> None:
    decision = decide(GOOD, sample(*GOOD.units, *wired("TW1").units, blocking={"codex": {"TW1": "t"}}), TASKS)
    assert decision.answer == "pass"
    default = decide(GOOD, GOOD, load_policy(None))
    assert default.answer == "pass"
    assert any("no results of wire" in note for note in default.notes)
    asked = Policy(metrics=TASKS.metrics, required=True, no_new_blocks_for=("*",))
    assert decide(GOOD, GOOD, asked).answer == "inconclusive"


def test_a_floor() -> None:
    policy = TASKS.model_copy(update={"metrics": {"tasks.pass": Requirement(margin=0.10, floor=0.8)}})
    assert decide(GOOD, GOOD, policy).answer == "pass"
    assert [one.answer for one in decide(BAD, BAD, policy).judged][1] == "fail"
    few = sample(*(unit(item, passed=(1,)) for item in range(8)))
    assert (
        decide(few, few, policy).judged[1].needed
        == "even a perfect result would be too little evidence: at least 14 attempts"
    )
    thrice = sample(*(unit(item) for item in range(10)))
    like = policy.model_copy(update={"about": "like-these"})
    assert [decide(thrice, thrice, one).judged[1].answer for one in (policy, like)] == ["pass", "inconclusive"]
    assert decide(thrice, thrice, policy).judged[1].figures.endswith("the floor is 80%; of these items")


def costly(factor: float, attempts: int = 3, seed: int = 1) -> Sample:
    draw = random.Random(seed)
    spent = [[factor * 900 * (1 + draw.random()) for _ in range(attempts)] for _ in range(30)]
    return sample(*(unit(item, passed=(1,) * attempts, costs={"tokens": one}) for item, one in enumerate(spent)))


TOKENS = Policy(metrics={"tasks.tokens": Requirement(at_most=1.5)}, no_new_blocks_for=())


def test_costs() -> None:
    assert decide(costly(1), costly(1.1, seed=2), TOKENS).answer == "pass"
    assert decide(costly(1), costly(2.2, seed=2), TOKENS).answer == "fail"
    near = decide(costly(1), costly(1.5), TOKENS)
    assert near.answer == "inconclusive"
    assert decide(costly(1, 1), costly(1, 6, seed=2), TOKENS).answer == "pass"


def test_what_costs_nothing_has_no_ratio() -> None:
    free = costly(0)
    assert decide(free, free, TOKENS).answer == "pass"
    one = only(decide(free, costly(1), TOKENS))
    assert one.answer == "inconclusive"
    assert "no ratio" in one.figures
    assert decide(costly(1), free, TOKENS).answer == "pass"


def test_a_handful_of_attempts_shows_nothing_about_a_bill() -> None:
    """Outliers among the next ten would not have shown in the first ten, in the baseline as little as now."""
    few = sample(*(unit(item, passed=(1,), costs={"tokens": [1000.0]}) for item in range(10)))
    cheap, dear = (
        sample(*(unit(n, passed=(1,), costs={"tokens": [by]}) for n in range(10))) for by in (220.0, 15_000.0)
    )
    for now in (few, cheap, dear):
        one = only(decide(few, now, TOKENS))
        assert one.answer == "inconclusive"
        assert "--trials 3" in one.needed
    passed = only(decide(costly(1), costly(1, seed=2), TOKENS))
    assert any("of the total cost, except for extreme attempts rarer than one of" in line for line in passed.next)
    failed = only(decide(costly(1), costly(2.2, seed=2), TOKENS))
    assert any("did not occur in the baseline" in line for line in failed.next)


def test_the_tail_of_a_cost() -> None:
    """At most one attempt in ten may cost ten times what the item did: 29 attempts show it, where none does."""
    policy = TOKENS.model_copy(update={"metrics": {"tasks.tokens": Requirement(tail_at_most=10)}})

    def told(far: int, n: int) -> Judged:
        return only(decide(tokens([100.0] * n), tokens([2000.0] * far + [100.0] * (n - far)), policy))

    def tokens(spent: list[float]) -> Sample:
        return sample(*(unit(item, passed=(1,), costs={"tokens": [one]}) for item, one in enumerate(spent)))

    assert told(0, 29).answer == "pass"
    assert told(0, 28).answer == "inconclusive"
    assert told(0, 28).needed == "too few attempts to show it; at least 29 attempts"
    assert [told(far, 30).answer for far in (1, 6, 7)] == ["inconclusive", "inconclusive", "fail"]
    assert told(7, 30).figures.startswith("7 of 30 attempts cost more than ×10 the baseline's average at its item")
    assert told(7, 30).name == "tasks.tokens, tail"


def test_a_few_outlier_attempts_are_told() -> None:
    units = [one.model_copy(update={"values": {**one.values, "tokens": [1000.0] * 3}}) for one in GOOD.units]
    far = [one if n else one.model_copy(update={"values": {"tokens": [3e4] * 3}}) for n, one in enumerate(units)]
    one = only(decide(sample(*units), sample(*far), TOKENS))
    assert one.answer == "fail", "all three attempts at one item say so: it is sure that the bill grows"
    assert any("a typical attempt (geometric mean) ×1.09" in line for line in one.next)
    once = [one if n else one.model_copy(update={"values": {"tokens": [1e3, 1e3, 9e4]}}) for n, one in enumerate(units)]
    one = only(decide(sample(*units), sample(*once), TOKENS))
    assert one.answer == "inconclusive", "one attempt of 120 says so"
    assert "expensive: i0 (codex), attempt 3 now: 90,000, ×90.0 the others at it, 43% of the sum" in one.next


def test_the_dearest_attempts_are_named_first() -> None:
    """By their share of the sum; of the same share, the baseline's first, then by item, agent and attempt."""

    def spent(*tokens: dict[int, float]) -> Sample:
        costs = [[one.get(at, 1e3) for at in range(3)] for one in tokens]
        return sample(*(unit(item, costs={"tokens": values}) for item, values in enumerate(costs)))

    plain: dict[int, float] = {}
    rest = [plain] * 37
    before = spent(plain, {1: 5e4}, plain, *rest)
    after = spent({2: 5e4}, plain, {0: 9e4, 1: 9e4}, *rest)
    lines = [line for line in only(decide(before, after, TOKENS)).next if line.startswith("expensive: ")]
    assert [line.partition(": ")[2].partition(":")[0] for line in lines] == [
        "i1 (codex), attempt 2 of the baseline",
        "i0 (codex), attempt 3 now",
    ]
    more = spent({0: 9e4}, plain, plain, *rest), spent(plain, {2: 8e4}, {1: 9.5e4}, *rest)
    lines = [line for line in only(decide(*more, TOKENS)).next if line.startswith("expensive: ")]
    assert [line.partition(": ")[2].partition(" (")[0] for line in lines] == ["i0", "i2", "i1"]


def test_what_cannot_fail_says_why() -> None:
    few = sample(*(unit(item, passed=(1,)) for item in range(2)))
    assert any("no drop could have failed it: too few attempts" in line for line in only(decide(few, few, TASKS)).next)
    low = sample(*(unit(item, passed=(item % 10 == 0,) * 3) for item in range(40)))
    at_the_margin = only(decide(low, low, TASKS))
    assert any("the baseline's rate does not exceed the margin" in line for line in at_the_margin.next)


@pytest.mark.slow
def test_one_of_many_that_looks_worse_is_not_enough() -> None:
    """A drop that would fail by itself does not beside twenty other criteria; it is said."""
    agents = [f"a{number:02}" for number in range(20)]
    base = [unit(item, agent) for item in range(20) for agent in agents]
    now = [
        unit(item, agent, (0, 0, 1) if agent == "a00" and item < 8 else (1, 1, 1))
        for item in range(20)
        for agent in agents
    ]
    first = TASKS.model_copy(update={"agents": ("a00",)})
    each = TASKS.model_copy(update={"metrics": {"tasks.pass": Requirement(margin=0.10, each_agent=True)}})
    p = only(decide(sample(*base), sample(*now), first)).p_worse
    assert p is not None
    assert p <= 0.05
    among = decide(sample(*base), sample(*now), each).judged[0]
    assert among.answer == ("fail" if p <= 0.05 / 20 else "inconclusive")
    level = p * 1.5
    again = decide(sample(*base), sample(*now), each, alpha=level).judged[0]
    assert again.answer == "inconclusive"
    assert any("worse on its own" in line for line in again.next)


def test_a_stricter_level_decides_less() -> None:
    p = only(decide(GOOD, GOOD, TASKS)).p_borne
    assert p is not None
    assert decide(GOOD, GOOD, TASKS, alpha=p * 1.01).answer == "pass"
    assert decide(GOOD, GOOD, TASKS, alpha=p * 0.99).answer == "inconclusive"
