"""What a plan takes from folders and files, and what it records about itself."""

from __future__ import annotations

import json
import platform
import shutil
import time
from pathlib import Path

import pytest

from toolworthy.base.errors import ToolworthyError
from toolworthy.base.version import __version__
from toolworthy.content import FIXTURES, adapters
from toolworthy.content.providers import Prices
from toolworthy.content.tasks import load_tasks
from toolworthy.endpoint.plugins import LOADED
from toolworthy.endpoint.target import resolve
from toolworthy.records.meta import Budget
from toolworthy.work.run.plan import Options, choose_agents, choose_field, choose_tasks

TASK = "rename-api"


def names(*folders: Path) -> list[str]:
    return [task.name for task in choose_tasks([], [*folders])]


def test_a_folder_is_one_task_or_holds_several(tmp_path: Path) -> None:
    shutil.copytree(FIXTURES / "tasks" / TASK, tmp_path / TASK)
    assert names(tmp_path) == names(tmp_path / TASK) == [TASK]
    with pytest.raises(ToolworthyError):
        names(tmp_path / "none-such")


def test_mcp_is_the_built_in_folder_unless_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    built_in = [task.name for task in load_tasks(FIXTURES / "mcp")]
    assert names(Path("mcp")) == built_in != []
    shutil.copytree(FIXTURES / "tasks" / TASK, tmp_path / "mcp" / TASK)
    assert names(Path("mcp")) == [TASK]


def test_of_a_benchmarks_file_the_named_cases_are_taken(tmp_path: Path) -> None:
    file = tmp_path / "with:colon" / "samples.jsonl"
    file.parent.mkdir()
    body = {"messages": [{"role": "user", "content": "hello"}]}
    file.write_text("".join(json.dumps({"data_index": number, "request": body}) + "\n" for number in (1, 2)))
    every, one = (choose_field(chosen, [f"k2vv:{file}"]) for chosen in ([], ["request-2"]))
    assert every is not None
    assert one is not None
    assert (list(every.items), list(one.items), one.path) == (["request-1", "request-2"], ["request-2"], file)
    with pytest.raises(ToolworthyError, match="no case is called 'request-3'"):
        choose_field(["request-3"], [f"k2vv:{file}"])


def test_a_run_records_how_and_where_it_was_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LOADED, "own-plugin", "1.2")
    prices, budget = Prices(input=1, output=2), Budget(tokens=5)
    served, other = (resolve(f"http://127.0.0.1:{port}/v1", model="m", environ={}) for port in (8, 9))
    agents = choose_agents(["codex"], [])
    plan = Options(served.priced(prices), agents, (), own={"depth": 3}, reference=other, budget=budget)
    meta, machine, install = plan.meta(), platform.uname(), adapters.agent("codex").install
    assert install is not None
    assert (meta.agents, meta.plugins and meta.plugins["own-plugin"]) == ({"codex": install.version}, "1.2")
    assert (meta.options.own, meta.options.prices, meta.options.budget) == ({"depth": 3}, prices, budget)
    assert meta.options.reference == other.public()
    assert (meta.toolworthy, meta.python) == (__version__, platform.python_version())
    assert meta.platform == f"{machine.system} {machine.release} {machine.machine}"
    assert meta.started == pytest.approx(time.time(), abs=60)


def test_a_large_run_is_agreed_to_by_nobody_unless_it_is_said() -> None:
    assert not Options(resolve("oracle"), (), ()).agreed
