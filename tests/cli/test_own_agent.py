"""``toolworthy proxy --agent``: a person's own agent, with their configuration untouched."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import environment
from toolworthy.agents import _manifest
from toolworthy.content import adapters
from toolworthy.public.server import ReferenceServer
from toolworthy.records.exchanges import read_all

KEY = "sk-Zq7Kp2Wd9XcV4bN6mT1sRf8Yg3H"
AGENT = """#!/usr/bin/env python3
import json, os, sys, urllib.request
home = os.environ["HOME"]
open(os.path.join(home, "left-behind"), "w").close()
told = {"argv": sys.argv[1:], "env": dict(os.environ), "tty": sys.stdin.isatty(), "files": {}}
for folder, _, names in os.walk(home):
    for name in names:
        path = os.path.join(folder, name)
        told["files"][os.path.relpath(path, home)] = open(path).read()
json.dump(told, open("told.json", "w"))
url = os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages"
body = {"model": os.environ["ANTHROPIC_MODEL"], "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
print(json.load(urllib.request.urlopen(request))["content"][0]["text"])
if "wait" in sys.argv:
    import signal
    signal.signal(signal.SIGINT, lambda *_: sys.exit(33))
    print("waiting", flush=True)
    signal.pause()
sys.exit(int(sys.argv[-1]) if sys.argv[-1].isdigit() else 0)
"""


def fingerprints(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture
def person(tmp_path: Path) -> dict[str, str]:
    """The environment of a person with an agent and a configuration of their own."""
    home, programs = tmp_path / "home", tmp_path / "bin"
    (home / ".claude").mkdir(parents=True)
    (home / ".claude.json").write_text('{"theme": "mine"}')
    (home / ".claude" / "settings.json").write_text('{"env": {"ANTHROPIC_BASE_URL": "http://elsewhere"}}')
    (home / ".gitconfig").write_text("[user]\nname = me\n")
    programs.mkdir()
    (programs / "claude").write_text(AGENT)
    (programs / "claude").chmod(0o755)
    return {
        "HOME": str(home),
        "PATH": f"{programs}:{os.environ['PATH']}",
        "TOOLWORTHY_API_KEY": KEY,
        "ANTHROPIC_AUTH_TOKEN": "mine",
        "CLAUDE_CONFIG_DIR": str(home / ".claude"),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "EDITOR": "vi",
    }


def command(url: str, *words: str) -> list[str]:
    ours = [sys.executable, "-m", "toolworthy", "proxy", "--endpoint", url, "--agent", "claude-code"]
    return [*ours, "--", *words]


def started(url: str, cwd: Path, person: dict[str, str], *words: str) -> Any:
    return subprocess.run(
        command(url, *words),
        cwd=cwd,
        env=environment(person),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.process
def test_the_agent_is_set_to_the_proxy_and_its_owners_files_stay(tmp_path: Path, person: dict[str, str]) -> None:
    before = fingerprints(tmp_path / "home")
    with ReferenceServer() as server:
        done = started(server.base_url, tmp_path, person, "--resume", "7")
    assert done.returncode == 7, done.stderr
    assert done.stdout.strip()
    assert fingerprints(tmp_path / "home") == before
    told = json.loads((tmp_path / "told.json").read_text())
    assert told["argv"] == ["--resume", "7"]
    env = told["env"]
    assert env["ANTHROPIC_BASE_URL"].startswith("http://127.0.0.1:")
    assert env["ANTHROPIC_MODEL"] == "oracle"
    assert env["EDITOR"] == "vi"
    assert env["GIT_CONFIG_GLOBAL"] == str(tmp_path / "home" / ".gitconfig")
    assert not {"ANTHROPIC_AUTH_TOKEN", "CLAUDE_CONFIG_DIR", "XDG_CONFIG_HOME"} & env.keys()
    assert KEY not in env.values()
    assert not Path(env["HOME"]).exists()
    assert set(told["files"]) == {"left-behind", ".claude.json"}
    (record,) = (tmp_path / "reports").glob("proxy-*.jsonl.zst")
    assert [exchange.agent_api for exchange in read_all(record)] == ["messages"]
    assert "POST /v1/messages → 200" in next((tmp_path / "reports").glob("proxy-*.log")).read_text()


@pytest.mark.process
def test_the_agent_has_the_terminal_and_ctrl_c_is_for_it(tmp_path: Path, person: dict[str, str]) -> None:
    with ReferenceServer() as server:
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(tmp_path)
            os.execvpe(sys.executable, command(server.base_url, "wait"), environment(person))
        shown = b""
        while b"waiting" not in shown:
            shown += os.read(terminal, 4096)
        os.write(terminal, b"\x03")
        end = time.monotonic() + 60
        while (state := os.waitpid(pid, os.WNOHANG)) == (0, 0) and time.monotonic() < end:
            time.sleep(0.1)
        if state == (0, 0):
            os.kill(pid, signal.SIGKILL)
    assert os.waitstatus_to_exitcode(state[1]) == 33
    assert json.loads((tmp_path / "told.json").read_text())["tty"]


@pytest.mark.process
def test_a_signal_for_the_proxy_reaches_the_agent(tmp_path: Path, person: dict[str, str]) -> None:
    with ReferenceServer() as server:
        proxy = subprocess.Popen(
            command(server.base_url, "wait"), cwd=tmp_path, env=environment(person), stdout=subprocess.PIPE
        )
        assert proxy.stdout is not None
        while b"waiting" not in proxy.stdout.readline():
            pass
        proxy.send_signal(signal.SIGTERM)
        assert proxy.wait(60) == 128 + signal.SIGTERM
        proxy.communicate()


def refusal(folder: Path) -> str:
    """The error of a proxy that may start only what is installed in `folder`."""
    env = environment({"TOOLWORTHY_CACHE": str(folder), "PATH": "/usr/bin:/bin"})
    done = subprocess.run(command("oracle"), cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (4, "")
    return done.stderr


@pytest.mark.process
def test_an_agent_that_is_not_installed_is_one_line(tmp_path: Path) -> None:
    assert refusal(tmp_path) == (
        "error: Claude Code is not installed: no `claude` on the PATH. Install it, or type `toolworthy agents install "
        "claude-code`.\n"
    )


@pytest.mark.process
def test_a_changed_installation_is_not_started(tmp_path: Path) -> None:
    agent = adapters.agent("claude-code")
    assert agent.install is not None
    folder = tmp_path / "installed" / f"{agent.id}-{agent.install.version}"
    program = folder / "files" / "cli.js"
    program.parent.mkdir(parents=True)
    program.write_text("as it was")
    _manifest.write(folder, program.parent)
    program.write_text("something else")
    assert refusal(tmp_path) == (
        "error: Claude Code: cli.js is not as it was installed. Type `toolworthy agents install claude-code` to "
        "install it again.\n"
    )
