"""A run that is gone on with stays under its own conditions, and "again: …" is a command that does the same again."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import asked, only_run, results, run, suites
from toolworthy import content
from toolworthy.base.errors import ToolworthyError
from toolworthy.records.conditions import CONDITIONS
from toolworthy.records.store import RunDirectory
from toolworthy.work import kinds

OWN_CASES = "".join(
    f"""
[[case]]
id = "{name}"
category = "single"
files."a.py" = "x = 1\\n"
[[case.turn]]
user = "Show me a.py."
right = [[{{ do = "read", path = "a.py" }}]]
"""
    for name in ("look", "look-twice")
)


def conditions(path: Path) -> dict[str, Any]:
    """What a run says of its conditions."""
    meta = RunDirectory.open(path).meta
    return {one.option: one.of(meta) for one in CONDITIONS}


def half(path: Path) -> list[dict[str, Any]]:
    """Forget all results of a run but the first; all that there were."""
    lines = results(path)
    assert len(lines) > 1
    with (path / "results.jsonl").open("rb+") as file:
        file.readline()
        file.truncate()
    return lines


def keys(path: Path) -> list[str]:
    return sorted(json.dumps(line["key"], sort_keys=True) for line in results(path))


MADE = shlex.split(
    "--task rename-api --task add-feature --max-turns 20 --timeout-factor 2 --trials 2 --toolset codex "
    "--wire responses --no-stream --sandbox bubblewrap --tier quick"
)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["--max-turns", "6"], "was made with --max-turns 20, this is --max-turns 6"),
        (["--timeout-factor", "1"], "was made with --timeout-factor 2.0, this is --timeout-factor 1.0"),
        (["--toolset", "opencode"], "was made with --toolset codex, this is --toolset opencode"),
        (["--wire", "chat"], "was made with --wire responses, this is --wire chat"),
        (["--sandbox", "none"], "was made with --sandbox bubblewrap, this is --sandbox none"),
        (["--tier", "full"], "was made with --tier quick, this is --tier full"),
        (["--trials", "3"], "was made with --trials 2, this is --trials 3"),
        (["--until-decided"], "was made with no --until-decided, this is --until-decided"),
        (["--task", "rename-api"], "was made with --task rename-api, add-feature, this is --task rename-api"),
        (["--agent", "codex"], "was made with --agent builtin, this is --agent codex"),
        (["--endpoint", "oracle:index-missing"], "was made with --endpoint oracle, this is --endpoint oracle:index-"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_run_goes_on_under_no_other_conditions(tmp_path: Path, given: list[str], says: str) -> None:
    run = RunDirectory.create(tmp_path, asked(tmp_path, *MADE).meta())
    with pytest.raises(ToolworthyError, match=re.escape(f"{run.path} {says}")):
        asked(tmp_path, "--resume", str(run.path), *given)


def test_whole_answers_are_not_gone_on_with_as_streams(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path, asked(tmp_path).meta())
    with pytest.raises(
        ToolworthyError, match=r"was made with no --no-stream, this is --no-stream. --resume needs the same"
    ):
        asked(tmp_path, "--resume", str(run.path), "--no-stream")


def test_what_is_not_said_is_as_it_was(tmp_path: Path) -> None:
    """Also the user's own files, from wherever it goes on; and what is said may be what it was."""
    own_tasks(tmp_path), own_agent(tmp_path)
    (tmp_path / "own.toml").write_text(OWN_CASES)
    made = asked(tmp_path, *MADE[4:], "--tasks", "own tasks", "--adapter", "mine.toml", "--cases", "own.toml")
    run = RunDirectory.create(tmp_path, made.meta())
    (tmp_path / "elsewhere").mkdir()
    free = ("--concurrency", "1", "--budget-tokens", "5k", "--price", "1,2", "--out", "there")
    for given in ((), MADE[4:], free):
        again = asked(tmp_path / "elsewhere", "--resume", str(run.path), *given)
        assert [one.of(again) for one in CONDITIONS] == [one.of(made) for one in CONDITIONS]
        for kind in kinds.KINDS.values():
            assert kind.keys(again) == kind.keys(made)


@pytest.mark.process
def test_what_goes_on_is_asked_as_before(tmp_path: Path) -> None:
    """The turns, the API and the tools worn, seen in what the agent did; a difference is one line and exit code 4."""
    done = suites(*MADE[:8], *MADE[10:], cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    path = only_run(tmp_path)
    before = half(path)
    refused = suites("--resume", str(path), "--max-turns", "6", cwd=tmp_path)
    assert refused.returncode == 4
    (line,) = (line for line in (refused.stdout + refused.stderr).splitlines() if line.strip())
    assert "was made with --max-turns 20" in line
    again = suites("--resume", str(path), cwd=tmp_path)
    assert again.returncode == 0, again.stdout + again.stderr
    for old, new in zip(before, results(path), strict=True):
        assert {name: new[name] for name in ("key", "endpoint_api", "sandbox", "reproduce")} == {
            name: old[name] for name in ("key", "endpoint_api", "sandbox", "reproduce")
        }


def test_a_run_of_before_there_were_these_conditions_goes_on(tmp_path: Path) -> None:
    """It asked every probe, there being no tiers."""
    run = RunDirectory.create(tmp_path, asked(tmp_path, "--task", "rename-api").meta())
    about = json.loads((run.path / "run.json").read_text())
    del about["selected"]
    for name in ("adapters", "task_folders", "case_paths", "tier", "toolset", "max_turns"):
        del about["options"][name]
    run.write("run.json", json.dumps(about))
    again = asked(tmp_path, "--resume", str(run.path))
    assert (again.tier, again.max_turns, again.selected) == ("full", 60, None)
    with pytest.raises(ToolworthyError, match="was made with --max-turns 60, this is --max-turns 6"):
        asked(tmp_path, "--resume", str(run.path), "--max-turns", "6")


BFCL = Path(__file__).parents[1] / "cases" / "benchmarks" / "data" / "bfcl"
RENAME = "tasks/test_tasks.py::test_task[rename-api-builtin]"


@pytest.mark.process
@pytest.mark.parametrize(
    ("suite", "given"),
    [
        ("tasks", ["-k", "rename or add-feature or fix", "--deselect", RENAME]),
        ("tools", ["-k", "read-one-file and not claude"]),
        ("wire", ["-k", "test_one_call and chat"]),
    ],
    ids=["trials", "cases", "probes"],
)
def test_only_what_was_selected_goes_on(tmp_path: Path, suite: str, given: list[str]) -> None:
    done = suites(*given, cwd=tmp_path, suite=suite)
    assert done.returncode == 0, done.stdout + done.stderr
    path = only_run(tmp_path)
    before = half(path)
    again = run("toolworthy", "run", "--resume", str(path), "-rA", cwd=tmp_path)
    assert again.returncode == 0, again.stdout + again.stderr
    assert keys(path) == sorted(json.dumps(line["key"], sort_keys=True) for line in before)
    selected = len(json.loads((path / "run.json").read_text())["selected"])
    assert f"{selected} passed" in again.stdout


@pytest.mark.process
def test_rules_go_on_that_were_selected(tmp_path: Path) -> None:
    suites("-k", "TW103", "--tier", "quick", cwd=tmp_path, suite="wire")
    again = suites("--resume", str(only_run(tmp_path)), "--collect-only", "-q", cwd=tmp_path, suite="wire")
    assert [line for line in again.stdout.splitlines() if "::" in line] == ["wire/test_rules.py::test_rule[TW103]"]
    done = suites("--resume", str(only_run(tmp_path)), cwd=tmp_path)
    assert done.returncode == 4
    assert "has nothing of this: it is a run of wire" in done.stdout + done.stderr


def own_tasks(folder: Path) -> Path:
    """A folder with two tasks, of the user's own, whose name a shell would take apart."""
    for name in ("rename-api", "add-feature"):
        shutil.copytree(content.FIXTURES / "tasks" / name, folder / "own tasks" / f"my {name}")
    return folder / "own tasks"


def own_agent(folder: Path) -> Path:
    return Path(shutil.copy(content.ADAPTERS / "agents" / "builtin.toml", folder / "mine.toml"))


KINDS: dict[str, tuple[str, Sequence[str]]] = {
    "own tasks and agent": ("tasks", ["--tasks", "own tasks", "--adapter", "mine.toml", "--max-turns", "30"]),
    "a trial": ("tasks", ["--task", "rename-api", "--toolset", "codex", "--no-stream", "--sandbox", "bubblewrap"]),
    "own cases": ("tools", ["--cases", "own.toml", "--agent", "codex", "--agent", "builtin", "--no-stream"]),
    "a field's case": ("tools", ["--cases", f"bfcl:{BFCL}", "-k", "simple"]),
    "a probe": ("wire", ["-k", "test_one_call", "--wire", "chat", "--tier", "full"]),
}


@pytest.mark.process
@pytest.mark.parametrize("kind", KINDS)
def test_again_is_a_command_that_does_the_same_again(tmp_path: Path, kind: str) -> None:
    suite, given = KINDS[kind]
    own_tasks(tmp_path), own_agent(tmp_path)
    (tmp_path / "own.toml").write_text(OWN_CASES)
    suites(*given, cwd=tmp_path, suite=suite)
    path = only_run(tmp_path)
    line = results(path)[-1]
    program, *command = shlex.split(line["reproduce"])
    assert program == "toolworthy"
    done = run("toolworthy", *command, "--out", "again", cwd=tmp_path)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    (made,) = (tmp_path / "again").iterdir()
    assert [one["key"] for one in results(made)] == [line["key"]]
    told = conditions(path)
    if told["--tasks"]:
        told["--tasks"] = [str(Path(told["--tasks"][0]) / line["key"]["task"])]
    assert conditions(made) == told
