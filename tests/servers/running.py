"""Servers not written by us, on loopback: described in servers.toml, started, waited for, surely stopped."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from toolworthy.agents._template import render
from toolworthy.sandbox import toolchain
from toolworthy.wire.ir import Api

from .install import HERE, LOCKS, environment

READY_SECONDS = 400.0
_UNREADY = 503
"""What llama.cpp answers while it loads its model."""


class Definition(BaseModel):
    """One entry of servers.toml, which explains the fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    apis: tuple[Api, ...]
    install: Literal["pypi", "npm"]
    requires: list[str]
    alone: bool = False
    lock: str = ""
    """Name of a lock that several servers share; else the server's own name."""
    command: list[str]
    prepare: list[str] = []
    files: dict[str, str] = {}
    env: dict[str, str] = {}
    ready: str = "/"
    model: str = "oracle"
    options: list[str] = []
    """For its tasks."""

    @property
    def has_upstream(self) -> bool:
        """Whether it stands in front of our oracle."""
        return "{upstream}" in str((self.command, self.files, self.env))

    @property
    def version(self) -> str:
        """Of the server itself, which `requires` names first."""
        return self.requires[0].replace("==", "@").rpartition("@")[2]


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


def definitions() -> dict[str, Definition]:
    """Every server, by its name."""
    with (HERE / "servers.toml").open("rb") as file:
        return {name: Definition.model_validate(entry) for name, entry in tomllib.load(file).items()}


def lock_of(name: str, definition: Definition) -> Path:
    """The file that pins its environment."""
    return LOCKS / f"{definition.lock or name}{'.txt' if definition.install == 'pypi' else '.json'}"


@contextlib.contextmanager
def serving(name: str, folder: Path, defects: Sequence[str] = ()) -> Iterator[Server]:
    """The server runs, in front of an oracle with these defects if it needs one; all of it is gone afterwards.

    Args:
        name: of an entry in servers.toml.
        folder: an empty one; its files, its home and the logs lie there.
        defects: ids, which the oracle behind it shows.
    """
    definition = definitions()[name]
    installed = environment(lock_of(name, definition))
    behind, port = free_port(), free_port()
    upstream = f"http://127.0.0.1:{behind}/v1"
    node = toolchain.node_root() / "bin" / "node"
    values = {"bin": f"{installed}/bin", "site": f"{installed}/lib/python3.{sys.version_info.minor}/site-packages"}
    values |= {"modules": f"{installed}/node_modules", "node": str(node), "here": str(HERE), "folder": str(folder)}
    values |= {"port": str(port), "upstream": upstream}
    for path, text in definition.files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(render(text, values))
    if definition.prepare:
        subprocess.run([render(part, values) for part in definition.prepare], check=True, timeout=300)
    env = {"HOME": str(folder)} | {key: render(value, values) for key, value in definition.env.items()}
    oracle = [sys.executable, "-m", "toolworthy", "oracle", "--port", str(behind)]
    oracle += [part for defect in defects for part in ("--defect", defect)]
    with contextlib.ExitStack() as stack:
        if definition.has_upstream:
            stack.enter_context(running(oracle, f"{upstream}/models", folder / "oracle.log"))
        command = [render(part, values) for part in definition.command]
        ready_at = f"http://127.0.0.1:{port}{definition.ready}"
        process = stack.enter_context(running(command, ready_at, folder / "server.log", env))
        yield Server(f"http://127.0.0.1:{port}/v1", render(definition.model, values), process)


def free_port() -> int:
    """A port that nobody listens on now, and none of those that systems give to whoever asks for any."""
    while True:
        port = random.randrange(15_000, 30_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Wait until the server answers there, whatever it says, but that it is not ready."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"the server ended with {process.returncode}: {log.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except urllib.error.HTTPError as error:
            with error:
                if error.code != _UNREADY:
                    return
        except OSError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"the server does not answer: {log.read_text()[-2000:]}")


@contextlib.contextmanager
def running(
    command: Sequence[str | Path], probe: str, log: Path, env: dict[str, str] | None = None
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
