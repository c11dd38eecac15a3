"""``toolworthy check ENDPOINT``: the first look at an endpoint, on one screen."""

from __future__ import annotations

import json
import re
import socketserver
import threading
from pathlib import Path

import pytest

import toolworthy
from toolworthy.cli.main import main

pytestmark = pytest.mark.process


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str], str]:
    code = main(["check", *arguments])
    out, err = capsys.readouterr()
    return code, out.splitlines(), err


def test_one_screen_says_what_to_fix_and_what_to_type_next(capsys: pytest.CaptureFixture[str]) -> None:
    with toolworthy.ReferenceServer(defects=["tool-calls-in-content-wrong-parser-or-template"]) as server:
        code, lines, _ = told(capsys, server.base_url)
    assert code == 1
    assert len(lines) <= 24, "one screen"
    assert len(set(lines)) == len(lines), "nothing is said twice"
    assert server.base_url in lines[0]
    assert server.model in lines[0], "the one model that it lists"
    screen = "\n".join(lines)
    assert re.search(r"fix first:\n  1. TW201", screen)
    assert "chat: in none of" in screen
    for agent in ("Claude Code", "Codex", "OpenClaw", "OpenCode", "Qwen Code"):
        assert len([line for line in lines if line.startswith(f"  {agent} ")]) == 1
    (run,) = Path("reports").iterdir()
    assert lines[-1].startswith(f"next: toolworthy evidence {run} TW201")
    assert (run / "report.html").is_file()
    assert main(lines[-1].removeprefix("next: toolworthy ").split()) == 0


def test_a_sound_endpoint_is_told_what_to_try_next(capsys: pytest.CaptureFixture[str]) -> None:
    code, lines, _ = told(capsys, "oracle", "--out", "elsewhere")
    assert code == 0
    assert not any(line.startswith("fix first") for line in lines)
    assert "toolworthy run tasks --endpoint oracle" in lines[-1]
    assert toolworthy.Run.open(next(Path("elsewhere").iterdir())).ok


def test_what_the_time_did_not_suffice_for_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    _, lines, _ = told(capsys, "oracle", "--budget-minutes", "0.0001")
    assert any(line.startswith("not measured:") and "budget of 0.0001 minutes is spent" in line for line in lines)
    assert "--resume" in lines[-1]


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (["http://127.0.0.1:9/v1"], "127.0.0.1:9"),
        (["issue.txt"], "issue.txt cannot be read"),
        (["orakle"], "did you mean 'oracle'"),
        (["oracle", "oracle"], "checked alone"),
        (["oracle", "--budget-minutes", "0"], "budget_minutes"),
    ],
)
def test_a_mistake_is_one_line(what: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, lines, err = told(capsys, *what)
    assert (code, lines) == (4, [])
    assert said in err
    assert err.count("\n") == 1


def test_a_refused_key_is_said_before_the_missing_model(capsys: pytest.CaptureFixture[str]) -> None:
    body = json.dumps({"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}).encode()
    head = f"HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"

    class Refuses(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline().strip():
                pass
            self.wfile.write(head.encode() + body)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Refuses) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        code, lines, err = told(capsys, f"http://127.0.0.1:{server.server_address[1]}/v1")
        server.shutdown()
    assert (code, lines) == (4, [])
    assert "rejects the key" in err
    assert "--key-env" in err
