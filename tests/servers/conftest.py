"""Servers not written by us, on loopback: installed on demand, started, waited for, surely stopped."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from toolworthy.agents.install import cache_dir

HERE = Path(__file__).parent
READY_SECONDS = 90.0
INSTALL_SECONDS = 600


@dataclass(frozen=True)
class Server:
    """A server that runs."""

    url: str
    """With `/v1`."""
    model: str
    process: subprocess.Popen[bytes]

    @property
    def crashed(self) -> bool:
        """Whether it was ended by a signal of its own making: LiteLLM's proxy has been seen to segfault."""
        return (self.process.poll() or 0) < 0


def environment(name: str) -> Path:
    """The Python of a server's own virtual environment, made once for each text of its constraints."""
    constraints = HERE / f"constraints-{name}.txt"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    digest = hashlib.sha256(constraints.read_bytes() + version.encode()).hexdigest()[:12]
    path = cache_dir() / "servers" / f"{name}-{digest}"
    path.parent.mkdir(parents=True, exist_ok=True)
    python, done = path / "bin" / "python", path / "installed"
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.is_file():
            shutil.rmtree(path, ignore_errors=True)
            # The environment is inherited: proxies and certificate authorities are found as the user's own pip does.
            pip: list[str | Path] = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
            pip += ["--require-hashes", "--no-deps", "--only-binary", ":all:", "-r", constraints]
            make: list[str | Path] = [sys.executable, "-m", "venv", path]
            for command in (make, pip):
                subprocess.run(command, check=True, timeout=INSTALL_SECONDS)
            done.touch()
    return python


def free_port() -> int:
    """A port that nobody listens on now, and none of those that systems give to whoever asks for any."""
    while True:
        port = random.randrange(15_000, 30_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Wait until the server answers 200 there."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"the server ended with {process.returncode}: {log.read_text()[-2000:]}")
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        time.sleep(0.1)
    raise AssertionError(f"the server does not answer: {log.read_text()[-2000:]}")


@contextlib.contextmanager
def running(
    command: list[str | Path], probe: str, log: Path, env: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """The server runs and is ready; it, and all it started, is gone afterwards."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,  # it ends with us, should we be killed
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            cwd=log.parent,
            start_new_session=True,
        )
        try:
            ready(process, probe, log)
            yield process
        finally:
            for sign in (signal.SIGTERM, signal.SIGKILL):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, sign)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(10)
            assert process.stdin is not None
            process.stdin.close()


@pytest.fixture(scope="module")
def llamacpp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """llama.cpp's own HTTP server with a model of random weights."""
    python = environment("llamacpp")
    folder = tmp_path_factory.mktemp("llamacpp")
    subprocess.run([python, HERE / "tiny_model.py", folder / "tiny.gguf"], check=True, timeout=60)
    port = free_port()
    command: list[str | Path] = [python, HERE / "llama_server.py", folder / "tiny.gguf", str(port)]
    with running(command, f"http://127.0.0.1:{port}/health", folder / "server.log") as process:
        yield Server(f"http://127.0.0.1:{port}/v1", "tiny", process)


@pytest.fixture(scope="module")
def litellm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """LiteLLM's proxy in front of our oracle's Chat Completions."""
    python = environment("litellm")
    folder = tmp_path_factory.mktemp("litellm")
    behind, port = free_port(), free_port()
    upstream = f"http://127.0.0.1:{behind}/v1"
    given = {"model": "openai/oracle", "api_base": upstream, "api_key": "x"}
    config = folder / "config.json"
    config.write_text(json.dumps({"model_list": [{"model_name": "oracle", "litellm_params": given}]}))
    oracle: list[str | Path] = [sys.executable, "-m", "toolworthy", "oracle", "--port", str(behind)]
    proxy: list[str | Path] = [python.parent / "litellm", "--config", config, "--host", "127.0.0.1"]
    proxy += ["--port", str(port), "--telemetry", "False"]
    env = {
        "HOME": str(folder),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_LOG": "ERROR",
        "PYTHONFAULTHANDLER": "1",
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
    }
    with (
        running(oracle, f"{upstream}/models", folder / "oracle.log"),
        running(proxy, f"http://127.0.0.1:{port}/health/liveliness", folder / "server.log", env) as process,
    ):
        yield Server(f"http://127.0.0.1:{port}/v1", "oracle", process)
