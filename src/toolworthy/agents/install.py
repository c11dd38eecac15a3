"""Install agents: pinned, each in its own folder of a cache, completely or not at all.

npm and uv, and the scripts of hundreds of packages that they run, run in the sandbox: they reach only the registry, and
see neither the user's files nor their environment.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from toolworthy import content
from toolworthy.agents import _manifest as manifest
from toolworthy.agents._installer import LIMITS, Installer, nonempty_lines
from toolworthy.agents._npm import Npm
from toolworthy.agents._pypi import Pypi
from toolworthy.agents._template import render
from toolworthy.base import tree
from toolworthy.base.asgi import free_port, serving
from toolworthy.base.errors import ToolworthyError
from toolworthy.content.adapters import AgentAdapter
from toolworthy.content.install import Install
from toolworthy.sandbox import Sandbox, begun, choose, toolchain
from toolworthy.sandbox.model import Command, CommandOutcome, Limits, Mount

SHOWN = "/opt/agent"
"""The path of an agent in the sandbox."""
_PORT = 8376
"""Where an installer finds the registry, inside its own network namespace."""
_CHECK = Limits(seconds=60)
_OPEN = 0o755
"""Of what is installed: in the sandbox, root is a user without rights."""
_FILES = "files"


@dataclass(frozen=True)
class Installation:
    """An agent tool on this machine."""

    path: Path
    """The folder that holds its ``node_modules``, or the Python that is its own."""
    version: str
    npm: bool = True
    """Whether it runs under our Node."""

    def lent(self, sandbox: Sandbox) -> tuple[tuple[Mount, ...], dict[str, str]]:
        """What a command that starts it must see, and the values of its templates."""
        mount = Mount(self.path, SHOWN)
        values = {"install": sandbox.shown(mount)}
        if not self.npm:
            return (mount,), values
        node = Mount(toolchain.node_root(), toolchain.NODE)
        return (mount, node), {**values, "node": f"{sandbox.shown(node)}/bin/node"}


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
    return _installation(agent)


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
        sandbox: where the installer runs; bubblewrap if None.

    Raises:
        ToolworthyError: it failed, with the installer's own reason (nothing half-installed is left), there is no
            sandbox, or no Python that fits.
    """
    say = say or (lambda _: None)
    if (installation := installed(agent)) and not await asyncio.to_thread(changed, agent):
        return installation
    folder = _folder(agent)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        async with _lock(folder.with_name(f"{folder.name}.lock")):
            if installation := installed(agent):
                if not (why := await asyncio.to_thread(changed, agent)):
                    return installation
                say(f"{agent.title}: {why}")
            say(f"installing {agent.title} {_pinned(agent).version} (once)")
            await _install(agent, folder, say, sandbox or choose("auto"))
    except OSError as error:
        raise ToolworthyError(f"cannot install {agent.title} into {folder}: {error.strerror or error}") from error
    return _installation(agent)


async def check(agent: AgentAdapter) -> str:
    """What the installed agent says of its version, once every file of it has been read; both in the sandbox.

    Raises:
        ToolworthyError: it is not installed, was changed, does not start, or is another version than the pinned one.
    """
    if agent.install is None:
        return "built in"
    installation = installed(agent)
    if installation is None:
        raise ToolworthyError(f"not installed. Type `toolworthy agents install {agent.id}`.")
    if why := await asyncio.to_thread(changed, agent, read=True):
        raise ToolworthyError(f"{why}. {again(agent)}")
    sandbox = choose("auto")
    mounts, values = installation.lent(sandbox)
    argv = tuple(render(part, values) for part in agent.version_command)
    with tree.temporary() as work:
        app, home = _places(work)
        command = Command(argv, app, home, {"IS_SANDBOX": "1"}, mounts, _CHECK)
        outcome = await sandbox.run(command)
    printed = nonempty_lines(outcome.stdout) or nonempty_lines(outcome.stderr)
    if outcome.exit_code != 0 or not printed:
        why = f"exit {outcome.exit_code}" if outcome.ended == "exit" else outcome.ended
        raise ToolworthyError(f"does not start: {why}: {' '.join(nonempty_lines(outcome.stderr))[-200:]}")
    if agent.install.version not in printed[0]:
        raise ToolworthyError(f"says it is {printed[0]!r}, pinned is {agent.install.version}")
    return printed[0]


def lock_file(agent: AgentAdapter) -> Path:
    """The lock file of an agent, without addresses, next to the adapter; it may not exist."""
    name = f"{agent.id}{_installer(agent).suffix}"
    places = [folder / "locks" / name for folder in content.folders("agents")]
    return next((path for path in places if path.is_file()), places[0])


async def write_lock(agent: AgentAdapter, sandbox: Sandbox | None = None) -> Path:
    """Write the lock of the installed agent next to the adapter.

    Raises:
        ToolworthyError: it is not installed, or its dependencies can no longer be resolved.
    """
    there, installer = installed(agent), _installer(agent)
    if there is None:
        raise ToolworthyError(f"{agent.id} is not installed. Type `toolworthy agents install {agent.id}`.")
    sandbox = sandbox or choose("auto")
    with tree.temporary() as home:
        port = _port(sandbox)
        command, lock = installer.pinning(sandbox, there.path, home, port), b""
        if command is not None:
            outcome, trouble = await _run(installer, command, sandbox, port, lambda: None)
            if outcome.exit_code != 0:
                raise ToolworthyError(f"cannot pin {agent.title}: {installer.reason(outcome, trouble)}")
            lock = outcome.stdout
    path = lock_file(agent)
    path.parent.mkdir(exist_ok=True)
    path.write_text(installer.lock(there.path, lock), encoding="utf-8")
    return path


async def newest(agent: AgentAdapter, sandbox: Sandbox | None = None) -> str:
    """The newest version in its registry.

    Raises:
        ToolworthyError: the registry does not name it.
    """
    installer, sandbox = _installer(agent), sandbox or choose("auto")
    with tree.temporary() as work:
        files, home = _places(work)
        port = _port(sandbox)
        outcome, trouble = await _run(
            installer, installer.asking(sandbox, files, home, port), sandbox, port, lambda: None
        )
    version = installer.newest(outcome.stdout.decode(errors="replace"))
    if outcome.exit_code != 0 or not version:
        raise ToolworthyError(f"cannot find the newest version of {agent.title}: {installer.reason(outcome, trouble)}")
    return version


async def _install(agent: AgentAdapter, folder: Path, say: Callable[[str], None], sandbox: Sandbox) -> None:
    """Install into `folder`, whose lock is held: other folders of its name are left from killed processes."""
    for left in folder.parent.glob(f"{folder.name}.*"):
        if left.is_dir() and not left.is_symlink():
            await asyncio.to_thread(tree.remove, left)
    work = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
    installer, lock = _installer(agent), lock_file(agent)
    try:
        files, home = _places(work)
        pinned = lock if lock.is_file() and installer.pins(lock) else None
        await asyncio.to_thread(installer.prepare, files, pinned)

        def tell() -> None:
            say(f"installing {agent.title}: {_size(work)} so far")

        port = _port(sandbox)
        outcome, trouble = await _run(installer, installer.command(sandbox, files, home, port), sandbox, port, tell)
        if outcome.exit_code != 0:
            raise ToolworthyError(
                f"cannot install {agent.title} {_pinned(agent).version}: {installer.reason(outcome, trouble)}"
            )
        installer.finish(files)
        await asyncio.to_thread(_finish, files, home, folder, work)
    finally:
        await asyncio.to_thread(tree.remove, work)


def _finish(files: Path, home: Path, folder: Path, work: Path) -> None:
    """Give the installation to the user, write its manifest, and move it to its final place."""
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


async def _run(
    installer: Installer, command: Command, sandbox: Sandbox, port: int, tell: Callable[[], None]
) -> tuple[CommandOutcome, str]:
    """Run a command with the registry proxy at the only port that it reaches, and name the proxy's trouble, if any."""
    async with (
        installer.door(port) as door,
        begun(sandbox, command, port) as (running, listener),
        contextlib.AsyncExitStack() as stack,  # it ends first: `begun` closes the listener
    ):
        if listener is not None:
            await stack.enter_async_context(serving(door, listener))
        while not (await asyncio.wait({running}, timeout=5))[0]:
            await asyncio.to_thread(tell)
        return running.result(), door.trouble


def _port(sandbox: Sandbox) -> int:
    return _PORT if sandbox.name != "none" else free_port()


def _pinned(agent: AgentAdapter) -> Install:
    assert agent.install is not None
    return agent.install


def _installer(agent: AgentAdapter) -> Installer:
    install = _pinned(agent)
    return Npm(install) if install.npm else Pypi(install)


def _installation(agent: AgentAdapter) -> Installation:
    install = _pinned(agent)
    return Installation(_folder(agent) / _FILES, install.version, bool(install.npm))


def _places(work: Path) -> tuple[Path, Path]:
    """The command's working folder and home."""
    files, home = work / _FILES, work / "home"
    files.mkdir()
    home.mkdir()
    return files, home


def again(agent: AgentAdapter) -> str:
    """What to do about a change."""
    return f"Type `toolworthy agents install {agent.id}` to install it again."


def changed(agent: AgentAdapter, read: bool = False) -> str:
    """The first change since the installation, of its files or of what the adapter wants, in a few words; empty if
    there is none. With `read`, every file is read."""
    files = _folder(agent) / _FILES
    return manifest.changed(_folder(agent), files, read=read) or _installer(agent).misfit(files)


def _size(folder: Path) -> str:
    return f"{tree.usage(folder, LIMITS.entries).size // 10**6} MB"


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
    install = _pinned(agent)
    return cache_dir() / "installed" / "+".join((f"{agent.id}-{install.version}", *install.extras))
