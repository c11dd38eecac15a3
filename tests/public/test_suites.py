"""A suite of a user's own, outside the checkout, under plain pytest: its fixtures, its run directory, its verdicts."""

from __future__ import annotations

import shlex
import socket
from pathlib import Path

import pytest

from tests.support.commands import only_run, results, run
from toolworthy.output.exports import table
from toolworthy.records.store import RunDirectory

pytestmark = pytest.mark.process

SUITE = '''
import httpx, pytest
from toolworthy import Ask, Rejected, Unmeasured, probe

LOOK = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
TOLD = {"messages": [{"role": "user", "content": "Call the tool `look` with exactly these arguments: {}"}]}

def test_says(ask):
    """It says hello."""
    assert ask("Reply with exactly: Hello.").text == "Hello."

def test_is_wrong(ask):
    assert ask("Reply with exactly: Hello.").text == "Bye."

@pytest.mark.parametrize("ask", ["messages", "responses-whole"], indirect=True)
def test_ways(ask):
    assert ask.says("Hello.").text == "Hello."

def test_calls(ask):
    (call,) = ask(TOLD, tools=[LOOK]).calls
    assert call.name == "look"
    assert ask.calls(("write_file", {"path": "a", "content": "b"})).calls
    assert ask.send({"messages": []}).status == 400

def test_rejected(ask):
    ask({"messages": []})

def test_expects_it(ask):
    with pytest.raises(Rejected):
        ask({"messages": []})

def test_skipped(ask):
    pytest.skip("not today")

def test_client_of_its_own(ask):
    body = {"model": ask.model, "messages": [{"role": "user", "content": "Reply with exactly: Hello."}]}
    said = httpx.post(f"{ask.base_url}/chat/completions", json=body).json()
    assert said["choices"][0]["message"]["content"] == ask.overheard().text == "Hello."
    assert ask.overheard().text == "Hello."
    body["messages"][0]["content"] = "Reply with exactly: Again."
    httpx.post(f"{ask.base_url}/chat/completions", json=body)
    assert ask.overheard().text == "Again."

def test_no_client(ask):
    with pytest.raises(Unmeasured):
        ask.overheard()

def test_endpoint(endpoint):
    assert (endpoint.model, endpoint.key) == ("oracle", None)
    assert httpx.get(endpoint.url("chat", "models")).status_code == 200

@pytest.mark.parametrize("reference_server", [["call-id-null"]], indirect=True)
def test_defect(reference_server):
    asked = {"model": reference_server.model, "tools": [LOOK], **TOLD}
    said = httpx.post(f"{reference_server.base_url}/chat/completions", json=asked).json()
    assert said["choices"][0]["message"]["tool_calls"][0]["id"] is None

@probe("mine", "chat", modes="stream")
async def test_probe_of_mine(ask: Ask) -> None:
    await ask.says("Hello.")

def test_task(trial):
    assert trial.status == "passed"

def test_case(case):
    assert case.status == "right"

def test_of_something_else(tmp_path):
    pass
'''
ADDED = ["-p", "toolworthy.plugin", "--task", "fix-failing-test", "--case", "lines-of-a-function", "--agent", "builtin"]


def project(folder: Path, suite: str = SUITE, added: list[str] = ADDED) -> Path:
    (folder / "tests").mkdir()
    (folder / "tests" / "test_my_endpoint.py").write_text(suite)
    (folder / "pyproject.toml").write_text(f"[tool.pytest]\naddopts = {added}\n")
    return folder


def test_every_fixture_in_one_run(tmp_path: Path) -> None:
    done = run("pytest", "-rA", cwd=project(tmp_path))
    assert "2 failed, 13 passed, 1 skipped" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 1
    assert "exit 0" not in done.stdout
    assert "rejected: HTTP 400: " in done.stdout
    path = only_run(tmp_path)
    told = results(path)
    said = {line["key"].get("probe"): line for line in told}
    verdicts = {name: line["verdict"] for name, line in said.items() if name}
    mine = "my-endpoint."
    assert verdicts == {
        f"{mine}says": "supported",
        f"{mine}is-wrong": "broken",
        f"{mine}ways[messages]": "supported",
        f"{mine}ways[responses-whole]": "supported",
        f"{mine}calls": "supported",
        f"{mine}rejected": "rejected",
        f"{mine}expects-it": "supported",
        f"{mine}skipped": "unmeasured",
        f"{mine}client-of-its-own": "supported",
        f"{mine}no-client": "supported",
        "probe-of-mine": "supported",
    }
    assert said[f"{mine}says"]["title"] == "It says hello."
    assert said[f"{mine}is-wrong"]["detail"].startswith("AssertionError: assert 'Hello.' == 'Bye.'")
    assert said[f"{mine}client-of-its-own"]["requests"] == 2
    assert {line["key"]["suite"] for line in told} == {"wire", "tools", "tasks"}
    assert (path / "report.html").is_file()
    assert len(list(table.rows(RunDirectory.open(path)))) == len(told)


@pytest.mark.parametrize("name", ["my-endpoint.says", "probe-of-mine"])
def test_what_reproduces_it_runs_it_alone(tmp_path: Path, name: str) -> None:
    run("pytest", "-k", "says or probe_of_mine", cwd=project(tmp_path))
    (command,) = {line["reproduce"] for line in results(only_run(tmp_path)) if line["key"].get("probe") == name}
    done = run(*shlex.split(command), "--out", "again", cwd=tmp_path)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_it_finds_what_is_broken(tmp_path: Path) -> None:
    suite = SUITE + "\ndef test_sound(ask): assert not ask(TOLD, tools=[LOOK]).findings\n"
    done = run("pytest", "--endpoint", "oracle:call-id-null", "-k", "sound", cwd=project(tmp_path, suite))
    assert done.returncode == 1
    (line,) = results(only_run(tmp_path))
    assert "TW101" in {finding["code"] for finding in line["findings"]}
    assert line["verdict"] == "broken"


def test_an_endpoint_that_cannot_be_asked_ends_it_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    done = run("pytest", "--endpoint", url, "--model", "m", "-k", "says", cwd=project(tmp_path))
    assert done.returncode == 4, done.stdout + done.stderr
    assert "cannot reach" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_the_plugin_changes_nothing_for_others(tmp_path: Path) -> None:
    """Nothing is asked and nothing written for tests that use none of it, nor for a fixture of the same name."""
    suite = "import pytest\n@pytest.fixture\ndef ask(): return 5\ndef test_it(ask): assert ask == 5\n"
    done = run("pytest", cwd=project(tmp_path, suite))
    assert "1 passed" in done.stdout
    assert not (tmp_path / "reports").exists()
    done = run("pytest", "-p", "no:cacheprovider", "tests", cwd=project_without(tmp_path))
    assert "fixture 'trial' not found" in done.stdout


def project_without(folder: Path) -> Path:
    """The same suite without the plugin."""
    (folder / "tests" / "test_my_endpoint.py").write_text("def test_it(trial): pass\n")
    (folder / "pyproject.toml").unlink()
    return folder


@pytest.mark.parametrize("way", ["smoke-signals", "chat-loud"])
def test_a_way_that_there_is_not(tmp_path: Path, way: str) -> None:
    suite = f"import pytest\n@pytest.mark.parametrize('ask', ['{way}'], indirect=True)\ndef test_it(ask): pass\n"
    done = run("pytest", cwd=project(tmp_path, suite))
    assert done.returncode == 4
    assert f"ask: unknown way '{way}': use one of chat, messages, responses" in done.stdout + done.stderr
