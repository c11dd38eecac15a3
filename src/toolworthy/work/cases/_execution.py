"""Execute the calls of an answer, one after another."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from toolworthy.base.paths import ROOT
from toolworthy.content.toolset import Operation
from toolworthy.wire.ir import ToolCall
from toolworthy.work.cases._effect import Effect, changes, effect_of
from toolworthy.work.cases._files import LOOKS, EditRefused, answer_from, changed, folder_of, looks
from toolworthy.work.cases.matching import shell
from toolworthy.work.cases.matching.programs import Invocation, programs
from toolworthy.work.cases.model import Turn
from toolworthy.work.cases.world import Effects, Repository, State, World


class Undecided(Exception):
    """The effect of a command is unknown without running it, and there is no sandbox."""


@dataclass(frozen=True)
class ParsedCall:
    """A call, as its tool's schema reads it."""

    call: ToolCall
    arguments: Any
    """None where they cannot be read or the tool is unknown."""
    operation: Operation | None
    unknown: bool = False
    looks: bool = False
    """A tool of the case's own that only shows something."""
    lacking: tuple[str, ...] = ()
    """Parameters of the tool that are due and not given."""
    odd: tuple[str, ...] = ()
    """Arguments that the case's own tool does not have."""

    @property
    def broken(self) -> bool:
        """Whether its action cannot be determined."""
        return self.arguments is None or bool(self.lacking or self.odd)

    @property
    def words(self) -> str:
        """The call as it is shown to people."""
        return f"{self.call.name}({self.call.arguments[:1_000]})"

    @property
    def command(self) -> str | None:
        """The command line that it runs, if it runs one."""
        return (
            self.operation.values[0]["command"]
            if self.operation is not None and self.operation.action == "run"
            else None
        )


@dataclass(frozen=True)
class Done:
    """The effects of a call."""

    parsed: ParsedCall
    after: State
    effect: Effect = field(default_factory=Effect)
    outputs: tuple[str, ...] = ()
    """Its output; several if the tool can be interpreted in several ways."""
    ran: Effects | None = None
    """Of a command that was run."""
    failed: str = ""
    """Why the tool would reject it."""
    sure: bool = True
    """False: a command whose effect is not known without running it."""

    @property
    def shows(self) -> bool:
        """Whether it is read-only."""
        operation = self.parsed.operation
        if operation is None:
            return self.parsed.looks
        return (
            self.sure
            and not self.effect
            and not self.failed
            and (operation.action in LOOKS or operation.action == "run")
        )


@dataclass(frozen=True)
class Execution:
    """Executes the calls of a turn."""

    before: State
    turn: Turn
    world: World | None = None
    repository: Repository | None = None
    """As it is before."""
    private: tuple[str, ...] = ()
    """Files that are not to be shown."""

    async def do(self, calls: Sequence[ParsedCall]) -> list[Done]:
        """What the calls do, one after another; commands are run only where there is a world."""
        done: list[Done] = []
        state, repository = self.before, self.repository
        for parsed in calls:
            done_call = self._noted(await self._one(parsed, state, repository))
            done.append(done_call)
            state = done_call.after
            repository = done_call.effect.repository or repository
        return done

    def _noted(self, made: Done) -> Done:
        """With the private files that it shows, as if those were called."""
        lines = {line: path for path in self.private for line in self.before.files[path].splitlines() if line.strip()}
        shown = {lines[line] for text in made.outputs for line in text.splitlines() if line in lines}
        seen = tuple(Invocation("private", operands=(path,), text=f"show {path}") for path in sorted(shown))
        return replace(made, effect=replace(made.effect, acts=(*made.effect.acts, *seen))) if seen else made

    async def _one(self, parsed: ParsedCall, state: State, repository: Repository | None) -> Done:
        operation = parsed.operation
        if operation is None:
            return Done(parsed, state)
        if parsed.command is not None and self.world is not None:
            ran = await self.run(parsed.command, state, folder_of(operation))
            return Done(parsed, ran.state, effect_of(state, repository, ran), (ran.output,), ran)
        if operation.action in LOOKS or looks(operation):
            readings = {answer_from(operation, state.files, shift) for shift in (0, 1)}
            exact = parsed.command is None or bool(shell.reads(parsed.command) and folder_of(operation) == ROOT)
            return Done(parsed, state, outputs=tuple(text for text in readings if text is not None and exact))
        try:
            files = changed(state.files, operation)
        except EditRefused as error:
            return Done(parsed, state, failed=str(error))
        if files is None:
            return Done(parsed, state, sure=False)
        return Done(parsed, replace(state, files=files), Effect(changes(state.files, files)))

    async def run(self, command: str, state: State | None = None, folder: str = "") -> Effects:
        """The effects of a command in the world."""
        if self.world is None:
            raise Undecided(f"only a sandbox can determine what this does: {command[:100]}")
        outputs, fails = _scripted(self.turn)
        return await self.world.run(state or self.before, command, folder or ROOT, outputs=outputs, fails=fails)


def _scripted(turn: Turn) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """What stand-ins say in this turn, and which of their calls fail: those of the reference, by the program."""
    outputs: dict[str, str] = {}
    fails: dict[str, str] = {}
    for number, want in enumerate(turn.right[0] if turn.right else ()):
        if want.do != "run":
            continue
        parsed = shell.parse(want.command[0])
        argv = parsed[0].argv if parsed else ()
        names = _names(argv[0] if argv else "")
        if number < len(turn.results):
            outputs |= dict.fromkeys(names, f"{turn.results[number].strip()}\n")
        if turn.error:
            fails |= dict.fromkeys(names, " ".join(argv[1:]))
    return outputs, fails


def _names(program: str) -> tuple[str, ...]:
    """Every name that a program is started by."""
    known = programs().get(posixpath.basename(program))
    return (known.name, *known.names) if known else (program,)
