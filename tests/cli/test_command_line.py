"""A key on the command line ends in one line that shows no part of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.commands import run
from toolworthy import content
from toolworthy.base.errors import ToolworthyError
from toolworthy.cli._command_line import refuse_keys
from toolworthy.endpoint.target import resolve

RANDOM = "kq7Zp2Wd9XcV4bN6mT1sRf8Y"
KEYS = (
    f"sk-{RANDOM}", f"sk-proj-{RANDOM[:9]}", f"sk-ant-api03-{RANDOM}", f"gsk_{RANDOM}", f"Bearer sk-{RANDOM}",
    f"Authorization: Bearer {RANDOM}", f"nvapi-{RANDOM}", f"hf_{RANDOM}", f"ghp_{RANDOM}{RANDOM}", f"xai-{RANDOM}",
    RANDOM, f"'sk-{RANDOM}'", "AIzaSyA1234567890abcdefghijklmnopqrst", f"sk-Zq7/Kp+{RANDOM}", f"reports/sk-{RANDOM}",
)  # fmt: skip
OPTIONS = ("--model", "--endpoint", "--endpoint-name", "--key-env", "--wire", "--agent", "--out", "--task", "-k", "-m")


def _refused(arguments: list[str], **environ: str) -> str:
    with pytest.raises(ToolworthyError) as caught:
        refuse_keys(arguments, environ)
    line = str(caught.value)
    assert len(line.splitlines()) == 1
    assert "environment variable" in line
    return line


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("option", OPTIONS)
def test_a_key_is_known_wherever_it_is_given(option: str, key: str) -> None:
    together = [[f"{option}{key}"]] if len(option) == 2 else []
    for arguments in ([option, key], [f"{option}={key}"], [key], ["tasks", option, "x", key], *together):
        line = _refused(["run", *arguments])
        assert not any(part in line for part in re.findall(r"[A-Za-z0-9]{7,}", key) if part != "reports")


@pytest.mark.parametrize("option", ["--api-key", "--apikey", "--key", "--token", "--password", "--auth-token"])
@pytest.mark.parametrize("key", ["x", "hunter-two", f"sk-{RANDOM}"])
def test_an_option_for_a_key_does_not_exist_whatever_it_is_given(option: str, key: str) -> None:
    for arguments in ([option, key], [f"{option}={key}"]):
        assert _refused(["run", "tasks", *arguments]).startswith(f"there is no option {option}: put it into")


def test_no_option_of_ours_is_taken_for_one_of_a_key() -> None:
    text = "".join((content.PACKAGE / name).read_text() for name in ("cli/options.toml", "cli/commands.toml"))
    ours = set(re.findall(r'"(--[a-z-]+)"', text))
    assert {"--budget-tokens", "--key-env", "--out"} <= ours
    for option in ours:
        refuse_keys(["run", "tasks", option, "500k"], {})


def test_a_key_of_the_environment_is_known_whatever_it_looks_like() -> None:
    assert _refused(["doctor", "--model", "hunter2-hunter2"], MY_API_KEY="hunter2-hunter2\n").startswith("--model is")
    with pytest.raises(ToolworthyError, match="--model contains the key"):
        resolve("http://llm.example/v1", model="hunter", key_env="MINE", environ={"MINE": "hunter"})


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "tasks", "--model", "deepseek-v4-pro", "--endpoint", "https://llm.example/v1", "--key-env", "MY_KEY"],
        ["doctor", "--endpoint", "lm-studio", "--model", "openai/gpt-oss-120b", "--wire=chat"],
        ["doctor", "--endpoint", "http://x.example/3f2504e04f8911d39a0c0305e82c3301/v1", "--model", "m"],
        [
            "run",
            "--model",
            "/models/snapshots/9f2504e04f8911d39a0c0305e82c3301aa/x",
            "--out",
            "/data/hf_models/reports",
        ],
        ["run", "--model", "pplx-70b-online", "--task", "fix-failing-test", "-k", "test_plain_answer and not sk"],
        ["run", "--model", "accounts/fireworks/models/qwen3-235b-a22b-instruct-2507", "--out", "out-xai-grok-4"],
        ["gate", "reports/20261129-211943-ec5c", "reports/20261129-212014-ebe2", "--policy", "gate.toml"],
        ["suites/tasks/test_tasks.py::test_task[fix-failing-test-builtin]", "-p", "no:cacheprovider", "-rA", "-q"],
        ["run", "--model", "ft:gpt-4o-mini-2024-07-18:acme::A1b2C3d4"],
        ["run", "--model", "ollama-model"],
    ],
)
def test_what_is_no_key_is_none(arguments: list[str]) -> None:
    refuse_keys(arguments, {"OPENAI_API_KEY": "lm-studio", "TOKENIZER": "deepseek-v4-pro", "GPG_KEY": "ollama-model"})


KEY = f"sk-{RANDOM}"


@pytest.mark.process
@pytest.mark.parametrize(
    "command",
    [
        ["toolworthy", "run", "tasks", "--api-key", KEY],
        ["toolworthy", "run", "tasks", KEY],
        ["toolworthy", "run", "tasks", "--model", KEY],
        ["toolworthy", "run", "wire", "-k", KEY],
        ["toolworthy", "doctor", "--endpoint", "http://127.0.0.1:9", "--api-key", KEY],
        ["toolworthy", "proxy", "--endpoint", "http://127.0.0.1:9", "--wire", KEY],
        ["toolworthy", "agents", "install", KEY],
        ["toolworthy", "tasks", KEY],
        ["toolworthy", KEY],
        ["pytest", "SUITES", "--api-key", KEY],
        ["pytest", "SUITES", f"--apikey={KEY}"],
        ["pytest", "SUITES", "--wire", KEY],
        ["pytest", "SUITES", "--trials", KEY],
        ["pytest", "SUITES", KEY],
        ["pytest", "SUITES", "--out", KEY],
    ],
    ids=" ".join,
)
def test_no_door_repeats_it(tmp_path: Path, command: list[str]) -> None:

    program, *arguments = [str(content.SUITES) if one == "SUITES" else one for one in command]
    done = run(program, *arguments, cwd=tmp_path)
    said = done.stdout + done.stderr
    assert done.returncode == 4
    assert RANDOM[:7] not in said
    assert len(said.strip().splitlines()) == 1, said
    assert "--key-env" in said
    assert not list(tmp_path.iterdir())


@pytest.mark.process
def test_nor_from_the_variable_of_pytests_own_options(tmp_path: Path) -> None:

    done = run("pytest", str(content.SUITES), cwd=tmp_path, env={"PYTEST_ADDOPTS": f"--api-key {KEY}"})
    assert done.returncode == 4
    assert RANDOM[:7] not in done.stdout + done.stderr
