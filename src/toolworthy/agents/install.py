"""Get agent tools onto this machine: pinned, each into a folder of its own in a cache, whole or not at all.

What npm runs there, scripts of hundreds of packages, runs in the sandbox: it reaches the registry and nothing else, and
sees neither the user's files nor their environment.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolworthy import content
from toolworthy.agents import _manifest as manifest
from toolworthy.agents import _registry as registry
from toolworthy.agents._template import render
from toolworthy.base import tree
from toolworthy.base.asgi import free_port, serving
from toolworthy.base.errors import ToolworthyError
from toolworthy.content.adapters import AgentAdapter, Install
from toolworthy.sandbox import Sandbox, begun, choose, toolchain
from toolworthy.sandbox.model import Command, CommandOutcome, Limits, Mount

SHOWN = "/opt/agent"
"""Where an agent is in the sandbox."""
_PORT = 8376
"""Where npm finds the registry, inside its own network namespace."""
_LIMITS = Limits(seconds=1800, memory_mb=8192, processes=2048, disk_mb=8192, entries=1_000_000)
_CHECK = Limits(seconds=60)
_OPEN = 0o755
"""Of what is installed: in the sandbox, root is a user without rights."""
_FILES = "files"


@dataclass(frozen=True)
class Installation:
    """An agent tool on this machine."""

    path: Path
    """The folder that holds its ``node_modules``."""
    version: str


def cache_dir() -> Path:
    """Where agents are installed: ``$TOOLWORTHY_CACHE``, else under the user's cache folder."""
    if chosen := os.environ.get("TOOLWORTHY_CACHE"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "toolworthy"


def installed(agent: AgentAdapter) -> Installation | None:
    """The pinned version, if it is on this machine; whether it is as it was installed, :func:`state` tells."""
    if agent.install is None:
        return None
    folder = _folder(agent)
    if not (folder / manifest.MANIFEST).is_file():
        return None
    with contextlib.suppress(OSError):  # where it is another's, who runs agents as another
        folder.chmod(_OPEN)
    return Installation(folder / _FILES, agent.install.version)


def state(agent: AgentAdapter) -> str:
    """Where an agent stands, in a word or a few."""
    if agent.install is None:
        return ""
    if installed(agent) is None:
        return "not installed"
    why = changed(agent)
    return f"changed: {why}" if why else "installed"


async def ensure(
    agent: AgentAdapter, say: Callable[[str], None] | None = None, sandbox: Sandbox | None = None
) -> Installation:
    """The pinned version as it was installed; installed now if it was not, or has been changed since.

    Runs at the same time do not install it twice.

    Args:
        agent: an adapter with an ``[install]`` table.
        say: is told in a line what goes on, every few seconds.
        sandbox: where npm runs; bubblewrap if None.

    Raises:
        ToolworthyError: npm failed, with npm's own reason (nothing half-installed is left), or there is no sandbox.
    """
    say = say or (lambda _: None)
    assert agent.install is not None
    if (found := installed(agent)) and not await asyncio.to_thread(changed, agent):
        return found
    folder = _folder(agent)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        async with _lock(folder.with_name(f"{folder.name}.lock")):
            if found := installed(agent):
                if not (why := await asyncio.to_thread(changed, agent)):
                    return found
                say(f"{agent.title}: {why}")
            say(f"installing {agent.title} {agent.install.version} (once)")
            await _install(agent, agent.install, folder, say, sandbox or choose("auto"))
    except OSError as error:
        raise ToolworthyError(f"cannot install {agent.title} into {folder}: {error.strerror or error}") from error
    return Installation(folder / _FILES, agent.install.version)


async def check(agent: AgentAdapter) -> str:
    """What the installed agent says of its version, once every file of it has been read; both in the sandbox.

    Raises:
        ToolworthyError: it is not installed, was changed, does not start, or is another version than the pinned one.
    """
    if agent.install is None:
        return "built in"
    found = installed(agent)
    if found is None:
        raise ToolworthyError(f"not installed. Type `toolworthy agents install {agent.id}`.")
    if why := await asyncio.to_thread(changed, agent, read=True):
        raise ToolworthyError(f"{why}. Type `toolworthy agents install {agent.id}` to install it again.")
    sandbox = choose("auto")
    mounts = (Mount(found.path, SHOWN), Mount(toolchain.node_root(), toolchain.NODE))
    values = {"install": sandbox.shown(mounts[0]), "node": f"{sandbox.shown(mounts[1])}/bin/node"}
    argv = tuple(render(part, values) for part in agent.version_command)
    with tree.temporary() as work:
        app, home = _places(work)
        command = Command(argv, app, home, {"IS_SANDBOX": "1"}, mounts, _CHECK)
        outcome = await sandbox.run(command)
    said = _lines(outcome.stdout) or _lines(outcome.stderr)
    if outcome.exit_code != 0 or not said:
        why = f"exit {outcome.exit_code}" if outcome.ended == "exit" else outcome.ended
        raise ToolworthyError(f"does not start: {why}: {' '.join(_lines(outcome.stderr))[-200:]}")
    if agent.install.version not in said[0]:
        raise ToolworthyError(f"says it is {said[0]!r}, pinned is {agent.install.version}")
    return said[0]


def lock_file(agent_id: str) -> Path:
    """The npm lock that pins what an agent depends on, without addresses; it lies beside the adapter, if at all."""
    places = [folder / "locks" / f"{agent_id}.json" for folder in content.folders("agents")]
    return next((path for path in places if path.is_file()), places[0])


def write_lock(agent: AgentAdapter) -> Path:
    """Pin what is installed: npm's lock, without the addresses of a registry, beside the adapter.

    Raises:
        ToolworthyError: it is not installed.
    """
    found = installed(agent)
    if found is None:
        raise ToolworthyError(f"{agent.id} is not installed. Type `toolworthy agents install {agent.id}`.")
    lock = json.loads((found.path / "package-lock.json").read_text(encoding="utf-8"))
    for package in lock["packages"].values():
        package.pop("resolved", None)
    path = lock_file(agent.id)
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(lock, indent=1) + "\n", encoding="utf-8")
    return path


async def _install(
    agent: AgentAdapter, install: Install, folder: Path, say: Callable[[str], None], sandbox: Sandbox
) -> None:
    """Install into `folder`, whose lock is held: what else has its name was left by someone who was killed."""
    for left in folder.parent.glob(f"{folder.name}.*"):
        if left.is_dir() and not left.is_symlink():
            await asyncio.to_thread(tree.remove, left)
    work = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
    try:
        files, home = _places(work)
        lock = lock_file(agent.id)
        package = {"name": "agent", "version": "1.0.0", "private": True, "dependencies": {install.npm: install.version}}
        (files / "package.json").write_text(json.dumps(package))
        if lock.is_file() and _pins(lock, install):
            shutil.copyfile(lock, files / "package-lock.json")

        def tell() -> None:
            say(f"installing {agent.title}: {_size(work)} so far")

        outcome = await _npm(install, files, home, sandbox, tell)
        if outcome.exit_code != 0:
            raise ToolworthyError(f"cannot install {agent.title} {install.version}: {_reason(outcome)}")
        await asyncio.to_thread(_finish, files, home, folder, work)
    finally:
        await asyncio.to_thread(tree.remove, work)


def _finish(files: Path, home: Path, folder: Path, work: Path) -> None:
    """Make what npm left the user's own, note what it is, and put it where it is looked for."""
    tree.remove(home)
    tree.own(files, os.geteuid(), os.getegid())
    files.chmod(_OPEN)
    manifest.write(work, files)
    work.chmod(_OPEN)
    if folder.exists():
        old = work / "old"
        folder.rename(old)
        tree.remove(old)
    work.rename(folder)


async def _npm(install: Install, files: Path, home: Path, sandbox: Sandbox, tell: Callable[[], None]) -> CommandOutcome:
    """Let npm install in `files`, with the registry behind the one port that it reaches."""
    given = await asyncio.to_thread(registry.settings)
    port = _PORT if sandbox.name != "none" else free_port()
    node = Mount(toolchain.node_root(), toolchain.NODE)
    root = sandbox.shown(node)
    flags = ["--no-audit", "--no-fund", "--loglevel=error", *([] if install.scripts else ["--ignore-scripts"])]
    # Not `npm ci`: it refuses locks that leave out packages for other platforms, as npm's own locks do.
    npm = [f"{root}/bin/node", f"{root}/lib/node_modules/npm/bin/npm-cli.js", "install", *flags]
    env = {
        "PATH": f"{root}/bin:/usr/local/bin:/usr/bin:/bin",
        "npm_config_registry": f"http://127.0.0.1:{port}/",
        "npm_config_update_notifier": "false",
    }
    argv = ("/bin/sh", "-c", 'umask 022; exec "$@"', "sh", *npm)
    command = Command(argv, files, home, env, (node,), _LIMITS)
    async with (
        registry.door(given, port) as door,
        contextlib.AsyncExitStack() as stack,
        begun(sandbox, command, port) as (running, listener),
    ):
        if listener is not None:
            await stack.enter_async_context(serving(door, listener))
        while not (await asyncio.wait({running}, timeout=5))[0]:
            await asyncio.to_thread(tell)
        return running.result()


def _places(work: Path) -> tuple[Path, Path]:
    """A folder for the command to work in, and its home."""
    files, home = work / _FILES, work / "home"
    files.mkdir()
    home.mkdir()
    return files, home


def changed(agent: AgentAdapter, read: bool = False) -> str:
    """What is not as it was installed, in a few words; empty where all is. With `read`, every file is read."""
    return manifest.changed(_folder(agent), _folder(agent) / _FILES, read=read)


def _pins(lock: Path, install: Install) -> bool:
    """Whether the lock is of this very package and version: an adapter of a user's may pin another."""
    root: dict[str, Any] = json.loads(lock.read_text())["packages"][""]
    return bool(root.get("dependencies") == {install.npm: install.version})


def _reason(outcome: CommandOutcome) -> str:
    if outcome.ended == "timeout":
        return f"npm did not end within {_LIMITS.seconds:.0f} s"
    if outcome.ended != "exit":
        return f"npm was stopped at a run limit ({outcome.ended})"
    lines = [line.removeprefix("npm error").strip() for line in _lines(outcome.stdout + b"\n" + outcome.stderr)]
    told = [line for line in lines if line and not line.startswith(("A complete log", "code "))]
    return (told or lines or ["npm gave no reason"])[0][:300]


def _lines(said: bytes) -> list[str]:
    return [line for line in said.decode(errors="replace").splitlines() if line.strip()]


def _size(folder: Path) -> str:
    return f"{tree.usage(folder, _LIMITS.entries).size // 10**6} MB"


@contextlib.asynccontextmanager
async def _lock(path: Path) -> AsyncIterator[None]:
    with path.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(0.2)
        yield


def _folder(agent: AgentAdapter) -> Path:
    assert agent.install is not None
    return cache_dir() / "installed" / f"{agent.id}-{agent.install.version}"
