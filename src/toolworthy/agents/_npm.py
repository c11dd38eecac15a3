"""Agents from npm, installed by npm."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from toolworthy.agents import _registry as registry
from toolworthy.agents._door import Door
from toolworthy.agents._installer import LIMITS, Installer
from toolworthy.sandbox import Sandbox, toolchain
from toolworthy.sandbox.model import Command, Mount


class Npm(Installer):
    """npm, with toolworthy's Node."""

    program = "npm"
    suffix = ".json"

    def pins(self, lock: Path) -> bool:
        """Whether the lock's root depends on this package."""
        root: dict[str, Any] = json.loads(lock.read_text())["packages"][""]
        return bool(root.get("dependencies") == {self.install.npm: self.install.version})

    def prepare(self, files: Path, lock: Path | None) -> None:
        """Write a package that depends only on the agent."""
        wanted = {self.install.npm: self.install.version}
        package = {"name": "agent", "version": "1.0.0", "private": True, "dependencies": wanted}
        (files / "package.json").write_text(json.dumps(package))
        if lock is not None:
            shutil.copyfile(lock, files / "package-lock.json")

    def command(self, sandbox: Sandbox, files: Path, home: Path, port: int) -> Command:
        """``npm install``.

        Not ``npm ci``: it refuses locks that leave out packages for other platforms, as npm's own locks do.
        """
        scripts = [] if self.install.scripts else ["--ignore-scripts"]
        flags = ["--no-audit", "--no-fund", "--loglevel=error", *scripts]
        return self._npm(sandbox, files, home, port, "install", *flags)

    def asking(self, sandbox: Sandbox, work: Path, home: Path, port: int) -> Command:
        """``npm view``."""
        return self._npm(sandbox, work, home, port, "view", "--loglevel=error", self.install.npm, "version")

    def newest(self, printed: str) -> str:
        """The output as it is."""
        return printed.strip()

    def _npm(self, sandbox: Sandbox, files: Path, home: Path, port: int, *given: str) -> Command:
        node = Mount(toolchain.node_root(), toolchain.NODE)
        root = sandbox.shown(node)
        npm = [f"{root}/bin/node", f"{root}/lib/node_modules/npm/bin/npm-cli.js", *given]
        env = {
            "PATH": f"{root}/bin:/usr/local/bin:/usr/bin:/bin",
            "npm_config_registry": f"http://127.0.0.1:{port}/",
            "npm_config_update_notifier": "false",
        }
        argv = ("/bin/sh", "-c", 'umask 022; exec "$@"', "sh", *npm)
        return Command(argv, files, home, env, (node,), LIMITS)

    def pinning(self, sandbox: Sandbox, files: Path, home: Path, port: int) -> None:
        """None: npm has written a lock already."""

    def lock(self, files: Path, printed: bytes) -> str:
        """npm's own, without the addresses of a registry."""
        lock = json.loads((files / "package-lock.json").read_text(encoding="utf-8"))
        for package in lock["packages"].values():
            package.pop("resolved", None)
        return json.dumps(lock, indent=1) + "\n"

    @asynccontextmanager
    async def door(self, port: int) -> AsyncIterator[Door]:
        """A proxy to the registries of the user's npm."""
        async with registry.door(await asyncio.to_thread(registry.settings), port) as door:
            yield door

    def failure_message(self, lines: list[str]) -> str:
        """The first line of npm's errors that is not a code or the path of a log."""
        plain = [line.removeprefix("npm error").strip() for line in lines]
        errors = [line for line in plain if line and not line.startswith(("A complete log", "code "))]
        return (errors or plain or [""])[0]
