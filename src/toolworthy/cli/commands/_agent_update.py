"""``toolworthy agents update``: test the newest version of an agent, show the differences, and pin it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from toolworthy.agents.install import check, ensure, newest, write_lock
from toolworthy.base import tree
from toolworthy.base.errors import ToolworthyError
from toolworthy.base.sanitize import show
from toolworthy.cli._event_loop import run_until_signal
from toolworthy.content import adapters
from toolworthy.content.adapters import AgentAdapter
from toolworthy.public.running import run
from toolworthy.records.exchange import Exchange
from toolworthy.records.trial import TrialResult
from toolworthy.work.run.request_change import changes

_TASK = "fix-failing-test"
_CACHE = "TOOLWORTHY_CACHE"


@dataclass(frozen=True)
class _Tried:
    """The behaviour of one version on the oracle."""

    trials: tuple[TrialResult, ...]
    first: Exchange | None
    """Its first request with tools."""


def update(agent: AgentAdapter, file: Path, tasks: Sequence[str], *, ours: bool, write: bool) -> bool:
    """Test the newest version of an agent. Returns whether it passes all tasks that it can pass.

    Args:
        agent: with an ``[install]`` table.
        file: of its adapter.
        tasks: names of tasks for the new version; empty: all.
        ours: whether its lock is next to the adapter.
        write: whether to pin the new version if it passes.

    Raises:
        ToolworthyError: there is no newest version, it cannot be installed, or the adapter does not name its version.
    """
    assert agent.install is not None
    old, new = agent.install.version, run_until_signal(newest(agent))
    if new == old:
        show(f"ok   {agent.id}: {old} is the newest version")
        return True
    show(f"     {agent.id}: {old} → {new}")
    before = _tried(agent, file, [_TASK])
    with tree.temporary() as scratch, _cache(scratch / "cache"):
        moved = scratch / file.name
        moved.write_text(_moved(file, old, new), encoding="utf-8")
        newer = adapters.load(AgentAdapter, moved)
        run_until_signal(ensure(newer, lambda line: show(f"     {line}")))
        show(f"     it says that it is {run_until_signal(check(newer))}")
        after = _tried(newer, moved, tasks)
        for line in _differences(before, after):
            show(f"     {line}")
        failed = [one for one in after.trials if not one.ok and not one.above_ceiling]
        for one in failed:
            show(f"     {one.key.task} {one.status}: {one.cause.detail if one.cause else 'no cause is known'}")
        good = not failed and bool(after.trials)
        show(f"{'ok  ' if good else 'BAD '} {agent.id}: {_passes(after.trials)}")
        if good and write:
            file.write_text(moved.read_text(encoding="utf-8"), encoding="utf-8")
            lock = f" and {run_until_signal(write_lock(newer))}" if ours else ""
            show(f"     {file}{lock}: {new} is pinned")
        elif good:
            show(f"     `toolworthy agents update {agent.id} --write` pins it")
    return good


def _moved(file: Path, old: str, new: str) -> str:
    """The adapter's text with another version.

    Raises:
        ToolworthyError: it does not name the old one in one line of its own.
    """
    text, line = file.read_text(encoding="utf-8"), f'\nversion = "{old}"\n'
    if text.count(line) != 1:
        raise ToolworthyError(f'{file}: write the version in a line of its own: version = "{old}"')
    return text.replace(line, f'\nversion = "{new}"\n')


def _tried(agent: AgentAdapter, file: Path, tasks: Sequence[str]) -> _Tried:
    with tree.temporary() as folder:
        ran = run("oracle", suites="tasks", agents=[agent.id], adapters=[file], tasks=tasks, out=folder / "reports")
        asked = [one for result in ran.trials if result.key.task == _TASK for one in ran.exchanges(result)]
        first = next((one for one in asked if one.can_act), None)
        return _Tried(tuple(ran.trials), first)


def _differences(before: _Tried, after: _Tried) -> Iterator[str]:
    if before.first is None or after.first is None:
        which = "the pinned" if before.first is None else "the new"
        yield f"requests are not compared: {which} version sent none in {_TASK}"
        return
    old, new = before.first, after.first
    assert old.request is not None
    assert new.request is not None
    changed = [*changes((old.request_body, old.request), (new.request_body, new.request))]
    yield from changed or ["its first request is the same"]


def _passes(trials: Sequence[TrialResult]) -> str:
    above = [one.key.task for one in trials if one.above_ceiling]
    refuted = [one.key.task for one in trials if one.ceiling and one.ok]
    text = f"{sum(one.ok for one in trials)} of {len(trials)} tasks pass"
    text += f"; above its ceiling: {', '.join(above)}" if above else ""
    return text + (f"; no longer above its ceiling: {', '.join(refuted)}" if refuted else "")


@contextmanager
def _cache(folder: Path) -> Iterator[None]:
    """Use `folder` as the cache of installations meanwhile."""
    before = os.environ.get(_CACHE)
    os.environ[_CACHE] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ[_CACHE]
        else:
            os.environ[_CACHE] = before
