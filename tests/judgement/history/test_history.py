"""Since when is an endpoint another one, and was it the endpoint or the agent?"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.commands import run as command
from tests.support.commands import suites
from toolworthy.base.errors import ToolworthyError
from toolworthy.cli.commands.history import run as print_history
from toolworthy.judgement.history._attempts import tallies
from toolworthy.judgement.history.change import shift, watch
from toolworthy.judgement.history.load import find
from toolworthy.judgement.history.series import history
from toolworthy.judgement.history.table import Table, Tallies, Tally
from toolworthy.output.html.history import lines, page, past
from toolworthy.records.case import CaseKey, CaseResult
from toolworthy.records.meta import RunMeta
from toolworthy.records.score import Cause, Score
from toolworthy.records.store import RunDirectory
from toolworthy.records.trial import TrialKey, TrialResult

DAY = 86_400.0
START = 1_790_000_000.0


def record(
    parent: Path,
    day: int,
    passed: dict[str, Sequence[bool]],
    *,
    agents: dict[str, str] | None = None,
    endpoint: str = "hosted",
    model: str = "m",
    digests: dict[str, str] | None = None,
    toolworthy: str = "1",
    **about: Any,
) -> Path:
    """A run of tasks on a day: for every agent, what passed of task 0, 1, 2, …"""
    made = RunDirectory(parent / f"day{day:02d}")
    versions = {name: (agents or {}).get(name, "1.0") for name in passed}
    made.begin(
        RunMeta.model_validate(
            {
                "toolworthy": toolworthy,
                "started": START + day * DAY,
                "endpoint": {"name": endpoint, "model": model, "provider": "generic", "forced_api": None},
                "agents": versions,
                **about,
            }
        )
    )
    for agent, results in passed.items():
        for task, ok in enumerate(results):
            name = f"t{task}"
            made.append(
                TrialResult(
                    key=TrialKey(suite="tasks", task=name, agent=agent),
                    status="passed" if ok else "failed",
                    task_digest=(digests or {}).get(name, "d"),
                    seconds=2.0,
                )
            )
    return made.path


def drawn(rng: random.Random, rate: float, tasks: int = 30) -> list[bool]:
    return [rng.random() < rate for _ in range(tasks)]


def told(path: Path, **chosen: Any) -> dict[str, Any]:
    """The one suite of the one group under `path`."""
    (group,) = history(find([path], **chosen))["groups"]
    (suite,) = group["suites"]
    found: dict[str, Any] = suite
    return found


# ---- the change point -----------------------------------------------------------------------------------------------


def runs_of(*oks: int, items: int = 40) -> list[Tallies]:
    """One run a number: so many of the items are right, the first ones."""
    return [{(str(item), "a", ""): Tally(float(item < ok), 1) for item in range(items)} for ok in oks]


def series_of(
    seed: int,
    rates: Sequence[float],
    items: int,
    *,
    days: float = 0.0,
    copies: int = 1,
) -> Table:
    """A run a rate, each with a day of its own; every result stands there so many times."""
    rng = np.random.default_rng(seed)
    hard = rng.beta(0.9 * 7 / 3, 0.1 * 7 / 3, items) / 0.9
    chance = np.clip(np.outer(np.array(rates) + rng.normal(0, days, len(rates)), hard), 0, 1)
    ok = (rng.random(chance.shape) < chance).astype(float)
    keys = tuple((f"{item:04d}", "a", "") for item in range(items))
    return Table(keys, ok * copies, np.full(ok.shape, float(copies)))


def test_a_drop_is_found_where_it_is() -> None:
    (found,) = watch(runs_of(38, 38, 38, 38, 14, 14, 14)).changes
    assert found.shift.at == 4
    assert found.first == found.last == 4
    assert found.shift.drop == pytest.approx(24 / 40)
    assert 0 < found.shift.low < 24 / 40 < found.shift.high <= 1
    assert found.shift.significant


def test_a_rise_is_a_change_too() -> None:
    (found,) = watch(runs_of(6, 6, 6, 34, 34, 34)).changes
    assert found.shift.at == 3
    assert found.shift.low < found.shift.high < 0


@pytest.mark.parametrize("oks", [(40, 40), (0, 0, 0), (38, 38, 38), (38, 37, 39, 38), (40, 39)])
def test_what_does_not_change_is_not_found_to(oks: tuple[int, ...]) -> None:
    found = watch(runs_of(*oks))
    assert not found.changes
    assert found.reach is not None
    assert found.reach > 0


def test_nothing_is_compared_where_nothing_is_shared() -> None:
    assert watch([]).boundaries == watch(runs_of(3)).boundaries == 0
    other: Tallies = {("z", "a", ""): Tally(1.0, 1)}
    assert watch([*runs_of(3), other]).boundaries == 0
    assert shift(Table.of([{("a", "x", "1"): Tally(1, 1)}, {("a", "x", "2"): Tally(0, 1)}]), 1) is None


def test_only_shared_items_are_compared() -> None:
    rng = random.Random(1)
    hard: list[Tallies] = [
        {(f"hard{item}", "a", ""): Tally(float(rng.random() < 0.1), 1) for item in range(60)} for _ in range(4)
    ]
    steady = runs_of(38, 38, 38, 38, 38, 38)
    mixed = [*steady[:3], *({**run, **extra} for run, extra in zip(steady[3:], hard, strict=False))]
    assert not watch(mixed).changes


@pytest.mark.parametrize("oks", [(38, 38, 38, 38, after, after) for after in range(40, 0, -2)])
def test_the_interval_holds_zero_where_nothing_is_found(oks: tuple[int, ...]) -> None:
    found = shift(Table.of(runs_of(*oks)), 4)
    assert found is not None
    assert (found.low > 0 or found.high < 0) == found.significant
    assert found.low <= found.drop <= found.high


def test_the_order_of_items_does_not_matter() -> None:
    rng = random.Random(8)
    series: list[Tallies] = [
        {(str(item), "a", ""): Tally(float(rng.random() < (0.9 if day < 9 else 0.4)), 1) for item in range(30)}
        for day in range(12)
    ]
    found = watch(series)
    assert found.changes
    for _ in range(5):
        assert watch([dict(rng.sample(list(run.items()), len(run))) for run in series]) == found


def test_a_change_stays_found_whatever_comes_later() -> None:
    series = series_of(1, [0.9] * 10 + [0.7] * 20, 200)
    night = watch(series).changes[0].night
    assert not watch(series.part(0, night)).changes
    for length in range(night + 1, 31):
        (found,) = watch(series.part(0, length)).changes
        assert found.night == night
        assert found.first <= 10 <= found.last


def test_a_series_begins_anew_with_a_change() -> None:
    found = watch(series_of(3, [0.9] * 10 + [0.7] * 10 + [0.9] * 10, 300))
    assert [change.shift.at for change in found.changes] == [10, 20]
    assert [change.shift.drop > 0 for change in found.changes] == [True, False]
    assert found.start == 20
    assert found.boundaries == 9


def test_a_drop_of_ten_points_in_780_cases_is_found_after_two_nights() -> None:
    found = sum(
        any(change.shift.drop > 0 for change in watch(series_of(seed, [0.9] * 10 + [0.8] * 2, 780)).changes)
        for seed in range(20)
    )
    assert found >= 19


@pytest.mark.slow
@pytest.mark.parametrize(("items", "days"), [(20, 0.0), (40, 0.0), (300, 0.02), (40, 0.04)])
def test_false_alarms_are_rare_however_often_one_looks(items: int, days: float) -> None:
    alarms = sum(bool(watch(series_of(seed, [0.9] * 50, items, days=days)).changes) for seed in range(60))
    assert alarms <= 3


def test_runs_that_vary_from_day_to_day_are_no_change() -> None:
    rng = random.Random(2)
    oks = [20, 8, 32, *(rng.choice((8, 20, 32)) for _ in range(20))]
    assert not watch(runs_of(*oks)).changes


def test_an_alarm_that_later_runs_do_not_bear_out_says_so(tmp_path: Path) -> None:
    for day, right in enumerate([8, 8, 8, 20, *[8, 20, 32] * 4]):
        record(tmp_path, day, {"codex": [True] * right + [False] * (40 - right)})
    suite = told(tmp_path)
    assert suite["since"]["once_in_nights"] < 3650
    assert suite["since"]["said"].endswith("nights), but the runs up to now do not confirm it")


def test_few_failures_that_fall_together_are_no_change() -> None:
    """By a normal law, three failures of the last of eleven runs would be five standard deviations."""
    assert not watch(runs_of(*[40] * 10, 37)).changes


def test_attempts_that_are_served_alike_count_once() -> None:
    once, thrice = (watch(series_of(4, [0.7] * 10, 40, copies=copies)) for copies in (1, 3))
    assert once.reach is not None
    assert thrice.reach is not None
    assert thrice.reach == pytest.approx(once.reach, rel=0.1)


# ---- lanes ----------------------------------------------------------------------------------------------------------


def test_a_drop_without_another_change_is_the_endpoints(tmp_path: Path) -> None:
    rng = random.Random(3)
    for day in range(8):
        record(tmp_path, day, {"codex": drawn(rng, 0.95 if day < 5 else 0.4)})
    found = told(tmp_path)["since"]
    assert found["lane"] == "endpoint"
    assert found["run"] == "day05"
    assert re.match(
        r"since \d{4}-\d\d-\d\d \(run day05\): 9\d\.\d % → \d\d\.\d %, a drop of \d\d\.\d points", found["said"]
    )
    assert "the agents did not change, so it comes from the endpoint" in found["said"]


def test_a_drop_with_a_new_agent_cannot_be_told_apart(tmp_path: Path) -> None:
    rng = random.Random(3)
    for day in range(8):
        version = "0.168" if day < 5 else "0.169"
        record(tmp_path, day, {"codex": drawn(rng, 0.95 if day < 5 else 0.4)}, agents={"codex": version})
    suite = told(tmp_path)
    assert suite["runs"][5]["agents_moved"] == ["codex 0.168 → 0.169"]
    assert not any(row["agents_moved"] for row in suite["runs"] if row["run"] != "day05")
    assert suite["since"]["lane"] == "unclear"
    assert "at the same time as codex 0.168 → 0.169, so the two cannot be separated" in suite["since"]["said"]


def test_an_agent_that_did_not_change_tells_them_apart(tmp_path: Path) -> None:
    rng = random.Random(3)
    for day in range(8):
        rate, version = (0.95, "0.168") if day < 5 else (0.4, "0.169")
        passed = {"codex": drawn(rng, rate), "builtin": drawn(rng, rate)}
        record(tmp_path, day, passed, agents={"codex": version})
    since = told(tmp_path)["since"]
    assert since["lane"] == "endpoint"
    assert "the change shows with builtin too, which did not change" in since["said"]


def test_a_prompt_that_changed_under_its_version_is_the_agents_lane(tmp_path: Path) -> None:
    rng = random.Random(3)
    for day in range(8):
        face = {"version": "1.0", "tools": "t", "system": "old" if day < 5 else "new", "tasks": ["t0"]}
        record(tmp_path, day, {"codex": drawn(rng, 0.95 if day < 5 else 0.4)}, fingerprints={"codex": [face]})
    suite = told(tmp_path)
    assert suite["runs"][5]["agents_moved"] == ["codex's prompt changed although its version (1.0) did not"]
    assert suite["since"]["lane"] == "unclear"


def test_a_server_that_names_something_else_is_marked_and_said(tmp_path: Path) -> None:
    rng = random.Random(3)
    for day in range(8):
        server = {"system_fingerprint": ["fp_a" if day < 5 else "fp_b"]}
        record(tmp_path, day, {"codex": drawn(rng, 0.95 if day < 5 else 0.4)}, server=server)
    suite = told(tmp_path)
    assert suite["runs"][5]["server_moved"] == ["the server names another system_fingerprint: fp_b (before: fp_a)"]
    assert "it comes from the endpoint (the server names another system_fingerprint" in suite["since"]["said"]


def test_another_toolworthy_may_be_the_cause(tmp_path: Path) -> None:
    rng = random.Random(3)
    for day in range(8):
        old = day < 5
        record(tmp_path, day, {"codex": drawn(rng, 0.95 if old else 0.4)}, toolworthy="1" if old else "2")
    since = told(tmp_path)["since"]
    assert since["lane"] == "unclear"
    assert "toolworthy 1 → 2" in since["said"]


def test_no_change_says_what_could_have_been_found(tmp_path: Path) -> None:
    for day in range(4):
        record(tmp_path, day, {"codex": [True] * 20 + [False] * 2})
    since = told(tmp_path)["since"]
    assert not since["found"]
    assert re.fullmatch(
        r"no change that n = 88 attempts in 4 runs could have found. "
        r"Minimum detectable drop \(80 % power\): \d+\.\d points \(at most one false alarm in 3,650 nights\)",
        since["said"],
    )


def test_changed_tasks_are_not_compared(tmp_path: Path) -> None:
    record(tmp_path, 0, {"codex": [True] * 30})
    record(tmp_path, 1, {"codex": [True] * 3 + [False] * 27}, digests={f"t{n}": "other" for n in range(3, 30)})
    suite = told(tmp_path)
    assert suite["runs"][1]["shared"] == 3
    assert not suite["since"]["found"]


def test_two_changes_are_both_told(tmp_path: Path) -> None:
    rng = random.Random(6)
    for day in range(14):
        record(tmp_path, day, {"codex": drawn(rng, 0.2 if 5 <= day < 9 else 0.95, 40)})
    suite = told(tmp_path)
    assert suite["since"]["run"] == "day09"
    assert suite["since"]["drop"] < 0
    assert [change["run"] for change in suite["earlier"]] == ["day05"]
    assert suite["nights_per_false_alarm"] == 3650
    shown = list(lines(history(find([tmp_path]))))
    assert any(line.startswith("    before that, since") and "a drop of" in line for line in shown)
    assert "Before that, since" in "".join(page(history(find([tmp_path]))))


# ---- which attempts count --------------------------------------------------------------------------------------------

LATE = Cause(kind="budget", fault="our limit", detail="stopped by timeout", limit="time")


def attempted(
    parent: Path, day: int, attempts: Sequence[tuple[bool | None, str]], ceiling: int = 0, **options: Any
) -> Path:
    """A run of attempts at one task after another, three each.

    Args:
        parent: where runs are.
        day: when.
        attempts: whether each passed (None: it ended at its time limit), and a hash of its answers.
        ceiling: how many tasks are above it, from the first.
        options: conditions of the run.
    """
    made = RunDirectory(parent / f"day{day:02d}")
    made.begin(
        RunMeta.model_validate(
            {
                "toolworthy": "1",
                "started": START + day * DAY,
                "endpoint": {"name": "hosted", "model": "m", "provider": "generic", "forced_api": None},
                "agents": {"codex": "1.0"},
                "options": options,
            }
        )
    )
    for number, (passed, answers) in enumerate(attempts):
        made.append(
            TrialResult(
                key=TrialKey(suite="tasks", task=f"t{number // 3}", agent="codex", repeat=number % 3 + 1),
                status="error" if passed is None else "passed" if passed else "failed",
                cause=LATE if passed is None else None,
                task_digest="d",
                ceiling="its edit tool" if number // 3 < ceiling else "",
                seconds=2.0,
                score=Score(answers=answers),
            )
        )
    return made.path


def test_what_ends_at_a_limit_of_ours_is_not_solved(tmp_path: Path) -> None:
    for day in range(8):
        late = 40 if day >= 5 else 0
        attempted(tmp_path, day, [(None if n < late else True, f"{n}") for n in range(90)])
    suite = told(tmp_path)
    assert suite["since"]["run"] == "day05"
    assert suite["since"]["drop"] == pytest.approx(40 / 90, abs=1e-4)
    assert [row["ended"] for row in suite["runs"]] == [0] * 5 + [40] * 3
    assert [row["missing"] for row in suite["runs"]] == [0] * 8
    assert any("40 others ended at a run limit (" in line for line in lines(history(find([tmp_path]))))


@pytest.mark.parametrize("passed_once", [False, True])
def test_what_is_above_the_ceiling_of_its_agent_is_no_failure_of_the_model(tmp_path: Path, passed_once: bool) -> None:
    for day in range(6):
        path = attempted(tmp_path, day, [(n >= 9, f"{n}") for n in range(90)], ceiling=3)
        if passed_once and day == 2:
            text = (path / "results.jsonl").read_text()
            (path / "results.jsonl").write_text(text.replace('"status":"failed"', '"status":"passed"', 1))
    suite = told(tmp_path)
    row = suite["runs"][0]
    assert (row["rate"], row["items"]) == ((round(81 / 84, 4), 28) if passed_once else (1, 27))
    (note,) = suite["notes"]
    assert note.startswith(
        f"codex fails {2 if passed_once else 3} of the tasks with every model, left out of all runs: t"
    )


def test_a_night_in_which_nothing_came_in_time_is_a_night(tmp_path: Path) -> None:
    for day in range(6):
        attempted(tmp_path, day, [(True if day < 5 else None, f"{n}") for n in range(90)])
    suite = told(tmp_path)
    assert len(suite["runs"]) == 6
    assert suite["runs"][5]["rate"] == 0
    assert suite["since"]["run"] == "day05"


def test_what_ended_at_a_limit_that_others_did_not_have_counts_nowhere(tmp_path: Path) -> None:
    for day in range(8):
        late = 40 if day >= 5 else 0
        attempts = [(None if n < late else n % 30 > 0, f"{n}") for n in range(90)]
        attempted(tmp_path, day, attempts, timeout_factor=0.5 if day >= 5 else 1.0)
    suite = told(tmp_path)
    assert not suite["since"]["found"]
    assert [row["missing"] for row in suite["runs"]] == [0] * 5 + [40] * 3
    assert suite["runs"][-1]["left_out"].startswith("40 not counted (40 ")
    assert "% if they are" in suite["runs"][-1]["left_out"]
    assert suite["runs"][-1]["left_out"] in "".join(page(history(find([tmp_path]))))
    (note,) = suite["notes"]
    assert "(--timeout-factor 1.0, --timeout-factor 0.5): 120 attempts that ended at them count in no run" in note
    assert note in "".join(page(history(find([tmp_path]))))


def test_attempts_that_repeat_another_one_count_once(tmp_path: Path) -> None:
    rng = random.Random(11)
    for day in range(4):
        once = drawn(rng, 0.8)
        attempted(tmp_path / "once", day, [(ok, f"{day} {n} {k}") for n, ok in enumerate(once) for k in range(3)])
        attempted(tmp_path / "alike", day, [(ok, f"{day} {n}") for n, ok in enumerate(once) for _ in range(3)])
    suite = told(tmp_path / "alike")
    assert "240 of 360 attempts are identical to another attempt at the same item, and count once" in suite["notes"]
    assert not told(tmp_path / "once")["notes"]
    counted = next(iter(find([tmp_path / "alike"]).groups[0].samples))
    assert {tally.n for tally in tallies(counted, "tasks").values()} == {1}


# ---- reading --------------------------------------------------------------------------------------------------------


def test_runs_are_grouped_by_endpoint_and_model_and_chosen_by_them(tmp_path: Path) -> None:
    record(tmp_path, 0, {"codex": [True]}, endpoint="a", model="x")
    record(tmp_path, 1, {"codex": [True]}, endpoint="a", model="y")
    record(tmp_path, 2, {"codex": [True]}, endpoint="b", model="y")
    names = [(group.endpoint, group.model) for group in find([tmp_path]).groups]
    assert names == [("a", "x"), ("a", "y"), ("b", "y")]
    assert [group.model for group in find([tmp_path], endpoint="a").groups] == ["x", "y"]
    assert [group.endpoint for group in find([tmp_path], model="y").groups] == ["a", "b"]
    with pytest.raises(ToolworthyError, match=r"no run of c. There are runs of a x, a y, b y"):
        find([tmp_path], endpoint="c")


def test_the_same_run_named_twice_is_one(tmp_path: Path) -> None:
    path = record(tmp_path, 0, {"codex": [True]})
    (group,) = find([tmp_path, path, path]).groups
    assert len(group.samples) == 1


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{", '{"endpoint": "x"}', '{"started": "x", "endpoint": {}}', '{"agents": [1], "endpoint": {}}'],
)
def test_a_broken_run_among_others_is_skipped_with_a_line(tmp_path: Path, content: str) -> None:
    record(tmp_path, 0, {"codex": [True]})
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "run.json").write_text(content)
    found = find([tmp_path])
    assert len(found.skipped) == 1
    assert "\n" not in found.skipped[0]
    named = find([tmp_path / "day00", tmp_path / "broken"])
    assert named.skipped == found.skipped
    assert len(named.groups) == 1
    with pytest.raises(ToolworthyError):
        find([tmp_path / "broken"])


def test_mistakes_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ToolworthyError, match="there is no folder reports here"):
        print_history([])
    with pytest.raises(ToolworthyError, match="no such run, baseline or folder"):
        print_history([tmp_path / "none"])
    with pytest.raises(ToolworthyError, match="no run that measured anything"):
        print_history([tmp_path])
    path = record(tmp_path, 0, {"codex": [True]})
    with pytest.raises(ToolworthyError, match="none of these runs has results of the suite wire"):
        print_history([path], suite="wire")
    with pytest.raises(ToolworthyError, match="cannot write"):
        print_history([path], out=tmp_path / "no" / "page.html")


def test_cases_are_followed_by_the_words_in_which_they_are_asked(tmp_path: Path) -> None:
    rng = random.Random(5)
    for day in range(8):
        made = RunDirectory(tmp_path / f"day{day:02d}")
        made.begin(
            RunMeta.model_validate(
                {
                    "toolworthy": "1",
                    "started": START + day * DAY,
                    "endpoint": {"name": "hosted", "model": "m"},
                    "agents": {},
                    "cases": {f"c{n}": "d" for n in range(40)},
                    "toolset_hashes": {"codex": "old" if day < 4 else "new"},
                }
            )
        )
        for number, right in enumerate(drawn(rng, 0.95 if day < 4 else 0.4, 40)):
            key = CaseKey(case=f"c{number}", toolset="codex")
            made.append(CaseResult(key=key, category="x", status="right" if right else "wrong"))
    suite = told(tmp_path)
    assert (suite["suite"], suite["metric"]) == ("tools", "lenient")
    assert "the tools of codex" in suite["runs"][4]["agents_moved"][0]
    assert suite["since"]["lane"] == "unclear"


# ---- shown ----------------------------------------------------------------------------------------------------------

ATTACK = "</title><script>alert(1)</script><svg onload=alert(1)>\u202e\x1b[31m{{ 7 * 7 }}"


def test_nothing_that_a_run_says_is_obeyed(tmp_path: Path) -> None:
    server = {"system_fingerprint": [ATTACK]}
    record(tmp_path, 0, {"codex": [True]}, endpoint=ATTACK, model=ATTACK, server={"system_fingerprint": ["x"]})
    record(tmp_path, 1, {"codex": [True]}, endpoint=ATTACK, model=ATTACK, server=server)
    found = history(find([tmp_path]))
    shown = "".join(page(found))
    body = shown[shown.index("<body>") : shown.index('<script type="text/plain"')]
    for text in (body, "\n".join(lines(found))):
        assert not set(text) & {"\x1b", "\u202e"}
        assert "7 * 7" in text
    assert "<script" not in body
    assert "<svg onload" not in body
    assert "default-src &#39;none&#39;" in shown


def test_the_chart_knows_every_run_and_where_a_change_was_found(tmp_path: Path) -> None:
    rng = random.Random(3)
    for day in range(8):
        record(tmp_path, day, {"codex": drawn(rng, 0.95 if day < 5 else 0.4)})
    told = history(find([tmp_path]))
    (drawing,) = past(told)
    assert drawing["name"].startswith("tasks, pass")
    assert len(drawing["points"]) == 8
    assert drawing["since"] == 5
    assert all(0 <= point["low"] <= point["rate"] <= point["high"] <= 1 for point in drawing["points"])
    assert "".join(page(told)).count('data-chart="past 0"') == 1


@pytest.mark.process
def test_real_runs_have_a_history(tmp_path: Path) -> None:
    for _ in range(2):
        chosen = ("--case", "lines-of-a-function", "--case", "backslashes-in-json", "--agent", "codex")
        done = suites(*chosen, "-k", "case or judged or codex", cwd=tmp_path, suite="tools")
        assert done.returncode in (0, 5), done.stdout + done.stderr
    done = command("toolworthy", "history", "--json", "-o", "page.html", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (group,) = json.loads(done.stdout)["groups"]
    (suite,) = group["suites"]
    assert (group["endpoint"], suite["suite"]) == ("oracle", "tools")
    assert [row["rate"] for row in suite["runs"]] == [1.0, 1.0]
    assert suite["runs"][1]["shared"] == 2
    assert not any(row["agents_moved"] or row["server_moved"] for row in suite["runs"])
    assert 'data-chart="past 0"' in (tmp_path / "page.html").read_text()
    done = command("toolworthy", "history", "--suite", "tools", cwd=tmp_path)
    assert "tools, lenient: no change that n = 4 attempts in 2 runs could have found" in done.stdout


def test_the_gate_notes_what_changed_under_the_same_name(tmp_path: Path) -> None:
    from toolworthy.judgement.gate._compare import comparable
    from toolworthy.judgement.gate.baseline import load
    from toolworthy.judgement.gate.policy import load_policy

    def made(day: int, system: str, fingerprint: str) -> Path:
        face = {"version": "1.0", "tools": "t", "system": system, "tasks": ["t0"]}
        server = {"system_fingerprint": [fingerprint], "model": ["m"]}
        return record(tmp_path, day, {"codex": [True]}, fingerprints={"codex": [face]}, server=server)

    before, after = load(made(0, "old", "fp_a")), load(made(1, "new", "fp_b"))
    notes = comparable(before, after, load_policy(None)).notes
    assert "codex's prompt changed although its version (1.0) did not" in notes
    assert "the server names another system_fingerprint: fp_b (before: fp_a)" in notes
    assert comparable(before, before, load_policy(None)).notes == []
