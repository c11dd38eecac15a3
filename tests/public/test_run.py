"""Runs from Python: in a script, inside a running event loop, without touching the process that they are in."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import toolworthy
from tests.support.commands import environment, only_run, results, run

pytestmark = pytest.mark.process


def begun(folder: Path) -> None:
    """Wait until something was measured."""
    deadline = time.monotonic() + 120
    while not list(folder.glob("reports/*/results.jsonl")):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_run_is_what_the_command_makes_and_an_object(here: Path) -> None:
    said: list[str] = []
    made = toolworthy.run("oracle", tier="quick", say=said.append)
    assert made.path.parent == here / "reports"
    assert made.report.is_file()
    assert (made.ok, made.reasons) == (True, ())
    assert {one.word for one in made.verdicts} == {"works"}
    assert {one.verdict for one in made.probes} == {"supported"}
    assert (made.trials, made.cases, made.findings) == ((), (), ())
    assert said == []  # an embedded oracle costs nothing, and the run took no minute
    about = json.loads((made.path / "run.json").read_text())
    assert about["command"] == "toolworthy.run('oracle', tier='quick')"
    assert about["planned"] == {"wire": len(made.probes)}
    again = toolworthy.Run.open(str(made.path))
    assert again.results == made.results
    (first, *_) = made.exchanges(made.probes[0])
    assert first.status == 200
    assert made._repr_markdown_().startswith("**oracle**")


def test_what_is_wrong_shows_in_findings(here: Path) -> None:
    made = toolworthy.run("oracle:call-id-null", tier="quick")
    assert not made.ok
    assert "TW101" in {finding.code for finding in made.findings}
    assert any("wire faults harm" in reason for reason in made.reasons)


def test_a_local_server_needs_no_key_though_its_provider_names_a_variable(here: Path) -> None:
    with toolworthy.ReferenceServer() as server:
        (here / "toolworthy.toml").write_text(f'[endpoints.mine]\nprovider = "vllm"\nurl = "{server.base_url}"\n')
        endpoint = toolworthy.Endpoint.of("mine", model=server.model)
        assert (endpoint.key, endpoint.key_env) == (None, "VLLM_API_KEY")
        made = toolworthy.run(endpoint, suites="tools", cases=["lines-of-a-function"], agents=["builtin"])
    assert made.ok


def test_rows_and_a_dataframe(here: Path) -> None:
    pandas = pytest.importorskip("pandas")
    made = toolworthy.run("oracle", suites="tools", cases=["lines-of-a-function"], agents=["codex", "opencode"])
    assert {row["agent"] for row in made.rows()} == {"codex", "opencode"}
    frame = made.dataframe()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame["status"]) == ["right", "right"]
    assert list(frame.columns) == list(made.rows()[0])


def test_without_pandas_one_line_says_what_to_install(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = toolworthy.run("oracle", suites="tools", cases=["lines-of-a-function"], agents=["codex"])
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(
        toolworthy.ToolworthyError, match=r"^a DataFrame needs pandas. Type `pip install 'toolworthy\[pandas\]'`.$"
    ):
        made.dataframe()


def test_inside_a_running_loop_and_beside_it(here: Path) -> None:
    """As in a notebook, whose loop runs while a cell is executed; and without holding it up."""

    async def cell() -> tuple[toolworthy.Run, toolworthy.Run, int]:
        held = toolworthy.run("oracle", suites="tools", cases=["lines-of-a-function"], agents=["codex"])
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.01)
                ticks += 1

        ticking = asyncio.create_task(tick())
        free = await toolworthy.run_async("oracle", suites="tools", cases=["lines-of-a-function"], agents=["codex"])
        ticking.cancel()
        return held, free, ticks

    held, free, ticks = asyncio.run(cell())
    assert held.ok
    assert free.ok
    assert held.path != free.path
    assert ticks > 3


@pytest.mark.parametrize("later", [0, 0.3, 1.1])
def test_a_cancelled_run_ends_and_can_be_gone_on_with(here: Path, later: float) -> None:
    """At once, and in the middle of many requests; what is left open, the end of each test looks for."""

    async def main() -> None:
        going = asyncio.create_task(toolworthy.run_async("oracle", tier="full"))
        await asyncio.to_thread(begun, here)
        await asyncio.sleep(later)
        going.cancel()
        with pytest.raises(asyncio.CancelledError):
            await going

    asyncio.run(asyncio.wait_for(main(), 120))
    assert not [one for one in threading.enumerate() if one.name == "toolworthy"]
    before = len(results(only_run(here)))
    assert 0 < before < json.loads((only_run(here) / "run.json").read_text())["planned"]["wire"]


def test_a_resumed_run_has_what_was_selected(here: Path) -> None:
    made = toolworthy.run("oracle", suites="tools", cases=["lines-of-a-function"], agents=["codex", "opencode"])
    lines = (made.path / "results.jsonl").read_text().splitlines(keepends=True)
    (made.path / "results.jsonl").write_text(lines[0])
    again = toolworthy.run("oracle", resume=made.path)
    assert again.path == made.path
    assert len(again.cases) == 2
    (made.path / "results.jsonl").write_text(lines[0])
    done = run("toolworthy", "run", "tools", "--resume", str(made.path), cwd=here)
    assert "2 passed" in done.stdout, done.stdout + done.stderr


SCRIPT = """
import signal, sys
before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
import toolworthy
made = toolworthy.run("oracle", suites="tools", cases=["lines-of-a-function"], agents=["codex"])
assert before == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
assert "pytest" not in sys.modules
print("ok", made.ok)
"""


def test_a_plain_script_keeps_its_signals_and_its_output(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", SCRIPT, "--api-key", "sk-secret-0123456789abcdef"]
    done = subprocess.run(
        argv, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=240, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("ok True\n", "", 0)
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or b"sk-secret" not in path.read_bytes()


def test_ctrl_c_is_raised_where_it_is_waited_for(tmp_path: Path) -> None:
    asks = "import toolworthy\ntry:\n    toolworthy.run('oracle', tier='full')\n"
    code = asks + "except KeyboardInterrupt:\n    print('mine')"
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, text=True
    )
    begun(tmp_path)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert (output, process.returncode) == ("mine\n", 0)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"endpoint": "nobody"}, "no endpoint is called 'nobody'"),
        ({"trials": 0}, "run: trials: Input should be greater than or equal to 1"),
        ({"tier": "fast"}, "run: tier: Input should be 'quick', 'standard' or 'full'"),
        ({"agent": ["codex"]}, "run: agent: Extra inputs are not permitted"),
        ({"agents": "codex"}, "run: agents: "),
        ({"suites": "wires"}, "run: no suite is called 'wires'; did you mean 'wire'?"),
        ({"suites": "tools", "cases": ["sing"]}, "no case is called 'sing'"),
        ({"resume": "nowhere"}, "nowhere"),
        ({"budget_usd": 1.0}, "--price"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_mistakes_are_one_clear_line(here: Path, options: dict[str, object], says: str) -> None:
    with pytest.raises(toolworthy.ToolworthyError) as raised:
        toolworthy.run(**{"endpoint": "oracle", **options})
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not (here / "reports").exists()


def test_what_is_no_run_is_said(tmp_path: Path) -> None:
    with pytest.raises(toolworthy.ToolworthyError, match="is not a run directory"):
        toolworthy.Run.open(tmp_path)
