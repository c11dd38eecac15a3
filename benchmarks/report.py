"""The report of very many trials: size, time to write, time until it can be used, scrolling, opening a trial.

    python benchmarks/report.py [--trials 1000] [--exchanges 20] [--inspect PYTHON]

Trials are made up, of the shape that real ones have: a system prompt and tools that every request repeats, a
conversation that grows by a call and its result, streamed answers. With ``--inspect`` the same trials are written as an
Inspect log, bundled for Inspect's own viewer by that environment, and opened in the same browser. Figures are seconds
of this machine; compare columns, not machines.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import resource
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import uvicorn
from playwright.sync_api import Browser, sync_playwright
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from toolworthy.cli.commands import export
from toolworthy.output.html.page import parts
from toolworthy.records.exchange import Chunk, Exchange
from toolworthy.records.exchanges import ExchangeWriter, file_name
from toolworthy.records.finding import Evidence, Finding
from toolworthy.records.meta import EndpointTold, RunMeta
from toolworthy.records.score import Cause, Score, Tokens
from toolworthy.records.store import RunDirectory
from toolworthy.records.trial import TrialKey, TrialResult

AGENTS = ("builtin", "claude-code", "codex", "opencode", "qwen-code")
_PARTS = (("re", "un", "pre", "co", "de"), ("form", "play", "link", "code"), ("s", "ed", "er"))
WORDS = ["".join(parts) for parts in product(*_PARTS)]


def make(folder: Path, trials: int, exchanges: int, agents: Sequence[str] = AGENTS) -> RunDirectory:
    """A run directory with so many trials of so many exchanges."""
    rng = random.Random(7)
    endpoint = EndpointTold(name="made-up", provider="generic", model="m")
    known = dict.fromkeys(agents, "1")
    meta = RunMeta(toolworthy="0", command="benchmarks/report.py", started=1.7e9, endpoint=endpoint, agents=known)
    run = RunDirectory.create(folder, meta)
    said = {agent: _text(rng, 8_000) for agent in agents}
    taken = {"type": "object", "properties": {"path": {"type": "string"}, "content": {"type": "string"}}}
    functions = [{"name": f"tool_{n}", "description": _text(rng, 600), "parameters": taken} for n in range(12)]
    tools = [{"type": "function", "function": function} for function in functions]
    for number in range(trials):
        agent = agents[number % len(agents)]
        task = f"task-{number // (len(agents) * 2):04}"
        key = TrialKey(suite="tasks", task=task, agent=agent, repeat=1 + number // len(agents) % 2)
        name = f"exchanges/{file_name(str(key))}"
        writer = ExchangeWriter(run.path / name)
        for exchange in _exchanges(rng, str(key), exchanges, said[agent], tools):
            writer.append(exchange)
        writer.close()
        run.append(_result(rng, key, name, exchanges))
    return run


def _exchanges(rng: random.Random, trial: str, many: int, system: str, tools: list[Any]) -> Iterator[Exchange]:
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": system},
        {"role": "user", "content": _text(rng, 900)},
    ]
    for index in range(many):
        body = json.dumps({"model": "m", "stream": True, "messages": messages, "tools": tools}).encode()
        call = {"path": _text(rng, 20), "content": _text(rng, 500)}
        pieces = json.dumps(call)
        cuts = [pieces[at : at + 24] for at in range(0, len(pieces), 24)]
        first = {"index": 0, "id": f"call_{index}", "type": "function", "function": {"name": "tool_1", "arguments": ""}}
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": _text(rng, 120)}, {"tool_calls": [first]}]
        deltas += [{"tool_calls": [{"index": 0, "function": {"arguments": cut}}]} for cut in cuts]
        lines = [{"id": f"c{index}", "model": "m", "choices": [{"index": 0, "delta": delta}]} for delta in deltas]
        usage = {"prompt_tokens": 5000 + 300 * index, "completion_tokens": 150}
        ended = [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]
        lines.append({"id": f"c{index}", "model": "m", "choices": ended, "usage": usage})
        chunks = [Chunk(0.2 + 0.02 * at, f"data: {json.dumps(line)}\n\n".encode()) for at, line in enumerate(lines)]
        yield Exchange(
            trial=trial,
            index=index,
            kind="completion",
            agent_api="chat",
            endpoint_api="chat",
            method="POST",
            path="/v1/chat/completions",
            request_headers={},
            request_body=body,
            upstream_body=None,
            losses=(),
            status=200,
            response_headers={"content-type": "text/event-stream"},
            chunks=tuple(chunks),
            started=1.7e9 + index,
            seconds=0.8,
        )
        made = {**first, "function": {"name": "tool_1", "arguments": pieces}}
        messages.append({"role": "assistant", "content": "", "tool_calls": [made]})
        messages.append({"role": "tool", "tool_call_id": f"call_{index}", "content": _text(rng, 900)})


def _result(rng: random.Random, key: TrialKey, exchanges: str, many: int) -> TrialResult:
    passed = rng.random() < 0.8
    evidence = Evidence(exchange=rng.randrange(many), excerpt='"finish_reason": "tool_calls"')
    finding = Finding(code="TW702", title="usage of zero", severity="degrades", detail="input 0", evidence=evidence)
    score = Score(
        requests=many,
        turns=many,
        calls=many,
        tokens=Tokens(input=5_000 * many, output=150 * many),
        cost_usd=0.01,
        first_token_seconds=tuple(round(rng.uniform(0.1, 2), 3) for _ in range(many)),
        request_seconds=tuple(round(rng.uniform(0.5, 5), 3) for _ in range(many)),
        findings=(finding,) if rng.random() < 0.1 else (),
    )
    return TrialResult(
        key=key,
        status="passed" if passed else "failed",
        cause=None if passed else Cause(kind="wrong result", fault="model", detail=_text(rng, 80)),
        score=score,
        exchanges=exchanges,
        diff=_text(rng, 1_500),
        agent_output=_text(rng, 2_000),
        started=1.7e9,
        seconds=rng.uniform(10, 90),
    )


def _text(rng: random.Random, length: int) -> str:
    return " ".join(rng.choices(WORDS, k=length // 7))


@dataclass(frozen=True)
class Viewer:
    """A page, and where things are on it."""

    url: str
    ready: str
    row: str
    opened: str


def measure(browser: Browser, viewer: Viewer) -> dict[str, float]:
    """Seconds until it can be used, until all of it is there, of the slowest frame while scrolling, to open a trial."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    tab = context.new_page()
    started = time.perf_counter()
    tab.goto(viewer.url, wait_until="commit")
    tab.wait_for_selector(viewer.ready, timeout=60_000)
    usable = time.perf_counter() - started
    tab.wait_for_load_state("load", timeout=60_000)
    whole = time.perf_counter() - started
    scrolled = tab.evaluate(_SCROLL)
    started = time.perf_counter()
    tab.locator(viewer.row).first.click()
    tab.wait_for_selector(viewer.opened, timeout=60_000)
    opened = time.perf_counter() - started
    context.close()
    return {"usable": usable, "whole": whole, "slowest frame": scrolled / 1000, "open one": opened}


_SCROLL = """async () => {
  let frame = document.querySelector(".frame tbody tr, [role=row]");
  while (frame.parentElement && frame.scrollHeight < frame.clientHeight + 40) frame = frame.parentElement;
  let slowest = 0, last = performance.now();
  for (let at = 0; at < 60; at++) {
    frame.scrollTop = (frame.scrollHeight * at) / 60;
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    slowest = Math.max(slowest, now - last);
    last = now;
  }
  frame.scrollTop = 0;
  await new Promise((done) => setTimeout(done, 200));
  return slowest;
}"""


@contextlib.contextmanager
def _served(folder: Path) -> Iterator[str]:
    """A folder over HTTP, with ranges: Inspect's viewer does not open from disk, and reads logs in parts."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        app = Starlette(routes=[Mount("/", StaticFiles(directory=folder, html=True))])
        server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        server.should_exit = True
        thread.join()


def _peer(browser: Browser, python: Path, run: RunDirectory, folder: Path) -> None:
    """The same trials in Inspect's viewer."""
    command = python.with_name("inspect")
    export.run([run.path], ("inspect", folder / "logs"))
    started = time.perf_counter()
    for argv in (
        ["log", "convert", "--to", "eval", "--output-dir", folder / "eval", folder / "logs"],
        ["view", "bundle", "--log-dir", folder / "eval", "--output-dir", folder / "out"],
    ):
        subprocess.run([command, *argv], check=True, capture_output=True)
    wall = time.perf_counter() - started
    log = next((folder / "eval").glob("*.eval"))
    size = sum(path.stat().st_size for path in (folder / "out").rglob("*") if path.is_file())
    print(f"Inspect: bundled in {wall:.1f} s; {size / 1e6:.1f} MB, of which the log {log.stat().st_size / 1e6:.1f} MB")
    with _served(folder / "out") as url:
        place = f"{url}#/tasks/{urllib.parse.quote(log.name)}/samples"
        rows = "[role=row] >> nth=2"
        _told("Inspect", measure(browser, Viewer(place, rows, rows, "text=/^Sample task-/ >> nth=0")))


def _told(name: str, found: dict[str, float]) -> None:
    print(f"{name}: " + " · ".join(f"{what} {seconds:.2f} s" for what, seconds in found.items()))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1_000)
    parser.add_argument("--exchanges", type=int, default=20)
    parser.add_argument("--inspect", type=Path, help="Python of an environment with inspect_ai: one agent, so one log")
    parser.add_argument("--keep", type=Path, help="write the page here, too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        run = make(Path(folder), options.trials, options.exchanges, AGENTS[:1] if options.inspect else AGENTS)
        raw = sum(path.stat().st_size for path in run.path.rglob("*") if path.is_file())
        count = f"{options.trials:,} trials, {options.trials * options.exchanges:,} exchanges"
        print(f"{count}, {raw / 1e6:.1f} MB of records")
        started, cpu = time.perf_counter(), time.process_time()
        file = run.write("report.html", parts([run]))
        wall, busy = time.perf_counter() - started, time.process_time() - cpu
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        size = file.stat().st_size / 1e6
        print(f"written in {wall:.1f} s ({busy:.1f} s of processor), at most {most:.0f} MiB; {size:.1f} MB")
        if options.keep:
            shutil.copy(file, options.keep)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        _told("report", measure(browser, Viewer(file.as_uri(), "html[data-ready]", ".frame td a", ".step")))
        if options.inspect:
            _peer(browser, options.inspect, run, Path(folder))
        browser.close()


if __name__ == "__main__":
    main()
