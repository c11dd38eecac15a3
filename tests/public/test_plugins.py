"""Users' plugins: rules, probes, agents, providers, tasks and cases of their own, in a folder or a package."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import toolworthy
from tests.support.commands import LISTING, environment, only_run, results, run
from toolworthy import content
from toolworthy.base.errors import ToolworthyError
from toolworthy.endpoint.plugins import LOADED, MODULES, load_plugins
from toolworthy.rules import RULES
from toolworthy.work.probes import PROBES, load_suite

pytestmark = pytest.mark.process

RULES_PY = '''
from .words import GREETING
from toolworthy import View, rule

@rule("MY101", "a greeting", "cosmetic")
def greeting(view: View):
    """Nobody greets a machine."""
    if GREETING in view.response.text:
        yield "it greets", view.tail()
'''
PROBES_PY = '''
from toolworthy import Ask, Unmeasured, probe

@probe("a word of mine", "chat", modes="stream", severity="cosmetic", tier="quick")
async def test_word_of_mine(ask: Ask) -> None:
    """It says Hello."""
    answer = await ask.says("Hello")
    if "Hello" not in answer.text:
        raise Unmeasured("it says something else")
'''
CASE = """
[[case]]
id = "my-look"
category = "single"
files."a.py" = "x = 1\\n"
[[case.turn]]
user = "Show me a.py."
right = [[{ do = "read", path = "a.py" }]]
"""
PROVIDER = 'title = "My server"\n[base_urls]\nchat = "http://127.0.0.1:1/v1"\n'


def plugin(folder: Path, *, config: str = 'plugins = ["mine"]\n') -> Path:
    """A folder with one of everything, and a config that names it."""
    mine = folder / "mine"
    for name in ("agents", "providers", "tasks", "cases"):
        (mine / name).mkdir(parents=True)
    (mine / "rules.py").write_text(RULES_PY)
    (mine / "words.py").write_text('GREETING = "Hello"\n')
    (mine / "probes.py").write_text(PROBES_PY)
    (mine / "cases" / "my.toml").write_text(CASE)
    (mine / "providers" / "my-server.toml").write_text(PROVIDER)
    agent = (content.ADAPTERS / "agents" / "builtin.toml").read_text()
    (mine / "agents" / "my-agent.toml").write_text(agent)
    shutil.copytree(content.FIXTURES / "tasks" / "fix-failing-test", mine / "tasks" / "my-task")
    (folder / "toolworthy.toml").write_text(config)
    return mine


@pytest.fixture
def _only_here() -> Iterator[None]:
    """What is declared in this process is forgotten afterwards."""
    before = RULES.copy(), load_suite().copy(), MODULES.copy(), content.PLUGINS.copy(), LOADED.copy()
    yield
    RULES[:], content.PLUGINS[:] = before[0], before[3]
    for now, then in ((PROBES, before[1]), (MODULES, before[2]), (LOADED, before[4])):
        now.clear()
        now.update(then)


def test_the_command_line_knows_what_a_folder_adds(tmp_path: Path) -> None:
    plugin(tmp_path)
    (tmp_path / "deeper").mkdir()
    lists = {
        ("rules",): "MY101 ",
        ("rules", "my101"): "Nobody greets a machine.",
        ("tasks", "list"): "my-task",
        ("cases", "list"): "my-look",
        ("agents", "list"): "my-agent",
        ("doctor", "--endpoint", "my-servers", "--model", "m"): "did you mean 'my-server'?",
    }
    for arguments, says in lists.items():
        done = run("toolworthy", *arguments, cwd=tmp_path / "deeper")
        assert says in done.stdout + done.stderr, arguments


def test_its_rules_and_probes_belong_to_the_wire_suite(tmp_path: Path) -> None:
    plugin(tmp_path)
    done = run("toolworthy", "run", "wire", "-k", "word_of_mine or plain_answer or MY101", cwd=tmp_path)
    assert "test_plugins.py" in done.stdout, done.stdout + done.stderr
    path = only_run(tmp_path)
    mine = [line for line in results(path) if line["key"]["probe"] == "word-of-mine"]
    assert [line["verdict"] for line in mine] == ["supported"]
    assert [finding["code"] for finding in mine[0]["findings"]] == ["MY101"]
    assert "MY101" in (path / "report.html").read_text()
    again = run(*shlex.split(mine[0]["reproduce"]), "--out", "again", cwd=tmp_path)
    assert "1 passed" in again.stdout, again.stdout + again.stderr
    assert [*json.loads((path / "run.json").read_text())["plugins"]] == ["mine"]
    (tmp_path / "mine" / "words.py").write_text('GREETING = "Hi"\n')
    done = run("toolworthy", "run", "--resume", str(path), cwd=tmp_path)
    assert done.returncode == 4
    assert "was made with another mine (plugins: " in done.stdout + done.stderr


def test_its_tasks_agents_and_cases_are_run_beside_ours(tmp_path: Path) -> None:
    plugin(tmp_path)
    done = run("toolworthy", "run", "tasks", "--task", "my-task", "--agent", "my-agent", cwd=tmp_path)
    assert "1 passed" in done.stdout, done.stdout + done.stderr
    done = run("toolworthy", "run", "tools", "--case", "my-look", "--agent", "my-agent", "--out", "b", cwd=tmp_path)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_its_kind_of_work_runs_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    shutil.copy(LISTING, tmp_path / "mine")
    (tmp_path / "toolworthy.toml").write_text('plugins = ["mine"]\n')
    done = run("toolworthy", "run", "listing", "--pause", "0.01", cwd=tmp_path)
    assert "2 passed" in done.stdout, done.stdout + done.stderr
    path = only_run(tmp_path)
    assert json.loads((path / "run.json").read_text())["options"]["own"] == {"pause": 0.01}
    assert {line["reproduce"] for line in results(path)} == {
        "toolworthy run listing --endpoint oracle --model oracle --pause 0.01"
    }
    mistakes = {
        ("listings",): "did you mean 'listing'?",
        ("listing", "--resume", str(path), "--pause", "0.5"): "was made with --pause 0.01, this is --pause 0.5",
        ("replay",): "'replay' is neither a suite nor a file",
    }
    for arguments, says in mistakes.items():
        done = run("toolworthy", "run", *arguments, cwd=tmp_path)
        assert (done.returncode, done.stderr.count("\n")) == (4, 1), done.stderr
        assert says in done.stderr
    code = "import toolworthy; print(len(toolworthy.run('oracle', suites='listing', own={'pause': 0.01}).results))"
    assert subprocess.check_output([sys.executable, "-c", code], cwd=tmp_path, env=environment()) == b"2\n"


@pytest.mark.usefixtures("_only_here")
def test_python_knows_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin(tmp_path)
    monkeypatch.chdir(tmp_path)
    asked = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
    said = {"id": "1", "object": "chat.completion", "created": 1, "model": "m"}
    said["choices"] = [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}]
    assert "MY101" in {one.code for one in toolworthy.check([toolworthy.Exchange.of("chat", asked, said)])}
    made = toolworthy.run("oracle", tier="quick")
    assert "word-of-mine" in {result.key.probe for result in made.probes}
    assert toolworthy.Endpoint.of("my-server", model="m").provider.title == "My server"


@pytest.mark.usefixtures("_only_here")
def test_a_package_announces_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = plugin(tmp_path, config="")
    mine.rename(tmp_path / "my_package")
    (tmp_path / "my_package" / "__init__.py").write_text("")
    about = tmp_path / "my_package-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[toolworthy]\nmine = my_package\n")
    monkeypatch.syspath_prepend(tmp_path)
    load_plugins(tmp_path)
    load_plugins(tmp_path)
    assert "MY101" in {rule.code for rule in RULES}
    assert "word-of-mine" in PROBES
    assert [tmp_path / "my_package"] == content.PLUGINS
    assert LOADED["my-package"] == "1"
    (about / "entry_points.txt").write_text("[toolworthy]\nother = my_package.nothing\n")
    with pytest.raises(ToolworthyError, match=r"^entry point other = my_package\.nothing: ModuleNotFoundError: "):
        load_plugins(tmp_path)


BROKEN = {
    "an exception": ({"rules.py": "x = 1\nfoo()\n"}, r"mine/rules\.py:2: NameError: name 'foo' is not defined"),
    "a syntax error": ({"rules.py": "x = 1\ndef\n"}, r"mine/rules\.py:2: SyntaxError: invalid syntax"),
    "an exit": ({"rules.py": "import sys\nsys.exit(3)\n"}, r"mine/rules\.py:2: SystemExit: 3"),
    "in what it imports": ({"words.py": "1 / 0\n"}, r"mine/words\.py:1: ZeroDivisionError"),
    "in its package": ({"__init__.py": "\n1 / 0\n"}, r"mine/__init__\.py:2: ZeroDivisionError"),
    "a code twice": (
        {"z.py": RULES_PY.replace(".words", "mine_words").replace("from mine_words import GREETING", "GREETING = ''")},
        r"mine/z\.py: greeting: .*mine/rules\.py: greeting has the code MY101 already",
    ),
    "a code of ours": ({"rules.py": RULES_PY.replace("MY101", "TW101")}, r"mine/rules\.py: greeting: TW101 cannot be"),
    "a probe of ours": (
        {"z.py": PROBES_PY.replace("test_word_of_mine", "test_plain_answer")},
        r"mine/z\.py: test_plain_answer: another probe is called plain-answer, .*test_text\.py",
    ),
    "an agent of ours": (
        {"agents/codex.toml": ""},
        r"mine/agents/codex\.toml: .*codex\.toml has the name codex already",
    ),
    "a broken agent": ({"agents/other.toml": "title = 'x'\ntitel = 1"}, r"mine/agents/other\.toml: "),
    "a case of ours": (
        {"cases/z.toml": CASE.replace("my-look", "lines-of-a-function")},
        r"z\.toml.*: the id 'lines-of-a-function' is taken",
    ),
    "no folder": (None, r"mine: there is no such folder. Correct `plugins` in toolworthy.toml."),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_cannot_be_loaded_is_one_line(tmp_path: Path, what: str) -> None:
    mine = plugin(tmp_path)
    files, says = BROKEN[what]
    for name, text in (files or {}).items():
        (mine / name).write_text(text)
    if files is None:
        shutil.rmtree(mine)
    done = run("toolworthy", "run", "wire", "-k", "word_of_mine", cwd=tmp_path)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "Traceback" not in said, said
    (line,) = {line for line in said.splitlines() if "mine/" in line or "mine:" in line or "z.toml" in line}
    assert re.search(says, line), said


def test_a_tasks_name_belongs_to_one_task(tmp_path: Path) -> None:
    mine = plugin(tmp_path)
    (mine / "tasks" / "my-task").rename(mine / "tasks" / "rename-api")
    done = run("toolworthy", "tasks", "list", cwd=tmp_path)
    assert (done.stdout, done.returncode) == ("", 4)
    assert "rename-api has the name rename-api already" in done.stderr
