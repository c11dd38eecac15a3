"""Start a person's own agent with a fresh home that has only the settings for one proxy."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import shutil
import signal
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolworthy import wire
from toolworthy.agents import install
from toolworthy.agents.settings import Setup, agent_url, program, settings
from toolworthy.base.errors import ToolworthyError
from toolworthy.cli.interrupt import SIGNALS
from toolworthy.content import adapters
from toolworthy.content.adapters import AgentAdapter
from toolworthy.content.mcp import ConfigFile
from toolworthy.endpoint.target import Endpoint
from toolworthy.wire.ir import Api

KEY = "toolworthy-proxy"
"""The agent's placeholder key, which the proxy replaces by the real one."""
_HOMES = {
    "CARGO_HOME": ".cargo",
    "GIT_CONFIG_GLOBAL": ".gitconfig",
    "GNUPGHOME": ".gnupg",
    "GOPATH": "go",
    "NPM_CONFIG_USERCONFIG": ".npmrc",
    "RUSTUP_HOME": ".rustup",
}
"""Variables by which an agent's tools find files in the person's home."""
_HOME_FOLDERS = ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")
_SIGNALLED = 128
"""Shells add this to the number of the signal that ended a command."""


@dataclass(frozen=True)
class OwnAgent:
    """The agent to start, and its wire API."""

    adapter: AgentAdapter
    program: tuple[str, ...]
    arguments: tuple[str, ...]
    """Arguments after those of the adapter."""

    def api(self, endpoint: Endpoint) -> Api:
        """The wire API in its settings."""
        return self.adapter.api_with(endpoint.api_for(self.adapter.apis[0]))

    async def run(self, endpoint: Endpoint, base_url: str, stop: asyncio.Event) -> int:
        """Run it in the terminal. Returns its exit code as a shell does.

        Args:
            endpoint: the endpoint behind the proxy.
            base_url: of the proxy.
            stop: ends it early.

        Raises:
            ToolworthyError: it cannot be started, or a command before it fails.
        """
        api = self.api(endpoint)
        url = agent_url(base_url + wire.api(api).base, api, self.adapter.run_in(api).base_path)
        assert url is not None
        with _home() as home:
            setup = Setup(url, KEY, endpoint.model, endpoint.context, home=str(home))
            made = settings(self.adapter, api, setup, empty_home=True)
            _write(made.files)
            names = frozenset(self.adapter.run_in(api).env)
            env = {**_environment(names, endpoint), **made.env, "HOME": str(home)}
            for words in made.before:
                await self._before((*self.program, *words[1:]), env)
            return await self._start((*self.program, *made.start[1:], *self.arguments), env, stop)

    async def _before(self, command: Sequence[str], env: Mapping[str, str]) -> None:
        process = await asyncio.create_subprocess_exec(
            *command,
            env=env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        if process.returncode:
            last = " ".join(output.decode(errors="replace").split())[-200:]
            shown = shlex.join([self.adapter.run.interactive.command[0], *command[len(self.program) :][:2]])
            raise ToolworthyError(f"`{shown}` failed: {last or f'exit code {process.returncode}'}")

    async def _start(self, command: Sequence[str], env: Mapping[str, str], stop: asyncio.Event) -> int:
        """Start it with control of the terminal: Ctrl-C goes to the agent, not to the proxy."""
        try:
            process = await asyncio.create_subprocess_exec(*command, env=env)
        except OSError as error:
            raise ToolworthyError(f"cannot start {self.adapter.title} ({command[0]}): {error.strerror}") from error
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                loop.add_signal_handler(number, _passed_on, process, number)
        stopping = asyncio.ensure_future(stop.wait())
        ending = asyncio.ensure_future(process.wait())
        await asyncio.wait({stopping, ending}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not ending.done():
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        code = await ending
        return code if code >= 0 else _SIGNALLED - code


def _passed_on(process: asyncio.subprocess.Process, number: int) -> None:
    """Forward signals: a terminal sends Ctrl-C to all its programs, but other signals reach only this one."""
    if number != signal.SIGINT:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)


def own_agent(name: str, arguments: Sequence[str]) -> OwnAgent:
    """The person's own installation, else toolworthy's.

    Raises:
        ToolworthyError: there is no such agent, it cannot be started by hand, it is not installed, or toolworthy's
        installation was changed.
    """
    adapter = adapters.agent(name)
    if not adapter.run.interactive.command:
        startable = ", ".join(one.id for one in adapters.agents() if one.run.interactive.command)
        raise ToolworthyError(f"{adapter.title} cannot be started by hand. Give --agent, one of {startable}.")
    word = adapter.run.interactive.command[0]
    if path := shutil.which(word):
        return OwnAgent(adapter, (path,), tuple(arguments))
    installation = install.installed(adapter)
    if installation is None:
        raise ToolworthyError(
            f"{adapter.title} is not installed: no `{word}` on the PATH. Install it, or type `toolworthy agents "
            f"install {adapter.id}`."
        )
    if why := install.changed(adapter):
        raise ToolworthyError(f"{adapter.title}: {why}. {install.again(adapter)}")
    return OwnAgent(adapter, program(adapter, installation), tuple(arguments))


def _write(files: Iterable[ConfigFile]) -> None:
    for file in files:
        path = Path(file.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.content, encoding="utf-8")


@contextlib.contextmanager
def _home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="toolworthy-home-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _environment(names: frozenset[str], endpoint: Endpoint) -> dict[str, str]:
    """The person's environment, without variables that lead to their configuration or contain the endpoint's secrets.

    Args:
        names: variables with the agent's settings; others of the same family are removed, too.
        endpoint: the endpoint, whose secrets are removed.
    """
    families = {name.partition("_")[0] for name in names} - {"TOOLWORTHY"}
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.partition("_")[0] not in families and name not in _HOME_FOLDERS and value not in endpoint.secrets
    }
    homes = {name: str(path) for name, rest in _HOMES.items() if (path := Path.home() / rest).exists()}
    return {**homes, **kept}
