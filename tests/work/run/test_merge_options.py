"""What a command line and a run that is continued ask for together."""

from __future__ import annotations

import argparse
import json
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


CONFIG = """
[endpoints.own]
url = "http://127.0.0.1:9/v1"
model = "m"
[endpoints.other]
url = "http://127.0.0.1:8/v1"
[prices.m]
input = 1
output = 2
"""


def configured(folder: Path) -> None:
    """Give `folder` endpoints of its own, and a benchmark's file of each kind."""
    (folder / "toolworthy.toml").write_text(CONFIG)
    request = {"data_index": 1, "request": {"messages": [{"role": "user", "content": "hello"}]}}
    (folder / "samples.jsonl").write_text(json.dumps(request) + "\n")


def test_endpoints_are_those_of_the_folders_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configured(tmp_path)
    monkeypatch.setenv("OWN_KEY", "a-secret-of-its-own")
    plan = asked(tmp_path, "--endpoint", "own", "--key-env", "OWN_KEY", "--budget-usd", "1")
    assert (plan.endpoint.model, plan.endpoint.key_env) == ("m", "OWN_KEY")
    assert plan.secrets == ("a-secret-of-its-own",)
    assert plan.endpoint.prices == Prices(input=1, output=2)


def test_a_verifiers_file_replaces_the_cases_and_may_have_a_reference(tmp_path: Path) -> None:
    configured(tmp_path)
    plan = asked(tmp_path, "--cases", "k2vv:samples.jsonl", "--reference", "own")
    assert plan.field is not None
    assert (plan.field.kind, list(plan.field.items), plan.cases) == ("k2vv", ["request-1"], ())
    assert plan.reference is not None
    assert (plan.reference.name, plan.reference.model) == ("own", "m")
    assert plan.case_paths == (f"k2vv:{tmp_path}/samples.jsonl",)
    assert list(plan.meta().cases) == [plan.field.spec]
    again = asked(tmp_path, "--resume", kept(plan, tmp_path))
    assert again.field == plan.field
    assert again.case_paths == plan.case_paths


def test_a_benchmark_without_references_has_none(tmp_path: Path) -> None:
    source = Path(__file__).parents[1] / "cases/benchmarks/data"
    (file, *_) = sorted(source.rglob("BFCL_v*.json"))
    assert asked(tmp_path, "--cases", f"bfcl:{file.parent}").field is not None
    with pytest.raises(ToolworthyError, match="--reference belongs to --cases k2vv:PATH"):
        asked(tmp_path, "--cases", f"bfcl:{file.parent}", "--reference", "oracle")


def test_dollars_need_the_price_of_the_reference_too(tmp_path: Path) -> None:
    configured(tmp_path)
    both = ("--endpoint", "own", "--cases", "k2vv:samples.jsonl", "--budget-usd", "1", "--reference")
    assert asked(tmp_path, *both, "own").budget == Budget(usd=1)
    with pytest.raises(ToolworthyError, match="--budget-usd needs to know what oracle costs at oracle"):
        asked(tmp_path, *both, "oracle")


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


def test_each_option_is_part_of_the_replay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configured(tmp_path)
    monkeypatch.setenv("OWN_KEY", "a-secret-of-its-own")
    where = recording(tmp_path, "recorded-model").relative_to(tmp_path)
    how = {"model": "asked-model", "key_env": "OWN_KEY", "wire": "chat", "concurrency": 3, "only": "tools/*"}
    plan = replayed(tmp_path, recorded=where, endpoint="own", reference="other", **how)
    assert (plan.endpoint.name, plan.endpoint.model, plan.endpoint.key) == ("own", "asked-model", "a-secret-of-its-own")
    assert (plan.endpoint.forced_api, plan.concurrency, plan.only) == ("chat", 3, "tools/*")
    assert plan.reference is not None
    assert (plan.reference.name, plan.reference.model) == ("other", "recorded-model")
    assert (plan.agents, plan.tasks, plan.resume, plan.out) == ((), (), None, tmp_path / "reports")
    assert replayed(tmp_path, recorded=where, endpoint="own").reference is None
    assert replayed(tmp_path, recorded=where, endpoint="own", out=Path("there")).out == Path("there")


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


def test_a_replay_goes_on_under_the_same_conditions_only(tmp_path: Path) -> None:
    where = recording(tmp_path, "m")
    replay = Path(kept(replayed(tmp_path, recorded=where, endpoint="oracle"), tmp_path / "replays"))
    with pytest.raises(ToolworthyError, match=r"--only .*--resume needs the same conditions\.$"):
        replayed(tmp_path, resume=replay, only="tools/*")


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
