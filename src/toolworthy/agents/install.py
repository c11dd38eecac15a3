"""Get agent tools onto this machine: pinned, each into a folder of its own in a cache, whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from toolworthy import content
from toolworthy.adapters import AgentAdapter, Install
from toolworthy.errors import UserError
from toolworthy.sandbox import toolchain

_SECONDS = 1800
_OPEN = 0o755
"""Of what is installed: in the sandbox, root is a user without rights."""
_PASSED_ON = ("HOME", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "XDG_CACHE_HOME")
"""What npm needs of the caller's environment, beside proxies and its own ``npm_config_*``."""


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
    """The pinned version, if it is on this machine."""
    if agent.install is None:
        return None
    path = _folder(agent)
    if not (path / "installed.json").is_file():
        return None
    with contextlib.suppress(OSError):  # where it is another's, who runs agents as another
        path.chmod(_OPEN)
    return Installation(path, agent.install.version)


def ensure(agent: AgentAdapter, say: Callable[[str], None] | None = None) -> Installation:
    """The pinned version, installed now if it was not. Runs at the same time do not install it twice.

    Args:
        agent: an adapter with an ``[install]`` table.
        say: is told in a line what goes on, about once a second.

    Raises:
        UserError: npm failed; the line holds npm's own reason. Nothing half-installed is left.
    """
    say = say or (lambda _: None)
    assert agent.install is not None
    if found := installed(agent):
        return found
    path = _folder(agent)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _lock(path.with_suffix(".lock")):
            if found := installed(agent):
                return found
            say(f"installing {agent.title} {agent.install.version} (once)")
            _install(agent, agent.install, path, say)
    except OSError as error:
        raise UserError(f"cannot install {agent.title} into {path}: {error.strerror or error}") from error
    return Installation(path, agent.install.version)


def check(agent: AgentAdapter) -> str:
    """What the installed agent says of its version.

    Raises:
        UserError: it is not installed, does not start, or is another version than the pinned one.
    """
    if agent.install is None:
        return "built in"
    found = installed(agent)
    if found is None:
        raise UserError(f"not installed; toolworthy agents install {agent.id}")
    from toolworthy.agents.launch import render

    values = {"install": str(found.path), "node": str(toolchain.node_root() / "bin" / "node")}
    argv = [render(part, values) for part in agent.version_command]
    with tempfile.TemporaryDirectory() as home:
        env = {**toolchain.environment(home), "IS_SANDBOX": "1"}
        done = subprocess.run(argv, capture_output=True, text=True, check=False, env=env, cwd=home, timeout=60)
    said = (done.stdout.strip() or done.stderr.strip()).splitlines()[:1]
    if done.returncode != 0 or not said:
        raise UserError(f"does not start: exit {done.returncode}: {done.stderr.strip()[-200:]}")
    if agent.install.version not in said[0]:
        raise UserError(f"says it is {said[0]!r}, pinned is {agent.install.version}")
    return said[0]


def lock_file(agent_id: str) -> Path:
    """The npm lock that pins what an agent of ours depends on, without addresses."""
    return content.ADAPTERS / "agents" / "locks" / f"{agent_id}.json"


def npm(arguments: list[str], folder: Path) -> subprocess.Popen[str]:
    """Start npm in `folder`, under the Node that we bring, with an environment of its own."""
    node = toolchain.node_root()
    program = [str(node / "bin" / "node"), str(node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    env = {
        name: value
        for name, value in os.environ.items()
        if name in _PASSED_ON or name.lower().endswith("_proxy") or name.lower().startswith("npm_config_")
    }
    env |= {"PATH": f"{node / 'bin'}:/usr/local/bin:/usr/bin:/bin", "npm_config_update_notifier": "false"}
    # Behind a company's proxy the certificate authority is known to the system, not to the list that Node brings.
    env.setdefault("NODE_USE_SYSTEM_CA", "1")
    return subprocess.Popen(
        [*program, *arguments],
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        umask=0o777 - _OPEN,
    )


def _install(agent: AgentAdapter, install: Install, path: Path, say: Callable[[str], None]) -> None:
    work = Path(tempfile.mkdtemp(prefix=f"{path.name}.", dir=path.parent))
    try:
        lock = lock_file(agent.id)
        package = {"name": "agent", "version": "1.0.0", "private": True, "dependencies": {install.npm: install.version}}
        (work / "package.json").write_text(json.dumps(package))
        if lock.is_file() and _pins(lock, install):
            shutil.copyfile(lock, work / "package-lock.json")
        flags = ["--no-audit", "--no-fund", "--loglevel=error", "--prefer-offline"]
        flags += [] if install.scripts else ["--ignore-scripts"]
        # Not `npm ci`: it refuses locks that leave out packages for other platforms, as npm's own locks do.
        process = npm(["install", *flags], work)
        output = _wait(process, work, agent.title, say)
        if process.returncode != 0:
            raise UserError(f"cannot install {agent.title} {install.version}: {_reason(output)}")
        (work / "installed.json").write_text(json.dumps({"npm": install.npm, "version": install.version}))
        work.rename(path)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _pins(lock: Path, install: Install) -> bool:
    """Whether the lock is of this very package and version: an adapter of a user's may pin another."""
    root: dict[str, Any] = json.loads(lock.read_text())["packages"][""]
    return bool(root.get("dependencies") == {install.npm: install.version})


def _wait(process: subprocess.Popen[str], work: Path, title: str, say: Callable[[str], None]) -> str:
    lines: list[str] = []
    assert process.stdout is not None
    reader = threading.Thread(target=lambda: lines.extend(process.stdout or ()), daemon=True)
    reader.start()
    for second in range(_SECONDS):
        try:
            process.wait(timeout=1)
            break
        except subprocess.TimeoutExpired:
            if second % 5 == 4:
                say(f"installing {title}: {_megabytes(work)} MB so far")
        except BaseException:
            process.kill()
            raise
    else:
        process.kill()
        lines.append(f"npm did not end within {_SECONDS} s")
    reader.join(timeout=5)
    process.stdout.close()
    return "".join(lines)


def _reason(output: str) -> str:
    lines = [line.removeprefix("npm error").strip() for line in output.splitlines() if line.strip()]
    told = [line for line in lines if line and not line.startswith(("A complete log", "code "))]
    return (told or lines or ["npm gave no reason"])[0][:300]


def _megabytes(folder: Path) -> int:
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(path, name)).st_size
            except OSError:
                continue
    return total // 10**6


@contextmanager
def _lock(path: Path) -> Any:
    file: IO[str]
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _folder(agent: AgentAdapter) -> Path:
    assert agent.install is not None
    return cache_dir() / "agents" / f"{agent.id}-{agent.install.version}"
