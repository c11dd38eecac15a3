"""The suites against servers not written by us: what they find is true of the server."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import pytest

from tests.support.commands import only_run, results, suites
from toolworthy.judgement.analysis.levels import levels
from toolworthy.records.score import CauseKind
from toolworthy.records.store import RunDirectory

from .running import Server

pytestmark = pytest.mark.agents

AGENTS = ("Claude Code", "Codex", "OpenClaw", "OpenCode", "Qwen Code")
LEVEL = re.compile(
    rf"^  ((?:{'|'.join(AGENTS)}|, | and )+)(?:, through \w+)?: (works, fails when|works|broken|untested)\b",
    re.MULTILINE,
)
SECONDS = 300.0
"""A busy machine takes long; alone the suite takes half a minute."""

LLAMACPP = {
    "TW103": "Responses: arguments cut by max_output_tokens come with status completed",
    "TW115": "Messages: tool_choice none is not heeded",
    "TW116": "a tool demanded by name is not the one that is called",
    "TW416": "Messages: errors in Chat Completions' shape",
    "TW505": "Responses: events without sequence_number",
    "TW515": "Responses: response.created without output",
    "TW519": "Responses: text deltas without output_index and content_index",
    "TW608": "a compressed request is answered 415 with no body",
    "TW610": "500 for images, and for bad arguments in the history",
    "TW622": "500 for what the client did wrong",
    "TW707": "each of several choices has a usage chunk of its own",
}
"""Findings that docs/servers.md shows to be true of this server."""
BUSY = {
    "TW601": "a fresh connection is reset before any byte: the server's queue, or the machine's; open",
    "TW612": "long prompts are read in silence, slowly here",
}
"""Seen where many others use the machine."""
ALWAYS = ("TW416", "TW505", "TW515", "TW608", "TW610", "TW622", "TW707")
"""Those of them that need no deed of the model's."""
MODELS = {
    "TW202": "one closing think tag behind some text: a template that opens thoughts would look the same",
    "TW710": "it ended in its thoughts",
}
"""True of the bytes, and the doing of a model of random weights; neither blocks an agent."""
LITELLM = {
    "TW309": "chunks without the key finish_reason",
    "TW416": "Messages: the error for bad JSON has OpenAI's shape",
    "TW417": "Messages: message_start counts no input tokens",
    "TW610": "500 for a body of wrong types",
    "TW709": "Messages: stop_sequences are lost",
    "TW116": "Gemini: toolConfig is not read",
    "model-named": "Gemini: no modelVersion",
    "TW808": "Gemini: the error for bad JSON has OpenAI's shape",
}
"""Findings that docs/servers.md shows to be true of this server."""


def judged(server: Server, cwd: Path, suite: str, *arguments: str, seconds: float) -> list[dict[str, Any]]:
    """What a suite says of the server; it ends as it should, and in time."""
    cwd.mkdir(exist_ok=True)
    given = ("--endpoint", server.url, "--model", server.model, *arguments)
    done = suites(*given, cwd=cwd, suite=suite, timeout=seconds)
    said = done.stdout + done.stderr
    assert "Traceback (most recent call last)" not in said, said[-4000:]
    assert "INTERNALERROR" not in said, said[-4000:]
    assert done.returncode in (0, 1), said[-4000:]
    if suite == "wire":
        told = [agents for agents, _ in LEVEL.findall(done.stdout)]
        assert sorted(re.split(", | and ", ", ".join(told))) == sorted(AGENTS), said[-4000:]
    return results(only_run(cwd))


def findings(lines: list[dict[str, Any]]) -> dict[str, str]:
    """Every rule's code that was found, and every probe that is broken without one; each with a detail."""
    found = {finding["code"]: finding["detail"] for line in lines for finding in line["findings"]}
    broken = [line for line in lines if line["verdict"] == "broken" and not line["findings"]]
    return found | {line["key"]["probe"]: line["detail"] for line in broken}


def test_quick_tier_and_a_task_against_codex_relay(codex_relay: Server, tmp_path: Path) -> None:
    """Its Responses lack half of their fields, and Codex works all the same."""
    judged(codex_relay, tmp_path / "wire", "wire", "--tier", "quick", seconds=SECONDS)
    level = next(
        level for level in levels(RunDirectory.open(only_run(tmp_path / "wire")).probes()) if level.agent.id == "codex"
    )
    assert level.word != "broken", level.reasons
    few = ("--agent", "codex", "--task", "shell-pipeline")
    (line,) = judged(codex_relay, tmp_path / "tasks", "tasks", *few, seconds=SECONDS)
    assert line["status"] == "passed", line["cause"]


def probes_against_llamacpp(server: Server, cwd: Path, found: Sequence[str], *arguments: str) -> None:
    """Nothing is found that is not true of it, and these are."""
    told = findings(judged(server, cwd, "wire", *arguments, seconds=SECONDS))
    assert not {what: detail for what, detail in told.items() if what not in LLAMACPP | MODELS | BUSY}
    assert set(found) <= told.keys()


def test_some_probes_against_llamacpp(llamacpp: Server, tmp_path: Path) -> None:
    probes_against_llamacpp(llamacpp, tmp_path, ("TW505", "TW515"), "-k", "plain_answer")


@pytest.mark.nightly
def test_wire_against_llamacpp(llamacpp: Server, tmp_path: Path) -> None:
    probes_against_llamacpp(llamacpp, tmp_path, ALWAYS)


def test_some_probes_against_litellm(litellm: Server, tmp_path: Path) -> None:
    probes_against_litellm(litellm, tmp_path, "-k", "plain_answer or one_call or error_bad_json")


@pytest.mark.nightly
def test_wire_against_litellm(litellm: Server, tmp_path: Path) -> None:
    probes_against_litellm(litellm, tmp_path)


def probes_against_litellm(litellm: Server, cwd: Path, *arguments: str) -> None:
    """Nothing is found that is not true of it, and most of what it is asked it supports."""
    lines = judged(litellm, cwd, "wire", *arguments, seconds=SECONDS)
    known = {**LITELLM, **({"TW601": "its end"} if litellm.crashed else {})}
    assert not {what: detail for what, detail in findings(lines).items() if what not in known}
    if litellm.crashed:
        assert any("cannot be reached" in line["detail"] for line in lines if line["verdict"] == "unmeasured")
        pytest.skip("the proxy itself crashed in the middle; what was not asked is unmeasured, as it should be")
    assert sum(line["verdict"] == "supported" for line in lines) > len(lines) / 2


def test_a_task_against_llamacpp(llamacpp: Server, tmp_path: Path) -> None:
    few = ("--agent", "builtin", "--task", "fix-failing-test", "--timeout-factor", "0.1", "--max-turns", "3")
    (line,) = judged(llamacpp, tmp_path, "tasks", *few, seconds=SECONDS)
    assert line["status"] in ("failed", "error")  # the model's, or our limit of turns
    assert line["cause"]["kind"] in set(get_args(CauseKind)) - {"infrastructure", "endpoint error", "wire defect"}
    assert line["cause"]["fault"] in ("model", "our limit")
