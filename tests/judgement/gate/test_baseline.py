"""A baseline under a name: small, whole, found again, and refused in one line where it cannot be read."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tests.support.commands import only_run, run, suites
from toolworthy.base.errors import ToolworthyError
from toolworthy.judgement.gate import baseline
from toolworthy.judgement.gate._compact import pack, unpack
from toolworthy.judgement.gate.decide import decide
from toolworthy.judgement.gate.policy import load_policy
from toolworthy.judgement.gate.sample import AtLimit, Sample, Unit
from toolworthy.records.meta import EndpointName, RunMeta
from toolworthy.records.store import RunDirectory
from toolworthy.records.trial import TrialKey, TrialResult

ABOUT = {
    "toolworthy": "0.1.0",
    "started": 1_790_000_000.0,
    "endpoint": {"name": "deepseek", "provider": "deepseek", "model": "org/deepseek v4", "forced_api": None},
    "agents": {"codex": "0.169.0", "builtin": "0.1.0"},
}


def sample(units: tuple[Unit, ...] = ()) -> Sample:
    return Sample(
        name="s",
        toolworthy="0",
        started=0.0,
        endpoint=EndpointName(name="e", model="m"),
        agents={"codex": "1"},
        units=units,
    )


def made(tmp_path: Path, passed: int = 7, failed: int = 3) -> RunDirectory:
    """A run of ten trials of two agents."""
    written = RunDirectory.create(tmp_path / "reports", RunMeta.model_validate(ABOUT))
    for agent in ("codex", "builtin"):
        for number, status in enumerate(["passed"] * passed + ["failed"] * failed):
            key = TrialKey(suite="tasks", task=f"t{number}", agent=agent)
            written.append(TrialResult(key=key, status=status, task_digest="d", seconds=1.5))
    return written


def test_what_is_saved_is_found_under_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "of" / "the project"
    assert baseline.save(made(tmp_path).path, None, folder) == 0
    assert (folder / "org-deepseek-v4.json").is_file()
    kept = baseline.load(Path("org-deepseek-v4"), folder)
    assert kept.name == "org-deepseek-v4"
    assert len(kept.units) == 20
    assert kept.agents == ABOUT["agents"]
    baseline.show_one("org-deepseek-v4", folder)
    baseline.list_all(folder)
    told = capsys.readouterr().out
    assert "endpoint deepseek · model org/deepseek v4" in told
    assert "measured 2026-09-21 by toolworthy 0.1.0" in told
    assert "agents: codex 0.169.0, builtin 0.1.0" in told
    assert "tasks: 10 items, 20 attempts" in told
    assert "pass: 70.0% (" in told
    assert "codex: 70.0% (" in told


def test_a_baseline_shows_what_was_measured_and_what_does_not_count(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at_time = {"time": AtLimit(attempts=2, values={"usd": [0.5]})}
    of = {"suite": "tasks", "item": "a", "agent": "codex"}
    units = (
        Unit(**of, values={"pass": [1, 0, 1]}, limited=at_time, missing={"infrastructure": 1}),
        Unit(**{**of, "item": "b", "agent": "builtin"}, values={"pass": [1]}, missing={"not run": 2}),
        Unit(**{**of, "suite": "tools"}, values={"lenient": [0.5, 0.25], "strict": [0, 0]}),
        Unit(suite="wire", item="p", agent="chat", values={"supported": [1]}),
        Unit(suite="wire", item="q", agent="messages", values={"supported": [1]}),
    )
    about = {
        "started": 86400.0 * 365,
        "endpoint": EndpointName(name="e", model="m", forced_api="chat"),
        "agents": {"codex": "1", "builtin": ""},
        "server": {"version": ["1", "2"]},
        "blocking": {"codex": {"TW101": "x", "TW102": "y"}, "aider": {}},
    }
    (tmp_path / "kept.json").write_text(pack(sample(units).model_copy(update=about)))
    baseline.show_one("kept", tmp_path)
    baseline.list_all(tmp_path)
    assert capsys.readouterr().out.splitlines() == [
        "s: endpoint e · model m · through chat",
        "measured 1971-01-01 by toolworthy 0",
        "agents: codex 1, builtin",
        "server: version 1, 2",
        "tasks: 2 items, 6 attempts, 2 of them at a run limit (2 time): not solved; "
        "3 more are not counted (2 not run, 1 infrastructure)",
        "  pass: 50.0% (0.3% to 99.7%) · n 6",
        "    codex: 40.0% (0.0% to 99.9%) · n 5",
        "    builtin: 100.0% (2.5% to 100.0%) · n 1",
        "tools: 1 item, 2 attempts",
        "  strict: 0.0% (0.0% to 97.5%) · n 2",
        "  lenient: 37.5% (0.0% to 99.7%) · n 2",
        "wire: 2 items, 2 attempts",
        "  supported: 100.0% (15.8% to 100.0%) · n 2",
        "blocked on the wire: codex: TW101, TW102",
        "kept  1971-01-01, m at e; attempts: tasks 6, tools 2, wire 2",
    ]
    (tmp_path / "kept.json").write_text(pack(sample().model_copy(update={"agents": {}})))
    baseline.show_one("kept", tmp_path)
    assert capsys.readouterr().out.splitlines() == [
        "s: endpoint e · model m",
        "measured 1970-01-01 by toolworthy 0",
    ]


@pytest.mark.parametrize("suite", ["tasks", "tools", "wire"])
def test_a_suite_that_was_not_run_is_left_out_and_those_after_it_are_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], suite: str
) -> None:
    (tmp_path / "kept.json").write_text(pack(sample((Unit(suite=suite, item="a", agent="codex"),))))
    baseline.show_one("kept", tmp_path)
    assert capsys.readouterr().out.splitlines()[-1] == f"{suite}: 1 item, 0 attempts"


def test_no_baselines_are_one_line_that_says_how_to_make_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    baseline.list_all(tmp_path)
    assert capsys.readouterr().out == f"no baselines in {tmp_path}: toolworthy baseline save RUN [NAME] makes one\n"


@pytest.mark.parametrize(
    ("metric", "value", "kept"),
    [
        ("strict", 0.123456, 0.1235),
        ("strict", 1 / 3, 0.3333),
        ("usd", 0.123456, 0.12),
        ("usd", 0.98765, 0.99),
        ("usd", 1.0, 1.0),
        ("usd", 1.2345, 1.23),
        ("seconds", 1234.5, 1230.0),
        ("tokens", 1234567.0, 1234567.0),
    ],
)
def test_values_keep_as_many_digits_as_are_known(metric: str, value: float, kept: float) -> None:
    unit = Unit(suite="tools", item="a", agent="x", values={"lenient": [1.0, 0.0], metric: [value, 0.0]})
    (again,) = unpack(json.loads(pack(sample((unit,))))).units
    assert again.values[metric] == [kept, 0.0]


def test_an_item_is_one_line_of_a_baseline_file() -> None:
    units = (
        Unit(suite="tools", item="b", agent="x", digest="d", values={"strict": [1, 1], "usd": [0.1]}),
        Unit(suite="tools", item="a", agent="x", digest="d", values={"strict": [1, 0]}, above_ceiling=True),
    )
    lines = pack(sample(units)).splitlines()
    assert lines[-4:] == [
        '"items": {',
        '"tools/a": ["d",{"x":[{"judged":2,"above_ceiling":true},0,[1,0]]}],',
        '"tools/b": ["d",{"x":[2,0,1,[0.1]]}]',
        "}}",
    ]


def test_a_second_of_the_same_name_replaces_the_first_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = made(tmp_path).path
    baseline.save(path, "main", tmp_path)
    baseline.save(path, "main", tmp_path)
    first, second = capsys.readouterr().out.splitlines()
    assert "(replaced)" not in first
    assert "(replaced)" in second


def test_800_cases_of_three_attempts_stay_well_below_100_kb() -> None:
    draw = random.Random(1)
    agents = ("builtin", "claude-code", "codex", "openclaw", "opencode", "qwen-code")
    units = tuple(
        Unit(
            suite="tools",
            item=f"a-case-with-a-longish-name-{number // 6}",
            agent=agents[number % 6],
            digest=f"{number // 6:016x}",
            values={
                **{name: [float(draw.random() < 0.95) for _ in range(3)] for name in ("strict", "lenient", "credit")},
                "tokens": [float(draw.randint(500, 9_000)) for _ in range(3)],
                "usd": [draw.random() / 100 for _ in range(3)],
                "seconds": [draw.random() * 20 for _ in range(3)],
                "first_token": [draw.random() for _ in range(3)],
            },
        )
        for number in range(800)
    )
    assert len(pack(sample(units)).encode()) < 90_000
    alike = tuple(unit.model_copy(update={"values": {**unit.values, "usd": [0.01] * 3}}) for unit in units)
    assert len(pack(sample(alike)).encode()) < 80_000


def test_packing_loses_nothing_that_the_gate_looks_at() -> None:
    units = (
        Unit(
            suite="tools",
            item="a",
            agent="x",
            digest="d",
            values={"strict": [1, 0, 1], "usd": [0.1]},
            missing={"not run": 2},
        ),
        Unit(suite="tools", item="a", agent="y", digest="d", values={}, missing={"infrastructure": 1, "time limit": 2}),
        Unit(
            suite="tasks",
            item="c",
            agent="x",
            values={"pass": [1, 0], "tokens": [5, 6]},
            limited={"time": AtLimit(attempts=2, values={"tokens": [7]}), "turns": AtLimit(attempts=1)},
            repeated=1,
        ),
        Unit(suite="tools", item="b", agent="x", values={"strict": [1, 1], "tokens": [123456, 123457]}),
        Unit(suite="wire", item="a/b", agent="chat", values={"supported": [1]}),
        Unit(suite="tasks", item="ü \ud83d", agent="x", values={"pass": [0.0]}),
    )
    again = unpack(json.loads(pack(sample(units)))).units
    assert sorted(again, key=str) == sorted(units, key=str)


def test_the_gate_says_the_same_of_a_run_and_of_its_baseline(tmp_path: Path) -> None:
    before, after = made(tmp_path / "a").path, made(tmp_path / "b", 2, 8).path
    baseline.save(before, "main", tmp_path)
    policy = load_policy(None)
    now = baseline.load(after)
    direct, kept = (decide(baseline.load(one, tmp_path), now, policy) for one in (before, Path("main")))
    assert [(one.name, one.answer, one.figures) for one in direct.judged] == [
        (one.name, one.answer, one.figures) for one in kept.judged
    ]
    assert kept.answer != "pass"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "is not a baseline file"),
        ("[]", "is not a baseline file"),
        ('{"a": 1}', "is not a baseline file"),
        ('{"schema_version": 0, "toolworthy": "0.0.9"}', "of version 0, written by toolworthy 0.0.9"),
        (
            '{"schema_version": 1, "toolworthy": "0.1.0"}',
            "of version 1, written by toolworthy 0.1.0; this .* Save the run",
        ),
        ('{"schema_version": 2}', "broken baseline file"),
        ('{"schema_version": 2, "columns": {}, "items": []}', "broken baseline file"),
        ('{"schema_version": 2, "columns": {}, "items": {"tasks/a": ["d", {"x": [1, 0, 1]}]}}', "broken baseline"),
        ('{"schema_version": 2, "columns": {}, "items": {"tasks/a": 3}}', "its items cannot be read"),
        ('{"schema_version": 2, "columns": {}, "items": {"tasks/a": ["d"]}}', "its items cannot be read"),
        (
            '{"schema_version": 2, "columns": [], "items": {"tasks/a": ["d", {"x": [1, 0]}]}}',
            "its items cannot be read",
        ),
        (
            '{"schema_version": 2, "columns": {"tasks": []}, "items": {"tasks/a": ["d", {"x": [1000001, 0]}]}}',
            "its items cannot be read",
        ),
        (
            '{"schema_version": 2, "columns": {"tasks": []}, "items": {"tasks/a": ["d", {"x": [-1, 0]}]}}',
            "its items cannot be read",
        ),
        ('{"schema_version": 2, "columns": {}, "items": {}}', "broken baseline file: name: field required"),
        ("[" * 100_000, "is not a baseline file"),
        ("\ufeff{}", "is not a baseline file"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "old.json").write_text(content)
    with pytest.raises(ToolworthyError, match=told) as caught:
        baseline.load(Path("old"), tmp_path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
    baseline.list_all(tmp_path)


def test_an_unknown_name_is_one_line_with_what_is_near(tmp_path: Path) -> None:
    with pytest.raises(ToolworthyError, match="baseline save"):
        baseline.load(Path("main"), tmp_path / "none")
    path = made(tmp_path).path
    for name in ("main", "nightly"):
        baseline.save(path, name, tmp_path)
    with pytest.raises(ToolworthyError, match="did you mean 'main'"):
        baseline.load(Path("mian"), tmp_path)
    with pytest.raises(ToolworthyError, match="Give one of main, nightly"):
        baseline.load(Path("zzzzzz"), tmp_path)


@pytest.mark.parametrize("name", ["../x", "a/b", ".hidden", "", "a b", "x" * 200])
def test_a_name_stays_in_its_folder(tmp_path: Path, name: str) -> None:
    path = made(tmp_path).path
    if name:
        with pytest.raises(ToolworthyError, match="is not a valid name for a baseline"):
            baseline.save(path, name, tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


def test_an_empty_run_is_no_baseline(tmp_path: Path) -> None:
    with pytest.raises(ToolworthyError, match="has no results"):
        baseline.save(RunDirectory.create(tmp_path, RunMeta.model_validate(ABOUT)).path, "x", tmp_path)


@pytest.mark.process
def test_the_doors_find_names(tmp_path: Path) -> None:
    """Save a run, guard the next by its name, and compare once more by hand."""
    quick = ("--case", "a-comment-forbids-the-change", "--agent", "builtin")
    assert suites(*quick, suite="tools", cwd=tmp_path).returncode == 0
    done = run("toolworthy", "baseline", "save", str(only_run(tmp_path)), "main", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    guarded = suites(*quick, "--baseline", "main", "--out", "second", suite="tools", cwd=tmp_path)
    assert guarded.returncode == 2, guarded.stdout + guarded.stderr  # one case is not enough for anything
    (second,) = (tmp_path / "second").iterdir()
    assert json.loads((second / "gate.json").read_text())["baseline"] == "main"
    assert run("toolworthy", "gate", "main", str(second), cwd=tmp_path).returncode == 2
    lost = suites(*quick, "--baseline", "mian", suite="tools", cwd=tmp_path)
    assert lost.returncode == 4
    assert "did you mean 'main'?" in lost.stdout + lost.stderr
    for wrong in (("save",), ("show",), ("list", "x"), ("show", "none")):
        refused = run("toolworthy", "baseline", *wrong, cwd=tmp_path)
        assert refused.returncode == 4
        assert len(refused.stderr.splitlines()) == 1


def test_history_reads_baselines(tmp_path: Path) -> None:
    from toolworthy.judgement.history.load import find

    baseline.save(made(tmp_path).path, "main", tmp_path)
    (group,) = find([tmp_path / "main.json"]).groups
    assert [kept.name for kept in group.samples] == ["main"]
