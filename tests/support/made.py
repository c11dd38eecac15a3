"""Run directories made through the project's own classes, and the pages of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from toolworthy.output.write import write_report
from toolworthy.records.case import CaseKey, CaseResult, Miss
from toolworthy.records.exchange import Chunk, Exchange
from toolworthy.records.exchanges import ExchangeWriter, file_name
from toolworthy.records.finding import Evidence, Finding
from toolworthy.records.meta import RunMeta
from toolworthy.records.probe import ProbeKey, ProbeResult
from toolworthy.records.score import Cause, Score, Tokens
from toolworthy.records.store import RunDirectory
from toolworthy.records.trial import TrialKey, TrialResult, Verification

START = 1_790_000_000.0
Result = TrialResult | CaseResult | ProbeResult
AGENTS = ("codex", "opencode", "claude-code")
LEAK = "<tool_call>"


def about(**more: Any) -> dict[str, Any]:
    """What ``run.json`` says."""
    endpoint = {
        "name": "hosted",
        "model": "some-model",
        "provider": "generic",
        "base_urls": {"chat": "https://models.example/v1"},
        "forced_api": None,
    }
    return {
        "toolworthy": "1.0",
        "python": "3.11",
        "platform": "Linux",
        "command": "toolworthy run --endpoint hosted",
        "started": START,
        "endpoint": endpoint,
        "agents": {"codex": "0.1"},
        "tasks": {"task-000": "0" * 64},
        "options": {},
        **more,
    }


def begun(parent: Path, **more: Any) -> RunDirectory:
    """A run without results."""
    return RunDirectory.create(parent, RunMeta.model_validate(about(**more)))


def page(run: RunDirectory) -> Path:
    """The run's page."""
    return write_report(run)


def exchange(key: object, index: int = 0, said: str = "I look.", **more: Any) -> Exchange:
    """A chat request that offers a tool, and an answer that says something and calls it, in two pieces."""
    call = {"id": f"call_{index}", "type": "function", "function": {"name": "read", "arguments": '{"path": "a.py"}'}}
    message = {"role": "assistant", "content": said, "tool_calls": [more.pop("call", call)]}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 900, "completion_tokens": 40, "total_tokens": 940}
    answer = {"id": "1", "model": "some-model", "choices": [choice], "usage": usage}
    body = more.pop("body", json.dumps(answer).encode())
    given: dict[str, Any] = {
        "trial": str(key),
        "index": index,
        "kind": "completion",
        "agent_api": "chat",
        "endpoint_api": "chat",
        "method": "POST",
        "path": "/v1/chat/completions",
        "request_headers": {"content-type": "application/json"},
        "request_body": more.pop("request", None) or request(index),
        "upstream_body": None,
        "losses": (),
        "status": 200,
        "response_headers": {"content-type": "application/json"},
        "chunks": (Chunk(0.25, body[: len(body) // 2]), Chunk(0.4, body[len(body) // 2 :])),
        "started": START + 10 * index,
        "seconds": 0.5,
    }
    return Exchange(**{**given, **more})


def request(turns: int = 0, user: str = "Mend the failing test.", tool: str = "read") -> bytes:
    """The body of a chat request after so many turns, each with its result."""
    messages: list[dict[str, Any]] = [{"role": "system", "content": "You are an agent. " * 20}]
    messages.append({"role": "user", "content": user})
    for turn in range(turns):
        function = {"name": tool, "arguments": '{"path": "a.py"}'}
        calls = [{"id": f"call_{turn}", "type": "function", "function": function}]
        messages.append({"role": "assistant", "content": None, "tool_calls": calls})
        messages.append({"role": "tool", "tool_call_id": f"call_{turn}", "content": f"result {turn}: print('a')"})
    schema = {"type": "object", "properties": {"path": {"type": "string"}}}
    tools = [{"type": "function", "function": {"name": tool, "parameters": schema}}]
    return json.dumps({"model": "some-model", "messages": messages, "tools": tools}).encode()


def recorded(run: RunDirectory, key: object, exchanges: Sequence[Exchange]) -> str:
    """The exchanges in a file of the run; its name, relative to the run."""
    name = f"exchanges/{file_name(str(key))}"
    writer = ExchangeWriter(run.path / name)
    for one in exchanges:
        writer.append(one)
    writer.close()
    return name


def finding(code: str = "TW201", severity: str = "blocks", exchange: int = 0, **more: Any) -> Finding:
    """What a rule says."""
    given = {"title": "a call stands in the text", "detail": "it is not a call", **more}
    evidence = Evidence(exchange=exchange, excerpt=given.pop("excerpt", LEAK))
    return Finding(code=code, severity=severity, evidence=evidence, **given)


def trial(task: str, agent: str, status: str = "passed", repeat: int = 1, **more: Any) -> TrialResult:
    """How a trial went; its score can be given."""
    cause = Cause(kind="wire defect", fault="server", detail="the call stands in the text", exchange=0)
    given: dict[str, Any] = {
        "key": TrialKey(suite="tasks", task=task, agent=agent, repeat=repeat),
        "status": status,
        "cause": None if status == "passed" else cause,
        "score": score(),
        "verification": Verification(reward=float(status == "passed"), output="1 test", ended="exit", seconds=0.3),
        "agent_version": "0.1",
        "agent_api": "chat",
        "endpoint_api": "chat",
        "agent_exit": 0,
        "agent_ended": "exit",
        "agent_output": "done",
        "diff": "--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-print('a')\n+print('b')\n",
        "sandbox": "bubblewrap",
        "task_digest": "0" * 64,
        "started": START,
        "seconds": 32.0,
        "reproduce": f"toolworthy run tasks --task {task} --agent {agent}",
    }
    return TrialResult(**{**given, **more})


def score(*findings: Finding, **more: Any) -> Score:
    """Counts of a trial of three turns."""
    given: dict[str, Any] = {
        "requests": 3,
        "turns": 3,
        "calls": 3,
        "tokens": Tokens(input=2700, output=120),
        "cost_usd": 0.0123,
        "first_token_seconds": (0.2, 0.25, 0.4),
        "request_seconds": (0.5, 0.5, 0.5),
        "findings": findings,
        "models_answered": ("some-model",),
    }
    return Score(**{**given, **more})


def case(name: str, words: str = "codex", status: str = "right", **more: Any) -> CaseResult:
    """How a case went."""
    miss = Miss(kind="wrong argument", wanted='read(path="a.py")', given='read(path="b.py")', detail="path is not it")
    given: dict[str, Any] = {
        "key": CaseKey(case=name, toolset=words),
        "category": "single",
        "status": status,
        "credit": float(status != "wrong"),
        "misses": () if status == "right" else (miss,),
        "score": score(),
        "turns": 1,
        "seconds": 0.5,
        "reproduce": f"toolworthy run tools --case {name}",
    }
    return CaseResult(**{**given, **more})


def probe(name: str, api: str = "chat", verdict: str = "supported", **more: Any) -> ProbeResult:
    """What a probe found."""
    given: dict[str, Any] = {
        "key": ProbeKey(probe=name, api=api, stream=True),
        "title": f"the title of {name}",
        "verdict": verdict,
        "detail": "" if verdict == "supported" else "HTTP 400: it is not known",
        "severity": "blocks",
        "agents": ("*",),
        "endpoint_api": api,
        "served": ("chat", "messages", "responses"),
        "requests": 1,
        "seconds": 0.5,
        "reproduce": f"toolworthy run wire -k {name}",
    }
    return ProbeResult(**{**given, **more})


def ordinary(parent: Path, tasks: int = 40) -> RunDirectory:
    """A run of all suites with all outcomes: agents that differ, attempts, findings, and some recorded exchanges."""
    run = begun(parent)
    found = finding()
    for number in range(tasks):
        for agent in AGENTS:
            for repeat in (1, 2):
                status = "failed" if number % 4 == 0 else "error" if number % 7 == 6 else "passed"
                status = "passed" if repeat == 2 and number % 8 == 0 else status
                made = trial(f"task-{number:03}", agent, status, repeat, seconds=30.0 + number)
                if number < 2:
                    shown = [exchange(made.key, 0, f"{LEAK} {agent} {repeat}"), exchange(made.key, 1, "It is done.")]
                    more = {"exchanges": recorded(run, made.key, shown), "score": score(found)}
                    made = made.model_copy(update=more)
                run.append(made)
    for number in range(tasks):
        status = ("right", "lenient", "wrong", "right")[number % 4]
        made_case = case(f"case-{number:03}", AGENTS[number % 3], status, category=("single", "long")[number % 2])
        run.append(made_case.model_copy(update={"exchanges": _one(run, made_case.key)}))
    for number, verdict in enumerate(("supported", "rejected", "ignored", "broken", "unmeasured")):
        for api in ("chat", "messages"):
            made_probe = probe(f"probe-{number}", api, verdict)
            run.append(made_probe.model_copy(update={"exchanges": _one(run, made_probe.key)}))
    for agent, api, verdict in (("codex", "responses", "supported"), ("opencode", "chat", "broken")):
        own = probe(f"session-{agent}", api, verdict, agents=(agent,), main_path=True)
        run.append(own.model_copy(update={"exchanges": _one(run, own.key)}))
    return run


def _one(run: RunDirectory, key: object) -> str:
    return recorded(run, key, [exchange(key)])
