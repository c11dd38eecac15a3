"""Adapters say what they must, and templates name only what there is."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from toolworthy import content
from toolworthy.agents._template import render
from toolworthy.agents.install import lock_file
from toolworthy.base.errors import ToolworthyError
from toolworthy.content import adapters, providers
from toolworthy.content.adapters import AgentAdapter
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
        "max_turns",
        "context",
        "max_output",
    }
)
"""What a template may name, as ``content.adapters.Run`` says."""


@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.id)
def test_templates_name_only_what_there_is(agent: AgentAdapter) -> None:
    texts = [*agent.run.command, *agent.run.env.values(), *agent.version_command]
    texts += [text for file in agent.run.files for text in (file.path, file.content)]
    for text in texts:
        assert set(re.findall(r"\{([a-z_]+)\}", text)) <= NAMES


@pytest.mark.parametrize("agent", [agent for agent in AGENTS if agent.install], ids=lambda agent: agent.id)
def test_locks_pin_the_adapters_version_and_hold_no_addresses(agent: AgentAdapter) -> None:
    assert agent.install is not None
    assert lock_file(agent).is_file(), f"toolworthy agents lock {agent.id}"
    text = lock_file(agent).read_text()
    if agent.install.pypi:
        pinned = re.findall(r"^(\S+)==(\S+).*\\((?:\n    --hash=sha256:[0-9a-f]{64}(?: \\)?)+)", text, re.MULTILINE)
        assert (agent.install.pypi, agent.install.version) in {(name, version) for name, version, _ in pinned}
        assert len(pinned) == len(re.findall(r"^\S", text, re.MULTILINE))
        assert "://" not in text
        return
    lock = json.loads(text)
    assert lock["packages"][""]["dependencies"] == {agent.install.npm: agent.install.version}
    for name, package in lock["packages"].items():
        assert "resolved" not in package
        assert not name or package.get("inBundle") or package["integrity"].startswith("sha512-")


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
