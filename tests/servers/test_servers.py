"""The suites against servers not written by us: what they find is true of the server, or the agent is untested."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from toolworthy import content

from ..conftest import only_run, results, run
from .conftest import Server

AGENTS = ("Claude Code", "Codex", "OpenClaw", "OpenCode", "Qwen Code")
LEVEL = re.compile(rf"^  ({'|'.join(AGENTS)}): (works|works with caveats|broken|untested)\b", re.MULTILINE)
WIRE_SECONDS = 240.0
"""It is to end within 120 s; twice that, for a machine that is busy."""

LLAMACPP = {
    "TW103": "Responses: arguments cut by max_output_tokens come with status completed",
    "TW115": "Messages: tool_choice none is not heeded",
    "TW416": "Messages: errors in Chat Completions' shape",
    "TW505": "Responses: events without sequence_number",
    "TW515": "Responses: response.created without output",
    "TW608": "a compressed request is answered 415 with no body",
    "TW610": "500 for images, and for bad arguments in the history",
    "TW612": "long prompts are read in silence, slowly here",
    "TW622": "500 for what the client did wrong",
    "TW707": "each of several choices has a usage chunk of its own",
}
"""Findings that docs/servers.md shows to be true of this server."""
MODELS = {
    "TW201": "text that opens a call and does not go on",
    "TW202": "a stray think tag",
    "TW704": "it ended at its first token",
}
"""True of the bytes, and the doing of a model of random weights."""
LITELLM: dict[str, str] = {}
CAUSES: set[str] = set()
DOUBTFUL = {
    "TW624": "said of bad arguments in the history, which are the client's",
    "TW708": "white space and call syntax are tokens that no client sees",
}
"""Reported as wrong in docs/servers.md; to be taken out as the rules are mended."""


def judged(server: Server, cwd: Path, suite: str, *arguments: str, seconds: float) -> list[dict[str, Any]]:
    """What a suite says of the server; it ends as it should, and in time."""
    path = str(content.SUITES / suite)
    given = ("--endpoint", server.url, "--model", server.model, *arguments)
    done = run("pytest", path, *given, cwd=cwd, timeout=seconds)
    said = done.stdout + done.stderr
    assert "Traceback (most recent call last)" not in said, said[-4000:]
    assert "INTERNALERROR" not in said, said[-4000:]
    assert done.returncode in (0, 1), said[-4000:]
    if suite == "wire":
        assert {agent for agent, _ in LEVEL.findall(done.stdout)} == set(AGENTS), said[-4000:]
    return results(only_run(cwd))


def test_wire_against_llamacpp(llamacpp: Server, tmp_path: Path) -> None:
    lines = judged(llamacpp, tmp_path, "wire", seconds=WIRE_SECONDS)
    found = {found["code"]: found["detail"] for line in lines for found in line["findings"]}
    assert not {code: found[code] for code in found.keys() - LLAMACPP.keys() - MODELS.keys() - DOUBTFUL.keys()}


def test_wire_against_litellm(litellm: Server, tmp_path: Path) -> None:
    lines = judged(litellm, tmp_path, "wire", seconds=WIRE_SECONDS)
    found = {found["code"]: found["detail"] for line in lines for found in line["findings"]}
    assert any(line["verdict"] == "supported" for line in lines)
    assert not {code: found[code] for code in found.keys() - LITELLM.keys()}


def test_a_task_against_llamacpp(llamacpp: Server, tmp_path: Path) -> None:
    few = ("--agent", "builtin", "--task", "fix-failing-test", "--timeout-factor", "0.1", "--max-turns", "3")
    (line,) = judged(llamacpp, tmp_path, "tasks", *few, seconds=120)
    assert (line["cause"] or {}).get("kind") in CAUSES, line
