"""What a gateway costs: the same requests to a server directly, through toolworthy's gateway, through LiteLLM's proxy.

All in one run on one machine, each server in a process of its own; only ratios mean anything. Takes about a minute.

    python benchmarks/gateway.py [--litellm PATH/TO/bin/litellm]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import os
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

CHUNKS = 40
ROUNDS = 200
LEVELS = (1, 8, 32)
PEERS = ("toolworthy", "LiteLLM")
BODY = {"model": "m", "messages": [{"role": "user", "content": "hello " * 400}], "max_tokens": 99}


# ---- servers ---------------------------------------------------------------------------------------------------------


async def upstream(scope: Any, receive: Any, send: Any) -> None:
    """An instant chat endpoint."""
    body = b""
    while (message := await receive()).get("more_body"):
        body += message["body"]
    wants_stream = json.loads(body + message["body"] or b"{}").get("stream")
    kind = b"text/event-stream" if wants_stream else b"application/json"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
    if not wants_stream:
        reply = {"role": "assistant", "content": "word " * CHUNKS}
        whole = {
            "id": "c",
            "object": "chat.completion",
            "created": 1,
            "model": "m",
            "choices": [{"index": 0, "message": reply, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        }
        await send({"type": "http.response.body", "body": json.dumps(whole).encode()})
        return
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    for _ in range(CHUNKS):
        choice = {"index": 0, "delta": {"content": "word "}, "finish_reason": None}
        data = f"data: {json.dumps({**head, 'choices': [choice]})}\n\n".encode()
        await send({"type": "http.response.body", "body": data, "more_body": True})
    last = {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    await send({"type": "http.response.body", "body": f"data: {json.dumps(last)}\n\ndata: [DONE]\n\n".encode()})


def serve_upstream(port: int) -> None:
    """Process: the endpoint."""
    from toolworthy.base.asgi import serving

    async def run() -> None:
        async with serving(upstream, socket.create_server(("127.0.0.1", port), backlog=1024)):
            await asyncio.Event().wait()

    asyncio.run(run())


def serve_gateway(port: int, target: int) -> None:
    """Process: toolworthy's gateway, recording to disk as it does in a run."""
    from toolworthy.endpoint.target import resolve
    from toolworthy.gateway import Gateway, serve_trial
    from toolworthy.records.exchanges import ExchangeWriter

    async def run() -> None:
        endpoint = resolve(f"http://127.0.0.1:{target}/v1", model="m", environ={})
        endpoint = endpoint.at({"chat": endpoint.base_urls["chat"]})
        with tempfile.TemporaryDirectory() as folder:
            writer = ExchangeWriter(Path(folder) / "x")
            listener = socket.create_server(("127.0.0.1", port), backlog=1024)
            async with Gateway(endpoint, writer.append) as gateway, serve_trial(gateway, "t", listener):
                await asyncio.Event().wait()

    asyncio.run(run())


@contextlib.contextmanager
def litellm(program: str, port: int, target: int) -> Iterator[None]:
    """Process: LiteLLM's proxy in front of the same endpoint."""
    params = {"model": "openai/m", "api_base": f"http://127.0.0.1:{target}/v1", "api_key": "x"}
    config = {"model_list": [{"model_name": "m", "litellm_params": params}]}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.json"
        path.write_text(json.dumps(config))
        env = {
            "PATH": os.environ["PATH"],
            "HOME": folder,
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_LOG": "ERROR",
            "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
        }
        argv = [program, "--config", str(path), "--host", "127.0.0.1", "--port", str(port), "--telemetry", "False"]
        process = subprocess.Popen(argv, env=env, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield
        finally:
            process.terminate()
            process.wait(20)


# ---- load ------------------------------------------------------------------------------------------------------------


async def one(client: httpx.AsyncClient, url: str, stream: bool) -> tuple[float, float]:
    """Seconds to the first byte of the body, and to the last."""
    began = time.perf_counter()
    first = 0.0
    async with client.stream("POST", url, json={**BODY, "stream": stream}) as response:
        assert response.status_code == 200, await response.aread()
        async for _ in response.aiter_raw():
            first = first or time.perf_counter() - began
    return first, time.perf_counter() - began


async def measure(url: str) -> dict[str, float]:
    """All figures of one server."""
    figures: dict[str, float] = {}
    async with httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=64)) as client:
        for stream in (False, True):
            for _ in range(20):
                await one(client, url, stream)
            times = [await one(client, url, stream) for _ in range(ROUNDS)]
            name = "stream" if stream else "whole"
            figures[f"{name}: first byte p50 ms"] = statistics.median(first for first, _ in times) * 1000
            figures[f"{name}: last byte p50 ms"] = statistics.median(last for _, last in times) * 1000
            figures[f"{name}: last byte p90 ms"] = statistics.quantiles([last for _, last in times], n=10)[8] * 1000
        for level in LEVELS:
            figures[f"requests/s at {level}"] = await throughput(client, url, level)
    return figures


async def throughput(client: httpx.AsyncClient, url: str, level: int) -> float:
    """Whole answers per second with `level` requests under way."""
    left = iter(range(ROUNDS))

    async def worker() -> None:
        for _ in left:
            await one(client, url, False)

    began = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(level)))
    return ROUNDS / (time.perf_counter() - began)


async def ready(url: str, seconds: float = 90) -> None:
    """Wait until a server answers."""
    async with httpx.AsyncClient(timeout=10) as client:
        deadline = time.monotonic() + seconds
        while True:
            with contextlib.suppress(httpx.HTTPError, AssertionError):
                await one(client, url, False)
                return
            if time.monotonic() > deadline:
                raise SystemExit(f"{url} did not come up")
            await asyncio.sleep(0.3)


def free_port() -> int:
    """A port that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--litellm", help="LiteLLM's program, of an environment with litellm[proxy]")
    options = parser.parse_args()
    target, ours, theirs = free_port(), free_port(), free_port()
    processes = [
        multiprocessing.Process(target=serve_upstream, args=(target,), daemon=True),
        multiprocessing.Process(target=serve_gateway, args=(ours, target), daemon=True),
    ]
    for process in processes:
        process.start()
    places = {
        "direct": f"http://127.0.0.1:{target}/v1/chat/completions",
        "toolworthy": f"http://127.0.0.1:{ours}/v1/chat/completions",
    }
    with contextlib.ExitStack() as stack:
        if options.litellm:
            stack.enter_context(litellm(options.litellm, theirs, target))
            places["LiteLLM"] = f"http://127.0.0.1:{theirs}/v1/chat/completions"
        results: dict[str, dict[str, float]] = {}
        for name, url in places.items():
            asyncio.run(ready(url))
            results[name] = asyncio.run(measure(url))
    for process in processes:
        process.terminate()
    show(results)


def show(results: dict[str, dict[str, float]]) -> None:
    """A table, and what each adds to the direct way."""
    names = list(results)
    print("| | " + " | ".join(names) + " | added by toolworthy | added by LiteLLM | ratio |")
    print("|---|" + "---:|" * (len(names) + 3))
    for figure, direct in results["direct"].items():
        values = [results[name][figure] for name in names]
        row = [f"{value:.2f}" for value in values]
        # Of a rate, what is added is time per request.
        cost = (lambda value: 1000 / value) if figure.startswith("requests") else (lambda value: value)
        added = [cost(results[name][figure]) - cost(direct) if name in results else None for name in PEERS]
        shown = ["–" if value is None else f"{value:.2f} ms" for value in added]
        mine, other = added
        ratio = f"{mine / other:.2f}" if mine is not None and other else "–"
        print(f"| {figure} | " + " | ".join([*row, *shown, ratio]) + " |")


if __name__ == "__main__":
    main()
