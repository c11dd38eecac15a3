"""What whole trials are said to have failed of, from the command line on."""

from __future__ import annotations

import contextlib
import json
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.commands import only_run, results, suites
from toolworthy import content
from toolworthy.judgement.gate.sample import from_run
from toolworthy.records.store import RunDirectory

pytestmark = pytest.mark.process

TASK = "fix-failing-test"


def test_our_limit_of_turns_is_not_the_models_failure(tmp_path: Path) -> None:
    suites("--agent", "builtin", "--task", TASK, "--max-turns", "2", cwd=tmp_path)
    (line,) = results(only_run(tmp_path))
    assert (line["status"], line["agent_ended"], line["agent_exit"]) == ("error", "exit", 2)
    assert (line["cause"]["code"], line["cause"]["fault"]) == ("turns used up", "our limit")


class _Slow(BaseHTTPRequestHandler):
    """An endpoint that answers preflight at once, and an agent, who has several tools, later than anybody waits."""

    enough = threading.Event()

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._answer({"data": [{"id": "m"}]})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if len(asked.get("tools", ())) > 1:
            self.enough.wait(60)
        message = {"role": "assistant", "content": "Hello."}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        self._answer({"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]})

    def _answer(self, value: object) -> None:
        body = json.dumps(value).encode()
        with contextlib.suppress(OSError):
            self.send_response(200 if self.path in ("/v1/models", "/v1/chat/completions") else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)


@pytest.fixture
def slow() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Slow)
    server.daemon_threads = True
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    _Slow.enough.set()
    server.shutdown()
    server.server_close()


def test_an_attempt_that_our_time_limit_ends_is_not_solved_within_it(slow: str, tmp_path: Path) -> None:
    asked = ("--endpoint", slow, "--model", "m", "--wire", "chat", "--no-stream", "--agent", "builtin")
    done = suites(*asked, "--task", TASK, "--timeout-factor", "0.008", cwd=tmp_path)
    (line,) = results(only_run(tmp_path))
    assert (line["status"], line["agent_ended"]) == ("error", "timeout"), done.stdout[-2000:]
    assert (line["cause"]["fault"], line["cause"]["limit"]) == ("our limit", "time")
    (unit,) = from_run(RunDirectory.open(only_run(tmp_path))).units
    assert (unit.counted("pass"), unit.ended(), unit.missing) == ([0.0], {"time": 1}, {})
    assert len(unit.counted("seconds")) == 1


@pytest.mark.parametrize(("reward", "status"), [("0.5", "failed"), ("0.999", "failed"), ("1", "passed"), ("", "error")])
def test_only_a_whole_reward_is_a_pass(tmp_path: Path, reward: str, status: str) -> None:
    task = tmp_path / "tasks" / TASK
    shutil.copytree(content.FIXTURES / "tasks" / TASK, task)
    (task / "tests" / "test.sh").write_text(f'echo {reward} > "$LOGS_DIR/reward.txt"')
    suites("--tasks", str(task.parent), cwd=tmp_path)
    (line,) = results(only_run(tmp_path))
    assert line["status"] == status
    assert line["verification"]["reward"] == (float(reward) if reward else None)
    if status == "failed":
        assert (line["cause"]["kind"], line["cause"]["fault"]) == ("wrong result", "model")
