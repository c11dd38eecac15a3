"""Runs code of the workspace for a verifier, each command in its own sandbox without tests and reward.

The verifier sends requests over a port of its own sandbox: one line of JSON per connection, with one line as the
response. ``workspace.py`` in a task's ``tests/`` is the other side::

    {"argv": ["{app}/run.sh", "x"], "stdin": "", "files": {"x": "base64"}, "seconds": 20}
    {"exit": 0, "ended": "exit", "stdout": "", "stderr": "", "files": {"x": "base64"}}
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
from pathlib import Path
from typing import Any

from toolworthy.base import tree
from toolworthy.base.asgi import free_port
from toolworthy.base.cancelling import through
from toolworthy.content.tasks import Task
from toolworthy.sandbox import Sandbox
from toolworthy.sandbox.model import Command, CommandOutcome, Ended, Limits, Mount

VARIABLE = "TOOLWORTHY_CHILDREN"
"""The environment variable with HOST:PORT for the verifier."""
_PORT = 8378
_LINE = 64 * 2**20
_OUTPUT = 2**20
_FILE, _FILES = 16 * 2**20, 32 * 2**20
_PROCESSES = 32
_SHARE = 3
"""The share of the verifier's time limit for one command."""


class Children:
    """The commands that one verifier starts.

    Args:
        task: the task, for its limits.
        workspace: the agent's workspace, which is not changed.
        folder: for working files.
        sandbox: where commands run.
    """

    def __init__(self, task: Task, workspace: Path, folder: Path, sandbox: Sandbox) -> None:
        self.port = _PORT if sandbox.name != "none" else free_port()
        self.failure: Exception | None = None
        """Our own error: then the verifier's result is invalid."""
        self._task = task
        self._workspace = workspace
        self._folder = folder / "children"
        self._sandbox = sandbox
        self._serving: asyncio.Task[asyncio.Server] | None = None
        self._answering: set[asyncio.Task[Any]] = set()
        self._turn = asyncio.Lock()
        self._number = 0
        self._stopped: Ended | None = None

    def listen(self, listener: socket.socket) -> None:
        """Answer on `listener` until :meth:`close`."""
        self._serving = asyncio.ensure_future(asyncio.start_server(self._connected, sock=listener, limit=_LINE))

    async def close(self) -> None:
        """Stop all commands."""
        if self._serving is not None:
            (await through(self._serving)).close()
        unfinished = tuple(self._answering)
        for answering in unfinished:
            answering.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answering = asyncio.ensure_future(self._answer(reader, writer))
        self._answering.add(answering)
        answering.add_done_callback(self._answering.discard)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = json.loads(await reader.readline())
            async with self._turn:
                answer = await self._run(request)
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        except ConnectionError:
            pass  # the verifier has ended
        except Exception as error:
            self.failure = error
        finally:
            writer.close()

    async def _run(self, request: dict[str, Any]) -> dict[str, Any]:
        """Execute one request. After commands were stopped at a limit, no more start: they would take all the time."""
        if self._stopped:
            return _as_json(CommandOutcome(None, self._stopped, b"", b"", 0.0), {})
        self._number += 1
        here = self._folder / str(self._number)
        app, home, work = self._folder / "app", here / "home", here / "work"
        if not app.exists():
            self._folder.mkdir(exist_ok=True)
            await through(asyncio.to_thread(copy, self._workspace, app, self._task))
        home.mkdir(parents=True)
        work.mkdir()
        for name, text in request["files"].items():
            _write(work, name, base64.b64decode(text))
        outcome = await self._sandbox.run(self._command(request, app, home, work))
        self._stopped = outcome.ended if outcome.ended != "exit" else self._stopped
        files = await through(asyncio.to_thread(tree.read_all, work, _FILE, _FILES))
        await through(asyncio.to_thread(tree.remove, here))
        return _as_json(outcome, files)

    def _command(self, request: dict[str, Any], app: Path, home: Path, work: Path) -> Command:
        config = self._task.config
        mount = Mount(work, "/work", writable=True)
        shown = self._sandbox.app(app)
        argv = [part.replace("{app}", shown) for part in request["argv"]]
        return Command(
            ("sh", "-c", 'cd "$WORK" && exec "$@"', "sh", *argv),
            app,
            home,
            env={"APP": shown, "WORK": self._sandbox.shown(mount), "PYTHONDONTWRITEBYTECODE": "1"},
            mounts=(mount,),
            limits=Limits(
                seconds=min(float(request["seconds"]), config.verifier.timeout_sec / _SHARE),
                memory_mb=config.environment.memory_mb,
                disk_mb=config.environment.storage_mb,
                output_bytes=_OUTPUT,
                processes=_PROCESSES,
            ),
            stdin=request["stdin"].encode("utf-8", "surrogateescape"),
        )


def _as_json(outcome: CommandOutcome, files: dict[str, bytes]) -> dict[str, Any]:
    return {
        "exit": outcome.exit_code,
        "ended": outcome.ended,
        "stdout": outcome.stdout.decode("utf-8", "surrogateescape"),
        "stderr": outcome.stderr.decode("utf-8", "surrogateescape"),
        "files": {name: base64.b64encode(data).decode() for name, data in files.items()},
    }


def _write(folder: Path, name: str, data: bytes) -> None:
    path = folder / name
    if (path.is_absolute() and not path.is_relative_to(folder)) or ".." in path.parts:
        raise ValueError(f"{name!r} is not a path inside a folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


_LEAST_ROOM_MB = 2048


def copy(workspace: Path, target: Path, task: Task) -> int:
    """Copy an agent's workspace, and make the folder accessible. Returns how many entries were not copied."""
    room = max(_LEAST_ROOM_MB, task.config.environment.storage_mb) * 2**20
    left_out = tree.copy(workspace, target, room)
    os.chmod(target, 0o755)  # else no sandbox can start in it
    return left_out
