"""Run a command of a case, inside the sandbox."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from toolworthy.base import tree
from toolworthy.base.paths import ROOT
from toolworthy.sandbox import Sandbox
from toolworthy.sandbox.model import Command, CommandOutcome, Limits
from toolworthy.work.cases.matching.programs import Invocation, ProgramCall, invocation, programs
from toolworthy.work.cases.world._effects import Commit, Effects, State
from toolworthy.work.cases.world._repository import Repository, only_looks, repository, subcommand
from toolworthy.work.cases.world.lookers import PROGRAMS

_HERE = Path(__file__).parent
_SCRIPTS = ("begin.sh", "run.sh", "look.sh", "repository.sh", "stand-in.sh", "lookers.py")
_OTHERS = ("git", "python", "python3", "sudo", "doas", "unknown", *PROGRAMS)
"""Names of the stand-in that have no description."""
_FILE_BYTES, _ALL_BYTES, _NOTED_BYTES = 8 * 2**20, 64 * 2**20, 4 * 2**20
_KEPT = 1_000
"""The most commands whose effects are cached."""
_LIMITS = Limits(seconds=20, memory_mb=512, processes=128, disk_mb=64)
_GIT = {
    "GIT_AUTHOR_NAME": "Sam Reed",
    "GIT_AUTHOR_EMAIL": "sam@example.com",
    "GIT_COMMITTER_NAME": "Sam Reed",
    "GIT_COMMITTER_EMAIL": "sam@example.com",
    "GIT_AUTHOR_DATE": "2026-03-02T09:00:00Z",
    "GIT_COMMITTER_DATE": "2026-03-02T09:00:00Z",
    "GIT_TERMINAL_PROMPT": "0",
}
_SHELL = {"PWD", "OLDPWD", "SHLVL", "_", "WORLD", "BASH_ENV", "PATH"}
_CACHE = re.compile(r"(^|/)(__pycache__|\.pytest_cache|\.mypy_cache|\.ruff_cache)/|\.pyc$")


class World:
    """Runs commands, each in a folder of its own.

    Args:
        sandbox: where they run.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._repositories: dict[str, Mapping[str, bytes]] = {}
        self._known: dict[str, Effects] = {}

    async def run(
        self,
        state: State,
        command: str,
        folder: str = ROOT,
        *,
        outputs: Mapping[str, str] | None = None,
        fails: Mapping[str, str] | None = None,
    ) -> Effects:
        """Run `command` and return what it does. The same command in the same state runs only once.

        Args:
            state: the working directory before.
            command: a command line of bash.
            folder: its working directory inside the sandbox.
            outputs: the output of stand-ins, by name.
            fails: stand-ins of which one call fails, with the arguments of that call.
        """
        digest = hashlib.sha256(
            repr((state, command, folder, outputs, fails)).encode("utf-8", "surrogatepass")
        ).hexdigest()
        if digest not in self._known:
            with tree.temporary() as place:
                app, home = place / "app", place / "home"
                await asyncio.to_thread(_furnish, state, app, home / ".world", outputs or {}, fails or {})
                outcome = await self._start(app, home, "run.sh", self._folder(folder, app), command)
                effects = await asyncio.to_thread(self._effects, state, app, home / ".world", outcome)
            while len(self._known) >= _KEPT:
                del self._known[next(iter(self._known))]
            self._known[digest] = effects
        return self._known[digest]

    async def with_repository(self, state: State) -> tuple[State, Repository | None]:
        """The state including its repository, and a description of the repository."""
        if state.git is None:
            state = replace(state, git=await self._repository(state))
        return state, (await self.run(state, "true")).repository

    @staticmethod
    def needs_repository(state: State, *commands: str) -> bool:
        """Whether one of the commands, or a script in the folder, may call git."""
        return state.git is not None or any("git" in text for text in (*commands, *state.files.values()))

    def _folder(self, folder: str, app: Path) -> str:
        inside = folder == ROOT or folder.startswith(f"{ROOT}/")
        return self._sandbox.app(app) + folder.removeprefix(ROOT) if inside else folder

    async def _repository(self, state: State) -> Mapping[str, bytes]:
        """The initial contents of ``.git``."""
        known = hashlib.sha256(
            repr((state.files, state.history, state.branch, state.upstream, state.staged)).encode()
        ).hexdigest()
        if known not in self._repositories:
            with tree.temporary() as place:
                app, home = place / "app", place / "home"
                await asyncio.to_thread(_furnish, State({}), app, home / ".world", {}, {})
                await asyncio.to_thread(_write_steps, state, home / ".world" / "steps")
                more = {"BRANCH": state.branch, "UPSTREAM": "origin" if state.upstream else "none"}
                await self._start(app, home, "repository.sh", env=more)
                files = await asyncio.to_thread(tree.read_all, app / ".git", _FILE_BYTES, _ALL_BYTES)
                self._repositories[known] = files
        return self._repositories[known]

    async def _start(self, app: Path, home: Path, *argv: str, env: Mapping[str, str] | None = None) -> CommandOutcome:
        world = f"{self._sandbox.home(home)}/.world"
        variables = {**_GIT, "APP": self._sandbox.app(app), "WORLD": world, **(env or {})}
        script, *rest = argv
        command = ("bash", f"{world}/{script}", *rest)
        return await self._sandbox.run(Command(command, app, home, env=variables, limits=_LIMITS))

    def _effects(self, before: State, app: Path, world: Path, outcome: CommandOutcome) -> Effects:
        shown = self._sandbox.app(app)
        files, executable, links = _read_workspace(app)
        git = tree.read_all(app / ".git", _FILE_BYTES, _ALL_BYTES) if before.git is not None else None
        state = replace(before, files=files, executable=executable, links=links, git=git or None)
        noted = {name: tree.read(world, name, _NOTED_BYTES) or b"" for name in ("calls", "repository", "left")}
        output = outcome.stdout.decode("utf-8", "replace").replace(shown, ROOT)
        running = noted["left"].decode("utf-8", "replace").splitlines()
        return Effects(
            state,
            repository(noted["repository"].decode("utf-8", "replace")),
            tuple(_calls(noted["calls"], shown)),
            output,
            outcome.exit_code if outcome.ended == "exit" else None,
            tuple(line.strip() for line in running),
        )


def _furnish(state: State, app: Path, world: Path, outputs: Mapping[str, str], fails: Mapping[str, str]) -> None:
    """Write the files that a command needs."""
    app.mkdir()
    _write(app, {path: text.encode("utf-8", "surrogatepass") for path, text in state.files.items()})
    for path in state.executable & state.files.keys():
        (app / path).chmod(0o755)
    for path, target in state.links.items():
        (app / path).parent.mkdir(parents=True, exist_ok=True)
        (app / path).symlink_to(target)
    _write(app / ".git", state.git or {})
    for name in ("refs", "objects"):  # without them, even if empty, git sees no repository
        if state.git:
            (app / ".git" / name).mkdir(exist_ok=True)
            (app / ".git/origin.git" / name).mkdir(parents=True, exist_ok=True)
    _write(world, {name: (_HERE / name).read_bytes() for name in _SCRIPTS})
    (world / "bin").mkdir()
    (world / "stand-in.sh").chmod(0o755)
    stand_ins = [name for name, program in programs().items() if not program.real]
    for name in (*stand_ins, *_OTHERS):
        (world / "bin" / name).symlink_to("../stand-in.sh")
    usual = {name: f"{name}: done\n" for name, program in programs().items() if program.prints}
    _write(world, {f"says/{name}": text.encode() for name, text in {**usual, **outputs}.items()})
    _write(world, {f"fails/{name}": text.encode() for name, text in fails.items()})


def _write(top: Path, files: Mapping[str, bytes]) -> None:
    for path, data in files.items():
        target = top / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def _write_steps(state: State, steps: Path) -> None:
    """Write the trees of the commits for ``repository.sh``."""
    history = state.history
    if state.staged:
        _write(steps.parent / "now", {path: text.encode() for path, text in state.files.items()})
    rows = [(commit.message, commit.files, commit.name) for commit in history or (Commit("Start", state.files),)]
    for number, (message, files, name) in enumerate(rows):
        step = steps / f"{number:04d}"
        _write(step / "files", {path: text.encode("utf-8", "surrogatepass") for path, text in files.items()})
        (step / "files").mkdir(parents=True, exist_ok=True)
        (step / "message").write_text(f"{message}\n")
        (step / "name").write_text(name)


def _read_workspace(app: Path) -> tuple[dict[str, str], frozenset[str], dict[str, str]]:
    """The files, the executable ones among them, and the links; without caches."""
    skip = frozenset({".git"})
    data = tree.read_all(app, _FILE_BYTES, _ALL_BYTES, skip)
    files = {path: text.decode("utf-8", "replace") for path, text in data.items() if not _CACHE.search(path)}
    executable: set[str] = set()
    links: dict[str, str] = {}
    for entry in tree.walk(app, skip=skip):
        if entry.is_file and entry.stat.st_mode & 0o100:
            executable.add(entry.path)
        elif stat.S_ISLNK(entry.stat.st_mode):
            links[entry.path] = os.readlink(entry.name, dir_fd=entry.folder)
    return files, frozenset(executable & files.keys()), links


def _calls(noted: bytes, app: str) -> Iterator[Invocation]:
    """Read the notes of stand-ins: name, folder, count, arguments, input and variables, each ended by NUL."""
    fields = iter(noted.decode("utf-8", "surrogateescape").replace(app, ROOT).split("\0"))
    try:
        for name in fields:
            if not name:
                return
            folder, count = next(fields), int(next(fields))
            argv = (name, *(next(fields) for _ in range(count)))
            stdin = next(fields)
            env = dict(line.partition("=")[::2] for line in iter(fields.__next__, ""))
            yield _call(ProgramCall(argv, folder, _set(env), stdin))
    except (StopIteration, ValueError):
        return  # the note was cut off with the command


def _call(call: ProgramCall) -> Invocation:
    parsed = invocation(call)
    if parsed.program != "git":
        return parsed
    return Invocation(
        "git", (), subcommand(call.argv[1:]), parsed.folder, looks=only_looks(call.argv[1:]), text=parsed.text
    )


def _set(env: Mapping[str, str]) -> dict[str, str]:
    """The variables that the command itself set."""
    ours = {*_SHELL, *_GIT, "APP", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TMPDIR", "TERM"}
    return {name: value for name, value in env.items() if name not in ours and not name.startswith("BASH_FUNC")}
