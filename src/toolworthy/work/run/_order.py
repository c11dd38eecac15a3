"""The order in which items start, which wait for the end, and which need not run again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from toolworthy.records.result import Result, ResultKey
from toolworthy.work.kinds import kind_of
from toolworthy.work.run.plan import Options


def in_order(keys: Iterable[ResultKey]) -> list[ResultKey]:
    """The most informative keys first; otherwise in their given order."""
    return sorted(keys, key=lambda key: kind_of(key).rank(key))


def sent(plan: Options, keys: Iterable[ResultKey]) -> list[ResultKey]:
    """`keys` without those that run only if a similar item shows a fault."""
    first_of_kind: dict[object, ResultKey] = {}
    for key in in_order(keys):
        first_of_kind.setdefault(kind_of(key).once(plan, key) or key, key)
    return list(first_of_kind.values())


def apart(keys: Sequence[ResultKey]) -> tuple[list[ResultKey], list[ResultKey]]:
    """The items that may run concurrently, and those that run alone after them."""
    late = [key for key in keys if kind_of(key).late(key)]
    return [key for key in keys if key not in late], late


@dataclass
class _Like:
    """Items of which one is enough: each waits for the one before it."""

    ended: dict[ResultKey, asyncio.Event] = field(default_factory=dict)
    sound: str = ""
    """Why no other is needed, where the first shows no fault."""
    fails: bool = False


class Once:
    """Runs the first of several similar items, and the others only if it shows a fault."""

    def __init__(self, plan: Options) -> None:
        self._plan = plan
        self._likes: dict[str, _Like] = {}

    def expect(self, keys: Iterable[ResultKey]) -> None:
        """Announce `keys`, in the order in which they run."""
        for key in keys:
            if name := kind_of(key).once(self._plan, key):
                self._likes.setdefault(name, _Like()).ended.setdefault(key, asyncio.Event())

    async def why_not(self, key: ResultKey) -> str:
        """Wait for the similar items before `key`; return why it need not run, or "" if it must."""
        if (like := self._like(key)) is None:
            return ""
        before = list(like.ended)[: list(like.ended).index(key)]
        for other in before:
            await like.ended[other].wait()
        return "" if like.fails else like.sound

    def done(self, key: ResultKey, result: Result | None) -> None:
        """Note that `key` has ended, with its result if there is one."""
        if (like := self._like(key)) is None:
            return
        if result is not None and result.judged:
            if result.ok and all(finding.severity == "cosmetic" for finding in result.findings):
                like.sound = like.sound or f"asked once, {key.asker}: {result.status_word}"
            else:
                like.fails = True
        like.ended[key].set()

    def _like(self, key: ResultKey) -> _Like | None:
        like = self._likes.get(kind_of(key).once(self._plan, key))
        return like if like and key in like.ended else None
