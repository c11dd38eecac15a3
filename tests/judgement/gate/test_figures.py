"""All that the gate and the differences say of some pairs of runs, as it was when the tests of their levels passed:
what moves a figure or a word is meant to, or is a mistake.

    .venv/bin/python -m tests.judgement.gate.test_figures     # writes figures.json anew; look at what changed
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, get_args

import pytest

from toolworthy.judgement.gate.criteria.judged import Judged
from toolworthy.judgement.gate.decide import decide
from toolworthy.judgement.gate.difference import compare
from toolworthy.judgement.gate.policy import Policy, Requirement
from toolworthy.judgement.gate.sample import AtLimit, Sample, Unit
from toolworthy.records.gate import About
from toolworthy.records.score import Leaks

KEPT = Path(__file__).with_name("figures.json")
POLICY = Policy(
    metrics={
        "tasks.pass": Requirement(margin=0.10, floor=0.6, each_agent=True),
        "tasks.tokens": Requirement(at_most=1.5, tail_at_most=5),
        "tools.lenient": Requirement(margin=0.05),
        "wire.supported": Requirement(margin=0.02, floor=0.9),
    }
)


def units(seed: int, items: int, attempts: tuple[int, ...], chance: float, price: float, **more: Any) -> Iterator[Unit]:
    """Tasks and cases of two agents: each item has a chance of its own, the same for every seed.

    Args:
        seed: of the attempts.
        items: how many.
        attempts: how many of each, in turn.
        chance: of the easiest item to go well; of the hardest two thirds of it.
        price: tokens of an attempt, times what its item takes.
        more: what all units have besides.
    """
    draw = Random(seed)
    for suite, agents, share in (("tasks", ("codex", "qwen-code"), "pass"), ("tools", ("codex",), "lenient")):
        for item in range(items):
            for agent in agents:
                n = attempts[item % len(attempts)]
                went = [float(draw.random() < chance * (1 - item / items / 3)) for _ in range(n)]
                spent = [round(price * (item + 1) * draw.lognormvariate(0, 0.4), 1) for _ in range(n)]
                values = {share: went, "tokens": spent, "seconds": [one / 7 for one in spent]}
                yield Unit(suite=suite, item=f"i{item}", agent=agent, digest="d", values=values, **more)
    for probe in range(3 * items):
        gone = draw.random() > chance
        yield Unit(suite="wire", item=f"p{probe}", agent="chat", values={"supported": [float(not gone)]})


def sample(*made: Unit, **more: Any) -> Sample:
    about = {
        "name": "s",
        "toolworthy": "0.1",
        "started": 0.0,
        "endpoint": {},
        "agents": {"codex": "1", "qwen-code": "1"},
    }
    return Sample(**{**about, "units": made, **more})


def holes(made: Iterator[Unit], every: int, **more: Any) -> Iterator[Unit]:
    """Some units as if attempts had ended otherwise."""
    for index, one in enumerate(made):
        yield one.model_copy(update=more) if index % every == 0 and one.suite != "wire" else one


def unit(item: str, *tokens: float) -> Unit:
    """A task that always goes well."""
    values = {"pass": [1.0] * len(tokens), "tokens": [*map(float, tokens)]}
    return Unit(suite="tasks", item=item, agent="codex", digest="d", values=values)


AT_TIME = {"time": AtLimit(attempts=1, values={"tokens": [900.0]})}
ABOVE = Unit(suite="tasks", item="above", agent="codex", digest="d", values={"pass": [0.0]}, above_ceiling=True)
RUNS: dict[str, tuple[Sample, Sample]] = {
    "once": (sample(*units(1, 30, (1,), 0.95, 100)), sample(*units(2, 30, (1,), 0.95, 100))),
    "thrice": (sample(*units(3, 12, (3,), 0.95, 100)), sample(*units(4, 12, (3,), 0.9, 110))),
    "worse": (sample(*units(5, 20, (4,), 1.0, 100)), sample(*units(6, 20, (4,), 0.6, 100))),
    "better": (sample(*units(7, 20, (2,), 0.7, 200)), sample(*units(8, 20, (5,), 1.0, 100))),
    "unlike": (sample(*units(9, 15, (1, 2, 5), 0.95, 100)), sample(*units(10, 15, (3, 1), 0.95, 100))),
    "dear": (sample(*units(11, 10, (5,), 0.9, 100)), sample(*units(12, 10, (5,), 0.9, 300))),
    "large": (sample(*units(13, 60, (3,), 1.4, 100)), sample(*units(14, 60, (3,), 1.4, 100))),
    "few": (sample(*units(15, 2, (2,), 1.0, 100)), sample(*units(16, 2, (2,), 1.0, 100))),
    "the same": (sample(*units(17, 20, (3,), 0.9, 100)), sample(*units(17, 20, (3,), 0.9, 100))),
    "missing": (
        sample(*holes(units(18, 20, (3,), 0.95, 100), 9, missing={"infrastructure": 1})),
        sample(*holes(units(19, 20, (3,), 0.9, 100), 4, missing={"infrastructure": 1, "not run": 1})),
    ),
    "hardly missing": (
        sample(*units(20, 20, (5,), 0.99, 100)),
        sample(*holes(units(21, 20, (5,), 0.99, 100), 30, missing={"infrastructure": 1})),
    ),
    "at a limit": (
        sample(*holes(units(22, 15, (3,), 0.95, 100), 5, limited=AT_TIME), limits={"timeout_factor": 1.0}),
        sample(*holes(units(23, 15, (3,), 0.95, 100), 3, limited=AT_TIME), limits={"timeout_factor": 1.0}),
    ),
    "other limits": (
        sample(*holes(units(28, 15, (3,), 0.95, 100), 5, limited=AT_TIME), limits={"timeout_factor": 1.0}),
        sample(*holes(units(29, 15, (3,), 0.95, 100), 3, limited=AT_TIME), limits={"timeout_factor": 2.0}),
    ),
    "outlier": (
        sample(*units(30, 12, (6,), 0.95, 100)),
        sample(*units(31, 11, (6,), 0.95, 100), unit("i11", 40, 50, 60, 9_000, 70, 30_000)),
    ),
    "alone": (sample(unit("i0", *[100] * 40)), sample(unit("i0", *[100, 110] * 20))),
    "repeated": (
        sample(*units(24, 15, (4,), 0.95, 100, repeated=2)),
        sample(*units(25, 15, (4,), 0.8, 100, repeated=3, failed_by_leaks=1, leaks=Leaks(leaked=1, calls=9))),
    ),
    "gone": (
        sample(*units(26, 20, (3,), 0.95, 100), blocking={"codex": {"TW101": "no id"}}),
        sample(
            *list(units(27, 20, (3,), 0.95, 100))[5:],
            agents={"codex": "1", "qwen-code": "2"},
            blocking={"codex": {"TW102": "no JSON"}},
        ),
    ),
    "elsewhere": (
        sample(
            *units(32, 10, (3,), 0.95, 100),
            *holes((one for one in units(33, 6, (3,), 0.95, 100) if one.suite == "tasks"), 1, agent="aider"),
            ABOVE,
            server={"version": ["1"], "build": ["a", "b"]},
            blocking={"codex": {}, "aider": {}},
        ),
        sample(
            *holes((one for one in units(34, 12, (3,), 0.9, 100) if one.suite != "tools"), 5, digest="e"),
            ABOVE,
            toolworthy="0.2",
            endpoint={"forced_api": "chat"},
            server={"version": ["2"], "build": ["b"]},
            blocking={"codex": {}},
            untested={"codex": "too few probes"},
        ),
    ),
    "decided": (
        sample(*units(35, 10, (3,), 1.4, 100), blocking={"codex": {"TW103": "no name"}, "qwen-code": {}}),
        sample(
            *units(36, 10, (3,), 1.4, 100),
            blocking={"codex": {"TW102": "no JSON", "TW103": "no name"}, "qwen-code": {"TW101": "no id"}},
            decided={"codex": {"TW104": "no end"}, "aider": {"TW104": "no end"}},
            triage={"TW101": ("known", "known: it waits"), "TW104": ("regression", "fixed once")},
        ),
    ),
    "excused": (
        sample(*units(35, 10, (3,), 1.4, 100), blocking={"codex": {}, "qwen-code": {}}, untested={"aider": "none"}),
        sample(
            *units(36, 10, (3,), 1.4, 100),
            blocking={"codex": {"TW101": "no id"}, "qwen-code": {}},
            triage={"TW101": ("known", "known: it waits")},
        ),
    ),
    "unlike units": (
        sample(*(unit(f"i{n}", *[0.004 * (n + 1)] * 5) for n in range(8)), unit("free", 0, 0), unit("paid", 0, 0)),
        sample(*(unit(f"i{n}", *[0.005 * (n + 1)] * 5) for n in range(8)), unit("free", 0, 0), unit("paid", 1, 0)),
    ),
    "free": (sample(*(unit(f"i{n}", 0, 0) for n in range(9))), sample(*(unit(f"i{n}", 3, 0) for n in range(9)))),
    "free now": (sample(*(unit(f"i{n}", 3, 0) for n in range(9))), sample(*(unit(f"i{n}", 0, 0) for n in range(9)))),
    "cheap": (sample(*(unit(f"i{n}", 9) for n in range(30))), sample(*(unit(f"i{n}", 3 + n % 2) for n in range(30)))),
    "nothing": (sample(), sample(*units(37, 2, (1,), 0.95, 100))),
    "nothing now": (sample(*units(38, 2, (1,), 0.95, 100), blocking={"codex": {}}), sample()),
}


def told(name: str) -> dict[str, Any]:
    """All that is said of one pair of runs."""
    baseline, candidate = RUNS[name]
    found: dict[str, Any] = {}
    for about in get_args(About):
        decision = decide(baseline, candidate, POLICY.model_copy(update={"about": about}))
        found[about] = {
            one.name: [one.answer, one.p_worse, one.p_borne, one.figures, one.next] for one in decision.judged
        }
        found[f"{about}: answer"] = [decision.answer, decision.notes]
    compared = compare(baseline, candidate)
    found["rows"] = {
        f"{row.metric} {row.agent or ''}": [
            *(row.word, row.n, row.items, row.before, row.after, row.change, row.low, row.high, row.p, row.holds),
            row.why,
        ]
        for row in compared.rows
    }
    found["changed"] = [
        [one.suite, one.item, one.agent, one.before.outcome, one.after.outcome] for one in compared.changed
    ]
    found["lost"] = [[list(one.metrics), one.n, one.of, one.why] for one in compared.lost]
    found["notes"] = [compared.caution, *compared.notes]
    return found


def close(kept: Any, now: Any) -> bool:
    """Whether both say the same: figures to six digits, and chances below one in ten million not told apart."""
    if isinstance(kept, dict) and isinstance(now, dict):
        return kept.keys() == now.keys() and all(close(kept[key], now[key]) for key in kept)
    if isinstance(kept, list) and isinstance(now, list):
        return len(kept) == len(now) and all(map(close, kept, now))
    if isinstance(kept, float) and isinstance(now, float):
        return now == pytest.approx(kept, rel=1e-6, abs=1e-7)
    return bool(kept == now)


@pytest.mark.parametrize("name", RUNS)
def test_every_figure_and_word_is_what_it_was(name: str) -> None:
    kept, now = json.loads(KEPT.read_text())[name], json.loads(json.dumps(told(name)))
    assert kept.keys() == now.keys()
    for part in kept:
        assert close(kept[part], now[part]), (part, kept[part], now[part])


@pytest.mark.parametrize("about", get_args(About))
@pytest.mark.parametrize(
    "name", ["tasks.pass [codex]", "tasks.pass [codex], floor", "tasks.tokens", "tasks.tokens, tail"]
)
def test_a_chance_of_just_the_level_is_enough(name: str, about: About) -> None:
    def judged(alpha: float | None) -> Judged:
        decision = decide(*RUNS["the same"], POLICY.model_copy(update={"about": about}), alpha)
        return next(one for one in decision.judged if one.name == name)

    chance = judged(None).p_borne
    assert chance is not None
    assert [judged(alpha).answer for alpha in (chance, chance * (1 - 1e-9))] == ["pass", "inconclusive"]


if __name__ == "__main__":
    lines = (f"{json.dumps(name)}: {json.dumps(told(name))}" for name in RUNS)
    KEPT.write_text("{\n" + ",\n".join(lines) + "\n}\n")
