"""Adapters say what they must, and templates name only what there is."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest

from toolworthy import content
from toolworthy.agents import builtin, launch
from toolworthy.agents._template import render
from toolworthy.agents.install import lock_file
from toolworthy.agents.launch import Start
from toolworthy.base.errors import ToolworthyError
from toolworthy.content import adapters, providers
from toolworthy.content.adapters import AgentAdapter
from toolworthy.content.tasks import known_tasks
from toolworthy.sandbox import choose, toolchain
from toolworthy.sandbox.model import Limits
from toolworthy.wire.ir import Api
from toolworthy.work.probes.recorded import agents_recorded

AGENTS = adapters.agents()
NAMES = frozenset(
    {
        "instruction",
        "model",
        "base_url",
        "key",
        "workspace",
        "home",
        "install",
        "node",
        "python",
        "path",
        "max_turns",
        "context",
        "max_output",
        *("mcp_server", "mcp_command", "mcp_args", "mcp_argv", "mcp_url"),
    }
)
"""What a template may name, as ``AgentLaunch`` and ``McpSettings`` say."""


HEAD = 'title = "x"\napis = ["chat"]\n[run]\ncommand = ["x"]\n'


@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.id)
def test_templates_name_only_what_there_is(agent: AgentAdapter) -> None:
    texts = [*agent.version_command]
    for run in (agent.run_in(api) for api in agent.apis):
        texts += [*run.command, *run.env.values(), run.stdin, *(part for words in run.before for part in words)]
        texts += [text for file in run.files for text in (file.path, file.content)]
    for settings in agent.mcp.transports.values():
        texts += [*settings.env.values(), *(text for file in settings.files for text in (file.path, file.content))]
    for text in texts:
        assert set(re.findall(r"\{([a-z_]+)\}", text)) <= NAMES


@pytest.mark.parametrize("agent", [agent for agent in AGENTS if agent.install], ids=lambda agent: agent.id)
def test_locks_pin_the_adapters_version_and_hold_no_addresses(agent: AgentAdapter) -> None:
    assert agent.install is not None
    assert lock_file(agent).is_file(), f"toolworthy agents lock {agent.id}"
    text = lock_file(agent).read_text()
    if agent.install.pypi:
        pinned = re.findall(r"^(\S+)==(\S+).*\\((?:\n    --hash=sha256:[0-9a-f]{64}(?: \\)?)+)", text, re.MULTILINE)
        extras = f"[{','.join(agent.install.extras)}]" if agent.install.extras else ""
        assert (f"{agent.install.pypi}{extras}", agent.install.version) in {
            (name, version) for name, version, _ in pinned
        }
        assert len(pinned) == len(re.findall(r"^\S", text, re.MULTILINE))
        assert "://" not in text
        return
    lock = json.loads(text)
    assert lock["packages"][""]["dependencies"] == {agent.install.npm: agent.install.version}
    for name, package in lock["packages"].items():
        assert "resolved" not in package
        assert not name or package.get("inBundle") or package["integrity"].startswith("sha512-")


def test_a_ceiling_names_tasks_that_there_are() -> None:
    assert {task for agent in AGENTS for task in agent.ceiling} <= {task.name for task in known_tasks()}


def test_every_agent_has_recorded_requests_for_its_probes() -> None:
    missing = {agent.id for agent in AGENTS if agent.install} - {*agents_recorded()}
    assert not missing, "scripts/first-requests records them"


def test_braces_that_are_no_names_stay() -> None:
    assert render('{"a": {b}, "c": "{model}"}', {"model": "m"}) == '{"a": {b}, "c": "m"}'


def test_all_providers_load() -> None:
    assert {provider.id for provider in providers.every()} >= {
        "deepseek",
        "openai",
        "vllm",
        "ollama",
        "llamacpp",
        "generic",
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("title = 3\n", "title"),
        ('title = "x"\napis = ["soap"]\n[run]\ncommand = ["x"]\n', "apis.0"),
        ('title = "x"\napis = ["chat"]\n[run]\ncommand = ["x"]\nshout = 1\n', "run: unknown key 'shout'"),
        ('title = "x"\napis = []\n[run]\ncommand = []\n[install]\nversion = "1"\n', "install: give either npm or pypi"),
        (
            'title = "x"\napis = []\n[run]\ncommand = []\n[install]\npypi = "x"\nversion = "1"\npython = "3.12"\n',
            "install.python: '3.12' is not a range of versions",
        ),
        (HEAD + "[variants.messages]\n", "variants.messages: name it in apis"),
        (HEAD.replace("[run]", 'leaves = ["a/b"]\n[run]'), "leaves: 'a/b' is not a name of the agent's own"),
        (HEAD + '[finish]\ntool = "done"\n', "finish.tool: 'done' is none of its tools"),
        (HEAD + '[[tools.x.also]]\ndoes = "read"\n', "tools.x: also: each needs `does`, and in `when` the parameters"),
        (
            HEAD + '[tools.x]\nparameters.a = "string"\n[[tools.x.also]]\ndoes = "read"\nwhen.a = "b"\n',
            "tools.x: when is missing",
        ),
        ("\xff", ""),
    ],
)
def test_a_broken_file_names_itself_and_the_field(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ToolworthyError) as caught:
        adapters.load(AgentAdapter, path)
    assert str(caught.value).startswith(f"{path}: {says}")
    assert "\n" not in str(caught.value)


def test_a_users_file_is_equal_to_ours(tmp_path: Path) -> None:
    mine = tmp_path / "claude-code.toml"
    mine.write_text((content.ADAPTERS / "agents" / "builtin.toml").read_text())
    assert adapters.agent("claude-code", (mine,)).install is None
    with pytest.raises(ToolworthyError, match="no agent is called 'x'"):
        adapters.agent("x", (mine,))


VARIANT = """
title = "x"
apis = ["chat", "messages"]
leaves = [".x", ".x.*"]
[run]
base_path = "/v1"
command = ["/bin/sh", "-c", "cat; pwd; cat $CONFIG; cat $HOME/before; echo [$STYLE] {base_url}; echo $PATH"]
stdin = "{instruction}"
before = [["/bin/sh", "-c", 'cat > "$HOME/before"; echo "$0" >> "$HOME/before"', "it's {model}"]]
env = { CONFIG = "{home}/config", STYLE = "openai", PATH = "{path}:/own" }
files = [{ path = "{home}/config", content = "chat\\n" }, { path = "{home}/other", content = "" }]
[variants.messages]
base_path = ""
env = { STYLE = "" }
files = [{ path = "{home}/config", content = "messages\\n" }]
"""


@pytest.mark.process
@pytest.mark.parametrize(("api", "said"), [("chat", "[openai] http://x/v1"), ("messages", "[] http://x")])
def test_what_is_different_in_another_api_and_what_goes_before(tmp_path: Path, api: Api, said: str) -> None:
    (tmp_path / "mine.toml").write_text(VARIANT)
    agent = adapters.load(AgentAdapter, tmp_path / "mine.toml")
    (tmp_path / "app").mkdir()
    (tmp_path / "home").mkdir()
    start = Start(
        *(tmp_path / "app", tmp_path / "home", "http://x", "key", "m", "Do it.\n", Limits(), 1, 1, 1),
        builtin=builtin.Choice(),
        api=api,
    )
    sandbox = choose("none")
    outcome = asyncio.run(sandbox.run(launch.command(agent, None, sandbox, start)))
    path = toolchain.environment("")["PATH"]
    assert outcome.stdout.decode() == f"Do it.\n{tmp_path / 'app'}\n{api}\nit's m\n{said}\n{path}:/own\n"


@pytest.mark.process
def test_a_command_before_that_fails_ends_it(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        HEAD.replace('["x"]', '["/bin/echo", "ran"]\nbefore = [["/bin/sh", "-c", "exit 3"]]')
    )
    agent = adapters.load(AgentAdapter, tmp_path / "mine.toml")
    start = Start(tmp_path, tmp_path, "", "", "", "", Limits(), 1, 1, 1, builtin=builtin.Choice(), api="chat")
    sandbox = choose("none")
    outcome = asyncio.run(sandbox.run(launch.command(agent, None, sandbox, start)))
    assert (outcome.exit_code, outcome.stdout) == (3, b"")
