"""A run that ends as soon as it is decided: the looks spend the error once, and hold back what is not needed."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.commands import results, suites
from toolworthy.base.errors import ToolworthyError
from toolworthy.endpoint.target import resolve
from toolworthy.judgement.gate.criteria.judged import Judged
from toolworthy.judgement.gate.decide import GateDecision
from toolworthy.judgement.gate.interim import check
from toolworthy.judgement.gate.sequential import plan, spent, to_go_on_with
from toolworthy.records.case import CaseKey
from toolworthy.records.gate import Answer
from toolworthy.records.probe import ProbeKey
from toolworthy.records.result import ResultKey
from toolworthy.records.store import RunDirectory
from toolworthy.records.trial import TrialKey
from toolworthy.work.run.plan import Options
from toolworthy.work.run.waves import Next, Release


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.2])
@pytest.mark.parametrize("most", [2, 3, 5, 20])
def test_all_looks_together_err_as_often_as_one(alpha: float, most: int) -> None:
    looks = plan(alpha, most)
    assert [look.attempts for look in looks] == list(range(1, most + 1))
    assert sum(look.alpha for look in looks) == pytest.approx(alpha)
    assert all(look.alpha > 0 for look in looks)


def test_little_is_spent_early() -> None:
    """2 - 2 Φ(z / √t) at alpha 0.05: the value at half the information is in every textbook."""
    assert spent(0.05, 0.5) == pytest.approx(0.00557, abs=1e-5)
    assert (spent(0.05, 0), spent(0.05, 1)) == (0, pytest.approx(0.05))
    alphas = [look.alpha for look in plan(0.05, 5)]
    assert alphas == sorted(alphas)


def decision(answer: Answer, **answers: Answer) -> GateDecision:
    judged = [Judged(name.replace("_", "."), told, "") for name, told in answers.items()]
    return GateDecision(answer, "p", "these", 0.95, judged, [])


def test_only_suites_that_are_open_go_on() -> None:
    some = decision("inconclusive", tasks_pass="inconclusive", tasks_tokens="pass", tools_lenient="pass")
    assert to_go_on_with(some, {"tasks", "tools", "wire"}) == {"tasks"}
    assert to_go_on_with(some, {"tools"}) == frozenset()
    assert to_go_on_with(decision("fail", tasks_pass="fail", tools_lenient="inconclusive"), {"tools"}) == frozenset()
    agents = GateDecision(
        "inconclusive", "p", "these", 0.95, [Judged("tasks.pass [codex], floor", "inconclusive", "")], []
    )
    assert to_go_on_with(agents, {"tasks"}) == {"tasks"}


def trial(repeat: int, task: str = "t") -> TrialKey:
    return TrialKey(suite="tasks", task=task, agent="a", repeat=repeat)


def case(repeat: int) -> CaseKey:
    return CaseKey(case="c", toolset="a", repeat=repeat)


KEYS: list[ResultKey] = [trial(1), trial(2), trial(3), case(1), case(2), case(3), ProbeKey(probe="p", api="chat")]


def play(look: object, keys: list[ResultKey], kept: tuple[ResultKey, ...] = ()) -> dict[ResultKey, str]:
    """What comes of every key: empty if it ran, else why not; in the order in which they came."""

    async def go() -> dict[ResultKey, str]:
        release = Release(look)
        release.expect(keys)
        run, came = RunDirectory(Path("nowhere")), dict.fromkeys(kept, "kept")
        for key in kept:
            await release.done(key, run)

        async def one(key: ResultKey) -> None:
            came[key] = await release.why_not(key)
            await asyncio.sleep(0)
            await release.done(key, run)

        async with asyncio.timeout(5):
            await asyncio.gather(*(one(key) for key in keys if key not in kept))
        return came

    return asyncio.run(go())


def looks_of(*answers: set[str]) -> tuple[list[tuple[int, frozenset[str]]], object]:
    seen: list[tuple[int, frozenset[str]]] = []

    def look(run: RunDirectory, attempts: int, left: frozenset[str]) -> Next:
        seen.append((attempts, left))
        return Next(frozenset(answers[attempts - 1]) & left, f"decided after {attempts}")

    return seen, look


def test_attempts_wait_for_the_look_before_them() -> None:
    seen, look = looks_of({"tasks", "tools"}, {"tasks", "tools"}, set())
    came = play(look, KEYS)
    assert [number for number, _ in seen] == [1, 2, 3]
    assert seen[0][1] == {"tasks", "tools"}
    assert set(came.values()) == {""}
    assert [getattr(key, "repeat", 1) for key in came] == [1, 1, 1, 2, 2, 3, 3]


def test_a_suite_that_is_decided_is_left_alone() -> None:
    seen, look = looks_of({"tasks"}, {"tasks"}, set())
    came = play(look, KEYS)
    assert [number for number, _ in seen] == [1, 2, 3]
    assert {came[trial(n)] for n in (1, 2, 3)} == {""}
    assert [came[case(n)] for n in (1, 2, 3)] == ["", "decided after 1", "decided after 1"]


def test_nothing_more_is_run_once_it_is_decided() -> None:
    seen, look = looks_of(set())
    came = play(look, KEYS)
    assert len(seen) == 1
    assert {came[key] for key in (trial(2), trial(3), case(2), case(3))} == {"decided after 1"}


def test_a_run_that_is_gone_on_with_looks_again_at_what_it_has() -> None:
    seen, look = looks_of({"tasks", "tools"}, {"tasks"}, set())
    came = play(look, KEYS, kept=(trial(1), case(1), KEYS[-1], trial(2), case(2)))
    assert [number for number, _ in seen] == [1, 2, 3]
    assert (came[trial(3)], came[case(3)]) == ("", "decided after 2")
    seen, look = looks_of({"tasks", "tools"}, {"tasks"}, set())
    play(look, KEYS, kept=tuple(KEYS))
    assert [number for number, _ in seen] == [1, 2, 3]


def test_a_look_that_fails_is_heard_of() -> None:
    def look(*_: object) -> Next:
        raise ValueError("no baseline")

    with pytest.raises(ValueError, match="no baseline"):
        play(look, KEYS)


def test_without_looks_all_begin_at_once() -> None:
    assert set(play(None, KEYS).values()) == {""}


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("baseline")
    suites("-q", "--agent", "builtin", cwd=folder, suite="tools")
    (path,) = (folder / "reports").iterdir()
    return path


@pytest.mark.process
def test_the_same_endpoint_passes_before_all_attempts_are_made(tmp_path: Path, baseline: Path) -> None:
    some = ["--agent", "builtin", "--baseline", str(baseline), "--until-decided"]
    done = suites(*some, "--trials", "5", cwd=tmp_path, suite="tools")
    assert done.returncode == 0, done.stdout
    (path,) = (tmp_path / "reports").iterdir()
    gate = json.loads((path / "gate.json").read_text())
    taken = gate["looks"]["taken"]
    assert gate["answer"] == "pass"
    assert taken < gate["looks"]["most"] == 5
    assert sum(gate["looks"]["alphas"]) == pytest.approx(0.05)
    assert f"interim analysis {taken} of at most 5: pass" in done.stdout
    lines = results(path)
    assert {line["key"]["repeat"] for line in lines} == set(range(1, taken + 1))
    assert "unmeasured" not in {line["status"] for line in lines}
    again = suites("--resume", str(path), "--baseline", str(baseline), "-rs", cwd=tmp_path, suite="tools")
    assert again.returncode == 0, again.stdout
    assert results(path) == lines
    assert f"unmeasured: decided after {taken} attempts" in again.stdout
    assert json.loads((path / "gate.json").read_text())["looks"]["taken"] == taken


@pytest.mark.process
def test_a_worse_endpoint_fails_as_early(tmp_path: Path, baseline: Path) -> None:
    worse = [
        "--endpoint",
        "oracle:args-wrapped-in-underscore-key",
        "--agent",
        "builtin",
        "--until-decided",
        "--trials",
        "5",
    ]
    done = suites(*worse, "--baseline", str(baseline), "-q", cwd=tmp_path, suite="tools")
    assert done.returncode == 1, done.stdout
    (path,) = (tmp_path / "reports").iterdir()
    gate = json.loads((path / "gate.json").read_text())
    assert (gate["answer"], gate["looks"]["taken"] < 5) == ("fail", True)


@pytest.mark.process
def test_undecided_to_the_end_is_inconclusive(tmp_path: Path) -> None:
    one = ["--task", "fix-failing-test"]
    suites(*one, cwd=tmp_path)
    (before,) = (tmp_path / "reports").iterdir()
    some = [*one, "--baseline", str(before), "--until-decided", "--trials", "2", "--out", "now"]
    done = suites(*some, cwd=tmp_path)
    assert done.returncode == 2, done.stdout
    assert "interim analysis 1 of at most 2: inconclusive; continues with tasks" in done.stdout
    (path,) = (tmp_path / "now").iterdir()
    assert json.loads((path / "gate.json").read_text())["looks"]["taken"] == 2
    more = suites("--resume", str(path), "--trials", "3", "--baseline", str(before), cwd=tmp_path)
    assert more.returncode == 4
    assert "was made with --trials 2, this is --trials 3" in more.stdout + more.stderr


@pytest.mark.parametrize(
    ("trials", "baseline", "says"), [(3, None, "Give --baseline RUN"), (1, Path("main"), "needs the largest number")]
)
def test_looks_are_planned_beforehand(trials: int, baseline: Path | None, says: str) -> None:
    options = Options(resolve("oracle"), (), (), trials=trials)
    with pytest.raises(ToolworthyError, match=says):
        check(options, baseline)
    check(replace(options, trials=2), Path("main"))


@pytest.mark.process
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--until-decided", "--trials", "3"], "--until-decided needs a gate. Give --baseline RUN."),
        (["--until-decided", "--baseline", "."], "Give --trials MAX, at least 2."),
    ],
)
def test_mistakes_are_one_clear_line(tmp_path: Path, arguments: list[str], says: str) -> None:
    done = suites(*arguments, cwd=tmp_path)
    assert done.returncode == 4
    assert says in done.stdout + done.stderr
