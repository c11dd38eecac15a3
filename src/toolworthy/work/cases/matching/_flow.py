"""The commands of a command line, with the folder that each runs in."""

from __future__ import annotations

from dataclasses import dataclass, replace

from toolworthy.base.paths import ROOT, absolute, relative
from toolworthy.work.cases.matching._syntax import SimpleCommand, Word, parse
from toolworthy.work.cases.matching._unwrap import bare, inner

_QUIET = (("2", "/dev/null"), ("2", "1"))


@dataclass(frozen=True)
class FlowStep:
    """A command without its wrappers, and the folder that it runs in if the commands before it succeed."""

    command: SimpleCommand
    folder: str

    @property
    def name(self) -> str:
        return self.command.argv[0] if self.command.words else ""

    @property
    def rest(self) -> tuple[Word, ...]:
        return self.command.words[1:]

    @property
    def piped(self) -> bool:
        """Whether its output is piped into the next command."""
        return self.command.then in ("|", "|&")

    def place(self, path: str) -> str:
        """A path of this command, relative to the root."""
        return relative(path, self.folder)

    @property
    def only_shows(self) -> bool:
        """Whether all its words are literal and its output goes only to the caller or the next command."""
        return self.command.literal and bool(self.command.words) and not self.outputs

    @property
    def outputs(self) -> list[tuple[str, int, Word | None]]:
        """Redirections, except those of errors to the output or to ``/dev/null``."""
        redirects = []
        for redirect in self.command.redirects:
            text = redirect.target.text if redirect.target else ""
            fd = redirect.fd if redirect.fd is not None else 0 if redirect.op.startswith("<") else 1
            if (str(fd), text) not in _QUIET or redirect.op not in (">", ">&"):
                redirects.append((redirect.op, fd, redirect.target))
        return redirects


def steps(text: str, folder: str = ROOT, depth: int = 0) -> tuple[FlowStep, ...]:
    """The commands of `text`, without ``cd``; empty if it cannot be parsed or is not a simple sequence."""
    commands = parse(text) or ()
    flow: list[FlowStep] = []
    for command in map(bare, commands):
        nested = inner(command)
        if nested is not None and depth < 3:
            nested_steps = steps(nested, folder, depth + 1)
            if not nested_steps or command.then not in ("", ";", "&&"):
                return ()
            flow += [
                *nested_steps[:-1],
                replace(nested_steps[-1], command=replace(nested_steps[-1].command, then=command.then)),
            ]
            continue
        if command.compound:
            return ()
        if command.argv[:1] == ("cd",):
            if len(command.words) != 2 or not command.literal or command.then not in ("&&", ";", ""):
                return ()
            folder = absolute(command.argv[1], folder)
            continue
        flow.append(FlowStep(command, folder))
    return tuple(flow)
