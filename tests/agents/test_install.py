"""Agents are installed once, whole or not at all, from their pins."""

from __future__ import annotations

import json
import subprocess
import tarfile
import threading
from pathlib import Path

import pytest

from toolworthy.adapters import AgentAdapter
from toolworthy.agents.install import check, ensure, installed
from toolworthy.errors import UserError

PROGRAM = '#!/usr/bin/env node\nconsole.log("tiny 1.2.3");\n'


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AgentAdapter:
    """An adapter of a package that lies on this disk; npm needs no network for it."""
    monkeypatch.setenv("TOOLWORTHY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    package = tmp_path / "package"
    package.mkdir()
    (package / "package.json").write_text(json.dumps({"name": "tiny", "version": "1.2.3", "bin": "tiny.js"}))
    (package / "tiny.js").write_text(PROGRAM)
    with tarfile.open(tmp_path / "tiny.tgz", "w:gz") as archive:
        archive.add(package, "package")
    return made(f"file:{tmp_path / 'tiny.tgz'}")


def made(source: str, version: str = "1.2.3") -> AgentAdapter:
    value = {
        "id": "tiny",
        "title": "Tiny",
        "apis": ["chat"],
        "install": {"npm": "tiny", "version": version},
        "run": {"command": ["{node}"]},
        "version_command": ["{node}", "{install}/node_modules/tiny/tiny.js"],
    }
    return AgentAdapter.model_validate({**value, "homepage": source})


def point_at(agent: AgentAdapter, monkeypatch: pytest.MonkeyPatch) -> None:
    """npm reads the dependency from the package.json that we write; the file's address stands in for the version."""
    import toolworthy.agents.install as module

    real = module.npm

    def npm(arguments: list[str], folder: Path) -> subprocess.Popen[str]:
        package = json.loads((folder / "package.json").read_text())
        package["dependencies"] = {"tiny": agent.homepage}
        (folder / "package.json").write_text(json.dumps(package))
        return real(arguments, folder)

    monkeypatch.setattr(module, "npm", npm)


def test_it_is_installed_and_checked(agent: AgentAdapter, monkeypatch: pytest.MonkeyPatch) -> None:
    point_at(agent, monkeypatch)
    assert installed(agent) is None
    with pytest.raises(UserError, match="not installed; toolworthy agents install tiny"):
        check(agent)
    found = ensure(agent)
    assert (found.path / "node_modules" / "tiny" / "tiny.js").read_text() == PROGRAM
    assert check(agent) == "tiny 1.2.3"
    assert installed(agent) == found


def test_two_at_once_install_once(agent: AgentAdapter, monkeypatch: pytest.MonkeyPatch) -> None:
    point_at(agent, monkeypatch)
    said: list[str] = []
    threads = [threading.Thread(target=ensure, args=(agent, said.append)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == ["installing Tiny 1.2.3 (once)"]


def test_what_fails_leaves_nothing_and_says_why(
    agent: AgentAdapter, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gone = made(f"file:{tmp_path / 'gone.tgz'}")
    point_at(gone, monkeypatch)
    with pytest.raises(UserError) as caught:
        ensure(gone)
    assert str(caught.value).startswith("cannot install Tiny 1.2.3: ")
    assert "\n" not in str(caught.value)
    assert installed(gone) is None
    assert [path.suffix for path in (tmp_path / "cache" / "agents").iterdir()] == [".lock"]


def test_another_version_than_the_pin_is_told(agent: AgentAdapter, monkeypatch: pytest.MonkeyPatch) -> None:
    other = made(agent.homepage, "9.9.9")
    point_at(other, monkeypatch)
    ensure(other)
    with pytest.raises(UserError, match=r"says it is 'tiny 1\.2\.3', pinned is 9\.9\.9"):
        check(other)
