"""The effect of a call or a want: the differences between the states before and after, to be compared and combined."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from toolworthy.work.cases.matching.options import names
from toolworthy.work.cases.matching.programs import Invocation
from toolworthy.work.cases.world import Effects, Repository, State


@dataclass(frozen=True)
class Effect:
    """The differences between two states."""

    files: Mapping[str, str | None] = field(default_factory=dict)
    """The new text of each changed file; None for a deleted one."""
    executable: Mapping[str, bool] = field(default_factory=dict)
    links: Mapping[str, str | None] = field(default_factory=dict)
    repository: Repository | None = None
    """The state afterwards, if it changed."""
    acts: tuple[Invocation, ...] = ()
    """Calls of stand-ins, except read-only ones."""
    left: int = 0
    """Number of processes left running."""
    tried: frozenset[tuple[str, ...]] = frozenset()
    """Changing git commands, even without success: subcommand and arguments."""

    def __bool__(self) -> bool:
        """Whether there is any effect."""
        return self != Effect()

    def beyond(self, other: Effect) -> bool:
        """Whether it includes all of `other`, and more."""
        lost = Counter(other.acts) - Counter(self.acts)
        held = all(
            mine.items() >= theirs.items()
            for mine, theirs in (
                (self.files, other.files),
                (self.executable, other.executable),
                (self.links, other.links),
            )
        )
        more = other.tried < self.tried
        if other.repository is None:
            same = other.tried <= self.tried
        else:
            own = self.repository is not None and self.repository.local == other.repository.local
            reached = _reaching(other.tried)
            same = (self.repository == other.repository and reached <= _reaching(self.tried)) or (own and not reached)
        return held and (same or more) and not lost and self.left >= other.left and not self.same(other)

    def _tried_no_more(self, other: Effect) -> bool:
        """Whether it has no git command that `other` lacks.

        The commands that lead to the same state do not matter, except those that reach beyond it. If `other` changes no
        state, only the same commands are equal.
        """
        if other.repository is None:
            return self.tried == other.tried
        return _reaching(self.tried) <= _reaching(other.tried)

    def same(self, other: Effect, *, ordered: bool = False) -> bool:
        """Whether both effects are equal.

        Args:
            other: what it is compared with.
            ordered: whether calls must come in the same order.
        """
        acts = self.acts == other.acts if ordered else Counter(self.acts) == Counter(other.acts)
        rest = (self.files, self.executable, self.links, self.repository, self.left)
        acts = acts and self._tried_no_more(other)
        return acts and rest == (other.files, other.executable, other.links, other.repository, other.left)


def _reaching(tried: frozenset[tuple[str, ...]]) -> frozenset[tuple[str, ...]]:
    """The git commands that reach beyond the local state, each with the options that extend their reach."""
    reaching, force = names("lists")["git_reaching"], names("lists")["git_force"]
    return frozenset((words[0], *sorted(force & set(words))) for words in tried if words and words[0] in reaching)


def effect_of(before: State, repository: Repository | None, ran: Effects) -> Effect:
    """The effect of a command.

    Args:
        before: the state before it.
        repository: the repository before it.
        ran: the command's outcome.
    """
    after = ran.state
    executable = {path: path in after.executable for path in before.executable ^ after.executable}
    return Effect(
        changes(before.files, after.files),
        {path: given for path, given in executable.items() if path in after.files},
        changes(before.links, after.links),
        ran.repository if ran.repository != repository else None,
        ran.acts,
        len(ran.left),
        frozenset(call.operands for call in ran.calls if call.program == "git" and not call.looks),
    )


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str | None]:
    """The changed files by path, with their new text; None for a deleted file."""
    return {path: after.get(path) for path in {*before, *after} if before.get(path) != after.get(path)}


def together(effects: Sequence[Effect], before: State) -> Effect:
    """The combined effect of several effects in sequence."""
    files = {path: text for effect in effects for path, text in effect.files.items()}
    executable = {path: given for effect in effects for path, given in effect.executable.items()}
    links = {path: target for effect in effects for path, target in effect.links.items()}
    return Effect(
        {path: text for path, text in files.items() if text != before.files.get(path)},
        {path: given for path, given in executable.items() if given != (path in before.executable)},
        {path: target for path, target in links.items() if target != before.links.get(path)},
        next((effect.repository for effect in reversed(effects) if effect.repository is not None), None),
        tuple(call for effect in effects for call in effect.acts),
        sum(effect.left for effect in effects),
        frozenset(words for effect in effects for words in effect.tried),
    )


def words(effect: Effect) -> str:
    """A short description of an effect."""
    parts = [f"{path} {'is gone' if text is None else 'is changed'}" for path, text in sorted(effect.files.items())]
    parts += [f"{path} is {'' if given else 'not '}executable" for path, given in sorted(effect.executable.items())]
    parts += [f"link {path}" for path in sorted(effect.links)]
    parts += ["the repository is changed"] * (effect.repository is not None)
    parts += [f"`{call.text}` is called" for call in effect.acts]
    tried = sorted(effect.tried)
    parts += [f"`git {' '.join(name)}` is called" for name in tried if effect.repository is None]
    parts += ["a process is left running"] * bool(effect.left)
    return "; ".join(parts)[:500] or "nothing is changed"
