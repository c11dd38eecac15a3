"""A git repository in comparable form: without authors and dates of commits."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from toolworthy.work.cases.matching.options import names


@dataclass(frozen=True)
class Repository:
    """A repository."""

    head: str
    refs: frozenset[tuple[str, str]]
    """Name, and what the commit is made of: tree, message, parents."""
    remote: frozenset[tuple[str, str]]
    index: tuple[str, ...]
    upstream: tuple[str, ...]
    ongoing: tuple[str, ...]
    """A merge or similar operation in progress."""

    @property
    def local(self) -> tuple[object, ...]:
        """The local part, which others do not see."""
        own = frozenset(ref for ref in self.refs if not ref[0].startswith("refs/remotes/"))
        return self.head, own, self.index, self.ongoing


def repository(output: str) -> Repository | None:
    """Parse the output of ``look.sh``; None if there is no repository."""
    parts: dict[str, list[str]] = {}
    lines = parts.setdefault("", [])
    text, _, commits = output.partition("@commits\n")
    for line in text.splitlines():
        if line.startswith("@"):
            lines = parts.setdefault(line[1:], [])
        else:
            lines.append(line)
    if not parts.get("head"):
        return None
    known = _commits(commits)

    def named(part: str) -> frozenset[tuple[str, str]]:
        pairs = (line.rpartition(" ") for line in parts.get(part, ()))
        return frozenset((name, known.get(commit, commit)) for name, _, commit in pairs)

    head = parts["head"][0]
    return Repository(
        known.get(head, head),
        named("refs"),
        named("remote"),
        tuple(parts.get("index", ())),
        tuple(parts.get("upstream", ())),
        tuple(parts.get("ongoing", ())),
    )


def _commits(output: str) -> Mapping[str, str]:
    """Hash of each commit to a hash of what it is made of; parents come before their children."""
    fields = output.split("\0")
    rows = [fields[at : at + 4] for at in range(0, len(fields) - 3, 4)]
    known: dict[str, str] = {}
    for commit, made, parents, message in rows:
        before = " ".join(known.get(parent, parent) for parent in parents.split())
        known[commit.strip()] = hashlib.sha256(f"{made}\n{before}\n{message.strip()}".encode()).hexdigest()
    return known


def subcommand(arguments: tuple[str, ...]) -> tuple[str, ...]:
    """The subcommand of a call of git and what follows; nothing where there is none."""
    rest = list(arguments)
    while rest and rest[0].startswith("-"):
        takes_next = rest[0] in ("-C", "-c", "--git-dir", "--work-tree", "--namespace")
        rest = rest[2 if takes_next else 1 :]
    return tuple(rest)


def only_looks(arguments: tuple[str, ...]) -> bool:
    """Whether a call of git is read-only."""
    words = subcommand(arguments)
    if not words:
        return True
    name, behind = words[0], words[1:]
    if (shows := names("git_lists").get(name)) is None:
        looks = name in names("lists")["git_looks"]
        return looks or "--dry-run" in behind or (name in ("push", "add", "clean") and "-n" in behind)
    given = {word.partition("=")[0] for word in behind if word.startswith("-")} | {*behind[:1]}
    return bool(shows & given or (not behind and name != "stash"))
