"""What a tool-call case costs the harness: the same cases from an instant endpoint, by toolworthy and by Inspect AI.

The endpoint is a process of its own and always right; what is measured is wall time and processor time of the harness
process alone. Start-up is measured with one case and taken off. Only ratios mean anything. Takes some minutes.

    python benchmarks/cases.py [--inspect PATH/TO/python] [--cases N] [--rounds N] [--at-once N]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolworthy import content
from toolworthy.work.cases.render import _SYSTEM as SYSTEM

WAYS = ("whole", "stream")
PEERS = ("toolworthy", "Inspect AI")
LIMIT = 500
"""Seconds after which a harness is given up."""
HERE = Path(__file__).parent
_ASKED = re.compile(r"weather in (City-\d+) for (\d+) days")


# ---- the endpoint ----------------------------------------------------------------------------------------------------


def answer(body: dict[str, Any]) -> bytes:
    """The right call for what the user asks, whole or as a stream; an HTTP response."""
    head = {"id": "c", "created": 1, "model": "m"}
    messages = body.get("messages")
    if not messages:
        return _response(400, "application/json", b'{"error": {"message": "messages: missing", "type": "invalid"}}')
    asked = _ASKED.search(str(messages[-1]["content"]))
    arguments = json.dumps({"city": asked[1], "days": int(asked[2])}) if asked else "{}"
    call = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": arguments}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]} if asked else {**_HELLO}
    stop = "tool_calls" if asked else "stop"
    usage = {"prompt_tokens": 90, "completion_tokens": 20, "total_tokens": 110}
    if not body.get("stream"):
        choice = {"index": 0, "message": message, "finish_reason": stop, "logprobs": None}
        whole = {**head, "object": "chat.completion", "choices": [choice], "usage": usage}
        return _response(200, "application/json", json.dumps(whole).encode())
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": None if asked else "Hello."}]
    if asked:
        opening = {**call, "index": 0, "function": {"name": "get_weather", "arguments": ""}}
        pieces = [arguments[at : at + 6] for at in range(0, len(arguments), 6)]
        deltas += [{"tool_calls": [opening]}]
        deltas += [{"tool_calls": [{"index": 0, "function": {"arguments": piece}}]} for piece in pieces]
    choices = [[{"index": 0, "delta": delta, "finish_reason": None}] for delta in deltas]
    chunks = [{"choices": one} for one in choices] + [{"choices": [{"index": 0, "delta": {}, "finish_reason": stop}]}]
    chunks += [{"choices": [], "usage": usage}]
    events = (f"data: {json.dumps({**head, 'object': 'chat.completion.chunk', **chunk})}\n\n" for chunk in chunks)
    return _response(200, "text/event-stream", ("".join(events) + "data: [DONE]\n\n").encode())


_HELLO = {"role": "assistant", "content": "Hello."}
_MODELS = b'{"object": "list", "data": [{"id": "m", "object": "model", "created": 1, "owned_by": "us"}]}'


def _response(status: int, kind: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Server(asyncio.Protocol):
    """HTTP, as much of it as is needed here."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._held = transport, b""

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole."""
        self._held += data
        while b"\r\n\r\n" in self._held:
            head, _, rest = self._held.partition(b"\r\n\r\n")
            told = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
            length = int(told[1]) if told else 0
            if len(rest) < length:
                return
            self._held = rest[length:]
            self._transport.write(self._route(head.split(b" ", 2)[1], rest[:length]))

    @staticmethod
    def _route(target: bytes, body: bytes) -> bytes:
        if target.endswith(b"/models"):
            return _response(200, "application/json", _MODELS)
        if target.endswith(b"/chat/completions"):
            return answer(json.loads(body or b"{}"))
        return _response(404, "application/json", b'{"error": {"message": "no such route"}}')


def serve(listener: socket.socket) -> None:
    """Process: the endpoint."""

    async def run() -> None:
        await asyncio.get_running_loop().create_server(Server, sock=listener)
        await asyncio.Event().wait()

    asyncio.run(run())


# ---- the cases -------------------------------------------------------------------------------------------------------


def write_cases(folder: Path, count: int) -> None:
    """The same cases for both harnesses: ``N.toml`` and ``N.json``."""
    samples = [
        {
            "id": f"weather-{number:05d}",
            "user": f"Tell me the weather in City-{number} for {number % 9 + 1} days.",
            "arguments": {"city": f"City-{number}", "days": number % 9 + 1},
        }
        for number in range(count)
    ]
    tool = [
        "[tools.get_weather]",
        'description = "The weather of the coming days."',
        '[tools.get_weather.parameters.city]\ntype = "string"\ndescription = "The city, as the user spells it."',
        '[tools.get_weather.parameters.days]\ntype = "integer"\ndescription = "For how many days."',
    ]
    (folder / f"{count}.toml").write_text("\n".join([*tool, *map(_case, samples)]), encoding="utf-8")
    told = {"system": SYSTEM, "samples": samples}
    (folder / f"{count}.json").write_text(json.dumps(told), encoding="utf-8")


def _case(sample: dict[str, Any]) -> str:
    given = sample["arguments"]
    return f"""
[[case]]
id = "{sample["id"]}"
category = "single"
alone = true
tools = ["get_weather"]
[[case.turn]]
user = "{sample["user"]}"
right = [[{{ tool = "get_weather", arguments = {{ city = "{given["city"]}", days = {given["days"]} }} }}]]
"""


# ---- measuring -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cost:
    """Of one process, in seconds."""

    wall: float
    cpu: float


def spend(argv: Sequence[str], folder: Path) -> Cost:
    """Run a harness to its end; what it and its children took.

    Raises:
        SystemExit: it failed, or ran too long.
    """
    log = folder / "log"
    began = time.perf_counter()
    with log.open("wb") as out:
        process = subprocess.Popen(argv, cwd=folder, stdout=out, stderr=out, start_new_session=True)
        signal.signal(signal.SIGALRM, lambda *_: os.killpg(process.pid, signal.SIGKILL))
        signal.alarm(LIMIT)
        _, status, usage = os.wait4(process.pid, 0)
        signal.alarm(0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{argv[0]} ended with {process.returncode}:\n{log.read_text(errors='replace')[-3000:]}")
    return Cost(wall, usage.ru_utime + usage.ru_stime)


@dataclass(frozen=True)
class Setting:
    """What all measurements share."""

    url: str
    at_once: int
    folder: Path
    inspect: str | None

    def argv(self, peer: str, way: str, count: int, out: Path) -> list[str]:
        """The command of one harness."""
        if peer == "Inspect AI":
            assert self.inspect
            script, samples = HERE / "inspect_cases.py", self.folder / f"{count}.json"
            return [self.inspect, str(script), str(samples), self.url, str(self.at_once), way, str(out)]
        whole = ["--no-stream"] if way == "whole" else []
        suite = ["-c", str(content.SUITES / "pytest.toml"), str(content.SUITES / "tools"), "-q"]
        # Four cases for every trial run at the same time.
        asked = ["--endpoint", self.url, "--model", "m", "--wire", "chat", "--concurrency", str(self.at_once // 4)]
        cases = ["--cases", str(self.folder / f"{count}.toml"), "--out", str(out)]
        return [sys.executable, "-m", "pytest", *suite, *asked, *cases, *whole]

    def cost(self, peer: str, way: str, count: int) -> Cost:
        """Run a harness once, in a folder that is gone afterwards."""
        with tempfile.TemporaryDirectory(dir=self.folder) as place:
            return spend(self.argv(peer, way, count, Path(place) / "out"), Path(place))


def measure(setting: Setting, count: int, rounds: int) -> dict[tuple[str, str], list[Cost]]:
    """Cost of a case in every round, by way and harness; rounds are interleaved."""
    peers = PEERS if setting.inspect else PEERS[:1]
    found: dict[tuple[str, str], list[Cost]] = {(way, peer): [] for way in WAYS for peer in peers}
    for _ in range(rounds):
        for way, peer in found:
            start, full = setting.cost(peer, way, 1), setting.cost(peer, way, count)
            wall, cpu = (full.wall - start.wall) / (count - 1), (full.cpu - start.cpu) / (count - 1)
            found[way, peer].append(Cost(wall, cpu))
            print(
                f"{way} {peer}: start {start.cpu:.2f} s; {wall * 1000:.2f} ms wall, {cpu * 1000:.2f} ms CPU", flush=True
            )
    return found


def show(found: dict[tuple[str, str], list[Cost]]) -> None:
    """A table: the median of the rounds, in milliseconds a case."""
    peers = list(dict.fromkeys(peer for _, peer in found))
    print("| per case | " + " | ".join(peers) + " | ratio |")
    print("|---|" + "---:|" * (len(peers) + 1))
    for way in WAYS:
        for what in ("wall", "cpu"):
            values = [statistics.median(getattr(cost, what) for cost in found[way, peer]) * 1000 for peer in peers]
            ratio = f"{values[0] / values[1]:.2f}" if len(values) > 1 else "–"
            name = f"{way}: {'wall' if what == 'wall' else 'processor'} ms"
            print(f"| {name} | " + " | ".join([*(f"{value:.2f}" for value in values), ratio]) + " |")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inspect", help="Python of an environment with inspect_ai and openai")
    parser.add_argument("--cases", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--at-once", type=int, default=32)
    options = parser.parse_args()
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    process = multiprocessing.get_context("fork").Process(target=serve, args=(listener,), daemon=True)
    process.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    with tempfile.TemporaryDirectory() as folder:
        for count in (1, options.cases):
            write_cases(Path(folder), count)
        setting = Setting(url, options.at_once, Path(folder), options.inspect)
        show(measure(setting, options.cases, options.rounds))
    process.terminate()


if __name__ == "__main__":
    main()
