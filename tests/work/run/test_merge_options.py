"""What a command line and a run that is continued ask for together."""

from __future__ import annotations

import argparse
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support import made
from tests.support.commands import asked
from tests.support.examples import recorded
from toolworthy.base.errors import ToolworthyError
from toolworthy.content import ADAPTERS, FIXTURES, adapters
from toolworthy.content.providers import Prices
from toolworthy.endpoint.target import resolve
from toolworthy.records.case import CaseKey
from toolworthy.records.conditions import CONDITIONS, Condition
from toolworthy.records.meta import Budget
from toolworthy.records.store import RunDirectory
from toolworthy.work.run.merge_options import read_replay
from toolworthy.work.run.plan import Options

TASKS, CASES = ("rename-api", "add-feature"), ("lines-of-a-function", "revert-the-right-commit")
SOME = ("--task", TASKS[0], "--task", TASKS[1], "--case", CASES[0], "--case", CASES[1])


def ids(agents: Any) -> list[str]:
    return [agent.id for agent in agents]


def kept(options: Options, folder: Path) -> str:
    """A run directory of these options, as it is before its first result."""
    return str(RunDirectory.create(folder, options.meta()).path)


def test_without_options_everything_is_asked_of_the_oracle(tmp_path: Path) -> None:
    plan = asked(tmp_path)
    assert (plan.endpoint.name, ids(plan.agents)) == ("oracle", ["builtin"])
    assert ids(plan.toolsets) == [agent.id for agent in adapters.common() if agent.tools]
    assert len(plan.tasks) > 5
    assert len(plan.cases) > 50
    assert (plan.field, plan.reference, plan.selected, plan.concurrency, plan.resume) == (None,) * 5
    assert (plan.adapters, plan.task_folders, plan.case_paths, plan.triage) == ((),) * 4
    assert (plan.out, plan.agreed, plan.budget) == (tmp_path / "reports", False, Budget())
    assert (plan.trials, plan.tier, plan.max_turns, plan.stream) == (1, "standard", 60, True)


@pytest.mark.parametrize("one", [one for one in CONDITIONS if "." not in one.where], ids=lambda one: one.option)
def test_a_plan_and_the_command_line_have_the_same_defaults(one: Condition) -> None:
    assert one.of(Options(resolve("oracle"), (), ())) == one.default


def test_each_option_is_part_of_the_plan(tmp_path: Path) -> None:
    (tmp_path / "triage.toml").write_text('[[finding]]\ncode = "TW101"\nstate = "known"\nnote = "it waits"\n')
    endpoint = ("--endpoint", "http://127.0.0.1:9/v1", "--model", "m", "--wire", "chat", "--price", "1,2")
    spend = ("--budget-usd", "5", "--budget-tokens", "7k", "--budget-minutes", "9", "--concurrency", "3", "--yes")
    how = ("--agent", "codex", "--agent", "builtin", "--trials", "4", "--tier", "quick", "--max-turns", "6")
    plan = asked(tmp_path, *endpoint, *spend, *how, *SOME, "--out", "there", "--no-stream", "--toolset", "codex")
    assert (plan.endpoint.base_urls["chat"], plan.endpoint.model) == ("http://127.0.0.1:9/v1", "m")
    assert (plan.endpoint.forced_api, plan.endpoint.prices) == ("chat", Prices(input=1, output=2, source="--price"))
    assert (plan.budget, plan.concurrency, plan.agreed) == (Budget(5, 7_000, 9), 3, True)
    assert ids(plan.agents) == ids(plan.toolsets) == ["codex", "builtin"]
    assert (plan.trials, plan.tier, plan.max_turns, plan.stream, plan.toolset) == (4, "quick", 6, False, "codex")
    assert (tuple(task.name for task in plan.tasks), tuple(case.id for case in plan.cases)) == (TASKS, CASES)
    assert str(plan.out) == "there"
    assert [(one.code, one.note) for one in plan.triage] == [("TW101", "it waits")]


def test_files_of_ones_own_are_found_from_the_folder_and_kept_by_absolute_paths(tmp_path: Path) -> None:
    shutil.copytree(FIXTURES / "tasks" / TASKS[0], tmp_path / "own" / TASKS[0])
    shutil.copytree(FIXTURES / "cases", tmp_path / "cases")
    shutil.copy(ADAPTERS / "agents" / "codex.toml", tmp_path / "mine.toml")
    plan = asked(tmp_path, "--tasks", "own", "--cases", "cases", "--adapter", "mine.toml")
    assert [task.name for task in plan.tasks] == [TASKS[0]]
    assert plan.task_folders == (str(tmp_path / "own"),)
    assert plan.case_paths == (str(tmp_path / "cases"),)
    assert plan.adapters == (str(tmp_path / "mine.toml"),)
    assert ids(plan.agents) == ids(plan.toolsets) == ["mine"]


def test_a_continued_run_asks_what_it_asked_before(tmp_path: Path) -> None:
    first = asked(tmp_path, "--agent", "codex", *SOME, "--price", "1,2", "--trials", "3", "--tier", "quick")
    run = kept(replace(first, selected=("one", "two")), tmp_path)
    again = asked(tmp_path, "--resume", run)
    assert (ids(again.agents), ids(again.toolsets)) == (["codex"], ["codex"])
    assert (tuple(task.name for task in again.tasks), tuple(case.id for case in again.cases)) == (TASKS, CASES)
    assert (again.selected, again.endpoint.prices, again.trials) == (
        ("one", "two"),
        Prices(input=1, output=2, source="--price"),
        3,
    )
    assert (again.tier, str(again.resume)) == ("quick", run)
    assert asked(tmp_path, "--resume", run, "--price", "3,4").endpoint.prices == Prices(
        input=3, output=4, source="--price"
    )


@pytest.mark.parametrize("other", [("--trials", "2"), ("--tier", "full"), ("--agent", "codex"), ("--task", TASKS[0])])
def test_a_run_goes_on_under_the_same_conditions_only(tmp_path: Path, other: tuple[str, ...]) -> None:
    run = kept(asked(tmp_path, "--tier", "quick"), tmp_path)
    with pytest.raises(ToolworthyError, match=r"--resume needs the same conditions\.$") as error:
        asked(tmp_path, "--resume", run, *other)
    assert str(error.value).startswith(run)


def test_dollars_need_a_price(tmp_path: Path) -> None:
    where = ("--endpoint", "http://127.0.0.1:9/v1", "--model", "m")
    with pytest.raises(ToolworthyError, match=r"--budget-usd needs to know what m costs at .*Give --price IN,OUT"):
        asked(tmp_path, *where, "--budget-usd", "1")
    assert asked(tmp_path, *where, "--budget-usd", "1", "--price", "1,2").budget == Budget(usd=1)
    assert asked(tmp_path, *where, "--budget-tokens", "1").budget == Budget(tokens=1)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--reference", "oracle"), "--reference belongs to --cases k2vv:PATH. Give both, or neither."),
        (("--toolset", "aider"), "--toolset aider: this agent offers no tools. Choose another one."),
    ],
)
def test_what_does_not_go_together_is_said(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    with pytest.raises(ToolworthyError) as error:
        asked(tmp_path, *arguments)
    assert str(error.value) == says


def replayed(folder: Path, **given: Any) -> Options:
    names = ("recorded", "endpoint", "resume", "model", "key_env", "wire", "reference", "concurrency", "out", "only")
    return read_replay(argparse.Namespace(**{**dict.fromkeys(names), **given}), folder)


@pytest.mark.parametrize("given", [{}, {"endpoint": "oracle"}, {"recorded": Path("run")}])
def test_a_replay_needs_a_run_and_an_endpoint(tmp_path: Path, given: dict[str, Any]) -> None:
    with pytest.raises(ToolworthyError, match="Give the RUN to send again and --endpoint X, or --resume RUN alone"):
        replayed(tmp_path, **given)


def recording(folder: Path, model: str) -> Path:
    """A run with one exchange."""
    run = RunDirectory.create(folder, asked(folder, "--endpoint", "http://127.0.0.1:9/v1", "--model", model).meta())
    made.recorded(run, CaseKey(case="one", toolset="builtin"), [recorded()])
    return run.path


def test_a_replay_goes_on_alone_and_with_its_own_recording_only(tmp_path: Path) -> None:
    first, second = (recording(tmp_path, model) for model in ("one", "two"))
    replay = Path(kept(replayed(tmp_path, recorded=first, endpoint="oracle"), tmp_path / "replays"))
    for given in ({}, {"recorded": first}):
        again = replayed(tmp_path, resume=replay, **given)
        assert (again.recording and again.recording.path, again.resume, again.endpoint.name) == (
            first,
            replay,
            "oracle",
        )
    with pytest.raises(ToolworthyError) as error:
        replayed(tmp_path, resume=replay, recorded=second)
    assert str(error.value) == f"{replay} is not a replay of {second}, but of {first}"


def test_a_replay_goes_on_only_while_its_recording_is_of_the_same_endpoint(tmp_path: Path) -> None:
    """A folder may hold another run since."""
    path = recording(tmp_path, "one")
    replay = Path(kept(replayed(tmp_path, recorded=path, endpoint="oracle"), tmp_path / "replays"))
    shutil.rmtree(path)
    recording(tmp_path / "other", "two").rename(path)
    with pytest.raises(ToolworthyError, match=f"is not a replay of {path}, but of {path}"):
        replayed(tmp_path, resume=replay)


def test_a_replay_is_not_continued_as_a_run(tmp_path: Path) -> None:
    replay = kept(replayed(tmp_path, recorded=recording(tmp_path, "m"), endpoint="oracle"), tmp_path / "replays")
    with pytest.raises(ToolworthyError) as error:
        asked(tmp_path, "--resume", replay)
    assert str(error.value) == f"{replay} is a replay. Type `toolworthy replay --resume {replay}` to continue it."


def test_a_run_is_not_continued_as_a_replay(tmp_path: Path) -> None:
    run = kept(asked(tmp_path), tmp_path)
    with pytest.raises(ToolworthyError) as error:
        replayed(tmp_path, resume=Path(run))
    assert str(error.value) == f"{run} is not a replay. Type `toolworthy run --resume {run}` to continue it."
