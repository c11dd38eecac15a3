"""The action and the page's CI snippets do what they say: every step is run here, with what a CI system would give."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar
from xml.etree import ElementTree as ET

import pytest

from toolworthy import content

pytestmark = pytest.mark.process

SCRIPTS = content.ROOT / "scripts" / "ci"
ONE = "--case a-comment-forbids-the-change"
TWO = "builtin codex"
POLICY = '[metrics."tools.lenient"]\nmargin = 0.2\n'


def yaml(text: str) -> Any:
    """The little YAML that action.yml and the page use: blocks of mappings, lists and one-line scalars."""
    rows = [(len(line) - len(line.lstrip()), line.strip()) for line in text.splitlines()]
    rows = [(indent, line) for indent, line in rows if line and not line.startswith("#")]
    value, rest = _block(rows)
    assert not rest, rest[:1]
    return value


def _block(rows: list[tuple[int, str]]) -> tuple[Any, list[tuple[int, str]]]:
    indent, listed = rows[0][0], rows[0][1].startswith("- ")
    made: Any = [] if listed else {}
    while rows and rows[0][0] == indent and rows[0][1].startswith("- ") == listed:
        line = rows[0][1]
        if listed:
            inner = line[2:]
            if re.match(r"[\w-]+:( |$)", inner):
                value, rows = _block([(indent + 2, inner), *rows[1:]])
            else:
                value, rows = _scalar(inner), rows[1:]
            made.append(value)
            continue
        key, _, told = line.partition(":")
        rows = rows[1:]
        if told.strip():
            made[key] = _scalar(told.strip())
        elif rows and (rows[0][0] > indent or (rows[0][0] == indent and rows[0][1].startswith("- "))):
            made[key], rows = _block(rows)
        else:
            made[key] = None
    assert not rows or rows[0][0] < indent, rows[0]
    return made, rows


def _scalar(text: str) -> str:
    if text[0] == '"':
        return str(json.loads(text))
    return text.split(" #")[0].strip()


@dataclass
class Runner:
    """As much of GitHub's runner as a composite action sees."""

    workspace: Path
    temp: Path
    inputs: dict[str, str] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    steps: dict[str, dict[str, str]] = field(default_factory=dict)
    uses: list[dict[str, str]] = field(default_factory=list)
    log: str = ""
    done: ClassVar[dict[str, dict[str, str]]] = {}
    """Outputs of steps that need not be done in every test."""

    def run(self) -> int:
        """Do all steps; the exit code of the first that fails. Steps of others are noted, not done."""
        action = yaml((content.ROOT / "action.yml").read_text())
        known = {name: told["default"] for name, told in action["inputs"].items()}
        assert set(self.inputs) <= set(known)
        self.inputs = {**known, **self.inputs}
        code = 0
        for step in action["runs"]["steps"]:
            if code and "always()" not in step.get("if", ""):
                continue
            if step.get("id") in self.done:
                self.steps[step["id"]] = self.done[step["id"]]
            elif "run" in step:
                code = self._step(step) or code
            elif "if" not in step or self.steps["run"]["run"]:
                self.uses.append({"uses": step["uses"], **{k: self._filled(v) for k, v in step["with"].items()}})
        self.outputs = {name: self._filled(told["value"]) for name, told in action["outputs"].items()}
        return code

    def _step(self, step: dict[str, Any]) -> int:
        output, summary = self.temp / "output", self.temp / "summary"
        output.write_text("")
        own = {name: self._filled(value) for name, value in (step.get("env") or {}).items()}
        github = {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(content.ROOT),
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(summary),
            "GITHUB_SERVER_URL": "https://github.example",
            "GITHUB_REPOSITORY": "owner/repository",
            "GITHUB_RUN_ID": "42",
            "RUNNER_TEMP": str(self.temp),
        }
        assert step["shell"] == "bash"
        script = self.temp / "step.sh"
        script.write_text(step["run"])
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=self.workspace,
            env={**base_env(self.workspace), **github, **self.env, **own},
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
        self.log += done.stdout + done.stderr
        if "id" in step:
            pairs = (line.partition("=") for line in output.read_text().splitlines())
            self.steps[step["id"]] = {name: value for name, _, value in pairs}
        return done.returncode

    def _filled(self, text: str) -> str:
        def value(match: re.Match[str]) -> str:
            where, _, name = match[1].partition(".")
            if where == "inputs":
                return self.inputs[name]
            if where == "steps":
                step, _, output = name.partition(".outputs.")
                return self.steps.get(step, {}).get(output, "")
            return {"runner.os": "Linux", "runner.arch": "X64"}[match[1]]

        return re.sub(r"\$\{\{ ([\w.-]+) \}\}", value, text)

    @property
    def summary(self) -> str:
        return (self.temp / "summary").read_text()


def base_env(home: Path) -> dict[str, str]:
    """What a runner's shell has; no package index, so that nothing is fetched."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PIP_NO_INDEX": "1",
        "PYTHON": sys.executable,
    }


@pytest.fixture(scope="module")
def temp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A runner's folder, whose environment has our dependencies already: what is installed is toolworthy itself."""
    folder = tmp_path_factory.mktemp("runner")
    venv = folder / "toolworthy-venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    (site,) = venv.glob("lib/python*/site-packages")
    (site / "outer.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return folder


@pytest.fixture(scope="module")
def kept(temp: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a baseline of the sound oracle and a policy; its run was the action's, and passed."""
    workspace = tmp_path_factory.mktemp("workspace")
    (workspace / "policy.toml").write_text(POLICY)
    runner = Runner(workspace, temp, {"suites": "tools", "agents": TWO})
    assert runner.run() == 0, runner.log
    assert runner.outputs["answer"] == "pass"
    Runner.done["install"] = runner.steps["install"]
    venv = temp / "toolworthy-venv" / "bin"
    save = [str(venv / "toolworthy"), "baseline", "save", runner.outputs["run"], "main"]
    subprocess.run(save, cwd=workspace, env=base_env(workspace), check=True, capture_output=True)
    return workspace


def test_the_reader_of_yaml_reads_what_is_there() -> None:
    action = yaml((content.ROOT / "action.yml").read_text())
    assert action["runs"]["using"] == "composite"
    assert [step.get("id") or step.get("uses") for step in action["runs"]["steps"]] == [
        "actions/setup-python@v5",
        "install",
        None,
        "actions/cache@v4",
        "run",
        "actions/upload-artifact@v4",
    ]
    assert all(told["description"] and "default" in told for told in action["inputs"].values())
    for step in action["runs"]["steps"]:
        assert "${{" not in step.get("run", "")  # what others may write comes by the environment, never into a script


def test_a_run_without_a_baseline_passes(kept: Path, temp: Path) -> None:
    runner = Runner(kept, temp, {"suites": "tools", "arguments": ONE})
    (temp / "summary").unlink(missing_ok=True)
    assert runner.run() == 0, runner.log
    assert runner.outputs["answer"] == "pass"
    run = Path(runner.outputs["run"])
    assert (run / "junit.xml").is_file()
    assert runner.summary.startswith("**oracle** at oracle: ✓ tool calls 1/1 (works)")
    link = "[Report and record of this run](https://github.example/owner/repository/actions/runs/42#artifacts)"
    assert link in Path(runner.outputs["comment"]).read_text()
    assert "github.example" not in (run / "summary.md").read_text()
    setup, cache, upload = runner.uses
    assert setup["python-version"] == "3.12"
    assert cache["path"] == f"{kept}/.cache/toolworthy"
    command = (temp / "toolworthy-venv" / "bin" / "toolworthy").read_text()
    assert str(temp) in command.splitlines()[0]  # not the toolworthy that runs this test
    assert re.fullmatch(r"toolworthy-agents-Linux-X64-[0-9a-f]{16}-builtin", cache["key"])
    assert upload == {"uses": "actions/upload-artifact@v4", "name": "toolworthy", "path": str(run)}


def test_a_defect_fails(kept: Path, temp: Path) -> None:
    runner = Runner(kept, temp, {"suites": "wire", "endpoint": "oracle:own-ids-refused", "arguments": "-k session"})
    assert runner.run() == 1, runner.log
    assert (runner.outputs["answer"], runner.outputs["code"]) == ("fail", "1")
    assert runner.uses[-1]["path"] == runner.outputs["run"]


def test_the_gates_answers_are_kept(kept: Path, temp: Path) -> None:
    """Inputs of every kind, and each answer of the gate with its exit code."""
    guarded = {"suites": "tools", "baseline": "main", "policy": "policy.toml", "agents": TWO, "trials": "1"}
    for given, answer, code in (
        ({}, "pass", 0),
        ({"endpoint": "oracle:streaming-drops-calls"}, "fail", 1),
        ({"arguments": ONE}, "inconclusive", 2),
    ):
        (temp / "summary").unlink(missing_ok=True)
        runner = Runner(kept, temp, {**guarded, **given})
        assert runner.run() == code, runner.log
        assert (runner.outputs["answer"], runner.outputs["code"]) == (answer, str(code)), runner.log
        assert runner.summary.startswith("**Gate: ")
        assert answer in runner.summary.splitlines()[0]
        assert runner.uses[-1]["uses"].startswith("actions/upload-artifact@")


@pytest.mark.parametrize(
    "given", [{"baseline": "mian"}, {"endpoint": "no-such-endpoint"}, {"agents": "$(touch hacked) `touch hacked`"}]
)
def test_what_cannot_be_run_is_an_error(kept: Path, temp: Path, given: dict[str, str]) -> None:
    runner = Runner(kept, temp, {"suites": "tools", "arguments": ONE, **given})
    (temp / "summary").unlink(missing_ok=True)
    assert runner.run() == 4, runner.log
    assert (runner.outputs["answer"], runner.outputs["run"]) == ("error", "")
    assert runner.summary.startswith("**toolworthy could not run** (exit code 4)")
    assert not any("upload" in step["uses"] for step in runner.uses)
    assert not (kept / "hacked").exists()


def stub(folder: Path, name: str, body: str) -> None:
    """A command of ours in the place of the system's."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)


BWRAP = shutil.which("bwrap")
VENV = {"TOOLWORTHY_VENV": sys.prefix}


@pytest.mark.parametrize("helps", [True, False])
def test_apparmor_gets_a_profile_for_bubblewrap_alone(tmp_path: Path, helps: bool) -> None:
    """As on Ubuntu 24.04: bubblewrap works only once a profile is loaded; where it never does, the script says so."""
    bin, profiles = tmp_path / "bin", tmp_path / "apparmor.d"
    profiles.mkdir()
    loaded = tmp_path / "loaded"
    stub(bin, "bwrap", f'[ -e "{loaded}" ] || {{ echo "bwrap: not allowed" >&2; exit 1; }}\nexec {BWRAP} "$@"')
    stub(bin, "id", "echo 1000")
    stub(bin, "sudo", 'exec "$@"')
    stub(bin, "apparmor_parser", f'[ "$1" = -r ] && grep -q userns "$2" && {"touch" if helps else ": "} "{loaded}"')
    env = {"PATH": f"{bin}:{os.environ['PATH']}", "APPARMOR_PROFILES": str(profiles), **VENV}
    done = subprocess.run(["sh", str(SCRIPTS / "sandbox.sh")], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    profile = (profiles / "toolworthy-bwrap").read_text()
    assert f"profile toolworthy-bwrap {bin / 'bwrap'} flags=(unconfined) {{" in profile
    assert [line[:45] for line in done.stderr.splitlines()] == (
        []
        if helps
        else ["bubblewrap cannot isolate here (bwrap: not al", "agents will not run here (docs/ci.md says wha"]
    )


def test_a_bubblewrap_that_fails_at_the_options_of_a_trial_does_not_work(tmp_path: Path) -> None:
    """As in many containers: namespaces can be made, and no /proc of their own be mounted."""
    no_proc = 'for one in "$@"; do [ "$one" != --proc ] || { echo "bwrap: no proc" >&2; exit 1; }; done'
    stub(tmp_path / "bin", "bwrap", f'{no_proc}\nexec {BWRAP} "$@"')
    env = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "APPARMOR_PROFILES": str(tmp_path / "none"), **VENV}
    done = subprocess.run(["sh", str(SCRIPTS / "sandbox.sh")], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "bubblewrap cannot isolate here (bwrap: no proc)" in done.stderr


def test_the_sandbox_is_tried_once_toolworthy_is_installed(tmp_path: Path) -> None:
    env = {**base_env(tmp_path), "TOOLWORTHY_VENV": str(tmp_path / "venv")}
    done = subprocess.run(["sh", str(SCRIPTS / "sandbox.sh")], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "run install.sh first" in done.stderr


def test_bubblewrap_is_installed_where_it_is_missing(tmp_path: Path) -> None:
    bin = tmp_path / "bin"
    for name in ("sh", "cat", "chmod"):
        bin.mkdir(exist_ok=True)
        (bin / name).symlink_to(f"/bin/{name}")
    stub(bin, "id", "echo 0")
    made = f"printf '#!/bin/sh\\nexec {BWRAP} \"$@\"\\n' > {bin}/bwrap; chmod +x {bin}/bwrap"
    stub(bin, "apt-get", f'echo "$@" >> {tmp_path}/asked; case "$*" in *bubblewrap*) {made};; esac')
    done = subprocess.run(
        ["/bin/sh", str(SCRIPTS / "sandbox.sh")],
        env={"PATH": str(bin), **VENV},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "asked").read_text().splitlines() == ["update -qq", "install -y -qq bubblewrap"]


def page_block(language: str, begins: str) -> str:
    """A block of code of docs/ci.md."""
    text = (content.ROOT / "docs" / "ci.md").read_text()
    (found,) = [b for b in re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL) if b.startswith(begins)]
    return str(found)


def test_the_page_and_the_action_name_the_same_inputs() -> None:
    action = yaml((content.ROOT / "action.yml").read_text())
    workflow = yaml(page_block("yaml", "name: endpoint"))
    job = workflow["jobs"]["toolworthy"]
    (step,) = [step for step in job["steps"] if step.get("id") == "toolworthy"]
    assert set(step["with"]) <= set(action["inputs"])
    assert set(step["env"]) == {step["with"]["key-env"]}
    text = (content.ROOT / "docs" / "ci.md").read_text()
    for name in (*action["inputs"], *action["outputs"]):
        assert f"`{name}`" in text, name


def test_gitlabs_snippet_runs(kept: Path, temp: Path) -> None:
    """Each line of the page's scripts, with its variables, on the oracle; the JUnit file is where the page says."""
    job: dict[str, Any] = yaml(page_block("yaml", "toolworthy:"))["toolworthy"]
    steps: list[str] = [*job["before_script"], *job["script"]]
    clone, *lines = steps
    assert clone.startswith("git clone ")
    (kept / ".toolworthy").symlink_to(content.ROOT)
    ours = {
        "TOOLWORTHY_VENV": str(temp / "toolworthy-venv"),
        "TOOLWORTHY_ENDPOINT": "oracle",
        "TOOLWORTHY_MODEL": "",
        "TOOLWORTHY_KEY_ENV": "",
        "TOOLWORTHY_POLICY": "policy.toml",
        "TOOLWORTHY_AGENTS": "builtin",
        "TOOLWORTHY_TRIALS": "1",
        "TOOLWORTHY_ARGUMENTS": ONE,
    }
    assert set(ours) <= set(job["variables"])
    project = {"CI": "true", "CI_PROJECT_DIR": str(kept)}
    told = {name: value.replace("$CI_PROJECT_DIR", str(kept)) for name, value in job["variables"].items()}
    env = {**base_env(kept), **project, **told, **ours}
    for line in [*lines, lines[-1]]:  # the second run finds the first's in its place
        done = subprocess.run(["bash", "-c", line], cwd=kept, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == (2 if "run.sh" in line else 0), done.stdout + done.stderr
    found = sorted(kept.glob(job["artifacts"]["reports"]["junit"]))
    assert len(found) == 2
    assert ET.parse(found[-1]).getroot().tag == "testsuites"
    assert job["allow_failure"]["exit_codes"] == "2"
    assert (kept / job["artifacts"]["paths"][0]).is_dir()
